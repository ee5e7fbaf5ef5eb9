/*
 * store/testing_faulty - a file system for SQLite that fails when it is told to
 */
#ifndef REHOME_STORE_TESTING_FAULTY_H
#define REHOME_STORE_TESTING_FAULTY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

/* stands between SQLite and the system's VFS: the countdown-th write, sync or truncation fails,
 * and with is_sticky all later ones */
static struct {
	int countdown;
	bool is_sticky, has_fired;
} fault;

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *under;
};

static bool is_failing(void)
{
	if (fault.has_fired)
		return fault.is_sticky;
	if (fault.countdown < 0 || fault.countdown-- > 0)
		return false;
	fault.has_fired = true;
	return true;
}

static sqlite3_file *under(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->under;
}
static int faulty_close(sqlite3_file *f)
{
	int code = under(f)->pMethods ? under(f)->pMethods->xClose(under(f)) : SQLITE_OK;

	free(under(f));
	return code;
}
static int faulty_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
	return under(f)->pMethods->xRead(under(f), to, len, at);
}
static int faulty_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
	/* half of it arrives */
	if (is_failing()) {
		under(f)->pMethods->xWrite(under(f), from, len / 2, at);
		return SQLITE_IOERR_WRITE;
	}
	return under(f)->pMethods->xWrite(under(f), from, len, at);
}
static int faulty_truncate(sqlite3_file *f, sqlite3_int64 len)
{
	return is_failing() ? SQLITE_IOERR_TRUNCATE : under(f)->pMethods->xTruncate(under(f), len);
}
static int faulty_sync(sqlite3_file *f, int flags)
{
	return is_failing() ? SQLITE_IOERR_FSYNC : under(f)->pMethods->xSync(under(f), flags);
}
static int faulty_size(sqlite3_file *f, sqlite3_int64 *len)
{
	return under(f)->pMethods->xFileSize(under(f), len);
}
static int faulty_lock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xLock(under(f), level);
}
static int faulty_unlock(sqlite3_file *f, int level)
{
	return under(f)->pMethods->xUnlock(under(f), level);
}
static int faulty_reserved(sqlite3_file *f, int *out)
{
	return under(f)->pMethods->xCheckReservedLock(under(f), out);
}
static int faulty_control(sqlite3_file *f, int op, void *arg)
{
	return under(f)->pMethods->xFileControl(under(f), op, arg);
}
static int faulty_sector(sqlite3_file *f)
{
	return under(f)->pMethods->xSectorSize(under(f));
}
static int faulty_traits(sqlite3_file *f)
{
	return under(f)->pMethods->xDeviceCharacteristics(under(f));
}
static int faulty_shm_map(sqlite3_file *f, int page, int len, int extend, void volatile **out)
{
	return under(f)->pMethods->xShmMap(under(f), page, len, extend, out);
}
static int faulty_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return under(f)->pMethods->xShmLock(under(f), offset, n, flags);
}
static void faulty_shm_barrier(sqlite3_file *f)
{
	under(f)->pMethods->xShmBarrier(under(f));
}
static int faulty_shm_unmap(sqlite3_file *f, int remove)
{
	return under(f)->pMethods->xShmUnmap(under(f), remove);
}

static const sqlite3_io_methods faulty_methods = {
	.iVersion = 2,
	.xClose = faulty_close,
	.xRead = faulty_read,
	.xWrite = faulty_write,
	.xTruncate = faulty_truncate,
	.xSync = faulty_sync,
	.xFileSize = faulty_size,
	.xLock = faulty_lock,
	.xUnlock = faulty_unlock,
	.xCheckReservedLock = faulty_reserved,
	.xFileControl = faulty_control,
	.xSectorSize = faulty_sector,
	.xDeviceCharacteristics = faulty_traits,
	.xShmMap = faulty_shm_map,
	.xShmLock = faulty_shm_lock,
	.xShmBarrier = faulty_shm_barrier,
	.xShmUnmap = faulty_shm_unmap,
};

static sqlite3_vfs *system_vfs;

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct faulty_file *file = (struct faulty_file *)f;
	int code;

	file->under = calloc(1, (size_t)system_vfs->szOsFile);
	if (!file->under)
		return SQLITE_NOMEM;
	code = system_vfs->xOpen(system_vfs, name, file->under, flags, out);
	file->base.pMethods = code ? NULL : &faulty_methods;
	if (code)
		free(file->under);
	return code;
}

/* faulty_register - @vfs, which the caller keeps, stands before the system's from now on */
static void faulty_register(sqlite3_vfs *vfs)
{
	system_vfs = sqlite3_vfs_find(NULL);
	*vfs = *system_vfs;
	vfs->zName = "faulty";
	vfs->szOsFile = sizeof(struct faulty_file);
	vfs->xOpen = faulty_open;
	sqlite3_vfs_register(vfs, 1);
}

static void faulty_unregister(sqlite3_vfs *vfs)
{
	sqlite3_vfs_unregister(vfs);
	sqlite3_vfs_register(system_vfs, 1);
}

#endif
