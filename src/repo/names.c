/* names.c - the repository's files by name: numbered ones, and writing a small one whole */
#include "repo/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int repo_write_new(struct fs *fs, const char *folder, const char *path, struct slice bytes,
		   struct err *err)
{
	struct repo_name temporary;
	int r, s;

	if (snprintf(temporary.text, sizeof(temporary.text), "%s.tmp", path) >= REPO_PATH_MAX)
		return err_set(err, ERR_LIMIT, "%.80s...: path too long", path);
	r = fs_write_synced(fs, temporary.text, bytes, 0600, err);
	if (r == 0 && (s = fs->rename_new(fs, temporary.text, path)) < 0)
		r = s == -EEXIST ? err_set(err, ERR_EXISTS, "exists already")
				 : err_set_errno(err, -s, "rename");
	if (r < 0) {
		fs->unlink(fs, temporary.text);
		return err_wrap(err, r, "%s", path);
	}
	s = fs->dir_sync(fs, folder);
	if (s < 0) {
		/* whether the name would outlive a crash is unknown: better that it does not exist
		 */
		fs->unlink(fs, path);
		return err_set_errno(err, -s, "sync folder %s", folder);
	}
	return 0;
}

void repo_numbers_clear(struct repo_numbers *numbers)
{
	free(numbers->list);
	*numbers = (struct repo_numbers){0};
}

struct numbers_scan {
	struct repo_numbers *numbers;
	const char *prefix;
};

static int numbers_add(void *arg, const char *name)
{
	struct numbers_scan *scan = arg;
	struct repo_numbers *numbers = scan->numbers;
	size_t prefix_len = strlen(scan->prefix);
	uint8_t bytes[4];

	if (strncmp(name, scan->prefix, prefix_len) != 0 || strlen(name) != prefix_len + 8 ||
	    !hex_decode(name + prefix_len, bytes, sizeof(bytes)))
		return 0;
	if (numbers->count == numbers->cap) {
		size_t cap = numbers->cap ? numbers->cap * 2 : 64;
		uint32_t *list = realloc(numbers->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		numbers->list = list;
		numbers->cap = cap;
	}
	numbers->list[numbers->count++] = get_u32be(bytes);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int repo_numbers_read(struct repo_numbers *numbers, struct fs *fs, const char *folder,
		      const char *prefix, struct err *err)
{
	struct numbers_scan scan = {numbers, prefix};
	int r;

	numbers->count = 0;
	r = fs->list(fs, folder, numbers_add, &scan);
	if (r < 0 && r != -ENOENT)
		return err_set_errno(err, -r, "list %s", folder);
	if (numbers->count > 1)
		qsort(numbers->list, numbers->count, sizeof(*numbers->list), by_number);
	return 0;
}
