/*
 * overlay.c - what a session changed, newest in memory and older spilled to scratch tables
 *
 * In memory: a skip list in an arena of fixed size, whose pieces are reused.  A removed
 * path leaves a mark only if a layer below could hold it, so that the usual first backup
 * (upload to one folder, move to another) leaves nothing behind.
 */
#include "repo/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_LEN = 12 << 20,
	/* left free: for a node, and for the contents of all uploads under way */
	ARENA_RESERVE = 512 << 10,
	LAYERS_MAX = 32,
};

struct slice repo_node_path(const struct repo_node *node)
{
	return slice_of(&node->next[node->levels], node->path_len);
}

/* ---- arena: bump allocation and free lists by size ---- */

static size_t class_of(size_t len)
{
	return (len + OVERLAY_GRAIN - 1) / OVERLAY_GRAIN;
}

static void *arena_new(struct repo_overlay *overlay, size_t len)
{
	size_t class = class_of(len);
	void *piece = overlay->free_pieces[class];

	if (piece) {
		memcpy(&overlay->free_pieces[class], piece, sizeof(void *));
		return piece;
	}
	if (overlay->used + class * OVERLAY_GRAIN > ARENA_LEN)
		return NULL;
	piece = overlay->arena + overlay->used;
	overlay->used += class * OVERLAY_GRAIN;
	return piece;
}

static void arena_free(struct repo_overlay *overlay, void *piece, size_t len)
{
	size_t class = class_of(len);

	if (!piece)
		return;
	memcpy(piece, &overlay->free_pieces[class], sizeof(void *));
	overlay->free_pieces[class] = piece;
}

static size_t node_len(unsigned levels, size_t path_len)
{
	return sizeof(struct repo_node) + levels * sizeof(struct repo_node *) + path_len;
}

static void arena_reset(struct repo_overlay *overlay)
{
	memset(overlay->free_pieces, 0, sizeof(overlay->free_pieces));
	overlay->used = 0;
	overlay->head = arena_new(overlay, node_len(OVERLAY_LEVELS, 0));
	memset(overlay->head, 0, node_len(OVERLAY_LEVELS, 0));
	overlay->head->levels = OVERLAY_LEVELS;
	overlay->count = 0;
}

bool repo_overlay_is_full(const struct repo_overlay *overlay)
{
	return overlay->used > ARENA_LEN - ARENA_RESERVE;
}

/* ---- skip list ---- */

static unsigned random_levels(struct repo_overlay *overlay)
{
	uint64_t x = overlay->random;
	unsigned levels = 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	overlay->random = x;
	/* one node in four reaches the next level */
	for (x >>= 8; (x & 3) == 0 && levels < OVERLAY_LEVELS; x >>= 2)
		levels++;
	return levels;
}

/* the first node >= @path; before[] gets what points at it on each level */
static struct repo_node *seek(struct repo_overlay *overlay, struct slice path,
			      struct repo_node *before[OVERLAY_LEVELS])
{
	struct repo_node *at = overlay->head;

	for (int level = OVERLAY_LEVELS - 1; level >= 0; level--) {
		while (at->next[level] &&
		       repo_path_compare(repo_node_path(at->next[level]), path) < 0)
			at = at->next[level];
		before[level] = at;
	}
	return at->next[0];
}

struct repo_node *repo_overlay_seek(struct repo_overlay *overlay, struct slice path)
{
	struct repo_node *before[OVERLAY_LEVELS];

	return seek(overlay, path, before);
}

static void unlink_node(struct repo_overlay *overlay, struct repo_node *node,
			struct repo_node *before[OVERLAY_LEVELS])
{
	for (unsigned level = 0; level < node->levels; level++)
		if (before[level]->next[level] == node)
			before[level]->next[level] = node->next[level];
	arena_free(overlay, node->content, node->content_len);
	node->content = NULL;
	node->content_len = 0;
	node->ticket = 0;
	node->kind = 0;
	overlay->count--;
	if (node->watchers == 0) /* else repo_overlay_settle frees it */
		arena_free(overlay, node, node_len(node->levels, node->path_len));
}

/* ---- layers ---- */

int repo_overlay_new(struct repo_overlay **out, const struct repo_domain *domain,
		     struct repo_table *base, const uint8_t seed[32], struct err *err)
{
	struct repo_overlay *overlay = calloc(1, sizeof(*overlay));
	int r;

