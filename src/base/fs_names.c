/* fs_names - the names of a folder tree, for the journal and its replay */
#include "base/fs_record.h"

#include <stdlib.h>
#include <string.h>

struct fs_name *fs_names_find(const struct fs_names *names, const char *path)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->list[i].path, path))
			return &names->list[i];
	return NULL;
}

bool fs_names_put(struct fs_names *names, const char *path, uint32_t inode)
{
	struct fs_name *name = fs_names_find(names, path);

	if (name) {
		name->inode = inode;
		return true;
	}
	if (names->count == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		struct fs_name *list = realloc(names->list, cap * sizeof(*list));

		if (!list)
			return false;
		names->list = list;
		names->cap = cap;
	}
	name = &names->list[names->count];
	*name = (struct fs_name){strdup(path), inode};
	if (!name->path)
		return false;
	names->count++;
	return true;
}

void fs_names_remove(struct fs_names *names, const char *path)
{
	struct fs_name *name = fs_names_find(names, path);

	if (!name)
		return;
	free(name->path);
	*name = names->list[--names->count];
}

bool fs_names_rename(struct fs_names *names, const char *from, const char *to)
{
	size_t from_len = strlen(from);
	struct fs_name *name = fs_names_find(names, from);
	uint32_t inode;

	if (!name)
		return true;
	inode = name->inode;
	fs_names_remove(names, from);
	fs_names_remove(names, to);
	for (size_t i = 0; i < names->count; i++) {
		char moved[8192];

		if (strncmp(names->list[i].path, from, from_len) != 0 ||
		    names->list[i].path[from_len] != '/')
			continue;
		snprintf(moved, sizeof(moved), "%.4000s%.4000s", to,
			 names->list[i].path + from_len);
		free(names->list[i].path);
		names->list[i].path = strdup(moved);
		if (!names->list[i].path)
			return false;
	}
	return fs_names_put(names, to, inode);
}

void fs_names_clear(struct fs_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].path);
	free(names->list);
	*names = (struct fs_names){0};
}
