/* the device by itself: births, contents, ageing, what it makes up */
#include "sim/testing_host.h"

static void assert_same_digest(struct sim_device *one, struct sim_device *other, bool is_same)
{
	uint8_t a[CRYPTO_SHA256_LEN], b[CRYPTO_SHA256_LEN];

	assert_int_equal(sim_device_digest(one, a, NULL), 0);
	assert_int_equal(sim_device_digest(other, b, NULL), 0);
	assert_int_equal(!memcmp(a, b, sizeof(a)), is_same);
}

static void identity_is_of_the_reserved_range_and_follows_the_seed(void **state)
{
	struct sim_device *one = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct sim_device *twin = device_born(*state, "twin", (struct sim_birth){.seed = 7});
	struct sim_device *other = device_born(*state, "other", (struct sim_birth){.seed = 8});

	assert_true(udid_is_reserved(sim_device_identity(one)->udid));
	assert_true(serial_is_reserved(sim_device_identity(one)->serial));
	assert_string_equal(sim_device_identity(one)->udid, sim_device_identity(twin)->udid);
	assert_string_not_equal(sim_device_identity(one)->udid, sim_device_identity(other)->udid);
	sim_device_close(one);
	sim_device_close(twin);
	sim_device_close(other);
}

static void a_serial_outside_the_range_is_refused_before_anything_is_written(void **state)
{
	const struct sim_birth birth = {
		.seed = 1, .serial = "F9FXK0ABCDEF", .files = 1, .file_size = 1};
	struct err err = ERR_INIT;
	char folder[256];
	struct stat st;

	assert_int_equal(sim_birth_run(place_path(*state, "real", folder), &birth, &err),
			 ERR_POLICY);
	assert_int_equal(stat(folder, &st), -1);
}

static void a_folder_edited_into_another_identity_does_not_open(void **state)
{
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct err err = ERR_INIT;
	char folder[256];

	assert_int_equal(sim_fact_put(device, "serial", "F9FXK0ABCDEF", &err), 0);
	sim_device_close(device);
	assert_int_equal(sim_device_open(&device, place_path(*state, "one", folder), &err),
			 ERR_POLICY);
}

static void a_birth_does_not_touch_a_folder_in_use(void **state)
{
	const struct sim_birth birth = {.seed = 1, .files = 1};
	char folder[256], file[300];
	struct stat st;

	place_path(*state, "used", folder);
	assert_int_equal(fs_mkdirs(fs_system(), folder, 0700, NULL), 0);
	snprintf(file, sizeof(file), "%s/.hidden", folder);
	assert_int_equal(fs_write_file(fs_system(), file, slice_text("mine"), 0, NULL), 0);
	assert_int_equal(sim_birth_run(folder, &birth, NULL), ERR_EXISTS);
	assert_int_equal(stat(file, &st), 0);
}

static void what_the_device_makes_up_depends_on_purpose_and_counter_alone(void **state)
{
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	uint8_t first[40], again[40], longer[80], other[40];

	sim_device_derive(device, "uuid", 1, first, sizeof(first));
	sim_device_derive(device, "uuid", 2, other, sizeof(other));
	sim_device_derive(device, "key", 1, longer, sizeof(longer));
	sim_device_derive(device, "uuid", 1, again, sizeof(again));
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, other, sizeof(first));
	assert_memory_not_equal(first, longer, sizeof(first));
	sim_device_derive(device, "uuid", 1, longer, sizeof(longer));
	assert_memory_equal(first, longer, sizeof(first)); /* a longer answer starts alike */
	sim_device_close(device);
}

