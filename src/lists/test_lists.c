/* one messy list becomes both forms exactly, and every line that cannot is named */
#include "lists/lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct buf out = {.max = LISTS_TEXT_MAX};
static struct buf said = {.max = 1 << 20};

static int read_into(struct lists *list, struct slice text, struct err *err)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct csv_row row;
	int r = csv_reader_new(&reader, 0, true, err);

	while (r == 0 && (r = csv_next(reader, &row, err)) != CSV_END) {
		if (r == CSV_NEED_MORE) {
			size_t len = text.len < CSV_PIECE_MAX ? text.len : CSV_PIECE_MAX;

			if (len == 0)
				csv_feed_end(reader);
			r = csv_feed(reader, slice_of(text.bytes, len), err);
			text = slice_of(text.bytes + len, text.len - len);
		} else {
			r = lists_add(list, &row, err);
		}
	}
	return r == CSV_END ? lists_end(list, err) : r;
}

static struct lists *read_list(const char *text, struct lists_options options)
{
	struct lists *list = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(lists_new(&list, &options, &err), 0);
	assert_int_equal(read_into(list, slice_text(text), &err), 0);
	return list;
}

static const char *issues(const struct lists *list)
{
	const struct lists_issue *issue;
	char text[LISTS_ISSUE_TEXT_MAX];

	buf_truncate(&said, 0);
	for (size_t i = 0; (issue = lists_issue_at(list, i)); i++)
		buf_append_format(&said, NULL, "%llu %s %s: %s\n", (unsigned long long)issue->line,
				  lists_issue_refuses(issue) ? "refused" : "remark",
				  lists_issue_rule(issue), lists_issue_text(list, issue, text));
	return buf_text(&said);
}

static const char *written(const struct lists *list, enum lists_form form)
{
	size_t at = 0;

	buf_truncate(&out, 0);
	assert_int_equal(lists_write(list, form, &at, SIZE_MAX, &out, NULL), 0);
	assert_int_equal(lists_write(list, form, &at, SIZE_MAX, &out, NULL), LISTS_WRITTEN_ALL);
	return buf_text(&out);
}

static void one_messy_list_becomes_both_forms(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *list = read_list("\xef\xbb\xbfSerial Number;Details\r\n"
				       " F9FXK0AAJCL1 ; \"Anna; second floor\" \r\n"
				       "\"DMPV.20AAH.G7F\";\r\n"
				       "c02xk0aahg7f;M\xc3\xbcller\xc2\xa0\r\n\r\n \r\n",
				       (struct lists_options){0});

	assert_string_equal(written(list, LISTS_IDENTIFIERS),
			    "F9FXK0AAJCL1,Anna; second floor\nDMPV20AAHG7F,\n"
			    "C02XK0AAHG7F,M\xc3\xbcller\n");
	assert_string_equal(written(list, LISTS_OWNERSHIP),
			    "SerialNumber\nF9FXK0AAJCL1\nDMPV20AAHG7F\nC02XK0AAHG7F\n");
	assert_int_equal(lists_refused(list), 0);
	assert_string_equal(issues(list),
			    "3 remark C-04: column 1, \"DMPV.20AAH.G7F\": dots taken out\n"
			    "4 remark C-05: column 1, \"c02xk0aahg7f\": written in capitals\n");
}

static void each_form_reads_as_the_other(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *bare =
		read_list("F9FXK0AAJCL1,a\nDMPV20AAHG7F,\n", (struct lists_options){0});
	CLEANUP(lists_free_p)
	struct lists *headed =
		read_list("SerialNumber\nF9FXK0AAJCL1\nDMPV20AAHG7F\n", (struct lists_options){0});
	CLEANUP(lists_free_p)
	struct lists *wide = read_list("Name,IMEI,Serial,Notes\nx,356938035643809,F9FXK0AAJCL1,n\n",
				       (struct lists_options){.details_column = "notes"});

	assert_string_equal(written(bare, LISTS_OWNERSHIP),
			    "SerialNumber\nF9FXK0AAJCL1\nDMPV20AAHG7F\n");
	assert_string_equal(written(headed, LISTS_IDENTIFIERS), "F9FXK0AAJCL1,\nDMPV20AAHG7F,\n");
	assert_string_equal(written(wide, LISTS_IDENTIFIERS), "F9FXK0AAJCL1,n\n");
}

