/*
 * net - connections: buffered bytes over a socket, TLS with pinning, deadlines
 *
 * A struct conn has one buffered reader and one buffered writer.  Reads try the
 * socket first and poll only when it would block, so that a busy stream costs one
 * system call per buffer.  Knows no protocol of devices or services.
 *
 * One thread at a time per conn.  SIGPIPE is never raised.  Every failure text
 * starts with the conn's name.  The failures that any function below may return:
 *
 *   ERR_CLOSED    the peer ended the connection, with or without a goodbye
 *   ERR_TIMEOUT   it was silent (or did not take what we send) for the whole deadline
 *   ERR_CANCELED  the conn's cancel was requested
 *   ERR_PROTOCOL  the peer broke TLS
 *   ERR_IO        the system refused
 *
 * A direction that failed stays failed: later calls return the same, at once.  Except
 * that reading may go on after ERR_TIMEOUT: what had come stays buffered.
 */
#ifndef REHOME_NET_H
#define REHOME_NET_H

#include "base/base.h"

enum {
	NET_IN_LEN = 256 << 10,  /* largest message that conn_fill can gather */
	NET_OUT_LEN = 256 << 10, /* written bytes are flushed when this many wait */
};

struct conn;

/**
 * conn_new - a connection over a connected stream socket
 * @fd:     taken over: closed with the conn, and on failure; becomes non-blocking
 * @clock:  borrowed for the conn's life
 * @cancel: the same; may be NULL. Its wake_fd is watched in every wait.
 *
 * Without a deadline until conn_set_deadline.  Returns 0, ERR_NO_MEMORY, ERR_IO (no socket).
 */
int conn_new(struct conn **out, int fd, struct clock *clock, const struct cancel *cancel,
	     struct err *err);
/** conn_free - close at once; sends nothing (conn_flush and conn_tls_end first for a clean end) and
 * wipes the buffers; NULL is fine */
void conn_free(struct conn *conn);
/** conn_free_p - for CLEANUP */
void conn_free_p(struct conn **conn);
/** conn_set_deadline - each later wait ends once the peer was silent for @idle_ms; 0: never wait; <
 * 0: wait for ever */
void conn_set_deadline(struct conn *conn, int64_t idle_ms);
/** conn_set_name - for failure texts: "lockdown of 00008110-..."; copied, cut to 95 bytes */
void conn_set_name(struct conn *conn, const char *name);
/** conn_fd - borrowed, for use in a poll set beside other descriptors */
int conn_fd(const struct conn *conn);

/* ---- reading ---- */

/** conn_fill - wait until at least @want bytes are buffered; ERR_LIMIT above NET_IN_LEN */
int conn_fill(struct conn *conn, size_t want, struct err *err);
/** conn_fill_more - wait for at least one byte beyond what is buffered, taking as many as come in
 *  one go; ERR_LIMIT if NET_IN_LEN are buffered already */
int conn_fill_more(struct conn *conn, struct err *err);
/** conn_view - the buffered bytes; borrowed until the next call on @conn other than conn_view and
 * conn_consume */
struct reader conn_view(const struct conn *conn);
/** conn_consume - drop @len buffered bytes from the front; never more than there are */
void conn_consume(struct conn *conn, size_t len);
/** conn_read - exactly @len bytes, any length; after a failure an unknown part of @bytes was
 * written */
int conn_read(struct conn *conn, void *bytes, size_t len, struct err *err);
/** conn_is_readable - would conn_fill(conn, 1) return at once, with a byte or with an end? Never
 * waits. */
bool conn_is_readable(struct conn *conn);

/* ---- writing ---- */

/** conn_write - buffer bytes; flushes by itself when NET_OUT_LEN wait, else nothing is sent before
 * conn_flush */
int conn_write(struct conn *conn, struct slice bytes, struct err *err);
/** conn_write_room - borrow at least @len (<= NET_OUT_LEN, else ERR_LIMIT) bytes at *@at to fill in
 * place, until conn_wrote */
int conn_write_room(struct conn *conn, size_t len, uint8_t **at, struct err *err);
/** conn_wrote - @len bytes of that room were filled */
void conn_wrote(struct conn *conn, size_t len);
/** conn_flush - send what is buffered, waiting as often as needed; with TLS, many records in one
 * send */
