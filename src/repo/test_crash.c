/*
 * test_crash.c - power loss after every operation, kill -9 in the middle, full disks
 *
 * Whatever happens: the repository opens, finished snapshots read back byte for byte,
 * check finds no problem, and the next session succeeds.
 */
#include "repo/testing.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

enum { FILES = 6 };

/* file @i of snapshot @round: sizes from nothing to several chunks */
static size_t size_of(unsigned round, unsigned i)
{
	static const size_t sizes[FILES] = {0, 10, 5000, 70000, 600000, 1500000};

	return sizes[i] + (i == 5 ? round * 1000 : 0);
}

static uint64_t seed_of(unsigned round, unsigned i)
{
	return i < 3 ? i : round * 100 + i; /* the first three never change */
}

static int fill(struct repo_session *session, unsigned round, struct err *err)
{
	char path[64], moved[64];
	int r = 0;

	for (unsigned i = 0; i < FILES && r == 0; i++) {
		snprintf(path, sizeof(path), "U/Snapshot/%u", i);
		snprintf(moved, sizeof(moved), "U/%u", i);
		r = test_put(session, path, seed_of(round, i), size_of(round, i), err);
		if (r == 0)
			r = repo_session_move(session, path, moved, err);
	}
	return r;
}

/* one whole session; @id is filled only if it committed */
static int back_up(struct repo *repo, unsigned round, char *id, struct err *err)
{
	CLEANUP(repo_session_free_p) struct repo_session *session = NULL;
	int r = repo_session_begin(&session, repo, TEST_DEVICE, false, NULL, err);

	if (r == 0)
		r = fill(session, round, err);
	if (r == 0)
		r = repo_session_remove(session, "U/Snapshot", err);
	if (r == 0)
		r = repo_session_commit(session, 1790000000 + round, SLICE_EMPTY, id, err);
	return r;
}

static bool snapshot_is_whole(struct repo *repo, const char *id, unsigned round, struct err *err)
{
	struct repo_view *view = NULL;
	bool is_whole = repo_view_open(&view, repo, id, err) == 0;
	char path[64];

	for (unsigned i = 0; i < FILES && is_whole; i++) {
		snprintf(path, sizeof(path), "U/%u", i);
		is_whole = test_view_holds(view, path, seed_of(round, i), size_of(round, i), err);
	}
	repo_view_close(view);
	return is_whole;
}

static void print_finding(void *arg, const struct repo_finding *finding)
{
	if (finding->is_problem)
		print_message("  %s: %s\n", finding->where, finding->text);
}

struct seen {
	char ids[8][REPO_ID_LEN + 1];
	unsigned count;
};

static int see(void *arg, const struct repo_snapshot *snapshot, struct err *err)
{
	struct seen *seen = arg;

	if (seen->count < 8)
		strcpy(seen->ids[seen->count++], snapshot->id);
	return 0;
}

/*
 * Judges what a crash left at test->path: at least the snapshots @sure, at most @possible
 * (both are prefixes of the rounds 1, 2 ...), each whole; then goes on with another.
 */
static void judge(struct test_repo *test, unsigned sure, unsigned possible, const char *where)
{
	struct repo_verdict verdict;
	struct seen seen = {.count = 0};
	char id[REPO_ID_LEN + 1];
	unsigned damaged = 0;

	test_open(test);
	must(test, repo_snapshots(test->repo, NULL, see, &seen, &damaged, &test->err));
	if (damaged > 0 || seen.count < sure || seen.count > possible)
		fail_msg("%s: %u snapshots (%u damaged), wanted %u to %u", where, seen.count,
			 damaged, sure, possible);
	for (unsigned i = 0; i < seen.count; i++)
		if (!snapshot_is_whole(test->repo, seen.ids[i], i + 1, &test->err))
			fail_msg("%s: snapshot %u: %s", where, i + 1, test->err.text);
	must(test, repo_check(test->repo, true, print_finding, NULL, NULL, &verdict, &test->err));
	if (verdict.problems > 0)
		fail_msg("%s: check finds %llu problems", where,
			 (unsigned long long)verdict.problems);
	if (back_up(test->repo, seen.count + 1, id, &test->err) != 0)
		fail_msg("%s: the next session fails: %s", where, test->err.text);
	if (!snapshot_is_whole(test->repo, id, seen.count + 1, &test->err))
		fail_msg("%s: the next snapshot: %s", where, test->err.text);
	must(test, repo_check(test->repo, true, print_finding, NULL, NULL, &verdict, &test->err));
	if (verdict.problems > 0)
		fail_msg("%s: afterwards check finds %llu problems", where,
			 (unsigned long long)verdict.problems);
	test_close(test);
}

