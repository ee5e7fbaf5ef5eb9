/*
 * crypto/derive - keys from passwords and from keys
 *
 * PBKDF2 runs ten million rounds to open one keybag.  OpenSSL copies two HMAC
 * contexts per round; here the two SHA states after the padded password are kept
 * as plain words, so that a round is exactly two compressions of one block.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <assert.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "crypto/internal.h"

enum {
	BLOCK_LEN = 64, /* of SHA-1 and SHA-256 alike */
	WORDS_MAX = 8,
	SALT_LEN_MAX = 1024,
	KEY_LEN_MAX = 1024,
};

/* the chaining words lie first in both of OpenSSL's contexts */
union sha_state {
	uint32_t words[WORDS_MAX];
	SHA_CTX sha1;
	SHA256_CTX sha256;
};
static_assert(offsetof(SHA_CTX, h0) == 0 && offsetof(SHA_CTX, h4) == 16, "SHA_CTX starts with h");
static_assert(offsetof(SHA256_CTX, h) == 0, "SHA256_CTX starts with h");

struct hash {
	const EVP_MD *(*evp)(void);
	void (*start)(union sha_state *state);
	void (*compress)(union sha_state *state, const uint8_t block[BLOCK_LEN]);
	size_t len; /* of a digest, in bytes */
};

static void sha1_start(union sha_state *state)
{
	SHA1_Init(&state->sha1);
}

static void sha1_compress(union sha_state *state, const uint8_t block[BLOCK_LEN])
{
	SHA1_Transform(&state->sha1, block);
}

static void sha256_start(union sha_state *state)
{
	SHA256_Init(&state->sha256);
}

static void sha256_compress(union sha_state *state, const uint8_t block[BLOCK_LEN])
{
	SHA256_Transform(&state->sha256, block);
}

static const struct hash hash_sha1 = {EVP_sha1, sha1_start, sha1_compress, SHA_DIGEST_LENGTH};
static const struct hash hash_sha256 = {EVP_sha256, sha256_start, sha256_compress,
					SHA256_DIGEST_LENGTH};

/* everything one derivation holds; wiped as a whole */
struct pbkdf2 {
	union sha_state inner, outer, state;
	uint8_t block[BLOCK_LEN]; /* a digest, then the padding of a message of 64 + digest bytes */
	uint8_t first[SALT_LEN_MAX + 4];
	uint32_t sum[WORDS_MAX];
};

static void pbkdf2_wipe(struct pbkdf2 *pbkdf2)
{
	OPENSSL_cleanse(pbkdf2, sizeof(*pbkdf2));
}

