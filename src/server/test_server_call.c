/* frames between processes: whole, bounded, and never more than what was sent */
#include "server/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	struct link a, b;
};

static int pair_make(void **state)
{
	static struct pair pair;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pair.a = LINK_INIT;
	pair.b = LINK_INIT;
	link_open(&pair.a, fds[0]);
	link_open(&pair.b, fds[1]);
	*state = &pair;
	return 0;
}

static int pair_end(void **state)
{
	struct pair *pair = *state;

	link_close(&pair->a);
	link_close(&pair->b);
	return 0;
}

static void what_is_put_comes_out(void **state)
{
	struct pair *pair = *state;
	struct call_writer writer = call_begin(&pair->a.out, 77, CALL_API);
	struct frame frame;
	char text[8];

	call_put_u32(&writer, 5);
	call_put_u64(&writer, (uint64_t)-3);
	call_put(&writer, slice_of("\0x", 2));
	call_put_text(&writer, "seven77");
	call_put_text(&writer, NULL);
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_flush(&pair->a, NULL), 0);
	assert_int_equal(link_receive(&pair->b, NULL), 0);
	assert_int_equal(link_next(&pair->b, &frame, NULL), 0);
	assert_int_equal(frame.number, 77);
	assert_int_equal(frame.op, CALL_API);
	assert_int_equal(call_get_u32(&frame.fields), 5);
	assert_int_equal((int64_t)call_get_u64(&frame.fields), -3);
	assert_true(slice_equal(call_get(&frame.fields), slice_of("\0x", 2)));
	call_get_text(&frame.fields, text, sizeof(text));
	assert_string_equal(text, "seven77");
	assert_false(call_get_done(&frame.fields));
	assert_int_equal(call_get(&frame.fields).len, 0);
	assert_true(call_get_done(&frame.fields));
	assert_int_equal(link_next(&pair->b, &frame, NULL), LINK_NOTHING);
}

static void a_text_that_is_too_long_or_holds_a_nul_is_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {{"12345678", 8}, {"a\0b", 3}};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf bytes CLEANUP(buf_clear) = BUF_INIT(64);
		struct call_writer writer = call_begin(&bytes, 1, CALL_API);
		struct call_fields fields;
		char text[8];

		call_put(&writer, slice_of(cases[i].bytes, cases[i].len));
		assert_int_equal(call_end(&writer, NULL), 0);
		fields = (struct call_fields){
			reader_of(slice_of(bytes.bytes + CALL_HEAD_LEN, bytes.len - CALL_HEAD_LEN)),
			false};
		call_get_text(&fields, text, sizeof(text));
		assert_string_equal(text, "");
		assert_false(call_get_done(&fields));
	}
}

static void a_frame_cut_anywhere_is_waited_for_or_bad(void **state)
{
	struct buf bytes CLEANUP(buf_clear) = BUF_INIT(256);
	struct call_writer writer = call_begin(&bytes, 9, CALL_SEAL);

	call_put(&writer, slice_text("twelve bytes"));
	call_put_u64(&writer, 1);
	assert_int_equal(call_end(&writer, NULL), 0);
	for (size_t len = 0; len < bytes.len; len++) {
		struct link link = LINK_INIT;
		struct call_fields fields;
		struct frame frame;

		assert_int_equal(buf_append(&link.in, bytes.bytes, len, NULL), 0);
		assert_int_equal(link_next(&link, &frame, NULL), LINK_NOTHING);
		link_close(&link);
		if (len < CALL_HEAD_LEN)
			continue;
		fields = (struct call_fields){
			reader_of(slice_of(bytes.bytes + CALL_HEAD_LEN, len - CALL_HEAD_LEN)),
			false};
		call_get(&fields);
		call_get_u64(&fields);
		assert_false(call_get_done(&fields));
	}
}

static void a_length_out_of_bounds_ends_the_link(void **state)
{
	static const uint32_t lengths[] = {0, 4, CALL_FRAME_MAX - 3, 0xffffffff};

	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		struct link link = LINK_INIT;
		struct frame frame;

		assert_int_equal(buf_append_u32be(&link.in, lengths[i], NULL), 0);
		assert_int_equal(buf_append_u32be(&link.in, 0, NULL), 0);
		assert_int_equal(link_next(&link, &frame, NULL), ERR_PROTOCOL);
		link_close(&link);
	}
}

