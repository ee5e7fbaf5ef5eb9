/*
 * net - connections: buffered bytes over a socket, TLS with pinning, deadlines
 *
 * A struct conn has one buffered reader and one buffered writer.  Reads try the
 * socket first and poll only when it would block, so that a busy stream costs one
 * system call per buffer.  Knows no protocol of devices or services.
 * One thread at a time per conn.
 */
#ifndef REHOME_NET_H
#define REHOME_NET_H

#include "base/base.h"

enum {
	NET_IN_LEN = 256 << 10,  /* largest message that conn_fill can gather */
	NET_OUT_LEN = 256 << 10, /* written bytes are flushed when this many wait */
};

struct conn;

/** conn_new - take over @fd (closed with the conn, also on failure). @clock, @cancel (may be NULL)
 * are borrowed for its life. */
int conn_new(struct conn **out, int fd, struct clock *clock, const struct cancel *cancel,
	     struct err *err);
/** conn_free - close at once; sends nothing (conn_flush and conn_tls_end first for a clean end) */
void conn_free(struct conn *conn);
void conn_free_p(struct conn **conn);
/** conn_set_deadline - every later wait ends with ERR_TIMEOUT once the peer was silent for
 * @idle_ms; < 0: none */
void conn_set_deadline(struct conn *conn, int64_t idle_ms);
/** conn_set_name - for error texts: "lockdown of 00008110-..." */
void conn_set_name(struct conn *conn, const char *name);
int conn_fd(const struct conn *conn);

/**
 * conn_fill - wait until at least @want bytes are buffered (<= NET_IN_LEN)
 * Returns 0; ERR_CLOSED at the peer's end before that; ERR_TIMEOUT, ERR_CANCELED, ERR_IO.
 */
int conn_fill(struct conn *conn, size_t want, struct err *err);
/** conn_fill_more - wait for at least one byte beyond what is buffered, taking as many as come in
 * one go */
int conn_fill_more(struct conn *conn, struct err *err);
/** conn_view - the buffered bytes; borrowed until the next call on @conn */
struct reader conn_view(const struct conn *conn);
/** conn_consume - drop @len buffered bytes from the front */
void conn_consume(struct conn *conn, size_t len);
/** conn_read - exactly @len bytes, any length */
int conn_read(struct conn *conn, void *bytes, size_t len, struct err *err);

/** conn_write - buffer bytes; flushes by itself when the buffer is full */
int conn_write(struct conn *conn, struct slice bytes, struct err *err);
/** conn_write_room - borrow at least @len (<= NET_OUT_LEN) free bytes to fill in place, then
 * conn_wrote */
int conn_write_room(struct conn *conn, size_t len, uint8_t **at, struct err *err);
void conn_wrote(struct conn *conn, size_t len);
int conn_flush(struct conn *conn, struct err *err);
/** conn_is_readable - something to read (or an end) without waiting? */
bool conn_is_readable(struct conn *conn);

/* ---- TLS in place, device rules (device-link 5): security level 0, 1.0 and up, in this context
 * only ---- */

enum net_tls_version { NET_TLS_ANY, NET_TLS_1_0, NET_TLS_1_1, NET_TLS_1_2, NET_TLS_1_3 };

struct net_tls_client {
	struct slice cert_pem,
		key_pem; /* our identity (host or root), borrowed for the handshake */
	const uint8_t
		*pin_sha256; /* digest of the peer's SubjectPublicKeyInfo, 32 bytes; required */
	enum net_tls_version max_version;
};
/** conn_tls_client - handshake; ERR_POLICY if the peer's key is not the pinned one (nothing is sent
 * after that) */
int conn_tls_client(struct conn *conn, const struct net_tls_client *tls, struct err *err);

struct net_tls_server {
	struct slice cert_pem, key_pem;
	enum net_tls_version max_version;
	/* asked with the client's certificate (DER; empty slice if it showed none); false refuses
	 */
	bool (*admit)(void *arg, struct slice cert_der);
	void *arg;
	unsigned record_len_max; /* 0 = 16384; smaller splits records (faults) */
};
int conn_tls_server(struct conn *conn, const struct net_tls_server *tls, struct err *err);
/** conn_tls_end - send close_notify, do not wait for the peer's; the conn may go on in clear only
 * to be freed */
void conn_tls_end(struct conn *conn);

/* ---- a tap for faults: called before bytes go out; may shorten, change or refuse ---- */
struct conn_tap {
	/* @len bytes are about to be sent (before TLS): return how many to let through; fewer cuts
	 * the connection after them */
	size_t (*out)(struct conn_tap *tap, const uint8_t *bytes, size_t len);
	/* the same for bytes received (after TLS) */
	size_t (*in)(struct conn_tap *tap, const uint8_t *bytes, size_t len);
};
void conn_set_tap(struct conn *conn, struct conn_tap *tap); /* borrowed; NULL removes */

/* ---- listening (simulator, later the service) ---- */
/** net_listen - "PATH" or "UNIX:PATH" (an old socket file is replaced, mode 0600) or
 * "127.0.0.1:PORT", "[::1]:PORT" (0 = any); addresses outside loopback are refused with ERR_POLICY.
 * @bound (>= 128 bytes) receives what clients use. */
int net_listen(int *out_fd, const char *address, char bound[128], struct err *err);
/** net_accept - wait for one connection; ERR_CANCELED when @cancel is requested */
int net_accept(int listen_fd, const struct cancel *cancel, int *out_fd, struct err *err);

#endif