static void imeis_make_a_list_of_their_own(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *list = read_list("35 693803 564380 9,a\n356938035643808,\n35693803564380,\n"
				       "3569380356438091,\n356938035643,\nF9FXK0AAJCL1,\n",
				       (struct lists_options){0});
	size_t at = 0;

	assert_int_equal(lists_kind_of(list), LISTS_IMEI);
	assert_string_equal(written(list, LISTS_IDENTIFIERS),
			    "356938035643809,a\n356938035643808,\n35693803564380,\n"
			    "3569380356438091,\n");
	assert_string_equal(
		issues(list),
		"1 remark C-06: column 1, \"35 693803 564380 9\": blanks and dashes taken out\n"
		"2 remark C-06: column 1, \"356938035643808\": the check digit does not fit: "
		"mistyped?\n"
		"3 remark C-06: column 1, \"35693803564380\": 14 or 16 digits: which of them the "
		"service keeps is not documented\n"
		"4 remark C-06: column 1, \"3569380356438091\": 14 or 16 digits: which of them the "
		"service keeps is not documented\n"
		"5 refused C-06: column 1, \"356938035643\": an IMEI has 14 to 16 digits\n"
		"6 refused C-01: column 1, \"F9FXK0AAJCL1\": no IMEI, in a list of IMEIs: one kind "
		"for each file\n");
	assert_int_equal(lists_write(list, LISTS_OWNERSHIP, &at, 9, &out, NULL), ERR_USAGE);
}

static void every_reason_to_refuse_is_told_with_its_line(void **state)
{
	char details[140], text[1024];
	CLEANUP(lists_free_p) struct lists *list = NULL;

	memset(details, 'd', 129);
	details[129] = 0;
	snprintf(text, sizeof(text),
		 "F9FXK0AAJCL1,fine\n"
		 "F9FXK0AAJCL2,\"open\n"
		 "F9FXK0AAJCL3,caf\xe9\n"
		 "F9FXK0AAJCL4,a,b\n"
		 ",no identifier\n"
		 "SerialNumber,\n"
		 "unknown,\n"
		 "00008110-0001AABBCCDDEEFF,\n"
		 "3.56938E+14,\n"
		 "F9FXK0 AAJCL5,\n"
		 "356938035643809,\n"
		 "F9FXK0AAJCL6,%s\n"
		 "F9FXK0AAJCL7,\"a,b\"\n"
		 "F9FXK0AAJCL8,\"a \"\"b\"\"\"\n"
		 "F9FXK0AAJCL9,\"a\nb\"\n"
		 "F9FXK0AAJCL1,other\n"
		 "F9FXK0AAJCL1,fine\n"
		 "%065d,\n",
		 details, 7);
	list = read_list(text, (struct lists_options){0});
	assert_string_equal(
		issues(list),
		"2 refused C-08: column 2: a quote is opened on this line and not closed\n"
		"3 refused C-08: column 2, \"caf\\xe9\": not UTF-8: save the table as \"CSV "
		"UTF-8\"\n"
		"4 refused C-02: column 3, \"b\": more cells than columns: is there a comma in the "
		"details?\n"
		"5 refused C-02: column 1: no identifier\n"
		"6 refused C-01: column 1, \"SerialNumber\": a header among the entries\n"
		"7 refused C-05: column 1, \"unknown\": a word that stands for no value\n"
		"8 refused C-05: column 1, \"00008110-0001AABBCCDDEEFF\": a UDID: lists go by "
		"serial "
		"number or IMEI\n"
		"9 refused C-06: column 1, \"3.56938E+14\": rounded by a spreadsheet: format the "
		"column as text and fill it again\n"
		"10 refused C-05: column 1, \"F9FXK0 AAJCL5\": a serial number has letters A to Z "
		"and "
		"digits only\n"
		"11 refused C-01: column 1, \"356938035643809\": an IMEI in a list of serial "
		"numbers: "
		"one kind for each file\n"
		"12 refused C-02: column 2, "
		"\"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
		"\""
		": details of more than 128 characters\n"
		"13 refused C-08: column 2, \"a,b\": a comma in the details\n"
		"14 refused C-08: column 2, \"a \\x22b\\x22\": a quote in the details\n"
		"15 refused C-08: column 2, \"a\\x0ab\": a line end or control character in the "
		"details\n"
		"17 refused C-20: column 1, \"F9FXK0AAJCL1\": the same identifier with other "
		"details, "
		"line 1\n"
		"18 remark C-20: column 1, \"F9FXK0AAJCL1\": repeats an entry, left out, line 1\n"
		"19 refused C-05: column 1, "
		"\"0000000000000000000000000000000000000000000000000000000000000000"
		"7\": longer than any identifier\n");
	assert_int_equal(lists_refused(list), 16);
	assert_int_equal(lists_count(list), 1);
}

