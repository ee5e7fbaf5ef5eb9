/* test_session.c - what a session promises: directory, uploads, commit, interruption */
#include "repo/testing.h"

static int setup(void **state)
{
	struct test_repo *test = malloc(sizeof(*test));

	test_begin(test);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	test_end(*state);
	free(*state);
	return 0;
}

static struct repo_session *begin(struct test_repo *test, bool is_empty,
				  struct repo_session_start *start)
{
	struct repo_session *session = NULL;

	must(test,
	     repo_session_begin(&session, test->repo, TEST_DEVICE, is_empty, start, &test->err));
	return session;
}

static void commit(struct test_repo *test, struct repo_session *session, char *id)
{
	assert_int_equal(
		repo_session_commit(session, 1790000100, slice_text("a note"), id, &test->err), 0);
	repo_session_free(session);
}

static int collect(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct buf *text = arg;

	return buf_append_format(text, err, "%s%s:%llu ", entry->path,
				 entry->is_directory ? "/" : "", (unsigned long long)entry->size);
}

static const char *listing(struct test_repo *test, struct repo_session *session, const char *path)
{
	static struct buf text = BUF_INIT(1 << 20);

	buf_truncate(&text, 0);
	must(test, repo_session_list(session, path, collect, &text, &test->err));
	return buf_text(&text);
}

static const char *walk(struct test_repo *test, struct repo_view *view, const char *prefix)
{
	static struct buf text = BUF_INIT(1 << 20);

	buf_truncate(&text, 0);
	must(test, repo_view_walk(view, prefix, collect, &text, &test->err));
	return buf_text(&text);
}

static void a_committed_session_is_a_snapshot_that_reads_back(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	char id[REPO_ID_LEN + 1];
	struct repo_view *view;

	must(test, test_put(session, "U/a", 1, 5, &test->err));
	must(test, test_put(session, "U/d/large", 2, 3 << 20, &test->err));
	must(test, test_put(session, "U/d/empty", 2, 0, &test->err));
	must(test, test_put(session, "U/d/text", 3, 700000, &test->err));
	commit(test, session, id);
	must(test, repo_view_open(&view, test->repo, id, &test->err));
	assert_string_equal(walk(test, view, ""),
			    "U/:0 U/a:5 U/d/:0 U/d/empty:0 U/d/large:3145728 U/d/text:700000 ");
	assert_string_equal(walk(test, view, "U/d"),
			    "U/d/empty:0 U/d/large:3145728 U/d/text:700000 ");
	assert_true(test_view_holds(view, "U/a", 1, 5, &test->err));
	assert_true(test_view_holds(view, "U/d/large", 2, 3 << 20, &test->err));
	assert_true(test_view_holds(view, "U/d/empty", 2, 0, &test->err));
	assert_true(test_view_holds(view, "U/d/text", 3, 700000, &test->err));
	assert_int_equal(repo_view_snapshot(view)->files, 4);
	assert_int_equal(repo_view_snapshot(view)->bytes, 5 + (3 << 20) + 700000);
	assert_int_equal(repo_view_snapshot(view)->note.len, 6);
	assert_string_equal(repo_view_snapshot(view)->device, TEST_DEVICE);
	repo_view_close(view);
	id[5] = 0;
	must(test, repo_view_open(&view, test->repo, id, &test->err));
	repo_view_close(view);
}

