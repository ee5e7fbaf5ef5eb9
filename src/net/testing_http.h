/*
 * net/testing_http - a server in a thread, and clients that may say anything
 */
#ifndef REHOME_NET_TESTING_HTTP_H
#define REHOME_NET_TESTING_HTTP_H

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/http_internal.h"
#include "net/net.h"

/* ---- identities ---- */

struct testing_identity {
	struct buf cert_pem, key_pem, cert_der;
	uint8_t pin[32]; /* SHA-256 of the SubjectPublicKeyInfo */
};

static inline void bio_take(struct buf *out, BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	*out = BUF_INIT(1 << 16);
	assert_int_equal(buf_append(out, bytes, (size_t)len, NULL), 0);
	BIO_free(bio);
}

/* self-signed for "localhost" and 127.0.0.1, valid from @from to @to seconds from now */
static inline struct testing_identity testing_identity_make(long from, long to)
{
	struct testing_identity identity;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, (char *)(uintptr_t) "DNS:localhost,IP:127.0.0.1");
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t *der = NULL;
	int len;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1, -1,
				   0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, cert);
	bio_take(&identity.cert_pem, bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	bio_take(&identity.key_pem, bio);
	len = i2d_X509(cert, &der);
	identity.cert_der = BUF_INIT(1 << 16);
	assert_int_equal(buf_append(&identity.cert_der, der, (size_t)len, NULL), 0);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_PUBKEY(key, &der);
	assert_true(EVP_Digest(der, (size_t)len, identity.pin, NULL, EVP_sha256(), NULL) == 1);
	OPENSSL_free(der);
	X509_free(cert);
	EVP_PKEY_free(key);
	return identity;
}

static inline void testing_identity_clear(struct testing_identity *identity)
{
	buf_clear(&identity->cert_pem);
	buf_clear(&identity->key_pem);
	buf_clear(&identity->cert_der);
}

/* ---- the server ---- */

/*
 * What it answers: /echo the body; /count how many requests there were; /where the path, a bar and
 * the query; /cert the client's certificate; /later nothing until /now comes, which answers the one
 * that waits; /big 16 MiB; /moved
 * a redirect.
 */
struct testing_server {
	struct http_server *server;
	struct http_watch *stop;
	struct http_request *waiting;
	pthread_t thread;
	int stop_pipe[2];
	int tls_port, plain_port;
	int64_t patience_ms;
	int tls_tag, plain_tag;
};

enum { TESTING_BODY_MAX = 100000, TESTING_BIG = 16 << 20 };

static inline void testing_handle(void *arg, struct http_request *request)
{
	static const struct http_field extra[] = {
		{"X-Sent", "yes"}, {"X-Split", "a\r\nX-Injected: 1"}, {NULL, NULL}};
	static const struct http_field moved[] = {{"Location", "/where?moved"}, {NULL, NULL}};
	struct testing_server *testing = arg;
	struct buf text = BUF_INIT(TESTING_BIG);

	assert_ptr_equal(request->tag, request->is_tls ? &testing->tls_tag : &testing->plain_tag);
	assert_string_equal(request->peer, "127.0.0.1");
	if (strcmp(request->path, "/later") == 0) {
		assert_null(testing->waiting);
		testing->waiting = request;
		return;
	}
	if (strcmp(request->path, "/moved") == 0) {
		http_answer(request, 302, NULL, moved, SLICE_EMPTY);
		return;
	}
	if (strcmp(request->path, "/now") == 0 && testing->waiting)
		http_answer(STEAL(testing->waiting), 200, NULL, NULL, slice_text("late"));
	if (strcmp(request->path, "/where") == 0)
		buf_append_format(&text, NULL, "%s|%s", request->path, request->query);
	else if (strcmp(request->path, "/count") == 0)
		buf_append_format(&text, NULL, "%d",
				  (int)http_server_counts(testing->server)->requests);
	else if (strcmp(request->path, "/cert") == 0)
		buf_append_slice(&text, request->peer_cert, NULL);
	else if (strcmp(request->path, "/big") == 0)
		for (int i = 0; i < TESTING_BIG / 16; i++)
			buf_append_text(&text, "0123456789abcde\n", NULL);
	else
		buf_append_slice(&text, request->body, NULL);
	http_answer(request, 200, "application/octet-stream", extra, buf_slice(&text));
	buf_clear(&text);
}

static inline size_t testing_body_max(void *arg, const char *method, const char *path)
{
	return strcmp(path, "/small") == 0 ? 10 : TESTING_BODY_MAX;
}

static inline void testing_on_stop(void *arg, unsigned events)
{
	struct testing_server *testing = arg;
	char byte;

	if (read(testing->stop_pipe[0], &byte, 1) == 1)
		http_server_stop(testing->server, testing->patience_ms);
}

static inline void *testing_run(void *arg)
{
	struct testing_server *testing = arg;

	assert_int_equal(http_server_run(testing->server, NULL), 0);
	return NULL;
}

static inline int testing_listen(struct testing_server *testing, bool is_tls, const void *tag)
{
	struct err err = ERR_INIT;
	char bound[128];
	int fd;

	assert_int_equal(net_listen(&fd, "127.0.0.1:0", bound, &err), 0);
	assert_int_equal(http_server_listen(testing->server, fd, is_tls, tag, &err), 0);
	return atoi(strchr(bound, ':') + 1);
}