static void details_of_128_characters_fit_whatever_their_bytes(void **state)
{
	char text[1024];
	size_t len = (size_t)snprintf(text, sizeof(text), "F9FXK0AAJCL1,");
	CLEANUP(lists_free_p) struct lists *fits = NULL;
	CLEANUP(lists_free_p) struct lists *beyond = NULL;

	for (int i = 0; i < 126; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "\xc3\xa9");
	memcpy(text + len, "\xf0\x9f\x93\xb1", 5);
	fits = read_list(text, (struct lists_options){0});
	assert_int_equal(lists_count(fits), 1);
	memcpy(text + len + 4, "x", 2);
	beyond = read_list(text, (struct lists_options){0});
	assert_int_equal(lists_issue_at(beyond, 0)->reason, LISTS_DETAILS_LONG);
}

static void details_that_are_not_wanted_cannot_be_wrong(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *list = read_list("F9FXK0AAJCL1,a,b\nF9FXK0AAJCL2,\"c,d\"\nF9FXK0AAJCL1,e\n",
				       (struct lists_options){.drops_details = true});

	assert_int_equal(lists_refused(list), 0);
	assert_string_equal(written(list, LISTS_IDENTIFIERS), "F9FXK0AAJCL1,\nF9FXK0AAJCL2,\n");
}

static void named_columns_must_be_there_once(void **state)
{
	struct lists_options options = {.column = "Seriennummer"};
	CLEANUP(lists_free_p)
	struct lists *list = read_list("Name;Seriennummer\nx;F9FXK0AAJCL1\n", options);
	CLEANUP(lists_free_p) struct lists *absent = NULL;
	CLEANUP(lists_free_p) struct lists *twice = NULL;
	struct err err = ERR_INIT;

	assert_string_equal(written(list, LISTS_IDENTIFIERS), "F9FXK0AAJCL1,\n");
	assert_int_equal(lists_new(&absent, &options, &err), 0);
	assert_int_equal(read_into(absent, slice_text("Name\nx\n"), &err), ERR_NOT_FOUND);
	options = (struct lists_options){0};
	lists_free_p(&absent);
	assert_int_equal(lists_new(&absent, &options, &err), 0);
	assert_int_equal(read_into(absent, slice_text("Seriennummer,Details\n"), &err),
			 ERR_NOT_FOUND);
	assert_string_equal(
		err.text,
		"line 1: the header names no serial number or IMEI: say which column holds it");
	assert_int_equal(lists_new(&twice, &options, &err), 0);
	assert_int_equal(read_into(twice, slice_text("Serial,Serial number\n"), &err), ERR_CORRUPT);
	assert_string_equal(err.text, "line 1: columns 1 and 2 have the same name");
}

