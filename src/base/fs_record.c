/*
 * fs_record - a journal of file operations
 *
 * A table that passes everything on and writes down what changes the disk; fs_replay.c builds
 * from it what a power loss could have left.  For tests.
 */
#include "base/fs_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

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
static int note(struct fs_record *record, struct fs_op op, const char *path, const char *to,
		const void *bytes)
{
	if (record->count == record->cap) {
		size_t cap = record->cap ? record->cap * 2 : 256;
		struct fs_op *ops = realloc(record->ops, cap * sizeof(*ops));

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
	struct fs_name *known = name ? fs_names_find(&record->live, name) : NULL;
	int fd = record->under->open(record->under, path, flags, mode);
	uint32_t inode;
	int r = 0;

	if (fd < 0 || !name || fd >= FS_RECORD_FD_MAX)
		return fd;
	if (known) {
		inode = known->inode;
		if (flags & O_TRUNC)
			r = note(record, (struct fs_op){.kind = OP_TRUNCATE, .inode = inode}, NULL,
				 NULL, NULL);
	} else if (flags & O_CREAT) {
		inode = ++record->inodes;
		r = fs_names_put(&record->live, name, inode) ? 0 : -ENOMEM;
		if (r == 0)
			r = note(record, (struct fs_op){.kind = OP_CREATE, .inode = inode}, name,
				 NULL, NULL);
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
	return fd >= 0 && fd < FS_RECORD_FD_MAX ? record->fd_inode[fd] : 0;
}

static ssize_t record_pwrite(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	ssize_t n = record->under->pwrite(record->under, fd, bytes, len, offset);
	struct fs_op op = {.kind = OP_WRITE, .inode = inode_of(record, fd), .offset = offset};

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
	struct fs_op op = {.kind = OP_TRUNCATE, .inode = inode_of(record, fd), .offset = len};

	return r < 0 || op.inode == 0 ? r : note(record, op, NULL, NULL, NULL);
}

static int record_sync(struct fs *fs, int fd)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	struct fs_op op = {.kind = OP_SYNC, .inode = inode_of(record, fd)};

	/* the journal stands for the disk: the real sync would only cost time */
	return op.inode == 0 ? 0 : note(record, op, NULL, NULL, NULL);
}

static int record_dir_sync(struct fs *fs, const char *path)
{
	struct fs_record *record = self(fs);
	HOLD(record);
	const char *name = beneath(record, path);

	return name ? note(record, (struct fs_op){.kind = OP_DIR_SYNC}, name, NULL, NULL) : 0;
}

static int record_close(struct fs *fs, int fd)
{
	struct fs_record *record = self(fs);
	HOLD(record);

	if (fd >= 0 && fd < FS_RECORD_FD_MAX)
		record->fd_inode[fd] = 0;
	return record->under->close(record->under, fd);
}

static int note_rename(struct fs_record *record, const char *from, const char *to)
{
	const char *old_name = beneath(record, from), *new_name = beneath(record, to);

	if (!old_name || !new_name)
		return 0;
	if (!fs_names_rename(&record->live, old_name, new_name))
		return -ENOMEM;
	return note(record, (struct fs_op){.kind = OP_RENAME}, old_name, new_name, NULL);
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

static int note_removal(struct fs_record *record, enum fs_op_kind kind, const char *path)
{
	const char *name = beneath(record, path);

	if (!name)
		return 0;
	fs_names_remove(&record->live, name);
	return note(record, (struct fs_op){.kind = kind}, name, NULL, NULL);
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
	if (!fs_names_put(&record->live, name, 0))
		return -ENOMEM;
	return note(record, (struct fs_op){.kind = OP_MKDIR}, name, NULL, NULL);
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
	fs_names_clear(&record->live);
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
