/* management state of a device: its files, its keychain, and what of it a backup carries */
#include "sim/management.h"
#include "sim/testing_host.h"

static struct sim_management managed(enum sim_kind_of_enrollment kind, const char *server)
{
	struct sim_management management = {.enrollment = {.kind = kind}};

	sim_server_url(server, management.enrollment.server);
	management.has_ade_record = kind == SIM_ENROLLED_ADE;
	management.is_supervised = kind == SIM_ENROLLED_ADE || kind == SIM_ENROLLED_CONFIGURATOR;
	return management;
}

static struct sim_device *born(void **state, const char *name,
			       const struct sim_management *management)
{
	struct sim_birth birth = {.seed = 11, .profile = "fresh", .management = management};

	return device_born(*state, name, birth);
}

static void load(struct sim_device *device, const char *path, struct plist_doc *doc,
		 const struct plist **root)
{
	struct buf bytes = BUF_INIT(1 << 20);
	const struct plist_limits limits = PLIST_LIMITS_SMALL;

	assert_int_equal(sim_file_load(device, SIM_PROFILES_DOMAIN, path, &bytes, NULL), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&bytes), &limits, root, NULL), 0);
	buf_clear(&bytes);
}

/* ---- births ---- */

static void an_enrollment_is_read_as_it_was_written(void **state)
{
	static const enum sim_kind_of_enrollment kinds[] = {SIM_ENROLLED_ADE, SIM_ENROLLED_PROFILE,
							    SIM_ENROLLED_ADDE, SIM_ENROLLED_USER,
							    SIM_ENROLLED_CONFIGURATOR};

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		for (int identity = SIM_IDENTITY_SCEP; identity <= SIM_IDENTITY_ACME_HARDWARE;
		     identity++) {
			struct sim_management management = managed(kinds[i], "other");
			struct sim_enrollment found;
			struct sim_device *device;
			char name[32];

			management.enrollment.identity = (enum sim_identity_kind)identity;
			management.enrollment.is_locked = kinds[i] == SIM_ENROLLED_ADE;
			management.enrollment.identity_until = TEST_NOW + 1234567;
			snprintf(name, sizeof(name), "device%zu-%d", i, identity);
			device = born(state, name, &management);
			assert_int_equal(sim_enrollment_load(device, &found, NULL), 0);
			assert_int_equal(found.kind, kinds[i]);
			assert_int_equal(found.identity, identity);
			assert_int_equal(found.is_locked, management.enrollment.is_locked);
			assert_string_equal(found.server, "https://other.example/mdm");
			assert_int_equal(found.since, TEST_NOW);
			assert_int_equal(found.identity_until, TEST_NOW + 1234567);
			assert_true(found.has_identity);
			sim_device_close(device);
		}
	}
}

static void what_no_device_can_be_is_refused(void **state)
{
	struct sim_management locked = managed(SIM_ENROLLED_PROFILE, "this");
	struct sim_management nameless = {.enrollment = {.kind = SIM_ENROLLED_ADE}};
	struct sim_management recordless = managed(SIM_ENROLLED_ADE, "this");
	struct sim_management user = managed(SIM_ENROLLED_USER, "this");
	struct sim_management uid = managed(SIM_ENROLLED_PROFILE, "this");

	locked.enrollment.is_locked = true;
	recordless.has_ade_record = false;
	user.enrollment.is_locked = user.is_supervised = true;
	uid.server_uid = "A1";
	assert_int_equal(sim_management_check(&locked, NULL), ERR_USAGE);
	assert_int_equal(sim_management_check(&nameless, NULL), ERR_USAGE);
	assert_int_equal(sim_management_check(&recordless, NULL), ERR_USAGE);
	assert_int_equal(sim_management_check(&user, NULL), ERR_USAGE);
	assert_int_equal(sim_management_check(&uid, NULL), ERR_USAGE);
}

