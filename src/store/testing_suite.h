/*
 * store/testing_suite - what the conformance tests share: each runs on SQLite and on PostgreSQL
 */
#ifndef REHOME_STORE_TESTING_SUITE_H
#define REHOME_STORE_TESTING_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/internal.h"
#include "store/testing.h"

enum { NOW = 1790000000 };

/* what the tests of one round run on */
static struct testing_postgres server = {.life = -1};

struct fixture {
	char file[64]; /* SQLite's */
	const char *where;
	struct store *store;
	struct err err;
};

#define assert_ok(call)                                                     \
	do {                                                                \
		int result_ = (call);                                       \
		if (result_)                                                \
			fail_msg("%s: %d %s", #call, result_, f->err.text); \
	} while (0)

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	if (*server.url) {
		testing_postgres_empty(&server);
		f->where = server.url;
	} else {
		testing_sqlite(f->file);
		f->where = f->file;
	}
	assert_ok(store_open(&f->store, f->where, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	if (!*server.url)
		testing_sqlite_remove(f->file);
	free(f);
	return 0;
}

/* ---- rows to begin with ------------------------------------------------------------ */

static inline int64_t make_device(struct fixture *f, const char *udid)
{
	struct store_device row = {.udid = udid, .serial = "RHSIM000001", .created = NOW};

	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_true(row.no > 0);
	return row.no;
}

static inline int64_t make_enrollment(struct fixture *f, const char *id)
{
	struct store_enrollment row = {
		.id = id, .device = make_device(f, id), .generation = 1, .state = STORE_ENABLED};

	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	return row.no;
}

static inline struct store_command make_command(struct fixture *f, const char *uuid, int64_t lane)
{
	struct store_command row = {.uuid = uuid,
				    .request_type = "DeviceInformation",
				    .lane = lane,
				    .created = NOW,
				    .payload = slice_text("<plist/>")};

	assert_ok(store_command_insert(f->store, &row, &f->err));
	return row;
}

static inline struct store_command make_queued(struct fixture *f, int64_t enrollment,
					       const char *uuid, int64_t lane)
{
	struct store_command row = make_command(f, uuid, lane);

	assert_ok(store_queue_add(f->store, &row, enrollment, STORE_QUEUED, NOW, &f->err));
	return row;
}

static const struct store_next any_state = {.generation = 1,
					    .now = NOW,
					    .states = STORE_QUEUED | STORE_SENT | STORE_NOT_NOW,
					    .lane_max = 3};

/* UUID of the next command, "" if there is none */
static inline const char *next_uuid(struct fixture *f, struct store_next next, int64_t enrollment)
{
	struct store_queue row;
	int r;

	next.enrollment = enrollment;
	r = store_queue_next(f->store, &next, &row, &f->err);
	if (r == STORE_NO_ROW)
		return "";
	assert_int_equal(r, 0);
	assert_true(row.what.payload.len > 0);
	return row.what.uuid;
}

static inline int64_t count_of(struct fixture *f, const char *sql)
{
	int64_t number = -1;

	assert_ok(run_number(f->store, sql, NULL, 0, &number, &f->err));
	return number;
}

static inline size_t list_devices(struct fixture *f, struct store_device_filter filter,
				  struct store_device **rows)
{
	size_t count = 99;

	assert_ok(store_device_list(f->store, &filter, rows, &count, &f->err));
	return count;
}

/* ---- both rounds -------------------------------------------------------------------- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct suite {
	const struct CMUnitTest *tests;
	size_t count;
};

static inline int suite_round(const char *name, void *arg)
{
	const struct suite *suite = arg;

	return _cmocka_run_group_tests(name, suite->tests, suite->count, NULL, NULL);
}

static inline int suite_run(const struct CMUnitTest *tests, size_t count)
{
	struct suite suite = {tests, count};

	return testing_rounds(&server, suite_round, &suite);
}

#endif
