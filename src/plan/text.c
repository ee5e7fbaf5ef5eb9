/*
 * The answer for people: what happens, what to do, what they will see, why, what would change it.
 */
#include "plan/internal.h"

#include <string.h>

/* struct out - a text being written; the first failure ends it */
struct out {
	const struct plan_sink *sink;
	struct err *err;
	int r;
};

#define SAY(out, ...)                                                                      \
	do {                                                                               \
		if ((out)->r == 0)                                                         \
			(out)->r = plan_sink_format((out)->sink, (out)->err, __VA_ARGS__); \
	} while (0)

static void say_date(struct out *out, const char *label, int64_t date)
{
	char text[21];

	if (date != 0)
		SAY(out, "  %s %.10s\n", label, time_format_utc(date, text));
}

static void say_head(struct out *out, const struct plan_case *kase)
{
	char text[RULES_TEXT_MAX];

	SAY(out, "%s", kase->name[0] ? kase->name : "the device");
	if (kase->serial[0])
		SAY(out, " (%s)", kase->serial);
	if (kase->facts.value[RULES_OS] != RULES_UNKNOWN)
		SAY(out, ", OS %s", rules_facts_text(&kase->facts, RULES_OS, RULES_WORDS, text));
	if (kase->source[0])
		SAY(out, ", from %s", kase->source);
	SAY(out, "\n");
	if (kase->service[0])
		SAY(out, "\"this service\" is %s\n", kase->service);
	else if (kase->backup_server.url[0])
		SAY(out, "\"this service\" is the one that manages the backup: %s\n",
		    kase->backup_server.url);
	if (kase->facts.value[RULES_BACKUP_MGMT] == RULES_OTHER && kase->backup_server.url[0])
		SAY(out, "\"the other service\" manages the backup: %s\n", kase->backup_server.url);
}

static void say_what(struct out *out, const struct rules_outcome *outcome, bool is_long)
{
	char word[RULES_TEXT_MAX];

	SAY(out, "  %s %s\n", rules_restore_sentence((enum rules_restore)outcome->restore),
	    rules_content_sentence((enum rules_content)outcome->content));
	SAY(out, "  %s\n", rules_assistant_sentence((enum rules_assistant)outcome->assistant));
	SAY(out, "  %s%s\n", rules_mgmt_sentence((enum rules_mgmt)outcome->mgmt),
	    outcome->is_at_risk ? " (at risk: check that it checks in)" : "");
	if (outcome->then != RULES_STAYS)
		SAY(out, "  %s\n", rules_then_sentence((enum rules_then)outcome->then));
	SAY(out, "  Afterwards: %s.\n", rules_state_text(&outcome->before, word));
	if (outcome->after.supervised)
		SAY(out, "  Once enrolled by hand: %s.\n", rules_state_text(&outcome->after, word));
	SAY(out, "  How sure: %s",
	    rules_outcome_text(outcome, RULES_OUT_CONFIDENCE, RULES_WORDS, word));
	if (is_long)
		SAY(out, "; the weakest evidence: %s",
		    rules_evidence_word(rules_outcome_evidence(outcome)));
	if (outcome->alternatives[0])
		SAY(out, ". A weaker source says: %s",
		    rules_mgmt_sentence((enum rules_mgmt)outcome->alternatives[0]));
	SAY(out, "\n");
}

static void say_action(struct out *out, unsigned number, enum rules_action action,
		       const char *unless)
{
	const struct rules_action_row *row = rules_action(action);

	SAY(out, "  %u. %s%s\n", number, unless, row->sentence);
	if (row->price)
		SAY(out, "     costs: %s\n", row->price);
}

static void say_actions(struct out *out, const struct rules_outcome *outcome)
{
	unsigned number = 0;

	if (!outcome->first[0] && !outcome->actions[0])
		return;
	SAY(out, "What to do\n");
	for (int i = 0; i < RULES_ACTIONS_MAX && outcome->first[i]; i++)
		say_action(out, ++number, (enum rules_action)outcome->first[i], "First: ");
	for (int i = 0; i < RULES_ACTIONS_MAX && outcome->actions[i]; i++)
		say_action(out, ++number, (enum rules_action)outcome->actions[i],
			   outcome->is_choice && i > 0 ? "If that fails or is not wanted: " : "");
}

