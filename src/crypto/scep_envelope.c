/*
 * crypto/scep_envelope - EnvelopedData: the inside of SCEP messages
 *
 * Opened by hand, as OpenSSL takes any cipher that it knows, and knows single DES no more.  Key
 * transport is RSA with PKCS#1 v1.5 padding, all that SCEP has; so an answer must not tell a
 * wrong padding from wrong content (RFC 3218, 2.3.2): a random key takes the place of the one that
 * could not be had, and the content fails.
 */
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "crypto/identity_internal.h"

enum { CONTENT_KEY_MAX = 32, RECIPIENTS_MAX = 16 };

static const struct cipher {
	int nid;
	const EVP_CIPHER *(*evp)(void);
	int key_len, block_len;
	bool is_weak;
} ciphers[] = {
	[CRYPTO_SCEP_AES128] = {NID_aes_128_cbc, EVP_aes_128_cbc, 16, 16, false},
	[CRYPTO_SCEP_AES192] = {NID_aes_192_cbc, EVP_aes_192_cbc, 24, 16, false},
	[CRYPTO_SCEP_AES256] = {NID_aes_256_cbc, EVP_aes_256_cbc, 32, 16, false},
	[CRYPTO_SCEP_3DES] = {NID_des_ede3_cbc, EVP_des_ede3_cbc, 24, 8, false},
	/* DES is triple DES with three equal keys */
	[CRYPTO_SCEP_DES] = {NID_des_cbc, EVP_des_ede3_cbc, 8, 8, true},
};

static void pkey_ctx_free_p(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

int scep_envelop(struct buf *der, struct slice payload, X509 *recipient,
		 enum crypto_scep_cipher cipher, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = BIO_new_mem_buf(payload.bytes, (int)payload.len);
	CLEANUP(certs_free_p) STACK_OF(X509) *to = sk_X509_new_null();
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	EVP_PKEY *key = X509_get0_pubkey(recipient);
	uint8_t *bytes = NULL;
	int len;

	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(key) > RSA_BITS_MAX) {
		ERR_clear_error();
		return CRYPTO_BAD_ALGORITHM;
	}
	if (!bio || !to || sk_X509_push(to, recipient) <= 0)
		return err_no_memory(err);
	message = PKCS7_encrypt(to, bio, ciphers[cipher].evp(), PKCS7_BINARY);
	if (!message)
		return openssl_fail(err, ERR_NO_MEMORY, "envelop a message");
	len = i2d_PKCS7(message, &bytes);
	return append_owned(der, bytes, len, err);
}

static int read_enveloped(PKCS7 **out, struct slice der, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const uint8_t *at = der.bytes;

	if (der.len == 0 || der.len > CRYPTO_SCEP_MAX)
		return err_set(err, ERR_LIMIT, "an enveloped message of %zu bytes, limit %d",
			       der.len, CRYPTO_SCEP_MAX);
	message = d2i_PKCS7(NULL, &at, (long)der.len);
	if (!message || at != der.bytes + der.len)
		return openssl_fail(err, ERR_PROTOCOL, "read an enveloped message");
	if (!PKCS7_type_is_enveloped(message) || !message->d.enveloped ||
	    !message->d.enveloped->enc_data->enc_data ||
	    sk_PKCS7_RECIP_INFO_num(message->d.enveloped->recipientinfo) > RECIPIENTS_MAX)
		return err_set(err, ERR_PROTOCOL, "no EnvelopedData with content");
	*out = STEAL(message);
	return 0;
}

static const PKCS7_RECIP_INFO *find_recipient(const PKCS7 *message, const X509 *cert)
{
	const STACK_OF(PKCS7_RECIP_INFO) *all = message->d.enveloped->recipientinfo;
	int i;

	for (i = 0; i < sk_PKCS7_RECIP_INFO_num(all); i++) {
		const PKCS7_RECIP_INFO *each = sk_PKCS7_RECIP_INFO_value(all, i);

		if (X509_NAME_cmp(each->issuer_and_serial->issuer, X509_get_issuer_name(cert)) ==
			    0 &&
		    ASN1_INTEGER_cmp(each->issuer_and_serial->serial,
				     X509_get0_serialNumber(cert)) == 0)
			return each;
	}
	return NULL;
}