int conn_flush(struct conn *conn, struct err *err);

/*
 * ---- TLS in place (docs/protocol/device-link, "TLS") ----
 *
 * TLS 1.0 to 1.3 at security level 0, for these connections only; no resumption, no
 * renegotiation.  Certificates are not verified as a chain: the client compares the peer's
 * public key, the server asks.  Both start with a flush; clear bytes that are buffered
 * unread count as the peer's first TLS bytes.  After a failed handshake the conn carries
 * nothing more.
 */

/** enum net_tls_version - the highest version to agree on */
enum net_tls_version { NET_TLS_ANY, NET_TLS_1_0, NET_TLS_1_1, NET_TLS_1_2, NET_TLS_1_3 };

struct net_tls_client {
	struct slice cert_pem, key_pem; /* our identity (host or root); empty: show none */
	const uint8_t
		*pin_sha256; /* digest of the peer's SubjectPublicKeyInfo, 32 bytes; required */
	enum net_tls_version max_version;
};
/**
 * conn_tls_client - handshake as a client; @tls is borrowed for the call
 *
 * Returns 0; ERR_POLICY if the peer's key is not the pinned one (found before anything of ours
 * but the first message was sent; nothing is sent after it, no alert either); ERR_USAGE without
 * a pin, on an identity that does not fit together, or if TLS is on already.
 */
int conn_tls_client(struct conn *conn, const struct net_tls_client *tls, struct err *err);

struct net_tls_server {
	struct slice cert_pem, key_pem;
	enum net_tls_version max_version;
	/* asked once with the client's certificate (DER, borrowed; empty if it showed none): false
	   refuses. NULL: no certificate is asked for. */
	bool (*admit)(void *arg, struct slice cert_der);
	void *arg;
	unsigned record_len_max; /* plaintext bytes; 0 = 16384, smaller splits records (faults) */
};
/** conn_tls_server - handshake as a server; 0, ERR_POLICY if admit() said no, ERR_USAGE as above */
int conn_tls_server(struct conn *conn, const struct net_tls_server *tls, struct err *err);
/** conn_tls_end - send close_notify if that goes without waiting, do not wait for the peer's; then
 * only conn_free */
void conn_tls_end(struct conn *conn);

/* ---- a tap for faults ---- */

/**
 * struct conn_tap - sees plain bytes and may cut the connection; both may be NULL
 *
 * Either returns how many of the @len bytes to let through.  Fewer than @len: these still
 * travel, then both directions end as when a cable is pulled, and calls return ERR_CLOSED.
 */
struct conn_tap {
	/* about to be sent, before TLS; a flush is one call */
	size_t (*out)(struct conn_tap *tap, const uint8_t *bytes, size_t len);
	/* just received, after TLS; in pieces as they come */
	size_t (*in)(struct conn_tap *tap, const uint8_t *bytes, size_t len);
};
/** conn_set_tap - @tap is borrowed until it is replaced; NULL removes */
void conn_set_tap(struct conn *conn, struct conn_tap *tap);

/* ---- listening, on this machine only ---- */

/**
 * net_listen - listen and say where
 * @address: "PATH" or "UNIX:PATH" (mode 0600; a socket file that nobody listens on is
 *           replaced), "127.0.0.1:PORT" or "[::1]:PORT" (0 = any free one)
 * @bound:   receives "UNIX:PATH" or "ADDRESS:PORT" with a NUL: what clients use
 *
 * *@out_fd is the caller's to close; the socket file stays behind.  Returns 0; ERR_POLICY for
 * an address outside of loopback and for host names; ERR_BUSY if somebody listens on PATH;
 * ERR_EXISTS if PATH is no socket; ERR_USAGE, ERR_IO.
 */
int net_listen(int *out_fd, const char *address, char bound[128], struct err *err);
/** net_accept - wait for one connection (close-on-exec, caller closes); ERR_CANCELED when @cancel
 * (may be NULL) is requested */
int net_accept(int listen_fd, const struct cancel *cancel, int *out_fd, struct err *err);

#endif
