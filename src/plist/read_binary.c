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
#include "plist/internal.h"

#include <stdlib.h>
#include <string.h>

enum { MAGIC_LEN = 8, TRAILER_LEN = 32 };

/* the upper half of an object's first byte */
enum kind {
	KIND_SIMPLE = 0x0,
	KIND_INT = 0x1,
	KIND_REAL = 0x2,
	KIND_DATE = 0x3,
	KIND_DATA = 0x4,
	KIND_ASCII = 0x5,
	KIND_UTF16 = 0x6,
	KIND_UID = 0x8,
	KIND_ARRAY = 0xa,
	KIND_DICT = 0xd,
};

struct list {
	struct plist_doc *doc;
	const uint8_t *bytes;
	const uint8_t *table; /* object number to offset */
	size_t objects_end;   /* offset of the table */
	size_t object_count;
	size_t root;
	size_t offset_len, ref_len;
	size_t nodes_left, payload_left, depth_max;
	struct err *err;
};

/* struct object - where an object lies; @at is behind its first byte and count */
struct object {
	size_t number, offset;
	uint8_t kind, low;
	size_t count; /* of bytes, UTF-16 units, items or pairs */
	const uint8_t *at;
	size_t left; /* bytes from @at to the end of the objects */
};

/* struct level - an open container */
struct level {
	size_t number;
	struct plist *children;
	const uint8_t *keys, *values; /* references; an array has no keys */
	size_t count, next;
};

static uint64_t get_be(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return value;
}

/* get_wide - up to 16 bytes; the upper 8 apart */
static uint64_t get_wide(const uint8_t *at, size_t len, uint64_t *high)
{
	*high = 0;
	if (len <= 8)
		return get_be(at, len);
	*high = get_be(at, len - 8);
	return get_be(at + len - 8, 8);
}

static int malformed(const struct list *list, const struct object *object, const char *what)
{
	return err_set(list->err, ERR_PROTOCOL, "binary property list, object %zu at byte %zu: %s",
		       object->number, object->offset, what);
}

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

/* ---- objects ----------------------------------------------------------------- */

/* A count of 15 means: an integer object with the real count follows. */
static int read_count(const struct list *list, struct object *object)
{
	uint64_t high, count;
	size_t len;

	object->count = object->low;
	if (object->low != 0xf)
		return 0;
	if (object->left < 1 || object->at[0] >> 4 != KIND_INT || (object->at[0] & 0xf) > 4)
		return malformed(list, object, "no count");
	len = (size_t)1 << (object->at[0] & 0xf);
	if (object->left - 1 < len)
		return malformed(list, object, "ends within its count");
	count = get_wide(object->at + 1, len, &high);
	if (high != 0 || count > object->left)
		return malformed(list, object, "longer than the list");
	object->count = (size_t)count;
	object->at += 1 + len;
	object->left -= 1 + len;
	return 0;
}

static int find_object(const struct list *list, size_t number, struct object *object)
{
	uint64_t offset = get_be(list->table + number * list->offset_len, list->offset_len);

	object->number = number;
	object->offset = (size_t)offset;
	if (offset < MAGIC_LEN || offset >= list->objects_end)
		return malformed(list, object, "lies outside the list");
	object->kind = list->bytes[offset] >> 4;
	object->low = list->bytes[offset] & 0xf;
	object->at = list->bytes + offset + 1;
	object->left = list->objects_end - (size_t)offset - 1;
	switch (object->kind) {
	case KIND_DATA:
	case KIND_ASCII:
	case KIND_UTF16:
	case KIND_ARRAY:
	case KIND_DICT:
		return read_count(list, object);
	default:
		return 0;
	}
}

/* read_blob - decode a string or data once; later uses find it in the table */
static int read_blob(struct list *list, const struct object *object, const struct plist_blob **out)
{
	size_t unit_len = object->kind == KIND_UTF16 ? 2 : 1;
	size_t payload_len, len, unit_count;
	struct plist_blob *blob;

	if (object->count > object->left / unit_len)
		return malformed(list, object, "runs out of the list");
	payload_len = object->count * unit_len;
	if (payload_len > list->payload_left)
		return malformed(list, object, "lies over other objects");
	list->payload_left -= payload_len;
	len = payload_len;
	if (object->kind == KIND_UTF16)
		len = plist_utf16be_to_utf8(object->at, object->count, NULL);

	blob = plist_doc_alloc(list->doc, sizeof(*blob) + len + 1);
	if (blob == NULL)
		return err_no_memory(list->err);
	blob->type = object->kind == KIND_DATA ? PLIST_DATA : PLIST_STRING;
	blob->len = len;
	if (object->kind == KIND_UTF16)
		plist_utf16be_to_utf8(object->at, object->count, (char *)blob->bytes);
	else
		memcpy(blob->bytes, object->at, len);
	blob->bytes[len] = 0;
	/* some writers put UTF-8 where ASCII belongs: fine, but nothing else */
	if (object->kind == KIND_ASCII &&
	    !plist_utf8_measure((const char *)blob->bytes, len, &unit_count))
		return malformed(list, object, "string is not ASCII");
	list->doc->seen[object->number] = blob;
	*out = blob;
	return 0;
}

