/*
 * crypto/pem - keys and certificates to and from the bytes that travel
 *
 * Everything read here may come from a device or a file of somebody else's, so
 * every length is bounded before OpenSSL sees it.
 */
#include <time.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/internal.h"

static int open_bytes(BIO **out, struct slice bytes, const char *what, struct err *err)
{
	if (bytes.len == 0 || bytes.len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_LIMIT, "%s of %zu bytes, limit %d", what, bytes.len,
			       CRYPTO_PEM_MAX);
	*out = BIO_new_mem_buf(bytes.bytes, (int)bytes.len);
	return *out ? 0 : err_no_memory(err);
}

int read_certificate(X509 **out, struct slice cert, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = NULL;
	const uint8_t *at = cert.bytes;
	X509 *x509 = NULL;
	int r;

	r = open_bytes(&bio, cert, "certificate", err);
	if (r < 0)
		return r;
	if (cert.bytes[0] != 0x30) { /* no SEQUENCE: text */
		x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	} else {
		x509 = d2i_X509(NULL, &at, (long)cert.len);
		if (x509 && at != cert.bytes + cert.len) {
			X509_free(x509);
			return err_set(err, ERR_PROTOCOL, "certificate followed by other bytes");
		}
	}
	if (!x509)
		return openssl_fail(err, ERR_PROTOCOL, "read certificate");
	*out = x509;
	return 0;
}

/* never ask a terminal for the passphrase of a key that has one */
static int no_passphrase(char *out, int len, int is_writing, void *arg)
{
	return -1;
}

static int check_rsa(EVP_PKEY *key, struct err *err)
{
	int bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return err_set(err, ERR_PROTOCOL, "not an RSA key");
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return err_set(err, ERR_LIMIT, "RSA key of %d bits, accepted are %d to %d", bits,
			       RSA_BITS_MIN, RSA_BITS_MAX);
	return 0;
}

int read_private(EVP_PKEY **out, struct slice key_pem, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = NULL;
	EVP_PKEY *key;
	int r;

	r = open_bytes(&bio, key_pem, "private key", err);
	if (r < 0)
		return r;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (!key)
		return openssl_fail(err, ERR_PROTOCOL, "read private key");
	*out = key;
	return 0;
}

int read_rsa_private(EVP_PKEY **out, struct slice key_pem, struct err *err)
{
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	int r;

	r = read_private(&key, key_pem, err);
	if (r < 0)
		return r;
	r = check_rsa(key, err);
	if (r < 0)
		return r;
	*out = STEAL(key);
	return 0;
}

int read_rsa_public(EVP_PKEY **out, struct slice public_pem, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = NULL;
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	const uint8_t *at;
	long len;
	int r;

	r = open_bytes(&bio, public_pem, "public key", err);
	if (r < 0)
		return r;
	if (PEM_bytes_read_bio(&der, &len, NULL, "RSA PUBLIC KEY", bio, NULL, NULL) != 1)
		return openssl_fail(err, ERR_PROTOCOL, "read RSA public key");
	at = der;
	key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
	OPENSSL_free(der);
	if (!key)
		return openssl_fail(err, ERR_PROTOCOL, "read RSA public key");
	r = check_rsa(key, err);
	if (r < 0)
		return r;
	*out = STEAL(key);
	return 0;
}

static int append_bio(struct buf *out, BIO *bio, struct err *err)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	return buf_append(out, bytes, (size_t)len, err);
}

/* OpenSSL clears the memory of a BIO when it frees it, which private keys rely on */
static int append_der_as_pem(struct buf *pem, const char *name, const uint8_t *der, long len,
			     struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio(bio, name, "", der, len) <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write PEM");
	return append_bio(pem, bio, err);
}

int append_private_pem(struct buf *pem, EVP_PKEY *key, struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_PrivateKey(key, &der), r;

	if (len <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write private key");
	r = append_der_as_pem(pem, "RSA PRIVATE KEY", der, len, err);
	OPENSSL_clear_free(der, (size_t)len);
	return r;
}

int append_public_pem(struct buf *pem, EVP_PKEY *key, struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_PublicKey(key, &der), r;

	if (len <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write public key");
	r = append_der_as_pem(pem, "RSA PUBLIC KEY", der, len, err);
	OPENSSL_free(der);
	return r;
}

int append_cert_pem(struct buf *pem, X509 *cert, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "write certificate");
	return append_bio(pem, bio, err);
}

int crypto_cert_der(struct slice cert, struct buf *der, struct err *err)
{
	CLEANUP(x509_free_p) X509 *x509 = NULL;
	uint8_t *bytes = NULL;
	int len, r;

	r = read_certificate(&x509, cert, err);
	if (r < 0)
		return r;
	len = i2d_X509(x509, &bytes);
	if (len <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write certificate");
	r = buf_append(der, bytes, (size_t)len, err);
	OPENSSL_free(bytes);
	return r;
}

int crypto_cert_end(struct slice cert, int64_t *not_after, struct err *err)
{
	CLEANUP(x509_free_p) X509 *x509 = NULL;
	struct tm tm;
	int r;

	r = read_certificate(&x509, cert, err);
	if (r < 0)
		return r;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
		return openssl_fail(err, ERR_PROTOCOL, "notAfter of a certificate");
	*not_after = timegm(&tm);
	return 0;
}

int crypto_cert_public_sha256(struct slice cert, uint8_t out[CRYPTO_SHA256_LEN], struct err *err)
{
	CLEANUP(x509_free_p) X509 *x509 = NULL;
	uint8_t *bytes = NULL;
	int len, r;

	r = read_certificate(&x509, cert, err);
	if (r < 0)
		return r;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &bytes);
	if (len <= 0)
		return openssl_fail(err, ERR_PROTOCOL, "read the certificate's public key");
	crypto_sha256(slice_of(bytes, (size_t)len), out);
	OPENSSL_free(bytes);
	return 0;
}
