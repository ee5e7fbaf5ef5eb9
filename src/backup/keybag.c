/*
 * The keybag: class keys behind the backup password (docs/format/ios-backup, 7.1, 7.2)
 *
 * A list of tag, length, value: a header, then one group per protection class, each begun
 * by a UUID.  Readers in the wild met bags without some members, in other orders and with
 * classes that no one uses, so little is demanded before a password comes.
 */
#include "backup/keybag.h"

#include <stdlib.h>
#include <string.h>

struct backup_keybag {
	uint32_t dpic, iter;
	uint8_t salt[KEYBAG_SALT_LEN_MAX], dpsl[KEYBAG_SALT_LEN_MAX];
	size_t salt_len, dpsl_len;
	struct keybag_class classes[KEYBAG_CLASS_MAX + 1];
	bool is_open;
};

/** struct cursor - where in the bag the parser is: in the header, or in a class's group */
struct cursor {
	size_t uuids;              /* seen so far: the first is the bag's own */
	struct keybag_class group; /* members of the group so far */
	uint32_t class;
	bool has_class;
};

/* A class that comes twice, or a stray one beyond the known, leaves the first alone. */
static void group_end(struct backup_keybag *bag, struct cursor *cursor)
{
	struct keybag_class *class = &bag->classes[cursor->class];

	if (cursor->has_class && cursor->class && !class->is_present) {
		*class = cursor->group;
		class->is_present = true;
	}
	memset(&cursor->group, 0, sizeof(cursor->group));
	cursor->has_class = false;
}

static int take_u32(struct slice value, const char *tag, uint32_t *out, struct err *err)
{
	if (value.len != 4)
		return err_set(err, ERR_CORRUPT, "keybag: %s of %zu bytes", tag, value.len);
	*out = get_u32be(value.bytes);
	return 0;
}

static int take_salt(struct slice value, const char *tag, uint8_t *out, size_t *len,
		     struct err *err)
{
	if (!value.len || value.len > KEYBAG_SALT_LEN_MAX)
		return err_set(err, ERR_CORRUPT, "keybag: %s of %zu bytes", tag, value.len);
	memcpy(out, value.bytes, value.len);
	*len = value.len;
	return 0;
}

static int take_rounds(struct slice value, const char *tag, uint32_t *rounds, struct err *err)
{
	int r = take_u32(value, tag, rounds, err);

	if (!r && *rounds > BACKUP_KDF_ROUNDS_MAX)
		return err_set(err, ERR_LIMIT, "keybag: %s asks for %u rounds, limit %d", tag,
			       *rounds, BACKUP_KDF_ROUNDS_MAX);
	return r;
}

static int header_member(struct backup_keybag *bag, const char *tag, struct slice value,
			 struct err *err)
{
	uint32_t type = 0;
	int r;

	if (!strcmp(tag, "SALT"))
		return take_salt(value, tag, bag->salt, &bag->salt_len, err);
	if (!strcmp(tag, "DPSL"))
		return take_salt(value, tag, bag->dpsl, &bag->dpsl_len, err);
	if (!strcmp(tag, "ITER"))
		return take_rounds(value, tag, &bag->iter, err);
	if (!strcmp(tag, "DPIC"))
		return take_rounds(value, tag, &bag->dpic, err);
	if (!strcmp(tag, "TYPE")) {
		r = take_u32(value, tag, &type, err);
		if (r < 0)
			return r;
		type &= 0x3fffffff; /* the upper two bits are flags */
		if (type != KEYBAG_TYPE_BACKUP)
			return err_set(err, ERR_UNSUPPORTED,
				       "keybag of type %u is not that of a backup", type);
	}
	return 0;
}

static int class_member(struct cursor *cursor, const char *tag, struct slice value, struct err *err)
{
	int r;

	if (!strcmp(tag, "CLAS")) {
		r = take_u32(value, tag, &cursor->class, err);
		cursor->class &= KEYBAG_CLASS_MAX;
		cursor->has_class = !r;
		return r;
	}
	if (!strcmp(tag, "WRAP"))
		return take_u32(value, tag, &cursor->group.wrap, err);
	if (!strcmp(tag, "KTYP"))
		return take_u32(value, tag, &cursor->group.key_type, err);
	if (!strcmp(tag, "WPKY") && value.len == CRYPTO_WRAPPED_LEN) {
		memcpy(cursor->group.wrapped, value.bytes, value.len);
		cursor->group.has_wrapped = true;
	}
	return 0;
}

