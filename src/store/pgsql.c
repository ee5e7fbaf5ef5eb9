/*
 * The driver for PostgreSQL (libpq): any number of services on one database.
 *
 * Transactions see one state of the rows (REPEATABLE READ); when another service changed what one
 * of them changes, PostgreSQL refuses and the caller repeats.  Values travel in binary.
 */
#include "store/internal.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* type numbers of the wire: pg_type's rows for int8, text, bytea */
enum { OID_INT8 = 20, OID_TEXT = 25, OID_BYTEA = 17 };

struct connection {
	PGconn *pg;
	unsigned statements; /* prepared so far: their names */
};
struct statement {
	struct connection *connection;
	char name[16];
	PGresult *result;
	int row, rows;
};

/* Only the primary message: the detail quotes values. */
static int failure(struct connection *connection, const PGresult *result, struct err *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	int code = ERR_IO;

	if (!state)
		state = "";
	if (PQstatus(connection->pg) != CONNECTION_OK || !strncmp(state, "08", 2) ||
	    !strncmp(state, "57P", 3))
		code = ERR_CLOSED;
	else if (!strncmp(state, "40", 2) || !strcmp(state, "55P03"))
		code = ERR_BUSY;
	else if (!strcmp(state, "53100"))
		code = ERR_NO_SPACE;
	else if (!strcmp(state, "23505"))
		code = ERR_EXISTS;
	else if (!strncmp(state, "XX", 2))
		code = ERR_CORRUPT;
	return err_set(err, code, "postgresql: %s %s", text ? text : "no answer", state);
}

