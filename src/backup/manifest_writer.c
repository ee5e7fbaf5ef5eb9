/*
 * Manifest.db, written: by simulated devices, which keep one from run to run
 *
 * A device changes its manifest in place, so from one backup to the next most pages stay
 * as they are; so does this: a row that is equal is not touched, one that differs is
 * updated where it lies, and indexes are left alone when their columns do not change.
 *
 * There is no journal: 1.3 million rows go through one transaction, and a rollback would
 * have to hold the old pages somewhere.  A writer that is abandoned, or whose process dies,
 * leaves rubbish behind.  Who needs the old file works on a copy.
 */
#include "backup/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct backup_manifest_writer {
	sqlite3 *db;
	struct plist_doc *doc;
	struct buf blob;
	char *path;
	bool is_new, is_broken;
	sqlite3_stmt *find, *insert, *update_record, *update_all, *remove;
};

enum { SQLITE_HEADER_WAL_AT = 18 };

static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE;"
			      "PRAGMA journal_mode = OFF;"
			      "PRAGMA synchronous = OFF;"
			      "PRAGMA cache_size = -65536"; /* KiB */

/* What iOS 10 and later make, in their order (docs/format/ios-backup, 5). */
static const char schema[] =
	"PRAGMA page_size = 4096;"
	"PRAGMA encoding = 'UTF-8';"
	"PRAGMA auto_vacuum = INCREMENTAL;"
	"BEGIN;"
	"CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, "
	"flags INTEGER, file BLOB);"
	"CREATE INDEX FilesDomainIdx ON Files(domain);"
	"CREATE INDEX FilesRelativePathIdx ON Files(relativePath);"
	"CREATE INDEX FilesFlagsIdx ON Files(flags);"
	"CREATE TABLE Properties (key TEXT PRIMARY KEY, value BLOB);"
	"PRAGMA user_version = 2;"
	"COMMIT";

