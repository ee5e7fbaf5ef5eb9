/*
 * What a message means, as a table: each row is a story of one line, with the judgement that it
 * must lead to.  And over all combinations: what may never be said by accident.
 */
#include "fleet/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1800000000, LATER = NOW + 100 * FLEET_DAY_S };

struct story {
	const char *name;
	struct fleet_facts facts;
	enum fleet_verdict verdict;
	const char *event;
};

#define KNOWN .is_enrollment_known = true, .not_after = LATER, .now = NOW
#define ON KNOWN, .state = STORE_ENABLED
#define ON_UNTIL(end) \
	.is_enrollment_known = true, .not_after = (end), .now = NOW, .state = STORE_ENABLED
#define SAYS(m, i) .message = FLEET_SAYS_##m, .identity = FLEET_IDENTITY_##i

static const struct story stories[] = {
	{"nobody", {SAYS(AUTHENTICATE, ABSENT)}, FLEET_REFUSE, NULL},
	{"a stranger's certificate", {SAYS(AUTHENTICATE, UNKNOWN)}, FLEET_REFUSE, NULL},
	{"first Authenticate", {SAYS(AUTHENTICATE, FREE)}, FLEET_FRESH, "enrolled"},
	{"with another's ticket", {SAYS(AUTHENTICATE, BARRED)}, FLEET_REFUSE, "ticket-foreign"},
	{"TokenUpdate before Authenticate", {SAYS(TOKEN_UPDATE, FREE)}, FLEET_REFUSE, NULL},
	{"Idle before Authenticate", {SAYS(OTHER, FREE)}, FLEET_REFUSE, NULL},
	{"TokenUpdate completes",
	 {KNOWN, SAYS(TOKEN_UPDATE, CURRENT), .awaits_token = true, .is_token_changed = true},
	 FLEET_PROCEED,
	 NULL},
	{"Idle before TokenUpdate", {KNOWN, SAYS(OTHER, CURRENT)}, FLEET_REFUSE, NULL},
	{"Idle", {ON, SAYS(OTHER, CURRENT)}, FLEET_PROCEED, NULL},
	{"another identity for the same id",
	 {ON, SAYS(OTHER, FREE)},
	 FLEET_REFUSE,
	 "identity-other"},
	{"identity of another id", {ON, SAYS(OTHER, FOREIGN)}, FLEET_REFUSE, "identity-foreign"},
	{"wiped and back", {ON, SAYS(AUTHENTICATE, FREE)}, FLEET_RE_ENROLLED, "re-enrolled"},
	{"Authenticate again", {ON, SAYS(AUTHENTICATE, CURRENT)}, FLEET_RE_ENROLLED, "re-enrolled"},
	{"renewal",
	 {ON, SAYS(AUTHENTICATE, NEXT), .is_renewal_ticket = true},
	 FLEET_RENEWED,
	 "renewed"},
	{"renewal whose answer was lost",
	 {ON, SAYS(AUTHENTICATE, CURRENT), .is_renewal_ticket = true, .awaits_token = true},
	 FLEET_RENEWED,
	 NULL},
	{"renewal of what was ended",
	 {KNOWN, SAYS(AUTHENTICATE, NEXT), .state = STORE_DISABLED, .is_renewal_ticket = true},
	 FLEET_RE_ENROLLED,
	 "re-enrolled"},
	{"Authenticate long after a renewal",
	 {ON, SAYS(AUTHENTICATE, CURRENT), .is_renewal_ticket = true},
	 FLEET_RE_ENROLLED,
	 "re-enrolled"},
	{"old identity while the new one is on its way",
	 {ON, SAYS(OTHER, CURRENT)},
	 FLEET_PROCEED,
	 NULL},
	{"new token",
	 {ON, SAYS(TOKEN_UPDATE, CURRENT), .is_token_changed = true},
	 FLEET_RESTORED,
	 "restored"},
	{"same token", {ON, SAYS(TOKEN_UPDATE, CURRENT)}, FLEET_PROCEED, NULL},
	{"old connection just after a renewal",
	 {ON, SAYS(OTHER, PREVIOUS), .current_seen = NOW - 60},
	 FLEET_PROCEED,
	 NULL},
	{"superseded identity",
	 {ON, SAYS(OTHER, PREVIOUS), .current_seen = NOW - 4000},
	 FLEET_RESTORED,
	 "restored"},
	{"superseded identity, noticed before",
	 {ON, SAYS(OTHER, PREVIOUS), .current_seen = NOW - 4000, .restore = STORE_NOTICED},
	 FLEET_PROCEED,
	 NULL},
	{"restore under refusal",
	 {ON, SAYS(TOKEN_UPDATE, CURRENT), .is_token_changed = true,
	  .policy = FLEET_RESTORE_REFUSE},
	 FLEET_REFUSE_RESTORE,
	 "restore-refused"},
	{"and again",
	 {ON, SAYS(TOKEN_UPDATE, CURRENT), .is_token_changed = true, .policy = FLEET_RESTORE_REFUSE,
	  .restore = STORE_REFUSED},
	 FLEET_REFUSE_RESTORE,
	 NULL},
	{"its Idle",
	 {ON, SAYS(OTHER, CURRENT), .policy = FLEET_RESTORE_REFUSE, .restore = STORE_REFUSED},
	 FLEET_REFUSE,
	 NULL},
	{"confirmed",
	 {ON, SAYS(TOKEN_UPDATE, CURRENT), .is_token_changed = true, .policy = FLEET_RESTORE_REFUSE,
	  .restore = STORE_CONFIRMED},
	 FLEET_RESTORED,
	 "restored"},
	{"of an earlier generation",
	 {ON, SAYS(TOKEN_UPDATE, ENDED)},
	 FLEET_REFUSE,
	 "identity-ended"},
	{"past its end", {ON_UNTIL(NOW - 1), SAYS(OTHER, CURRENT)}, FLEET_REFUSE, "identity-ended"},
	{"past its end, in grace",
	 {ON_UNTIL(NOW - 1), SAYS(OTHER, CURRENT), .grace_s = FLEET_DAY_S},
	 FLEET_PROCEED,
	 NULL},
	{"at its end", {ON_UNTIL(NOW), SAYS(OTHER, CURRENT)}, FLEET_PROCEED, NULL},
	{"Idle after CheckOut",
	 {KNOWN, SAYS(OTHER, CURRENT), .state = STORE_DISABLED},
	 FLEET_REFUSE,
	 NULL},
	{"restored after CheckOut",
	 {KNOWN, SAYS(TOKEN_UPDATE, CURRENT), .state = STORE_DISABLED},
	 FLEET_RESTORED,
	 "restored"},
	{"unenrolled by an operator",
	 {ON, SAYS(OTHER, CURRENT), .is_unenroll_decided = true},
	 FLEET_UNENROLL,
	 "unenrolled"},
	{"unenrolled, ended identity",
	 {ON, SAYS(OTHER, ENDED), .is_unenroll_decided = true},
	 FLEET_UNENROLL,
	 "unenrolled"},
	{"unenrolled, enrolls afresh",
	 {ON, SAYS(AUTHENTICATE, FREE), .is_unenroll_decided = true},
	 FLEET_RE_ENROLLED,
	 "re-enrolled"},
	{"another's identity for an unenrolled one",
	 {ON, SAYS(OTHER, FOREIGN), .is_unenroll_decided = true},
	 FLEET_REFUSE,
	 "identity-foreign"},
};

