/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries as they come, whole and broken (dns-facts 10 and 12), and the frame of answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dns/message.h"

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY HEAD("\1\0", "\1", "\0", "\0", "\0")
#define NAME "\3wEb\0"
#define Q NAME "\0\1\0\1"
#define OPT(size, flags, len) "\0\0\x29" size flags len
#define PLAIN_OPT OPT("\4\xd0", "\0\0\0\0", "\0\0")

static const struct {
	const char *what;
	const char *bytes;
	size_t size;
	bool is_tcp;
	enum dns_parse want;
	uint16_t udp_size;
	bool has_do, has_keepalive;
} cases[] = {
#define CASE(what, bytes) what, bytes, sizeof(bytes) - 1
	{CASE("plain", QUERY Q), false, DNS_PARSE_OK, 512, false, false},
	{CASE("trailing octets", QUERY Q "xyz"), false, DNS_PARSE_OK, 512, false, false},
	{CASE("opt", HEAD("\1\0", "\1", "\0", "\0", "\1") Q PLAIN_OPT), false, DNS_PARSE_OK, 1232,
	 false, false},
	{CASE("small opt", HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\0\1", "\0\0\0\0", "\0\0")),
	 false, DNS_PARSE_OK, 512, false, false},
	{CASE("do", HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\x10\0", "\0\0\x80\0", "\0\0")),
	 false, DNS_PARSE_OK, 4096, true, false},
	{CASE("all edns flags",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\x10\0", "\0\0\x7f\xff", "\0\0")),
	 false, DNS_PARSE_OK, 4096, false, false},
	{CASE("version 1",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\x10\0", "\0\1\0\0", "\0\0")),
	 false, DNS_PARSE_BADVERS, 4096, false, false},
	{CASE("unknown option", HEAD("\1\0", "\1", "\0", "\0", "\1")
					Q OPT("\x10\0", "\0\0\0\0", "\0\6") "\xff\0\0\2ab"),
	 false, DNS_PARSE_OK, 4096, false, false},
	{CASE("option past rdlength", HEAD("\1\0", "\1", "\0", "\0", "\1")
					      Q OPT("\x10\0", "\0\0\0\0", "\0\6") "\xff\0\0\3ab"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("option head cut",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\x10\0", "\0\0\0\0", "\0\3") "\xff\0\0"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("rdlength past the end",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT("\x10\0", "\0\0\0\0", "\0\4")),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("keepalive, tcp", HEAD("\1\0", "\1", "\0", "\0", "\1")
					Q OPT("\x10\0", "\0\0\0\0", "\0\4") "\0\x0b\0\0"),
	 true, DNS_PARSE_OK, 4096, false, true},
	{CASE("keepalive, udp", HEAD("\1\0", "\1", "\0", "\0", "\1")
					Q OPT("\x10\0", "\0\0\0\0", "\0\4") "\0\x0b\0\0"),
	 false, DNS_PARSE_OK, 4096, false, false},
	{CASE("keepalive with data, tcp", HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT(
						  "\x10\0", "\0\0\0\0", "\0\6") "\0\x0b\0\2\0\1"),
	 true, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("keepalive with data, udp", HEAD("\1\0", "\1", "\0", "\0", "\1") Q OPT(
						  "\x10\0", "\0\0\0\0", "\0\6") "\0\x0b\0\2\0\1"),
	 false, DNS_PARSE_OK, 4096, false, false},
	{CASE("two opts", HEAD("\1\0", "\1", "\0", "\0", "\2") Q PLAIN_OPT PLAIN_OPT), false,
	 DNS_PARSE_FORMERR, 0, false, false},
	{CASE("opt in the answer section", HEAD("\1\0", "\1", "\1", "\0", "\0") Q PLAIN_OPT), false,
	 DNS_PARSE_FORMERR, 0, false, false},
	{CASE("opt with a name", HEAD("\1\0", "\1", "\0", "\0", "\1") Q "\1a" PLAIN_OPT), false,
	 DNS_PARSE_FORMERR, 0, false, false},
	{CASE("other records", HEAD("\1\0", "\1", "\1", "\1", "\2") Q
	      "\xc0\x0c\0\1\0\1\0\0\0\1\0\4abcd"
	      "\xc0\x0c\0\2\0\1\0\0\0\1\0\0" PLAIN_OPT "\0\0\xfa\0\xff\0\0\0\0\0\0"),
	 false, DNS_PARSE_OK, 1232, false, false},
	{CASE("option behind a whole one past rdlength",
	      HEAD("\1\0", "\1", "\0", "\0", "\2")
		      Q OPT("\x10\0", "\0\0\0\0", "\0\5") "\xff\0\0\0\xff"
							  "\0\0\0\0\0\0"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("two opts, the first of version 1",
	      HEAD("\1\0", "\1", "\0", "\0", "\2") Q OPT("\x10\0", "\0\1\0\0", "\0\0") PLAIN_OPT),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("opt in the authority section", HEAD("\1\0", "\1", "\0", "\1", "\0") Q PLAIN_OPT),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("opt before its section",
	      HEAD("\1\0", "\1", "\0", "\1", "\1") Q PLAIN_OPT "\0\0\xfa\0\xff\0\0\0\0\0\0"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("version 1, then a record past the end",
	      HEAD("\1\0", "\1", "\0", "\0", "\2") Q OPT("\x10\0", "\0\1\0\0", "\0\0")),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("opt's owner a pointer to the root",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q "\xc0\x10\0\x29\4\xd0\0\0\0\0\0\0"),
	 false, DNS_PARSE_OK, 1232, false, false},
	{CASE("owner's pointer forwards",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q "\xc0\x17\0\1\0\1\0\0\0\0\0\0"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("owner of label type 01",
	      HEAD("\1\0", "\1", "\0", "\0", "\1") Q "\x41x\0\0\1\0\1\0\0\0\0\0\0"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("65535 of each", "\x12\x34\1\0\0\1\xff\xff\xff\xff\xff\xff" Q PLAIN_OPT), false,
	 DNS_PARSE_FORMERR, 0, false, false},
	{CASE("record past the end",
	      HEAD("\1\0", "\1", "\1", "\0", "\0") Q "\xc0\x0c\0\1\0\1\0\0\0\1\0\5abcd"),
	 false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("count larger than content", HEAD("\1\0", "\1", "\0", "\0", "\2") Q PLAIN_OPT), false,
	 DNS_PARSE_FORMERR, 0, false, false},
	{CASE("no question", HEAD("\1\0", "\0", "\0", "\0", "\0")), false, DNS_PARSE_FORMERR, 0,
	 false, false},
	{CASE("two questions", HEAD("\1\0", "\2", "\0", "\0", "\0") Q Q), false, DNS_PARSE_FORMERR,
	 0, false, false},
	{CASE("header alone", QUERY), false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("no class", QUERY NAME "\0\1"), false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("no type", QUERY NAME), false, DNS_PARSE_FORMERR, 0, false, false},
	{CASE("pointer in the question", QUERY "\xc0\x0c\0\1\0\1"), false, DNS_PARSE_FORMERR, 0,
	 false, false},
	{CASE("notify", HEAD("\x20\0", "\1", "\0", "\0", "\0") Q), false, DNS_PARSE_NOTIMP, 0,
	 false, false},
	{CASE("opcode 15, header alone", HEAD("\x78\0", "\0", "\0", "\0", "\0")), false,
	 DNS_PARSE_NOTIMP, 0, false, false},
	{CASE("response", HEAD("\x81\0", "\1", "\0", "\0", "\0") Q), false, DNS_PARSE_DROP, 0,
	 false, false},
	{CASE("eleven octets", "\x12\x34\1\0\0\1\0\0\0\0\0"), false, DNS_PARSE_DROP, 0, false,
	 false},
	{CASE("nothing", ""), false, DNS_PARSE_DROP, 0, false, false},
};

static void test_parse(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_query query;
		enum dns_parse got = dns_query_parse(&query, (const uint8_t *)cases[i].bytes,
						     cases[i].size, cases[i].is_tcp);

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].what, (int)got);
		if (got != DNS_PARSE_OK && got != DNS_PARSE_BADVERS)
			continue;
		if (query.udp_size != cases[i].udp_size || query.has_do != cases[i].has_do ||
		    query.has_keepalive != cases[i].has_keepalive || query.question_len != 9 ||
		    memcmp(query.question, Q, 9) != 0 || memcmp(query.name.wire, "\3web", 5) != 0)
			fail_msg("%s: wrong fields", cases[i].what);
	}
}

/* Every prefix of a good query is an outcome, never more than what is there. */
static void test_every_cut(void **state)
{
	static const char whole[] = HEAD("\1\0", "\1", "\0", "\0", "\1")
		Q OPT("\x10\0", "\0\0\0\0", "\0\4") "\0\x0b\0\0";

	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		uint8_t *copy = mem_alloc(size);
		struct dns_query query;

		memcpy(copy, whole, size);
		assert_int_equal(dns_query_parse(&query, copy, size, true),
				 size < DNS_HEADER_SIZE ? DNS_PARSE_DROP : DNS_PARSE_FORMERR);
		free(copy);
	}
}

static void parse(struct dns_query *query, const char *bytes, size_t size)
{
	assert_int_not_equal(dns_query_parse(query, (const uint8_t *)bytes, size, true),
			     DNS_PARSE_DROP);
}

static void test_error(void **state)
{
	static const char notify[] = HEAD("\x21\x30", "\1", "\0", "\0", "\0") Q;
	struct dns_query query;
	uint8_t out[DNS_HEADER_SIZE];

	parse(&query, notify, sizeof(notify) - 1);
	assert_int_equal(dns_answer_error(&query, DNS_RCODE_NOTIMP, out), 12);
	assert_memory_equal(out, "\x12\x34\xa1\x04\0\0\0\0\0\0\0\0", 12);
}

static void test_answer_frame(void **state)
{
	static const char edns[] = HEAD("\1\x70", "\1", "\0", "\0", "\1")
		Q OPT("\x10\0", "\0\0\xff\xff", "\0\4") "\0\x0b\0\0";
	static const char want[] =
		"\x12\x34\x85\x10\0\1\0\0\0\0\0\1" Q "\0\0\x29\4\xd0\1\0\x80\0\0\x11"
		"\0\x0f\0\7\0\x0ehello\0\x0b\0\2\0\x64";
	struct dns_query query;
	uint8_t out[512];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.flags = DNS_FLAG_AA,
				     .rcode = DNS_RCODE_BADVERS,
				     .own_udp_size = 1232,
				     .ede = DNS_EDE_NOT_READY,
				     .ede_text = "hello",
				     .is_keepalive_sent = true,
				     .keepalive_100ms = 100};

	parse(&query, edns, sizeof(edns) - 1);
	dns_answer_begin(&writer, &query);

	size_t before = writer.pos, size = dns_answer_end(&writer, &query, &end);

	assert_int_equal(size, before + dns_opt_size(&query, end.ede, end.ede_text, true));
	assert_int_equal(size, sizeof(want) - 1);
	assert_memory_equal(out, want, size);
}

/* An NSID option is sent to who asked for it, whatever the request's option holds (RFC 5001 2.1).
 */
static void test_nsid(void **state)
{
	static const char asks[] = HEAD("\1\0", "\1", "\0", "\0", "\1")
		Q OPT("\4\xd0", "\0\0\0\0", "\0\6") "\0\3\0\2xy";
	static const char asks_not[] = HEAD("\1\0", "\1", "\0", "\0", "\1") Q PLAIN_OPT;
	static const char want[] = "\0\0\x29\4\xd0\0\0\0\0\0\x07\0\3\0\3abc";
	struct dns_answer_end end = {.own_udp_size = 1232,
				     .ede = DNS_EDE_NONE,
				     .nsid = (const uint8_t *)"abc",
				     .nsid_len = 3};
	struct dns_query query;
	uint8_t out[512];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));

	parse(&query, asks, sizeof(asks) - 1);
	assert_true(query.has_nsid);
	assert_int_equal(dns_nsid_size(&query, 3), 7);
	dns_answer_begin(&writer, &query);
	assert_int_equal(dns_answer_end(&writer, &query, &end), 12 + 9 + sizeof(want) - 1);
	assert_memory_equal(out + 12 + 9, want, sizeof(want) - 1);

	parse(&query, asks_not, sizeof(asks_not) - 1);
	assert_false(query.has_nsid);
	assert_int_equal(dns_nsid_size(&query, 3), 0);
	writer = wire_writer_init(out, sizeof(out));
	dns_answer_begin(&writer, &query);
	assert_int_equal(dns_answer_end(&writer, &query, &end), 12 + 9 + 11);
}

static void test_type_from_text(void **state)
{
	static const struct {
		const char *text;
		int want; /* -1: none */
	} types[] = {
		{"A", 1},	    {"a", 1},	      {"AaAa", 28},   {"NSAP-PTR", 23},
		{"ANY", 255},	    {"CAA", 257},     {"TYPE0", 0},   {"type65535", 65535},
		{"TYPE65", 65},	    {"", -1},	      {"A ", -1},     {"TYPE", -1},
		{"TYPE65536", -1},  {"TYPE1x", -1},   {"TYPE-1", -1}, {"AX", -1},
		{"TYPE000001", -1}, {"RESERVED", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		uint16_t type;
		int got = dns_type_from_text(types[i].text, &type) ? type : -1;

		if (got != types[i].want)
			fail_msg("%s: %d", types[i].text, got);
	}
}

static void test_no_opt_for_plain(void **state)
{
	static const char plain[] = QUERY Q;
	struct dns_query query;
	uint8_t out[512];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.ede = DNS_EDE_NOT_READY, .ede_text = "x"};

	parse(&query, plain, sizeof(plain) - 1);
	assert_int_equal(dns_opt_size(&query, DNS_EDE_NOT_READY, "x", true), 0);
	dns_answer_begin(&writer, &query);
	assert_int_equal(dns_answer_end(&writer, &query, &end), 12 + 9);
}

/* A long text is cut to 200 octets, and never inside a character. */
static void test_ede_text_is_cut(void **state)
{
	static const char edns[] = HEAD("\1\0", "\1", "\0", "\0", "\1") Q PLAIN_OPT;
	struct dns_query query;
	char text[300];

	parse(&query, edns, sizeof(edns) - 1);
	memset(text, 'x', sizeof(text));
	text[299] = '\0';
	assert_int_equal(dns_opt_size(&query, DNS_EDE_OTHER, text, false), 11 + 6 + 200);
	memcpy(text + 198, "\xe8\xa6\x81", 3);
	assert_int_equal(dns_opt_size(&query, DNS_EDE_OTHER, text, false), 11 + 6 + 198);
}

static void test_compress(void **state)
{
	static const char plain[] = QUERY "\3web\4shop\0\0\1\0\1";
	static const struct {
		const char *wire;
		size_t len;
		bool may_point;
		const char *want;
		size_t want_len;
	} names[] = {
		{"\3web\4shop", 10, true, "\xc0\x0c", 2},
		{"\2db\4SHOP", 9, true, "\2db\xc0\x10", 5},
		{"\1a\2db\4shop", 11, false, "\1a\2db\4shop", 11},
		{"\1b\2db\4shop", 11, true, "\1b\xc0\x1b",
		 4}, /* at the db that was written second */
		{"", 1, true, "", 1},
		{"\1z", 3, true, "\1z", 3},
		{"\1y\1z", 5, true, "\1y", 4},
	};
	struct dns_compress compress;
	struct dns_query query;
	uint8_t out[512];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));

	parse(&query, plain, sizeof(plain) - 1);
	dns_answer_begin(&writer, &query);
	dns_compress_init(&compress, &query);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t at = writer.pos;

		dns_compress_name(&compress, &writer, (const uint8_t *)names[i].wire, names[i].len,
				  names[i].may_point);
		assert_int_equal(writer.pos - at, names[i].want_len);

		struct wire_reader reader = wire_reader_init(out, writer.pos);
		struct dns_name back, given;

		reader.pos = at;
		dns_name_read(&back, &reader, true);
		assert_false(reader.failed);
		assert_int_equal(
			dns_name_from_wire(&given, (const uint8_t *)names[i].wire, names[i].len),
			0);
		assert_true(dns_name_equal(&back, &given));
		assert_true(names[i].want_len < 3 || out[at] == (uint8_t)names[i].want[0]);
	}
	assert_false(writer.failed);
}

