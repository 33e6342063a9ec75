/* SPDX-License-Identifier: Apache-2.0
 *
 * Records from text: each type's rdata in hex, and what is said about those that are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/text.h"
#include "dns/rrtext.h"

struct rr_case {
	const char *text;
	const char *want; /* owner ttl class type hex, or the fault */
};

static const struct rr_case cases[] = {
	{"a.test. 60 IN A 10.0.0.1", "a.test. 60 IN A 0a000001"},
	{"A.Test IN 60 A 10.0.0.1", "a.test. 60 IN A 0a000001"},
	{"a.test A 10.0.0.1", "a.test. 3600 IN A 0a000001"},
	{"a.test 0 CH TXT x", "a.test. 0 CH TXT 0178"},
	{"a.test 1h30m A 10.0.0.1", "a.test. 5400 IN A 0a000001"},
	{"  \ta.test\t60\tIN\tA\t10.0.0.1  \n", "a.test. 60 IN A 0a000001"},
	{"a.test 60 in aaaa ::1", "a.test. 60 IN AAAA 00000000000000000000000000000001"},
	{"@ 60 IN NS b", ". 60 IN NS 016200"},
	{"a 60 IN CNAME B.c.", "a. 60 IN CNAME 0162016300"},
	{"a 60 IN PTR .", "a. 60 IN PTR 00"},
	{"a 60 IN MX 10 b", "a. 60 IN MX 000a016200"},
	{"a 60 IN SRV 1 2 65535 b", "a. 60 IN SRV 00010002ffff016200"},
	{"a 60 IN SOA b c (1 1m 1h\n 1d ; days\n 1w)", "a. 60 IN SOA 0162000163000000"
						       "00010000003c00000e100001518000093a80"},
	{"a 60 IN TXT \"x y\" z\\032\\\"\\065 \"\"", "a. 60 IN TXT 03782079047a2022410"
						     "0"},
	{"a 60 IN CAA 0 issue \"x;y\"", "a. 60 IN CAA 000569737375"
					"65783b79"},
	{"a 60 IN HINFO PC \"L x\"", "a. 60 IN HINFO 025043034c2078"},
	{"a 60 IN NAPTR 1 2 u E2U+sip \"\" .", "a. 60 IN NAPTR 000100020175074532552b73697000"
					       "00"},
	{"a 60 IN TLSA 3 1 1 0a 0b", "a. 60 IN TLSA 0301010a0b"},
	{"a 60 IN TYPE999 \\# 2 0A0b", "a. 60 IN TYPE999 0a0b"},
	{"a 60 IN TYPE999 \\# 0", "a. 60 IN TYPE999 "},
	{"a 60 CLASS3 TYPE1 \\# 4 0a00 0001", "a. 60 CH A 0a000001"},
	{"a\\.b\\032c.test 60 IN A 10.0.0.1", "a\\.b\\032c.test. 60 IN A 0a000001"},
	{"a\\ b\\;c\\(.test 60 IN A 10.0.0.1", "a\\032b;c(.test. 60 IN A 0a000001"},

	{"", "there is no record"},
	{"a.test.", "the record ends before its type"},
	{"a 60 IN", "the record ends before its type"},
	{"a 60 IN A", "the record ends before its data"},
	{"a 60 IN AA 10.0.0.1", "AA is neither a TTL, a class nor a type"},
	{"a 60 60 A 10.0.0.1", "60 is neither a TTL, a class nor a type"},
	{"a 2147483648 A 10.0.0.1", "2147483648 is neither a TTL, a class nor a type"},
	{"a..b 60 IN A 10.0.0.1", "a..b is not a domain name"},
	{"a 60 IN A 10.0.0.256", "10.0.0.256 is not an IPv4 address"},
	{"a 60 IN A ::1", "::1 is not an IPv4 address"},
	{"a 60 IN AAAA 10.0.0.1", "10.0.0.1 is not an IPv6 address"},
	{"a 60 IN A 10.0.0.1 10.0.0.2", "10.0.0.2 is a word too many"},
	{"a 60 IN A 10.0.0.1\nb 60 IN A 10.0.0.2",
	 "b stands behind the record's end: give one record at a time"},
	{"a 60 IN MX 65536 b", "65536 is not a number from 0 to 65535"},
	{"a 60 IN MX 10", "the record ends too early"},
	{"a 60 IN TXT", "the record ends before its data"},
	{"a 60 IN TXT \"x", "x is in quotes that are not closed"},
	{"a 60 IN TXT x\\25", "x\\25 has a broken escape"},
	{"a 60 IN TXT \\256", "\\256 has a broken escape"},
	{"a 60 IN SOA b c (1 2 3 4 5", "a parenthesis is not closed"},
	{"a 60 IN A 10.0.0.1 )", ") closes a parenthesis that is not open"},
	{"a 60 IN TLSA 3 1 1 0", "0 has an odd number of hex digits"},
	{"a 60 IN DNSKEY 1 2 3 x",
	 "1 begins data that is not understood for this type: give them as \\# LENGTH HEX"},
	{"a 60 IN A \\# 3 0a0000", "the rdata has not the form of its type"},
	{"a 60 IN CNAME \\# 3 026100", "the rdata has not the form of its type"},
	{"a 60 IN TYPE999 \\# 3 0a00", "the rdata has another length than it says"},
	{"a 60 IN ANY x", "ANY is not a type that a record can have"},
};

