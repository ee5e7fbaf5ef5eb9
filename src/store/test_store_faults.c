/*
 * What goes wrong outside: disks, other processes, connections, kills.
 *
 * What holds afterwards: a failure with its code, or a right result; everything that was
 * acknowledged is there, and a transaction is there wholly or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/internal.h"
#include "store/testing.h"
#include "store/testing_faulty.h"

enum { NOW = 1790000000 };

static struct testing_postgres server = {.life = -1};

#define assert_ok(call)                                                  \
	do {                                                             \
		int result_ = (call);                                    \
		if (result_)                                             \
			fail_msg("%s: %d %s", #call, result_, err.text); \
	} while (0)

static int setup_sqlite(void **state)
{
	*state = calloc(1, 64);
	assert_non_null(*state);
	testing_sqlite(*state);
	return 0;
}

static int teardown_sqlite(void **state)
{
	testing_sqlite_remove(*state);
	free(*state);
	return 0;
}

/* the values of settings "a" and "b", which are always written together */
static int64_t get(struct store *store, const char *name)
{
	struct err err = ERR_INIT;
	struct slice value;
	int r = store_setting_get(store, name, &value, &err);

	if (r == STORE_NO_ROW)
		return 0;
	assert_ok(r);
	assert_int_equal(value.len, 8);
	return (int64_t)get_u64be(value.bytes);
}

static int set_both(struct store *store, int64_t number, struct err *err)
{
	uint8_t bytes[8];
	int r;

	put_u64be(bytes, (uint64_t)number);
	r = store_begin(store, err);
	if (!r)
		r = store_setting_set(store, "a", slice_of(bytes, 8), err);
	if (!r)
		r = store_setting_set(store, "b", slice_of(bytes, 8), err);
	if (!r)
		return store_commit(store, err);
	store_rollback(store);
	return r;
}

/* ---- disks ------------------------------------------------------------------------ */

static void a_full_disk_is_told_and_harms_nothing(void **state)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	uint8_t *large = calloc(1, 1 << 20);

	assert_non_null(large);
	assert_ok(store_open(&store, *state, &err));
	assert_ok(set_both(store, 1, &err));
	assert_ok(store->driver->exec(store->connection, "PRAGMA max_page_count = 150", &err));
	assert_ok(store_begin(store, &err));
	assert_int_equal(store_setting_set(store, "large", slice_of(large, 1 << 20), &err),
			 ERR_NO_SPACE);
	store_rollback(store);
	assert_ok(set_both(store, 2, &err));
	assert_ok(store->driver->exec(store->connection, "PRAGMA max_page_count = 100000", &err));
	assert_ok(store_begin(store, &err));
	assert_ok(store_setting_set(store, "large", slice_of(large, 1 << 20), &err));
	assert_int_equal(get(store, "a"), 2);
	assert_ok(store_commit(store, &err));
	free(large);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;
	const char *path = (const char *)*state + strlen("sqlite:");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", file);
	fclose(file);
	assert_int_equal(store_open(&store, *state, &err), ERR_CORRUPT);
	assert_null(store);
}

