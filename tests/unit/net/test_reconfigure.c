/* SPDX-License-Identifier: Apache-2.0
 *
 * Another configuration while workers serve: what stays is the same, what goes loses nothing, what
 * comes serves, and what cannot be changes nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../src/net/net_private.h"
#include "fake_forward.h"
#include "fake_query.h"
#include "rig.h"

#define QUERY_SIZE 20
#define LATE_SIZE (DNS_HEADER_SIZE + 8) /* of fake_query's answer to what waited */

static const char *const one[] = {"127.0.0.1", NULL};
static const char *const one_two[] = {"127.0.0.1", "127.0.0.2", NULL};
static const char *const two_one[] = {"127.0.0.2", "127.0.0.1", NULL};
static const char *const wildcards[] = {"0.0.0.0", "::", NULL};

static void change(struct rig *rig, const struct rig_options *options)
{
	struct text why = {0};

	if (rig_reconfigure(rig, options, &why) != 0)
		fail_msg("%s", why.bytes);
	text_fini(&why);
	rig_wait_switched(rig);
}

static void ask(int fd, bool is_tcp, uint16_t id, char does)
{
	uint8_t query[2 + QUERY_SIZE];
	size_t len = rig_query(query, is_tcp, id, QUERY_SIZE, does ? FAKE_FORWARD : 0);

	query[len - QUERY_SIZE + 13] = (uint8_t)does;
	rig_send(fd, query, len);
}

/* What comes behind the header of an answer of `size` octets. */
static const uint8_t *expect(int fd, bool is_tcp, uint16_t id, size_t size)
{
	static uint8_t answer[256];
	size_t prefix = is_tcp ? 2 : 0;

	rig_receive(fd, answer, prefix + size);
	if ((answer[prefix] << 8 | answer[prefix + 1]) != id)
		fail_msg("answer %d, want %d", answer[prefix] << 8 | answer[prefix + 1], id);
	return answer + prefix + DNS_HEADER_SIZE;
}

static void expect_who(int fd, bool is_tcp, unsigned server, unsigned generation)
{
	uint8_t query[64];
	const uint8_t *who;

	rig_send(fd, query, rig_query(query, is_tcp, 5, QUERY_SIZE, FAKE_WHO));
	who = expect(fd, is_tcp, 5, DNS_HEADER_SIZE + 2);
	if (who[0] != server || who[1] != generation)
		fail_msg("server %d of configuration %d, want %u of %u", who[0], who[1], server,
			 generation);
}

static void wait_for(const struct rig *rig, const char *sample, unsigned want)
{
	for (unsigned i = 0; rig_metric(rig, sample) != want; i++) {
		if (i == 10000)
			fail_msg("%s is %u, want %u", sample, rig_metric(rig, sample), want);
		usleep(1000);
	}
}

/* End of stream, and no reset. */
static void expect_fin(int fd)
{
	uint8_t octet;
	ssize_t n = rig_read(fd, &octet, 1);

	if (n != 0)
		fail_msg("no end of stream: %s", n > 0 ? "an octet" : strerror(errno));
}

static bool is_refused(const struct rig *rig, const char *to)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(rig->port)};
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int udp = rig_connect(rig, SOCK_DGRAM, to, NULL);
	uint8_t octet;
	bool is_refused;

	assert_int_equal(inet_pton(AF_INET, to, &address.sin_addr), 1);
	is_refused = connect(tcp, (struct sockaddr *)&address, sizeof(address)) != 0 &&
		     errno == ECONNREFUSED;
	rig_send(udp, "x", 1);
	is_refused &= rig_read(udp, &octet, 1) < 0 && errno == ECONNREFUSED;
	close(tcp);
	close(udp);
	return is_refused;
}

static ino_t inode(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_ino;
}

