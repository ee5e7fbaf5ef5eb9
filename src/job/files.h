/* job/files - writing a tree of files onto this disk, owner only, nothing overwritten */
#ifndef REHOME_JOB_FILES_H
#define REHOME_JOB_FILES_H

#include "base/base.h"

enum { FILES_PATH_MAX = 8192, FILES_STEP = 1 << 20 };

/** struct files - a folder being filled; files_init, files_clear */
struct files {
	struct fs *fs;
	const struct cancel *cancel;
	char root[4096];
	char last_folder[FILES_PATH_MAX]; /* made already: most files come many to a folder */
	uint8_t *bytes;                   /* FILES_STEP of scratch */
	uint64_t count, total;
};
/** files_init - @root exists; @fs, @cancel (may be NULL) are borrowed, @root is copied */
int files_init(struct files *files, struct fs *fs, const struct cancel *cancel, const char *root,
	       struct err *err);
void files_clear(struct files *files);
/** files_folder - make root/@path and its parents; @path is checked already */
int files_folder(struct files *files, const char *path, struct err *err);
/** files_copy - a new file root/@path with all of @source; @modified (seconds since 1970) 0 leaves
 * the time alone */
int files_copy(struct files *files, const char *path, struct source *source, int64_t modified,
	       struct err *err);
/** files_is_free - is @path absent or an empty folder? 0, ERR_EXISTS */
int files_is_free(struct fs *fs, const char *path, struct err *err);
/** files_sync - everything beneath root is on the disk */
int files_sync(struct files *files, struct err *err);

#endif
