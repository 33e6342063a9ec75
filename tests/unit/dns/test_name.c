/* SPDX-License-Identifier: Apache-2.0
 *
 * Names: limits, pointers, text and escapes, zones, lower-casing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "dns/name.h"

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"

/* A name read from message bytes at `at`; want NULL is an error. */
static const struct {
	const char *what;
	const char *bytes;
	size_t size, at;
	const char *want;
	size_t end;
} reads[] = {
	{"plain", HEADER "\3wEb\4ShOp\0", 22, 12, "web.shop.", 22},
	{"root", HEADER "\0x", 14, 12, ".", 13},
	{"dot and NUL in a label", HEADER "\3a.\0\0", 17, 12, "a\\.\\000.", 17},
	{"pointer back", HEADER "\3web\0\2ab\xc0\x0c", 22, 17, "ab.web.", 22},
	{"pointer alone", HEADER "\3web\0\xc0\x0c", 19, 17, "web.", 19},
	{"pointer to pointer", HEADER "\3web\0\xc0\x0c\1a\xc0\x11", 23, 19, "a.web.", 23},
	{"pointer to itself", HEADER "\xc0\x0c", 14, 12, NULL, 0},
	{"pointer forwards", HEADER "\xc0\x0e\1a\0", 17, 12, NULL, 0},
	{"pointer into the header", HEADER "\xc0\x00", 14, 12, NULL, 0},
	{"pointer loop", HEADER "\1a\xc0\x10\1b\xc0\x0c", 20, 16, NULL, 0},
	{"half a pointer", HEADER "\xc0", 13, 12, NULL, 0},
	{"label type 01", HEADER "\101a\0", 15, 12, NULL, 0},
	{"label type 10", HEADER "\201a\0", 15, 12, NULL, 0},
	{"label past the end", HEADER "\5ab\0", 16, 12, NULL, 0},
	{"no end", HEADER "\2ab", 15, 12, NULL, 0},
	{"nothing", HEADER, 12, 12, NULL, 0},
};

static void test_read(void **state)
{
	char text[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		struct wire_reader reader =
			wire_reader_init((const uint8_t *)reads[i].bytes, reads[i].size);
		struct dns_name name;

		reader.pos = reads[i].at;
		dns_name_read(&name, &reader, true);
		if (reader.failed != !reads[i].want)
			fail_msg("%s: failed is %d", reads[i].what, reader.failed);
		if (!reads[i].want)
			continue;
		dns_name_to_text(name.wire, name.len, text);
		if (strcmp(text, reads[i].want) != 0 || reader.pos != reads[i].end)
			fail_msg("%s: got %s to %zu", reads[i].what, text, reader.pos);
	}
}

static void test_question_has_no_pointers(void **state)
{
	static const uint8_t bytes[] = HEADER "\3web\0\xc0\x0c";
	struct wire_reader reader = wire_reader_init(bytes, 19);
	struct dns_name name;

	reader.pos = 17;
	dns_name_read(&name, &reader, false);
	assert_true(reader.failed);
}

/* A chain of n pointers, each to the one before, the first to a name. */
static size_t fill_chain(uint8_t *bytes, unsigned n)
{
	size_t at = 12, to = at;

	memset(bytes, 0, at);
	memcpy(bytes + at, "\3web", 5);
	at += 5;
	for (unsigned i = 0; i < n; i++) {
		bytes[at] = (uint8_t)(0xc0 | to >> 8);
		bytes[at + 1] = (uint8_t)to;
		to = at;
		at += 2;
	}
	return at;
}

static void test_pointer_chain(void **state)
{
	static const struct {
		unsigned n;
		bool is_name;
	} chains[] = {{1, true}, {127, true}, {128, false}, {4000, false}};
	static uint8_t bytes[12 + 5 + 2 * 4000];

	for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
		size_t size = fill_chain(bytes, chains[i].n);
		struct wire_reader reader = wire_reader_init(bytes, size);
		struct dns_name name;

		reader.pos = size - 2;
		dns_name_read(&name, &reader, true);
		if (reader.failed == chains[i].is_name)
			fail_msg("%u pointers: failed is %d", chains[i].n, reader.failed);
		/* The root is what a failed read gives. */
		assert_int_equal(name.len, chains[i].is_name ? 5 : 1);
	}
}

/* Names of every length in memory that ends with them: read whole, lower-cased to the last octet,
 * zero behind; the same when read through a pointer. */
static void test_every_length(void **state)
{
	for (unsigned len = 1; len <= DNS_NAME_MAX; len++) {
		uint8_t *bytes = mem_zalloc(12 + len + 2), *wire = bytes + 12;
		static const uint8_t zeros[16];
		uint8_t *alone = mem_alloc(len);
		struct dns_name name, pointed;

		if (len == 2) {
			free(bytes);
			free(alone);
			continue; /* no name has two octets */
		}
		for (unsigned at = 0; at + 1 < len;) {
			unsigned n = len - 2 - at > 9 ? 7 : len - 2 - at;

			wire[at] = (uint8_t)n;
			memset(wire + at + 1, 'Z', n);
			at += n + 1;
		}
		memcpy(alone, wire, len);
		assert_int_equal(dns_name_from_wire(&name, alone, len), 0);
		assert_int_equal(name.len, len);
		for (unsigned i = 0; i < len; i++)
			assert_int_equal(name.wire[i], wire[i] == 'Z' ? 'z' : wire[i]);
		assert_memory_equal(name.wire + len, zeros, sizeof(zeros));

		struct wire_reader reader = wire_reader_init(bytes, 12 + len + 2);

		wire[len] = 0xc0;
		wire[len + 1] = 12;
		reader.pos = 12 + len;
		dns_name_read(&pointed, &reader, true);
		assert_false(reader.failed);
		assert_true(dns_name_equal(&name, &pointed));
		assert_int_equal(pointed.n_labels, name.n_labels);
		assert_memory_equal(pointed.offsets, name.offsets, name.n_labels + 1u);
		free(bytes);
		free(alone);
	}
}

