/* device_store - SQLite as the device folder uses it: WAL, patient with other processes, our errors
 */
#include "sim/device.h"

int sim_store_failure(sqlite3 *db, struct err *err)
{
	int code = ERR_IO;

	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		code = ERR_NO_SPACE;
		break;
	case SQLITE_NOMEM:
		code = ERR_NO_MEMORY;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = ERR_CORRUPT;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = ERR_BUSY;
		break;
	case SQLITE_CANTOPEN:
		code = ERR_NOT_FOUND;
		break;
	}
	return err_set(err, code, "device folder: %s", sqlite3_errmsg(db));
}

int sim_store_open(sqlite3 **out, const char *path, bool must_exist, struct err *err)
{
	CLEANUP(sim_store_close_p) sqlite3 *db = NULL;
	int flags = SQLITE_OPEN_READWRITE | (must_exist ? 0 : SQLITE_OPEN_CREATE);
	int r;

	if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
		if (!db)
			return err_no_memory(err);
		r = sim_store_failure(db, err);
		return err_wrap(err, r, "%s", path);
	}
	sqlite3_busy_timeout(db, 60000);
	/*
	 * No fsync: a killed process loses nothing by that, and a simulated device need not outlive
	 * a power cut of the machine that simulates it.
	 */
	r = sim_store_exec(
		db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE", err);
	if (r < 0)
		return err_wrap(err, r, "%s", path);
	*out = STEAL(db);
	return 0;
}

void sim_store_close_p(sqlite3 **db)
{
	sqlite3_close(*db);
	*db = NULL;
}

int sim_store_exec(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sim_store_failure(db, err);
	return 0;
}

int sim_store_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct err *err)
{
	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return sim_store_failure(db, err);
	return 0;
}

void sim_store_finalize_p(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

int sim_store_step(sqlite3_stmt *statement, struct err *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return SIM_STORE_ROW;
	case SQLITE_DONE:
		return 0;
	default:
		return sim_store_failure(sqlite3_db_handle(statement), err);
	}
}

int sim_store_run(sqlite3_stmt *statement, struct err *err)
{
	int r = sim_store_step(statement, err);

	sqlite3_reset(statement);
	return r < 0 ? r : 0;
}
