/*
 * Corporate identifiers, tokens of the administration, settings.
 */
#include "store/internal.h"

static const struct column identifier_columns[] = {
	COLUMN_TEXT(store_identifier, identifier),
	COLUMN_TEXT(store_identifier, details),
	COLUMN_TEXT(store_identifier, author),
	COLUMN_NUMBER(store_identifier, at),
};
static const struct shape identifier_shape = SHAPE(store_identifier, identifier_columns);

#define SELECT_IDENTIFIER "SELECT identifier, details, author, at FROM identifier "

int store_identifier_put(struct store *store, const struct store_identifier *row, struct err *err)
{
	struct param params[PARAMS_MAX];
	size_t count = shape_params(&identifier_shape, row, params);

	return run(store,
		   "INSERT INTO identifier (identifier, details, author, at)"
		   " VALUES ($1, $2, $3, $4) ON CONFLICT (identifier) DO UPDATE SET"
		   " details = excluded.details, author = excluded.author, at = excluded.at",
		   params, count, NULL, err);
}

int store_identifier_find(struct store *store, const char *identifier, struct store_identifier *row,
			  struct err *err)
{
	return run_one(store, SELECT_IDENTIFIER "WHERE identifier = $1", PARAMS(TEXT(identifier)),
		       &identifier_shape, row, err);
}

int store_identifier_list(struct store *store, const char *after, unsigned max,
			  struct store_identifier **rows, size_t *count, struct err *err)
{
	return run_list(
		store, SELECT_IDENTIFIER "WHERE identifier > $1 ORDER BY identifier LIMIT $2",
		PARAMS(TEXT(after), NUMBER(list_max(max))), &identifier_shape, rows, count, err);
}

int store_identifier_remove(struct store *store, const char *identifier, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM identifier WHERE identifier = $1", PARAMS(TEXT(identifier)),
		    &changes, err);

	return r ? r : changes ? 0 : STORE_NO_ROW;
}

/* ---- tokens ---------------------------------------------------------------------------- */

static const struct column token_columns[] = {
	COLUMN_NUMBER(store_token, no),      COLUMN_TEXT(store_token, id),
	COLUMN_BYTES(store_token, hash),     COLUMN_NUMBER(store_token, role),
	COLUMN_TEXT(store_token, scope),     COLUMN_TEXT(store_token, name),
	COLUMN_NUMBER(store_token, created), COLUMN_NUMBER(store_token, ends),
	COLUMN_NUMBER(store_token, revoked),
};
static const struct shape token_shape = SHAPE(store_token, token_columns);

#define TOKEN_FIELDS "id, hash, role, scope, name, created, ends, revoked"

int store_token_put(struct store *store, struct store_token *row, struct err *err)
{
	return put(store,
		   "INSERT INTO token (" TOKEN_FIELDS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		   " ON CONFLICT DO NOTHING RETURNING no",
		   "UPDATE token SET (" TOKEN_FIELDS ") = ($2, $3, $4, $5, $6, $7, $8, $9)"
		   " WHERE no = $1",
		   &token_shape, row, err);
}

int store_token_find(struct store *store, const char *id, struct store_token *row, struct err *err)
{
	return run_one(store, "SELECT no, " TOKEN_FIELDS " FROM token WHERE id = $1",
		       PARAMS(TEXT(id)), &token_shape, row, err);
}

int store_token_list(struct store *store, int64_t after, unsigned max, struct store_token **rows,
		     size_t *count, struct err *err)
{
	return run_list(
		store, "SELECT no, " TOKEN_FIELDS " FROM token WHERE no > $1 ORDER BY no LIMIT $2",
		PARAMS(NUMBER(after), NUMBER(list_max(max))), &token_shape, rows, count, err);
}

/* ---- settings ----------------------------------------------------------------------------- */

int store_setting_get(struct store *store, const char *name, struct slice *value, struct err *err)
{
	static const struct column column[] = {{CELL_BYTES, 0}};
	static const struct shape shape = {sizeof(struct slice), 1, column};

	return run_one(store, "SELECT value FROM setting WHERE name = $1", PARAMS(TEXT(name)),
		       &shape, value, err);
}

int store_setting_set(struct store *store, const char *name, struct slice value, struct err *err)
{
	return run(store,
		   "INSERT INTO setting (name, value) VALUES ($1, $2)"
		   " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		   PARAMS(TEXT(name), BYTES(value)), NULL, err);
}
