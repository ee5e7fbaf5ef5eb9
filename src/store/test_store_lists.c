/*
 * Conformance: profiles, declarations, groups, and the lists of the administration.
 */
#include "store/testing_suite.h"

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

/* ---- lists of the administration
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(profiles_have_versions_and_the_highest_is_wanted),
		TEST(comparing_shows_what_is_wanted_and_what_is_there),
		TEST(declarations_are_assigned_like_profiles_and_have_a_status),
		TEST(groups_have_members_which_another_device_takes_over),
		TEST(identifiers_tokens_and_settings_are_kept),
		TEST(audit_and_events_are_read_in_their_order),
		TEST(counts_are_what_is_there),
	};

	return suite_run(tests, ARRAY_COUNT(tests));
}
