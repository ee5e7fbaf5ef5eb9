/*
 * tree - a snapshot, a session or a folder as a backup that the backup room can read
 */
#include "job/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* struct repo_tree - over a view or a session: one of the two is set */
struct repo_tree {
	struct backup_tree tree;
	struct repo_view *view;
	struct repo_session *session;
};

static struct repo_tree *self_of(struct backup_tree *tree)
{
	return (struct repo_tree *)tree;
}

static int tree_open(struct backup_tree *tree, const char *path, struct source **out,
		     struct err *err)
{
	struct repo_tree *self = self_of(tree);
	int r = self->view ? repo_view_read(self->view, path, out, err)
			   : repo_session_read(self->session, path, out, err);

	return r == REPO_ABSENT ? (int)BACKUP_ABSENT : r;
}

static int tree_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	struct repo_tree *self = self_of(tree);
	struct repo_entry entry;
	int r = self->view ? repo_view_stat(self->view, path, &entry, err)
			   : repo_session_stat(self->session, path, &entry, err);

	if (r == REPO_ABSENT || (r == 0 && entry.is_directory))
		return BACKUP_ABSENT;
	if (r == 0)
		*size = entry.size;
	return r;
}

struct walk {
	int (*each)(void *arg, const char *path, uint64_t size, struct err *err);
	void *arg;
};

static int walk_each(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct walk *walk = arg;

	return entry->is_directory ? 0 : walk->each(walk->arg, entry->path, entry->size, err);
}

static int tree_walk(struct backup_tree *tree,
		     int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		     void *arg, struct err *err)
{
	struct repo_tree *self = self_of(tree);
	struct walk walk = {each, arg};

	return self->view ? repo_view_walk(self->view, "", walk_each, &walk, err)
			  : repo_session_walk(self->session, "", walk_each, &walk, err);
}

static void tree_close(struct backup_tree *tree)
{
	free(tree);
}

static int tree_new(struct backup_tree **out, struct repo_view *view, struct repo_session *session,
		    struct err *err)
{
	struct repo_tree *self = calloc(1, sizeof(*self));

	if (!self)
		return err_no_memory(err);
	self->tree = (struct backup_tree){
		.open = tree_open,
		.stat = tree_stat,
		.walk = tree_walk,
		.close = tree_close,
	};
	self->view = view;
	self->session = session;
	*out = &self->tree;
	return 0;
}

int job_tree_snapshot(struct backup_tree **out, struct repo_view *view, struct err *err)
{
	return tree_new(out, view, NULL, err);
}

int tree_session(struct backup_tree **out, struct repo_session *session, struct err *err)
{
	return tree_new(out, NULL, session, err);
}

/* ---- folders ---- */

static bool has_manifest(const char *folder)
{
	static const char *const names[] = {"Manifest.db", "Manifest.mbdb"};
	char path[4096];
	struct stat st;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]) < (int)sizeof(path) &&
		    lstat(path, &st) == 0)
			return true;
	return false;
}

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* only_backup_inside - the one folder in @path that holds a backup */
static int only_backup_inside(const char *path, char *name, size_t len, struct err *err)
{
	CLEANUP(closedir_p) DIR *dir = opendir(path);
	char folder[4096];
	unsigned found = 0;

	if (!dir)
		return err_set_errno(err, errno, "open %s", path);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.' ||
		    snprintf(folder, sizeof(folder), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(folder) ||
		    !has_manifest(folder))
			continue;
		found++;
		text_copy(name, len, entry->d_name);
	}
	if (found > 1)
		return err_set(err, ERR_USAGE, "%s holds %u backups: name the folder of one", path,
			       found);
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "%s holds no backup (no Manifest.db)", path);
	return 0;
}

int job_folder_find(const char *path, char folder[JOB_PATH_MAX], struct err *err)
{
	char name[PATH_COMPONENT_MAX + 1] = "";
	size_t len = strlen(path);
	int r;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= JOB_PATH_MAX - sizeof(name))
		return err_set(err, ERR_LIMIT, "a path of %zu bytes", len);
	memcpy(folder, path, len);
	folder[len] = 0;
	if (has_manifest(folder))
		return 0;
	r = only_backup_inside(folder, name, sizeof(name), err);
	if (r == 0)
		snprintf(folder + len, JOB_PATH_MAX - len, "/%s", name);
	return r;
}

int job_tree_folder(struct backup_tree **out, const char *path, char *udid, struct err *err)
{
	char folder[JOB_PATH_MAX];
	const char *slash;
	int r = job_folder_find(path, folder, err);

	if (r < 0)
		return r;
	slash = strrchr(folder, '/');
	if (udid)
		text_copy(udid, JOB_UDID_MAX, slash ? slash + 1 : folder);
	return backup_tree_folder(out, folder, err);
}
