/* the keychain of a backup: whatever is in it, a closed bag tells no name */
#include <stdlib.h>

#include "backup/keychain_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *arg, const struct backup_keychain_item *item, struct err *err)
{
	if (item->opens != BACKUP_YES && (item->group[0] || item->service[0]))
		abort();
	if (item->opens == BACKUP_YES && item->is_this_device_only)
		abort();
	return 0;
}

/* a bag whose class keys are all zero, and which costs one round to open */
static struct backup_keybag *open_bag(void)
{
	static const struct backup_keybag_recipe recipe = {.dpic = 1, .iter = 1};
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
	struct secret password = {.bytes = "abc", .len = 3};
	struct backup_keybag *bag = NULL;

	if (backup_keybag_make(&blob, &recipe, &password, NULL) < 0 ||
	    backup_keybag_parse(&bag, buf_slice(&blob), NULL) < 0 ||
	    backup_keybag_unlock(bag, &password, NULL))
		abort();
	return bag;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct backup_keybag *bag;
	struct slice value;

	if (!bag)
		bag = open_bag();
	backup_keychain_each(slice_of(data, size), bag, check, NULL, NULL);
	backup_keychain_each(slice_of(data, size), NULL, check, NULL, NULL);
	/* no mutation gets past the seal */
	if (keychain_attribute(slice_of(data, size), "agrp", &value) &&
	    (value.bytes < data || value.bytes + value.len > data + size))
		abort();
	return 0;
}
