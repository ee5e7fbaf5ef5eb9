/*
 * Profiles and declarations, in versions.
 */
#include "store/internal.h"

static const struct column profile_columns[] = {
	COLUMN_NUMBER(store_profile, no),      COLUMN_TEXT(store_profile, identifier),
	COLUMN_NUMBER(store_profile, version), COLUMN_TEXT(store_profile, uuid),
	COLUMN_TEXT(store_profile, name),      COLUMN_NUMBER(store_profile, created),
	COLUMN_TEXT(store_profile, author),    COLUMN_BYTES(store_profile, bytes),
};
static const struct shape profile_shape = SHAPE(store_profile, profile_columns);
static const struct shape profile_shape_listed = {
	sizeof(struct store_profile), ARRAY_COUNT(profile_columns) - 1, profile_columns};

#define PROFILE_FIELDS "no, identifier, version, uuid, name, created, author"

int store_profile_insert(struct store *store, struct store_profile *row, struct err *err)
{
	int r = run_number(
		store, "SELECT COALESCE(max(version), 0) + 1 FROM profile WHERE identifier = $1",
		PARAMS(TEXT(row->identifier)), &row->version, err);

	if (r)
		return r;
	row->no = 0;
	return put(store,
		   "INSERT INTO profile (identifier, version, uuid, name, created, author, bytes)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING no",
		   NULL, &profile_shape, row, err);
}

int store_profile_find(struct store *store, const char *identifier, int64_t version,
		       struct store_profile *row, struct err *err)
{
	return run_one(store,
		       "SELECT " PROFILE_FIELDS ", bytes FROM profile WHERE identifier = $1"
		       " AND ($2 = 0 OR version = $2) ORDER BY version DESC LIMIT 1",
		       PARAMS(TEXT(identifier), NUMBER(version)), &profile_shape, row, err);
}

int store_profile_list(struct store *store, const char *after, unsigned max,
		       struct store_profile **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT " PROFILE_FIELDS " FROM profile p WHERE identifier > $1"
			" AND version = (SELECT max(version) FROM profile"
			" WHERE identifier = p.identifier) ORDER BY identifier LIMIT $2",
			PARAMS(TEXT(after), NUMBER(list_max(max))), &profile_shape_listed, rows,
			count, err);
}

static int unassign_all(struct store *store, enum store_assigned what, const char *identifier,
			struct err *err)
{
	return run(store, "DELETE FROM assignment WHERE what = $1 AND identifier = $2",
		   PARAMS(NUMBER(what), TEXT(identifier)), NULL, err);
}

int store_profile_remove(struct store *store, const char *identifier, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM profile WHERE identifier = $1", PARAMS(TEXT(identifier)),
		    &changes, err);

	if (r || !changes)
		return r ? r : STORE_NO_ROW;
	return unassign_all(store, STORE_PROFILE, identifier, err);
}

/* ---- declarations ------------------------------------------------------------------- */

static const struct column declaration_columns[] = {
	COLUMN_NUMBER(store_declaration, no),   COLUMN_TEXT(store_declaration, identifier),
	COLUMN_NUMBER(store_declaration, kind), COLUMN_TEXT(store_declaration, type),
	COLUMN_TEXT(store_declaration, token),  COLUMN_NUMBER(store_declaration, created),
	COLUMN_TEXT(store_declaration, author), COLUMN_BYTES(store_declaration, bytes),
};
static const struct shape declaration_shape = SHAPE(store_declaration, declaration_columns);
static const struct shape declaration_shape_listed = {sizeof(struct store_declaration),
						      ARRAY_COUNT(declaration_columns) - 1,
						      declaration_columns};

#define DECLARATION_FIELDS "no, identifier, kind, type, token, created, author"

int store_declaration_put(struct store *store, struct store_declaration *row, struct err *err)
{
	row->no = 0;
	return put(store,
		   "INSERT INTO declaration (identifier, kind, type, token, created, author, bytes)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (identifier) DO UPDATE SET"
		   " kind = excluded.kind, type = excluded.type, token = excluded.token,"
		   " created = excluded.created, author = excluded.author, bytes = excluded.bytes"
		   " RETURNING no",
		   NULL, &declaration_shape, row, err);
}

int store_declaration_find(struct store *store, const char *identifier,
			   struct store_declaration *row, struct err *err)
{
	return run_one(store,
		       "SELECT " DECLARATION_FIELDS ", bytes FROM declaration"
		       " WHERE identifier = $1",
		       PARAMS(TEXT(identifier)), &declaration_shape, row, err);
}

int store_declaration_list(struct store *store, const char *after, unsigned max,
			   struct store_declaration **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT " DECLARATION_FIELDS " FROM declaration WHERE identifier > $1"
			" ORDER BY identifier LIMIT $2",
			PARAMS(TEXT(after), NUMBER(list_max(max))), &declaration_shape_listed, rows,
			count, err);
}

int store_declaration_of(struct store *store, int64_t device, struct store_declaration **rows,
			 size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT " DECLARATION_FIELDS " FROM declaration WHERE identifier IN ("
			"SELECT identifier FROM assignment WHERE what = 1 AND (target_kind = 0"
			" OR (target_kind = 2 AND target = $1) OR (target_kind = 1 AND target IN"
			" (SELECT grp FROM member WHERE device = $1))))"
			" ORDER BY identifier LIMIT 1000",
			PARAMS(NUMBER(device)), &declaration_shape_listed, rows, count, err);
}

int store_declaration_remove(struct store *store, const char *identifier, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM declaration WHERE identifier = $1",
		    PARAMS(TEXT(identifier)), &changes, err);

	if (r || !changes)
		return r ? r : STORE_NO_ROW;
	return unassign_all(store, STORE_DECLARATION, identifier, err);
}
