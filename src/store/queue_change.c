/*
 * What becomes of rows of a queue: sent, held, done, gone.
 */
#include "store/internal.h"

int store_queue_set(struct store *store, const struct store_queue *row, enum store_queued state,
		    int64_t tries, int64_t now, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store,
		    "UPDATE queue SET state = $4, tries = $5, at = $6"
		    " WHERE enrollment = $1 AND lane = $2 AND command = $3",
		    PARAMS(NUMBER(row->enrollment), NUMBER(row->lane), NUMBER(row->command),
			   NUMBER(state), NUMBER(tries), NUMBER(now)),
		    &changes, err);

	return r ? r : changes ? 0 : STORE_NO_ROW;
}

int store_queue_turn(struct store *store, int64_t enrollment, unsigned from, enum store_queued to,
		     int64_t now, uint64_t *count, struct err *err)
{
	const char *sql = enrollment ? "UPDATE queue SET state = $3, at = $4"
				       " WHERE enrollment = $1 AND (state & $2) <> 0"
				     : "UPDATE queue SET state = $3, at = $4"
				       " WHERE $1 = 0 AND (state & $2) <> 0";

	return run(store, sql, PARAMS(NUMBER(enrollment), NUMBER(from), NUMBER(to), NUMBER(now)),
		   count, err);
}

int store_queue_hold(struct store *store, int64_t enrollment, int64_t now, uint64_t *count,
		     struct err *err)
{
	return run(store,
		   "UPDATE queue SET state = 8, at = $2 WHERE enrollment = $1 AND state <> 8"
		   " AND EXISTS (SELECT 1 FROM command c WHERE c.no = queue.command"
		   " AND c.is_dangerous = 1)",
		   PARAMS(NUMBER(enrollment), NUMBER(now)), count, err);
}

/* a row that was held after it had been sent counts as sent */
#define IN_STATES " AND ((CASE WHEN state = 8 AND tries > 0 THEN 2 ELSE state END) & $3) <> 0"

int store_queue_cancel(struct store *store, int64_t command, int64_t enrollment, unsigned states,
		       uint64_t *count, struct err *err)
{
	const char *sql =
		enrollment ? "DELETE FROM queue WHERE enrollment = $2 AND command = $1" IN_STATES
			   : "DELETE FROM queue WHERE command = $1 AND $2 = 0" IN_STATES;
	int r = run(store, sql, PARAMS(NUMBER(command), NUMBER(enrollment), NUMBER(states)), count,
		    err);

	return r ? r : store_command_remove_unused(store, command, err);
}

/* ---- history ------------------------------------------------------------------------- */

static const struct column history_columns[] = {
	COLUMN_NUMBER(store_history, enrollment), COLUMN_NUMBER(store_history, seq),
	COLUMN_NUMBER(store_history, generation), COLUMN_TEXT(store_history, uuid),
	COLUMN_TEXT(store_history, request_type), COLUMN_TEXT(store_history, subject),
	COLUMN_TEXT(store_history, status),       COLUMN_TEXT(store_history, error),
	COLUMN_NUMBER(store_history, at),         COLUMN_TEXT(store_history, author),
	COLUMN_BYTES(store_history, result),
};
static const struct shape history_shape = SHAPE(store_history, history_columns);
static const struct shape history_shape_listed = {
	sizeof(struct store_history), ARRAY_COUNT(history_columns) - 1, history_columns};

#define HISTORY_FIELDS \
	"enrollment, seq, generation, uuid, request_type, subject, status, error, at, author"

int store_queue_done(struct store *store, const struct store_queue *row, const char *status,
		     const char *error, struct slice result, int64_t now, struct err *err)
{
	int64_t seq = 0;
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM queue WHERE enrollment = $1 AND lane = $2 AND command = $3",
		    PARAMS(NUMBER(row->enrollment), NUMBER(row->lane), NUMBER(row->command)),
		    &changes, err);

	if (r || !changes)
		return r ? r : STORE_NO_ROW;
	r = run_number(store,
		       "INSERT INTO history (" HISTORY_FIELDS ", result) VALUES ($1, COALESCE("
		       "(SELECT max(seq) FROM history WHERE enrollment = $1), 0) + 1,"
		       " $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq",
		       PARAMS(NUMBER(row->enrollment), NUMBER(row->generation),
			      TEXT(row->what.uuid), TEXT(row->what.request_type),
			      TEXT(row->what.subject), TEXT(status), TEXT(error), NUMBER(now),
			      TEXT(row->what.author), BYTES(result)),
		       &seq, err);
	/* seq grows by one, so this looks at the one row that is too old */
	if (!r && seq > STORE_HISTORY_MAX)
		r = run(store, "DELETE FROM history WHERE enrollment = $1 AND seq <= $2",
			PARAMS(NUMBER(row->enrollment), NUMBER(seq - STORE_HISTORY_MAX)), NULL,
			err);
	return r ? r : store_command_remove_unused(store, row->command, err);
}

int store_history_list(struct store *store, int64_t enrollment, int64_t before, unsigned max,
		       struct store_history **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT " HISTORY_FIELDS " FROM history WHERE enrollment = $1"
			" AND seq < $2 ORDER BY seq DESC LIMIT $3",
			PARAMS(NUMBER(enrollment), NUMBER(before ? before : INT64_MAX),
			       NUMBER(list_max(max))),
			&history_shape_listed, rows, count, err);
}

int store_history_find(struct store *store, int64_t enrollment, const char *uuid,
		       struct store_history *row, struct err *err)
{
	return run_one(store,
		       "SELECT " HISTORY_FIELDS ", result FROM history WHERE enrollment = $1"
		       " AND uuid = $2 ORDER BY seq DESC LIMIT 1",
		       PARAMS(NUMBER(enrollment), TEXT(uuid)), &history_shape, row, err);
}

int store_history_remove(struct store *store, int64_t enrollment, struct err *err)
{
	return run(store, "DELETE FROM history WHERE enrollment = $1", PARAMS(NUMBER(enrollment)),
		   NULL, err);
}
