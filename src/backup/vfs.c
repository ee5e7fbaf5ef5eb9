/*
 * A read-only SQLite VFS over struct source
 *
 * Manifest.db lies in a snapshot, or encrypted in a folder: it is read where it is, page
 * by page, and nothing of it is ever written anywhere.  The file claims to be immutable,
 * so SQLite takes no locks and looks for no journal; any second file that it might want
 * to open is refused.  The WAL mark that devices leave in the header (bytes 18 and 19)
 * is shown to SQLite as "no WAL": there is none beside a manifest.
 */
#include "backup/internal.h"

#include <pthread.h>
#include <string.h>

#define VFS_NAME "rehome-source"

/** struct vfs_file - what SQLite holds for an open file; it allocates szOsFile bytes for it */
struct vfs_file {
	sqlite3_file base;
	struct source *source;
	uint64_t len;
	struct err *failure;
};

/* What the next xOpen of this thread is to use: sqlite3_open_v2 calls it before it returns. */
static _Thread_local struct vfs_file opening;

static int file_close(sqlite3_file *base)
{
	(void)base; /* the source belongs to the manifest */
	return SQLITE_OK;
}

static void hide_wal_mark(void *bytes, size_t len, uint64_t offset)
{
	uint64_t at;

	for (at = 18; at <= 19; at++)
		if (at >= offset && at - offset < len && ((uint8_t *)bytes)[at - offset] == 2)
			((uint8_t *)bytes)[at - offset] = 1;
}

static int file_read(sqlite3_file *base, void *bytes, int wanted, sqlite3_int64 offset)
{
	struct vfs_file *file = (struct vfs_file *)base;
	size_t len = (size_t)wanted, got = 0;
	ssize_t n;

	if (offset < 0 || wanted < 0)
		return SQLITE_IOERR_READ;
	if ((uint64_t)offset >= file->len)
		len = 0;
	else if (len > file->len - (uint64_t)offset)
		len = (size_t)(file->len - (uint64_t)offset);
	while (got < len) {
		n = file->source->read(file->source, (uint64_t)offset + got, (uint8_t *)bytes + got,
				       len - got, file->failure);
		if (n < 0)
			return SQLITE_IOERR_READ;
		if (!n)
			break;
		got += (size_t)n;
	}
	if ((uint64_t)offset <= 19)
		hide_wal_mark(bytes, got, (uint64_t)offset);
	if (got == (size_t)wanted)
		return SQLITE_OK;
	memset((uint8_t *)bytes + got, 0, (size_t)wanted - got);
	return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 offset)
{
	return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 len)
{
	return SQLITE_READONLY;
}

static int file_sync(sqlite3_file *base, int flags)
{
	return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *len)
{
	*len = (sqlite3_int64)((struct vfs_file *)base)->len;
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
	return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *base, int *answer)
{
	*answer = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int operation, void *argument)
{
	return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
	return 4096;
}

static int file_traits(sqlite3_file *base)
{
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods file_methods = {
	.iVersion = 1, /* no shared memory, no mapping */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_traits,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
		    int *flags_out)
{
	struct vfs_file *file = (struct vfs_file *)base;

	file->base.pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB) || !opening.source)
		return SQLITE_CANTOPEN; /* journals and temporary files: never on disk */
	*file = opening;
	file->base.pMethods = &file_methods;
	memset(&opening, 0, sizeof(opening));
	if (flags_out)
		*flags_out = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	return SQLITE_READONLY;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *answer)
{
	*answer = 0;
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	sqlite3_snprintf(size, out, "%s", name);
	return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
	memset(out, 0, (size_t)len); /* SQLite seeds random() and temporary names with it: unused */
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
	return microseconds;
}

static int vfs_time(sqlite3_vfs *vfs, double *julian_day)
{
	*julian_day = 2440587.5; /* 1970: no statement of ours asks for the time */
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
	return 0;
}

static sqlite3_vfs source_vfs = {
	.iVersion = 1,
	.szOsFile = sizeof(struct vfs_file),
	.mxPathname = 64,
	.zName = VFS_NAME,
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_full_path,
	.xRandomness = vfs_randomness,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
	.xGetLastError = vfs_last_error,
};

static pthread_once_t registered = PTHREAD_ONCE_INIT;
static int register_result;

static void register_vfs(void)
{
	register_result = sqlite3_vfs_register(&source_vfs, 0);
}

int backup_vfs_open(sqlite3 **db, struct source *source, uint64_t len, struct err *failure,
		    struct err *err)
{
	int r;

	pthread_once(&registered, register_vfs);
	if (register_result != SQLITE_OK)
		return err_no_memory(err);
	opening = (struct vfs_file){.source = source, .len = len, .failure = failure};
	r = sqlite3_open_v2("Manifest.db", db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    VFS_NAME);
	memset(&opening, 0, sizeof(opening));
	if (r != SQLITE_OK) {
		r = *db ? backup_sqlite_fail(*db, failure, "open Manifest.db", err)
			: err_no_memory(err);
		sqlite3_close(*db);
		*db = NULL;
		return r;
	}
	return 0;
}
