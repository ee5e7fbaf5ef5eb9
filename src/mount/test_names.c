/* test_names - the files and folders of a domain, from rows in any order */
#include "mount/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct names *names_of(const char *const *paths, size_t count)
{
	const struct mount_entry file = {.type = '-', .size = 7};
	const struct mount_entry folder = {.type = 'd'};
	struct names *names = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(names_new(&names, &err), 0);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(paths[i]);
		bool is_folder = len == 0 || paths[i][len - 1] == '/';

		assert_int_equal(
			names_add(names, paths[i], is_folder ? &folder : &file, NULL, &err), 0);
	}
	return names;
}

static int append(void *arg, const struct mount_entry *entry)
{
	char *text = arg;

	sprintf(text + strlen(text), "%c%s ", entry->type, entry->name);
	return 0;
}

static void rows_in_any_order_make_one_tree(void **state)
{
	static const char *const paths[] = {"a/b/two", "a-b", "", "a/b/one", "a/", "a.b"};
	CLEANUP(names_free_p) struct names *names = names_of(paths, ARRAY_COUNT(paths));
	struct mount_entry entry;
	char text[200] = "";

	assert_int_equal(names_list(names, "a/b", append, text), 0);
	assert_string_equal(text, "-one -two ");
	*text = 0;
	assert_int_equal(names_list(names, "", append, text), 0);
	assert_string_equal(text, "-a.b -a-b da ");
	assert_int_equal(names_find(names, "a/b/one", &entry), 0);
	assert_int_equal(entry.size, 7);
	assert_int_equal(names_count(names), 7);
}

static void a_folder_without_a_row_is_implied(void **state)
{
	static const char *const paths[] = {"x/y/z"};
	CLEANUP(names_free_p) struct names *names = names_of(paths, 1);
	struct mount_entry entry;

	assert_int_equal(names_find(names, "x/y", &entry), 0);
	assert_int_equal(entry.type, 'd');
	assert_int_equal(names_find(names, "x/y/z", &entry), 0);
	assert_int_equal(entry.type, '-');
}

static void a_file_with_something_below_it_is_a_folder(void **state)
{
	static const char *const paths[] = {"x", "x/y", "p/q", "p"};
	CLEANUP(names_free_p) struct names *names = names_of(paths, ARRAY_COUNT(paths));
	struct mount_entry entry;

	assert_int_equal(names_find(names, "x", &entry), 0);
	assert_int_equal(entry.type, 'd');
	assert_int_equal(names_find(names, "p", &entry), 0);
	assert_int_equal(entry.type, 'd');
	assert_int_equal(entry.size, 0);
}

static void what_is_not_there_is_absent(void **state)
{
	static const char *const paths[] = {"x/y"};
	CLEANUP(names_free_p) struct names *names = names_of(paths, 1);
	struct mount_entry entry;
	char text[200] = "";

	assert_int_equal(names_find(names, "y", &entry), MOUNT_ABSENT);
	assert_int_equal(names_find(names, "x/y/z", &entry), MOUNT_ABSENT);
	assert_int_equal(names_list(names, "x/y", append, text), MOUNT_ABSENT);
}

static void a_hundred_thousand_names_are_all_found(void **state)
{
	const struct mount_entry file = {.type = '-'};
	CLEANUP(names_free_p) struct names *names = names_of(NULL, 0);
	struct mount_entry entry;
	struct err err = ERR_INIT;
	char path[64];

	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "folder%d/file%d", i % 300, i);
		assert_int_equal(names_add(names, path, &file, NULL, &err), 0);
	}
	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "folder%d/file%d", i % 300, i);
		assert_int_equal(names_find(names, path, &entry), 0);
	}
	assert_int_equal(names_count(names), 100301);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_any_order_make_one_tree),
		cmocka_unit_test(a_folder_without_a_row_is_implied),
		cmocka_unit_test(a_file_with_something_below_it_is_a_folder),
		cmocka_unit_test(what_is_not_there_is_absent),
		cmocka_unit_test(a_hundred_thousand_names_are_all_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