static void a_content_is_the_same_however_it_is_read(void **state)
{
	static const enum sim_kind kinds[] = {SIM_KIND_OPAQUE, SIM_KIND_PHOTO, SIM_KIND_MOVIE,
					      SIM_KIND_TEXT,   SIM_KIND_PLIST, SIM_KIND_SQLITE};
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct sim_content *content = NULL;
	static uint8_t whole[5 * SIM_PAGE_LEN + 77], pages[sizeof(whole)];

	assert_int_equal(sim_content_new(&content, device, NULL), 0);
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		for (uint64_t version = 0; version < 200; version += 66) {
			struct sim_file file = {.kind = kinds[i],
						.content = 99,
						.version = version,
						.row.size = sizeof(whole)};

			assert_int_equal(sim_content_open(content, &file, NULL), 0);
			assert_int_equal(sim_content_read(content, 0, whole, sizeof(whole), NULL),
					 0);
			for (size_t at = 0; at < sizeof(pages); at += SIM_PAGE_LEN) {
				size_t left = sizeof(pages) - at;

				assert_int_equal(
					sim_content_read(content, at, pages + at,
							 left < SIM_PAGE_LEN ? left : SIM_PAGE_LEN,
							 NULL),
					0);
			}
			assert_memory_equal(whole, pages, sizeof(whole));
		}
	}
	sim_content_free_p(&content);
	sim_device_close(device);
}

static void a_database_changes_a_few_pages_and_always_the_first(void **state)
{
	enum { PAGES = 1000 };
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct sim_file file = {.kind = SIM_KIND_SQLITE,
				.content = 5,
				.version = 3,
				.row.size = PAGES * SIM_PAGE_LEN};
	struct sim_content *content = NULL;
	uint8_t *before = malloc(file.row.size), *after = malloc(file.row.size);
	unsigned changed = 0;

	assert_int_equal(sim_content_new(&content, device, NULL), 0);
	assert_int_equal(sim_content_open(content, &file, NULL), 0);
	assert_int_equal(sim_content_read(content, 0, before, file.row.size, NULL), 0);
	file.version++;
	assert_int_equal(sim_content_open(content, &file, NULL), 0);
	assert_int_equal(sim_content_read(content, 0, after, file.row.size, NULL), 0);
	assert_memory_equal(after, "SQLite format 3", 16);
	assert_memory_not_equal(before, after, SIM_PAGE_LEN);
	for (size_t i = 0; i < PAGES; i++)
		changed += memcmp(before + i * SIM_PAGE_LEN, after + i * SIM_PAGE_LEN,
				  SIM_PAGE_LEN) != 0;
	assert_in_range(changed, 2, PAGES / 20);
	free(before);
	free(after);
	sim_content_free_p(&content);
	sim_device_close(device);
}

static void made_property_lists_parse(void **state)
{
	static const uint64_t sizes[] = {42, 209, 210, 300, 5000, 8192, 100001};
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;
	struct sim_content *content = NULL;
	struct plist_doc *doc = NULL;
	static uint8_t bytes[100001];

	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(sim_content_new(&content, device, NULL), 0);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct sim_file file = {.kind = SIM_KIND_PLIST, .content = i, .row.size = sizes[i]};
		struct err err = ERR_INIT;

		assert_int_equal(sim_content_open(content, &file, NULL), 0);
		assert_int_equal(sim_content_read(content, 0, bytes, sizes[i], NULL), 0);
		plist_doc_reset(doc);
		if (plist_parse(doc, slice_of(bytes, sizes[i]), &limits, &root, &err) != 0)
			fail_msg("%llu bytes: %s", (unsigned long long)sizes[i], err.text);
		assert_int_equal(root->type, PLIST_DICT);
	}
	sim_content_free_p(&content);
	plist_doc_free(doc);
	sim_device_close(device);
}

static void two_births_of_a_seed_hold_the_same(void **state)
{
	struct sim_device *one =
		device_born(*state, "one", (struct sim_birth){.seed = 7, .profile = "M"});
	struct sim_device *twin =
		device_born(*state, "twin", (struct sim_birth){.seed = 7, .profile = "M"});
	struct sim_device *other =
		device_born(*state, "other", (struct sim_birth){.seed = 8, .profile = "M"});

	assert_same_digest(one, twin, true);
	assert_same_digest(one, other, false);
	sim_device_close(one);
	sim_device_close(twin);
	sim_device_close(other);
}

