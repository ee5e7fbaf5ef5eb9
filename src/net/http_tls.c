/*
 * The server's TLS: one SSL_CTX for all connections
 *
 * Sessions are kept here and not in tickets: a ticket would carry the client's certificate and
 * cost its decoding at each return; from the cache it comes back for a third of the price.
 * Whatever certificate a client shows passes the handshake, which proves its key: who is known is
 * decided later by hash, so that an expired certificate does not end in an alert that a device
 * cannot tell from a broken network.
 */
#include "net/http_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static int accept_any_chain(X509_STORE_CTX *store, void *arg)
{
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int tls_refused(struct err *err, const char *what)
{
	char reason[120];

	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
	ERR_clear_error();
	return err_set(err, ERR_USAGE, "%s: %s", what, reason);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void x509_freep(X509 **cert)
{
	X509_free(*cert);
}

static void key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void ctx_freep(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

/** no_password - an encrypted key is refused instead of asking on the terminal */
static int no_password(char *password, int size, int is_writing, void *arg)
{
	return -1;
}

static int use_chain(SSL_CTX *ctx, struct slice cert_pem, struct err *err)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(cert_pem.bytes, (int)cert_pem.len);
	CLEANUP(x509_freep) X509 *leaf = NULL;

	if (!bio)
		return err_no_memory(err);
	leaf = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
		return tls_refused(err, "the server's certificate");
	for (;;) {
		X509 *issuer = PEM_read_bio_X509(bio, NULL, no_password, NULL);

		if (!issuer)
			break;
		if (SSL_CTX_add0_chain_cert(ctx, issuer) != 1) {
			X509_free(issuer);
			return tls_refused(err, "the server's chain");
		}
	}
	ERR_clear_error(); /* the end of the text counts as one */
	return 0;
}

static int use_key(SSL_CTX *ctx, struct slice key_pem, struct err *err)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(key_pem.bytes, (int)key_pem.len);
	CLEANUP(key_freep) EVP_PKEY *key = NULL;

	if (!bio)
		return err_no_memory(err);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return tls_refused(err, "the server's key");
	return 0;
}

int http_tls_new(SSL_CTX **out, struct slice cert_pem, struct slice key_pem, unsigned sessions_max,
		 struct err *err)
{
	CLEANUP(ctx_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int r;

	if (!ctx)
		return err_no_memory(err);
	if (cert_pem.len > INT32_MAX || key_pem.len > INT32_MAX)
		return err_set(err, ERR_LIMIT, "the server's certificate or key is too long");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	/* of TLS 1.2 only what is like 1.3: ephemeral keys, authenticated encryption */
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 1) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"rehome", 6) != 1)
		return tls_refused(err, "TLS settings");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(ctx, (long)sessions_max);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any_chain, NULL);
	r = use_chain(ctx, cert_pem, err);
	if (r == 0)
		r = use_key(ctx, key_pem, err);
	if (r != 0)
		return r;
	*out = STEAL(ctx);
	return 0;
}
