/*
 * net/tls_stream - TLS records between the buffers of a connection and its socket
 *
 * OpenSSL gets its bytes from our memory and writes into it, so that one recv
 * brings and one send takes many records.  Its own read-ahead was tried: it moves
 * everything that it has read forward for each record.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include "net/tls.h"

/* ---- the BIO ---- */

static bool refill(struct tls *tls)
{
	if (!tls->may_receive) {
		tls->in_status = NET_WOULD_BLOCK;
		return false;
	}
	tls->may_receive = false;
	tls->in_status =
		socket_receive(tls->conn, tls->raw, TLS_RAW_LEN, &tls->raw_len, &tls->in_err);
	tls->raw_at = 0;
	tls->has_received = tls->in_status == 0;
	return tls->has_received;
}

static int stream_read(BIO *bio, char *out, int len)
{
	struct tls *tls = BIO_get_data(bio);
	size_t part = (size_t)len;

	BIO_clear_retry_flags(bio);
	if (tls->raw_len == 0 && !refill(tls)) {
		/* an end too: we report it ourselves, and OpenSSL's state stays usable */
		BIO_set_retry_read(bio);
		return -1;
	}
	if (part > tls->raw_len)
		part = tls->raw_len;
	memcpy(out, tls->raw + tls->raw_at, part);
	tls->raw_at += part;
	tls->raw_len -= part;
	return (int)part;
}

static int stream_write(BIO *bio, const char *in, int len)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if ((size_t)len > TLS_WIRE_LEN - tls->wire_len)
		return -1;
	memcpy(tls->wire + tls->wire_len, in, (size_t)len);
	tls->wire_len += (size_t)len;
	return len;
}

static long stream_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH; /* we decide when to send */
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void method_make(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rehome connection");
	if (!method)
		return;
	BIO_meth_set_read(method, stream_read);
	BIO_meth_set_write(method, stream_write);
	BIO_meth_set_ctrl(method, stream_ctrl);
}

static BIO *stream_new(struct tls *tls)
{
	BIO *bio;

	pthread_once(&method_once, method_make);
	bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	return bio;
}

/* ---- the object ---- */

int tls_new(struct tls **out, struct conn *conn, SSL_CTX *ctx, struct err *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	BIO *bio;

	if (!tls)
		return err_no_memory(err);
	tls->conn = conn;
	tls->record_len = TLS_RECORD_LEN;
	tls->raw = malloc(TLS_RAW_LEN);
	tls->wire = malloc(TLS_WIRE_LEN);
	tls->ssl = SSL_new(ctx);
	bio = stream_new(tls);
	if (!tls->raw || !tls->wire || !tls->ssl || !bio) {
		BIO_free(bio);
		tls_free(tls);
		return err_no_memory(err);
	}
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	*out = tls;
	return 0;
}

void tls_take_unread(struct tls *tls)
{
	struct conn *conn = tls->conn;

	memcpy(tls->raw, conn->in + conn->in_at, conn->in_len);
	tls->raw_len = conn->in_len;
	conn->in_len = 0;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls->raw);
	free(tls->wire);
	free(tls);
}

int tls_fail(struct tls *tls, const char *what, struct err *err)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return err_set(err, ERR_PROTOCOL, "%s: %s: %s", tls->conn->name, what,
		       reason ? reason : "TLS does not say why");
}

/* ---- bytes ---- */

void tls_pass_begin(struct tls *tls)
{
	ERR_clear_error();
	tls->may_receive = true;
	tls->has_received = false;
	tls->in_status = 0;
}

/* all records that are there, or NET_WOULD_BLOCK, or < 0; *got may be > 0 whatever is returned */
static int read_records(struct tls *tls, uint8_t *at, size_t room, size_t *got, struct err *err)
{
	size_t len;

	while (*got < room) {
		if (SSL_read_ex(tls->ssl, at + *got, room - *got, &len) == 1) {
			*got += len;
			continue;
		}
		switch (SSL_get_error(tls->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
			return tls->in_status < 0
				       ? err_set(err, tls->in_status, "%s", tls->in_err.text)
				       : NET_WOULD_BLOCK;
		case SSL_ERROR_ZERO_RETURN:
			return err_set(err, ERR_CLOSED, "%s: the peer ended TLS", tls->conn->name);
		default:
			return tls_fail(tls, "receive", err);
		}
	}
	return 0;
}

int tls_flush(struct tls *tls, struct err *err)
{
	struct slice bytes = slice_of(tls->wire, tls->wire_len);

	tls->wire_len = 0;
	return socket_send(tls->conn, bytes, err);
}

/* reading may produce an answer (an alert, a key update) that the next reads depend on */
static void send_answer(struct tls *tls)
{
	struct err why = ERR_INIT;

	if (tls->wire_len > 0 && !tls->conn->out_end.code && tls_flush(tls, &why) < 0)
		tls->conn->out_end = why;
}

int tls_receive(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err)
{
	struct tls *tls = conn->tls;
	int r;

	*got = 0;
	do {
		tls_pass_begin(tls);
		r = read_records(tls, at, room, got, err);
	} while (r == NET_WOULD_BLOCK && *got == 0 && tls->has_received); /* a part of a record */
	send_answer(tls);
	/* an end or a failure behind good bytes is found again by the next call */
	if (*got > 0)
		return 0;
	return r;
}

int tls_send(struct conn *conn, struct slice bytes, struct err *err)
{
	struct tls *tls = conn->tls;
	size_t part, len;
	int r;

	ERR_clear_error();
	for (; bytes.len > 0; bytes = slice_of(bytes.bytes + part, bytes.len - part)) {
		part = bytes.len < tls->record_len ? bytes.len : tls->record_len;
		if (SSL_write_ex(tls->ssl, bytes.bytes, part, &len) != 1)
			return tls_fail(tls, "send", err);
		if (tls->wire_len < TLS_SEND_LEN)
			continue;
		r = tls_flush(tls, err);
		if (r < 0)
			return r;
	}
	return tls_flush(tls, err);
}

void conn_tls_end(struct conn *conn)
{
	struct tls *tls = conn->tls;

	if (!tls || tls->has_ended || conn->out_end.code)
		return;
	tls->has_ended = true;
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
	socket_send_now(conn, slice_of(tls->wire, tls->wire_len));
	tls->wire_len = 0;
}
