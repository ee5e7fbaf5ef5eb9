/*
 * fs_replay - the disks that a journal of file operations could have left behind
 *
 * Power loss keeps what was synced and any part of the rest.  The model: bytes written
 * to a file before its last sync are there; each later write is there, missing, or torn
 * at a multiple of 512 bytes.  A name (created, renamed, removed) is certain once its folder was
 * synced; before that each such step may have happened or not.  A step on a name whose own
 * making was lost does not happen.  Seeded, so that a finding can be repeated.
 */
#include "base/fs_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct replay {
	const struct fs_record *record;
	size_t count;
	uint64_t state; /* of the seeded choices */
	const char *into;
	struct err *err;
};

static uint64_t choose(struct replay *replay, uint64_t options)
{
	return splitmix64(&replay->state) % options;
}

static bool same_folder(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	return strlen(folder) == len && !strncmp(path, folder, len);
}

/* did a sync of the folder that holds @path follow operation @index? */
static bool name_is_certain(const struct replay *replay, size_t index, const char *path)
{
	for (size_t i = index + 1; i < replay->count; i++)
		if (replay->record->ops[i].kind == OP_DIR_SYNC &&
		    same_folder(path, replay->record->ops[i].path))
			return true;
	return false;
}

static bool bytes_are_certain(const struct replay *replay, size_t index, uint32_t inode)
{
	for (size_t i = index + 1; i < replay->count; i++)
		if (replay->record->ops[i].kind == OP_SYNC && replay->record->ops[i].inode == inode)
			return true;
	return false;
}

static int replay_name(struct replay *replay, size_t index, struct fs_names *names)
{
	const struct fs_op *op = &replay->record->ops[index];
	const char *decides = op->kind == OP_RENAME ? op->to : op->path;
	bool ok = true;

	if (!name_is_certain(replay, index, decides) && choose(replay, 2))
		return 0;
	switch (op->kind) {
	case OP_CREATE:
		ok = fs_names_put(names, op->path, op->inode);
		break;
	case OP_MKDIR:
		ok = fs_names_put(names, op->path, 0);
		break;
	case OP_RENAME:
		ok = fs_names_rename(names, op->path, op->to);
		break;
	case OP_UNLINK:
	case OP_RMDIR:
		fs_names_remove(names, op->path);
		break;
	default:
		break;
	}
	return ok ? 0 : err_no_memory(replay->err);
}

/* write @len bytes of @op at its offset, growing with zeros */
static int put_bytes(struct replay *replay, struct buf *file, const struct fs_op *op, size_t len)
{
	size_t end = (size_t)op->offset + len;
	int r;

	if (end > file->len) {
		r = buf_reserve(file, end - file->len, replay->err);
		if (r < 0)
			return r;
		memset(file->bytes + file->len, 0, end - file->len);
		file->len = end;
	}
	if (len > 0)
		memcpy(file->bytes + op->offset, op->bytes, len);
	return 0;
}

static int replay_bytes(struct replay *replay, size_t index, struct buf *file)
{
	const struct fs_op *op = &replay->record->ops[index];
	bool is_certain = bytes_are_certain(replay, index, op->inode);
	uint64_t fate = is_certain ? 0 : choose(replay, 3); /* there, missing, torn */
	static const struct fs_op nothing;

	if (fate == 1)
		return 0;
	if (op->kind == OP_TRUNCATE) {
		struct fs_op grown = nothing;

		grown.offset = op->offset;
		buf_truncate(file, (size_t)op->offset);
		return put_bytes(replay, file, &grown, 0);
	}
	return put_bytes(replay, file, op,
			 fate == 2 ? choose(replay, op->len / 512 + 1) * 512 : op->len);
}

static int write_out(struct replay *replay, const struct fs_name *name)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(1u << 30);
	CLEANUP(close_p) int fd = -1;
	char path[8192];
	struct fs *fs = fs_system();
	int r;

	snprintf(path, sizeof(path), "%.4000s/%.4000s", replay->into, name->path);
	for (size_t i = 0; i < replay->count; i++) {
		const struct fs_op *op = &replay->record->ops[i];

		if (op->inode != name->inode || (op->kind != OP_WRITE && op->kind != OP_TRUNCATE))
			continue;
		r = replay_bytes(replay, i, &file);
		if (r < 0)
			return r;
	}
	fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -ENOENT)
		return 0; /* its folder was lost with all in it */
	if (fd < 0)
		return err_set_errno(replay->err, -fd, "replay %s", path);
	return fs_pwrite_all(fs, fd, file.bytes, file.len, 0, replay->err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct fs_name *)a)->path, ((const struct fs_name *)b)->path);
}

static int write_tree(struct replay *replay, struct fs_names *names)
{
	struct fs *fs = fs_system();
	int r;

	/* sorted, a folder comes before what it holds */
	if (names->count > 0)
		qsort(names->list, names->count, sizeof(*names->list), by_path);
	for (size_t i = 0; i < names->count; i++) {
		char path[8192];

		if (names->list[i].inode != 0) {
			r = write_out(replay, &names->list[i]);
			if (r < 0)
				return r;
			continue;
		}
		snprintf(path, sizeof(path), "%.4000s/%.4000s", replay->into, names->list[i].path);
		r = fs->mkdir(fs, path, 0700);
		if (r < 0 && r != -EEXIST && r != -ENOENT)
			return err_set_errno(replay->err, -r, "replay %s", path);
	}
	return 0;
}

int fs_replay(const struct fs_record *record, size_t count, uint64_t seed, const char *into,
	      struct err *err)
{
	struct replay replay = {record, count < record->count ? count : record->count, seed, into,
				err};
	CLEANUP(fs_names_clear) struct fs_names names = {0};
	int r;

	for (size_t i = 0; i < replay.count; i++) {
		enum fs_op_kind kind = record->ops[i].kind;

		if (kind == OP_WRITE || kind == OP_TRUNCATE || kind == OP_SYNC ||
		    kind == OP_DIR_SYNC)
			continue;
		r = replay_name(&replay, i, &names);
		if (r < 0)
			return r;
	}
	return write_tree(&replay, &names);
}
