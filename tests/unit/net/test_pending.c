/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries that wait for an upstream: what is quick passes what is slow, by UDP and on one TCP
 * connection; clients that go away; bounds; and the drain, which waits for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_forward.h"
#include "fake_query.h"
#include "rig.h"

#define LATE_SIZE (DNS_HEADER_SIZE + 8) /* of fake_query's answer to what waited */
#define QUERY_SIZE 20

/* A query that waits for an upstream that does `does`; 0: one that does not wait. */
static void ask(int fd, bool is_tcp, uint16_t id, char does)
{
	uint8_t query[2 + QUERY_SIZE];
	size_t len = rig_query(query, is_tcp, id, QUERY_SIZE, does ? FAKE_FORWARD : 0);

	query[len - QUERY_SIZE + 13] = (uint8_t)does;
	rig_send(fd, query, len);
}

/* The next answer is to this query; returns the octets behind its header. */
static const uint8_t *expect(int fd, bool is_tcp, uint16_t id)
{
	static uint8_t answer[2 + QUERY_SIZE];
	size_t prefix = is_tcp ? 2 : 0;

	rig_receive(fd, answer, prefix + QUERY_SIZE);
	if ((answer[prefix] << 8 | answer[prefix + 1]) != id)
		fail_msg("answer %d, want %d", answer[prefix] << 8 | answer[prefix + 1], id);
	return answer + prefix + DNS_HEADER_SIZE;
}

static void wait_for(const struct rig *rig, const char *sample, unsigned want)
{
	for (unsigned i = 0; rig_metric(rig, sample) != want; i++) {
		if (i == 10000)
			fail_msg("%s is %u, want %u", sample, rig_metric(rig, sample), want);
		usleep(1000);
	}
}

static const struct rig_options plain = {.has_forward = true};

static void check_order(bool is_tcp)
{
	struct rig rig;
	int fd;

	rig_open(&rig, &plain);
	fd = rig_connect(&rig, is_tcp ? SOCK_STREAM : SOCK_DGRAM, "127.0.0.1", NULL);
	ask(fd, is_tcp, 1, FAKE_SLOW);
	ask(fd, is_tcp, 2, FAKE_QUICK);
	ask(fd, is_tcp, 3, 0);
	expect(fd, is_tcp, 3);
	assert_memory_equal(expect(fd, is_tcp, 2), "R\0q", 3);
	ask(fd, is_tcp, 4, FAKE_FAILS);
	ask(fd, is_tcp, 5, 0);
	expect(fd, is_tcp, 5);
	assert_memory_equal(expect(fd, is_tcp, 4), "F\2f", 3);
	assert_memory_equal(expect(fd, is_tcp, 1), "R\0s", 3);
	assert_int_equal(rig_metric(&rig, "kaname_pending_queries"), 0);
	assert_int_equal(rig_metric(&rig, "kaname_pending_bytes"), 0);
	close(fd);
	rig_close(&rig);
}

static void test_udp_order(void **state)
{
	check_order(false);
}

static void test_tcp_order(void **state)
{
	check_order(true);
}

/* More late answers than one batch holds. */
static void test_many(void **state)
{
	static bool has[200];
	struct rig rig;
	int fd;

	rig_open(&rig, &plain);
	fd = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	for (uint16_t i = 0; i < 200; i++)
		ask(fd, false, i, FAKE_SLOW);
	for (unsigned i = 0; i < 200; i++) {
		uint8_t answer[LATE_SIZE];

		rig_receive(fd, answer, sizeof(answer));
		assert_in_range(answer[1], 0, 199);
		assert_false(has[answer[1]]);
		has[answer[1]] = true;
	}
	close(fd);
	rig_close(&rig);
}

/* From the address that was asked: the client's socket is connected to it. */
static void test_address(void **state)
{
	static const char *const addresses[] = {"0.0.0.0", "::", NULL};
	struct rig rig;
	int v4, v6;

	rig_open(&rig, &(struct rig_options){.has_forward = true, .addresses = addresses});
	v4 = rig_connect(&rig, SOCK_DGRAM, "127.0.0.5", NULL);
	v6 = rig_connect(&rig, SOCK_DGRAM, "::1", NULL);
	ask(v4, false, 1, FAKE_QUICK);
	ask(v6, false, 2, FAKE_QUICK);
	expect(v4, false, 1);
	expect(v6, false, 2);
	close(v4);
	close(v6);
	rig_close(&rig);
}

/* The answers still come after the client has ended its side, and then the end. */
static void test_half_close(void **state)
{
	struct rig rig;
	int fd;

	rig_open(&rig, &plain);
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(fd, true, 1, FAKE_SLOW);
	ask(fd, true, 2, FAKE_QUICK);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect(fd, true, 2);
	expect(fd, true, 1);
	rig_expect_end(fd);
	close(fd);
	rig_close(&rig);
}

