/* rules, errors, limits, switches and what is asked about an outcome */
#include "rules/testing.h"

/* all numbers of the fact sheets, first to last of each run */
static const struct {
	char letter;
	uint16_t first, last;
} numbers[] = {
	{'C', 1, 11},    {'C', 20, 23},   {'C', 30, 30},   {'C', 40, 44},   {'D', 1, 12},
	{'E', 1, 12},    {'F', 1, 8},     {'G', 1, 5},     {'G', 10, 11},   {'G', 20, 25},
	{'G', 30, 33},   {'G', 40, 43},   {'G', 50, 53},   {'G', 60, 62},   {'L', 1, 5},
	{'L', 10, 11},   {'L', 20, 23},   {'M', 1, 3},     {'M', 5, 6},     {'M', 10, 19},
	{'M', 25, 25},   {'M', 30, 33},   {'M', 40, 47},   {'M', 50, 50},   {'O', 1, 3},
	{'O', 10, 11},   {'O', 20, 23},   {'R', 101, 111}, {'R', 150, 158}, {'R', 201, 214},
	{'R', 301, 308}, {'R', 401, 410}, {'R', 601, 605}, {'R', 701, 705}, {'R', 711, 726},
	{'R', 731, 735}, {'R', 801, 810}, {'R', 841, 849}, {'R', 861, 866}, {'V', 1, 6},
	{'X', 1, 9},     {'X', 20, 25},
};

static void every_rule_of_the_sheets_is_accounted_for_and_no_other(void **state)
{
	size_t i, index = 0, errors = 0;
	uint16_t number;

	for (i = 0; i < ARRAY_COUNT(numbers); i++)
		for (number = numbers[i].first; number <= numbers[i].last; number++) {
			uint16_t id = RULES_ID(numbers[i].letter, number);
			char text[8];

			assert_int_equal(rules_id_parse(rules_id_text(id, text)), id);
			if (numbers[i].letter == 'E') {
				assert_int_equal(rules_error_at(errors++)->id, id);
				assert_non_null(rules_error(id));
				continue;
			}
			if (!rules_rule_at(index) || rules_rule_at(index)->id != id)
				fail_msg("%s is missing or out of its place", text);
			assert_ptr_equal(rules_rule(id), rules_rule_at(index));
			index++;
		}
	assert_null(rules_rule_at(index));
	assert_null(rules_error_at(errors));
}

static bool is_sentence(const char *text)
{
	size_t len = strlen(text);

	return len > 12 && len < 400 && text[0] >= 'A' && text[0] <= 'Z' && text[len - 1] == '.';
}

static void every_rule_says_what_on_what_ground_and_why_it_does_not_decide(void **state)
{
	const struct rules_rule *rule;
	char text[8];
	size_t i;

	for (i = 0; (rule = rules_rule_at(i)); i++) {
		if (!is_sentence(rule->sentence))
			fail_msg("%s: \"%s\"", rules_id_text(rule->id, text), rule->sentence);
		assert_true(rule->role >= RULES_DECIDES && rule->role <= RULES_OUTSIDE);
		assert_true(rule->evidence >= RULES_STATED && rule->evidence <= RULES_UNVERIFIED);
		assert_true(strlen(rule->source) > 5);
		assert_int_equal(rule->note == NULL, rule->role == RULES_DECIDES);
	}
}

static void numbers_are_read_strictly(void **state)
{
	static const char *const bad[] = {"",       "R",     "R-",    "R-2",   "R206",
					  "R-2066", "R-20x", "1-206", "R-206 "};
	size_t i;

	assert_int_equal(rules_id_parse("R-206"), RULES_ID('R', 206));
	assert_int_equal(rules_id_parse("r-206"), RULES_ID('R', 206));
	assert_int_equal(rules_id_parse("M-05"), RULES_ID('M', 5));
	for (i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(rules_id_parse(bad[i]), 0);
	assert_null(rules_rule(RULES_ID('R', 999)));
	assert_null(rules_rule(0));
}

static void the_error_that_users_search_for_stands_literally(void **state)
{
	assert_string_equal(
		rules_error(RULES_ID('E', 1))->text,
		"Profile Installation Failed. The new MDM payload does not match the old payload.");
	assert_null(rules_error(RULES_ID('R', 206)));
}

static void the_evidence_of_an_outcome_is_that_of_its_weakest_rule(void **state)
{
	static const struct {
		const char *id;
		enum rules_evidence evidence;
	} cases[] = {{"T01", RULES_STATED},     {"T14", RULES_OBSERVED}, {"T20", RULES_UNVERIFIED},
		     {"T26", RULES_UNVERIFIED}, {"T41", RULES_OBSERVED}, {"T46", RULES_INFERRED},
		     {"T48", RULES_UNVERIFIED}, {"T17", RULES_STATED}};
	struct rules_outcome outcome;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(
			rules_evaluate(&vector_named(cases[i].id)->facts, NULL, &outcome, NULL), 0);
		assert_int_equal(rules_outcome_evidence(&outcome), cases[i].evidence);
	}
}

