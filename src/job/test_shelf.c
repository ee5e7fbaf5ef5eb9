/* a device's paths, and how what it sends is cut */
#include "job/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#define UDID "00008110-000A11112222001E"
#define FILE_ID "3d0d7e5fb2ce288813306e4d4636395e047a3d28"

static void maps_to(const char *path, const char *inner)
{
	char out[REPO_PATH_LEN_MAX + 1] = "unset";
	struct err err = ERR_INIT;

	assert_int_equal(shelf_path(UDID, path, strlen(path), out, &err), 0);
	assert_string_equal(out, inner);
}

static void refuses(const char *path, size_t len)
{
	char out[REPO_PATH_LEN_MAX + 1] = "unset";
	struct err err = ERR_INIT;

	assert_true(shelf_path(UDID, path, len, out, &err) < 0);
	assert_string_equal(out, "unset");
	assert_true(strlen(err.text) > 0);
}

static void names_inside_the_devices_folder_lose_it(void **state)
{
	maps_to(UDID "/Status.plist", "Status.plist");
	maps_to(UDID "/Snapshot/3d/" FILE_ID, "Snapshot/3d/" FILE_ID);
	maps_to(UDID, "");
	maps_to(UDID "/", "");
	maps_to(UDID "/Snapshot/", "Snapshot");
}

static void names_that_leave_it_are_refused(void **state)
{
	static const char *const names[] = {
		"",         "/",          "/etc/passwd",     "..",
		"../x",     UDID "/../x", UDID "/a/../../x", UDID "/./x",
		UDID "//x", UDID "x/y",   "other/x",         "0000",
		UDID "/a//"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		refuses(names[i], strlen(names[i]));
	refuses(UDID "/a\0b", sizeof(UDID "/a\0b") - 1);
}

static void encrypted_content_is_opaque_and_a_plain_manifest_goes_in_blocks(void **state)
{
	assert_int_equal(shelf_content("Snapshot/Manifest.db", false), REPO_CONTENT_BLOCKS);
	assert_int_equal(shelf_content("Manifest.db", true), REPO_CONTENT_OPAQUE);
	assert_int_equal(shelf_content("Snapshot/3d/" FILE_ID, true), REPO_CONTENT_OPAQUE);
	assert_int_equal(shelf_content("3d/" FILE_ID, false), REPO_CONTENT_ANY);
	assert_int_equal(shelf_content("Manifest.plist", true), REPO_CONTENT_ANY);
}

static void our_failures_have_the_codes_that_devices_know(void **state)
{
	const char *text;

	assert_int_equal(exchange_code(ERR_NO_SPACE, &text), LINK_DL_NO_SPACE);
	assert_int_equal(exchange_code(ERR_NOT_FOUND, &text), LINK_DL_NO_ENTRY);
	assert_string_equal(text, "No such file or directory");
	assert_int_equal(exchange_code(ERR_PROTOCOL, &text), LINK_DL_OTHER);
	assert_int_equal(exchange_code(ERR_UNSUPPORTED, &text), LINK_DL_OTHER);
	assert_string_equal(text, "Operation not supported");
}

static int explained(int64_t code, const char *description)
{
	struct mb_response response = {.code = code};
	struct err err = ERR_INIT;

	text_copy(response.description, sizeof(response.description), description);
	return exchange_explain(&response, "test", &err);
}

static void the_devices_last_word_becomes_the_right_failure(void **state)
{
	assert_int_equal(explained(207, "Invalid password"), ERR_PASSWORD);
	assert_int_equal(explained(105, ""), ERR_NO_SPACE);
	assert_int_equal(explained(22, ""), ERR_POLICY);
	assert_int_equal(explained(1, "Encrypted Backup MDM setting present"), ERR_POLICY);
	assert_int_equal(explained(208, "Device locked"), ERR_DEVICE);
	assert_int_equal(explained(-42, "x"), ERR_DEVICE);
}

static void problems_are_counted_beyond_those_that_are_kept(void **state)
{
	struct job_problems problems = JOB_PROBLEMS_INIT;

	for (int i = 0; i < JOB_PROBLEMS_KEPT + 5; i++)
		problem_add(&problems, "number %d", i);
	assert_int_equal(problems.count, JOB_PROBLEMS_KEPT + 5);
	assert_int_equal(problems.kept, JOB_PROBLEMS_KEPT);
	assert_string_equal(problems.list[1].text, "number 1");
	job_problems_clear(&problems);
	assert_int_equal(problems.count, 0);
}

static void a_copied_text_is_cut_at_a_characters_border(void **state)
{
	char out[4];

	text_copy(out, sizeof(out), "abcdef");
	assert_string_equal(out, "abc");
	text_copy(out, sizeof(out), "ab\xc3\xa4");
	assert_string_equal(out, "ab");
	text_copy(out, sizeof(out), NULL);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_inside_the_devices_folder_lose_it),
		cmocka_unit_test(names_that_leave_it_are_refused),
		cmocka_unit_test(encrypted_content_is_opaque_and_a_plain_manifest_goes_in_blocks),
		cmocka_unit_test(our_failures_have_the_codes_that_devices_know),
		cmocka_unit_test(the_devices_last_word_becomes_the_right_failure),
		cmocka_unit_test(problems_are_counted_beyond_those_that_are_kept),
		cmocka_unit_test(a_copied_text_is_cut_at_a_characters_border),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
