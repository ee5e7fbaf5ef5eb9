/* Manifest.plist, Status.plist and Info.plist are read with care and written as devices do */
#include "backup/testing.h"

#include "backup/internal.h"

static void the_synthetic_manifest_plist_reads_completely(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	uint8_t bag[4096];
	char path[1024];

	backup_properties_init(&properties);
	testing_read_file(testing_backup("encrypted", "Manifest.plist", path), &bytes);
	assert_done(backup_properties_read(&properties, buf_slice(&bytes), &err), err);
	assert_string_equal(properties.version, "10.0");
	assert_string_equal(properties.system_domains_version, "24.0");
	assert_int_equal(properties.date, 1735689600);
	assert_true(properties.is_encrypted);
	assert_true(properties.was_passcode_set);
	assert_string_equal(properties.udid, KAT_UDID);
	assert_string_equal(properties.serial, "SYNTH0000001");
	assert_string_equal(properties.device_name, "Synthetic iPad");
	assert_string_equal(properties.product_type, "iPad13,1");
	assert_string_equal(properties.product_version, "18.2");
	assert_string_equal(properties.build, "22C152");
	assert_false(properties.is_simulated);
	assert_true(properties.has_keybag && properties.has_manifest_key);
	assert_true(slice_equal(buf_slice(&properties.keybag),
				testing_hex(kat_keybag, bag, sizeof(bag))));
	assert_memory_equal(properties.manifest_key,
			    testing_hex(KAT_MANIFEST_KEY_BLOB, bag, sizeof(bag)).bytes, 44);
}

static void what_is_written_reads_back_with_the_further_keys(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	CLEANUP(backup_properties_clear) struct backup_properties again;
	struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *dict;
	struct plist *more, *lockdown;
	struct err err = ERR_INIT;

	backup_properties_init(&properties);
	backup_properties_init(&again);
	strcpy(properties.version, "10.0");
	strcpy(properties.system_domains_version, "24.0");
	strcpy(properties.udid, "0000FE5A-0011223344556677");
	strcpy(properties.required_version, "9.0");
	properties.date = 1700000000;
	properties.is_encrypted = properties.has_keybag = properties.has_manifest_key = true;
	properties.is_simulated = true;
	memset(properties.manifest_key, 0x44, sizeof(properties.manifest_key));
	buf_append(&properties.keybag, "bag", 3, NULL);

	assert_done(plist_doc_new(&doc, &err), err);
	more = plist_new_dict(doc);
	plist_set_text(doc, more, "Version", "99.0"); /* ours wins */
	plist_set(doc, more, "Applications", plist_new_dict(doc));
	lockdown = plist_new_dict(doc);
	plist_set(doc, lockdown, "com.apple.Accessibility", plist_new_dict(doc));
	plist_set(doc, more, "Lockdown", lockdown);
	assert_done(backup_properties_write(&properties, more, &bytes, &err), err);
	assert_memory_equal(bytes.bytes, "bplist00", 8);

	assert_done(backup_properties_read(&again, buf_slice(&bytes), &err), err);
	assert_string_equal(again.version, "10.0");
	assert_string_equal(again.udid, properties.udid);
	assert_string_equal(again.required_version, "9.0");
	assert_int_equal(again.date, properties.date);
	assert_true(again.is_simulated && again.is_encrypted && again.has_manifest_key);
	assert_true(slice_equal(buf_slice(&again.keybag), slice_of("bag", 3)));

	plist_doc_reset(doc);
	assert_done(plist_parse(doc, buf_slice(&bytes), &limits, &dict, &err), err);
	assert_non_null(plist_get_dict(dict, "Applications"));
	assert_non_null(
		plist_get_dict(plist_get_dict(dict, "Lockdown"), "com.apple.Accessibility"));
	assert_string_equal(plist_get_text(dict, "SystemDomainsVersion"), "24.0");
}

/* Read @form as Manifest.plist */
static int read_form(struct plist_doc *doc, struct plist *form,
		     struct backup_properties *properties, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);

	assert_int_equal(plist_write_binary(doc, form, &bytes, NULL), 0);
	return backup_properties_read(properties, buf_slice(&bytes), err);
}

