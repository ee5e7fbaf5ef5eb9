/*
 * Each promise is noticed when it is broken: a copy of the project's own backup is damaged in
 * one place after another.
 */
#include "backup/testing_copy.h"
#include "backup/testing_verify.h"

#define PLAIN false
#define ENCRYPTED true

static void no_manifest_plist(const struct copy *copy)
{
	remove_file(copy, "Manifest.plist");
}

static void odd_version(struct backup_properties *properties)
{
	strcpy(properties->version, "ten");
}

static void no_domains_version(struct backup_properties *properties)
{
	properties->system_domains_version[0] = '\0';
}

static void no_udid(struct backup_properties *properties)
{
	properties->udid[0] = '\0';
}

static void other_udid(struct backup_properties *properties)
{
	properties->udid[0] = '9';
}

static void no_keybag(struct backup_properties *properties)
{
	properties->has_keybag = false;
}

/* that of class 1 */
static void damaged_last_class(struct backup_properties *properties)
{
	properties->keybag.bytes[properties->keybag.len - 1] ^= 1;
}

/* that of class 11, which is for the device too */
static void damaged_first_class(struct backup_properties *properties)
{
	uint8_t *wrapped = memmem(properties->keybag.bytes, properties->keybag.len, "WPKY", 4);

	assert_non_null(wrapped);
	wrapped[8] ^= 1;
}

static void no_manifest_key(struct backup_properties *properties)
{
	properties->has_manifest_key = false;
}

static void break_version(const struct copy *copy)
{
	change_properties(copy, odd_version);
}

static void break_domains_version(const struct copy *copy)
{
	change_properties(copy, no_domains_version);
}

static void break_udid(const struct copy *copy)
{
	change_properties(copy, no_udid);
}

static void break_info_agreement(const struct copy *copy)
{
	change_properties(copy, other_udid);
}

static void break_keybag(const struct copy *copy)
{
	change_properties(copy, no_keybag);
}

static void break_last_class(const struct copy *copy)
{
	change_properties(copy, damaged_last_class);
}

static void break_first_class(const struct copy *copy)
{
	change_properties(copy, damaged_first_class);
}

static void break_manifest_key(const struct copy *copy)
{
	decrypt_manifest(copy);
	change_properties(copy, no_manifest_key);
}

static void no_status(const struct copy *copy)
{
	remove_file(copy, "Status.plist");
}

static void old_status(const struct copy *copy)
{
	write_status(copy, "2.3", "new", BACKUP_FINISHED);
}

static void new_status(const struct copy *copy)
{
	write_status(copy, "4.0", "new", BACKUP_FINISHED);
}

static void odd_backup_state(const struct copy *copy)
{
	write_status(copy, "3.3", "fresh", BACKUP_FINISHED);
}

static void unfinished(const struct copy *copy)
{
	write_status(copy, "3.3", "new", BACKUP_MOVING);
}

static void no_info(const struct copy *copy)
{
	remove_file(copy, "Info.plist");
}

static void damaged_info(const struct copy *copy)
{
	write_bytes(copy, "Info.plist", slice_text("<plist><dict>"));
}

static void left_snapshot(const struct copy *copy)
{
	write_bytes(copy, "Snapshot/3d/x", slice_text("x"));
}

static void left_wal(const struct copy *copy)
{
	write_bytes(copy, "Manifest.db-wal", slice_text("x"));
}

static void garbage_manifest(const struct copy *copy)
{
	write_bytes(copy, "Manifest.db", slice_text("garbage"));
}

static void other_user_version(const struct copy *copy)
{
	change_sql(copy, "PRAGMA user_version = 3");
}

static void padded_manifest(const struct copy *copy)
{
	change_bytes(copy, "Manifest.db", 68, 16); /* application_id: nobody minds */
}

static void upper_case_id(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET fileID = upper(fileID) WHERE relativePath = "
			 "'Library/SMS'");
}

static void garbage_record(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET file = x'00' WHERE relativePath = 'Library/SMS'");
}

