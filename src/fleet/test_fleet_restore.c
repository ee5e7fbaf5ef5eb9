/*
 * Restores, wipes and what unenrolls: the events that must never go wrong by accident.
 */
#include "fleet/testing.h"

#define ID TESTING_UDID

static void erase_queued(struct testing *t)
{
	struct fleet_erase how = {0};

	assert_int_equal(TESTING_DO(t, fleet_wipe(t->fleet, ID, &how, "anna", &t->err)), 0);
}

static void dangerous_commands_wait_for_a_confirmation_after_a_restore(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	static const char *const inventory[] = {"SecurityInfo",    "DeviceInformation",
						"SecurityInfo",    "ProfileList",
						"CertificateList", "ManagedApplicationList"};
	static const char *const released[] = {"EraseDevice", "DeviceLock", "ClearPasscode",
					       "DeviceLock", "RemoveProfile"};

	erase_queued(t);
	testing_enqueue(t, ID, "DeviceLock");
	testing_enqueue(t, ID, "ClearPasscode");
	testing_enqueue(t, ID, "SecurityInfo");
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 200);
	assert_int_equal(testing_events(t, "restored"), 1);
	testing_report(t, &peer, ID, "Idle", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(inventory); i++) {
		testing_expect(t, inventory[i]);
		testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	}
	testing_expect(t, "");
	/* a further dangerous one is held too, for the same reason */
	assert_int_equal(testing_enqueue(t, ID, "DeviceLock"), 0);
	/* and what an operator decides meanwhile */
	assert_int_equal(TESTING_DO(t, fleet_retire(t->fleet, ID, "anna", &t->err)), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "");
	assert_int_equal(TESTING_DO(t, fleet_restore_confirm(t->fleet, ID, "anna", &t->err)), 0);
	assert_int_equal(TESTING_DO(t, fleet_restore_confirm(t->fleet, ID, "anna", &t->err)),
			 FLEET_REFUSED);
	testing_report(t, &peer, ID, "Idle", NULL);
	for (size_t i = 0; i < ARRAY_COUNT(released); i++) {
		testing_expect(t, released[i]);
		testing_report(t, &peer, ID, "Error", t->uuid);
	}
	testing_expect(t, "");
}

static void policy_ask_sends_nothing_until_an_operator_confirms(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	t->policy.restore = FLEET_RESTORE_ASK;
	testing_policy(t);
	testing_enqueue(t, ID, "SecurityInfo");
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 200);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "");
	TESTING_DO(t, fleet_restore_confirm(t->fleet, ID, "anna", &t->err));
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
}

static void policy_refuse_answers_400_until_an_operator_confirms(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	t->policy.restore = FLEET_RESTORE_REFUSE;
	testing_policy(t);
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 400);
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 400);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 400);
	assert_int_equal(testing_row(t, ID).restore, STORE_REFUSED);
	assert_int_equal(testing_events(t, "restore-refused"), 1);
	TESTING_DO(t, fleet_restore_confirm(t->fleet, ID, "anna", &t->err));
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 200);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
	/* that was for one restore: the next one is asked about again */
	assert_int_equal(testing_token(t, &peer, ID, "FFFF", "magic-1", NULL), 400);
}

static void a_superseded_identity_is_heard_and_renewed_at_once(void **state)
{
	struct testing *t = *state;
	struct fleet_peer old = testing_enroll(t, ID), new;

	testing_pass(t, 300 * FLEET_DAY_S);
	new = testing_renew(t, &old, ID, "AAAA");
	assert_int_equal(testing_row(t, ID).generation, 1);
	assert_int_equal(testing_events(t, "restored"), 0);
	testing_pass(t, FLEET_DAY_S);
	assert_int_equal(testing_report(t, &old, ID, "Idle", NULL), 200);
	assert_int_equal(testing_events(t, "restored"), 1);
	testing_expect(t, "InstallProfile"); /* the renewal, before the inventory */
	testing_renewal(t);
	/* and the newer identity is not shut out by that */
	assert_int_equal(testing_report(t, &new, ID, "Idle", NULL), 200);
}