static void say_errors(struct out *out, const struct rules_outcome *outcome)
{
	char id[8];

	if (!outcome->errors[0])
		return;
	SAY(out, "What the user will see\n");
	for (int i = 0; i < RULES_ERRORS_MAX && outcome->errors[i]; i++) {
		const struct rules_error_row *row = rules_error(outcome->errors[i]);

		SAY(out, "  %s  \"%s\" (%s)\n", rules_id_text(row->id, id), row->text, row->where);
	}
}

static void say_why(struct out *out, const struct rules_outcome *outcome, bool is_long)
{
	char id[8];

	SAY(out, "Why\n");
	for (int i = 0; i < RULES_WHY_MAX && outcome->rules[i]; i++) {
		const struct rules_rule *rule = rules_rule(outcome->rules[i]);

		SAY(out, "  %-6s %s\n", rules_id_text(rule->id, id), rule->sentence);
		if (is_long)
			SAY(out, "         %s; %s\n",
			    rules_evidence_word((enum rules_evidence)rule->evidence), rule->source);
	}
}

static void say_outcome(struct out *out, const struct rules_outcome *outcome, bool is_long)
{
	SAY(out, "What happens\n");
	say_what(out, outcome, is_long);
	say_actions(out, outcome);
	say_errors(out, outcome);
	say_why(out, outcome, is_long);
}

/* what the backup holds cannot be otherwise; what would only stop the restore is for the long form
 */
static bool is_told(const struct rules_change *change, const struct plan_case *kase, bool is_long)
{
	return kase->origin[change->field] != PLAN_BACKUP &&
	       (is_long || change->restore == RULES_POSSIBLE);
}

static void say_changes(struct out *out, const struct plan_answer *answer,
			const struct plan_case *kase, bool is_long)
{
	bool has_head = false;

	for (size_t i = 0; i < answer->change_count; i++) {
		const struct rules_change *change = &answer->changes[i];
		struct rules_facts facts = {0};
		char word[RULES_TEXT_MAX];

		if (!is_told(change, kase, is_long))
			continue;
		if (!has_head)
			SAY(out, "What would change the answer\n");
		has_head = true;

		facts.value[change->field] = change->value;
		SAY(out, "  %s=%s: %s\n", rules_field_name(change->field, RULES_WORDS),
		    rules_facts_text(&facts, change->field, RULES_WORDS, word),
		    change->restore == RULES_POSSIBLE
			    ? rules_mgmt_sentence((enum rules_mgmt)change->mgmt)
			    : rules_restore_sentence((enum rules_restore)change->restore));
	}
}

static void say_facts(struct out *out, const struct plan_case *kase)
{
	char word[RULES_TEXT_MAX];

	SAY(out, "What is known\n");
	for (int i = 0; i < RULES_FIELD_COUNT; i++) {
		enum rules_field field = (enum rules_field)i;

		if (kase->facts.value[i] == RULES_UNKNOWN)
			continue;
		SAY(out, "  %s=%s  (%s%s%s)\n", rules_field_name(field, RULES_WORDS),
		    rules_facts_text(&kase->facts, field, RULES_WORDS, word),
		    plan_origin_word((enum plan_origin)kase->origin[i]),
		    kase->from[i][0] ? ": " : "", kase->from[i]);
	}
	say_date(out, "backup of", kase->dates.backup);
	say_date(out, "its identity ends", kase->dates.identity_end);
}

static void say_fields(struct out *out, const char *label, uint64_t fields)
{
	SAY(out, "%s", label);
	for (int i = 0; i < RULES_FIELD_COUNT; i++)
		if (fields >> i & 1)
			SAY(out, " %s", rules_field_name((enum rules_field)i, RULES_WORDS));
	SAY(out, "\n");
}

static void say_question(struct out *out, enum rules_field field)
{
	const char *value;

	SAY(out,
	    "To know more, ask: %s\nand add its answer: --fact %s=", rules_field_question(field),
	    rules_field_name(field, RULES_WORDS));
	for (size_t i = 0; (value = rules_field_value(field, i, RULES_WORDS)); i++)
		SAY(out, "%s%s", i > 0 ? "|" : "", value);
	SAY(out, "%s\n", rules_field_value(field, 0, RULES_WORDS) ? "" : "18.6, for instance");
}

