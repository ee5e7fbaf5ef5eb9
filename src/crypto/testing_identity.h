/*
 * crypto/testing_identity - a CA with its RA and a device, made once per test program
 */
#ifndef REHOME_CRYPTO_TESTING_IDENTITY_H
#define REHOME_CRYPTO_TESTING_IDENTITY_H

#include "crypto/identity.h"
#include "crypto/testing.h"

enum { TESTING_NOW = 1793520000, TESTING_DAY = 86400 }; /* 2026-11-01 */

/** struct pair - a key and its certificate */
struct pair {
	struct crypto_key *key;
	struct crypto_cert *cert;
};

static inline void pair_clear(struct pair *pair)
{
	crypto_key_free(pair->key);
	crypto_cert_free(pair->cert);
	*pair = (struct pair){NULL};
}

static const char *const testing_names[] = {"mdm.example.org", "127.0.0.1", "::1"};

/** issue - @pair's certificate for its key, by @issuer (NULL: itself); returns what issuing does */
static inline int issue(struct pair *pair, const struct pair *issuer, enum crypto_role role,
			const char *name, unsigned days)
{
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {
		.role = role,
		.common_name = name,
		.organization = "Example",
		.names = testing_names,
		.name_count = ARRAY_COUNT(testing_names),
		.not_before = TESTING_NOW,
		.days = days,
	};
	struct err err = ERR_INIT;

	assert_int_equal(entropy_system()->fill(entropy_system(), wish.serial_entropy,
						sizeof(wish.serial_entropy), &err),
			 0);
	assert_int_equal(crypto_key_spki(pair->key, &spki, &err), 0);
	wish.spki = buf_slice(&spki);
	return crypto_cert_issue(&pair->cert, &wish, issuer ? issuer->cert : NULL,
				 issuer ? issuer->key : pair->key, &err);
}

static inline struct pair make_pair(enum crypto_key_kind kind, const struct pair *issuer,
				    enum crypto_role role, const char *name)
{
	struct pair pair = {NULL};
	struct err err = ERR_INIT;

	assert_int_equal(crypto_key_make(&pair.key, kind, &err), 0);
	assert_int_equal(issue(&pair, issuer, role, name, 365), 0);
	return pair;
}

/** testing_ca, testing_ra, testing_device - ready after testing_setup */
static struct pair testing_ca, testing_ra, testing_device;

static inline int testing_setup(void **state)
{
	testing_ca = make_pair(CRYPTO_KEY_RSA_2048, NULL, CRYPTO_ROLE_CA, "Example CA");
	testing_ra = make_pair(CRYPTO_KEY_RSA_2048, &testing_ca, CRYPTO_ROLE_RA, "Example RA");
	testing_device =
		make_pair(CRYPTO_KEY_RSA_2048, &testing_ca, CRYPTO_ROLE_DEVICE, "RHSIM000001");
	return 0;
}

static inline int testing_teardown(void **state)
{
	pair_clear(&testing_ca);
	pair_clear(&testing_ra);
	pair_clear(&testing_device);
	return 0;
}

#endif
