/*
 * The conformance suite: every behaviour of the door, on SQLite and on PostgreSQL.
 */
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
static bool is_postgres;

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

/* a database as it was before any program saw it */
static void empty_postgres(void)
{
	struct err err = ERR_INIT;
	void *connection;

	assert_int_equal(driver_pgsql.open(&connection, server.url, &err), 0);
	assert_int_equal(driver_pgsql.exec(connection,
					   "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
					   &err),
			 0);
	driver_pgsql.close(connection);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	if (is_postgres) {
		empty_postgres();
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

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	if (!is_postgres)
		testing_sqlite_remove(f->file);
	free(f);
	return 0;
}

/* ---- rows to begin with ------------------------------------------------------------ */

static int64_t make_device(struct fixture *f, const char *udid)
{
	struct store_device row = {.udid = udid, .serial = "RHSIM000001", .created = NOW};

	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_true(row.no > 0);
	return row.no;
}

static int64_t make_enrollment(struct fixture *f, const char *id)
{
	struct store_enrollment row = {
		.id = id, .device = make_device(f, id), .generation = 1, .state = STORE_ENABLED};

	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	return row.no;
}

static struct store_command make_command(struct fixture *f, const char *uuid, int64_t lane)
{
	struct store_command row = {.uuid = uuid,
				    .request_type = "DeviceInformation",
				    .lane = lane,
				    .created = NOW,
				    .payload = slice_text("<plist/>")};

	assert_ok(store_command_insert(f->store, &row, &f->err));
	return row;
}

static struct store_command make_queued(struct fixture *f, int64_t enrollment, const char *uuid,
					int64_t lane)
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
static const char *next_uuid(struct fixture *f, struct store_next next, int64_t enrollment)
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

static int64_t count_of(struct fixture *f, const char *sql)
{
	int64_t number = -1;

	assert_ok(run_number(f->store, sql, NULL, 0, &number, &f->err));
	return number;
}

/* ---- transactions --------------------------------------------------------------------- */

static void what_was_committed_is_there_after_opening_again(void **state)
{
	struct fixture *f = *state;
	struct store_device row;

	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	make_device(f, "B");
	store_free(STEAL(f->store));
	assert_ok(store_open(&f->store, f->where, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
}

static void a_savepoint_undoes_its_own_part_alone(void **state)
{
	struct fixture *f = *state;
	struct store_device row;

	make_device(f, "A");
	assert_ok(store_savepoint(f->store, &f->err));
	make_device(f, "B");
	assert_ok(store_undo(f->store, &f->err));
	assert_ok(store_savepoint(f->store, &f->err));
	make_device(f, "C");
	assert_ok(store_release(f->store, &f->err));
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
	assert_ok(store_device_find(f->store, "C", &row, &f->err));
}

static void a_failed_call_is_undone_and_the_others_of_the_transaction_stay(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "B"};

	make_device(f, "A");
	assert_ok(store_savepoint(f->store, &f->err));
	assert_ok(store_device_put(f->store, &row, &f->err));
	row.udid = "A"; /* taken: a failure of the database itself */
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_EXISTS);
	assert_ok(store_undo(f->store, &f->err));
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
}

static void a_commit_after_a_failure_keeps_nothing_or_says_so(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "B"};
	int r;

	make_device(f, "A");
	assert_ok(store_device_put(f->store, &row, &f->err));
	row.udid = "A";
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_EXISTS);
	r = store_commit(f->store, &f->err);
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(store_device_find(f->store, "A", &row, &f->err), r ? STORE_NO_ROW : 0);
}

/* ---- devices ------------------------------------------------------------------------------ */

static void a_device_is_put_found_and_changed(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "U1",
				   .serial = "S1",
				   .imei = "I1",
				   .name = "Anna's iPad",
				   .product = "iPad13,18",
				   .os = "26.0",
				   .build = "23A1",
				   .ownership = STORE_CORPORATE,
				   .is_supervised = 1,
				   .created = NOW,
				   .flags = -7};
	struct store_device back, taken = {.udid = "U1"};

	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_int_equal(store_device_put(f->store, &taken, &f->err), STORE_CONFLICT);
	assert_ok(store_device_find_serial(f->store, "S1", &back, &f->err));
	assert_string_equal(back.udid, "U1");
	assert_string_equal(back.imei, "I1");
	assert_string_equal(back.name, "Anna's iPad");
	assert_string_equal(back.product, "iPad13,18");
	assert_string_equal(back.os, "26.0");
	assert_string_equal(back.build, "23A1");
	assert_string_equal(back.note, "");
	assert_int_equal(back.ownership, STORE_CORPORATE);
	assert_int_equal(back.is_supervised, 1);
	assert_int_equal(back.created, NOW);
	assert_int_equal(back.flags, -7);
	back.os = "26.1";
	assert_ok(store_device_put(f->store, &back, &f->err));
	assert_ok(store_device_get(f->store, row.no, &back, &f->err));
	assert_string_equal(back.os, "26.1");
	back.no = 4711;
	assert_int_equal(store_device_put(f->store, &back, &f->err), STORE_NO_ROW);
}

static void a_deleted_record_makes_room_for_a_new_one(void **state)
{
	struct fixture *f = *state;
	struct store_device row;
	int64_t old = make_device(f, "U1"), fresh;

	assert_ok(store_device_get(f->store, old, &row, &f->err));
	row.record = STORE_DELETED;
	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_int_equal(store_device_find(f->store, "U1", &row, &f->err), STORE_NO_ROW);
	assert_int_equal(store_device_find_serial(f->store, "RHSIM000001", &row, &f->err),
			 STORE_NO_ROW);
	fresh = make_device(f, "U1");
	assert_true(fresh > old);
	assert_ok(store_device_find(f->store, "U1", &row, &f->err));
	assert_int_equal(row.no, fresh);
	assert_ok(store_device_get(f->store, old, &row, &f->err));
}

static size_t list_devices(struct fixture *f, struct store_device_filter filter,
			   struct store_device **rows)
{
	size_t count = 99;

	assert_ok(store_device_list(f->store, &filter, rows, &count, &f->err));
	return count;
}

