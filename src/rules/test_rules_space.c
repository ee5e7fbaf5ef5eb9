/*
 * The whole space of facts is walked: all combinations of the classes that a branch tells apart,
 * and seeded samples of everything at once.  What must hold of every outcome is checked on each.
 *
 * REHOME_RULES_SAMPLES sets the number of samples, REHOME_SEED their seed.
 */
#include "rules/testing.h"

static bool has_fired[RULES_ID('Z', 999) + 1];

/* ---- what must hold ------------------------------------------------------------------- */

static const struct rules_facts *subject; /* for the message of a failure */
static const struct rules_outcome *answer;

static void explain(const char *claim, int line)
{
	char text[RULES_TEXT_MAX];
	size_t i;

	print_error("line %d, does not hold: %s\n", line, claim);
	for (i = 0; i < RULES_FIELD_COUNT; i++)
		print_error("%s=%s ", rules_field_name(i, RULES_CODES),
			    rules_facts_text(subject, i, RULES_CODES, text));
	print_error("\n");
	for (i = 0; i < RULES_COLUMN_COUNT; i++)
		print_error("%s=%s ", rules_column_name(i, RULES_CODES),
			    rules_outcome_text(answer, i, RULES_CODES, text));
	print_error("\n");
	fail();
}

#define HOLDS(claim)                               \
	do {                                       \
		if (!(claim))                      \
			explain(#claim, __LINE__); \
	} while (0)
#define IMPLIES(a, b) HOLDS(!(a) || (b))
#define IS(field, wanted) (facts->value[field] == (wanted))

static bool acts(const struct rules_outcome *out, enum rules_action action)
{
	return memchr(out->actions, (int)action, RULES_ACTIONS_MAX) ||
	       memchr(out->first, (int)action, RULES_ACTIONS_MAX);
}

static bool cites(const struct rules_outcome *out, uint16_t rule)
{
	size_t i;

	for (i = 0; i < RULES_WHY_MAX && out->rules[i]; i++)
		if (out->rules[i] == rule)
			return true;
	return false;
}

static bool names_error(const struct rules_outcome *out, uint16_t error)
{
	size_t i;

	for (i = 0; i < RULES_ERRORS_MAX && out->errors[i]; i++)
		if (out->errors[i] == error)
			return true;
	return false;
}

static bool is_by_hand(const struct rules_outcome *out)
{
	size_t i;

	for (i = 0; i < RULES_ACTIONS_MAX && out->actions[i]; i++)
		if (rules_action(out->actions[i])->is_by_hand)
			return true;
	return false;
}

static bool is_backed_up_mgmt(const struct rules_outcome *out)
{
	return out->mgmt == RULES_MGMT_THIS || out->mgmt == RULES_MGMT_OTHER ||
	       out->mgmt == RULES_MGMT_STALE_THIS || out->mgmt == RULES_MGMT_STALE_OTHER;
}

static bool is_stale(const struct rules_outcome *out)
{
	return out->mgmt == RULES_MGMT_STALE_THIS || out->mgmt == RULES_MGMT_STALE_OTHER;
}

static enum rules_mgmt mgmt_now(const struct rules_facts *facts)
{
	return IS(RULES_NOW, RULES_THIS)    ? RULES_MGMT_THIS
	       : IS(RULES_NOW, RULES_OTHER) ? RULES_MGMT_OTHER
					    : RULES_MGMT_NONE;
}

/* no part of the backup's management had a say */
static bool is_untouched(const struct rules_facts *facts, const struct rules_outcome *out)
{
	return IS(RULES_SCENARIO, RULES_MIGRATE_NO_WIPE) || out->restore != RULES_POSSIBLE ||
	       (IS(RULES_RESET, RULES_NOT_RESET) && IS(RULES_SYSTEM_FILES, RULES_NO));
}

static struct rules_outcome evaluate(const struct rules_facts *facts)
{
	struct rules_outcome out;

	assert_int_equal(rules_evaluate(facts, NULL, &out, NULL), 0);
	return out;
}

static bool is_consistent(const struct rules_facts *facts)
{
	struct known known;

	known_from_facts(&known, facts);
	return known_settle(&known);
}

/* 1 to 8: where management can come from */
static void check_origin(const struct rules_facts *facts, const struct rules_outcome *out)
{
	bool is_set_up = IS(RULES_RESET, RULES_NOT_RESET);
	bool is_elsewhere =
		IS(RULES_DEVICE, RULES_DIFFERENT) || IS(RULES_BOARD, RULES_BOARD_REPLACED);
	bool is_restore = IS(RULES_SCENARIO, RULES_RESTORE);
	bool untouched = is_untouched(facts, out);

	IMPLIES(is_elsewhere && !untouched, !is_backed_up_mgmt(out));
	IMPLIES(facts->value[RULES_OS] >= RULES_OS_VERSION(27, 0) && !untouched,
		!is_backed_up_mgmt(out));
	IMPLIES(is_restore && out->mgmt == RULES_MGMT_THIS_NEW,
		IS(RULES_ADE, RULES_THIS) && IS(RULES_PROFILE, RULES_YES) &&
			out->assistant == RULES_RESUMES_AT_RM);
	IMPLIES(out->assistant == RULES_RESUMES_AT_RM, !IS(RULES_ADE, RULES_NONE));
	IMPLIES(is_set_up, out->assistant == RULES_NOT_INVOLVED);
	IMPLIES(is_set_up && (out->restore == RULES_UNSUPPORTED || out->restore == RULES_BLOCKED ||
			      out->restore == RULES_REFUSED_BY_POLICY),
		out->mgmt == mgmt_now(facts));
	IMPLIES(is_restore && out->content == RULES_KEPT, out->restore == RULES_POSSIBLE);
	IMPLIES(out->mgmt == RULES_MGMT_THIS,
		IS(RULES_BACKUP_MGMT, RULES_THIS) || IS(RULES_NOW, RULES_THIS));
	IMPLIES(out->mgmt == RULES_MGMT_STALE_THIS, IS(RULES_BACKUP_MGMT, RULES_THIS));
	IMPLIES(out->mgmt == RULES_MGMT_OTHER || out->mgmt == RULES_MGMT_STALE_OTHER,
		IS(RULES_BACKUP_MGMT, RULES_OTHER) || IS(RULES_NOW, RULES_OTHER));
}

/* 9 to 16: what an outcome must say of state and actions */
static void check_state(const struct rules_facts *facts, const struct rules_outcome *out)
{
	bool is_met = out->mgmt == RULES_MGMT_THIS || out->mgmt == RULES_MGMT_THIS_NEW;
	bool needs_identifier =
		IS(RULES_PERSONAL_BLOCKED, RULES_YES) && IS(RULES_IMPORTED, RULES_NO);

	IMPLIES(out->mgmt == RULES_MGMT_THIS_NEW && out->before.locked == RULES_TRUE,
		out->before.supervised == RULES_TRUE);
	IMPLIES(out->after.locked, out->after.locked == RULES_FALSE);
	IMPLIES(IS(RULES_SCENARIO, RULES_MIGRATE_NO_WIPE), out->before.locked == RULES_FALSE);
	IMPLIES(out->before.owner == RULES_CORPORATE, out->mgmt == RULES_MGMT_THIS_NEW);
	IMPLIES(out->after.owner == RULES_CORPORATE,
		IS(RULES_IMPORTED, RULES_YES) || acts(out, RULES_IMPORT_IDENTIFIER));
	IMPLIES(out->mgmt == RULES_MGMT_NONE, out->before.locked == RULES_FALSE);
	IMPLIES(is_stale(out), out->actions[0]);
	IMPLIES(IS(RULES_GOAL, RULES_GOAL_THIS) && !is_met && out->restore == RULES_POSSIBLE,
		out->actions[0]);
	IMPLIES(needs_identifier && is_by_hand(out), acts(out, RULES_IMPORT_IDENTIFIER));
	IMPLIES(out->then == RULES_WIPED || out->then == RULES_RETIRED,
		acts(out, RULES_CANCEL_PENDING));
}

/* 17 to 23 and 27 */
static void check_reasons(const struct rules_facts *facts, const struct rules_outcome *out)
{
	bool is_own = IS(RULES_DEVICE, RULES_SAME) && IS(RULES_BOARD, RULES_BOARD_SAME);
	bool is_hidden = IS(RULES_HIDDEN, RULES_YES) && !IS(RULES_ADE, RULES_NONE) &&
			 IS(RULES_PROFILE, RULES_YES) && !IS(RULES_RESET, RULES_NOT_RESET);
	bool untouched = is_untouched(facts, out);

	IMPLIES((IS(RULES_EXPIRED, RULES_YES) || IS(RULES_REVOKED, RULES_YES)) && !untouched,
		out->mgmt != RULES_MGMT_THIS);
	IMPLIES(out->assistant == RULES_ENDS_HOME, is_own);
	IMPLIES(is_hidden, out->content != RULES_KEPT && out->content != RULES_KEPT_PARTLY);
	IMPLIES(out->is_at_risk, acts(out, RULES_VERIFY_CHECKIN) && out->mgmt == RULES_MGMT_THIS);
	IMPLIES(out->mgmt == RULES_MGMT_OTHER && out->actions[0] == RULES_ENROL_BY_HAND,
		out->then == RULES_DROPPED);
	IMPLIES((IS(RULES_KIND, RULES_KIND_USER) || IS(RULES_KIND, RULES_KIND_ADDE)) && !untouched,
		!is_backed_up_mgmt(out));
	IMPLIES(cites(out, RULES_ID('R', 206)) || cites(out, RULES_ID('R', 208)),
		names_error(out, RULES_ID('E', 1)));
	HOLDS(out->rules[0]);
	HOLDS(out->restore >= RULES_POSSIBLE && out->restore <= RULES_INVALID);
	HOLDS(out->assistant >= RULES_RESUMES_AT_RM && out->assistant <= RULES_WAITS);
	HOLDS(out->mgmt >= RULES_MGMT_NONE && out->mgmt <= RULES_MGMT_STALE_OTHER);
	HOLDS(out->then >= RULES_STAYS && out->then <= RULES_WIPED);
	HOLDS(out->content >= RULES_KEPT && out->content <= RULES_SYNCED_ONLY);
	HOLDS(out->confidence >= RULES_HIGH && out->confidence <= RULES_LOW);
	HOLDS(out->before.supervised && out->before.supervised <= RULES_MAYBE);
	HOLDS(out->before.locked && out->before.locked <= RULES_MAYBE);
	HOLDS(out->before.owner && out->before.owner <= RULES_NO_RECORD);
}

static int rank(const struct rules_outcome *out)
{
	return out->mgmt == RULES_MGMT_STALE_THIS ? 0 : out->is_at_risk ? 1 : 2;
}

/* the same in everything that a person acts on */
static bool is_same_result(const struct rules_outcome *a, const struct rules_outcome *b)
{
	return rules_outcome_same_head(a, b) && a->content == b->content &&
	       !memcmp(&a->before, &b->before, sizeof(a->before)) &&
	       !memcmp(a->errors, b->errors, sizeof(a->errors));
}

/* 24 to 26 and 28: what a change of one fact must not do */
static void check_changes(const struct rules_facts *facts, const struct rules_outcome *out)
{
	bool is_gate = out->restore == RULES_UNSUPPORTED || out->restore == RULES_BLOCKED ||
		       out->restore == RULES_REFUSED_BY_POLICY || out->restore == RULES_NOT_OFFERED;
	struct rules_facts other = *facts;
	struct rules_outcome then;
	size_t i;

	if (IS(RULES_ADE, RULES_NONE) || IS(RULES_PROFILE, RULES_NO)) {
		other.value[RULES_FLAG] = other.value[RULES_HIDDEN] = RULES_NO;
		then = evaluate(&other);
		HOLDS(is_same_result(&then, out) &&
		      !memcmp(then.actions, out->actions, sizeof(then.actions)) &&
		      then.confidence == out->confidence);
		other = *facts;
	}
	if (IS(RULES_POLICY, RULES_POLICY_REFUSE)) {
		other.value[RULES_POLICY] = RULES_POLICY_ACCEPT;
		then = evaluate(&other);
		HOLDS(rank(&then) >= rank(out));
		other = *facts;
	}
	for (i = RULES_RECORD_ACTIVE; is_gate && i <= RULES_RECORD_NONE; i++) {
		other.value[RULES_RECORD] = (uint16_t)i;
		then = evaluate(&other);
		HOLDS(rules_outcome_equal(&then, out));
	}
	other = *facts;
	if (!IS(RULES_RESET, RULES_NOT_RESET) && IS(RULES_SOURCE, RULES_LOCAL_ENCRYPTED) &&
	    IS(RULES_PASSWORD, RULES_PASSWORD_KNOWN)) {
		for (i = RULES_LOCAL_PLAIN; i <= RULES_ICLOUD; i++) {
			other.value[RULES_SOURCE] = (uint16_t)i;
			if (!is_consistent(&other))
				continue;
			then = evaluate(&other);
			HOLDS(is_same_result(&then, out));
		}
	}
}

/* a refusal that is overridden neither ends nor avoids management or supervision */
static void check_force(const struct rules_facts *facts, const struct rules_outcome *out)
{
	struct rules_outcome forced;

	IMPLIES(out->restore != RULES_REFUSED_BY_POLICY,
		rules_force(facts, NULL, &forced) == RULES_FORCE_NEEDLESS);
	if (rules_force(facts, NULL, &forced) != RULES_FORCE_ALLOWED)
		return;
	HOLDS(forced.restore == RULES_POSSIBLE);
	IMPLIES(!IS(RULES_NOW, RULES_NONE), forced.mgmt == mgmt_now(facts));
	IMPLIES(IS(RULES_NOW_SUPERVISED, RULES_YES), forced.before.supervised == RULES_TRUE);
}

static void check_all(const struct rules_facts *facts)
{
	struct rules_outcome out, again;
	size_t i;

	memset(&out, 0xaa, sizeof(out));
	subject = facts;
	answer = &out;
	assert_int_equal(rules_evaluate(facts, NULL, &out, NULL), 0);
	memset(&again, 0x55, sizeof(again));
	assert_int_equal(rules_evaluate(facts, NULL, &again, NULL), 0);
	HOLDS(!memcmp(&out, &again, sizeof(out)));
	HOLDS(out.restore != RULES_INVALID);
	check_origin(facts, &out);
	check_state(facts, &out);
	check_reasons(facts, &out);
	check_changes(facts, &out);
	check_force(facts, &out);
	for (i = 0; i < RULES_WHY_MAX && out.rules[i]; i++)
		has_fired[out.rules[i]] = true;
}

/* ---- all classes of a branch ------------------------------------------------------------- */

static const uint16_t os_classes[] = {RULES_OS_VERSION(17, 0), RULES_OS_VERSION(26, 0),
				      RULES_OS_VERSION(26, 4), RULES_OS_VERSION(27, 0)};

static size_t class_count(enum rules_field field)
{
	return field_is_version(field) ? ARRAY_COUNT(os_classes) : field_value_count(field);
}

static uint16_t class_value(enum rules_field field, size_t i)
{
	return field_is_version(field) ? os_classes[i] : (uint16_t)(i + 1);
}

/* every combination of @fields that is consistent, over @vector; returns how many */
static size_t walk(const char *vector, const enum rules_field *fields, size_t count)
{
	struct rules_facts facts = vector_named(vector)->facts;
	size_t at[RULES_FIELD_COUNT] = {0}, i, seen = 0;

	for (;;) {
		for (i = 0; i < count; i++)
			facts.value[fields[i]] = class_value(fields[i], at[i]);
		if (facts.value[RULES_WIPED_BY] != RULES_NONE && is_consistent(&facts)) {
			check_all(&facts);
			seen++;
		}
		for (i = 0; i < count && ++at[i] == class_count(fields[i]); i++)
			at[i] = 0;
		if (i == count) {
			print_message("%s: %zu combinations\n", vector, seen);
			return seen;
		}
	}
}

#define WALK(vector, ...)                                               \
	do {                                                            \
		const enum rules_field fields[] = {__VA_ARGS__};        \
		assert_true(walk(vector, fields, ARRAY_COUNT(fields))); \
	} while (0)

static void gates_hold_in_all_their_classes(void **state)
{
	WALK("T04", RULES_SOURCE, RULES_RESET, RULES_DEVICE, RULES_ADE, RULES_PROFILE, RULES_HIDDEN,
	     RULES_SHARED, RULES_ACTIVATION_LOCK, RULES_OS, RULES_BACKUP_OS, RULES_PASSWORD);
	WALK("T67", RULES_TOOL, RULES_BACKUP_SUPERVISED, RULES_NOW_SUPERVISED, RULES_PAIRING,
	     RULES_FIND_MY, RULES_OS, RULES_BACKUP_OS, RULES_SOURCE, RULES_FORCE_ENCRYPTED,
	     RULES_NOW, RULES_SHARED);
	WALK("T67", RULES_NOW, RULES_SYSTEM_FILES, RULES_BACKUP_MGMT, RULES_KIND, RULES_DEVICE,
	     RULES_BOARD, RULES_ADE, RULES_GOAL, RULES_REMOVABLE, RULES_NOW_SUPERVISED, RULES_OS);
}

static void what_a_device_keeps_holds_in_all_classes(void **state)
{
	WALK("T15", RULES_DEVICE, RULES_BOARD, RULES_OS, RULES_FLAG, RULES_SERVER_UID,
	     RULES_MIGRATED, RULES_KIND, RULES_IDENTITY, RULES_ADE_RECORD, RULES_BACKUP_MGMT,
	     RULES_ADE, RULES_PROFILE);
	WALK("T67", RULES_DEVICE, RULES_OS, RULES_FLAG, RULES_SERVER_UID, RULES_MIGRATED,
	     RULES_KIND, RULES_IDENTITY, RULES_ADE_RECORD, RULES_BACKUP_MGMT, RULES_ADE, RULES_GOAL,
	     RULES_BACKUP_SUPERVISED);
}

static void relations_hold_in_all_classes(void **state)
{
	WALK("T01", RULES_RECORD, RULES_EXPIRED, RULES_REVOKED, RULES_POLICY, RULES_GENERATION,
	     RULES_RENEWED, RULES_DIRECTORY, RULES_RESET, RULES_WIPED_BY, RULES_SOURCE,
	     RULES_REMOVABLE, RULES_PROVISIONAL);
	WALK("T47", RULES_RECORD, RULES_RENEWED, RULES_POLICY, RULES_SOURCE, RULES_KIND, RULES_FLAG,
	     RULES_HIDDEN, RULES_PROFILE, RULES_ADE, RULES_GENERATION);
	WALK("T06", RULES_RESET, RULES_WIPED_BY, RULES_OTHER_RESPONSE, RULES_REMOVABLE, RULES_GOAL,
	     RULES_PROVISIONAL, RULES_ADE, RULES_BACKUP_SUPERVISED, RULES_KIND, RULES_SOURCE);
	WALK("T09", RULES_ADE, RULES_ADE_RECORD, RULES_GOAL, RULES_RESET, RULES_OS,
	     RULES_BACKUP_SUPERVISED, RULES_SERVER_UID, RULES_PROFILE, RULES_MANAGED_NOBACKUP);
}

static void enrollments_hold_in_all_classes(void **state)
{
	WALK("T04", RULES_ADE, RULES_PROFILE, RULES_ADE_BLOCK, RULES_LOCKED, RULES_PROVISIONAL,
	     RULES_GOAL, RULES_SOURCE, RULES_RESET, RULES_MANAGED_NOBACKUP);
	WALK("T06", RULES_PLATFORM_BLOCKED, RULES_PERSONAL_BLOCKED, RULES_IMPORTED,
	     RULES_OS_RANGE_OK, RULES_LIMIT_LEFT, RULES_BACKUP_MGMT, RULES_KIND, RULES_ADE,
	     RULES_REMOVABLE, RULES_OTHER_RESPONSE);
	WALK("T30", RULES_PLATFORM_BLOCKED, RULES_PERSONAL_BLOCKED, RULES_IMPORTED,
	     RULES_OS_RANGE_OK, RULES_LIMIT_LEFT, RULES_NOW, RULES_NOW_SUPERVISED, RULES_REMOVABLE,
	     RULES_ADE, RULES_GOAL);
}

/* ---- seeded samples ------------------------------------------------------------------------- */

static void every_sample_of_the_space_holds(void **state)
{
	uint64_t count = testing_number("REHOME_RULES_SAMPLES", 200000), i;

	for (i = 0; i < count; i++) {
		struct rules_facts facts = testing_random_facts();

		check_all(&facts);
	}
}

static void every_deciding_rule_fired_and_no_other_did(void **state)
{
	const struct rules_rule *rule;
	char text[8];
	size_t i;

	has_fired[RULES_ID('R', 711)] = true; /* contradictions: see test_rules_outcomes */
	for (i = 0; (rule = rules_rule_at(i)); i++) {
		bool decides = rule->role == RULES_DECIDES;

		if (decides != has_fired[rule->id])
			fail_msg("%s %s", rules_id_text(rule->id, text),
				 decides ? "never fired" : "fired");
		has_fired[rule->id] = false;
	}
	for (i = 0; i < ARRAY_COUNT(has_fired); i++)
		assert_false(has_fired[i]);
}

static int setup(void **state)
{
	vectors_read();
	testing_seed();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_hold_in_all_their_classes),
		cmocka_unit_test(what_a_device_keeps_holds_in_all_classes),
		cmocka_unit_test(relations_hold_in_all_classes),
		cmocka_unit_test(enrollments_hold_in_all_classes),
		cmocka_unit_test(every_sample_of_the_space_holds),
		cmocka_unit_test(every_deciding_rule_fired_and_no_other_did),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
