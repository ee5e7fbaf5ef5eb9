/*
 * index.c - where every chunk of a device lies: a few sorted files and the newest in memory
 *
 * New entries gather in a fixed array with a hash table over it.  A checkpoint sorts them
 * and merges them with the smaller files into one new file, so that a device never has
 * more than REPO_RUNS_MAX.  The new file is durable before those that it replaces are
 * removed; a crash between leaves entries twice, which is harmless.
 */
#include "repo/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRESH_MAX = 32 << 10, /* entries in memory: 1.5 MiB */
	SLOTS = 2 * FRESH_MAX,
	RUNS_OPEN_MAX = 64, /* more only if crashes kept many */
};

struct repo_index {
	const struct repo_domain *domain;
	pthread_mutex_t lock;
	struct repo_run runs[RUNS_OPEN_MAX]; /* oldest first */
	size_t run_count;
	uint32_t next_number;
	struct repo_place *fresh;
	uint32_t *slots; /* 1 + position in fresh, 0: free */
	size_t fresh_count, pool_len;
};

static int open_runs(struct repo_index *index, unsigned *damaged, struct err *damage,
		     struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers numbers = {0};
	struct repo_name name;
	int r = repo_numbers_read(&numbers, index->domain->fs,
				  repo_domain_file(index->domain, &name, "idx"), "", err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < numbers.count; i++) {
		struct err why = ERR_INIT;

		if (index->run_count == RUNS_OPEN_MAX)
			return err_set(err, ERR_LIMIT, "%s: more than %d index files", name.text,
				       RUNS_OPEN_MAX);
		r = repo_run_open(&index->runs[index->run_count], index->domain, numbers.list[i],
				  &why);
		index->next_number = numbers.list[i] + 1;
		if (r == 0) {
			index->run_count++;
		} else if (r == ERR_NOT_FOUND) {
			return REPO_ABSENT; /* merged away meanwhile: list again */
		} else if (r == ERR_CORRUPT) {
			if (damage && (*damaged)++ == 0)
				*damage = why;
		} else {
			return err_set(err, r, "%s", why.text);
		}
	}
	return 0;
}

static void close_runs(struct repo_index *index)
{
	while (index->run_count > 0)
		repo_run_clear(&index->runs[--index->run_count]);
}

int repo_index_open(struct repo_index **out, const struct repo_domain *domain, bool writes,
		    unsigned *damaged, struct err *damage, struct err *err)
{
	CLEANUP(repo_index_free_p) struct repo_index *index = calloc(1, sizeof(*index));
	unsigned ignored = 0;
	int r;

	if (!index)
		return err_no_memory(err);
	index->domain = domain;
	pthread_mutex_init(&index->lock, NULL);
	if (writes) {
		index->pool_len = FRESH_MAX * sizeof(*index->fresh) + SLOTS * sizeof(uint32_t);
		index->fresh = (struct repo_place *)repo_pool_new(index->pool_len);
		if (!index->fresh)
			return err_no_memory(err);
		index->slots = (uint32_t *)(index->fresh + FRESH_MAX);
	}
	for (int attempt = 0;; attempt++) {
		if (!damaged)
			damaged = &ignored;
		*damaged = 0;
		r = open_runs(index, damaged, damage, err);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		close_runs(index);
		if (attempt == 10)
			return err_set(err, ERR_BUSY, "%s/idx: changes all the time",
				       domain->folder);
	}
	*out = STEAL(index);
	return 0;
}

void repo_index_free(struct repo_index *index)
{
	if (!index)
		return;
	close_runs(index);
	repo_pool_free((uint8_t *)index->fresh, index->pool_len);
	pthread_mutex_destroy(&index->lock);
	free(index);
}

void repo_index_free_p(struct repo_index **index)
{
	repo_index_free(*index);
}

static uint32_t *slot_for(struct repo_index *index, const uint8_t *id)
{
	size_t at = get_u32le(id + 16) % SLOTS;

	while (index->slots[at] &&
	       memcmp(index->fresh[index->slots[at] - 1].id, id, REPO_CHUNK_ID_LEN) != 0)
		at = (at + 1) % SLOTS;
	return &index->slots[at];
}

