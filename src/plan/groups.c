/*
 * Outcomes that differ only in details are one line to a person: grouped by what plan_headline
 * tells of them.
 */
#include "plan/internal.h"

bool plan_is_alike(const struct rules_outcome *a, const struct rules_outcome *b)
{
	return a->restore == b->restore && a->mgmt == b->mgmt && a->then == b->then &&
	       (a->restore != RULES_POSSIBLE || a->assistant == b->assistant);
}

void plan_groups_make(struct plan_groups *groups, const struct rules_set *set)
{
	groups->count = 0;
	for (size_t i = 0; i < set->count; i++) {
		size_t at = 0;

		while (at < groups->count &&
		       !plan_is_alike(&set->outcomes[groups->first[at]], &set->outcomes[i]))
			at++;
		if (at == groups->count && at < PLAN_GROUPS_MAX)
			groups->first[groups->count++] = i;
	}
}
