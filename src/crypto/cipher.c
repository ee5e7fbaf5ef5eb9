/*
 * crypto/cipher - AES-256 as key wrap, CBC, GCM and as a reproducible stream
 *
 * Contexts are made once and get a new key or nonce per use: making one costs
 * more than enciphering a small file.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "crypto/internal.h"

/* ---- RFC 3394 ---- */

/*
 * A million-row manifest holds a wrapped key per file.  OpenSSL's own key wrap
 * leaves the processor's AES instructions unused (4.6 us each); the same steps
 * over its AES block take a quarter of that.
 */
enum { HALF_LEN = 8, HALVES = CRYPTO_KEY_LEN / HALF_LEN, WRAP_STEPS = 6 * HALVES };

static const uint8_t wrap_iv[HALF_LEN] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

static EVP_CIPHER_CTX *block_ctx_new(const uint8_t kek[CRYPTO_KEY_LEN], int is_wrapping)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!ctx || EVP_CipherInit_ex2(ctx, algorithms()->ecb, kek, NULL, is_wrapping, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	return ctx;
}

/* the step counter is xored into the first half of the block */
static void count_step(uint8_t block[CRYPTO_BLOCK_LEN], int step)
{
	block[HALF_LEN - 1] ^= (uint8_t)step;
}

