/*
 * The driver for SQLite: one file, write-ahead log, every commit on the disk.
 *
 * The log is moved into the database when the caller is idle, not in the way of a request; only a
 * log that nobody found the time for is moved by a commit.
 */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUSY_TIMEOUT_MS = 2000,
	WAL_PAGES_IDLE = 256,   /* 1 MiB: worth a sync while idle */
	WAL_PAGES_FULL = 32768, /* 128 MiB: a commit moves it */
	SQL_LEN_MAX = 4096,
};

struct connection {
	sqlite3 *db;
	int wal_pages;
	uint64_t steps, pages;
};
struct statement {
	struct connection *connection;
	sqlite3_stmt *stmt;
	int first;     /* result of the first step, which start does */
	bool is_fresh; /* ... and step has not told yet */
};

static int failure(sqlite3 *db, int code, struct err *err)
{
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);

	switch (code & 0xFF) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_BUSY, "sqlite: %s", text);
	case SQLITE_FULL:
		return err_set(err, ERR_NO_SPACE, "sqlite: %s", text);
	case SQLITE_NOMEM:
		return err_no_memory(err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT, "sqlite: %s", text);
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_EXISTS, "sqlite: %s", text);
	default:
		return err_set(err, ERR_IO, "sqlite: %s (%d)", text, code);
	}
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct connection *connection = arg;

	connection->wal_pages = pages;
	return SQLITE_OK;
}

static int sqlite_exec(void *arg, const char *sql, struct err *err)
{
	struct connection *connection = arg;
	int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);

	if (code)
		return failure(connection->db, code, err);
	if (connection->wal_pages > WAL_PAGES_FULL && sqlite3_get_autocommit(connection->db)) {
		/* what was committed is safe; a checkpoint that fails is tried again */
		sqlite3_wal_checkpoint_v2(connection->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					  NULL);
		connection->wal_pages = 0;
	}
	return 0;
}

static void sqlite_close(void *arg)
{
	struct connection *connection = arg;

	sqlite3_close(connection->db);
	free(connection);
}

/* A new file is ours alone; the log and its index get the mode of the file.  One that is there must
 * not be opened and closed here: that would drop the locks of another connection of this process.
 */
static int make_file(const char *path, struct err *err)
{
	struct fs *fs = fs_system();
	int fd;

	if (!strcmp(path, ":memory:"))
		return 0;
	fd = fs->open(fs, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -EEXIST)
		return 0;
	if (fd < 0)
		return err_set_errno(err, -fd, "%s", path);
	fs->close(fs, fd);
	return 0;
}

static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA journal_size_limit = 67108864;"
			       "PRAGMA cache_size = -65536;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA trusted_schema = OFF;";

/* SQLite would count its memory, under a lock at each allocation; nobody asks. Where another room
 * used it before, it goes on counting */
static void count_no_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int sqlite_open(void **out, const char *path, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct connection *connection;
	int code, r = make_file(path, err);

	if (r)
		return r;
	pthread_once(&once, count_no_memory);
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return err_no_memory(err);
	code = sqlite3_open_v2(path, &connection->db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			       NULL);
	if (code) {
		r = failure(connection->db, code, err);
		sqlite_close(connection);
		return r;
	}
	sqlite3_extended_result_codes(connection->db, 1);
	sqlite3_db_config(connection->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* else a statement whose parameter is compared with a column of a partial index would be
	 * prepared again for each value */
	sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_QPSG, 1, NULL);
	sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS);
	r = sqlite_exec(connection, settings, err);
	if (r) {
		sqlite_close(connection);
		return r;
	}
	/* after the setting above, which installs a hook of its own */
	sqlite3_wal_hook(connection->db, on_wal, connection);
	*out = connection;
	return 0;
}

static bool sqlite_is_in_transaction(void *arg)
{
	struct connection *connection = arg;

	return !sqlite3_get_autocommit(connection->db);
}

static int sqlite_idle(void *arg, struct err *err)
{
	struct connection *connection = arg;
	int code;

	if (connection->wal_pages < WAL_PAGES_IDLE)
		return 0;
	code = sqlite3_wal_checkpoint_v2(connection->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
					 NULL);
	connection->wal_pages = 0;
	return code && code != SQLITE_BUSY ? failure(connection->db, code, err) : 0;
}

static void sqlite_stats(void *arg, struct store_stats *stats)
{
	struct connection *connection = arg;
	int hits = 0, misses = 0, high;

	/* taken away there and summed up here: SQLite counts in 32 bits */
	sqlite3_db_status(connection->db, SQLITE_DBSTATUS_CACHE_HIT, &hits, &high, 1);
	sqlite3_db_status(connection->db, SQLITE_DBSTATUS_CACHE_MISS, &misses, &high, 1);
	connection->pages += (uint64_t)(unsigned)hits + (unsigned)misses;
	stats->steps = connection->steps;
	stats->pages = connection->pages;
}

