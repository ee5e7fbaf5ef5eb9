/*
 * What is assigned to whom, and what a device has of it.
 */
#include "store/internal.h"

static const struct column assignment_columns[] = {
	COLUMN_NUMBER(store_assignment, what),        COLUMN_TEXT(store_assignment, identifier),
	COLUMN_NUMBER(store_assignment, target.kind), COLUMN_NUMBER(store_assignment, target.no),
	COLUMN_NUMBER(store_assignment, at),          COLUMN_TEXT(store_assignment, author),
};
static const struct shape assignment_shape = SHAPE(store_assignment, assignment_columns);

int store_assign(struct store *store, const struct store_assignment *row, struct err *err)
{
	struct param params[PARAMS_MAX];
	size_t count = shape_params(&assignment_shape, row, params);

	return run(store,
		   "INSERT INTO assignment (what, identifier, target_kind, target, at, author)"
		   " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
		   params, count, NULL, err);
}

int store_unassign(struct store *store, const struct store_assignment *row, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store,
		    "DELETE FROM assignment WHERE what = $1 AND identifier = $2"
		    " AND target_kind = $3 AND target = $4",
		    PARAMS(NUMBER(row->what), TEXT(row->identifier), NUMBER(row->target.kind),
			   NUMBER(row->target.no)),
		    &changes, err);

	return r ? r : changes ? 0 : STORE_NO_ROW;
}

int store_assignment_list(struct store *store, enum store_assigned what, const char *identifier,
			  struct store_assignment **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT what, identifier, target_kind, target, at, author FROM assignment"
			" WHERE what = $1 AND identifier = $2 ORDER BY target_kind, target"
			" LIMIT 1000",
			PARAMS(NUMBER(what), TEXT(identifier)), &assignment_shape, rows, count,
			err);
}

int store_is_assigned(struct store *store, enum store_assigned what, const char *identifier,
		      int64_t device, struct err *err)
{
	int64_t kind;

	return run_number(store,
			  "SELECT target_kind FROM assignment WHERE what = $1 AND identifier = $2"
			  " AND (target_kind = 0 OR (target_kind = 2 AND target = $3)"
			  " OR (target_kind = 1 AND target IN"
			  " (SELECT grp FROM member WHERE device = $3))) LIMIT 1",
			  PARAMS(NUMBER(what), TEXT(identifier), NUMBER(device)), &kind, err);
}

/* ---- installed profiles ---------------------------------------------------------------- */

static const struct column installed_columns[] = {
	COLUMN_TEXT(store_installed, identifier), COLUMN_NUMBER(store_installed, wanted),
	COLUMN_NUMBER(store_installed, is_known), COLUMN_NUMBER(store_installed, version),
	COLUMN_NUMBER(store_installed, state),    COLUMN_NUMBER(store_installed, at),
	COLUMN_TEXT(store_installed, uuid),
};
static const struct shape installed_shape = SHAPE(store_installed, installed_columns);

int store_installed_compare(struct store *store, int64_t enrollment, int64_t device,
			    struct store_installed **rows, size_t *count, struct err *err)
{
	/* an assignment of a profile that has no version is none */
	static const char sql[] =
		"WITH wanted AS (SELECT identifier, max(version) AS version FROM profile"
		" WHERE identifier IN (SELECT identifier FROM assignment WHERE what = 0"
		" AND (target_kind = 0 OR (target_kind = 2 AND target = $2)"
		" OR (target_kind = 1 AND target IN"
		" (SELECT grp FROM member WHERE device = $2)))) GROUP BY identifier)"
		" SELECT w.identifier AS identifier, w.version, CASE WHEN i.at IS NULL THEN 0"
		" ELSE 1 END, COALESCE(i.version, 0), COALESCE(i.state, 0), COALESCE(i.at, 0),"
		" COALESCE(i.uuid, '') FROM wanted w LEFT JOIN installed i"
		" ON i.enrollment = $1 AND i.identifier = w.identifier"
		" UNION ALL SELECT identifier, 0, 1, version, state, at, uuid FROM installed"
		" WHERE enrollment = $1 AND identifier NOT IN (SELECT identifier FROM wanted)"
		" ORDER BY identifier LIMIT 1000";

	return run_list(store, sql, PARAMS(NUMBER(enrollment), NUMBER(device)), &installed_shape,
			rows, count, err);
}

int store_installed_set(struct store *store, int64_t enrollment, const struct store_installed *row,
			struct err *err)
{
	return run(store,
		   "INSERT INTO installed (enrollment, identifier, version, state, at, uuid)"
		   " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (enrollment, identifier)"
		   " DO UPDATE SET version = excluded.version, state = excluded.state,"
		   " at = excluded.at, uuid = excluded.uuid",
		   PARAMS(NUMBER(enrollment), TEXT(row->identifier), NUMBER(row->version),
			  NUMBER(row->state), NUMBER(row->at), TEXT(row->uuid)),
		   NULL, err);
}

int store_installed_remove(struct store *store, int64_t enrollment, const char *identifier,
			   struct err *err)
{
	if (!identifier)
		return run(store, "DELETE FROM installed WHERE enrollment = $1",
			   PARAMS(NUMBER(enrollment)), NULL, err);
	return run(store, "DELETE FROM installed WHERE enrollment = $1 AND identifier = $2",
		   PARAMS(NUMBER(enrollment), TEXT(identifier)), NULL, err);
}

/* ---- what was said of declarations -------------------------------------------------------- */

static const struct column declared_columns[] = {
	COLUMN_TEXT(store_declared, identifier),  COLUMN_TEXT(store_declared, token),
	COLUMN_TEXT(store_declared, valid),       COLUMN_TEXT(store_declared, reasons),
	COLUMN_NUMBER(store_declared, is_active), COLUMN_NUMBER(store_declared, at),
};
static const struct shape declared_shape = SHAPE(store_declared, declared_columns);

int store_declared_set(struct store *store, int64_t enrollment, const struct store_declared *row,
		       struct err *err)
{
	return run(store,
		   "INSERT INTO declared (enrollment, identifier, token, valid, reasons,"
		   " is_active, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
		   " ON CONFLICT (enrollment, identifier) DO UPDATE SET token = excluded.token,"
		   " valid = excluded.valid, reasons = excluded.reasons,"
		   " is_active = excluded.is_active, at = excluded.at",
		   PARAMS(NUMBER(enrollment), TEXT(row->identifier), TEXT(row->token),
			  TEXT(row->valid), TEXT(row->reasons), NUMBER(row->is_active),
			  NUMBER(row->at)),
		   NULL, err);
}

int store_declared_list(struct store *store, int64_t enrollment, struct store_declared **rows,
			size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT identifier, token, valid, reasons, is_active, at FROM declared"
			" WHERE enrollment = $1 ORDER BY identifier LIMIT 1000",
			PARAMS(NUMBER(enrollment)), &declared_shape, rows, count, err);
}

int store_declared_remove(struct store *store, int64_t enrollment, struct err *err)
{
	return run(store, "DELETE FROM declared WHERE enrollment = $1", PARAMS(NUMBER(enrollment)),
		   NULL, err);
}
