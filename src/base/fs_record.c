/*
 * fs_record - a journal of file operations, and the disks it could have left behind
 *
 * Power loss keeps what was synced and any part of the rest.  The model: bytes written
 * to a file before its last sync are there; each later write is there, missing, or torn
 * at a multiple of 512 bytes.  A name (created, renamed, removed) is certain once its folder was
 * synced; before that each such step may have happened or not.  A step on a name whose own
 * making was lost does not happen.  Seeded, so that a finding can be repeated.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum op_kind {
	OP_CREATE,
	OP_WRITE,
	OP_TRUNCATE,
	OP_SYNC,
	OP_DIR_SYNC,
	OP_RENAME,
	OP_UNLINK,
	OP_MKDIR,
	OP_RMDIR
};

struct op {
	enum op_kind kind;
	char *path, *to; /* relative to the root */
	uint32_t inode;
	uint64_t offset;
	uint8_t *bytes;
	size_t len; /* WRITE: of bytes; TRUNCATE: the new length is in offset */
};

/* a name in a folder tree; inode 0 is a folder */
struct name {
	char *path;
	uint32_t inode;
};

struct names {
	struct name *list;
	size_t count, cap;
};

enum { FD_MAX = 4096 };

struct fs_record {
	struct fs fs;
	struct fs *under;
	pthread_mutex_t lock; /* an operation and its line in the journal are one step */
	char root[4096];
	struct op *ops;
	size_t count, cap;
	struct names live; /* what the recorded program sees */
	uint32_t inodes;
	uint32_t fd_inode[FD_MAX];
};

static struct fs_record *self(struct fs *fs)
{
	return (struct fs_record *)fs;
}

static pthread_mutex_t *locked(struct fs_record *record)
{
	pthread_mutex_lock(&record->lock);
	return &record->lock;
}

static void unlock_p(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}

/* held until the end of the function */
#define HOLD(record) \
	CLEANUP(unlock_p) __attribute__((unused)) pthread_mutex_t *held = locked(record)

static struct name *names_find(const struct names *names, const char *path)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->list[i].path, path))
			return &names->list[i];
	return NULL;
}

static bool names_put(struct names *names, const char *path, uint32_t inode)
{
	struct name *name = names_find(names, path);

	if (name) {
		name->inode = inode;
		return true;
	}
	if (names->count == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		struct name *list = realloc(names->list, cap * sizeof(*list));

		if (!list)
			return false;
		names->list = list;
		names->cap = cap;
	}
	name = &names->list[names->count];
	*name = (struct name){strdup(path), inode};
	if (!name->path)
		return false;
	names->count++;
	return true;
}

static void names_remove(struct names *names, const char *path)
{
	struct name *name = names_find(names, path);

	if (!name)
		return;
	free(name->path);
	*name = names->list[--names->count];
}

/* moves a name and, for a folder, everything beneath it */
static bool names_rename(struct names *names, const char *from, const char *to)
{
	size_t from_len = strlen(from);
	struct name *name = names_find(names, from);
	uint32_t inode;

	if (!name)
		return true;
	inode = name->inode;
	names_remove(names, from);
	names_remove(names, to);
	for (size_t i = 0; i < names->count; i++) {
		char moved[8192];

		if (strncmp(names->list[i].path, from, from_len) != 0 ||
		    names->list[i].path[from_len] != '/')
			continue;
		snprintf(moved, sizeof(moved), "%.4000s%.4000s", to,
			 names->list[i].path + from_len);
		free(names->list[i].path);
		names->list[i].path = strdup(moved);
		if (!names->list[i].path)
			return false;
	}
	return names_put(names, to, inode);
}

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].path);
	free(names->list);
	*names = (struct names){0};
}

/* the part of @path beneath the root; NULL if it lies elsewhere */
static const char *beneath(struct fs_record *record, const char *path)
{
	size_t len = strlen(record->root);

	if (strncmp(path, record->root, len) != 0)
		return NULL;
	if (path[len] == 0)
		return "";
	return path[len] == '/' ? path + len + 1 : NULL;
}

/* appends an operation; -ENOMEM as the kernel would say it */
static int note(struct fs_record *record, struct op op, const char *path, const char *to,
		const void *bytes)
{
	if (record->count == record->cap) {
		size_t cap = record->cap ? record->cap * 2 : 256;
		struct op *ops = realloc(record->ops, cap * sizeof(*ops));

		if (!ops)
			return -ENOMEM;
		record->ops = ops;
		record->cap = cap;
	}
	if (path && !(op.path = strdup(path)))
		return -ENOMEM;
	if (to && !(op.to = strdup(to)))
		return -ENOMEM;
	if (bytes && op.len > 0) {
		op.bytes = malloc(op.len);
		if (!op.bytes)
			return -ENOMEM;
		memcpy(op.bytes, bytes, op.len);
	}
	record->ops[record->count++] = op;
	return 0;
}