static void remarks_name_what_is_likely_a_mistake(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *list = read_list("F9FXKOAAJCL1\nABCDEFGH\nAB1\nRHSIM0000001\n",
				       (struct lists_options){.kind = LISTS_SERIAL});

	assert_int_equal(lists_count(list), 4);
	assert_int_equal(lists_issue_at(list, 0)->reason, LISTS_LETTERS_IO);
	assert_int_equal(lists_issue_at(list, 1)->reason, LISTS_NO_DIGIT);
	assert_int_equal(lists_issue_at(list, 2)->reason, LISTS_SERIAL_LEN);
	assert_null(lists_issue_at(list, 3));
}

/* many - @count entries with @details */
static struct buf many(size_t count, const char *details)
{
	struct buf text = BUF_INIT(LISTS_TEXT_MAX);

	for (size_t i = 0; i < count; i++)
		buf_append_format(&text, NULL, "F9%08zu,%s\n", (i * 7919) % count, details);
	return text;
}

static void files_end_at_5000_rows_or_5_million_bytes(void **state)
{
	CLEANUP(buf_clear) struct buf text = many(12001, "d");
	CLEANUP(lists_free_p) struct lists *list = NULL;
	size_t at = 0, rows[4] = {0}, files = 0, begun = 0;

	list = read_list(buf_text(&text), (struct lists_options){0});
	buf_truncate(&out, 0);
	while (lists_write(list, LISTS_IDENTIFIERS, &at, LISTS_FILE_ROWS_MAX, &out, NULL) == 0) {
		for (; begun < out.len; begun++)
			rows[files] += out.bytes[begun] == '\n';
		files++;
	}
	assert_int_equal(files, 3);
	assert_int_equal(rows[0], 5000);
	assert_int_equal(rows[1], 5000);
	assert_int_equal(rows[2], 2001);
	assert_true(slice_equal(buf_slice(&out), buf_slice(&text)));
	buf_truncate(&out, 0);
	at = 0;
	while (lists_write(list, LISTS_IDENTIFIERS, &at, SIZE_MAX, &out, NULL) == 0)
		files++;
	assert_int_equal(files, 4);
}

static void a_file_over_5_million_bytes_is_never_written(void **state)
{
	char details[129] = "";
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1);
	CLEANUP(lists_free_p) struct lists *list = NULL;
	size_t at = 0, len = 0;

	memset(details, 'd', 128);
	text = many(40000, details);
	list = read_list(buf_text(&text), (struct lists_options){0});
	for (;;) {
		buf_truncate(&out, 0);
		if (lists_write(list, LISTS_IDENTIFIERS, &at, SIZE_MAX, &out, NULL) != 0)
			break;
		assert_true(out.len <= LISTS_FILE_BYTES_MAX);
		len += out.len;
	}
	assert_true(len > LISTS_FILE_BYTES_MAX);
	assert_int_equal(len, text.len);
}

static uint64_t differs_at(const char *text, enum lists_form form)
{
	CLEANUP(lists_free_p) struct lists *list = read_list(text, (struct lists_options){0});
	uint64_t line = 99;

	assert_int_equal(lists_form_check(list, form, slice_text(text), &line, NULL), 0);
	return line;
}

static void a_file_that_is_ready_is_told_from_one_that_is_not(void **state)
{
	CLEANUP(buf_clear) struct buf text = many(5001, "");

	assert_int_equal(differs_at("F9FXK0AAJCL1,a\nF9FXK0AAJCL2,\n", LISTS_IDENTIFIERS), 0);
	assert_int_equal(differs_at("F9FXK0AAJCL1,a\r\nF9FXK0AAJCL2", LISTS_IDENTIFIERS), 0);
	assert_int_equal(differs_at("SerialNumber\nF9FXK0AAJCL1\n", LISTS_OWNERSHIP), 0);
	assert_int_equal(differs_at("SerialNumber\nF9FXK0AAJCL1\n", LISTS_IDENTIFIERS), 1);
	assert_int_equal(differs_at("F9FXK0AAJCL1\n", LISTS_OWNERSHIP), 1);
	assert_int_equal(differs_at("Serialnumber\nF9FXK0AAJCL1\n", LISTS_OWNERSHIP), 1);
	assert_int_equal(differs_at("\xef\xbb\xbf"
				    "F9FXK0AAJCL1,a\n",
				    LISTS_IDENTIFIERS),
			 1);
	assert_int_equal(differs_at("F9FXK0AAJCL1,a\nF9FXK0AAJCL2,\"b\"\n", LISTS_IDENTIFIERS), 2);
	assert_int_equal(differs_at("F9FXK0AAJCL1;a\n", LISTS_IDENTIFIERS), 1);
	assert_int_equal(differs_at(buf_text(&text), LISTS_IDENTIFIERS), 5001);
}

