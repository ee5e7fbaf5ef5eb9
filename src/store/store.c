/*
 * A connection and its transactions.
 *
 * Rows handed out live in chunks that are given back together: a caller needs no free for each row,
 * and a failure half way leaks nothing.
 */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory of rows ------------------------------------------------------------ */

struct chunk {
	struct chunk *before;
	size_t used, cap;
	_Alignas(16) uint8_t bytes[];
};
enum { CHUNK_LEN = 64 << 10 };

void *store_alloc(struct store *store, size_t len)
{
	struct chunk *chunk = store->chunks;
	size_t need = (len + 15) & ~(size_t)15;

	if (!chunk || chunk->cap - chunk->used < need) {
		size_t cap = need > CHUNK_LEN ? need : CHUNK_LEN;

		chunk = malloc(sizeof(*chunk) + cap);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){.before = store->chunks, .cap = cap};
		store->chunks = chunk;
	}
	chunk->used += need;
	return chunk->bytes + chunk->used - need;
}

void store_forget(struct store *store)
{
	/* the oldest chunk stays: fresh pages are dear */
	while (store->chunks && (store->chunks->before || store->chunks->cap > CHUNK_LEN)) {
		struct chunk *before = store->chunks->before;

		free(store->chunks);
		store->chunks = before;
	}
	if (store->chunks)
		store->chunks->used = 0;
}

void store_unchunk(struct store *store)
{
	store_forget(store);
	free(STEAL(store->chunks));
}

/* ---- opening -------------------------------------------------------------------- */

static const char sqlite_prefix[] = "sqlite:";

static const struct driver *driver_of(const char *where)
{
	if (!strncmp(where, sqlite_prefix, strlen(sqlite_prefix)))
		return &driver_sqlite;
	if (!strncmp(where, "postgresql://", 13) || !strncmp(where, "postgres://", 11))
		return &driver_pgsql;
	return NULL;
}

static int connect_and_migrate(struct store *store, struct err *err)
{
	const char *where = store->where;
	int r;

	if (store->driver == &driver_sqlite)
		where += strlen(sqlite_prefix);
	r = store->driver->open(&store->connection, where, err);
	return r ? r : schema_current(store, err);
}

static void disconnect(struct store *store)
{
	store_unprepare(store);
	if (store->connection)
		store->driver->close(STEAL(store->connection));
	store->is_in_transaction = false;
}

int store_open(struct store **out, const char *where, struct err *err)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	const struct driver *driver = driver_of(where);
	int r;

	if (!driver)
		return err_set(err, ERR_USAGE,
			       "a store is \"sqlite:PATH\" or \"postgresql://...\"");
	store = calloc(1, sizeof(*store));
	if (!store)
		return err_no_memory(err);
	store->driver = driver;
	store->where = strdup(where);
	if (!store->where)
		return err_no_memory(err);
	r = connect_and_migrate(store, err);
	if (r)
		return err_wrap(err, r, "open the store: ");
	*out = STEAL(store);
	return 0;
}

int store_reopen(struct store *store, struct err *err)
{
	int r;

	disconnect(store);
	store_forget(store);
	r = connect_and_migrate(store, err);
	if (r) {
		disconnect(store);
		return err_wrap(err, r, "open the store again: ");
	}
	return 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->connection)
		store_rollback(store);
	disconnect(store);
	store_unchunk(store);
	free(store->where);
	free(store);
}

void store_free_p(struct store **store)
{
	store_free(*store);
}

/* ---- transactions ------------------------------------------------------------------ */

static int exec(struct store *store, const char *sql, struct err *err)
{
	if (!store->connection)
		return err_set(err, ERR_CLOSED, "the store is not connected");
	store->stats.statements++;
	return store->driver->exec(store->connection, sql, err);
}

int store_begin(struct store *store, struct err *err)
{
	int r;

	store_forget(store);
	r = exec(store, store->driver->begin, err);
	store->is_in_transaction = !r;
	return r;
}

int store_commit(struct store *store, struct err *err)
{
	int r = exec(store, "COMMIT", err);

	if (r)
		store_rollback(store);
	store->is_in_transaction = false;
	return r;
}

void store_rollback(struct store *store)
{
	/* a failure may have ended the transaction already; and where ROLLBACK cannot be said, the
	 * database rolls back by itself when the connection ends */
	if (store->is_in_transaction && store->connection &&
	    store->driver->is_in_transaction(store->connection))
		store->driver->exec(store->connection, "ROLLBACK", NULL);
	store->is_in_transaction = false;
}

int store_savepoint(struct store *store, struct err *err)
{
	return run(store, "SAVEPOINT one_call", NULL, 0, NULL, err);
}

int store_release(struct store *store, struct err *err)
{
	return run(store, "RELEASE SAVEPOINT one_call", NULL, 0, NULL, err);
}

int store_undo(struct store *store, struct err *err)
{
	int r = exec(store, "ROLLBACK TO SAVEPOINT one_call", err);
	/* after some failures (a full disk) SQLite ended the transaction by itself */
	if (r && r != ERR_CLOSED && !store->driver->is_in_transaction(store->connection))
		return err_set(err, ERR_BUSY, "the whole transaction was rolled back");
	return r ? r : exec(store, "RELEASE SAVEPOINT one_call", err);
}

int store_abandon(struct store *store, int r)
{
	/* where this fails, the outer undo or the commit fails too */
	store_undo(store, NULL);
	return r;
}

int store_idle(struct store *store, struct err *err)
{
	return store->connection ? store->driver->idle(store->connection, err) : 0;
}

void store_stats(struct store *store, struct store_stats *stats)
{
	*stats = store->stats;
	if (store->connection)
		store->driver->stats(store->connection, stats);
}
