/* unknown facts give every reachable outcome, no other, and the best question */
#include "rules/testing.h"

static bool holds(const struct rules_set *set, const struct rules_outcome *outcome)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (rules_outcome_equal(&set->outcomes[i], outcome))
			return true;
	return false;
}

static void find(struct rules_set *set, const struct rules_facts *facts)
{
	struct err err = ERR_INIT;

	if (rules_outcomes(set, facts, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* ---- against trying everything ------------------------------------------------------------ */

static const uint16_t versions[] = {RULES_OS_VERSION(13, 0),  RULES_OS_VERSION(18, 7),
				    RULES_OS_VERSION(25, 99), RULES_OS_VERSION(26, 0),
				    RULES_OS_VERSION(26, 3),  RULES_OS_VERSION(26, 4),
				    RULES_OS_VERSION(26, 9),  RULES_OS_VERSION(27, 0),
				    RULES_OS_VERSION(28, 1),  RULES_OS_VERSION(30, 0)};

struct brute {
	struct rules_facts facts;
	enum rules_field fields[4];
	size_t count;
	const struct rules_set *set;
	bool *is_reached; /* per outcome of the set */
};

/* every value of the fields from @at on: each outcome must be in the set */
static void try_all(struct brute *brute, size_t at)
{
	struct rules_outcome outcome;
	enum rules_field field;
	size_t i, count;

	if (at == brute->count) {
		assert_int_equal(rules_evaluate(&brute->facts, NULL, &outcome, NULL), 0);
		if (outcome.restore == RULES_INVALID)
			return;
		for (i = 0; i < brute->set->count; i++)
			if (rules_outcome_equal(&brute->set->outcomes[i], &outcome))
				break;
		assert_true(i < brute->set->count);
		brute->is_reached[i] = true;
		return;
	}
	field = brute->fields[at];
	count = field_is_version(field) ? ARRAY_COUNT(versions) : field_value_count(field);
	for (i = 0; i < count; i++) {
		if (!field_is_version(field) && !field_row(field)->values[i].code)
			continue;
		brute->facts.value[field] =
			field_is_version(field) ? versions[i] : (uint16_t)(i + 1);
		try_all(brute, at + 1);
	}
	brute->facts.value[field] = RULES_UNKNOWN;
}

static void the_set_is_what_trying_every_value_gives(void **state)
{
	uint64_t rounds = testing_number("REHOME_RULES_SAMPLES", 200000) / 40, round;
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;

	for (round = 0; round < rounds; round++) {
		struct brute brute = {.facts = testing_random_facts(), .set = &set};
		size_t i;

		while (brute.count < ARRAY_COUNT(brute.fields)) {
			enum rules_field field = testing_below(RULES_FIELD_COUNT);

			if (brute.facts.value[field] == RULES_UNKNOWN)
				continue;
			brute.facts.value[field] = RULES_UNKNOWN;
			brute.fields[brute.count++] = field;
		}
		find(&set, &brute.facts);
		brute.is_reached = calloc(set.count, sizeof(bool));
		assert_non_null(brute.is_reached);
		try_all(&brute, 0);
		for (i = 0; i < set.count; i++)
			assert_true(brute.is_reached[i]);
		free(brute.is_reached);
	}
}

static void knowing_more_never_adds_an_outcome(void **state)
{
	uint64_t rounds = testing_number("REHOME_RULES_SAMPLES", 200000) / 400, round;
	CLEANUP(rules_set_clear) struct rules_set wide = RULES_SET_INIT, narrow = RULES_SET_INIT;

	for (round = 0; round < rounds; round++) {
		const struct rules_facts full = testing_random_facts();
		struct rules_facts facts = full;
		size_t i, field;

		for (i = 0; i < 10; i++)
			facts.value[testing_below(RULES_FIELD_COUNT)] = RULES_UNKNOWN;
		find(&wide, &facts);
		for (field = 0; field < RULES_FIELD_COUNT; field++) {
			if (facts.value[field] != RULES_UNKNOWN)
				continue;
			facts.value[field] = full.value[field];
			find(&narrow, &facts);
			assert_true(narrow.count <= wide.count);
			for (i = 0; i < narrow.count; i++)
				assert_true(holds(&wide, &narrow.outcomes[i]));
			find(&wide, &facts);
		}
		assert_int_equal(wide.count, 1);
		assert_int_equal(wide.open, 0);
		assert_int_equal(wide.question, RULES_FIELD_COUNT);
	}
}

static void every_outcome_has_an_example_that_leads_to_it(void **state)
{
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	struct rules_facts facts = {0};
	size_t i;

	rules_facts_assume(&facts);
	facts.value[RULES_OS] = facts.value[RULES_RESET] = facts.value[RULES_RECORD] = 0;
	facts.value[RULES_ADE] = facts.value[RULES_DEVICE] = facts.value[RULES_SOURCE] = 0;
	facts.value[RULES_BACKUP_MGMT] = facts.value[RULES_KIND] = facts.value[RULES_POLICY] = 0;
	find(&set, &facts);
	assert_true(set.count > 50);
	for (i = 0; i < set.count; i++) {
		struct rules_facts example = set.examples[i];
		struct rules_outcome outcome;
		struct err err = ERR_INIT;

		rules_facts_assume(&example);
		if (rules_facts_check(&example, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(rules_evaluate(&example, NULL, &outcome, NULL), 0);
		assert_true(rules_outcome_equal(&outcome, &set.outcomes[i]));
	}
}

static void nothing_known_at_all_still_gives_an_answer_and_a_question(void **state)
{
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	const struct rules_facts facts = {0};

	find(&set, &facts);
	assert_true(set.count > 1000);
	assert_int_not_equal(set.question, RULES_FIELD_COUNT);
	assert_true(set.open & FIELD_BIT(set.question));
}

/* ---- the question -----------------------------------------------------------------------------
 */

/* T73: the version alone tells T07, T48 and T11 apart */
static void the_question_is_the_version_where_it_alone_parts_the_outcomes(void **state)
{
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	struct rules_facts facts = vector_named("T07")->facts;
	struct rules_outcome outcome;
	const char *ids[] = {"T07", "T48", "T11"};
	size_t i, other = 0, fresh = 0;

	facts.value[RULES_SERVER_UID] = RULES_UID_DIFFERENT;
	facts.value[RULES_OS] = RULES_UNKNOWN;
	facts.value[RULES_REVOKED] = RULES_UNKNOWN; /* of no account: not this service's backup */
	facts.value[RULES_RENEWED] = RULES_UNKNOWN;
	facts.value[RULES_LOCKED] = RULES_UNKNOWN; /* changes what a fresh enrollment is like */
	find(&set, &facts);
	assert_int_equal(set.question, RULES_OS);
	assert_true(set.open == (FIELD_BIT(RULES_OS) | FIELD_BIT(RULES_LOCKED)));

	facts.value[RULES_LOCKED] = RULES_YES;
	facts.value[RULES_BACKUP_OS] = RULES_OS_MIN;
	find(&set, &facts);
	assert_int_equal(set.question, RULES_OS);
	assert_true(set.open == FIELD_BIT(RULES_OS));
	assert_int_equal(set.count, ARRAY_COUNT(ids));
	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		struct rules_facts known = vector_named(ids[i])->facts;

		known.value[RULES_REMOVABLE] = RULES_NO;
		assert_int_equal(rules_evaluate(&known, NULL, &outcome, NULL), 0);
		assert_true(holds(&set, &outcome));
		other += outcome.mgmt == RULES_MGMT_OTHER && outcome.assistant == RULES_ENDS_HOME;
		fresh += outcome.mgmt == RULES_MGMT_THIS_NEW &&
			 outcome.assistant == RULES_RESUMES_AT_RM;
	}
	assert_int_equal(other, 1);
	assert_int_equal(fresh, 2);
}

static void of_two_equal_questions_the_cheaper_is_asked(void **state)
{
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	struct rules_facts facts = vector_named("T19")->facts;

	/* the backup itself tells when its identity ends; the service would have to be asked */
	facts.value[RULES_EXPIRED] = facts.value[RULES_REVOKED] = RULES_UNKNOWN;
	facts.value[RULES_REMOVABLE] = RULES_YES;
	find(&set, &facts);
	assert_true(set.open == (FIELD_BIT(RULES_EXPIRED) | FIELD_BIT(RULES_REVOKED)));
	assert_int_equal(set.question, RULES_EXPIRED);
}

static void a_fact_that_changes_nothing_is_not_asked(void **state)
{
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	struct rules_facts facts = vector_named("T46")->facts; /* the password is lost */

	facts.value[RULES_RECORD] = facts.value[RULES_POLICY] = RULES_UNKNOWN;
	facts.value[RULES_BACKUP_MGMT] = facts.value[RULES_KIND] = RULES_UNKNOWN;
	facts.value[RULES_ADE_BLOCK] = RULES_UNKNOWN;
	find(&set, &facts);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.open, 0);
	assert_int_equal(set.question, RULES_FIELD_COUNT);
}

/* ---- contradictions
 * ------------------------------------------------------------------------------ */

/* "kind", "ade" -> "backup_enrollment=automated" */
static const char *in_words(const char *code, const char *value, char out[RULES_TEXT_MAX * 2])
{
	enum rules_field field = rules_field_find(code, RULES_CODES);
	struct rules_facts facts = {0};
	char word[RULES_TEXT_MAX];

	rules_facts_set(&facts, field, value, RULES_CODES, NULL);
	snprintf(out, RULES_TEXT_MAX * 2, "%s=%s", rules_field_name(field, RULES_WORDS),
		 rules_facts_text(&facts, field, RULES_WORDS, word));
	return out;
}

static void contradictions_are_errors_that_name_both_facts(void **state)
{
	static const struct {
		const char *a, *a_word, *b, *b_word;
	} cases[] = {
		{"reset", "brand_new", "dev", "same"},
		{"source", "direct_transfer", "dev", "same"},
		{"kind", "-", "bm", "this"},
		{"kind", "profile", "bm", "none"},
		{"identity", "hardware", "bm", "none"},
		{"identity", "hardware", "kind", "-"},
		{"kind", "ade", "ade_record", "none"},
		{"server_uid", "equal", "ade_record", "none"},
		{"tool", "configurator", "source", "icloud"},
		{"tool", "configurator", "source", "direct_transfer"},
		{"now", "this", "reset", "local_erase"},
		{"now", "other", "reset", "return_to_service"},
		{"scenario", "migrate_no_wipe", "reset", "remote_wipe"},
	};
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rules_facts facts = {0};
		struct rules_outcome outcome;
		struct err err = ERR_INIT;
		char part[RULES_TEXT_MAX * 2];

		set_named(&facts, cases[i].a, cases[i].a_word, RULES_CODES, NULL);
		assert_int_equal(rules_facts_check(&facts, &err), 0);
		set_named(&facts, cases[i].b, cases[i].b_word, RULES_CODES, NULL);
		assert_int_equal(rules_facts_check(&facts, &err), ERR_USAGE);
		assert_non_null(strstr(err.text, in_words(cases[i].a, cases[i].a_word, part)));
		assert_non_null(strstr(err.text, in_words(cases[i].b, cases[i].b_word, part)));
		assert_int_equal(rules_outcomes(&set, &facts, NULL, &err), ERR_USAGE);
		assert_int_equal(set.count, 0);
		rules_facts_assume(&facts);
		assert_int_equal(rules_evaluate(&facts, NULL, &outcome, NULL), 0);
		assert_int_equal(outcome.restore, RULES_INVALID);
		assert_int_equal(outcome.rules[0], RULES_ID('R', 711));
	}
}

static void a_missing_fact_is_named(void **state)
{
	struct rules_facts facts = vector_named("T01")->facts;
	enum rules_field missing = RULES_FIELD_COUNT;
	struct rules_outcome outcome;

	facts.value[RULES_RECORD] = RULES_UNKNOWN;
	assert_int_equal(rules_evaluate(&facts, NULL, &outcome, &missing), RULES_NEEDS_FIELD);
	assert_int_equal(missing, RULES_RECORD);
	assert_int_equal(outcome.restore, 0);
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
		cmocka_unit_test(the_set_is_what_trying_every_value_gives),
		cmocka_unit_test(knowing_more_never_adds_an_outcome),
		cmocka_unit_test(every_outcome_has_an_example_that_leads_to_it),
		cmocka_unit_test(nothing_known_at_all_still_gives_an_answer_and_a_question),
		cmocka_unit_test(the_question_is_the_version_where_it_alone_parts_the_outcomes),
		cmocka_unit_test(of_two_equal_questions_the_cheaper_is_asked),
		cmocka_unit_test(a_fact_that_changes_nothing_is_not_asked),
		cmocka_unit_test(contradictions_are_errors_that_name_both_facts),
		cmocka_unit_test(a_missing_fact_is_named),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
