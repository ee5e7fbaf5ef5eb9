/*
 * net/conn - one buffered reader and one buffered writer over a connection
 *
 * The reader keeps unread bytes in one piece, so that a parser can look at a
 * whole message without copying it.  Whether TLS lies beneath is decided in two
 * places only: receive_now and send_all.
 */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/internal.h"

enum { DIRECT_LEN = 16 << 10 }; /* reads of this size skip the buffer */

int conn_new(struct conn **out, int fd, struct clock *clock, const struct cancel *cancel,
	     struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = calloc(1, sizeof(*conn));
	int r;

	if (!conn) {
		close_p(&fd);
		return err_no_memory(err);
	}
	conn->fd = fd;
	conn->clock = clock;
	conn->cancel = cancel;
	conn->idle_ms = -1;
	conn_set_name(conn, "connection");
	conn->in = malloc(NET_IN_LEN);
	conn->out = malloc(NET_OUT_LEN);
	if (!conn->in || !conn->out)
		return err_no_memory(err);
	r = socket_prepare(fd, err);
	if (r < 0)
		return r;
	*out = STEAL(conn);
	return 0;
}

void conn_free(struct conn *conn)
{
	if (!conn)
		return;
	tls_free(conn->tls);
	close_p(&conn->fd);
	/* passwords, escrow bags and pair records passed through here */
	if (conn->in)
		explicit_bzero(conn->in, NET_IN_LEN);
	if (conn->out)
		explicit_bzero(conn->out, NET_OUT_LEN);
	free(conn->in);
	free(conn->out);
	free(conn);
}

void conn_free_p(struct conn **conn)
{
	conn_free(*conn);
}

void conn_set_deadline(struct conn *conn, int64_t idle_ms)
{
	conn->idle_ms = idle_ms;
}

void conn_set_name(struct conn *conn, const char *name)
{
	snprintf(conn->name, sizeof(conn->name), "%s", name);
}

int conn_fd(const struct conn *conn)
{
	return conn->fd;
}

void conn_set_tap(struct conn *conn, struct conn_tap *tap)
{
	conn->tap = tap;
}

/* ---- the two directions ---- */

/* remember why a direction ended, so that each later call says the same */
static int end(struct err *end, const struct err *why)
{
	*end = *why;
	return why->code;
}

static int ended(const struct err *end, struct err *err)
{
	return err_set(err, end->code, "%s", end->text);
}

static int cut(struct conn *conn, struct err *err)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_CLOSED, "%s: cut", conn->name);
	socket_cut(conn);
	end(&conn->in_end, &why);
	end(&conn->out_end, &why);
	return ended(&why, err);
}

/* let the tap look at what came in; it may keep a part and cut the rest off */
static int tap_in(struct conn *conn, const uint8_t *at, size_t *got, struct err *err)
{
	size_t passed;
	int r;

	if (!conn->tap || !conn->tap->in)
		return 0;
	passed = conn->tap->in(conn->tap, at, *got);
	if (passed >= *got)
		return 0;
	r = cut(conn, err);
	*got = passed;
	return passed > 0 ? 0 : r;
}

/* what is there now: 0 with *got > 0, NET_WOULD_BLOCK, or < 0 */
static int receive_now(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	if (conn->in_end.code)
		return ended(&conn->in_end, err);
	r = conn->tls ? tls_receive(conn, at, room, got, &why)
		      : socket_receive(conn, at, room, got, &why);
	if (r == 0)
		return tap_in(conn, at, got, err);
	if (r == NET_WOULD_BLOCK)
		return r;
	/* that the user wants to stop says nothing about the peer */
	if (r != ERR_CANCELED)
		end(&conn->in_end, &why);
	return ended(&why, err);
}

static int receive(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err)
{
	int r;

	for (;;) {
		r = receive_now(conn, at, room, got, err);
		if (r != NET_WOULD_BLOCK)
			return r;
		r = socket_wait(conn, POLLIN, err);
		if (r < 0)
			return r;
	}
}

static int send_all(struct conn *conn, struct slice bytes, struct err *err)
{
	struct err why = ERR_INIT;
	size_t passed = bytes.len;
	bool is_cut;
	int r;

	if (conn->out_end.code)
		return ended(&conn->out_end, err);
	if (conn->tap && conn->tap->out)
		passed = conn->tap->out(conn->tap, bytes.bytes, bytes.len);
	is_cut = passed < bytes.len;
	if (is_cut)
		bytes.len = passed;
	r = conn->tls ? tls_send(conn, bytes, &why) : socket_send(conn, bytes, &why);
	if (is_cut)
		return cut(conn, err);
	if (r == 0)
		return 0;
	/* nobody knows how much of it went out, so nothing may follow */
	end(&conn->out_end, &why);
	return ended(&why, err);
}

