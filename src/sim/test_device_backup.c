/* the device and a host: backups, passwords, and what goes wrong on the way */
#include "sim/testing_scene.h"

/* ---- backups ---- */

static void a_full_backup_verifies_and_carries_the_mark(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.profile = "S"});
	struct backup_properties properties;
	struct buf bytes = BUF_INIT(1 << 24);
	char path[512];

	backs_up(&scene, true);
	assert_verifies(&scene, NULL);
	assert_int_equal(
		fs_read_file(fs_system(), at_host(&scene, "Manifest.plist", path), &bytes, NULL),
		0);
	backup_properties_init(&properties);
	assert_int_equal(backup_properties_read(&properties, buf_slice(&bytes), NULL), 0);
	assert_true(properties.is_simulated);
	assert_string_equal(properties.udid, sim_device_identity(scene.device)->udid);
	assert_int_equal(access(at_host(&scene, "Snapshot", path), F_OK), -1);
	backup_properties_clear(&properties);
	buf_clear(&bytes);
	scene_end(&scene);
}

static void a_second_run_sends_only_what_changed(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 2000, .file_size = 5000});
	struct sim_ageing ageing;

	backs_up(&scene, false);
	assert_true(scene.host.files > 2000);
	backs_up(&scene, false);
	assert_in_range(scene.host.files, 5, 12); /* states and manifests, no content */
	assert_int_equal(sim_age(scene.device, 1, 1, &ageing, NULL), 0);
	scene.host.removals = 0;
	backs_up(&scene, false);
	assert_in_range(scene.host.files, ageing.rewritten + ageing.born - ageing.gone,
			ageing.rewritten + ageing.born + 12);
	assert_true(scene.host.removals >= ageing.gone);
	assert_verifies(&scene, NULL);
	assert_int_equal(sim_fact_int(scene.device, "last_backup/full", -1), 0);
	scene_end(&scene);
}

static void an_incremental_backup_equals_a_full_one_in_content(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 300, .file_size = 20000});
	struct sim_device *target =
		device_born(*state, "target", (struct sim_birth){.seed = 9, .profile = "fresh"});
	struct sim_ageing ageing;
	struct sim_answer answer;

	backs_up(&scene, false);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sim_age(scene.device, 4, 10, &ageing, NULL), 0);
		backs_up(&scene, false);
		assert_verifies(&scene, NULL);
	}
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 0);
	assert_same_content(scene.device, target);
	sim_device_close(target);
	scene_end(&scene);
}

static void two_copies_of_a_device_give_the_same_bytes(void **state)
{
	static const char *const names[] = {"Status.plist", "Manifest.plist", "Manifest.db"};
	struct secret password = SECRET_INIT;

	secret_make(&password, "abc");
	for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
		struct buf seen[2][ARRAY_COUNT(names)];

		for (unsigned copy = 0; copy < 2; copy++) {
			struct scene scene = {.place = *state};
			struct sim_ageing ageing;
			char path[512], name[32], root[256];

			snprintf(name, sizeof(name), "copy%u%u", encrypted, copy);
			scene.device = device_born(
				*state, name,
				(struct sim_birth){.seed = 5,
						   .backup_password =
							   encrypted ? &password : NULL});
			snprintf(name, sizeof(name), "host%u%u", encrypted, copy);
			folder_host_init(&scene.host, place_path(*state, name, root));
			/* the second host loses its connection once and asks for a full backup; the
			 * device's bytes stay its own */
			backs_up(&scene, copy == 0);
			if (copy == 1) {
				scene.host.break_at = 9;
				scene.host.messages = 0;
				assert_true(back_up(&scene, false) < 0);
				scene.host.break_at = 0;
			}
			assert_int_equal(sim_age(scene.device, 1, 20, &ageing, NULL), 0);
			backs_up(&scene, false);
			for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
				seen[copy][i] = BUF_INIT(1 << 24);
				assert_int_equal(fs_read_file(fs_system(),
							      at_host(&scene, names[i], path),
							      &seen[copy][i], NULL),
						 0);
			}
			scene_end(&scene);
		}
		for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
			assert_true(slice_equal(buf_slice(&seen[0][i]), buf_slice(&seen[1][i])));
			buf_clear(&seen[0][i]);
			buf_clear(&seen[1][i]);
		}
	}
}

static void an_encrypted_backup_opens_with_its_password_only(void **state)
{
	struct secret password = SECRET_INIT;
	struct scene scene;
	struct sim_ageing ageing;

	secret_make(&password, "p\xc3\xa4ss");
	scene = scene_set(
		state,
		(struct sim_birth){.files = 2000, .file_size = 3000, .backup_password = &password});
	backs_up(&scene, false);
	assert_verifies(&scene, &password);
	assert_int_equal(sim_age(scene.device, 1, -1, &ageing, NULL), 0);
	backs_up(&scene, false);
	assert_int_equal(sim_fact_int(scene.device, "last_backup/full", -1), 0);
	assert_verifies(&scene, &password);
	scene_end(&scene);
}

