/* what people and spreadsheets write is read, and each broken line is named */
#include "csv/testing.h"

#include <stdlib.h>
#include <time.h>

/* is_told - whatever the pieces, @text reads as @want */
static void is_told(const char *text, const char *want)
{
	for (size_t piece = 1; piece <= 9; piece++)
		assert_string_equal(tell(slice_text(text), 0, true, piece), want);
}

static void line_ends_of_all_kinds_divide_rows(void **state)
{
	is_told("a,b\nc,d\n", "1[a|b] 2[c|d]");
	is_told("a,b\r\nc,d", "1[a|b] 2[c|d]");
	is_told("a,b\rc,d\r", "1[a|b] 2[c|d]");
	is_told("a\r\n\r\n\nb\r\rc", "1[a] 4[b] 6[c]");
	is_told("", "");
	is_told("\n\n", "");
}

static void quoted_cells_hold_anything(void **state)
{
	is_told("\"a,b\",\"c\"\"d\"\"\",\"\"\n", "1[a,b|c\"d\"|]");
	is_told("\"a\r\nb\",c\nd\n", "1[a\r\nb|c] 3[d]");
	is_told("\"\"", "1[]");
	is_told(" \"a \" , b ,\"\"\"\"\n", "1[a |b|\"]");
	assert_string_equal(tell(slice_text(" a , b"), 0, false, 3), "1[ a | b]");
}

static void a_byte_order_mark_is_no_part_of_the_first_cell(void **state)
{
	is_told("\xef\xbb\xbf"
		"a,b",
		"1[a|b]");
	is_told("\xef\xbb\xbf"
		"\"a\",b",
		"1[a|b]");
}

static void utf_16_is_refused_in_words(void **state)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct slice text = slice_of("\xff\xfe"
				     "a\0",
				     4);
	struct csv_row row;

	assert_int_equal(csv_reader_new(&reader, 0, false, NULL), 0);
	assert_int_equal(next(reader, &text, 4, &row), ERR_UNSUPPORTED);
}

static void the_separator_is_the_most_frequent_of_the_first_line(void **state)
{
	is_told("a;b;c,d\ne;f,g\n", "1[a|b|c,d] 2[e|f,g]");
	is_told("a\tb\nc,d\te\n", "1[a|b] 2[c,d|e]");
	is_told("a;b, c\n", "1[a|b, c]");
	is_told("a,b; c\n", "1[a|b; c]");
	is_told("a,b; c; d\n", "1[a|b; c; d]");
	is_told("a, b;c;d\n", "1[a, b|c|d]");
	is_told("a; b; c\n", "1[a|b|c]");
	is_told("\"x;y;z\",b\nc,d\n", "1[x;y;z|b] 2[c|d]");
	is_told("\n\na;b\n", "3[a|b]");
	is_told("lone\na,b\n", "1[lone] 2[a|b]");
	assert_string_equal(tell(slice_text("a;b;c,d\n"), ',', true, 9), "1[a;b;c|d]");
}

static void a_broken_line_is_named_and_hides_no_other(void **state)
{
	is_told("a,b\"c\nd,e\n", "1!2: a quote inside a cell that does not begin with one 2[d|e]");
	is_told("a,\"b\"c\nd,e\n", "1!2: text between a closing quote and the separator 2[d|e]");
	is_told("a,\"b\nc,d\ne,f", "1!2: a quote is opened on this line and not closed 2[c|d] "
				   "3[e|f]");
	is_told("a,\"b\r\nc,\"d\"\r\ne,f",
		"1!2: a quote is opened on this line and not closed 2[c|d] 3[e|f]");
	is_told("\"a\n\"b\n\"c\n", "1!1: a quote is opened on this line and not closed "
				   "2!1: a quote is opened on this line and not closed "
				   "3!1: a quote is opened on this line and not closed");
	assert_string_equal(tell(slice_of("a,b\0c\nd\n", 8), 0, true, 2), "1!2: a zero byte 2[d]");
	assert_string_equal(tell(slice_of("a,\"b\nc\0d\n", 9), 0, true, 2),
			    "1!2: a quote is opened on this line and not closed 2!1: a zero byte");
	assert_string_equal(tell(slice_of("a,\"b\0c\"\nd\n", 10), 0, true, 2),
			    "1!2: a zero byte 2[d]");
}

/* long_text - @len times @byte, then @end */
static struct buf long_text(char byte, size_t len, const char *end)
{
	struct buf text = BUF_INIT(1u << 26);

	assert_int_equal(buf_reserve(&text, len, NULL), 0);
	memset(text.bytes, byte, len);
	text.len = len;
	assert_int_equal(buf_append_text(&text, end, NULL), 0);
	return text;
}

