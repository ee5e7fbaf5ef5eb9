/*
 * Conformance: commands, queues, history.
 */
#include "store/testing_suite.h"

/* ---- queues
 * ---------------------------------------------------------------------------------------- */

static void the_next_command_goes_by_lane_then_by_age(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A"), other = make_enrollment(f, "B");
	struct store_next next = any_state;
	struct store_queue row;

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
	next.generation = 2;
	assert_string_equal(next_uuid(f, next, e), "");
	assert_int_equal(store_queue_find(f->store, e, "o1", &row, &f->err), STORE_NO_ROW);
}

static void what_goes_out_once_is_passed_over_while_it_is_sent(void **state)
{
	struct fixture *f = *state;
	int64_t e = make_enrollment(f, "A");
	struct store_command once = {.uuid = "once", .flags = 6, .payload = slice_text("x")};
	struct store_next next = any_state;
	struct store_queue row;

	next.once = 2;
	assert_ok(store_command_insert(f->store, &once, &f->err));
	assert_ok(store_queue_add(f->store, &once, e, STORE_QUEUED, NOW, &f->err));
	make_queued(f, e, "other", 3);
	assert_string_equal(next_uuid(f, next, e), "once");
	assert_ok(store_queue_find(f->store, e, "once", &row, &f->err));
	assert_ok(store_queue_set(f->store, &row, STORE_SENT, 1, NOW, &f->err));
	assert_string_equal(next_uuid(f, next, e), "other");
	next.once = 1;
	assert_string_equal(next_uuid(f, next, e), "once");
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
	for (int i = 0; i < 2; i++) {
		assert_ok(store_queue_list(f->store, e[i], 0, 0, &rows, &count, &f->err));
		assert_int_equal(count, 1);
		assert_int_equal(rows[0].generation, i + 1);
		assert_int_equal(rows[0].state, i == 1 ? STORE_HELD : STORE_QUEUED);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_command_goes_by_lane_then_by_age),
		TEST(what_goes_out_once_is_passed_over_while_it_is_sent),
		TEST(states_and_times_keep_a_command_back),
		TEST(a_done_command_moves_to_the_history_and_its_payload_goes_with_the_last),
		TEST(the_history_keeps_the_last_200),
		TEST(one_command_for_many_copies_each_generation_and_holds_after_a_restore),
	};

	return suite_run(tests, ARRAY_COUNT(tests));
}
