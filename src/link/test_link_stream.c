/*
 * The decoder of raw file streams against exact bytes, in whole and in pieces.
 *
 * Streams are written by hand here: a mistake shared with a writer of ours would not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "link/link.h"

/* a batch of three files: one of two blocks, one empty, one that failed after some data */
static const uint8_t batch[] = "\x00\x00\x00\x02/a"
			       "\x00\x00\x00\x04U/00"
			       "\x00\x00\x00\x04\x0c"
			       "abc"
			       "\x00\x00\x00\x03\x0c"
			       "de"
			       "\x00\x00\x00\x01\x00"
			       "\x00\x00\x00\x02/b"
			       "\x00\x00\x00\x04U/01"
			       "\x00\x00\x00\x01\x00"
			       "\x00\x00\x00\x02/c"
			       "\x00\x00\x00\x04U/02"
			       "\x00\x00\x00\x02\x0c"
			       "f"
			       "\x00\x00\x00\x0a\x0b"
			       "forbidden"
			       "\x00\x00\x00\x00";
enum { BATCH_LEN = sizeof(batch) - 1 };

static const char batch_story[] = "file /a U/00\n"
				  "data abcde\n"
				  "end\n"
				  "file /b U/01\n"
				  "end\n"
				  "file /c U/02\n"
				  "data f\n"
				  "error forbidden\n"
				  "batch end\n";

/* writes down what happens, joining neighbouring data: the story must not depend on the pieces */
struct story {
	char text[4096];
	size_t len;
	bool is_in_data;
};

static void story_add(struct story *story, const char *text, size_t len)
{
	assert_true(story->len + len < sizeof(story->text));
	if (len > 0)
		memcpy(story->text + story->len, text, len);
	story->len += len;
	story->text[story->len] = '\0';
}

static void story_slice(struct story *story, const char *before, struct slice slice)
{
	story_add(story, before, strlen(before));
	story_add(story, (const char *)slice.bytes, slice.len);
}

static void story_event(struct story *story, const struct link_event *event)
{
	if (event->kind == LINK_EVENT_DATA) {
		assert_true(event->bytes.len > 0);
		story_slice(story, story->is_in_data ? "" : "data ", event->bytes);
		story->is_in_data = true;
		return;
	}
	if (story->is_in_data)
		story_add(story, "\n", 1);
	story->is_in_data = false;
	switch (event->kind) {
	case LINK_EVENT_FILE:
		story_slice(story, "file ", event->device_name);
		story_slice(story, event->device_name.len ? " " : "", event->host_name);
		break;
	case LINK_EVENT_FILE_END:
		story_add(story, "end", 3);
		break;
	case LINK_EVENT_FILE_ERROR:
		story_slice(story, "error ", event->bytes);
		break;
	case LINK_EVENT_BATCH_END:
		story_add(story, "batch end", 9);
		break;
	case LINK_EVENT_DATA:
		break;
	}
	story_add(story, "\n", 1);
}

/* feed all that is in @in; returns the first outcome that is not an event */
static int tell(struct link_stream *stream, struct reader *in, struct story *story, struct err *err)
{
	struct link_event event;
	int r;

	while ((r = link_stream_next(stream, in, &event, err)) == 0)
		story_event(story, &event);
	return r;
}

static struct link_stream *stream_of(bool has_two_names)
{
	struct link_stream *stream = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(link_stream_new(&stream, has_two_names, &err), 0);
	return stream;
}

/* what becomes of a stream of two names that begins with @bytes */
static int outcome_of(const void *bytes, size_t len, struct err *err)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(bytes, len));
	struct story story = {0};
	struct link_event event;
	int r;

	*err = ERR_INIT;
	r = tell(stream, &in, &story, err);
	if (r < 0) { /* out of step for good, whatever follows */
		in = reader_of(slice_of(batch, BATCH_LEN));
		assert_int_equal(link_stream_next(stream, &in, &event, NULL), ERR_PROTOCOL);
	}
	return r;
}

#define OUTCOME(literal, err) outcome_of(literal, sizeof(literal) - 1, err)

static void a_batch_tells_its_files_in_order(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(batch, BATCH_LEN));
	struct story story = {0};
	struct err err = ERR_INIT;

	assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
	assert_string_equal(story.text, batch_story);
	assert_int_equal(in.left, 0);
}

