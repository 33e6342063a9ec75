/* SPDX-License-Identifier: Apache-2.0
 *
 * The window over samples in virtual time: two workers on a process that may use half a CPU unless
 * the case says something else.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/saturation_window.h"
#include "base/check.h"

#define SECOND_NS 1000000000u
#define MS_NS 1000000u
#define N_WORKERS 2

struct bench {
	struct saturation_window window;
	struct saturation_sample sample;
	struct net_load workers[N_WORKERS];
};

static void bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	saturation_window_init(&bench->window, N_WORKERS);
	bench->sample.workers = bench->workers;
	bench->sample.cpus = 0.5;
	for (unsigned i = 0; i < N_WORKERS; i++)
		bench->workers[i].has_waits = true;
	bench->sample.now_ns = 5 * SECOND_NS;
	saturation_window_add(&bench->window, &bench->sample);
}

static void bench_fini(struct bench *bench)
{
	saturation_window_fini(&bench->window);
}

/* What happens within one second. */
struct second {
	unsigned n_waits[N_WORKERS];
	unsigned wait_ms[N_WORKERS]; /* of each */
	unsigned n_received[N_WORKERS], n_lost[N_WORKERS];
	double slots[N_WORKERS];
	unsigned cpu_ms[N_WORKERS];
	unsigned process_ms;
};

static void pass(struct bench *bench, const struct second *second, uint64_t passed_ns)
{
	bench->sample.now_ns += passed_ns;
	bench->sample.cpu_ns += (uint64_t)second->process_ms * MS_NS;
	for (unsigned i = 0; i < N_WORKERS; i++) {
		struct net_load *worker = &bench->workers[i];

		worker->n_waits += second->n_waits[i];
		worker->wait_ns += (uint64_t)second->n_waits[i] * second->wait_ms[i] * MS_NS;
		worker->n_received += second->n_received[i];
		worker->n_lost += second->n_lost[i];
		worker->slots = second->slots[i];
		worker->cpu_ns += (uint64_t)second->cpu_ms[i] * MS_NS;
	}
	saturation_window_add(&bench->window, &bench->sample);
}

static void pass_seconds(struct bench *bench, const struct second *second, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pass(bench, second, SECOND_NS);
}

static void expect(const char *name, const struct bench *bench, const struct saturation_parts *want)
{
	struct saturation_parts got = saturation_window_parts(&bench->window);

	if (fabs(got.queue - want->queue) > 1e-9 || fabs(got.slots - want->slots) > 1e-9 ||
	    fabs(got.cpu - want->cpu) > 1e-9 || fabs(got.largest - want->largest) > 1e-9)
		fail_msg("%s: queue %g slots %g cpu %g, largest %g; want %g %g %g, %g", name,
			 got.queue, got.slots, got.cpu, got.largest, want->queue, want->slots,
			 want->cpu, want->largest);
}