static void each_story_ends_as_told(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(stories); i++) {
		const struct story *story = &stories[i];
		struct fleet_judgement judgement = fleet_judge(&story->facts);
		const char *event = judgement.event ? judgement.event : "";

		if (judgement.verdict != story->verdict ||
		    strcmp(event, story->event ? story->event : "") != 0)
			fail_msg("%s: verdict %d, event '%s'", story->name, judgement.verdict,
				 event);
		/* who is refused must read why in the log */
		if (judgement.verdict <= FLEET_REFUSE_RESTORE)
			assert_non_null(judgement.reason);
	}
}

/* every combination of the facts that choose, by counting */
static void nobody_is_unenrolled_without_a_decision(void **state)
{
	for (unsigned n = 0; n < 3 * 9 * 3 * 4 * 32 * 3; n++) {
		unsigned rest = n;
		struct fleet_facts facts = {.now = NOW, .not_after = NOW - 1};

		facts.message = (enum fleet_message)(rest % 3), rest /= 3;
		facts.identity = (enum fleet_identity)(rest % 9), rest /= 9;
		facts.state = (enum store_state)(rest % 3), rest /= 3;
		facts.restore = (enum store_restore)(rest % 4), rest /= 4;
		facts.awaits_token = rest & 1, facts.is_token_changed = rest & 2;
		facts.is_renewal_ticket = rest & 4, facts.is_enrollment_known = rest & 8;
		facts.grace_s = rest & 16 ? FLEET_DAY_S : 0, rest /= 32;
		facts.policy = (enum fleet_restore_policy)rest;

		assert_int_not_equal(fleet_judge(&facts).verdict, FLEET_UNENROLL);
		/* and under a decision only an identity that is bound to the enrollment hears it */
		facts.is_unenroll_decided = true;
		if (fleet_judge(&facts).verdict == FLEET_UNENROLL)
			assert_true(facts.identity >= FLEET_IDENTITY_NEXT);
	}
}

static void a_generation_begins_only_with_authenticate(void **state)
{
	for (unsigned n = 0; n < 9 * 3 * 4 * 2; n++) {
		struct fleet_facts facts = {ON, .message = FLEET_SAYS_TOKEN_UPDATE};

		facts.identity = (enum fleet_identity)(n % 9);
		facts.state = (enum store_state)(n / 9 % 3);
		facts.restore = (enum store_restore)(n / 27 % 4);
		facts.is_token_changed = n / 108;
		enum fleet_verdict verdict = fleet_judge(&facts).verdict;
		assert_true(verdict != FLEET_FRESH && verdict != FLEET_RE_ENROLLED &&
			    verdict != FLEET_RENEWED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_story_ends_as_told),
		cmocka_unit_test(nobody_is_unenrolled_without_a_decision),
		cmocka_unit_test(a_generation_begins_only_with_authenticate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