static void a_batch_cut_anywhere_tells_the_same(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);

	for (size_t cut = 0; cut <= BATCH_LEN; cut++) {
		struct reader in = reader_of(slice_of(batch, cut));
		struct story story = {0};
		struct err err = ERR_INIT;

		assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
		/* what was not consumed is still there when the rest arrives */
		in = reader_of(slice_of(in.at, BATCH_LEN - cut + in.left));
		assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
		assert_string_equal(story.text, batch_story);
		assert_int_equal(in.left, 0);
	}
}

static void a_batch_fed_byte_by_byte_tells_the_same(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = {batch, 0};
	struct story story = {0};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < BATCH_LEN; i++) {
		in.left++;
		assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
	}
	assert_string_equal(story.text, batch_story);
}

static void half_a_field_is_not_consumed(void **state)
{
	/* two names are one field: the cut lies in the last byte of the second */
	static const struct {
		size_t from, len;
	} fields[] = {{0, 14}, {14, 5}, {22, 5}, {29, 5}};
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		for (size_t len = 0; len < fields[i].len; len++) {
			struct reader in = reader_of(slice_of(batch, fields[i].from + len));
			struct story story = {0};

			link_stream_reset(stream);
			assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
			assert_int_equal(in.left, len);
		}
	}
}

static void data_is_lent_from_the_buffer_not_copied(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(batch, BATCH_LEN));
	struct link_event event;
	struct err err = ERR_INIT;

	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.kind, LINK_EVENT_FILE);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.kind, LINK_EVENT_DATA);
	assert_ptr_equal(event.bytes.bytes, batch + 19);
	assert_int_equal(event.bytes.len, 3);
}

static void names_outlive_the_buffer_until_the_next_file(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	uint8_t copy[BATCH_LEN];
	struct reader in = reader_of(slice_of(copy, BATCH_LEN));
	struct link_event event, later;
	struct err err = ERR_INIT;

	memcpy(copy, batch, BATCH_LEN);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(link_stream_next(stream, &in, &later, &err), 0);
	memset(copy, 'x', 19);
	assert_int_equal(event.host_name.len, 4);
	assert_string_equal((const char *)event.host_name.bytes, "U/00");
	assert_string_equal((const char *)event.device_name.bytes, "/a");
}

static void is_told_as(bool has_two_names, struct slice bytes, const char *told)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(has_two_names);
	struct reader in = reader_of(bytes);
	struct story story = {0};
	struct err err = ERR_INIT;

	assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
	assert_string_equal(story.text, told);
}

static void a_download_stream_has_one_name(void **state)
{
	static const uint8_t bytes[] = "\x00\x00\x00\x0aU/Info.txt"
				       "\x00\x00\x00\x02\x0cx"
				       "\x00\x00\x00\x01\x00"
				       "\x00\x00\x00\x01z"
				       "\x00\x00\x00\x08\x06missing"
				       "\x00\x00\x00\x00";

	is_told_as(false, slice_of(bytes, sizeof(bytes) - 1),
		   "file U/Info.txt\n"
		   "data x\n"
		   "end\n"
		   "file z\n"
		   "error missing\n"
		   "batch end\n");
}

static void an_empty_batch_is_its_terminator_alone(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of("\0\0\0\0next", 8));
	struct link_event event;
	struct err err = ERR_INIT;

	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.kind, LINK_EVENT_BATCH_END);
	assert_int_equal(in.left, 4); /* control messages follow: not the stream's */
}

static void a_second_batch_needs_no_reset(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct err err = ERR_INIT;

	for (int i = 0; i < 2; i++) {
		struct reader in = reader_of(slice_of(batch, BATCH_LEN));
		struct story story = {0};

		assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
		assert_string_equal(story.text, batch_story);
	}
}