static void a_new_database_is_for_its_owner_alone(void **state)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	static const char *const suffixes[] = {"", "-wal"};

	assert_ok(store_open(&store, *state, &err));
	for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s%s", (const char *)*state + strlen("sqlite:"),
			 suffixes[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* ---- a file system that fails ------------------------------------------------------- */

static void a_write_that_fails_leaves_all_or_nothing(void **state)
{
	sqlite3_vfs vfs;
	struct err err = ERR_INIT;
	int64_t acknowledged = 0, number = 0;

	faulty_register(&vfs);
	for (int sticky = 0; sticky < 2; sticky++) {
		bool has_fired = true;

		/* until nothing is left to fail */
		for (int countdown = 0; has_fired; countdown++) {
			struct store *store = NULL;

			fault.countdown = -1;
			fault.has_fired = fault.is_sticky = false;
			assert_ok(store_open(&store, *state, &err));
			fault.countdown = countdown;
			fault.is_sticky = sticky;
			for (int i = 0; i < 3; i++)
				if (!set_both(store, ++number, &err))
					acknowledged = number;
			/* moves the log into the database, as an idle service does */
			sqlite3_wal_checkpoint_v2(*(sqlite3 **)store->connection, NULL,
						  SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
			has_fired = fault.has_fired;
			store_free(store);
			fault.countdown = -1;
			fault.has_fired = fault.is_sticky = false;
			assert_ok(store_open(&store, *state, &err));
			assert_ok(store_begin(store, &err));
			assert_int_equal(get(store, "a"), get(store, "b"));
			assert_true(get(store, "a") >= acknowledged && get(store, "a") <= number);
			store_free(store);
		}
		assert_true(number > 3);
	}
	faulty_unregister(&vfs);
}

/* ---- other processes -------------------------------------------------------------------- */

static void a_second_writer_of_a_file_is_told_that_it_is_busy(void **state)
{
	struct store *one CLEANUP(store_free_p) = NULL, *two CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;

	assert_ok(store_open(&one, *state, &err));
	assert_ok(store_open(&two, *state, &err));
	assert_ok(two->driver->exec(two->connection, "PRAGMA busy_timeout = 0", &err));
	assert_ok(store_begin(one, &err));
	assert_int_equal(store_begin(two, &err), ERR_BUSY);
	store_rollback(one);
	assert_ok(set_both(two, 5, &err));
}

/* writes numbers until it is killed, and says each that is committed */
static void write_until_killed(const char *where, int out)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	if (store_open(&store, where, &err))
		_exit(1);
	for (int64_t number = 1;; number++) {
		if (set_both(store, number, &err) ||
		    write(out, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
}

static void kill_and_look(const char *where, int after)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	int64_t number = 0, acknowledged = 0;
	int out[2];
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		write_until_killed(where, out[1]);
	close(out[1]);
	while (acknowledged < after) {
		assert_int_equal(read(out[0], &number, sizeof(number)), sizeof(number));
		acknowledged = number;
	}
	kill(pid, SIGKILL);
	while (read(out[0], &number, sizeof(number)) == sizeof(number))
		acknowledged = number;
	close(out[0]);
	waitpid(pid, NULL, 0);
	assert_ok(store_open(&store, where, &err));
	assert_ok(store_begin(store, &err));
	assert_int_equal(get(store, "a"), get(store, "b"));
	assert_in_range(get(store, "a"), acknowledged, acknowledged + 1);
}

static void a_killed_process_loses_nothing_acknowledged(void **state)
{
	for (int after = 1; after < 40; after += 9)
		kill_and_look(*state, after);
}

static void a_killed_client_of_postgresql_loses_nothing_acknowledged(void **state)
{
	if (!server.url[0])
		skip();
	for (int after = 1; after < 40; after += 13)
		kill_and_look(server.url, after);
}

/* ---- two services on one PostgreSQL -------------------------------------------------------- */

static void open_two(struct store **one, struct store **two)
{
	struct err err = ERR_INIT;

	assert_ok(store_open(one, server.url, &err));
	assert_ok(store_open(two, server.url, &err));
}

static void a_change_by_another_service_lets_the_transaction_be_repeated(void **state)
{
	struct store *one CLEANUP(store_free_p) = NULL, *two CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	struct slice hash = slice_text("a ticket for one device");
	struct store_ticket ticket = {.hash = hash, .ends = NOW + 1}, taken;

	if (!server.url[0])
		skip();
	open_two(&one, &two);
	assert_ok(store_begin(one, &err));
	assert_ok(store_ticket_insert(one, &ticket, &err));
	assert_ok(store_commit(one, &err));
	assert_ok(store_begin(two, &err));
	assert_ok(store_ticket_get(two, ticket.no, &taken, &err));
	assert_int_equal(taken.used, 0);
	assert_ok(store_begin(one, &err));
	assert_ok(store_ticket_take(one, hash, STORE_TO_ENROLL, NOW, &taken, &err));
	assert_ok(store_commit(one, &err));
	/* it still sees the ticket unused, and must not get it a second time */
	assert_int_equal(store_ticket_take(two, hash, STORE_TO_ENROLL, NOW, &taken, &err),
			 ERR_BUSY);
	store_rollback(two);
	assert_ok(store_begin(two, &err));
	assert_int_equal(store_ticket_take(two, hash, STORE_TO_ENROLL, NOW, &taken, &err),
			 STORE_NO_ROW);
}

static void events_get_their_numbers_in_the_order_of_commits(void **state)
{
	struct store *one CLEANUP(store_free_p) = NULL, *two CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	struct store_event event = {.at = NOW, .kind = "k"};

	if (!server.url[0])
		skip();
	open_two(&one, &two);
	assert_ok(two->driver->exec(two->connection, "SET lock_timeout = '20ms'", &err));
	assert_ok(store_begin(one, &err));
	assert_ok(store_event_add(one, &event, &err));
	assert_ok(store_begin(two, &err));
	assert_int_equal(store_event_add(two, &event, &err), ERR_BUSY);
	store_rollback(two);
	assert_ok(store_commit(one, &err));
	assert_ok(store_begin(two, &err));
	assert_ok(store_event_add(two, &event, &err));
	assert_ok(store_commit(two, &err));
}

static void a_lost_connection_is_told_and_opened_again(void **state)
{
	struct store *one CLEANUP(store_free_p) = NULL, *two CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	static const char others[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
				     " WHERE pid <> pg_backend_pid() AND datname = 'rehome'";

	if (!server.url[0])
		skip();
	open_two(&one, &two);
	assert_ok(set_both(one, 1000, &err));
	assert_ok(store_begin(one, &err));
	assert_ok(store_savepoint(one, &err));
	assert_ok(store_setting_set(one, "a", SLICE_EMPTY, &err));
	assert_ok(two->driver->exec(two->connection, others, &err));
	assert_int_equal(store_setting_set(one, "b", SLICE_EMPTY, &err), ERR_CLOSED);
	assert_int_equal(store_undo(one, &err), ERR_CLOSED);
	store_rollback(one);
	assert_int_equal(store_begin(one, &err), ERR_CLOSED);
	assert_ok(store_reopen(one, &err));
	assert_ok(store_begin(one, &err));
	assert_int_equal(get(one, "a"), 1000);
	assert_int_equal(get(one, "b"), 1000);
	assert_ok(store_commit(one, &err));
}

/* ---- growth ------------------------------------------------------------------------------------
 */

/* steps for acknowledging a command and finding the next one, with @count enrollments that have
 * @history rows each */
static struct store_stats cost(const char *where, int64_t count, int64_t history)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	struct err err = ERR_INIT;
	struct store_stats before, after;
	struct store_next next = {
		.generation = 1, .now = NOW, .states = STORE_QUEUED, .lane_max = 3};
	struct store_target all = {STORE_TO_ALL, 0};
	struct store_queue row;
	uint64_t queued, held;

	assert_ok(store_open(&store, where, &err));
	assert_ok(store_begin(store, &err));
	for (int64_t i = 0; i < count; i++) {
		char id[32];
		struct store_enrollment enrollment = {
			.id = id, .generation = 1, .state = STORE_ENABLED};

		snprintf(id, sizeof(id), "E%lld", (long long)i);
		assert_ok(store_enrollment_put(store, &enrollment, &err));
	}
	assert_ok(run(store,
		      "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1)"
		      " INSERT INTO history SELECT e.no, n.x, 1, 'u', 't', '', 's', '', '', 1, ''"
		      " FROM enrollment e CROSS JOIN n",
		      PARAMS(NUMBER(history)), NULL, &err));
	for (int i = 0; i < 10; i++) {
		char uuid[8];
		struct store_command command = {.uuid = uuid, .payload = slice_text("x")};

		snprintf(uuid, sizeof(uuid), "c%d", i);
		assert_ok(store_command_insert(store, &command, &err));
		assert_ok(store_queue_add_many(store, &command, &all, NOW, &queued, &held, &err));
	}
	for (int i = 0; i < 2; i++) {
		/* the first round prepares the statements */
		store_stats(store, &before);
		next.enrollment = 1 + i;
		assert_ok(store_queue_next(store, &next, &row, &err));
		assert_ok(store_queue_done(store, &row, "s", "", SLICE_EMPTY, NOW, &err));
		assert_ok(store_queue_next(store, &next, &row, &err));
		store_stats(store, &after);
	}
	store_rollback(store);
	return (struct store_stats){.statements = after.statements - before.statements,
				    .rows = after.rows - before.rows,
				    .steps = after.steps - before.steps};
}

static void the_next_command_costs_the_same_among_many(void **state)
{
	struct store_stats few = cost("sqlite::memory:", 9, 3);
	struct store_stats many = cost("sqlite::memory:", 3000, 150);

	assert_true(few.steps > 0);
	assert_int_equal(few.statements, many.statements);
	assert_int_equal(few.rows, many.rows);
	assert_int_equal(few.steps, many.steps);
}

int main(void)
{
#define SQLITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_sqlite, teardown_sqlite)
	const struct CMUnitTest tests[] = {
		SQLITE_TEST(a_full_disk_is_told_and_harms_nothing),
		SQLITE_TEST(a_file_that_is_no_database_is_refused),
		SQLITE_TEST(a_new_database_is_for_its_owner_alone),
		SQLITE_TEST(a_write_that_fails_leaves_all_or_nothing),
		SQLITE_TEST(a_second_writer_of_a_file_is_told_that_it_is_busy),
		SQLITE_TEST(a_killed_process_loses_nothing_acknowledged),
		cmocka_unit_test(a_killed_client_of_postgresql_loses_nothing_acknowledged),
		cmocka_unit_test(a_change_by_another_service_lets_the_transaction_be_repeated),
		cmocka_unit_test(events_get_their_numbers_in_the_order_of_commits),
		cmocka_unit_test(a_lost_connection_is_told_and_opened_again),
		cmocka_unit_test(the_next_command_costs_the_same_among_many),
	};
	int failed;

	if (!testing_postgres_start(&server, false))
		print_message("SKIP: tests on PostgreSQL: %s\n", server.reason);
	failed = cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
	testing_postgres_stop(&server);
	return failed;
}