static int told(void *arg, enum lists_difference difference, const struct lists_entry *old,
		const struct lists_entry *new, struct err *err)
{
	static const char *const words[] = {"missing", "extra", "differs"};
	const struct lists_entry *entry = old ? old : new;

	return buf_append_format(arg, err, "%s %.*s\n", words[difference],
				 (int)entry->identifier.len, (const char *)entry->identifier.bytes);
}

static void two_lists_are_compared_entry_by_entry(void **state)
{
	CLEANUP(lists_free_p)
	struct lists *old = read_list("F9FXK0AAJCL3,\nF9FXK0AAJCL1,a\nF9FXK0AAJCL2,b\n",
				      (struct lists_options){0});
	CLEANUP(lists_free_p)
	struct lists *new = read_list("Serial,Details\nf9fxk0aajcl1,a\nF9FXK0AAJCL2,c\n"
				      "F9FXK0AAJCL9,\n",
				      (struct lists_options){0});

	buf_truncate(&said, 0);
	assert_int_equal(lists_compare(old, new, told, &said, NULL), 0);
	assert_string_equal(buf_text(&said),
			    "differs F9FXK0AAJCL2\nmissing F9FXK0AAJCL3\nextra F9FXK0AAJCL9\n");
	assert_true(lists_has(old, slice_text("F9FXK0AAJCL2")));
	assert_false(lists_has(old, slice_text("F9FXK0AAJCL4")));
}

static void half_a_million_lines_are_read_and_written_quickly(void **state)
{
	CLEANUP(buf_clear) struct buf text = many(500000, "second floor");
	CLEANUP(lists_free_p) struct lists *list = NULL;
	clock_t began = clock();
	size_t at = 0;
	double seconds;

	list = read_list(buf_text(&text), (struct lists_options){0});
	buf_truncate(&out, 0);
	while (lists_write(list, LISTS_IDENTIFIERS, &at, LISTS_FILE_ROWS_MAX, &out, NULL) == 0)
		;
	seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	assert_true(slice_equal(buf_slice(&out), buf_slice(&text)));
	print_message("identifiers: %.0f rows/s read, checked and written\n", 500000 / seconds);
	assert_true(seconds < 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_messy_list_becomes_both_forms),
		cmocka_unit_test(each_form_reads_as_the_other),
		cmocka_unit_test(imeis_make_a_list_of_their_own),
		cmocka_unit_test(every_reason_to_refuse_is_told_with_its_line),
		cmocka_unit_test(details_of_128_characters_fit_whatever_their_bytes),
		cmocka_unit_test(details_that_are_not_wanted_cannot_be_wrong),
		cmocka_unit_test(named_columns_must_be_there_once),
		cmocka_unit_test(remarks_name_what_is_likely_a_mistake),
		cmocka_unit_test(files_end_at_5000_rows_or_5_million_bytes),
		cmocka_unit_test(a_file_over_5_million_bytes_is_never_written),
		cmocka_unit_test(a_file_that_is_ready_is_told_from_one_that_is_not),
		cmocka_unit_test(two_lists_are_compared_entry_by_entry),
		cmocka_unit_test(half_a_million_lines_are_read_and_written_quickly),
	};

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
