/*
 * Asking the engine, and what its answer means for a restore that is about to start.
 */
#include "plan/internal.h"

#include <string.h>

void plan_answer_clear(struct plan_answer *answer)
{
	rules_set_clear(&answer->set);
}

static void find_usual(struct plan_answer *answer, const struct rules_facts *facts,
		       const struct rules_switches *switches)
{
	struct rules_facts usual = *facts;

	answer->has_usual = false;
	if (answer->set.count < 2)
		return;
	rules_facts_assume(&usual);
	answer->has_usual = rules_evaluate(&usual, switches, &answer->usual, NULL) == 0 &&
			    answer->usual.restore != RULES_INVALID;
}

uint64_t plan_case_assume(struct plan_case *kase)
{
	uint64_t assumed = rules_facts_assume(&kase->facts);

	for (int i = 0; i < RULES_FIELD_COUNT; i++)
		if (assumed >> i & 1)
			plan_case_set(kase, (enum rules_field)i, kase->facts.value[i], PLAN_USUAL,
				      NULL);
	return assumed;
}

int plan_answer_ask(struct plan_answer *answer, const struct rules_facts *facts,
		    const struct rules_switches *switches, struct err *err)
{
	int r = rules_outcomes(&answer->set, facts, switches, err);

	if (r < 0)
		return r;
	find_usual(answer, facts, switches);
	answer->change_count =
		rules_would_change(facts, switches, answer->changes, PLAN_CHANGES_MAX);
	return 0;
}

int plan_answer_make(struct plan_answer *answer, struct plan_case *kase,
		     const struct rules_switches *switches, bool assumes, struct err *err)
{
	answer->assumed = assumes ? plan_case_assume(kase) : 0;
	answer->age = rules_age(&kase->dates, &answer->age_next);
	return plan_answer_ask(answer, &kase->facts, switches, err);
}

enum plan_gate plan_answer_gate(const struct plan_answer *answer, const struct plan_case *kase,
				const struct rules_switches *switches,
				const struct rules_outcome **why)
{
	size_t refused = 0;
	struct rules_outcome forced;

	*why = NULL;
	for (size_t i = 0; i < answer->set.count; i++)
		if (answer->set.outcomes[i].restore != RULES_POSSIBLE) {
			refused++;
			if (!*why)
				*why = &answer->set.outcomes[i];
		}
	if (refused == 0)
		return PLAN_GOES;
	if (refused < answer->set.count)
		return PLAN_DEPENDS;
	return rules_force(&kase->facts, switches, &forced) == RULES_FORCE_ALLOWED ? PLAN_STOPPED
										   : PLAN_FORBIDDEN;
}