/* ---- switches ------------------------------------------------------------------------- */

static enum rules_mgmt mgmt_with(const char *vector, enum rules_switch number)
{
	struct rules_switches switches = {0};
	struct rules_outcome outcome;

	switches.is_turned[number] = true;
	assert_int_equal(rules_evaluate(&vector_named(vector)->facts, &switches, &outcome, NULL),
			 0);
	return outcome.mgmt;
}

static void a_turned_switch_gives_the_other_answer(void **state)
{
	struct rules_switches switches = {0};
	struct rules_outcome outcome;
	char text[RULES_TEXT_MAX];

	assert_int_equal(mgmt_with("T12", RULES_SWITCH_OS27), RULES_MGMT_THIS);
	assert_int_equal(mgmt_with("T15", RULES_SWITCH_FLAG26), RULES_MGMT_OTHER);
	assert_int_equal(mgmt_with("T41", RULES_SWITCH_PLAIN_IDENTITY), RULES_MGMT_STALE_THIS);
	assert_int_equal(mgmt_with("T48", RULES_SWITCH_SERVER_UID), RULES_MGMT_OTHER);
	assert_int_equal(mgmt_with("T42", RULES_SWITCH_ACCOUNT_DRIVEN), RULES_MGMT_THIS);
	assert_int_equal(mgmt_with("T45", RULES_SWITCH_HARDWARE_KEY), RULES_MGMT_OTHER);
	assert_int_equal(mgmt_with("T51", RULES_SWITCH_ORPHAN_RECORD), RULES_MGMT_NONE);
	switches.is_turned[RULES_SWITCH_PLAIN_IDENTITY] = true;
	rules_evaluate(&vector_named("T41")->facts, &switches, &outcome, NULL);
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_RULES, RULES_CODES, text),
			    "R-801 R-809 R-862");
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_ALT, RULES_CODES, text), "this");
	switches.is_turned[RULES_SWITCH_LOCKED_REPLACE] = true;
	switches.is_turned[RULES_SWITCH_NO_PROFILE] = true;
	switches.is_turned[RULES_SWITCH_HAND_OWNER] = true;
	rules_evaluate(&vector_named("T03")->facts, &switches, &outcome, NULL);
	assert_int_equal(outcome.actions[0], RULES_REJECT_THEN_ENROL);
	assert_int_equal(outcome.errors[0], RULES_ID('E', 1));
	assert_int_equal(outcome.after.owner, RULES_CORPORATE);
	rules_evaluate(&vector_named("T26")->facts, &switches, &outcome, NULL);
	assert_int_equal(outcome.assistant, RULES_WAITS);
}

/* 26.0 to 26.3 with the flag: if the profile stays, the ADE record is read anew all the same */
static void a_profile_that_stays_does_so_under_the_fresh_record(void **state)
{
	static const struct {
		const char *name, *value;
		enum rules_mgmt mgmt;
		enum rules_truth supervised;
	} cases[] = {
		{"bsup", "no", RULES_MGMT_OTHER, RULES_TRUE},
		{"server_uid", "different", RULES_MGMT_OTHER, RULES_TRUE},
		{"kind", "user", RULES_MGMT_NONE, RULES_TRUE},
		{"flag", "no", RULES_MGMT_OTHER, RULES_FALSE},
		{"os", "26.4", RULES_MGMT_THIS_NEW, RULES_TRUE},
	};
	struct rules_switches switches = {.is_turned = {[RULES_SWITCH_FLAG26] = true}};
	struct rules_outcome outcome;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rules_facts facts = vector_named("T15")->facts;

		assert_int_equal(set_named(&facts, "bsup", "no", RULES_CODES, &err), 0);
		assert_int_equal(
			set_named(&facts, cases[i].name, cases[i].value, RULES_CODES, &err), 0);
		assert_int_equal(rules_evaluate(&facts, &switches, &outcome, NULL), 0);
		assert_int_equal(outcome.mgmt, cases[i].mgmt);
		assert_int_equal(outcome.before.supervised, cases[i].supervised);
	}
}