static void key_states(struct pbkdf2 *pbkdf2, const struct hash *hash, struct slice password)
{
	uint8_t *pad = pbkdf2->block;
	size_t i;

	memset(pad, 0, BLOCK_LEN);
	if (password.len > BLOCK_LEN && hash == &hash_sha1)
		crypto_sha1(password, pad);
	else if (password.len > BLOCK_LEN)
		crypto_sha256(password, pad);
	else if (password.len > 0)
		memcpy(pad, password.bytes, password.len);
	for (i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36;
	hash->start(&pbkdf2->inner);
	hash->compress(&pbkdf2->inner, pad);
	for (i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash->start(&pbkdf2->outer);
	hash->compress(&pbkdf2->outer, pad);
}

static void digest_store(const struct hash *hash, const uint32_t *words, uint8_t *out)
{
	size_t i;

	for (i = 0; i < hash->len / 4; i++)
		put_u32be(out + 4 * i, words[i]);
}

/* state := HMAC(password, state) */
static void hmac_round(struct pbkdf2 *pbkdf2, const struct hash *hash)
{
	digest_store(hash, pbkdf2->state.words, pbkdf2->block);
	memcpy(pbkdf2->state.words, pbkdf2->inner.words, sizeof(pbkdf2->state.words));
	hash->compress(&pbkdf2->state, pbkdf2->block);
	digest_store(hash, pbkdf2->state.words, pbkdf2->block);
	memcpy(pbkdf2->state.words, pbkdf2->outer.words, sizeof(pbkdf2->state.words));
	hash->compress(&pbkdf2->state, pbkdf2->block);
}

/* one output block: the xor of all rounds, the first over salt and block number */
static int output_block(struct pbkdf2 *pbkdf2, const struct hash *hash, struct slice password,
			struct slice salt, uint32_t number, uint32_t rounds, struct err *err)
{
	uint32_t round;
	size_t i, words = hash->len / 4;

	if (salt.len > 0)
		memcpy(pbkdf2->first, salt.bytes, salt.len);
	put_u32be(pbkdf2->first + salt.len, number);
	if (!HMAC(hash->evp(), password.len ? password.bytes : (const uint8_t *)"",
		  (int)password.len, pbkdf2->first, salt.len + 4, pbkdf2->block, NULL))
		return openssl_fail(err, ERR_NO_MEMORY, "derive a key");

	for (i = 0; i < words; i++)
		pbkdf2->sum[i] = pbkdf2->state.words[i] = get_u32be(pbkdf2->block + 4 * i);
	memset(pbkdf2->block, 0, BLOCK_LEN);
	pbkdf2->block[hash->len] = 0x80;
	put_u32be(pbkdf2->block + BLOCK_LEN - 4, (uint32_t)(BLOCK_LEN + hash->len) * 8);
	for (round = 1; round < rounds; round++) {
		hmac_round(pbkdf2, hash);
		for (i = 0; i < words; i++)
			pbkdf2->sum[i] ^= pbkdf2->state.words[i];
	}
	return 0;
}

static int derive(const struct hash *hash, struct slice password, struct slice salt,
		  uint32_t rounds, uint8_t *out, size_t out_len, struct err *err)
{
	CLEANUP(pbkdf2_wipe) struct pbkdf2 pbkdf2;
	uint32_t number;
	size_t done, len;
	int r;

	memset(&pbkdf2, 0, sizeof(pbkdf2));
	if (rounds == 0)
		return err_set(err, ERR_USAGE, "key derivation with no rounds");
	if (salt.len > SALT_LEN_MAX || password.len > INT32_MAX || out_len > KEY_LEN_MAX)
		return err_set(err, ERR_LIMIT, "key derivation: salt of %zu, output of %zu bytes",
			       salt.len, out_len);
	key_states(&pbkdf2, hash, password);
	for (number = 1, done = 0; done < out_len; number++, done += len) {
		r = output_block(&pbkdf2, hash, password, salt, number, rounds, err);
		if (r < 0) {
			OPENSSL_cleanse(out, out_len);
			return r;
		}
		digest_store(hash, pbkdf2.sum, pbkdf2.block);
		len = out_len - done < hash->len ? out_len - done : hash->len;
		memcpy(out + done, pbkdf2.block, len);
	}
	return 0;
}

int crypto_pbkdf2_sha256(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
			 size_t out_len, struct err *err)
{
	return derive(&hash_sha256, password, salt, rounds, out, out_len, err);
}

int crypto_pbkdf2_sha1(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
		       size_t out_len, struct err *err)
{
	return derive(&hash_sha1, password, salt, rounds, out, out_len, err);
}

/* OpenSSL wants its inputs as mutable pointers and does not write through them */
static OSSL_PARAM octets(const char *name, struct slice slice)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)slice.bytes, slice.len);
}

static void kdf_ctx_free_p(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}

int crypto_hkdf(struct slice key, struct slice salt, const char *label, uint8_t *out,
		size_t out_len, struct err *err)
{
	CLEANUP(kdf_ctx_free_p) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(algorithms()->hkdf);
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		octets(OSSL_KDF_PARAM_KEY, key),
		octets(OSSL_KDF_PARAM_INFO, slice_text(label)),
		salt.len > 0 ? octets(OSSL_KDF_PARAM_SALT, salt) : OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || EVP_KDF_derive(ctx, out, out_len, params) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "derive a key from a key");
	return 0;
}

int crypto_argon2id(struct slice password, const uint8_t salt[16], uint32_t ops, size_t mem_bytes,
		    uint8_t *out, size_t out_len, struct err *err)
{
	static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "as the header says");

	if (sodium_init() < 0)
		return err_set(err, ERR_IO, "libsodium does not start");
	if (out_len < crypto_pwhash_argon2id_BYTES_MIN || out_len > KEY_LEN_MAX ||
	    ops < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
	    mem_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
	    mem_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX)
		return err_set(err, ERR_LIMIT, "Argon2id with %u passes over %zu bytes", ops,
			       mem_bytes);
	if (crypto_pwhash_argon2id(out, out_len, password.len ? (const char *)password.bytes : "",
				   password.len, salt, ops, mem_bytes,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return err_set(err, ERR_NO_MEMORY, "Argon2id over %zu bytes of memory", mem_bytes);
	return 0;
}
