/* both forms are read, in all the ways that peers write them */
#include "plist/testing.h"

#include <locale.h>
#include <math.h>

#define PARSE(doc, objects) parse_objects((doc), (objects), ARRAY_COUNT(objects), NULL)

static void integers_of_every_width_are_read(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct {
		struct slice object;
		int64_t integer;
		bool is_wide;
	} cases[] = {
		{OBJECT("\x10\xff"), 255, false},
		{OBJECT("\x11\xff\xff"), 65535, false},
		{OBJECT("\x12\xff\xff\xff\xff"), 4294967295, false},
		{OBJECT("\x13\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX, false},
		{OBJECT("\x13\xff\xff\xff\xff\xff\xff\xff\xf3"), -13, false},
		{OBJECT("\x14\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xf3"), -13, true},
		{OBJECT("\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf3"),
		 -13, false},
		{OBJECT("\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05"), 5, false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct plist *root = parse_objects(doc, &cases[i].object, 1, NULL);

		assert_non_null(root);
		assert_int_equal(root->type, PLIST_INT);
		assert_true(root->as.integer == cases[i].integer);
		assert_int_equal(root->is_wide, cases[i].is_wide);
	}
}

static void uids_of_every_width_are_read(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct {
		struct slice object;
		uint64_t uid;
	} cases[] = {
		{OBJECT("\x80\x07"), 7},
		{OBJECT("\x81\x01\x00"), 256},
		{OBJECT("\x82\x01\x00\x00"), 65536},
		{OBJECT("\x83\x01\x00\x00\x00"), 1 << 24},
		{OBJECT("\x87\x80\0\0\0\0\0\0\x01"), 0x8000000000000001},
		{OBJECT("\x8f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09"), 9},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct plist *root = parse_objects(doc, &cases[i].object, 1, NULL);

		assert_non_null(root);
		assert_int_equal(root->type, PLIST_UID);
		assert_true(root->as.uid == cases[i].uid);
	}
}

static void offsets_and_references_of_every_width_are_read(void **state)
{
	for (size_t width = 1; width <= 8; width++) {
		CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(4096);
		uint8_t array[1 + 2 * 8] = {0xa2};
		const struct plist *root;
		struct slice objects[] = {
			{array, 1 + 2 * width},
			OBJECT("\x09"),
			OBJECT("\x51x"),
		};

		array[width] = 1;
		array[2 * width] = 2;
		assemble_wide(&bytes, objects, 3, width, width);
		assert_int_equal(parse(doc, buf_slice(&bytes), &root, NULL), 0);
		assert_int_equal(root->as.items.count, 2);
		assert_true(plist_at(root, 0)->as.boolean);
		assert_string_equal(plist_text(plist_at(root, 1)), "x");
		assert_null(plist_at(root, 2));
	}
}

static void reals_and_dates_are_read_from_binary(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct slice objects[] = {
		OBJECT("\xa3\1\2\3"),
		OBJECT("\x22\x3f\xc0\0\0"),
		OBJECT("\x23\xbf\xf8\0\0\0\0\0\0"),
		OBJECT("\x33\x41\xb0\0\0\0\0\0\0"),
	};
	const struct plist *root = PARSE(doc, objects);

	assert_non_null(root);
	assert_true(plist_at(root, 0)->as.real == 1.5);
	assert_true(plist_at(root, 1)->as.real == -1.5);
	assert_int_equal(plist_at(root, 2)->type, PLIST_DATE);
	assert_true(plist_at(root, 2)->as.date == 268435456.0);
}

static void utf16_becomes_utf8_and_half_a_pair_a_replacement(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct slice objects[] = {
		OBJECT("\x6f\x10\x11"
		       "\0A\0\xe4\x20\xac\xd8\x3d\xde\x00\xd8\x00\0B\xdc\x00\xd8\x00\xd8\x00\xdc"
		       "\x00\0\0\xff\xff\x07\xff\x08\x00\0\x7f\xdb\xff"),
	};
	const struct plist *root = PARSE(doc, objects);
	static const char expected[] = "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd"
				       "B\xef\xbf\xbd\xef\xbf\xbd\xf0\x90\x80\x80\0\xef\xbf\xbf"
				       "\xdf\xbf\xe0\xa0\x80\x7f\xef\xbf\xbd";

	assert_non_null(root);
	assert_int_equal(root->as.string.len, sizeof(expected) - 1);
	assert_memory_equal(root->as.string.text, expected, sizeof(expected));
	assert_null(plist_text(root)); /* for it holds a NUL */
}

static void shared_objects_come_out_as_values_of_their_own(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct slice objects[] = {
		OBJECT("\xa2\1\1"),
		OBJECT("\xd2\2\3\3\2"),
		OBJECT("\x51k"),
		OBJECT("\x51v"),
	};
	const struct plist *root = PARSE(doc, objects);

	assert_non_null(root);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(plist_get_text(plist_at(root, i), "k"), "v");
		assert_string_equal(plist_get_text(plist_at(root, i), "v"), "k");
	}
	assert_null(plist_at(root, 1)->next);
}

static void every_element_of_xml_is_read(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	const struct plist *root = parse_xml(
		doc, "<dict><key>s</key><string>a &amp; &lt;b&gt; &#x20AC;<![CDATA[<c>]]></string>"
		     "<key>i</key><integer> -42 </integer><key>t</key><true/><key>f</key><false/>"
		     "<key>d</key><data>\n\tAAEC\n\tAw==\n</data>"
		     "<key>w</key><date>2026-11-01T08:00:00Z</date>"
		     "<key>e</key><string/><key></key><array><dict/><array/></array>"
		     "<key>u</key><dict><key>CF$UID</key><integer>3</integer></dict>"
		     "<!-- a remark --></dict>");
	struct slice bytes;
	int64_t integer;
	bool flag;

	assert_non_null(root);
	assert_int_equal(root->as.items.count, 9);
	assert_string_equal(plist_get_text(root, "s"), "a & <b> \xe2\x82\xac<c>");
	assert_true(plist_get_int(root, "i", &integer) && integer == -42);
	assert_true(plist_get_bool(root, "t", &flag) && flag);
	assert_true(plist_get_bool(root, "f", &flag) && !flag);
	assert_true(plist_get_data(root, "d", &bytes));
	assert_true(slice_equal(bytes, slice_of("\0\1\2\3", 4)));
	assert_true(plist_get_date(root, "w", &integer) && integer == 1793520000);
	assert_string_equal(plist_get_text(root, "e"), "");
	assert_int_equal(plist_get_array(root, "")->as.items.count, 2);
	assert_int_equal(plist_get(root, "u")->type, PLIST_UID);
	assert_int_equal(plist_get(root, "u")->as.uid, 3);
}

static void integers_in_xml_reach_from_least_signed_to_most_unsigned(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct {
		const char *text;
		bool is_read, is_wide;
		int64_t integer;
	} cases[] = {
		{"0", true, false, 0},
		{"+7", true, false, 7},
		{"0x1F", true, false, 31},
		{"-0x10", true, false, -16},
		{"-9223372036854775808", true, false, INT64_MIN},
		{"9223372036854775807", true, false, INT64_MAX},
		{"9223372036854775808", true, true, INT64_MIN},
		{"18446744073709551603", true, true, -13},
		{"0xFFFFFFFFFFFFFFFF", true, true, -1},
		{"18446744073709551616", false, false, 0},
		{"-9223372036854775809", false, false, 0},
		{"0x10000000000000000", false, false, 0},
		{"", false, false, 0},
		{"-", false, false, 0},
		{"0x", false, false, 0},
		{"1 2", false, false, 0},
		{"1f", false, false, 0},
		{"1.0", false, false, 0},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct plist *root;
		char body[100];

		snprintf(body, sizeof(body), "<integer>%s</integer>", cases[i].text);
		root = parse_xml(doc, body);
		assert_int_equal(root != NULL, cases[i].is_read);
		if (root == NULL)
			continue;
		assert_true(root->as.integer == cases[i].integer);
		assert_int_equal(root->is_wide, cases[i].is_wide);
	}
}

static void reals_in_xml_are_read_whatever_the_locale_is(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const char *const refused[] = {"",       ".",  "1,5", "0x1p3",
					      "nan(1)", "1e", "--1", "1 2"};

	(void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is none it stays C */
	assert_true(parse_xml(doc, "<real> 1.5 </real>")->as.real == 1.5);
	assert_true(parse_xml(doc, "<real>-2e-3</real>")->as.real == -0.002);
	assert_true(isnan(parse_xml(doc, "<real>nan</real>")->as.real));
	assert_true(parse_xml(doc, "<real>inf</real>")->as.real == INFINITY);
	assert_true(parse_xml(doc, "<real>+infinity</real>")->as.real == INFINITY);
	assert_true(parse_xml(doc, "<real>-Infinity</real>")->as.real == -INFINITY);
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		char body[100];

		snprintf(body, sizeof(body), "<real>%s</real>", refused[i]);
		assert_null(parse_xml(doc, body));
	}
	(void)setlocale(LC_ALL, "C");
}

static void dates_in_xml_are_real_days(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const struct {
		const char *text;
		double date;
	} cases[] = {
		{"2001-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00Z", -978307200},
		{"2024-02-29T23:59:59Z", 730943999},
		{"0001-01-01T00:00:00Z", -63113904000},
		{"9999-12-31T23:59:59Z", 252423993599},
	};
	static const char *const refused[] = {
		"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z",
		"2024-01-01 00:00:00Z", "2024-01-01T00:00:00",  "",
	};
	char body[100];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(body, sizeof(body), "<date>%s</date>", cases[i].text);
		assert_true(parse_xml(doc, body)->as.date == cases[i].date);
	}
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		snprintf(body, sizeof(body), "<date>%s</date>", refused[i]);
		assert_null(parse_xml(doc, body));
	}
}

