/* what is built is written as Apple writes it, and reads back as it was */
#include "plist/testing.h"

#include <math.h>

/* one of everything that both forms can say */
static struct plist *build_sample(struct plist_doc *doc)
{
	struct plist *root = plist_new_dict(doc), *array = plist_new_array(doc);
	uint8_t bytes[200];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	plist_set_text(doc, root, "text", "a & <b>\r\n\t\"c\" \xc3\xa4 \xf0\x9f\x98\x80");
	plist_set_text(doc, root, "\xc3\xa4 & <key>", "");
	plist_set_data(doc, root, "bytes", slice_of(bytes, sizeof(bytes)));
	plist_set_data(doc, root, "no bytes", SLICE_EMPTY);
	plist_set_date(doc, root, "date", 1793520000);
	plist_set_date(doc, root, "old date", -5000000000);
	plist_set_bool(doc, root, "yes", true);
	plist_set_bool(doc, root, "no", false);
	plist_set_real(doc, root, "third", 1.0 / 3);
	plist_set_real(doc, root, "whole", 100);
	plist_set_real(doc, root, "infinity", -INFINITY);
	plist_set(doc, root, "uid", plist_new_uid(doc, 70000));
	plist_set(doc, root, "empty", plist_new_array(doc));
	plist_set(doc, root, "none", plist_new_dict(doc));
	plist_set(doc, root, "integers", array);
	for (int shift = 0; shift < 64; shift++) {
		plist_add(doc, array, plist_new_uint(doc, ((uint64_t)1 << shift) - 1));
		plist_add(doc, array, plist_new_uint(doc, (uint64_t)1 << shift));
		plist_add(doc, array, plist_new_int(doc, -((int64_t)1 << (shift % 63))));
	}
	plist_add(doc, array, plist_new_int(doc, INT64_MIN));
	return root;
}

static void both_forms_read_back_as_they_were_built(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(plist_doc_free_p) struct plist_doc *again = new_doc();
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 20), binary = BUF_INIT(1 << 20);
	const struct plist *sample = build_sample(doc), *root = NULL;

	assert_int_equal(plist_write_xml(doc, sample, &xml, NULL), 0);
	assert_int_equal(plist_write_binary(doc, sample, &binary, NULL), 0);
	buf_clear(&binary); /* as a clean-up twice must be harmless, start over */
	assert_int_equal(plist_write_binary(doc, sample, &binary, NULL), 0);

	assert_int_equal(parse(again, buf_slice(&xml), &root, NULL), 0);
	assert_true(is_equal(sample, root));
	assert_int_equal(parse(again, buf_slice(&binary), &root, NULL), 0);
	assert_true(is_equal(sample, root));
	assert_true(is_equal(sample, plist_copy(again, root)));
}

static void xml_is_laid_out_as_apple_lays_it_out(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 20);
	struct plist *root = plist_new_dict(doc), *inner = plist_new_array(doc);
	uint8_t zeros[60] = {0};

	plist_set_text(doc, root, "a&b", "<\r>");
	plist_set_data(doc, root, "d", slice_of(zeros, sizeof(zeros)));
	plist_set(doc, root, "i", inner);
	plist_add(doc, inner, plist_new_real(doc, 0.1));
	plist_add(doc, inner, plist_new_dict(doc));
	plist_set(doc, root, "u", plist_new_uid(doc, 1));
	assert_int_equal(plist_write_xml(doc, root, &xml, NULL), 0);
	assert_string_equal(
		buf_text(&xml),
		XML_HEAD "<dict>\n"
			 "\t<key>a&amp;b</key>\n"
			 "\t<string>&lt;&#13;&gt;</string>\n"
			 "\t<key>d</key>\n"
			 "\t<data>\n"
			 "\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
			 "\tAAAAAAAAAAAA\n"
			 "\t</data>\n"
			 "\t<key>i</key>\n"
			 "\t<array>\n"
			 "\t\t<real>0.1</real>\n"
			 "\t\t<dict/>\n"
			 "\t</array>\n"
			 "\t<key>u</key>\n"
			 "\t<dict>\n"
			 "\t\t<key>CF$UID</key>\n"
			 "\t\t<integer>1</integer>\n"
			 "\t</dict>\n"
			 "</dict>\n" XML_FOOT);
}

