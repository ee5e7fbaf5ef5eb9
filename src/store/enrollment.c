/*
 * Enrollments and what they are due for.
 */
#include "store/internal.h"

static const struct column enrollment_columns[] = {
	COLUMN_NUMBER(store_enrollment, no),
	COLUMN_TEXT(store_enrollment, id),
	COLUMN_NUMBER(store_enrollment, device),
	COLUMN_NUMBER(store_enrollment, generation),
	COLUMN_NUMBER(store_enrollment, state),
	COLUMN_NUMBER(store_enrollment, kind),
	COLUMN_TEXT(store_enrollment, topic),
	COLUMN_TEXT(store_enrollment, push_magic),
	COLUMN_BYTES(store_enrollment, push_token),
	COLUMN_NUMBER(store_enrollment, is_awaiting),
	COLUMN_NUMBER(store_enrollment, created),
	COLUMN_NUMBER(store_enrollment, authenticated),
	COLUMN_NUMBER(store_enrollment, enrolled),
	COLUMN_NUMBER(store_enrollment, left),
	COLUMN_NUMBER(store_enrollment, token_changes),
	COLUMN_NUMBER(store_enrollment, restore),
	COLUMN_NUMBER(store_enrollment, restore_at),
	COLUMN_TEXT(store_enrollment, unenroll_by),
	COLUMN_NUMBER(store_enrollment, unenroll_at),
	COLUMN_NUMBER(store_enrollment, push_failures),
	COLUMN_NUMBER(store_enrollment, push_sent),
	COLUMN_TEXT(store_enrollment, declarations_token),
	COLUMN_NUMBER(store_enrollment, flags),
	COLUMN_NUMBER(store_enrollment, due[STORE_DUE_PUSH]),
	COLUMN_NUMBER(store_enrollment, due[STORE_DUE_RENEWAL]),
	COLUMN_NUMBER(store_enrollment, due[STORE_DUE_INVENTORY]),
	COLUMN_NUMBER(store_enrollment, due[STORE_DUE_RECONCILE]),
};
static const struct shape enrollment_shape = SHAPE(store_enrollment, enrollment_columns);

#define ENROLLMENT_FIELDS                                                                   \
	"id, device, generation, state, kind, topic, push_magic, push_token, is_awaiting, " \
	"created, authenticated, enrolled, left_at, token_changes, restore, restore_at, "   \
	"unenroll_by, unenroll_at, push_failures, push_sent, declarations_token, flags, "   \
	"due_push, due_renewal, due_inventory, due_reconcile"
#define SELECT_ENROLLMENT "SELECT no, " ENROLLMENT_FIELDS " FROM enrollment "

int store_enrollment_find(struct store *store, const char *id, struct store_enrollment *row,
			  struct err *err)
{
	return run_one(store, SELECT_ENROLLMENT "WHERE id = $1", PARAMS(TEXT(id)),
		       &enrollment_shape, row, err);
}

int store_enrollment_get(struct store *store, int64_t no, struct store_enrollment *row,
			 struct err *err)
{
	return run_one(store, SELECT_ENROLLMENT "WHERE no = $1", PARAMS(NUMBER(no)),
		       &enrollment_shape, row, err);
}

int store_enrollment_put(struct store *store, struct store_enrollment *row, struct err *err)
{
	return put(store,
		   "INSERT INTO enrollment (" ENROLLMENT_FIELDS ") VALUES ($1, $2, $3, $4, $5, $6,"
		   " $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,"
		   " $23, $24, $25, $26) ON CONFLICT DO NOTHING RETURNING no",
		   "UPDATE enrollment SET (" ENROLLMENT_FIELDS ") = ($2, $3, $4, $5, $6, $7, $8,"
		   " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,"
		   " $24, $25, $26, $27) WHERE no = $1",
		   &enrollment_shape, row, err);
}

