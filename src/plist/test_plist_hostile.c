/* lists that were made to harm end in a clear error, and soon */
#include "plist/testing.h"

#define PARSE(doc, objects, err) parse_objects((doc), (objects), ARRAY_COUNT(objects), (err))

/* refuse - every list must fail with @code */
static void refuse(const struct slice *objects, size_t count, int code)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	struct err err = ERR_INIT;

	assert_null(parse_objects(doc, objects, count, &err));
	assert_int_equal(err.code, code);
	assert_true(strlen(err.text) > 0);
}

static void an_object_that_contains_itself_is_refused(void **state)
{
	static const struct slice self[] = {OBJECT("\xa1\0")};
	static const struct slice ring[] = {OBJECT("\xa1\1"), OBJECT("\xa1\2"), OBJECT("\xa2\3\0"),
					    OBJECT("\x09")};
	static const struct slice dict[] = {OBJECT("\xd1\1\0"), OBJECT("\x51k")};

	refuse(self, 1, ERR_PROTOCOL);
	refuse(ring, 4, ERR_PROTOCOL);
	refuse(dict, 2, ERR_PROTOCOL);
}

static void arrays_that_double_at_each_level_run_into_the_limit(void **state)
{
	static const char doubling[] =
		"\xa2\1\1\xa2\2\2\xa2\3\3\xa2\4\4\xa2\5\5\xa2\6\6\xa2\7\7"
		"\xa2\x08\x08\xa2\x09\x09\xa2\x0a\x0a\xa2\x0b\x0b\xa2\x0c\x0c"
		"\xa2\x0d\x0d\xa2\x0e\x0e\xa2\x0f\x0f\xa2\x10\x10\xa2\x11\x11"
		"\xa2\x12\x12\xa2\x13\x13\xa2\x14\x14";
	struct slice objects[21];

	for (size_t i = 0; i < 20; i++)
		objects[i] = slice_of(doubling + 3 * i, 3);
	objects[20] = slice_of("\x09", 1);
	refuse(objects, 21, ERR_LIMIT);
}

static void nesting_stops_at_the_limit(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 20);
	struct plist_limits deep = {1 << 20, 1 << 20, SIZE_MAX};
	const struct plist *root = NULL;
	uint8_t arrays[64][2];
	struct slice objects[64];

	for (size_t i = 0; i < 63; i++) {
		arrays[i][0] = 0xa1;
		arrays[i][1] = (uint8_t)(i + 1);
		objects[i] = slice_of(arrays[i], 2);
	}
	objects[63] = slice_of("\x09", 1);
	refuse(objects, 64, ERR_LIMIT);
	refuse(objects + 30, 34, ERR_PROTOCOL); /* its last reference leads outside */

	assert_int_equal(buf_append_text(&xml, "<plist>", NULL), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_append_text(&xml, "<array>", NULL), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&xml), &deep, &root, NULL), ERR_LIMIT);
}

static void one_long_string_under_many_numbers_is_not_copied_for_each(void **state)
{
	/* 30 objects, each a string that spans all those behind it */
	struct slice objects[31];
	uint8_t refs[3 + 30] = {0xaf, 0x10, 30};

	for (size_t i = 0; i < 30; i++) {
		refs[3 + i] = (uint8_t)(i + 1);
		objects[1 + i] = slice_of(i < 29 ? "\x5f\x10\x20" : "\x5f\x10\x00", 3);
	}
	objects[0] = slice_of(refs, sizeof(refs));
	refuse(objects, 31, ERR_PROTOCOL);
}

