/*
 * The black-box sequence that other services of this kind hold too, and the rules of a session.
 */
#include "fleet/testing.h"

#include <jansson.h>

#define ID TESTING_UDID

static void check_in_comes_in_its_order_under_one_identity(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_new_identity(t, NULL),
			  other = testing_new_identity(t, NULL);
	struct fleet_peer nobody = {.is_presented = false};

	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "m", NULL), 400);
	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "m", NULL), 400);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 400);
	assert_int_equal(testing_authenticate(t, &nobody, ID), 400);
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 400);
	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "m", NULL), 200);
	/* another certificate for the same id; this one for another id */
	assert_int_equal(testing_report(t, &other, ID, "Idle", NULL), 400);
	assert_int_equal(testing_events(t, "identity-other"), 1);
	assert_int_equal(testing_report(t, &peer, TESTING_OTHER, "Idle", NULL), 400);
	assert_int_equal(testing_authenticate(t, &peer, TESTING_OTHER), 400);
	assert_int_equal(testing_events(t, "identity-foreign"), 1); /* once a day */
	testing_pass(t, FLEET_DAY_S);
	assert_int_equal(testing_authenticate(t, &peer, TESTING_OTHER), 400);
	assert_int_equal(testing_events(t, "identity-foreign"), 2);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
}

static void push_data_of_no_use_is_no_error_to_the_device(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	assert_int_equal(testing_token(t, &peer, ID, "", "magic-1", NULL), 200);
	assert_int_equal(testing_row(t, ID).push_token.len, 0);
}

static bool has_bootstrap(struct testing *t, const struct fleet_peer *peer)
{
	assert_int_equal(testing_checkin(t, peer, ID, "GetBootstrapToken", ""), 200);
	return memmem(t->answer.body.bytes, t->answer.body.len, "Q0NDQw==", 8);
}

static void a_bootstrap_token_is_kept_until_the_device_enrolls_anew(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	assert_false(has_bootstrap(t, &peer));
	assert_int_equal(testing_checkin(t, &peer, ID, "SetBootstrapToken",
					 "<key>BootstrapToken</key><data>Q0NDQw==</data>"),
			 200);
	assert_true(has_bootstrap(t, &peer));
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "magic-2", NULL), 200);
	assert_false(has_bootstrap(t, &peer));
}

static void what_is_not_offered_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *message, *keys;
	} messages[] = {
		{"GetToken", "<key>TokenServiceType</key><string>com.apple.maid</string>"},
		{"GetToken", "<key>TokenServiceType</key><string>com.apple.watch.pairing</string>"},
		{"GetToken", "<key>TokenServiceType</key><string>com.example.other</string>"},
		{"ReturnToService", ""},
		{"UserAuthenticate", ""},
	};
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	testing_enqueue(t, ID, "SecurityInfo");
	for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
		assert_int_equal(
			testing_checkin(t, &peer, ID, messages[i].message, messages[i].keys), 400);
		assert_int_equal(t->answer.body.len, 0);
	}
	assert_int_equal(testing_row(t, ID).state, STORE_ENABLED);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
}

static void commands_come_one_by_one_and_not_now_waits_for_the_next_session(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	char a[FLEET_UUID_MAX + 1];

	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "");
	assert_int_equal(testing_enqueue(t, ID, "SecurityInfo"), 0);
	memcpy(a, t->uuid, sizeof(a));
	assert_int_equal(testing_enqueue(t, ID, "ProfileList"), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
	assert_string_equal(t->uuid, a);
	testing_report(t, &peer, ID, "Acknowledged", a);
	testing_expect(t, "ProfileList");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "");
	/* the same answer again, and one to a command that nobody sent */
	testing_report(t, &peer, ID, "Acknowledged", a);
	testing_expect(t, "");
	testing_report(t, &peer, ID, "Acknowledged", "no-such-command");
	testing_expect(t, "");

	assert_int_equal(testing_enqueue(t, ID, "CertificateList"), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "CertificateList");
	testing_report(t, &peer, ID, "NotNow", t->uuid);
	testing_expect(t, "");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "CertificateList");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "");
}

static int each_push(void *arg, const struct fleet_push *push, struct err *err)
{
	unsigned *count = arg;

	assert_string_equal(push->topic, TESTING_TOPIC);
	assert_true(push->token.len > 0);
	++*count;
	return 0;
}

static unsigned pushes(struct testing *t)
{
	unsigned looked_at, count = 0;

	TESTING_DO(t, fleet_push_due(t->fleet, 100, &looked_at, each_push, &count, &t->err));
	return count;
}

static void a_device_that_answered_something_after_not_now_is_pushed_again(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	char a[FLEET_UUID_MAX + 1], b[FLEET_UUID_MAX + 1];

	testing_enqueue(t, ID, "CertificateList");
	testing_enqueue(t, ID, "SecurityInfo");
	for (int i = 0; i < 7; i++) { /* until the next one is a day away */
		assert_int_equal(pushes(t), 1);
		testing_pass(t, i < 6 ? FLEET_DAY_S : 1);
	}
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "CertificateList");
	memcpy(a, t->uuid, sizeof(a));
	testing_report(t, &peer, ID, "NotNow", a);
	testing_expect(t, "SecurityInfo");
	memcpy(b, t->uuid, sizeof(b));
	testing_report(t, &peer, ID, "Acknowledged", b);
	testing_expect(t, "");
	testing_pass(t, 299);
	assert_int_equal(pushes(t), 0);
	testing_pass(t, 1);
	assert_int_equal(pushes(t), 1);
}

