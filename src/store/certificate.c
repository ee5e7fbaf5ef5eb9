/*
 * Tickets and the certificates that they buy.
 */
#include "store/internal.h"

static const struct column ticket_columns[] = {
	COLUMN_NUMBER(store_ticket, no),         COLUMN_BYTES(store_ticket, hash),
	COLUMN_NUMBER(store_ticket, purpose),    COLUMN_NUMBER(store_ticket, kind),
	COLUMN_TEXT(store_ticket, udid),         COLUMN_TEXT(store_ticket, serial),
	COLUMN_NUMBER(store_ticket, enrollment), COLUMN_NUMBER(store_ticket, generation),
	COLUMN_NUMBER(store_ticket, created),    COLUMN_NUMBER(store_ticket, ends),
	COLUMN_NUMBER(store_ticket, used),       COLUMN_TEXT(store_ticket, author),
};
static const struct shape ticket_shape = SHAPE(store_ticket, ticket_columns);

#define TICKET_FIELDS                                                                      \
	"hash, purpose, kind, udid, serial, enrollment, generation, created, ends, used, " \
	"author"
#define SELECT_TICKET "SELECT no, " TICKET_FIELDS " FROM ticket "

int store_ticket_insert(struct store *store, struct store_ticket *row, struct err *err)
{
	row->no = 0;
	return put(store,
		   "INSERT INTO ticket (" TICKET_FIELDS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
		   " $9, $10, $11) ON CONFLICT DO NOTHING RETURNING no",
		   NULL, &ticket_shape, row, err);
}

int store_ticket_get(struct store *store, int64_t no, struct store_ticket *row, struct err *err)
{
	return run_one(store, SELECT_TICKET "WHERE no = $1", PARAMS(NUMBER(no)), &ticket_shape, row,
		       err);
}

int store_ticket_take(struct store *store, struct slice hash, enum store_purpose purpose,
		      int64_t now, struct store_ticket *row, struct err *err)
{
	return run_one(store,
		       "UPDATE ticket SET used = $3 WHERE hash = $1 AND purpose = $2 AND used = 0"
		       " AND ends > $3 RETURNING no, " TICKET_FIELDS,
		       PARAMS(BYTES(hash), NUMBER(purpose), NUMBER(now)), &ticket_shape, row, err);
}

int store_ticket_bind(struct store *store, int64_t no, int64_t enrollment, int64_t generation,
		      struct err *err)
{
	return run(store, "UPDATE ticket SET enrollment = $2, generation = $3 WHERE no = $1",
		   PARAMS(NUMBER(no), NUMBER(enrollment), NUMBER(generation)), NULL, err);
}

int store_ticket_sweep(struct store *store, int64_t before, unsigned max, unsigned *count,
		       struct err *err)
{
	uint64_t changes = 0;
	int r = run(store,
		    "DELETE FROM ticket WHERE no IN (SELECT no FROM ticket WHERE used = 0"
		    " AND ends < $1 ORDER BY ends LIMIT $2)",
		    PARAMS(NUMBER(before), NUMBER(list_max(max))), &changes, err);

	*count = (unsigned)changes;
	return r;
}

/* ---- certificates -------------------------------------------------------------------- */

static const struct column certificate_columns[] = {
	COLUMN_NUMBER(store_certificate, no),         COLUMN_BYTES(store_certificate, sha256),
	COLUMN_TEXT(store_certificate, serial),       COLUMN_NUMBER(store_certificate, ticket),
	COLUMN_NUMBER(store_certificate, enrollment), COLUMN_NUMBER(store_certificate, generation),
	COLUMN_NUMBER(store_certificate, state),      COLUMN_NUMBER(store_certificate, not_before),
	COLUMN_NUMBER(store_certificate, not_after),  COLUMN_NUMBER(store_certificate, issued),
	COLUMN_NUMBER(store_certificate, seen),
};
static const struct shape certificate_shape = SHAPE(store_certificate, certificate_columns);

#define CERTIFICATE_FIELDS                                                                       \
	"sha256, serial, ticket, enrollment, generation, state, not_before, not_after, issued, " \
	"seen"
#define SELECT_CERTIFICATE "SELECT no, " CERTIFICATE_FIELDS " FROM certificate "

int store_certificate_find(struct store *store, struct slice sha256, struct store_certificate *row,
			   struct err *err)
{
	return run_one(store, SELECT_CERTIFICATE "WHERE sha256 = $1", PARAMS(BYTES(sha256)),
		       &certificate_shape, row, err);
}

int store_certificate_put(struct store *store, struct store_certificate *row, struct err *err)
{
	return put(store,
		   "INSERT INTO certificate (" CERTIFICATE_FIELDS ") VALUES ($1, $2, $3, $4, $5,"
		   " $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING no",
		   "UPDATE certificate SET (" CERTIFICATE_FIELDS ") = ($2, $3, $4, $5, $6, $7, $8,"
		   " $9, $10, $11) WHERE no = $1",
		   &certificate_shape, row, err);
}

int store_certificate_of(struct store *store, int64_t enrollment, struct store_certificate **rows,
			 size_t *count, struct err *err)
{
	return run_list(store,
			SELECT_CERTIFICATE "WHERE enrollment = $1 ORDER BY no DESC LIMIT 1000",
			PARAMS(NUMBER(enrollment)), &certificate_shape, rows, count, err);
}

int store_certificate_end(struct store *store, int64_t enrollment, int64_t generation,
			  int64_t except, struct err *err)
{
	return run(store,
		   "UPDATE certificate SET state = 4 WHERE enrollment = $1 AND generation < $2"
		   " AND no <> $3 AND state <> 4",
		   PARAMS(NUMBER(enrollment), NUMBER(generation), NUMBER(except)), NULL, err);
}