static void other_id(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET fileID = replace(fileID, '2', '3') WHERE relativePath = "
			 "'Library/SMS'");
}

static void dots_in_path(struct backup_file *file)
{
	file->path = "Library/../../SMS";
}

static void break_path(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS", dots_in_path);
}

static void other_record_path(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET file = (SELECT file FROM Files WHERE domain = "
			 "'HomeDomain' AND relativePath = 'Library') WHERE relativePath = "
			 "'Library/SMS'");
}

static void odd_flags(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET flags = 16 WHERE relativePath = 'Library/SMS'");
}

static void no_root(const struct copy *copy)
{
	change_sql(copy, "DELETE FROM Files WHERE relativePath = '' AND domain = 'HomeDomain'");
}

static void without_target(struct backup_file *file)
{
	file->target = NULL;
}

static void break_target(const struct copy *copy)
{
	change_row(copy, "DatabaseDomain", "timezone/localtime", without_target);
}

static void with_size(struct backup_file *file)
{
	file->size = 5;
}

static void break_size(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS", with_size);
}

static void with_odd_xattrs(struct backup_file *file)
{
	file->xattrs = slice_text("no plist");
}

static void break_xattrs(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_xattrs);
}

static void without_key(struct backup_file *file)
{
	file->key = SLICE_EMPTY;
}

static void break_key_present(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", without_key);
}

static const uint8_t odd_key[BACKUP_FILE_KEY_LEN] = {3};

static void with_odd_key(struct backup_file *file)
{
	file->key = slice_of(odd_key, sizeof(odd_key));
}

static void break_key_absent(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_key);
}

static void break_key(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_key);
}

static void with_other_class(struct backup_file *file)
{
	file->protection_class = 1;
}

static void break_class(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_other_class);
}

static void no_content(const struct copy *copy)
{
	remove_file(copy, SMS);
}

static void cut_content(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, -3);
}

static void change_last_byte(const struct copy *copy)
{
	change_bytes(copy, SMS, -1, 0);
}

static void change_first_byte(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, 0);
}

static void grow_content(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, 16);
}

static void stray_file(const struct copy *copy)
{
	write_bytes(copy, "aa/aa00000000000000000000000000000000000000", slice_text("x"));
}

static void directorys_content(const struct copy *copy)
{
	/* the fileID of a directory: it has no contents */
	write_bytes(copy, "21/216b7d745005532012e7e1c9957c7688692fd939", slice_text("x"));
}

static void nothing(const struct copy *copy)
{
}

static const struct damage {
	const char *promise;
	void (*make)(const struct copy *copy);
	bool is_encrypted;
	const char *password;
} damages[] = {
	{"manifest-plist", no_manifest_plist, PLAIN, NULL},
	{"manifest-plist-version", break_version, PLAIN, NULL},
	{"system-domains-version", break_domains_version, PLAIN, NULL},
	{"device-named", break_udid, PLAIN, NULL},
	{"info-agrees", break_info_agreement, PLAIN, NULL},
	{"keybag", break_keybag, ENCRYPTED, KAT_PASSWORD},
	{"keybag", break_last_class, ENCRYPTED, KAT_PASSWORD},
	{"keybag", break_first_class, ENCRYPTED, KAT_PASSWORD},
	{"manifest-key", break_manifest_key, ENCRYPTED, KAT_PASSWORD},
	{"status-plist", no_status, PLAIN, NULL},
	{"status-version", old_status, PLAIN, NULL},
	{"status-version", new_status, PLAIN, NULL},
	{"status-state", odd_backup_state, PLAIN, NULL},
	{"status-finished", unfinished, PLAIN, NULL},
	{"info-plist", no_info, PLAIN, NULL},
	{"info-plist", damaged_info, PLAIN, NULL},
	{"no-snapshot-folder", left_snapshot, PLAIN, NULL},
	{"no-side-files", left_wal, PLAIN, NULL},
	{"manifest-db", garbage_manifest, PLAIN, NULL},
	{"manifest-form", other_user_version, PLAIN, NULL},
	{"manifest-padding", padded_manifest, PLAIN, NULL},
	{"file-id-form", upper_case_id, PLAIN, NULL},
	{"row-readable", garbage_record, PLAIN, NULL},
	{"file-id", other_id, PLAIN, NULL},
	{"path-safe", break_path, PLAIN, NULL},
	{"record-path", other_record_path, PLAIN, NULL},
	{"flags-mode", odd_flags, PLAIN, NULL},
	{"root-row", no_root, PLAIN, NULL},
	{"symlink-target", break_target, PLAIN, NULL},
	{"size-zero", break_size, PLAIN, NULL},
	{"extended-attributes", break_xattrs, PLAIN, NULL},
	{"key-present", break_key_present, ENCRYPTED, KAT_PASSWORD},
	{"key-absent", break_key_absent, PLAIN, NULL},
	{"key-opens", break_key, ENCRYPTED, KAT_PASSWORD},
	{"key-class", break_class, ENCRYPTED, KAT_PASSWORD},
	{"content-present", no_content, PLAIN, NULL},
	{"content-blocks", cut_content, ENCRYPTED, KAT_PASSWORD},
	{"padding", change_last_byte, ENCRYPTED, KAT_PASSWORD},
	{"size-drift", grow_content, PLAIN, NULL},
	{"digest", change_first_byte, PLAIN, NULL},
	{"digest", change_first_byte, ENCRYPTED, KAT_PASSWORD},
	{"extraneous", stray_file, PLAIN, NULL},
	{"extraneous", directorys_content, PLAIN, NULL},
	{"decrypted", nothing, ENCRYPTED, NULL},
};