static int record_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	const char *name = beneath(record, path);
	struct name *known = name ? names_find(&record->live, name) : NULL;
	int fd = record->under->open(record->under, path, flags, mode);
	uint32_t inode;
	int r = 0;

	if (fd < 0 || !name || fd >= FD_MAX)
		return fd;
	if (known) {
		inode = known->inode;
		if (flags & O_TRUNC)
			r = note(record, (struct op){.kind = OP_TRUNCATE, .inode = inode}, NULL,
				 NULL, NULL);
	} else if (flags & O_CREAT) {
		inode = ++record->inodes;
		r = names_put(&record->live, name, inode) ? 0 : -ENOMEM;
		if (r == 0)
			r = note(record, (struct op){.kind = OP_CREATE, .inode = inode}, name, NULL,
				 NULL);
	} else {
		inode = 0;
	}
	record->fd_inode[fd] = inode;
	if (r < 0)
		record->under->close(record->under, fd);
	return r < 0 ? r : fd;
}

static ssize_t record_pread(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset)
{
	return self(fs)->under->pread(self(fs)->under, fd, bytes, len, offset);
}

static uint32_t inode_of(struct fs_record *record, int fd)
{
	return fd >= 0 && fd < FD_MAX ? record->fd_inode[fd] : 0;
}

static ssize_t record_pwrite(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	ssize_t n = record->under->pwrite(record->under, fd, bytes, len, offset);
	struct op op = {.kind = OP_WRITE, .inode = inode_of(record, fd), .offset = offset};

	if (n <= 0 || op.inode == 0)
		return n;
	op.len = (size_t)n;
	return note(record, op, NULL, NULL, bytes) < 0 ? -ENOMEM : n;
}

static int record_truncate(struct fs *fs, int fd, uint64_t len)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	int r = record->under->truncate(record->under, fd, len);
	struct op op = {.kind = OP_TRUNCATE, .inode = inode_of(record, fd), .offset = len};

	return r < 0 || op.inode == 0 ? r : note(record, op, NULL, NULL, NULL);
}

static int record_sync(struct fs *fs, int fd)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	struct op op = {.kind = OP_SYNC, .inode = inode_of(record, fd)};

	/* the journal stands for the disk: the real sync would only cost time */
	return op.inode == 0 ? 0 : note(record, op, NULL, NULL, NULL);
}

static int record_dir_sync(struct fs *fs, const char *path)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	const char *name = beneath(record, path);

	return name ? note(record, (struct op){.kind = OP_DIR_SYNC}, name, NULL, NULL) : 0;
}

static int record_close(struct fs *fs, int fd)
{
	struct fs_record *record = self(fs);
	HOLD(record);

	if (fd >= 0 && fd < FD_MAX)
		record->fd_inode[fd] = 0;
	return record->under->close(record->under, fd);
}

static int note_rename(struct fs_record *record, const char *from, const char *to)
{
	const char *old_name = beneath(record, from), *new_name = beneath(record, to);

	if (!old_name || !new_name)
		return 0;
	if (!names_rename(&record->live, old_name, new_name))
		return -ENOMEM;
	return note(record, (struct op){.kind = OP_RENAME}, old_name, new_name, NULL);
}

static int record_rename(struct fs *fs, const char *from, const char *to)
{
	HOLD(self(fs));
	int r = self(fs)->under->rename(self(fs)->under, from, to);

	return r < 0 ? r : note_rename(self(fs), from, to);
}

static int record_rename_new(struct fs *fs, const char *from, const char *to)
{
	HOLD(self(fs));
	int r = self(fs)->under->rename_new(self(fs)->under, from, to);

	return r < 0 ? r : note_rename(self(fs), from, to);
}

static int note_removal(struct fs_record *record, enum op_kind kind, const char *path)
{
	const char *name = beneath(record, path);

	if (!name)
		return 0;
	names_remove(&record->live, name);
	return note(record, (struct op){.kind = kind}, name, NULL, NULL);
}

static int record_unlink(struct fs *fs, const char *path)
{
	HOLD(self(fs));
	int r = self(fs)->under->unlink(self(fs)->under, path);

	return r < 0 ? r : note_removal(self(fs), OP_UNLINK, path);
}

static int record_rmdir(struct fs *fs, const char *path)
{
	HOLD(self(fs));
	int r = self(fs)->under->rmdir(self(fs)->under, path);

	return r < 0 ? r : note_removal(self(fs), OP_RMDIR, path);
}

static int record_mkdir(struct fs *fs, const char *path, mode_t mode)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	const char *name = beneath(record, path);
	int r = record->under->mkdir(record->under, path, mode);

	if (r < 0 || !name)
		return r;
	if (!names_put(&record->live, name, 0))
		return -ENOMEM;
	return note(record, (struct op){.kind = OP_MKDIR}, name, NULL, NULL);
}

