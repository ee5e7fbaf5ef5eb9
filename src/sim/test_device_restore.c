/* a backup on its way back: which device takes it, and what it takes of it */
#include "sim/testing_scene.h"

static void a_restore_brings_everything_to_another_device(void **state)
{
	struct secret password = SECRET_INIT, wrong = SECRET_INIT;
	struct sim_restore_options options = everything;
	struct sim_device *target;
	struct sim_answer answer;
	struct scene scene;

	secret_make(&password, "one");
	secret_make(&wrong, "two");
	scene = scene_set(state, (struct sim_birth){.profile = "S", .backup_password = &password});
	target = device_born(*state, "target", (struct sim_birth){.seed = 9, .profile = "M"});
	backs_up(&scene, false);
	assert_int_equal(restore(&scene, target, options, &answer), 0);
	assert_int_equal(answer.code, 207);
	options.password = &wrong;
	assert_int_equal(restore(&scene, target, options, &answer), 0);
	assert_int_equal(answer.code, 207);
	options.password = &password;
	assert_int_equal(restore(&scene, target, options, &answer), 0);
	if (answer.code)
		fail_msg("%s", answer.text);
	assert_same_content(scene.device, target);
	/* and what was restored is backed up again, by its own name */
	sim_device_close(scene.device);
	scene.device = target;
	backs_up(&scene, false);
	assert_verifies(&scene, NULL);
	scene_end(&scene);
}

static void without_system_files_only_apps_and_media_come_back(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.profile = "S"});
	struct sim_device *target =
		device_born(*state, "target", (struct sim_birth){.seed = 9, .profile = "fresh"});
	struct sim_files *files = NULL;
	struct sim_file file;
	struct sim_answer answer;
	unsigned apps = 0, home = 0;

	backs_up(&scene, false);
	assert_int_equal(restore(&scene, target, (struct sim_restore_options){0}, &answer), 0);
	assert_int_equal(answer.code, 0);
	assert_int_equal(sim_files_open(&files, target, NULL), 0);
	assert_int_equal(sim_files_rewind(files, SIM_FILES_NAME, NULL), 0);
	while (sim_files_next(files, &file, NULL) == 0) {
		apps += !strncmp(file.row.domain, "AppDomain-", 10);
		home += !strcmp(file.row.domain, "HomeDomain") && backup_file_is_regular(&file.row);
	}
	assert_true(apps > 100);
	assert_int_equal(home, 0);
	sim_files_close_p(&files);
	sim_device_close(target);
	scene_end(&scene);
}

static void a_restore_that_breaks_off_changes_nothing(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.files = 1200, .file_size = 700});
	struct sim_device *target = device_born(
		*state, "target", (struct sim_birth){.seed = 9, .files = 3, .file_size = 10});
	struct sim_device *twin = device_born(
		*state, "twin", (struct sim_birth){.seed = 9, .files = 3, .file_size = 10});
	struct sim_answer answer;

	backs_up(&scene, false);
	for (uint64_t at = 1; at < 7; at++) {
		scene.host.messages = 0;
		scene.host.break_at = at;
		if (restore(&scene, target, everything, &answer) == 0)
			break;
		assert_same_content(target, twin);
	}
	scene.host.break_at = 0;
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 0);
	assert_same_content(scene.device, target);
	sim_device_close(target);
	sim_device_close(twin);
	scene_end(&scene);
}

/* any content file of the backup that has a digest, or any at all */
static void some_content(const struct scene *scene, char path[512])
{
	struct sim_files *files = NULL;
	struct sim_file file;
	char name[64];

	assert_int_equal(sim_files_open(&files, scene->device, NULL), 0);
	assert_int_equal(sim_files_rewind(files, SIM_FILES_BORN, NULL), 0);
	do
		assert_int_equal(sim_files_next(files, &file, NULL), 0);
	while (!backup_file_is_regular(&file.row) || !sim_domain_has_digest(file.row.domain));
	snprintf(name, sizeof(name), "%.2s/%s", file.row.file_id, file.row.file_id);
	at_host(scene, name, path);
	sim_files_close_p(&files);
}

static void missing_and_damaged_contents_are_205(void **state)
{
	struct scene scene = scene_set(state, (struct sim_birth){.profile = "S"});
	struct sim_device *target =
		device_born(*state, "target", (struct sim_birth){.seed = 9, .profile = "fresh"});
	struct sim_answer answer;
	char path[512];
	int fd;

	backs_up(&scene, false);
	some_content(&scene, path);
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 20), 1);
	close(fd);
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 205);
	assert_non_null(strstr(answer.text, "digest"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 205);
	assert_non_null(strstr(answer.text, "Multiple errors downloading files"));
	sim_device_close(target);
	scene_end(&scene);
}

static void a_device_refuses_a_restore_for_its_own_reasons(void **state)
{
	static const struct {
		struct sim_birth birth;
		int64_t code;
	} cases[] = {
		{{.find_my_is_on = true}, 211},
		{{.setup_is_pending = true}, 212},
		{{.os = "17.0"}, 203},
		{{.os = "26.1"}, 0},
	};
	struct scene scene = scene_set(state, (struct sim_birth){.files = 5, .file_size = 70});

	backs_up(&scene, false);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sim_birth birth = cases[i].birth;
		struct sim_restore_options options = everything;
		struct sim_device *target;
		struct sim_answer answer;
		char name[16];

		birth.seed = 20 + i;
		birth.profile = "fresh";
		snprintf(name, sizeof(name), "target%zu", i);
		target = device_born(*state, name, birth);
		assert_int_equal(restore(&scene, target, options, &answer), 0);
		assert_int_equal(answer.code, cases[i].code);
		options.at_apps_and_data = true;
		assert_int_equal(restore(&scene, target, options, &answer), 0);
		assert_int_equal(answer.code, cases[i].code == 212 ? 0 : cases[i].code);
		sim_device_close(target);
	}
	scene_end(&scene);
}

static void a_full_device_refuses_with_105_and_an_unfinished_backup_with_205(void **state)
{
	static const char *const faults[] = {"no-space"};
	struct scene scene = scene_set(state, (struct sim_birth){.files = 5, .file_size = 70});
	struct sim_device *target = device_born(
		*state, "target",
		(struct sim_birth){
			.seed = 9, .profile = "fresh", .faults = faults, .fault_count = 1});
	struct backup_status status = {
		.version = "3.3", .backup_state = "new", .snapshot_state = BACKUP_MOVING};
	struct buf bytes = BUF_INIT(1 << 16);
	struct sim_answer answer;
	char path[512];

	backs_up(&scene, false);
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 105);
	assert_int_equal(backup_status_write(&status, &bytes, NULL), 0);
	assert_int_equal(fs_write_file(fs_system(), at_host(&scene, "Status.plist", path),
				       buf_slice(&bytes), 0, NULL),
			 0);
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 205);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(restore(&scene, target, everything, &answer), 0);
	assert_int_equal(answer.code, 103);
	buf_clear(&bytes);
	sim_device_close(target);
	scene_end(&scene);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_restore_brings_everything_to_another_device),
		TEST(without_system_files_only_apps_and_media_come_back),
		TEST(a_restore_that_breaks_off_changes_nothing),
		TEST(missing_and_damaged_contents_are_205),
		TEST(a_device_refuses_a_restore_for_its_own_reasons),
		TEST(a_full_device_refuses_with_105_and_an_unfinished_backup_with_205),
	};

	return cmocka_run_group_tests_name("restores", tests, NULL, NULL);
}