int crypto_wrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t key[CRYPTO_KEY_LEN],
		uint8_t out[CRYPTO_WRAPPED_LEN], struct err *err)
{
	CLEANUP(cipher_ctx_free_p) EVP_CIPHER_CTX *ctx = block_ctx_new(kek, 1);
	uint8_t halves[CRYPTO_KEY_LEN], block[CRYPTO_BLOCK_LEN], *half;
	int step, len, r = 0;

	if (!ctx)
		return openssl_fail(err, ERR_NO_MEMORY, "wrap a key");
	memcpy(block, wrap_iv, HALF_LEN);
	memcpy(halves, key, CRYPTO_KEY_LEN);
	for (step = 1; step <= WRAP_STEPS && r == 0; step++) {
		half = halves + (size_t)((step - 1) % HALVES) * HALF_LEN;
		memcpy(block + HALF_LEN, half, HALF_LEN);
		if (EVP_EncryptUpdate(ctx, block, &len, block, CRYPTO_BLOCK_LEN) != 1)
			r = openssl_fail(err, ERR_IO, "wrap a key");
		count_step(block, step);
		memcpy(half, block + HALF_LEN, HALF_LEN);
	}
	if (r == 0) {
		memcpy(out, block, HALF_LEN);
		memcpy(out + HALF_LEN, halves, CRYPTO_KEY_LEN);
	}
	OPENSSL_cleanse(halves, sizeof(halves));
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

int crypto_unwrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t wrapped[CRYPTO_WRAPPED_LEN],
		  uint8_t out[CRYPTO_KEY_LEN], struct err *err)
{
	CLEANUP(cipher_ctx_free_p) EVP_CIPHER_CTX *ctx = block_ctx_new(kek, 0);
	uint8_t halves[CRYPTO_KEY_LEN], block[CRYPTO_BLOCK_LEN], *half;
	int step, len, r = 0;

	if (!ctx)
		return openssl_fail(err, ERR_NO_MEMORY, "unwrap a key");
	memcpy(block, wrapped, HALF_LEN);
	memcpy(halves, wrapped + HALF_LEN, CRYPTO_KEY_LEN);
	for (step = WRAP_STEPS; step >= 1 && r == 0; step--) {
		half = halves + (size_t)((step - 1) % HALVES) * HALF_LEN;
		memcpy(block + HALF_LEN, half, HALF_LEN);
		count_step(block, step);
		if (EVP_DecryptUpdate(ctx, block, &len, block, CRYPTO_BLOCK_LEN) != 1)
			r = openssl_fail(err, ERR_IO, "unwrap a key");
		memcpy(half, block + HALF_LEN, HALF_LEN);
	}
	if (r == 0 && !crypto_equal(block, wrap_iv, HALF_LEN))
		r = CRYPTO_BAD_TAG;
	if (r == 0)
		memcpy(out, halves, CRYPTO_KEY_LEN);
	OPENSSL_cleanse(halves, sizeof(halves));
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

/* ---- CBC ---- */

struct crypto_cbc {
	EVP_CIPHER_CTX *ctx;
};

int crypto_cbc_new(struct crypto_cbc **out, struct err *err)
{
	struct crypto_cbc *cbc = calloc(1, sizeof(*cbc));

	if (!cbc)
		return err_no_memory(err);
	cbc->ctx = EVP_CIPHER_CTX_new();
	if (!cbc->ctx) {
		free(cbc);
		return err_no_memory(err);
	}
	*out = cbc;
	return 0;
}

void crypto_cbc_free(struct crypto_cbc *cbc)
{
	if (!cbc)
		return;
	EVP_CIPHER_CTX_free(cbc->ctx);
	free(cbc);
}

int crypto_cbc_start(struct crypto_cbc *cbc, bool is_encrypting, const uint8_t key[CRYPTO_KEY_LEN],
		     const uint8_t iv[CRYPTO_BLOCK_LEN], struct err *err)
{
	if (EVP_CipherInit_ex2(cbc->ctx, algorithms()->cbc, key, iv, is_encrypting, NULL) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "start AES-CBC");
	EVP_CIPHER_CTX_set_padding(cbc->ctx, 0);
	return 0;
}

int crypto_cbc_restart(struct crypto_cbc *cbc, const uint8_t iv[CRYPTO_BLOCK_LEN], struct err *err)
{
	if (EVP_CipherInit_ex2(cbc->ctx, NULL, NULL, iv, -1, NULL) != 1)
		return openssl_fail(err, ERR_USAGE, "restart AES-CBC");
	return 0;
}

int crypto_cbc_update(struct crypto_cbc *cbc, const uint8_t *in, size_t len, uint8_t *out,
		      struct err *err)
{
	size_t part;
	int got;

	if (len % CRYPTO_BLOCK_LEN != 0)
		return err_set(err, ERR_USAGE, "AES-CBC over %zu bytes: not whole blocks", len);
	for (; len > 0; in += part, out += part, len -= part) {
		part = len < UPDATE_LEN_MAX ? len : UPDATE_LEN_MAX;
		if (EVP_CipherUpdate(cbc->ctx, out, &got, in, (int)part) != 1 ||
		    (size_t)got != part)
			return openssl_fail(err, ERR_IO, "AES-CBC");
	}
	return 0;
}

/* ---- GCM ---- */

struct crypto_gcm {
	EVP_CIPHER_CTX *seal, *open; /* keyed; a use only sets the nonce */
};

int crypto_gcm_new(struct crypto_gcm **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err)
{
	struct crypto_gcm *gcm = calloc(1, sizeof(*gcm));

	if (!gcm)
		return err_no_memory(err);
	gcm->seal = EVP_CIPHER_CTX_new();
	gcm->open = EVP_CIPHER_CTX_new();
	if (!gcm->seal || !gcm->open ||
	    EVP_EncryptInit_ex2(gcm->seal, algorithms()->gcm, key, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(gcm->open, algorithms()->gcm, key, NULL, NULL) != 1) {
		crypto_gcm_free(gcm);
		return openssl_fail(err, ERR_NO_MEMORY, "start AES-GCM");
	}
	*out = gcm;
	return 0;
}

void crypto_gcm_free(struct crypto_gcm *gcm)
{
	if (!gcm)
		return;
	EVP_CIPHER_CTX_free(gcm->seal);
	EVP_CIPHER_CTX_free(gcm->open);
	free(gcm);
}

static int check_gcm_lengths(struct slice aad, size_t len, struct err *err)
{
	if (aad.len > UPDATE_LEN_MAX || len > UPDATE_LEN_MAX)
		return err_set(err, ERR_LIMIT, "AES-GCM over %zu bytes, limit %d", len,
			       UPDATE_LEN_MAX);
	return 0;
}

int crypto_gcm_seal(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err)
{
	EVP_CIPHER_CTX *ctx = gcm->seal;
	int len, r;

	r = check_gcm_lengths(aad, in.len, err);
	if (r < 0)
		return r;
	if (EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) != 1 ||
	    (aad.len > 0 && EVP_EncryptUpdate(ctx, NULL, &len, aad.bytes, (int)aad.len) != 1) ||
	    (in.len > 0 && EVP_EncryptUpdate(ctx, out, &len, in.bytes, (int)in.len) != 1) ||
	    EVP_EncryptFinal_ex(ctx, out + in.len, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_GCM_TAG_LEN, out + in.len) != 1)
		return openssl_fail(err, ERR_IO, "seal with AES-GCM");
	return 0;
}

int crypto_gcm_open(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err)
{
	EVP_CIPHER_CTX *ctx = gcm->open;
	uint8_t tag[CRYPTO_GCM_TAG_LEN], none;
	size_t text_len;
	int len, r;

	if (in.len < CRYPTO_GCM_TAG_LEN)
		return CRYPTO_BAD_TAG;
	text_len = in.len - CRYPTO_GCM_TAG_LEN;
	r = check_gcm_lengths(aad, text_len, err);
	if (r < 0)
		return r;
	memcpy(tag, in.bytes + text_len, sizeof(tag));
	if (EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) != 1 ||
	    (aad.len > 0 && EVP_DecryptUpdate(ctx, NULL, &len, aad.bytes, (int)aad.len) != 1) ||
	    (text_len > 0 && EVP_DecryptUpdate(ctx, out, &len, in.bytes, (int)text_len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) != 1)
		return openssl_fail(err, ERR_IO, "open with AES-GCM");
	if (EVP_DecryptFinal_ex(ctx, &none, &len) != 1) {
		/* what was deciphered is not authentic: nobody shall use it by mistake */
		OPENSSL_cleanse(out, text_len);
		ERR_clear_error();
		return CRYPTO_BAD_TAG;
	}
	return 0;
}

/* ---- reproducible bytes ---- */

struct crypto_stream {
	EVP_CIPHER_CTX *ctx;
	uint8_t key[CRYPTO_KEY_LEN];
	bool is_keyed;
};

int crypto_stream_new(struct crypto_stream **out, struct err *err)
{
	struct crypto_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return err_no_memory(err);
	stream->ctx = EVP_CIPHER_CTX_new();
	if (!stream->ctx) {
		free(stream);
		return err_no_memory(err);
	}
	*out = stream;
	return 0;
}

int crypto_stream_at(struct crypto_stream *stream, const uint8_t key[CRYPTO_KEY_LEN],
		     uint64_t offset, uint8_t *out, size_t len, struct err *err)
{
	/* enciphering a small block of zeros again and again spares a pass over @out */
	static const uint8_t zeros[16 << 10];
	uint8_t counter[CRYPTO_BLOCK_LEN] = {0};
	bool is_same = stream->is_keyed && memcmp(stream->key, key, CRYPTO_KEY_LEN) == 0;
	size_t part;
	int got;

	if (offset % CRYPTO_BLOCK_LEN != 0)
		return err_set(err, ERR_USAGE, "stream offset %llu is not a multiple of 16",
			       (unsigned long long)offset);
	put_u64be(counter + 8, offset / CRYPTO_BLOCK_LEN);
	if (EVP_EncryptInit_ex2(stream->ctx, is_same ? NULL : algorithms()->ctr,
				is_same ? NULL : key, counter, NULL) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "start AES-CTR");
	memcpy(stream->key, key, CRYPTO_KEY_LEN);
	stream->is_keyed = true;
	for (; len > 0; out += part, len -= part) {
		part = len < sizeof(zeros) ? len : sizeof(zeros);
		if (EVP_EncryptUpdate(stream->ctx, out, &got, zeros, (int)part) != 1)
			return openssl_fail(err, ERR_IO, "AES-CTR");
	}
	return 0;
}

void crypto_stream_free(struct crypto_stream *stream)
{
	if (!stream)
		return;
	EVP_CIPHER_CTX_free(stream->ctx);
	OPENSSL_cleanse(stream, sizeof(*stream));
	free(stream);
}
