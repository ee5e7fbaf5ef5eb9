/* facts and outcomes read back as they were written, in both vocabularies */
#include "rules/testing.h"

static void every_word_of_every_field_reads_back(void **state)
{
	const enum rules_spelling spellings[] = {RULES_CODES, RULES_WORDS};
	size_t s, field, i;

	for (s = 0; s < ARRAY_COUNT(spellings); s++)
		for (field = 0; field < RULES_FIELD_COUNT; field++) {
			const char *name = rules_field_name(field, spellings[s]), *word;
			struct rules_facts facts = {0};
			char text[RULES_TEXT_MAX];
			struct err err = ERR_INIT;

			assert_int_equal(rules_field_find(name, spellings[s]), field);
			assert_non_null(strchr(rules_field_question(field), '?'));
			for (i = 0; (word = rules_field_value(field, i, spellings[s])); i++) {
				assert_int_equal(set_named(&facts, name, word, spellings[s], &err),
						 0);
				assert_string_equal(
					rules_facts_text(&facts, field, spellings[s], text), word);
			}
			assert_true(i > 1 || field_is_version(field));
			assert_int_equal(
				rules_facts_set(&facts, field, "unknown", spellings[s], &err), 0);
			assert_int_equal(facts.value[field], RULES_UNKNOWN);
			assert_string_equal(rules_facts_text(&facts, field, spellings[s], text),
					    "unknown");
		}
}

static void versions_have_one_or_two_numbers_and_a_third_that_is_not_looked_at(void **state)
{
	static const struct {
		const char *word, *text;
	} good[] = {{"17", "17"},
		    {"26.4", "26.4"},
		    {"26.10", "26.10"},
		    {"18.7.1", "18.7"},
		    {"13.0", "13"}};
	static const char *const bad[] = {"",     "x",     "26.",    ".4", "26.4.1.2", "26,4",
					  "12.9", "126.0", "26.400", "-1", " 26",      "26.4 "};
	struct rules_facts facts = {0};
	char text[RULES_TEXT_MAX];
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(good); i++) {
		assert_int_equal(rules_facts_set(&facts, RULES_OS, good[i].word, RULES_CODES, &err),
				 0);
		assert_string_equal(rules_facts_text(&facts, RULES_OS, RULES_CODES, text),
				    good[i].text);
	}
	for (i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(rules_facts_set(&facts, RULES_OS, bad[i], RULES_CODES, &err),
				 ERR_USAGE);
}

static void a_wrong_word_is_refused_with_the_words_that_exist(void **state)
{
	struct rules_facts facts = {0};
	struct err err = ERR_INIT;

	assert_int_equal(set_named(&facts, "bm", "thsi", RULES_CODES, &err), ERR_USAGE);
	assert_string_equal(err.text, "bm: \"thsi\" is none of none, this, other, unknown");
	assert_int_equal(set_named(&facts, "bm", "", RULES_CODES, &err), ERR_USAGE);
	assert_int_equal(set_named(&facts, "BM", "this", RULES_CODES, &err), ERR_USAGE);
	assert_int_equal(set_named(&facts, "kind", "automated", RULES_CODES, &err), ERR_USAGE);
	assert_int_equal(facts.value[RULES_BACKUP_MGMT], RULES_UNKNOWN);
}

static void asking_the_service_leaves_its_policy_open(void **state)
{
	struct rules_facts facts = vector_named("T40")->facts;
	CLEANUP(rules_set_clear) struct rules_set set = RULES_SET_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(rules_facts_set(&facts, RULES_POLICY, "ask", RULES_CODES, &err), 0);
	assert_int_equal(rules_outcomes(&set, &facts, NULL, &err), 0);
	assert_int_equal(set.count, 2);
}

static void what_is_usual_never_contradicts_what_is_known(void **state)
{
	size_t round, i, field;

	for (round = 0; round < 20000; round++) {
		struct rules_facts facts = testing_random_facts(), known;
		uint64_t assumed;
		struct err err = ERR_INIT;

		for (i = 0; i < 60; i++)
			facts.value[testing_below(RULES_FIELD_COUNT)] = RULES_UNKNOWN;
		known = facts;
		assumed = rules_facts_assume(&facts);
		if (rules_facts_check(&facts, &err) < 0)
			fail_msg("%s", err.text);
		for (field = 0; field < RULES_FIELD_COUNT; field++) {
			assert_int_not_equal(facts.value[field], RULES_UNKNOWN);
			assert_int_equal(!known.value[field], (assumed >> field) & 1);
			if (known.value[field])
				assert_int_equal(facts.value[field], known.value[field]);
		}
	}
}

static void what_is_usual_is_what_the_vectors_have_where_they_say_nothing(void **state)
{
	struct rules_facts facts = {0};
	struct rules_outcome outcome;
	char text[RULES_TEXT_MAX];

	rules_facts_assume(&facts);
	facts.value[RULES_REMOVABLE] = RULES_NO;
	assert_memory_equal(&facts, &vector_named("T01")->facts, sizeof(facts));
	assert_int_equal(rules_evaluate(&facts, NULL, &outcome, NULL), 0);
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_RULES, RULES_CODES, text),
			    "R-202");
}