static void both_identities_are_accepted_until_the_new_one_was_seen(void **state)
{
	struct testing *t = *state;
	struct fleet_peer old = testing_enroll(t, ID), new;
	unsigned count;

	testing_pass(t, 300 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	assert_int_equal(count, 1);
	testing_report(t, &old, ID, "Idle", NULL);
	new = testing_renewal(t);
	assert_int_equal(testing_report(t, &old, ID, "Idle", NULL), 200);
	assert_int_equal(testing_events(t, "restored"), 0);
	assert_int_equal(testing_report(t, &new, ID, "Idle", NULL), 200);
	assert_int_equal(testing_row(t, ID).generation, 1);
}

static void a_renewal_does_not_block_and_its_failure_is_seen(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	char uuid[FLEET_UUID_MAX + 1];
	unsigned count;

	testing_pass(t, 300 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	testing_enqueue(t, ID, "SecurityInfo");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "InstallProfile");
	memcpy(uuid, t->uuid, sizeof(uuid));
	testing_report(t, &peer, ID, "NotNow", uuid);
	testing_expect(t, "SecurityInfo");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	/* not queued twice, and not looked at before four hours are over */
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	assert_int_equal(count, 0);
	testing_pass(t, 4 * 3600);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	assert_int_equal(count, 1);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "InstallProfile");
	assert_string_equal(t->uuid, uuid);
	testing_report(t, &peer, ID, "Error", uuid);
	testing_expect(t, "");
	assert_int_equal(testing_events(t, "renewal-failed"), 1);
	/* a key holder that is away keeps nothing else back */
	testing_pass(t, 4 * 3600);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	testing_enqueue(t, ID, "ProfileList");
	t->is_signing_broken = true;
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "ProfileList");
	assert_int_equal(testing_events(t, "command-given-up"), 1);
}

static void an_identity_ends_as_defined(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	unsigned count;

	t->policy.grace_days = 10;
	testing_policy(t);
	testing_pass(t, 355 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	assert_int_equal(testing_events(t, "identity-ending"), 1);
	testing_pass(t, 12 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	assert_int_equal(testing_events(t, "identity-over"), 1);
	testing_enqueue(t, ID, "SecurityInfo");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "InstallProfile"); /* in grace: its renewal ... */
	testing_report(t, &peer, ID, "NotNow", t->uuid);
	testing_expect(t, ""); /* ... and nothing else */
	testing_pass(t, 10 * FLEET_DAY_S);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 400);
	assert_int_equal(testing_events(t, "identity-ended"), 1);
	/* the way back is an enrollment */
	peer = testing_new_identity(t, ID);
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
}

static void an_erase_is_delivered_once_and_reaches_no_later_generation(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	erase_queued(t);
	testing_enqueue(t, ID, "SecurityInfo");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "EraseDevice");
	/* the connection broke; the device asks again */
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
	/* a restore and its confirmation do not send it out again */
	testing_token(t, &peer, ID, "EEEE", "magic-1", NULL);
	TESTING_DO(t, fleet_restore_confirm(t->fleet, ID, "anna", &t->err));
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
	assert_int_equal(TESTING_DO(t, fleet_unenroll_cancel(t->fleet, ID, "anna", &t->err)), 0);
	/* it was wiped after all, and enrolls again */
	peer = testing_new_identity(t, NULL);
	testing_authenticate(t, &peer, ID);
	testing_token(t, &peer, ID, "FFFF", "magic-2", NULL);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "");
}

static void a_retirement_waits_for_a_device_that_is_away(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	unsigned count;

	testing_enqueue(t, ID, "SecurityInfo");
	TESTING_DO(t, fleet_retire(t->fleet, ID, "anna", &t->err));
	testing_pass(t, 200 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_commands(t->fleet, 10, &count, &t->err));
	assert_int_equal(count, 1); /* the other one, whose time was over */
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "RemoveProfile");
}

static void an_identity_of_an_earlier_generation_is_refused_and_changes_nothing(void **state)
{
	struct testing *t = *state;
	struct fleet_peer old = testing_enroll(t, ID), peer = testing_new_identity(t, NULL);

	testing_authenticate(t, &peer, ID);
	testing_token(t, &peer, ID, "EEEE", "magic-2", NULL);
	assert_int_equal(testing_token(t, &old, ID, "FFFF", "magic-1", NULL), 400);
	assert_int_equal(testing_authenticate(t, &old, ID), 400);
	assert_int_equal(testing_events(t, "identity-ended"), 1);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
	assert_int_equal(testing_row(t, ID).generation, 2);
}

/* a renewal that was prepared for the earlier life makes no identity of the later one */
static void a_challenge_of_an_earlier_generation_buys_nothing(void **state)
{
	struct testing *t = *state;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(8192);
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct fleet_peer peer = testing_enroll(t, ID), next;
	unsigned count;

	testing_pass(t, 300 * FLEET_DAY_S);
	TESTING_DO(t, fleet_sweep_identities(t->fleet, 10, &count, &t->err));
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_challenge(t, challenge);
	testing_report(t, &peer, ID, "Idle", NULL); /* made anew at each delivery */
	next = testing_renewal(t);                  /* issued, not seen */
	peer = testing_new_identity(t, NULL);
	testing_authenticate(t, &peer, ID);
	testing_token(t, &peer, ID, "EEEE", "magic-2", NULL);
	assert_int_equal(testing_authenticate(t, &next, ID), 400);
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, challenge,
							    buf_slice(&t->spki), &der, &t->err)),
			 FLEET_REFUSED);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
}

