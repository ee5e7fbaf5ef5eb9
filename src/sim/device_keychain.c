/*
 * device_keychain - the device's keychain items, and how they travel in a backup
 *
 * On the device an item is its content (facts "keychain/TABLE/ROW").  In a backup it is sealed
 * under a key of its own, which is wrapped: in an encrypted backup with the class key of the
 * backup's keybag, in a plain one with a key of the hardware, so that it returns to the same
 * hardware only.  All items here are ThisDeviceOnly (docs/format/ios-backup, "Keychain").
 */
#include "sim/management.h"

#include <stdlib.h>
#include <string.h>

#define KEYCHAIN_DOMAIN "KeychainDomain"
#define KEYCHAIN_PATH "keychain-backup.plist"

enum {
	ITEM_VERSION = 3,
	ITEM_HEAD_LEN = 12, /* version, class, length of the wrapped key; little-endian */
	ITEM_LEN_MAX = 1 << 16,
	FILE_LEN_MAX = 8 << 20,
};

/* ---- on the device ---- */

static const char *fact_of(const char *table, uint64_t row, char out[64])
{
	snprintf(out, 64, "keychain/%.8s/%016llx", table, (unsigned long long)row);
	return out;
}

int sim_keychain_put(struct sim_device *device, const char *table, uint64_t row, struct slice der,
		     struct err *err)
{
	char fact[64];
	int r = sim_fact_put_int(device, "keychain_is_used", 1, err);

	return r < 0 ? r : sim_fact_put_blob(device, fact_of(table, row, fact), der, err);
}

int sim_keychain_get(struct sim_device *device, const char *table, uint64_t row, struct buf *der,
		     struct err *err)
{
	char fact[64];

	return sim_fact_blob(device, fact_of(table, row, fact), der, err);
}

bool sim_keychain_has(struct sim_device *device, const char *table, uint64_t row)
{
	CLEANUP(buf_wipe) struct buf der = BUF_INIT(ITEM_LEN_MAX);

	return sim_keychain_get(device, table, row, &der, NULL) == 0;
}

int sim_keychain_remove(struct sim_device *device, const char *table, uint64_t row, struct err *err)
{
	char fact[64];

	return sim_fact_remove(device, fact_of(table, row, fact), err);
}

void sim_keychain_ref(const char *table, uint64_t row, uint8_t out[12])
{
	memcpy(out, table, 4);
	put_u64be(out + 4, row);
}

/* ---- keys ---- */

/* what no backup password opens; a new logic board has another */
static void hardware_key(struct sim_device *device, uint8_t key[BACKUP_KEY_LEN])
{
	sim_device_derive(device, "hardware-key", (uint64_t)sim_fact_int(device, "board", 0), key,
			  BACKUP_KEY_LEN);
}

static void class_key(struct sim_device *device, uint64_t epoch, unsigned class_number,
		      uint8_t key[BACKUP_KEY_LEN])
{
	sim_device_derive(device, "class-key", epoch * 16 + class_number, key, BACKUP_KEY_LEN);
}

/* ---- out ---- */

static const char *const tables[] = {"genp", "inet", "cert", "keys"};

/** struct outgoing - the dictionary being filled */
struct outgoing {
	struct sim_device *device;
	struct plist_doc *doc;
	struct plist *tables[4]; /* in the order of `tables` */
	uint8_t wrapping_key[BACKUP_KEY_LEN];
	uint64_t epoch; /* with the row, it names the item's own key */
};

