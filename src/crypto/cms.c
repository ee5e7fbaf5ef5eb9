/*
 * crypto/cms - signed answers to a supervised device's challenges
 *
 * Always in binary mode: the challenge is random bytes, and text mode would
 * rewrite line ends in it, which then fails for one challenge in some hundred.
 */
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "crypto/internal.h"

static void cms_free_p(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

int crypto_cms_sign(struct slice content, struct slice cert_pem, struct slice key_pem,
		    struct buf *der, struct err *err)
{
	const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL;
	CLEANUP(x509_free_p) X509 *cert = NULL;
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	CLEANUP(bio_free_p) BIO *bio = NULL;
	CLEANUP(cms_free_p) CMS_ContentInfo *cms = NULL;
	uint8_t *bytes = NULL;
	int len, r;

	r = read_certificate(&cert, cert_pem, err);
	if (r < 0)
		return r;
	r = read_rsa_private(&key, key_pem, err);
	if (r < 0)
		return r;
	if (content.len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_LIMIT, "%zu bytes to sign, limit %d", content.len,
			       CRYPTO_PEM_MAX);
	bio = BIO_new_mem_buf(content.len ? content.bytes : (const void *)"", (int)content.len);
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	if (!bio || !cms || !CMS_add1_signer(cms, cert, key, EVP_sha256(), flags) ||
	    CMS_final(cms, bio, NULL, flags) != 1)
		return openssl_fail(err, ERR_USAGE, "sign");
	len = i2d_CMS_ContentInfo(cms, &bytes);
	if (len <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write a signature");
	r = buf_append(der, bytes, (size_t)len, err);
	OPENSSL_free(bytes);
	return r;
}

/* is @out, which holds what was signed, the same as @content? */
static bool holds(BIO *out, struct slice content)
{
	char *bytes;
	long len = BIO_get_mem_data(out, &bytes);

	return (size_t)len == content.len &&
	       (len == 0 || memcmp(bytes, content.bytes, (size_t)len) == 0);
}

int crypto_cms_verify(struct slice der, struct slice cert, struct slice content, struct err *err)
{
	/* the certificate that we were given is the trust: no chain, none of those that came along
	 */
	const unsigned flags = CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY;
	CLEANUP(x509_free_p) X509 *signer = NULL;
	CLEANUP(certs_free_p) STACK_OF(X509) *certs = sk_X509_new_null();
	CLEANUP(bio_free_p) BIO *out = BIO_new(BIO_s_mem());
	CLEANUP(cms_free_p) CMS_ContentInfo *cms = NULL;
	const uint8_t *at = der.bytes;
	int r;

	r = read_certificate(&signer, cert, err);
	if (r < 0)
		return r;
	if (!certs || !out || sk_X509_push(certs, signer) <= 0)
		return err_no_memory(err);
	if (der.len == 0 || der.len > 2 * CRYPTO_PEM_MAX)
		return CRYPTO_BAD_TAG;
	cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
	if (!cms || at != der.bytes + der.len ||
	    CMS_verify(cms, certs, NULL, NULL, out, flags) != 1 || !holds(out, content)) {
		ERR_clear_error();
		return CRYPTO_BAD_TAG;
	}
	return 0;
}