/* which of our ciphers, and its IV; false if none or not allowed */
static bool find_cipher(const X509_ALGOR *algorithm, unsigned flags,
			enum crypto_scep_cipher *cipher, struct slice *iv)
{
	int nid = OBJ_obj2nid(algorithm->algorithm);
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ciphers); i++)
		if (ciphers[i].nid == nid)
			break;
	if (i == ARRAY_COUNT(ciphers) || (ciphers[i].is_weak && !(flags & CRYPTO_ALLOW_WEAK)) ||
	    !algorithm->parameter || algorithm->parameter->type != V_ASN1_OCTET_STRING ||
	    ASN1_STRING_length(algorithm->parameter->value.octet_string) != ciphers[i].block_len)
		return false;
	*cipher = (enum crypto_scep_cipher)i;
	*iv = slice_of(ASN1_STRING_get0_data(algorithm->parameter->value.octet_string),
		       (size_t)ciphers[i].block_len);
	return true;
}

/* the content's key, or random bytes: the same to whoever watches */
static int unwrap_key(EVP_PKEY *key, const ASN1_OCTET_STRING *wrapped, size_t key_len,
		      uint8_t out[CONTENT_KEY_MAX], struct err *err)
{
	CLEANUP(pkey_ctx_free_p) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t bytes[RSA_BITS_MAX / 8];
	size_t len = sizeof(bytes), i;
	uint8_t is_good;

	if (!ctx || EVP_PKEY_decrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    RAND_priv_bytes(out, CONTENT_KEY_MAX) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "open an enveloped message");
	memset(bytes, 0, sizeof(bytes));
	is_good = EVP_PKEY_decrypt(ctx, bytes, &len, ASN1_STRING_get0_data(wrapped),
				   (size_t)ASN1_STRING_length(wrapped)) == 1 &&
		  len == key_len;
	for (i = 0; i < key_len; i++)
		out[i] = (uint8_t)((bytes[i] & -is_good) | (out[i] & (is_good - 1)));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	ERR_clear_error();
	return 0;
}

static int decipher(const struct cipher *cipher, const uint8_t key[CONTENT_KEY_MAX],
		    struct slice iv, const ASN1_OCTET_STRING *content, struct buf *out,
		    struct err *err)
{
	CLEANUP(cipher_ctx_free_p) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = ASN1_STRING_length(content), first = 0, last = 0, r;
	bool is_good;

	r = buf_reserve(out, (size_t)len + CRYPTO_BLOCK_LEN, err);
	if (r < 0)
		return r;
	if (!ctx || EVP_DecryptInit_ex(ctx, cipher->evp(), NULL, key, iv.bytes) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "open an enveloped message");
	is_good = EVP_DecryptUpdate(ctx, out->bytes + out->len, &first,
				    ASN1_STRING_get0_data(content), len) == 1 &&
		  EVP_DecryptFinal_ex(ctx, out->bytes + out->len + first, &last) == 1;
	ERR_clear_error();
	if (!is_good)
		return CRYPTO_BAD_TAG;
	out->len += (size_t)(first + last);
	return 0;
}

static int open_for(const PKCS7_RECIP_INFO *recipient, const PKCS7_ENC_CONTENT *content,
		    const struct cipher *cipher, struct slice iv, const struct crypto_key *key,
		    struct buf *out, struct err *err)
{
	uint8_t content_key[CONTENT_KEY_MAX];
	int r;

	r = unwrap_key(key->pkey, recipient->enc_key, (size_t)cipher->key_len, content_key, err);
	if (r < 0)
		return r;
	if (cipher->is_weak) {
		memcpy(content_key + 8, content_key, 8);
		memcpy(content_key + 16, content_key, 8);
	}
	r = decipher(cipher, content_key, iv, content->enc_data, out, err);
	OPENSSL_cleanse(content_key, sizeof(content_key));
	return r;
}

int crypto_scep_open(struct slice enveloped, const struct crypto_cert *cert,
		     const struct crypto_key *key, unsigned flags, struct buf *out,
		     enum crypto_scep_cipher *cipher, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const PKCS7_RECIP_INFO *recipient;
	const PKCS7_ENC_CONTENT *content;
	enum crypto_scep_cipher found;
	struct slice iv;
	int r;

	r = read_enveloped(&message, enveloped, err);
	if (r < 0)
		return r;
	recipient = find_recipient(message, cert->x509);
	if (!recipient)
		return err_set(err, ERR_PROTOCOL, "a message that is enveloped for others");
	content = message->d.enveloped->enc_data;
	if (EVP_PKEY_get_base_id(key->pkey) != EVP_PKEY_RSA ||
	    OBJ_obj2nid(recipient->key_enc_algor->algorithm) != NID_rsaEncryption ||
	    !find_cipher(content->algorithm, flags, &found, &iv))
		return CRYPTO_BAD_ALGORITHM;
	r = open_for(recipient, content, &ciphers[found], iv, key, out, err);
	if (r == 0)
		*cipher = found;
	return r;
}
