/*
 * plist/read_binary - bplist00, from anyone
 *
 *	"bplist00" objects... offset-table trailer(32)
 *
 * Objects refer to each other by number and may be shared, so a few hundred bytes
 * can stand for a tree of any size, or for no tree at all.  Three counters keep the
 * work in proportion: each followed reference costs a node, each container a level,
 * and the bytes of all strings and data together cannot exceed the input, for
 * honest objects do not lie over each other.  Sharing is undone: every use of an
 * object gets its own node (it has its own sibling and key), strings share bytes.
 */
#include "plist/read_binary.h"

#include <stdlib.h>
#include <string.h>

/* struct level - an open container */
struct level {
	size_t number;
	struct plist *children;
	const uint8_t *keys, *values; /* references; an array has no keys */
	size_t count, next;
};

/* ---- the frame of the file ------------------------------------------------ */

static int read_trailer(struct list *list, struct slice bytes)
{
	const uint8_t *trailer;
	uint64_t object_count, root, table;
	size_t trailer_at;

	if (bytes.len < MAGIC_LEN + TRAILER_LEN)
		return err_set(list->err, ERR_PROTOCOL, "binary property list of only %zu bytes",
			       bytes.len);
	if (memcmp(bytes.bytes, "bplist00", MAGIC_LEN) != 0)
		return err_set(list->err, ERR_PROTOCOL,
			       "binary property list of another version than 00");
	trailer_at = bytes.len - TRAILER_LEN;
	trailer = bytes.bytes + trailer_at;
	list->offset_len = trailer[6];
	list->ref_len = trailer[7];
	object_count = get_u64be(trailer + 8);
	root = get_u64be(trailer + 16);
	table = get_u64be(trailer + 24);
	if (list->offset_len < 1 || list->offset_len > 8 || list->ref_len < 1 || list->ref_len > 8)
		return err_set(list->err, ERR_PROTOCOL,
			       "binary property list, trailer at byte %zu: widths %zu and %zu",
			       trailer_at, list->offset_len, list->ref_len);
	if (table < MAGIC_LEN || table > trailer_at ||
	    object_count > (trailer_at - table) / list->offset_len || root >= object_count)
		return err_set(list->err, ERR_PROTOCOL,
			       "binary property list, trailer at byte %zu: table or root outside",
			       trailer_at);
	list->bytes = bytes.bytes;
	list->table = bytes.bytes + table;
	list->objects_end = (size_t)table;
	list->object_count = (size_t)object_count;
	list->root = (size_t)root;
	list->payload_left = (size_t)table;
	return 0;
}

/* An honest list refers to each object at least once, so more objects than nodes is too many. */
static int prepare_seen(struct list *list, size_t node_max)
{
	struct plist_doc *doc = list->doc;

	if (list->object_count > node_max)
		return err_set(list->err, ERR_LIMIT, "property list of %zu objects, limit %zu",
			       list->object_count, node_max);
	if (list->object_count > doc->seen_count) {
		size_t count = list->object_count < 64 ? 64 : list->object_count;

		free(doc->seen);
		doc->seen_count = 0;
		doc->seen = malloc(count * sizeof(*doc->seen));
		if (doc->seen == NULL)
			return err_no_memory(list->err);
		doc->seen_count = count;
	}
	memset(doc->seen, 0, list->object_count * sizeof(*doc->seen));
	return 0;
}

/* ---- the tree ------------------------------------------------------------------ */

static int read_reference(const struct list *list, const uint8_t *refs, size_t index,
			  size_t *number)
{
	const uint8_t *at = refs + index * list->ref_len;
	uint64_t value = plist_binary_number(at, list->ref_len);

	if (value >= list->object_count)
		return err_set(list->err, ERR_PROTOCOL,
			       "binary property list, byte %zu: reference to object %llu of %zu",
			       (size_t)(at - list->bytes), (unsigned long long)value,
			       list->object_count);
	*number = (size_t)value;
	return 0;
}

