/*
 * plist/write_binary - bplist00
 *
 * Three passes over the tree: count it, number its objects, write them.  Numbers are
 * given as Apple's writer gives them: a container, then its keys, then its values,
 * depth first; equal scalars share one object.  Finding equals is a hash table with
 * a bounded search: a peer that crafts collisions gets a larger list, not a slow one.
 */
#include "plist/internal.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_MAX = 32 };

/* struct object - a value, or the key of a dict entry; both hang on the entry's node */
struct object {
	const struct plist *node;
	bool is_key;
	uint32_t first_ref; /* of a container: where its references begin */
};

/* struct plan - sizes of the arrays are upper bounds from the first pass */
struct plan {
	void *memory;
	struct object *objects;
	uint64_t *offsets; /* of each object in the output, from its magic */
	uint32_t *refs;    /* containers' children: keys, then values */
	uint32_t *table;   /* hash table of object number + 1; 0 is free */
	size_t object_count, ref_count, table_mask;
};

static void plan_clear(struct plan *plan)
{
	free(plan->memory);
}

/* ---- first pass: how much is it? -------------------------------------------------- */

/* The arrays below are sized by the counts, and callers may lay a node of their own around others.
 */
static bool is_count_true(const struct plist *container)
{
	size_t count = 0;

	for (const struct plist *at = container->as.items.first; at != NULL; at = at->next)
		count++;
	return count == container->as.items.count;
}

static int count_tree(const struct plist *root, size_t *count, struct err *err)
{
	const struct plist *open[PLIST_DEPTH_MAX];
	const struct plist *value = root;
	size_t depth = 0;

	*count = 1;
	for (;;) {
		if (plist_is_container(value) && !is_count_true(value))
			return err_set(err, ERR_USAGE, "container with a wrong count of children");
		if (plist_is_container(value) && value->as.items.first != NULL) {
			if (depth == PLIST_DEPTH_MAX)
				return err_set(err, ERR_LIMIT,
					       "property list nests deeper than %d levels",
					       PLIST_DEPTH_MAX);
			*count += value->as.items.count * (value->type == PLIST_DICT ? 2 : 1);
			open[depth++] = value;
			value = value->as.items.first;
			continue;
		}
		while (depth > 0 && value->next == NULL)
			value = open[--depth];
		if (depth == 0)
			break;
		value = value->next;
	}
	if (*count > UINT32_MAX / 4)
		return err_set(err, ERR_LIMIT, "property list of %zu values and keys", *count);
	return 0;
}

static int plan_init(struct plan *plan, size_t count, struct err *err)
{
	size_t table_count = 8;
	char *at;

	while (table_count < 2 * count)
		table_count *= 2;
	at = calloc(
		1, count * (sizeof(*plan->objects) + sizeof(*plan->offsets) + sizeof(*plan->refs)) +
			   table_count * sizeof(*plan->table));
	if (at == NULL)
		return err_no_memory(err);
	plan->memory = at;
	plan->objects = (void *)at;
	at += count * sizeof(*plan->objects);
	plan->offsets = (void *)at;
	at += count * sizeof(*plan->offsets);
	plan->refs = (void *)at;
	at += count * sizeof(*plan->refs);
	plan->table = (void *)at;
	plan->table_mask = table_count - 1;
	return 0;
}

/* ---- second pass: numbers ----------------------------------------------------------- */

/* identity_of - the type and bytes by which an object is the same as another */
static enum plist_type identity_of(const struct object *object, struct slice *bytes)
{
	const struct plist *node = object->node;

	if (object->is_key) {
		*bytes = slice_of(node->key, node->key_len);
		return PLIST_STRING;
	}
	switch (node->type) {
	case PLIST_STRING:
		*bytes = slice_of(node->as.string.text, node->as.string.len);
		break;
	case PLIST_DATA:
		*bytes = node->as.data;
		break;
	case PLIST_BOOL:
		*bytes = slice_of(&node->as.boolean, sizeof(node->as.boolean));
		break;
	case PLIST_NULL:
		*bytes = SLICE_EMPTY;
		break;
	default: /* integer, real, date, UID: eight bytes each */
		*bytes = slice_of(&node->as, sizeof(uint64_t));
	}
	return node->type;
}

