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
enum files_outcome { FILES_REFUSED = 1 }; /* this disk takes no such name, or has it; @err says */
/** files_folder - make root/@path and its parents; @path is checked already. FILES_REFUSED */
int files_folder(struct files *files, const char *path, struct err *err);
/** files_create - a new, empty file root/@path, open for writing; closed by files_end.
 * FILES_REFUSED */
int files_create(struct files *files, const char *path, int *fd, struct err *err);
/** files_end - close @fd, and count @len bytes; ERR_IO, ERR_NO_SPACE if they are not there */
int files_end(struct files *files, int fd, uint64_t len, struct err *err);
/** files_copy - a new file root/@path with all of @source. FILES_REFUSED */
int files_copy(struct files *files, const char *path, struct source *source, struct err *err);
/** files_path - root/@path; ERR_LIMIT */
int files_path(const struct files *files, const char *path, char out[FILES_PATH_MAX],
	       struct err *err);
/** files_is_free - is @path absent or an empty folder? 0, ERR_EXISTS */
int files_is_free(struct fs *fs, const char *path, struct err *err);
/** files_sync - everything beneath root is on the disk */
int files_sync(struct files *files, struct err *err);

#endif