static void profiles_have_the_rows_and_bytes_they_promise(void **state)
{
	static const struct {
		const char *name;
		uint64_t rows, bytes;
	} promises[] = {{"S", 3721, 182000000}, {"M", 60000, 80000000}};

	for (size_t i = 0; i < ARRAY_COUNT(promises); i++) {
		struct sim_device *device =
			device_born(*state, promises[i].name,
				    (struct sim_birth){.seed = 3, .profile = promises[i].name});
		struct sim_files *files = NULL;
		uint64_t rows, regular, bytes;

		assert_int_equal(sim_files_open(&files, device, NULL), 0);
		assert_int_equal(sim_files_count(files, &rows, &regular, &bytes, NULL), 0);
		assert_in_range(rows, promises[i].rows * 99 / 100, promises[i].rows * 101 / 100);
		assert_in_range(bytes, promises[i].bytes * 90 / 100, promises[i].bytes * 115 / 100);
		sim_files_close_p(&files);
		sim_device_close(device);
	}
}

static void days_change_the_share_that_was_asked_for(void **state)
{
	struct sim_device *device = device_born(
		*state, "one", (struct sim_birth){.seed = 7, .files = 2000, .file_size = 5000});
	struct sim_device *twin = device_born(
		*state, "twin", (struct sim_birth){.seed = 7, .files = 2000, .file_size = 5000});
	struct sim_ageing ageing;

	assert_int_equal(sim_age(device, 1, 1, &ageing, NULL), 0);
	assert_int_equal(ageing.rewritten, 20);
	assert_int_equal(ageing.born, 4);
	assert_int_equal(ageing.gone, 2);
	assert_int_equal(sim_device_now(device), TEST_NOW + SIM_DAY_SECONDS);
	assert_same_digest(device, twin, false);
	assert_int_equal(sim_age(twin, 1, 1, &ageing, NULL), 0);
	assert_same_digest(device, twin, true);
	/* two days at once are the same two days */
	assert_int_equal(sim_age(device, 2, -1, &ageing, NULL), 0);
	assert_int_equal(sim_age(twin, 1, -1, &ageing, NULL), 0);
	assert_int_equal(sim_age(twin, 1, -1, &ageing, NULL), 0);
	assert_same_digest(device, twin, true);
	sim_device_close(device);
	sim_device_close(twin);
}

static void state_is_shared_between_two_who_opened_the_folder(void **state)
{
	struct sim_device *one = device_born(*state, "one", (struct sim_birth){.seed = 7}),
			  *two = NULL;
	struct sim_state seen;
	char folder[256];

	assert_int_equal(sim_device_open(&two, place_path(*state, "one", folder), NULL), 0);
	assert_int_equal(sim_device_set_state(one, "trust_answer", "1", NULL), 0);
	assert_int_equal(sim_device_set_state(one, "cancels", "+1", NULL), 0);
	assert_int_equal(sim_device_set_state(two, "cancels", "+1", NULL), 0);
	assert_int_equal(sim_device_state(two, &seen, NULL), 0);
	assert_int_equal(seen.trust_answer, 1);
	assert_int_equal(seen.cancels, 2);
	assert_int_equal(sim_device_set_state(one, "colour", "1", NULL), ERR_USAGE);
	assert_int_equal(sim_device_set_state(one, "is_locked", "maybe", NULL), ERR_USAGE);
	sim_device_close(one);
	sim_device_close(two);
}

static void pairings_are_kept_and_forgotten(void **state)
{
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct sim_pairing put, got;
	bool is_known = true;

	sim_pairing_init(&put);
	sim_pairing_init(&got);
	strcpy(put.host_id, "8F0E");
	strcpy(put.system_buid, "BUID");
	memset(put.escrow_bag, 9, sizeof(put.escrow_bag));
	assert_int_equal(buf_append_text(&put.host_cert, "certificate", NULL), 0);
	assert_int_equal(sim_device_pairing_get(device, "8F0E", &got, &is_known, NULL), 0);
	assert_false(is_known);
	assert_int_equal(sim_device_pairing_put(device, &put, NULL), 0);
	assert_int_equal(sim_device_pairing_get(device, "8F0E", &got, &is_known, NULL), 0);
	assert_true(is_known);
	assert_true(slice_equal(buf_slice(&got.host_cert), slice_text("certificate")));
	assert_memory_equal(got.escrow_bag, put.escrow_bag, sizeof(put.escrow_bag));
	assert_int_equal(sim_device_pairing_remove(device, "8F0E", NULL), 0);
	assert_int_equal(sim_device_pairing_get(device, "8F0E", &got, &is_known, NULL), 0);
	assert_false(is_known);
	sim_pairing_clear(&put);
	sim_pairing_clear(&got);
	sim_device_close(device);
}