static void a_frame_beyond_the_limit_leaves_the_buffer_as_it_was(void **state)
{
	struct buf bytes CLEANUP(buf_clear) = BUF_INIT(2 * CALL_FRAME_MAX);
	static uint8_t large[CALL_FRAME_MAX];
	struct call_writer writer;

	assert_int_equal(buf_append_u8(&bytes, 1, NULL), 0);
	writer = call_begin(&bytes, 1, CALL_SEAL);
	call_put(&writer, slice_of(large, sizeof(large)));
	assert_int_equal(call_end(&writer, NULL), ERR_LIMIT);
	assert_int_equal(bytes.len, 1);
}

/* more than the socket takes at once, both ways through the buffers */
static void large_frames_pass_in_pieces(void **state)
{
	struct pair *pair = *state;
	static uint8_t large[3 << 20];
	struct frame frame;
	unsigned seen = 0;

	for (uint32_t number = 0; number < 3; number++) {
		struct call_writer writer = call_begin(&pair->a.out, number, CALL_SEAL);

		memset(large, (int)number + 1, sizeof(large));
		call_put(&writer, slice_of(large, sizeof(large)));
		assert_int_equal(call_end(&writer, NULL), 0);
	}
	assert_int_equal(link_flush(&pair->a, NULL), LINK_NOTHING);
	while (seen < 3) {
		assert_true(link_flush(&pair->a, NULL) >= 0);
		assert_true(link_receive(&pair->b, NULL) >= 0);
		while (link_next(&pair->b, &frame, NULL) == 0) {
			struct slice got = call_get(&frame.fields);

			assert_int_equal(frame.number, seen++);
			assert_int_equal(got.len, sizeof(large));
			assert_int_equal(got.bytes[got.len - 1], seen);
		}
	}
	assert_int_equal(link_flush(&pair->a, NULL), 0);
}

static void waiting_ends_when_the_other_end_is_gone_or_silent(void **state)
{
	struct pair *pair = *state;
	struct frame frame;

	assert_int_equal(link_wait(&pair->a, 1, 1, &frame, NULL), ERR_TIMEOUT);
	link_close(&pair->b);
	assert_int_equal(link_wait(&pair->a, 1, 10000, &frame, NULL), ERR_CLOSED);
}

static void an_answer_to_an_earlier_call_is_passed_over(void **state)
{
	struct pair *pair = *state;
	struct call_writer writer = call_begin_answer(&pair->b.out, 1, 0);
	struct frame frame;

	assert_int_equal(call_end(&writer, NULL), 0);
	writer = call_begin_answer(&pair->b.out, 2, ERR_POLICY);
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_flush(&pair->b, NULL), 0);
	assert_int_equal(link_wait(&pair->a, 2, 10000, &frame, NULL), 0);
	assert_int_equal((int)call_get_u32(&frame.fields), ERR_POLICY);
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, pair_make, pair_end)

static bool holds(const struct buf *buf, const char *text)
{
	return buf->cap > 0 && memmem(buf->bytes, buf->cap, text, strlen(text)) != NULL;
}

static void send_text(struct link *link, uint32_t number, const char *text)
{
	struct call_writer writer = call_begin(&link->out, number, CALL_OPEN);

	call_put_text(&writer, text);
	assert_int_equal(call_end(&writer, NULL), 0);
}

static void what_was_sent_and_used_leaves_the_memory(void **state)
{
	struct pair *pair = *state;
	struct frame frame;
	char text[16];

	send_text(&pair->a, 1, "correct horse");
	send_text(&pair->a, 2, "battery staple");
	assert_int_equal(link_flush(&pair->a, NULL), 0);
	assert_false(holds(&pair->a.out, "correct horse"));
	assert_int_equal(link_receive(&pair->b, NULL), 0);
	assert_int_equal(link_next(&pair->b, &frame, NULL), 0);
	assert_true(holds(&pair->b.in, "correct horse"));
	link_done(&pair->b);
	assert_false(holds(&pair->b.in, "correct horse"));
	assert_int_equal(link_next(&pair->b, &frame, NULL), 0);
	call_get_text(&frame.fields, text, sizeof(text));
	assert_string_equal(text, "battery staple");
	link_done(&pair->b);
	assert_false(holds(&pair->b.in, "battery staple"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(what_is_put_comes_out),
		cmocka_unit_test(a_text_that_is_too_long_or_holds_a_nul_is_bad),
		cmocka_unit_test(a_frame_cut_anywhere_is_waited_for_or_bad),
		cmocka_unit_test(a_length_out_of_bounds_ends_the_link),
		cmocka_unit_test(a_frame_beyond_the_limit_leaves_the_buffer_as_it_was),
		PAIR_TEST(large_frames_pass_in_pieces),
		PAIR_TEST(waiting_ends_when_the_other_end_is_gone_or_silent),
		PAIR_TEST(what_was_sent_and_used_leaves_the_memory),
		PAIR_TEST(an_answer_to_an_earlier_call_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