/* Bytes 18 and 19 say 1 (no WAL) or 2 (WAL); SQLite would make side files for a 2. */
static int mark_wal(const char *path, uint8_t mark, struct err *err)
{
	const uint8_t marks[2] = {mark, mark};
	struct fs *fs = fs_system();
	int fd, r;

	fd = fs->open(fs, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_set_errno(err, -fd, "open %s", path);
	r = fs_pwrite_all(fs, fd, marks, sizeof(marks), SQLITE_HEADER_WAL_AT, err);
	fs->close(fs, fd);
	return r < 0 ? err_wrap(err, r, "write %s", path) : 0;
}

static int writer_prepare(struct backup_manifest_writer *writer, struct err *err)
{
	static const struct {
		size_t at;
		const char *sql;
	} all[] = {
		{offsetof(struct backup_manifest_writer, find),
		 "SELECT rowid, domain, relativePath, flags, file FROM Files WHERE fileID = ?1"},
		{offsetof(struct backup_manifest_writer, insert),
		 "INSERT INTO Files (fileID, domain, relativePath, flags, file) "
		 "VALUES (?1, ?2, ?3, ?4, ?5)"},
		{offsetof(struct backup_manifest_writer, update_record),
		 "UPDATE Files SET file = ?5 WHERE rowid = ?6"},
		{offsetof(struct backup_manifest_writer, update_all),
		 "UPDATE Files SET domain = ?2, relativePath = ?3, flags = ?4, file = ?5 "
		 "WHERE rowid = ?6"},
		{offsetof(struct backup_manifest_writer, remove),
		 "DELETE FROM Files WHERE fileID = ?1"},
	};
	size_t i;
	int r;

	for (i = 0; i < ARRAY_COUNT(all); i++) {
		r = backup_sqlite_prepare((sqlite3_stmt **)(void *)((char *)writer + all[i].at),
					  writer->db, all[i].sql, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int writer_open(struct backup_manifest_writer *writer, struct err *err)
{
	bool has_id_index = false;
	int r;

	if (sqlite3_open_v2(writer->path, &writer->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK)
		return writer->db ? backup_sqlite_fail(writer->db, NULL, writer->path, err)
				  : err_no_memory(err);
	if ((r = backup_sqlite_run(writer->db, pragmas, err)) < 0 ||
	    (writer->is_new && (r = backup_sqlite_run(writer->db, schema, err)) < 0) ||
	    (r = backup_sqlite_harden(writer->db, err)) < 0 ||
	    (r = backup_sqlite_check_files(writer->db, &has_id_index, err)) < 0 ||
	    (r = backup_sqlite_run(writer->db, "BEGIN IMMEDIATE", err)) < 0)
		return r;
	if (!has_id_index)
		return err_set(err, ERR_CORRUPT, "%s has no index on fileID", writer->path);
	return writer_prepare(writer, err);
}

/* Give everything back; 0 or the failure to close. */
static int writer_close(struct backup_manifest_writer *writer)
{
	int r;

	sqlite3_finalize(writer->find);
	sqlite3_finalize(writer->insert);
	sqlite3_finalize(writer->update_record);
	sqlite3_finalize(writer->update_all);
	sqlite3_finalize(writer->remove);
	r = sqlite3_close(writer->db);
	plist_doc_free(writer->doc);
	buf_clear(&writer->blob);
	free(writer->path);
	free(writer);
	return r;
}

static void writer_abandon_p(struct backup_manifest_writer **writer)
{
	backup_manifest_abandon(*writer);
}

static int writer_new(struct backup_manifest_writer **out, const char *path, bool is_new,
		      struct err *err)
{
	CLEANUP(writer_abandon_p) struct backup_manifest_writer *writer = NULL;
	int r;

	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return err_no_memory(err);
	writer->is_new = is_new;
	writer->blob = BUF_INIT(BACKUP_BLOB_LEN_MAX);
	writer->path = strdup(path);
	if (!writer->path)
		return err_no_memory(err);
	if ((r = plist_doc_new(&writer->doc, err)) < 0 || (r = writer_open(writer, err)) < 0)
		return r;
	*out = STEAL(writer);
	return 0;
}

int backup_manifest_create(struct backup_manifest_writer **out, const char *path, struct err *err)
{
	struct fs *fs = fs_system();
	int fd;

	fd = fs->open(fs, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -EEXIST)
		return err_set(err, ERR_EXISTS, "%s exists", path);
	if (fd < 0)
		return err_set_errno(err, -fd, "create %s", path);
	fs->close(fs, fd);
	return writer_new(out, path, true, err);
}

int backup_manifest_edit(struct backup_manifest_writer **out, const char *path, struct err *err)
{
	int r;

	r = mark_wal(path, 1, err);
	if (r < 0)
		return r;
	return writer_new(out, path, false, err);
}

static bool column_is_text(sqlite3_stmt *statement, int column, const char *text)
{
	size_t len = strlen(text);

	return sqlite3_column_type(statement, column) == SQLITE_TEXT &&
	       (size_t)sqlite3_column_bytes(statement, column) == len &&
	       !memcmp(sqlite3_column_text(statement, column), text, len);
}

static bool column_is_blob(sqlite3_stmt *statement, int column, struct slice blob)
{
	return sqlite3_column_type(statement, column) == SQLITE_BLOB &&
	       slice_equal(slice_of(sqlite3_column_blob(statement, column),
				    (size_t)sqlite3_column_bytes(statement, column)),
			   blob);
}

/* Which statement brings the row to @file; NULL if it is so already. @rowid of an update. */
static int choose(struct backup_manifest_writer *writer, const struct backup_file *file,
		  sqlite3_stmt **statement, int64_t *rowid, struct err *err)
{
	sqlite3_stmt *find = writer->find;

	sqlite3_bind_text(find, 1, file->file_id, -1, SQLITE_STATIC);
	switch (sqlite3_step(find)) {
	case SQLITE_DONE:
		*statement = writer->insert;
		break;
	case SQLITE_ROW:
		*rowid = sqlite3_column_int64(find, 0);
		if (!column_is_text(find, 1, file->domain) ||
		    !column_is_text(find, 2, file->path) ||
		    sqlite3_column_int64(find, 3) != file->flags)
			*statement = writer->update_all;
		else if (!column_is_blob(find, 4, buf_slice(&writer->blob)))
			*statement = writer->update_record;
		else
			*statement = NULL;
		break;
	default:
		return backup_sqlite_fail(writer->db, NULL, writer->path, err);
	}
	sqlite3_reset(find);
	return 0;
}

/* A statement that does not use a parameter does not mind its value. */
static void bind_row(sqlite3_stmt *statement, const struct backup_file *file, struct slice blob,
		     int64_t rowid)
{
	sqlite3_bind_text(statement, 1, file->file_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, file->domain, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, file->path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, file->flags);
	sqlite3_bind_blob(statement, 5, blob.bytes, (int)blob.len, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 6, rowid);
}

static int run_once(struct backup_manifest_writer *writer, sqlite3_stmt *statement, struct err *err)
{
	int r = sqlite3_step(statement) == SQLITE_DONE
			? 0
			: backup_sqlite_fail(writer->db, NULL, writer->path, err);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	if (r < 0)
		writer->is_broken =
			true; /* without a journal a half-done statement stays half-done */
	return r;
}

int backup_manifest_put(struct backup_manifest_writer *writer, const struct backup_file *file,
			struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int64_t rowid = 0;
	int r;

	if (!backup_file_id_is_valid(file->file_id) || !file->domain || !file->path ||
	    strlen(file->domain) > BACKUP_DOMAIN_LEN_MAX || strlen(file->path) > PATH_LEN_MAX)
		return err_set(err, ERR_USAGE, "row without a name, or with one that is too long");
	buf_truncate(&writer->blob, 0);
	r = backup_file_encode(writer->doc, file, &writer->blob, err);
	if (r < 0)
		return r;
	r = choose(writer, file, &statement, &rowid, err);
	if (r < 0 || !statement)
		return r;
	bind_row(statement, file, buf_slice(&writer->blob), rowid);
	return run_once(writer, statement, err);
}

int backup_manifest_remove(struct backup_manifest_writer *writer, const char *file_id,
			   struct err *err)
{
	int r;

	sqlite3_bind_text(writer->remove, 1, file_id, -1, SQLITE_TRANSIENT);
	r = run_once(writer, writer->remove, err);
	if (r < 0)
		return r;
	return sqlite3_changes(writer->db) ? 0 : BACKUP_ABSENT;
}

int backup_manifest_finish(struct backup_manifest_writer *writer, struct err *err)
{
	CLEANUP(free_p) char *path = NULL;
	bool is_new = writer->is_new;
	int r;

	if (writer->is_broken) {
		backup_manifest_abandon(writer);
		return err_set(err, ERR_IO, "Manifest.db: an earlier write failed");
	}
	r = backup_sqlite_run(writer->db, "COMMIT", err);
	if (r < 0) {
		backup_manifest_abandon(writer);
		return r;
	}
	path = STEAL(writer->path);
	r = writer_close(writer) == SQLITE_OK ? mark_wal(path, 2, err)
					      : err_set(err, ERR_IO, "%s: cannot close", path);
	if (r < 0 && is_new)
		fs_system()->unlink(fs_system(), path);
	return r;
}

void backup_manifest_abandon(struct backup_manifest_writer *writer)
{
	CLEANUP(free_p) char *path = NULL;
	struct fs *fs = fs_system();
	bool is_new;

	if (!writer)
		return;
	is_new = writer->is_new;
	path = STEAL(writer->path);
	writer_close(writer);
	if (is_new && path)
		fs->unlink(fs, path);
}