static int read_key(struct list *list, const struct level *level, struct plist *child)
{
	const struct plist_blob *blob;
	size_t number;
	int r;

	r = read_reference(list, level->keys, level->next, &number);
	if (r < 0)
		return r;
	blob = list->doc->seen[number];
	if (blob == NULL) {
		struct object object;

		r = plist_binary_find(list, number, &object);
		if (r < 0)
			return r;
		if (object.kind != KIND_ASCII && object.kind != KIND_UTF16)
			return plist_binary_malformed(list, &object, "key is not a string");
		r = plist_binary_blob(list, &object, &blob);
		if (r < 0)
			return r;
	}
	if (blob->type != PLIST_STRING)
		return err_set(list->err, ERR_PROTOCOL,
			       "binary property list, object %zu: key is not a string", number);
	child->key = (const char *)blob->bytes;
	child->key_len = blob->len;
	return 0;
}

/* open_level - check a container's claims, pay for its children and lay them out */
static int open_level(struct list *list, const struct object *object, struct plist *node,
		      struct level *levels, size_t depth)
{
	size_t refs_per_item = node->type == PLIST_DICT ? 2 : 1;
	struct level *level = &levels[depth];

	if (depth >= list->depth_max)
		return err_set(list->err, ERR_LIMIT, "property list nests deeper than %zu levels",
			       list->depth_max);
	for (size_t i = 0; i < depth; i++) {
		if (levels[i].number == object->number)
			return plist_binary_malformed(list, object, "contains itself");
	}
	if (object->count > object->left / (refs_per_item * list->ref_len))
		return plist_binary_malformed(list, object, "runs out of the list");
	if (object->count * refs_per_item > list->nodes_left)
		return err_set(list->err, ERR_LIMIT, "property list of too many values and keys");
	list->nodes_left -= object->count * refs_per_item;

	*level = (struct level){.number = object->number, .count = object->count};
	level->values = object->at;
	if (node->type == PLIST_DICT) {
		level->keys = object->at;
		level->values += object->count * list->ref_len;
	}
	node->is_packed = true;
	if (object->count == 0)
		return 0;
	level->children = plist_doc_alloc(list->doc, object->count * sizeof(*level->children));
	if (level->children == NULL)
		return err_no_memory(list->err);
	node->as.items.first = level->children;
	node->as.items.count = object->count;
	return 0;
}

static int read_child(struct list *list, struct level *level, struct object *object,
		      struct plist **out)
{
	struct plist *child = &level->children[level->next];
	const struct plist_blob *blob;
	size_t number;
	int r;

	memset(child, 0, sizeof(*child));
	if (level->keys != NULL) {
		r = read_key(list, level, child);
		if (r < 0)
			return r;
	}
	r = read_reference(list, level->values, level->next, &number);
	if (r < 0)
		return r;
	level->next++;
	if (level->next < level->count)
		child->next = child + 1;
	*out = child;
	blob = list->doc->seen[number];
	if (blob != NULL) {
		plist_binary_use(blob, child);
		return 0;
	}
	r = plist_binary_find(list, number, object);
	return r < 0 ? r : plist_binary_value(list, object, child);
}

static int read_tree(struct list *list, struct plist *root)
{
	struct level levels[PLIST_DEPTH_MAX];
	struct object object;
	struct plist *node = root;
	size_t depth = 0;
	int r;

	r = plist_binary_find(list, list->root, &object);
	if (r == 0)
		r = plist_binary_value(list, &object, root);
	while (r == 0) {
		if (plist_is_container(node)) {
			r = open_level(list, &object, node, levels, depth);
			if (r < 0)
				break;
			depth++;
		}
		while (depth > 0 && levels[depth - 1].next == levels[depth - 1].count)
			depth--;
		if (depth == 0)
			break;
		r = read_child(list, &levels[depth - 1], &object, &node);
	}
	return r;
}

int plist_read_binary(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		      const struct plist **root, struct err *err)
{
	struct list list = {.doc = doc, .depth_max = limits->depth_max, .err = err};
	struct plist *node;
	int r;

	r = read_trailer(&list, bytes);
	if (r == 0)
		r = prepare_seen(&list, limits->node_max);
	if (r < 0)
		return r;
	list.nodes_left = limits->node_max - 1; /* there is a root, so node_max >= 1 */
	node = plist_doc_node(doc, PLIST_NULL);
	if (node == NULL)
		return err_no_memory(err);
	r = read_tree(&list, node);
	if (r < 0)
		return r;
	*root = node;
	return 0;
}
