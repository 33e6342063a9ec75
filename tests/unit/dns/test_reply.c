/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream replies, whole and broken: what they are packed to, and the answers made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dns/reply.h"

/* Replies to web.example. A: 29 octets of header and question. */
#define HEAD(flags, an, ns, ar) "\x12\x34" flags "\0\1" an ns ar
#define Q "\3WeB\7example\0\0\1\0\1"
#define PACKED_Q "\3web\7example\0\0\1\0\1"
#define OK HEAD("\x81\x80", "\0\1", "\0\0", "\0\0") Q
#define RR(owner, type, ttl, len) owner type "\0\1" ttl len
#define A_RR RR("\xc0\x0c", "\0\1", "\0\0\1\x2c", "\0\4") "\x0a\0\0\1"
#define OPT "\0\0\x29\4\xd0\0\0\0\0\0\0"
#define SOA_RR RR("\xc0\x10", "\0\6", "\0\0\2\x58", "\0\x1c") "\1a\xc0\x10\1b\xc0\x10" NUMBERS
#define NUMBERS "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c"

static const struct {
	const char *what;
	const char *bytes;
	size_t size;
	const char *fault;
	const char *packed; /* behind the question */
	size_t packed_size;
	enum dns_reply_kind kind;
	uint32_t ttl_s;
} cases[] = {
#define GIVEN(what, bytes) what, bytes, sizeof(bytes) - 1
#define PACKED(bytes) NULL, bytes, sizeof(bytes) - 1
#define FAULT(text) text, "", 0, 0, 0
	{GIVEN("one address", OK A_RR), PACKED(A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("octets behind", OK A_RR "xyz"), PACKED(A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("opt is left out", HEAD("\x81\x80", "\0\1", "\0\0", "\0\1") Q A_RR OPT),
	 PACKED(A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("opt before a record", HEAD("\x81\x80", "\0\1", "\0\0", "\0\2") Q A_RR OPT A_RR),
	 PACKED(A_RR A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("owner in full is compressed",
	       OK RR("\3web\7EXAMPLE\0", "\0\1", "\0\0\1\x2c", "\0\4") "\x0a\0\0\1"),
	 PACKED(A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("ttl with the top bit is 0",
	       OK RR("\xc0\x0c", "\0\1", "\x80\0\0\1", "\0\4") "\x0a\0\0\1"),
	 PACKED(RR("\xc0\x0c", "\0\1", "\0\0\0\0", "\0\4") "\x0a\0\0\1"), DNS_REPLY_SUCCESS, 0},
	{GIVEN("a set has one ttl", HEAD("\x81\x80", "\0\2", "\0\0", "\0\0") Q A_RR RR(
					    "\xc0\x0c", "\0\1", "\0\0\0\5", "\0\4") "\x0a\0\0\2"),
	 PACKED(RR("\xc0\x0c", "\0\1", "\0\0\0\5",
		   "\0\4") "\x0a\0\0\1" RR("\xc0\x0c", "\0\1", "\0\0\0\5", "\0\4") "\x0a\0\0\2"),
	 DNS_REPLY_SUCCESS, 5},
	{GIVEN("srv targets are written in full",
	       OK RR("\xc0\x0c", "\0\x21", "\0\0\0\5", "\0\x8") "\0\1\0\2\0\3\xc0\x10"),
	 PACKED(RR("\xc0\x0c", "\0\x21", "\0\0\0\5", "\0\xf") "\0\1\0\2\0\3\7example\0"),
	 DNS_REPLY_NODATA, 5},
	{GIVEN("cname targets are compressed",
	       OK RR("\xc0\x0c", "\0\5", "\0\0\0\5", "\0\xd") "\3Www\7Example\0"),
	 PACKED(RR("\xc0\x0c", "\0\5", "\0\0\0\5", "\0\6") "\3Www\xc0\x10"), DNS_REPLY_NODATA, 5},
	{GIVEN("unknown types stay as they are",
	       OK RR("\xc0\x0c", "\xff\1", "\0\0\0\5", "\0\4") "\xc0\x0c\xff\xff"),
	 PACKED(RR("\xc0\x0c", "\xff\1", "\0\0\0\5", "\0\4") "\xc0\x0c\xff\xff"), DNS_REPLY_NODATA,
	 5},
	{GIVEN("nxdomain", HEAD("\x81\x83", "\0\0", "\0\1", "\0\0") Q SOA_RR), PACKED(SOA_RR),
	 DNS_REPLY_NXDOMAIN, 600},
	{GIVEN("referral", HEAD("\x81\x80", "\0\0", "\0\1", "\0\0")
				   Q RR("\xc0\x10", "\0\2", "\0\0\0\5", "\0\4") "\1a\xc0\x10"),
	 PACKED(RR("\xc0\x10", "\0\2", "\0\0\0\5", "\0\4") "\1a\xc0\x10"), DNS_REPLY_REFERRAL, 5},
	{GIVEN("servfail", HEAD("\x81\x82", "\0\0", "\0\0", "\0\0") Q), PACKED(""),
	 DNS_REPLY_FAILURE, 0},
	{GIVEN("tc, a record is cut", HEAD("\x83\x80", "\0\2", "\0\0", "\0\0") Q A_RR "\xc0\x0c\0"),
	 PACKED(A_RR), DNS_REPLY_SUCCESS, 300},
	{GIVEN("short", "\x12\x34\x81\x80"),
	 FAULT("the upstream's reply is unusable: shorter than a header")},
	{GIVEN("a query", HEAD("\1\0", "\0\0", "\0\0", "\0\0") Q),
	 FAULT("the upstream's reply is unusable: no reply to one question")},
	{GIVEN("another name", HEAD("\x81\x80", "\0\0", "\0\0", "\0\0") "\3wex\7example\0\0\1\0\1"),
	 FAULT("the upstream's reply is unusable: another question")},
	{GIVEN("another type", HEAD("\x81\x80", "\0\0", "\0\0", "\0\0") "\3web\7example\0\0\2\0\1"),
	 FAULT("the upstream's reply is unusable: another question")},
	{GIVEN("counts beyond", HEAD("\x81\x80", "\xff\xff", "\0\0", "\0\0") Q A_RR),
	 FAULT("the upstream's reply is unusable: a record is cut")},
	{GIVEN("rdata beyond", OK RR("\xc0\x0c", "\0\1", "\0\0\0\5", "\0\5") "\x0a\0\0\1"),
	 FAULT("the upstream's reply is unusable: a record is cut")},
	{GIVEN("pointer to itself", OK RR("\xc0\x1d", "\0\1", "\0\0\0\5", "\0\4") "\x0a\0\0\1"),
	 FAULT("the upstream's reply is unusable: a record is cut")},
	{GIVEN("an address of five octets",
	       OK RR("\xc0\x0c", "\0\1", "\0\0\0\5", "\0\5") "\x0a\0\0\1\1"),
	 FAULT("the upstream's reply is unusable: a record is broken")},
	{GIVEN("a name shorter than its rdata",
	       OK RR("\xc0\x0c", "\0\5", "\0\0\0\5", "\0\3") "\xc0\x10\0"),
	 FAULT("the upstream's reply is unusable: a record is broken")},
	{GIVEN("a name longer than its rdata",
	       OK RR("\xc0\x0c", "\0\5", "\0\0\0\5", "\0\3") "\3www\0"),
	 FAULT("the upstream's reply is unusable: a record is broken")},
	{GIVEN("opt among the answers", OK OPT),
	 FAULT("the upstream's reply is unusable: OPT out of place")},
	{GIVEN("two opts", HEAD("\x81\x80", "\0\0", "\0\0", "\0\2") Q OPT OPT),
	 FAULT("the upstream's reply is unusable: OPT out of place")},
};

static struct dns_reply_buffer buffer, scratch;
static struct dns_name web;
static const struct dns_question question = {&web, DNS_TYPE_A, DNS_CLASS_IN};
static const struct dns_reply_ttl plain = {.cap_s = UINT32_MAX};

static void test_parse(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_reply reply;
		const char *fault;

		print_message("%s\n", cases[i].what);
		fault = dns_reply_parse(&reply, &buffer, (const uint8_t *)cases[i].bytes,
					cases[i].size, &question);
		if (cases[i].fault) {
			assert_non_null(fault);
			assert_string_equal(fault, cases[i].fault);
			continue;
		}
		assert_null(fault);
		assert_int_equal(reply.body, 29);
		assert_memory_equal(reply.wire + 12, PACKED_Q, 17);
		assert_int_equal(reply.len, 29 + cases[i].packed_size);
		assert_memory_equal(reply.wire + 29, cases[i].packed, cases[i].packed_size);
		assert_int_equal(reply.kind, cases[i].kind);
		assert_int_equal(reply.ttl_s, cases[i].ttl_s);
	}
}

static void test_opt_and_soa(void **state)
{
	static const char message[] = HEAD("\x85\xa1", "\0\0", "\0\1", "\0\1") Q SOA_RR
		"\0\0\x29\4\xd0\1\0\0\0\0\6\0\x0f\0\2\0\x16";
	struct dns_reply reply;

	assert_null(dns_reply_parse(&reply, &buffer, (const uint8_t *)message, sizeof(message) - 1,
				    &question));
	assert_int_equal(reply.rcode, 17); /* BADKEY: 1 from OPT, 1 from the header */
	assert_int_equal(reply.ede, 22);
	assert_int_equal(reply.flags, DNS_FLAG_AA | DNS_FLAG_RA | DNS_FLAG_AD);
	assert_true(reply.has_soa);
	assert_int_equal(reply.soa_ttl_s, 60);
}

/* n addresses 10.0.hi.lo of the question's name. */
static size_t build_addresses(uint8_t *message, size_t size, unsigned n)
{
	struct wire_writer writer = wire_writer_init(message, size);

	wire_put(&writer, HEAD("\x81\x80", "\0\0", "\0\0", "\0\0") Q, 29);
	wire_patch_u16(&writer, 6, (uint16_t)n);
	for (unsigned i = 0; i < n; i++) {
		wire_put(&writer, RR("\xc0\x0c", "\0\1", "\0\0\1\x2c", "\0\4") "\x0a\0", 14);
		wire_put_u16(&writer, (uint16_t)i);
	}
	assert_false(writer.failed);
	return writer.pos;
}

static struct dns_query client_query(const char *asked, size_t size)
{
	struct dns_query query = {.question = (const uint8_t *)asked,
				  .question_len = (uint16_t)size,
				  .udp_size = 512};

	assert_int_equal(dns_name_from_wire(&query.name, query.question, size - 4), 0);
	return query;
}

static void test_ages(void **state)
{
	static const struct {
		struct dns_reply_ttl ttl;
		uint8_t want[4];
	} ages[] = {
		{{.cap_s = 3600}, {0, 0, 1, 0x2c}},
		{{.cap_s = 3600, .age_s = 100}, {0, 0, 0, 200}},
		{{.cap_s = 3600, .age_s = 301}, {0}},
		{{.cap_s = 30, .age_s = 10}, {0, 0, 0, 20}},
		{{.cap_s = 3600, .floor_s = 600, .age_s = 500}, {0, 0, 0, 100}},
		{{.is_fixed = true, .fixed_s = 30}, {0, 0, 0, 30}},
	};
	struct dns_query query = client_query("\3wEb\7exAmple\0\0\1\0\1", 17);
	struct random random = {7};
	struct dns_reply reply;

	assert_null(dns_reply_parse(&reply, &buffer, (const uint8_t *)(OK A_RR),
				    sizeof(OK A_RR) - 1, &question));
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		struct dns_answer_end end = {.ede = DNS_EDE_NONE};
		uint8_t out[512];
		struct wire_writer writer = wire_writer_init(out, sizeof(out));

		dns_answer_begin(&writer, &query);
		dns_reply_write(&reply, &writer, &ages[i].ttl, &random, &end);
		assert_int_equal(writer.pos, 45);
		assert_memory_equal(out + 12, query.question, 17);
		assert_memory_equal(out + 35, ages[i].want, 4);
		assert_int_equal(end.n_answer, 1);
		assert_int_equal(end.flags, 0);
	}
}

#define N_LARGE 64
#define N_FIT ((512 - 29) / 16)
#define N_ROUNDS 6400

/* Of 64 addresses 30 fit: whole records, none twice, each equally often at every place. */
static void test_cut_is_uniform(void **state)
{
	struct dns_query query = client_query("\3web\7example\0\0\1\0\1", 17);
	static uint8_t message[4096];
	static unsigned seen[N_LARGE], first[N_LARGE];
	size_t size = build_addresses(message, sizeof(message), N_LARGE);
	struct random random = {7};
	struct dns_reply reply;

	assert_null(dns_reply_parse(&reply, &buffer, message, size, &question));
	assert_int_equal(reply.n_runs, 1);
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		struct dns_answer_end end = {.ede = DNS_EDE_NONE};
		uint8_t out[512];
		bool has[N_LARGE] = {false};
		struct wire_writer writer = wire_writer_init(out, sizeof(out));

		dns_answer_begin(&writer, &query);
		dns_reply_write(&reply, &writer, &plain, &random, &end);
		assert_int_equal(end.n_answer, N_FIT);
		assert_int_equal(end.flags, DNS_FLAG_TC);
		first[out[29 + 15]]++;
		for (unsigned i = 0; i < N_FIT; i++) {
			uint8_t address = out[29 + 16 * i + 15];

			assert_in_range(address, 0, N_LARGE - 1);
			assert_false(has[address]);
			has[address] = true;
			seen[address]++;
		}
	}
	for (unsigned i = 0; i < N_LARGE; i++) {
		assert_in_range(first[i], 50, 160);   /* 100 expected */
		assert_in_range(seen[i], 2700, 3300); /* 3000 */
	}
}

/* 4,000 addresses, 64 KiB: packed whole. */
static void test_large(void **state)
{
	struct dns_query query = client_query("\3web\7example\0\0\1\0\1", 17);
	static uint8_t message[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
	size_t size = build_addresses(message, sizeof(message), 4000);
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.ede = DNS_EDE_NONE};
	struct random random = {7};
	struct dns_reply reply;

	assert_null(dns_reply_parse(&reply, &buffer, message, size, &question));
	assert_int_equal(reply.n_records, 4000);
	dns_answer_begin(&writer, &query);
	dns_reply_write(&reply, &writer, &plain, &random, &end);
	assert_int_equal(writer.pos, size);
	assert_int_equal(end.n_answer, 4000);
	assert_int_equal(end.flags, 0);
}

/* Additional records that do not fit are no reason for TC. */
static void test_additional_is_cut_without_tc(void **state)
{
	struct dns_query query = client_query("\3web\7example\0\0\1\0\1", 17);
	static uint8_t message[4096], out[512];
	size_t size = build_addresses(message, sizeof(message), 64);
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.ede = DNS_EDE_NONE};
	struct random random = {7};
	struct dns_reply reply;

	message[7] = 4;
	message[11] = 60;
	assert_null(dns_reply_parse(&reply, &buffer, message, size, &question));
	assert_int_equal(reply.n_runs, 2);
	dns_answer_begin(&writer, &query);
	dns_reply_write(&reply, &writer, &plain, &random, &end);
	assert_int_equal(end.n_answer, 4);
	assert_int_equal(end.n_additional, N_FIT - 4);
	assert_int_equal(end.flags, 0);
}

/* x.test A, an ExternalName for web.example.: its records behind the CNAME. */
static void test_append(void **state)
{
	static const char reply_bytes[] = OK A_RR;
	static const char want[] = "\1X\4test\0\0\1\0\1"
				   "\xc0\x0c\0\5\0\1\0\0\0\x1e\0\xd\3web\7example\0"
				   "\xc0\x24\0\1\0\1\0\0\1\x22\0\4\x0a\0\0\1";
	struct dns_query query = client_query("\1X\4test\0\0\1\0\1", 12);
	struct dns_reply_ttl ttl = {.cap_s = 3600, .age_s = 10};
	struct dns_answer_end end = {.ede = DNS_EDE_NONE, .n_answer = 1};
	struct random random = {7};
	uint8_t out[512];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	static const uint16_t known[] = {12, 36};
	struct dns_reply_append in = {&ttl, &random, &scratch, known, 2};
	struct dns_reply reply;

	assert_null(dns_reply_parse(&reply, &buffer, (const uint8_t *)reply_bytes,
				    sizeof(reply_bytes) - 1, &question));
	dns_answer_begin(&writer, &query);
	wire_put(&writer, want + 12, 25);
	dns_reply_append(&reply, &writer, &in, &end);
	assert_int_equal(writer.pos, 12 + sizeof(want) - 1);
	assert_memory_equal(out + 12, want, sizeof(want) - 1);
	assert_int_equal(end.n_answer, 2);

	/* No room: cut whole, with TC. */
	writer.pos = 49;
	writer.size = 64;
	dns_reply_append(&reply, &writer, &in, &end);
	assert_int_equal(writer.pos, 49);
	assert_int_equal(end.flags, DNS_FLAG_TC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_opt_and_soa),
		cmocka_unit_test(test_ages),   cmocka_unit_test(test_cut_is_uniform),
		cmocka_unit_test(test_large),  cmocka_unit_test(test_additional_is_cut_without_tc),
		cmocka_unit_test(test_append),
	};

	assert_int_equal(dns_name_from_text(&web, "web.example", 11), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