static int parse_members(struct backup_keybag *bag, struct reader in, struct err *err)
{
	struct cursor cursor = {0};
	struct slice tag, value;
	char name[5] = "";
	uint32_t len;
	int r = 0;

	while (in.left && !r) {
		if (!reader_slice(&in, 4, &tag) || !reader_u32be(&in, &len) ||
		    !reader_slice(&in, len, &value))
			return err_set(err, ERR_CORRUPT, "keybag ends within a member");
		memcpy(name, tag.bytes, 4);
		if (!strcmp(name, "UUID")) {
			if (cursor.uuids++)
				group_end(bag, &cursor);
		} else if (cursor.uuids < 2) {
			r = header_member(bag, name, value, err);
		} else {
			r = class_member(&cursor, name, value, err);
		}
	}
	group_end(bag, &cursor);
	return r;
}

int backup_keybag_parse(struct backup_keybag **out, struct slice blob, struct err *err)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	int r;

	if (blob.len > BACKUP_KEYBAG_LEN_MAX)
		return err_set(err, ERR_LIMIT, "keybag of %zu bytes, limit %d", blob.len,
			       BACKUP_KEYBAG_LEN_MAX);
	if (!blob.len)
		return err_set(err, ERR_CORRUPT, "keybag is empty");
	bag = calloc(1, sizeof(*bag));
	if (!bag)
		return err_no_memory(err);
	r = parse_members(bag, reader_of(blob), err);
	if (r < 0)
		return r;
	*out = STEAL(bag);
	return 0;
}

/* ---- unlocking ---- */

int keybag_derive(const struct secret *password, struct slice dpsl, uint32_t dpic,
		  struct slice salt, uint32_t iter, uint8_t kek[BACKUP_KEY_LEN], struct err *err)
{
	uint8_t stage[BACKUP_KEY_LEN];
	struct slice in = secret_slice(password);
	int r;

	if (!salt.len || !iter || (dpsl.len && !dpic))
		return err_set(err, ERR_CORRUPT, "keybag lacks a salt or a number of rounds");
	if (dpsl.len) {
		r = crypto_pbkdf2_sha256(in, dpsl, dpic, stage, sizeof(stage), err);
		if (r < 0)
			return r;
		in = slice_of(stage, sizeof(stage));
	}
	r = crypto_pbkdf2_sha1(in, salt, iter, kek, BACKUP_KEY_LEN, err);
	explicit_bzero(stage, sizeof(stage));
	return r;
}

/*
 * Behind WRAP 3 lies a key that is still encrypted under the device's own: the password
 * opens its wrapping, but what comes out is no class key and must not be taken for one.
 */
static bool is_for_password(const struct keybag_class *class)
{
	return class->is_present && class->has_wrapped && class->key_type == 0 &&
	       (class->wrap & (KEYBAG_WRAP_PASSWORD | KEYBAG_WRAP_DEVICE)) == KEYBAG_WRAP_PASSWORD;
}

/* A class that alone does not open is damage, not a wrong password: the others say so. */
static int open_classes(struct backup_keybag *bag, const uint8_t kek[BACKUP_KEY_LEN],
			size_t *wrapped, size_t *opened, struct err *err)
{
	size_t i;
	int r;

	for (i = 0; i <= KEYBAG_CLASS_MAX; i++) {
		struct keybag_class *class = &bag->classes[i];

		if (!class->has_wrapped || !(class->wrap & KEYBAG_WRAP_PASSWORD))
			continue;
		r = crypto_unwrap(kek, class->wrapped, class->key, err);
		if (r < 0)
			return r;
		class->is_damaged = r == CRYPTO_BAD_TAG;
		class->is_open = !r && is_for_password(class);
		if (!class->is_open)
			explicit_bzero(class->key, sizeof(class->key));
		*wrapped += is_for_password(class);
		*opened += class->is_open;
	}
	return 0;
}