static void switches_are_set_by_their_words(void **state)
{
	struct rules_switches switches = {0};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < RULES_SWITCH_COUNT; i++) {
		const struct rules_switch_row *row = rules_switch(i);

		assert_non_null(rules_rule(row->rule));
		assert_int_equal(rules_switches_set(&switches, row->name, row->words[1], &err), 0);
		assert_true(switches.is_turned[i]);
		assert_int_equal(rules_switches_set(&switches, row->name, row->words[0], &err), 0);
		assert_false(switches.is_turned[i]);
	}
	assert_int_equal(rules_switches_set(&switches, "plain_identity", "maybe", &err), ERR_USAGE);
	assert_string_equal(err.text, "plain_identity: \"maybe\" is neither returns nor lost");
	assert_int_equal(rules_switches_set(&switches, "plain", "lost", &err), ERR_USAGE);
	assert_null(rules_switch(RULES_SWITCH_COUNT));
}

static void ranges_and_limits_name_their_rule_and_source(void **state)
{
	const struct rules_regime *regime;
	const struct rules_limit *limit;
	size_t i;

	for (i = 0; (regime = rules_regime_at(i)); i++) {
		assert_non_null(rules_rule(regime->rule));
		assert_true(regime->first < regime->end);
		assert_true(strlen(regime->source) > 10);
		if (regime->switch_number >= 0)
			assert_int_equal(rules_switch(regime->switch_number)->rule, regime->rule);
	}
	for (i = 0; (limit = rules_limit_at(i)); i++) {
		assert_non_null(rules_rule(limit->rule));
		assert_ptr_equal(rules_limit(limit->name), limit);
	}
	assert_int_equal(rules_limit("certificate_days")->value, 365);
	assert_null(rules_limit("no such limit"));
}

/* ---- what if ------------------------------------------------------------------------------ */

static void what_would_change_the_answer_names_the_fact_and_the_answer(void **state)
{
	struct rules_change changes[RULES_FIELD_COUNT];
	size_t i, count = rules_would_change(&vector_named("T01")->facts, NULL, changes,
					     ARRAY_COUNT(changes));
	bool has_os = false, has_record = false;

	for (i = 0; i < count; i++) {
		assert_int_not_equal(changes[i].field, RULES_LOCKED); /* of no account here */
		if (changes[i].field == RULES_RECORD) {
			has_record = true;
			assert_int_equal(changes[i].mgmt, RULES_MGMT_STALE_THIS);
		}
		has_os = has_os || changes[i].field == RULES_OS;
	}
	assert_true(has_os && has_record);
	assert_int_equal(rules_would_change(&vector_named("T01")->facts, NULL, changes, 2), 2);
}

static void an_override_never_ends_management_or_supervision(void **state)
{
	const struct {
		const char *id;
		enum rules_force force;
	} cases[] = {{"T01", RULES_FORCE_NEEDLESS}, {"T27", RULES_FORCE_NEVER},
		     {"T65", RULES_FORCE_NEVER},    {"T72", RULES_FORCE_NEVER},
		     {"T31", RULES_FORCE_NEVER},    {"T28", RULES_FORCE_ALLOWED}};
	struct rules_outcome forced;
	struct rules_facts facts;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(rules_force(&vector_named(cases[i].id)->facts, NULL, &forced),
				 cases[i].force);
	facts = vector_named("T28")->facts;
	facts.value[RULES_NOW_SUPERVISED] = RULES_YES;
	assert_int_equal(rules_force(&facts, NULL, &forced), RULES_FORCE_NEVER);
	facts = vector_named("T28")->facts;
	facts.value[RULES_NOW] = RULES_UNKNOWN;
	assert_int_equal(rules_force(&facts, NULL, &forced), RULES_FORCE_NEVER);
}

