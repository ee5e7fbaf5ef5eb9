/*
 * The object of `plan --json`.
 */
#include "plan/internal.h"

#include <string.h>

static json_t *words(const struct rules_outcome *outcome, enum rules_column column)
{
	char text[RULES_TEXT_MAX], *at, *word;
	json_t *list = json_array();

	rules_outcome_text(outcome, column, RULES_WORDS, text);
	for (at = text; list && (word = strsep(&at, " ")) != NULL;)
		if (word[0])
			json_array_append_new(list, json_string(word));
	return list;
}

static json_t *word(const struct rules_outcome *outcome, enum rules_column column)
{
	char text[RULES_TEXT_MAX];

	return json_string(rules_outcome_text(outcome, column, RULES_WORDS, text));
}

static json_t *error_list(const struct rules_outcome *outcome)
{
	json_t *list = json_array();
	char id[8];

	for (int i = 0; list && i < RULES_ERRORS_MAX && outcome->errors[i]; i++) {
		const struct rules_error_row *row = rules_error(outcome->errors[i]);

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "id", rules_id_text(row->id, id),
						"text", row->text, "where", row->where));
	}
	return list;
}

static json_t *rule_list(const struct rules_outcome *outcome)
{
	json_t *list = json_array();
	char id[8];

	for (int i = 0; list && i < RULES_WHY_MAX && outcome->rules[i]; i++) {
		const struct rules_rule *rule = rules_rule(outcome->rules[i]);

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "id", rules_id_text(rule->id, id),
					"text", rule->sentence, "evidence",
					rules_evidence_word((enum rules_evidence)rule->evidence)));
	}
	return list;
}

static json_t *state(const struct rules_state *state)
{
	return json_pack("{s:s, s:s, s:s}", "supervised",
			 rules_truth_word((enum rules_truth)state->supervised), "locked",
			 rules_truth_word((enum rules_truth)state->locked), "ownership",
			 rules_owner_word((enum rules_owner)state->owner, RULES_WORDS));
}

static json_t *change_list(const struct plan_answer *answer)
{
	json_t *list = json_array();
	char text[RULES_TEXT_MAX];

	for (size_t i = 0; list && i < answer->change_count; i++) {
		const struct rules_change *change = &answer->changes[i];
		const struct rules_outcome then = {.restore = change->restore};
		struct rules_facts facts = {0};
		json_t *row;

		facts.value[change->field] = change->value;
		row = json_pack("{s:s}", "fact", rules_field_name(change->field, RULES_WORDS));
		json_object_set_new(
			row, "value",
			json_string(rules_facts_text(&facts, change->field, RULES_WORDS, text)));
		json_object_set_new(row, "restore", word(&then, RULES_OUT_RESTORE));
		json_object_set_new(
			row, "management",
			json_string(rules_mgmt_word((enum rules_mgmt)change->mgmt, RULES_WORDS)));
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *outcome_object(const struct rules_outcome *outcome)
{
	json_t *object = json_object();

	for (int i = 0; object && i < RULES_COLUMN_COUNT; i++) {
		enum rules_column column = (enum rules_column)i;
		json_t *value;

		if (column == RULES_OUT_RULES)
			value = rule_list(outcome);
		else if (column == RULES_OUT_ERROR)
			value = error_list(outcome);
		else if (column == RULES_OUT_AT_RISK)
			value = json_boolean(outcome->is_at_risk);
		else if (rules_column_is_list(column))
			value = words(outcome, column);
		else
			value = word(outcome, column);
		json_object_set_new(object, rules_column_name(column, RULES_WORDS), value);
	}
	if (object) {
		json_object_set_new(object, "actions_are_alternatives",
				    json_boolean(outcome->is_choice));
		json_object_set_new(
			object, "evidence",
			json_string(rules_evidence_word(rules_outcome_evidence(outcome))));
		if (outcome->after.supervised)
			json_object_set_new(object, "once_enrolled_by_hand",
					    state(&outcome->after));
	}
	return object;
}

static json_t *fact_object(const struct plan_case *kase)
{
	json_t *object = json_object();
	char text[RULES_TEXT_MAX];

	for (int i = 0; object && i < RULES_FIELD_COUNT; i++) {
		enum rules_field field = (enum rules_field)i;

		if (kase->facts.value[i] == RULES_UNKNOWN)
			continue;
		json_object_set_new(
			object, rules_field_name(field, RULES_WORDS),
			json_pack("{s:s, s:s, s:s*}", "value",
				  rules_facts_text(&kase->facts, field, RULES_WORDS, text),
				  "origin", plan_origin_word((enum plan_origin)kase->origin[i]),
				  "from", kase->from[i][0] ? kase->from[i] : NULL));
	}
	return object;
}

static json_t *field_list(uint64_t fields)
{
	json_t *list = json_array();

	for (int i = 0; list && i < RULES_FIELD_COUNT; i++)
		if (fields >> i & 1)
			json_array_append_new(list, json_string(rules_field_name(
							    (enum rules_field)i, RULES_WORDS)));
	return list;
}

static json_t *question(const struct rules_set *set)
{
	json_t *values;

	if (set->question == RULES_FIELD_COUNT)
		return json_null();
	values = json_array();
	for (size_t i = 0; rules_field_value(set->question, i, RULES_WORDS); i++)
		json_array_append_new(
			values, json_string(rules_field_value(set->question, i, RULES_WORDS)));
	return json_pack("{s:s, s:s, s:o}", "fact", rules_field_name(set->question, RULES_WORDS),
			 "text", rules_field_question(set->question), "values", values);
}

json_t *plan_json(const struct plan_answer *answer, const struct plan_case *kase)
{
	static const char *const ages[] = {
		[RULES_AGE_UNKNOWN] = "unknown",
		[RULES_AGE_FINE] = "fine",
		[RULES_AGE_OLD] = "old",
		[RULES_AGE_TOO_OLD] = "too_old",
	};
	json_t *outcomes = json_array(), *changes = change_list(answer);
	json_t *object;

	for (size_t i = 0; outcomes && i < answer->set.count; i++) {
		json_t *outcome = outcome_object(&answer->set.outcomes[i]);

		json_object_set(outcome, "would_change", changes);
		json_array_append_new(outcomes, outcome);
	}
	json_decref(changes);
	object = json_pack("{s:{s:s, s:s, s:s}, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "device",
			   "name", kase->name, "serial", kase->serial, "udid", kase->udid, "source",
			   kase->source, "outcomes", outcomes, "question", question(&answer->set),
			   "not_known", field_list(answer->set.open), "assumed",
			   field_list(answer->assumed), "facts", fact_object(kase), "backup_age",
			   ages[answer->age]);
	if (object && answer->has_usual)
		json_object_set_new(object, "usual", outcome_object(&answer->usual));
	return object;
}
