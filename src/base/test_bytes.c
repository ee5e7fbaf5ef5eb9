/* bytes, text and errors keep their limits */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void a_buffer_refuses_to_pass_its_maximum_and_stays_as_it_was(void **state)
{
	CLEANUP(buf_clear) struct buf buf = BUF_INIT(4);
	struct err err = ERR_INIT;

	assert_int_equal(buf_append(&buf, "abc", 3, &err), 0);
	assert_int_equal(buf_append(&buf, "de", 2, &err), ERR_LIMIT);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.bytes, "abc", 3);
	assert_int_equal(buf_append(&buf, "d", 1, &err), 0);
	assert_string_equal(buf_text(&buf), "abcd");
}

static void a_reader_never_runs_past_the_end(void **state)
{
	uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct reader in = reader_of(slice_of(bytes, 7));
	uint32_t word;
	uint64_t wide;
	struct slice rest;

	assert_false(reader_u64le(&in, &wide));
	assert_int_equal(in.left, 7);
	assert_true(reader_u32be(&in, &word));
	assert_int_equal(word, 0x01020304);
	assert_false(reader_u32le(&in, &word));
	assert_false(reader_slice(&in, SIZE_MAX, &rest));
	assert_true(reader_slice(&in, 3, &rest));
	assert_int_equal(in.left, 0);
}

static void numbers_go_out_and_come_back(void **state)
{
	uint8_t bytes[8];

	put_u64be(bytes, 0x0102030405060708u);
	assert_int_equal(bytes[0], 1);
	assert_true(get_u64be(bytes) == 0x0102030405060708u);
	assert_true(get_u64le(bytes) == 0x0807060504030201u);
	put_u32le(bytes, 0xfffefdfcu);
	assert_int_equal(get_u32le(bytes), 0xfffefdfcu);
	assert_int_equal(get_u32be(bytes), 0xfcfdfeffu);
}

static void a_cause_survives_long_prefixes(void **state)
{
	struct err err = ERR_INIT;
	char prefix[1000];

	memset(prefix, 'x', sizeof(prefix) - 1);
	prefix[sizeof(prefix) - 1] = 0;
	assert_int_equal(err_set(&err, ERR_CORRUPT, "page 12: checksum"), ERR_CORRUPT);
	assert_int_equal(err_wrap(&err, ERR_CORRUPT, "%s", prefix), ERR_CORRUPT);
	assert_non_null(strstr(err.text, "page 12: checksum"));
}

static void names_from_outside_are_refused_when_they_leave_the_folder(void **state)
{
	static const char *const bad[] = {"",     "/etc/passwd", "..",  "../x", "a/../b",
					  "a//b", "a/",          "./a", "a/.",  "/"};
	static const char *const good[] = {"a",     "a/b",         "...",
					   "a/..b", ".hidden/x..", "\xc3\xa4/\xc3\xb6"};
	char long_name[PATH_LEN_MAX + 2];

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(path_check_relative(bad[i], strlen(bad[i]), &err), ERR_PROTOCOL);
		assert_true(err.text[0] != 0);
	}
	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		assert_int_equal(path_check_relative(good[i], strlen(good[i]), NULL), 0);
	assert_int_equal(path_check_relative("a\0b", 3, NULL), ERR_PROTOCOL);
	memset(long_name, 'a', sizeof(long_name));
	assert_int_equal(path_check_relative(long_name, sizeof(long_name), NULL), ERR_PROTOCOL);
	assert_int_equal(path_check_relative(long_name, PATH_COMPONENT_MAX + 1, NULL),
			 ERR_PROTOCOL);
	assert_int_equal(path_check_relative(long_name, PATH_COMPONENT_MAX, NULL), 0);
}

