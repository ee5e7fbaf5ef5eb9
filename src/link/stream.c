/*
 * Decoder of raw file streams (9.4), the path that every byte of a backup takes.
 *
 * A state machine over whatever bytes are there.  Names and block headers are read only
 * when they are whole (the caller keeps the rest); data goes out as slices of the
 * caller's buffer, so nothing is gathered, and nothing is allocated after link_stream_new.
 * Only names and error texts are copied, because they must outlive the buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

enum { LEN_LEN = 4, BLOCK_HEADER_LEN = 5 };

enum stream_state {
	AT_FILE,     /* names or the terminator come next */
	AT_BLOCK,    /* a block header comes next */
	IN_DATA,     /* block_left bytes of a data block */
	IN_ERROR,    /* block_left bytes of an error text */
	OUT_OF_STEP, /* the peer broke the format: nothing that follows has a meaning */
};

struct link_stream {
	enum stream_state state;
	bool has_two_names;
	uint32_t block_left;
	size_t text_len; /* of the error text, so far */
	char device_name[LINK_NAME_LEN_MAX + 1], host_name[LINK_NAME_LEN_MAX + 1];
	uint8_t text[LINK_ERROR_TEXT_MAX];
};

_Static_assert(LINK_STREAM_LOOKAHEAD == 2 * (LEN_LEN + LINK_NAME_LEN_MAX),
	       "the names of a file are the longest piece that is read in one go");

int link_stream_new(struct link_stream **out, bool has_two_names, struct err *err)
{
	struct link_stream *stream = malloc(sizeof(*stream));

	if (!stream)
		return err_no_memory(err);
	stream->has_two_names = has_two_names;
	link_stream_reset(stream);
	*out = stream;
	return 0;
}

void link_stream_reset(struct link_stream *stream)
{
	stream->state = AT_FILE;
	stream->block_left = 0;
	stream->text_len = 0;
}

void link_stream_free(struct link_stream *stream)
{
	free(stream);
}

void link_stream_free_p(struct link_stream **stream)
{
	link_stream_free(*stream);
}