/* Sockets, connections and their begun messages stay, under the new index. */
static void test_stays(void **state)
{
	static const struct {
		const char *name;
		const char *const *before, *const *after;
		unsigned server_before, server_after; /* of 127.0.0.1 */
	} cases[] = {
		{"all the same", one, one, 0, 0},
		{"another order", one_two, two_one, 0, 1},
		{"one comes", one, two_one, 0, 1},
		{"one goes", two_one, one, 1, 0},
		{"the wildcard", wildcards, wildcards, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options before = {
			.addresses = cases[i].before, .n_workers = 2, .generation = 1};
		struct rig_options after = {.addresses = cases[i].after, .generation = 2};
		size_t at = cases[i].server_before;
		const struct listener *listener;
		ino_t inodes[2];
		uint8_t query[512];
		int fds[2], udp, tcp;
		size_t len = rig_query(query, true, 9, 400, 0);
		struct rig rig;

		print_message("%s\n", cases[i].name);
		rig_open(&rig, &before);
		listener = rig.net->addresses.items[at].listeners[1];
		fds[0] = listener->udp.fd;
		fds[1] = listener->tcp.fd;
		inodes[0] = inode(fds[0]);
		inodes[1] = inode(fds[1]);
		udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
		tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
		expect_who(udp, false, cases[i].server_before, 1);
		expect_who(tcp, true, cases[i].server_before, 1);
		rig_send(tcp, query, 100);
		change(&rig, &after);
		expect_who(udp, false, cases[i].server_after, 2);
		rig_send(tcp, query + 100, len - 100);
		rig_answer(tcp, 9, 400);
		expect_who(tcp, true, cases[i].server_after, 2);
		at = cases[i].server_after;
		assert_ptr_equal(listener, rig.net->addresses.items[at].listeners[1]);
		assert_int_equal(listener->udp.fd, fds[0]);
		assert_int_equal(listener->tcp.fd, fds[1]);
		assert_int_equal(inode(fds[0]), inodes[0]);
		assert_int_equal(inode(fds[1]), inodes[1]);
		assert_int_equal(rig_metric(&rig, "fake_prepared"), 2);
		assert_int_equal(rig_metric(&rig, "fake_switched"), 2);
		close(udp);
		close(tcp);
		rig_close(&rig);
	}
}

static void test_comes(void **state)
{
	struct rig rig;
	int udp, tcp;

	rig_open(&rig, &(struct rig_options){.n_workers = 2});
	assert_true(is_refused(&rig, "127.0.0.2"));
	change(&rig, &(struct rig_options){.addresses = one_two, .generation = 3});
	for (unsigned i = 0; i < 20; i++) { /* whichever worker */
		udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.2", NULL);
		tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
		expect_who(udp, false, 1, 3);
		expect_who(tcp, true, 1, 3);
		close(udp);
		close(tcp);
	}
	rig_close(&rig);
}

#define BURST_CLIENTS 40
#define BURST_QUERIES 50

static void send_burst(const struct rig *rig, int clients[BURST_CLIENTS], const char *to)
{
	uint8_t query[64];

	for (unsigned c = 0; c < BURST_CLIENTS; c++)
		clients[c] = rig_connect(rig, SOCK_DGRAM, to, NULL);
	for (unsigned q = 0; q < BURST_QUERIES; q++) {
		size_t size = rig_query(query, false, (uint16_t)q, 40, 0);

		for (unsigned c = 0; c < BURST_CLIENTS; c++)
			rig_send(clients[c], query, size);
	}
}

static void expect_burst(int clients[BURST_CLIENTS])
{
	for (unsigned c = 0; c < BURST_CLIENTS; c++) {
		for (unsigned q = 0; q < BURST_QUERIES; q++)
			expect(clients[c], false, (uint16_t)q, 40);
		close(clients[c]);
	}
}

/* What was in its queues is answered; then nobody listens there, or the wildcard that came. */
static void test_goes(void **state)
{
	static const struct {
		const char *name;
		const char *const *after;
		bool is_refused;
	} cases[] = {
		{"and nobody else has it", one, true},
		{"and the wildcard has it", wildcards, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int clients[BURST_CLIENTS];
		struct rig rig;

		print_message("%s\n", cases[i].name);
		rig_open(&rig, &(struct rig_options){.addresses = one_two, .n_workers = 3});
		send_burst(&rig, clients, "127.0.0.2");
		change(&rig, &(struct rig_options){.addresses = cases[i].after});
		expect_burst(clients);
		assert_int_equal(is_refused(&rig, "127.0.0.2"), cases[i].is_refused);
		assert_false(is_refused(&rig, "127.0.0.1"));
		send_burst(&rig, clients, "127.0.0.1");
		change(&rig, &(struct rig_options){.addresses = one_two});
		expect_burst(clients);
		send_burst(&rig, clients, "127.0.0.2");
		expect_burst(clients);
		rig_close(&rig);
	}
}

/* Connections of a listener that goes get what they asked for, and then the end. */
static void test_connections_go(void **state)
{
	int idle, begun, waiting, late;
	uint8_t query[512];
	size_t len = rig_query(query, true, 2, 300, 0);
	struct rig rig;

	rig_open(&rig, &(struct rig_options){.addresses = one_two, .has_forward = true});
	idle = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	expect_who(idle, true, 1, 0);
	begun = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	rig_send(begun, query, 100);
	waiting = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	ask(waiting, true, 3, FAKE_SLOW);
	wait_for(&rig, "kaname_pending_queries", 1);
	late = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	ask(late, true, 4, 0);
	assert_int_equal(rig_reconfigure(&rig, &(struct rig_options){.has_forward = true}, NULL),
			 0);
	expect_fin(idle);
	expect(late, true, 4, QUERY_SIZE);
	expect_fin(late);
	rig_send(begun, query + 100, len - 100);
	rig_answer(begun, 2, 300);
	expect_fin(begun);
	assert_memory_equal(expect(waiting, true, 3, LATE_SIZE), "R\0s\0\1", 5);
	expect_fin(waiting);
	rig_wait_switched(&rig);
	close(idle);
	close(begun);
	close(waiting);
	close(late);
	assert_true(is_refused(&rig, "127.0.0.2"));
	rig_close(&rig);
}

/* No longer than it must: who asks the new listeners waits for it. */
static void test_goes_in_vain(void **state)
{
	static uint8_t stream[200 * 22];
	struct rig_options before = {.addresses = one_two, .has_forward = true, .drain_ms = 50};
	struct rig_options after = {.has_forward = true, .generation = 2};
	int udp, tcp, begun, deaf;
	size_t len = 0;
	struct rig rig;

	rig_open(&rig, &before);
	udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.2", NULL);
	tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	ask(udp, false, 1, FAKE_NEVER);
	ask(tcp, true, 2, FAKE_NEVER);
	wait_for(&rig, "kaname_pending_queries", 2);
	begun = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	rig_send(begun, "\0\50abc", 5);
	deaf = rig_connect(&rig, SOCK_STREAM, "127.0.0.2", NULL);
	for (unsigned q = 0; q < 200; q++)
		len += rig_query(stream + len, true, (uint16_t)q, 20, FAKE_BIG);
	rig_send(deaf, stream, len);
	rig_answer(deaf, 0, FAKE_BIG_SIZE);
	change(&rig, &after);
	assert_memory_equal(expect(udp, false, 1, LATE_SIZE), "F\2n\0\1", 5);
	assert_memory_equal(expect(tcp, true, 2, LATE_SIZE), "F\2n\0\1", 5);
	expect_fin(tcp);
	rig_expect_end(begun);
	rig_answer(deaf, 1, FAKE_BIG_SIZE); /* what was made before the switch still goes out */
	close(udp);
	close(tcp);
	close(begun);
	close(deaf);
	udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	expect_who(udp, false, 0, 2);
	close(udp);
	rig_close(&rig);
}

/* Queries that wait go on waiting; where their group is gone they are asked of the new one, and the
 * answer is that of the new server. */
static void test_pendings(void **state)
{
	static const struct {
		const char *name;
		uint8_t group_after;
		bool has_forward;
		const char *want; /* R or F, rcode, question, group, server */
	} cases[] = {
		{"the group stays", 1, true, "R\0s\1\1"},
		{"another group", 2, true, "R\0s\2\1"},
		{"no upstreams any more", 0, false, "F\5s\0\1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options before = {.addresses = one_two, .has_forward = true, .group = 1};
		struct rig_options after = {.addresses = two_one,
					    .has_forward = cases[i].has_forward,
					    .group = cases[i].group_after};
		struct rig rig;
		int udp, tcp;

		print_message("%s\n", cases[i].name);
		rig_open(&rig, &before);
		udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
		tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
		ask(udp, false, 1, FAKE_SLOW);
		ask(tcp, true, 2, FAKE_SLOW);
		wait_for(&rig, "kaname_pending_queries", 2);
		change(&rig, &after);
		assert_memory_equal(expect(udp, false, 1, LATE_SIZE), cases[i].want, 5);
		assert_memory_equal(expect(tcp, true, 2, LATE_SIZE), cases[i].want, 5);
		expect_who(tcp, true, 1, 0);
		close(udp);
		close(tcp);
		rig_close(&rig);
	}
}

/* A worker without upstreams gets some, loses them, gets them again. */
static void test_upstreams_come(void **state)
{
	struct rig rig;
	int fd;

	rig_open(&rig, &(struct rig_options){0});
	fd = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	ask(fd, false, 1, FAKE_QUICK);
	assert_memory_equal(expect(fd, false, 1, LATE_SIZE), "F\5q", 3);
	for (uint8_t group = 1; group < 4; group++) {
		struct rig_options options = {.has_forward = true, .group = group};

		change(&rig, &options);
		ask(fd, false, 2, FAKE_QUICK);
		assert_memory_equal(expect(fd, false, 2, LATE_SIZE), "R\0q", 3);
		assert_int_equal(rig_metric(&rig, "fake_forwards"), 1);
		change(&rig, &(struct rig_options){.group = group});
		ask(fd, false, 3, FAKE_NEVER);
		ask(fd, false, 4, 0);
		expect(fd, false, 3, LATE_SIZE);
		expect(fd, false, 4, QUERY_SIZE);
	}
	close(fd);
	rig_close(&rig);
}

/* All or nothing. */
static void test_failures(void **state)
{
	static const char *const taken[] = {"127.0.0.5", "127.0.0.1", "127.0.0.3", NULL};
	static const char *const absent[] = {"127.0.0.5", "192.0.2.1", NULL};
	static const struct {
		const char *name;
		const char *const *before, *const *after;
		int want;
		const char *want_text;
		bool is_apart; /* 127.0.0.5 is nobody's before */
	} cases[] = {
		{"in use", one, taken, -EADDRINUSE, "127.0.0.3:", true},
		{"not ours", one, absent, -EADDRNOTAVAIL, "192.0.2.1:", true},
		{"not ours, below a wildcard", wildcards, absent, -EADDRNOTAVAIL,
		 "192.0.2.1:", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options before = {
			.addresses = cases[i].before, .n_workers = 2, .generation = 1};
		struct rig_options after = {.addresses = cases[i].after, .generation = 2};
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_addr = {htonl(0x7f000003)}};
		int holder = socket(AF_INET, SOCK_DGRAM, 0);
		struct text why = {0};
		struct rig rig;
		int error, udp;

		rig_open(&rig, &before);
		address.sin_port = htons(rig.port);
		if (cases[i].want == -EADDRINUSE)
			assert_int_equal(bind(holder, (struct sockaddr *)&address, sizeof(address)),
					 0);
		error = rig_reconfigure(&rig, &after, &why);
		if (error != cases[i].want || !strstr(why.bytes, cases[i].want_text))
			fail_msg("%s: %d %s", cases[i].name, error, why.bytes);
		assert_false(rig.is_switched);
		udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
		expect_who(udp, false, 0, 1);
		assert_int_equal(is_refused(&rig, "127.0.0.5"), cases[i].is_apart);
		assert_int_equal(rig_metric(&rig, "fake_prepared"), 0);
		close(holder);
		change(&rig, &(struct rig_options){.addresses = cases[i].before, .generation = 3});
		expect_who(udp, false, 0, 3);
		close(udp);
		rig_close(&rig);
		text_fini(&why);
	}
}

/* Limits and times of the new configuration hold. */
static void test_limits(void **state)
{
	struct rig rig;
	int idle, other;

	rig_open(&rig, &(struct rig_options){0});
	idle = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	other = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	expect_who(idle, true, 0, 0);
	expect_who(other, true, 0, 0);
	change(&rig, &(struct rig_options){.tcp_max = 1});
	rig_expect_end(idle);
	assert_int_equal(rig_metric(&rig, "kaname_tcp_closed_total{reason=\"limit\"}"), 1);
	expect_who(other, true, 0, 0);
	change(&rig, &(struct rig_options){.tcp_idle_ms = 30});
	rig_expect_end(other);
	close(idle);
	close(other);
	rig_close(&rig);
}

/* A drain that comes during a switch: both are brought to their end, and who asks the listener that
 * comes is answered. */
static void test_drain_during_switch(void **state)
{
	static const char *const three[] = {"127.0.0.1", "127.0.0.3", NULL};
	struct rig_options before = {.addresses = one_two, .n_workers = 2, .has_forward = true};
	struct rig_options after = {.addresses = three, .has_forward = true, .generation = 2};
	int goes, stays, comes;
	struct text why = {0};
	struct rig rig;

	rig_open(&rig, &before);
	goes = rig_connect(&rig, SOCK_DGRAM, "127.0.0.2", NULL);
	stays = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	ask(goes, false, 1, FAKE_SLOW);
	ask(stays, false, 2, FAKE_SLOW);
	wait_for(&rig, "kaname_pending_queries", 2);
	assert_int_equal(rig_reconfigure(&rig, &after, NULL), 0);
	comes = rig_connect(&rig, SOCK_DGRAM, "127.0.0.3", NULL);
	ask(comes, false, 3, 0);
	rig_drain(&rig);
	expect(goes, false, 1, LATE_SIZE);
	expect(stays, false, 2, LATE_SIZE);
	expect(comes, false, 3, QUERY_SIZE);
	rig_wait_switched(&rig);
	assert_int_equal(rig_reconfigure(&rig, &after, &why), -EBUSY);
	assert_string_equal(why.bytes, "the server ends");
	text_fini(&why);
	close(goes);
	close(stays);
	close(comes);
	rig_close(&rig);
}

/* Again and again, with queries on their way: none is lost, memory does not grow (ASan), metrics
 * are there at any moment. */
static void test_many(void **state)
{
	static const char *const *const sets[] = {one, one_two, two_one, wildcards};
	unsigned n_queries = 0;
	int clients[BURST_CLIENTS];
	uint8_t query[64];
	struct rig rig;

	rig_open(&rig, &(struct rig_options){.n_workers = 3});
	for (unsigned c = 0; c < BURST_CLIENTS; c++)
		clients[c] =
			rig_connect(&rig, c % 4 == 0 ? SOCK_STREAM : SOCK_DGRAM, "127.0.0.1", NULL);
	for (unsigned round = 0; round < 60; round++) {
		struct rig_options options = {.addresses = sets[round % ARRAY_LEN(sets)],
					      .has_forward = round % 3 > 0,
					      .group = (uint8_t)(round % 5)};

		if (options.addresses == wildcards || round % 4 == 0)
			options.addresses = round % 8 < 4 ? one : two_one;
		for (unsigned c = 0; c < BURST_CLIENTS; c++)
			rig_send(clients[c], query,
				 rig_query(query, c % 4 == 0, (uint16_t)round, 40, 0));
		assert_int_equal(rig_reconfigure(&rig, &options, NULL), 0);
		rig_metric(&rig, "kaname_udp_kernel_drops_total{server=\"dns://:53\"}");
		for (unsigned c = 0; c < BURST_CLIENTS; c++)
			expect(clients[c], c % 4 == 0, (uint16_t)round, 40);
		rig_wait_switched(&rig);
		n_queries += BURST_CLIENTS;
	}
	assert_int_equal(net_queries(rig.net), n_queries);
	assert_int_equal(rig_metric(&rig, "fake_switched"), 180);
	for (unsigned c = 0; c < BURST_CLIENTS; c++)
		close(clients[c]);
	rig_close(&rig);
}

/* What is no query does not count, on either transport. */
static void test_queries(void **state)
{
	uint8_t query[64];
	struct rig rig;
	int udp, tcp;

	rig_open(&rig, &(struct rig_options){.n_workers = 2});
	assert_int_equal(net_queries(rig.net), 0);
	udp = rig_connect(&rig, SOCK_DGRAM, "127.0.0.1", NULL);
	tcp = rig_connect(&rig, SOCK_STREAM, "127.0.0.1", NULL);
	rig_send(udp, query, 5);
	rig_query(query, true, 1, 20, 0);
	query[4] = 0x80;
	rig_send(tcp, query, 22);
	ask(udp, false, 1, 0);
	ask(tcp, true, 2, 0);
	expect(udp, false, 1, QUERY_SIZE);
	expect(tcp, true, 2, QUERY_SIZE);
	assert_int_equal(net_queries(rig.net), 2);
	close(udp);
	close(tcp);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays),	       cmocka_unit_test(test_comes),
		cmocka_unit_test(test_goes),	       cmocka_unit_test(test_connections_go),
		cmocka_unit_test(test_goes_in_vain),   cmocka_unit_test(test_pendings),
		cmocka_unit_test(test_upstreams_come), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_limits),	       cmocka_unit_test(test_drain_during_switch),
		cmocka_unit_test(test_many),	       cmocka_unit_test(test_queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
