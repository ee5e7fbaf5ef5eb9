/*
 * crypto/digest - SHA-1, SHA-256 and HMAC-SHA-256
 *
 * Uses OpenSSL's plain block functions although 3.0 marks them deprecated: they
 * neither allocate nor fail, and a copied SHA256_CTX is a keyed HMAC at no cost.
 * EVP duplicates a context through its provider for every HMAC, which for chunks
 * of 8 KiB is a measurable part of the whole.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdlib.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "crypto/internal.h"

void crypto_sha1(struct slice in, uint8_t out[CRYPTO_SHA1_LEN])
{
	SHA_CTX sha1;

	SHA1_Init(&sha1);
	SHA1_Update(&sha1, in.bytes, in.len);
	SHA1_Final(out, &sha1);
	OPENSSL_cleanse(&sha1, sizeof(sha1)); /* a long password is hashed before PBKDF2 */
}

void crypto_sha256(struct slice in, uint8_t out[CRYPTO_SHA256_LEN])
{
	SHA256_CTX sha256;

	SHA256_Init(&sha256);
	SHA256_Update(&sha256, in.bytes, in.len);
	SHA256_Final(out, &sha256);
	OPENSSL_cleanse(&sha256, sizeof(sha256));
}

struct crypto_sha1 {
	SHA_CTX ctx;
};

int crypto_sha1_new(struct crypto_sha1 **out, struct err *err)
{
	struct crypto_sha1 *sha1 = calloc(1, sizeof(*sha1));

	if (!sha1)
		return err_no_memory(err);
	SHA1_Init(&sha1->ctx);
	*out = sha1;
	return 0;
}

void crypto_sha1_reset(struct crypto_sha1 *sha1)
{
	SHA1_Init(&sha1->ctx);
}

void crypto_sha1_update(struct crypto_sha1 *sha1, struct slice in)
{
	SHA1_Update(&sha1->ctx, in.bytes, in.len);
}

void crypto_sha1_final(struct crypto_sha1 *sha1, uint8_t out[CRYPTO_SHA1_LEN])
{
	SHA1_Final(out, &sha1->ctx);
}

void crypto_sha1_free(struct crypto_sha1 *sha1)
{
	free(sha1);
}

/* both halves of HMAC after the padded key went in: copied for each message */
struct crypto_mac {
	SHA256_CTX inner, outer;
};

int crypto_mac_new(struct crypto_mac **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err)
{
	struct crypto_mac *mac = calloc(1, sizeof(*mac));
	uint8_t block[SHA256_CBLOCK];
	size_t i;

	if (!mac)
		return err_no_memory(err);
	for (i = 0; i < sizeof(block); i++)
		block[i] = (i < CRYPTO_KEY_LEN ? key[i] : 0) ^ 0x36;
	SHA256_Init(&mac->inner);
	SHA256_Update(&mac->inner, block, sizeof(block));
	for (i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c;
	SHA256_Init(&mac->outer);
	SHA256_Update(&mac->outer, block, sizeof(block));
	OPENSSL_cleanse(block, sizeof(block));
	*out = mac;
	return 0;
}

int crypto_mac_compute(struct crypto_mac *mac, struct slice in, uint8_t out[CRYPTO_SHA256_LEN],
		       struct err *err)
{
	SHA256_CTX sha256 = mac->inner;
	uint8_t digest[CRYPTO_SHA256_LEN];

	SHA256_Update(&sha256, in.bytes, in.len);
	SHA256_Final(digest, &sha256);
	sha256 = mac->outer;
	SHA256_Update(&sha256, digest, sizeof(digest));
	SHA256_Final(out, &sha256);
	OPENSSL_cleanse(&sha256, sizeof(sha256));
	return 0;
}

void crypto_mac_free(struct crypto_mac *mac)
{
	if (!mac)
		return;
	OPENSSL_cleanse(mac, sizeof(*mac));
	free(mac);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