static void devices_are_listed_by_every_filter_and_by_cursor(void **state)
{
	struct fixture *f = *state;
	struct store_device *rows, row;
	struct store_group group = {.name = "g"};
	int64_t no[5];

	for (int i = 0; i < 5; i++) {
		char udid[8];

		snprintf(udid, sizeof(udid), "U%d", i);
		no[i] = make_device(f, udid);
		assert_ok(store_device_get(f->store, no[i], &row, &f->err));
		row.record = i < 4 ? i : 0;
		row.ownership = i % 2;
		row.last_contact = NOW + i;
		row.name = i == 4 ? "100%_Sure" : "plain";
		assert_ok(store_device_put(f->store, &row, &f->err));
	}
	assert_int_equal(list_devices(f, (struct store_device_filter){0}, &rows), 3);
	assert_int_equal(rows[1].no, no[2]);
	assert_int_equal(list_devices(f, (struct store_device_filter){.records = 15}, &rows), 5);
	assert_int_equal(list_devices(f, (struct store_device_filter){.records = 8}, &rows), 1);
	assert_int_equal(rows[0].no, no[3]);
	assert_int_equal(list_devices(f,
				      (struct store_device_filter){.records = 15, .ownerships = 2},
				      &rows),
			 2);
	assert_int_equal(
		list_devices(f,
			     (struct store_device_filter){.records = 15, .contact_before = NOW + 2},
			     &rows),
		2);
	assert_int_equal(
		list_devices(f,
			     (struct store_device_filter){.records = 15, .after = no[1], .max = 2},
			     &rows),
		2);
	assert_int_equal(rows[0].no, no[2]);
	/* % and _ are letters like others */
	assert_int_equal(list_devices(f, (struct store_device_filter){.search = "%_sURE"}, &rows),
			 1);
	assert_int_equal(list_devices(f, (struct store_device_filter){.search = "%"}, &rows), 1);
	assert_int_equal(list_devices(f, (struct store_device_filter){.search = "u2"}, &rows), 1);
	assert_ok(store_group_insert(f->store, &group, &f->err));
	assert_ok(store_member_set(f->store, group.no, no[2], true, &f->err));
	assert_int_equal(list_devices(f, (struct store_device_filter){.group = group.no}, &rows),
			 1);
}

static void last_contacts_are_written_in_one_batch_and_never_go_back(void **state)
{
	struct fixture *f = *state;
	int64_t a = make_device(f, "A"), b = make_device(f, "B");
	struct store_contact contacts[] = {{a, NOW}, {b, NOW + 1}, {4711, NOW}, {a, NOW - 9}};
	struct store_device row;

	assert_ok(store_contacts_write(f->store, contacts, ARRAY_COUNT(contacts), &f->err));
	assert_ok(store_device_get(f->store, a, &row, &f->err));
	assert_int_equal(row.last_contact, NOW);
	assert_ok(store_device_get(f->store, b, &row, &f->err));
	assert_int_equal(row.last_contact, NOW + 1);
}