/* Names that were taken back are no targets, whatever is written in their place. */
static void test_compress_after_rewind(void **state)
{
	static const char plain[] = QUERY "\3web\4shop\0\0\1\0\1";
	struct dns_compress compress;
	struct dns_query query;
	uint8_t out[64];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	size_t mark;

	parse(&query, plain, sizeof(plain) - 1);
	dns_answer_begin(&writer, &query);
	dns_compress_init(&compress, &query);
	mark = writer.pos;
	dns_compress_name(&compress, &writer, (const uint8_t *)"\1a\2db", 6, true);
	wire_rewind(&writer, mark);
	dns_compress_name(&compress, &writer, (const uint8_t *)"\1b\2db", 6, true);
	assert_memory_equal(out + mark, "\1b\2db", 6);
	assert_int_equal(writer.pos, mark + 6);
	/* Memory without an end: 62 octets, then a label that says it has 63. */
	memset(out + mark, 63, sizeof(out) - mark);
	writer.pos = sizeof(out);
	wire_rewind(&writer, mark + 1);
	dns_compress_name(&compress, &writer, (const uint8_t *)"\2db", 4, true);
	assert_memory_equal(out + mark + 1, "\2db", 4);
}

/* A name that does not fit is not remembered. */
static void test_compress_without_room(void **state)
{
	static const char plain[] = QUERY "\3web\4shop\0\0\1\0\1";
	struct dns_compress compress;
	struct dns_query query;
	uint8_t out[12 + 14 + 3];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));

	parse(&query, plain, sizeof(plain) - 1);
	dns_answer_begin(&writer, &query);
	dns_compress_init(&compress, &query);
	assert_int_equal(compress.n, 2);
	dns_compress_name(&compress, &writer, (const uint8_t *)"\1a\2db", 6, true);
	assert_true(writer.failed);
	assert_int_equal(compress.n, 2);
}