static void a_cloud_configuration_is_read_as_it_was_written(void **state)
{
	struct sim_device *device = born(state, "device", NULL);
	struct sim_cloud cloud = {.source = SIM_CLOUD_ADE,
				  .is_supervised = true,
				  .is_mandatory = true,
				  .is_unremovable = true,
				  .ignores_backup = true,
				  .has_migrated = true,
				  .hides_restore = true,
				  .is_multi_user = true,
				  .provisional_until = 77,
				  .url = "https://a.example/enroll",
				  .server_uid = "UID",
				  .organization = "A",
				  .supervisor = {.der = {0x30, 0x00, 0xff}, .len = 3}};
	struct sim_cloud found;
	struct sim_state now;

	/* nobody's, as a device that nobody manages has it */
	assert_int_equal(sim_cloud_load(device, SIM_CLOUD_PATH, &found, NULL), 0);
	assert_true(found.source == SIM_CLOUD_NOBODY && !found.is_supervised);
	assert_int_equal(sim_cloud_store(device, SIM_CLOUD_PATH, &cloud, NULL), 0);
	assert_int_equal(sim_cloud_load(device, SIM_CLOUD_PATH, &found, NULL), 0);
	assert_true(found.is_mandatory && found.is_unremovable && found.ignores_backup &&
		    found.has_migrated && found.hides_restore && found.is_multi_user);
	assert_int_equal(found.source, SIM_CLOUD_ADE);
	assert_int_equal(found.provisional_until, 77);
	assert_string_equal(found.url, cloud.url);
	assert_string_equal(found.server_uid, "UID");
	assert_int_equal(found.supervisor.len, 3);
	assert_memory_equal(found.supervisor.der, cloud.supervisor.der, 3);
	assert_int_equal(sim_device_state(device, &now, NULL), 0);
	assert_true(now.is_supervised);
	assert_int_equal(sim_cloud_remove(device, SIM_CLOUD_PATH, NULL), 0);
	assert_int_equal(sim_device_state(device, &now, NULL), 0);
	assert_false(now.is_supervised);
	assert_int_equal(sim_cloud_load(device, SIM_CLOUD_PATH, &found, NULL), SIM_DEVICE_ABSENT);
	sim_device_close(device);
}

static void the_profile_list_names_the_enrollment_profile(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_device *device = born(state, "device", &management);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *root, *list;

	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	list = plist_get_array(sim_device_profiles(device, doc), "OrderedIdentifiers");
	assert_string_equal(plist_text(plist_at(list, 0)), "this.example.enrollment");
	load(device, SIM_PROFILES_FOLDER "/PayloadManifest.plist", doc, &root);
	list = plist_get_array(root, "OrderedProfiles");
	assert_string_equal(plist_text(plist_at(list, 0)), "this.example.enrollment");
	sim_device_close(device);
}

static void leaving_management_takes_profile_and_identity_along(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_PROFILE, "this");
	struct sim_device *device = born(state, "device", &management);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct sim_enrollment found;

	assert_true(sim_keychain_has(device, "keys", 1));
	assert_int_equal(sim_enrollment_remove(device, NULL), 0);
	assert_int_equal(sim_enrollment_load(device, &found, NULL), SIM_DEVICE_ABSENT);
	assert_false(sim_keychain_has(device, "keys", 1));
	assert_false(sim_keychain_has(device, "cert", 1));
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(plist_get_array(sim_device_profiles(device, doc), "OrderedIdentifiers")
				 ->as.items.count,
			 0);
	sim_device_close(device);
}

static void removing_the_enrollment_profile_by_a_host_ends_management(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_device *device = born(state, "device", &management);
	struct sim_enrollment found;

	management.enrollment.is_locked = true;
	assert_int_equal(sim_enrollment_install(device, &management.enrollment, NULL), 0);
	assert_int_equal(sim_device_profile_remove(device, "this.example.enrollment", NULL),
			 SIM_DEVICE_PROHIBITED);
	management.enrollment.is_locked = false;
	assert_int_equal(sim_enrollment_install(device, &management.enrollment, NULL), 0);
	assert_int_equal(sim_device_profile_remove(device, "this.example.enrollment", NULL), 0);
	assert_int_equal(sim_enrollment_load(device, &found, NULL), SIM_DEVICE_ABSENT);
	sim_device_close(device);
}

static void an_erase_leaves_no_trace_of_management(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_enrollment found;
	struct sim_device *device;
	struct sim_cloud cloud;

	management.enrollment.identity = SIM_IDENTITY_ACME_HARDWARE;
	management.app_not_backed_up = "com.example.work";
	device = born(state, "device", &management);
	assert_int_equal(sim_fact_int(device, "enclave/1", 0), 1);
	assert_int_equal(sim_device_erase(device, NULL), 0);
	assert_int_equal(sim_enrollment_load(device, &found, NULL), SIM_DEVICE_ABSENT);
	assert_int_equal(sim_cloud_load(device, SIM_CLOUD_PATH, &cloud, NULL), SIM_DEVICE_ABSENT);
	assert_false(sim_keychain_has(device, "cert", 1));
	assert_int_equal(sim_fact_int(device, "enclave/1", 0), 0);
	assert_string_equal(device->kept_out, "");
	sim_device_close(device);
}