static void moves_copies_and_removals_are_edits_of_the_directory(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	struct repo_entry entry;
	struct source *source;

	must(test, test_put(session, "U/Snapshot/ab/f", 1, 100, &test->err));
	must(test, test_put(session, "U/Snapshot/ab/g", 2, 200, &test->err));
	must(test, test_put(session, "U/Snapshot.x", 2, 200, &test->err));
	must(test, repo_session_move(session, "U/Snapshot/ab/f", "U/ab/f", &test->err));
	assert_string_equal(listing(test, session, "U"), "Snapshot/:0 Snapshot.x:200 ab/:0 ");
	assert_string_equal(listing(test, session, ""), "U/:0 ");
	must(test, repo_session_copy(session, "U/Snapshot", "U/copy", &test->err));
	must(test, repo_session_remove(session, "U/Snapshot", &test->err));
	assert_int_equal(repo_session_stat(session, "U/Snapshot/ab/g", &entry, &test->err),
			 REPO_ABSENT);
	assert_string_equal(listing(test, session, "U/copy/ab"), "g:200 ");
	must(test, repo_session_move(session, "U/copy", "U/ab", &test->err));
	assert_string_equal(listing(test, session, "U"), "Snapshot.x:200 ab/:0 ");
	assert_string_equal(listing(test, session, "U/ab/ab"), "g:200 ");
	assert_int_equal(repo_session_read(session, "U/ab/ab/g", &source, &test->err), 0);
	assert_true(test_holds(source, 2, 200, &test->err));
	assert_int_equal(repo_session_move(session, "U/none", "U/x", &test->err), REPO_ABSENT);
	assert_int_equal(repo_session_move(session, "U/ab", "U/ab/x", &test->err), ERR_USAGE);
	assert_int_equal(repo_session_remove(session, "U/none", &test->err), 0);
	assert_int_equal(repo_session_list(session, "U/Snapshot.x", collect, NULL, &test->err),
			 REPO_ABSENT);
	assert_int_equal(repo_session_mkdir(session, "../x", &test->err), ERR_PROTOCOL);
	assert_int_equal(repo_session_mkdir(session, "U/Snapshot.x/y", &test->err), ERR_EXISTS);
	repo_session_free(session);
}