static void another_password_keeps_files_and_switching_off_sends_all(void **state)
{
	struct secret one = SECRET_INIT, two = SECRET_INIT;
	struct scene scene = scene_set(state, (struct sim_birth){.files = 100, .file_size = 1000});

	secret_make(&one, "one");
	secret_make(&two, "two");
	backs_up(&scene, false);
	assert_int_equal(sim_device_change_password(scene.device, NULL, &one, &scene.answer, NULL),
			 0);
	assert_int_equal(scene.answer.code, 0);
	backs_up(&scene, false);
	assert_true(scene.host.files > 100);
	assert_verifies(&scene, &one);
	assert_int_equal(sim_device_change_password(scene.device, &two, &two, &scene.answer, NULL),
			 0);
	assert_int_equal(scene.answer.code, 207);
	assert_int_equal(sim_device_change_password(scene.device, &one, &two, &scene.answer, NULL),
			 0);
	assert_int_equal(scene.answer.code, 0);
	backs_up(&scene, false);
	assert_true(scene.host.files < 15);
	assert_verifies(&scene, &two);
	assert_int_equal(sim_device_change_password(scene.device, &two, NULL, &scene.answer, NULL),
			 0);
	assert_int_equal(scene.answer.code, 0);
	backs_up(&scene, false);
	assert_true(scene.host.files > 100);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void forced_encryption_cannot_be_switched_off(void **state)
{
	struct secret password = SECRET_INIT;
	struct scene scene;

	secret_make(&password, "one");
	scene = scene_set(state, (struct sim_birth){.backup_password = &password,
						    .encryption_is_forced = true});
	assert_int_equal(
		sim_device_change_password(scene.device, &password, NULL, &scene.answer, NULL), 0);
	assert_int_equal(scene.answer.code, 22);
	scene_end(&scene);
}

/* ---- interruptions and refusals ---- */

static void a_backup_broken_off_anywhere_is_followed_by_a_good_one(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 30, .file_size = 700});
	struct sim_ageing ageing;
	bool is_done = false;

	backs_up(&scene, false);
	for (uint64_t at = 1; !is_done; at++) {
		assert_int_equal(sim_age(scene.device, 1, 30, &ageing, NULL), 0);
		scene.host.messages = 0;
		scene.host.break_at = at;
		is_done = back_up(&scene, false) == 0;
		scene.host.break_at = 0;
		backs_up(&scene, false);
		assert_verifies(&scene, NULL);
		assert_true(at < 200);
	}
	scene_end(&scene);
}

static void a_left_over_snapshot_is_removed_first(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 10, .file_size = 700});
	char path[512], file[600];

	backs_up(&scene, false);
	assert_int_equal(fs_mkdirs(fs_system(), at_host(&scene, "Snapshot/aa", path), 0700, NULL),
			 0);
	snprintf(file, sizeof(file), "%s/junk", path);
	assert_int_equal(fs_write_file(fs_system(), file, slice_text("torn"), 0, NULL), 0);
	backs_up(&scene, false);
	assert_int_equal(access(at_host(&scene, "Snapshot", path), F_OK), -1);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void a_full_backup_over_an_older_one_leaves_nothing_unreferenced(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 200, .file_size = 700});
	struct sim_ageing ageing;
	char path[512];

	backs_up(&scene, false);
	assert_int_equal(sim_age(scene.device, 9, 5, &ageing, NULL), 0);
	assert_true(ageing.gone > 0);
	assert_int_equal(unlink(at_host(&scene, "Manifest.plist", path)), 0);
	scene.host.removals = 0;
	backs_up(&scene, false);
	assert_int_equal(sim_fact_int(scene.device, "last_backup/full", -1), 1);
	assert_true(scene.host.removals >= ageing.gone);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void the_backup_of_another_device_is_not_continued(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 20, .file_size = 700});
	struct sim_device *other = device_born(
		*state, "other", (struct sim_birth){.seed = 11, .files = 20, .file_size = 700});
	struct err err = ERR_INIT;

	backs_up(&scene, false);
	assert_int_equal(sim_device_backup(other, &scene.host.host,
					   sim_device_identity(scene.device)->udid, false,
					   &scene.answer, &err),
			 0);
	assert_int_equal(scene.answer.code, 0);
	assert_int_equal(sim_fact_int(other, "last_backup/full", -1), 1);
	sim_device_close(other);
	scene_end(&scene);
}

static void a_full_host_is_asked_to_purge_and_then_refused_with_105(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 20, .file_size = 700});

	scene.host.free_bytes = 1 << 20;
	assert_int_equal(back_up(&scene, false), 0);
	assert_int_equal(scene.answer.code, 105);
	assert_int_equal(scene.host.purges, 1);
	scene_end(&scene);
}

