/* SPDX-License-Identifier: Apache-2.0
 *
 * Two nets on one port, as two processes have it while one hands over to the other.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../../src/net/sharing.h"
#include "fake_query.h"
#include "rig.h"

#define V4_TAIL \
	" 00000000:00000000 00:00000000 00000000     0        0 15545220 2 0000000024042c13 0"
#define V6_ZEROS "00000000000000000000000000000000"

/* Lines of /proc/net/udp and udp6. */
static void test_lines(void **state)
{
	static const struct {
		const char *name, *line;
		const char *want; /* ADDRESS PORT INODE, and "receives"; NULL: no entry */
	} cases[] = {
		{"the head", "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when",
		 NULL},
		{"empty", "", NULL},
		{"receives", "11189: 0100007F:CEB7 00000000:0000 07" V4_TAIL,
		 "127.0.0.1 52919 15545220 receives"},
		{"wildcard", "    9: 00000000:0035 00000000:0000 07" V4_TAIL,
		 "0.0.0.0 53 15545220 receives"},
		{"connected", "8986: 0100007F:0035 0200007F:0009 01" V4_TAIL,
		 "127.0.0.1 53 15545220"},
		{"IPv6", " 1: " V6_ZEROS ":0035 " V6_ZEROS ":0000 07" V4_TAIL,
		 ":: 53 15545220 receives"},
		{"IPv6 loopback",
		 " 1: 00000000000000000000000001000000:0035 " V6_ZEROS ":0000 07" V4_TAIL,
		 "::1 53 15545220 receives"},
		{"short address", " 1: 0100007:0035 00000000:0000 07" V4_TAIL, NULL},
		{"no digits", " 1: 0100007G:0035 00000000:0000 07" V4_TAIL, NULL},
		{"no port", " 1: 0100007F:", NULL},
		{"cut before the state", " 1: 0100007F:0035 00000000:0000", NULL},
		{"cut before the inode",
		 " 1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sharing_entry entry;
		char got[128] = "", host[INET6_ADDRSTRLEN] = "";

		if (sharing_parse(cases[i].line, &entry)) {
			const void *address = entry.address.any.sa_family == AF_INET
						      ? (const void *)&entry.address.v4.sin_addr
						      : (const void *)&entry.address.v6.sin6_addr;

			inet_ntop(entry.address.any.sa_family, address, host, sizeof(host));
			snprintf(got, sizeof(got), "%s %u %llu%s", host,
				 ntohs(entry.address.v4.sin_port), (unsigned long long)entry.inode,
				 entry.is_receiving ? " receives" : "");
		}
		if (strcmp(got, cases[i].want ? cases[i].want : "") != 0)
			fail_msg("%s: got \"%s\"", cases[i].name, got);
	}
}

/* How many of N_FLOWS are answered by the net of this generation; all are answered. */
#define N_FLOWS 40

static unsigned count_flows(const struct rig *rig, int type, const char *to, unsigned generation)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_FLOWS; i++) {
		size_t prefix = type == SOCK_STREAM ? 2 : 0;
		int fd = rig_connect(rig, type, to, NULL);
		uint8_t query[64], answer[64];

		rig_send(fd, query, rig_query(query, prefix > 0, 1, 20, FAKE_WHO));
		rig_receive(fd, answer, prefix + DNS_HEADER_SIZE + 2);
		n += answer[prefix + DNS_HEADER_SIZE + 1] == generation;
		close(fd);
	}
	return n;
}

static void wait_joined(struct rig *rig)
{
	for (unsigned i = 0; !net_is_joined(rig->net); i++) {
		assert_true(i < 10000);
		uv_run(&rig->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

/* The second receives nothing before it joins, then its part; the first ends, and nothing is lost.
 */
static void test_hand_over(void **state)
{
	static const char *const wildcards[] = {"0.0.0.0", "::", NULL};
	static const struct {
		const char *name;
		const char *const *listen;
		const char *to;
	} cases[] = {
		{"one address", NULL, "127.0.0.1"},
		{"wildcard IPv4", wildcards, "127.0.0.1"},
		{"wildcard IPv6", wildcards, "::1"},
	};
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig_options options = {
			.addresses = cases[i].listen, .n_workers = 2, .generation = 1};
		struct rig first, second;

		print_message("%s\n", cases[i].name);
		rig_open(&first, &options);
		assert_true(net_is_joined(first.net));
		assert_false(net_is_shared(first.net));
		options.port = first.port;
		options.generation = 2;
		rig_open(&second, &options);
		assert_false(net_is_joined(second.net));
		assert_false(net_is_shared(first.net));
		assert_true(net_is_shared(second.net));
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			assert_int_equal(count_flows(&first, types[t], cases[i].to, 1), N_FLOWS);
		net_join(second.net);
		net_join(second.net);
		wait_joined(&second);
		assert_true(net_is_shared(first.net));
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			assert_in_range(count_flows(&first, types[t], cases[i].to, 2), 1,
					N_FLOWS - 1);
		rig_close(&first);
		assert_false(net_is_shared(second.net));
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			assert_int_equal(count_flows(&second, types[t], cases[i].to, 2), N_FLOWS);
		rig_close(&second);
	}
}

/* Who waits may be told to end, and to change. */
static void test_end_without_join(void **state)
{
	static const char *const two[] = {"127.0.0.1", "127.0.0.2", NULL};
	struct rig_options options = {.n_workers = 2, .generation = 1};
	struct rig first, second;

	rig_open(&first, &options);
	options.port = first.port;
	for (unsigned i = 0; i < 3; i++) {
		options.generation = 2;
		options.addresses = i == 2 ? two : NULL;
		rig_open(&second, &options);
		if (i > 0) {
			options.addresses = i == 1 ? two : NULL;
			assert_int_equal(rig_reconfigure(&second, &options, NULL), 0);
			rig_wait_switched(&second);
			assert_false(net_is_joined(second.net));
		}
		assert_int_equal(count_flows(&first, SOCK_DGRAM, "127.0.0.1", 1), N_FLOWS);
		rig_close(&second);
		assert_int_equal(count_flows(&first, SOCK_STREAM, "127.0.0.1", 1), N_FLOWS);
	}
	rig_close(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_end_without_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
