/*
 * One sealed keychain item, as the listing (keychain.c) and the end of an identity
 * (management_take.c) share it
 */
#ifndef REHOME_BACKUP_KEYCHAIN_SEAL_H
#define REHOME_BACKUP_KEYCHAIN_SEAL_H

#include "backup/internal.h"

enum {
	KEYCHAIN_ITEM_LEN_MAX = 1 << 20,
	KEYCHAIN_VERSION_DER = 3,      /* attributes in DER; before, a property list */
	KEYCHAIN_DEVICE_CLASS_MIN = 9, /* 9 to 11: for this device only */
	KEYCHAIN_DEVICE_CLASS_MAX = 11,
};

/** struct keychain_seal - v_Data taken apart; borrows from it */
struct keychain_seal {
	uint32_t version, protection_class;
	struct slice key;    /* as in a file's record: class and wrapped key; or empty */
	struct slice sealed; /* ciphertext and tag */
	uint8_t blob[BACKUP_FILE_KEY_LEN];
};

/** keychain_seal_read - false if it is cut short */
bool keychain_seal_read(struct keychain_seal *seal, struct slice data);
/** keychain_is_device_bound - is the class one of those with ThisDeviceOnly? */
bool keychain_is_device_bound(const struct keychain_seal *seal);
/**
 * keychain_seal_open - append the attributes' serialized form to @plain, which the caller wipes
 * Returns 0; BACKUP_ABSENT if the bag does not open it; BACKUP_DAMAGED if the tag is wrong or the
 * version is none that we know; or < 0
 */
int keychain_seal_open(const struct keychain_seal *seal, const struct backup_keybag *bag,
		       struct buf *plain, struct err *err);
/** keychain_attribute - the value of @key in what was opened of version DER, false if it has none
 */
bool keychain_attribute(struct slice plain, const char *key, struct slice *value);

#endif