uint32_t keybag_damaged(const struct backup_keybag *bag)
{
	uint32_t damaged = 0;
	size_t i;

	for (i = 0; bag->is_open && i <= KEYBAG_CLASS_MAX; i++)
		if (bag->classes[i].is_damaged)
			damaged |= 1u << i;
	return damaged;
}

int backup_keybag_unlock(struct backup_keybag *bag, const struct secret *password, struct err *err)
{
	uint8_t kek[BACKUP_KEY_LEN];
	size_t wrapped = 0, opened = 0;
	int r;

	r = keybag_derive(password, slice_of(bag->dpsl, bag->dpsl_len), bag->dpic,
			  slice_of(bag->salt, bag->salt_len), bag->iter, kek, err);
	if (r < 0)
		return r;
	r = open_classes(bag, kek, &wrapped, &opened, err);
	explicit_bzero(kek, sizeof(kek));
	if (r < 0)
		return r;
	if (!wrapped)
		return err_set(err, ERR_CORRUPT, "keybag holds no key that a password opens");
	if (!opened) {
		err_set(err, ERR_PASSWORD, "the backup password is wrong");
		return BACKUP_WRONG_PASSWORD;
	}
	bag->is_open = true;
	return 0;
}

bool backup_keybag_is_open(const struct backup_keybag *bag)
{
	return bag->is_open;
}

uint32_t backup_keybag_rounds(const struct backup_keybag *bag)
{
	return bag->iter + (bag->dpsl_len ? bag->dpic : 0);
}

void backup_keybag_free(struct backup_keybag *bag)
{
	if (!bag)
		return;
	explicit_bzero(bag, sizeof(*bag));
	free(bag);
}

void backup_keybag_free_p(struct backup_keybag **bag)
{
	backup_keybag_free(*bag);
	*bag = NULL;
}

/* ---- keys of files ---- */

static int class_key(const struct backup_keybag *bag, uint32_t number, const uint8_t **key,
		     struct err *err)
{
	if (!bag->is_open)
		return err_set(err, ERR_PASSWORD,
			       "the backup is encrypted: its password is needed");
	if (number > KEYBAG_CLASS_MAX || !bag->classes[number].is_open)
		return err_set(err, ERR_CORRUPT, "the keybag opens no protection class %u", number);
	*key = bag->classes[number].key;
	return 0;
}

int backup_keybag_file_key(const struct backup_keybag *bag, struct slice blob,
			   uint8_t key[BACKUP_KEY_LEN], struct err *err)
{
	const uint8_t *wrapper = NULL;
	int r;

	if (blob.len != BACKUP_FILE_KEY_LEN)
		return err_set(err, ERR_CORRUPT, "wrapped key of %zu bytes instead of %d", blob.len,
			       BACKUP_FILE_KEY_LEN);
	r = class_key(bag, get_u32le(blob.bytes), &wrapper, err);
	if (r < 0)
		return r;
	r = crypto_unwrap(wrapper, blob.bytes + 4, key, err);
	if (r == CRYPTO_BAD_TAG)
		return err_set(err, ERR_CORRUPT, "wrapped key of class %u does not open",
			       get_u32le(blob.bytes));
	return r;
}

int backup_keybag_wrap_with(const uint8_t wrapper[BACKUP_KEY_LEN], uint32_t protection_class,
			    const uint8_t key[BACKUP_KEY_LEN], uint8_t blob[BACKUP_FILE_KEY_LEN],
			    struct err *err)
{
	uint8_t wrapped[CRYPTO_WRAPPED_LEN];
	int r;

	r = crypto_wrap(wrapper, key, wrapped, err);
	if (r < 0)
		return r;
	put_u32le(blob, protection_class);
	memcpy(blob + 4, wrapped, sizeof(wrapped));
	return 0;
}

int backup_keybag_wrap_file_key(const struct backup_keybag *bag, uint32_t protection_class,
				const uint8_t key[BACKUP_KEY_LEN],
				uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err)
{
	const uint8_t *wrapper = NULL;
	int r;

	r = class_key(bag, protection_class, &wrapper, err);
	if (r < 0)
		return r;
	return backup_keybag_wrap_with(wrapper, protection_class, key, blob, err);
}
