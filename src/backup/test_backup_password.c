/* another password for a backup: the keys stay, and with them all contents */
#include "backup/testing.h"

#include "backup/keybag.h"

/* the salts of the known answer, in the order in which they are asked for */
struct known_salts {
	struct entropy entropy;
	const char *const *hex;
};

static int known_fill(struct entropy *entropy, void *bytes, size_t len, struct err *err)
{
	struct known_salts *salts = (struct known_salts *)entropy;

	assert_int_equal(strlen(*salts->hex), 2 * len);
	assert_true(hex_decode(*salts->hex++, bytes, len));
	return 0;
}

static void read_bag(const char *hex, struct buf *blob)
{
	uint8_t bytes[4096];

	assert_int_equal(buf_append_slice(blob, testing_hex(hex, bytes, sizeof(bytes)), NULL), 0);
}

static void new_password(struct secret *secret)
{
	uint8_t bytes[64];

	assert_int_equal(
		secret_set(secret, testing_hex(KAT_NEW_PASSWORD_HEX, bytes, sizeof(bytes)), NULL),
		0);
}

static void the_known_bag_becomes_the_known_other_one(void **state)
{
	static const char *const hex[] = {KAT_NEW_DPSL, KAT_NEW_SALT};
	struct known_salts salts = {{known_fill}, hex};
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(4096), wanted = BUF_INIT(4096);
	struct secret password = SECRET_INIT, other = SECRET_INIT;
	struct err err = ERR_INIT;

	read_bag(kat_keybag, &blob);
	read_bag(kat_new_keybag, &wanted);
	testing_password(&password, KAT_PASSWORD);
	new_password(&other);
	assert_done(keybag_rewrap(&blob, &password, &other, &salts.entropy, &err), err);
	assert_true(slice_equal(buf_slice(&blob), buf_slice(&wanted)));
}

static int rewrap(struct buf *blob, const char *from, const char *to, struct err *err)
{
	struct secret old = SECRET_INIT, new = SECRET_INIT;
	struct entropy_seeded entropy;

	entropy_seeded_init(&entropy, 1);
	testing_password(&old, from);
	testing_password(&new, to);
	return keybag_rewrap(blob, &old, &new, &entropy.entropy, err);
}

static void wrong_and_empty_passwords_and_damaged_keys_change_nothing(void **state)
{
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(4096), again = BUF_INIT(4096);
	CLEANUP(buf_clear) struct buf damaged = BUF_INIT(4096);
	struct err err = ERR_INIT;

	read_bag(kat_keybag, &blob);
	assert_int_equal(rewrap(&blob, "wrong", "new", &err), BACKUP_WRONG_PASSWORD);
	read_bag(kat_keybag, &again);
	assert_int_equal(rewrap(&again, KAT_PASSWORD, "", &err), ERR_USAGE);
	read_bag(kat_keybag, &damaged);
	damaged.bytes[damaged.len - 1] ^= 1;
	assert_int_equal(rewrap(&damaged, KAT_PASSWORD, "new", &err), ERR_CORRUPT);
}

/* A bag from before iOS 10.2, with a stray class and keys that are for the device too. */
static void an_old_bag_keeps_its_form_and_hidden_keys_their_content(void **state)
{
	CLEANUP(buf_clear) struct buf plist = BUF_INIT(1 << 16), blob = BUF_INIT(4096);
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	char path[1024];

	if (!testing_fixture("pyiosbackup-encrypted/ios9-mbdb/Manifest.plist", path))
		skip();
	testing_read_file(path, &plist);
	backup_properties_init(&properties);
	assert_done(backup_properties_read(&properties, buf_slice(&plist), &err), err);
	assert_done(buf_append_slice(&blob, buf_slice(&properties.keybag), &err), err);
	assert_done(rewrap(&blob, "0000", "new", &err), err);
	assert_int_equal(blob.len, properties.keybag.len);
	assert_done(backup_keybag_parse(&bag, buf_slice(&blob), &err), err);
	assert_int_equal(backup_keybag_rounds(bag), 10000);
	testing_password(&password, "new");
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	/* back again: with the old salts the old bag would come out, so its keys are the same */
	assert_done(rewrap(&blob, "new", "0000", &err), err);
}

/* ---- a whole folder ---- */

static void copy_file(const char *folder, const char *name)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	char path[1024];

	testing_read_file(testing_backup("encrypted", name, path), &bytes);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_done(fs_write_file(fs_system(), path, buf_slice(&bytes), 0640, &err), err);
}

static int open_with(const char *folder, const char *text)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;

	backup_reader_init(&reader);
	testing_password(&password, text);
	assert_done(backup_tree_folder(&tree, folder, &err), err);
	return backup_reader_open(&reader, tree, &password, &err);
}

static void assert_same_but_the_bag(const char *folder)
{
	CLEANUP(buf_clear) struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *old, *new, *a, *b;
	struct err err = ERR_INIT;
	char path[1024];

	testing_read_file(testing_backup("encrypted", "Manifest.plist", path), &before);
	snprintf(path, sizeof(path), "%s/Manifest.plist", folder);
	testing_read_file(path, &after);
	assert_int_equal(after.len, before.len);
	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(plist_parse(doc, buf_slice(&before), &limits, &old, &err), err);
	assert_done(plist_parse(doc, buf_slice(&after), &limits, &new, &err), err);
	assert_int_equal(old->as.items.count, new->as.items.count);
	for (a = old->as.items.first, b = new->as.items.first; a; a = a->next, b = b->next) {
		assert_string_equal(a->key, b->key);
		assert_int_equal(a->type, b->type);
		if (a->type == PLIST_DATA)
			assert_int_equal(slice_equal(a->as.data, b->as.data),
					 strcmp(a->key, "BackupKeyBag") != 0);
	}
}

static void a_folder_gets_another_password_and_nothing_else(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	struct secret password = SECRET_INIT, other = SECRET_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	char path[1024];

	copy_file(folder, "Manifest.plist");
	copy_file(folder, "Manifest.db");
	testing_password(&password, "wrong");
	testing_password(&other, "another");
	assert_int_equal(
		backup_password_change_folder(folder, &password, &other, entropy_system(), &err),
		BACKUP_WRONG_PASSWORD);
	assert_int_equal(open_with(folder, KAT_PASSWORD), 0);
	testing_password(&password, KAT_PASSWORD);
	assert_done(
		backup_password_change_folder(folder, &password, &other, entropy_system(), &err),
		err);
	assert_int_equal(open_with(folder, KAT_PASSWORD), BACKUP_WRONG_PASSWORD);
	assert_int_equal(open_with(folder, "another"), 0);
	assert_same_but_the_bag(folder);
	snprintf(path, sizeof(path), "%s/Manifest.plist", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_plain_backup_has_no_password_to_change(void **state)
{
	CLEANUP(buf_clear) struct buf plist = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	char path[1024];

	testing_password(&password, KAT_PASSWORD);
	testing_read_file(testing_backup("plain", "Manifest.plist", path), &plist);
	assert_int_equal(backup_password_change(buf_slice(&plist), &password, &password,
						entropy_system(), &out, &err),
			 ERR_USAGE);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_bag_becomes_the_known_other_one),
		cmocka_unit_test(wrong_and_empty_passwords_and_damaged_keys_change_nothing),
		cmocka_unit_test(an_old_bag_keeps_its_form_and_hidden_keys_their_content),
		cmocka_unit_test(a_folder_gets_another_password_and_nothing_else),
		cmocka_unit_test(a_plain_backup_has_no_password_to_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
