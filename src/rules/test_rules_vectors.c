/* the named cases of the fact sheets come out as they stand there */
#include "rules/testing.h"

static void every_named_vector_comes_out_equal_in_every_column(void **state)
{
	char text[RULES_TEXT_MAX];
	size_t i, column, wrong = 0;

	assert_int_equal(vector_count, 73);
	for (i = 0; i < vector_count; i++) {
		const struct vector *vector = &vectors[i];
		struct rules_outcome outcome;

		assert_int_equal(rules_evaluate(&vector->facts, NULL, &outcome, NULL), 0);
		for (column = 0; column < RULES_COLUMN_COUNT; column++) {
			rules_outcome_text(&outcome, column, RULES_CODES, text);
			if (!strcmp(text, vector->out[column]))
				continue;
			print_error("%s %s: \"%s\", not \"%s\"\n", vector->id,
				    rules_column_name(column, RULES_CODES), text,
				    vector->out[column]);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static int setup(void **state)
{
	vectors_read();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_named_vector_comes_out_equal_in_every_column),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