static int seal_item(struct outgoing *outgoing, uint64_t row, const char *table, struct slice der,
		     struct buf *out, struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN], wrapped[CRYPTO_WRAPPED_LEN];
	char purpose[64];
	int r;

	snprintf(purpose, sizeof(purpose), "keychain-item/%.4s/%llu", table,
		 (unsigned long long)outgoing->epoch);
	sim_device_derive(outgoing->device, purpose, row, key, sizeof(key));
	r = crypto_wrap(outgoing->wrapping_key, key, wrapped, err);
	if (r == 0)
		r = buf_append_u32le(out, ITEM_VERSION, err);
	if (r == 0)
		r = buf_append_u32le(out, SIM_CLASS_THIS_DEVICE, err);
	if (r == 0)
		r = buf_append_u32le(out, sizeof(wrapped), err);
	if (r == 0)
		r = buf_append(out, wrapped, sizeof(wrapped), err);
	if (r == 0)
		r = buf_reserve(out, der.len + SIM_SEAL_TAG_LEN, err);
	if (r == 0)
		r = sim_seal(key, der, out->bytes + out->len, err);
	if (r == 0)
		out->len += der.len + SIM_SEAL_TAG_LEN;
	explicit_bzero(key, sizeof(key));
	return r;
}

static int export_item(void *arg, const char *fact, struct slice der, struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(2 * ITEM_LEN_MAX);
	struct outgoing *outgoing = arg;
	struct plist *item = plist_new_dict(outgoing->doc);
	uint8_t ref[12];
	char table[5] = "";
	uint64_t row;
	int r;

	snprintf(table, sizeof(table), "%s", fact + strlen("keychain/"));
	row = strtoull(strrchr(fact, '/') + 1, NULL, 16);
	r = seal_item(outgoing, row, table, der, &sealed, err);
	if (r < 0)
		return r;
	sim_keychain_ref(table, row, ref);
	plist_set_data(outgoing->doc, item, "v_Data", buf_slice(&sealed));
	plist_set_data(outgoing->doc, item, "v_PersistentRef", slice_of(ref, sizeof(ref)));
	for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
		if (!strcmp(table, tables[i]))
			plist_add(outgoing->doc, outgoing->tables[i], item);
	return 0;
}

/** struct item_list - copied out first: sealing derives keys, and the facts' lock is not recursive
 */
struct item_list {
	struct plist_doc *doc;
	struct plist *dict; /* fact: content */
};

static int note_item(void *arg, const char *fact, struct slice der, struct err *err)
{
	struct item_list *list = arg;

	(void)err;
	plist_set_data(list->doc, list->dict, fact, der);
	return 0;
}

static int export_make(struct outgoing *outgoing, struct buf *bytes, struct err *err)
{
	struct plist *root = plist_new_dict(outgoing->doc);
	struct item_list list = {.doc = outgoing->doc, .dict = plist_new_dict(outgoing->doc)};
	int r = sim_fact_each(outgoing->device, "keychain/", note_item, &list, err);

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		outgoing->tables[i] = plist_new_array(outgoing->doc);
		plist_set(outgoing->doc, root, tables[i], outgoing->tables[i]);
	}
	for (const struct plist *item = list.dict->as.items.first; r == 0 && item;
	     item = item->next) {
		struct slice der = SLICE_EMPTY;

		plist_get_data(list.dict, item->key, &der);
		r = export_item(outgoing, item->key, der, err);
	}
	return r < 0 ? r : plist_write_binary(outgoing->doc, root, bytes, err);
}

int sim_keychain_export(struct sim_device *device, bool is_encrypted, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(FILE_LEN_MAX), old = BUF_INIT(FILE_LEN_MAX);
	struct outgoing outgoing = {.device = device};
	int r;

	if (!sim_fact_int(device, "keychain_is_used", 0))
		return 0;
	if (is_encrypted) {
		outgoing.epoch = (uint64_t)sim_fact_int(device, "encryption_epoch", 0);
		class_key(device, outgoing.epoch, SIM_CLASS_THIS_DEVICE, outgoing.wrapping_key);
	} else {
		hardware_key(device, outgoing.wrapping_key);
	}
	r = plist_doc_new(&doc, err);
	outgoing.doc = doc;
	if (r == 0)
		r = export_make(&outgoing, &bytes, err);
	explicit_bzero(outgoing.wrapping_key, sizeof(outgoing.wrapping_key));
	if (r == 0)
		r = sim_file_load(device, KEYCHAIN_DOMAIN, KEYCHAIN_PATH, &old, err);
	if (r < 0 || (r == 0 && slice_equal(buf_slice(&old), buf_slice(&bytes))))
		return r; /* unchanged: the next backup need not send it */
	return sim_file_store(device, KEYCHAIN_DOMAIN, KEYCHAIN_PATH, buf_slice(&bytes), err);
}

