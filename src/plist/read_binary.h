/*
 * plist/read_binary - what the reader of a binary list (read_binary.c) and that of its single
 * objects (read_object.c) share
 */
#ifndef REHOME_PLIST_READ_BINARY_H
#define REHOME_PLIST_READ_BINARY_H

#include "plist/internal.h"

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

/** plist_binary_number - @len <= 8 bytes, big-endian */
static inline uint64_t plist_binary_number(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return value;
}

/** plist_binary_malformed - ERR_PROTOCOL, with the object and its place in the text */
int plist_binary_malformed(const struct list *list, const struct object *object, const char *what);
/** plist_binary_find - object @number (less than the list's count): kind, count and bytes */
int plist_binary_find(const struct list *list, size_t number, struct object *object);
/** plist_binary_blob - decode a string or data once; later uses find it in doc->seen */
int plist_binary_blob(struct list *list, const struct object *object,
		      const struct plist_blob **out);
/** plist_binary_use - make @node a string or data that borrows from @blob */
void plist_binary_use(const struct plist_blob *blob, struct plist *node);
/** plist_binary_value - everything but containers, of which only the type is set */
int plist_binary_value(struct list *list, const struct object *object, struct plist *node);

#endif