static void binary_shares_equal_values_and_uses_the_least_widths(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(1 << 20);
	struct plist *root = plist_new_dict(doc), *inner = plist_new_array(doc);
	static const char expected[] = "bplist00"
				       "\xd2\1\2\3\2" /* 0 */
				       "\x51"
				       "a" /* 1 */
				       "\x51"
				       "b"                  /* 2 */
				       "\xa6\4\4\5\6\7\x08" /* 3 */
				       "\x10\xff"           /* 4 */
				       "\x11\x01\x00"       /* 5 */
				       "\x13\xff\xff\xff\xff\xff\xff\xff\xf3"
				       "\x14\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xf3"
				       "\x61\x00\xe4"
				       "\x08\x0d\x0f\x11\x18\x1a\x1d\x26\x37"
				       "\0\0\0\0\0\0\1\1\0\0\0\0\0\0\0\x09"
				       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x3a";

	plist_set(doc, root, "a", inner);
	plist_set_text(doc, root, "b", "b");
	plist_add(doc, inner, plist_new_int(doc, 255));
	plist_add(doc, inner, plist_new_int(doc, 255));
	plist_add(doc, inner, plist_new_int(doc, 256));
	plist_add(doc, inner, plist_new_int(doc, -13));
	plist_add(doc, inner, plist_new_uint(doc, (uint64_t)-13));
	plist_add(doc, inner, plist_new_text(doc, "\xc3\xa4"));
	assert_int_equal(plist_write_binary(doc, root, &binary, NULL), 0);
	assert_int_equal(binary.len, sizeof(expected) - 1);
	assert_memory_equal(binary.bytes, expected, binary.len);
}

static void many_objects_take_wider_references(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(4 << 20);
	struct plist *root = plist_new_array(doc);
	const struct plist *again = NULL;

	for (int i = 0; i < 70000; i++)
		plist_add(doc, root, plist_new_int(doc, i));
	assert_int_equal(plist_write_binary(doc, root, &binary, NULL), 0);
	assert_int_equal(binary.bytes[binary.len - 25], 4);
	assert_int_equal(plist_parse(doc, buf_slice(&binary), &PLIST_LIMITS_FRAME, &again, NULL),
			 0);
	assert_true(is_equal(root, again));
}

static void what_xml_cannot_say_is_refused_and_leaves_nothing_behind(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 20);
	struct plist null = {.type = PLIST_NULL};
	const struct plist *cases[] = {
		plist_new_text(doc, "bell \a"),      plist_new_string(doc, "a\0b", 3),
		plist_new_text(doc, "\xef\xbf\xbf"), plist_new_date(doc, 253402300800),
		plist_new_date(doc, -62167219201),   &null,
	};

	assert_int_equal(buf_append_text(&out, "before", NULL), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(plist_write_xml(doc, cases[i], &out, NULL), ERR_UNSUPPORTED);
		assert_string_equal(buf_text(&out), "before");
	}
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(plist_write_binary(doc, cases[i], &out, NULL), 0);
}

static void writers_refuse_bad_text_full_buffers_and_too_deep_trees(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 20);
	struct plist *root = plist_new_array(doc), *at = root;
	struct plist lie = {.type = PLIST_ARRAY, .as.items.count = 1000};

	static const char *const bad[] = {
		"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "a\x80"};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		const struct plist *text = plist_new_text(doc, bad[i]);

		assert_int_equal(plist_write_xml(doc, text, &out, NULL), ERR_USAGE);
		assert_int_equal(plist_write_binary(doc, text, &out, NULL), ERR_USAGE);
	}
	assert_int_equal(plist_write_xml(doc, NULL, &out, NULL), ERR_USAGE);
	assert_int_equal(plist_write_binary(doc, NULL, &out, NULL), ERR_USAGE);
	assert_int_equal(plist_write_binary(doc, &lie, &out, NULL), ERR_USAGE);

	for (int i = 1; i < PLIST_DEPTH_MAX; i++) {
		struct plist *inner = plist_new_array(doc);

		plist_add(doc, at, inner);
		at = inner;
	}
	plist_add(doc, at, plist_new_bool(doc, true)); /* 128 levels: just allowed */
	assert_int_equal(plist_write_binary(doc, root, &out, NULL), 0);
	assert_int_equal(plist_write_xml(doc, root, &out, NULL), 0);
	assert_non_null(plist_copy(doc, root));
	buf_truncate(&out, 0);
	out.max = 20;
	assert_int_equal(plist_write_binary(doc, root, &out, NULL), ERR_LIMIT);
	assert_int_equal(plist_write_xml(doc, root, &out, NULL), ERR_LIMIT);
	assert_int_equal(out.len, 0);
	out.max = 1 << 20;

	at = plist_new_array(doc);
	plist_add(doc, at, root);
	assert_int_equal(plist_write_binary(doc, at, &out, NULL), ERR_LIMIT);
	assert_int_equal(plist_write_xml(doc, at, &out, NULL), ERR_LIMIT);
	assert_int_equal(out.len, 0);
	assert_null(plist_copy(doc, at));
}

