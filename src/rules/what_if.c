/*
 * Questions about an outcome: which fact would have changed it, and may it be forced?
 */
#include "rules/internal.h"

/* ---- what would change the answer -------------------------------------------------------- */

static bool evaluate_known(const struct rules_facts *facts, const struct rules_switches *switches,
			   struct rules_outcome *out)
{
	return !rules_evaluate(facts, switches, out, NULL) && out->restore != RULES_INVALID;
}

/* values to try: all words of the field, or one version of each OS range */
static size_t values_of(enum rules_field field, uint16_t *values, size_t max)
{
	const struct rules_regime *regime;
	size_t i, count = 0;

	if (!field_is_version(field)) {
		for (i = 0; i < field_value_count(field) && count < max; i++)
			if (field_row(field)->values[i].code)
				values[count++] = (uint16_t)(i + 1);
		return count;
	}
	for (i = 0; (regime = rules_regime_at(i)) && count < max; i++)
		values[count++] = regime->first;
	return count;
}

/* the first value of @field with another answer than @now */
static bool find_change(const struct rules_facts *facts, const struct rules_switches *switches,
			const struct rules_outcome *now, enum rules_field field,
			struct rules_change *change)
{
	uint16_t values[16];
	size_t i, count = values_of(field, values, ARRAY_COUNT(values));

	for (i = 0; i < count; i++) {
		struct rules_facts other = *facts;
		struct rules_outcome then;

		other.value[field] = values[i];
		if (!evaluate_known(&other, switches, &then))
			continue;
		if (then.restore == now->restore && then.assistant == now->assistant &&
		    then.mgmt == now->mgmt)
			continue;
		*change = (struct rules_change){.field = field,
						.value = values[i],
						.restore = then.restore,
						.assistant = then.assistant,
						.mgmt = then.mgmt};
		return true;
	}
	return false;
}

size_t rules_would_change(const struct rules_facts *facts, const struct rules_switches *switches,
			  struct rules_change *out, size_t max)
{
	struct rules_facts usual = *facts;
	struct rules_outcome now;
	size_t field, count = 0;

	rules_facts_assume(&usual);
	if (!evaluate_known(&usual, switches, &now))
		return 0;
	for (field = 0; field < RULES_FIELD_COUNT && count < max; field++)
		if (field != RULES_SCENARIO &&
		    find_change(&usual, switches, &now, field, &out[count]))
			count++;
	return count;
}

/* ---- forcing -------------------------------------------------------------------------------- */

bool rules_avoids_management(const struct rules_facts *facts, const struct rules_outcome *outcome)
{
	bool is_set_up = facts->value[RULES_RESET] == RULES_NOT_RESET;
	uint16_t now = facts->value[RULES_NOW];
	bool is_unmanaged = !is_set_up && outcome->mgmt == RULES_MGMT_NONE;

	if (is_set_up && now == RULES_THIS && outcome->mgmt != RULES_MGMT_THIS)
		return true;
	if (is_set_up && now == RULES_OTHER && outcome->mgmt != RULES_MGMT_OTHER &&
	    outcome->mgmt != RULES_MGMT_THIS_NEW)
		return true;
	if (is_set_up && facts->value[RULES_NOW_SUPERVISED] == RULES_YES &&
	    outcome->before.supervised != RULES_TRUE)
		return true;
	return is_unmanaged && outcome->restore == RULES_POSSIBLE &&
	       outcome->assistant != RULES_WAITS && facts->value[RULES_ADE] != RULES_NONE &&
	       facts->value[RULES_PROFILE] != RULES_NO;
}

enum rules_force rules_force(const struct rules_facts *facts, const struct rules_switches *switches,
			     struct rules_outcome *out)
{
	struct rules_outcome refused;
	struct known known;
	struct eval eval;

	*out = (struct rules_outcome){0};
	if (rules_evaluate(facts, switches, &refused, NULL))
		return RULES_FORCE_NEVER;
	if (refused.restore != RULES_REFUSED_BY_POLICY)
		return RULES_FORCE_NEEDLESS;
	known_from_facts(&known, facts);
	eval_begin(&eval, &known, switches);
	eval.is_forced = true;
	eval_finish(&eval);
	if (eval.is_short || eval.out.restore != RULES_POSSIBLE ||
	    rules_avoids_management(facts, &eval.out))
		return RULES_FORCE_NEVER;
	*out = eval.out;
	return RULES_FORCE_ALLOWED;
}
