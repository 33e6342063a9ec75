/* SPDX-License-Identifier: Apache-2.0
 *
 * The forwarder on a real loop with real sockets, against upstreams on the same loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "responder.h"

static struct rig rig;
static struct asker askers[64];

#define ASKER (&askers[0])

static void open_rig(unsigned n)
{
	rig_init(&rig, n);
	rig_open(&rig);
}

static void test_answer(void **state)
{
	open_rig(1);
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), DNS_RCODE_NOERROR);
	assert_int_equal(ASKER->len, 12 + 17 + 4 + 16);
	assert_int_equal(rig.n_replies, 1);
	assert_int_equal(rig.responders[0].n_udp, 1);
	assert_true(rig.responders[0].had_edns);
	assert_int_equal(rig_metric(&rig, "kaname_forward_questions_total "), 1);
	assert_int_equal(rig_metric(&rig, "kaname_forward_in_flight "), 0);
	rig_close(&rig);
}

/* Whatever the upstream says: what comes back, and from how many queries. */
static void test_acts(void **state)
{
	static const struct {
		const char *name;
		enum responder_act act;
		uint8_t rcode;
		int want;
		unsigned n_udp, n_tcp;
	} cases[] = {
		{"NXDOMAIN", RESPOND_RCODE, DNS_RCODE_NXDOMAIN, DNS_RCODE_NXDOMAIN, 1, 0},
		{"SERVFAIL of all", RESPOND_RCODE, DNS_RCODE_SERVFAIL, DNS_RCODE_SERVFAIL, 1, 0},
		{"truncated", RESPOND_TRUNCATED, 0, 0, 1, 1},
		{"64 KiB", RESPOND_LARGE, 0, 0, 1, 1},
		{"twice", RESPOND_TWICE, 0, 0, 1, 0},
		{"an empty datagram first", RESPOND_EMPTY, 0, 0, 1, 0},
		{"forged ones first", RESPOND_FORGED, 0, 0, 1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		open_rig(1);
		/* The case is kept, which is known after a few replies. */
		for (int k = 0; k < 12; k++) {
			char name[32];

			snprintf(name, sizeof(name), "learn%d.example.org", k);
			assert_int_equal(rig_resolve(&rig, ASKER, name), 0);
		}
		rig.responders[0].act = cases[i].act;
		rig.responders[0].rcode = cases[i].rcode;
		rig.responders[0].n_udp = 0;
		if (rig_resolve(&rig, ASKER, "www.example.org") != cases[i].want)
			fail_msg("%s: another answer", cases[i].name);
		if (rig.responders[0].n_udp != cases[i].n_udp ||
		    rig.responders[0].n_tcp != cases[i].n_tcp)
			fail_msg("%s: %u queries by UDP, %u by TCP", cases[i].name,
				 rig.responders[0].n_udp, rig.responders[0].n_tcp);
		if (cases[i].act == RESPOND_LARGE)
			assert_true(ASKER->len > 62000);
		rig_close(&rig);
	}
}

static void test_forgeries_are_counted(void **state)
{
	static const struct {
		const char *reason;
		int n;
	} cases[] = {{"id", 1},	  {"no_reply", 2}, {"question", 3}, {"class", 1},
		     {"case", 1}, {"short", 3},	   {"too_large", 0}};
	char line[128];

	open_rig(1);
	for (int k = 0; k < 12; k++) {
		snprintf(line, sizeof(line), "learn%d.example.org", k);
		assert_int_equal(rig_resolve(&rig, ASKER, line), 0);
	}
	rig.responders[0].act = RESPOND_FORGED;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(line, sizeof(line),
			 "kaname_forward_unfit_replies_total{to=\"127.0.0.1:%u\",reason=\"%s\"}",
			 ntohs(rig.responders[0].address.sin_port), cases[i].reason);
		if (rig_metric(&rig, line) != cases[i].n)
			fail_msg("%s: %g", cases[i].reason, rig_metric(&rig, line));
	}
	rig_close(&rig);
}

