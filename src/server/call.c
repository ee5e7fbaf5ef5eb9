/* call - bounded frames, and one end of a socket pair that carries them */
#include "server/call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* one read takes that much; a buffer that outgrew LINK_KEEP is given back when it is empty */
enum { LINK_READ_LEN = 128 << 10, LINK_KEEP = 1 << 20 };

/* ---- fields ---- */

static void keep(struct call_writer *writer, int r)
{
	if (r < 0 && writer->code == 0)
		writer->code = r;
}

struct call_writer call_begin(struct buf *out, uint32_t number, enum call_op op)
{
	struct call_writer writer = {out, out->len, 0};

	call_put_u32(&writer, 0);
	call_put_u32(&writer, number);
	keep(&writer, buf_append_u8(out, (uint8_t)op, NULL));
	return writer;
}

struct call_writer call_begin_answer(struct buf *out, uint32_t number, int outcome)
{
	struct call_writer writer = call_begin(out, number, CALL_ANSWER);

	call_put_u32(&writer, (uint32_t)outcome);
	return writer;
}

void call_put_u32(struct call_writer *writer, uint32_t value)
{
	keep(writer, buf_append_u32be(writer->out, value, NULL));
}

void call_put_u64(struct call_writer *writer, uint64_t value)
{
	keep(writer, buf_append_u64be(writer->out, value, NULL));
}

void call_put(struct call_writer *writer, struct slice bytes)
{
	if (bytes.len > CALL_FRAME_MAX) {
		keep(writer, ERR_LIMIT);
		return;
	}
	call_put_u32(writer, (uint32_t)bytes.len);
	if (bytes.len > 0)
		keep(writer, buf_append_slice(writer->out, bytes, NULL));
}

void call_put_text(struct call_writer *writer, const char *text)
{
	call_put(writer, text ? slice_text(text) : SLICE_EMPTY);
}

int call_end(struct call_writer *writer, struct err *err)
{
	size_t len = writer->out->len - writer->start;

	if (writer->code == 0 && len > CALL_FRAME_MAX)
		writer->code = ERR_LIMIT;
	if (writer->code < 0) {
		explicit_bzero(writer->out->bytes + writer->start, len);
		buf_truncate(writer->out, writer->start);
		return err_set(err, writer->code, "a call between processes: %s",
			       err_code_name(writer->code));
	}
	put_u32be(writer->out->bytes + writer->start, (uint32_t)len - 4);
	return 0;
}

uint32_t call_get_u32(struct call_fields *fields)
{
	uint32_t value = 0;

	if (!reader_u32be(&fields->in, &value))
		fields->is_bad = true;
	return value;
}

uint64_t call_get_u64(struct call_fields *fields)
{
	struct slice bytes;

	if (!reader_slice(&fields->in, 8, &bytes)) {
		fields->is_bad = true;
		return 0;
	}
	return get_u64be(bytes.bytes);
}

struct slice call_get(struct call_fields *fields)
{
	struct slice bytes = SLICE_EMPTY;
	uint32_t len;

	if (!reader_u32be(&fields->in, &len) || !reader_slice(&fields->in, len, &bytes))
		fields->is_bad = true;
	return bytes;
}

void call_get_text(struct call_fields *fields, char *out, size_t size)
{
	struct slice bytes = call_get(fields);

	*out = '\0';
	if (bytes.len >= size || (bytes.len > 0 && memchr(bytes.bytes, 0, bytes.len))) {
		fields->is_bad = true;
		return;
	}
	if (bytes.len > 0)
		memcpy(out, bytes.bytes, bytes.len);
	out[bytes.len] = '\0';
}

bool call_get_done(const struct call_fields *fields)
{
	return !fields->is_bad && fields->in.left == 0;
}

/* ---- links ---- */

void link_open(struct link *link, int fd)
{
	link_close(link);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	link->fd = fd;
	/* a buffer that grows leaves a copy behind: this one need not for most frames.  Without
	 * memory it grows when it is used */
	(void)buf_reserve(&link->out, LINK_READ_LEN, NULL);
}

void link_close(struct link *link)
{
	close_p(&link->fd);
	link->fd = -1;
	buf_wipe(&link->in);
	buf_wipe(&link->out);
	link->in_at = link->out_at = 0;
}

/* compact - drop what is done with, and leave no trace of it */
static void compact(struct buf *buf, size_t *at)
{
	if (*at == 0)
		return;
	if (*at < buf->len)
		memmove(buf->bytes, buf->bytes + *at, buf->len - *at);
	explicit_bzero(buf->bytes + buf->len - *at, *at);
	buf_truncate(buf, buf->len - *at);
	*at = 0;
	if (buf->len == 0 && buf->cap > LINK_KEEP)
		buf_wipe(buf);
}

static int closed(struct err *err)
{
	return err_set(err, ERR_CLOSED, "the other process is gone");
}

int link_receive(struct link *link, struct err *err)
{
	ssize_t n;
	int r;

	if (link->fd < 0)
		return closed(err);
	compact(&link->in, &link->in_at);
	r = buf_reserve(&link->in, LINK_READ_LEN, err);
	if (r < 0)
		return r;
	do
		n = read(link->fd, link->in.bytes + link->in.len, LINK_READ_LEN);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return LINK_NOTHING;
	if (n <= 0)
		return closed(err);
	link->in.len += (size_t)n;
	return 0;
}

int link_next(struct link *link, struct frame *frame, struct err *err)
{
	const uint8_t *at = link->in.bytes + link->in_at;
	size_t left = link->in.len - link->in_at;
	uint32_t len;

	if (left < 4)
		return LINK_NOTHING;
	len = get_u32be(at);
	if (len < CALL_HEAD_LEN - 4 || len > CALL_FRAME_MAX - 4)
		return err_set(err, ERR_PROTOCOL, "a frame of %u bytes", len);
	if (left - 4 < len)
		return LINK_NOTHING;
	frame->number = get_u32be(at + 4);
	frame->op = (enum call_op)at[8];
	frame->fields = (struct call_fields){
		reader_of(slice_of(at + CALL_HEAD_LEN, len + 4 - CALL_HEAD_LEN)), false};
	link->in_at += len + 4;
	return 0;
}

void link_done(struct link *link)
{
	compact(&link->in, &link->in_at);
}

int link_flush(struct link *link, struct err *err)
{
	if (link->fd < 0)
		return closed(err);
	while (link->out_at < link->out.len) {
		ssize_t n = send(link->fd, link->out.bytes + link->out_at,
				 link->out.len - link->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			compact(&link->out, &link->out_at);
			return LINK_NOTHING;
		}
		if (n < 0)
			return closed(err);
		link->out_at += (size_t)n;
	}
	compact(&link->out, &link->out_at);
	return 0;
}

int link_wait(struct link *link, uint32_t number, int64_t wait_ms, struct frame *frame,
	      struct err *err)
{
	struct clock *clock = clock_system();
	int64_t deadline = clock_mono_ms(clock) + wait_ms;

	for (;;) {
		int flushed = link_flush(link, err), r;
		struct pollfd wait = {link->fd, POLLIN, 0};
		int64_t left = deadline - clock_mono_ms(clock);

		if (flushed < 0)
			return flushed;
		while ((r = link_next(link, frame, err)) == 0)
			if (frame->op == CALL_ANSWER && frame->number == number)
				return 0;
		if (r < 0)
			return r;
		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "the other process does not answer");
		if (flushed == LINK_NOTHING)
			wait.events |= POLLOUT;
		poll(&wait, 1, left > INT_MAX ? INT_MAX : (int)left);
		r = link_receive(link, err);
		if (r < 0)
			return r;
	}
}