/* 100 names below x, each with `gap` octets behind it; each must read back. */
static void write_names(struct wire_writer *writer, struct dns_compress *compress, size_t gap)
{
	for (unsigned i = 0; i < 100; i++) {
		uint8_t wire[] = {2, (uint8_t)(i % 10 + '0'), (uint8_t)(i / 10 + '0'), 1, 'x', 0};
		struct wire_reader reader;
		struct dns_name back;
		size_t at = writer->pos;

		dns_compress_name(compress, writer, wire, sizeof(wire), true);
		reader = wire_reader_init(writer->base, writer->pos);
		reader.pos = at;
		dns_name_read(&back, &reader, true);
		assert_true(!reader.failed && reader.pos == writer->pos);
		assert_int_equal(back.len, sizeof(wire));
		assert_memory_equal(back.wire, wire, sizeof(wire));
		assert_non_null(wire_room(writer, gap));
	}
}

/* More suffixes than are held, and names behind what a pointer reaches. */
static void test_compress_limits(void **state)
{
	static const char plain[] = QUERY "\3web\4shop\0\0\1\0\1";
	static const struct {
		size_t gap;
		unsigned want;
	} limits[] = {
		{0, DNS_COMPRESS_MAX},
		{0x180, 2 + 1 + 43}, /* the question's, x, and 43 names begin before 0x4000 */
	};
	static uint8_t out[3 * 0x4000];

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct wire_writer writer = wire_writer_init(out, sizeof(out));
		struct dns_compress compress;
		struct dns_query query;

		parse(&query, plain, sizeof(plain) - 1);
		dns_answer_begin(&writer, &query);
		dns_compress_init(&compress, &query);
		write_names(&writer, &compress, limits[i].gap);
		assert_int_equal(compress.n, limits[i].want);
	}
}