static void a_host_that_refuses_to_move_ends_the_run_with_104(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 20, .file_size = 700});

	scene.host.refuse_move = "/Manifest.db";
	assert_int_equal(back_up(&scene, false), 0);
	assert_int_equal(scene.answer.code, 104);
	scene.host.refuse_move = NULL;
	backs_up(&scene, false);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void malformed_status_and_odd_versions_have_their_codes(void **state)
{
	static const struct {
		const char *version, *backup_state;
		int64_t code;
	} cases[] = {{"2.3", "new", 203},
		     {"4.0", "new", 203},
		     {"3.3", "strange", 11},
		     {"3.3", "old", 0}};
	struct scene scene = scene_set(state, (struct sim_birth){.files = 5, .file_size = 70});
	struct buf bytes = BUF_INIT(1 << 16);
	char path[512];

	backs_up(&scene, false);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct backup_status status = {.snapshot_state = BACKUP_FINISHED, .date = TEST_NOW};

		strcpy(status.version, cases[i].version);
		strcpy(status.backup_state, cases[i].backup_state);
		strcpy(status.uuid, "0");
		buf_truncate(&bytes, 0);
		assert_int_equal(backup_status_write(&status, &bytes, NULL), 0);
		assert_int_equal(fs_write_file(fs_system(), at_host(&scene, "Status.plist", path),
					       buf_slice(&bytes), 0, NULL),
				 0);
		assert_int_equal(back_up(&scene, false), 0);
		assert_int_equal(scene.answer.code, cases[i].code);
	}
	assert_int_equal(fs_write_file(fs_system(), at_host(&scene, "Status.plist", path),
				       slice_text("rubbish"), 0, NULL),
			 0);
	assert_int_equal(back_up(&scene, false), 0);
	assert_int_equal(scene.answer.code, 11);
	buf_clear(&bytes);
	scene_end(&scene);
}

static void faults_of_files_reach_the_host(void **state)
{
	static const char *const faults[] = {"file-error:nth=3", "short-file:nth=5"};
	struct scene scene = scene_set(
		state, (struct sim_birth){
			       .files = 20, .file_size = 700, .faults = faults, .fault_count = 2});

	backs_up(&scene, false);
	assert_int_equal(scene.host.errors, 1);
	/*
	 * Both fire once.  What was not delivered has no row yet and comes now; that the short one
	 * is short the device does not know: it is for the host to notice.
	 */
	scene.host.errors = 0;
	backs_up(&scene, false);
	assert_int_equal(scene.host.errors, 0);
	assert_int_equal(sim_fact_int(scene.device, "last_backup/files", 0), 1);
	scene_end(&scene);
}

static void a_screen_that_locks_ends_the_run_with_104(void **state)
{
	static const char *const faults[] = {"lock:file=4"};
	struct scene scene = scene_set(
		state, (struct sim_birth){
			       .files = 20, .file_size = 700, .faults = faults, .fault_count = 1});

	assert_int_equal(back_up(&scene, false), 0);
	assert_int_equal(scene.answer.code, 104);
	assert_true(scene.host.errors > 0);
	backs_up(&scene, false);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void no_passcode_within_the_limit_is_208(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 5, .has_passcode = true});

	assert_int_equal(
		sim_device_wait_passcode(scene.device, 16, 1, 1, NULL, NULL, &scene.answer, NULL),
		0);
	assert_int_equal(scene.answer.code, 208);
	scene_end(&scene);
}

static void devices_before_16_1_ask_no_passcode_for_a_backup(void **state)
{
	struct scene scene = scene_set(
		state, (struct sim_birth){.files = 5, .has_passcode = true, .os = "16.0"});

	assert_int_equal(
		sim_device_wait_passcode(scene.device, 16, 1, 1, NULL, NULL, &scene.answer, NULL),
		0);
	assert_int_equal(scene.answer.code, 0);
	assert_int_equal(
		sim_device_wait_passcode(scene.device, 13, 0, 1, NULL, NULL, &scene.answer, NULL),
		0);
	assert_int_equal(scene.answer.code, 208);
	scene_end(&scene);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_full_backup_verifies_and_carries_the_mark),
		TEST(a_second_run_sends_only_what_changed),
		TEST(an_incremental_backup_equals_a_full_one_in_content),
		TEST(two_copies_of_a_device_give_the_same_bytes),
		TEST(an_encrypted_backup_opens_with_its_password_only),
		TEST(another_password_keeps_files_and_switching_off_sends_all),
		TEST(forced_encryption_cannot_be_switched_off),
		TEST(a_backup_broken_off_anywhere_is_followed_by_a_good_one),
		TEST(a_left_over_snapshot_is_removed_first),
		TEST(a_full_backup_over_an_older_one_leaves_nothing_unreferenced),
		TEST(the_backup_of_another_device_is_not_continued),
		TEST(a_full_host_is_asked_to_purge_and_then_refused_with_105),
		TEST(a_host_that_refuses_to_move_ends_the_run_with_104),
		TEST(malformed_status_and_odd_versions_have_their_codes),
		TEST(faults_of_files_reach_the_host),
		TEST(a_screen_that_locks_ends_the_run_with_104),
		TEST(no_passcode_within_the_limit_is_208),
		TEST(devices_before_16_1_ask_no_passcode_for_a_backup),
	};

	return cmocka_run_group_tests_name("backups", tests, NULL, NULL);
}