static void test_parts(void **state)
{
	static const struct {
		const char *name;
		struct second second;
		unsigned n_seconds;
		struct saturation_parts want;
	} cases[] = {
		{.name = "before any second"},
		{.name = "idle", .n_seconds = 30},
		{"short waits",
		 {.n_waits = {100, 100}, .wait_ms = {10, 0}},
		 30,
		 {.queue = 0.1, .largest = 0.1}},
		{"the worse worker counts",
		 {.n_waits = {100, 1}, .wait_ms = {10, 50}},
		 30,
		 {.queue = 0.5, .largest = 0.5}},
		{"long waits are full",
		 {.n_waits = {3, 0}, .wait_ms = {4000, 0}},
		 30,
		 {.queue = 1, .largest = 1}},
		{"wake-ups that neighbours delay are little",
		 {.n_waits = {100, 100}, .wait_ms = {4, 4}, .n_received = {500, 500}},
		 30,
		 {.queue = 0.04, .largest = 0.04}},
		{"one query in two hundred is lost",
		 {.n_waits = {100, 0}, .wait_ms = {5, 0}, .n_received = {995, 0}, .n_lost = {5, 0}},
		 30,
		 {.queue = 0.5, .largest = 0.5}},
		{"all are lost", {.n_lost = {0, 7}}, 30, {.queue = 1, .largest = 1}},
		{"the longer wait counts beside a smaller loss",
		 {.n_waits = {9, 0}, .wait_ms = {80, 0}, .n_received = {999, 0}, .n_lost = {1, 0}},
		 30,
		 {.queue = 0.8, .largest = 0.8}},
		{"slots", {.slots = {0.25, 0.75}}, 30, {.slots = 0.75, .largest = 0.75}},
		{"the quota: a quarter of half a CPU",
		 {.cpu_ms = {60, 60}, .process_ms = 125},
		 30,
		 {.cpu = 0.25, .largest = 0.25}},
		{"the quota is used up",
		 {.cpu_ms = {240, 240}, .process_ms = 505},
		 30,
		 {.cpu = 1, .largest = 1}},
		{"a thread is nearer to its end than the quota",
		 {.cpu_ms = {900, 0}, .process_ms = 0},
		 30,
		 {.cpu = 0.9, .largest = 0.9}},
		{"the window fills second by second",
		 {.n_waits = {9, 9}, .wait_ms = {200, 0}, .slots = {1, 0}, .cpu_ms = {500, 0}},
		 3,
		 {.queue = 0.3, .slots = 0.3, .cpu = 0.15, .largest = 0.3}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench bench;

		bench_init(&bench);
		pass_seconds(&bench, &cases[i].second, cases[i].n_seconds);
		expect(cases[i].name, &bench, &cases[i].want);
		bench_fini(&bench);
	}
}

/* However long one stall was, it is a tenth, and ten seconds later forgotten. */
static void test_one_stall(void **state)
{
	static const struct second idle, stall = {.n_waits = {1, 0}, .wait_ms = {50000, 0}};
	struct bench bench;

	bench_init(&bench);
	pass_seconds(&bench, &idle, 20);
	pass_seconds(&bench, &stall, 1);
	expect("at once", &bench, &(struct saturation_parts){.queue = 0.1, .largest = 0.1});
	pass_seconds(&bench, &idle, 9);
	expect("nine seconds later", &bench,
	       &(struct saturation_parts){.queue = 0.1, .largest = 0.1});
	pass_seconds(&bench, &idle, 1);
	expect("ten seconds later", &bench, &(struct saturation_parts){0});
	bench_fini(&bench);
}

/* Who hardly runs takes no sample each second: it is full in those, too. */
static void test_starved(void **state)
{
	static const struct second late = {.n_waits = {1, 0}, .wait_ms = {3900, 0}};
	struct bench bench;

	bench_init(&bench);
	pass(&bench, &late, 4 * (uint64_t)SECOND_NS);
	expect("four seconds", &bench, &(struct saturation_parts){.queue = 0.4, .largest = 0.4});
	pass(&bench, &late, 4 * (uint64_t)SECOND_NS);
	expect("eight", &bench, &(struct saturation_parts){.queue = 0.8, .largest = 0.8});
	pass(&bench, &late, 3600 * (uint64_t)SECOND_NS);
	expect("an hour", &bench, &(struct saturation_parts){.queue = 1, .largest = 1});
	bench_fini(&bench);
}

/* The worst worker of the window, not the worst of each second. */
static void test_turns(void **state)
{
	static const struct second turns[2] = {{.cpu_ms = {1000, 0}, .slots = {1, 0}},
					       {.cpu_ms = {0, 1000}, .slots = {0, 1}}};
	struct bench bench;

	bench_init(&bench);
	for (unsigned i = 0; i < 20; i++)
		pass(&bench, &turns[i % 2], SECOND_NS);
	expect("by turns", &bench,
	       &(struct saturation_parts){.slots = 0.5, .cpu = 0.5, .largest = 0.5});
	bench_fini(&bench);
}

/* Seconds that were longer, and count as more than one, or shorter, or none at all. */
static void test_odd_seconds(void **state)
{
	static const struct second half = {.cpu_ms = {500, 0}};
	struct bench bench;

	bench_init(&bench);
	for (unsigned i = 0; i < 10; i++)
		pass(&bench, &half, i % 2 ? SECOND_NS * 2 : SECOND_NS / 2);
	expect("uneven", &bench, &(struct saturation_parts){.cpu = 0.475, .largest = 0.475});
	pass(&bench, &half, 0);
	expect("no time has passed", &bench,
	       &(struct saturation_parts){.cpu = 0.475, .largest = 0.475});
	bench_fini(&bench);
}

/* A socket that is closed in a reload takes its count away. */
static void test_loss_goes_back(void **state)
{
	static const struct second second = {.n_received = {100, 100}, .n_lost = {0, 100}};
	static const struct second quiet = {.n_received = {100, 100}};
	struct bench bench;

	bench_init(&bench);
	pass_seconds(&bench, &second, 10);
	expect("lost", &bench, &(struct saturation_parts){.queue = 1, .largest = 1});
	bench.workers[1].n_lost = 3;
	pass_seconds(&bench, &quiet, 5);
	expect("gone", &bench, &(struct saturation_parts){.queue = 0.5, .largest = 0.5});
	bench_fini(&bench);
}

/* In-place resize: what was used before counts against what was allowed then. */
static void test_quota_changes(void **state)
{
	static const struct second second = {.process_ms = 500};
	struct bench bench;

	bench_init(&bench);
	pass_seconds(&bench, &second, 10);
	expect("half a CPU", &bench, &(struct saturation_parts){.cpu = 1, .largest = 1});
	bench.sample.cpus = 2;
	pass_seconds(&bench, &second, 5);
	expect("on the way", &bench, &(struct saturation_parts){.cpu = 0.625, .largest = 0.625});
	pass_seconds(&bench, &second, 5);
	expect("two CPUs", &bench, &(struct saturation_parts){.cpu = 0.25, .largest = 0.25});
	bench.sample.cpus = 0;
	pass_seconds(&bench, &second, 10);
	expect("no quota is no part", &bench, &(struct saturation_parts){0});
	bench_fini(&bench);
}

/* Threads end before the last scrape: their clocks are gone. */
static void test_draining(void **state)
{
	static const struct second busy = {
		.n_waits = {5, 5}, .wait_ms = {30, 30}, .cpu_ms = {100, 100}, .process_ms = 60};
	static const struct second over;
	struct bench bench;

	bench_init(&bench);
	pass_seconds(&bench, &busy, 10);
	expect("busy", &bench,
	       &(struct saturation_parts){.queue = 0.3, .cpu = 0.12, .largest = 0.3});
	bench.workers[0].cpu_ns = bench.workers[1].cpu_ns = 0;
	pass_seconds(&bench, &over, 10);
	expect("ended", &bench, &(struct saturation_parts){0});
	bench_fini(&bench);
}

static void test_garbage(void **state)
{
	static const double garbage[] = {NAN, -1, 7, INFINITY, -INFINITY};
	struct bench bench;

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		struct second second = {.slots = {garbage[i], garbage[i]}, .process_ms = 100};
		struct saturation_parts parts;

		bench_init(&bench);
		bench.sample.cpus = garbage[i];
		pass_seconds(&bench, &second, 30);
		parts = saturation_window_parts(&bench.window);
		assert_true(parts.queue == 0 && parts.slots >= 0 && parts.slots <= 1);
		assert_true(parts.cpu >= 0 && parts.cpu <= 1);
		assert_true(parts.largest >= 0 && parts.largest <= 1);
		bench_fini(&bench);
	}
}

