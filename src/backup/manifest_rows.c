/*
 * Going through the rows of Manifest.db in three orders, in constant memory
 *
 * Stored order follows the table, fileID order the index that its primary key has.  For
 * the order by domain and path there is no index: sorting 1.3 million rows would take
 * their size in memory, so a domain's keys are sorted MANIFEST_SORT_ROWS at a time.
 */
#include "backup/manifest.h"

#include <string.h>

/* Keys are cut, so that sorting stays small whatever the rows hold; rowid breaks ties. */
#define PAGE_SQL(column)                                                         \
	"SELECT rowid, ifnull(substr(" column ", 1, 1024), '') AS k FROM Files " \
	"WHERE domain = ?1 AND (k, rowid) > (?2, ?3) ORDER BY k, rowid LIMIT ?4"

static const char *statement_text(enum backup_order order, bool is_paged, bool has_domain)
{
	if (is_paged)
		return order == BACKUP_ORDER_FILE_ID ? PAGE_SQL("fileID")
						     : PAGE_SQL("relativePath");
	if (order == BACKUP_ORDER_FILE_ID)
		return "SELECT " MANIFEST_COLUMNS " FROM Files ORDER BY fileID";
	if (has_domain)
		return "SELECT " MANIFEST_COLUMNS " FROM Files WHERE domain = ?1 ORDER BY rowid";
	return "SELECT " MANIFEST_COLUMNS " FROM Files NOT INDEXED ORDER BY rowid";
}

void manifest_rows_clear(struct backup_manifest *manifest)
{
	backup_sqlite_finalize_p(&manifest->rows);
	sqlite3_value_free(manifest->domain);
	manifest->domain = NULL;
	sqlite3_value_free(manifest->page_key);
	manifest->page_key = NULL;
	manifest->is_done = true;
}

/* Begin the page of keys above those of the last full page, or of the domain's first ones. */
static void page_begin(struct backup_manifest *manifest)
{
	sqlite3_reset(manifest->rows);
	sqlite3_bind_value(manifest->rows, 1, manifest->domain);
	if (manifest->page_key)
		sqlite3_bind_value(manifest->rows, 2, manifest->page_key);
	else
		sqlite3_bind_text(manifest->rows, 2, "", 0, SQLITE_STATIC);
	sqlite3_bind_int64(manifest->rows, 3,
			   manifest->page_key ? manifest->page_rowid : INT64_MIN);
	sqlite3_bind_int(manifest->rows, 4, (int)manifest->sort_rows);
	sqlite3_value_free(manifest->page_key);
	manifest->page_key = NULL;
	manifest->page_given = 0;
}

/* A filter is one domain as a value, as manifest_domain_above would give it. */
static int domain_value(struct backup_manifest *manifest, const char *domain, struct err *err)
{
	CLEANUP(backup_sqlite_finalize_p) sqlite3_stmt *statement = NULL;
	int r;

	r = backup_sqlite_prepare(&statement, manifest->db, "SELECT ?1", err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, domain, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return manifest_fail(manifest, err);
	manifest->domain = sqlite3_value_dup(sqlite3_column_value(statement, 0));
	return manifest->domain ? 0 : err_no_memory(err);
}

int backup_manifest_rewind(struct backup_manifest *manifest, enum backup_order order,
			   const char *domain, struct err *err)
{
	int r;

	manifest_rows_clear(manifest);
	if (order == BACKUP_ORDER_FILE_ID && !domain && !manifest->has_id_index)
		return err_set(err, ERR_CORRUPT, "Manifest.db has no index on fileID");
	manifest_allow(manifest, 2000);
	manifest->rows_left = manifest->call_left;
	manifest->meter = &manifest->rows_left;
	manifest->order = order;
	manifest->has_domain = domain;
	manifest->is_paged =
		order == BACKUP_ORDER_DOMAIN_PATH || (order == BACKUP_ORDER_FILE_ID && domain);
	manifest->rows_given = 0;
	r = backup_sqlite_prepare(&manifest->rows, manifest->db,
				  statement_text(order, manifest->is_paged, domain), err);
	if (r < 0)
		return r;
	if (domain) {
		r = domain_value(manifest, domain, err);
		if (r < 0)
			return r;
		if (manifest->is_paged)
			page_begin(manifest);
		else
			sqlite3_bind_value(manifest->rows, 1, manifest->domain);
	}
	manifest->is_done = false;
	return 0;
}

/* The page has ended: a full one is followed by another, a last one by the next domain. */
static int page_next(struct backup_manifest *manifest, struct err *err)
{
	int r;

	if (!manifest->page_key) {
		if (manifest->has_domain)
			return BACKUP_END;
		sqlite3_reset(manifest->rows);
		r = manifest_domain_above(manifest, &manifest->domain, err);
		if (r)
			return r;
	}
	page_begin(manifest);
	return 0;
}

static int page_row(struct backup_manifest *manifest, struct backup_file *file, struct err *err)
{
	int64_t rowid = sqlite3_column_int64(manifest->rows, 0);

	if (++manifest->page_given == manifest->sort_rows) {
		manifest->page_key = sqlite3_value_dup(sqlite3_column_value(manifest->rows, 1));
		manifest->page_rowid = rowid;
		if (!manifest->page_key)
			return err_no_memory(err);
	}
	return manifest_row_at(manifest, rowid, file, err);
}

static int next_paged(struct backup_manifest *manifest, struct backup_file *file, struct err *err)
{
	int r;

	for (;;) {
		switch (manifest->domain ? sqlite3_step(manifest->rows) : SQLITE_DONE) {
		case SQLITE_DONE:
			r = page_next(manifest, err);
			if (r)
				return r;
			break;
		case SQLITE_ROW:
			r = page_row(manifest, file, err);
			if (r !=
			    BACKUP_ABSENT) /* absent: the index names a row that is not there */
				return r;
			break;
		default:
			return manifest_fail(manifest, err);
		}
	}
}

static int next_plain(struct backup_manifest *manifest, struct backup_file *file, struct err *err)
{
	switch (sqlite3_step(manifest->rows)) {
	case SQLITE_ROW:
		return manifest_row(manifest, manifest->rows, file, err);
	case SQLITE_DONE:
		return BACKUP_END;
	default:
		return manifest_fail(manifest, err);
	}
}

int backup_manifest_next(struct backup_manifest *manifest, struct backup_file *file,
			 struct err *err)
{
	int r;

	if (manifest->is_done)
		return BACKUP_END;
	manifest->meter = &manifest->rows_left;
	r = manifest->is_paged ? next_paged(manifest, file, err) : next_plain(manifest, file, err);
	if (r < 0 || r == BACKUP_END) {
		manifest_rows_clear(manifest);
		return r;
	}
	if (++manifest->rows_given > manifest->row_max) {
		manifest_rows_clear(manifest);
		return err_set(err, ERR_CORRUPT, "Manifest.db gives more rows than it can hold");
	}
	return r;
}

int backup_manifest_next_name(struct backup_manifest *manifest, struct backup_file *file,
			      struct err *err)
{
	int r;

	manifest->wants_names_only = true;
	r = backup_manifest_next(manifest, file, err);
	manifest->wants_names_only = false;
	return r;
}