static void only_an_operator_unenrolls_a_device(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
	assert_int_equal(TESTING_DO(t, fleet_unenroll(t->fleet, ID, "anna", &t->err)), 0);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 403);
	assert_non_null(memmem(t->answer.body.bytes, t->answer.body.len,
			       "com.apple.unrecognized.device", 29));
	assert_string_equal(t->answer.content_type, "application/json");
	assert_int_equal(testing_events(t, "unenrolled"), 1);
	assert_int_equal(testing_row(t, ID).state, STORE_DISABLED);
	/* it repeats until the device has heard it, whatever comes, but for a new enrollment */
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "m", NULL), 403);
	assert_int_equal(testing_events(t, "unenrolled"), 1);
	peer = testing_new_identity(t, ID);
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "m", NULL), 200);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
}

static void a_device_before_ios_17_is_unenrolled_by_401(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_new_identity(t, ID);

	testing_checkin(t, &peer, ID, "Authenticate", "<key>OSVersion</key><string>16.7</string>");
	testing_token(t, &peer, ID, "AAAA", "m", NULL);
	TESTING_DO(t, fleet_unenroll(t->fleet, ID, "anna", &t->err));
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 401);
	assert_int_equal(t->answer.body.len, 0);
}

static void erases_that_nobody_answered_hide_nothing_behind_them(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	for (int i = 0; i < 20; i++) {
		testing_enqueue(t, ID, "EraseDevice");
		testing_report(t, &peer, ID, "Idle", NULL);
		testing_expect(t, "EraseDevice");
	}
	testing_enqueue(t, ID, "SecurityInfo");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "SecurityInfo");
}

/* held after it went out: the device may be doing it, and its answer is waited for */
static void what_was_sent_once_before_a_restore_cannot_be_called_back(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	char sent[FLEET_UUID_MAX + 1], waiting[FLEET_UUID_MAX + 1];
	uint64_t count;

	testing_enqueue(t, ID, "EraseDevice");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "EraseDevice");
	snprintf(sent, sizeof(sent), "%s", t->uuid);
	testing_enqueue(t, ID, "EraseDevice");
	snprintf(waiting, sizeof(waiting), "%s", t->uuid);
	assert_int_equal(testing_token(t, &peer, ID, "EEEE", "magic-1", NULL), 200);
	assert_int_equal(
		TESTING_DO(t, fleet_command_cancel(t->fleet, sent, ID, "anna", &count, &t->err)),
		FLEET_REFUSED);
	TESTING_DO(t, fleet_command_cancel(t->fleet, sent, NULL, "anna", &count, &t->err));
	assert_int_equal(count, 0);
	TESTING_DO(t, fleet_command_cancel(t->fleet, waiting, NULL, "anna", &count, &t->err));
	assert_int_equal(count, 1);
	testing_report(t, &peer, ID, "Acknowledged", sent);
	assert_int_equal(testing_events(t, "wiped"), 1);
}

/* the statuses that unenroll stand in one file of the room */
static void no_other_file_of_this_room_names_those_statuses(void **state)
{
	static const char script[] =
		"cd \"${REHOME_SOURCE_ROOT:-.}/src/fleet\" && "
		"! grep -lE 'status = 40[13]|mdm_unrecognized_body' *.c | grep -v '^test_' | "
		"grep -qv '^unenroll.c$' && grep -q 'status = 401' unenroll.c";

	assert_int_equal(system(script), 0); /* NOLINT: a fixed text */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, testing_set_up, testing_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dangerous_commands_wait_for_a_confirmation_after_a_restore),
		TEST(policy_ask_sends_nothing_until_an_operator_confirms),
		TEST(policy_refuse_answers_400_until_an_operator_confirms),
		TEST(a_superseded_identity_is_heard_and_renewed_at_once),
		TEST(both_identities_are_accepted_until_the_new_one_was_seen),
		TEST(a_renewal_does_not_block_and_its_failure_is_seen),
		TEST(an_identity_ends_as_defined),
		TEST(an_erase_is_delivered_once_and_reaches_no_later_generation),
		TEST(erases_that_nobody_answered_hide_nothing_behind_them),
		TEST(what_was_sent_once_before_a_restore_cannot_be_called_back),
		TEST(a_retirement_waits_for_a_device_that_is_away),
		TEST(an_identity_of_an_earlier_generation_is_refused_and_changes_nothing),
		TEST(a_challenge_of_an_earlier_generation_buys_nothing),
		TEST(only_an_operator_unenrolls_a_device),
		TEST(a_device_before_ios_17_is_unenrolled_by_401),
		cmocka_unit_test(no_other_file_of_this_room_names_those_statuses),
	};

	return testing_both(tests, ARRAY_COUNT(tests), NULL);
}