static void the_usual_ade_server_follows_from_the_services(void **state)
{
	static const struct {
		const char *vector, *backup_os, *bm, *ade, *server;
	} cases[] = {
		{"T12", "18.6", "this", "this", "absent"},
		{"T12", "26.0", "this", "this", "equal"},
		{"T12", "26.0", "other", "this", "different"},
		{"T12", "27", "this", "other", "different"},
		{"T12", "27", "this", "none", "equal"},
		{"T47", "26", "this", "other", "absent"},
	};
	struct err err = ERR_INIT;
	char text[RULES_TEXT_MAX];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rules_facts facts = vector_named(cases[i].vector)->facts;

		rules_facts_set(&facts, RULES_BACKUP_OS, cases[i].backup_os, RULES_CODES, &err);
		rules_facts_set(&facts, RULES_BACKUP_MGMT, cases[i].bm, RULES_CODES, &err);
		rules_facts_set(&facts, RULES_ADE, cases[i].ade, RULES_CODES, &err);
		facts.value[RULES_SERVER_UID] = RULES_UNKNOWN;
		rules_facts_assume(&facts);
		assert_string_equal(rules_facts_text(&facts, RULES_SERVER_UID, RULES_CODES, text),
				    cases[i].server);
	}
}

/* every code and word is ASCII without spaces, and no two of a kind are alike */
static void check_words(const char *const *words, size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		assert_int_equal(strspn(words[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
						  "WXYZ0123456789_?-"),
				 strlen(words[i]));
		for (j = 0; j < i; j++)
			assert_string_not_equal(words[i], words[j]);
	}
}

static void actions_have_two_names_and_a_sentence(void **state)
{
	const char *codes[RULES_ACTION_COUNT], *words[RULES_ACTION_COUNT];
	size_t i;

	for (i = 1; i < RULES_ACTION_COUNT; i++) {
		codes[i - 1] = rules_action(i)->code;
		words[i - 1] = rules_action(i)->word;
		assert_non_null(strpbrk(rules_action(i)->sentence, ".?"));
		assert_null(strstr(words[i - 1], "cp"));
	}
	check_words(codes, RULES_ACTION_COUNT - 1);
	check_words(words, RULES_ACTION_COUNT - 1);
	assert_string_equal(rules_action(RULES_ENROL_BY_HAND)->word, "enroll_by_hand");
	assert_non_null(rules_action(RULES_REMOVE_THEN_ENROL)->price);
	assert_non_null(rules_action(RULES_ERASE_NO_RESTORE)->price);
	assert_non_null(rules_action(RULES_UNMANAGE_THEN_ENROL)->price);
}

static void columns_print_in_both_vocabularies(void **state)
{
	struct rules_outcome outcome;
	char text[RULES_TEXT_MAX];

	assert_int_equal(rules_evaluate(&vector_named("T39")->facts, NULL, &outcome, NULL), 0);
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_ACTIONS, RULES_WORDS, text),
			    "enroll_by_hand remove_profile_then_enroll_by_hand "
			    "erase_without_restore");
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_ALSO, RULES_WORDS, text),
			    "import_identifier_first");
	assert_string_equal(
		rules_outcome_text(&outcome, RULES_OUT_SETUP_ASSISTANT, RULES_WORDS, text),
		"ends_home");
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_OWNERSHIP, RULES_WORDS, text),
			    "no_record");
	assert_string_equal(rules_outcome_text(&outcome, RULES_OUT_ERROR, RULES_WORDS, text),
			    "E-02");
	assert_string_equal(rules_column_name(RULES_OUT_ALT, RULES_WORDS), "alternatives");
	assert_true(rules_column_is_list(RULES_OUT_RULES));
	assert_false(rules_column_is_list(RULES_OUT_MGMT));
	assert_int_equal(outcome.is_choice, 1);
	assert_int_equal(outcome.after.owner, RULES_CORPORATE);
	assert_int_equal(outcome.after.locked, RULES_FALSE);
}

static void the_longest_lists_fit(void **state)
{
	struct rules_outcome outcome = {.restore = RULES_POSSIBLE};
	char text[RULES_TEXT_MAX];
	size_t i, longest = 1;

	for (i = 1; i < RULES_ACTION_COUNT; i++)
		if (strlen(rules_action(i)->word) > strlen(rules_action(longest)->word))
			longest = i;
	memset(outcome.actions, (int)longest, sizeof(outcome.actions));
	for (i = 0; i < RULES_WHY_MAX; i++)
		outcome.rules[i] = RULES_ID('R', 801);
	rules_outcome_text(&outcome, RULES_OUT_ACTIONS, RULES_WORDS, text);
	rules_outcome_text(&outcome, RULES_OUT_RULES, RULES_WORDS, text);
	assert_int_equal(strlen(text), RULES_WHY_MAX * 6 - 1);
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
		cmocka_unit_test(every_word_of_every_field_reads_back),
		cmocka_unit_test(
			versions_have_one_or_two_numbers_and_a_third_that_is_not_looked_at),
		cmocka_unit_test(a_wrong_word_is_refused_with_the_words_that_exist),
		cmocka_unit_test(asking_the_service_leaves_its_policy_open),
		cmocka_unit_test(what_is_usual_never_contradicts_what_is_known),
		cmocka_unit_test(what_is_usual_is_what_the_vectors_have_where_they_say_nothing),
		cmocka_unit_test(the_usual_ade_server_follows_from_the_services),
		cmocka_unit_test(actions_have_two_names_and_a_sentence),
		cmocka_unit_test(columns_print_in_both_vocabularies),
		cmocka_unit_test(the_longest_lists_fit),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