/* ---- the seal ---- */

/* an item of the synthetic backup, which other software sealed */
static void an_item_is_sealed_as_other_software_seals_it(void **state)
{
	static const char key_hex[] =
		"6ef84034ca92139e76e8f539f6a6851f74e5d2bdf9d3e9ff950d714534de6826";
	static const char item_hex[] =
		"315830150c04616363740c0d4578616d706c652057692d4669300d0c04616772700c056170706c65"
		"300f0c04737663650c07416972506f7274301f0c06765f4461746104156e6f742d612d7265616c2d"
		"70617373706872617365";
	static const char sealed_hex[] =
		"f85c08a5bda37b5fe2c0c0ab124eca41906634c0b00b04724b6a1aafa15826847b7a6f4317289ed2"
		"2a2f1d083c34c569c9736341897d8d551d9fec26c1950af9107233307adec457b14c0c0dac067a80"
		"94ed118edfdb3e64bc9a250784fae8b96b4ff6ea2233a21b892b";
	uint8_t key[BACKUP_KEY_LEN], item[90], expected[106], sealed[106], open[90];

	assert_true(hex_decode(key_hex, key, sizeof(key)));
	assert_true(hex_decode(item_hex, item, sizeof(item)));
	assert_true(hex_decode(sealed_hex, expected, sizeof(expected)));
	assert_int_equal(sim_seal(key, slice_of(item, sizeof(item)), sealed, NULL), 0);
	assert_memory_equal(sealed, expected, sizeof(expected));
	assert_int_equal(sim_unseal(key, slice_of(expected, sizeof(expected)), open, NULL), 0);
	assert_memory_equal(open, item, sizeof(item));
}

/* NIST GCM specification, test cases 13 and 14 with J0 = 0 in place of a 96-bit IV's: the tag of
 * nothing is E(0), and the first counter block is 1 */
static void a_seal_opens_only_whole_and_with_its_key(void **state)
{
	static const uint8_t zero[BACKUP_KEY_LEN];
	static const uint8_t encrypted_zero_block[] = {0xdc, 0x95, 0xc0, 0x78, 0xa2, 0x40,
						       0x89, 0x89, 0xad, 0x48, 0xa2, 0x14,
						       0x92, 0x84, 0x20, 0x87};
	uint8_t key[BACKUP_KEY_LEN] = {1, 2, 3}, sealed[100], open[100];
	struct slice text = slice_text("nineteen bytes long, and then some");

	assert_int_equal(sim_seal(zero, SLICE_EMPTY, sealed, NULL), 0);
	assert_memory_equal(sealed, encrypted_zero_block, 16);
	assert_int_equal(sim_seal(key, text, sealed, NULL), 0);
	assert_int_equal(sim_unseal(key, slice_of(sealed, text.len + 16), open, NULL), 0);
	assert_memory_equal(open, text.bytes, text.len);
	assert_int_equal(sim_unseal(zero, slice_of(sealed, text.len + 16), open, NULL),
			 ERR_CORRUPT);
	for (size_t i = 0; i < text.len + 16; i++) {
		sealed[i] ^= 0x10;
		assert_int_equal(sim_unseal(key, slice_of(sealed, text.len + 16), open, NULL),
				 ERR_CORRUPT);
		sealed[i] ^= 0x10;
	}
}

/* ---- travel ---- */

/* what the keychain's file brings to @device after its own items are gone */
static void imports(struct sim_device *device, bool is_expected)
{
	assert_int_equal(sim_keychain_import(device, NULL), 0);
	assert_int_equal(sim_keychain_has(device, "cert", 1), is_expected);
	assert_int_equal(sim_keychain_has(device, "keys", 1), is_expected);
}

static void copy_keychain(struct sim_device *from, struct sim_device *to)
{
	struct buf bytes = BUF_INIT(1 << 20);

	assert_int_equal(
		sim_file_load(from, "KeychainDomain", "keychain-backup.plist", &bytes, NULL), 0);
	assert_int_equal(sim_file_store(to, "KeychainDomain", "keychain-backup.plist",
					buf_slice(&bytes), NULL),
			 0);
	buf_clear(&bytes);
}

