/*
 * A keybag as a device makes it when a backup password is set (docs/format/ios-backup, 7.1)
 *
 * For simulated devices, so every byte comes from the recipe or is derived from it.
 */
#include "backup/keybag.h"

#include <string.h>

enum {
	KEYBAG_VERSION = 5,
	KEYBAG_CLASSES = 11,
	DEVICE_LAYER_CLASSES = 1u << 5 | 1u << 9 | 1u << 10 | 1u << 11,
};

static int add(struct buf *blob, const char *tag, struct slice value, struct err *err)
{
	int r;

	if ((r = buf_append(blob, tag, 4, err)) < 0 ||
	    (r = buf_append_u32be(blob, (uint32_t)value.len, err)) < 0)
		return r;
	return buf_append_slice(blob, value, err);
}

static int add_u32(struct buf *blob, const char *tag, uint32_t value, struct err *err)
{
	uint8_t bytes[4];

	put_u32be(bytes, value);
	return add(blob, tag, slice_of(bytes, sizeof(bytes)), err);
}

/* Nobody reads a backup's HMCK, but it has its place: a wrapped key of the bag's own. */
static int make_hmac_key(const struct backup_keybag_recipe *recipe,
			 const uint8_t kek[BACKUP_KEY_LEN], uint8_t out[CRYPTO_WRAPPED_LEN],
			 struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN];
	int r;

	r = crypto_hkdf(slice_of(recipe->device_layer_key, BACKUP_KEY_LEN),
			slice_of(recipe->uuid, sizeof(recipe->uuid)), "HMCK", key, sizeof(key),
			err);
	if (r < 0)
		return r;
	r = crypto_wrap(kek, key, out, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int add_header(struct buf *blob, const struct backup_keybag_recipe *recipe,
		      const uint8_t kek[BACKUP_KEY_LEN], struct err *err)
{
	uint8_t hmac_key[CRYPTO_WRAPPED_LEN];
	int r;

	r = make_hmac_key(recipe, kek, hmac_key, err);
	if (r < 0)
		return r;
	if ((r = add_u32(blob, "VERS", KEYBAG_VERSION, err)) < 0 ||
	    (r = add_u32(blob, "TYPE", KEYBAG_TYPE_BACKUP, err)) < 0 ||
	    (r = add(blob, "UUID", slice_of(recipe->uuid, sizeof(recipe->uuid)), err)) < 0 ||
	    (r = add(blob, "HMCK", slice_of(hmac_key, sizeof(hmac_key)), err)) < 0 ||
	    (r = add_u32(blob, "WRAP", 0, err)) < 0 ||
	    (r = add(blob, "SALT", slice_of(recipe->salt, sizeof(recipe->salt)), err)) < 0 ||
	    (r = add_u32(blob, "ITER", recipe->iter, err)) < 0 ||
	    (r = add_u32(blob, "DPWT", 1, err)) < 0 ||
	    (r = add_u32(blob, "DPIC", recipe->dpic, err)) < 0)
		return r;
	return add(blob, "DPSL", slice_of(recipe->dpsl, sizeof(recipe->dpsl)), err);
}

/* What is wrapped: the class key, or for device-bound classes its form under the device's key. */
static int hidden_key(const struct backup_keybag_recipe *recipe, uint32_t number,
		      uint8_t key[BACKUP_KEY_LEN], struct err *err)
{
	static const uint8_t iv[CRYPTO_BLOCK_LEN];
	struct crypto_cbc *cbc;
	int r;

	memcpy(key, recipe->class_keys[number - 1], BACKUP_KEY_LEN);
	if (!(DEVICE_LAYER_CLASSES >> number & 1))
		return 0;
	r = crypto_cbc_new(&cbc, err);
	if (r < 0)
		return r;
	r = crypto_cbc_start(cbc, true, recipe->device_layer_key, iv, err);
	if (!r)
		r = crypto_cbc_update(cbc, key, BACKUP_KEY_LEN, key, err);
	crypto_cbc_free(cbc);
	return r;
}

static int add_class(struct buf *blob, const struct backup_keybag_recipe *recipe, uint32_t number,
		     const uint8_t kek[BACKUP_KEY_LEN], struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN], wrapped[CRYPTO_WRAPPED_LEN];
	uint32_t wrap = KEYBAG_WRAP_PASSWORD;
	int r;

	if (DEVICE_LAYER_CLASSES >> number & 1)
		wrap |= KEYBAG_WRAP_DEVICE;
	r = hidden_key(recipe, number, key, err);
	if (!r)
		r = crypto_wrap(kek, key, wrapped, err);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	if ((r = add(blob, "UUID", slice_of(recipe->class_uuids[number - 1], 16), err)) < 0 ||
	    (r = add_u32(blob, "CLAS", number, err)) < 0 ||
	    (r = add_u32(blob, "WRAP", wrap, err)) < 0 || (r = add_u32(blob, "KTYP", 0, err)) < 0)
		return r;
	return add(blob, "WPKY", slice_of(wrapped, sizeof(wrapped)), err);
}

int backup_keybag_make(struct buf *blob, const struct backup_keybag_recipe *recipe,
		       const struct secret *password, struct err *err)
{
	uint8_t kek[BACKUP_KEY_LEN];
	uint32_t number;
	int r;

	if (recipe->dpic > BACKUP_KDF_ROUNDS_MAX || recipe->iter > BACKUP_KDF_ROUNDS_MAX)
		return err_set(err, ERR_LIMIT, "keybag of %u and %u rounds, limit %d", recipe->dpic,
			       recipe->iter, BACKUP_KDF_ROUNDS_MAX);
	r = keybag_derive(password, slice_of(recipe->dpsl, sizeof(recipe->dpsl)), recipe->dpic,
			  slice_of(recipe->salt, sizeof(recipe->salt)), recipe->iter, kek, err);
	if (r < 0)
		return r;
	r = add_header(blob, recipe, kek, err);
	for (number = KEYBAG_CLASSES; !r && number; number--)
		r = add_class(blob, recipe, number, kek, err);
	explicit_bzero(kek, sizeof(kek));
	return r < 0 ? err_wrap(err, r, "make keybag") : 0;
}