/* ---- statements ------------------------------------------------------------------ */

static int sqlite_prepare(void *arg, const char *sql, const struct param *params, size_t count,
			  void **out, struct err *err)
{
	struct connection *connection = arg;
	struct statement *statement;
	char text[SQL_LEN_MAX];
	size_t len = strlen(sql);
	int code;

	if (len >= sizeof(text))
		return err_set(err, ERR_LIMIT, "a statement of %zu bytes", len);
	/* $1 would be a name, numbered by its first appearance; ?1 is number 1 */
	for (size_t i = 0; i <= len; i++)
		text[i] = sql[i] == '$' ? '?' : sql[i];
	statement = calloc(1, sizeof(*statement));
	if (!statement)
		return err_no_memory(err);
	statement->connection = connection;
	code = sqlite3_prepare_v3(connection->db, text, (int)len + 1, SQLITE_PREPARE_PERSISTENT,
				  &statement->stmt, NULL);
	if (code) {
		free(statement);
		return failure(connection->db, code, err);
	}
	*out = statement;
	return 0;
}

static void sqlite_finish(void *arg)
{
	struct statement *statement = arg;

	sqlite3_finalize(statement->stmt);
	free(statement);
}

static void sqlite_reset(void *arg)
{
	struct statement *statement = arg;

	sqlite3_reset(statement->stmt);
	statement->connection->steps +=
		(unsigned)sqlite3_stmt_status(statement->stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
}

static int bind(sqlite3_stmt *stmt, int at, const struct param *param)
{
	const void *bytes = param->bytes.bytes ? (const void *)param->bytes.bytes : "";

	switch (param->cell) {
	case CELL_NUMBER:
		return sqlite3_bind_int64(stmt, at, param->number);
	case CELL_TEXT:
		return sqlite3_bind_text(stmt, at, bytes, (int)param->bytes.len, SQLITE_STATIC);
	default:
		return sqlite3_bind_blob(stmt, at, bytes, (int)param->bytes.len, SQLITE_STATIC);
	}
}

/* The first step belongs to it: parameters are borrowed, and a statement that changes rows has
 * changed them then. */
static int sqlite_start(void *arg, const struct param *params, size_t count, struct err *err)
{
	struct statement *statement = arg;

	for (size_t i = 0; i < count; i++) {
		int code = bind(statement->stmt, (int)i + 1, &params[i]);

		if (code)
			return failure(statement->connection->db, code, err);
	}
	statement->first = sqlite3_step(statement->stmt);
	statement->is_fresh = true;
	return 0;
}

static int sqlite_step(void *arg, struct err *err)
{
	struct statement *statement = arg;
	int code = statement->is_fresh ? statement->first : sqlite3_step(statement->stmt);

	statement->is_fresh = false;
	if (code == SQLITE_ROW)
		return 0;
	if (code == SQLITE_DONE)
		return STORE_NO_ROW;
	return failure(statement->connection->db, code, err);
}

static int64_t sqlite_number(void *arg, int column)
{
	struct statement *statement = arg;

	return sqlite3_column_int64(statement->stmt, column);
}

static struct slice sqlite_bytes(void *arg, int column)
{
	struct statement *statement = arg;
	const void *bytes = sqlite3_column_blob(statement->stmt, column);

	return slice_of(bytes, (size_t)sqlite3_column_bytes(statement->stmt, column));
}

static uint64_t sqlite_changes(void *arg)
{
	struct statement *statement = arg;

	return (uint64_t)sqlite3_changes64(statement->connection->db);
}

const struct driver driver_sqlite = {
	.words = {.key = "INTEGER PRIMARY KEY AUTOINCREMENT",
		  .number = "INTEGER NOT NULL",
		  .text = "TEXT NOT NULL",
		  .bytes = "BLOB NOT NULL",
		  .keyed = "WITHOUT ROWID"},
	.begin = "BEGIN IMMEDIATE",
	.begin_schema = "BEGIN IMMEDIATE",
	.open = sqlite_open,
	.close = sqlite_close,
	.exec = sqlite_exec,
	.is_in_transaction = sqlite_is_in_transaction,
	.idle = sqlite_idle,
	.stats = sqlite_stats,
	.prepare = sqlite_prepare,
	.finish = sqlite_finish,
	.start = sqlite_start,
	.step = sqlite_step,
	.number = sqlite_number,
	.bytes = sqlite_bytes,
	.changes = sqlite_changes,
	.reset = sqlite_reset,
};
