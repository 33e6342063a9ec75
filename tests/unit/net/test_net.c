/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers on loopback: UDP, opening, metrics, and that a drain loses nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../src/net/net_private.h"
#include "fake_query.h"
#include "rig.h"

static const char *const wildcards[] = {"0.0.0.0", "::", NULL};

/* The answer comes from the address that was asked: a connected client hears no other. */
static void test_udp_addresses(void **state)
{
	static const char *const everywhere[] = {"127.0.0.1", "127.0.0.77", "::1", NULL};
	static const char *const one[] = {"127.0.0.1", "127.0.0.9", NULL};
	static const struct {
		const char *name;
		const char *const *listen;
		const char *const *ask;
	} cases[] = {
		{"wildcard", wildcards, everywhere},
		{"single addresses", one, one},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options options = {.addresses = cases[i].listen, .n_workers = 2};
		struct rig rig;

		rig_open(&rig, &options);
		for (const char *const *to = cases[i].ask; *to != NULL; to++) {
			int family = strchr(*to, ':') ? AF_INET6 : AF_INET;
			uint8_t query[64], answer[64], want[16] = {0};
			int fd = rig_connect(&rig, SOCK_DGRAM, *to, NULL);

			inet_pton(family, *to, want);
			rig_send(fd, query, rig_query(query, false, 7, 40, FAKE_LOCAL));
			if (rig_read(fd, answer, sizeof(answer)) != DNS_HEADER_SIZE + 16)
				fail_msg("%s: no answer from %s", cases[i].name, *to);
			assert_int_equal(answer[1], 7);
			assert_memory_equal(answer + DNS_HEADER_SIZE, want, 16);
			close(fd);
			fd = rig_connect(&rig, SOCK_STREAM, *to, NULL);
			rig_send(fd, query, rig_query(query, true, 8, 40, FAKE_LOCAL));
			rig_receive(fd, answer, 2 + DNS_HEADER_SIZE + 16);
			assert_memory_equal(answer + 2 + DNS_HEADER_SIZE, want, 16);
			close(fd);
		}
		rig_close(&rig);
	}
}

/* What is dropped is counted by reason; what is cut is marked; the answer after it shows that all
 * was read. */
static void test_udp_drops(void **state)
{
	struct rig rig;
	uint8_t query[8192] = {0}, answer[8192];
	struct net_load load;
	int fd;

	rig_open(&rig, &(struct rig_options){0});
	assert_int_equal(net_n_workers(rig.net), 1);
	fd = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	rig_send(fd, query, 11);
	assert_int_equal(send(fd, query, 0, 0), 0);
	rig_query(query, false, 1, 30, 0);
	query[2] = 0x80;
	rig_send(fd, query, 30);
	rig_query(query, false, 2, 5000, 0);
	rig_send(fd, query, 5000);
	assert_int_equal(rig_read(fd, answer, sizeof(answer)), 4096);
	assert_int_equal(answer[1], 2);
	rig_drain(&rig);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	assert_int_equal(rig_metric(&rig, "kaname_dropped_total{reason=\"short\"}"), 2);
	assert_int_equal(rig_metric(&rig, "kaname_dropped_total{reason=\"response\"}"), 1);
	assert_int_equal(rig_metric(&rig, "kaname_dropped_total{reason=\"port0\"}"), 0);
	assert_int_equal(rig_metric(&rig, "kaname_udp_kernel_drops_total{server=\"dns://:53\"}"),
			 0);
	assert_int_equal(rig_metric(&rig, "fake_run"), 4);
	assert_int_equal(rig_metric(&rig, "fake_finished"), 1);
	/* As if the kernel had dropped some; the worker, which reads that, has ended. */
	counter_set(&rig.net->addresses.items[0].listeners[0]->kernel_drops, 7);
	net_loads(rig.net, &load);
	assert_int_equal(load.n_received, 4);
	assert_int_equal(load.n_lost, 7);
	close(fd);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	net_free(rig.net);
	log_close(rig.log);
}

#define BURST_CLIENTS 40
#define BURST_QUERIES 50

