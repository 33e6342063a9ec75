/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/forward/rtt.h"
#include "../../../src/forward/wheel.h"
#include "base/check.h"
#include "base/random.h"

#define N_TIMERS 300
#define ROUNDS 20000

static struct wheel *new_wheel(uint64_t now_ms)
{
	struct wheel *wheel = mem_alloc(sizeof(*wheel));

	wheel_init(wheel, now_ms);
	return wheel;
}

static void test_order(void **state)
{
	struct wheel *wheel = new_wheel(8190);
	struct wheel_timer timers[4] = {0};

	wheel_set(wheel, &timers[0], 8200);
	wheel_set(wheel, &timers[1], 8191);
	wheel_set(wheel, &timers[2], 5);
	wheel_set(wheel, &timers[3], 8193);
	wheel_clear(wheel, &timers[3]);
	assert_ptr_equal(wheel_take(wheel, 8190), &timers[2]);
	assert_null(wheel_take(wheel, 8190));
	assert_int_equal(wheel_next_ms(wheel), 8191);
	assert_ptr_equal(wheel_take(wheel, 9000), &timers[1]);
	assert_ptr_equal(wheel_take(wheel, 9000), &timers[0]);
	assert_null(wheel_take(wheel, 9000));
	assert_true(wheel_next_ms(wheel) == UINT64_MAX);
	free(wheel);
}

static void test_too_far_comes_early(void **state)
{
	struct wheel *wheel = new_wheel(0);
	struct wheel_timer timer = {0};

	wheel_set(wheel, &timer, 1000000);
	assert_null(wheel_take(wheel, WHEEL_SLOTS - 2));
	assert_ptr_equal(wheel_take(wheel, WHEEL_SLOTS - 1), &timer);
	free(wheel);
}

/* Every timer comes exactly when it is due, whatever is set, moved and cleared meanwhile. */
static void test_against_a_model(void **state)
{
	struct wheel *wheel = new_wheel(77);
	struct wheel_timer timers[N_TIMERS] = {0};
	uint64_t due[N_TIMERS] = {0}, now = 77; /* 0: not set */
	struct random random = {.state = 3};
	struct wheel_timer *timer;

	for (int round = 0; round < ROUNDS; round++) {
		uint32_t i = random_below(&random, N_TIMERS);
		uint64_t last = 0, first = UINT64_MAX;

		if (random_below(&random, 4) == 0) {
			wheel_clear(wheel, &timers[i]);
			due[i] = 0;
		} else {
			due[i] = now + random_below(&random, 6000);
			wheel_set(wheel, &timers[i], due[i]);
		}
		for (i = 0; i < N_TIMERS; i++)
			first = due[i] != 0 && due[i] < first ? due[i] : first;
		assert_true(wheel_next_ms(wheel) <= first);
		now += random_below(&random, 3) == 0 ? random_below(&random, 900) : 0;
		while ((timer = wheel_take(wheel, now)) != NULL) {
			size_t k = (size_t)(timer - timers);

			assert_true(due[k] != 0 && due[k] <= now && due[k] >= last);
			last = due[k];
			due[k] = 0;
		}
		for (i = 0; i < N_TIMERS; i++)
			assert_true(due[i] == 0 || due[i] > now);
	}
	free(wheel);
}

static void test_rtt(void **state)
{
	struct rtt rtt = {0};

	for (int i = 0; i < 15; i++)
		rtt_observe(&rtt, 1000);
	assert_int_equal(rtt.p95_us, 0);
	rtt_observe(&rtt, 1000);
	assert_in_range(rtt.p95_us, 1000, 1280);
	assert_in_range(rtt.smoothed_us, 1000, 1001);
	/* One in ten takes 50 ms: the percentile is theirs. One in fifty: it is not. */
	for (int i = 0; i < 2000; i++)
		rtt_observe(&rtt, i % 10 == 0 ? 50000 : 1000);
	assert_in_range(rtt.p95_us, 50000, 65536);
	for (int i = 0; i < 4000; i++)
		rtt_observe(&rtt, i % 50 == 0 ? 50000 : 1000);
	assert_in_range(rtt.p95_us, 1000, 1280);
	rtt_observe(&rtt, 0);
	rtt_observe(&rtt, UINT64_MAX / 16);
	assert_true(rtt.n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_too_far_comes_early),
		cmocka_unit_test(test_against_a_model),
		cmocka_unit_test(test_rtt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