static void equal_content_is_stored_once(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	struct repo_stats stats;
	char id[REPO_ID_LEN + 1];

	must(test, test_put(session, "a", 2, 100000, &test->err));
	must(test, test_put(session, "b", 2, 100000, &test->err));
	must(test, repo_session_drain(session, &test->err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.received_bytes, 200000);
	assert_int_equal(stats.new_bytes, 100000);
	assert_int_equal(stats.files_received, 2);
	commit(test, session, id);
	session = begin(test, false, NULL);
	must(test, test_put(session, "c", 2, 100000, &test->err));
	must(test, repo_session_drain(session, &test->err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.new_bytes, 0);
	assert_int_equal(stats.again_bytes, 0);
	repo_session_free(session);
}

static void a_changed_page_of_a_database_stores_one_block(void **state)
{
	struct test_repo *test = *state;
	size_t len = 8 << 20;
	uint8_t *bytes = malloc(len);
	struct repo_session *session = begin(test, false, NULL);
	struct repo_stats stats;
	char id[REPO_ID_LEN + 1];

	test_bytes(4, bytes, len);
	memcpy(bytes, "SQLite format 3", 16);
	must(test, test_upload(session, "db", REPO_CONTENT_ANY, bytes, len, &test->err));
	commit(test, session, id);
	bytes[5000000] ^= 1;
	session = begin(test, false, NULL);
	must(test, test_upload(session, "db", REPO_CONTENT_BLOCKS, bytes, len, &test->err));
	must(test, repo_session_drain(session, &test->err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.new_bytes, 64 << 10);
	repo_session_free(session);
	free(bytes);
}

static void an_inserted_byte_moves_boundaries_with_it(void **state)
{
	struct test_repo *test = *state;
	size_t len = 12 << 20;
	uint8_t *bytes = malloc(len + 1);
	struct repo_session *session = begin(test, false, NULL);
	struct repo_stats stats;
	char id[REPO_ID_LEN + 1];

	test_bytes(6, bytes + 1, len);
	must(test, test_upload(session, "video", REPO_CONTENT_ANY, bytes + 1, len, &test->err));
	commit(test, session, id);
	session = begin(test, false, NULL);
	bytes[0] = 'x';
	must(test, test_upload(session, "video", REPO_CONTENT_ANY, bytes, len + 1, &test->err));
	must(test, repo_session_drain(session, &test->err));
	repo_session_stats(session, &stats);
	assert_in_range(stats.new_bytes, 1, 4 << 20);
	repo_session_free(session);
	free(bytes);
}

static void a_file_of_many_chunks_has_its_list_in_pages(void **state)
{
	struct test_repo *test = *state;
	size_t len = 80 << 20; /* 1280 blocks: more than one page */
	uint8_t *bytes = malloc(len), got[100000];
	struct repo_session *session = begin(test, false, NULL);
	struct repo_view *view;
	struct source *source;
	char id[REPO_ID_LEN + 1];
	uint64_t random = 5;

	for (size_t i = 0; i < len; i += 4)
		put_u32le(bytes + i, (uint32_t)(i * 2654435761u));
	must(test, test_upload(session, "db", REPO_CONTENT_BLOCKS, bytes, len, &test->err));
	commit(test, session, id);
	must(test, repo_view_open(&view, test->repo, id, &test->err));
	must(test, repo_view_read(view, "db", &source, &test->err));
	assert_int_equal(source->len, len);
	for (int i = 0; i < 200; i++) {
		size_t at = test_random(&random) % len, want = 1 + test_random(&random) % 100000;
		ssize_t n = source->read(source, at, got, want, &test->err);

		assert_int_equal(n, want < len - at ? want : len - at);
		assert_memory_equal(got, bytes + at, (size_t)n);
	}
	source_close_p(&source);
	repo_view_close(view);
	free(bytes);
}

static void an_abandoned_session_loses_nothing(void **state)
{
	struct test_repo *test = *state;
	struct repo_session_start start;
	struct repo_session *session = begin(test, false, &start);
	struct repo_stats stats;
	char id[REPO_ID_LEN + 1];

	assert_false(start.was_interrupted);
	for (int i = 0; i < 20; i++) {
		char path[32];

		snprintf(path, sizeof(path), "f%d", i);
		must(test, test_put(session, path, (uint64_t)i, 50000, &test->err));
	}
	repo_session_free(session);
	session = begin(test, false, &start);
	assert_true(start.was_interrupted);
	assert_int_equal(start.salvaged_bytes, 20 * 50000);
	assert_int_equal(start.lost_bytes, 0);
	assert_string_equal(start.base, "");
	assert_string_equal(listing(test, session, ""), "");
	for (int i = 0; i < 21; i++) {
		char path[32];

		snprintf(path, sizeof(path), "f%d", i);
		must(test, test_put(session, path, (uint64_t)i, 50000, &test->err));
	}
	must(test, repo_session_drain(session, &test->err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.again_bytes, 20 * 50000);
	assert_int_equal(stats.new_bytes, 50000);
	assert_int_equal(stats.lost_bytes, 0);
	commit(test, session, id);
	session = begin(test, false, &start);
	assert_false(start.was_interrupted);
	assert_string_equal(start.base, id);
	repo_session_free(session);
}

static uint64_t unneeded(struct test_repo *test)
{
	struct repo_verdict verdict;

	must(test, repo_check(test->repo, false, NULL, NULL, NULL, &verdict, &test->err));
	assert_int_equal(verdict.problems, 0);
	return verdict.unneeded_bytes;
}

static void a_check_says_how_much_interrupted_sessions_left(void **state)
{
	struct test_repo *test = *state;
	struct repo_session_start start;
	struct repo_session *session = begin(test, false, &start);
	char id[REPO_ID_LEN + 1];

	must(test, test_put(session, "kept", 2, 100000, &test->err));
	commit(test, session, id);
	assert_int_equal(unneeded(test), 0);
	session = begin(test, false, &start);
	must(test, test_put(session, "cut off", 4, 200000, &test->err));
	repo_session_free(session);
	assert_in_range(unneeded(test), 200000, 220000);
	session = begin(test, false, &start);
	must(test, test_put(session, "cut off", 4, 200000, &test->err));
	commit(test, session, id);
	assert_int_equal(unneeded(test), 0);
}

static int count_files(void *arg, const struct repo_entry *entry, struct err *err)
{
	*(unsigned *)arg += !entry->is_directory;
	return 0;
}

static void more_changes_than_memory_holds_spill_and_come_back(void **state)
{
	enum { COUNT = 15000 };
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	char path[REPO_PATH_LEN_MAX + 1], id[REPO_ID_LEN + 1];
	struct repo_entry entry;
	struct repo_view *view;
	unsigned count = 0;

	/* long names: the memory part takes twelve thousand of them */
	memset(path, 'x', sizeof(path));
	memcpy(path, "U/Snapshot/", 11);
	for (unsigned i = 0; i < 4; i++)
		path[210 * (i + 1)] = '/';
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(path + 900, 20, "%08u", i * 2654435761u % 100000000u);
		must(test, test_put(session, path, i, 3, &test->err));
	}
	must(test, repo_session_move(session, "U/Snapshot", "U/a", &test->err));
	assert_int_equal(repo_session_stat(session, path, &entry, &test->err), REPO_ABSENT);
	must(test, repo_session_walk(session, "U", count_files, &count, &test->err));
	assert_int_equal(count, COUNT);
	commit(test, session, id);
	must(test, repo_view_open(&view, test->repo, id, &test->err));
	memmove(path + 4, path + 11, strlen(path + 11) + 1);
	memcpy(path, "U/a/", 4);
	assert_true(test_view_holds(view, path, COUNT - 1, 3, &test->err));
	assert_int_equal(repo_view_snapshot(view)->files, COUNT);
	repo_view_close(view);
}

static void two_sessions_of_a_device_exclude_each_other(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL), *other = NULL;

	assert_int_equal(
		repo_session_begin(&other, test->repo, TEST_DEVICE, false, NULL, &test->err),
		ERR_BUSY);
	assert_non_null(strstr(test->err.text, "process "));
	must(test, repo_session_begin(&other, test->repo, "another", false, NULL, &test->err));
	repo_session_free(other);
	repo_session_free(session);
}

static void an_empty_session_starts_from_nothing_and_keeps_the_parent(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	char first[REPO_ID_LEN + 1], second[REPO_ID_LEN + 1];
	struct repo_session_start start;
	struct repo_view *view;

	must(test, test_put(session, "a", 2, 1000, &test->err));
	commit(test, session, first);
	session = begin(test, true, &start);
	assert_string_equal(start.base, "");
	assert_string_equal(listing(test, session, ""), "");
	must(test, test_put(session, "b", 2, 1000, &test->err));
	commit(test, session, second);
	must(test, repo_view_open(&view, test->repo, second, &test->err));
	assert_string_equal(repo_view_snapshot(view)->parent, first);
	assert_string_equal(walk(test, view, ""), "b:1000 ");
	repo_view_close(view);
}

static void a_snapshot_made_meanwhile_is_a_conflict(void **state)
{
	struct test_repo *test = *state;
	struct repo_session *session = begin(test, false, NULL);
	struct repo_domain domain;
	struct repo_name name;
	char id[REPO_ID_LEN + 1];

	/* what a host without working locks would do */
	must(test, repo_domain_open(&domain, test->repo, TEST_DEVICE, false, &test->err));
	repo_domain_file(&domain, &name, "snap/00000001");
	must(test, fs_write_file(domain.fs, name.text, slice_text("x"), 0, &test->err));
	assert_int_equal(repo_session_commit(session, 1, SLICE_EMPTY, id, &test->err),
			 REPO_CONFLICT);
	repo_session_free(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_committed_session_is_a_snapshot_that_reads_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			moves_copies_and_removals_are_edits_of_the_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(equal_content_is_stored_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_changed_page_of_a_database_stores_one_block,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_inserted_byte_moves_boundaries_with_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_of_many_chunks_has_its_list_in_pages, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_check_says_how_much_interrupted_sessions_left,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_abandoned_session_loses_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(more_changes_than_memory_holds_spill_and_come_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(two_sessions_of_a_device_exclude_each_other, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			an_empty_session_starts_from_nothing_and_keeps_the_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_made_meanwhile_is_a_conflict, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
