/*
 * What happened: for people (audit), for other programs (events and webhooks), for metrics
 * (counts).
 */
#include "store/internal.h"

static const struct column audit_columns[] = {
	COLUMN_NUMBER(store_audit, no),    COLUMN_NUMBER(store_audit, at),
	COLUMN_TEXT(store_audit, who),     COLUMN_TEXT(store_audit, action),
	COLUMN_TEXT(store_audit, subject), COLUMN_TEXT(store_audit, detail),
};
static const struct shape audit_shape = SHAPE(store_audit, audit_columns);

int store_audit_add(struct store *store, const struct store_audit *row, struct err *err)
{
	return run(store,
		   "INSERT INTO audit (at, who, action, subject, detail)"
		   " VALUES ($1, $2, $3, $4, $5)",
		   PARAMS(NUMBER(row->at), TEXT(row->who), TEXT(row->action), TEXT(row->subject),
			  TEXT(row->detail)),
		   NULL, err);
}

int store_audit_list(struct store *store, const char *subject, int64_t before, unsigned max,
		     struct store_audit **rows, size_t *count, struct err *err)
{
#define SELECT_AUDIT "SELECT no, at, who, action, subject, detail FROM audit WHERE no < $2"
	const char *sql = subject ? SELECT_AUDIT " AND subject = $1 ORDER BY no DESC LIMIT $3"
				  : SELECT_AUDIT " AND $1 = '' ORDER BY no DESC LIMIT $3";

	return run_list(
		store, sql,
		PARAMS(TEXT(subject), NUMBER(before ? before : INT64_MAX), NUMBER(list_max(max))),
		&audit_shape, rows, count, err);
}

/* ---- events -------------------------------------------------------------------------------- */

static const struct column event_columns[] = {
	COLUMN_NUMBER(store_event, no), COLUMN_NUMBER(store_event, at),
	COLUMN_TEXT(store_event, kind), COLUMN_TEXT(store_event, subject),
	COLUMN_TEXT(store_event, body),
};
static const struct shape event_shape = SHAPE(store_event, event_columns);

int store_event_add(struct store *store, const struct store_event *row, struct err *err)
{
	/* two transactions that both add events come one after the other: else a reader could see
	 * number 8, go on from there, and miss 7, which was committed later */
	if (store->driver->event_lock) {
		int r = run(store, store->driver->event_lock, NULL, 0, NULL, err);

		if (r)
			return r;
	}
	return run(store, "INSERT INTO event (at, kind, subject, body) VALUES ($1, $2, $3, $4)",
		   PARAMS(NUMBER(row->at), TEXT(row->kind), TEXT(row->subject), TEXT(row->body)),
		   NULL, err);
}

int store_event_list(struct store *store, int64_t after, unsigned max, struct store_event **rows,
		     size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT no, at, kind, subject, body FROM event WHERE no > $1 ORDER BY no"
			" LIMIT $2",
			PARAMS(NUMBER(after), NUMBER(list_max(max))), &event_shape, rows, count,
			err);
}

int store_event_last(struct store *store, int64_t *no, struct err *err)
{
	return run_number(store, "SELECT COALESCE(max(no), 0) FROM event", NULL, 0, no, err);
}

int store_event_sweep(struct store *store, int64_t before, unsigned max, unsigned *count,
		      struct err *err)
{
	uint64_t changes = 0;
	/* the newest one stays: its number says where to go on */
	int r = run(store,
		    "DELETE FROM event WHERE no IN (SELECT no FROM event WHERE at < $1"
		    " AND no < (SELECT max(no) FROM event)"
		    " AND NOT EXISTS (SELECT 1 FROM webhook WHERE next_event <= event.no)"
		    " ORDER BY no LIMIT $2)",
		    PARAMS(NUMBER(before), NUMBER(list_max(max))), &changes, err);

	*count = (unsigned)changes;
	return r;
}

/* ---- webhooks -------------------------------------------------------------------------------- */

