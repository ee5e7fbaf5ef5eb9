/* What the tests of this room share: the named vectors, and random facts. */
#ifndef REHOME_RULES_TESTING_H
#define REHOME_RULES_TESTING_H

#include "rules/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { VECTORS_MAX = 200 };

/* set_named - rules_facts_set for the field called @name */
static inline int set_named(struct rules_facts *facts, const char *name, const char *word,
			    enum rules_spelling spelling, struct err *err)
{
	enum rules_field field = rules_field_find(name, spelling);

	return field == RULES_FIELD_COUNT ? ERR_USAGE
					  : rules_facts_set(facts, field, word, spelling, err);
}

/* struct vector - a row of tests/data/rules/vectors.csv */
struct vector {
	char id[8];
	struct rules_facts facts;
	char out[RULES_COLUMN_COUNT][RULES_TEXT_MAX];
};

static struct vector vectors[VECTORS_MAX];
static size_t vector_count;

/* columns of the file: a field, an out column, or neither */
struct vector_column {
	enum rules_field field;
	enum rules_column column;
};

static struct vector_column vector_column(const char *title)
{
	struct vector_column found = {RULES_FIELD_COUNT, RULES_COLUMN_COUNT};
	size_t i;

	if (!strncmp(title, "in_", 3)) {
		found.field = rules_field_find(title + 3, RULES_CODES);
		assert_int_not_equal(found.field, RULES_FIELD_COUNT);
	}
	for (i = 0; !strncmp(title, "out_", 4) && i < RULES_COLUMN_COUNT; i++)
		if (!strcmp(title + 4, rules_column_name(i, RULES_CODES)))
			found.column = i;
	return found;
}

static void vector_row(char *line, const struct vector_column *columns, size_t count)
{
	struct vector *vector = &vectors[vector_count++];
	struct err err = ERR_INIT;
	size_t i;

	assert_true(vector_count < VECTORS_MAX);
	for (i = 0; i < count; i++) {
		const char *cell = strsep(&line, ",");

		assert_non_null(cell);
		if (columns[i].field < RULES_FIELD_COUNT) {
			if (rules_facts_set(&vector->facts, columns[i].field, cell, RULES_CODES,
					    &err) < 0)
				fail_msg("%s: %s", vector->id, err.text);
		} else if (columns[i].column < RULES_COLUMN_COUNT) {
			snprintf(vector->out[columns[i].column], RULES_TEXT_MAX, "%s", cell);
		} else {
			assert_int_equal(i, 0);
			snprintf(vector->id, sizeof(vector->id), "%s", cell);
		}
	}
	assert_null(line);
}

static inline void vectors_read(void)
{
	struct vector_column columns[RULES_FIELD_COUNT + RULES_COLUMN_COUNT + 1];
	const char *root = getenv("REHOME_SOURCE_ROOT");
	char path[4096], line[8192], *at = line, *title;
	size_t count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/data/rules/vectors.csv", root ? root : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	line[strcspn(line, "\r\n")] = '\0';
	for (; (title = strsep(&at, ",")); count++) {
		assert_true(count < ARRAY_COUNT(columns));
		columns[count] = vector_column(title);
	}
	assert_int_equal(count, ARRAY_COUNT(columns));
	vector_count = 0;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		vector_row(line, columns, count);
	}
	fclose(file);
}

static inline const struct vector *vector_named(const char *id)
{
	size_t i;

	for (i = 0; i < vector_count; i++)
		if (!strcmp(vectors[i].id, id))
			return &vectors[i];
	fail_msg("no vector %s", id);
	return NULL;
}

/* ---- seeded facts -------------------------------------------------------------------- */

static uint64_t testing_state;

static inline uint64_t testing_number(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static inline void testing_seed(void)
{
	testing_state = testing_number("REHOME_SEED", 1);
	print_message("seed %llu\n", (unsigned long long)testing_state);
}

static inline size_t testing_below(size_t limit)
{
	testing_state = testing_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (size_t)((testing_state >> 33) % limit);
}

/* consistent facts, each known; every combination that the rules tell apart may come */
static inline struct rules_facts testing_random_facts(void)
{
	static const uint16_t versions[] = {
		RULES_OS_VERSION(13, 0), RULES_OS_VERSION(18, 7), RULES_OS_VERSION(25, 99),
		RULES_OS_VERSION(26, 0), RULES_OS_VERSION(26, 3), RULES_OS_VERSION(26, 4),
		RULES_OS_VERSION(26, 9), RULES_OS_VERSION(27, 0), RULES_OS_VERSION(28, 1)};
	struct rules_facts facts = {0};
	struct known known;
	size_t field, i, first = testing_below(RULES_FIELD_COUNT);

	known_from_facts(&known, &facts);
	for (i = 0; i < RULES_FIELD_COUNT; i++) {
		uint8_t *may;

		field = (first + i) % RULES_FIELD_COUNT;
		if (field_is_version(field)) {
			facts.value[field] = versions[testing_below(ARRAY_COUNT(versions))];
			continue;
		}
		may = &known.may[field];
		do
			facts.value[field] =
				(uint16_t)(1 + testing_below(field_value_count(field)));
		while (!(*may & VALUE_BIT(facts.value[field])));
		*may = (uint8_t)VALUE_BIT(facts.value[field]);
		assert_true(known_settle(&known));
	}
	if (facts.value[RULES_BACKUP_OS] > facts.value[RULES_OS] && testing_below(8))
		facts.value[RULES_BACKUP_OS] = facts.value[RULES_OS];
	return facts;
}

#endif