static void a_block_of_4_gib_is_lent_piece_by_piece(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	static const uint8_t head[] = "\x00\x00\x00\x01/"
				      "\x00\x00\x00\x01u"
				      "\xff\xff\xff\xff\x0c";
	const uint64_t block_len = UINT32_MAX - 1;
	const size_t piece_len = 1 << 20;
	uint8_t *piece = calloc(1, piece_len);
	struct reader in = reader_of(slice_of(head, sizeof(head) - 1));
	struct err err = ERR_INIT;
	struct link_event event;
	uint64_t seen = 0;

	assert_non_null(piece);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), LINK_NEED_MORE);
	while (seen < block_len) {
		in = reader_of(slice_of(piece, piece_len));
		assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
		assert_int_equal(event.kind, LINK_EVENT_DATA);
		seen += event.bytes.len;
	}
	assert_true(seen == block_len);
	in = reader_of(slice_of("\0\0\0\x01\0", 5));
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.kind, LINK_EVENT_FILE_END);
	free(piece);
}

static void a_data_block_without_bytes_says_nothing(void **state)
{
	static const uint8_t bytes[] = "\x00\x00\x00\x01/"
				       "\x00\x00\x00\x01u"
				       "\x00\x00\x00\x01\x0c"
				       "\x00\x00\x00\x01\x0c"
				       "\x00\x00\x00\x01\x00"
				       "\x00\x00\x00\x00";

	is_told_as(true, slice_of(bytes, sizeof(bytes) - 1), "file / u\nend\nbatch end\n");
}

static void an_error_without_text_is_still_an_error(void **state)
{
	static const uint8_t bytes[] = "\x00\x00\x00\x01/"
				       "\x00\x00\x00\x01u"
				       "\x00\x00\x00\x01\x0b"
				       "\x00\x00\x00\x00";

	is_told_as(true, slice_of(bytes, sizeof(bytes) - 1), "file / u\nerror \nbatch end\n");
}

static void a_name_may_hold_a_nul_and_keeps_its_length(void **state)
{
	static const uint8_t bytes[] = "\x00\x00\x00\x01/"
				       "\x00\x00\x00\x05u\0../";
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(bytes, sizeof(bytes) - 1));
	struct link_event event;
	struct err err = ERR_INIT;

	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.host_name.len, 5);
	assert_int_equal(
		path_check_relative((const char *)event.host_name.bytes, event.host_name.len, &err),
		ERR_PROTOCOL);
}

static void names_up_to_the_limit_pass_and_one_more_is_refused(void **state)
{
	static uint8_t bytes[LINK_STREAM_LOOKAHEAD + 1];
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(bytes, LINK_STREAM_LOOKAHEAD));
	struct link_event event;
	struct err err = ERR_INIT;

	memset(bytes, 'n', sizeof(bytes));
	put_u32be(bytes, LINK_NAME_LEN_MAX);
	put_u32be(bytes + 4 + LINK_NAME_LEN_MAX, LINK_NAME_LEN_MAX);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.device_name.len, LINK_NAME_LEN_MAX);
	assert_int_equal(event.host_name.len, LINK_NAME_LEN_MAX);
	assert_int_equal(in.left, 0);

	put_u32be(bytes + 4 + LINK_NAME_LEN_MAX, LINK_NAME_LEN_MAX + 1);
	assert_int_equal(outcome_of(bytes, sizeof(bytes), &err), ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "4097"));
	put_u32be(bytes, LINK_NAME_LEN_MAX + 1);
	assert_int_equal(outcome_of(bytes, sizeof(bytes), &err), ERR_PROTOCOL);
}

static void an_absurd_name_length_is_refused_before_any_of_it_came(void **state)
{
	struct err err;

	assert_int_equal(OUTCOME("\x80\x00\x00\x00", &err), ERR_PROTOCOL);
	assert_int_equal(OUTCOME("\xff\xff\xff\xff", &err), ERR_PROTOCOL);
	assert_int_equal(OUTCOME("\x00\x00\x00\x01/\xff\xff\xff\xff", &err), ERR_PROTOCOL);
}

static void an_empty_second_name_is_refused(void **state)
{
	struct err err;

	assert_int_equal(OUTCOME("\x00\x00\x00\x01/\x00\x00\x00\x00", &err), ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "empty name"));
}