static int record_stat(struct fs *fs, const char *path, struct stat *st)
{
	return self(fs)->under->stat(self(fs)->under, path, st);
}

static int record_list(struct fs *fs, const char *path, int (*each)(void *arg, const char *name),
		       void *arg)
{
	return self(fs)->under->list(self(fs)->under, path, each, arg);
}

static int record_lock(struct fs *fs, int fd, bool is_exclusive)
{
	return self(fs)->under->lock(self(fs)->under, fd, is_exclusive);
}

int fs_record_new(struct fs_record **out, struct fs *under, const char *root, struct err *err)
{
	struct fs_record *record;

	if (strlen(root) >= sizeof(record->root))
		return err_set(err, ERR_LIMIT, "%.80s...: path too long", root);
	record = calloc(1, sizeof(*record));
	if (!record)
		return err_no_memory(err);
	record->fs = (struct fs){
		.open = record_open,
		.pread = record_pread,
		.pwrite = record_pwrite,
		.truncate = record_truncate,
		.sync = record_sync,
		.dir_sync = record_dir_sync,
		.close = record_close,
		.rename = record_rename,
		.rename_new = record_rename_new,
		.unlink = record_unlink,
		.mkdir = record_mkdir,
		.rmdir = record_rmdir,
		.stat = record_stat,
		.list = record_list,
		.lock = record_lock,
	};
	pthread_mutex_init(&record->lock, NULL);
	record->under = under;
	strcpy(record->root, root);
	*out = record;
	return 0;
}

void fs_record_free(struct fs_record *record)
{
	if (!record)
		return;
	for (size_t i = 0; i < record->count; i++) {
		free(record->ops[i].path);
		free(record->ops[i].to);
		free(record->ops[i].bytes);
	}
	free(record->ops);
	names_clear(&record->live);
	pthread_mutex_destroy(&record->lock);
	free(record);
}

struct fs *fs_record_fs(struct fs_record *record)
{
	return &record->fs;
}

size_t fs_record_count(const struct fs_record *record)
{
	return record->count;
}

/* ---- replay ---- */

struct replay {
	const struct fs_record *record;
	size_t count;
	uint64_t state; /* of the seeded choices */
	const char *into;
	struct err *err;
};

static uint64_t choose(struct replay *replay, uint64_t options)
{
	uint64_t z = replay->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % options;
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

static int replay_name(struct replay *replay, size_t index, struct names *names)
{
	const struct op *op = &replay->record->ops[index];
	const char *decides = op->kind == OP_RENAME ? op->to : op->path;
	bool ok = true;

	if (!name_is_certain(replay, index, decides) && choose(replay, 2))
		return 0;
	switch (op->kind) {
	case OP_CREATE:
		ok = names_put(names, op->path, op->inode);
		break;
	case OP_MKDIR:
		ok = names_put(names, op->path, 0);
		break;
	case OP_RENAME:
		ok = names_rename(names, op->path, op->to);
		break;
	case OP_UNLINK:
	case OP_RMDIR:
		names_remove(names, op->path);
		break;
	default:
		break;
	}
	return ok ? 0 : err_no_memory(replay->err);
}

/* write @len bytes of @op at its offset, growing with zeros */
static int put_bytes(struct replay *replay, struct buf *file, const struct op *op, size_t len)
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
	const struct op *op = &replay->record->ops[index];
	bool is_certain = bytes_are_certain(replay, index, op->inode);
	uint64_t fate = is_certain ? 0 : choose(replay, 3); /* there, missing, torn */
	static const struct op nothing;

	if (fate == 1)
		return 0;
	if (op->kind == OP_TRUNCATE) {
		struct op grown = nothing;

		grown.offset = op->offset;
		buf_truncate(file, (size_t)op->offset);
		return put_bytes(replay, file, &grown, 0);
	}
	return put_bytes(replay, file, op,
			 fate == 2 ? choose(replay, op->len / 512 + 1) * 512 : op->len);
}

static int write_out(struct replay *replay, const struct name *name)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(1u << 30);
	CLEANUP(close_p) int fd = -1;
	char path[8192];
	struct fs *fs = fs_system();
	int r;

	snprintf(path, sizeof(path), "%.4000s/%.4000s", replay->into, name->path);
	for (size_t i = 0; i < replay->count; i++) {
		const struct op *op = &replay->record->ops[i];

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
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static int write_tree(struct replay *replay, struct names *names)
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
	CLEANUP(names_clear) struct names names = {0};
	int r;

	for (size_t i = 0; i < replay.count; i++) {
		enum op_kind kind = record->ops[i].kind;

		if (kind == OP_WRITE || kind == OP_TRUNCATE || kind == OP_SYNC ||
		    kind == OP_DIR_SYNC)
			continue;
		r = replay_name(&replay, i, &names);
		if (r < 0)
			return r;
	}
	return write_tree(&replay, &names);
}
