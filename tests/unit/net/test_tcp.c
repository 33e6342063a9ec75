/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP connections on loopback: segmentation, pipelining, clients that stop half-way, stall or come
 * in masses.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_query.h"
#include "rig.h"

enum stop { STAYS_OPEN, CLIENT_STOPS, SERVER_CLOSES };

/* Queries q0, q1, ... of `size` octets, sent in pieces of `piece` octets, then `tail`; all are
 * answered, in order. */
static void test_streams(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		size_t size, piece;
		const char *tail;
		size_t tail_len;
		enum stop stop;
	} cases[] = {
		{"one", 1, 40, 1000, "", 0, STAYS_OPEN},
		{"just a header", 1, 12, 1000, "", 0, STAYS_OPEN},
		{"octet by octet", 3, 40, 1, "", 0, STAYS_OPEN},
		{"pieces across messages", 20, 40, 37, "", 0, STAYS_OPEN},
		{"pipelined", 300, 40, 300 * 42, "", 0, STAYS_OPEN},
		{"pipelined, large", 40, 3000, 40 * 3002, "", 0, STAYS_OPEN},
		{"the largest", 2, 65535, 2 * 65537, "", 0, STAYS_OPEN},
		{"the largest in pieces", 3, 65535, 1000, "", 0, STAYS_OPEN},
		{"the largest, octet by octet", 1, 65535, 1, "", 0, STAYS_OPEN},
		{"half-close", 50, 40, 50 * 42, "", 0, CLIENT_STOPS},
		{"half-close in a message", 5, 40, 5 * 42, "\0\50abc", 5, CLIENT_STOPS},
		{"half-close in a prefix", 5, 40, 5 * 42, "\0", 1, CLIENT_STOPS},
		{"half-close at once", 0, 12, 1, "", 0, CLIENT_STOPS},
		{"length 0", 5, 40, 5 * 42, "\0\0", 2, SERVER_CLOSES},
		{"length 11", 5, 40, 5 * 42, "\0\13aaaaaaaaaaa", 13, SERVER_CLOSES},
		{"length 0 alone", 0, 12, 1, "\0\0", 2, SERVER_CLOSES},
	};
	static uint8_t stream[400 * 1024];
	struct rig rig;

	rig_open(&rig, &(struct rig_options){0});
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
		size_t len = 0;

		for (unsigned q = 0; q < cases[i].n; q++)
			len += rig_query(stream + len, true, (uint16_t)q, cases[i].size, 0);
		for (size_t at = 0; at < len; at += cases[i].piece)
			rig_send(fd, stream + at,
				 len - at < cases[i].piece ? len - at : cases[i].piece);
		rig_send(fd, cases[i].tail, cases[i].tail_len);
		if (cases[i].stop == CLIENT_STOPS)
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
		for (unsigned q = 0; q < cases[i].n; q++)
			rig_answer(fd, (uint16_t)q, cases[i].size);
		if (cases[i].stop != STAYS_OPEN) {
			rig_expect_end(fd);
		} else {
			rig_send(fd, stream, rig_query(stream, true, 999, 20, 0));
			rig_answer(fd, 999, 20);
		}
		close(fd);
	}
	assert_int_equal(rig_metric(&rig, "kaname_tcp_closed_total{reason=\"length\"}"), 3);
	rig_close(&rig);
}

/* What is no query is skipped; the connection goes on. */
static void test_skipped(void **state)
{
	uint8_t stream[256];
	size_t len;
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){0});
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	len = rig_query(stream, true, 1, 40, 0);
	stream[4] = 0x80;
	len += rig_query(stream + len, true, 2, 40, 0);
	rig_send(fd, stream, len);
	rig_answer(fd, 2, 40);
	assert_int_equal(rig_metric(&rig, "kaname_dropped_total{reason=\"response\"}"), 1);
	assert_int_equal(rig_metric(&rig, "kaname_tcp_connections"), 1);
	close(fd);
	rig_close(&rig);
}

#define BIG_QUERIES 400

/* 24 MB of answers to a client that reads only after it sent everything: no query is lost, none is
 * answered twice. */
static void test_late_reader(void **state)
{
	static uint8_t stream[BIG_QUERIES * 22];
	size_t len = 0;
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){0});
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	for (unsigned q = 0; q < BIG_QUERIES; q++)
		len += rig_query(stream + len, true, (uint16_t)q, 20, FAKE_BIG);
	rig_send(fd, stream, len);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	for (unsigned q = 0; q < BIG_QUERIES; q++)
		rig_answer(fd, (uint16_t)q, FAKE_BIG_SIZE);
	rig_expect_end(fd);
	assert_int_equal(rig_metric(&rig, "fake_finished"), BIG_QUERIES);
	close(fd);
	rig_close(&rig);
}

