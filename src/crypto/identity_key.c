/*
 * crypto/identity_key - private keys as objects, so that each is parsed once
 */
#include <stdlib.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/identity_internal.h"

bool key_is_listed(const EVP_PKEY *key, unsigned flags)
{
	int bits = EVP_PKEY_get_bits(key), bits_min = flags & CRYPTO_ALLOW_WEAK ? 1024 : 2048;
	char curve[32];

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return bits >= bits_min && bits <= RSA_BITS_MAX;
	case EVP_PKEY_EC:
		return EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
		       (strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0);
	default:
		return false;
	}
}

bool digest_is_listed(int nid, unsigned flags)
{
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512 ||
	       (nid == NID_sha1 && (flags & CRYPTO_ALLOW_WEAK) != 0);
}

int append_owned(struct buf *out, uint8_t *bytes, int len, struct err *err)
{
	int r;

	if (len <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "write DER");
	r = buf_append(out, bytes, (size_t)len, err);
	OPENSSL_free(bytes);
	return r;
}

static int key_wrap(struct crypto_key **out, EVP_PKEY *pkey, struct err *err)
{
	struct crypto_key *key = malloc(sizeof(*key));

	if (!key) {
		EVP_PKEY_free(pkey);
		return err_no_memory(err);
	}
	key->pkey = pkey;
	*out = key;
	return 0;
}

int crypto_key_make(struct crypto_key **out, enum crypto_key_kind kind, struct err *err)
{
	EVP_PKEY *pkey = NULL;

	switch (kind) {
	case CRYPTO_KEY_RSA_2048:
		pkey = EVP_RSA_gen(2048);
		break;
	case CRYPTO_KEY_RSA_3072:
		pkey = EVP_RSA_gen(3072);
		break;
	case CRYPTO_KEY_EC_P256:
		pkey = EVP_EC_gen("P-256");
		break;
	}
	if (!pkey)
		return openssl_fail(err, ERR_NO_MEMORY, "make a key");
	return key_wrap(out, pkey, err);
}

int crypto_key_read(struct crypto_key **out, struct slice pem, struct err *err)
{
	CLEANUP(pkey_free_p) EVP_PKEY *pkey = NULL;
	int r;

	r = read_private(&pkey, pem, err);
	if (r < 0)
		return r;
	if (!key_is_listed(pkey, 0))
		return err_set(
			err, ERR_UNSUPPORTED,
			"a key that is neither RSA of 2048 to 4096 bits nor EC P-256 or P-384");
	return key_wrap(out, STEAL(pkey), err);
}

int crypto_key_write(const struct crypto_key *key, struct buf *pem, struct err *err)
{
	CLEANUP(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "write a private key");
	len = BIO_get_mem_data(bio, &bytes);
	return buf_append(pem, bytes, (size_t)len, err);
}

int crypto_key_spki(const struct crypto_key *key, struct buf *der, struct err *err)
{
	uint8_t *bytes = NULL;
	int len = i2d_PUBKEY(key->pkey, &bytes);

	return append_owned(der, bytes, len, err);
}

void crypto_key_free(struct crypto_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey); /* OpenSSL wipes the numbers of a private key */
	free(key);
}

void crypto_key_free_p(struct crypto_key **key)
{
	crypto_key_free(*key);
}
