/*
 * Outcomes that differ only in details are one line to a person: grouped by what happens to the
 * restore, Setup Assistant, management and content.
 */
#include "plan/internal.h"

void plan_groups_make(struct plan_groups *groups, const struct rules_set *set)
{
	groups->count = 0;
	for (size_t i = 0; i < set->count; i++) {
		size_t at = 0;

		while (at < groups->count &&
		       !rules_outcome_same_head(&set->outcomes[groups->first[at]],
						&set->outcomes[i]))
			at++;
		if (at == PLAN_GROUPS_MAX)
			at--;
		if (at == groups->count) {
			groups->first[at] = i;
			groups->sizes[at] = 0;
			groups->count++;
		}
		groups->sizes[at]++;
	}
}
