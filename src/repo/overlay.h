/* overlay.h - the insides of the overlay that merge.c reads as well */
#ifndef REHOME_REPO_OVERLAY_H
#define REHOME_REPO_OVERLAY_H

#include "repo/directory.h"

enum {
	OVERLAY_LEVELS = 12,
	OVERLAY_GRAIN = 16,
	/* the largest piece: a node with the longest path, or the longest content */
	OVERLAY_CLASSES = (REPO_PATH_LEN_MAX + REPO_CONTENT_LEN_MAX) / OVERLAY_GRAIN + 16,
};

struct repo_overlay {
	const struct repo_domain *domain;
	struct repo_table *base; /* borrowed; NULL: empty */
	uint8_t seed[32];
	uint64_t random;
	/* the memory part */
	uint8_t *arena;
	size_t used;
	void *free_pieces[OVERLAY_CLASSES];
	struct repo_node *head;
	uint64_t count;
	/* scratch tables, oldest first */
	struct repo_table *layers;
	size_t layer_count;
	uint32_t scratch_number;
	uint64_t scratch_written;
	struct repo_block_cache *cache;
};

/** repo_overlay_seek - first node of the memory part at or after @path */
struct repo_node *repo_overlay_seek(struct repo_overlay *overlay, struct slice path);
/** repo_node_value - its content borrows from the node */
void repo_node_value(const struct repo_node *node, struct repo_value *value);
/** repo_merge_layers_new - only the scratch tables, marks of removal included */
int repo_merge_layers_new(struct repo_merge **out, struct repo_overlay *overlay, struct err *err);

#endif