	if (!overlay)
		return err_no_memory(err);
	overlay->domain = domain;
	overlay->base = base;
	memcpy(overlay->seed, seed, sizeof(overlay->seed));
	overlay->random = get_u64le(seed) | 1;
	overlay->arena = repo_pool_new(ARENA_LEN);
	r = repo_block_cache_new(&overlay->cache, 16, err);
	if (r == 0)
		overlay->layers = calloc(LAYERS_MAX, sizeof(*overlay->layers));
	if (r < 0 || !overlay->arena || !overlay->layers) {
		repo_overlay_free(overlay);
		return err_no_memory(err);
	}
	arena_reset(overlay);
	*out = overlay;
	return 0;
}

static void drop_layers(struct repo_overlay *overlay)
{
	struct fs *fs = overlay->domain->fs;

	while (overlay->layer_count > 0) {
		struct repo_table *layer = &overlay->layers[--overlay->layer_count];

		repo_block_cache_forget(overlay->cache, layer);
		fs->unlink(fs, layer->name.text);
		repo_table_clear(layer);
	}
}

void repo_overlay_free(struct repo_overlay *overlay)
{
	if (!overlay)
		return;
	drop_layers(overlay);
	free(overlay->layers);
	repo_block_cache_free(overlay->cache);
	repo_pool_free(overlay->arena, ARENA_LEN);
	explicit_bzero(overlay->seed, sizeof(overlay->seed));
	free(overlay);
}

uint64_t repo_overlay_scratch_written(const struct repo_overlay *overlay)
{
	return overlay->scratch_written;
}

/* what the scratch tables and the base say; REPO_GONE marks are found too */
static int get_below(struct repo_overlay *overlay, struct slice path, struct repo_value *value,
		     struct err *err)
{
	uint64_t hash[2];
	int r = REPO_ABSENT;

	if (overlay->layer_count == 0 && !overlay->base)
		return REPO_ABSENT;
	repo_filter_path_hash((const char *)path.bytes, path.len, hash);
	for (size_t i = overlay->layer_count; i-- > 0 && r == REPO_ABSENT;)
		r = repo_table_get(&overlay->layers[i], overlay->cache, path, hash, value, err);
	if (r == REPO_ABSENT && overlay->base)
		r = repo_table_get(overlay->base, overlay->cache, path, NULL, value, err);
	return r;
}

void repo_node_value(const struct repo_node *node, struct repo_value *value)
{
	*value = (struct repo_value){
		.kind = node->kind,
		.size = node->size,
		.modified = node->modified,
		.content = slice_of(node->content, node->content_len),
	};
}

int repo_overlay_get(struct repo_overlay *overlay, struct slice path, struct repo_value *value,
		     struct repo_node **node, struct err *err)
{
	struct repo_node *found = repo_overlay_seek(overlay, path);
	int r;

	*node = NULL;
	if (found && slice_equal(repo_node_path(found), path)) {
		if (found->kind == REPO_GONE)
			return REPO_ABSENT;
		repo_node_value(found, value);
		*node = found;
		return 0;
	}
	r = get_below(overlay, path, value, err);
	return r == 0 && value->kind == REPO_GONE ? REPO_ABSENT : r;
}

/* also ends the wait for an upload */
static int set_content(struct repo_overlay *overlay, struct repo_node *node, struct slice content,
		       struct err *err)
{
	uint8_t *copy = NULL;

	if (content.len > 0) {
		copy = arena_new(overlay, content.len);
		if (!copy)
			return err_no_memory(err);
		memcpy(copy, content.bytes, content.len);
	}
	arena_free(overlay, node->content, node->content_len);
	node->ticket = 0;
	node->content = copy;
	node->content_len = (uint16_t)content.len;
	return 0;
}

int repo_overlay_put(struct repo_overlay *overlay, struct slice path,
		     const struct repo_value *value, struct repo_node **out, struct err *err)
{
	struct repo_node *before[OVERLAY_LEVELS], *node = seek(overlay, path, before);

	if (!node || !slice_equal(repo_node_path(node), path)) {
		unsigned levels = random_levels(overlay);

		node = arena_new(overlay, node_len(levels, path.len));
		if (!node)
			return err_no_memory(err);
		*node = (struct repo_node){.levels = (uint8_t)levels,
					   .path_len = (uint16_t)path.len};
		memcpy(&node->next[levels], path.bytes, path.len);
		for (unsigned level = 0; level < levels; level++) {
			node->next[level] = before[level]->next[level];
			before[level]->next[level] = node;
		}
		overlay->count++;
	}
	node->kind = (uint8_t)value->kind;
	node->size = value->size;
	node->modified = value->modified;
	if (out)
		*out = node;
	return set_content(overlay, node, value->content, err);
}