static inline void testing_server_prepare(struct testing_server *testing,
					  struct http_server_config config,
					  const struct testing_identity *identity)
{
	struct err err = ERR_INIT;

	*testing = (struct testing_server){.patience_ms = 10000};
	config.cert_pem = buf_slice(&identity->cert_pem);
	config.key_pem = buf_slice(&identity->key_pem);
	config.handle = testing_handle;
	config.body_max = testing_body_max;
	config.arg = testing;
	assert_int_equal(http_server_new(&testing->server, &config, &err), 0);
	assert_int_equal(pipe(testing->stop_pipe), 0);
	assert_int_equal(http_watch_new(&testing->stop, testing->server, testing->stop_pipe[0],
					HTTP_READABLE, testing_on_stop, testing, &err),
			 0);
	testing->tls_port = testing_listen(testing, true, &testing->tls_tag);
	testing->plain_port = testing_listen(testing, false, &testing->plain_tag);
}

static inline void testing_server_run(struct testing_server *testing)
{
	assert_int_equal(pthread_create(&testing->thread, NULL, testing_run, testing), 0);
}

static inline void testing_server_start(struct testing_server *testing,
					struct http_server_config config,
					const struct testing_identity *identity)
{
	testing_server_prepare(testing, config, identity);
	testing_server_run(testing);
}

static inline void testing_server_stop(struct testing_server *testing)
{
	assert_int_equal(write(testing->stop_pipe[1], "x", 1), 1);
	pthread_join(testing->thread, NULL);
	http_watch_free(testing->stop);
	http_server_free(testing->server);
	close(testing->stop_pipe[0]);
	close(testing->stop_pipe[1]);
}

/* ---- a client that may say anything ---- */

struct peer {
	int fd;
	SSL *ssl;
};

static inline int peer_connect(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline struct peer peer_plain(const struct testing_server *testing)
{
	return (struct peer){peer_connect(testing->plain_port), NULL};
}

static inline SSL_CTX *peer_tls_context(const struct testing_identity *identity, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	if (identity) {
		BIO *cert_bio =
			BIO_new_mem_buf(identity->cert_pem.bytes, (int)identity->cert_pem.len);
		BIO *key_bio = BIO_new_mem_buf(identity->key_pem.bytes, (int)identity->key_pem.len);
		X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);

		assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
		X509_free(cert);
		EVP_PKEY_free(key);
		BIO_free(cert_bio);
		BIO_free(key_bio);
	}
	return ctx;
}

static inline struct peer peer_tls(const struct testing_server *testing, SSL_CTX *ctx,
				   SSL_SESSION *session)
{
	struct peer peer = {peer_connect(testing->tls_port), SSL_new(ctx)};

	SSL_set_fd(peer.ssl, peer.fd);
	if (session)
		SSL_set_session(peer.ssl, session);
	assert_int_equal(SSL_connect(peer.ssl), 1);
	return peer;
}

static inline void peer_close(struct peer *peer)
{
	if (peer->ssl) {
		SSL_shutdown(peer->ssl);
		SSL_free(peer->ssl);
	}
	close(peer->fd);
}

static inline void peer_say(struct peer *peer, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = peer->ssl ? SSL_write(peer->ssl, bytes, (int)len)
				      : send(peer->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* refused in the middle: the answer tells */
		bytes += n;
		len -= (size_t)n;
	}
}

static inline void peer_ask(struct peer *peer, const char *text)
{
	peer_say(peer, text, strlen(text));
}

static inline ssize_t peer_read(struct peer *peer, void *at, size_t len)
{
	return peer->ssl ? SSL_read(peer->ssl, at, (int)len) : recv(peer->fd, at, len, 0);
}

/* the status of the next answer, its text in @answer (head and body); 0: the server hung up */
static inline int peer_hear(struct peer *peer, struct buf *answer)
{
	size_t head_len = 0, body_len = 0;
	const char *length;

	*answer = BUF_INIT(32 << 20);
	while (!(head_len = http_head_len(buf_slice(answer), 0))) {
		char byte;

		if (peer_read(peer, &byte, 1) != 1)
			return 0;
		assert_int_equal(buf_append(answer, &byte, 1, NULL), 0);
	}
	length = strstr(buf_text(answer), "Content-Length: ");
	if (length)
		body_len = strtoul(length + 16, NULL, 10);
	while (answer->len < head_len + body_len) {
		char bytes[4096];
		size_t left = head_len + body_len - answer->len;
		ssize_t n = peer_read(peer, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

		if (n <= 0)
			return 0;
		assert_int_equal(buf_append(answer, bytes, (size_t)n, NULL), 0);
	}
	return atoi(buf_text(answer) + 9);
}

/* the status alone */
static inline int peer_status(struct peer *peer)
{
	struct buf answer;
	int status = peer_hear(peer, &answer);

	buf_clear(&answer);
	return status;
}

static inline void assert_answer(struct peer *peer, int status, const char *body)
{
	struct buf answer;
	const char *text;

	assert_int_equal(peer_hear(peer, &answer), status);
	text = buf_text(&answer);
	assert_string_equal(strstr(text, "\r\n\r\n") + 4, body);
	buf_clear(&answer);
}

#endif