static void test_equal_questions_join(void **state)
{
	open_rig(1);
	rig.responders[0].act = RESPOND_HELD;
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_ask(&rig, &askers[i], "www.example.org", 5000), FORWARD_ASKED);
	forward_cancel(rig.forward, &askers[9].waiter);
	while (rig.responders[0].n_held == 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	responder_release(&rig.responders[0]);
	for (int i = 0; i < 9; i++)
		rig_run_until(&rig, &askers[i].is_done);
	assert_false(askers[9].is_done);
	assert_int_equal(rig.responders[0].n_udp, 1);
	assert_int_equal(rig.n_replies, 1);
	assert_int_equal(rig_metric(&rig, "kaname_forward_joins_total "), 9);
	rig_close(&rig);
}

static void test_replies_in_another_order(void **state)
{
	open_rig(1);
	rig.responders[0].act = RESPOND_HELD;
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%d.example.org", i);
		assert_int_equal(rig_ask(&rig, &askers[i], name, 5000), FORWARD_ASKED);
	}
	while (rig.responders[0].n_held < 40)
		uv_run(&rig.loop, UV_RUN_ONCE);
	responder_release(&rig.responders[0]);
	for (int i = 0; i < 40; i++) {
		char name[32];

		rig_run_until(&rig, &askers[i].is_done);
		snprintf(name, sizeof(name), "n%d", i);
		assert_true(askers[i].has_wire && askers[i].wire[12] == strlen(name));
		assert_memory_equal(askers[i].wire + 14, name + 1, strlen(name) - 1);
	}
	rig_close(&rig);
}

static void test_the_case_is_random_and_kept(void **state)
{
	unsigned n_upper = 0;

	open_rig(1);
	for (int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_resolve(&rig, ASKER, name), 0);
		n_upper += rig.responders[0].had_upper;
	}
	assert_true(n_upper > 10);
	rig_close(&rig);
}

static void test_an_upstream_that_loses_the_case(void **state)
{
	open_rig(1);
	rig.responders[0].act = RESPOND_UPPER;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	assert_int_equal(rig.responders[0].n_udp, 2);
	assert_int_equal(rig_resolve(&rig, ASKER, "ftp.example.org"), 0);
	assert_int_equal(rig.responders[0].n_udp, 3);
	assert_false(rig.responders[0].had_upper);
	rig_close(&rig);
}

static void test_failover(void **state)
{
	open_rig(3);
	rig.responders[0].act = RESPOND_RCODE;
	rig.responders[0].rcode = DNS_RCODE_REFUSED;
	rig.responders[1].act = RESPOND_NEVER;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	assert_int_equal(rig.responders[2].n_udp, 1);
	assert_int_equal(rig_metric(&rig, "kaname_forward_retries_total "), 1);
	assert_int_equal(rig_metric(&rig, "kaname_forward_hedges_total "), 1);
	rig_close(&rig);
}

static void test_broken_reply(void **state)
{
	open_rig(2);
	rig.responders[0].act = RESPOND_BROKEN;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	assert_int_equal(rig.responders[1].n_udp, 1);
	rig.responders[1].act = RESPOND_BROKEN;
	assert_int_equal(rig_resolve(&rig, ASKER, "ftp.example.org"), -1);
	assert_int_equal(ASKER->ede, DNS_EDE_NETWORK_ERROR);
	rig_close(&rig);
}

/* Nothing listens on the first one's port any more: the kernel says so. */
static void test_port_unreachable(void **state)
{
	open_rig(2);
	responder_close(&rig.responders[0]);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	for (int i = 0; i < 6; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_resolve(&rig, ASKER, name), 0);
	}
	assert_int_equal(rig.responders[1].n_udp, 6);
	rig_close(&rig);
}

