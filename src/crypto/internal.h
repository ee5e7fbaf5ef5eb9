/*
 * crypto/internal - what the files of this room share
 *
 * Algorithms fetched once, OpenSSL's error queue turned into our errors, and
 * CLEANUP helpers for OpenSSL objects.  No other room includes this.
 */
#ifndef REHOME_CRYPTO_INTERNAL_H
#define REHOME_CRYPTO_INTERNAL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"

enum {
	RSA_BITS = 2048,
	RSA_BITS_MIN = 1024,
	RSA_BITS_MAX = 4096, /* a larger one from outside only buys time for an attacker */
	CERT_YEARS_DAYS = 3650,
	UPDATE_LEN_MAX = 1 << 30, /* EVP counts in int */
};

/** struct algorithms - fetched at first use, kept for the life of the process; a missing one is
 * NULL */
struct algorithms {
	EVP_CIPHER *ecb, *cbc, *gcm, *ctr;
	EVP_KDF *hkdf;
};
const struct algorithms *algorithms(void);

/** openssl_fail - set @code with @what and OpenSSL's own reason; leaves its error queue empty */
int openssl_fail(struct err *err, int code, const char *what);

/** read_certificate - PEM or DER of at most CRYPTO_PEM_MAX bytes; caller frees. ERR_PROTOCOL if it
 * is none */
int read_certificate(X509 **out, struct slice cert, struct err *err);
/** read_private - PEM of a private key, any of OpenSSL's forms without a passphrase; caller frees
 */
int read_private(EVP_PKEY **out, struct slice key_pem, struct err *err);
/** read_rsa_private - the same of an RSA key of RSA_BITS_MIN to RSA_BITS_MAX bits */
int read_rsa_private(EVP_PKEY **out, struct slice key_pem, struct err *err);
/** read_rsa_public - "RSA PUBLIC KEY" PEM of RSA_BITS_MIN to RSA_BITS_MAX bits; caller frees */
int read_rsa_public(EVP_PKEY **out, struct slice public_pem, struct err *err);
/** append_private_pem - PKCS#1 "RSA PRIVATE KEY"; on failure @pem is as before */
int append_private_pem(struct buf *pem, EVP_PKEY *key, struct err *err);
int append_public_pem(struct buf *pem, EVP_PKEY *key, struct err *err);
int append_cert_pem(struct buf *pem, X509 *cert, struct err *err);
/** cert_extend - add an extension given as OpenSSL's configuration has it; ours, never from
 * outside.
 * @issuer: @cert itself if it is self-signed */
bool cert_extend(X509 *cert, X509 *issuer, int nid, const char *value);

static inline void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}
static inline void x509_free_p(X509 **cert)
{
	X509_free(*cert);
}
/** certs_free_p - the list; the certificates are borrowed */
static inline void certs_free_p(STACK_OF(X509) * *certs)
{
	sk_X509_free(*certs);
}
static inline void pkey_free_p(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
static inline void cipher_ctx_free_p(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}

#endif
