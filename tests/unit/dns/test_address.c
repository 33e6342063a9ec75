/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses as text, labels, pod labels, reverse names and reverse zones; ranges of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "dns/address.h"

static const struct {
	const char *text, *normal, *label; /* normal NULL: refused */
} texts[] = {
	{"10.0.0.1", "10.0.0.1", "10-0-0-1"},
	{"fd00:5::", "fd00:5::", "fd00-5--0"},
	{"::1", "::1", "0--1"},
	{"::", "::", "0--0"},
	{"FD00:0:0:0:0:0:0:1", "fd00::1", "fd00--1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "2001-db8-0-1-1-1-1-1"},
	{"1:0:0:2:0:0:0:3", "1:0:0:2::3", "1-0-0-2--3"},
	{"1:0:0:2:3:0:0:4", "1::2:3:0:0:4", "1--2-3-0-0-4"},
	{"::ffff:10.0.0.1", "::ffff:a00:1", "0--ffff-a00-1"},
	{"10.0.0.01", NULL, NULL},
	{"10.0.0", NULL, NULL},
	{"10.0.0.256", NULL, NULL},
	{"10.0.0.1/24", NULL, NULL},
	{"fe80::1%eth0", NULL, NULL},
	{"[::1]", NULL, NULL},
	{"1::2::3", NULL, NULL},
	{"", NULL, NULL},
	{"web", NULL, NULL},
};

static void test_text(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct address address;
		char out[ADDRESS_TEXT_MAX], label[ADDRESS_LABEL_MAX];
		int err = address_from_text(&address, texts[i].text, strlen(texts[i].text));

		if (err != (texts[i].normal ? 0 : -EINVAL))
			fail_msg("%s: %d", texts[i].text, err);
		if (err != 0)
			continue;
		assert_int_equal(address_to_text(&address, out), strlen(texts[i].normal));
		assert_string_equal(out, texts[i].normal);
		assert_int_equal(address_to_label(&address, label), strlen(texts[i].label));
		assert_string_equal(label, texts[i].label);
	}
}

static const struct {
	const char *text;
	bool is_link_local, is_v4_mapped;
} ranges[] = {
	{"fe80::", true, false},
	{"febf:ffff::1", true, false},
	{"fec0::", false, false},
	{"fe7f::1", false, false},
	{"254.128.0.1", false, false},
	{"::ffff:0.0.0.0", false, true},
	{"::ffff:255.255.255.255", false, true},
	{"::fffe:10.0.0.1", false, false},
	{"::1:ffff:10.0.0.1", false, false},
	{"::10.0.0.1", false, false},
	{"0.0.0.0", false, false},
};

static void test_ranges(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct address address;

		assert_int_equal(
			address_from_text(&address, ranges[i].text, strlen(ranges[i].text)), 0);
		if (address_is_link_local(&address) != ranges[i].is_link_local ||
		    address_is_v4_mapped(&address) != ranges[i].is_v4_mapped)
			fail_msg("%s", ranges[i].text);
	}
}

/* Every octet at every place, as libc spells it. */
static void test_octets(void **state)
{
	for (unsigned i = 0; i < 4 * 256; i++) {
		struct address address = {.family = ADDRESS_V4, .bytes = {10, 200, 0, 7}};
		char out[ADDRESS_TEXT_MAX], want[ADDRESS_TEXT_MAX];

		address.bytes[i % 4] = (uint8_t)(i / 4);
		snprintf(want, sizeof(want), "%d.%d.%d.%d", address.bytes[0], address.bytes[1],
			 address.bytes[2], address.bytes[3]);
		assert_int_equal(address_to_text(&address, out), strlen(want));
		assert_string_equal(out, want);
	}
}

