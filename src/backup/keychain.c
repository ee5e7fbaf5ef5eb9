/*
 * Listing keychain-backup.plist: which items there are and which would open
 * (docs/format/ios-backup, 7.7)
 *
 * Of an opened item the access group and the service are copied out; its value is never
 * looked at, and all that was opened is wiped before the next item.
 */
#include "backup/keychain_seal.h"

#include <string.h>

enum { NAME_LEN = 256 };

struct names {
	char group[NAME_LEN], service[NAME_LEN];
};

static void copy_name(struct slice plain, const char *key, char out[NAME_LEN])
{
	struct slice value;
	size_t len;

	if (!keychain_attribute(plain, key, &value))
		return;
	len = value.len < NAME_LEN ? value.len : NAME_LEN - 1;
	if (len < value.len)
		for (; len && (value.bytes[len] & 0xc0) == 0x80; len--)
			;
	if (!text_is_utf8((const char *)value.bytes, len))
		return;
	memcpy(out, value.bytes, len);
	out[len] = '\0';
}

/* Group and service; of an internet password its server. */
static void take_names(const struct keychain_seal *seal, struct slice plain, struct plist_doc *doc,
		       struct names *names)
{
	const struct plist *dict = NULL;

	if (seal->version == KEYCHAIN_VERSION_DER) {
		copy_name(plain, "agrp", names->group);
		copy_name(plain, "svce", names->service);
		if (!names->service[0])
			copy_name(plain, "srvr", names->service);
	} else if (backup_parse_dict(doc, plain, "keychain item", &dict, NULL) == 0) {
		backup_cut_text(dict, "agrp", names->group, sizeof(names->group));
		backup_cut_text(dict, plist_get(dict, "svce") ? "svce" : "srvr", names->service,
				sizeof(names->service));
	}
}

/* Could the password open it, and if the bag is open: what is it called? */
static int look_inside(struct backup_keychain_item *item, const struct keychain_seal *seal,
		       const struct backup_keybag *bag, struct names *names, struct err *err)
{
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(KEYCHAIN_ITEM_LEN_MAX);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL; /* wiped too */
	int r;

	if (!bag || item->is_this_device_only) {
		item->opens = BACKUP_NO;
		return 0;
	}
	if (!backup_keybag_is_open(bag))
		return 0;
	r = keychain_seal_open(seal, bag, &plain, err);
	if (r < 0 || r == BACKUP_DAMAGED)
		return r < 0 ? r : 0;
	item->opens = r == BACKUP_ABSENT ? BACKUP_NO : BACKUP_YES;
	if ((r = plist_doc_new(&doc, err)) < 0)
		return r;
	take_names(seal, buf_slice(&plain), doc, names);
	return 0;
}

static int list_item(const char *table, const struct plist *dict, const struct backup_keybag *bag,
		     int (*each)(void *arg, const struct backup_keychain_item *item,
				 struct err *err),
		     void *arg, struct err *err)
{
	struct names names = {.group = "", .service = ""};
	struct backup_keychain_item item = {
		.table = table, .group = names.group, .service = names.service};
	struct keychain_seal seal;
	struct slice data = SLICE_EMPTY;
	int r = 0;

	plist_get_data(dict, "v_Data", &data);
	if (keychain_seal_read(&seal, data)) {
		item.version = seal.version;
		item.protection_class = seal.protection_class;
		item.is_this_device_only = keychain_is_device_bound(&seal);
		r = look_inside(&item, &seal, bag, &names, err);
	}
	return r < 0 ? r : each(arg, &item, err);
}

int backup_keychain_each(struct slice bytes, const struct backup_keybag *bag,
			 int (*each)(void *arg, const struct backup_keychain_item *item,
				     struct err *err),
			 void *arg, struct err *err)
{
	static const char *const tables[] = {"genp", "inet", "cert", "keys"};
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *dict = NULL, *item;
	size_t i;
	int r;

	if ((r = plist_doc_new(&doc, err)) < 0 ||
	    (r = backup_parse_dict(doc, bytes, BACKUP_KEYCHAIN_PATH, &dict, err)) < 0)
		return r;
	for (i = 0; i < ARRAY_COUNT(tables); i++) {
		const struct plist *table = plist_get_array(dict, tables[i]);

		for (item = table ? table->as.items.first : NULL; item; item = item->next) {
			r = list_item(tables[i], item, bag, each, arg, err);
			if (r)
				return r;
		}
	}
	return 0;
}
