/*
 * crypto/rsa - RSA-2048 keys derived from a seed
 *
 * A simulated device must have the same key for the same seed, which OpenSSL's
 * own generator cannot promise.  So the two primes are searched in a stream
 * named by the seed, and the rest of the key follows from them.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "crypto/internal.h"

enum {
	PRIME_LEN = RSA_BITS / 8 / 2,
	CANDIDATES_MAX = 1 << 16, /* about 360 are needed on average */
	PUBLIC_EXPONENT = 65537,
};

static int append_pair(struct buf *private_pem, struct buf *public_pem, EVP_PKEY *key,
		       struct err *err)
{
	size_t before = private_pem->len;
	int r;

	r = append_private_pem(private_pem, key, err);
	if (r < 0)
		return r;
	r = append_public_pem(public_pem, key, err);
	if (r < 0) {
		OPENSSL_cleanse(private_pem->bytes + before, private_pem->len - before);
		buf_truncate(private_pem, before);
	}
	return r;
}

/* the numbers of a key while it is computed; all NULL or owned by @ctx */
struct numbers {
	BN_CTX *ctx;
	BIGNUM *e, *p, *q, *n, *d, *d_p, *d_q, *q_inverse, *p1, *q1, *phi;
};

static bool numbers_init(struct numbers *numbers)
{
	BIGNUM **all[] = {&numbers->e,  &numbers->p,   &numbers->q,   &numbers->n,
			  &numbers->d,  &numbers->d_p, &numbers->d_q, &numbers->q_inverse,
			  &numbers->p1, &numbers->q1,  &numbers->phi};
	size_t i;

	numbers->ctx = BN_CTX_secure_new();
	if (!numbers->ctx)
		return false;
	BN_CTX_start(numbers->ctx);
	for (i = 0; i < ARRAY_COUNT(all); i++) {
		*all[i] = BN_CTX_get(numbers->ctx);
		if (!*all[i])
			return false;
	}
	return BN_set_word(numbers->e, PUBLIC_EXPONENT) == 1;
}

static void numbers_clear(struct numbers *numbers)
{
	BIGNUM *secret[] = {numbers->p,   numbers->q,   numbers->d,
			    numbers->d_p, numbers->d_q, numbers->q_inverse,
			    numbers->p1,  numbers->q1,  numbers->phi};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(secret); i++) {
		if (secret[i])
			BN_clear(secret[i]);
	}
	if (numbers->ctx)
		BN_CTX_end(numbers->ctx);
	BN_CTX_free(numbers->ctx);
}

/* the next prime of the stream that leaves @e invertible; @at counts candidates over both primes */
static int find_prime(struct numbers *numbers, BIGNUM *prime, struct crypto_stream *stream,
		      const uint8_t seed[32], uint32_t *at, struct err *err)
{
	uint8_t bytes[PRIME_LEN];
	int r;

	for (; *at < CANDIDATES_MAX; ++*at) {
		r = crypto_stream_at(stream, seed, (uint64_t)*at * PRIME_LEN, bytes, PRIME_LEN,
				     err);
		if (r < 0)
			return r;
		bytes[0] |= 0xc0; /* two high bits: the product has RSA_BITS bits exactly */
		bytes[PRIME_LEN - 1] |= 1;
		if (!BN_bin2bn(bytes, PRIME_LEN, prime))
			return openssl_fail(err, ERR_NO_MEMORY, "derive an RSA key");
		OPENSSL_cleanse(bytes, sizeof(bytes));
		if (BN_mod_word(prime, PUBLIC_EXPONENT) == 1)
			continue;
		r = BN_check_prime(prime, numbers->ctx, NULL);
		if (r < 0)
			return openssl_fail(err, ERR_NO_MEMORY, "derive an RSA key");
		if (r == 1) {
			++*at;
			return 0;
		}
	}
	return err_set(err, ERR_LIMIT, "no prime among %d candidates", CANDIDATES_MAX);
}

/* everything that follows from the two primes */
static bool complete(struct numbers *numbers)
{
	if (BN_cmp(numbers->p, numbers->q) < 0)
		BN_swap(numbers->p, numbers->q);
	return BN_mul(numbers->n, numbers->p, numbers->q, numbers->ctx) &&
	       BN_sub(numbers->p1, numbers->p, BN_value_one()) &&
	       BN_sub(numbers->q1, numbers->q, BN_value_one()) &&
	       BN_mul(numbers->phi, numbers->p1, numbers->q1, numbers->ctx) &&
	       BN_mod_inverse(numbers->d, numbers->e, numbers->phi, numbers->ctx) &&
	       BN_mod(numbers->d_p, numbers->d, numbers->p1, numbers->ctx) &&
	       BN_mod(numbers->d_q, numbers->d, numbers->q1, numbers->ctx) &&
	       BN_mod_inverse(numbers->q_inverse, numbers->q, numbers->p, numbers->ctx);
}

static EVP_PKEY *assemble(const struct numbers *numbers)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, numbers->n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, numbers->e) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, numbers->d) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, numbers->p) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, numbers->q) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers->d_p) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers->d_q) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers->q_inverse))
		params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void stream_free_p(struct crypto_stream **stream)
{
	crypto_stream_free(*stream);
}

int crypto_rsa_derive(const uint8_t seed[32], struct buf *private_pem, struct buf *public_pem,
		      struct err *err)
{
	CLEANUP(stream_free_p) struct crypto_stream *stream = NULL;
	CLEANUP(numbers_clear) struct numbers numbers = {NULL};
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	uint32_t at = 0;
	int r;

	if (!numbers_init(&numbers))
		return openssl_fail(err, ERR_NO_MEMORY, "derive an RSA key");
	r = crypto_stream_new(&stream, err);
	if (r < 0)
		return r;
	r = find_prime(&numbers, numbers.p, stream, seed, &at, err);
	if (r < 0)
		return r;
	r = find_prime(&numbers, numbers.q, stream, seed, &at, err);
	if (r < 0)
		return r;
	if (complete(&numbers))
		key = assemble(&numbers);
	if (!key)
		return openssl_fail(err, ERR_NO_MEMORY, "derive an RSA key");
	return append_pair(private_pem, public_pem, key, err);
}
