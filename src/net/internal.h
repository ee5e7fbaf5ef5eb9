/*
 * net/internal - a connection's insides, shared by the files of this room
 *
 * Three floors: socket.c moves bytes over the descriptor and waits; tls.c and
 * tls_stream.c put TLS between; conn.c buffers on top and knows neither.
 */
#ifndef REHOME_NET_INTERNAL_H
#define REHOME_NET_INTERNAL_H

#include "net/net.h"

struct tls;

enum {
	NET_NAME_MAX = 96,
	CANCEL_POLL_MS = 200, /* how often to look at a cancel that has no descriptor */
};

/* the positive outcome inside this room: nothing to read at the moment */
enum { NET_WOULD_BLOCK = 1 };

struct conn {
	int fd;
	struct clock *clock;         /* borrowed */
	const struct cancel *cancel; /* borrowed, may be NULL */
	int64_t idle_ms;             /* < 0: wait for ever */
	char name[NET_NAME_MAX];
	uint8_t *in; /* NET_IN_LEN bytes; unread are in_len from in_at on */
	size_t in_at, in_len;
	uint8_t *out; /* NET_OUT_LEN bytes, the first out_len wait to be sent */
	size_t out_len;
	struct tls *tls;            /* NULL while in clear */
	struct conn_tap *tap;       /* borrowed, may be NULL */
	struct err in_end, out_end; /* code set: that direction ended for good, and why */
};

/* ---- socket.c ---- */

/** socket_prepare - non-blocking, no Nagle, larger buffers where that is free */
int socket_prepare(int fd, struct err *err);
/** socket_wait - until the socket is ready for POLLIN or POLLOUT; ERR_TIMEOUT, ERR_CANCELED, ERR_IO
 */
int socket_wait(struct conn *conn, short events, struct err *err);
/** socket_receive - what is there, at most @room bytes; NET_WOULD_BLOCK, ERR_CLOSED at the end,
 * ERR_CANCELED, ERR_IO */
int socket_receive(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err);
/** socket_send - all of it, waiting as often as needed */
int socket_send(struct conn *conn, struct slice bytes, struct err *err);
/** socket_send_now - what goes without waiting; a failure is ignored */
void socket_send_now(struct conn *conn, struct slice bytes);
/** socket_cut - end both directions at once, as a pulled cable does */
void socket_cut(struct conn *conn);

/* ---- tls_stream.c: the same door as the socket's, on a conn with tls ---- */

int tls_receive(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err);
int tls_send(struct conn *conn, struct slice bytes, struct err *err);
void tls_free(struct tls *tls);

#endif
