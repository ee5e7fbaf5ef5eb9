/*
 * Answers remembered: of ten thousand devices most are alike, and what little is known of a device
 * can leave thousands of outcomes to find.
 *
 * Searched from end to end, which costs less than the cheapest answer.  When it is full everything
 * is forgotten: the rows of a sorted fleet do not come back to what was before.
 */
#include "plan/internal.h"

#include <stdlib.h>
#include <string.h>

int plan_memo_new(struct plan_memo **out, const struct rules_switches *switches, struct err *err)
{
	struct plan_memo *memo = calloc(1, sizeof(*memo));

	if (!memo)
		return err_no_memory(err);
	if (switches)
		memo->switches = *switches;
	memo->fresh = PLAN_ANSWER_INIT;
	*out = memo;
	return 0;
}

static void forget_all(struct plan_memo *memo)
{
	for (size_t i = 0; i < memo->count; i++)
		plan_answer_clear(&memo->entries[i].answer);
	memo->count = 0;
	memo->outcomes = 0;
}

void plan_memo_free_p(struct plan_memo **memo)
{
	if (!*memo)
		return;
	forget_all(*memo);
	plan_answer_clear(&(*memo)->fresh);
	free(*memo);
	*memo = NULL;
}

static struct plan_answer *find(struct plan_memo *memo, const struct rules_facts *facts)
{
	for (size_t i = 0; i < memo->count; i++)
		if (memcmp(&memo->entries[i].facts, facts, sizeof(*facts)) == 0)
			return &memo->entries[i].answer;
	return NULL;
}

static int remember(struct plan_memo *memo, const struct rules_facts *facts, struct err *err)
{
	size_t outcomes = memo->fresh.set.count;
	struct plan_memo_entry *entry;
	int r;

	if (outcomes > PLAN_MEMO_OUTCOMES)
		return 0;
	if (memo->count == PLAN_MEMO_ANSWERS || memo->outcomes > PLAN_MEMO_OUTCOMES - outcomes)
		forget_all(memo);
	entry = &memo->entries[memo->count];
	entry->facts = *facts;
	entry->answer = memo->fresh;
	entry->answer.set = RULES_SET_INIT;
	r = rules_set_copy(&entry->answer.set, &memo->fresh.set, err);
	if (r < 0)
		return r;
	memo->count++;
	memo->outcomes += outcomes;
	return 0;
}

int plan_memo_answer(struct plan_memo *memo, struct plan_case *kase, bool assumes,
		     const struct plan_answer **out, struct err *err)
{
	uint64_t assumed = assumes ? plan_case_assume(kase) : 0;
	struct plan_answer *answer = find(memo, &kase->facts);
	int r;

	if (!answer) {
		answer = &memo->fresh;
		r = plan_answer_ask(answer, &kase->facts, &memo->switches, err);
		if (r == 0)
			r = remember(memo, &kase->facts, err);
		if (r < 0)
			return r;
	}
	answer->assumed = assumed;
	answer->age = rules_age(&kase->dates, &answer->age_next);
	*out = answer;
	return 0;
}
