/*
 * Queues: what waits for an enrollment, in the order of its primary key.
 *
 * The next command is the first row that fits: the key is (enrollment, lane, command), so it is
 * found without looking at other enrollments or at the history, however many there are.
 */
#include "store/internal.h"

static const struct column queue_columns[] = {
	COLUMN_NUMBER(store_queue, enrollment),
	COLUMN_NUMBER(store_queue, lane),
	COLUMN_NUMBER(store_queue, command),
	COLUMN_NUMBER(store_queue, generation),
	COLUMN_NUMBER(store_queue, state),
	COLUMN_NUMBER(store_queue, tries),
	COLUMN_NUMBER(store_queue, at),
	COLUMN_TEXT(store_queue, id),
	COLUMN_NUMBER(store_queue, what.no),
	COLUMN_TEXT(store_queue, what.uuid),
	COLUMN_TEXT(store_queue, what.request_type),
	COLUMN_NUMBER(store_queue, what.lane),
	COLUMN_NUMBER(store_queue, what.created),
	COLUMN_NUMBER(store_queue, what.not_before),
	COLUMN_NUMBER(store_queue, what.ends),
	COLUMN_TEXT(store_queue, what.author),
	COLUMN_TEXT(store_queue, what.subject),
	COLUMN_NUMBER(store_queue, what.version),
	COLUMN_NUMBER(store_queue, what.flags),
	COLUMN_NUMBER(store_queue, what.is_dangerous),
	COLUMN_BYTES(store_queue, what.payload),
};
static const struct shape queue_shape = SHAPE(store_queue, queue_columns);
static const struct shape queue_shape_listed = {sizeof(struct store_queue),
						ARRAY_COUNT(queue_columns) - 1, queue_columns};

#define QUEUE_FIELDS "q.enrollment, q.lane, q.command, q.generation, q.state, q.tries, q.at, "
#define WHAT_FIELDS                                                                         \
	"c.no, c.uuid, c.request_type, c.lane, c.created, c.not_before, c.ends, c.author, " \
	"c.subject, c.version, c.flags, c.is_dangerous"

/* CROSS JOIN fixes the order for SQLite: rows of the queue first, then their commands */

/* ---- adding ------------------------------------------------------------------------ */

int store_queue_add(struct store *store, const struct store_command *command, int64_t enrollment,
		    enum store_queued state, int64_t now, struct err *err)
{
	struct store_enrollment row;
	uint64_t changes = 0;
	int r = run(store,
		    "INSERT INTO queue (enrollment, lane, command, generation, state, tries, at)"
		    " SELECT e.no, $2, $3, e.generation, $4, 0, $5 FROM enrollment e"
		    " WHERE e.no = $1 ON CONFLICT DO NOTHING",
		    PARAMS(NUMBER(enrollment), NUMBER(command->lane), NUMBER(command->no),
			   NUMBER(state), NUMBER(now)),
		    &changes, err);

	if (r || changes)
		return r;
	r = store_enrollment_get(store, enrollment, &row, err);
	return r ? r : STORE_CONFLICT;
}

#define ADD_MANY(which)                                                                  \
	"INSERT INTO queue (enrollment, lane, command, generation, state, tries, at)"    \
	" SELECT e.no, $2, $3, e.generation,"                                            \
	" CASE WHEN e.restore = 1 AND $4 = 1 THEN 8 ELSE 1 END, 0, $5 FROM enrollment e" \
	" WHERE e.state = 1 AND e.kind <> 2 AND " which " ON CONFLICT DO NOTHING"

int store_queue_add_many(struct store *store, const struct store_command *command,
			 const struct store_target *target, int64_t now, uint64_t *queued,
			 uint64_t *held, struct err *err)
{
	static const char *const sql[] = {
		[STORE_TO_ALL] = ADD_MANY("$1 = $1"),
		[STORE_TO_GROUP] =
			ADD_MANY("e.device IN (SELECT device FROM member WHERE grp = $1)"),
		[STORE_TO_DEVICE] = ADD_MANY("e.device = $1"),
	};
	uint64_t all = 0;
	int64_t on_hold = 0;
	int r = run(store, sql[target->kind],
		    PARAMS(NUMBER(target->no), NUMBER(command->lane), NUMBER(command->no),
			   NUMBER(command->is_dangerous), NUMBER(now)),
		    &all, err);

	if (!r && command->is_dangerous)
		r = run_number(store, "SELECT count(*) FROM queue WHERE command = $1 AND state = 8",
			       PARAMS(NUMBER(command->no)), &on_hold, err);
	if (!r)
		r = store_due_mark(store, target, STORE_DUE_PUSH, now, err);
	if (r)
		return r;
	*queued = all - (uint64_t)on_hold;
	*held = (uint64_t)on_hold;
	return 0;
}