static void pushes_are_repeated_with_back_off_while_there_is_work(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	static const int64_t steps[] = {60, 300, 900, 3600, 4 * 3600, FLEET_DAY_S, FLEET_DAY_S};

	assert_int_equal(pushes(t), 0); /* nothing waits */
	testing_enqueue(t, ID, "SecurityInfo");
	assert_int_equal(pushes(t), 1);
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		testing_pass(t, steps[i] - 1);
		assert_int_equal(pushes(t), 0);
		testing_pass(t, 1);
		assert_int_equal(pushes(t), 1);
	}
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_pass(t, FLEET_DAY_S);
	assert_int_equal(pushes(t), 0);
	/* wished for: once, work or not */
	assert_int_equal(TESTING_DO(t, fleet_push_wish(t->fleet, ID, &t->err)), 0);
	assert_int_equal(pushes(t), 1);
	testing_pass(t, FLEET_DAY_S);
	assert_int_equal(pushes(t), 0);
}

static void a_token_that_apple_forgot_is_not_pushed_until_the_next_one(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	int64_t sent = testing_now(t) - 5;

	/* the TokenUpdate is newer than that push */
	TESTING_DO(t, fleet_push_result(t->fleet, ID, 410, sent, &t->err));
	assert_true(testing_row(t, ID).push_token.len > 0);
	testing_pass(t, 60);
	TESTING_DO(t, fleet_push_result(t->fleet, ID, 410, testing_now(t), &t->err));
	assert_int_equal(testing_row(t, ID).push_token.len, 0);
	assert_int_equal(testing_row(t, ID).state, STORE_ENABLED);
	testing_enqueue(t, ID, "SecurityInfo");
	assert_int_equal(pushes(t), 0);
	testing_token(t, &peer, ID, "CCCC", "magic-1", NULL);
	assert_int_equal(pushes(t), 1);
}

struct exported {
	unsigned count;
	char order[128];
	bool has_identity;
};

static int each_exported(void *arg, const char *id, struct slice message, const uint8_t *identity,
			 struct err *err)
{
	struct exported *exported = arg;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct mdm_checkin checkin;

	assert_string_equal(id, ID);
	assert_int_equal(plist_doc_new(&doc, err), 0);
	assert_int_equal(mdm_checkin_parse(doc, message, &checkin, err), 0);
	strcat(exported->order, mdm_message_name(checkin.message));
	strcat(exported->order, " ");
	exported->has_identity |= identity != NULL;
	exported->count++;
	return 0;
}

static void an_export_gives_the_messages_in_their_order(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	struct exported exported = {0};

	testing_checkin(t, &peer, ID, "SetBootstrapToken",
			"<key>BootstrapToken</key><data>Q0NDQw==</data>");
	TESTING_DO(t, fleet_migrate_out(t->fleet, NULL, "anna", each_exported, &exported, &t->err));
	assert_string_equal(exported.order, "Authenticate TokenUpdate SetBootstrapToken ");
	assert_true(exported.has_identity);
}

static void a_command_that_kills_its_device_does_not_block_the_others_for_ever(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	testing_enqueue(t, ID, "SecurityInfo");
	testing_enqueue(t, ID, "ProfileList");
	for (int i = 0; i < FLEET_TRIES_MAX; i++) {
		testing_report(t, &peer, ID, "Idle", NULL);
		testing_expect(t, "SecurityInfo");
	}
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "ProfileList");
	assert_int_equal(testing_events(t, "command-given-up"), 1);
}

static void what_is_told_of_a_command_is_json_whatever_its_uuid(void **state)
{
	static const char text[] = TESTING_HEAD
		"<key>CommandUUID</key><string>a\",\"b</string><key>Command</key><dict>"
		"<key>RequestType</key><string>SecurityInfo</string></dict></dict>"
		"</plist>";
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	const char *id = ID;
	struct fleet_target target = {.ids = &id, .count = 1};
	struct fleet_wish wish = {
		.command = slice_text(text), .lane = FLEET_LANE_NORMAL, .by = "anna"};
	struct fleet_queued queued;
	struct store_event *rows;
	size_t count;
	json_t *body;

	TESTING_DO(t,
		   fleet_command_enqueue(t->fleet, &wish, &target, &queued, NULL, NULL, &t->err));
	for (int i = 0; i <= FLEET_TRIES_MAX; i++)
		testing_report(t, &peer, ID, "Idle", NULL);
	assert_int_equal(testing_events(t, "command-given-up"), 1);
	testing_begin(t);
	testing_check(t, store_event_list(t->store, 0, 1000, &rows, &count, &t->err));
	body = json_loads(rows[count - 1].body, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(body, "uuid")), "a\",\"b");
	json_decref(body);
	testing_end(t, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, testing_set_up, testing_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(check_in_comes_in_its_order_under_one_identity),
		TEST(push_data_of_no_use_is_no_error_to_the_device),
		TEST(a_bootstrap_token_is_kept_until_the_device_enrolls_anew),
		TEST(what_is_not_offered_is_refused_and_changes_nothing),
		TEST(commands_come_one_by_one_and_not_now_waits_for_the_next_session),
		TEST(a_device_that_answered_something_after_not_now_is_pushed_again),
		TEST(pushes_are_repeated_with_back_off_while_there_is_work),
		TEST(a_token_that_apple_forgot_is_not_pushed_until_the_next_one),
		TEST(an_export_gives_the_messages_in_their_order),
		TEST(a_command_that_kills_its_device_does_not_block_the_others_for_ever),
		TEST(what_is_told_of_a_command_is_json_whatever_its_uuid),
	};

	return testing_both(tests, ARRAY_COUNT(tests), NULL);
}