static enum backup_severity severity_of(const char *promise)
{
	const struct backup_promise *promises;
	size_t count, i;

	promises = backup_promises(&count);
	for (i = 0; i < count; i++)
		if (!strcmp(promises[i].name, promise))
			return promises[i].breach;
	fail_msg("no promise is called %s", promise);
	return BACKUP_OK;
}

static void each_damage_breaks_its_promise(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(damages); i++) {
		struct copy copy = copy_make(damages[i].is_encrypted);
		struct backup_verdict verdict;
		struct verdicts verdicts;
		unsigned usual = !strcmp(damages[i].promise, "size-drift") ? 2 : 0;

		damages[i].make(&copy);
		assert_int_equal(
			verify_folder(copy.folder, damages[i].password, &verdicts, &verdict), 0);
		if (times(&verdicts, damages[i].promise) <= usual) {
			print_error("%s (%zu) was not noticed:\n", damages[i].promise, i);
			print_verdicts(&verdicts);
			fail();
		}
		if (severity_of(damages[i].promise) == BACKUP_PROBLEM)
			assert_true(verdict.problems > 0);
		else
			assert_true(verdict.remarks > 0);
		testing_folder_remove(&copy.folder);
	}
}

static void each_promise_has_a_damage_that_breaks_it_and_a_line_in_the_paper(void **state)
{
	CLEANUP(buf_clear) struct buf paper = BUF_INIT(1 << 20);
	const struct backup_promise *promises;
	char path[1024], quoted[64];
	size_t count, i, j;

	snprintf(path, sizeof(path), "%s/docs/format/ios-backup.md", getenv("REHOME_SOURCE_ROOT"));
	testing_read_file(path, &paper);
	promises = backup_promises(&count);
	for (i = 0; i < count; i++) {
		assert_true(promises[i].name[0] && promises[i].text[0]);
		snprintf(quoted, sizeof(quoted), "`%s`", promises[i].name);
		if (!strstr(buf_text(&paper), quoted))
			fail_msg("the paper does not name %s", promises[i].name);
		for (j = 0; j < ARRAY_COUNT(damages); j++)
			if (!strcmp(damages[j].promise, promises[i].name))
				break;
		if (j == ARRAY_COUNT(damages) && strcmp(promises[i].name, "content-readable"))
			fail_msg("no damage breaks %s", promises[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_damage_breaks_its_promise),
		cmocka_unit_test(each_promise_has_a_damage_that_breaks_it_and_a_line_in_the_paper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
