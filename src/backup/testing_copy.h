/*
 * testing_copy - a copy of the project's own backup, and ways to damage it
 */
#ifndef REHOME_BACKUP_TESTING_COPY_H
#define REHOME_BACKUP_TESTING_COPY_H

#include "backup/internal.h"
#include "backup/testing.h"

/** struct copy - a backup's copy on disk, and ways to change it */
struct copy {
	char *folder;
	bool is_encrypted;
};

/* fs_write_file would sync a thousand files that nobody needs after a power loss */
static inline void write_unsynced(const char *path, struct slice bytes)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	if (bytes.len)
		assert_int_equal(fwrite(bytes.bytes, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static inline int copy_file(void *arg, const char *path, uint64_t size, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	const char *const *folders = arg;
	char from[2048], to[2048], parent[2048];

	snprintf(from, sizeof(from), "%s/%s", folders[0], path);
	snprintf(to, sizeof(to), "%s/%s", folders[1], path);
	snprintf(parent, sizeof(parent), "%s/%s", folders[1], path);
	*strrchr(parent, '/') = '\0';
	assert_done(fs_mkdirs(fs_system(), parent, 0700, err), *err);
	testing_read_file(from, &bytes);
	write_unsynced(to, buf_slice(&bytes));
	return 0;
}

static inline struct copy copy_make(bool is_encrypted)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct copy copy = {.folder = testing_folder(), .is_encrypted = is_encrypted};
	struct err err = ERR_INIT;
	const char *folders[2];
	char path[1024];

	folders[0] = testing_backup(is_encrypted ? "encrypted" : "plain", NULL, path);
	folders[1] = copy.folder;
	assert_done(backup_tree_folder(&tree, folders[0], &err), err);
	assert_done(tree->walk(tree, copy_file, folders, &err), err);
	return copy;
}

static inline const char *path_in(const struct copy *copy, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", copy->folder, name);
	return out;
}

static inline void remove_file(const struct copy *copy, const char *name)
{
	char path[512];

	assert_int_equal(unlink(path_in(copy, name, path)), 0);
}

static inline void write_bytes(const struct copy *copy, const char *name, struct slice bytes)
{
	struct err err = ERR_INIT;
	char path[512], parent[512];

	path_in(copy, name, path);
	strcpy(parent, path);
	*strrchr(parent, '/') = '\0';
	assert_done(fs_mkdirs(fs_system(), parent, 0700, &err), err);
	write_unsynced(path, bytes);
}

/* Flip the byte at @at (from the end when negative), and cut or pad the file. */
static inline void change_bytes(const struct copy *copy, const char *name, long at, long longer)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	char path[512];

	testing_read_file(path_in(copy, name, path), &bytes);
	bytes.bytes[at < 0 ? (long)bytes.len + at : at] ^= 1;
	for (; longer > 0; longer--)
		buf_append_u8(&bytes, 16, NULL);
	buf_truncate(&bytes, bytes.len - (size_t)-longer);
	write_bytes(copy, name, buf_slice(&bytes));
}

/* Let @change loose on Manifest.plist's fields */
static inline void change_properties(const struct copy *copy,
				     void (*change)(struct backup_properties *properties))
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	char path[512];

	backup_properties_init(&properties);
	testing_read_file(path_in(copy, "Manifest.plist", path), &bytes);
	assert_done(backup_properties_read(&properties, buf_slice(&bytes), &err), err);
	change(&properties);
	buf_truncate(&bytes, 0);
	assert_done(backup_properties_write(&properties, NULL, &bytes, &err), err);
	write_bytes(copy, "Manifest.plist", buf_slice(&bytes));
}

static inline void write_status(const struct copy *copy, const char *version, const char *state,
				enum backup_snapshot_state snapshot_state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_status status = {.snapshot_state = snapshot_state};
	struct err err = ERR_INIT;

	snprintf(status.version, sizeof(status.version), "%s", version);
	snprintf(status.backup_state, sizeof(status.backup_state), "%s", state);
	assert_done(backup_status_write(&status, &bytes, &err), err);
	write_bytes(copy, "Status.plist", buf_slice(&bytes));
}

/* Replace an encrypted Manifest.db by its plain pages, so that rows can be changed. */
static inline void decrypt_manifest(const struct copy *copy)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(source_close_p) struct source *view = NULL;
	enum backup_padding padding;
	struct err err = ERR_INIT;
	uint8_t key[32];
	char path[512];

	if (!copy->is_encrypted)
		return;
	testing_hex(KAT_MANIFEST_KEY, key, sizeof(key));
	assert_done(
		backup_cbc_open(&view, testing_open(path_in(copy, "Manifest.db", path)), key, &err),
		err);
	assert_done(backup_cbc_strip(view, 0, &padding, &err), err);
	assert_done(source_read_all(view, &bytes, &err), err);
	write_bytes(copy, "Manifest.db", buf_slice(&bytes));
}

static inline void change_sql(const struct copy *copy, const char *sql)
{
	struct backup_manifest_writer *writer = NULL;
	struct err err = ERR_INIT;
	sqlite3 *db = NULL;
	char path[512];

	decrypt_manifest(copy);
	path_in(copy, "Manifest.db", path);
	/* an edit that is abandoned takes the WAL mark off; one that changes nothing sets it */
	assert_done(backup_manifest_edit(&writer, path, &err), err);
	backup_manifest_abandon(writer);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	assert_done(backup_manifest_edit(&writer, path, &err), err);
	assert_done(backup_manifest_finish(writer, &err), err);
}

/* Let @change loose on the row of @domain and @path, and write it back */
static inline void change_row(const struct copy *copy, const char *domain, const char *path,
			      void (*change)(struct backup_file *file))
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	char db[512];

	decrypt_manifest(copy);
	path_in(copy, "Manifest.db", db);
	assert_done(backup_manifest_open(&manifest, testing_open(db), &err), err);
	assert_done(backup_manifest_find(manifest, domain, path, &file, &err), err);
	change(&file);
	backup_file_id(file.domain, file.path, file.file_id);
	assert_done(backup_manifest_edit(&writer, db, &err), err);
	assert_done(backup_manifest_put(writer, &file, &err), err);
	assert_done(backup_manifest_finish(writer, &err), err);
}

#endif
