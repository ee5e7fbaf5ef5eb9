/*
 * crypto/identity_csr - certificate requests (PKCS#10, RFC 2986), both ways
 *
 * Only three things of a request are used: the key, the common name and the challenge.  What
 * extensions it asks for is not: the CA decides what a certificate carries.
 */
#include "crypto/identity_internal.h"

void crypto_csr_init(struct crypto_csr *csr)
{
	*csr = (struct crypto_csr){.spki = BUF_INIT(CRYPTO_SCEP_MAX), .challenge = SECRET_INIT};
}

void crypto_csr_clear(struct crypto_csr *csr)
{
	buf_clear(&csr->spki);
	secret_clear(&csr->challenge);
	csr->common_name[0] = '\0';
}

static void req_free_p(X509_REQ **req)
{
	X509_REQ_free(*req);
}

static int read_challenge(X509_REQ *req, struct secret *challenge, struct err *err)
{
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1), len, r;
	const ASN1_TYPE *value;
	uint8_t *utf8 = NULL;

	if (at < 0)
		return 0;
	value = X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(req, at), 0);
	if (!value)
		return err_set(err, ERR_PROTOCOL, "a challengePassword without a value");
	switch (value->type) {
	case V_ASN1_UTF8STRING:
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_IA5STRING:
	case V_ASN1_T61STRING:
	case V_ASN1_BMPSTRING:
	case V_ASN1_UNIVERSALSTRING:
		break;
	default:
		return err_set(err, ERR_PROTOCOL, "a challengePassword that is no text");
	}
	len = ASN1_STRING_to_UTF8(&utf8, value->value.asn1_string);
	if (len < 0)
		return openssl_fail(err, ERR_PROTOCOL, "a challengePassword that is no text");
	r = secret_set(challenge, slice_of(utf8, (size_t)len), err);
	OPENSSL_clear_free(utf8, (size_t)len);
	return r;
}

/* 0, CRYPTO_BAD_ALGORITHM or CRYPTO_BAD_TAG */
static int verify(X509_REQ *req, unsigned flags, struct err *err)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);
	int digest = NID_undef, key_type = NID_undef;

	if (!key)
		return openssl_fail(err, ERR_PROTOCOL, "the key of a certificate request");
	if (OBJ_find_sigid_algs(X509_REQ_get_signature_nid(req), &digest, &key_type) != 1 ||
	    !digest_is_listed(digest, flags) || !key_is_listed(key, flags))
		return CRYPTO_BAD_ALGORITHM;
	return X509_REQ_verify(req, key) == 1 ? 0 : CRYPTO_BAD_TAG;
}

static int take(struct crypto_csr *csr, X509_REQ *req, unsigned flags, struct err *err)
{
	uint8_t *spki = NULL;
	int len, r;

	r = verify(req, flags, err);
	if (r != 0)
		return r;
	r = name_field(X509_REQ_get_subject_name(req), NID_commonName, csr->common_name, err);
	if (r < 0)
		return r;
	r = read_challenge(req, &csr->challenge, err);
	if (r < 0)
		return r;
	len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
	return append_owned(&csr->spki, spki, len, err);
}

int crypto_csr_read(struct crypto_csr *out, struct slice der, unsigned flags, struct err *err)
{
	CLEANUP(req_free_p) X509_REQ *req = NULL;
	const uint8_t *at = der.bytes;
	int r;

	crypto_csr_clear(out);
	if (der.len == 0 || der.len > CRYPTO_SCEP_MAX)
		return err_set(err, ERR_LIMIT, "a certificate request of %zu bytes, limit %d",
			       der.len, CRYPTO_SCEP_MAX);
	req = d2i_X509_REQ(NULL, &at, (long)der.len);
	if (!req || at != der.bytes + der.len)
		return openssl_fail(err, ERR_PROTOCOL, "read a certificate request");
	r = take(out, req, flags, err);
	ERR_clear_error();
	if (r != 0)
		crypto_csr_clear(out);
	return r;
}

int crypto_csr_make(struct buf *der, const struct crypto_key *key, const char *common_name,
		    const char *organization, const char *challenge, struct err *err)
{
	CLEANUP(req_free_p) X509_REQ *req = X509_REQ_new();
	uint8_t *bytes = NULL;
	X509_NAME *subject;
	int len;

	if (!req)
		return err_no_memory(err);
	subject = X509_REQ_get_subject_name(req);
	if (!name_add(subject, NID_organizationName, organization) ||
	    !name_add(subject, NID_commonName, common_name))
		return openssl_fail(err, ERR_USAGE, "name a certificate request");
	if (challenge && X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_UTF8,
						   (const uint8_t *)challenge, -1) != 1)
		return openssl_fail(err, ERR_USAGE, "the challenge of a certificate request");
	if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(req, key->pkey) != 1 ||
	    X509_REQ_sign(req, key->pkey, EVP_sha256()) <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "sign a certificate request");
	len = i2d_X509_REQ(req, &bytes);
	return append_owned(der, bytes, len, err);
}
