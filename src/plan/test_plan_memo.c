/* Answers remembered are the answers that the engine would give, and never too many. */
#include "plan/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct plan_case case_of(const char *target_os, const char *management)
{
	struct plan_case kase = {0};

	assert_int_equal(plan_case_word(&kase, "target_os", target_os, PLAN_PERSON, NULL), 0);
	assert_int_equal(plan_case_word(&kase, "backup_management", management, PLAN_PERSON, NULL),
			 0);
	assert_int_equal(plan_case_word(&kase, "device", "same", PLAN_PERSON, NULL), 0);
	assert_int_equal(plan_case_word(&kase, "reset", "erased_locally", PLAN_PERSON, NULL), 0);
	return kase;
}

static const struct plan_answer *ask(struct plan_memo *memo, struct plan_case kase, bool assumes)
{
	const struct plan_answer *answer;
	struct err err = ERR_INIT;

	if (plan_memo_answer(memo, &kase, assumes, &answer, &err) < 0)
		fail_msg("%s", err.text);
	return answer;
}

static void expect_engine(const struct plan_answer *answer, struct plan_case kase,
			  const struct rules_switches *switches, bool assumes)
{
	CLEANUP(plan_answer_clear) struct plan_answer engine = PLAN_ANSWER_INIT;

	assert_int_equal(plan_answer_make(&engine, &kase, switches, assumes, NULL), 0);
	assert_int_equal(answer->set.count, engine.set.count);
	for (size_t i = 0; i < engine.set.count; i++)
		assert_true(rules_outcome_equal(&answer->set.outcomes[i], &engine.set.outcomes[i]));
	assert_int_equal(answer->set.open, engine.set.open);
	assert_int_equal(answer->set.question, engine.set.question);
	assert_int_equal(answer->change_count, engine.change_count);
	for (size_t i = 0; i < engine.change_count; i++)
		assert_int_equal(answer->changes[i].value, engine.changes[i].value);
	assert_int_equal(answer->has_usual, engine.has_usual);
	if (engine.has_usual)
		assert_true(rules_outcome_equal(&answer->usual, &engine.usual));
	assert_int_equal(answer->age, engine.age);
	assert_int_equal(answer->assumed, engine.assumed);
}

static void the_same_facts_are_answered_from_memory_as_the_engine_would(void **state)
{
	CLEANUP(plan_memo_free_p) struct plan_memo *memo = NULL;
	struct plan_case known = case_of("26.4", "other"), other = case_of("18.6", "this");

	assert_int_equal(plan_memo_new(&memo, NULL, NULL), 0);
	for (int round = 0; round < 3; round++) {
		expect_engine(ask(memo, known, false), known, NULL, false);
		expect_engine(ask(memo, other, false), other, NULL, false);
		expect_engine(ask(memo, other, true), other, NULL, true);
		assert_int_equal(memo->count, 3);
	}
	assert_ptr_equal(ask(memo, known, false), &memo->entries[0].answer);
}

static void switches_of_the_memo_reach_the_engine(void **state)
{
	CLEANUP(plan_memo_free_p) struct plan_memo *memo = NULL;
	struct rules_switches switches = {0};
	struct plan_case kase = case_of("26.4", "this");

	for (size_t i = 0; i < RULES_SWITCH_COUNT; i++)
		switches.is_turned[i] = true;
	assert_int_equal(plan_memo_new(&memo, &switches, NULL), 0);
	for (int round = 0; round < 2; round++)
		expect_engine(ask(memo, kase, false), kase, &switches, false);
}

static void dates_and_what_was_assumed_are_those_of_the_row(void **state)
{
	CLEANUP(plan_memo_free_p) struct plan_memo *memo = NULL;
	struct plan_case assumed = case_of("18.6", "this"), given = assumed, dated = assumed;

	assert_int_equal(plan_memo_new(&memo, NULL, NULL), 0);
	rules_facts_assume(&given.facts);
	dated.dates = (struct rules_dates){.backup = 1000000000, .restore = 1790000000};
	expect_engine(ask(memo, assumed, true), assumed, NULL, true);
	expect_engine(ask(memo, given, false), given, NULL, false);
	expect_engine(ask(memo, dated, true), dated, NULL, true);
	assert_int_equal(memo->count, 1);
}

static void facts_that_contradict_each_other_are_refused_and_not_remembered(void **state)
{
	CLEANUP(plan_memo_free_p) struct plan_memo *memo = NULL;
	struct plan_case kase = case_of("18.6", "this");
	const struct plan_answer *answer = NULL;
	struct err err = ERR_INIT;

	plan_case_set(&kase, RULES_RESET, RULES_BRAND_NEW, PLAN_PERSON, NULL);
	assert_int_equal(plan_memo_new(&memo, NULL, NULL), 0);
	assert_int_equal(plan_memo_answer(memo, &kase, false, &answer, &err), ERR_USAGE);
	assert_null(answer);
	assert_int_equal(memo->count, 0);
}

static void a_memo_never_holds_more_than_its_limits(void **state)
{
	CLEANUP(plan_memo_free_p) struct plan_memo *memo = NULL;
	size_t forgotten = 0;

	assert_int_equal(plan_memo_new(&memo, NULL, NULL), 0);
	for (unsigned i = 0; i < PLAN_MEMO_ANSWERS + 1; i++) {
		struct plan_case kase = case_of("26.4", "this");
		size_t before = memo->count;

		kase.facts.value[RULES_OS] = (uint16_t)(RULES_OS_MIN + i);
		ask(memo, kase, true);
		forgotten += memo->count < before;
		assert_true(memo->count <= PLAN_MEMO_ANSWERS);
		assert_true(memo->outcomes <= PLAN_MEMO_OUTCOMES);
	}
	assert_int_equal(forgotten, 1);
	for (unsigned i = 0; i < 200 && forgotten < 2; i++) {
		struct plan_case kase = case_of("26.4", "this");
		size_t before = memo->count;

		kase.facts.value[RULES_OS] = (uint16_t)(RULES_OS_MIN + i);
		ask(memo, kase, false);
		forgotten += memo->count < before;
		assert_true(memo->outcomes <= PLAN_MEMO_OUTCOMES);
	}
	assert_int_equal(forgotten, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_facts_are_answered_from_memory_as_the_engine_would),
		cmocka_unit_test(switches_of_the_memo_reach_the_engine),
		cmocka_unit_test(dates_and_what_was_assumed_are_those_of_the_row),
		cmocka_unit_test(facts_that_contradict_each_other_are_refused_and_not_remembered),
		cmocka_unit_test(a_memo_never_holds_more_than_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
