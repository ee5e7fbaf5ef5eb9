/*
 * The opened manifest, as manifest.c (opening, looking up) and manifest_rows.c (going
 * through) share it
 */
#ifndef REHOME_BACKUP_MANIFEST_H
#define REHOME_BACKUP_MANIFEST_H

#include "backup/internal.h"

/*
 * Rows are given in domain-path order without holding them all: the smallest this many
 * keys above the last one are sorted at a time, then the next as many.
 */
enum { MANIFEST_SORT_ROWS = 1 << 17 };

struct backup_manifest {
	struct source *source;
	sqlite3 *db;
	struct plist_doc *doc;
	struct err failure; /* of the source, behind SQLite's back */
	bool has_padding, has_id_index;
	struct backup_manifest_facts facts;
	uint64_t row_max; /* no file of this length holds more */
	int64_t *meter;   /* work left to the running call: one of the next two */
	int64_t call_left, rows_left;
	const char *record_path;
	bool wants_names_only; /* of the running call: leave the record alone */

	sqlite3_stmt *by_rowid, *by_id, *by_path, *min_domain;

	/* manifest_rows.c */
	enum backup_order order;
	bool is_paged, has_domain, is_done;
	sqlite3_stmt *rows; /* STORED, FILE_ID: whole rows; paged: sorted (rowid, key) */
	uint64_t rows_given;
	sqlite3_value *domain;   /* of the current page */
	uint32_t sort_rows;      /* keys of a full page: MANIFEST_SORT_ROWS, less in tests */
	uint32_t page_given;     /* keys of the current page so far */
	sqlite3_value *page_key; /* the last key of a full page, else NULL */
	int64_t page_rowid;
};

#define MANIFEST_COLUMNS "fileID, domain, relativePath, flags, file"

/** manifest_allow - how much work (virtual machine instructions) the next call may take */
void manifest_allow(struct backup_manifest *manifest, uint64_t per_row);
/** manifest_fail - the error behind SQLite's result */
int manifest_fail(struct backup_manifest *manifest, struct err *err);
/** manifest_row - the columns of @statement's current row; 0, BACKUP_DAMAGED or < 0 */
int manifest_row(struct backup_manifest *manifest, sqlite3_stmt *statement,
		 struct backup_file *file, struct err *err);
/** manifest_row_at - row by rowid; BACKUP_ABSENT */
int manifest_row_at(struct backup_manifest *manifest, int64_t rowid, struct backup_file *file,
		    struct err *err);
/** manifest_domain_above - replace *@domain (NULL: none yet) by the next domain; BACKUP_END */
int manifest_domain_above(struct backup_manifest *manifest, sqlite3_value **domain,
			  struct err *err);
/** manifest_rows_clear - give back what an iteration holds */
void manifest_rows_clear(struct backup_manifest *manifest);

#endif
