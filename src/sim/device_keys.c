/*
 * device_keys - the keys of a simulated device
 *
 * All of them are derived from the seed: class keys from the epoch (how often encryption was
 * switched on), per-file keys from the file and its revision, the keybag's salts from a counter.  A
 * change of password makes a new keybag around the same class keys, so that unchanged files keep
 * their stored bytes; switching off and on again makes new ones, so that everything is sent anew.
 */
#include "sim/device.h"

#include <string.h>

enum { KDF_ROUNDS_REAL = 10000000, KDF_ITER_REAL = 10000 };

int sim_keys_load(struct sim_keys *keys, struct sim_device *device, struct err *err)
{
	(void)err;
	keys->device = device;
	keys->epoch = (uint64_t)sim_fact_int(device, "encryption_epoch", 0);
	for (unsigned i = 1; i < ARRAY_COUNT(keys->class_keys); i++)
		sim_device_derive(device, "class-key", keys->epoch * 16 + i, keys->class_keys[i],
				  BACKUP_KEY_LEN);
	return 0;
}

void sim_keys_wipe(struct sim_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

static int wrap(const struct sim_keys *keys, uint32_t protection_class,
		const uint8_t key[BACKUP_KEY_LEN], uint8_t blob[BACKUP_FILE_KEY_LEN],
		struct err *err)
{
	return backup_keybag_wrap_with(keys->class_keys[protection_class], protection_class, key,
				       blob, err);
}

int sim_keys_file(const struct sim_keys *keys, const struct sim_file *file,
		  uint8_t key[BACKUP_KEY_LEN], uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err)
{
	int64_t protection_class = file->row.protection_class;
	char purpose[64];

	if (protection_class < 1 || protection_class > 4)
		protection_class = 4; /* none recorded: what a device does with its default class */
	snprintf(purpose, sizeof(purpose), "file-key/%llu/%s", (unsigned long long)keys->epoch,
		 file->row.file_id);
	sim_device_derive(keys->device, purpose, file->revision, key, BACKUP_KEY_LEN);
	return wrap(keys, (uint32_t)protection_class, key, blob, err);
}

int sim_keys_manifest(const struct sim_keys *keys, uint64_t run, uint8_t key[BACKUP_KEY_LEN],
		      uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err)
{
	sim_device_derive(keys->device, "manifest-key", run, key, BACKUP_KEY_LEN);
	return wrap(keys, 4, key, blob, err);
}

int sim_keys_open(const struct sim_keys *keys, struct slice blob, uint8_t key[BACKUP_KEY_LEN],
		  struct err *err)
{
	uint32_t protection_class;

	if (blob.len != BACKUP_FILE_KEY_LEN)
		return BACKUP_WRONG_PASSWORD;
	protection_class = get_u32le(blob.bytes);
	if (protection_class < 1 || protection_class >= ARRAY_COUNT(keys->class_keys))
		return BACKUP_WRONG_PASSWORD;
	if (crypto_unwrap(keys->class_keys[protection_class], blob.bytes + 4, key, err) != 0)
		return BACKUP_WRONG_PASSWORD;
	return 0;
}

int sim_keybag_set(struct sim_device *device, const struct secret *password, bool is_first,
		   struct err *err)
{
	struct backup_keybag_recipe recipe = {.iter = KDF_ITER_REAL};
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
	uint64_t bag = (uint64_t)sim_fact_int(device, "keybag_count", 0) + 1;
	uint64_t epoch = (uint64_t)sim_fact_int(device, "encryption_epoch", 0) + (is_first ? 1 : 0);
	int r;

	recipe.dpic = (uint32_t)sim_fact_int(device, "kdf_rounds", KDF_ROUNDS_REAL);
	if (recipe.dpic < KDF_ITER_REAL)
		recipe.iter = recipe.dpic; /* a device for tests is quick in both */
	sim_device_derive(device, "keybag-uuid", bag, recipe.uuid, sizeof(recipe.uuid));
	sim_device_derive(device, "keybag-salt", bag, recipe.salt, sizeof(recipe.salt));
	sim_device_derive(device, "keybag-dpsl", bag, recipe.dpsl, sizeof(recipe.dpsl));
	sim_device_derive(device, "keybag-device-layer", 0, recipe.device_layer_key,
			  BACKUP_KEY_LEN);
	for (unsigned i = 0; i < ARRAY_COUNT(recipe.class_keys); i++) {
		sim_device_derive(device, "keybag-class-uuid", bag * 16 + i, recipe.class_uuids[i],
				  16);
		sim_device_derive(device, "class-key", epoch * 16 + i + 1, recipe.class_keys[i],
				  BACKUP_KEY_LEN);
	}
	r = backup_keybag_make(&blob, &recipe, password, err);
	explicit_bzero(&recipe, sizeof(recipe));
	if (r == 0)
		r = sim_fact_put_blob(device, "keybag", buf_slice(&blob), err);
	if (r == 0)
		r = sim_fact_put_int(device, "keybag_count", (int64_t)bag, err);
	if (r == 0)
		r = sim_fact_put_int(device, "encryption_epoch", (int64_t)epoch, err);
	return r;
}
