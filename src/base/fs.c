/* fs - the kernel's file operations as a table, and whole-file helpers over any table */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static int negative_errno(int result)
{
	return result < 0 ? -errno : result;
}

static int sys_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	return negative_errno(open(path, flags | O_CLOEXEC, mode));
}

static ssize_t sys_pread(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd, bytes, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t sys_pwrite(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset)
{
	ssize_t n;

	do
		n = pwrite(fd, bytes, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int sys_truncate(struct fs *fs, int fd, uint64_t len)
{
	return negative_errno(ftruncate(fd, (off_t)len));
}

static int sys_sync(struct fs *fs, int fd)
{
	return negative_errno(fdatasync(fd));
}

static int sys_dir_sync(struct fs *fs, const char *path)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return negative_errno(fsync(fd));
}

static int sys_close(struct fs *fs, int fd)
{
	return negative_errno(close(fd));
}

static int sys_rename(struct fs *fs, const char *from, const char *to)
{
	return negative_errno(rename(from, to));
}

static int sys_rename_new(struct fs *fs, const char *from, const char *to)
{
	int r = negative_errno(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));

	if (r != -EINVAL && r != -ENOSYS)
		return r;
	/* a file system without RENAME_NOREPLACE: link is as atomic, for files */
	r = negative_errno(link(from, to));
	return r < 0 ? r : negative_errno(unlink(from));
}

static int sys_unlink(struct fs *fs, const char *path)
{
	return negative_errno(unlink(path));
}

static int sys_mkdir(struct fs *fs, const char *path, mode_t mode)
{
	return negative_errno(mkdir(path, mode));
}

static int sys_rmdir(struct fs *fs, const char *path)
{
	return negative_errno(rmdir(path));
}

static int sys_stat(struct fs *fs, const char *path, struct stat *st)
{
	return negative_errno(lstat(path, st));
}

static int sys_list(struct fs *fs, const char *path, int (*each)(void *arg, const char *name),
		    void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(arg, entry->d_name);
	if (r == 0 && errno)
		r = -errno;
	closedir(dir);
	return r;
}

static int sys_lock(struct fs *fs, int fd, bool is_exclusive)
{
	return negative_errno(flock(fd, (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

struct fs *fs_system(void)
{
	static struct fs fs = {
		.open = sys_open,
		.pread = sys_pread,
		.pwrite = sys_pwrite,
		.truncate = sys_truncate,
		.sync = sys_sync,
		.dir_sync = sys_dir_sync,
		.close = sys_close,
		.rename = sys_rename,
		.rename_new = sys_rename_new,
		.unlink = sys_unlink,
		.mkdir = sys_mkdir,
		.rmdir = sys_rmdir,
		.stat = sys_stat,
		.list = sys_list,
		.lock = sys_lock,
	};

	return &fs;
}

int fs_pread_all(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset, struct err *err)
{
	uint8_t *at = bytes;
	size_t done = 0;

	while (done < len) {
		ssize_t n = fs->pread(fs, fd, at + done, len - done, offset + done);

		if (n < 0)
			return err_set_errno(err, (int)-n, "read");
		if (n == 0)
			return err_set(err, ERR_CORRUPT, "ends early: %zu of %zu bytes at %llu",
				       done, len, (unsigned long long)offset);
		done += (size_t)n;
	}
	return 0;
}

int fs_pwrite_all(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset,
		  struct err *err)
{
	const uint8_t *at = bytes;
	size_t done = 0;

	while (done < len) {
		ssize_t n = fs->pwrite(fs, fd, at + done, len - done, offset + done);

		if (n < 0)
			return err_set_errno(err, (int)-n, "write");
		if (n == 0)
			return err_set(err, ERR_IO, "write: nothing was taken");
		done += (size_t)n;
	}
	return 0;
}

static int read_open_file(struct fs *fs, int fd, struct buf *out, struct err *err)
{
	enum { STEP = 64 << 10 };

	for (uint64_t offset = 0;;) {
		ssize_t n;
		/* one byte more than the limit allows shows that the file is too large */
		size_t room = out->max - out->len < STEP ? out->max - out->len : STEP;
		uint8_t beyond;
		int r;

		if (room == 0) {
			n = fs->pread(fs, fd, &beyond, 1, offset);
			if (n > 0)
				return err_set(err, ERR_LIMIT, "larger than %zu bytes", out->max);
			return n < 0 ? err_set_errno(err, (int)-n, "read") : 0;
		}
		r = buf_reserve(out, room, err);
		if (r < 0)
			return r;
		n = fs->pread(fs, fd, out->bytes + out->len, room, offset);
		if (n < 0)
			return err_set_errno(err, (int)-n, "read");
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		offset += (uint64_t)n;
	}
}

int fs_read_file(struct fs *fs, const char *path, struct buf *out, struct err *err)
{
	size_t before = out->len;
	int fd = fs->open(fs, path, O_RDONLY | O_NOFOLLOW, 0);
	int r;

	if (fd < 0)
		return err_set_errno(err, -fd, "%s", path);
	r = read_open_file(fs, fd, out, err);
	fs->close(fs, fd);
	if (r < 0) {
		out->len = before;
		return err_wrap(err, r, "%s", path);
	}
	return 0;
}

int fs_write_synced(struct fs *fs, const char *path, struct slice bytes, mode_t mode,
		    struct err *err)
{
	int fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
	int r, s;

	if (fd < 0)
		return err_set_errno(err, -fd, "create");
	r = fs_pwrite_all(fs, fd, bytes.bytes, bytes.len, 0, err);
	if (r == 0 && (s = fs->sync(fs, fd)) < 0)
		r = err_set_errno(err, -s, "sync");
	s = fs->close(fs, fd);
	if (r == 0 && s < 0)
		r = err_set_errno(err, -s, "close");
	return r;
}

/* the folder that holds @path, into @out */
static int parent_of(const char *path, char *out, size_t out_len, struct err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 1;

	if (slash == path)
		len = 1;
	if (len >= out_len)
		return err_set(err, ERR_LIMIT, "%.80s...: path too long", path);
	memcpy(out, slash ? path : ".", len);
	out[len] = 0;
	return 0;
}

/* write_and_name - under @temporary first, then by @name_it to @path */
static int write_and_name(struct fs *fs, const char *temporary, const char *path,
			  int (*name_it)(struct fs *fs, const char *from, const char *to),
			  struct slice bytes, mode_t mode, struct err *err)
{
	char parent[4096];
	int r, s;

	r = parent_of(path, parent, sizeof(parent), err);
	if (r < 0)
		return r;
	r = fs_write_synced(fs, temporary, bytes, mode ? mode : 0600, err);
	if (r == 0 && (s = name_it(fs, temporary, path)) < 0)
		r = s == -EEXIST ? err_set(err, ERR_EXISTS, "it is there already")
				 : err_set_errno(err, -s, "rename");
	if (r == 0 && (s = fs->dir_sync(fs, parent)) < 0)
		r = err_set_errno(err, -s, "sync the folder");
	if (r < 0) {
		fs->unlink(fs, temporary);
		return err_wrap(err, r, "%s", path);
	}
	return 0;
}

int fs_write_file(struct fs *fs, const char *path, struct slice bytes, mode_t mode, struct err *err)
{
	char temporary[4096];

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary))
		return err_set(err, ERR_LIMIT, "%.80s...: path too long", path);
	return write_and_name(fs, temporary, path, fs->rename, bytes, mode, err);
}

int fs_write_new(struct fs *fs, const char *path, struct slice bytes, mode_t mode, struct err *err)
{
	char temporary[4096];

	/* several processes may want the name at once, each with bytes of its own */
	if (snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid()) >=
	    (int)sizeof(temporary))
		return err_set(err, ERR_LIMIT, "%.80s...: path too long", path);
	return write_and_name(fs, temporary, path, fs->rename_new, bytes, mode, err);
}

int fs_mkdirs(struct fs *fs, const char *path, mode_t mode, struct err *err)
{
	char partial[4096];
	size_t len = strlen(path);
	struct stat st;
	int r;

	if (len == 0 || len >= sizeof(partial))
		return err_set(err, ERR_USAGE, "folder name of %zu bytes", len);
	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		memcpy(partial, path, i);
		partial[i] = 0;
		r = fs->mkdir(fs, partial, mode);
		if (r == -EEXIST)
			continue;
		/* a parent that may not be written to may still exist */
		if (r < 0 && i < len && fs->stat(fs, partial, &st) == 0)
			continue;
		if (r < 0)
			return err_set_errno(err, -r, "make folder %s", partial);
	}
	/* stat, not fs->stat: a symlink to a folder serves as well */
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s: is not a folder", path);
	return 0;
}

struct removal {
	struct fs *fs;
	const char *path;
	struct err *err;
	int depth;
	int failed; /* what a child came to: errno and our codes must not be mixed up in list() */
};

static int remove_any(struct fs *fs, const char *path, int depth, struct err *err);

static int remove_child(void *arg, const char *name)
{
	struct removal *removal = arg;
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", removal->path, name) >= (int)sizeof(path))
		removal->failed =
			err_set(removal->err, ERR_LIMIT, "%.80s...: path too long", removal->path);
	else
		removal->failed = remove_any(removal->fs, path, removal->depth + 1, removal->err);
	return removal->failed;
}

static int remove_any(struct fs *fs, const char *path, int depth, struct err *err)
{
	struct removal removal = {fs, path, err, depth, 0};
	struct stat st;
	int r = fs->stat(fs, path, &st);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, -r, "%s", path);
	if (depth > 64)
		return err_set(err, ERR_LIMIT, "%.200s: nested too deep", path);
	if (!S_ISDIR(st.st_mode)) {
		r = fs->unlink(fs, path);
		return r < 0 && r != -ENOENT ? err_set_errno(err, -r, "remove %s", path) : 0;
	}
	r = fs->list(fs, path, remove_child, &removal);
	if (removal.failed < 0)
		return removal.failed;
	if (r < 0)
		return err_set_errno(err, -r, "list %s", path);
	r = fs->rmdir(fs, path);
	return r < 0 && r != -ENOENT ? err_set_errno(err, -r, "remove %s", path) : 0;
}

int fs_remove_tree(struct fs *fs, const char *path, struct err *err)
{
	return remove_any(fs, path, 0, err);
}
