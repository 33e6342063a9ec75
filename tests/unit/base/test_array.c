/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"

struct pair {
	int a, b;
};

static void test_push_keeps_order(void **state)
{
	ARRAY(struct pair) pairs = {0};

	for (int i = 0; i < 1000; i++)
		ARRAY_PUSH(&pairs, ((struct pair){i, -i}));
	assert_int_equal(pairs.len, 1000);
	assert_true(pairs.cap >= pairs.len);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pairs.items[i].a, i);
		assert_int_equal(pairs.items[i].b, -i);
	}
	ARRAY_FINI(&pairs);
}

static void test_push_of_its_own_element(void **state)
{
	ARRAY(int) numbers = {0};

	ARRAY_PUSH(&numbers, 42);
	for (int i = 0; i < 100; i++)
		ARRAY_PUSH(&numbers, numbers.items[0]);
	for (size_t i = 0; i < numbers.len; i++)
		assert_int_equal(numbers.items[i], 42);
	ARRAY_FINI(&numbers);
}

static void test_fini_leaves_an_empty_array(void **state)
{
	ARRAY(char) bytes = {0};

	ARRAY_FINI(&bytes);
	ARRAY_PUSH(&bytes, 'x');
	ARRAY_FINI(&bytes);
	assert_null(bytes.items);
	assert_int_equal(bytes.len, 0);
	ARRAY_PUSH(&bytes, 'y');
	assert_int_equal(bytes.items[0], 'y');
	ARRAY_FINI(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push_keeps_order),
		cmocka_unit_test(test_push_of_its_own_element),
		cmocka_unit_test(test_fini_leaves_an_empty_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
