/*
 * base/fs_record - the journal of file operations, as its writer and its replay share it
 */
#ifndef REHOME_BASE_FS_RECORD_H
#define REHOME_BASE_FS_RECORD_H

#include <pthread.h>

#include "base/base.h"

enum fs_op_kind {
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

struct fs_op {
	enum fs_op_kind kind;
	char *path, *to; /* relative to the root */
	uint32_t inode;
	uint64_t offset;
	uint8_t *bytes;
	size_t len; /* WRITE: of bytes; TRUNCATE: the new length is in offset */
};

/* a name in a folder tree; inode 0 is a folder */
struct fs_name {
	char *path;
	uint32_t inode;
};

struct fs_names {
	struct fs_name *list;
	size_t count, cap;
};

enum { FS_RECORD_FD_MAX = 4096 };

struct fs_record {
	struct fs fs;
	struct fs *under;
	pthread_mutex_t lock; /* an operation and its line in the journal are one step */
	char root[4096];
	struct fs_op *ops;
	size_t count, cap;
	struct fs_names live; /* what the recorded program sees */
	uint32_t inodes;
	uint32_t fd_inode[FS_RECORD_FD_MAX];
};

/* ---- fs_names.c; false for lack of memory ---- */

/** fs_names_find - borrowed until the next change; NULL if there is no such name */
struct fs_name *fs_names_find(const struct fs_names *names, const char *path);
/** fs_names_put - @path (copied) names @inode from now on */
bool fs_names_put(struct fs_names *names, const char *path, uint32_t inode);
/** fs_names_remove - absent is fine */
void fs_names_remove(struct fs_names *names, const char *path);
/** fs_names_rename - with everything beneath a folder; what @to named is gone; absent is fine */
bool fs_names_rename(struct fs_names *names, const char *from, const char *to);
/** fs_names_clear - give everything back */
void fs_names_clear(struct fs_names *names);

#endif