static void limits_hold_to_the_byte(void **state)
{
	struct buf text = long_text('x', CSV_CELL_MAX, ",y\n");

	assert_non_null(strstr(tell(buf_slice(&text), 0, true, 4096), "x|y]"));
	buf_clear(&text);
	text = long_text('x', CSV_CELL_MAX + 1, ",y\nz\n");
	assert_string_equal(tell(buf_slice(&text), 0, true, 4096),
			    "1!1: the cell is longer than 65536 bytes 2[z]");
	buf_clear(&text);
	text = long_text(',', CSV_COLUMNS_MAX - 1, "\nz\n");
	assert_non_null(strstr(tell(buf_slice(&text), 0, true, 4096), "||] 2[z]"));
	buf_clear(&text);
	text = long_text(',', CSV_COLUMNS_MAX, "\nz\n");
	assert_string_equal(tell(buf_slice(&text), 0, true, 4096),
			    "1!1025: more than 1024 cells 2[z]");
	buf_clear(&text);
	text = long_text(' ', CSV_ROW_MAX + 1, ",\nz\n");
	assert_string_equal(tell(buf_slice(&text), 0, true, 65536),
			    "1!1: the row is longer than 1048576 bytes 2[z]");
	buf_clear(&text);
	text = long_text('x', 40u << 20, "\nz\n");
	assert_string_equal(tell(buf_slice(&text), 0, true, CSV_PIECE_MAX),
			    "1!1: the cell is longer than 65536 bytes 2[z]");
	buf_clear(&text);
}

static void a_piece_has_a_limit(void **state)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	CLEANUP(buf_clear) struct buf text = long_text('x', CSV_PIECE_MAX + 1, "");

	assert_int_equal(csv_reader_new(&reader, 0, true, NULL), 0);
	assert_int_equal(csv_feed(reader, buf_slice(&text), NULL), ERR_LIMIT);
}

static void a_header_finds_columns_by_name(void **state)
{
	CLEANUP(csv_header_clear) struct csv_header header = {0};
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct slice text = slice_text("SerialNumber,Name,name\nA,B\n");
	struct err err = ERR_INIT;
	struct csv_row row;
	size_t index = 99;

	assert_int_equal(csv_reader_new(&reader, 0, true, NULL), 0);
	assert_int_equal(next(reader, &text, 99, &row), 0);
	assert_int_equal(csv_header_set(&header, &row, &err), 0);
	assert_int_equal(csv_header_find(&header, "serialnumber", &index, &err), 0);
	assert_int_equal(index, 0);
	assert_int_equal(csv_header_find(&header, "absent", &index, &err), CSV_ABSENT);
	assert_int_equal(csv_header_find(&header, "Name", &index, &err), ERR_CORRUPT);
	assert_string_equal(err.text, "columns 2 and 3 are both named Name");
	assert_int_equal(next(reader, &text, 99, &row), 0);
	assert_true(slice_equal(csv_row_cell(&row, 1), slice_text("B")));
	assert_int_equal(csv_row_cell(&row, 2).len, 0);
}

static void a_broken_row_checks_as_damage_with_its_place(void **state)
{
	struct csv_row row = {.line = 7, .problem = CSV_NUL, .column = 3};
	struct err err = ERR_INIT;

	assert_int_equal(csv_row_check(&row, &err), ERR_CORRUPT);
	assert_string_equal(err.text, "line 7, column 3: a zero byte");
}

static void quotes_without_end_cost_no_more_than_twice(void **state)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1u << 26);
	clock_t began = clock();
	const char *at;
	size_t broken = 0;

	for (size_t i = 0; i < 200000; i++)
		buf_append_text(&text, i % 1000 ? "x,\"y\"\"z\",w\n" : "x,\"y\n", NULL);
	for (at = tell(buf_slice(&text), 0, true, 65536); (at = strchr(at, '!')); at++)
		broken++;
	assert_int_equal(broken, 200);
	assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
}

static void a_large_table_is_read_quickly(void **state)
{
	CLEANUP(buf_clear) struct buf block = BUF_INIT(1u << 26);
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	size_t rows = 0, cells = 0, blocks = 100;
	struct csv_row row;
	clock_t began;
	double seconds;
	int r;

	for (size_t i = 0; i < 2000; i++)
		for (size_t k = 0; k < 40; k++)
			buf_append_format(&block, NULL, "%s%s", k % 8 ? "value" : "\"quoted\"",
					  k == 39 ? "\n" : ",");
	assert_int_equal(csv_reader_new(&reader, 0, true, NULL), 0);
	began = clock();
	while ((r = csv_next(reader, &row, NULL)) != CSV_END) {
		if (r == 0) {
			rows++;
			cells += row.count;
		} else if (blocks) {
			blocks--;
			assert_int_equal(csv_feed(reader, buf_slice(&block), NULL), 0);
		} else {
			csv_feed_end(reader);
		}
	}
	seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	assert_int_equal(rows, 200000);
	assert_int_equal(cells, 200000 * 40);
	print_message("csv: %.0f rows/s of 40 columns, %.0f MB/s\n", (double)rows / seconds,
		      (double)block.len * 100 / seconds / 1e6);
	assert_true(seconds < 10); /* ten times more than a busy machine needs */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends_of_all_kinds_divide_rows),
		cmocka_unit_test(quoted_cells_hold_anything),
		cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_cell),
		cmocka_unit_test(utf_16_is_refused_in_words),
		cmocka_unit_test(the_separator_is_the_most_frequent_of_the_first_line),
		cmocka_unit_test(a_broken_line_is_named_and_hides_no_other),
		cmocka_unit_test(limits_hold_to_the_byte),
		cmocka_unit_test(a_piece_has_a_limit),
		cmocka_unit_test(a_header_finds_columns_by_name),
		cmocka_unit_test(a_broken_row_checks_as_damage_with_its_place),
		cmocka_unit_test(quotes_without_end_cost_no_more_than_twice),
		cmocka_unit_test(a_large_table_is_read_quickly),
	};

	return cmocka_run_group_tests_name("csv reading", tests, NULL, NULL);
}
