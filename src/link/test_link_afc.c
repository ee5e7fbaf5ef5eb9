/*
 * AFC packets against exact bytes, from both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "link/link.h"

/* FILE_WRITE, packet 7, handle 3, payload "hey" */
static const uint8_t write_packet[] = "CFA6LPAA"
				      "\x33\0\0\0\0\0\0\0"
				      "\x30\0\0\0\0\0\0\0"
				      "\x07\0\0\0\0\0\0\0"
				      "\x10\0\0\0\0\0\0\0"
				      "\x03\0\0\0\0\0\0\0"
				      "hey";
enum { WRITE_LEN = sizeof(write_packet) - 1 };

static void a_packet_is_written_as_laid_down(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1024);
	struct err err = ERR_INIT;
	uint8_t handle[8];

	put_u64le(handle, 3);
	assert_int_equal(link_afc_write(&out, 7, AFC_FILE_WRITE, slice_of(handle, 8),
					slice_text("hey"), &err),
			 0);
	assert_int_equal(out.len, WRITE_LEN);
	assert_memory_equal(out.bytes, write_packet, WRITE_LEN);
}

static void a_packet_is_read_as_laid_down(void **state)
{
	uint8_t two[WRITE_LEN + 1];
	struct reader in = reader_of(slice_of(two, sizeof(two)));
	struct link_afc packet;
	struct err err = ERR_INIT;

	memcpy(two, write_packet, WRITE_LEN);
	two[WRITE_LEN] = 'C'; /* the next packet begins */
	assert_int_equal(link_afc_parse(&in, &packet, &err), 0);
	assert_int_equal(packet.number, 7);
	assert_int_equal(packet.op, AFC_FILE_WRITE);
	assert_int_equal(packet.arguments.len, 8);
	assert_int_equal(packet.arguments.bytes[0], 3);
	assert_true(slice_equal(packet.payload, slice_text("hey")));
	assert_int_equal(in.left, 1);
}

static void a_packet_cut_anywhere_is_not_consumed(void **state)
{
	struct link_afc packet;
	struct err err = ERR_INIT;

	for (size_t len = 0; len < WRITE_LEN; len++) {
		struct reader in = reader_of(slice_of(write_packet, len));

		assert_int_equal(link_afc_parse(&in, &packet, &err), LINK_NEED_MORE);
		assert_int_equal(in.left, len);
	}
}

static void a_status_is_a_packet_with_a_code(void **state)
{
	static const uint8_t wanted[] = "CFA6LPAA"
					"\x30\0\0\0\0\0\0\0"
					"\x30\0\0\0\0\0\0\0"
					"\x09\0\0\0\0\0\0\0"
					"\x01\0\0\0\0\0\0\0"
					"\x13\0\0\0\0\0\0\0";
	CLEANUP(buf_clear) struct buf out = BUF_INIT(48);
	struct err err = ERR_INIT;

	assert_int_equal(link_afc_write_status(&out, 9, AFC_WOULD_BLOCK, &err), 0);
	assert_int_equal(out.len, sizeof(wanted) - 1);
	assert_memory_equal(out.bytes, wanted, out.len);
}

static int parse_with(size_t offset, uint64_t value)
{
	uint8_t bytes[WRITE_LEN];
	struct reader in = reader_of(slice_of(bytes, sizeof(bytes)));
	struct link_afc packet;
	struct err err = ERR_INIT;

	memcpy(bytes, write_packet, WRITE_LEN);
	put_u64le(bytes + offset, value);
	return link_afc_parse(&in, &packet, &err);
}

static void lengths_that_contradict_are_refused(void **state)
{
	enum { MAGIC = 0, ENTIRE = 8, THIS = 16 };

	assert_int_equal(parse_with(MAGIC, 0), ERR_PROTOCOL);
	assert_int_equal(parse_with(THIS, 39), ERR_PROTOCOL);
	assert_int_equal(parse_with(THIS, 0), ERR_PROTOCOL);
	assert_int_equal(parse_with(THIS, 52), ERR_PROTOCOL);
	assert_int_equal(parse_with(THIS, UINT64_MAX), ERR_PROTOCOL);
	assert_int_equal(parse_with(ENTIRE, 47), ERR_PROTOCOL);
	assert_int_equal(parse_with(ENTIRE, 0), ERR_PROTOCOL);
	assert_int_equal(parse_with(ENTIRE, 52), LINK_NEED_MORE);
	assert_int_equal(parse_with(ENTIRE, LINK_AFC_LEN_MAX), LINK_NEED_MORE);
	assert_int_equal(parse_with(ENTIRE, LINK_AFC_LEN_MAX + 1), ERR_LIMIT);
	assert_int_equal(parse_with(ENTIRE, UINT64_C(1) << 32), ERR_LIMIT);
	assert_int_equal(parse_with(ENTIRE, UINT64_MAX), ERR_LIMIT);
}

static void what_does_not_fit_is_not_half_written(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(60);
	CLEANUP(buf_clear) struct buf large = BUF_INIT(LINK_AFC_LEN_MAX * 2);
	struct err err = ERR_INIT;
	uint8_t byte = 0;

	assert_int_equal(buf_append_text(&out, "before", &err), 0);
	assert_int_equal(link_afc_write(&out, 1, AFC_MAKE_DIR, slice_text("/iTunesRestore"),
					slice_text("x"), &err),
			 ERR_LIMIT);
	assert_int_equal(out.len, 6);
	/* the limit is checked before a byte is touched: these lengths are lies */
	assert_int_equal(link_afc_write(&large, 1, AFC_FILE_WRITE, SLICE_EMPTY,
					slice_of(&byte, LINK_AFC_LEN_MAX - 39), &err),
			 ERR_LIMIT);
	assert_int_equal(link_afc_write(&large, 1, AFC_FILE_WRITE, slice_of(&byte, SIZE_MAX),
					slice_of(&byte, SIZE_MAX), &err),
			 ERR_LIMIT);
	assert_int_equal(large.len, 0);
}

static void every_status_has_words(void **state)
{
	assert_string_equal(link_afc_status_text(AFC_NOT_FOUND), "no such file or folder");
	for (uint64_t status = 0; status < 64; status++)
		assert_non_null(link_afc_status_text(status));
	assert_non_null(link_afc_status_text(UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_written_as_laid_down),
		cmocka_unit_test(a_packet_is_read_as_laid_down),
		cmocka_unit_test(a_packet_cut_anywhere_is_not_consumed),
		cmocka_unit_test(a_status_is_a_packet_with_a_code),
		cmocka_unit_test(lengths_that_contradict_are_refused),
		cmocka_unit_test(what_does_not_fit_is_not_half_written),
		cmocka_unit_test(every_status_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
