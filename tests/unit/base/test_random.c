/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

#define DRAWS 100000

/* A fixed seed: the outcome is always the same. */
static void test_below_is_uniform(void **state)
{
	static const uint32_t bounds[] = {1, 2, 3, 7, 10, 100};

	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		struct random random = {.state = 1};
		unsigned counts[100] = {0};
		unsigned want = DRAWS / bounds[i];

		for (int draw = 0; draw < DRAWS; draw++) {
			uint32_t value = random_below(&random, bounds[i]);

			assert_true(value < bounds[i]);
			counts[value]++;
		}
		for (uint32_t value = 0; value < bounds[i]; value++) {
			if (counts[value] < want * 85 / 100 || counts[value] > want * 115 / 100 + 1)
				fail_msg("below %u: %u came %u times, not about %u", bounds[i],
					 value, counts[value], want);
		}
	}
}

static void test_the_largest_bound(void **state)
{
	struct random random = {.state = 1};
	uint32_t all = 0;

	for (int draw = 0; draw < 1000; draw++)
		all |= random_below(&random, UINT32_MAX);
	assert_int_equal(all, UINT32_MAX);
}

static void test_seeds_differ(void **state)
{
	struct random a, b;

	random_init(&a);
	random_init(&b);
	assert_true(a.state != b.state);
	assert_true(random_next(&a) != random_next(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below_is_uniform),
		cmocka_unit_test(test_the_largest_bound),
		cmocka_unit_test(test_seeds_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
