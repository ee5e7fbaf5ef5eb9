/*
 * plist/testing - what the tests of this room share
 *
 * A small assembler for binary lists, so that tests can say any nonsense byte by byte.
 */
#ifndef REHOME_PLIST_TESTING_H
#define REHOME_PLIST_TESTING_H

#include "plist/plist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define XML_HEAD                                                  \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"            \
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" " \
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"   \
	"<plist version=\"1.0\">\n"
#define XML_FOOT "</plist>\n"

/* OBJECT - a string literal as the bytes of an object */
#define OBJECT(literal)                                         \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

/* new_doc - a document or a failed test */
static inline struct plist_doc *new_doc(void)
{
	struct plist_doc *doc = NULL;

	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	return doc;
}

/* parse - under the small limits */
static inline int parse(struct plist_doc *doc, struct slice bytes, const struct plist **root,
			struct err *err)
{
	return plist_parse(doc, bytes, &PLIST_LIMITS_SMALL, root, err);
}

/* parse_xml - @body between Apple's head and foot; NULL if refused */
static inline const struct plist *parse_xml(struct plist_doc *doc, const char *body)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 20);
	const struct plist *root = NULL;

	assert_int_equal(buf_append_format(&text, NULL, "%s%s%s", XML_HEAD, body, XML_FOOT), 0);
	(void)parse(doc, buf_slice(&text), &root, NULL);
	return root;
}

/* assemble - a binary list of these objects, the first being the root; references are of one byte
 */
static inline void assemble_wide(struct buf *out, const struct slice *objects, size_t count,
				 size_t offset_len, size_t ref_len)
{
	uint8_t offsets[64 * 8], trailer[32] = {0};
	size_t table;

	assert_true(count <= 64);
	assert_int_equal(buf_append_text(out, "bplist00", NULL), 0);
	for (size_t i = 0; i < count; i++) {
		for (size_t byte = 0; byte < offset_len; byte++)
			offsets[i * offset_len + byte] =
				(uint8_t)((uint64_t)out->len >> (8 * (offset_len - 1 - byte)));
		assert_int_equal(buf_append_slice(out, objects[i], NULL), 0);
	}
	table = out->len;
	assert_int_equal(buf_append(out, offsets, count * offset_len, NULL), 0);
	trailer[6] = (uint8_t)offset_len;
	trailer[7] = (uint8_t)ref_len;
	put_u64be(trailer + 8, count);
	put_u64be(trailer + 24, table);
	assert_int_equal(buf_append(out, trailer, sizeof(trailer), NULL), 0);
}

static inline void assemble(struct buf *out, const struct slice *objects, size_t count)
{
	assemble_wide(out, objects, count, out->max > 255 ? 2 : 1, 1);
}

/* parse_objects - what an assembled list comes out as; NULL and the failure in @err if refused */
static inline const struct plist *parse_objects(struct plist_doc *doc, const struct slice *objects,
						size_t count, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	const struct plist *root = NULL;

	assemble(&bytes, objects, count);
	(void)parse(doc, buf_slice(&bytes), &root, err);
	return root;
}

/* is_equal - the same types, values, keys and order; not-a-number equals itself */
static inline bool is_equal(const struct plist *a, const struct plist *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case PLIST_NULL:
		return true;
	case PLIST_BOOL:
		return a->as.boolean == b->as.boolean;
	case PLIST_INT:
		return a->as.integer == b->as.integer && a->is_wide == b->is_wide;
	case PLIST_UID:
		return a->as.uid == b->as.uid;
	case PLIST_REAL:
	case PLIST_DATE:
		return memcmp(&a->as.real, &b->as.real, sizeof(double)) == 0;
	case PLIST_DATA:
		return slice_equal(a->as.data, b->as.data);
	case PLIST_STRING:
		return slice_equal(slice_of(a->as.string.text, a->as.string.len),
				   slice_of(b->as.string.text, b->as.string.len));
	case PLIST_ARRAY:
	case PLIST_DICT:
		break;
	}
	if (a->as.items.count != b->as.items.count)
		return false;
	a = a->as.items.first;
	b = b->as.items.first;
	for (; a != NULL && b != NULL; a = a->next, b = b->next) {
		if (a->key_len != b->key_len ||
		    (a->key_len > 0 && memcmp(a->key, b->key, a->key_len) != 0) || !is_equal(a, b))
			return false;
	}
	return a == b;
}

#endif
