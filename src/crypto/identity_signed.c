/*
 * crypto/identity_signed - SignedData: profiles, Mdm-Signature, MachineInfo, and SCEP's outside
 *
 * The signature is verified by hand in four steps (digest, its attribute, the encoded attributes,
 * the key) instead of by OpenSSL's streaming functions: those take any digest, and their chain
 * checks look at dates and trust, which are the caller's matter here.
 */
#include <time.h>

#include "crypto/identity_internal.h"

int signed_read(PKCS7 **out, struct slice der, size_t len_max, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const uint8_t *at = der.bytes;

	if (der.len == 0 || der.len > len_max)
		return err_set(err, ERR_LIMIT, "a signed message of %zu bytes, limit %zu", der.len,
			       len_max);
	message = d2i_PKCS7(NULL, &at, (long)der.len);
	if (!message || at != der.bytes + der.len)
		return openssl_fail(err, ERR_PROTOCOL, "read a signed message");
	if (!PKCS7_type_is_signed(message) || !message->d.sign || !message->d.sign->contents ||
	    !PKCS7_type_is_data(message->d.sign->contents))
		return err_set(err, ERR_PROTOCOL, "no SignedData over data");
	if (sk_PKCS7_SIGNER_INFO_num(message->d.sign->signer_info) != 1)
		return err_set(err, ERR_PROTOCOL, "a signed message without exactly one signer");
	*out = STEAL(message);
	return 0;
}

PKCS7_SIGNER_INFO *signed_signer(const PKCS7 *message)
{
	return sk_PKCS7_SIGNER_INFO_value(message->d.sign->signer_info, 0);
}

X509 *signed_cert(const PKCS7 *message)
{
	const PKCS7_ISSUER_AND_SERIAL *id = signed_signer(message)->issuer_and_serial;

	if (!message->d.sign->cert)
		return NULL;
	return X509_find_by_issuer_and_serial(message->d.sign->cert, id->issuer, id->serial);
}

struct slice signed_content(const PKCS7 *message)
{
	const ASN1_OCTET_STRING *content = message->d.sign->contents->d.data;

	if (!content)
		return SLICE_EMPTY;
	return slice_of(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content));
}

/* does the messageDigest attribute hold the digest of @content, and contentType name data? */
static bool attributes_fit(const PKCS7_SIGNER_INFO *signer, struct slice content, const EVP_MD *md)
{
	const ASN1_TYPE *type = PKCS7_get_signed_attribute(signer, NID_pkcs9_contentType);
	const ASN1_OCTET_STRING *claimed = PKCS7_digest_from_attributes(signer->auth_attr);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;

	return type && type->type == V_ASN1_OBJECT &&
	       OBJ_obj2nid(type->value.object) == NID_pkcs7_data && claimed &&
	       EVP_Digest(content.bytes, content.len, digest, &len, md, NULL) == 1 &&
	       (unsigned)ASN1_STRING_length(claimed) == len &&
	       memcmp(ASN1_STRING_get0_data(claimed), digest, len) == 0;
}

static bool key_signed(EVP_PKEY *key, const EVP_MD *md, const ASN1_OCTET_STRING *signature,
		       struct slice content)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_signed = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
			 EVP_DigestVerify(ctx, ASN1_STRING_get0_data(signature),
					  (size_t)ASN1_STRING_length(signature), content.bytes,
					  content.len) == 1;

	EVP_MD_CTX_free(ctx);
	return is_signed;
}

/* PKCS#1 v1.5 or ECDSA, named with or without the digest; the key says which of them it is */
static bool signature_is_listed(const X509_ALGOR *algorithm)
{
	int nid = OBJ_obj2nid(algorithm->algorithm), digest, key_type;

	if (nid == NID_rsaEncryption || nid == NID_X9_62_id_ecPublicKey)
		return true;
	return OBJ_find_sigid_algs(nid, &digest, &key_type) == 1 &&
	       (key_type == NID_rsaEncryption || key_type == NID_X9_62_id_ecPublicKey);
}

int signed_verify(const PKCS7 *message, X509 *cert, struct slice content, unsigned flags)
{
	const PKCS7_SIGNER_INFO *signer = signed_signer(message);
	int nid = OBJ_obj2nid(signer->digest_alg->algorithm), len;
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const EVP_MD *md = EVP_get_digestbynid(nid);
	uint8_t *attributes = NULL;
	bool is_signed;

	if (!digest_is_listed(nid, flags) || !md || !signature_is_listed(signer->digest_enc_alg) ||
	    !key || !key_is_listed(key, flags)) {
		ERR_clear_error();
		return CRYPTO_BAD_ALGORITHM;
	}
	if (!content.bytes)
		content = slice_of("", 0);
	if (sk_X509_ATTRIBUTE_num(signer->auth_attr) <= 0) {
		is_signed = key_signed(key, md, signer->enc_digest, content);
	} else {
		/* what is signed are the attributes, encoded as a SET OF in the order they came */
		len = ASN1_item_i2d((const ASN1_VALUE *)signer->auth_attr, &attributes,
				    ASN1_ITEM_rptr(PKCS7_ATTR_VERIFY));
		is_signed =
			len > 0 && attributes_fit(signer, content, md) &&
			key_signed(key, md, signer->enc_digest, slice_of(attributes, (size_t)len));
		OPENSSL_free(attributes);
	}
	ERR_clear_error();
	return is_signed ? 0 : CRYPTO_BAD_TAG;
}

