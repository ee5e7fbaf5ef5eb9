/*
 * What the manifest's reader and writer share: errors, hardening, schema check
 */
#include "backup/internal.h"

#include <string.h>

int backup_sqlite_fail(sqlite3 *db, const struct err *failure, const char *what, struct err *err)
{
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_NOMEM:
		return err_no_memory(err);
	case SQLITE_FULL:
		return err_set(err, ERR_NO_SPACE, "%s: disk full", what);
	case SQLITE_INTERRUPT:
		return err_set(err, ERR_CORRUPT,
			       "%s: more work than any true manifest of this size asks for", what);
	case SQLITE_TOOBIG:
		return err_set(err, ERR_LIMIT, "%s: a value is larger than %d bytes", what,
			       BACKUP_BLOB_LEN_MAX);
	case SQLITE_IOERR:
		if (failure && failure->code < 0)
			return err_set(err, failure->code, "%s: %s", what, failure->text);
		return err_set(err, ERR_IO, "%s: %s", what, sqlite3_errmsg(db));
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return err_set(err, ERR_IO, "%s: %s", what, sqlite3_errmsg(db));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_BUSY, "%s: %s", what, sqlite3_errmsg(db));
	default:
		return err_set(err, ERR_CORRUPT, "%s: %s", what, sqlite3_errmsg(db));
	}
}

int backup_sqlite_run(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return backup_sqlite_fail(db, NULL, "Manifest.db", err);
	return 0;
}

int backup_sqlite_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
		return backup_sqlite_fail(db, NULL, "Manifest.db", err);
	return 0;
}

void backup_sqlite_finalize_p(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
}

int backup_sqlite_harden(sqlite3 *db, struct err *err)
{
	/* A record, the row around it, and nothing larger. */
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 2 * BACKUP_BLOB_LEN_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 64 << 10);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return backup_sqlite_run(db,
				 "PRAGMA temp_store = MEMORY;"
				 "PRAGMA cell_size_check = ON;"
				 "PRAGMA mmap_size = 0",
				 err);
}

static int check_is_table(sqlite3 *db, struct err *err)
{
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;
	int r;

	r = backup_sqlite_prepare(&statement, db,
				  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
				  "name = 'Files' COLLATE NOCASE AND rootpage > 1",
				  err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return backup_sqlite_fail(db, NULL, "Manifest.db", err);
	if (sqlite3_column_int(statement, 0) != 1)
		return err_set(err, ERR_CORRUPT, "Manifest.db has no table \"Files\"");
	return 0;
}

/* Generated or virtual columns would run a stranger's expressions for each row. */
static int check_columns(sqlite3 *db, struct err *err)
{
	static const char *const names[] = {"fileID", "domain", "relativePath", "flags", "file"};
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;
	size_t found = 0, i;
	int r;

	r = backup_sqlite_prepare(&statement, db,
				  "SELECT name, hidden FROM pragma_table_xinfo('Files')", err);
	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);

		if (sqlite3_column_int(statement, 1))
			return err_set(err, ERR_CORRUPT, "table Files has a computed column");
		for (i = 0; name && i < ARRAY_COUNT(names); i++)
			found += !sqlite3_stricmp(name, names[i]);
	}
	if (r != SQLITE_DONE)
		return backup_sqlite_fail(db, NULL, "Manifest.db", err);
	if (found != ARRAY_COUNT(names))
		return err_set(err, ERR_CORRUPT,
			       "table Files lacks a column of fileID, domain, "
			       "relativePath, flags, file");
	return 0;
}

int backup_sqlite_check_files(sqlite3 *db, bool *has_id_index, struct err *err)
{
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;
	int r;

	if ((r = check_is_table(db, err)) < 0 || (r = check_columns(db, err)) < 0)
		return r;
	r = backup_sqlite_prepare(
		&statement, db,
		"SELECT count(*) FROM pragma_index_list('Files') AS list, "
		"pragma_index_info(list.name) AS info WHERE list.\"unique\" AND NOT list.partial "
		"AND info.seqno = 0 AND info.name = 'fileID' COLLATE NOCASE",
		err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return backup_sqlite_fail(db, NULL, "Manifest.db", err);
	*has_id_index = sqlite3_column_int(statement, 0) > 0;
	return 0;
}