static void values_are_kept_under_names_of_their_own(void **state)
{
	struct fixture *f = *state;
	const uint8_t bytes[] = {0, 1, 0xFF, 0, 'x'};
	struct store_kept row, *rows;
	size_t count;

	assert_ok(store_kept_put(f->store, STORE_OF_DEVICE, 1, "a", slice_of(bytes, 5), NOW,
				 &f->err));
	assert_ok(store_kept_put(f->store, STORE_OF_ENROLLMENT, 1, "a", SLICE_EMPTY, NOW, &f->err));
	assert_ok(store_kept_put(f->store, STORE_OF_DEVICE, 1, "b", slice_text("1"), NOW, &f->err));
	assert_ok(store_kept_put(f->store, STORE_OF_DEVICE, 1, "b", slice_text("22"), NOW + 1,
				 &f->err));
	assert_ok(store_kept_get(f->store, STORE_OF_DEVICE, 1, "a", &row, &f->err));
	assert_true(slice_equal(row.bytes, slice_of(bytes, 5)));
	assert_ok(store_kept_get(f->store, STORE_OF_ENROLLMENT, 1, "a", &row, &f->err));
	assert_int_equal(row.bytes.len, 0);
	assert_ok(store_kept_list(f->store, STORE_OF_DEVICE, 1, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_string_equal(rows[1].name, "b");
	assert_int_equal(rows[1].len, 2);
	assert_int_equal(rows[1].at, NOW + 1);
	assert_ok(store_kept_remove(f->store, STORE_OF_DEVICE, 1, "a", &f->err));
	assert_int_equal(store_kept_get(f->store, STORE_OF_DEVICE, 1, "a", &row, &f->err),
			 STORE_NO_ROW);
	assert_ok(store_kept_remove(f->store, STORE_OF_DEVICE, 1, NULL, &f->err));
	assert_ok(store_kept_list(f->store, STORE_OF_DEVICE, 1, &rows, &count, &f->err));
	assert_int_equal(count, 0);
}

/* ---- enrollments ---------------------------------------------------------------------------- */

static void an_enrollment_keeps_every_field(void **state)
{
	struct fixture *f = *state;
	struct store_enrollment row = {.id = "U1:anna",
				       .device = 3,
				       .generation = 4,
				       .state = 2,
				       .kind = 2,
				       .topic = "com.apple.mgmt.x",
				       .push_magic = "magic",
				       .push_token = slice_text("tok"),
				       .is_awaiting = 1,
				       .created = 5,
				       .authenticated = 6,
				       .enrolled = 7,
				       .left = 8,
				       .token_changes = 9,
				       .restore = 1,
				       .restore_at = 10,
				       .unenroll_by = "op",
				       .unenroll_at = 11,
				       .push_failures = 12,
				       .push_sent = 13,
				       .declarations_token = "dt",
				       .flags = 14,
				       .due = {15, 16, 17, 18}};
	struct store_enrollment back, taken = {.id = "U1:anna"};

	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	assert_int_equal(store_enrollment_put(f->store, &taken, &f->err), STORE_CONFLICT);
	row.token_changes = 99;
	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	assert_ok(store_enrollment_find(f->store, "U1:anna", &back, &f->err));
	assert_int_equal(back.no, row.no);
	assert_int_equal(back.device, 3);
	assert_int_equal(back.generation, 4);
	assert_int_equal(back.state, 2);
	assert_int_equal(back.kind, 2);
	assert_string_equal(back.topic, "com.apple.mgmt.x");
	assert_string_equal(back.push_magic, "magic");
	assert_true(slice_equal(back.push_token, slice_text("tok")));
	assert_int_equal(back.is_awaiting, 1);
	assert_int_equal(back.created, 5);
	assert_int_equal(back.authenticated, 6);
	assert_int_equal(back.enrolled, 7);
	assert_int_equal(back.left, 8);
	assert_int_equal(back.token_changes, 99);
	assert_int_equal(back.restore, 1);
	assert_int_equal(back.restore_at, 10);
	assert_string_equal(back.unenroll_by, "op");
	assert_int_equal(back.unenroll_at, 11);
	assert_int_equal(back.push_failures, 12);
	assert_int_equal(back.push_sent, 13);
	assert_string_equal(back.declarations_token, "dt");
	assert_int_equal(back.flags, 14);
	for (int i = 0; i < STORE_DUE_COUNT; i++)
		assert_int_equal(back.due[i], 15 + i);
}

static void what_is_due_comes_longest_due_first(void **state)
{
	struct fixture *f = *state;
	int64_t a = make_enrollment(f, "A"), b = make_enrollment(f, "B");
	int64_t c = make_enrollment(f, "C"), gone = make_enrollment(f, "D");
	struct store_enrollment *rows, row;
	size_t count;

	assert_ok(store_enrollment_get(f->store, gone, &row, &f->err));
	row.state = STORE_DISABLED;
	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	for (int which = 0; which < STORE_DUE_COUNT; which++) {
		assert_ok(store_enrollment_due_set(f->store, a, which, NOW, &f->err));
		assert_ok(store_enrollment_due_set(f->store, b, which, NOW - 5, &f->err));
		assert_ok(store_enrollment_due_set(f->store, c, which, NOW + 1, &f->err));
		assert_ok(store_enrollment_due_set(f->store, gone, which, NOW - 9, &f->err));
		assert_ok(store_enrollment_due(f->store, which, NOW, 0, &rows, &count, &f->err));
		assert_int_equal(count, 2);
		assert_int_equal(rows[0].no, b);
		assert_int_equal(rows[1].no, a);
		assert_ok(store_enrollment_due(f->store, which, NOW, 1, &rows, &count, &f->err));
		assert_int_equal(count, 1);
		assert_ok(store_enrollment_due_set(f->store, b, which, 0, &f->err));
		assert_ok(store_enrollment_due(f->store, which, NOW, 0, &rows, &count, &f->err));
		assert_int_equal(count, 1);
	}
	assert_ok(store_enrollment_pushed(f->store, a, NOW, 3, NOW + 60, &f->err));
	assert_ok(store_enrollment_get(f->store, a, &row, &f->err));
	assert_int_equal(row.push_sent, NOW);
	assert_int_equal(row.push_failures, 3);
	assert_int_equal(row.due[STORE_DUE_PUSH], NOW + 60);
}

static void a_mark_reaches_its_target_and_makes_nothing_later(void **state)
{
	struct fixture *f = *state;
	int64_t a = make_enrollment(f, "A"), b = make_enrollment(f, "B");
	struct store_enrollment row, *rows;
	struct store_target all = {STORE_TO_ALL, 0}, device = {STORE_TO_DEVICE, 0};
	size_t count;

	assert_ok(store_enrollment_get(f->store, a, &row, &f->err));
	device.no = row.device;
	assert_ok(store_due_mark(f->store, &device, STORE_DUE_RECONCILE, NOW - 10, &f->err));
	assert_ok(store_due_mark(f->store, &all, STORE_DUE_RECONCILE, NOW, &f->err));
	assert_ok(store_enrollment_due(f->store, STORE_DUE_RECONCILE, NOW, 0, &rows, &count,
				       &f->err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].no, a);
	assert_int_equal(rows[0].due[STORE_DUE_RECONCILE], NOW - 10);
	assert_int_equal(rows[1].no, b);
	assert_ok(store_enrollment_of(f->store, device.no, -1, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_enrollment_of(f->store, 0, STORE_ENABLED, a, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].no, b);
	assert_ok(store_enrollment_of(f->store, 0, STORE_PENDING, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 0);
}

/* ---- tickets and certificates ------------------------------------------------------------------
 */

static void a_ticket_is_taken_once(void **state)
{
	struct fixture *f = *state;
	struct slice hash = slice_text("0123456789abcdef0123456789abcdef");
	struct store_ticket row = {.hash = hash,
				   .purpose = STORE_TO_RENEW,
				   .serial = "S1",
				   .enrollment = 5,
				   .ends = NOW + 10};
	struct store_ticket taken;
	unsigned count;

	assert_ok(store_ticket_insert(f->store, &row, &f->err));
	assert_int_equal(store_ticket_insert(f->store, &row, &f->err), STORE_CONFLICT);
	assert_int_equal(store_ticket_take(f->store, hash, STORE_TO_ENROLL, NOW, &taken, &f->err),
			 STORE_NO_ROW);
	assert_int_equal(
		store_ticket_take(f->store, hash, STORE_TO_RENEW, NOW + 10, &taken, &f->err),
		STORE_NO_ROW);
	assert_ok(store_ticket_take(f->store, hash, STORE_TO_RENEW, NOW, &taken, &f->err));
	assert_string_equal(taken.serial, "S1");
	assert_int_equal(taken.used, NOW);
	assert_int_equal(store_ticket_take(f->store, hash, STORE_TO_RENEW, NOW, &taken, &f->err),
			 STORE_NO_ROW);
	assert_ok(store_ticket_bind(f->store, taken.no, 8, 9, &f->err));
	assert_ok(store_ticket_find(f->store, hash, &taken, &f->err));
	assert_ok(store_ticket_get(f->store, taken.no, &taken, &f->err));
	assert_int_equal(taken.enrollment, 8);
	assert_int_equal(taken.generation, 9);
	/* a used one is evidence and stays */
	row.hash = slice_text("other");
	assert_ok(store_ticket_insert(f->store, &row, &f->err));
	assert_ok(store_ticket_sweep(f->store, NOW + 100, 10, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_ticket_find(f->store, hash, &taken, &f->err));
}

static void certificates_are_found_by_hash_and_by_their_end(void **state)
{
	struct fixture *f = *state;
	struct store_certificate row = {.sha256 = slice_text("one"),
					.serial = "0A",
					.enrollment = 7,
					.generation = 1,
					.state = STORE_CERT_CURRENT,
					.not_after = NOW + 10};
	struct store_certificate second = {.sha256 = slice_text("two"),
					   .enrollment = 7,
					   .generation = 2,
					   .state = STORE_CERT_CURRENT,
					   .not_after = NOW};
	struct store_certificate back, *rows, again = {.sha256 = slice_text("one")};
	size_t count;

	assert_ok(store_certificate_put(f->store, &row, &f->err));
	assert_ok(store_certificate_put(f->store, &second, &f->err));
	assert_int_equal(store_certificate_put(f->store, &again, &f->err), STORE_CONFLICT);
	assert_ok(store_certificate_ending(f->store, NOW + 100, 0, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].no, second.no);
	assert_ok(store_certificate_end(f->store, 7, 3, second.no, &f->err));
	assert_ok(store_certificate_find(f->store, slice_text("one"), &back, &f->err));
	assert_int_equal(back.state, STORE_CERT_ENDED);
	assert_string_equal(back.serial, "0A");
	back.seen = NOW;
	assert_ok(store_certificate_put(f->store, &back, &f->err));
	assert_ok(store_certificate_of(f->store, 7, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].state, STORE_CERT_CURRENT);
	assert_int_equal(rows[1].seen, NOW);
	assert_ok(store_certificate_ending(f->store, NOW + 100, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
}

/* ---- queues
 * ---------------------------------------------------------------------------------------- */

static void the_next_command_goes_by_lane_then_by_age(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A"), other = make_enrollment(f, "B");
	struct store_next next = any_state;
	struct store_queue row;
	int64_t skip[2];

	assert_string_equal(next_uuid(f, next, e), "");
	make_queued(f, e, "n1", 2);
	make_queued(f, e, "n2", 2);
	make_queued(f, e, "b1", 3);
	make_queued(f, e, "u1", 1);
	make_queued(f, other, "o1", 0);
	assert_string_equal(next_uuid(f, next, e), "u1");
	next.lane_max = 0;
	assert_string_equal(next_uuid(f, next, e), "");
	next.lane_max = 3;
	assert_ok(store_queue_find(f->store, e, "u1", &row, &f->err));
	skip[0] = row.command;
	assert_ok(store_queue_find(f->store, e, "n1", &row, &f->err));
	skip[1] = row.command;
	next.skip = skip;
	next.skip_count = 2;
	assert_string_equal(next_uuid(f, next, e), "n2");
	next.skip_count = 0;
	next.generation = 2;
	assert_string_equal(next_uuid(f, next, e), "");
	assert_int_equal(store_queue_find(f->store, e, "o1", &row, &f->err), STORE_NO_ROW);
}

static void states_and_times_keep_a_command_back(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A");
	struct store_next next = any_state;
	struct store_command later = {
		.uuid = "later", .not_before = NOW + 5, .payload = slice_text("x")};
	struct store_command over = {.uuid = "over", .ends = NOW, .payload = slice_text("x")};
	struct store_queue row, *rows;
	uint64_t changed, left;
	size_t count;

	assert_ok(store_command_insert(f->store, &later, &f->err));
	assert_ok(store_command_insert(f->store, &over, &f->err));
	assert_ok(store_queue_add(f->store, &later, e, STORE_QUEUED, NOW, &f->err));
	assert_ok(store_queue_add(f->store, &over, e, STORE_QUEUED, NOW, &f->err));
	assert_string_equal(next_uuid(f, next, e), "");
	next.now = NOW + 5;
	assert_string_equal(next_uuid(f, next, e), "later");
	assert_ok(store_queue_find(f->store, e, "later", &row, &f->err));
	assert_ok(store_queue_set(f->store, &row, STORE_NOT_NOW, 3, NOW + 6, &f->err));
	assert_ok(store_queue_find(f->store, e, "later", &row, &f->err));
	assert_int_equal(row.tries, 3);
	assert_int_equal(row.at, NOW + 6);
	next.states = STORE_QUEUED | STORE_SENT;
	assert_string_equal(next_uuid(f, next, e), "");
	assert_ok(
		store_queue_turn(f->store, e, STORE_NOT_NOW, STORE_QUEUED, NOW, &changed, &f->err));
	assert_int_equal(changed, 1);
	assert_string_equal(next_uuid(f, next, e), "later");
	assert_ok(store_queue_count(f->store, e, STORE_QUEUED, &left, &f->err));
	assert_int_equal(left, 2);
	assert_ok(store_queue_expired(f->store, NOW, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].id, "A");
	assert_string_equal(rows[0].what.uuid, "over");
	assert_ok(store_queue_done(f->store, &rows[0], "Expired", "", SLICE_EMPTY, NOW, &f->err));
	assert_ok(store_queue_list(f->store, e, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
}

static void a_done_command_moves_to_the_history_and_its_payload_goes_with_the_last(void **state)
{
	struct fixture *f = *state;
	int64_t a = make_enrollment(f, "A"), b = make_enrollment(f, "B");
	struct store_command command = make_queued(f, a, "c1", 2), back;
	struct store_queue row;
	struct store_history *rows, found;
	size_t count;

	assert_int_equal(store_command_insert(f->store, &command, &f->err), STORE_CONFLICT);
	assert_ok(store_command_find(f->store, "c1", &command, &f->err));
	assert_int_equal(store_queue_add(f->store, &command, a, STORE_QUEUED, NOW, &f->err),
			 STORE_CONFLICT);
	assert_int_equal(store_queue_add(f->store, &command, 4711, STORE_QUEUED, NOW, &f->err),
			 STORE_NO_ROW);
	assert_ok(store_queue_add(f->store, &command, b, STORE_QUEUED, NOW, &f->err));
	assert_ok(store_queue_find(f->store, a, "c1", &row, &f->err));
	assert_ok(store_queue_done(f->store, &row, "Error", "[{\"code\":1}]", slice_text("result"),
				   NOW + 1, &f->err));
	assert_int_equal(store_queue_done(f->store, &row, "Error", "", SLICE_EMPTY, NOW, &f->err),
			 STORE_NO_ROW);
	assert_ok(store_command_find(f->store, "c1", &back, &f->err));
	assert_ok(store_queue_find(f->store, b, "c1", &row, &f->err));
	assert_ok(store_queue_done(f->store, &row, "Acknowledged", "", SLICE_EMPTY, NOW, &f->err));
	assert_int_equal(store_command_find(f->store, "c1", &back, &f->err), STORE_NO_ROW);
	assert_ok(store_history_list(f->store, a, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].uuid, "c1");
	assert_string_equal(rows[0].request_type, "DeviceInformation");
	assert_string_equal(rows[0].status, "Error");
	assert_string_equal(rows[0].error, "[{\"code\":1}]");
	assert_int_equal(rows[0].at, NOW + 1);
	assert_int_equal(rows[0].generation, 1);
	assert_ok(store_history_find(f->store, a, "c1", &found, &f->err));
	assert_true(slice_equal(found.result, slice_text("result")));
	assert_ok(store_history_remove(f->store, a, &f->err));
	assert_int_equal(store_history_find(f->store, a, "c1", &found, &f->err), STORE_NO_ROW);
}

static void the_history_keeps_the_last_200(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A"), other = make_enrollment(f, "B");
	struct store_queue row;
	struct store_history *rows;
	size_t count;

	for (int i = 1; i <= STORE_HISTORY_MAX + 7; i++) {
		char uuid[16];

		snprintf(uuid, sizeof(uuid), "c%d", i);
		make_queued(f, i == 1 ? other : e, uuid, 2);
		assert_ok(store_queue_find(f->store, i == 1 ? other : e, uuid, &row, &f->err));
		assert_ok(store_queue_done(f->store, &row, "Acknowledged", "", SLICE_EMPTY, NOW,
					   &f->err));
	}
	assert_ok(store_history_list(f->store, e, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, STORE_HISTORY_MAX);
	assert_string_equal(rows[0].uuid, "c207");
	assert_string_equal(rows[STORE_HISTORY_MAX - 1].uuid, "c8");
	assert_ok(store_history_list(f->store, e, rows[9].seq, 5, &rows, &count, &f->err));
	assert_int_equal(count, 5);
	assert_string_equal(rows[0].uuid, "c197");
	assert_ok(store_history_list(f->store, other, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
}

static void one_command_for_many_copies_each_generation_and_holds_after_a_restore(void **state)
{
	struct fixture *f = *state;
	struct store_enrollment row, *due;
	struct store_command command = {
		.uuid = "c1", .lane = 1, .is_dangerous = 1, .payload = slice_text("x")};
	struct store_target target = {STORE_TO_ALL, 0};
	struct store_queue *rows;
	struct store_group group = {.name = "g"};
	uint64_t queued, held, changed;
	int64_t e[4];
	size_t count;

	for (int i = 0; i < 4; i++) {
		char id[8];

		snprintf(id, sizeof(id), "E%d", i);
		e[i] = make_enrollment(f, id);
		assert_ok(store_enrollment_get(f->store, e[i], &row, &f->err));
		row.generation = i + 1;
		row.restore = i == 1 ? STORE_NOTICED : STORE_NONE;
		row.state = i == 2 ? STORE_DISABLED : STORE_ENABLED;
		row.kind = i == 3 ? STORE_USER_CHANNEL : STORE_BY_PROFILE;
		assert_ok(store_enrollment_put(f->store, &row, &f->err));
	}
	assert_ok(store_command_insert(f->store, &command, &f->err));
	assert_ok(store_queue_add_many(f->store, &command, &target, NOW, &queued, &held, &f->err));
	assert_int_equal(queued, 1);
	assert_int_equal(held, 1);
	assert_ok(store_enrollment_due(f->store, STORE_DUE_PUSH, NOW, 0, &due, &count, &f->err));
	assert_int_equal(count, 2);
	assert_ok(store_queue_of_command(f->store, command.no, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].id, "E0");
	assert_int_equal(rows[0].generation, 1);
	assert_int_equal(rows[1].generation, 2);
	assert_int_equal(rows[1].state, STORE_HELD);
	assert_ok(store_queue_hold(f->store, e[0], NOW, &changed, &f->err));
	assert_int_equal(changed, 1);
	assert_string_equal(next_uuid(f, any_state, e[0]), "");
	assert_ok(store_queue_turn(f->store, 0, STORE_HELD, STORE_QUEUED, NOW, &changed, &f->err));
	assert_int_equal(changed, 2);
	assert_string_equal(next_uuid(f, any_state, e[0]), "c1");
	assert_ok(store_queue_cancel(f->store, command.no, e[0], STORE_SENT, &changed, &f->err));
	assert_int_equal(changed, 0);
	assert_ok(store_queue_cancel(f->store, command.no, 0, STORE_QUEUED, &changed, &f->err));
	assert_int_equal(changed, 2);
	assert_int_equal(store_command_get(f->store, command.no, &command, &f->err), STORE_NO_ROW);

	assert_ok(store_group_insert(f->store, &group, &f->err));
	assert_ok(store_enrollment_get(f->store, e[1], &row, &f->err));
	assert_ok(store_member_set(f->store, group.no, row.device, true, &f->err));
	command = make_command(f, "c2", 2);
	target = (struct store_target){STORE_TO_GROUP, group.no};
	assert_ok(store_queue_add_many(f->store, &command, &target, NOW, &queued, &held, &f->err));
	assert_int_equal(queued, 1);
	target = (struct store_target){STORE_TO_DEVICE, row.device};
	assert_ok(store_queue_add_many(f->store, &command, &target, NOW, &queued, &held, &f->err));
	assert_int_equal(queued, 0);
}

static void a_purge_spares_the_present_generation_and_the_exception(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A"), other = make_enrollment(f, "B");
	struct store_command shared = make_queued(f, e, "shared", 1), *commands;
	struct store_command kept = {
		.uuid = "kept", .request_type = "InstallProfile", .payload = slice_text("x")};
	struct store_enrollment row;
	uint64_t purged;
	size_t count;

	assert_ok(store_queue_add(f->store, &shared, other, STORE_QUEUED, NOW, &f->err));
	make_queued(f, e, "own", 2);
	assert_ok(store_command_insert(f->store, &kept, &f->err));
	assert_ok(store_queue_add(f->store, &kept, e, STORE_QUEUED, NOW, &f->err));
	assert_ok(store_enrollment_get(f->store, e, &row, &f->err));
	row.generation = 2;
	assert_ok(store_enrollment_put(f->store, &row, &f->err));
	make_queued(f, e, "new", 2);
	assert_ok(store_queue_purge(f->store, e, 2, "InstallProfile", &purged, &f->err));
	assert_int_equal(purged, 2);
	assert_ok(store_command_list(f->store, 0, 0, &commands, &count, &f->err));
	assert_int_equal(count, 3); /* shared is still B's, kept, new */
	assert_ok(store_queue_purge(f->store, e, 3, NULL, &purged, &f->err));
	assert_int_equal(purged, 2);
	assert_int_equal(count_of(f, "SELECT count(*) FROM command"), 1);
}

/* ---- profiles, declarations, groups
 * ------------------------------------------------------------------- */

static void assign(struct fixture *f, enum store_assigned what, const char *identifier,
		   int64_t kind, int64_t no)
{
	struct store_assignment row = {
		.what = what, .identifier = identifier, .target = {kind, no}, .at = NOW};

	assert_ok(store_assign(f->store, &row, &f->err));
	assert_ok(store_assign(f->store, &row, &f->err));
}

static void profiles_have_versions_and_the_highest_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct store_profile one = {.identifier = "p.b", .bytes = slice_text("1")}, back, *rows;
	struct store_profile two = {.identifier = "p.b", .bytes = slice_text("2")};
	struct store_profile a = {.identifier = "p.a"};
	size_t count;

	assert_ok(store_profile_insert(f->store, &one, &f->err));
	assert_ok(store_profile_insert(f->store, &two, &f->err));
	assert_ok(store_profile_insert(f->store, &a, &f->err));
	assert_int_equal(one.version, 1);
	assert_int_equal(two.version, 2);
	assert_ok(store_profile_find(f->store, "p.b", 0, &back, &f->err));
	assert_true(slice_equal(back.bytes, slice_text("2")));
	assert_ok(store_profile_find(f->store, "p.b", 1, &back, &f->err));
	assert_true(slice_equal(back.bytes, slice_text("1")));
	assert_ok(store_profile_list(f->store, NULL, 0, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].identifier, "p.a");
	assert_int_equal(rows[1].version, 2);
	assert_ok(store_profile_list(f->store, "p.a", 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_profile_remove(f->store, "p.b", &f->err));
	assert_int_equal(store_profile_remove(f->store, "p.b", &f->err), STORE_NO_ROW);
}

static void comparing_shows_what_is_wanted_and_what_is_there(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A");
	struct store_enrollment row;
	struct store_group group = {.name = "g"};
	struct store_installed *rows;
	struct store_installed there = {.identifier = "c.old",
					.version = 3,
					.uuid = "u",
					.state = STORE_INSTALLED,
					.at = NOW};
	const char *const names[] = {"a.all", "b.group", "d.device", "e.other"};
	size_t count;

	assert_ok(store_enrollment_get(f->store, e, &row, &f->err));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct store_profile profile = {.identifier = names[i]};

		assert_ok(store_profile_insert(f->store, &profile, &f->err));
	}
	assert_ok(store_group_insert(f->store, &group, &f->err));
	assert_ok(store_member_set(f->store, group.no, row.device, true, &f->err));
	assign(f, STORE_PROFILE, "a.all", STORE_TO_ALL, 0);
	assign(f, STORE_PROFILE, "b.group", STORE_TO_GROUP, group.no);
	assign(f, STORE_PROFILE, "b.group", STORE_TO_ALL, 0); /* twice, and once in the answer */
	assign(f, STORE_PROFILE, "d.device", STORE_TO_DEVICE, row.device);
	assign(f, STORE_PROFILE, "e.other", STORE_TO_DEVICE, row.device + 1);
	assign(f, STORE_PROFILE, "f.absent", STORE_TO_ALL, 0);
	assert_ok(store_installed_set(f->store, e, &there, &f->err));
	there.identifier = "a.all";
	there.version = 1;
	assert_ok(store_installed_set(f->store, e, &there, &f->err));
	assert_ok(store_installed_compare(f->store, e, row.device, &rows, &count, &f->err));
	assert_int_equal(count, 4);
	assert_string_equal(rows[0].identifier, "a.all");
	assert_int_equal(rows[0].wanted, 1);
	assert_int_equal(rows[0].is_known, 1);
	assert_int_equal(rows[0].state, STORE_INSTALLED);
	assert_string_equal(rows[0].uuid, "u");
	assert_string_equal(rows[1].identifier, "b.group");
	assert_int_equal(rows[1].is_known, 0);
	assert_string_equal(rows[2].identifier, "c.old");
	assert_int_equal(rows[2].wanted, 0);
	assert_int_equal(rows[2].version, 3);
	assert_string_equal(rows[3].identifier, "d.device");
	assert_ok(store_is_assigned(f->store, STORE_PROFILE, "b.group", row.device, &f->err));
	assert_int_equal(store_is_assigned(f->store, STORE_PROFILE, "e.other", row.device, &f->err),
			 STORE_NO_ROW);
	assert_ok(store_group_remove(f->store, group.no, &f->err));
	assert_ok(store_installed_remove(f->store, e, "c.old", &f->err));
	assert_ok(store_installed_compare(f->store, e, row.device, &rows, &count, &f->err));
	assert_int_equal(count, 3);
	assert_ok(store_installed_remove(f->store, e, NULL, &f->err));
}

static void declarations_are_assigned_like_profiles_and_have_a_status(void **state)
{
	struct fixture *f = *state;
	int64_t device = make_device(f, "A");
	struct store_declaration row = {.identifier = "d1",
					.kind = 2,
					.type = "t",
					.token = "1",
					.bytes = slice_text("{}")};
	struct store_declaration *rows, back;
	struct store_declared said = {.identifier = "d1",
				      .token = "1",
				      .valid = "valid",
				      .reasons = "[]",
				      .is_active = 1,
				      .at = NOW};
	struct store_declared *heard;
	size_t count;

	assert_ok(store_declaration_put(f->store, &row, &f->err));
	row.token = "2";
	assert_ok(store_declaration_put(f->store, &row, &f->err));
	assert_ok(store_declaration_of(f->store, device, &rows, &count, &f->err));
	assert_int_equal(count, 0);
	assign(f, STORE_DECLARATION, "d1", STORE_TO_DEVICE, device);
	assign(f, STORE_PROFILE, "d1", STORE_TO_ALL, 0);
	assert_ok(store_declaration_of(f->store, device, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].token, "2");
	assert_int_equal(rows[0].kind, 2);
	assert_ok(store_declaration_list(f->store, NULL, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_declaration_find(f->store, "d1", &back, &f->err));
	assert_true(slice_equal(back.bytes, slice_text("{}")));
	assert_ok(store_declared_set(f->store, 5, &said, &f->err));
	said.is_active = 0;
	assert_ok(store_declared_set(f->store, 5, &said, &f->err));
	assert_ok(store_declared_list(f->store, 5, &heard, &count, &f->err));
	assert_int_equal(count, 1);
	assert_int_equal(heard[0].is_active, 0);
	assert_string_equal(heard[0].reasons, "[]");
	assert_ok(store_declared_remove(f->store, 5, &f->err));
	assert_ok(store_declaration_remove(f->store, "d1", &f->err));
	assert_int_equal(store_declaration_find(f->store, "d1", &back, &f->err), STORE_NO_ROW);
	assert_int_equal(count_of(f, "SELECT count(*) FROM assignment"), 1); /* the profile's */
}

static void groups_have_members_which_another_device_takes_over(void **state)
{
	struct fixture *f = *state;
	int64_t a = make_device(f, "A"), b = make_device(f, "B");
	struct store_group one = {.name = "one"}, two = {.name = "two"}, back, *rows;
	struct store_assignment *assignments, assignment = {.what = STORE_PROFILE,
							    .identifier = "p",
							    .target = {STORE_TO_DEVICE, a}};
	size_t count;

	assert_ok(store_group_insert(f->store, &one, &f->err));
	assert_int_equal(store_group_insert(f->store, &one, &f->err), STORE_CONFLICT);
	assert_ok(store_group_find(f->store, "one", &one, &f->err));
	assert_ok(store_group_insert(f->store, &two, &f->err));
	assert_ok(store_member_set(f->store, one.no, a, true, &f->err));
	assert_ok(store_member_set(f->store, one.no, a, true, &f->err));
	assert_ok(store_member_set(f->store, two.no, b, true, &f->err));
	assign(f, STORE_PROFILE, "p", STORE_TO_DEVICE, a);
	assert_ok(store_member_move(f->store, a, b, &f->err));
	assert_ok(store_group_list(f->store, b, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_ok(store_group_find(f->store, "one", &back, &f->err));
	assert_int_equal(back.members, 2);
	assert_ok(store_member_set(f->store, one.no, a, false, &f->err));
	assert_ok(store_group_list(f->store, a, 0, 0, &rows, &count, &f->err));
	assert_int_equal(count, 0);
	assert_ok(
		store_assignment_list(f->store, STORE_PROFILE, "p", &assignments, &count, &f->err));
	assert_int_equal(count, 2);
	assert_int_equal(assignments[1].target.no, b);
	assert_ok(store_unassign(f->store, &assignment, &f->err));
	assert_int_equal(store_unassign(f->store, &assignment, &f->err), STORE_NO_ROW);
	assert_int_equal(store_group_remove(f->store, 4711, &f->err), STORE_NO_ROW);
}

/* ---- the rest
 * -----------------------------------------------------------------------------------------------
 */

static void identifiers_tokens_and_settings_are_kept(void **state)
{
	struct fixture *f = *state;
	struct store_identifier row = {.identifier = "S1", .details = "d", .author = "op", .at = 1};
	struct store_identifier back, *rows;
	struct store_token token = {.id = "t1", .hash = slice_text("hash"), .role = 3, .name = "n"};
	struct store_token found, taken = {.id = "t1"}, *tokens;
	struct slice value;
	size_t count;

	assert_ok(store_identifier_put(f->store, &row, &f->err));
	row.details = "e";
	assert_ok(store_identifier_put(f->store, &row, &f->err));
	assert_ok(store_identifier_find(f->store, "S1", &back, &f->err));
	assert_string_equal(back.details, "e");
	assert_ok(store_identifier_list(f->store, NULL, 0, &rows, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_identifier_remove(f->store, "S1", &f->err));
	assert_int_equal(store_identifier_remove(f->store, "S1", &f->err), STORE_NO_ROW);

	assert_ok(store_token_put(f->store, &token, &f->err));
	assert_int_equal(store_token_put(f->store, &taken, &f->err), STORE_CONFLICT);
	token.revoked = NOW;
	assert_ok(store_token_put(f->store, &token, &f->err));
	assert_ok(store_token_find(f->store, "t1", &found, &f->err));
	assert_int_equal(found.revoked, NOW);
	assert_int_equal(found.role, 3);
	assert_true(slice_equal(found.hash, slice_text("hash")));
	assert_ok(store_token_list(f->store, 0, 0, &tokens, &count, &f->err));
	assert_int_equal(count, 1);

	assert_int_equal(store_setting_get(f->store, "s", &value, &f->err), STORE_NO_ROW);
	assert_ok(store_setting_set(f->store, "s", slice_text("1"), &f->err));
	assert_ok(store_setting_set(f->store, "s", SLICE_EMPTY, &f->err));
	assert_ok(store_setting_get(f->store, "s", &value, &f->err));
	assert_int_equal(value.len, 0);
	assert_ok(store_setting_remove(f->store, "s", &f->err));
}

static void audit_and_events_are_read_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct store_audit audit = {.at = NOW, .who = "op", .action = "wipe", .subject = "A"};
	struct store_audit *audits;
	struct store_event event = {.at = NOW, .kind = "enrolled", .subject = "A", .body = "{}"};
	struct store_event *events;
	struct store_webhook hook = {
		.id = "w1", .url = "https://x", .secret = slice_text("s"), .kinds = "a b"};
	struct store_webhook back, *hooks;
	int64_t last = -1, first;
	unsigned swept;
	size_t count;

	for (int i = 0; i < 3; i++) {
		audit.subject = i == 1 ? "B" : "A";
		assert_ok(store_audit_add(f->store, &audit, &f->err));
	}
	assert_ok(store_audit_list(f->store, NULL, 0, 2, &audits, &count, &f->err));
	assert_int_equal(count, 2);
	assert_true(audits[0].no > audits[1].no);
	assert_ok(store_audit_list(f->store, "A", audits[0].no, 0, &audits, &count, &f->err));
	assert_int_equal(count, 1);
	assert_string_equal(audits[0].action, "wipe");

	assert_ok(store_event_last(f->store, &last, &f->err));
	assert_int_equal(last, 0);
	for (int i = 0; i < 4; i++)
		assert_ok(store_event_add(f->store, &event, &f->err));
	assert_ok(store_event_list(f->store, 0, 0, &events, &count, &f->err));
	assert_int_equal(count, 4);
	first = events[0].no;
	assert_ok(store_event_list(f->store, events[1].no, 1, &events, &count, &f->err));
	assert_int_equal(count, 1);
	assert_int_equal(events[0].no, first + 2);
	hook.next_event = first + 1;
	assert_ok(store_webhook_put(f->store, &hook, &f->err));
	hook.failures = 2;
	assert_ok(store_webhook_put(f->store, &hook, &f->err));
	assert_ok(store_webhook_find(f->store, "w1", &back, &f->err));
	assert_int_equal(back.failures, 2);
	assert_true(slice_equal(back.secret, slice_text("s")));
	assert_ok(store_webhook_list(f->store, 0, 0, &hooks, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_event_sweep(f->store, NOW + 1, 0, &swept, &f->err));
	assert_int_equal(swept, 1); /* the one that the webhook has */
	assert_ok(store_webhook_remove(f->store, "w1", &f->err));
	assert_ok(store_event_sweep(f->store, NOW + 1, 0, &swept, &f->err));
	assert_int_equal(swept, 2); /* and not the newest */
	assert_ok(store_event_last(f->store, &last, &f->err));
	assert_int_equal(last, first + 3);
}

static void counts_are_what_is_there(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A");
	struct store_counts counts;
	struct store_event event = {.kind = "k"};
	struct store_webhook hook = {.id = "w", .next_event = 1};

	make_device(f, "B");
	make_queued(f, e, "c1", 2);
	make_queued(f, e, "c2", 2);
	assert_ok(store_enrollment_due_set(f->store, e, STORE_DUE_INVENTORY, NOW, &f->err));
	assert_ok(store_event_add(f->store, &event, &f->err));
	assert_ok(store_webhook_put(f->store, &hook, &f->err));
	assert_ok(store_count(f->store, NOW, &counts, &f->err));
	assert_int_equal(counts.devices[STORE_ACTIVE], 2);
	assert_int_equal(counts.devices[STORE_DELETED], 0);
	assert_int_equal(counts.enrollments[STORE_ENABLED], 1);
	assert_int_equal(counts.due[STORE_DUE_INVENTORY], 1);
	assert_int_equal(counts.due[STORE_DUE_PUSH], 0);
	assert_int_equal(counts.commands, 2);
	assert_int_equal(counts.queue, 2);
	assert_int_equal(counts.events, 1);
}

static void statements_in_texts_stay_texts(void **state)
{
	static const char evil[] =
		"x'; DROP TABLE device; --\"\\%_$1 ?1 {key} \xC3\xA9\xF0\x9F\x98\x80";
	struct fixture *f = *state;
	struct store_device row = {.udid = evil,
				   .serial = evil,
				   .imei = evil,
				   .name = evil,
				   .product = evil,
				   .os = evil,
				   .build = evil,
				   .note = evil};
	struct store_device back, *rows;
	struct store_enrollment enrollment = {.id = evil,
					      .topic = evil,
					      .push_magic = evil,
					      .unenroll_by = evil,
					      .declarations_token = evil,
					      .state = STORE_ENABLED};
	struct store_command command = {.uuid = evil,
					.request_type = evil,
					.author = evil,
					.subject = evil,
					.payload = slice_text(evil)};
	struct store_queue queued;
	struct store_history *history;
	struct store_kept kept;
	size_t count;

	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_ok(store_device_find(f->store, evil, &back, &f->err));
	assert_string_equal(back.serial, evil);
	assert_string_equal(back.note, evil);
	assert_int_equal(list_devices(f, (struct store_device_filter){.search = evil}, &rows), 1);
	assert_ok(store_enrollment_put(f->store, &enrollment, &f->err));
	assert_ok(store_enrollment_find(f->store, evil, &enrollment, &f->err));
	assert_string_equal(enrollment.push_magic, evil);
	assert_ok(store_command_insert(f->store, &command, &f->err));
	assert_ok(store_queue_add(f->store, &command, enrollment.no, STORE_QUEUED, NOW, &f->err));
	assert_ok(store_queue_find(f->store, enrollment.no, evil, &queued, &f->err));
	assert_ok(store_queue_done(f->store, &queued, evil, evil, slice_text(evil), NOW, &f->err));
	assert_ok(store_history_list(f->store, enrollment.no, 0, 0, &history, &count, &f->err));
	assert_string_equal(history[0].error, evil);
	assert_string_equal(history[0].subject, evil);
	assert_ok(store_kept_put(f->store, STORE_OF_DEVICE, 1, evil, slice_text(evil), 1, &f->err));
	assert_ok(store_kept_get(f->store, STORE_OF_DEVICE, 1, evil, &kept, &f->err));
	assert_int_equal(count_of(f, "SELECT count(*) FROM device"), 1);
}

static void texts_that_are_none_and_values_over_the_limit_are_refused(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "\xFF\xFE"};
	char *large = calloc(1, STORE_BYTES_MAX + 1);

	assert_non_null(large);
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_USAGE);
	assert_int_equal(
		store_setting_set(f->store, "s", slice_of(large, STORE_BYTES_MAX + 1), &f->err),
		ERR_LIMIT);
	memset(large, 'a', STORE_TEXT_MAX + 1);
	row.udid = large;
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_LIMIT);
	/* refused before the database heard of it: the transaction goes on */
	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	free(large);
}

static int second_step(struct store *store, struct err *err)
{
	return schema_exec(store,
			   "ALTER TABLE device ADD COLUMN colour TEXT DEFAULT 'grey' NOT NULL;"
			   "CREATE TABLE later (no {key}, what {text}, raw {bytes}, at {number})",
			   err);
}

static int broken_step(struct store *store, struct err *err)
{
	int r = schema_exec(store, "CREATE TABLE half (no {key})", err);

	return r ? r : schema_exec(store, "CREATE TABLE half (no {key})", err);
}

static int no_step(struct store *store, struct err *err)
{
	return 0;
}

static void a_schema_goes_up_step_by_step_and_a_newer_one_is_refused(void **state)
{
	struct fixture *f = *state;
	schema_step *const two[] = {no_step, second_step};
	schema_step *const three[] = {no_step, second_step, broken_step};
	struct store *again = NULL;

	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(schema_up(f->store, two, 2, &f->err)); /* from version 1 */
	assert_ok(schema_up(f->store, two, 2, &f->err)); /* nothing to do */
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(count_of(f, "SELECT count(*) FROM device WHERE colour = 'grey'"), 1);
	store_rollback(f->store);
	assert_int_not_equal(schema_up(f->store, three, 3, &f->err), 0);
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(count_of(f, "SELECT version FROM schema_version"), 2);
	store_rollback(f->store);
	assert_int_equal(store_open(&again, f->where, &f->err), ERR_UNSUPPORTED);
	assert_non_null(strstr(f->err.text, "version 2"));
	assert_null(again);
}

static void what_is_no_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;

	assert_int_equal(store_open(&other, "mysql://x", &f->err), ERR_USAGE);
	assert_int_not_equal(store_open(&other, "sqlite:/nonexistent/folder/db", &f->err), 0);
	assert_int_equal(store_open(&other, "postgresql://u:s3cret@/x?host=/nonexistent", &f->err),
			 ERR_CLOSED);
	assert_null(strstr(f->err.text, "s3cret"));
	assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest suite[] = {
	TEST(what_was_committed_is_there_after_opening_again),
	TEST(a_savepoint_undoes_its_own_part_alone),
	TEST(a_failed_call_is_undone_and_the_others_of_the_transaction_stay),
	TEST(a_commit_after_a_failure_keeps_nothing_or_says_so),
	TEST(a_device_is_put_found_and_changed),
	TEST(a_deleted_record_makes_room_for_a_new_one),
	TEST(devices_are_listed_by_every_filter_and_by_cursor),
	TEST(last_contacts_are_written_in_one_batch_and_never_go_back),
	TEST(values_are_kept_under_names_of_their_own),
	TEST(an_enrollment_keeps_every_field),
	TEST(what_is_due_comes_longest_due_first),
	TEST(a_mark_reaches_its_target_and_makes_nothing_later),
	TEST(a_ticket_is_taken_once),
	TEST(certificates_are_found_by_hash_and_by_their_end),
	TEST(the_next_command_goes_by_lane_then_by_age),
	TEST(states_and_times_keep_a_command_back),
	TEST(a_done_command_moves_to_the_history_and_its_payload_goes_with_the_last),
	TEST(the_history_keeps_the_last_200),
	TEST(one_command_for_many_copies_each_generation_and_holds_after_a_restore),
	TEST(a_purge_spares_the_present_generation_and_the_exception),
	TEST(profiles_have_versions_and_the_highest_is_wanted),
	TEST(comparing_shows_what_is_wanted_and_what_is_there),
	TEST(declarations_are_assigned_like_profiles_and_have_a_status),
	TEST(groups_have_members_which_another_device_takes_over),
	TEST(identifiers_tokens_and_settings_are_kept),
	TEST(audit_and_events_are_read_in_their_order),
	TEST(counts_are_what_is_there),
	TEST(statements_in_texts_stay_texts),
	TEST(texts_that_are_none_and_values_over_the_limit_are_refused),
	TEST(a_schema_goes_up_step_by_step_and_a_newer_one_is_refused),
	TEST(what_is_no_store_is_refused),
};

int main(void)
{
	int failed = cmocka_run_group_tests_name("sqlite", suite, NULL, NULL);

	if (!testing_postgres_start(&server, false)) {
		print_message("SKIP: the suite on PostgreSQL: %s\n", server.reason);
		return failed;
	}
	is_postgres = true;
	failed += cmocka_run_group_tests_name("postgresql", suite, NULL, NULL);
	testing_postgres_stop(&server);
	return failed;
}
