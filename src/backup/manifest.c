/*
 * Manifest.db, read: opening a stranger's database, rows, looking up one of them
 * (docs/format/ios-backup, 5)
 *
 * The bytes may be hostile.  What keeps us safe: no page is written, the schema may hold
 * no code of its own (see sqlite.c), lengths have limits, and the work of each call is
 * metered - a b-tree whose pages are shared can pretend to hold more rows than atoms.
 */
#include "backup/manifest.h"

#include <stdlib.h>
#include <string.h>

enum {
	METER_STEP = 1000, /* instructions between two looks at the meter */
	METER_BASE = 2000000,
	ROW_LEN_MIN = 64, /* fileID alone stands in the table and in its index */
};

static int tick(void *arg)
{
	struct backup_manifest *manifest = arg;

	*manifest->meter -= METER_STEP;
	return *manifest->meter < 0;
}

void manifest_allow(struct backup_manifest *manifest, uint64_t per_row)
{
	manifest->call_left = METER_BASE + (int64_t)(manifest->row_max * per_row);
	manifest->meter = &manifest->call_left;
}

int manifest_fail(struct backup_manifest *manifest, struct err *err)
{
	return backup_sqlite_fail(manifest->db, &manifest->failure, "Manifest.db", err);
}

/* ---- rows ---- */

/* A text of the row, if it is one that a path can be made of; else its damage. */
static const char *column_text(sqlite3_stmt *statement, int column, size_t len_max)
{
	const char *text;
	size_t len;

	if (sqlite3_column_type(statement, column) != SQLITE_TEXT)
		return NULL;
	text = (const char *)sqlite3_column_text(statement, column);
	len = (size_t)sqlite3_column_bytes(statement, column);
	if (!text || len > len_max || !text_is_utf8(text, len))
		return NULL;
	return text;
}

static int row_names(sqlite3_stmt *statement, struct backup_file *file, struct err *err)
{
	const char *file_id = column_text(statement, 0, BACKUP_FILE_ID_LEN);
	bool is_valid = file_id && backup_file_id_is_valid(file_id);

	memset(file, 0, sizeof(*file));
	if (is_valid)
		memcpy(file->file_id, file_id, BACKUP_FILE_ID_LEN + 1);
	file->domain = column_text(statement, 1, BACKUP_DOMAIN_LEN_MAX);
	file->path = column_text(statement, 2, PATH_LEN_MAX);
	file->flags = sqlite3_column_int64(statement, 3);
	if (!is_valid)
		err_set(err, ERR_CORRUPT, "fileID is not 40 lower-case hex digits");
	else if (!file->domain)
		err_set(err, ERR_CORRUPT, "domain is no text of at most %d bytes",
			BACKUP_DOMAIN_LEN_MAX);
	else if (!file->path)
		err_set(err, ERR_CORRUPT, "relativePath is no text of at most %d bytes",
			PATH_LEN_MAX);
	else
		return 0;
	return BACKUP_DAMAGED;
}

int manifest_row(struct backup_manifest *manifest, sqlite3_stmt *statement,
		 struct backup_file *file, struct err *err)
{
	const char *path;
	int r;

	manifest->record_path = NULL;
	r = row_names(statement, file, err);
	if (r || manifest->wants_names_only)
		return r;
	if (sqlite3_column_type(statement, 4) != SQLITE_BLOB) {
		err_set(err, ERR_CORRUPT, "row without a record");
		return BACKUP_DAMAGED;
	}
	path = file->path;
	r = backup_file_decode(manifest->doc,
			       slice_of(sqlite3_column_blob(statement, 4),
					(size_t)sqlite3_column_bytes(statement, 4)),
			       file, err);
	if (r == ERR_NO_MEMORY)
		return r;
	if (r < 0)
		return BACKUP_DAMAGED;
	manifest->record_path = file->path;
	file->path = path;
	return 0;
}

/* Run a statement that yields one row or none. */
static int one_row(struct backup_manifest *manifest, sqlite3_stmt *statement,
		   struct backup_file *file, struct err *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return manifest_row(manifest, statement, file, err);
	case SQLITE_DONE:
		return BACKUP_ABSENT;
	default:
		return manifest_fail(manifest, err);
	}
}

int manifest_row_at(struct backup_manifest *manifest, int64_t rowid, struct backup_file *file,
		    struct err *err)
{
	sqlite3_reset(manifest->by_rowid);
	sqlite3_bind_int64(manifest->by_rowid, 1, rowid);
	return one_row(manifest, manifest->by_rowid, file, err);
}

