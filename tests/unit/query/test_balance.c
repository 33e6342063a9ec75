/* SPDX-License-Identifier: Apache-2.0
 *
 * loadbalance: which address is the first, by weight and by network, in answers of `hosts`; and the
 * weight file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../src/query/worker.h"
#include "answer_text.h"
#include "base/rcu.h"
#include "fixture.h"
#include "query/balance.h"
#include "query/hosts.h"

static struct fixture fixture;
static struct dns_name root = {.len = 1};
static struct query_hosts hosts = {.place = "Corefile:2", .ttl_s = 60, .zones = {&root, 1}};
static struct query_balance balance = {.place = "Corefile:3"};

static const char file[] = "10.0.0.1 www.test\n10.0.0.2 www.test\n192.168.0.3 www.test\n"
			   "fd00::1 six.test\nfd01::2 six.test\n10.0.0.9 single.test\n";

static void weigh(const char *text)
{
	struct text why = {0};
	struct weights *weights = weights_build(text, strlen(text), &why);

	assert_non_null(weights);
	weights_publish(&balance, weights);
}

/* Last octets of the addresses in the order of the answer. */
static void ask(const char *name, uint16_t type, uint8_t order[8])
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, type, 0), rdata = type == DNS_TYPE_A ? 4 : 16;
	const uint8_t *at = fixture.answer + size;

	assert_int_equal(fixture_run(&fixture, packet, size, false), QUERY_ANSWER);
	assert_int_equal(fixture.output.rcode, DNS_RCODE_NOERROR);
	assert_true(fixture.output.n_answer <= 8);
	for (unsigned i = 0; i < fixture.output.n_answer; i++, at += 12 + rdata)
		order[i] = at[12 + rdata - 1];
}

#define N_ASKED 12000

/* How often each last octet is the first of www.test. */
static void count_first(const char *name, uint16_t type, unsigned counts[256])
{
	uint8_t order[8];

	memset(counts, 0, 256 * sizeof(counts[0]));
	fixture.worker->scratch.order.random.state = 1; /* the same numbers in every run */
	for (unsigned i = 0; i < N_ASKED; i++) {
		ask(name, type, order);
		counts[order[0]]++;
	}
}

static void assert_share(unsigned count, unsigned part, unsigned whole)
{
	double want = (double)N_ASKED * part / whole;

	assert_true(count > want * 0.9 && count < want * 1.1);
}

static void test_weights(void **state)
{
	unsigned counts[256];

	weigh("WWW.test.\n10.0.0.1 3\n192.168.0.3 2\n\nsix.test\nfd00::1 9\n");
	count_first("www.test", DNS_TYPE_A, counts);
	assert_share(counts[1], 3, 6);
	assert_share(counts[2], 1, 6); /* not in the file: 1 */
	assert_share(counts[3], 2, 6);
	count_first("six.test", DNS_TYPE_AAAA, counts);
	assert_share(counts[1], 9, 10);
	count_first("single.test", DNS_TYPE_A, counts);
	assert_int_equal(counts[9], N_ASKED);
	/* Others' weights are not theirs. */
	weigh("six.test\n10.0.0.1 255\n");
	count_first("www.test", DNS_TYPE_A, counts);
	assert_share(counts[1], 1, 3);
}

static void test_prefer(void **state)
{
	static const struct balance_network networks[] = {
		{{ADDRESS_V4, {192, 168}}, 16},
		{{ADDRESS_V6, {0xfd, 1}}, 16},
		{{ADDRESS_V4, {10, 0, 0, 2}}, 31},
	};
	unsigned counts[256];
	uint8_t order[8];

	weights_publish(&balance, NULL);
	balance.prefer = networks;
	balance.n_prefer = 2;
	count_first("www.test", DNS_TYPE_A, counts);
	assert_int_equal(counts[3], N_ASKED);
	count_first("six.test", DNS_TYPE_AAAA, counts);
	assert_int_equal(counts[2], N_ASKED);
	balance.n_prefer = 3;
	for (unsigned i = 0; i < 100; i++) {
		ask("www.test", DNS_TYPE_A, order);
		assert_memory_equal(order, "\3\2\1", 3);
	}
	balance.prefer = networks + 2; /* the others stay in their order, a random one */
	balance.n_prefer = 1;
	count_first("www.test", DNS_TYPE_A, counts);
	assert_int_equal(counts[2], N_ASKED);
	balance.prefer = (const struct balance_network[]){{{ADDRESS_V4, {0}}, 0}};
	count_first("www.test", DNS_TYPE_A, counts);
	assert_share(counts[1], 1, 3);
	balance.n_prefer = 0;
}

/* Networks come before weights, which still tell within them. */
static void test_both(void **state)
{
	static const struct balance_network ten = {{ADDRESS_V4, {10}}, 8};
	unsigned counts[256];

	weigh("www.test\n10.0.0.1 3\n192.168.0.3 200\n");
	balance.prefer = &ten;
	balance.n_prefer = 1;
	count_first("www.test", DNS_TYPE_A, counts);
	assert_int_equal(counts[3], 0);
	assert_true(counts[1] > 0 && counts[2] > 0);
	balance.n_prefer = 0;
}

struct file_case {
	const char *file;
	const char *want;
};

static const struct file_case file_cases[] = {
	{"", "fine"},
	{"# c\n\n  # c\na.test\n1.2.3.4 255\n \tfd00::1\t1 \r\nA.TEST.\n1.2.3.4 7\n", "fine"},
	{"a.test\n", "fine"},
	{"1.2.3.4 1\n", "1: \"1.2.3.4\" stands before the first domain name"},
	{"a.test\n\n1.2.3.4\n", "3: \"1.2.3.4\" has no weight behind it"},
	{"a.test\n1.2.3.4 0\n", "2: \"0\" is not a weight from 1 to 255"},
	{"a.test\n1.2.3.4 256\n", "2: \"256\" is not a weight from 1 to 255"},
	{"a.test\n1.2.3.4 -1\n", "2: \"-1\" is not a weight from 1 to 255"},
	{"a.test\n1.2.3.4 4294967297\n", "2: \"4294967297\" is not a weight from 1 to 255"},
	{"a.test\n1.2.3 1\n", "2: \"1.2.3\" is not an address"},
	{"a.test\n1.2.3.4 1 x y\n", "2: \"x\" stands behind a weight"},
	{"a..test\n", "1: \"a..test\" is not a domain name"},
};

static void test_file(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(file_cases); i++) {
		struct text why = {0};
		const char *text = file_cases[i].file;
		struct weights *weights = weights_build(text, strlen(text), &why);

		assert_string_equal(weights ? "fine" : why.bytes, file_cases[i].want);
		weights_free(weights);
		text_fini(&why);
	}
}

static int set_up(void **state)
{
	const struct hosts_input input = {
		.zones = &hosts.zones, .file = file, .file_len = sizeof(file) - 1, .lines = ""};

	rcu_register();
	fixture_init(&fixture);
	hosts.data = hosts_build(&input, NULL);
	fixture.blocks[0].n_clusters = 0;
	fixture.blocks[0].hosts = &hosts;
	fixture.blocks[0].balance = &balance;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&fixture);
	hosts_free(hosts.data);
	weights_free(balance.weights);
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_prefer),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
