/*
 * Groups of devices.
 */
#include "store/internal.h"

static const struct column group_columns[] = {
	COLUMN_NUMBER(store_group, no),
	COLUMN_TEXT(store_group, name),
	COLUMN_NUMBER(store_group, created),
	COLUMN_NUMBER(store_group, members),
};
static const struct shape group_shape = SHAPE(store_group, group_columns);
static const struct shape group_shape_insert = {sizeof(struct store_group), 3, group_columns};

#define SELECT_GROUP                                                                     \
	"SELECT g.no, g.name, g.created, (SELECT count(*) FROM member WHERE grp = g.no)" \
	" FROM device_group g "

int store_group_insert(struct store *store, struct store_group *row, struct err *err)
{
	row->no = 0;
	row->members = 0;
	return put(store,
		   "INSERT INTO device_group (name, created) VALUES ($1, $2)"
		   " ON CONFLICT DO NOTHING RETURNING no",
		   NULL, &group_shape_insert, row, err);
}

int store_group_find(struct store *store, const char *name, struct store_group *row,
		     struct err *err)
{
	return run_one(store, SELECT_GROUP "WHERE g.name = $1", PARAMS(TEXT(name)), &group_shape,
		       row, err);
}

int store_group_remove(struct store *store, int64_t no, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM device_group WHERE no = $1", PARAMS(NUMBER(no)), &changes,
		    err);

	if (r || !changes)
		return r ? r : STORE_NO_ROW;
	r = run(store, "DELETE FROM member WHERE grp = $1", PARAMS(NUMBER(no)), NULL, err);
	return r ? r
		 : run(store, "DELETE FROM assignment WHERE target_kind = 1 AND target = $1",
		       PARAMS(NUMBER(no)), NULL, err);
}

int store_group_list(struct store *store, int64_t device, int64_t after, unsigned max,
		     struct store_group **rows, size_t *count, struct err *err)
{
	return run_list(store,
			SELECT_GROUP
			"WHERE g.no > $2"
			" AND ($1 = 0 OR g.no IN (SELECT grp FROM member WHERE device = $1))"
			" ORDER BY g.no LIMIT $3",
			PARAMS(NUMBER(device), NUMBER(after), NUMBER(list_max(max))), &group_shape,
			rows, count, err);
}

int store_member_set(struct store *store, int64_t group, int64_t device, bool is_member,
		     struct err *err)
{
	const char *sql = is_member ? "INSERT INTO member (grp, device) VALUES ($1, $2)"
				      " ON CONFLICT DO NOTHING"
				    : "DELETE FROM member WHERE grp = $1 AND device = $2";

	return run(store, sql, PARAMS(NUMBER(group), NUMBER(device)), NULL, err);
}

int store_member_move(struct store *store, int64_t from, int64_t to, struct err *err)
{
	int r = run(store,
		    "INSERT INTO member (grp, device) SELECT grp, $2 FROM member"
		    " WHERE device = $1 ON CONFLICT DO NOTHING",
		    PARAMS(NUMBER(from), NUMBER(to)), NULL, err);

	return r ? r
		 : run(store,
		       "INSERT INTO assignment (what, identifier, target_kind, target, at, author)"
		       " SELECT what, identifier, target_kind, $2, at, author FROM assignment"
		       " WHERE target_kind = 2 AND target = $1 ON CONFLICT DO NOTHING",
		       PARAMS(NUMBER(from), NUMBER(to)), NULL, err);
}