static void lack_of_memory_is_remembered_until_reset(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 20);
	struct plist *root = plist_new_dict(doc);

	/* no machine has that much; the builder must not look at the bytes before it asks */
	plist_set_data(doc, root, "huge", slice_of("", SIZE_MAX / 2));
	plist_set_text(doc, root, "more", "goes on harmlessly");
	assert_int_equal(plist_write_xml(doc, root, &out, NULL), ERR_NO_MEMORY);
	assert_int_equal(plist_write_binary(doc, root, &out, NULL), ERR_NO_MEMORY);
	plist_doc_reset(doc);
	assert_int_equal(plist_write_xml(doc, plist_new_dict(doc), &out, NULL), 0);
}

static void a_part_of_a_tree_is_written_without_its_siblings(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 20);
	const struct plist *root = parse_xml(
		doc, "<dict><key>a</key><array><true/></array><key>b</key><false/></dict>");
	const struct plist *again = NULL;

	assert_int_equal(plist_write_binary(NULL, plist_get(root, "a"), &out, NULL), 0);
	assert_int_equal(parse(doc, buf_slice(&out), &again, NULL), 0);
	assert_true(is_equal(again, plist_get(root, "a")));
	buf_truncate(&out, 0);
	assert_int_equal(plist_write_xml(NULL, plist_get(root, "a"), &out, NULL), 0);
	assert_string_equal(buf_text(&out), XML_HEAD "<array>\n\t<true/>\n</array>\n" XML_FOOT);
}

static void access_forgives_types_and_absence(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	struct plist *root = plist_new_dict(doc), *list = plist_new_array(doc);
	struct slice bytes;
	int64_t integer = 99;
	double real;
	bool flag;

	plist_set_int(doc, root, "one", 1);
	plist_set_int(doc, root, "two", 2);
	plist_set_real(doc, root, "whole", 7);
	plist_set_real(doc, root, "half", 0.5);
	plist_set_real(doc, root, "vast", 0x1p63);
	plist_set_real(doc, root, "nan", NAN);
	plist_set_text(doc, root, "text", "t");
	plist_set_text(doc, root, "absent", NULL);
	plist_set_date(doc, root, "date", -1);

	assert_true(plist_get_bool(root, "one", &flag) && flag);
	assert_false(plist_get_bool(root, "two", &flag));
	assert_true(plist_get_int(root, "whole", &integer) && integer == 7);
	assert_false(plist_get_int(root, "half", &integer));
	assert_false(plist_get_int(root, "vast", &integer));
	assert_false(plist_get_int(root, "nan", &integer));
	assert_false(plist_get_int(root, "absent", &integer));
	assert_false(plist_get_int(NULL, "one", &integer));
	assert_int_equal(integer, 7);
	assert_true(plist_get_real(root, "two", &real) && real == 2);
	assert_false(plist_get_real(root, "text", &real));
	assert_true(plist_get_date(root, "date", &integer) && integer == -1);
	assert_false(plist_get_date(root, "one", &integer));
	assert_false(plist_get_data(root, "text", &bytes));
	assert_null(plist_get_text(root, "one"));
	assert_null(plist_get_dict(root, "text"));
	assert_null(plist_get_array(root, "text"));
	assert_null(plist_get(plist_get(root, "text"), "x"));
	assert_null(plist_get(root, "tex"));
	assert_null(plist_at(root, 0));
	assert_null(plist_at(NULL, 0));
	assert_null(plist_text(NULL));
	plist_add(doc, list, plist_new_int(doc, 1));
	plist_add(doc, list, plist_new_text(doc, "a"));
	plist_add(doc, list, plist_new_text(doc, "b"));
	assert_true(plist_has_text(list, "b"));
	assert_false(plist_has_text(list, "1"));
	assert_false(plist_has_text(root, "t"));
	assert_false(plist_has_text(NULL, "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_read_back_as_they_were_built),
		cmocka_unit_test(xml_is_laid_out_as_apple_lays_it_out),
		cmocka_unit_test(binary_shares_equal_values_and_uses_the_least_widths),
		cmocka_unit_test(many_objects_take_wider_references),
		cmocka_unit_test(what_xml_cannot_say_is_refused_and_leaves_nothing_behind),
		cmocka_unit_test(writers_refuse_bad_text_full_buffers_and_too_deep_trees),
		cmocka_unit_test(lack_of_memory_is_remembered_until_reset),
		cmocka_unit_test(a_part_of_a_tree_is_written_without_its_siblings),
		cmocka_unit_test(access_forgives_types_and_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
