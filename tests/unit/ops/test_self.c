/* SPDX-License-Identifier: Apache-2.0
 *
 * The server that asks itself: of an endpoint that is well, one that is not, a port where nobody
 * listens, and one who never replies. Timers run a hundred times as fast here, but its patience
 * does so only where nobody replies: a busy or emulated machine may take longer than that. A timer
 * of the test's own stops the loop when enough requests have ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "ops/self.h"

#define WANTED 3 /* requests */

static bool is_patient;

int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer, uint64_t ms, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer, uint64_t ms, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer, uint64_t ms, uint64_t repeat)
{
	bool is_patience = ms > 1000;

	return __real_uv_timer_start(timer, on_timer, is_patience && is_patient ? ms : ms / 100,
				     repeat);
}

struct world {
	uv_loop_t loop;
	uv_timer_t watch;
	struct ops *ops;
	struct ops_self *self;
	unsigned status; /* what the endpoint says */
	struct text page;
};

static double value_of(const struct text *page, const char *name)
{
	char line[128];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(page->bytes, line);
	assert_non_null(at);
	return strtod(at + strlen(line), NULL);
}

static unsigned on_health(void *arg, struct text *body)
{
	const struct world *world = arg;

	text_puts(body, "OK");
	return world->status;
}

static void on_watch(uv_timer_t *watch)
{
	struct world *world = watch->data;

	text_fini(&world->page);
	ops_self_metrics_write(world->self, &world->page);
	if (value_of(&world->page, "coredns_health_request_duration_seconds_count") < WANTED)
		return;
	uv_close((uv_handle_t *)watch, NULL);
	ops_self_close(world->self);
	ops_close(world->ops);
}

/* A bound socket of loopback; it listens, but nobody accepts, where `is_listening`. */
static int bind_port(struct sockaddr_in *address, bool is_listening)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*address);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
	if (is_listening)
		assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

/* Asks WANTED times; returns how many of them failed. */
static double ask(const struct sockaddr_in *address, unsigned status)
{
	struct world world = {.status = status};
	struct ops_endpoint endpoint = {.path = "/health", .handler = on_health, .arg = &world};
	struct text why = {0};
	double failures;

	memcpy(&endpoint.address, address, sizeof(*address));
	assert_int_equal(uv_loop_init(&world.loop), 0);
	if (status > 0)
		assert_int_equal(ops_open(&world.ops, &world.loop, &endpoint, 1, &why), 0);
	world.self = ops_self_open(&world.loop, &endpoint, NULL);
	assert_int_equal(uv_timer_init(&world.loop, &world.watch), 0);
	world.watch.data = &world;
	__real_uv_timer_start(&world.watch, on_watch, 1, 1);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world.loop), 0);
	failures = value_of(&world.page, "coredns_health_request_failures_total");
	text_fini(&world.page);
	return failures;
}

static void test_answers(void **state)
{
	struct sockaddr_in address;

	is_patient = true;
	close(bind_port(&address, false));
	assert_true(ask(&address, 200) == 0);
	assert_true(ask(&address, 503) == WANTED);
}

static void test_nobody(void **state)
{
	struct sockaddr_in address;
	int fd = bind_port(&address, false);

	assert_true(ask(&address, 0) == WANTED);
	close(fd);
}

static void test_silence(void **state)
{
	struct sockaddr_in address;
	int fd = bind_port(&address, true);

	is_patient = false;
	assert_true(ask(&address, 0) == WANTED);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
