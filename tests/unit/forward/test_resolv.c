/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "../../../src/forward/forward_private.h"
#include "../../../src/forward/resolv.h"
#include "dns/probe.h"

static void test_resolv_conf(void **state)
{
	static const struct {
		const char *name, *text, *want;
		size_t n_bad;
	} cases[] = {
		{"empty", "", "", 0},
		{"one", "nameserver 10.0.0.1\n", " 10.0.0.1:53", 0},
		{"no newline at the end", "nameserver 10.0.0.1", " 10.0.0.1:53", 0},
		{"spaces, tabs, carriage returns, words behind",
		 "nameserver\t 10.0.0.1 \r\nnameserver 10.0.0.2 # the other\r\n",
		 " 10.0.0.1:53 10.0.0.2:53", 0},
		{"IPv6", "nameserver fd00::10\nnameserver ::1\n", " [fd00::10]:53 [::1]:53", 0},
		{"an interface", "nameserver fe80::1%1\n", " [fe80::1]:53", 0},
		{"the same twice", "nameserver 10.0.0.1\nnameserver 10.0.0.1\n", " 10.0.0.1:53", 0},
		{"comments and other lines",
		 "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nsearch a b\n nameserver 1.1.1.1\n"
		 "nameservers 1.1.1.1\nnameserver10.0.0.1\noptions ndots:5\n",
		 "", 0},
		{"no address",
		 "nameserver\nnameserver \nnameserver dns.example\nnameserver 1.2.3\n"
		 "nameserver fe80::1%nosuchinterface\nnameserver 10.0.0.3\n",
		 " 10.0.0.3:53", 4},
		{"more than upstreams may be",
		 "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
		 "nameserver 10.0.0.4\nnameserver 10.0.0.5\nnameserver 10.0.0.6\n"
		 "nameserver 10.0.0.7\nnameserver 10.0.0.8\nnameserver 10.0.0.9\n"
		 "nameserver 10.0.0.10\nnameserver 10.0.0.11\nnameserver 10.0.0.12\n"
		 "nameserver 10.0.0.13\nnameserver 10.0.0.14\nnameserver 10.0.0.15\n"
		 "nameserver 10.0.0.16\n",
		 " 10.0.0.1:53 10.0.0.2:53 10.0.0.3:53 10.0.0.4:53 10.0.0.5:53 10.0.0.6:53"
		 " 10.0.0.7:53 10.0.0.8:53 10.0.0.9:53 10.0.0.10:53 10.0.0.11:53 10.0.0.12:53"
		 " 10.0.0.13:53 10.0.0.14:53 10.0.0.15:53",
		 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resolv_addresses addresses;
		struct text got = {0};
		size_t n_bad;

		resolv_parse(&addresses, cases[i].text, strlen(cases[i].text), 53, &n_bad);
		text_puts(&got, "");
		for (size_t k = 0; k < addresses.n; k++) {
			char text[PEER_TEXT_MAX];

			peer_text(text, &addresses.items[k]);
			text_printf(&got, " %s", text);
		}
		if (strcmp(got.bytes ? got.bytes : "", cases[i].want) != 0 ||
		    n_bad != cases[i].n_bad)
			fail_msg("%s: got%s, %zu bad", cases[i].name, got.bytes, n_bad);
		text_fini(&got);
	}
}

static void test_own(void **state)
{
	static const struct {
		const char *listener;
		uint16_t port;
		const char *upstream;
		bool want;
	} cases[] = {
		{"0.0.0.0", 53, "127.0.0.53", true},	 {"0.0.0.0", 53, "10.1.1.1", true},
		{"0.0.0.0", 53, "10.1.1.2", false},	 {"0.0.0.0", 1053, "127.0.0.53", false},
		{"10.1.1.1", 53, "10.1.1.1", true},	 {"10.1.1.1", 53, "127.0.0.53", false},
		{"169.254.20.10", 53, "0.0.0.0", false}, {"0.0.0.0", 53, "0.0.0.0", true},
	};
	struct address own;

	assert_int_equal(address_from_text(&own, "10.1.1.1", 8), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct forward_listener listener = {0};
		struct sockaddr_storage upstream = {0};
		struct forward_config config = {
			.own = &listener, .n_own = 1, .own_addresses = &own, .n_own_addresses = 1};

		assert_int_equal(uv_ip4_addr(cases[i].listener, cases[i].port,
					     (struct sockaddr_in *)(void *)&listener.address),
				 0);
		assert_int_equal(
			uv_ip4_addr(cases[i].upstream, 53, (struct sockaddr_in *)(void *)&upstream),
			0);
		if (resolv_is_own(&config, &upstream) != cases[i].want)
			fail_msg("%s:%u and %s", cases[i].listener, cases[i].port,
				 cases[i].upstream);
	}
}

static void test_own_v6(void **state)
{
	struct forward_listener listener = {0};
	struct sockaddr_storage upstream = {0};
	const struct forward_config config = {.own = &listener, .n_own = 1};

	assert_int_equal(uv_ip6_addr("::", 53, (struct sockaddr_in6 *)(void *)&listener.address),
			 0);
	assert_int_equal(uv_ip6_addr("::1", 53, (struct sockaddr_in6 *)(void *)&upstream), 0);
	assert_true(resolv_is_own(&config, &upstream));
	assert_int_equal(uv_ip6_addr("fd00::1", 53, (struct sockaddr_in6 *)(void *)&upstream), 0);
	assert_false(resolv_is_own(&config, &upstream));
	assert_int_equal(uv_ip4_addr("127.0.0.1", 53, (struct sockaddr_in *)(void *)&upstream), 0);
	assert_false(resolv_is_own(&config, &upstream));
}

static size_t write_query(uint8_t *out, const char *name, uint64_t case_bits, bool has_edns)
{
	struct dns_name parsed;
	const struct packet_question question = {.name = &parsed,
						 .type = DNS_TYPE_A,
						 .class = DNS_CLASS_IN,
						 .has_rd = true,
						 .has_edns = has_edns,
						 .has_do = has_edns};

	assert_int_equal(dns_name_from_text(&parsed, name, strlen(name)), 0);
	return packet_write(out, &question, 0x1234, case_bits);
}

static void test_packet(void **state)
{
	static const uint8_t plain[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0\3wWw\2a1\0\0\1\0\1";
	static const uint8_t edns[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\1\3www\2a1\0\0\1\0\1"
				      "\0\0\x29\x04\xd0\0\0\x80\0\0\0";
	uint8_t out[PACKET_MAX];

	assert_int_equal(write_query(out, "www.a1", 4, false), sizeof(plain) - 1);
	assert_memory_equal(out, plain, sizeof(plain) - 1);
	assert_int_equal(write_query(out, "www.a1", 0, true), sizeof(edns) - 1);
	assert_memory_equal(out, edns, sizeof(edns) - 1);
}

/* The octet at `at` of a reply that fits is changed by `change`; of the whole, `len` octets are
 * given. */
static void test_fit(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t change;
		size_t len;
		enum packet_fit want;
	} cases[] = {
		{"as it is", 0, 0, 24, PACKET_FITS},
		{"more than the question", 0, 0, 40, PACKET_FITS},
		{"TC, RA, RCODE", 3, 0x85, 24, PACKET_FITS},
		{"empty", 0, 0, 0, PACKET_SHORT},
		{"half a header", 0, 0, 11, PACKET_SHORT},
		{"no question", 0, 0, 12, PACKET_SHORT},
		{"half a question", 0, 0, 23, PACKET_SHORT},
		{"ID", 1, 1, 24, PACKET_OTHER_ID},
		{"QR", 2, 0x80, 24, PACKET_NO_REPLY},
		{"opcode", 2, 0x28, 24, PACKET_NO_REPLY},
		{"two questions", 5, 3, 24, PACKET_OTHER_QUESTION},
		{"256 questions", 4, 1, 24, PACKET_OTHER_QUESTION},
		{"a letter", 14, 1, 24, PACKET_OTHER_QUESTION},
		{"a length", 12, 1, 24, PACKET_OTHER_QUESTION},
		{"a pointer", 12, 0xc0, 24, PACKET_OTHER_QUESTION},
		{"a digit, as if it had a case", 18, 0x20, 24, PACKET_OTHER_QUESTION},
		{"the type", 21, 2, 24, PACKET_OTHER_QUESTION},
		{"the class", 23, 2, 24, PACKET_OTHER_CLASS},
		{"the case", 14, 0x20, 24, PACKET_OTHER_CASE},
	};
	uint8_t query[PACKET_MAX], reply[40] = {0};

	assert_int_equal(write_query(query, "www.a1", 4, false), 24);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memcpy(reply, query, 24);
		reply[2] |= 0x80;
		reply[cases[i].at] ^= cases[i].change;
		if (packet_fit(reply, cases[i].len, query, 8) != cases[i].want)
			fail_msg("%s: %d", cases[i].name,
				 packet_fit(reply, cases[i].len, query, 8));
	}
}

static void test_probe(void **state)
{
	struct dns_name name, other;
	char proof[DNS_PROBE_LABEL], again[DNS_PROBE_LABEL];

	dns_probe_name(&name, 42, 0x0123456789abcdefu);
	assert_int_equal(name.n_labels, 2);
	assert_memory_equal(name.wire,
			    "\x10"
			    "0123456789abcdef\x10",
			    18);
	assert_true(dns_probe_check(&name, 42, proof));
	assert_false(dns_probe_check(&name, 43, again));
	assert_true(dns_probe_check(&name, 42, again));
	assert_memory_equal(proof, again, DNS_PROBE_LABEL);
	dns_probe_name(&other, 42, 1);
	assert_true(dns_probe_check(&other, 42, again));
	assert_memory_not_equal(proof, again, DNS_PROBE_LABEL);
	other.wire[5]++;
	assert_false(dns_probe_check(&other, 42, again));
	assert_int_equal(dns_name_from_text(&other, "www.example.org", 15), 0);
	assert_false(dns_probe_check(&other, 42, again));
	assert_int_equal(dns_name_from_text(&other, "a.b", 3), 0);
	assert_false(dns_probe_check(&other, 42, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolv_conf), cmocka_unit_test(test_own),
		cmocka_unit_test(test_own_v6),	    cmocka_unit_test(test_packet),
		cmocka_unit_test(test_fit),	    cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