static void test_nobody_listens(void **state)
{
	open_rig(1);
	responder_close(&rig.responders[0]);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), -1);
	assert_int_equal(ASKER->ede, DNS_EDE_NETWORK_ERROR);
	rig_close(&rig);
	rig_init(&rig, 1);
	rig.groups[0].has_force_tcp = true;
	rig_open(&rig);
	responder_close(&rig.responders[0]);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), -1);
	assert_int_equal(ASKER->ede, DNS_EDE_NETWORK_ERROR);
	rig_close(&rig);
}

static void test_force_tcp(void **state)
{
	rig_init(&rig, 1);
	rig.groups[0].has_force_tcp = true;
	rig_open(&rig);
	for (int i = 0; i < 30; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_ask(&rig, &askers[i], name, 5000), FORWARD_ASKED);
	}
	for (int i = 0; i < 30; i++) {
		rig_run_until(&rig, &askers[i].is_done);
		assert_true(askers[i].has_wire);
	}
	assert_int_equal(rig.responders[0].n_udp, 0);
	assert_int_equal(rig.responders[0].n_tcp, 30);
	assert_int_equal(rig.responders[0].n_connections, 1);
	rig_close(&rig);
}

static void test_tcp_closed_in_the_middle(void **state)
{
	rig_init(&rig, 2);
	rig.groups[0].has_force_tcp = true;
	rig_open(&rig);
	rig.responders[0].act = RESPOND_CLOSE;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	assert_int_equal(rig.responders[1].n_tcp, 1);
	rig_close(&rig);
}

static void test_deadline(void **state)
{
	open_rig(1);
	rig.responders[0].act = RESPOND_NEVER;
	assert_int_equal(rig_ask(&rig, &askers[0], "www.example.org", 20), FORWARD_ASKED);
	assert_int_equal(rig_ask(&rig, &askers[1], "www.example.org", 60), FORWARD_ASKED);
	rig_run_until(&rig, &askers[0].is_done);
	assert_false(askers[0].has_wire || askers[1].is_done);
	assert_int_equal(askers[0].ede, DNS_EDE_NO_REACHABLE_AUTHORITY);
	rig_run_until(&rig, &askers[1].is_done);
	assert_false(askers[1].has_wire);
	rig_close(&rig);
}

static void test_bounds(void **state)
{
	rig_init(&rig, 1);
	rig.config.max_questions = 5;
	rig.groups[0].max_concurrent = 3;
	rig.groups[0].has_force_tcp = false;
	rig_open(&rig);
	rig.responders[0].act = RESPOND_NEVER;
	for (int i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_ask(&rig, &askers[i], name, 5000),
				 i < 3 ? FORWARD_ASKED : FORWARD_REFUSED);
	}
	assert_int_equal(rig_ask(&rig, &askers[5], "w0.example.org", 5000), FORWARD_ASKED);
	assert_int_equal(rig_metric(&rig, "coredns_forward_max_concurrent_rejects_total "), 1);
	while (forward_fullness(rig.forward) < 1) /* three of three, by the next tick */
		uv_run(&rig.loop, UV_RUN_ONCE);
	rig_close(&rig);
	for (int i = 0; i < 3; i++)
		assert_true(askers[i].is_done && !askers[i].has_wire);
}

static void test_ports_change(void **state)
{
	uint16_t ports[64];
	unsigned n_ports = 0;

	open_rig(1);
	for (int i = 0; i < 64; i++) {
		char name[32];
		bool is_new = true;

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_resolve(&rig, ASKER, name), 0);
		for (unsigned k = 0; k < n_ports; k++)
			is_new = is_new && ports[k] != rig.responders[0].last_port;
		if (is_new)
			ports[n_ports++] = rig.responders[0].last_port;
	}
	assert_true(n_ports >= 3);
	rig_close(&rig);
}