static void a_host_may_rename_the_device_and_not_its_serial(void **state)
{
	struct sim_device *device = device_born(*state, "one", (struct sim_birth){.seed = 7});
	struct plist_doc *doc = NULL;
	struct plist *values;

	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(sim_device_lockdown_set(device, NULL, "DeviceName",
						 plist_new_text(doc, "Kitchen"), NULL),
			 0);
	assert_int_equal(sim_device_lockdown_set(device, NULL, "SerialNumber",
						 plist_new_text(doc, "F9FXK0ABCDEF"), NULL),
			 SIM_DEVICE_PROHIBITED);
	assert_int_equal(sim_device_lockdown_set(device, "com.apple.mobile.wireless_lockdown",
						 "EnableWifiDebugging", plist_new_bool(doc, true),
						 NULL),
			 0);
	values = sim_device_lockdown(device, NULL, doc);
	assert_string_equal(plist_get_text(values, "DeviceName"), "Kitchen");
	assert_string_equal(plist_get_text(values, "SerialNumber"),
			    sim_device_identity(device)->serial);
	values = sim_device_lockdown(device, "com.apple.mobile.wireless_lockdown", doc);
	assert_true(plist_get(values, "EnableWifiDebugging")->as.boolean);
	assert_true(sim_device_lockdown(device, "com.example.unknown", doc)->as.items.count == 0);
	plist_doc_free(doc);
	sim_device_close(device);
}

static void profiles_and_supervision_live_in_the_devices_files(void **state)
{
	struct sim_device *device =
		device_born(*state, "one", (struct sim_birth){.seed = 7, .profile = "fresh"});
	struct plist_doc *doc = NULL;
	struct plist *profile, *cloud;
	struct sim_state seen;

	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	profile = plist_new_dict(doc);
	plist_set_text(doc, profile, "PayloadIdentifier", "org.example.wifi");
	plist_set_text(doc, profile, "PayloadDisplayName", "Wi-Fi");
	assert_int_equal(sim_device_profile_put(device, profile, NULL), 0);
	assert_int_equal(plist_get_array(sim_device_profiles(device, doc), "OrderedIdentifiers")
				 ->as.items.count,
			 1);
	assert_int_equal(sim_device_profile_remove(device, "org.example.other", NULL),
			 SIM_DEVICE_ABSENT);
	assert_int_equal(sim_device_profile_remove(device, "org.example.wifi", NULL), 0);
	assert_int_equal(plist_get_array(sim_device_profiles(device, doc), "OrderedIdentifiers")
				 ->as.items.count,
			 0);
	plist_set_bool(doc, profile, "PayloadRemovalDisallowed", true);
	assert_int_equal(sim_device_profile_put(device, profile, NULL), 0);
	assert_int_equal(sim_device_profile_remove(device, "org.example.wifi", NULL),
			 SIM_DEVICE_PROHIBITED);
	cloud = plist_new_dict(doc);
	plist_set_bool(doc, cloud, "IsSupervised", true);
	assert_false(plist_get_bool(sim_device_cloud_configuration(device, doc), "IsSupervised",
				    &seen.is_supervised) &&
		     seen.is_supervised);
	assert_int_equal(sim_device_cloud_configuration_put(device, cloud, NULL), 0);
	assert_int_equal(sim_device_state(device, &seen, NULL), 0);
	assert_true(seen.is_supervised);
	assert_int_equal(sim_device_erase(device, NULL), 0);
	assert_int_equal(sim_device_state(device, &seen, NULL), 0);
	assert_false(seen.is_supervised || seen.setup_is_done);
	assert_int_equal(sim_device_cloud_configuration(device, doc)->as.items.count, 0);
	plist_doc_free(doc);
	sim_device_close(device);
}

static const char *source_of(const char *kind, char out[512])
{
	const char *root = getenv("REHOME_SOURCE_ROOT");

	snprintf(out, 512, "%s/tests/data/synthetic-ios-backup/%s/00008101-000A11112222001E",
		 root ? root : ".", kind);
	if (access(out, R_OK) != 0) {
		print_message("SKIP: %s is not there (REHOME_SOURCE_ROOT)\n", out);
		skip();
	}
	return out;
}