/* reader_* are calls into another room; here the loads must be inline */
static inline uint32_t load_u32be(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void advance(struct reader *in, size_t len)
{
	in->at += len;
	in->left -= len;
}

/* a name off @in into @copy; LINK_NEED_MORE unless all of it is there */
static inline int take_name(struct reader *in, char copy[LINK_NAME_LEN_MAX + 1], struct slice *name,
			    struct err *err)
{
	uint32_t len;

	if (in->left < LEN_LEN)
		return LINK_NEED_MORE;
	len = load_u32be(in->at);
	if (len == 0)
		return err_set(err, ERR_PROTOCOL, "file stream: a file with an empty name");
	if (len > LINK_NAME_LEN_MAX)
		return err_set(
			err, ERR_PROTOCOL,
			"file stream: a name of %u bytes, limit %d: the stream is out of step", len,
			LINK_NAME_LEN_MAX);
	if (in->left - LEN_LEN < len)
		return LINK_NEED_MORE;
	memcpy(copy, in->at + LEN_LEN, len);
	copy[len] = '\0';
	*name = slice_of(copy, len);
	advance(in, LEN_LEN + (size_t)len);
	return 0;
}

/* AT_FILE: FILE or BATCH_END; consumes both names or nothing */
static inline int next_file(struct link_stream *stream, struct reader *in, struct link_event *event,
			    struct err *err)
{
	struct reader ahead = *in;
	int r;

	if (ahead.left < LEN_LEN)
		return LINK_NEED_MORE;
	if (load_u32be(ahead.at) == 0) {
		advance(in, LEN_LEN);
		event->kind = LINK_EVENT_BATCH_END;
		return 0; /* and AT_FILE again: the next batch may follow */
	}
	event->device_name = SLICE_EMPTY;
	if (stream->has_two_names) {
		r = take_name(&ahead, stream->device_name, &event->device_name, err);
		if (r != 0)
			return r;
	}
	r = take_name(&ahead, stream->host_name, &event->host_name, err);
	if (r != 0)
		return r;
	*in = ahead;
	stream->state = AT_BLOCK;
	event->kind = LINK_EVENT_FILE;
	return 0;
}

enum { BLOCK_BEGUN = 2 }; /* next_block's own outcome: look at the new state */

/* AT_BLOCK: FILE_END, or the beginning of a block with contents */
static inline int next_block(struct link_stream *stream, struct reader *in,
			     struct link_event *event, struct err *err)
{
	uint32_t len;
	uint8_t code;

	if (in->left < BLOCK_HEADER_LEN)
		return LINK_NEED_MORE;
	len = load_u32be(in->at);
	code = in->at[LEN_LEN];
	if (len == 0)
		return err_set(err, ERR_PROTOCOL, "file stream: a block of length 0");

	switch (code) {
	case LINK_BLOCK_DATA:
		stream->state = len > 1 ? IN_DATA : AT_BLOCK;
		break;
	case LINK_BLOCK_END:
		if (len != 1)
			return err_set(err, ERR_PROTOCOL,
				       "file stream: an end block with %u bytes of contents",
				       len - 1);
		advance(in, BLOCK_HEADER_LEN);
		stream->state = AT_FILE;
		event->kind = LINK_EVENT_FILE_END;
		return 0;
	case LINK_BLOCK_ERROR_LOCAL:
	case LINK_BLOCK_ERROR_REMOTE:
		if (len - 1 > LINK_ERROR_TEXT_MAX)
			return err_set(err, ERR_LIMIT,
				       "file stream: an error text of %u bytes, limit %d", len - 1,
				       LINK_ERROR_TEXT_MAX);
		stream->text_len = 0;
		stream->state = IN_ERROR;
		break;
	default:
		return err_set(err, ERR_PROTOCOL, "file stream: unknown block code 0x%02x", code);
	}
	stream->block_left = len - 1;
	advance(in, BLOCK_HEADER_LEN);
	return BLOCK_BEGUN;
}

/* IN_DATA: what is there of the block, without copying */
static inline int next_data(struct link_stream *stream, struct reader *in, struct link_event *event)
{
	size_t len = stream->block_left;

	if (in->left == 0)
		return LINK_NEED_MORE;
	if (len > in->left)
		len = in->left;
	event->kind = LINK_EVENT_DATA;
	event->bytes = slice_of(in->at, len);
	advance(in, len);
	stream->block_left -= (uint32_t)len;
	if (stream->block_left == 0)
		stream->state = AT_BLOCK;
	return 0;
}

/* IN_ERROR: the text is gathered, it is short and the file's last word */
static int next_error(struct link_stream *stream, struct reader *in, struct link_event *event)
{
	size_t len = stream->block_left;

	if (len > in->left)
		len = in->left;
	if (len > 0) {
		memcpy(stream->text + stream->text_len, in->at, len);
		advance(in, len);
	}
	stream->text_len += len;
	stream->block_left -= (uint32_t)len;
	if (stream->block_left > 0)
		return LINK_NEED_MORE;
	stream->state = AT_FILE;
	event->kind = LINK_EVENT_FILE_ERROR;
	event->bytes = slice_of(stream->text, stream->text_len);
	return 0;
}

int link_stream_next(struct link_stream *stream, struct reader *in, struct link_event *event,
		     struct err *err)
{
	int r = BLOCK_BEGUN;

	while (r == BLOCK_BEGUN) {
		switch (stream->state) {
		case IN_DATA:
			return next_data(stream, in, event);
		case IN_ERROR:
			return next_error(stream, in, event);
		case AT_BLOCK:
			r = next_block(stream, in, event, err);
			break;
		case AT_FILE:
			r = next_file(stream, in, event, err);
			break;
		case OUT_OF_STEP:
			return err_set(err, ERR_PROTOCOL,
				       "file stream: out of step since an earlier error");
		}
	}
	if (r < 0)
		stream->state = OUT_OF_STEP;
	return r;
}
