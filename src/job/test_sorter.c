/* rows come out in order of their ids, from memory and from spilled runs alike */
#include "job/sorter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

/* record_of - the n-th record of a sequence that is in no order: a multiplicative scramble of n */
static struct sorter_record record_of(uint32_t n)
{
	struct sorter_record record = {.size = n};

	put_u32be(record.id, n * 2654435761u);
	return record;
}

static void comes_out_in_order(uint32_t count)
{
	struct sorter *sorter = NULL;
	struct err err = ERR_INIT;
	uint8_t last[20] = {0};
	uint32_t seen = 0;
	uint64_t sum = 0;

	assert_int_equal(sorter_new(&sorter, &err), 0);
	for (uint32_t n = 0; n < count; n++) {
		struct sorter_record record = record_of(n);

		assert_int_equal(sorter_add(sorter, &record, &err), 0);
	}
	assert_int_equal(sorter_sort(sorter, &err), 0);
	for (const struct sorter_record *at; (at = sorter_peek(sorter)); seen++) {
		struct sorter_record expected = record_of((uint32_t)at->size);

		assert_memory_equal(at->id, expected.id, sizeof(at->id));
		assert_true(memcmp(last, at->id, sizeof(last)) <= 0);
		memcpy(last, at->id, sizeof(last));
		sum += at->size;
		assert_int_equal(sorter_take(sorter, &err), 0);
	}
	assert_int_equal(seen, count);
	assert_true(sum == (uint64_t)count * (count - (count > 0)) / 2);
	sorter_free(sorter);
}

static void none_is_none(void **state)
{
	comes_out_in_order(0);
}

static void a_few_stay_in_memory(void **state)
{
	comes_out_in_order(1);
	comes_out_in_order(1000);
}

static void a_full_run_and_one_more_spill(void **state)
{
	comes_out_in_order(SORTER_RUN);
	comes_out_in_order(SORTER_RUN + 1);
}

static void several_runs_merge(void **state)
{
	comes_out_in_order(3 * SORTER_RUN + 17);
}

static void the_same_id_twice_comes_out_twice(void **state)
{
	struct sorter *sorter = NULL;
	struct err err = ERR_INIT;
	struct sorter_record record = record_of(5);

	assert_int_equal(sorter_new(&sorter, &err), 0);
	assert_int_equal(sorter_add(sorter, &record, &err), 0);
	assert_int_equal(sorter_add(sorter, &record, &err), 0);
	assert_int_equal(sorter_sort(sorter, &err), 0);
	assert_non_null(sorter_peek(sorter));
	assert_int_equal(sorter_take(sorter, &err), 0);
	assert_non_null(sorter_peek(sorter));
	assert_int_equal(sorter_take(sorter, &err), 0);
	assert_null(sorter_peek(sorter));
	sorter_free(sorter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(a_few_stay_in_memory),
		cmocka_unit_test(a_full_run_and_one_more_spill),
		cmocka_unit_test(several_runs_merge),
		cmocka_unit_test(the_same_id_twice_comes_out_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
