/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/counter.h"

static void test_counter(void **state)
{
	uint64_t counter = 0;

	counter_add(&counter, 1);
	counter_add(&counter, 41);
	assert_int_equal(counter_read(&counter), 42);
	counter_set(&counter, 7);
	assert_int_equal(counter_read(&counter), 7);
}

static void test_bounds_are_inclusive(void **state)
{
	static const struct histogram_bounds bounds = {.n = 3, .le = {0, 10, 20}};
	static const struct {
		uint64_t value;
		size_t want;
	} cases[] = {{0, 0}, {1, 1}, {10, 1}, {11, 2}, {20, 2}, {21, 3}, {UINT64_MAX / 2, 3}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct histogram histogram = {0};

		histogram_observe(&histogram, &bounds, cases[i].value);
		if (histogram.counts[cases[i].want] != 1)
			fail_msg("%llu is not in bucket %zu", (unsigned long long)cases[i].value,
				 cases[i].want);
		assert_int_equal(histogram.sum, cases[i].value);
	}
}

static void test_all_bounds_can_be_used(void **state)
{
	struct histogram_bounds bounds = {.n = HISTOGRAM_BOUNDS_MAX};
	struct histogram histogram = {0};

	for (size_t i = 0; i < bounds.n; i++)
		bounds.le[i] = i;
	for (size_t i = 0; i <= bounds.n; i++)
		histogram_observe(&histogram, &bounds, i);
	for (size_t i = 0; i <= bounds.n; i++)
		assert_int_equal(histogram.counts[i], 1);
}

static void test_merge_adds(void **state)
{
	static const struct histogram_bounds bounds = {.n = 1, .le = {5}};
	struct histogram a = {0}, b = {0}, sum = {0};

	histogram_observe(&a, &bounds, 5);
	histogram_observe(&a, &bounds, 6);
	histogram_observe(&b, &bounds, 7);
	histogram_merge(&sum, &a);
	histogram_merge(&sum, &b);
	assert_int_equal(sum.counts[0], 1);
	assert_int_equal(sum.counts[1], 2);
	assert_int_equal(sum.sum, 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_bounds_are_inclusive),
		cmocka_unit_test(test_all_bounds_can_be_used),
		cmocka_unit_test(test_merge_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
