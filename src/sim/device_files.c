/*
 * device_files - the file table of a device
 *
 * One row for each file, directory and link, in the order of birth (id).  Rows are read one at a
 * time: a device with a million of them costs no more memory than one with ten.
 */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS files("
	"id INTEGER PRIMARY KEY, file_id BLOB NOT NULL, domain TEXT NOT NULL, path TEXT NOT NULL,"
	"flags INTEGER, mode INTEGER, inode INTEGER, uid INTEGER, gid INTEGER,"
	"modified INTEGER, changed INTEGER, born INTEGER, size INTEGER,"
	"class INTEGER, bsd_flags INTEGER, target TEXT, xattrs BLOB, xattr_len INTEGER,"
	"kind INTEGER, content INTEGER, version INTEGER, revision INTEGER,"
	"pack INTEGER, offset INTEGER, stored_len INTEGER);";
static const char index_make[] = "CREATE UNIQUE INDEX IF NOT EXISTS files_by_id ON files(file_id);";

#define COLUMNS                                                                                   \
	"id, file_id, domain, path, flags, mode, inode, uid, gid, modified, changed, born, size," \
	" class, bsd_flags, target, xattrs, xattr_len, kind, content, version, revision, pack, "  \
	"offset, stored_len"
enum {
	AT_ID,
	AT_FILE_ID,
	AT_DOMAIN,
	AT_PATH,
	AT_FLAGS,
	AT_MODE,
	AT_INODE,
	AT_UID,
	AT_GID,
	AT_MODIFIED,
	AT_CHANGED,
	AT_BORN,
	AT_SIZE,
	AT_CLASS,
	AT_BSD_FLAGS,
	AT_TARGET,
	AT_XATTRS,
	AT_XATTR_LEN,
	AT_KIND,
	AT_CONTENT,
	AT_VERSION,
	AT_REVISION,
	AT_PACK,
	AT_OFFSET,
	AT_STORED_LEN,
};

struct sim_files {
	sqlite3 *db;
	sqlite3_stmt *walk, *get, *find, *insert, *update, *remove;
};

static int prepare_all(struct sim_files *files, struct err *err)
{
	int r;

	r = sim_store_prepare(files->db, &files->get, "SELECT " COLUMNS " FROM files WHERE id = ?1",
			      err);
	if (r == 0)
		r = sim_store_prepare(files->db, &files->find,
				      "SELECT " COLUMNS " FROM files WHERE file_id = ?1", err);
	if (r == 0)
		r = sim_store_prepare(files->db, &files->insert,
				      "INSERT INTO files(" COLUMNS
				      ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,"
				      "?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25)",
				      err);
	if (r == 0)
		r = sim_store_prepare(files->db, &files->update,
				      "UPDATE files SET flags=?5, mode=?6, inode=?7, uid=?8, "
				      "gid=?9, modified=?10,"
				      " changed=?11, born=?12, size=?13, class=?14, bsd_flags=?15, "
				      "target=?16, xattrs=?17,"
				      " xattr_len=?18, kind=?19, content=?20, version=?21, "
				      "revision=?22, pack=?23,"
				      " offset=?24, stored_len=?25 WHERE id=?1",
				      err);
	if (r == 0)
		r = sim_store_prepare(files->db, &files->remove, "DELETE FROM files WHERE id = ?1",
				      err);
	return r;
}

int sim_files_open(struct sim_files **out, const struct sim_device *device, struct err *err)
{
	char path[SIM_FOLDER_MAX + 64];

	return sim_files_open_at(out, sim_device_path(device, "files.db", path), err);
}

int sim_files_open_at(struct sim_files **out, const char *path, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return err_no_memory(err);
	r = sim_store_open(&files->db, path, false, err);
	if (r == 0)
		r = sim_store_exec(files->db, schema, err);
	if (r == 0)
		r = prepare_all(files, err);
	if (r < 0)
		return r;
	*out = STEAL(files);
	return 0;
}

void sim_files_close_p(struct sim_files **pointer)
{
	struct sim_files *files = *pointer;

	if (!files)
		return;
	sim_store_finalize_p(&files->walk);
	sim_store_finalize_p(&files->get);
	sim_store_finalize_p(&files->find);
	sim_store_finalize_p(&files->insert);
	sim_store_finalize_p(&files->update);
	sim_store_finalize_p(&files->remove);
	sim_store_close_p(&files->db);
	free(files);
	*pointer = NULL;
}

int sim_files_begin(struct sim_files *files, bool is_writing, struct err *err)
{
	return sim_store_exec(files->db, is_writing ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

int sim_files_commit(struct sim_files *files, struct err *err)
{
	/* a walk that is not at its end would keep the transaction open */
	sim_store_finalize_p(&files->walk);
	sqlite3_reset(files->get);
	sqlite3_reset(files->find);
	return sim_store_exec(files->db, "COMMIT", err);
}

/* ---- reading ---- */

static struct slice blob_at(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);

	return bytes ? slice_of(bytes, (size_t)sqlite3_column_bytes(statement, column))
		     : SLICE_EMPTY;
}

static int row_take(sqlite3_stmt *statement, struct sim_file *file, struct err *err)
{
	struct slice file_id = blob_at(statement, AT_FILE_ID);

	*file = (struct sim_file){0};
	file->row.domain = (const char *)sqlite3_column_text(statement, AT_DOMAIN);
	file->row.path = (const char *)sqlite3_column_text(statement, AT_PATH);
	if (file_id.len != 20 || !file->row.domain || !file->row.path)
		return err_set(err, ERR_CORRUPT, "device folder: the file table has a damaged row");
	hex_encode(file_id.bytes, file_id.len, file->row.file_id);
	file->id = sqlite3_column_int64(statement, AT_ID);
	file->row.flags = sqlite3_column_int64(statement, AT_FLAGS);
	file->row.mode = (uint32_t)sqlite3_column_int64(statement, AT_MODE);
	file->row.inode = sqlite3_column_int64(statement, AT_INODE);
	file->row.uid = sqlite3_column_int64(statement, AT_UID);
	file->row.gid = sqlite3_column_int64(statement, AT_GID);
	file->row.modified = sqlite3_column_int64(statement, AT_MODIFIED);
	file->row.changed = sqlite3_column_int64(statement, AT_CHANGED);
	file->row.born = sqlite3_column_int64(statement, AT_BORN);
	file->row.size = (uint64_t)sqlite3_column_int64(statement, AT_SIZE);
	file->row.protection_class = sqlite3_column_int64(statement, AT_CLASS);
	file->row.bsd_flags = sqlite3_column_int64(statement, AT_BSD_FLAGS);
	file->row.target = (const char *)sqlite3_column_text(statement, AT_TARGET);
	file->row.xattrs = blob_at(statement, AT_XATTRS);
	file->xattr_len = (uint32_t)sqlite3_column_int(statement, AT_XATTR_LEN);
	file->kind = (enum sim_kind)sqlite3_column_int(statement, AT_KIND);
	file->content = (uint64_t)sqlite3_column_int64(statement, AT_CONTENT);
	file->version = (uint64_t)sqlite3_column_int64(statement, AT_VERSION);
	file->revision = (uint64_t)sqlite3_column_int64(statement, AT_REVISION);
	file->pack = sqlite3_column_int64(statement, AT_PACK);
	file->offset = (uint64_t)sqlite3_column_int64(statement, AT_OFFSET);
	file->stored_len = (uint64_t)sqlite3_column_int64(statement, AT_STORED_LEN);
	return 0;
}

int sim_files_rewind(struct sim_files *files, enum sim_files_order order, struct err *err)
{
	static const char *const queries[] = {
		[SIM_FILES_BORN] = "SELECT " COLUMNS " FROM files ORDER BY id",
		[SIM_FILES_ID] = "SELECT " COLUMNS " FROM files ORDER BY file_id",
		[SIM_FILES_NAME] = "SELECT " COLUMNS " FROM files ORDER BY domain, path",
	};

	sim_store_finalize_p(&files->walk);
	return sim_store_prepare(files->db, &files->walk, queries[order], err);
}

int sim_files_rewind_domain(struct sim_files *files, const char *domain, struct err *err)
{
	int r;

	sim_store_finalize_p(&files->walk);
	r = sim_store_prepare(files->db, &files->walk,
			      "SELECT " COLUMNS " FROM files WHERE domain = ?1", err);
	if (r == 0)
		sqlite3_bind_text(files->walk, 1, domain, -1, SQLITE_TRANSIENT);
	return r;
}

int sim_files_next(struct sim_files *files, struct sim_file *file, struct err *err)
{
	int r = sim_store_step(files->walk, err);

	if (r < 0)
		return r;
	return r == SIM_STORE_ROW ? row_take(files->walk, file, err) : SIM_FILES_END;
}

static int take_one(sqlite3_stmt *statement, struct sim_file *file, struct err *err)
{
	int r = sim_store_step(statement, err);

	if (r < 0)
		return r;
	return r == SIM_STORE_ROW ? row_take(statement, file, err) : SIM_FILES_ABSENT;
}

int sim_files_get(struct sim_files *files, int64_t id, struct sim_file *file, struct err *err)
{
	sqlite3_reset(files->get);
	sqlite3_bind_int64(files->get, 1, id);
	return take_one(files->get, file, err);
}

int sim_files_find(struct sim_files *files, const char *file_id, struct sim_file *file,
		   struct err *err)
{
	uint8_t id[20];

	if (!hex_decode(file_id, id, sizeof(id)))
		return SIM_FILES_ABSENT;
	sqlite3_reset(files->find);
	sqlite3_bind_blob(files->find, 1, id, sizeof(id), SQLITE_TRANSIENT);
	return take_one(files->find, file, err);
}

/* ---- writing ---- */

static void bind_row(sqlite3_stmt *statement, const struct sim_file *file)
{
	const struct backup_file *row = &file->row;

	sqlite3_bind_int64(statement, AT_FLAGS + 1, row->flags);
	sqlite3_bind_int64(statement, AT_MODE + 1, row->mode);
	sqlite3_bind_int64(statement, AT_INODE + 1, row->inode);
	sqlite3_bind_int64(statement, AT_UID + 1, row->uid);
	sqlite3_bind_int64(statement, AT_GID + 1, row->gid);
	sqlite3_bind_int64(statement, AT_MODIFIED + 1, row->modified);
	sqlite3_bind_int64(statement, AT_CHANGED + 1, row->changed);
	sqlite3_bind_int64(statement, AT_BORN + 1, row->born);
	sqlite3_bind_int64(statement, AT_SIZE + 1, (int64_t)row->size);
	sqlite3_bind_int64(statement, AT_CLASS + 1, row->protection_class);
	sqlite3_bind_int64(statement, AT_BSD_FLAGS + 1, row->bsd_flags);
	sqlite3_bind_text(statement, AT_TARGET + 1, row->target, -1, SQLITE_STATIC);
	if (row->xattrs.len)
		sqlite3_bind_blob(statement, AT_XATTRS + 1, row->xattrs.bytes, (int)row->xattrs.len,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, AT_XATTRS + 1);
	sqlite3_bind_int64(statement, AT_XATTR_LEN + 1, file->xattr_len);
	sqlite3_bind_int64(statement, AT_KIND + 1, file->kind);
	sqlite3_bind_int64(statement, AT_CONTENT + 1, (int64_t)file->content);
	sqlite3_bind_int64(statement, AT_VERSION + 1, (int64_t)file->version);
	sqlite3_bind_int64(statement, AT_REVISION + 1, (int64_t)file->revision);
	sqlite3_bind_int64(statement, AT_PACK + 1, file->pack);
	sqlite3_bind_int64(statement, AT_OFFSET + 1, (int64_t)file->offset);
	sqlite3_bind_int64(statement, AT_STORED_LEN + 1, (int64_t)file->stored_len);
}

int sim_files_insert(struct sim_files *files, struct sim_file *file, struct err *err)
{
	uint8_t id[20];
	int r;

	backup_file_id(file->row.domain, file->row.path, file->row.file_id);
	hex_decode(file->row.file_id, id, sizeof(id));
	bind_row(files->insert, file);
	sqlite3_bind_null(files->insert, AT_ID + 1);
	sqlite3_bind_blob(files->insert, AT_FILE_ID + 1, id, sizeof(id), SQLITE_STATIC);
	sqlite3_bind_text(files->insert, AT_DOMAIN + 1, file->row.domain, -1, SQLITE_STATIC);
	sqlite3_bind_text(files->insert, AT_PATH + 1, file->row.path, -1, SQLITE_STATIC);
	r = sim_store_run(files->insert, err);
	if (r == 0)
		file->id = sqlite3_last_insert_rowid(files->db);
	return r;
}

int sim_files_update(struct sim_files *files, const struct sim_file *file, struct err *err)
{
	bind_row(files->update, file);
	sqlite3_bind_int64(files->update, AT_ID + 1, file->id);
	return sim_store_run(files->update, err);
}

int sim_files_remove(struct sim_files *files, int64_t id, struct err *err)
{
	sqlite3_bind_int64(files->remove, 1, id);
	return sim_store_run(files->remove, err);
}

/* ---- questions about all ---- */

static int one_row(struct sim_files *files, sqlite3_stmt **statement, const char *sql,
		   struct err *err)
{
	int r = sim_store_prepare(files->db, statement, sql, err);

	return r < 0 ? r : sim_store_step(*statement, err);
}

int sim_files_count(struct sim_files *files, uint64_t *rows, uint64_t *regular, uint64_t *bytes,
		    struct err *err)
{
	CLEANUP(sim_store_finalize_p) sqlite3_stmt *statement = NULL;
	int r = one_row(files, &statement,
			"SELECT count(*), total(flags = 1), total(size) FROM files", err);

	if (r < 0)
		return r;
	*rows = (uint64_t)sqlite3_column_int64(statement, 0);
	*regular = (uint64_t)sqlite3_column_double(statement, 1);
	*bytes = (uint64_t)sqlite3_column_double(statement, 2);
	return 0;
}

int sim_files_pack_is_used(struct sim_files *files, int64_t pack, bool *is_used, struct err *err)
{
	CLEANUP(sim_store_finalize_p) sqlite3_stmt *statement = NULL;
	int r = sim_store_prepare(files->db, &statement,
				  "SELECT 1 FROM files WHERE pack = ?1 LIMIT 1", err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, pack);
	r = sim_store_step(statement, err);
	*is_used = r == SIM_STORE_ROW;
	return r < 0 ? r : 0;
}

int sim_files_index(struct sim_files *files, struct err *err)
{
	return sim_store_exec(files->db, index_make, err);
}

int sim_files_clear(struct sim_files *files, struct err *err)
{
	return sim_store_exec(files->db, "DELETE FROM files", err);
}
