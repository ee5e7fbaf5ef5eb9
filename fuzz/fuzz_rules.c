/* any words for facts: refused, or an outcome that every column prints and every rule explains */
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct rules_outcome *outcome)
{
	char text[RULES_TEXT_MAX];
	size_t i;

	for (i = 0; i < RULES_COLUMN_COUNT; i++) {
		rules_outcome_text(outcome, i, RULES_CODES, text);
		rules_outcome_text(outcome, i, RULES_WORDS, text);
	}
	for (i = 0; i < RULES_WHY_MAX && outcome->rules[i]; i++)
		if (!rules_rule(outcome->rules[i]))
			abort();
}

/* words between spaces, one for each field in turn; what is refused stays as is usual */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rules_facts facts = {0};
	struct rules_outcome outcome;
	struct err err = ERR_INIT;
	char words[2048], *at = words, *word;
	size_t field;

	if (len >= sizeof(words))
		return 0;
	memcpy(words, bytes, len);
	words[len] = '\0';
	for (field = 0; field < RULES_FIELD_COUNT && (word = strsep(&at, " \n")); field++)
		rules_facts_set(&facts, (enum rules_field)field, word, RULES_CODES, &err);
	rules_facts_assume(&facts);
	if (rules_evaluate(&facts, NULL, &outcome, NULL))
		abort();
	if ((outcome.restore == RULES_INVALID) != (rules_facts_check(&facts, &err) < 0))
		abort();
	check(&outcome);
	return 0;
}