static void a_device_born_from_a_backup_holds_its_bytes_plain_or_encrypted(void **state)
{
	struct secret password = SECRET_INIT;
	char plain[512], encrypted[512];
	struct sim_device *one, *other;
	struct sim_state seen;

	secret_make(&password, "Synthetic-Backup-1");
	one = device_born(*state, "one",
			  (struct sim_birth){.seed = 7, .from = source_of("plain", plain)});
	other = device_born(*state, "other",
			    (struct sim_birth){.seed = 8,
					       .from = source_of("encrypted", encrypted),
					       .from_password = &password});
	assert_same_digest(one, other, true);
	assert_true(udid_is_reserved(sim_device_identity(one)->udid));
	assert_string_equal(sim_device_identity(one)->product_version, "18.2");
	assert_int_equal(sim_device_state(one, &seen, NULL), 0);
	assert_true(seen.is_supervised);
	sim_device_close(one);
	sim_device_close(other);
	secret_clear(&password);
}

static void an_encrypted_backup_without_its_password_gives_no_device(void **state)
{
	struct secret wrong = SECRET_INIT;
	char source[512], folder[256];
	struct sim_birth birth = {.seed = 1, .from = source_of("encrypted", source)};

	assert_int_equal(sim_birth_run(place_path(*state, "none", folder), &birth, NULL),
			 ERR_PASSWORD);
	secret_make(&wrong, "wrong");
	birth.from_password = &wrong;
	assert_int_equal(sim_birth_run(folder, &birth, NULL), ERR_PASSWORD);
	assert_int_equal(access(folder, F_OK), -1);
}

static void the_real_manifest_gives_a_device_that_says_what_it_made_up(void **state)
{
	const char *fixtures = getenv("REHOME_FIXTURES");
	struct sim_device *device;
	struct sim_files *files = NULL;
	uint64_t rows, regular, bytes, lines = 0;
	char source[512], path[SIM_FOLDER_MAX + 64];
	FILE *list;

	snprintf(source, sizeof(source), "%s/mvt-ios-backup", fixtures ? fixtures : "");
	if (!fixtures || access(source, R_OK) != 0) {
		print_message("SKIP: the fixture mvt-ios-backup is not there (REHOME_FIXTURES)\n");
		skip();
	}
	device = device_born(*state, "real", (struct sim_birth){.seed = 7, .from = source});
	assert_int_equal(sim_files_open(&files, device, NULL), 0);
	assert_int_equal(sim_files_count(files, &rows, &regular, &bytes, NULL), 0);
	assert_int_equal(rows, 3721);
	assert_int_equal(regular, 1089);
	list = fopen(sim_device_path(device, "made-by-seed.txt", path), "r");
	assert_non_null(list);
	for (int c; (c = fgetc(list)) != EOF;)
		lines += c == '\n';
	fclose(list);
	/* eleven content files lie in the folder, and one of them has no row */
	assert_int_equal(lines, 1089 - 10);
	sim_files_close_p(&files);
	sim_device_close(device);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(identity_is_of_the_reserved_range_and_follows_the_seed),
		TEST(a_serial_outside_the_range_is_refused_before_anything_is_written),
		TEST(a_folder_edited_into_another_identity_does_not_open),
		TEST(a_birth_does_not_touch_a_folder_in_use),
		TEST(what_the_device_makes_up_depends_on_purpose_and_counter_alone),
		TEST(a_content_is_the_same_however_it_is_read),
		TEST(a_database_changes_a_few_pages_and_always_the_first),
		TEST(made_property_lists_parse),
		TEST(two_births_of_a_seed_hold_the_same),
		TEST(profiles_have_the_rows_and_bytes_they_promise),
		TEST(days_change_the_share_that_was_asked_for),
		TEST(state_is_shared_between_two_who_opened_the_folder),
		TEST(pairings_are_kept_and_forgotten),
		TEST(a_host_may_rename_the_device_and_not_its_serial),
		TEST(profiles_and_supervision_live_in_the_devices_files),
		TEST(a_device_born_from_a_backup_holds_its_bytes_plain_or_encrypted),
		TEST(an_encrypted_backup_without_its_password_gives_no_device),
		TEST(the_real_manifest_gives_a_device_that_says_what_it_made_up),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