static void claims_beyond_the_end_are_refused(void **state)
{
	static const struct slice cases[] = {
		OBJECT("\x5f\x13\x7f\xff\xff\xff\xff\xff\xff\xff"),
		OBJECT("\x4f\x14\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"),
		OBJECT("\x6f\x13\x80\0\0\0\0\0\0\1zz"),
		OBJECT("\xaf\x13\xff\xff\xff\xff\xff\xff\xff\xff"),
		OBJECT("\xdf\x13\x80\0\0\0\0\0\0\0"),
		OBJECT("\x55"
		       "abcd"),
		OBJECT("\x62\0a\0"),
		OBJECT("\x44"
		       "abc"),
		OBJECT("\xa2\0"),
		OBJECT("\xd1\0"),
		OBJECT("\x13\0\0"),
		OBJECT("\x23\0\0"),
		OBJECT("\x33\0\0"),
		OBJECT("\x87\0\0"),
		OBJECT("\x5f"),
		OBJECT("\x5f\x10"),
		OBJECT("\xa1\x01"),
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		refuse(&cases[i], 1, ERR_PROTOCOL);
}

static void types_that_do_not_exist_are_refused(void **state)
{
	static const struct slice cases[] = {
		OBJECT("\x0f"),
		OBJECT("\x07"),
		OBJECT("\x15" /* integer of 32 bytes */),
		OBJECT("\x21\0\0"),
		OBJECT("\x32\0\0\0\0"),
		OBJECT("\x70"),
		OBJECT("\x90"),
		OBJECT("\xc0"),
		OBJECT("\xe0"),
		OBJECT("\xf0"),
		OBJECT("\x51\xff"),
		OBJECT("\x5f\x51x"),
		OBJECT("\x14\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0"),
		OBJECT("\x88\1\0\0\0\0\0\0\0\0"),
	};
	static const struct slice key[] = {OBJECT("\xd1\1\1"), OBJECT("\x10\1")};
	static const struct slice data_as_key[] = {OBJECT("\xa2\1\2"), OBJECT("\x41x"),
						   OBJECT("\xd1\1\1")};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		refuse(&cases[i], 1, ERR_PROTOCOL);
	refuse(key, 2, ERR_PROTOCOL);
	refuse(data_as_key, 3, ERR_PROTOCOL);
}

static void trailers_that_lie_are_refused(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct slice object[] = {OBJECT("\x09")};
	static const uint64_t values[] = {0, 2, 200, UINT64_MAX, UINT64_MAX / 2, (uint64_t)1 << 61};
	const struct plist *root = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		for (size_t field = 0; field < 3; field++) {
			CLEANUP(buf_clear) struct buf bytes = BUF_INIT(4096);

			if (field == 1 && values[i] == 0)
				continue; /* the root is 0 */
			assemble(&bytes, object, 1);
			put_u64be(bytes.bytes + bytes.len - 24 + 8 * field, values[i]);
			assert_int_equal(parse(doc, buf_slice(&bytes), &root, NULL), ERR_PROTOCOL);
		}
	}
	for (size_t width = 0; width < 256; width++) {
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(4096);

		assemble_wide(&bytes, object, 1, 1, width);
		assert_int_equal(parse(doc, buf_slice(&bytes), &root, NULL),
				 width >= 1 && width <= 8 ? 0 : ERR_PROTOCOL);
	}
}

static void limits_on_length_and_number_hold(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct slice objects[] = {OBJECT("\xa2\1\1"), OBJECT("\x09")};
	static const char xml[] = "<plist><dict><key>a</key><true/></dict></plist>";
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(4096);
	const struct plist *root = NULL;

	assemble(&binary, objects, 2);
	for (size_t node_max = 0; node_max < 5; node_max++) {
		struct plist_limits limits = {binary.len, node_max, 1};

		assert_int_equal(plist_parse(doc, buf_slice(&binary), &limits, &root, NULL),
				 node_max >= 3 ? 0 : ERR_LIMIT);
		assert_int_equal(plist_parse(doc, slice_text(xml), &limits, &root, NULL),
				 node_max >= 3 ? 0 : ERR_LIMIT);
		limits.depth_max = 0;
		assert_true(plist_parse(doc, buf_slice(&binary), &limits, &root, NULL) ==
			    ERR_LIMIT);
		assert_true(plist_parse(doc, slice_text(xml), &limits, &root, NULL) == ERR_LIMIT);
		limits = (struct plist_limits){binary.len - 1, 100, 1};
		assert_true(plist_parse(doc, buf_slice(&binary), &limits, &root, NULL) ==
			    ERR_LIMIT);
	}
	assert_int_equal(parse(doc, SLICE_EMPTY, &root, NULL), ERR_PROTOCOL);
}

static void entities_are_never_expanded(void **state)
{
	static const char *const cases[] = {
		"<!DOCTYPE plist [<!ENTITY a \"x\">]><plist><string>&a;</string></plist>",
		"<!DOCTYPE plist [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"
		"<plist><string>&a;</string></plist>",
		"<!DOCTYPE plist [<!ENTITY % a SYSTEM \"http://localhost/\"> %a;]>"
		"<plist><true/></plist>",
		"<!DOCTYPE plist [<!ELEMENT plist ANY>]><plist><true/></plist>",
		XML_HEAD "<string>&unknown;</string>" XML_FOOT,
		"<plist><string>&unknown;</string></plist>",
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
		const struct plist *root = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(parse(doc, slice_text(cases[i]), &root, &err), ERR_PROTOCOL);
		assert_non_null(strstr(err.text, "byte"));
	}
}

static void millions_of_ampersands_take_linear_time(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(64 << 20);
	enum { COUNT = 4 << 20 };
	const struct plist *root = NULL;

	assert_int_equal(buf_append_text(&xml, "<plist><string>", NULL), 0);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(buf_append(&xml, "&amp;", 5, NULL), 0);
	assert_int_equal(buf_append_text(&xml, "</string></plist>", NULL), 0);
	/* a quadratic reader needs minutes for this and is stopped by the time-out of the run */
	assert_int_equal(plist_parse(doc, buf_slice(&xml), &PLIST_LIMITS_FRAME, &root, NULL), 0);
	assert_int_equal(root->as.string.len, COUNT);
}

