/* merge.c - overlay, scratch tables and base as one sorted stream; the newest layer wins */
#include "repo/overlay.h"

#include <stdlib.h>
#include <string.h>

struct layer {
	struct repo_cursor cursor;
	bool is_loaded, is_at_end;
	struct slice path;
	struct repo_value value;
};

struct repo_merge {
	struct repo_overlay *overlay;
	struct repo_node *node; /* next of the memory part; NULL: end */
	bool has_memory, keeps_gone;
	struct layer *pending; /* gave the last result: to be stepped first */
	size_t count;          /* newest first */
	struct layer layers[];
};

void repo_merge_free_p(struct repo_merge **pointer)
{
	struct repo_merge *merge = *pointer;

	if (!merge)
		return;
	for (size_t i = 0; i < merge->count; i++)
		repo_cursor_clear(&merge->layers[i].cursor);
	free(merge);
}

static int merge_new(struct repo_merge **out, struct repo_overlay *overlay, bool is_whole,
		     struct err *err)
{
	size_t max = overlay->layer_count + 1;
	CLEANUP(repo_merge_free_p)
	struct repo_merge *merge = calloc(1, sizeof(*merge) + max * sizeof(merge->layers[0]));
	int r = 0;

	if (!merge)
		return err_no_memory(err);
	merge->overlay = overlay;
	merge->has_memory = is_whole;
	merge->keeps_gone = !is_whole;
	for (size_t i = overlay->layer_count; i-- > 0 && r == 0;)
		r = repo_cursor_new(&merge->layers[merge->count++].cursor, &overlay->layers[i],
				    err);
	if (r == 0 && is_whole && overlay->base)
		r = repo_cursor_new(&merge->layers[merge->count++].cursor, overlay->base, err);
	if (r < 0)
		return r;
	if (is_whole)
		merge->node = overlay->head->next[0];
	*out = STEAL(merge);
	return 0;
}

int repo_merge_new(struct repo_merge **out, struct repo_overlay *overlay, struct err *err)
{
	return merge_new(out, overlay, true, err);
}

int repo_merge_layers_new(struct repo_merge **out, struct repo_overlay *overlay, struct err *err)
{
	return merge_new(out, overlay, false, err);
}

int repo_merge_seek(struct repo_merge *merge, struct slice path, struct err *err)
{
	int r = 0;

	merge->pending = NULL;
	if (merge->has_memory)
		merge->node = repo_overlay_seek(merge->overlay, path);
	for (size_t i = 0; i < merge->count && r == 0; i++) {
		merge->layers[i].is_loaded = merge->layers[i].is_at_end = false;
		r = repo_cursor_seek(&merge->layers[i].cursor, path, err);
	}
	return r;
}

/* the entry that the layer stands on; false at its end */
static bool layer_ready(struct layer *layer, int *r, struct err *err)
{
	if (layer->is_loaded)
		return true;
	if (layer->is_at_end)
		return false;
	*r = repo_cursor_get(&layer->cursor, &layer->path, &layer->value, err);
	layer->is_loaded = *r == 0;
	layer->is_at_end = *r != 0;
	if (*r == REPO_ABSENT)
		*r = 0;
	return layer->is_loaded;
}

static void layer_step(struct layer *layer)
{
	repo_cursor_next(&layer->cursor);
	layer->is_loaded = false;
}

/*
 * The least path of all layers and its newest value.  Older values of the same path are
 * stepped over at once; the layer that gave the result is stepped at the next call, so
 * that what was returned stays good until then.
 */
int repo_merge_next(struct repo_merge *merge, struct slice *path, struct repo_value *value,
		    struct repo_node **node, struct err *err)
{
	for (;;) {
		struct layer *from = NULL;
		struct repo_node *least_node = merge->node;
		struct slice least = least_node ? repo_node_path(least_node) : SLICE_EMPTY;
		int r = 0;

		if (merge->pending) {
			layer_step(merge->pending);
			merge->pending = NULL;
		}
		for (size_t i = 0; i < merge->count; i++) {
			struct layer *layer = &merge->layers[i];
			int order;

			if (!layer_ready(layer, &r, err)) {
				if (r < 0)
					return r;
				continue;
			}
			order = least.len == 0 ? -1 : repo_path_compare(layer->path, least);
			if (order < 0) {
				least = layer->path;
				least_node = NULL;
				from = layer;
			} else if (order == 0) {
				layer_step(layer);
			}
		}
		if (least.len == 0)
			return REPO_ABSENT;
		*path = least;
		if (least_node) {
			repo_node_value(least_node, value);
			merge->node = least_node->next[0];
		} else {
			*value = from->value;
			merge->pending = from;
		}
		if (node)
			*node = least_node;
		if (value->kind != REPO_GONE || merge->keeps_gone)
			return 0;
	}
}