int repo_overlay_remove(struct repo_overlay *overlay, struct slice path, struct err *err)
{
	static const struct repo_value gone = {.kind = REPO_GONE};
	struct repo_node *before[OVERLAY_LEVELS], *node;
	struct repo_value below;
	int r = get_below(overlay, path, &below, err);

	if (r < 0)
		return r;
	if (r == 0 && below.kind != REPO_GONE)
		return repo_overlay_put(overlay, path, &gone, NULL, err);
	node = seek(overlay, path, before);
	if (node && slice_equal(repo_node_path(node), path))
		unlink_node(overlay, node, before);
	return 0;
}

void repo_overlay_watch(struct repo_node *node, uint64_t ticket)
{
	node->ticket = ticket;
	node->watchers++;
}

int repo_overlay_settle(struct repo_overlay *overlay, struct repo_node *node, uint64_t ticket,
			struct slice content, struct err *err)
{
	node->watchers--;
	if (node->kind == 0 && node->watchers == 0)
		arena_free(overlay, node, node_len(node->levels, node->path_len));
	else if (node->ticket == ticket)
		return set_content(overlay, node, content, err);
	return 0;
}

/* ---- spilling ---- */

static int scratch_writer(struct repo_overlay *overlay, uint64_t keys,
			  struct repo_table_writer **out, struct err *err)
{
	struct repo_table_options options = {
		.block_len = REPO_SCRATCH_BLOCK_LEN, .filter_keys = keys, .is_scratch = true};
	uint8_t salt[32], number[4];
	int r;

	put_u32le(number, ++overlay->scratch_number);
	r = crypto_hkdf(slice_of(overlay->seed, sizeof(overlay->seed)), slice_of(number, 4),
			"rehome scratch salt", salt, sizeof(salt), err);
	return r < 0 ? r
		     : repo_table_writer_new(out, overlay->domain, overlay->scratch_number, salt,
					     &options, err);
}

static int spill_memory(struct repo_overlay *overlay, struct repo_table *layer, struct err *err)
{
	CLEANUP(repo_table_writer_free_p) struct repo_table_writer *writer = NULL;
	struct repo_table_at at;
	struct repo_value value;
	int r = scratch_writer(overlay, overlay->count, &writer, err);

	for (struct repo_node *node = overlay->head->next[0]; node && r == 0;
	     node = node->next[0]) {
		repo_node_value(node, &value);
		r = repo_table_writer_put(writer, repo_node_path(node), &value, err);
	}
	if (r == 0)
		r = repo_table_writer_finish(writer, &at, &overlay->scratch_written, err);
	return r < 0 ? r : repo_table_writer_open(writer, layer, err);
}

/* all scratch tables into one; marks of removal stay, the base is not looked at */
static int merge_layers(struct repo_overlay *overlay, struct err *err)
{
	CLEANUP(repo_table_writer_free_p) struct repo_table_writer *writer = NULL;
	CLEANUP(repo_merge_free_p) struct repo_merge *merge = NULL;
	struct repo_table merged;
	struct repo_table_at at;
	struct repo_value value;
	struct slice path;
	uint64_t keys = 0;
	int r;

	for (size_t i = 0; i < overlay->layer_count; i++)
		keys += overlay->layers[i].entries;
	r = scratch_writer(overlay, keys, &writer, err);
	if (r == 0)
		r = repo_merge_layers_new(&merge, overlay, err);
	while (r == 0 && (r = repo_merge_next(merge, &path, &value, NULL, err)) == 0)
		r = repo_table_writer_put(writer, path, &value, err);
	if (r == REPO_ABSENT)
		r = repo_table_writer_finish(writer, &at, &overlay->scratch_written, err);
	if (r == 0)
		r = repo_table_writer_open(writer, &merged, err);
	if (r < 0)
		return r;
	drop_layers(overlay);
	overlay->layers[overlay->layer_count++] = merged;
	return 0;
}

int repo_overlay_spill(struct repo_overlay *overlay, struct err *err)
{
	int r = 0;

	if (overlay->count > 0) {
		r = spill_memory(overlay, &overlay->layers[overlay->layer_count], err);
		if (r < 0)
			return r;
		overlay->layer_count++;
	}
	arena_reset(overlay);
	return overlay->layer_count == LAYERS_MAX ? merge_layers(overlay, err) : 0;
}