static void say_open(struct out *out, const struct plan_answer *answer, bool is_long)
{
	if (answer->set.question != RULES_FIELD_COUNT)
		say_question(out, answer->set.question);
	if (answer->set.open && !is_long)
		SAY(out, "In all %d facts that matter are not known (--long names them).\n",
		    __builtin_popcountll(answer->set.open));
	else if (answer->set.open)
		say_fields(out, "Not known, and it matters:", answer->set.open);
	if (answer->assumed && is_long)
		say_fields(out, "Assumed, because you said --assume:", answer->assumed);
	else if (answer->assumed)
		SAY(out, "Assumed to be as usual: %d facts that nobody told (--long names them)\n",
		    __builtin_popcountll(answer->assumed));
}

static void say_age(struct out *out, const struct plan_answer *answer)
{
	if (answer->age == RULES_AGE_OLD)
		SAY(out, "The backup is old: what the service knows may have moved on (R-410).\n");
	else if (answer->age == RULES_AGE_TOO_OLD)
		SAY(out, "The identity in the backup has ended: the service will not know the "
			 "device (R-405).\n");
	if (answer->age_next)
		say_date(out, "this changes on", answer->age_next);
}

/* say_several - the usual outcome in full, the others by a line; all in full when @is_long */
static void say_several(struct out *out, const struct plan_answer *answer,
			const struct plan_groups *groups, bool is_long)
{
	char line[PLAN_TEXT_MAX * 2];

	SAY(out, "Not everything is known: %zu outcomes are possible.\n", groups->count);
	if (answer->has_usual) {
		SAY(out, "\nIf all that is not known is as usual:\n");
		say_outcome(out, &answer->usual, is_long);
	}
	SAY(out, "\n%s\n", answer->has_usual ? "It may also end so:" : "It may end so:");
	for (size_t i = 0; i < groups->count; i++) {
		const struct rules_outcome *outcome = &answer->set.outcomes[groups->first[i]];

		if (answer->has_usual && plan_is_alike(outcome, &answer->usual))
			continue;
		if (is_long) {
			SAY(out, "\n");
			say_outcome(out, outcome, true);
		} else {
			SAY(out, "  - %s\n", plan_headline(outcome, line));
		}
	}
	SAY(out, "\n");
}

int plan_write_text(const struct plan_answer *answer, const struct plan_case *kase, bool is_long,
		    const struct plan_sink *sink, struct err *err)
{
	struct out out = {sink, err, 0};
	struct plan_groups groups;

	say_head(&out, kase);
	plan_groups_make(&groups, &answer->set);
	if (groups.count == 1)
		say_outcome(&out, &answer->set.outcomes[0], is_long);
	else
		say_several(&out, answer, &groups, is_long);
	if (groups.count == 1 && answer->set.count > 1)
		SAY(&out, "  (%zu variants differ in details: --json lists them)\n",
		    answer->set.count);
	say_open(&out, answer, is_long);
	say_age(&out, answer);
	say_changes(&out, answer, kase, is_long);
	if (is_long)
		say_facts(&out, kase);
	return out.r;
}

int plan_write_rule(const char *id, const struct plan_sink *sink, struct err *err)
{
	static const char *const roles[] = {
		[RULES_DECIDES] = "decides outcomes",
		[RULES_ADVISES] = "advises",
		[RULES_OUTSIDE] = "is not for this engine",
	};
	const struct rules_rule *rule = rules_rule(rules_id_parse(id));
	const struct rules_error_row *error = rules_error(rules_id_parse(id));
	struct out out = {sink, err, 0};
	char text[8];

	if (!rule && !error)
		return err_set(
			err, ERR_NOT_FOUND,
			"there is no rule or error \"%.20s\": a plan names its rules (R-202, M-01) "
			"and errors (E-05), with --long each with its sources",
			id);
	if (error) {
		SAY(&out, "%s  \"%s\"\n  where: %s\n  means: %s\n  source: %s\n",
		    rules_id_text(error->id, text), error->text, error->where, error->meaning,
		    error->source);
		return out.r;
	}
	SAY(&out, "%s %s\n  %s\n  evidence: %s\n  sources: %s\n", rules_id_text(rule->id, text),
	    roles[rule->role], rule->sentence,
	    rules_evidence_word((enum rules_evidence)rule->evidence), rule->source);
	if (rule->note)
		SAY(&out, "  %s\n", rule->note);
	return out.r;
}