/* ---- in ---- */

/* by the hardware's key, or by a class key of this hardware: one of each time that encryption was
 * switched on */
static bool unwrap(struct sim_device *device, unsigned class_number,
		   const uint8_t wrapped[CRYPTO_WRAPPED_LEN], uint8_t key[BACKUP_KEY_LEN])
{
	int64_t epoch = sim_fact_int(device, "encryption_epoch", 0),
		first = sim_fact_int(device, "board_epoch", 0);
	uint8_t kek[BACKUP_KEY_LEN];
	bool is_open;

	hardware_key(device, kek);
	is_open = crypto_unwrap(kek, wrapped, key, NULL) == 0;
	for (; !is_open && epoch >= first; epoch--) {
		class_key(device, (uint64_t)epoch, class_number, kek);
		is_open = crypto_unwrap(kek, wrapped, key, NULL) == 0;
	}
	explicit_bzero(kek, sizeof(kek));
	return is_open;
}

static int import_item(struct sim_device *device, const char *table, const struct plist *item,
		       struct err *err)
{
	CLEANUP(buf_wipe) struct buf der = BUF_INIT(ITEM_LEN_MAX);
	struct slice sealed = SLICE_EMPTY, ref = SLICE_EMPTY, wrapped, text;
	uint8_t key[BACKUP_KEY_LEN];
	uint32_t version, class_number, wrapped_len;
	struct reader in;
	int r;

	if (!plist_get_data(item, "v_Data", &sealed) ||
	    !plist_get_data(item, "v_PersistentRef", &ref) || ref.len != 12)
		return 0;
	in = reader_of(sealed);
	if (!reader_u32le(&in, &version) || version != ITEM_VERSION ||
	    !reader_u32le(&in, &class_number) || class_number > 11 ||
	    !reader_u32le(&in, &wrapped_len) || wrapped_len != CRYPTO_WRAPPED_LEN ||
	    !reader_slice(&in, wrapped_len, &wrapped) || in.left < SIM_SEAL_TAG_LEN)
		return 0;
	text = slice_of(in.at, in.left);
	if (!unwrap(device, class_number, wrapped.bytes, key))
		return 0; /* made on other hardware, or under a password that this bag lacks */
	r = buf_reserve(&der, text.len, err);
	if (r == 0 && sim_unseal(key, text, der.bytes, NULL) == 0) {
		der.len = text.len - SIM_SEAL_TAG_LEN;
		r = sim_keychain_put(device, table, get_u64be(ref.bytes + 4), buf_slice(&der), err);
	}
	explicit_bzero(key, sizeof(key));
	return r;
}

int sim_keychain_forget(struct sim_device *device, struct err *err)
{
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_exec(device->db, "DELETE FROM facts WHERE substr(key, 1, 9) = 'keychain/'",
			   err);
	pthread_mutex_unlock(&device->lock);
	return r;
}

int sim_keychain_import(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(FILE_LEN_MAX);
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *root;
	int r = sim_keychain_forget(device, err);

	if (r == 0)
		r = sim_file_load(device, KEYCHAIN_DOMAIN, KEYCHAIN_PATH, &bytes, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = plist_doc_new(&doc, err);
	if (r < 0 || plist_parse(doc, buf_slice(&bytes), &limits, &root, NULL) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(tables); i++) {
		const struct plist *table = plist_get_array(root, tables[i]);

		for (const struct plist *item = table ? table->as.items.first : NULL;
		     item && r == 0; item = item->next)
			r = import_item(device, tables[i], item, err);
	}
	return r;
}