static void a_quoted_name_is_printable_and_short(void **state)
{
	char quoted[400], wild[200];

	memset(wild, 0x1b, sizeof(wild));
	text_quote(wild, sizeof(wild), quoted);
	assert_true(strlen(quoted) < sizeof(quoted));
	for (size_t i = 0; quoted[i]; i++)
		assert_true(quoted[i] >= 0x20 && quoted[i] < 0x7f);
	assert_string_equal(text_quote("a\"b", 3, quoted), "\"a\\x22b\"");
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
	assert_true(text_is_utf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8d\x8e", 11));
	assert_false(text_is_utf8("\xc0\xaf", 2));     /* overlong */
	assert_false(text_is_utf8("\xed\xa0\x80", 3)); /* surrogate */
	assert_false(text_is_utf8("\xc3", 1));
	assert_false(text_is_utf8("\xf5\x80\x80\x80", 4));
	assert_false(text_is_utf8("a\0b", 3));
	for (size_t i = 0; i < 24; i++) { /* wherever it lies among eight bytes */
		char text[] = "twenty-four bytes, plain";

		assert_true(text_is_utf8(text, 24));
		text[i] = (char)0x80;
		assert_false(text_is_utf8(text, 24));
		text[i] = '\0';
		assert_false(text_is_utf8(text, 24));
	}
}

static void times_and_sizes_read_as_people_write_them(void **state)
{
	int64_t seconds;
	char time[21], size[16];

	assert_int_equal(time_parse_utc("2026-11-01T08:00:00Z", &seconds, NULL), 0);
	assert_int_equal(seconds, 1793520000);
	assert_string_equal(time_format_utc(seconds, time), "2026-11-01T08:00:00Z");
	assert_int_equal(time_parse_utc("2026-11-01 08:00", &seconds, NULL), ERR_USAGE);
	assert_int_equal(time_parse_utc("2026-02-31T08:00:00Z", &seconds, NULL), ERR_USAGE);
	assert_int_equal(time_parse_utc("2026-1-01T08:00:00Z", &seconds, NULL), ERR_USAGE);
	assert_string_equal(size_format(999, size), "999 B");
	assert_string_equal(size_format(1400, size), "1.4 kB");
	assert_string_equal(size_format(999600, size), "1.0 MB");
	assert_string_equal(size_format(86000000000u, size), "86 GB");
}

static void hex_takes_exactly_what_it_asks_for(void **state)
{
	uint8_t bytes[2];

	assert_true(hex_decode("fF0a", bytes, 2));
	assert_int_equal(bytes[0], 0xff);
	assert_false(hex_decode("ff0", bytes, 2));
	assert_false(hex_decode("ff0g", bytes, 2));
	assert_false(hex_decode("ff0a0", bytes, 2));
}

static void only_the_reserved_range_counts_as_simulated(void **state)
{
	assert_true(udid_is_reserved("0000FE5A-001122334455667A"));
	assert_true(udid_is_reserved("0000fe5a001122334455667a"));
	assert_false(udid_is_reserved("00008110-001122334455667A"));
	assert_false(udid_is_reserved("0000FE5A-001122334455667"));
	assert_false(udid_is_reserved("0000FE5A-001122334455667A0"));
	assert_false(udid_is_reserved("0000FE5A-00112233445566ZZ"));
	assert_true(serial_is_reserved("RHSIM0A1B2C3"));
	assert_false(serial_is_reserved("RHSIM0A1B2C"));
	assert_false(serial_is_reserved("F9FRHSIM0A1B"));
	assert_false(serial_is_reserved(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_refuses_to_pass_its_maximum_and_stays_as_it_was),
		cmocka_unit_test(a_reader_never_runs_past_the_end),
		cmocka_unit_test(numbers_go_out_and_come_back),
		cmocka_unit_test(a_cause_survives_long_prefixes),
		cmocka_unit_test(names_from_outside_are_refused_when_they_leave_the_folder),
		cmocka_unit_test(a_quoted_name_is_printable_and_short),
		cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
		cmocka_unit_test(times_and_sizes_read_as_people_write_them),
		cmocka_unit_test(hex_takes_exactly_what_it_asks_for),
		cmocka_unit_test(only_the_reserved_range_counts_as_simulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