static void after_power_loss_at_any_operation_finished_snapshots_are_whole(void **state)
{
	const char *step_text = getenv("REHOME_CRASH_STEP"), *seed_text = getenv("REHOME_SEED");
	size_t step = step_text ? (size_t)atoi(step_text) : 3;
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 7;
	struct test_repo test;
	struct fs_record *record;
	size_t marks[3];
	char id[REPO_ID_LEN + 1], where[100];

	print_message("seed %llu, every %zu. operation (REHOME_SEED, REHOME_CRASH_STEP)\n",
		      (unsigned long long)seed, step);
	test_begin(&test);
	test_close(&test);
	must(&test, fs_remove_tree(fs_system(), test.path, &test.err));
	assert_int_equal(mkdir(test.path, 0700), 0);
	must(&test, fs_record_new(&record, fs_system(), test.path, &test.err));
	test_env(&test, fs_record_fs(record));
	must(&test, repo_init(test.path, &test.password, &test.env, &test.err));
	marks[0] = fs_record_count(record);
	test_open(&test);
	for (unsigned round = 1; round <= 2; round++) {
		assert_int_equal(back_up(test.repo, round, id, &test.err), 0);
		marks[round] = fs_record_count(record);
	}
	test_close(&test);
	test_env(&test, fs_system());
	for (size_t count = marks[0]; count <= marks[2]; count += step) {
		unsigned sure = count >= marks[2] ? 2 : count >= marks[1] ? 1 : 0;
		unsigned possible = count > marks[1] ? 2 : 1;

		must(&test, fs_remove_tree(fs_system(), test.path, &test.err));
		assert_int_equal(mkdir(test.path, 0700), 0);
		must(&test, fs_replay(record, count, seed + count, test.path, &test.err));
		snprintf(where, sizeof(where), "operation %zu of %zu", count, marks[2]);
		judge(&test, sure, possible, where);
	}
	print_message("%zu operations\n", marks[2]);
	fs_record_free(record);
	test_end(&test);
}

/* a child backs up until it kills itself after @count mutating operations */
struct killing_fs {
	struct fs_fault fault;
	int64_t left;
};

static struct fs *real;
static int64_t writes_left;

static ssize_t killing_pwrite(struct fs *fs, int fd, const void *bytes, size_t len, uint64_t offset)
{
	if (__atomic_sub_fetch(&writes_left, 1, __ATOMIC_RELAXED) == 0)
		_exit(9);
	return real->pwrite(real, fd, bytes, len, offset);
}

static void after_a_kill_the_next_session_finds_what_was_written(void **state)
{
	struct test_repo test;
	struct fs killing = *fs_system();
	struct repo_session_start start;
	struct repo_session *session;
	char id[REPO_ID_LEN + 1], where[64];
	unsigned interrupted = 0;

	real = fs_system();
	killing.pwrite = killing_pwrite;
	test_begin(&test);
	assert_int_equal(back_up(test.repo, 1, id, &test.err), 0);
	test_close(&test);
	for (unsigned kill_at = 1; kill_at < 40; kill_at++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			test_env(&test, &killing);
			entropy_seeded_init(&test.entropy, 1000 + kill_at);
			writes_left = kill_at;
			if (repo_open(&test.repo, test.path, &test.password, &test.env,
				      &test.err) == 0 &&
			    repo_session_begin(&session, test.repo, TEST_DEVICE, false, NULL,
					       &test.err) == 0 &&
			    fill(session, 2, &test.err) == 0)
				repo_session_drain(session, &test.err);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		snprintf(where, sizeof(where), "killed at write %u", kill_at);
		test_open(&test);
		must(&test, repo_session_begin(&session, test.repo, TEST_DEVICE, false, &start,
					       &test.err));
		interrupted += start.was_interrupted;
		assert_string_equal(start.base, id);
		repo_session_free(session);
		if (!snapshot_is_whole(test.repo, id, 1, &test.err))
			fail_msg("%s: %s", where, test.err.text);
		test_close(&test);
	}
	assert_true(interrupted > 30);
	judge(&test, 1, 1, "after 39 kills");
	test_end(&test);
}

