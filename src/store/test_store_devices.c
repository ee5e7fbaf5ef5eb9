/*
 * Conformance: devices, enrollments, certificates.
 */
#include "store/testing_suite.h"

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
	assert_ok(store_device_find(f->store, "U1", &back, &f->err));
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
	struct store_device row, *rows;
	int64_t old = make_device(f, "U1"), fresh;
	size_t count;

	assert_ok(store_device_get(f->store, old, &row, &f->err));
	row.record = STORE_DELETED;
	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_int_equal(store_device_find(f->store, "U1", &row, &f->err), STORE_NO_ROW);
	assert_ok(store_device_of_serial(f->store, "RHSIM000001", &rows, &count, &f->err));
	assert_int_equal(count, 0);
	fresh = make_device(f, "U1");
	assert_true(fresh > old);
	assert_ok(store_device_find(f->store, "U1", &row, &f->err));
	assert_int_equal(row.no, fresh);
	assert_ok(store_device_get(f->store, old, &row, &f->err));
	make_device(f, "U2");
	assert_ok(store_device_of_serial(f->store, "RHSIM000001", &rows, &count, &f->err));
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].udid, "U1");
	assert_string_equal(rows[1].udid, "U2");
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
	assert_ok(store_ticket_get(f->store, taken.no, &taken, &f->err));
	assert_int_equal(taken.enrollment, 8);
	assert_int_equal(taken.generation, 9);
	/* a used one is evidence and stays */
	row.hash = slice_text("other");
	assert_ok(store_ticket_insert(f->store, &row, &f->err));
	assert_ok(store_ticket_sweep(f->store, NOW + 100, 10, &count, &f->err));
	assert_int_equal(count, 1);
	assert_ok(store_ticket_get(f->store, taken.no, &taken, &f->err));
}

static void certificates_are_found_by_hash_and_end_with_their_generation(void **state)
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_is_put_found_and_changed),
		TEST(a_deleted_record_makes_room_for_a_new_one),
		TEST(devices_are_listed_by_every_filter_and_by_cursor),
		TEST(last_contacts_are_written_in_one_batch_and_never_go_back),
		TEST(values_are_kept_under_names_of_their_own),
		TEST(an_enrollment_keeps_every_field),
		TEST(what_is_due_comes_longest_due_first),
		TEST(a_mark_reaches_its_target_and_makes_nothing_later),
		TEST(a_ticket_is_taken_once),
		TEST(certificates_are_found_by_hash_and_end_with_their_generation),
	};

	return suite_run(tests, ARRAY_COUNT(tests));
}
