/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/check.h"
#include "base/rcu.h"

#define ROUNDS 2000
#define DEAD 0xdeadu

struct shared {
	uint32_t *current; /* published */
	int is_done;
};

/* What is read while in is never freed or overwritten. */
static void *read_rounds(void *arg)
{
	struct shared *shared = arg;
	size_t n_wrong = 0;

	rcu_register();
	while (!__atomic_load_n(&shared->is_done, __ATOMIC_ACQUIRE)) {
		rcu_enter();

		const uint32_t *value = __atomic_load_n(&shared->current, __ATOMIC_ACQUIRE);

		for (int i = 0; i < 10; i++)
			n_wrong += *(const volatile uint32_t *)value == DEAD;
		rcu_leave();
	}
	rcu_unregister();
	return (void *)n_wrong;
}

static void test_wait_outlasts_readers(void **state)
{
	struct shared shared = {.current = mem_zalloc(sizeof(uint32_t))};
	pthread_t readers[2];

	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_rounds, &shared), 0);
	rcu_register();
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint32_t *old = shared.current;
		uint32_t *new = mem_alloc(sizeof(*new));

		*new = round;
		__atomic_store_n(&shared.current, new, __ATOMIC_RELEASE);
		rcu_wait();
		*old = DEAD;
		free(old);
	}
	rcu_unregister();
	__atomic_store_n(&shared.is_done, 1, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		void *n_wrong;

		pthread_join(readers[i], &n_wrong);
		assert_null(n_wrong);
	}
	free(shared.current);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wait_outlasts_readers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