static void a_version_may_be_a_number(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	struct plist *form;

	backup_properties_init(&properties);
	assert_done(plist_doc_new(&doc, &err), err);
	form = plist_new_dict(doc);
	plist_set_real(doc, form, "Version", 9.1);
	assert_done(read_form(doc, form, &properties, &err), err);
	assert_string_equal(properties.version, "9.1");
}

static void keys_of_a_wrong_length_are_refused(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	struct plist *form;

	backup_properties_init(&properties);
	assert_done(plist_doc_new(&doc, &err), err);
	form = plist_new_dict(doc);
	plist_set_data(doc, form, "ManifestKey", slice_of("short", 5));
	assert_int_equal(read_form(doc, form, &properties, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.text, "ManifestKey"));
	assert_int_equal(read_form(doc, plist_new_array(doc), &properties, &err), ERR_CORRUPT);
	assert_int_equal(backup_properties_read(&properties, SLICE_EMPTY, &err), ERR_CORRUPT);
}

static void a_long_device_name_is_cut_between_characters(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	struct plist *form, *lockdown;
	char name[601] = "";
	size_t i;

	for (i = 0; i < 600; i += 2)
		memcpy(name + i, "\xc3\xa4", 2);
	backup_properties_init(&properties);
	assert_done(plist_doc_new(&doc, &err), err);
	form = plist_new_dict(doc);
	lockdown = plist_new_dict(doc);
	plist_set_text(doc, lockdown, "DeviceName", name);
	plist_set(doc, form, "Lockdown", lockdown);
	assert_done(read_form(doc, form, &properties, &err), err);
	assert_int_equal(strlen(properties.device_name), 254);
	assert_true(text_is_utf8(properties.device_name, 254));
	plist_set_text(doc, lockdown, "UniqueDeviceID", name);
	assert_int_equal(read_form(doc, form, &properties, &err), ERR_LIMIT);
}

static void each_state_of_a_run_is_written_and_read(void **state)
{
	struct backup_status status = {.version = "3.3", .backup_state = "new", .date = 5};
	struct backup_status again;
	struct err err = ERR_INIT;
	int each;

	strcpy(status.uuid, "DDDDDDDD-0000-4000-8000-000000000001");
	for (each = BACKUP_UPLOADING; each <= BACKUP_FINISHED; each++) {
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(4096);

		status.snapshot_state = (enum backup_snapshot_state)each;
		status.is_full = each % 2;
		assert_done(backup_status_write(&status, &bytes, &err), err);
		assert_done(backup_status_read(&again, buf_slice(&bytes), &err), err);
		assert_int_equal(again.snapshot_state, each);
		assert_int_equal(again.is_full, each % 2);
		assert_string_equal(again.uuid, status.uuid);
		assert_string_equal(again.version, "3.3");
		assert_string_equal(again.backup_state, "new");
		assert_int_equal(again.date, 5);
	}
}

static void the_synthetic_status_and_info_read(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_status status;
	struct backup_info info;
	struct err err = ERR_INIT;
	char path[1024];

	testing_read_file(testing_backup("plain", "Status.plist", path), &bytes);
	assert_done(backup_status_read(&status, buf_slice(&bytes), &err), err);
	assert_int_equal(status.snapshot_state, BACKUP_FINISHED);
	assert_string_equal(status.version, "3.3");
	assert_true(status.is_full);
	buf_truncate(&bytes, 0);
	testing_read_file(testing_backup("plain", "Info.plist", path), &bytes);
	assert_done(backup_info_read(&info, buf_slice(&bytes), &err), err);
	assert_string_equal(info.name, "Synthetic iPad");
	assert_string_equal(info.udid, KAT_UDID);
	assert_string_equal(info.product_version, "18.2");
	assert_string_equal(info.imei, "");
	assert_int_equal(info.application_count, 1);
	assert_int_equal(info.last_backup, 1735689600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_synthetic_manifest_plist_reads_completely),
		cmocka_unit_test(what_is_written_reads_back_with_the_further_keys),
		cmocka_unit_test(a_version_may_be_a_number),
		cmocka_unit_test(keys_of_a_wrong_length_are_refused),
		cmocka_unit_test(a_long_device_name_is_cut_between_characters),
		cmocka_unit_test(each_state_of_a_run_is_written_and_read),
		cmocka_unit_test(the_synthetic_status_and_info_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