static void wait_for_end(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLRDHUP};

	assert_int_equal(poll(&wait, 1, RIG_PATIENCE_S * 1000), 1);
}

/* Who does not go on is cut off: without a query, in the middle of one, with answers that are not
 * taken. */
static void test_timeouts(void **state)
{
	static const struct {
		const char *name;
		unsigned idle_ms, stall_ms;
		unsigned n_whole; /* queries first, with large answers that nobody reads */
		size_t n_part;	  /* octets of the next */
		const char *want;
	} cases[] = {
		{"never asks", 30, 0, 0, 0, "kaname_tcp_closed_total{reason=\"idle\"}"},
		{"begins", 0, 30, 0, 30, "kaname_tcp_closed_total{reason=\"stalled\"}"},
		{"half a prefix", 0, 30, 0, 1, "kaname_tcp_closed_total{reason=\"stalled\"}"},
		{"does not read", 0, 30, BIG_QUERIES, 0,
		 "kaname_tcp_closed_total{reason=\"stalled\"}"},
	};
	static uint8_t stream[BIG_QUERIES * 22 + 100];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options options = {.tcp_idle_ms = cases[i].idle_ms,
					      .tcp_stall_ms = cases[i].stall_ms};
		size_t len = 0;
		struct rig rig;
		int fd;

		rig_open(&rig, &options);
		fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
		for (unsigned q = 0; q < cases[i].n_whole; q++)
			len += rig_query(stream + len, true, (uint16_t)q, 20, FAKE_BIG);
		rig_query(stream + len, true, 1, 80, 0);
		rig_send(fd, stream, len + cases[i].n_part);
		wait_for_end(fd);
		if (rig_metric(&rig, cases[i].want) != 1)
			fail_msg("%s: %s is not 1", cases[i].name, cases[i].want);
		assert_int_equal(rig_metric(&rig, "kaname_tcp_connections"), 0);
		close(fd);
		rig_close(&rig);
	}
}

/* A new connection is always let in; the one that was quiet the longest goes. */
static void test_limits(void **state)
{
	static const struct {
		const char *name;
		unsigned max, max_per_client;
		const char *from[5]; /* in order; NULL-terminated */
		unsigned ended[3];   /* which of them, +1 */
		const char *want;
		unsigned n_want;
	} cases[] = {
		{"of all",
		 2,
		 10,
		 {"127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.4"},
		 {1, 2},
		 "kaname_tcp_closed_total{reason=\"limit\"}",
		 2},
		{"of one client",
		 10,
		 2,
		 {"127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.2"},
		 {1},
		 "kaname_tcp_closed_total{reason=\"client_limit\"}",
		 1},
		{"one at a time",
		 10,
		 1,
		 {"127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3"},
		 {1, 2},
		 "kaname_tcp_closed_total{reason=\"client_limit\"}",
		 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options options = {.tcp_max = cases[i].max,
					      .tcp_max_per_client = cases[i].max_per_client};
		unsigned n_ended = 0;
		uint8_t query[64];
		int clients[4];
		struct rig rig;

		rig_open(&rig, &options);
		for (unsigned c = 0; c < 4; c++) {
			clients[c] = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", cases[i].from[c]);
			rig_send(clients[c], query, rig_query(query, true, (uint16_t)c, 40, 0));
			rig_answer(clients[c], (uint16_t)c, 40);
		}
		if (rig_metric(&rig, cases[i].want) != cases[i].n_want)
			fail_msg("%s: %s", cases[i].name, cases[i].want);
		for (unsigned c = 0; c < 4; c++) {
			if (cases[i].ended[n_ended] == c + 1) {
				rig_expect_end(clients[c]);
				n_ended++;
			} else {
				rig_send(clients[c], query, rig_query(query, true, 77, 40, 0));
				rig_answer(clients[c], 77, 40);
			}
			close(clients[c]);
		}
		rig_close(&rig);
	}
}

/* Begun messages may hold tcp_buffer_bytes together; above that, who began first goes. */
static void test_buffer_budget(void **state)
{
	struct rig_options options = {.tcp_buffer_bytes = 6000};
	static uint8_t stream[4096];
	int clients[4];
	struct rig rig;
	size_t len = rig_query(stream, true, 5, 3000, 0);

	rig_open(&rig, &options);
	for (unsigned c = 0; c < 4; c++) {
		uint8_t query[64];

		clients[c] = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
		rig_send(clients[c], query, rig_query(query, true, 1, 40, 0));
		rig_answer(clients[c], 1, 40);
		rig_send(clients[c], stream, 1500);
		if (c > 1)
			rig_expect_end(clients[c - 2]);
	}
	for (unsigned c = 2; c < 4; c++)
		rig_send(clients[c], stream + 1500, 400);
	for (unsigned c = 2; c < 4; c++) {
		rig_send(clients[c], stream + 1900, len - 1900);
		rig_answer(clients[c], 5, 3000);
	}
	for (unsigned c = 0; c < 4; c++)
		close(clients[c]);
	rig_close(&rig);
}

/* The server ends while answers wait for a client that reads slowly and asks on: it gets them all,
 * then the end of the stream, and no reset for what it still sends. */
static void test_drain_slow_reader(void **state)
{
	static uint8_t stream[BIG_QUERIES * 22];
	struct pollfd wait = {.events = POLLHUP};
	size_t len = 0;
	socklen_t size = sizeof(int);
	uint8_t octet;
	int error = -1;
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){.drain_ms = RIG_PATIENCE_S * 1000});
	fd = wait.fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	for (unsigned q = 0; q < BIG_QUERIES; q++)
		len += rig_query(stream + len, true, (uint16_t)q, 20, FAKE_BIG);
	rig_send(fd, stream, len / 2);
	rig_answer(fd, 0, FAKE_BIG_SIZE);
	rig_drain(&rig);
	rig_send(fd, stream + len / 2, len - len / 2);
	for (unsigned q = 1; q < BIG_QUERIES; q++)
		rig_answer(fd, (uint16_t)q, FAKE_BIG_SIZE);
	assert_int_equal(rig_read(fd, &octet, 1), 0);
	rig_send(fd, stream, 22); /* too late */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(poll(&wait, 1, RIG_PATIENCE_S * 1000), 1);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	assert_int_equal(error, 0);
	assert_int_equal(rig_read(fd, &octet, 1), 0);
	close(fd);
	rig_close(&rig);
}