/* More questions than a port is used for: the port is given up, and nothing is lost. */
static void test_a_port_is_given_up(void **state)
{
	char line[128];

	open_rig(1);
	for (int i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_resolve(&rig, ASKER, name), 0);
	}
	assert_int_equal(rig.responders[0].n_udp, 3000);
	snprintf(line, sizeof(line),
		 "coredns_proxy_conn_cache_misses_total{proxy_name=\"forward\",to=\"127.0.0.1:%u\","
		 "proto=\"udp\"}",
		 ntohs(rig.responders[0].address.sin_port));
	assert_in_range((int)rig_metric(&rig, line), 6, 12);
	rig_close(&rig);
}

static void test_a_loop_is_found(void **state)
{
	rig_init(&rig, 2);
	rig.groups[0].has_loop_probe = true;
	rig.responders[0].act = RESPOND_PROOF;
	rig_open(&rig);
	while (rig.responders[0].n_udp == 0 || rig.responders[1].n_udp == 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	while (rig_metric(&rig, "kaname_forward_loops_total ") == 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	rig.responders[0].act = RESPOND;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	assert_int_equal(rig.responders[0].n_udp, 1);
	rig_close(&rig);
}

static void test_next_group(void **state)
{
	rig_init(&rig, 2);
	rig.groups[0].n_targets = 1;
	rig.groups[1].targets = &rig.targets[1];
	rig.groups[1].n_targets = 1;
	rig.groups[0].next_group = 1;
	rig.groups[0].next_rcodes = 1u << DNS_RCODE_NXDOMAIN;
	rig.config.n_groups = 2;
	rig.responders[0].act = RESPOND_RCODE;
	rig.responders[0].rcode = DNS_RCODE_NXDOMAIN;
	rig_open(&rig);
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), DNS_RCODE_NOERROR);
	assert_int_equal(rig.responders[1].n_udp, 1);
	rig_close(&rig);
}

static void test_own_address(void **state)
{
	struct forward_listener own;

	rig_init(&rig, 1);
	memcpy(&own.address, &rig.responders[0].address, sizeof(struct sockaddr_in));
	((struct sockaddr_in *)(void *)&own.address)->sin_addr.s_addr = 0;
	rig.config.own = &own;
	rig.config.n_own = 1;
	rig_open(&rig);
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), -1);
	assert_int_equal(rig.responders[0].n_udp, 0);
	rig_close(&rig);
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* The file names one upstream, then the other: the change is seen, and nothing is lost meanwhile.
 */
static void test_resolv_conf_changes(void **state)
{
	struct forward_target target = {.kind = FORWARD_TARGET_RESOLV_CONF};
	char path[] = "/tmp/test_forward_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	rig_init(&rig, 1);
	write_file(path, "nameserver 127.0.0.1\n");
	target.path = path;
	target.port = ntohs(rig.responders[0].address.sin_port);
	rig.groups[0].targets = &target;
	rig.config.tick_ms = 2;
	rig_open(&rig);
	assert_int_equal(rig_resolve(&rig, ASKER, "a.example.org"), 0);
	write_file(path, "nameserver 127.0.0.9\nnameserver 127.0.0.8\n");
	do
		assert_int_equal(rig_ask(&rig, ASKER, "b.example.org", 50), FORWARD_ASKED);
	while (rig_run_until(&rig, &ASKER->is_done), ASKER->has_wire);
	assert_int_equal(ASKER->ede, DNS_EDE_NETWORK_ERROR);
	assert_int_equal(remove(path), 0); /* unreadable: what was there stays */
	write_file(path, "nameserver 127.0.0.1\n");
	do
		assert_int_equal(rig_ask(&rig, ASKER, "c.example.org", 50), FORWARD_ASKED);
	while (rig_run_until(&rig, &ASKER->is_done), !ASKER->has_wire);
	assert_int_equal(remove(path), 0);
	rig_close(&rig);
}

/* The host's address is the third responder's; the name is asked for at the first, by way of a
 * resolv.conf. */
