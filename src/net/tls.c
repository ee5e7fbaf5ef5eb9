/*
 * net/tls - the handshake under the rules of devices
 *
 * docs/protocol/device-link, "TLS": pairing certificates have empty names, so no
 * chain can be verified.  A client pins the device's public key and a server asks
 * whose certificate it was shown; both decide inside the handshake.  Old devices
 * need security level 0 and TLS 1.0, which is allowed in these two contexts only.
 */
#include <poll.h>
#include <pthread.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/crypto.h"
#include "net/tls.h"

/* faster suites first: all of the strong ones are, the old ones are for old peers */
static const char suites_13[] =
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char suites_12[] = "ECDHE+AESGCM+AES128:ALL:!aNULL:!eNULL:@SECLEVEL=0";

static void tls_free_p(struct tls **tls)
{
	tls_free(*tls);
}

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

static int version_number(enum net_tls_version version)
{
	switch (version) {
	case NET_TLS_1_0:
		return TLS1_VERSION;
	case NET_TLS_1_1:
		return TLS1_1_VERSION;
	case NET_TLS_1_2:
		return TLS1_2_VERSION;
	case NET_TLS_1_3:
	case NET_TLS_ANY:
		break;
	}
	return TLS1_3_VERSION;
}

/* ---- our identity ---- */

static int no_passphrase(char *out, int len, int is_writing, void *arg)
{
	return -1;
}

static int use_identity(SSL *ssl, struct slice cert_pem, struct slice key_pem, struct err *err)
{
	CLEANUP(bio_free_p) BIO *cert_bio = NULL;
	CLEANUP(bio_free_p) BIO *key_bio = NULL;
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	bool ok;

	if (cert_pem.len > CRYPTO_PEM_MAX || key_pem.len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_LIMIT,
			       "TLS identity: certificate of %zu, key of %zu bytes, limit %d",
			       cert_pem.len, key_pem.len, CRYPTO_PEM_MAX);
	cert_bio = BIO_new_mem_buf(cert_pem.bytes, (int)cert_pem.len);
	key_bio = BIO_new_mem_buf(key_pem.bytes, (int)key_pem.len);
	if (cert_bio && key_bio) {
		cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
		key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
	}
	ok = cert && key && SSL_use_certificate(ssl, cert) == 1 &&
	     SSL_use_PrivateKey(ssl, key) == 1 && SSL_check_private_key(ssl) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	if (ok)
		return 0;
	ERR_clear_error();
	return err_set(err, ERR_USAGE, "unusable TLS identity: certificate and key do not fit");
}

/* ---- who is at the other end? ---- */

static bool is_pinned(const struct net_tls_client *client, struct slice cert_der)
{
	uint8_t sha256[CRYPTO_SHA256_LEN];

	return crypto_cert_public_sha256(cert_der, sha256, NULL) == 0 &&
	       crypto_equal(sha256, client->pin_sha256, sizeof(sha256));
}

static bool is_welcome(const struct tls *tls, struct slice cert_der)
{
	if (tls->client)
		return is_pinned(tls->client, cert_der);
	return tls->server->admit(tls->server->arg, cert_der);
}

/* replaces OpenSSL's verification of the chain; the signature of the handshake is checked apart */
static int verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *tls = SSL_get_app_data(ssl);
	uint8_t *der = NULL;
	int len = i2d_X509(X509_STORE_CTX_get0_cert(store), &der);

	tls->has_seen_cert = true;
	tls->is_refused = len <= 0 || !is_welcome(tls, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	X509_STORE_CTX_set_error(store, tls->is_refused ? X509_V_ERR_CERT_REJECTED : X509_V_OK);
	return !tls->is_refused;
}

/* a client without a certificate never meets verify(); a server always shows one */
static void check_absent(struct tls *tls)
{
	if (tls->has_seen_cert || (tls->server && !tls->server->admit))
		return;
	tls->has_seen_cert = true;
	tls->is_refused = tls->client || !is_welcome(tls, SLICE_EMPTY);
}

/* ---- the contexts ---- */

/*
 * Making a context costs OpenSSL a hundred times what an SSL object costs.  The rules are the same
 * for all connections, so there is one context for each side, for the life of the process; what
 * differs (identity, highest version, whom to trust) is set on the SSL object.
 */
static SSL_CTX *client_context, *server_context;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_security_level(ctx, 0);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, suites_12) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, suites_13) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* no resumption: a pin and a question per connection is the whole of our trust */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	return ctx;
}

static void contexts_make(void)
{
	client_context = context_new(TLS_client_method());
	server_context = context_new(TLS_server_method());
}