static int read_integer(const struct list *list, const struct object *object, struct plist *node)
{
	size_t len = (size_t)1 << object->low;
	uint64_t high, value;

	if (object->low > 4)
		return malformed(list, object, "integer of unknown width");
	if (object->left < len)
		return malformed(list, object, "runs out of the list");
	value = get_wide(object->at, len, &high);
	node->type = PLIST_INT;
	node->as.integer = (int64_t)value;
	if (len < 16)
		return 0; /* 8 bytes are signed, fewer are not and fit */
	if (high == 0)
		node->is_wide = value >> 63;
	else if (high != UINT64_MAX || value >> 63 == 0)
		return malformed(list, object, "integer beyond 64 bits");
	return 0;
}

static int read_real(const struct list *list, const struct object *object, struct plist *node)
{
	size_t len = (size_t)1 << object->low;

	if ((object->low != 2 && object->low != 3) ||
	    (object->kind == KIND_DATE && object->low != 3))
		return malformed(list, object, "real or date of unknown width");
	if (object->left < len)
		return malformed(list, object, "runs out of the list");
	node->type = object->kind == KIND_DATE ? PLIST_DATE : PLIST_REAL;
	if (len == 4) {
		uint32_t bits = get_u32be(object->at);
		float value;

		memcpy(&value, &bits, sizeof(value));
		node->as.real = (double)value;
	} else {
		uint64_t bits = get_u64be(object->at);

		memcpy(&node->as.real, &bits, sizeof(bits));
	}
	return 0;
}

static int read_uid(const struct list *list, const struct object *object, struct plist *node)
{
	size_t len = (size_t)object->low + 1;
	uint64_t high;

	if (object->left < len)
		return malformed(list, object, "runs out of the list");
	node->type = PLIST_UID;
	node->as.uid = get_wide(object->at, len, &high);
	return high == 0 ? 0 : malformed(list, object, "UID beyond 64 bits");
}

static int read_simple(const struct list *list, const struct object *object, struct plist *node)
{
	switch (object->low) {
	case 0x0:
		node->type = PLIST_NULL;
		return 0;
	case 0x8:
	case 0x9:
		node->type = PLIST_BOOL;
		node->as.boolean = object->low == 0x9;
		return 0;
	default:
		return malformed(list, object, "of unknown type");
	}
}

static void use_blob(const struct plist_blob *blob, struct plist *node)
{
	node->type = blob->type;
	if (blob->type == PLIST_DATA) {
		node->as.data = slice_of(blob->bytes, blob->len);
	} else {
		node->as.string.text = (const char *)blob->bytes;
		node->as.string.len = blob->len;
	}
}

/* read_value - everything but containers, of which only the type is set */
static int read_value(struct list *list, const struct object *object, struct plist *node)
{
	const struct plist_blob *blob;
	int r;

	switch (object->kind) {
	case KIND_SIMPLE:
		return read_simple(list, object, node);
	case KIND_INT:
		return read_integer(list, object, node);
	case KIND_REAL:
	case KIND_DATE:
		return read_real(list, object, node);
	case KIND_DATA:
	case KIND_ASCII:
	case KIND_UTF16:
		r = read_blob(list, object, &blob);
		if (r == 0)
			use_blob(blob, node);
		return r;
	case KIND_UID:
		return read_uid(list, object, node);
	case KIND_ARRAY:
		node->type = PLIST_ARRAY;
		return 0;
	case KIND_DICT:
		node->type = PLIST_DICT;
		return 0;
	default:
		return malformed(list, object, "of unknown type");
	}
}

/* ---- the tree ------------------------------------------------------------------ */

static int read_reference(const struct list *list, const uint8_t *refs, size_t index,
			  size_t *number)
{
	const uint8_t *at = refs + index * list->ref_len;
	uint64_t value = get_be(at, list->ref_len);

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

		r = find_object(list, number, &object);
		if (r < 0)
			return r;
		if (object.kind != KIND_ASCII && object.kind != KIND_UTF16)
			return malformed(list, &object, "key is not a string");
		r = read_blob(list, &object, &blob);
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
			return malformed(list, object, "contains itself");
	}
	if (object->count > object->left / (refs_per_item * list->ref_len))
		return malformed(list, object, "runs out of the list");
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
		use_blob(blob, child);
		return 0;
	}
	r = find_object(list, number, object);
	return r < 0 ? r : read_value(list, object, child);
}

static int read_tree(struct list *list, struct plist *root)
{
	struct level levels[PLIST_DEPTH_MAX];
	struct object object;
	struct plist *node = root;
	size_t depth = 0;
	int r;

	r = find_object(list, list->root, &object);
	if (r == 0)
		r = read_value(list, &object, root);
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
