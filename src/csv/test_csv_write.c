/* what is written reads back to the same cells */
#include "csv/testing.h"

static struct buf text = {.max = 1u << 16};

static const char *written(struct csv_writer *writer, const char *const *cells, size_t count)
{
	buf_truncate(&text, 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(csv_write_text(writer, cells[i], NULL), 0);
	assert_int_equal(csv_write_end(writer, NULL), 0);
	return buf_text(&text);
}

static void cells_are_quoted_only_where_they_must_be(void **state)
{
	const char *const cells[] = {"plain", "a,b", "a\"b", "a\nb", " a", "a;b", "", "=1"};
	struct csv_writer writer = CSV_WRITER_INIT(&text);

	assert_string_equal(written(&writer, cells, 8),
			    "plain,\"a,b\",\"a\"\"b\",\"a\nb\",\" a\",a;b,,=1\n");
	assert_string_equal(tell(buf_slice(&text), ',', true, 3),
			    "1[plain|a,b|a\"b|a\nb| a|a;b||=1]");
	writer.separator = ';';
	writer.ends_with_crlf = true;
	assert_string_equal(written(&writer, cells, 6),
			    "plain;a,b;\"a\"\"b\";\"a\nb\";\" a\";\"a;b\"\r\n");
}

static void a_row_of_one_empty_cell_does_not_vanish(void **state)
{
	const char *const cells[] = {"", ""};
	struct csv_writer writer = CSV_WRITER_INIT(&text);

	assert_string_equal(written(&writer, cells, 1), "\"\"\n");
	assert_string_equal(tell(buf_slice(&text), 0, true, 9), "1[]");
	assert_string_equal(written(&writer, cells, 2), ",\n");
}

static void formulas_are_guarded_only_when_asked(void **state)
{
	const char *const cells[] = {"=1+1", "+1", "-1", "@x", "\tx", "a=b", "=a,b"};
	struct csv_writer writer = CSV_WRITER_INIT(&text);

	assert_string_equal(written(&writer, cells, 7), "=1+1,+1,-1,@x,\"\tx\",a=b,\"=a,b\"\n");
	writer.guards_formulas = true;
	assert_string_equal(written(&writer, cells, 7),
			    "'=1+1,'+1,'-1,'@x,\"'\tx\",a=b,\"'=a,b\"\n");
}

static void a_full_buffer_is_an_error(void **state)
{
	CLEANUP(buf_clear) struct buf small = BUF_INIT(8);
	struct csv_writer writer = CSV_WRITER_INIT(&small);

	assert_int_equal(csv_write_text(&writer, "123456789", NULL), ERR_LIMIT);
	assert_int_equal(csv_write_text(&writer, "\"\"\"\"", NULL), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_quoted_only_where_they_must_be),
		cmocka_unit_test(a_row_of_one_empty_cell_does_not_vanish),
		cmocka_unit_test(formulas_are_guarded_only_when_asked),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests_name("csv writing", tests, NULL, NULL);
}
