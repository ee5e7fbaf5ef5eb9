/* the keychain is listed by what its items are, and what is in them is never told */
#include "backup/testing.h"

#include "backup/keychain_seal.h"
#include "crypto/crypto.h"

/* the project's own encrypted backup: its keychain's bytes, and its bag */
static void read_keychain(const char *kind, bool is_open, struct backup_reader *reader,
			  struct backup_tree **tree, struct buf *bytes)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	struct secret password = SECRET_INIT;
	struct backup_file file;
	struct err err = ERR_INIT;
	unsigned notes = 0;
	char path[1024];

	backup_reader_init(reader);
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_tree_folder(tree, testing_backup(kind, NULL, path), &err), err);
	assert_done(backup_reader_open(reader, *tree, is_open ? &password : NULL, &err), err);
	if (!reader->manifest)
		return;
	assert_done(backup_manifest_find(reader->manifest, BACKUP_KEYCHAIN_DOMAIN,
					 BACKUP_KEYCHAIN_PATH, &file, &err),
		    err);
	assert_done(backup_reader_content(reader, &file, &source, &notes, &err), err);
	assert_done(source_read_all(source, bytes, &err), err);
}

struct listed {
	size_t count, yes, no, unknown;
	char text[512];
};

static int list(void *arg, const struct backup_keychain_item *item, struct err *err)
{
	struct listed *listed = arg;
	size_t len = strlen(listed->text);

	listed->count++;
	listed->yes += item->opens == BACKUP_YES;
	listed->no += item->opens == BACKUP_NO;
	listed->unknown += item->opens == BACKUP_UNKNOWN;
	snprintf(listed->text + len, sizeof(listed->text) - len, "%s %u %u %d [%s] [%s]\n",
		 item->table, item->version, item->protection_class, item->is_this_device_only,
		 item->group, item->service);
	return 0;
}

static void an_open_bag_tells_groups_and_services_and_leaves_devices_items_closed(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct listed listed = {0};
	struct err err = ERR_INIT;

	read_keychain("encrypted", true, &reader, &tree, &bytes);
	assert_done(backup_keychain_each(buf_slice(&bytes), reader.bag, list, &listed, &err), err);
	assert_string_equal(listed.text, "genp 3 7 0 [apple] [AirPort]\n"
					 "cert 3 10 1 [] []\n"
					 "keys 3 10 1 [] []\n");
	assert_int_equal(listed.yes, 1);
	assert_int_equal(listed.no, 2);
}

static void a_closed_bag_leaves_it_open_what_would_open(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL, *again = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader, locked;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20), none = BUF_INIT(0);
	struct listed listed = {0}, plain = {0};
	struct err err = ERR_INIT;

	read_keychain("encrypted", true, &reader, &tree, &bytes);
	read_keychain("encrypted", false, &locked, &again, &none);
	assert_done(backup_keychain_each(buf_slice(&bytes), locked.bag, list, &listed, &err), err);
	assert_int_equal(listed.unknown, 1);
	assert_int_equal(listed.no, 2);
	/* in a plain backup every item is for its device */
	assert_done(backup_keychain_each(buf_slice(&bytes), NULL, list, &plain, &err), err);
	assert_int_equal(plain.no, 3);
}

/* ---- sealing ---- */

/*
 * AES-256-GCM with an empty IV is AES-256-GCM with J0 = 0.  This vector is the known item of the
 * synthetic backup with its own key, which two other programs opened.
 */
static void the_known_item_opens_and_no_changed_one_does(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *dict = NULL;
	struct slice data, value;
	struct keychain_seal seal;
	struct err err = ERR_INIT;
	uint8_t copy[512];
	size_t i;

	read_keychain("encrypted", true, &reader, &tree, &bytes);
	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(backup_parse_dict(doc, buf_slice(&bytes), "keychain", &dict, &err), err);
	assert_true(plist_get_data(plist_at(plist_get_array(dict, "genp"), 0), "v_Data", &data));
	assert_true(data.len < sizeof(copy));
	for (i = 0; i <= data.len; i++) {
		CLEANUP(buf_wipe) struct buf plain = BUF_INIT(1 << 16);
		int r;

		memcpy(copy, data.bytes, data.len);
		if (i < data.len)
			copy[i] ^= 0x40;
		if (!keychain_seal_read(&seal, slice_of(copy, data.len)))
			continue;
		r = keychain_seal_open(&seal, reader.bag, &plain, &err);
		assert_int_equal(r == 0, i == data.len);
		if (r)
			continue;
		assert_true(keychain_attribute(buf_slice(&plain), "v_Data", &value));
		assert_true(slice_equal(value, slice_text("not-a-real-passphrase")));
		assert_false(keychain_attribute(buf_slice(&plain), "nothing", &value));
	}
	for (i = 0; i < data.len; i++) /* cut anywhere */
		if (keychain_seal_read(&seal, slice_of(data.bytes, i))) {
			CLEANUP(buf_wipe) struct buf plain = BUF_INIT(1 << 16);

			assert_int_not_equal(keychain_seal_open(&seal, reader.bag, &plain, &err),
					     0);
		}
}

static void items_of_other_forms_are_listed_without_names(void **state)
{
	static const char xml[] = "<plist version=\"1.0\"><dict><key>genp</key><array>"
				  "<dict><key>v_Data</key><data>AAAAAAcAAAA=</data></dict>"
				  "<dict><key>v_Data</key><data>AwAA</data></dict>"
				  "<dict/><string>x</string></array></dict></plist>";
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	struct secret password = SECRET_INIT;
	struct listed listed = {0};
	struct err err = ERR_INIT;
	uint8_t bytes[4096];

	assert_done(backup_keybag_parse(&bag, testing_hex(kat_keybag, bytes, sizeof(bytes)), &err),
		    err);
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_done(backup_keychain_each(slice_text(xml), bag, list, &listed, &err), err);
	assert_string_equal(listed.text, "genp 0 7 0 [] []\ngenp 0 0 0 [] []\n"
					 "genp 0 0 0 [] []\ngenp 0 0 0 [] []\n");
	assert_int_equal(listed.unknown, 4);
	assert_int_equal(backup_keychain_each(slice_text("nothing"), bag, list, &listed, &err),
			 ERR_CORRUPT);
}

static int stop(void *arg, const struct backup_keychain_item *item, struct err *err)
{
	return 7;
}

static void a_listing_stops_when_told(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	read_keychain("plain", false, &reader, &tree, &bytes);
	assert_int_equal(backup_keychain_each(buf_slice(&bytes), NULL, stop, NULL, &err), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_open_bag_tells_groups_and_services_and_leaves_devices_items_closed),
		cmocka_unit_test(a_closed_bag_leaves_it_open_what_would_open),
		cmocka_unit_test(the_known_item_opens_and_no_changed_one_does),
		cmocka_unit_test(items_of_other_forms_are_listed_without_names),
		cmocka_unit_test(a_listing_stops_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