static void xml_may_be_utf16_and_may_end_in_a_nul(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	static const char text[] = "<plist><string>x</string></plist>";
	uint8_t utf16[2 * sizeof(text)] = {0xff, 0xfe};
	const struct plist *root = NULL;

	assert_int_equal(parse(doc, slice_of(text, sizeof(text)), &root, NULL), 0);
	assert_string_equal(plist_text(root), "x");
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		utf16[2 + 2 * i] = (uint8_t)text[i];
	assert_int_equal(parse(doc, slice_of(utf16, sizeof(utf16)), &root, NULL), 0);
	assert_string_equal(plist_text(root), "x");
}

static void a_reset_document_reads_again_and_lets_its_input_go(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();

	for (int round = 0; round < 1000; round++) {
		CLEANUP(free_p) char *text = NULL;
		const struct plist *root = NULL;

		assert_true(asprintf(&text, "<plist><array><string>%d</string></array></plist>",
				     round) > 0);
		plist_doc_reset(doc);
		assert_int_equal(parse(doc, slice_text(text), &root, NULL), 0);
		memset(text, 'x', strlen(text));
		assert_int_equal(atoi(plist_text(plist_at(root, 0))), round);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_of_every_width_are_read),
		cmocka_unit_test(uids_of_every_width_are_read),
		cmocka_unit_test(offsets_and_references_of_every_width_are_read),
		cmocka_unit_test(reals_and_dates_are_read_from_binary),
		cmocka_unit_test(utf16_becomes_utf8_and_half_a_pair_a_replacement),
		cmocka_unit_test(shared_objects_come_out_as_values_of_their_own),
		cmocka_unit_test(every_element_of_xml_is_read),
		cmocka_unit_test(integers_in_xml_reach_from_least_signed_to_most_unsigned),
		cmocka_unit_test(reals_in_xml_are_read_whatever_the_locale_is),
		cmocka_unit_test(dates_in_xml_are_real_days),
		cmocka_unit_test(xml_may_be_utf16_and_may_end_in_a_nul),
		cmocka_unit_test(a_reset_document_reads_again_and_lets_its_input_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
