/*
 * plist/read_object - the single objects of a binary list
 *
 * A first byte with kind and count, then the contents.  Whatever it claims is held against the
 * bytes that are there before it is used.
 */
#include "plist/read_binary.h"

#include <string.h>

/* get_wide - up to 16 bytes; the upper 8 apart */
static uint64_t get_wide(const uint8_t *at, size_t len, uint64_t *high)
{
	*high = 0;
	if (len <= 8)
		return plist_binary_number(at, len);
	*high = plist_binary_number(at, len - 8);
	return plist_binary_number(at + len - 8, 8);
}

int plist_binary_malformed(const struct list *list, const struct object *object, const char *what)
{
	return err_set(list->err, ERR_PROTOCOL, "binary property list, object %zu at byte %zu: %s",
		       object->number, object->offset, what);
}

/* A count of 15 means: an integer object with the real count follows. */
static int read_count(const struct list *list, struct object *object)
{
	uint64_t high, count;
	size_t len;

	object->count = object->low;
	if (object->low != 0xf)
		return 0;
	if (object->left < 1 || object->at[0] >> 4 != KIND_INT || (object->at[0] & 0xf) > 4)
		return plist_binary_malformed(list, object, "no count");
	len = (size_t)1 << (object->at[0] & 0xf);
	if (object->left - 1 < len)
		return plist_binary_malformed(list, object, "ends within its count");
	count = get_wide(object->at + 1, len, &high);
	if (high != 0 || count > object->left)
		return plist_binary_malformed(list, object, "longer than the list");
	object->count = (size_t)count;
	object->at += 1 + len;
	object->left -= 1 + len;
	return 0;
}

int plist_binary_find(const struct list *list, size_t number, struct object *object)
{
	uint64_t offset =
		plist_binary_number(list->table + number * list->offset_len, list->offset_len);

	object->number = number;
	object->offset = (size_t)offset;
	if (offset < MAGIC_LEN || offset >= list->objects_end)
		return plist_binary_malformed(list, object, "lies outside the list");
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

int plist_binary_blob(struct list *list, const struct object *object, const struct plist_blob **out)
{
	size_t unit_len = object->kind == KIND_UTF16 ? 2 : 1;
	size_t payload_len, len, unit_count;
	struct plist_blob *blob;

	if (object->count > object->left / unit_len)
		return plist_binary_malformed(list, object, "runs out of the list");
	payload_len = object->count * unit_len;
	if (payload_len > list->payload_left)
		return plist_binary_malformed(list, object, "lies over other objects");
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
		return plist_binary_malformed(list, object, "string is not ASCII");
	list->doc->seen[object->number] = blob;
	*out = blob;
	return 0;
}

static int read_integer(const struct list *list, const struct object *object, struct plist *node)
{
	size_t len = (size_t)1 << object->low;
	uint64_t high, value;

	if (object->low > 4)
		return plist_binary_malformed(list, object, "integer of unknown width");
	if (object->left < len)
		return plist_binary_malformed(list, object, "runs out of the list");
	value = get_wide(object->at, len, &high);
	node->type = PLIST_INT;
	node->as.integer = (int64_t)value;
	if (len < 16)
		return 0; /* 8 bytes are signed, fewer are not and fit */
	if (high == 0)
		node->is_wide = value >> 63;
	else if (high != UINT64_MAX || value >> 63 == 0)
		return plist_binary_malformed(list, object, "integer beyond 64 bits");
	return 0;
}

static int read_real(const struct list *list, const struct object *object, struct plist *node)
{
	size_t len = (size_t)1 << object->low;

	if ((object->low != 2 && object->low != 3) ||
	    (object->kind == KIND_DATE && object->low != 3))
		return plist_binary_malformed(list, object, "real or date of unknown width");
	if (object->left < len)
		return plist_binary_malformed(list, object, "runs out of the list");
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
		return plist_binary_malformed(list, object, "runs out of the list");
	node->type = PLIST_UID;
	node->as.uid = get_wide(object->at, len, &high);
	return high == 0 ? 0 : plist_binary_malformed(list, object, "UID beyond 64 bits");
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
		return plist_binary_malformed(list, object, "of unknown type");
	}
}

void plist_binary_use(const struct plist_blob *blob, struct plist *node)
{
	node->type = blob->type;
	if (blob->type == PLIST_DATA) {
		node->as.data = slice_of(blob->bytes, blob->len);
	} else {
		node->as.string.text = (const char *)blob->bytes;
		node->as.string.len = blob->len;
	}
}

int plist_binary_value(struct list *list, const struct object *object, struct plist *node)
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
		r = plist_binary_blob(list, object, &blob);
		if (r == 0)
			plist_binary_use(blob, node);
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
		return plist_binary_malformed(list, object, "of unknown type");
	}
}