static void test_pod_label(void **state)
{
	static const struct {
		const char *label, *want;
	} labels[] = {
		{"1-2-3-4", "1.2.3.4"},
		{"01-2-3-4", NULL},
		{"1-2-3", NULL},
		{"1-2-3-256", NULL},
		{"fd00--1", "fd00::1"},
		{"1-2-3-4-5-6-7-8", "1:2:3:4:5:6:7:8"},
		{"--1", "::1"},
		{"1-2--4", "1:2::4"},
		{"1--2-4", "1::2:4"},
		{"0--1", "::1"},
		{"web", NULL},
		{"a", NULL},
		{"1-2-3-4-5", NULL},
		{"1.2.3.4", NULL},
		{"::1", NULL},
		{"fd00--1.2", NULL},
		{"0--ffff-10.0.0.1", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		struct address address;
		char out[ADDRESS_TEXT_MAX] = "";
		bool is = address_from_pod_label(&address, (const uint8_t *)labels[i].label,
						 strlen(labels[i].label));

		if (is)
			address_to_text(&address, out);
		if (is != (labels[i].want != NULL) || (is && strcmp(out, labels[i].want) != 0))
			fail_msg("%s: %d %s", labels[i].label, is, out);
	}
}

#define NIBBLES "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f"

static void test_reverse(void **state)
{
	static const struct {
		const char *name;
		enum reverse_kind kind;
		const char *address;
		unsigned bits;
	} names[] = {
		{"4.3.2.1.in-addr.arpa", REVERSE_EXACT, "1.2.3.4", 32},
		{"0.0.0.0.in-addr.arpa", REVERSE_EXACT, "0.0.0.0", 32},
		{"96.10.in-addr.arpa", REVERSE_PREFIX, "10.96.0.0", 16},
		{"in-addr.arpa", REVERSE_PREFIX, "0.0.0.0", 0},
		{"04.3.2.1.in-addr.arpa", REVERSE_NONE, NULL, 0},
		{"256.3.2.1.in-addr.arpa", REVERSE_NONE, NULL, 0},
		{"5.4.3.2.1.in-addr.arpa", REVERSE_NONE, NULL, 0},
		{"x.in-addr.arpa", REVERSE_NONE, NULL, 0},
		{"1.0-25.in-addr.arpa", REVERSE_NONE, NULL, 0},
		{NIBBLES ".ip6.arpa", REVERSE_EXACT, "fd00::1", 128},
		{"0.0.D.F.ip6.arpa", REVERSE_PREFIX, "fd00::", 16},
		{"ip6.arpa", REVERSE_PREFIX, "::", 0},
		{"0." NIBBLES ".ip6.arpa", REVERSE_NONE, NULL, 0},
		{"10.0.d.f.ip6.arpa", REVERSE_NONE, NULL, 0},
		{"g.ip6.arpa", REVERSE_NONE, NULL, 0},
		{"arpa", REVERSE_NONE, NULL, 0},
		{"4.3.2.1.in-addr.arpa.local", REVERSE_NONE, NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct address address;
		struct dns_name name;
		unsigned bits = 0;
		char out[ADDRESS_TEXT_MAX] = "";

		assert_int_equal(dns_name_from_text(&name, names[i].name, strlen(names[i].name)),
				 0);

		enum reverse_kind kind = address_from_reverse(&address, &bits, &name);

		if (kind != REVERSE_NONE)
			address_to_text(&address, out);
		if (kind != names[i].kind || bits != names[i].bits ||
		    (names[i].address && strcmp(out, names[i].address) != 0))
			fail_msg("%s: %d %s/%u", names[i].name, (int)kind, out, bits);
	}
}

static void test_reverse_zone(void **state)
{
	static const struct {
		const char *address;
		unsigned bits, n, index;
		const char *zone;
	} zones[] = {
		{"10.96.0.0", 16, 1, 0, "96.10.in-addr.arpa."},
		{"10.96.0.0", 12, 16, 0, "96.10.in-addr.arpa."},
		{"10.96.0.0", 12, 16, 15, "111.10.in-addr.arpa."},
		{"10.0.0.128", 25, 128, 127, "255.0.0.10.in-addr.arpa."},
		{"10.0.0.7", 32, 1, 0, "7.0.0.10.in-addr.arpa."},
		{"0.0.0.0", 0, 1, 0, "in-addr.arpa."},
		{"fd00::", 8, 1, 0, "d.f.ip6.arpa."},
		{"fd00::", 7, 2, 1, "d.f.ip6.arpa."},
		{"fc00::", 7, 2, 0, "c.f.ip6.arpa."},
	};

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		struct address address;
		struct dns_name zone;
		char out[DNS_NAME_TEXT_MAX];

		assert_int_equal(
			address_from_text(&address, zones[i].address, strlen(zones[i].address)), 0);

		unsigned n = address_reverse_zone(&zone, &address, zones[i].bits, zones[i].index);

		dns_name_to_text(zone.wire, zone.len, out);
		if (n != zones[i].n || strcmp(out, zones[i].zone) != 0)
			fail_msg("%s/%u: %u %s", zones[i].address, zones[i].bits, n, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_octets),
		cmocka_unit_test(test_pod_label),    cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_reverse_zone), cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
