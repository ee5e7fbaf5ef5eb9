/*
 * backup, inside - what the files of this room know of each other
 */
#ifndef REHOME_BACKUP_INTERNAL_H
#define REHOME_BACKUP_INTERNAL_H

#include <sqlite3.h>

#include "backup/backup.h"

enum {
	BACKUP_PLIST_LEN_MAX = 64 << 20, /* Manifest.plist, Info.plist, Status.plist */
	BACKUP_PIECE_LEN = 256 << 10,    /* contents are read in pieces of this length */
	BACKUP_SQLITE_HEADER_LEN = 100,
};

/* ---- vfs.c: a database file that is a struct source ---- */

/**
 * backup_vfs_open - open @source as an immutable database through SQLite
 * @db:      closed by the caller with sqlite3_close before @source is closed
 * @source:  borrowed until then; @len of its bytes are the file
 * @failure: receives what @source says when a read fails; lives as long as @db
 */
int backup_vfs_open(sqlite3 **db, struct source *source, uint64_t len, struct err *failure,
		    struct err *err);

/* ---- sqlite.c: what reader and writer share ---- */

/** backup_sqlite_fail - SQLite's last error of @db as one of ours; @failure may be NULL */
int backup_sqlite_fail(sqlite3 *db, const struct err *failure, const char *what, struct err *err);
/** backup_sqlite_harden - refuse what a hostile schema could do: triggers, views, odd functions */
int backup_sqlite_harden(sqlite3 *db, struct err *err);
/** backup_sqlite_run - statements of ours that give no rows */
int backup_sqlite_run(sqlite3 *db, const char *sql, struct err *err);
/** backup_sqlite_prepare - for many uses; finalized by the caller */
int backup_sqlite_prepare(sqlite3_stmt **out, sqlite3 *db, const char *sql, struct err *err);
/** backup_sqlite_check_files - is "Files" a real table of the five plain columns? ERR_CORRUPT */
int backup_sqlite_check_files(sqlite3 *db, bool *has_id_index, struct err *err);
void backup_sqlite_finalize_p(sqlite3_stmt **statement);

/* ---- manifest.c, for verification ---- */

/** backup_manifest_record_path - RelativePath inside the record of the last row, NULL if it has
 * none */
const char *backup_manifest_record_path(const struct backup_manifest *manifest);
/** backup_manifest_is_ios_10_0 - does Properties hold that version's salt? Its records are
 * encrypted one by one */
int backup_manifest_is_ios_10_0(struct backup_manifest *manifest, bool *is_10_0, struct err *err);
struct backup_manifest_facts {
	uint32_t page_size, user_version;
	bool has_wal_header; /* as devices write it, with no -wal beside it */
};
void backup_manifest_facts(const struct backup_manifest *manifest,
			   struct backup_manifest_facts *facts);

/* ---- reader.c, for verification ---- */

enum {
	BACKUP_CONTENT_PATH_LEN = 3 + BACKUP_FILE_ID_LEN, /* "hh/" and the fileID */
	BACKUP_FLAG_DATALESS = 0x40000000,
};

/** backup_tree_read - a whole file of @tree, at most out->max bytes; BACKUP_ABSENT */
int backup_tree_read(struct backup_tree *tree, const char *path, struct buf *out, struct err *err);
/** backup_content_path - where the contents of @file_id (valid) lie in a tree */
void backup_content_path(const char *file_id, char out[BACKUP_CONTENT_PATH_LEN + 1]);
/** backup_expected_size - the size that the record promises, as the device takes it */
uint64_t backup_expected_size(const struct backup_file *file);

/* ---- plist_fields.c: bounded copies of texts ---- */

/** backup_parse_dict - parse @bytes, which must be a dict; ERR_CORRUPT, ERR_LIMIT */
int backup_parse_dict(struct plist_doc *doc, struct slice bytes, const char *what,
		      const struct plist **dict, struct err *err);
/** backup_copy_text - the string at @key into @out; absent gives ""; ERR_LIMIT if it does not fit
 */
int backup_copy_text(const struct plist *dict, const char *key, char *out, size_t size,
		     struct err *err);
/** backup_cut_text - the same for what is only shown: cut at a whole character */
void backup_cut_text(const struct plist *dict, const char *key, char *out, size_t size);
/** backup_copy_version - a string, or a number as "%.1f" */
int backup_copy_version(const struct plist *dict, const char *key, char *out, size_t size,
			struct err *err);

#endif
