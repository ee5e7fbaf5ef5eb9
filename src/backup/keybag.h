/*
 * The opened keybag, as reading (keybag.c) and making (keybag_make.c) share it
 */
#ifndef REHOME_BACKUP_KEYBAG_H
#define REHOME_BACKUP_KEYBAG_H

#include "backup/internal.h"
#include "crypto/crypto.h"

enum {
	KEYBAG_TYPE_BACKUP = 1,
	KEYBAG_CLASS_MAX = 15, /* the field is masked to four bits */
	KEYBAG_SALT_LEN_MAX = 64,
	KEYBAG_WRAP_DEVICE = 1u << 0,
	KEYBAG_WRAP_PASSWORD = 1u << 1,
};

struct keybag_class {
	bool is_present, has_wrapped, is_open, is_damaged;
	uint32_t wrap, key_type;
	uint8_t wrapped[CRYPTO_WRAPPED_LEN];
	uint8_t key[BACKUP_KEY_LEN];
};

/** keybag_derive - the key that the password stands for (7.2); @dpsl empty = before iOS 10.2 */
int keybag_derive(const struct secret *password, struct slice dpsl, uint32_t dpic,
		  struct slice salt, uint32_t iter, uint8_t kek[BACKUP_KEY_LEN], struct err *err);

/** keybag_damaged - classes (1u << class) whose wrapping the right password does not open, those
 * for their device too among them */
uint32_t keybag_damaged(const struct backup_keybag *bag);
/**
 * keybag_rewrap - put @new_password in front of the keys of the bag in @blob, in place
 * As backup_password_change; unless 0 is returned the bytes of @blob are of no use.
 */
int keybag_rewrap(struct buf *blob, const struct secret *old_password,
		  const struct secret *new_password, struct entropy *entropy, struct err *err);

#endif
