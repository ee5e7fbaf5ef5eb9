/*
 * device_facts - key and value: the small facts of a device
 *
 * Read afresh each time, because another process (`person`, `age`) may have changed them.
 * The callers hold no lock: every function here takes the device's own.
 */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

/* the value of @key in the first column of *statement, which the caller finalizes; 0 if absent */
static int look_up(struct sim_device *device, const char *key, sqlite3_stmt **statement,
		   struct err *err)
{
	int r = sim_store_prepare(device->db, statement, "SELECT value FROM facts WHERE key = ?1",
				  err);

	if (r < 0)
		return r;
	sqlite3_bind_text(*statement, 1, key, -1, SQLITE_STATIC);
	return sim_store_step(*statement, err);
}

bool sim_fact_get(struct sim_device *device, const char *key, char *out, size_t out_len)
{
	CLEANUP(sim_store_finalize_p) sqlite3_stmt *statement = NULL;
	const char *text;
	bool is_there = false;

	pthread_mutex_lock(&device->lock);
	if (look_up(device, key, &statement, NULL) == SIM_STORE_ROW &&
	    (text = (const char *)sqlite3_column_text(statement, 0))) {
		snprintf(out, out_len, "%s", text);
		is_there = true;
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return is_there;
}

int64_t sim_fact_int(struct sim_device *device, const char *key, int64_t otherwise)
{
	char text[32];

	return sim_fact_get(device, key, text, sizeof(text)) ? strtoll(text, NULL, 10) : otherwise;
}

int sim_fact_blob(struct sim_device *device, const char *key, struct buf *out, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = look_up(device, key, &statement, err);
	if (r == SIM_STORE_ROW)
		r = buf_append(out, sqlite3_column_blob(statement, 0),
			       (size_t)sqlite3_column_bytes(statement, 0), err);
	else if (r == 0)
		r = BACKUP_ABSENT;
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

static int put(struct sim_device *device, const char *key, struct slice value, bool is_text,
	       struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement, "INSERT OR REPLACE INTO facts VALUES(?1, ?2)",
			      err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
		if (is_text)
			sqlite3_bind_text(statement, 2, (const char *)value.bytes, (int)value.len,
					  SQLITE_STATIC);
		else
			sqlite3_bind_blob(statement, 2, value.len ? value.bytes : (const void *)"",
					  (int)value.len, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

int sim_fact_put(struct sim_device *device, const char *key, const char *value, struct err *err)
{
	return put(device, key, slice_text(value), true, err);
}

int sim_fact_put_int(struct sim_device *device, const char *key, int64_t value, struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return sim_fact_put(device, key, text, err);
}

int sim_fact_put_blob(struct sim_device *device, const char *key, struct slice value,
		      struct err *err)
{
	return put(device, key, value, false, err);
}

int sim_fact_remove(struct sim_device *device, const char *key, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement, "DELETE FROM facts WHERE key = ?1", err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

int sim_fact_each(struct sim_device *device, const char *prefix,
		  int (*each)(void *arg, const char *key, struct slice value, struct err *err),
		  void *arg, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(
		device->db, &statement,
		"SELECT key, value FROM facts WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
		err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
		while ((r = sim_store_step(statement, err)) == SIM_STORE_ROW) {
			r = each(arg, (const char *)sqlite3_column_text(statement, 0),
				 slice_of(sqlite3_column_blob(statement, 1),
					  (size_t)sqlite3_column_bytes(statement, 1)),
				 err);
			if (r != 0)
				break;
		}
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}