static void blocks_that_make_no_sense_are_refused(void **state)
{
#define NAMES "\x00\x00\x00\x01/\x00\x00\x00\x01u"
	struct err err;

	assert_int_equal(OUTCOME(NAMES "\x00\x00\x00\x00\x0c", &err), ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "length 0"));
	assert_int_equal(OUTCOME(NAMES "\x00\x00\x00\x02\x00x", &err), ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "end block"));
	for (int code = 0; code < 256; code++) {
		uint8_t bytes[] = NAMES "\x00\x00\x00\x02?x";
		int wanted;

		bytes[sizeof(NAMES) - 1 + 4] = (uint8_t)code;
		wanted = code == LINK_BLOCK_DATA || code == LINK_BLOCK_ERROR_LOCAL ||
					 code == LINK_BLOCK_ERROR_REMOTE
				 ? LINK_NEED_MORE
				 : ERR_PROTOCOL;
		assert_int_equal(outcome_of(bytes, sizeof(bytes) - 1, &err), wanted);
	}
}

static void an_error_text_has_a_limit(void **state)
{
	static uint8_t bytes[10 + 5 + LINK_ERROR_TEXT_MAX] = NAMES;
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of(bytes, sizeof(bytes)));
	struct link_event event;
	struct err err = ERR_INIT;

	memset(bytes + 10, 'e', sizeof(bytes) - 10);
	link_block_header(bytes + 10, LINK_BLOCK_ERROR_REMOTE, LINK_ERROR_TEXT_MAX);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(link_stream_next(stream, &in, &event, &err), 0);
	assert_int_equal(event.kind, LINK_EVENT_FILE_ERROR);
	assert_int_equal(event.bytes.len, LINK_ERROR_TEXT_MAX);

	link_block_header(bytes + 10, LINK_BLOCK_ERROR_REMOTE, LINK_ERROR_TEXT_MAX + 1);
	assert_int_equal(outcome_of(bytes, sizeof(bytes), &err), ERR_LIMIT);
	link_block_header(bytes + 10, LINK_BLOCK_ERROR_LOCAL, UINT32_MAX - 1);
	assert_int_equal(outcome_of(bytes, 15, &err), ERR_LIMIT);
}

static void a_stream_that_was_reset_starts_afresh(void **state)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = stream_of(true);
	struct reader in = reader_of(slice_of("\xff\xff\xff\xff", 4));
	struct story story = {0};
	struct err err = ERR_INIT;

	assert_int_equal(tell(stream, &in, &story, &err), ERR_PROTOCOL);
	link_stream_reset(stream);
	in = reader_of(slice_of(batch, BATCH_LEN));
	assert_int_equal(tell(stream, &in, &story, &err), LINK_NEED_MORE);
	assert_string_equal(story.text, batch_story);
}

static void a_block_header_counts_its_code(void **state)
{
	uint8_t header[5];

	link_block_header(header, LINK_BLOCK_DATA, LINK_BLOCK_TO_DEVICE);
	assert_memory_equal(header, "\x00\x00\x80\x01\x0c", 5);
	link_block_header(header, LINK_BLOCK_END, 0);
	assert_memory_equal(header, "\x00\x00\x00\x01\x00", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_tells_its_files_in_order),
		cmocka_unit_test(a_batch_cut_anywhere_tells_the_same),
		cmocka_unit_test(a_batch_fed_byte_by_byte_tells_the_same),
		cmocka_unit_test(half_a_field_is_not_consumed),
		cmocka_unit_test(data_is_lent_from_the_buffer_not_copied),
		cmocka_unit_test(names_outlive_the_buffer_until_the_next_file),
		cmocka_unit_test(a_download_stream_has_one_name),
		cmocka_unit_test(an_empty_batch_is_its_terminator_alone),
		cmocka_unit_test(a_second_batch_needs_no_reset),
		cmocka_unit_test(a_block_of_4_gib_is_lent_piece_by_piece),
		cmocka_unit_test(a_data_block_without_bytes_says_nothing),
		cmocka_unit_test(an_error_without_text_is_still_an_error),
		cmocka_unit_test(a_name_may_hold_a_nul_and_keeps_its_length),
		cmocka_unit_test(names_up_to_the_limit_pass_and_one_more_is_refused),
		cmocka_unit_test(an_absurd_name_length_is_refused_before_any_of_it_came),
		cmocka_unit_test(an_empty_second_name_is_refused),
		cmocka_unit_test(blocks_that_make_no_sense_are_refused),
		cmocka_unit_test(an_error_text_has_a_limit),
		cmocka_unit_test(a_stream_that_was_reset_starts_afresh),
		cmocka_unit_test(a_block_header_counts_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