/* Who waits for an upstream is not idle, and nobody waits for who has gone. */
static void test_connections(void **state)
{
	struct rig rig;
	int fd, gone;

	rig_open(&rig,
		 &(struct rig_options){.has_forward = true, .tcp_idle_ms = 40, .drain_ms = 50});
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(fd, true, 1, FAKE_SLOW);
	expect(fd, true, 1);
	rig_expect_end(fd);
	gone = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(gone, true, 1, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 1);
	rig_send(gone, "\0\1x", 3); /* a length that ends the connection */
	ask(gone, true, 2, 0);
	close(fd);
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(fd, true, 3, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 2);
	close(gone);
	close(fd);
	rig_close(&rig);
}

/* The oldest that waits makes room for a new connection; its query waits no more. */
static void test_limit(void **state)
{
	struct rig rig;
	int first, second;

	rig_open(&rig, &(struct rig_options){.has_forward = true, .tcp_max = 1});
	first = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(first, true, 1, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 1);
	second = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(second, true, 2, FAKE_QUICK);
	expect(second, true, 2);
	rig_expect_end(first);
	assert_int_equal(rig_metric(&rig, "kaname_pending_queries"), 0);
	close(first);
	close(second);
	rig_close(&rig);
}

/* Above the bound, and where the forwarder does not take it: REFUSED at once. */
static void test_bounds(void **state)
{
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){.has_forward = true, .pending_max = 2});
	fd = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	ask(fd, false, 1, FAKE_FULL);
	assert_memory_equal(expect(fd, false, 1), "F\5r", 3);
	ask(fd, false, 2, FAKE_SLOW);
	ask(fd, false, 3, FAKE_SLOW);
	ask(fd, false, 4, FAKE_QUICK);
	assert_memory_equal(expect(fd, false, 4), "F\5q", 3);
	expect(fd, false, 2);
	expect(fd, false, 3);
	ask(fd, false, 5, FAKE_QUICK);
	assert_memory_equal(expect(fd, false, 5), "R\0q", 3);
	assert_int_equal(rig_metric(&rig, "kaname_pending_refused_total{reason=\"room\"}"), 1);
	assert_int_equal(rig_metric(&rig, "kaname_pending_refused_total{reason=\"forwarder\"}"), 1);
	close(fd);
	rig_close(&rig);
}

/* The end waits for what upstreams owe. */
static void test_drain(void **state)
{
	struct rig rig;
	int udp, tcp;

	rig_open(&rig, &plain);
	udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(udp, false, 1, FAKE_SLOW);
	ask(tcp, true, 2, FAKE_SLOW);
	wait_for(&rig, "kaname_pending_queries", 2);
	rig_drain(&rig);
	expect(udp, false, 1);
	expect(tcp, true, 2);
	rig_expect_end(tcp);
	close(udp);
	close(tcp);
	rig_close(&rig);
}

/* And for no longer than it must: what no upstream will ever reply to is told so. */
static void test_drain_in_vain(void **state)
{
	struct rig rig;
	int udp, tcp;

	rig_open(&rig, &(struct rig_options){.has_forward = true, .drain_ms = 50});
	udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	ask(udp, false, 1, FAKE_NEVER);
	ask(tcp, true, 2, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 2);
	rig_drain(&rig);
	assert_memory_equal(expect(udp, false, 1), "F\2n", 3);
	assert_memory_equal(expect(tcp, true, 2), "F\2n", 3);
	rig_expect_end(tcp);
	close(udp);
	close(tcp);
	rig_close(&rig);
}

static double slots_of(const struct rig *rig)
{
	struct net_load load;

	assert_int_equal(net_n_workers(rig->net), 1);
	net_loads(rig->net, &load);
	return load.slots;
}

/* The nearest of the bounds: the fake forwarder's is a quarter, always. */
static void test_load(void **state)
{
	const struct rig_options options = {.has_forward = true, .pending_max = 4, .tcp_max = 10};
	const struct rig_options narrow = {.has_forward = true, .pending_max = 2, .tcp_max = 10};
	struct net_load load;
	struct rig rig;
	int fds[9], fd;

	rig_open(&rig, &options);
	assert_true(slots_of(&rig) == 0.25);
	fd = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	for (uint16_t i = 0; i < 3; i++)
		ask(fd, false, i, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 3);
	assert_true(slots_of(&rig) == 0.75);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	wait_for(&rig, "kaname_tcp_connections", ARRAY_LEN(fds));
	assert_true(slots_of(&rig) == 0.9);
	net_loads(rig.net, &load);
	assert_true(load.has_waits && load.n_waits > 0 && load.cpu_ns > 0);
	assert_int_equal(rig_reconfigure(&rig, &narrow, NULL), 0);
	rig_wait_switched(&rig);
	assert_true(slots_of(&rig) == 1); /* three wait where two may */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	close(fd);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_order),     cmocka_unit_test(test_tcp_order),
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_address),
		cmocka_unit_test(test_half_close),    cmocka_unit_test(test_connections),
		cmocka_unit_test(test_load),	      cmocka_unit_test(test_limit),
		cmocka_unit_test(test_bounds),	      cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