/* n labels of `len` octets; 127 of one octet are the most (255 octets). */
static size_t fill_labels(uint8_t *wire, unsigned n, unsigned len)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		wire[at++] = (uint8_t)len;
		memset(wire + at, 'x', len);
		at += len;
	}
	wire[at++] = 0;
	return at;
}

static void test_limits(void **state)
{
	static const struct {
		unsigned n, len;
		bool is_name;
	} limits[] = {{127, 1, true}, {128, 1, false}, {1, 63, true},
		      {3, 63, true},  {4, 63, false},  {1, 64, false}};
	uint8_t wire[512];
	struct dns_name name;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		size_t len = fill_labels(wire, limits[i].n, limits[i].len);

		assert_int_equal(dns_name_from_wire(&name, wire, len),
				 limits[i].is_name ? 0 : -EINVAL);
		if (!limits[i].is_name)
			continue;
		assert_int_equal(name.n_labels, limits[i].n);
		assert_int_equal(name.offsets[name.n_labels], len - 1);
		assert_int_equal(dns_name_from_wire(&name, wire, len + 1), -EINVAL);
		assert_int_equal(dns_name_from_wire(&name, wire, len - 1), -EINVAL);
	}
	/* 63 + 63 + 63 + 61: 255 octets; one more is too many */
	size_t len = fill_labels(wire, 3, 63) - 1;

	len += fill_labels(wire + len, 1, 61);
	assert_int_equal(len, 255);
	assert_int_equal(dns_name_from_wire(&name, wire, len), 0);
	assert_int_equal(name.len, 255);
	len = 192 + fill_labels(wire + 192, 1, 62);
	assert_int_equal(dns_name_from_wire(&name, wire, len), -EINVAL);
}

static const struct {
	const char *text, *want; /* want NULL: refused */
} texts[] = {
	{".", "."},
	{"Example.ORG", "example.org."},
	{"example.org.", "example.org."},
	{"a\\.b.c", "a\\.b.c."},
	{"a\\046b", "a\\.b."},
	{"a\\000b", "a\\000b."},
	{"a\\\\b", "a\\\\b."},
	{"a b", "a\\032b."},
	{"a\"b", "a\\\"b."},
	{"\\065b", "ab."},
	{"", NULL},
	{"..", NULL},
	{"a..b", NULL},
	{".a", NULL},
	{"a\\25", NULL},
	{"a\\256", NULL},
	{"a\\", NULL},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."},
};

static void test_text(void **state)
{
	char out[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct dns_name name;
		int err = dns_name_from_text(&name, texts[i].text, strlen(texts[i].text));

		if (err != (texts[i].want ? 0 : -EINVAL))
			fail_msg("%s: %d", texts[i].text, err);
		if (!texts[i].want)
			continue;
		dns_name_to_text(name.wire, name.len, out);
		assert_string_equal(out, texts[i].want);
	}
}

static void test_is_in(void **state)
{
	static const struct {
		const char *name, *zone;
		bool want;
	} zones[] = {
		{"web.cluster.local", "cluster.local", true},
		{"cluster.local", "cluster.local", true},
		{"xcluster.local", "cluster.local", false},
		{"local", "cluster.local", false},
		{"a.b", ".", true},
		{".", ".", true},
		{"a\\.cluster.local", "cluster.local", false},
		{"web.cluster.local", "web", false},
		{"7cluster\\005local", "cluster.local", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		struct dns_name name, zone;

		assert_int_equal(dns_name_from_text(&name, zones[i].name, strlen(zones[i].name)),
				 0);
		assert_int_equal(dns_name_from_text(&zone, zones[i].zone, strlen(zones[i].zone)),
				 0);
		if (dns_name_is_in(&name, &zone) != zones[i].want)
			fail_msg("%s in %s", zones[i].name, zones[i].zone);
	}
}

static void test_lower(void **state)
{
	uint8_t bytes[256];

	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	dns_lower(bytes, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(bytes[i], i >= 'A' && i <= 'Z' ? i + 32 : i);
}

static void test_label_1123(void **state)
{
	static const struct {
		const char *label;
		bool want;
	} labels[] = {{"a", true},   {"9a", true}, {"a-b", true},  {"", false},	  {"-a", false},
		      {"a-", false}, {"A", false}, {"a_b", false}, {"a.b", false}};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		if (dns_label_is_1123(labels[i].label, strlen(labels[i].label)) != labels[i].want)
			fail_msg("%s", labels[i].label);
	}
}

/* The copy is the name, and what may be read behind it is zero; of any length. */
static void test_copy(void **state)
{
	static struct dns_name from, to;

	for (size_t len = 1; len <= DNS_NAME_MAX; len += 2) {
		uint8_t wire[DNS_NAME_MAX];

		for (size_t i = 0; i < len; i++)
			wire[i] = i % 2 ? 'a' : 1;
		wire[len - 1] = 0;
		assert_int_equal(dns_name_from_wire(&from, wire, len), 0);
		memset(&to, 0xff, sizeof(to));
		dns_name_copy(&to, &from);
		assert_true(dns_name_equal(&to, &from));
		assert_int_equal(to.n_labels, len / 2);
		assert_memory_equal(to.offsets, from.offsets, to.n_labels + 1u);
		assert_memory_equal(to.wire, from.wire, len + 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_question_has_no_pointers),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_is_in),
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_label_1123),
		cmocka_unit_test(test_pointer_chain),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