int repo_index_find(struct repo_index *index, const uint8_t id[REPO_CHUNK_ID_LEN],
		    struct repo_place *place, struct err *err)
{
	struct err why = ERR_INIT;
	int r = REPO_ABSENT;

	pthread_mutex_lock(&index->lock);
	if (index->fresh_count > 0) {
		uint32_t at = *slot_for(index, id);

		if (at) {
			*place = index->fresh[at - 1];
			r = 0;
		}
	}
	/* a damaged page hides its entries only: another file may know the chunk too */
	for (size_t i = index->run_count; r != 0 && i-- > 0;) {
		int found = repo_run_find(&index->runs[i], id, place, &why);

		if (found == 0 || r == REPO_ABSENT)
			r = found;
	}
	pthread_mutex_unlock(&index->lock);
	return r < 0 ? err_set(err, r, "%s", why.text) : r;
}

int repo_index_add(struct repo_index *index, const struct repo_place *place)
{
	bool is_full;

	pthread_mutex_lock(&index->lock);
	index->fresh[index->fresh_count] = *place;
	*slot_for(index, place->id) = (uint32_t)++index->fresh_count;
	is_full = index->fresh_count >= FRESH_MAX - 1;
	pthread_mutex_unlock(&index->lock);
	return is_full;
}

uint32_t repo_index_pack_limit(struct repo_index *index)
{
	uint32_t limit = 0;

	for (size_t i = 0; i < index->run_count; i++)
		if (index->runs[i].pack_limit > limit)
			limit = index->runs[i].pack_limit;
	return limit;
}

int repo_index_each(struct repo_index *index,
		    int (*each)(void *arg, const struct repo_place *place), void *arg,
		    struct err *err)
{
	struct repo_place places[REPO_PAGE_PLACES];
	int r = 0;

	for (size_t i = 0; i < index->fresh_count && r == 0; i++)
		r = each(arg, &index->fresh[i]);
	for (size_t i = 0; i < index->run_count && r == 0; i++)
		for (uint64_t page = 0; page < index->runs[i].pages && r == 0; page++) {
			int count = repo_run_page(&index->runs[i], page, places, err);

			if (count < 0)
				return count;
			for (int k = 0; k < count && r == 0; k++)
				r = each(arg, &places[k]);
		}
	return r;
}

/* ---- checkpoint: merging ---- */

struct stream { /* of one run, or of the memory part if run is NULL */
	struct repo_run *run;
	const struct repo_place *fresh;
	struct repo_place page[REPO_PAGE_PLACES];
	uint64_t next_page;
	size_t at, count;
};

/* makes sure that an entry is at hand; false at the end or on failure (*r) */
static bool stream_ready(struct stream *stream, int *r, struct err *err)
{
	if (stream->at < stream->count)
		return true;
	if (!stream->run || stream->next_page == stream->run->pages)
		return false;
	*r = repo_run_page(stream->run, stream->next_page++, stream->page, err);
	stream->count = *r < 0 ? 0 : (size_t)*r;
	stream->at = 0;
	return *r > 0;
}

static const struct repo_place *stream_place(const struct stream *stream)
{
	return stream->run ? &stream->page[stream->at] : &stream->fresh[stream->at];
}

/* merges @streams (newest last) into @writer; of equal ids the newest stays */
static int merge(struct stream *streams, size_t count, struct repo_run_writer *writer,
		 struct err *err)
{
	for (;;) {
		const struct repo_place *least = NULL;
		struct repo_place chosen;
		int r = 0;

		for (size_t i = count; i-- > 0;) {
			if (!stream_ready(&streams[i], &r, err)) {
				if (r < 0)
					return r;
				continue;
			}
			if (!least ||
			    memcmp(stream_place(&streams[i])->id, least->id, REPO_CHUNK_ID_LEN) < 0)
				least = stream_place(&streams[i]);
		}
		if (!least)
			return 0;
		chosen = *least;
		r = repo_run_writer_put(writer, &chosen, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < count; i++)
			while (stream_ready(&streams[i], &r, err) &&
			       !memcmp(stream_place(&streams[i])->id, chosen.id, REPO_CHUNK_ID_LEN))
				streams[i].at++;
	}
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct repo_place *)a)->id, ((const struct repo_place *)b)->id,
		      REPO_CHUNK_ID_LEN);
}