/* Queries in the sockets' queues when the drain begins are answered. */
static void test_drain_udp(void **state)
{
	static const struct {
		const char *name;
		const char *const *listen;
		const char *to;
	} cases[] = {
		{"one address", NULL, "127.0.0.1"},
		{"wildcard IPv4", wildcards, "127.0.0.1"},
		{"wildcard IPv6", wildcards, "::1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options options = {.addresses = cases[i].listen, .n_workers = 3};
		int clients[BURST_CLIENTS];
		uint8_t query[64];
		struct rig rig;

		rig_open(&rig, &options);
		for (unsigned c = 0; c < BURST_CLIENTS; c++)
			clients[c] = rig_connect(&rig, SOCK_DGRAM, cases[i].to, NULL);
		for (unsigned q = 0; q < BURST_QUERIES; q++) {
			size_t size = rig_query(query, false, (uint16_t)q, 40, 0);

			for (unsigned c = 0; c < BURST_CLIENTS; c++)
				rig_send(clients[c], query, size);
		}
		rig_close(&rig);
		for (unsigned c = 0; c < BURST_CLIENTS; c++) {
			for (unsigned q = 0; q < BURST_QUERIES; q++) {
				uint8_t answer[64];

				if (rig_read(clients[c], answer, sizeof(answer)) != 40)
					fail_msg("%s: client %u: answer %u: %s", cases[i].name, c,
						 q, strerror(errno));
				assert_int_equal(answer[1], q);
			}
			close(clients[c]);
		}
	}
}

/* Connections in the accept queue when the drain begins are served, idle ones end, the rest of a
 * message is waited for. */
static void test_drain_tcp(void **state)
{
	struct rig_options options = {.n_workers = 2};
	int clients[BURST_CLIENTS], idle, begun;
	uint8_t query[512];
	size_t size;
	struct rig rig;

	rig_open(&rig, &options);
	idle = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	rig_send(idle, query, rig_query(query, true, 1, 40, 0));
	rig_answer(idle, 1, 40);
	begun = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	size = rig_query(query, true, 2, 300, 0);
	rig_send(begun, query, 100);
	for (unsigned c = 0; c < BURST_CLIENTS; c++)
		clients[c] = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	for (unsigned c = 0; c < BURST_CLIENTS; c++) {
		uint8_t other[512];

		rig_send(clients[c], other, rig_query(other, true, (uint16_t)c, 40, 0));
	}
	rig_drain(&rig);
	rig_expect_end(idle);
	rig_send(begun, query + 100, size - 100);
	rig_answer(begun, 2, 300);
	rig_expect_end(begun);
	for (unsigned c = 0; c < BURST_CLIENTS; c++) {
		rig_answer(clients[c], (uint16_t)c, 40);
		rig_expect_end(clients[c]);
		close(clients[c]);
	}
	close(idle);
	close(begun);
	rig_close(&rig);
}

/* What cannot be bound is told by protocol, address, port and cause. */
static void test_open_failures(void **state)
{
	static const struct {
		const char *name;
		int type; /* of a socket that holds the port without sharing it; 0: none */
		const char *address;
		bool is_optional;
		int want;
		const char *want_text; /* after the port */
		const char *want_head;
	} cases[] = {
		{"udp in use", SOCK_DGRAM, "127.0.0.1", false, -EADDRINUSE,
		 ": address already in use (by a server that does not share it)", "udp 127.0.0.1:"},
		{"tcp in use", SOCK_STREAM, "127.0.0.1", false, -EADDRINUSE,
		 ": address already in use (by a server that does not share it)", "tcp 127.0.0.1:"},
		{"in use, optional", SOCK_STREAM, "127.0.0.1", true, -EADDRINUSE,
		 ": address already in use (by a server that does not share it)", "tcp 127.0.0.1:"},
		{"not ours", 0, "192.0.2.1", false, -EADDRNOTAVAIL,
		 ": address not available (no interface of this machine has it)", "udp 192.0.2.1:"},
		{"not ours, optional", 0, "192.0.2.1", true, 0, "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_in address = {.sin_family = AF_INET};
		socklen_t size = sizeof(address);
		int holder = socket(AF_INET, cases[i].type ? cases[i].type : SOCK_DGRAM, 0);
		struct net_listener listener = {.is_optional = cases[i].is_optional};
		struct net_config config = {
			.listeners = &listener, .n_listeners = 1, .n_workers = 1, .tcp_max = 1};
		struct query_config query = {0};
		struct text why = {0};
		struct net *net = NULL;
		struct log *log;
		char want[128] = "";
		int error;

		assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
		assert_int_equal(bind(holder, (struct sockaddr *)&address, size), 0);
		if (cases[i].type == SOCK_STREAM)
			assert_int_equal(listen(holder, 1), 0);
		assert_int_equal(getsockname(holder, (struct sockaddr *)&address, &size), 0);
		inet_pton(AF_INET, cases[i].address, &address.sin_addr);
		memcpy(&listener.address, &address, sizeof(address));
		assert_int_equal(log_open(&log, STDERR_FILENO, LOG_WARNING), 0);
		error = net_open(&net, &config, &query, log, &why);
		if (cases[i].want != 0)
			snprintf(want, sizeof(want), "%s%u%s", cases[i].want_head,
				 ntohs(address.sin_port), cases[i].want_text);
		if (error != cases[i].want || strcmp(why.bytes ? why.bytes : "", want) != 0)
			fail_msg("%s: %d %s", cases[i].name, error, why.bytes);
		if (error == 0)
			net_free(net);
		log_close(log);
		text_fini(&why);
		close(holder);
	}
}

static struct rlimit *fake_limit; /* the process's own unless NULL */

int __real_getrlimit64(int resource, struct rlimit *limit);
int __wrap_getrlimit64(int resource, struct rlimit *limit);
int __real_setrlimit64(int resource, const struct rlimit *limit);
int __wrap_setrlimit64(int resource, const struct rlimit *limit);

int __wrap_getrlimit64(int resource, struct rlimit *limit)
{
	if (!fake_limit)
		return __real_getrlimit64(resource, limit);
	*limit = *fake_limit;
	return 0;
}

int __wrap_setrlimit64(int resource, const struct rlimit *limit)
{
	if (!fake_limit)
		return __real_setrlimit64(resource, limit);
	*fake_limit = *limit;
	return 0;
}

/* In all, whatever the configuration says; one log line tells of it. */
static void test_descriptors_limit_connections(void **state)
{
	static const struct {
		const char *name;
		rlim_t limit;
		unsigned tcp_max, want;
		const char *want_log;
	} cases[] = {
		{"plenty", 1000, 872, 872, ""},
		{"one too many", 1000, 873, 872,
		 "[WARNING] tcp: at most 872 connections instead of 873, since the limit of open "
		 "files is 1000\n"},
		{"hardly any", 100, 8192, 32,
		 "[WARNING] tcp: at most 32 connections instead of 8192, since the limit of open "
		 "files is 100\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net_config config = {.n_workers = 1, .tcp_max = cases[i].tcp_max};
		struct query_config query = {0};
		struct rlimit lower = {cases[i].limit / 2, cases[i].limit};
		struct text why = {0};
		struct net *net = NULL;
		struct log *log;
		char got[256];
		int fds[2];
		ssize_t n;

		assert_int_equal(pipe(fds), 0);
		assert_int_equal(log_open(&log, fds[1], LOG_WARNING), 0);
		fake_limit = &lower;
		assert_int_equal(net_open(&net, &config, &query, log, &why), 0);
		fake_limit = NULL;
		if (net->config.tcp_max != cases[i].want || lower.rlim_cur != lower.rlim_max)
			fail_msg("%s: got %u", cases[i].name, net->config.tcp_max);
		assert_int_equal(config.tcp_max, cases[i].tcp_max);
		net_free(net);
		log_close(log);
		close(fds[1]);
		n = read(fds[0], got, sizeof(got) - 1);
		got[n < 0 ? 0 : n] = '\0';
		assert_string_equal(got, cases[i].want_log);
		close(fds[0]);
		text_fini(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_addresses),
		cmocka_unit_test(test_udp_drops),
		cmocka_unit_test(test_drain_udp),
		cmocka_unit_test(test_drain_tcp),
		cmocka_unit_test(test_open_failures),
		cmocka_unit_test(test_descriptors_limit_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