static void identities_return_to_their_own_hardware_only(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_device *device = born(state, "device", &management);
	struct sim_birth birth = {.seed = 12, .profile = "fresh"};
	struct sim_device *other = device_born(*state, "other", birth);
	struct secret password = SECRET_INIT;

	secret_make(&password, "secret");
	assert_int_equal(sim_keychain_export(device, false, NULL), 0);
	copy_keychain(device, other);
	imports(device, true);
	imports(other, false);
	assert_int_equal(sim_keybag_set(device, &password, true, NULL), 0);
	assert_int_equal(sim_keychain_export(device, true, NULL), 0);
	copy_keychain(device, other);
	imports(device, true);
	imports(other, false);
	/* switched off and on again: older backups still open on the hardware that made them */
	assert_int_equal(sim_keybag_set(device, &password, true, NULL), 0);
	imports(device, true);
	/* a new logic board, from the next epoch on */
	assert_int_equal(sim_fact_put_int(device, "board", 1, NULL), 0);
	assert_int_equal(sim_fact_put_int(device, "board_epoch", 3, NULL), 0);
	imports(device, false);
	secret_clear(&password);
	sim_device_close(device);
	sim_device_close(other);
}

static void a_hardware_bound_key_is_in_no_keychain(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_device *device;

	management.enrollment.identity = SIM_IDENTITY_ACME_HARDWARE;
	device = born(state, "device", &management);
	assert_true(sim_keychain_has(device, "cert", 1));
	assert_false(sim_keychain_has(device, "keys", 1));
	sim_device_close(device);
}

static bool has(struct backup_manifest *manifest, const char *domain, const char *path)
{
	struct backup_file row;
	char file_id[41];

	backup_file_id(domain, path, file_id);
	return backup_manifest_find_id(manifest, file_id, &row, NULL) == 0;
}

static void a_backup_holds_the_files_that_a_real_one_holds(void **state)
{
	struct sim_management management = managed(SIM_ENROLLED_ADE, "this");
	struct sim_cloud fresh = {.source = SIM_CLOUD_ADE};
	struct backup_manifest *manifest = NULL;
	struct source *source = NULL;
	struct folder_host host;
	struct sim_answer answer;
	struct sim_device *device;
	char path[256], file[512];

	management.app_not_backed_up = "com.example.work";
	device = born(state, "device", &management);
	assert_int_equal(sim_cloud_store(device, SIM_SET_ASIDE_PATH, &fresh, NULL), 0);
	folder_host_init(&host, place_path(*state, "host", path));
	assert_int_equal(sim_device_backup(device, &host.host, NULL, true, &answer, NULL), 0);
	assert_int_equal(answer.code, 0);
	snprintf(file, sizeof(file), "%s/%s/Manifest.db", path, device->identity.udid);
	assert_int_equal(source_file_open(&source, file, NULL), 0);
	assert_int_equal(backup_manifest_open(&manifest, source, NULL), 0);
	assert_true(has(manifest, SIM_PROFILES_DOMAIN, SIM_CLOUD_PATH));
	assert_true(has(manifest, SIM_PROFILES_DOMAIN, SIM_MDM_PATH));
	assert_true(
		has(manifest, SIM_PROFILES_DOMAIN, SIM_PROFILES_FOLDER "/PayloadManifest.plist"));
	assert_true(has(manifest, "KeychainDomain", "keychain-backup.plist"));
	assert_false(has(manifest, SIM_PROFILES_DOMAIN, SIM_SET_ASIDE_PATH));
	assert_false(has(manifest, "AppDomain-com.example.work", "Documents/work.txt"));
	backup_manifest_close_p(&manifest);
	/* nothing changed: the next run sends no content */
	host.files = 0;
	assert_int_equal(sim_device_backup(device, &host.host, NULL, false, &answer, NULL), 0);
	assert_int_equal(sim_fact_int(device, "last_backup/files", -1), 0);
	sim_device_close(device);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(an_enrollment_is_read_as_it_was_written),
		IN_A_PLACE(what_no_device_can_be_is_refused),
		IN_A_PLACE(a_cloud_configuration_is_read_as_it_was_written),
		IN_A_PLACE(the_profile_list_names_the_enrollment_profile),
		IN_A_PLACE(leaving_management_takes_profile_and_identity_along),
		IN_A_PLACE(removing_the_enrollment_profile_by_a_host_ends_management),
		IN_A_PLACE(an_erase_leaves_no_trace_of_management),
		IN_A_PLACE(an_item_is_sealed_as_other_software_seals_it),
		IN_A_PLACE(a_seal_opens_only_whole_and_with_its_key),
		IN_A_PLACE(identities_return_to_their_own_hardware_only),
		IN_A_PLACE(a_hardware_bound_key_is_in_no_keychain),
		IN_A_PLACE(a_backup_holds_the_files_that_a_real_one_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