static void xml_that_is_no_property_list_is_refused(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const char *const bodies[] = {
		"",
		"<true/><true/>",
		"text",
		"<dict>text</dict>",
		"<dict><true/></dict>",
		"<dict><key>a</key></dict>",
		"<dict><key>a</key><key>b</key></dict>",
		"<dict><key>a</key><true/><true/></dict>",
		"<array><key>a</key></array>",
		"<key>a</key>",
		"<string><true/></string>",
		"<true>yes</true>",
		"<plist><true/></plist>",
		"<set/>",
		"<data>A</data>",
		"<data>AA</data>",
		"<data>AA=</data>",
		"<data>AA==AA==</data>",
		"<data>A*==</data>",
		"<data>====</data>",
		"<string>\a</string>",
		"<string>\xff</string>",
		"<string>&#0;</string>",
		"<array>",
	};
	const struct plist *root = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
		assert_null(parse_xml(doc, bodies[i]));
	assert_int_equal(parse(doc, slice_text("<dict/>"), &root, NULL), ERR_PROTOCOL);
	assert_int_equal(parse(doc, slice_text("<html/>"), &root, NULL), ERR_PROTOCOL);
	assert_int_equal(parse(doc, slice_text("{a=b;}"), &root, NULL), ERR_PROTOCOL);
	assert_int_equal(parse(doc, slice_of("\0\0\0", 3), &root, NULL), ERR_PROTOCOL);
}

/* ---- damage ------------------------------------------------------------------------ */

static void make_sample(struct buf *xml, struct buf *binary)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	struct plist *root = plist_new_dict(doc), *inner = plist_new_dict(doc);
	struct plist *array = plist_new_array(doc);

	plist_set_text(doc, root, "name", "Anna\xe2\x80\x99s iPad & more");
	plist_set_data(doc, root, "bytes", slice_text("some bytes, more than fifteen"));
	plist_set(doc, root, "inner", inner);
	plist_set_date(doc, inner, "date", 1793520000);
	plist_set_real(doc, inner, "real", 0.25);
	plist_set(doc, inner, "uid", plist_new_uid(doc, 300));
	plist_set(doc, inner, "array", array);
	for (int i = 0; i < 20; i++)
		plist_add(doc, array, plist_new_int(doc, (int64_t)i << (3 * i)));
	plist_add(doc, array, plist_new_uint(doc, UINT64_MAX));
	assert_int_equal(plist_write_xml(doc, root, xml, NULL), 0);
	assert_int_equal(plist_write_binary(doc, root, binary, NULL), 0);
}

/* A copy of its own, so that a checker of memory sees the first byte read too far. */
static int parse_exact(struct slice bytes)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 20);
	CLEANUP(free_p) uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
	const struct plist *root = NULL;
	int r;

	assert_non_null(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.bytes, bytes.len);
	r = parse(doc, slice_of(copy, bytes.len), &root, NULL);
	if (r < 0) {
		assert_true(r == ERR_PROTOCOL || r == ERR_LIMIT);
		assert_null(root);
		return r;
	}
	assert_int_equal(plist_write_binary(doc, root, &out, NULL), 0);
	buf_truncate(&out, 0);
	r = plist_write_xml(doc, root, &out, NULL);
	assert_true(r == 0 || r == ERR_UNSUPPORTED);
	return 0;
}

static void a_list_cut_at_any_byte_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 20);
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(1 << 20);

	make_sample(&xml, &binary);
	assert_int_equal(parse_exact(buf_slice(&xml)), 0);
	assert_int_equal(parse_exact(buf_slice(&binary)), 0);
	for (size_t len = 0; len < xml.len - 1; len++) /* the last newline may be lost */
		assert_true(parse_exact(slice_of(xml.bytes, len)) < 0);
	for (size_t len = 0; len < binary.len; len++)
		assert_true(parse_exact(slice_of(binary.bytes, len)) < 0);
}

static void a_changed_byte_is_read_or_refused_but_never_harms(void **state)
{
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 20);
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(1 << 20);

	make_sample(&xml, &binary);
	for (size_t at = 0; at < binary.len; at++) {
		uint8_t before = binary.bytes[at];

		for (unsigned value = 0; value < 256; value++) {
			binary.bytes[at] = (uint8_t)value;
			(void)parse_exact(buf_slice(&binary));
		}
		binary.bytes[at] = before;
	}
	for (size_t at = 0; at < xml.len; at++) {
		static const uint8_t values[] = {0, '<', '>', '&', '/', 0x80, 0xff};
		uint8_t before = xml.bytes[at];

		for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
			xml.bytes[at] = values[i];
			(void)parse_exact(buf_slice(&xml));
		}
		xml.bytes[at] = before;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_that_contains_itself_is_refused),
		cmocka_unit_test(arrays_that_double_at_each_level_run_into_the_limit),
		cmocka_unit_test(nesting_stops_at_the_limit),
		cmocka_unit_test(one_long_string_under_many_numbers_is_not_copied_for_each),
		cmocka_unit_test(claims_beyond_the_end_are_refused),
		cmocka_unit_test(types_that_do_not_exist_are_refused),
		cmocka_unit_test(trailers_that_lie_are_refused),
		cmocka_unit_test(limits_on_length_and_number_hold),
		cmocka_unit_test(entities_are_never_expanded),
		cmocka_unit_test(millions_of_ampersands_take_linear_time),
		cmocka_unit_test(xml_that_is_no_property_list_is_refused),
		cmocka_unit_test(a_list_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_changed_byte_is_read_or_refused_but_never_harms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
