/*
 * A backup of iOS 9 or older, shown in the present form (docs/format/ios-backup, 10)
 *
 * Contents lie beside Manifest.mbdb, without folders; the manifest is converted when it is
 * opened.  All else is the same, so a reader needs to know nothing of it.
 */
#include "backup/mbdb.h"

#include <stdlib.h>
#include <string.h>

struct old_tree {
	struct backup_tree tree; /* first: callers hold this */
	struct backup_tree *under;
};

static struct backup_tree *under_of(struct backup_tree *tree)
{
	return ((struct old_tree *)tree)->under;
}

static bool is_content(const char *path)
{
	return strlen(path) == BACKUP_CONTENT_PATH_LEN && path[2] == '/' &&
	       backup_file_id_is_valid(path + 3) && !memcmp(path, path + 3, 2);
}

/* What is called @path here, in the old form; NULL if nothing is. */
static const char *old_name(const char *path)
{
	if (is_content(path))
		return path + 3;
	if (!strcmp(path, "Manifest.db"))
		return "Manifest.mbdb";
	return backup_file_id_is_valid(path) || !strcmp(path, "Manifest.mbdb") ? NULL : path;
}

static int old_open(struct backup_tree *tree, const char *path, struct source **out,
		    struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	const char *name = old_name(path);
	int r;

	if (!name)
		return BACKUP_ABSENT;
	r = under_of(tree)->open(under_of(tree), name, &source, err);
	if (r)
		return r;
	if (!strcmp(path, "Manifest.db"))
		return mbdb_convert(source, out, err);
	*out = STEAL(source);
	return 0;
}

/* The size of the manifest is the old one's: the other is known only when it is made. */
static int old_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	const char *name = old_name(path);

	return name ? under_of(tree)->stat(under_of(tree), name, size, err) : BACKUP_ABSENT;
}

struct walk {
	int (*each)(void *arg, const char *path, uint64_t size, struct err *err);
	void *arg;
};

static int walk_each(void *arg, const char *path, uint64_t size, struct err *err)
{
	struct walk *walk = arg;
	char content[BACKUP_CONTENT_PATH_LEN + 1];

	if (backup_file_id_is_valid(path)) {
		backup_content_path(path, content);
		path = content;
	} else if (!strcmp(path, "Manifest.mbdb")) {
		path = "Manifest.db";
	}
	return walk->each(walk->arg, path, size, err);
}

static int old_walk(struct backup_tree *tree,
		    int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		    void *arg, struct err *err)
{
	struct walk walk = {each, arg};

	return under_of(tree)->walk(under_of(tree), walk_each, &walk, err);
}

static void old_close(struct backup_tree *tree)
{
	free(tree);
}

int backup_tree_present(struct backup_tree **out, struct backup_tree *tree, struct err *err)
{
	struct old_tree *old;
	uint64_t size;
	int r;

	r = tree->stat(tree, "Manifest.db", &size, err);
	if (!r)
		return BACKUP_ABSENT;
	if (r == BACKUP_ABSENT)
		r = tree->stat(tree, "Manifest.mbdb", &size, err);
	if (r)
		return r;
	old = calloc(1, sizeof(*old));
	if (!old)
		return err_no_memory(err);
	old->tree = (struct backup_tree){
		.open = old_open, .stat = old_stat, .walk = old_walk, .close = old_close};
	old->under = tree;
	*out = &old->tree;
	return 0;
}
