/*
 * A backup folder on disk as struct backup_tree
 *
 * The folder may come from anyone, so names are walked component by component without
 * following symlinks: nothing outside of it is ever opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/backup.h"

enum { WALK_DEPTH_MAX = 8 };

struct folder_tree {
	struct backup_tree tree; /* first: callers hold this */
	int fd;
};

void backup_tree_close_p(struct backup_tree **tree)
{
	if (*tree)
		(*tree)->close(*tree);
	*tree = NULL;
}

/* ---- one file ---- */

/* A symlink, a folder where a file should be, a missing parent: there is no such file. */
static bool means_absent(int number)
{
	return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

/* Open @path beneath @folder; BACKUP_ABSENT if it, or a part of it, is not what it should be. */
static int open_beneath(int folder, const char *path, int *out, struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	char name[PATH_COMPONENT_MAX + 1];
	int parent = folder, next, r;
	const char *slash;
	size_t len;

	r = path_check_relative(path, strlen(path), err);
	if (r < 0)
		return r;
	for (;; path = slash + 1) {
		slash = strchr(path, '/');
		len = slash ? (size_t)(slash - path) : strlen(path);
		if (len > PATH_COMPONENT_MAX)
			return BACKUP_ABSENT;
		memcpy(name, path, len);
		name[len] = '\0';
		next = openat(parent, name,
			      O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
				      (slash ? O_DIRECTORY : 0));
		if (next < 0)
			return means_absent(errno) ? BACKUP_ABSENT
						   : err_set_errno(err, errno, "open %s", name);
		close_p(&fd);
		fd = parent = next;
		if (!slash)
			break;
	}
	*out = fd;
	fd = -1;
	return 0;
}

/* The same for a regular file: its descriptor and length. */
static int open_regular(struct backup_tree *tree, const char *path, int *out, uint64_t *len,
			struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	struct stat st;
	int r;

	r = open_beneath(((struct folder_tree *)tree)->fd, path, &fd, err);
	if (r)
		return r;
	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return BACKUP_ABSENT;
	*len = (uint64_t)st.st_size;
	*out = fd;
	fd = -1;
	return 0;
}

static int folder_open(struct backup_tree *tree, const char *path, struct source **out,
		       struct err *err)
{
	uint64_t len;
	int fd, r;

	r = open_regular(tree, path, &fd, &len, err);
	return r ? r : source_fd_open(out, fd, len, err);
}

static int folder_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	CLEANUP(close_p) int fd = -1;

	return open_regular(tree, path, &fd, size, err);
}

/* ---- all files ---- */

struct walk {
	int (*each)(void *arg, const char *path, uint64_t size, struct err *err);
	void *arg;
	char path[PATH_LEN_MAX + 1];
	unsigned depth;
};

static void close_dir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int walk_folder(struct walk *walk, int fd, size_t len, struct err *err);

/* @len is that of the folder's path with its slash, in walk->path */
static int walk_entry(struct walk *walk, int folder, size_t len, const char *name, struct err *err)
{
	size_t name_len = strlen(name);
	struct stat st;
	int fd, r;

	if (len + name_len + 1 > PATH_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", PATH_LEN_MAX);
	memcpy(walk->path + len, name, name_len + 1);
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set_errno(err, errno, "stat %s", walk->path);
	if (S_ISREG(st.st_mode))
		return walk->each(walk->arg, walk->path, (uint64_t)st.st_size, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (walk->depth == WALK_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "folders more than %d deep", WALK_DEPTH_MAX);
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "open %s", walk->path);
	memcpy(walk->path + len + name_len, "/", 2);
	walk->depth++;
	r = walk_folder(walk, fd, len + name_len + 1, err);
	walk->depth--;
	return r;
}

/* Takes @fd over. */
static int walk_folder(struct walk *walk, int fd, size_t len, struct err *err)
{
	CLEANUP(close_dir_p) DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = err_set_errno(err, errno, "open %s", walk->path);
		close(fd);
		return r;
	}
	while (!r) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno ? err_set_errno(err, errno, "list %s", walk->path) : 0;
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = walk_entry(walk, dirfd(dir), len, entry->d_name, err);
	}
	return r;
}

static int folder_walk(struct backup_tree *tree,
		       int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		       void *arg, struct err *err)
{
	struct walk walk = {.each = each, .arg = arg};
	int fd;

	fd = openat(((struct folder_tree *)tree)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "open the backup's folder");
	return walk_folder(&walk, fd, 0, err);
}

/* ---- the folder ---- */

static void folder_close(struct backup_tree *tree)
{
	struct folder_tree *folder = (struct folder_tree *)tree;

	close(folder->fd);
	free(folder);
}

static int check_is_backup(struct backup_tree *tree, const char *path, struct err *err)
{
	uint64_t size;
	int r;

	r = tree->stat(tree, "Manifest.db", &size, err);
	if (r != BACKUP_ABSENT)
		return r;
	r = tree->stat(tree, "Manifest.mbdb", &size, err);
	if (r != BACKUP_ABSENT)
		return r;
	return err_set(err, ERR_CORRUPT, "%s is no backup: it has no Manifest.db", path);
}

int backup_tree_folder(struct backup_tree **out, const char *path, struct err *err)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(close_p) int fd = -1;
	struct folder_tree *folder;
	int r;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "open %s", path);
	folder = calloc(1, sizeof(*folder));
	if (!folder)
		return err_no_memory(err);
	folder->fd = fd;
	fd = -1;
	folder->tree = (struct backup_tree){.open = folder_open,
					    .stat = folder_stat,
					    .walk = folder_walk,
					    .close = folder_close};
	tree = &folder->tree;
	r = check_is_backup(tree, path, err);
	if (r < 0)
		return r;
	*out = STEAL(tree);
	return 0;
}