static const struct column webhook_columns[] = {
	COLUMN_NUMBER(store_webhook, no),       COLUMN_TEXT(store_webhook, id),
	COLUMN_TEXT(store_webhook, url),        COLUMN_BYTES(store_webhook, secret),
	COLUMN_TEXT(store_webhook, kinds),      COLUMN_NUMBER(store_webhook, next_event),
	COLUMN_NUMBER(store_webhook, failures), COLUMN_NUMBER(store_webhook, retry_at),
	COLUMN_NUMBER(store_webhook, created),  COLUMN_NUMBER(store_webhook, is_paused),
};
static const struct shape webhook_shape = SHAPE(store_webhook, webhook_columns);

#define WEBHOOK_FIELDS "id, url, secret, kinds, next_event, failures, retry_at, created, is_paused"

int store_webhook_put(struct store *store, struct store_webhook *row, struct err *err)
{
	return put(store,
		   "INSERT INTO webhook (" WEBHOOK_FIELDS ") VALUES ($1, $2, $3, $4, $5, $6, $7,"
		   " $8, $9) ON CONFLICT DO NOTHING RETURNING no",
		   "UPDATE webhook SET (" WEBHOOK_FIELDS ") = ($2, $3, $4, $5, $6, $7, $8, $9,"
		   " $10) WHERE no = $1",
		   &webhook_shape, row, err);
}

int store_webhook_find(struct store *store, const char *id, struct store_webhook *row,
		       struct err *err)
{
	return run_one(store, "SELECT no, " WEBHOOK_FIELDS " FROM webhook WHERE id = $1",
		       PARAMS(TEXT(id)), &webhook_shape, row, err);
}

int store_webhook_list(struct store *store, int64_t after, unsigned max,
		       struct store_webhook **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT no, " WEBHOOK_FIELDS " FROM webhook WHERE no > $1 ORDER BY no"
			" LIMIT $2",
			PARAMS(NUMBER(after), NUMBER(list_max(max))), &webhook_shape, rows, count,
			err);
}

int store_webhook_remove(struct store *store, const char *id, struct err *err)
{
	uint64_t changes = 0;
	int r = run(store, "DELETE FROM webhook WHERE id = $1", PARAMS(TEXT(id)), &changes, err);

	return r ? r : changes ? 0 : STORE_NO_ROW;
}

/* ---- counts ------------------------------------------------------------------------------------
 */

int store_count(struct store *store, int64_t now, struct store_counts *counts, struct err *err)
{
	struct store_counts found = {0};
	const struct {
		const char *sql;
		int64_t param, *number;
	} all[] = {
#define COUNT_DEVICES(which) \
	{"SELECT count(*) FROM device WHERE record = $1", which, &found.devices[which]}
		COUNT_DEVICES(0),
		COUNT_DEVICES(1),
		COUNT_DEVICES(2),
		COUNT_DEVICES(3),
		COUNT_DEVICES(4),
#define COUNT_ENROLLMENTS(which) \
	{"SELECT count(*) FROM enrollment WHERE state = $1", which, &found.enrollments[which]}
		COUNT_ENROLLMENTS(0),
		COUNT_ENROLLMENTS(1),
		COUNT_ENROLLMENTS(2),
#define COUNT_DUE(column, which)                                                     \
	{"SELECT count(*) FROM enrollment WHERE " column " > 0 AND " column " <= $1" \
	 " AND state = 1",                                                           \
	 now, &found.due[which]}
		COUNT_DUE("due_push", STORE_DUE_PUSH),
		COUNT_DUE("due_renewal", STORE_DUE_RENEWAL),
		COUNT_DUE("due_inventory", STORE_DUE_INVENTORY),
		COUNT_DUE("due_reconcile", STORE_DUE_RECONCILE),
		{"SELECT count(*) FROM command WHERE no > $1", 0, &found.commands},
		{"SELECT count(*) FROM queue WHERE command > $1", 0, &found.queue},
		{"SELECT count(*) FROM event WHERE no > $1"
		 " AND EXISTS (SELECT 1 FROM webhook WHERE next_event <= event.no)",
		 0, &found.events},
	};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		int r = run_number(store, all[i].sql, PARAMS(NUMBER(all[i].param)), all[i].number,
				   err);

		if (r)
			return r;
	}
	*counts = found;
	return 0;
}