/* The queue is left out only where no worker's kernel tells. */
static void test_no_stamps(void **state)
{
	static const struct second second = {.slots = {0.5, 0}};
	struct bench bench;

	bench_init(&bench);
	bench.workers[0].has_waits = false;
	pass_seconds(&bench, &second, 10);
	assert_true(saturation_window_parts(&bench.window).has_queue);
	bench.workers[1].has_waits = false;
	pass_seconds(&bench, &second, 1);
	assert_false(saturation_window_parts(&bench.window).has_queue);
	bench.workers[1].n_lost = 1;
	saturation_window_add(&bench.window, &bench.sample);
	assert_false(saturation_window_parts(&bench.window).has_queue); /* no time has passed */
	pass_seconds(&bench, &second, 1);
	assert_true(saturation_window_parts(&bench.window).has_queue); /* it tells that much */
	bench.workers[1].n_lost = 0;
	pass_seconds(&bench, &second, 10);
	expect("no queue", &bench, &(struct saturation_parts){.slots = 0.5, .largest = 0.5});
	bench_fini(&bench);
}

/* More of anything never makes a part smaller. */
static void test_monotone(void **state)
{
	double last = -1;

	for (unsigned wait_ms = 0; wait_ms < 15; wait_ms++) {
		struct second second = {.n_waits = {10, 0}, .wait_ms = {10 * wait_ms, 0}};
		struct bench bench;
		double queue;

		bench_init(&bench);
		pass_seconds(&bench, &second, 10);
		queue = saturation_window_parts(&bench.window).queue;
		if (wait_ms <= 10 ? queue <= last : queue < last)
			fail_msg("%u ms: %g after %g", 10 * wait_ms, queue, last);
		last = queue;
		bench_fini(&bench);
	}
	assert_true(last == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),	      cmocka_unit_test(test_one_stall),
		cmocka_unit_test(test_starved),	      cmocka_unit_test(test_turns),
		cmocka_unit_test(test_odd_seconds),   cmocka_unit_test(test_loss_goes_back),
		cmocka_unit_test(test_quota_changes), cmocka_unit_test(test_draining),
		cmocka_unit_test(test_garbage),	      cmocka_unit_test(test_no_stamps),
		cmocka_unit_test(test_monotone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