static bool is_ok(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static int pgsql_exec(void *arg, const char *sql, struct err *err)
{
	struct connection *connection = arg;
	PGresult *result = PQexec(connection->pg, sql);
	int r = is_ok(result) ? 0 : failure(connection, result, err);

	/* the answer to COMMIT of a transaction in which something failed */
	if (!r && !strcmp(sql, "COMMIT") && !strcmp(PQcmdStatus(result), "ROLLBACK"))
		r = err_set(err, ERR_IO, "postgresql: rolled back instead");
	PQclear(result);
	return r;
}

static void pgsql_close(void *arg)
{
	struct connection *connection = arg;

	PQfinish(connection->pg);
	free(connection);
}

static void quiet(void *arg, const PGresult *result)
{
}

static int pgsql_open(void **out, const char *where, struct err *err)
{
	/* what the URL says comes later and wins */
	const char *const keys[] = {"connect_timeout", "tcp_user_timeout", "application_name",
				    "client_encoding", "dbname",           NULL};
	const char *const values[] = {"10", "20000", "rehome", "UTF8", where, NULL};
	struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return err_no_memory(err);
	connection->pg = PQconnectdbParams(keys, values, 1);
	if (!connection->pg) {
		free(connection);
		return err_no_memory(err);
	}
	if (PQstatus(connection->pg) != CONNECTION_OK) {
		/* libpq's text names host and user, never the password */
		const char *text = PQerrorMessage(connection->pg);

		r = err_set(err, ERR_CLOSED, "postgresql: %.*s", (int)strcspn(text, "\n"), text);
		pgsql_close(connection);
		return r;
	}
	PQsetNoticeReceiver(connection->pg, quiet, NULL);
	/* each statement of a request has its index: a plan that was made while a table was small,
	 * and reads all of it, must not stay when it has grown */
	r = pgsql_exec(connection,
		       "SET synchronous_commit = on; SET lock_timeout = '5s'; SET jit = off;"
		       "SET enable_seqscan = off;"
		       "SET idle_in_transaction_session_timeout = '60s'",
		       err);
	if (r) {
		pgsql_close(connection);
		return r;
	}
	*out = connection;
	return 0;
}

static bool pgsql_is_in_transaction(void *arg)
{
	struct connection *connection = arg;
	PGTransactionStatusType status = PQtransactionStatus(connection->pg);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

static int pgsql_idle(void *arg, struct err *err)
{
	return 0;
}

static void pgsql_stats(void *arg, struct store_stats *stats)
{
}

/* ---- statements ------------------------------------------------------------------ */

static int pgsql_prepare(void *arg, const char *sql, const struct param *params, size_t count,
			 void **out, struct err *err)
{
	static const Oid oids[] = {
		[CELL_NUMBER] = OID_INT8, [CELL_TEXT] = OID_TEXT, [CELL_BYTES] = OID_BYTEA};
	struct connection *connection = arg;
	struct statement *statement = calloc(1, sizeof(*statement));
	Oid types[PARAMS_MAX];
	PGresult *result;
	int r;

	if (!statement)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		types[i] = oids[params[i].cell];
	statement->connection = connection;
	snprintf(statement->name, sizeof(statement->name), "s%u", connection->statements++);
	result = PQprepare(connection->pg, statement->name, sql, (int)count, types);
	r = is_ok(result) ? 0 : failure(connection, result, err);
	PQclear(result);
	if (r) {
		free(statement);
		return r;
	}
	*out = statement;
	return 0;
}

static void pgsql_reset(void *arg)
{
	struct statement *statement = arg;

	PQclear(STEAL(statement->result));
}

static void pgsql_finish(void *arg)
{
	pgsql_reset(arg);
	free(arg);
}

static int pgsql_start(void *arg, const struct param *params, size_t count, struct err *err)
{
	struct statement *statement = arg;
	const char *values[PARAMS_MAX];
	uint8_t numbers[PARAMS_MAX][8];
	int lens[PARAMS_MAX], formats[PARAMS_MAX];

	for (size_t i = 0; i < count; i++) {
		formats[i] = 1;
		if (params[i].cell == CELL_NUMBER) {
			put_u64be(numbers[i], (uint64_t)params[i].number);
			values[i] = (const char *)numbers[i];
			lens[i] = 8;
		} else {
			/* NULL would be SQL's NULL */
			values[i] =
				params[i].bytes.bytes ? (const char *)params[i].bytes.bytes : "";
			lens[i] = (int)params[i].bytes.len;
		}
	}
	statement->result = PQexecPrepared(statement->connection->pg, statement->name, (int)count,
					   values, lens, formats, 1);
	if (!is_ok(statement->result))
		return failure(statement->connection, statement->result, err);
	statement->rows = PQntuples(statement->result);
	statement->row = -1;
	return 0;
}

static int pgsql_step(void *arg, struct err *err)
{
	struct statement *statement = arg;

	return ++statement->row < statement->rows ? 0 : STORE_NO_ROW;
}

static int64_t pgsql_number(void *arg, int column)
{
	struct statement *statement = arg;
	const uint8_t *bytes =
		(const uint8_t *)PQgetvalue(statement->result, statement->row, column);

	switch (PQgetlength(statement->result, statement->row, column)) {
	case 8:
		return (int64_t)get_u64be(bytes);
	case 4:
		return (int32_t)get_u32be(bytes);
	default:
		return 0;
	}
}

static struct slice pgsql_bytes(void *arg, int column)
{
	struct statement *statement = arg;

	return slice_of(PQgetvalue(statement->result, statement->row, column),
			(size_t)PQgetlength(statement->result, statement->row, column));
}

static uint64_t pgsql_changes(void *arg)
{
	struct statement *statement = arg;

	return strtoull(PQcmdTuples(statement->result), NULL, 10);
}

const struct driver driver_pgsql = {
	.words = {.key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
		  .number = "BIGINT NOT NULL",
		  .text = "TEXT COLLATE \"C\" NOT NULL",
		  .bytes = "BYTEA NOT NULL",
		  .keyed = ""},
	.begin = "BEGIN ISOLATION LEVEL REPEATABLE READ",
	/* two services that start at once: one waits, and then sees what the other did */
	.begin_schema = "BEGIN; SELECT pg_advisory_xact_lock(5264386701)",
	.event_lock = "SELECT pg_advisory_xact_lock(5264386702)",
	.open = pgsql_open,
	.close = pgsql_close,
	.exec = pgsql_exec,
	.is_in_transaction = pgsql_is_in_transaction,
	.idle = pgsql_idle,
	.stats = pgsql_stats,
	.prepare = pgsql_prepare,
	.finish = pgsql_finish,
	.start = pgsql_start,
	.step = pgsql_step,
	.number = pgsql_number,
	.bytes = pgsql_bytes,
	.changes = pgsql_changes,
	.reset = pgsql_reset,
};