static void a_kill_after_the_drain_loses_nothing(void **state)
{
	struct test_repo test;
	struct repo_session_start start;
	struct repo_session *session;
	struct repo_stats stats;
	uint64_t sum = 0;
	pid_t child;
	int status;

	test_begin(&test);
	test_close(&test);
	child = fork();
	if (child == 0) {
		test_open(&test);
		must(&test,
		     repo_session_begin(&session, test.repo, TEST_DEVICE, false, NULL, &test.err));
		must(&test, fill(session, 1, &test.err));
		must(&test, repo_session_drain(session, &test.err));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (unsigned i = 0; i < FILES; i++)
		sum += size_of(1, i);
	entropy_seeded_init(&test.entropy, 99);
	test_open(&test);
	must(&test, repo_session_begin(&session, test.repo, TEST_DEVICE, false, &start, &test.err));
	assert_true(start.was_interrupted);
	assert_int_equal(start.salvaged_bytes, sum);
	assert_int_equal(start.lost_bytes, 0);
	must(&test, fill(session, 1, &test.err));
	must(&test, repo_session_drain(session, &test.err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.again_bytes, sum);
	assert_int_equal(stats.new_bytes, 0);
	repo_session_free(session);
	test_end(&test);
}

static void what_fails_fails_whole(bool is_sticky, int fail_errno)
{
	struct test_repo test;
	struct fs_fault fault;
	char first[REPO_ID_LEN + 1], id[REPO_ID_LEN + 1];
	unsigned failures = 0;

	test_begin(&test);
	assert_int_equal(back_up(test.repo, 1, first, &test.err), 0);
	test_close(&test);
	for (int64_t nth = 0;; nth++) {
		struct err err = ERR_INIT;
		struct repo *repo = NULL;
		int r;

		fs_fault_init(&fault, fs_system(), nth, fail_errno, is_sticky);
		test_env(&test, &fault.fs);
		r = repo_open(&repo, test.path, &test.password, &test.env, &err);
		assert_int_equal(r, 0);
		r = back_up(repo, 2, id, &err);
		repo_close(repo);
		if (!fault.has_fired) {
			assert_int_equal(r, 0);
			break;
		}
		if (r < 0) {
			assert_int_equal(r, fail_errno == ENOSPC ? ERR_NO_SPACE : ERR_IO);
			failures++;
		}
		test_env(&test, fs_system());
		test_open(&test);
		if (!snapshot_is_whole(test.repo, first, 1, &test.err))
			fail_msg("operation %lld: %s", (long long)nth, test.err.text);
		if (r == 0 && !snapshot_is_whole(test.repo, id, 2, &test.err))
			fail_msg("operation %lld, called done: %s", (long long)nth, test.err.text);
		if (nth % 4 == 0) {
			struct repo_verdict verdict;

			must(&test, repo_check(test.repo, true, print_finding, NULL, NULL, &verdict,
					       &test.err));
			assert_int_equal(verdict.problems, 0);
		}
		test_close(&test);
	}
	print_message("%u operations refused\n", failures);
	assert_true(failures > 20);
	test_end(&test);
}

static void a_full_disk_at_any_operation_is_an_error_and_harms_nothing(void **state)
{
	what_fails_fails_whole(false, ENOSPC);
}

static void a_disk_that_stays_full_harms_nothing(void **state)
{
	what_fails_fails_whole(true, ENOSPC);
}

static void a_failed_operation_is_an_error_and_harms_nothing(void **state)
{
	what_fails_fails_whole(false, EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_power_loss_at_any_operation_finished_snapshots_are_whole),
		cmocka_unit_test(after_a_kill_the_next_session_finds_what_was_written),
		cmocka_unit_test(a_kill_after_the_drain_loses_nothing),
		cmocka_unit_test(a_full_disk_at_any_operation_is_an_error_and_harms_nothing),
		cmocka_unit_test(a_disk_that_stays_full_harms_nothing),
		cmocka_unit_test(a_failed_operation_is_an_error_and_harms_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