static void an_outcome_that_avoids_management_is_told(void **state)
{
	static const struct {
		const char *id;
		bool avoids;
	} cases[] = {{"T01", false}, {"T09", true},  {"T29", true},  {"T12", false},
		     {"T13", false}, {"T26", false}, {"T32", false}, {"T51", false},
		     {"T67", false}, {"T60", false}};
	struct rules_outcome outcome;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct rules_facts *facts = &vector_named(cases[i].id)->facts;

		assert_int_equal(rules_evaluate(facts, NULL, &outcome, NULL), 0);
		assert_int_equal(rules_avoids_management(facts, &outcome), cases[i].avoids);
	}
}

/* ---- dates ----------------------------------------------------------------------------------- */

#define DAY ((int64_t)24 * 60 * 60)

static void dates_tell_what_has_ended_or_changed_since(void **state)
{
	struct rules_dates dates = {.restore = 400 * DAY,
				    .backup = 300 * DAY,
				    .identity_end = 400 * DAY,
				    .record_identity_end = 402 * DAY,
				    .record_enrolled = 100 * DAY};
	struct rules_facts facts = {0};

	rules_facts_date(&facts, &dates);
	assert_int_equal(facts.value[RULES_EXPIRED], RULES_YES);
	assert_int_equal(facts.value[RULES_RENEWED], RULES_YES);
	assert_int_equal(facts.value[RULES_GENERATION], RULES_GENERATION_SAME);
	facts = (struct rules_facts){0};
	facts.value[RULES_EXPIRED] = RULES_NO; /* known already */
	dates.record_identity_end = 401 * DAY;
	dates.record_enrolled = 302 * DAY;
	rules_facts_date(&facts, &dates);
	assert_int_equal(facts.value[RULES_EXPIRED], RULES_NO);
	assert_int_equal(facts.value[RULES_RENEWED], RULES_NO);
	assert_int_equal(facts.value[RULES_GENERATION], RULES_GENERATION_NEWER);
	facts = (struct rules_facts){0};
	dates = (struct rules_dates){
		.restore = 10 * DAY, .backup = 12 * DAY, .record_enrolled = DAY};
	rules_facts_date(&facts, &dates); /* a backup from the future tells nothing */
	assert_int_equal(facts.value[RULES_GENERATION], RULES_UNKNOWN);
	assert_int_equal(facts.value[RULES_EXPIRED], RULES_UNKNOWN);
}

static void a_backup_grows_old_and_then_too_old(void **state)
{
	struct rules_dates dates = {
		.backup = 100 * DAY, .identity_end = 300 * DAY, .cleanup_days = 90};
	int64_t next;

	dates.restore = 190 * DAY;
	assert_int_equal(rules_age(&dates, &next), RULES_AGE_FINE);
	assert_int_equal(next, 190 * DAY);
	assert_false(rules_was_probably_renewed(&dates) && dates.restore <= 180 * DAY);
	dates.restore = 191 * DAY;
	assert_int_equal(rules_age(&dates, &next), RULES_AGE_OLD);
	assert_int_equal(next, 300 * DAY);
	assert_true(rules_was_probably_renewed(&dates));
	dates.restore = 300 * DAY;
	assert_int_equal(rules_age(&dates, &next), RULES_AGE_TOO_OLD);
	assert_int_equal(next, 0);
	dates = (struct rules_dates){.backup = 100 * DAY, .restore = 150 * DAY};
	assert_int_equal(rules_age(&dates, NULL), RULES_AGE_UNKNOWN);
	dates.identity_end = 300 * DAY;
	assert_false(rules_was_probably_renewed(&dates));
}

static int setup(void **state)
{
	vectors_read();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_of_the_sheets_is_accounted_for_and_no_other),
		cmocka_unit_test(every_rule_says_what_on_what_ground_and_why_it_does_not_decide),
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(the_error_that_users_search_for_stands_literally),
		cmocka_unit_test(the_evidence_of_an_outcome_is_that_of_its_weakest_rule),
		cmocka_unit_test(a_turned_switch_gives_the_other_answer),
		cmocka_unit_test(a_profile_that_stays_does_so_under_the_fresh_record),
		cmocka_unit_test(switches_are_set_by_their_words),
		cmocka_unit_test(ranges_and_limits_name_their_rule_and_source),
		cmocka_unit_test(what_would_change_the_answer_names_the_fact_and_the_answer),
		cmocka_unit_test(an_override_never_ends_management_or_supervision),
		cmocka_unit_test(an_outcome_that_avoids_management_is_told),
		cmocka_unit_test(dates_tell_what_has_ended_or_changed_since),
		cmocka_unit_test(a_backup_grows_old_and_then_too_old),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