static void test_texts(void **state)
{
	static const struct {
		const char *(*text)(uint16_t value, char *buf, size_t size);
		uint16_t value;
		const char *want;
	} texts[] = {
		{dns_type_text, 0, "TYPE0"},	     {dns_type_text, 1, "A"},
		{dns_type_text, 23, "NSAP-PTR"},     {dns_type_text, 51, "NSEC3PARAM"},
		{dns_type_text, 54, "TYPE54"},	     {dns_type_text, 65, "HTTPS"},
		{dns_type_text, 99, "SPF"},	     {dns_type_text, 109, "EUI64"},
		{dns_type_text, 248, "TYPE248"},     {dns_type_text, 249, "TKEY"},
		{dns_type_text, 255, "ANY"},	     {dns_type_text, 262, "WALLET"},
		{dns_type_text, 32769, "DLV"},	     {dns_type_text, 65280, "TYPE65280"},
		{dns_type_text, 65535, "TYPE65535"}, {dns_class_text, 0, "CLASS0"},
		{dns_class_text, 1, "IN"},	     {dns_class_text, 3, "CH"},
		{dns_class_text, 4, "HS"},	     {dns_class_text, 254, "NONE"},
		{dns_class_text, 255, "ANY"},	     {dns_class_text, 65535, "CLASS65535"},
		{dns_rcode_text, 0, "NOERROR"},	     {dns_rcode_text, 4, "NOTIMP"},
		{dns_rcode_text, 11, "DSOTYPENI"},   {dns_rcode_text, 12, "RCODE12"},
		{dns_rcode_text, 16, "BADVERS"},     {dns_rcode_text, 23, "BADCOOKIE"},
		{dns_rcode_text, 24, "RCODE24"},     {dns_rcode_text, 65535, "RCODE65535"},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char buf[16];

		assert_string_equal(texts[i].text(texts[i].value, buf, sizeof(buf)), texts[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_answer_frame),
		cmocka_unit_test(test_nsid),
		cmocka_unit_test(test_type_from_text),
		cmocka_unit_test(test_no_opt_for_plain),
		cmocka_unit_test(test_ede_text_is_cut),
		cmocka_unit_test(test_compress),
		cmocka_unit_test(test_compress_after_rewind),
		cmocka_unit_test(test_compress_without_room),
		cmocka_unit_test(test_compress_limits),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
