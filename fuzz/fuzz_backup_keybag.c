/* the keybag: whatever is parsed opens no key before its password came */
#include <stdlib.h>

#include "backup/keybag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* what was wrapped anew opens with the new password */
static void rewrap(struct slice bytes, const struct secret *password)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
	struct secret other = {.bytes = "def", .len = 3};
	struct entropy_seeded entropy;

	entropy_seeded_init(&entropy, 1);
	if (buf_append_slice(&blob, bytes, NULL) < 0 ||
	    keybag_rewrap(&blob, password, &other, &entropy.entropy, NULL))
		return;
	if (backup_keybag_parse(&bag, buf_slice(&blob), NULL) < 0)
		abort();
	backup_keybag_unlock(bag, &other, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	struct secret password = {.bytes = "abc", .len = 3};
	uint8_t key[BACKUP_KEY_LEN] = {0}, blob[BACKUP_FILE_KEY_LEN];
	uint32_t number;

	if (backup_keybag_parse(&bag, slice_of(data, size), NULL) < 0)
		return 0;
	if (backup_keybag_is_open(bag) || backup_keybag_wrap_file_key(bag, 4, key, blob, NULL) == 0)
		abort();
	if (backup_keybag_rounds(bag) > 1000 || backup_keybag_unlock(bag, &password, NULL))
		return 0; /* rounds cost seconds, and find nothing */
	rewrap(slice_of(data, size), &password);
	for (number = 0; number < 20; number++)
		if (backup_keybag_wrap_file_key(bag, number, key, blob, NULL) == 0 &&
		    backup_keybag_file_key(bag, slice_of(blob, sizeof(blob)), key, NULL) < 0)
			abort();
	return 0;
}