int store_enrollment_of(struct store *store, int64_t device, int state, int64_t after, unsigned max,
			struct store_enrollment **rows, size_t *count, struct err *err)
{
	/* two statements: one that fits all devices would not use the index for one */
	const char *sql =
		device ? SELECT_ENROLLMENT
			"WHERE device = $1 AND no > $2 AND ($3 < 0 OR state = $3)"
			" ORDER BY no LIMIT $4"
		       : SELECT_ENROLLMENT
			"WHERE $1 = 0 AND no > $2 AND ($3 < 0 OR state = $3) ORDER BY no LIMIT $4";

	return run_list(store, sql,
			PARAMS(NUMBER(device), NUMBER(after), NUMBER(state), NUMBER(list_max(max))),
			&enrollment_shape, rows, count, err);
}

/* ---- due ---------------------------------------------------------------------------- */

/* one statement a column, as a column cannot be a parameter */
static const char *const due_list[STORE_DUE_COUNT] = {
#define DUE_LIST(column)                                                            \
	SELECT_ENROLLMENT "WHERE " column " > 0 AND " column " <= $1 AND state = 1" \
			  " ORDER BY " column ", no LIMIT $2"
	[STORE_DUE_PUSH] = DUE_LIST("due_push"),
	[STORE_DUE_RENEWAL] = DUE_LIST("due_renewal"),
	[STORE_DUE_INVENTORY] = DUE_LIST("due_inventory"),
	[STORE_DUE_RECONCILE] = DUE_LIST("due_reconcile"),
};

int store_enrollment_due(struct store *store, enum store_due which, int64_t now, unsigned max,
			 struct store_enrollment **rows, size_t *count, struct err *err)
{
	return run_list(store, due_list[which], PARAMS(NUMBER(now), NUMBER(list_max(max))),
			&enrollment_shape, rows, count, err);
}

static const char *const due_set[STORE_DUE_COUNT] = {
#define DUE_SET(column) "UPDATE enrollment SET " column " = $2 WHERE no = $1"
	[STORE_DUE_PUSH] = DUE_SET("due_push"),
	[STORE_DUE_RENEWAL] = DUE_SET("due_renewal"),
	[STORE_DUE_INVENTORY] = DUE_SET("due_inventory"),
	[STORE_DUE_RECONCILE] = DUE_SET("due_reconcile"),
};

int store_enrollment_due_set(struct store *store, int64_t no, enum store_due which, int64_t at,
			     struct err *err)
{
	return run(store, due_set[which], PARAMS(NUMBER(no), NUMBER(at)), NULL, err);
}

int store_enrollment_pushed(struct store *store, int64_t no, int64_t sent, int64_t failures,
			    int64_t due, struct err *err)
{
	return run(store,
		   "UPDATE enrollment SET push_sent = $2, push_failures = $3, due_push = $4"
		   " WHERE no = $1",
		   PARAMS(NUMBER(no), NUMBER(sent), NUMBER(failures), NUMBER(due)), NULL, err);
}

#define DUE_MARK(column, which)                                               \
	"UPDATE enrollment SET " column " = $1 WHERE state = 1 AND kind <> 2" \
	" AND (" column " = 0 OR " column " > $1) AND " which
#define DUE_MARKS(column)                                                                         \
	{                                                                                         \
		[STORE_TO_ALL] = DUE_MARK(column, "$2 = $2"),                                     \
		[STORE_TO_GROUP] =                                                                \
			DUE_MARK(column, "device IN (SELECT device FROM member WHERE grp = $2)"), \
		[STORE_TO_DEVICE] = DUE_MARK(column, "device = $2"),                              \
	}
static const char *const due_mark[STORE_DUE_COUNT][3] = {
	[STORE_DUE_PUSH] = DUE_MARKS("due_push"),
	[STORE_DUE_RENEWAL] = DUE_MARKS("due_renewal"),
	[STORE_DUE_INVENTORY] = DUE_MARKS("due_inventory"),
	[STORE_DUE_RECONCILE] = DUE_MARKS("due_reconcile"),
};

int store_due_mark(struct store *store, const struct store_target *target, enum store_due which,
		   int64_t at, struct err *err)
{
	return run(store, due_mark[which][target->kind], PARAMS(NUMBER(at), NUMBER(target->no)),
		   NULL, err);
}
