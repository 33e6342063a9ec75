/* SPDX-License-Identifier: Apache-2.0
 *
 * The random order: a permutation each time, uniform at every place, restored to the identity after
 * use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../../src/query/order.h"

static void test_permutation(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 15, 100, 5000, ORDER_MAX, ORDER_MAX + 1, 70000};
	struct order *order = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i];
		uint8_t *seen = mem_zalloc(n);

		order_begin(order, n);
		for (uint32_t k = 0; k < n; k++) {
			uint32_t place = order_draw(order);

			assert_true(place < n);
			assert_int_equal(seen[place], 0);
			seen[place] = 1;
		}
		order_end(order);
		free(seen);
	}
	for (uint32_t i = 0; i < ORDER_MAX; i++)
		assert_int_equal(order->places[i], i);
}

/* users.md 6.4: with 15 endpoints none may be first more often; chi-square over first and second
 * place. */
static void test_uniform(void **state)
{
	enum { N = 15, ROUNDS = 150000 };
	struct order *order = *state;
	unsigned counts[2][N] = {0};

	for (unsigned round = 0; round < ROUNDS; round++) {
		order_begin(order, N);
		counts[0][order_draw(order)]++;
		counts[1][order_draw(order)]++;
		order_end(order);
	}
	for (int place = 0; place < 2; place++) {
		double chi = 0, want = (double)ROUNDS / N;

		for (int i = 0; i < N; i++)
			chi += (counts[place][i] - want) * (counts[place][i] - want) / want;
		assert_true(chi < 60); /* 14 degrees of freedom: p < 1e-6 */
	}
}

static int setup(void **state)
{
	struct order *order = mem_alloc(sizeof(*order));

	order_init(order);
	*state = order;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_permutation),
					   cmocka_unit_test(test_uniform)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
