/*
 * Whole backups verify with exactly the expected remarks.
 */
#include "backup/testing_verify.h"

static void both_forms_of_our_backup_verify_with_two_remarks(void **state)
{
	static const char *const kinds[] = {"plain", "encrypted"};
	static const char *const passwords[] = {NULL, KAT_PASSWORD};
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		assert_int_equal(verify_folder(testing_backup(kinds[i], NULL, path), passwords[i],
					       &verdicts, &verdict),
				 0);
		assert_int_equal(verdict.problems, 0);
		assert_int_equal(verdict.remarks, 2);
		assert_int_equal(times(&verdicts, "size-drift"), 2);
		assert_int_equal(verdict.rows, 46);
		assert_int_equal(verdict.files, ARRAY_COUNT(kat_files));
		assert_true(verdict.bytes > 0);
		assert_true(verdict.is_decrypted_check);
	}
}

static void a_wrong_password_ends_the_check(void **state)
{
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];

	assert_int_equal(verify_folder(testing_backup("encrypted", NULL, path), "wrong", &verdicts,
				       &verdict),
			 ERR_PASSWORD);
}

static void a_cancelled_check_ends_at_once(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	const struct cancel cancel = {.is_requested = 1, .wake_fd = -1};
	struct backup_verdict verdict;
	struct err err = ERR_INIT;
	char path[1024];

	assert_done(backup_tree_folder(&tree, testing_backup("plain", NULL, path), &err), err);
	assert_int_equal(backup_verify(tree, NULL, NULL, NULL, NULL, &cancel, &verdict, &err),
			 ERR_CANCELED);
}

static void a_real_manifest_without_its_contents_lists_what_is_missing(void **state)
{
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];

	if (!testing_fixture("mvt-ios-backup", path))
		skip();
	assert_int_equal(verify_folder(path, NULL, &verdicts, &verdict), 0);
	assert_int_equal(verdict.rows, 3721);
	assert_int_equal(verdict.files, 1089);
	assert_int_equal(times(&verdicts, "manifest-plist"), 1);
	assert_int_equal(times(&verdicts, "status-plist"), 1);
	assert_int_equal(times(&verdicts, "manifest-padding"), 1);
	assert_int_equal(times(&verdicts, "content-present"), 1089 - 10);
	assert_int_equal(times(&verdicts, "file-id"), 0);
	assert_int_equal(times(&verdicts, "row-readable"), 0);
	assert_int_equal(times(&verdicts, "record-path"), 0);
	assert_int_equal(times(&verdicts, "root-row"), 0);
	assert_int_equal(times(&verdicts, "flags-mode"), 0);
	assert_int_equal(times(&verdicts, "extended-attributes"), 0);
	/* a note and a licence beside it, and one of the eleven contents */
	assert_int_equal(times(&verdicts, "extraneous"), 3);
}

/** struct short_tree - a tree whose one file ends before its length */
struct short_tree {
	struct backup_tree tree;
	struct backup_tree *under;
};

static int short_open(struct backup_tree *tree, const char *path, struct source **out,
		      struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;
	int r = under->open(under, path, out, err);

	if (!r && !strcmp(path, SMS))
		(*out)->len += 100;
	return r;
}

static int short_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;

	return under->stat(under, path, size, err);
}

static int short_walk(struct backup_tree *tree,
		      int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		      void *arg, struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;

	return under->walk(under, each, arg, err);
}

static void contents_that_end_early_are_reported_and_the_check_goes_on(void **state)
{
	struct short_tree tree = {
		.tree = {.open = short_open, .stat = short_stat, .walk = short_walk}};
	struct backup_verdict verdict;
	struct verdicts verdicts;
	struct err err = ERR_INIT;
	char path[1024];

	assert_done(backup_tree_folder(&tree.under, testing_backup("plain", NULL, path), &err),
		    err);
	assert_int_equal(verify_tree(&tree.tree, NULL, &verdicts, &verdict), 0);
	assert_int_equal(times(&verdicts, "content-readable"), 1);
	assert_int_equal(verdict.problems, 1);
	assert_int_equal(verdict.rows, 46);
	tree.under->close(tree.under);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_our_backup_verify_with_two_remarks),
		cmocka_unit_test(a_wrong_password_ends_the_check),
		cmocka_unit_test(a_cancelled_check_ends_at_once),
		cmocka_unit_test(a_real_manifest_without_its_contents_lists_what_is_missing),
		cmocka_unit_test(contents_that_end_early_are_reported_and_the_check_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