/* ---- the handshake ---- */

static int refuse(struct tls *tls, struct err *err)
{
	ERR_clear_error();
	if (tls->client) {
		tls->wire_len = 0; /* an impostor gets no alert either */
		return err_set(err, ERR_POLICY, "%s: its key is not the one that was paired",
			       tls->conn->name);
	}
	socket_send_now(tls->conn, slice_of(tls->wire, tls->wire_len));
	return err_set(err, ERR_POLICY, "%s: the client's certificate is not admitted",
		       tls->conn->name);
}

/* one step: 0 done, NET_WOULD_BLOCK or < 0 */
static int handshake_step(struct tls *tls, struct err *err)
{
	int done, reason, r;

	tls_pass_begin(tls);
	done = SSL_do_handshake(tls->ssl);
	reason = SSL_get_error(tls->ssl, done);
	if (done == 1)
		check_absent(tls);
	if (tls->is_refused) {
		/* without a certificate the last flight is withheld, so it never looks done */
		if (done == 1)
			tls->wire_len = 0;
		return refuse(tls, err);
	}
	if (done != 1 && reason != SSL_ERROR_WANT_READ) {
		socket_send_now(tls->conn, slice_of(tls->wire, tls->wire_len));
		return tls_fail(tls, "TLS handshake", err);
	}
	r = tls_flush(tls, err);
	if (r < 0 || done == 1)
		return r;
	if (tls->in_status < 0)
		return err_set(err, tls->in_status, "%s", tls->in_err.text);
	return NET_WOULD_BLOCK;
}

static int handshake(struct tls *tls, struct err *err)
{
	int r;

	for (;;) {
		r = handshake_step(tls, err);
		if (r != NET_WOULD_BLOCK)
			return r;
		if (tls->has_received)
			continue;
		r = socket_wait(tls->conn, POLLIN, err);
		if (r < 0)
			return r;
	}
}

/* run @tls and give it to @conn; a connection whose handshake failed carries nothing more */
static int start(struct conn *conn, struct tls *tls, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	tls_take_unread(tls);
	r = handshake(tls, &why);
	conn->tls = tls;
	tls->client = NULL;
	tls->server = NULL;
	if (r == 0)
		return 0;
	conn->in_end = conn->out_end = why;
	return err_set(err, why.code, "%s", why.text);
}

/* TLS over a connection that is in clear and has sent all it has */
static int prepare(struct tls **out, struct conn *conn, bool is_server,
		   enum net_tls_version max_version, struct err *err)
{
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	SSL_CTX *ctx;
	int r;

	if (conn->tls)
		return err_set(err, ERR_USAGE, "%s: TLS is on already", conn->name);
	r = conn_flush(conn, err);
	if (r < 0)
		return r;
	pthread_once(&contexts_once, contexts_make);
	ctx = is_server ? server_context : client_context;
	if (!ctx)
		return err_no_memory(err);
	r = tls_new(&tls, conn, ctx, err);
	if (r < 0)
		return r;
	if (SSL_set_max_proto_version(tls->ssl, version_number(max_version)) != 1)
		return tls_fail(tls, "limit the version", err);
	*out = STEAL(tls);
	return 0;
}

int conn_tls_client(struct conn *conn, const struct net_tls_client *client, struct err *err)
{
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	int r;

	if (!client->pin_sha256)
		return err_set(err, ERR_USAGE, "%s: TLS without a pin", conn->name);
	r = prepare(&tls, conn, false, client->max_version, err);
	if (r == 0 && client->cert_pem.len > 0)
		r = use_identity(tls->ssl, client->cert_pem, client->key_pem, err);
	if (r < 0)
		return r;
	tls->client = client;
	SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, NULL);
	SSL_set_connect_state(tls->ssl);
	return start(conn, STEAL(tls), err);
}

int conn_tls_server(struct conn *conn, const struct net_tls_server *server, struct err *err)
{
	CLEANUP(tls_free_p) struct tls *tls = NULL;
	int r;

	r = prepare(&tls, conn, true, server->max_version, err);
	if (r == 0)
		r = use_identity(tls->ssl, server->cert_pem, server->key_pem, err);
	if (r < 0)
		return r;
	tls->server = server;
	if (server->record_len_max > 0 && server->record_len_max < TLS_RECORD_LEN)
		tls->record_len = server->record_len_max;
	SSL_set_verify(tls->ssl, server->admit ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_set_accept_state(tls->ssl);
	return start(conn, STEAL(tls), err);
}
