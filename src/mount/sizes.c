/*
 * sizes - how long the files of a domain are, held against what is stored
 *
 * Asking a snapshot for the length of one file costs as much as going through dozens of them in
 * order: where many are wanted, all are gone through.
 */
#include "mount/internal.h"

#include <stdlib.h>
#include <string.h>

enum { ID_LEN = BACKUP_FILE_ID_LEN / 2, ONE_BY_ONE_SHARE = 64, FILES_GUESS = 64000 };

struct pending {
	uint8_t id[ID_LEN];
	uint32_t number;
	bool has_key;
	uint64_t size; /* of the record */
};

struct correcting {
	struct sizes *sizes;
	struct job_browse *browse;
	struct names *names;
};

void sizes_clear(struct sizes *sizes)
{
	free(sizes->list);
	*sizes = (struct sizes){NULL, 0, 0};
}

int sizes_add(struct sizes *sizes, const struct backup_file *file, uint32_t number, struct err *err)
{
	size_t cap = sizes->cap ? sizes->cap * 2 : 64;
	struct pending *list;

	if (sizes->count == sizes->cap) {
		list = realloc(sizes->list, cap * sizeof(*list));
		if (!list)
			return err_no_memory(err);
		sizes->list = list;
		sizes->cap = cap;
	}
	list = &sizes->list[sizes->count];
	*list = (struct pending){
		.number = number, .has_key = file->key.len > 0, .size = file->size};
	/* a fileID of another form names no content: the record's size stands */
	if (hex_decode(file->file_id, list->id, ID_LEN))
		sizes->count++;
	return 0;
}

static int compare(const void *left, const void *right)
{
	return memcmp(left, right, ID_LEN); /* begins a struct pending */
}

static int correct(void *arg, const char *file_id, uint64_t stored, struct err *err)
{
	struct correcting *correcting = arg;
	const struct sizes *sizes = correcting->sizes;
	const struct pending *pending;
	uint8_t id[ID_LEN];
	uint64_t len = stored;
	int r = 0;

	if (!hex_decode(file_id, id, ID_LEN))
		return 0; /* nor does such a name stand in the list */
	pending = bsearch(id, sizes->list, sizes->count, sizeof(*pending), compare);
	if (!pending)
		return 0;
	if (pending->has_key && stored == backup_stored_len(pending->size))
		return 0;
	if (pending->has_key)
		r = job_browse_length_of(correcting->browse, file_id, &len, err);
	if (r == 0)
		names_resize(correcting->names, pending->number, len);
	return r;
}

static int correct_each(struct correcting *correcting, struct err *err)
{
	const struct sizes *sizes = correcting->sizes;
	char file_id[BACKUP_FILE_ID_LEN + 1];
	uint64_t len;
	int r = 0;

	for (size_t i = 0; i < sizes->count && r == 0; i++) {
		hex_encode(sizes->list[i].id, ID_LEN, file_id);
		r = job_browse_length_of(correcting->browse, file_id, &len, err);
		if (r == 0)
			names_resize(correcting->names, sizes->list[i].number, len);
	}
	return r;
}

int sizes_correct(struct sizes *sizes, struct job_browse *browse, struct names *names,
		  struct err *err)
{
	struct correcting correcting = {sizes, browse, names};
	uint64_t files = job_browse_about(browse)->files; /* a folder does not say */

	if (!sizes->count)
		return 0;
	if (sizes->count < (files ? files : FILES_GUESS) / ONE_BY_ONE_SHARE)
		return correct_each(&correcting, err);
	qsort(sizes->list, sizes->count, sizeof(*sizes->list), compare);
	return job_browse_contents(browse, correct, &correcting, err);
}