/* how many of the newest runs go into the new file: sizes stay geometric, the number small */
static size_t runs_to_merge(const struct repo_index *index)
{
	uint64_t sum = index->fresh_count;
	size_t take = 0;

	while (take < index->run_count) {
		const struct repo_run *run = &index->runs[index->run_count - 1 - take];

		if (run->count > 2 * sum && index->run_count - take < REPO_RUNS_MAX)
			break;
		sum += run->count;
		take++;
	}
	return take;
}

static int merge_write(struct repo_index *index, size_t take, uint32_t pack_limit,
		       const uint8_t salt[32], uint64_t *written, struct err *err)
{
	CLEANUP(repo_run_writer_free_p) struct repo_run_writer *writer = NULL;
	CLEANUP(free_p) struct stream *streams = calloc(take + 1, sizeof(*streams));
	uint64_t sum = index->fresh_count;
	int r;

	if (!streams)
		return err_no_memory(err);
	for (size_t i = 0; i < take; i++) {
		streams[i].run = &index->runs[index->run_count - take + i];
		sum += streams[i].run->count;
	}
	streams[take].fresh = index->fresh;
	streams[take].count = index->fresh_count;
	r = repo_run_writer_new(&writer, index->domain, salt, sum, err);
	if (r == 0)
		r = merge(streams, take + 1, writer, err);
	if (r == 0)
		r = repo_run_writer_finish(writer, index->next_number, pack_limit, written, err);
	return r;
}

static void drop_runs(struct repo_index *index, size_t take)
{
	while (take-- > 0) {
		struct repo_run *run = &index->runs[--index->run_count];
		struct repo_name name;
		struct fs *fs = index->domain->fs;

		repo_domain_file(index->domain, &name, "idx/%08x", run->number);
		fs->unlink(fs, name.text); /* if it stays, its entries are there twice */
		repo_run_clear(run);
	}
}

static int checkpoint(struct repo_index *index, uint32_t pack_limit, const uint8_t salt[32],
		      uint64_t *written, struct err *err)
{
	size_t take = runs_to_merge(index);
	struct repo_run merged;
	int r;

	qsort(index->fresh, index->fresh_count, sizeof(*index->fresh), by_id);
	r = merge_write(index, take, pack_limit, salt, written, err);
	if (r == ERR_CORRUPT && take > 0) {
		/* an old file is damaged: leave it to check and repair, keep the new entries */
		take = 0;
		r = index->run_count == RUNS_OPEN_MAX
			    ? r
			    : merge_write(index, 0, pack_limit, salt, written, err);
	}
	if (r == 0)
		r = repo_run_open(&merged, index->domain, index->next_number, err);
	if (r < 0) {
		/* sorted now: positions in the hash table are stale */
		memset(index->slots, 0, SLOTS * sizeof(*index->slots));
		for (size_t i = 0; i < index->fresh_count; i++)
			*slot_for(index, index->fresh[i].id) = (uint32_t)(i + 1);
		return r;
	}
	drop_runs(index, take);
	index->runs[index->run_count++] = merged;
	index->next_number++;
	index->fresh_count = 0;
	memset(index->slots, 0, SLOTS * sizeof(*index->slots));
	return 0;
}

int repo_index_checkpoint(struct repo_index *index, uint32_t pack_limit, const uint8_t salt[32],
			  uint64_t *written, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&index->lock);
	if (index->fresh_count > 0)
		r = checkpoint(index, pack_limit, salt, written, err);
	pthread_mutex_unlock(&index->lock);
	return r;
}
