/* files - see files.h */
#include "job/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int files_init(struct files *files, struct fs *fs, const struct cancel *cancel, const char *root,
	       struct err *err)
{
	size_t len = strlen(root);

	*files = (struct files){.fs = fs, .cancel = cancel};
	if (len == 0 || len >= sizeof(files->root))
		return err_set(err, ERR_USAGE, "a folder name of %zu bytes", len);
	memcpy(files->root, root, len + 1);
	files->bytes = malloc(FILES_STEP);
	return files->bytes ? 0 : err_no_memory(err);
}

void files_clear(struct files *files)
{
	free(files->bytes);
	*files = (struct files){0};
}

int files_path(const struct files *files, const char *path, char out[FILES_PATH_MAX],
	       struct err *err)
{
	if (snprintf(out, FILES_PATH_MAX, "%s/%s", files->root, path) >= FILES_PATH_MAX)
		return err_set(err, ERR_LIMIT, "a path of more than %d bytes", FILES_PATH_MAX - 1);
	return 0;
}

/* refusal - FILES_REFUSED when it is the name that this disk does not take, as against a failure */
static int refusal(int number, const char *path, struct err *err)
{
	int r = err_set_errno(err, number, "make %s", path);

	switch (number) {
	case EEXIST:
	case EISDIR:
	case ENOTDIR:
	case EINVAL:
	case EILSEQ:
	case ENAMETOOLONG:
		return FILES_REFUSED;
	default:
		return r;
	}
}

/* folders_make - @full stands beneath the root; so do the folders that are made on the way */
static int folders_make(struct files *files, char *full, struct err *err)
{
	struct fs *fs = files->fs;
	struct stat st;
	int r = 0;

	for (char *at = full + strlen(files->root) + 1; at; at = strchr(at + 1, '/')) {
		char *end = strchr(at + 1, '/');

		if (end)
			*end = 0;
		r = fs->mkdir(fs, full, 0700);
		if (r == -EEXIST && !end)
			r = fs->stat(fs, full, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
		if (end)
			*end = '/';
		if (r < 0 && r != -EEXIST)
			return refusal(-r, full, err);
	}
	return 0;
}

int files_folder(struct files *files, const char *path, struct err *err)
{
	char full[FILES_PATH_MAX];
	int r = files_path(files, path, full, err);

	if (r < 0 || !strcmp(full, files->last_folder))
		return r;
	if (!*files->last_folder)
		r = fs_mkdirs(files->fs, files->root, 0700, err);
	if (r == 0)
		r = folders_make(files, full, err);
	if (r == 0)
		memcpy(files->last_folder, full, strlen(full) + 1);
	return r;
}

static int parent_make(struct files *files, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char parent[FILES_PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(parent))
		return err_set(err, ERR_LIMIT, "a path of %zu bytes", len);
	if (!slash)
		return 0;
	memcpy(parent, path, len);
	parent[len] = 0;
	return files_folder(files, parent, err);
}

static int fill(struct files *files, int fd, struct source *source, struct err *err)
{
	uint64_t at = 0;
	ssize_t n;
	int r;

	for (;;) {
		r = cancel_check(files->cancel, err);
		if (r < 0)
			return r;
		n = source->read(source, at, files->bytes, FILES_STEP, err);
		if (n <= 0)
			break;
		r = fs_pwrite_all(files->fs, fd, files->bytes, (size_t)n, at, err);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	return n < 0 ? (int)n : 0;
}

int files_create(struct files *files, const char *path, int *fd, struct err *err)
{
	char full[FILES_PATH_MAX];
	int r;

	r = files_path(files, path, full, err);
	if (r == 0)
		r = parent_make(files, path, err);
	if (r != 0)
		return r;
	r = files->fs->open(files->fs, full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	if (r < 0)
		return refusal(-r, full, err);
	*fd = r;
	return 0;
}

int files_end(struct files *files, int fd, uint64_t len, struct err *err)
{
	int r = files->fs->close(files->fs, fd);

	if (r < 0)
		return err_set_errno(err, -r, "close");
	files->count++;
	files->total += len;
	return 0;
}

int files_copy(struct files *files, const char *path, struct source *source, struct err *err)
{
	int r, fd = -1;

	r = files_create(files, path, &fd, err);
	if (r != 0)
		return r;
	r = fill(files, fd, source, err);
	if (r == 0)
		r = files_end(files, fd, source->len, err);
	else
		files->fs->close(files->fs, fd);
	return r < 0 ? err_wrap(err, r, "write %s/%s", files->root, path) : 0;
}

static int any_name(void *arg, const char *name)
{
	return 1;
}

int files_is_free(struct fs *fs, const char *path, struct err *err)
{
	struct stat st;
	int r = fs->stat(fs, path, &st);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, -r, "look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s is there and no folder: choose another name",
			       path);
	r = fs->list(fs, path, any_name, NULL);
	if (r < 0)
		return err_set_errno(err, -r, "list %s", path);
	return r ? err_set(err, ERR_EXISTS, "%s is there and not empty: choose another folder",
			   path)
		 : 0;
}

int files_sync(struct files *files, struct err *err)
{
	CLEANUP(close_p) int fd = open(files->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* once for all of them: an fsync a file would cost more than the writing */
	if (fd < 0 || syncfs(fd) < 0)
		return err_set_errno(err, errno, "sync %s", files->root);
	return 0;
}
