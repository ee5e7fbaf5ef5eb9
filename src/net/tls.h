/*
 * net/tls - TLS on a connection: what the handshake and the stream share
 */
#ifndef REHOME_NET_TLS_H
#define REHOME_NET_TLS_H

#include <openssl/ssl.h>

#include "net/internal.h"

enum {
	TLS_RECORD_LEN = 16384, /* RFC 8446, 5.1: most plaintext in a record */
	TLS_RAW_LEN = NET_IN_LEN,
	/*
	 * What one SSL call may write at most: a record and, in TLS 1.0, the empty
	 * one before it, with the largest overhead of RFC 5246; a handshake flight
	 * with a certificate of CRYPTO_PEM_MAX fits as well.
	 */
	TLS_CALL_LEN = 80 << 10,
	TLS_SEND_LEN = 128 << 10, /* sent when this many wait */
	TLS_WIRE_LEN = TLS_SEND_LEN + TLS_CALL_LEN,
};

struct tls {
	struct conn *conn;
	SSL *ssl;     /* knows this struct as its app data */
	uint8_t *raw; /* TLS_RAW_LEN bytes as received; not yet deciphered are raw_len from raw_at
			 on */
	size_t raw_at, raw_len;
	uint8_t *wire; /* TLS_WIRE_LEN bytes, the first wire_len enciphered and not yet sent */
	size_t wire_len;
	size_t record_len; /* plaintext in a record */
	bool has_ended;    /* close_notify was sent */

	/* of one pass over the receiving side: a single recv, so that a busy peer cannot hold us */
	bool may_receive, has_received;
	int in_status; /* of the last recv: 0, NET_WOULD_BLOCK or < 0 with in_err */
	struct err in_err;

	/* of the handshake */
	const struct net_tls_client *client; /* one of the two is set */
	const struct net_tls_server *server;
	bool has_seen_cert, is_refused;
};

/** tls_new - buffers and an SSL object of @ctx; @conn stays as it is, and is the caller's to set */
int tls_new(struct tls **out, struct conn *conn, SSL_CTX *ctx, struct err *err);
/** tls_take_unread - move the unread bytes of the conn in: they are the peer's first of TLS */
void tls_take_unread(struct tls *tls);
/** tls_pass_begin - allow the next SSL call one recv */
void tls_pass_begin(struct tls *tls);
/** tls_flush - send what is enciphered, waiting as needed */
int tls_flush(struct tls *tls, struct err *err);
/** tls_fail - ERR_PROTOCOL with @what and OpenSSL's reason; empties its error queue */
int tls_fail(struct tls *tls, const char *what, struct err *err);

#endif