static void test_host_name(void **state)
{
	struct forward_target target = {.kind = FORWARD_TARGET_HOST};
	char path[] = "/tmp/test_forward_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	rig_init(&rig, 3);
	write_file(path, "nameserver 127.0.0.1\n");
	rig.responders[0].is_directory = true; /* the name's address is 127.0.0.3 */
	rig.config.resolv_conf = path;
	rig.config.resolver_port = ntohs(rig.responders[0].address.sin_port);
	assert_int_equal(dns_name_from_text(&target.host, "dns.example.org", 15), 0);
	target.port = ntohs(rig.responders[2].address.sin_port);
	rig.groups[0].targets = &target;
	rig.groups[0].n_targets = 1;
	rig_open(&rig);
	do
		assert_int_equal(rig_ask(&rig, ASKER, "a.example.org", 50), FORWARD_ASKED);
	while (rig_run_until(&rig, &ASKER->is_done), !ASKER->has_wire);
	assert_int_equal(rig.responders[0].n_udp, 2); /* A and AAAA */
	assert_int_equal(rig.responders[2].n_udp, 1);
	assert_int_equal(remove(path), 0);
	rig_close(&rig);
}

static void test_edns_refused(void **state)
{
	open_rig(1);
	rig.responders[0].act = RESPOND_RCODE;
	rig.responders[0].rcode = DNS_RCODE_FORMERR;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), DNS_RCODE_FORMERR);
	assert_int_equal(rig.responders[0].n_udp, 2);
	assert_false(rig.responders[0].had_edns);
	rig_close(&rig);
}

struct chain {
	struct forward_waiter waiter; /* first */
	unsigned n_left;
};

static void ask_link(struct chain *chain)
{
	struct forward_question question = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	char name[32];

	snprintf(name, sizeof(name), "link%u.example.org", chain->n_left);
	assert_int_equal(dns_name_from_text(&question.name, name, strlen(name)), 0);
	assert_int_equal(
		forward_ask(rig.forward, &question, &chain->waiter, uv_now(&rig.loop) + 5000),
		FORWARD_ASKED);
}

static void on_closed(void *arg)
{
	*(bool *)arg = true;
}

static void on_link(struct forward_waiter *waiter, const struct forward_result *result)
{
	struct chain *chain = (struct chain *)(void *)waiter;

	assert_non_null(result->wire);
	if (--chain->n_left == 0)
		forward_close(rig.forward, on_closed, &rig.is_closed);
	else
		ask_link(chain);
}

/* Asking again, and closing, from within on_done. */
static void test_reentry(void **state)
{
	struct chain chain = {.waiter.on_done = on_link, .n_left = 5};

	open_rig(1);
	ask_link(&chain);
	rig_run_until(&rig, &rig.is_closed);
	assert_int_equal(chain.n_left, 0);
	responder_close(&rig.responders[0]);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
}

static void test_close_with_questions(void **state)
{
	open_rig(2);
	rig.responders[0].act = rig.responders[1].act = RESPOND_NEVER;
	for (int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "w%d.example.org", i);
		assert_int_equal(rig_ask(&rig, &askers[i], name, 5000), FORWARD_ASKED);
	}
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	rig_close(&rig);
	for (int i = 0; i < 20; i++)
		assert_true(askers[i].is_done && !askers[i].has_wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_forgeries_are_counted),
		cmocka_unit_test(test_equal_questions_join),
		cmocka_unit_test(test_replies_in_another_order),
		cmocka_unit_test(test_the_case_is_random_and_kept),
		cmocka_unit_test(test_an_upstream_that_loses_the_case),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_broken_reply),
		cmocka_unit_test(test_port_unreachable),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_force_tcp),
		cmocka_unit_test(test_tcp_closed_in_the_middle),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_ports_change),
		cmocka_unit_test(test_a_port_is_given_up),
		cmocka_unit_test(test_a_loop_is_found),
		cmocka_unit_test(test_next_group),
		cmocka_unit_test(test_own_address),
		cmocka_unit_test(test_resolv_conf_changes),
		cmocka_unit_test(test_host_name),
		cmocka_unit_test(test_edns_refused),
		cmocka_unit_test(test_reentry),
		cmocka_unit_test(test_close_with_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