static bool add_signing_time(PKCS7_SIGNER_INFO *signer, int64_t now)
{
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)now);

	if (time &&
	    PKCS7_add_signed_attribute(signer, NID_pkcs9_signingTime, time->type, time) == 1)
		return true;
	ASN1_TIME_free(time);
	return false;
}

int signed_begin(PKCS7 **out, const struct crypto_cert *signer, const struct crypto_key *key,
		 int64_t now, struct err *err)
{
	const int flags = PKCS7_BINARY | PKCS7_NOSMIMECAP | PKCS7_PARTIAL;
	CLEANUP(pkcs7_free_p) PKCS7 *message = PKCS7_sign(NULL, NULL, NULL, NULL, flags);
	PKCS7_SIGNER_INFO *info;

	if (!message)
		return openssl_fail(err, ERR_NO_MEMORY, "make a signed message");
	info = PKCS7_sign_add_signer(message, signer->x509, key->pkey, EVP_sha256(), flags);
	if (!info)
		return openssl_fail(err, ERR_USAGE, "sign with this key and certificate");
	/* without it OpenSSL would put in the time of its own clock */
	if (!add_signing_time(info, now))
		return openssl_fail(err, ERR_NO_MEMORY, "make a signed message");
	*out = STEAL(message);
	return 0;
}

int signed_finish(PKCS7 *message, struct slice content, bool is_detached, struct buf *der,
		  struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = NULL;
	uint8_t *bytes = NULL;
	int len;

	bio = BIO_new_mem_buf(content.len ? content.bytes : (const void *)"", (int)content.len);
	if (!bio || PKCS7_set_detached(message, is_detached) < 0 ||
	    PKCS7_final(message, bio, PKCS7_BINARY) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "sign a message");
	len = i2d_PKCS7(message, &bytes);
	return append_owned(der, bytes, len, err);
}

int crypto_signed_make(struct buf *der, struct slice content, const struct crypto_cert *signer,
		       const struct crypto_key *key, const struct crypto_cert *const *chain,
		       size_t chain_count, int64_t now, unsigned flags, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	size_t i;
	int r;

	if (content.len > CRYPTO_SIGNED_MAX / 2)
		return err_set(err, ERR_LIMIT, "%zu bytes to sign, limit %d", content.len,
			       CRYPTO_SIGNED_MAX / 2);
	r = signed_begin(&message, signer, key, now, err);
	if (r < 0)
		return r;
	for (i = 0; i < chain_count; i++)
		if (PKCS7_add_certificate(message, chain[i]->x509) != 1)
			return openssl_fail(err, ERR_NO_MEMORY, "add a certificate");
	return signed_finish(message, content, flags & CRYPTO_SIGNED_DETACHED, der, err);
}

void crypto_signed_init(struct crypto_signed *sig)
{
	*sig = (struct crypto_signed){
		.content = BUF_INIT(CRYPTO_SIGNED_MAX),
		.signer = BUF_INIT(CRYPTO_PEM_MAX),
	};
}

void crypto_signed_clear(struct crypto_signed *sig)
{
	buf_clear(&sig->content);
	buf_clear(&sig->signer);
}

static int open_signed(struct crypto_signed *out, const PKCS7 *message, struct slice detached,
		       unsigned flags, struct err *err)
{
	struct slice content = signed_content(message);
	X509 *cert = signed_cert(message);
	uint8_t *bytes = NULL;
	int len, r;

	if (!cert)
		return err_set(err, ERR_PROTOCOL,
			       "a signed message without its signer's certificate");
	if (flags & CRYPTO_SIGNED_DETACHED) {
		if (content.len > 0)
			return err_set(err, ERR_PROTOCOL, "a signature that is not detached");
		content = detached;
	}
	r = signed_verify(message, cert, content, flags);
	if (r != 0)
		return r;
	len = i2d_X509(cert, &bytes);
	r = append_owned(&out->signer, bytes, len, err);
	if (r < 0 || flags & CRYPTO_SIGNED_DETACHED)
		return r;
	return buf_append_slice(&out->content, content, err);
}

int crypto_signed_open(struct crypto_signed *out, struct slice der, struct slice detached,
		       unsigned flags, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	int r;

	crypto_signed_clear(out);
	r = signed_read(&message, der, CRYPTO_SIGNED_MAX, err);
	if (r < 0)
		return r;
	r = open_signed(out, message, detached, flags, err);
	if (r != 0)
		crypto_signed_clear(out);
	return r;
}
