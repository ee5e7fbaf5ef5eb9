/*
 * crypto/identity_seal - what anybody may put away and only one key takes out again
 *
 * libsodium's sealed boxes (X25519, XSalsa20-Poly1305): whoever stores an unlock token needs no
 * secret for it, and a copy of the database opens nothing.
 */
#include <assert.h>
#include <sodium.h>

#include "crypto/identity.h"

static int start(struct err *err)
{
	static_assert(crypto_box_PUBLICKEYBYTES == CRYPTO_SEAL_KEY_LEN, "as the header says");
	static_assert(crypto_box_SECRETKEYBYTES == CRYPTO_SEAL_KEY_LEN, "as the header says");
	static_assert(crypto_box_SEALBYTES == CRYPTO_SEAL_OVERHEAD, "as the header says");

	if (sodium_init() < 0)
		return err_set(err, ERR_IO, "libsodium does not start");
	return 0;
}

int crypto_seal_keys(uint8_t public_key[CRYPTO_SEAL_KEY_LEN],
		     uint8_t private_key[CRYPTO_SEAL_KEY_LEN], struct err *err)
{
	int r;

	r = start(err);
	if (r < 0)
		return r;
	crypto_box_keypair(public_key, private_key);
	return 0;
}

int crypto_seal_public(const uint8_t private_key[CRYPTO_SEAL_KEY_LEN],
		       uint8_t public_key[CRYPTO_SEAL_KEY_LEN], struct err *err)
{
	int r;

	r = start(err);
	if (r < 0)
		return r;
	crypto_scalarmult_base(public_key, private_key);
	return 0;
}

int crypto_seal(const uint8_t public_key[CRYPTO_SEAL_KEY_LEN], struct slice in, struct buf *out,
		struct err *err)
{
	int r;

	r = start(err);
	if (r < 0)
		return r;
	if (in.len > CRYPTO_SEAL_MAX)
		return err_set(err, ERR_LIMIT, "%zu bytes to seal, limit %d", in.len,
			       CRYPTO_SEAL_MAX);
	r = buf_reserve(out, in.len + CRYPTO_SEAL_OVERHEAD, err);
	if (r < 0)
		return r;
	if (crypto_box_seal(out->bytes + out->len, in.bytes, in.len, public_key) != 0)
		return err_set(err, ERR_USAGE, "no public key to seal for");
	out->len += in.len + CRYPTO_SEAL_OVERHEAD;
	return 0;
}

int crypto_seal_open(const uint8_t private_key[CRYPTO_SEAL_KEY_LEN], struct slice sealed,
		     struct buf *out, struct err *err)
{
	uint8_t public_key[CRYPTO_SEAL_KEY_LEN];
	int r;

	r = crypto_seal_public(private_key, public_key, err);
	if (r < 0)
		return r;
	if (sealed.len > CRYPTO_SEAL_MAX + CRYPTO_SEAL_OVERHEAD)
		return err_set(err, ERR_LIMIT, "%zu sealed bytes", sealed.len);
	if (sealed.len < CRYPTO_SEAL_OVERHEAD)
		return CRYPTO_BAD_TAG;
	r = buf_reserve(out, sealed.len - CRYPTO_SEAL_OVERHEAD, err);
	if (r < 0)
		return r;
	if (crypto_box_seal_open(out->bytes + out->len, sealed.bytes, sealed.len, public_key,
				 private_key) != 0)
		return CRYPTO_BAD_TAG;
	out->len += sealed.len - CRYPTO_SEAL_OVERHEAD;
	return 0;
}
