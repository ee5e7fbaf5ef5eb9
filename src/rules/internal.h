/* What the files of this room share: the tables' shapes, and the evaluation between its files. */
#ifndef REHOME_RULES_INTERNAL_H
#define REHOME_RULES_INTERNAL_H

#include "rules/rules.h"

#define FIELD_BIT(field) (1ULL << (field))

/* struct word - one value in both vocabularies */
struct word {
	const char *code, *word;
};

/* what it costs to find a fact out, cheapest first */
enum field_cost { COST_SNAPSHOT, COST_DEVICE, COST_SERVICE, COST_PERSON };

enum { FIELD_VALUES_MAX = 6 };
/* struct field_row - a field as data; a version has no values */
struct field_row {
	const char *code, *word, *question;
	uint8_t cost;    /* enum field_cost */
	uint8_t assumed; /* the usual value, 0: see rules_facts_assume */
	struct word values[FIELD_VALUES_MAX];
};
const struct field_row *field_row(enum rules_field field);
/* field_value_count - values of a field are 1 ... count; 0 for versions */
size_t field_value_count(enum rules_field field);
static inline bool field_is_version(enum rules_field field)
{
	return field == RULES_OS || field == RULES_BACKUP_OS;
}

/* struct contradiction - two facts that cannot both hold; NULL: none among the known */
struct contradiction {
	enum rules_field a, b;
	const char *reason;
};
const struct contradiction *facts_contradiction(const struct rules_facts *facts);

#endif
