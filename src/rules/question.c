/*
 * The question to ask next: the unknown fact whose values part the outcomes most evenly.
 *
 * What a person sees first counts first (restore, Setup Assistant, management), then the whole
 * answer; of questions that part equally well the cheaper one is asked.
 */
#include "rules/internal.h"

#include <stdlib.h>
#include <string.h>

/* outcomes that differ in their reasons only are one and the same to who asks */
static int by_answer(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	size_t from = offsetof(struct rules_outcome, errors);

	return memcmp((const uint8_t *)x->outcome + from, (const uint8_t *)y->outcome + from,
		      offsetof(struct rules_outcome, after) - from);
}

/* put groups of the same answer together; returns how many are left */
static size_t merge(struct group *groups, size_t count)
{
	size_t i, field, kept = 0;

	qsort(groups, count, sizeof(*groups), by_answer);
	for (i = 1; i < count; i++) {
		if (by_answer(&groups[kept], &groups[i])) {
			groups[++kept] = groups[i];
			continue;
		}
		for (field = 0; field < RULES_FIELD_COUNT; field++)
			groups[kept].may[field] |= groups[i].may[field];
	}
	return kept + 1;
}

enum { HEADS_MAX = 256 };

/* number what people see first; heads beyond the last count as one */
static void number_heads(struct group *groups, size_t count)
{
	const struct rules_outcome *heads[HEADS_MAX];
	size_t i, head, seen = 0;

	for (i = 0; i < count; i++) {
		for (head = 0; head < seen; head++)
			if (rules_outcome_same_head(heads[head], groups[i].outcome))
				break;
		if (head == seen && seen < HEADS_MAX)
			heads[seen++] = groups[i].outcome;
		groups[i].head = head < HEADS_MAX ? head : HEADS_MAX - 1;
	}
}

/* struct score - what a question leaves open; smaller is better, the first members first */
struct score {
	size_t most_heads, sum_heads, most, sum, values;
};

/* what is left when @field turns out to be the value of @bit */
static void score_value(struct score *score, const struct group *groups, size_t count,
			enum rules_field field, uint8_t bit)
{
	bool has_head[HEADS_MAX] = {false};
	size_t i, left = 0, heads = 0;

	for (i = 0; i < count; i++) {
		if (!(groups[i].may[field] & bit))
			continue;
		left++;
		heads += !has_head[groups[i].head];
		has_head[groups[i].head] = true;
	}
	score->most = left > score->most ? left : score->most;
	score->most_heads = heads > score->most_heads ? heads : score->most_heads;
	score->sum += left;
	score->sum_heads += heads;
	score->values++;
}

static int compare(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static bool is_better(const struct score *a, enum rules_field field_a, const struct score *b,
		      enum rules_field field_b)
{
	int order = compare(a->most_heads, b->most_heads);

	if (!order)
		order = compare(a->sum_heads * b->values, b->sum_heads * a->values);
	if (!order)
		order = compare(a->most, b->most);
	if (!order)
		order = compare(a->sum * b->values, b->sum * a->values);
	if (!order)
		order = compare(field_row(field_a)->cost, field_row(field_b)->cost);
	return order < 0;
}

/* the field changes something if not every answer is reached by each of its values */
static bool changes_something(const struct group *groups, size_t count, enum rules_field field,
			      uint8_t *values)
{
	size_t i;

	*values = 0;
	for (i = 0; i < count; i++)
		*values |= groups[i].may[field];
	for (i = 0; i < count; i++)
		if (groups[i].may[field] != *values)
			return true;
	return false;
}

void question_find(struct rules_set *set, const struct rules_facts *facts, struct group *groups,
		   size_t count)
{
	struct score best = {0};
	size_t field;

	count = merge(groups, count);
	number_heads(groups, count);
	for (field = 0; field < RULES_FIELD_COUNT; field++) {
		struct score score = {0};
		uint8_t values;

		if (facts->value[field] || !changes_something(groups, count, field, &values))
			continue;
		set->open |= FIELD_BIT(field);
		for (; values; values &= (uint8_t)(values - 1))
			score_value(&score, groups, count, field, (uint8_t)(values & -values));
		if (set->question == RULES_FIELD_COUNT ||
		    is_better(&score, field, &best, set->question)) {
			best = score;
			set->question = field;
		}
	}
}