/* A client that does not end its side does not hold up the end. */
static void test_drain_linger(void **state)
{
	uint8_t query[64], octet;
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){.drain_ms = RIG_PATIENCE_S * 1000});
	fd = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	rig_send(fd, query, rig_query(query, true, 1, 40, 0));
	rig_answer(fd, 1, 40);
	rig_drain(&rig);
	assert_int_equal(rig_read(fd, &octet, 1), 0);
	rig_send(fd, query, 42);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	assert_true(rig.is_drained);
	assert_int_equal(rig_metric(&rig, "kaname_tcp_closed_total{reason=\"drain\"}"), 1);
	assert_int_equal(rig_metric(&rig, "kaname_tcp_connections"), 0);
	close(fd);
	rig_close(&rig);
}

#define HUNGRY_CLIENTS 8

/* Out of descriptors: the oldest idle connection makes room, nothing spins, the newest is served.
 */
static void test_descriptors(void **state)
{
	struct rlimit before, tight;
	int clients[HUNGRY_CLIENTS], highest;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct rig rig;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	rig_open(&rig, &(struct rig_options){0});
	address.sin_port = htons(rig.port);
	for (unsigned c = 0; c < HUNGRY_CLIENTS; c++)
		clients[c] = socket(AF_INET, SOCK_STREAM, 0);
	highest = clients[HUNGRY_CLIENTS - 1];
	tight = (struct rlimit){(rlim_t)highest + 3, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (uint16_t c = 0; c < HUNGRY_CLIENTS; c++) {
		struct timeval patience = {.tv_sec = RIG_PATIENCE_S};
		uint8_t query[64];

		setsockopt(clients[c], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		assert_int_equal(connect(clients[c], (struct sockaddr *)&address, sizeof(address)),
				 0);
		rig_send(clients[c], query, rig_query(query, true, c, 40, 0));
		rig_answer(clients[c], c, 40);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rig_metric(&rig, "kaname_tcp_closed_total{reason=\"descriptors\"}"),
			 HUNGRY_CLIENTS - 2);
	rig_expect_end(clients[0]);
	for (unsigned c = 0; c < HUNGRY_CLIENTS; c++)
		close(clients[c]);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_late_reader),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_buffer_budget),
		cmocka_unit_test(test_drain_slow_reader),
		cmocka_unit_test(test_drain_linger),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