static uint64_t hash_of(enum plist_type type, struct slice bytes)
{
	uint64_t hash = 0x9e3779b97f4a7c15u ^ ((uint64_t)type << 56) ^ bytes.len;
	uint64_t word = 0;

	for (; bytes.len >= sizeof(word); bytes.bytes += sizeof(word), bytes.len -= sizeof(word)) {
		memcpy(&word, bytes.bytes, sizeof(word));
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	word = 0;
	for (size_t i = 0; i < bytes.len; i++)
		word = word << 8 | bytes.bytes[i];
	hash = (hash ^ word) * 0xff51afd7ed558ccdu;
	return hash ^ hash >> 32;
}

static bool is_same(const struct object *a, enum plist_type type, struct slice bytes,
		    const struct object *b)
{
	struct slice other;

	if (identity_of(a, &other) != type || !slice_equal(other, bytes))
		return false;
	return type != PLIST_INT || a->node->is_wide == b->node->is_wide;
}

static uint32_t add_object(struct plan *plan, struct object object)
{
	plan->objects[plan->object_count] = object;
	return (uint32_t)plan->object_count++;
}

/* number_of - the number of an equal object already there, or a new one */
static uint32_t number_of(struct plan *plan, struct object object)
{
	struct slice bytes;
	enum plist_type type = identity_of(&object, &bytes);
	size_t slot = hash_of(type, bytes) & plan->table_mask;

	for (int probe = 0; probe < PROBE_MAX; probe++) {
		uint32_t *entry = &plan->table[(slot + (size_t)probe) & plan->table_mask];

		if (*entry == 0) {
			*entry = add_object(plan, object) + 1;
			return *entry - 1;
		}
		if (is_same(&plan->objects[*entry - 1], type, bytes, &object))
			return *entry - 1;
	}
	return add_object(plan, object);
}

/* number_container - a new object; its keys get their numbers at once, room is left for its values
 */
static uint32_t number_container(struct plan *plan, const struct plist *node, uint32_t *next_ref)
{
	struct object object = {.node = node, .first_ref = (uint32_t)plan->ref_count};
	uint32_t number = add_object(plan, object);

	if (node->type == PLIST_DICT) {
		for (const struct plist *at = node->as.items.first; at != NULL; at = at->next)
			plan->refs[plan->ref_count++] =
				number_of(plan, (struct object){.node = at, .is_key = true});
	}
	*next_ref = (uint32_t)plan->ref_count;
	plan->ref_count += node->as.items.count;
	return number;
}

static void number_tree(struct plan *plan, const struct plist *root)
{
	struct {
		const struct plist *node;
		uint32_t next_ref;
	} open[PLIST_DEPTH_MAX];
	const struct plist *value = root;
	size_t depth = 0;

	for (;;) {
		uint32_t first_value_ref = 0;
		uint32_t number;

		if (plist_is_container(value))
			number = number_container(plan, value, &first_value_ref);
		else
			number = number_of(plan, (struct object){.node = value});
		if (depth > 0)
			plan->refs[open[depth - 1].next_ref++] = number;
		if (plist_is_container(value) && value->as.items.first != NULL) {
			open[depth].node = value;
			open[depth++].next_ref = first_value_ref;
			value = value->as.items.first;
			continue;
		}
		while (depth > 0 && value->next == NULL)
			value = open[--depth].node;
		if (depth == 0)
			return;
		value = value->next;
	}
}

/* ---- third pass: bytes ----------------------------------------------------------------- */

/* width_of - least of 1, 2, 4, 8 bytes that hold @value */
static size_t width_of(uint64_t value)
{
	return value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
}

static int put_be(struct buf *out, uint64_t value, size_t width, struct err *err)
{
	uint8_t bytes[8];

	put_u64be(bytes, value);
	return buf_append(out, bytes + 8 - width, width, err);
}

/* put_marked - first byte @marker with the width's logarithm, then the value */
static int put_marked(struct buf *out, uint8_t marker, uint64_t value, size_t width,
		      struct err *err)
{
	uint8_t bytes[9];

	bytes[0] = (uint8_t)(marker | __builtin_ctzl(width));
	put_u64be(bytes + 1, value << (64 - 8 * width));
	return buf_append(out, bytes, 1 + width, err);
}

static int put_integer(struct buf *out, const struct plist *node, struct err *err)
{
	uint64_t value = (uint64_t)node->as.integer;
	uint8_t wide[17] = {0x14};

	if (!node->is_wide)
		return put_marked(out, 0x10, value, width_of(value), err);
	/* 8 bytes would be read as negative; so would 16 if the upper half were not zero */
	put_u64be(wide + 9, value);
	return buf_append(out, wide, sizeof(wide), err);
}

static int put_count(struct buf *out, uint8_t marker, size_t count, struct err *err)
{
	int r;

	if (count < 0xf)
		return buf_append_u8(out, (uint8_t)(marker | count), err);
	r = buf_append_u8(out, marker | 0xf, err);
	return r < 0 ? r : put_marked(out, 0x10, count, width_of(count), err);
}

static int put_string(struct buf *out, const char *text, size_t len, struct err *err)
{
	char quoted[400];
	size_t unit_count;
	int r;

	if (!plist_utf8_measure(text, len, &unit_count))
		return err_set(err, ERR_USAGE, "text is not UTF-8: %s",
			       text_quote(text, len, quoted));
	if (unit_count == len) {
		r = put_count(out, 0x50, len, err);
		return r < 0 ? r : buf_append(out, text, len, err);
	}
	r = put_count(out, 0x60, unit_count, err);
	if (r == 0)
		r = buf_reserve(out, 2 * unit_count, err);
	if (r < 0)
		return r;
	plist_utf8_to_utf16be(text, len, out->bytes + out->len);
	out->len += 2 * unit_count;
	return 0;
}

static int put_uid(struct buf *out, uint64_t uid, struct err *err)
{
	size_t width = width_of(uid);
	int r = buf_append_u8(out, (uint8_t)(0x80 | (width - 1)), err);

	return r < 0 ? r : put_be(out, uid, width, err);
}

static int put_container(struct buf *out, const struct plan *plan, const struct object *object,
			 size_t ref_len, struct err *err)
{
	bool is_dict = object->node->type == PLIST_DICT;
	size_t count = object->node->as.items.count;
	const uint32_t *refs = plan->refs + object->first_ref;
	int r = put_count(out, is_dict ? 0xd0 : 0xa0, count, err);

	if (is_dict)
		count *= 2;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = put_be(out, refs[i], ref_len, err);
	return r;
}

static int put_object(struct buf *out, const struct plan *plan, const struct object *object,
		      size_t ref_len, struct err *err)
{
	const struct plist *node = object->node;
	uint64_t bits;
	int r;

	if (object->is_key)
		return put_string(out, node->key, node->key_len, err);
	switch (node->type) {
	case PLIST_NULL:
		return buf_append_u8(out, 0x00, err);
	case PLIST_BOOL:
		return buf_append_u8(out, node->as.boolean ? 0x09 : 0x08, err);
	case PLIST_INT:
		return put_integer(out, node, err);
	case PLIST_REAL:
	case PLIST_DATE:
		memcpy(&bits, &node->as, sizeof(bits));
		return put_marked(out, node->type == PLIST_REAL ? 0x20 : 0x30, bits, 8, err);
	case PLIST_DATA:
		r = put_count(out, 0x40, node->as.data.len, err);
		return r < 0 ? r : buf_append_slice(out, node->as.data, err);
	case PLIST_STRING:
		return put_string(out, node->as.string.text, node->as.string.len, err);
	case PLIST_UID:
		return put_uid(out, node->as.uid, err);
	case PLIST_ARRAY:
	case PLIST_DICT:
		return put_container(out, plan, object, ref_len, err);
	}
	return err_set(err, ERR_USAGE, "value of unknown type %d", (int)node->type);
}

static int put_trailer(struct buf *out, size_t offset_len, size_t ref_len, size_t object_count,
		       uint64_t table, struct err *err)
{
	uint8_t trailer[32] = {0};

	trailer[6] = (uint8_t)offset_len;
	trailer[7] = (uint8_t)ref_len;
	put_u64be(trailer + 8, object_count);
	put_u64be(trailer + 24, table); /* between them the root, number 0 */
	return buf_append(out, trailer, sizeof(trailer), err);
}

static int put_list(struct buf *out, const struct plan *plan, struct err *err)
{
	size_t start = out->len;
	size_t ref_len = width_of(plan->object_count);
	size_t offset_len;
	uint64_t table;
	int r = buf_append_text(out, "bplist00", err);

	for (size_t i = 0; r == 0 && i < plan->object_count; i++) {
		plan->offsets[i] = out->len - start;
		r = put_object(out, plan, &plan->objects[i], ref_len, err);
	}
	table = out->len - start;
	offset_len = width_of(table);
	for (size_t i = 0; r == 0 && i < plan->object_count; i++)
		r = put_be(out, plan->offsets[i], offset_len, err);
	if (r == 0)
		r = put_trailer(out, offset_len, ref_len, plan->object_count, table, err);
	return r;
}

int plist_write_binary(const struct plist_doc *doc, const struct plist *root, struct buf *out,
		       struct err *err)
{
	CLEANUP(plan_clear) struct plan plan = {0};
	size_t before = out->len, count;
	int r;

	if (doc != NULL && doc->has_failed)
		return err_no_memory(err);
	if (root == NULL)
		return err_set(err, ERR_USAGE, "no property list to write");
	r = count_tree(root, &count, err);
	if (r == 0)
		r = plan_init(&plan, count, err);
	if (r < 0)
		return r;
	number_tree(&plan, root);
	r = put_list(out, &plan, err);
	if (r < 0)
		buf_truncate(out, before);
	return r;
}