static void put_rr(struct text *out, const struct dns_rr *rr)
{
	char name[DNS_NAME_TEXT_MAX], class[16], type[16];

	dns_name_to_text(rr->owner.wire, rr->owner.len, name);
	text_printf(out, "%s %u %s %s ", name, rr->ttl_s,
		    dns_class_text(rr->class, class, sizeof(class)),
		    dns_type_text(rr->type, type, sizeof(type)));
	for (size_t i = 0; i < rr->rdata_len; i++)
		text_printf(out, "%02x", rr->rdata[i]);
}

static void test_cases(void **state)
{
	static struct dns_rr rr;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_rr_error error;
		struct text got = {0};

		if (dns_rr_from_text(&rr, cases[i].text, strlen(cases[i].text), &error) == 0)
			put_rr(&got, &rr);
		else
			text_printf(&got, "%.*s%s%s", (int)error.len, cases[i].text + error.at,
				    error.len ? " " : "", error.what);
		if (strcmp(got.bytes, cases[i].want) != 0)
			print_error("%s\n got  %s\n want %s\n", cases[i].text, got.bytes,
				    cases[i].want);
		assert_string_equal(got.bytes, cases[i].want);
		text_fini(&got);
	}
}

/* The longest text that is taken, and one that is longer. */
static void test_long(void **state)
{
	static struct dns_rr rr;
	static char text[DNS_RR_TEXT_MAX + 2];
	struct dns_rr_error error;
	size_t head = (size_t)snprintf(text, sizeof(text), "a 60 IN TXT ");

	memset(text + head, 'x', sizeof(text) - 1 - head);
	assert_int_equal(dns_rr_from_text(&rr, text, DNS_RR_TEXT_MAX, &error), 0);
	assert_int_equal(rr.rdata_len,
			 DNS_RR_TEXT_MAX - head + (DNS_RR_TEXT_MAX - head + 254) / 255);
	assert_int_equal(rr.rdata[0], 255);
	assert_int_not_equal(dns_rr_from_text(&rr, text, DNS_RR_TEXT_MAX + 1, &error), 0);
	assert_string_equal(error.what, "the record is too long");
	/* Every other octet a string of its own. */
	for (size_t i = head; i < DNS_RR_TEXT_MAX; i += 2)
		text[i] = ' ';
	assert_int_equal(dns_rr_from_text(&rr, text, DNS_RR_TEXT_MAX, &error), 0);
	assert_int_equal(rr.rdata_len, DNS_RR_TEXT_MAX - head);
}

static void test_registry(void **state)
{
	uint16_t value = 0;

	assert_int_equal(dns_type_from_text(&value, "https", 5), 0);
	assert_int_equal(value, 65);
	assert_int_equal(dns_type_from_text(&value, "TYPE65535", 9), 0);
	assert_int_equal(value, 65535);
	assert_int_not_equal(dns_type_from_text(&value, "TYPE65536", 9), 0);
	assert_int_not_equal(dns_type_from_text(&value, "TYPE", 4), 0);
	assert_int_not_equal(dns_type_from_text(&value, "", 0), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(dns_class_from_text(&value, "ANY", 3), 0);
	assert_int_equal(value, DNS_CLASS_ANY);
	assert_int_not_equal(dns_class_from_text(&value, "XX", 2), 0);
	assert_int_equal(dns_rcode_from_text(&value, "NOTIMPL", 7), 0);
	assert_int_equal(value, DNS_RCODE_NOTIMP);
	assert_int_equal(dns_rcode_from_text(&value, "badcookie", 9), 0);
	assert_int_equal(value, 23);
	assert_int_not_equal(dns_rcode_from_text(&value, "NOPE", 4), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