/* ---- looking ------------------------------------------------------------------------ */

int store_queue_next(struct store *store, const struct store_next *next, struct store_queue *row,
		     struct err *err)
{
	static const char sql[] =
		"SELECT " QUEUE_FIELDS "'', " WHAT_FIELDS ", c.payload"
		" FROM queue q CROSS JOIN command c"
		" WHERE q.enrollment = $1 AND q.generation = $2 AND q.lane <= $3"
		" AND (q.state & $4) <> 0 AND c.no = q.command AND c.not_before <= $5"
		" AND (c.ends = 0 OR c.ends > $5) AND (q.state <> 2 OR (c.flags & $6) = 0)"
		" ORDER BY q.lane, q.command LIMIT 1";

	return run_one(store, sql,
		       PARAMS(NUMBER(next->enrollment), NUMBER(next->generation),
			      NUMBER(next->lane_max), NUMBER(next->states), NUMBER(next->now),
			      NUMBER(next->once)),
		       &queue_shape, row, err);
}

int store_queue_find(struct store *store, int64_t enrollment, const char *uuid,
		     struct store_queue *row, struct err *err)
{
	return run_one(store,
		       "SELECT " QUEUE_FIELDS "'', " WHAT_FIELDS
		       " FROM command c CROSS JOIN queue q WHERE c.uuid = $2"
		       " AND q.enrollment = $1 AND q.lane = c.lane AND q.command = c.no",
		       PARAMS(NUMBER(enrollment), TEXT(uuid)), &queue_shape_listed, row, err);
}

int store_queue_list(struct store *store, int64_t enrollment, unsigned states, unsigned max,
		     struct store_queue **rows, size_t *count, struct err *err)
{
	return run_list(
		store,
		"SELECT " QUEUE_FIELDS "'', " WHAT_FIELDS
		" FROM queue q CROSS JOIN command c WHERE q.enrollment = $1 AND c.no = q.command"
		" AND ($2 = 0 OR (q.state & $2) <> 0)"
		" ORDER BY q.lane, q.command LIMIT $3",
		PARAMS(NUMBER(enrollment), NUMBER(states), NUMBER(list_max(max))),
		&queue_shape_listed, rows, count, err);
}

int store_queue_count(struct store *store, int64_t enrollment, unsigned states, uint64_t *count,
		      struct err *err)
{
	int64_t number = 0;
	int r = run_number(store,
			   "SELECT count(*) FROM queue WHERE enrollment = $1"
			   " AND ($2 = 0 OR (state & $2) <> 0)",
			   PARAMS(NUMBER(enrollment), NUMBER(states)), &number, err);

	*count = (uint64_t)number;
	return r;
}

int store_queue_expired(struct store *store, int64_t now, unsigned max, struct store_queue **rows,
			size_t *count, struct err *err)
{
	/* where two services took the last two rows at once, neither saw the other's: the payload
	 * stayed behind and goes now */
	int r = run(store,
		    "DELETE FROM command WHERE ends > 0 AND ends <= $1"
		    " AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.command = command.no)",
		    PARAMS(NUMBER(now)), NULL, err);

	if (r)
		return r;
	return run_list(store,
			"SELECT " QUEUE_FIELDS "e.id, " WHAT_FIELDS
			" FROM command c CROSS JOIN queue q CROSS JOIN enrollment e"
			" WHERE c.ends > 0 AND c.ends <= $1 AND q.command = c.no"
			" AND e.no = q.enrollment ORDER BY c.ends, c.no LIMIT $2",
			PARAMS(NUMBER(now), NUMBER(list_max(max))), &queue_shape_listed, rows,
			count, err);
}
