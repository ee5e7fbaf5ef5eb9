/*
 * What the tests of plist frames share: a property list from text, and back from a frame.
 */
#ifndef REHOME_LINK_TEST_FRAMES_H
#define REHOME_LINK_TEST_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "link/internal.h"

/* the tests' one document, reset by each use that parses */
static struct plist_doc *test_doc;

static inline int frames_setup(void **state)
{
	return plist_doc_new(&test_doc, NULL);
}

static inline int frames_teardown(void **state)
{
	plist_doc_free(test_doc);
	return 0;
}

static inline const struct plist *parse_bytes(struct slice bytes)
{
	const struct plist *root = NULL;
	struct err err = ERR_INIT;

	plist_doc_reset(test_doc);
	if (plist_parse(test_doc, bytes, &PLIST_LIMITS_FRAME, &root, &err) < 0)
		fail_msg("plist: %s", err.text);
	return root;
}

/* parse_xml - the root of <plist>@body</plist>; lives until the next parse */
static inline const struct plist *parse_xml(const char *body)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	assert_int_equal(buf_append_format(&text, &err, "<plist version=\"1.0\">%s</plist>", body),
			 0);
	return parse_bytes(buf_slice(&text));
}

/* frame_root - the one frame that @out holds, parsed; lives until the next parse */
static inline const struct plist *frame_root(const struct buf *out)
{
	struct reader in = reader_of(buf_slice(out));
	struct slice payload;
	struct err err = ERR_INIT;

	assert_int_equal(link_frame_parse(&in, LINK_DL_LEN_MAX, &payload, &err), 0);
	assert_int_equal(in.left, 0);
	return parse_bytes(payload);
}

static inline bool is_binary_frame(const struct buf *out)
{
	return out->len > 12 && !memcmp(out->bytes + 4, "bplist00", 8);
}

#define assert_bytes(buf, literal)                                               \
	do {                                                                     \
		assert_int_equal((buf)->len, sizeof(literal) - 1);               \
		assert_memory_equal((buf)->bytes, literal, sizeof(literal) - 1); \
	} while (0)

#endif
