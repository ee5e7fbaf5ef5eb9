/* fs_fault - a file table that fails on demand: full disks and broken syncs for tests */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>

static struct fs_fault *self(struct fs *fs)
{
	return (struct fs_fault *)fs;
}

/* counts a mutating operation; true when this one must fail.  Workers of one run share the table.
 */
static bool must_fail(struct fs_fault *fault)
{
	uint64_t nth = __atomic_fetch_add(&fault->seen, 1, __ATOMIC_RELAXED);

	if (fault->countdown < 0)
		return false;
	if (nth == (uint64_t)fault->countdown ||
	    (fault->is_sticky && nth > (uint64_t)fault->countdown)) {
		__atomic_store_n(&fault->has_fired, true, __ATOMIC_RELAXED);
		return true;
	}
	return false;
}

static int fault_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	if ((flags & O_CREAT) && must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->open(self(fs)->under, path, flags, mode);
}

static ssize_t fault_pread(struct fs *fs, int fd, void *bytes, size_t len, uint64_t offset)
{
	return self(fs)->under->pread(self(fs)->under, fd, bytes, len, offset);
}

static ssize_t fault_pwrite(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset)
{
	if (!must_fail(self(fs)))
		return self(fs)->under->pwrite(self(fs)->under, fd, bytes, len, offset);
	/* a disk fills up in the middle of a write: half of it arrives, the next call fails */
	if (len > 1)
		self(fs)->under->pwrite(self(fs)->under, fd, bytes, len / 2, offset);
	return -self(fs)->fail_errno;
}

static int fault_truncate(struct fs *fs, int fd, uint64_t len)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->truncate(self(fs)->under, fd, len);
}

static int fault_sync(struct fs *fs, int fd)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->sync(self(fs)->under, fd);
}

static int fault_dir_sync(struct fs *fs, const char *path)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->dir_sync(self(fs)->under, path);
}

static int fault_close(struct fs *fs, int fd)
{
	return self(fs)->under->close(self(fs)->under, fd);
}

static int fault_rename(struct fs *fs, const char *from, const char *to)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->rename(self(fs)->under, from, to);
}

static int fault_rename_new(struct fs *fs, const char *from, const char *to)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->rename_new(self(fs)->under, from, to);
}

static int fault_unlink(struct fs *fs, const char *path)
{
	/* removing gives space back: never refused for lack of it, but counted */
	if (must_fail(self(fs)) && self(fs)->fail_errno != ENOSPC)
		return -self(fs)->fail_errno;
	return self(fs)->under->unlink(self(fs)->under, path);
}

static int fault_mkdir(struct fs *fs, const char *path, mode_t mode)
{
	if (must_fail(self(fs)))
		return -self(fs)->fail_errno;
	return self(fs)->under->mkdir(self(fs)->under, path, mode);
}

static int fault_rmdir(struct fs *fs, const char *path)
{
	return self(fs)->under->rmdir(self(fs)->under, path);
}

static int fault_stat(struct fs *fs, const char *path, struct stat *st)
{
	return self(fs)->under->stat(self(fs)->under, path, st);
}

static int fault_list(struct fs *fs, const char *path, int (*each)(void *arg, const char *name),
		      void *arg)
{
	return self(fs)->under->list(self(fs)->under, path, each, arg);
}

static int fault_lock(struct fs *fs, int fd, bool is_exclusive)
{
	return self(fs)->under->lock(self(fs)->under, fd, is_exclusive);
}

void fs_fault_init(struct fs_fault *fault, struct fs *under, int64_t countdown, int fail_errno,
		   bool is_sticky)
{
	*fault = (struct fs_fault){
		.fs =
			{
				.open = fault_open,
				.pread = fault_pread,
				.pwrite = fault_pwrite,
				.truncate = fault_truncate,
				.sync = fault_sync,
				.dir_sync = fault_dir_sync,
				.close = fault_close,
				.rename = fault_rename,
				.rename_new = fault_rename_new,
				.unlink = fault_unlink,
				.mkdir = fault_mkdir,
				.rmdir = fault_rmdir,
				.stat = fault_stat,
				.list = fault_list,
				.lock = fault_lock,
			},
		.under = under,
		.countdown = countdown,
		.fail_errno = fail_errno,
		.is_sticky = is_sticky,
	};
}