int backup_manifest_find_id(struct backup_manifest *manifest, const char *file_id,
			    struct backup_file *file, struct err *err)
{
	manifest_allow(manifest, 20);
	sqlite3_reset(manifest->by_id);
	sqlite3_bind_text(manifest->by_id, 1, file_id, -1, SQLITE_TRANSIENT);
	return one_row(manifest, manifest->by_id, file, err);
}

int backup_manifest_find(struct backup_manifest *manifest, const char *domain, const char *path,
			 struct backup_file *file, struct err *err)
{
	char file_id[BACKUP_FILE_ID_LEN + 1];
	int r;

	backup_file_id(domain, path, file_id);
	r = backup_manifest_find_id(manifest, file_id, file, err);
	if (r < 0 || (!r && !strcmp(file->domain, domain) && !strcmp(file->path, path)))
		return r;
	/* A manifest with wrong fileIDs is still worth reading. */
	sqlite3_reset(manifest->by_path);
	sqlite3_bind_text(manifest->by_path, 1, domain, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(manifest->by_path, 2, path, -1, SQLITE_TRANSIENT);
	return one_row(manifest, manifest->by_path, file, err);
}

int manifest_domain_above(struct backup_manifest *manifest, sqlite3_value **domain, struct err *err)
{
	sqlite3_value *found;

	sqlite3_reset(manifest->min_domain);
	if (*domain)
		sqlite3_bind_value(manifest->min_domain, 1, *domain);
	else
		sqlite3_bind_text(manifest->min_domain, 1, "", 0, SQLITE_STATIC);
	if (sqlite3_step(manifest->min_domain) != SQLITE_ROW)
		return manifest_fail(manifest, err);
	if (sqlite3_column_type(manifest->min_domain, 0) == SQLITE_NULL)
		return BACKUP_END;
	found = sqlite3_value_dup(sqlite3_column_value(manifest->min_domain, 0));
	if (!found)
		return err_no_memory(err);
	sqlite3_value_free(*domain);
	*domain = found;
	return 0;
}

/* ---- the whole ---- */

/* count(*) is one single instruction to SQLite, which no meter can stop; a sum is a loop. */
int backup_manifest_count(struct backup_manifest *manifest, uint64_t *rows, struct err *err)
{
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;
	int r;

	manifest_allow(manifest, 20);
	r = backup_sqlite_prepare(&statement, manifest->db, "SELECT sum(1) FROM Files", err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) != SQLITE_ROW)
		return manifest_fail(manifest, err);
	*rows = (uint64_t)sqlite3_column_int64(statement, 0);
	return 0;
}

int backup_manifest_is_ios_10_0(struct backup_manifest *manifest, bool *is_10_0, struct err *err)
{
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;

	manifest_allow(manifest, 20);
	*is_10_0 = false;
	/* Without a table Properties there is nothing to know. */
	if (backup_sqlite_prepare(&statement, manifest->db,
				  "SELECT 1 FROM Properties WHERE key IN "
				  "('salt', 'passwordHash') LIMIT 1",
				  NULL) < 0)
		return 0;
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		*is_10_0 = true;
		return 0;
	case SQLITE_DONE:
		return 0;
	default:
		return manifest_fail(manifest, err);
	}
}

bool backup_manifest_has_padding(const struct backup_manifest *manifest)
{
	return manifest->has_padding;
}

const char *backup_manifest_record_path(const struct backup_manifest *manifest)
{
	return manifest->record_path;
}

void backup_manifest_facts(const struct backup_manifest *manifest,
			   struct backup_manifest_facts *facts)
{
	*facts = manifest->facts;
}

/* ---- opening ---- */

static int read_header(struct backup_manifest *manifest, struct err *err)
{
	uint8_t header[BACKUP_SQLITE_HEADER_LEN];
	uint32_t page_size;
	int r;

	if (manifest->source->len < sizeof(header))
		return err_set(err, ERR_CORRUPT, "Manifest.db has only %llu bytes",
			       (unsigned long long)manifest->source->len);
	r = source_read_exactly(manifest->source, 0, header, sizeof(header), err);
	if (r < 0)
		return err_wrap(err, r, "read Manifest.db");
	if (memcmp(header, "SQLite format 3", 16))
		return err_set(err, ERR_CORRUPT, "Manifest.db is no SQLite database");
	page_size = (uint32_t)header[16] << 8 | header[17];
	if (page_size == 1)
		page_size = 65536;
	if (page_size < 512 || page_size & (page_size - 1))
		return err_set(err, ERR_CORRUPT, "Manifest.db has pages of %u bytes", page_size);
	manifest->facts.page_size = page_size;
	manifest->facts.user_version = get_u32be(header + 60);
	manifest->facts.has_wal_header = header[18] == 2 && header[19] == 2;
	return 0;
}