/* ---- reading ---- */

/* make room behind the unread bytes; they move only when little is left there */
static void make_room(struct conn *conn, size_t want)
{
	if (conn->in_len == 0)
		conn->in_at = 0;
	if (conn->in_at == 0 || (conn->in_at + want <= NET_IN_LEN &&
				 conn->in_at + conn->in_len <= NET_IN_LEN - NET_IN_LEN / 4))
		return;
	memmove(conn->in, conn->in + conn->in_at, conn->in_len);
	conn->in_at = 0;
}

static uint8_t *in_end(const struct conn *conn)
{
	return conn->in + conn->in_at + conn->in_len;
}

static size_t in_room(const struct conn *conn)
{
	return NET_IN_LEN - conn->in_at - conn->in_len;
}

int conn_fill(struct conn *conn, size_t want, struct err *err)
{
	size_t got;
	int r;

	if (want > NET_IN_LEN)
		return err_set(err, ERR_LIMIT, "%s: message of %zu bytes, limit %d", conn->name,
			       want, NET_IN_LEN);
	while (conn->in_len < want) {
		make_room(conn, want);
		r = receive(conn, in_end(conn), in_room(conn), &got, err);
		if (r < 0)
			return r;
		conn->in_len += got;
	}
	return 0;
}

int conn_fill_more(struct conn *conn, struct err *err)
{
	return conn_fill(conn, conn->in_len + 1, err);
}

struct reader conn_view(const struct conn *conn)
{
	return reader_of(slice_of(conn->in + conn->in_at, conn->in_len));
}

void conn_consume(struct conn *conn, size_t len)
{
	assert(len <= conn->in_len);
	conn->in_at += len;
	conn->in_len -= len;
}

int conn_read(struct conn *conn, void *bytes, size_t len, struct err *err)
{
	uint8_t *at = bytes;
	size_t got;
	int r;

	while (len > 0) {
		if (conn->in_len == 0 && len >= DIRECT_LEN) {
			r = receive(conn, at, len, &got, err);
			if (r < 0)
				return r;
		} else {
			r = conn_fill(conn, 1, err);
			if (r < 0)
				return r;
			got = conn->in_len < len ? conn->in_len : len;
			memcpy(at, conn->in + conn->in_at, got);
			conn_consume(conn, got);
		}
		at += got;
		len -= got;
	}
	return 0;
}

bool conn_is_readable(struct conn *conn)
{
	size_t got;
	int r;

	if (conn->in_len > 0)
		return true;
	make_room(conn, 1);
	r = receive_now(conn, in_end(conn), in_room(conn), &got, NULL);
	if (r == 0)
		conn->in_len += got;
	return r != NET_WOULD_BLOCK;
}

/* ---- writing ---- */

int conn_flush(struct conn *conn, struct err *err)
{
	struct slice bytes = slice_of(conn->out, conn->out_len);

	if (bytes.len == 0)
		return conn->out_end.code ? ended(&conn->out_end, err) : 0;
	conn->out_len = 0;
	return send_all(conn, bytes, err);
}

int conn_write_room(struct conn *conn, size_t len, uint8_t **at, struct err *err)
{
	int r;

	if (len > NET_OUT_LEN)
		return err_set(err, ERR_LIMIT, "%s: %zu bytes at once, limit %d", conn->name, len,
			       NET_OUT_LEN);
	if (NET_OUT_LEN - conn->out_len < len) {
		r = conn_flush(conn, err);
		if (r < 0)
			return r;
	}
	*at = conn->out + conn->out_len;
	return 0;
}

void conn_wrote(struct conn *conn, size_t len)
{
	assert(len <= NET_OUT_LEN - conn->out_len);
	conn->out_len += len;
}

int conn_write(struct conn *conn, struct slice bytes, struct err *err)
{
	size_t part;
	int r;

	while (bytes.len > 0) {
		part = NET_OUT_LEN - conn->out_len;
		if (part > bytes.len)
			part = bytes.len;
		memcpy(conn->out + conn->out_len, bytes.bytes, part);
		conn->out_len += part;
		bytes = slice_of(bytes.bytes + part, bytes.len - part);
		if (conn->out_len < NET_OUT_LEN)
			continue;
		r = conn_flush(conn, err);
		if (r < 0)
			return r;
	}
	return 0;
}
