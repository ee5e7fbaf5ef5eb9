/*
 * device_seal - AES-256-GCM with an empty IV, as keychain items in a backup are sealed
 *
 * NIST SP 800-38D lets an IV have any length from 1 bit on, and libraries refuse an empty one;
 * devices use it all the same, with J0 = 0 (docs/format/ios-backup, "Keychain").  So GHASH and
 * the counter are here, over AES blocks that crypto makes, apart from those of the reader of
 * backups, so that each is tried on the other's work.  Slow, and of no use for other data:
 * a key may seal one item only.
 */
#include "sim/management.h"

#include <string.h>

enum { BLOCK = 16 };

/** struct sealer - one key; AES of a block is CBC of a block with a zero IV */
struct sealer {
	struct crypto_cbc *cbc;
	const uint8_t *key;
	uint8_t h[BLOCK];
};

static void cbc_free_p(struct crypto_cbc **cbc)
{
	crypto_cbc_free(*cbc);
	*cbc = NULL;
}

static int block_encrypt(struct sealer *sealer, const uint8_t in[BLOCK], uint8_t out[BLOCK],
			 struct err *err)
{
	static const uint8_t zero[BLOCK];
	int r = crypto_cbc_start(sealer->cbc, true, sealer->key, zero, err);

	return r < 0 ? r : crypto_cbc_update(sealer->cbc, in, BLOCK, out, err);
}

/* y = y * h in GF(2^128), bit by bit (SP 800-38D, 6.3) */
static void multiply(uint8_t y[BLOCK], const uint8_t h[BLOCK])
{
	uint8_t z[BLOCK] = {0}, v[BLOCK];

	memcpy(v, h, BLOCK);
	for (unsigned bit = 0; bit < 128; bit++) {
		uint8_t is_set = (uint8_t) - (y[bit / 8] >> (7 - bit % 8) & 1);
		uint8_t carry = (uint8_t) - (v[BLOCK - 1] & 1);

		for (unsigned i = 0; i < BLOCK; i++)
			z[i] ^= v[i] & is_set;
		for (unsigned i = BLOCK - 1; i > 0; i--)
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		v[0] = (uint8_t)(v[0] >> 1 ^ (carry & 0xe1));
	}
	memcpy(y, z, BLOCK);
}

/* the tag over @text: E(J0 = 0) is H itself */
static void tag_make(const struct sealer *sealer, struct slice text, uint8_t tag[BLOCK])
{
	uint8_t lengths[BLOCK] = {0};

	memset(tag, 0, BLOCK);
	for (size_t at = 0; at < text.len; at += BLOCK) {
		for (size_t i = 0; i < BLOCK && at + i < text.len; i++)
			tag[i] ^= text.bytes[at + i];
		multiply(tag, sealer->h);
	}
	put_u64be(lengths + 8, (uint64_t)text.len * 8);
	for (unsigned i = 0; i < BLOCK; i++)
		tag[i] ^= lengths[i];
	multiply(tag, sealer->h);
	for (unsigned i = 0; i < BLOCK; i++)
		tag[i] ^= sealer->h[i];
}

static int run_counter(struct sealer *sealer, struct slice in, uint8_t *out, struct err *err)
{
	uint8_t counter[BLOCK] = {0}, stream[BLOCK];
	int r = 0;

	for (size_t at = 0; r == 0 && at < in.len; at += BLOCK) {
		put_u32be(counter + 12, (uint32_t)(at / BLOCK) + 1);
		r = block_encrypt(sealer, counter, stream, err);
		for (size_t i = 0; r == 0 && i < BLOCK && at + i < in.len; i++)
			out[at + i] = in.bytes[at + i] ^ stream[i];
	}
	explicit_bzero(stream, sizeof(stream));
	return r;
}

static int sealer_open(struct sealer *sealer, const uint8_t key[BACKUP_KEY_LEN], struct err *err)
{
	static const uint8_t zero[BLOCK];
	int r = crypto_cbc_new(&sealer->cbc, err);

	sealer->key = key;
	return r < 0 ? r : block_encrypt(sealer, zero, sealer->h, err);
}

int sim_seal(const uint8_t key[BACKUP_KEY_LEN], struct slice in, uint8_t *out, struct err *err)
{
	struct sealer sealer = {0};
	int r = sealer_open(&sealer, key, err);

	if (r == 0)
		r = run_counter(&sealer, in, out, err);
	if (r == 0)
		tag_make(&sealer, slice_of(out, in.len), out + in.len);
	cbc_free_p(&sealer.cbc);
	return r;
}

int sim_unseal(const uint8_t key[BACKUP_KEY_LEN], struct slice in, uint8_t *out, struct err *err)
{
	struct sealer sealer = {0};
	uint8_t tag[BLOCK];
	struct slice text;
	int r;

	if (in.len < SIM_SEAL_TAG_LEN)
		return err_set(err, ERR_CORRUPT, "a keychain item is too short");
	text = slice_of(in.bytes, in.len - SIM_SEAL_TAG_LEN);
	r = sealer_open(&sealer, key, err);
	if (r == 0) {
		tag_make(&sealer, text, tag);
		r = crypto_equal(tag, text.bytes + text.len, BLOCK)
			    ? run_counter(&sealer, text, out, err)
			    : err_set(err, ERR_CORRUPT, "another key sealed the keychain item");
	}
	cbc_free_p(&sealer.cbc);
	return r;
}