/* One whole block of PKCS#7 behind the last page is all that may be left over (7.3). */
static int measure(struct backup_manifest *manifest, uint64_t *len, struct err *err)
{
	uint64_t rest = manifest->source->len % manifest->facts.page_size;
	uint8_t block[16];
	size_t i;
	int r;

	*len = manifest->source->len - rest;
	if (!rest)
		return 0;
	if (rest == sizeof(block)) {
		r = source_read_exactly(manifest->source, *len, block, sizeof(block), err);
		if (r < 0)
			return err_wrap(err, r, "read Manifest.db");
		for (i = 0; i < sizeof(block) && block[i] == sizeof(block); i++)
			;
		manifest->has_padding = i == sizeof(block);
	}
	if (!manifest->has_padding)
		return err_set(err, ERR_CORRUPT,
			       "Manifest.db has %llu bytes behind its last whole page",
			       (unsigned long long)rest);
	return 0;
}

static int prepare_statements(struct backup_manifest *manifest, struct err *err)
{
	int r;

	r = backup_sqlite_prepare(&manifest->by_rowid, manifest->db,
				  "SELECT " MANIFEST_COLUMNS " FROM Files WHERE rowid = ?1", err);
	if (r < 0)
		return r;
	r = backup_sqlite_prepare(&manifest->by_id, manifest->db,
				  "SELECT " MANIFEST_COLUMNS " FROM Files WHERE fileID = ?1", err);
	if (r < 0)
		return r;
	/* +domain: the index on paths is the one that tells rows apart */
	r = backup_sqlite_prepare(&manifest->by_path, manifest->db,
				  "SELECT " MANIFEST_COLUMNS
				  " FROM Files WHERE relativePath = ?2 AND +domain = ?1",
				  err);
	if (r < 0)
		return r;
	/* a blob is above every text: this keeps to texts */
	return backup_sqlite_prepare(
		&manifest->min_domain, manifest->db,
		"SELECT min(domain) FROM Files WHERE domain > ?1 AND domain < x''", err);
}

static int open_database(struct backup_manifest *manifest, struct err *err)
{
	uint64_t len = 0;
	int r;

	if ((r = read_header(manifest, err)) < 0 || (r = measure(manifest, &len, err)) < 0)
		return r;
	manifest->row_max = len / ROW_LEN_MIN;
	r = backup_vfs_open(&manifest->db, manifest->source, len, &manifest->failure, err);
	if (r < 0)
		return r;
	/* From here on SQLite reads: the schema first, which must be small too. */
	manifest->meter = &manifest->call_left;
	manifest->call_left = METER_BASE;
	sqlite3_progress_handler(manifest->db, METER_STEP, tick, manifest);
	if ((r = backup_sqlite_harden(manifest->db, err)) < 0 ||
	    (r = backup_sqlite_run(manifest->db, "PRAGMA cache_size = -2048", err)) < 0)
		return r;
	r = backup_sqlite_check_files(manifest->db, &manifest->has_id_index, err);
	if (r < 0)
		return manifest->failure.code < 0 ? manifest_fail(manifest, err) : r;
	return prepare_statements(manifest, err);
}

int backup_manifest_open(struct backup_manifest **out, struct source *source, struct err *err)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	int r;

	manifest = calloc(1, sizeof(*manifest));
	if (!manifest) {
		source->close(source);
		return err_no_memory(err);
	}
	manifest->source = source;
	manifest->is_done = true;
	manifest->sort_rows = MANIFEST_SORT_ROWS;
	r = plist_doc_new(&manifest->doc, err);
	if (r < 0)
		return r;
	r = open_database(manifest, err);
	if (r < 0)
		return r;
	*out = STEAL(manifest);
	return 0;
}

void backup_manifest_close(struct backup_manifest *manifest)
{
	if (!manifest)
		return;
	manifest_rows_clear(manifest);
	sqlite3_finalize(manifest->by_rowid);
	sqlite3_finalize(manifest->by_id);
	sqlite3_finalize(manifest->by_path);
	sqlite3_finalize(manifest->min_domain);
	sqlite3_close(manifest->db);
	plist_doc_free(manifest->doc);
	manifest->source->close(manifest->source);
	free(manifest);
}

void backup_manifest_close_p(struct backup_manifest **manifest)
{
	backup_manifest_close(*manifest);
	*manifest = NULL;
}
