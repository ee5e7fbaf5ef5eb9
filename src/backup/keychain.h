/*
 * keychain - what lies in keychain-backup.plist, without its values (docs/format/ios-backup, 7.7)
 *
 * Part of the room's door: backup.h includes it.
 */
#ifndef REHOME_BACKUP_KEYCHAIN_H
#define REHOME_BACKUP_KEYCHAIN_H

#include "base/base.h"
#include "backup/management.h"

#define BACKUP_KEYCHAIN_DOMAIN "KeychainDomain"
#define BACKUP_KEYCHAIN_PATH "keychain-backup.plist"

enum { BACKUP_KEYCHAIN_LEN_MAX = 64 << 20 };

/** struct backup_keychain_item - one item; borrowed for the call */
struct backup_keychain_item {
	const char *table;         /* "genp", "inet", "cert", "keys" */
	uint32_t version;          /* of its sealing; 0 = it is damaged */
	uint32_t protection_class; /* 6 to 8, 9 to 11 for this device only; 0 = not told */
	bool is_this_device_only;
	/* does the backup password open it? UNKNOWN while the bag is closed, or the form unknown */
	enum backup_answer opens;
	/* UTF-8, "" where not readable; cut at 255 bytes */
	const char *group, *service;
};

/**
 * backup_keychain_each - every item, in the order of the file
 * @bytes: the plain content of keychain-backup.plist, at most BACKUP_KEYCHAIN_LEN_MAX
 * @bag:   NULL for a plain backup: its items open on their device alone
 * Values are never told: of what opens, group and service alone are looked at.  Stops when @each
 * returns non-zero and returns that.  ERR_CORRUPT, ERR_LIMIT: it is no keychain.
 */
int backup_keychain_each(struct slice bytes, const struct backup_keybag *bag,
			 int (*each)(void *arg, const struct backup_keychain_item *item,
				     struct err *err),
			 void *arg, struct err *err);

#endif
