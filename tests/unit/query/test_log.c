/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of `log`: each placeholder by a table, names that need escapes, lines that are too long,
 * and which line of several wants a query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "../../../src/query/worker.h"
#include "base/log.h"
#include "dns/address.h"

struct asked {
	struct query_input input;
	struct query_output output;
	struct sockaddr_in source, local;
	struct sockaddr_in6 source6;
	uint8_t bytes[512];
};

static void ask(struct asked *asked, const char *name)
{
	*asked = (struct asked){
		.input = {.size = 56,
			  .source = (struct sockaddr *)&asked->source,
			  .local = (struct sockaddr *)&asked->local},
		.output = {.bytes = asked->bytes, .size = 110, .plugin = QUERY_PLUGIN_KUBERNETES},
		.source = {.sin_family = AF_INET, .sin_port = htons(40212)},
		.local = {.sin_family = AF_INET, .sin_port = htons(53)},
	};
	asked->output.query = (struct dns_query){
		.id = 1053, .type = DNS_TYPE_A, .class = DNS_CLASS_IN, .udp_size = 1232};
	assert_int_equal(dns_name_from_text(&asked->output.query.name, name, strlen(name)), 0);
	asked->bytes[2] = 0x85; /* qr, aa, rd */
	inet_pton(AF_INET, "10.240.0.1", &asked->source.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &asked->local.sin_addr);
}

/* The line with one piece of this field. */
static const char *line_of(const struct asked *asked, enum query_log_field field,
			   uint64_t duration_ns)
{
	static char line[LOG_LINE_MAX + 1];
	const struct query_log_piece piece = {.field = field};
	const struct query_log_config log = {.pieces = &piece, .n_pieces = 1, .is_bare = true};
	const struct logline_in in = {&asked->input, &asked->output, duration_ns};
	size_t len = logline_write(line, LOG_LINE_MAX, &log, &in);

	assert_true(len <= LOG_LINE_MAX);
	line[len] = '\0';
	return line;
}

static void test_fields(void **state)
{
	static const struct {
		enum query_log_field field;
		const char *want;
	} cases[] = {
		{QUERY_LOG_EMPTY, "-"},		{QUERY_LOG_TYPE, "A"},
		{QUERY_LOG_NAME, "web.test."},	{QUERY_LOG_QCLASS, "IN"},
		{QUERY_LOG_PROTO, "udp"},	{QUERY_LOG_REMOTE, "10.240.0.1"},
		{QUERY_LOG_LOCAL, "127.0.0.1"}, {QUERY_LOG_PORT, "40212"},
		{QUERY_LOG_SIZE, "56"},		{QUERY_LOG_RCODE, "NOERROR"},
		{QUERY_LOG_RSIZE, "110"},	{QUERY_LOG_DURATION, "0.000123456s"},
		{QUERY_LOG_ID, "1053"},		{QUERY_LOG_OPCODE, "0"},
		{QUERY_LOG_DO, "false"},	{QUERY_LOG_BUFSIZE, "1232"},
		{QUERY_LOG_RFLAGS, "qr,aa,rd"},
	};
	struct asked asked;

	ask(&asked, "web.test");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(line_of(&asked, cases[i].field, 123456), cases[i].want);
}

/* The values that are written by code of our own. */
static void test_values(void **state)
{
	static const uint64_t numbers[] = {0,	9,    10,   99,	  100,	 101,
					   999, 1000, 1001, 9999, 10000, 65535};
	static const struct {
		uint64_t ns;
		const char *want;
	} durations[] = {
		{0, "0.000000000s"},
		{1, "0.000000001s"},
		{1000, "0.000001000s"},
		{100000000, "0.100000000s"},
		{999999999, "0.999999999s"},
		{1000000000, "1.000000000s"},
		{61500000000, "61.500000000s"},
		{10203040, "0.010203040s"},
	};
	struct asked asked;
	char want[32];

	ask(&asked, ".");
	assert_string_equal(line_of(&asked, QUERY_LOG_NAME, 0), ".");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		asked.input.size = numbers[i];
		snprintf(want, sizeof(want), "%llu", (unsigned long long)numbers[i]);
		assert_string_equal(line_of(&asked, QUERY_LOG_SIZE, 0), want);
	}
	for (size_t i = 0; i < ARRAY_LEN(durations); i++)
		assert_string_equal(line_of(&asked, QUERY_LOG_DURATION, durations[i].ns),
				    durations[i].want);
	asked.source6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(7)};
	inet_pton(AF_INET6, "2001:db8::1", &asked.source6.sin6_addr);
	asked.input.source = (struct sockaddr *)&asked.source6;
	asked.input.local = NULL;
	asked.input.is_tcp = true;
	asked.output.query.type = 65280;
	asked.output.query.class = 9;
	asked.output.rcode = DNS_RCODE_BADVERS;
	asked.output.query.has_do = true;
	asked.bytes[2] = 0x87;
	asked.bytes[3] = 0xb0;
	assert_string_equal(line_of(&asked, QUERY_LOG_REMOTE, 0), "[2001:db8::1]");
	assert_string_equal(line_of(&asked, QUERY_LOG_PORT, 0), "7");
	assert_string_equal(line_of(&asked, QUERY_LOG_LOCAL, 0), "-");
	assert_string_equal(line_of(&asked, QUERY_LOG_PROTO, 0), "tcp");
	assert_string_equal(line_of(&asked, QUERY_LOG_BUFSIZE, 0), "65535");
	assert_string_equal(line_of(&asked, QUERY_LOG_TYPE, 0), "TYPE65280");
	assert_string_equal(line_of(&asked, QUERY_LOG_QCLASS, 0), "CLASS9");
	assert_string_equal(line_of(&asked, QUERY_LOG_RCODE, 0), "BADVERS");
	assert_string_equal(line_of(&asked, QUERY_LOG_DO, 0), "true");
	assert_string_equal(line_of(&asked, QUERY_LOG_RFLAGS, 0), "qr,aa,tc,rd,ra,ad,cd");
}

/* Every octet at every place of a name reads as dns_name_to_text writes it. */
static void test_names(void **state)
{
	struct asked asked;
	char want[DNS_NAME_TEXT_MAX];

	for (unsigned octet = 0; octet < 256; octet++) {
		for (size_t len = 1; len <= 40; len += 13) {
			uint8_t wire[64] = {(uint8_t)len};

			ask(&asked, ".");
			memset(wire + 1, 'a', len);
			wire[len] = (uint8_t)octet;
			memcpy(wire + 1 + len, "\4test", 6);
			assert_int_equal(
				dns_name_from_wire(&asked.output.query.name, wire, len + 7), 0);
			dns_name_to_text(asked.output.query.name.wire, len + 7, want);
			assert_string_equal(line_of(&asked, QUERY_LOG_NAME, 0), want);
		}
	}
}

/* A name of 255 octets of which each has an escape. */
static void longest_name(struct dns_name *name)
{
	uint8_t wire[DNS_NAME_MAX] = {0};

	for (size_t at = 0; at < 254; at += 64) {
		uint8_t len = at == 192 ? 61 : 63;

		wire[at] = len;
		memset(wire + at + 1, 0xff, len);
	}
	assert_int_equal(dns_name_from_wire(name, wire, sizeof(wire)), 0);
}

static void test_long(void **state)
{
	char text[QUERY_LOG_TEXT_MAX + QUERY_LOG_TEXT_SLACK], line[LOG_LINE_MAX];
	struct query_log_piece pieces[] = {{.text = text, .len = QUERY_LOG_TEXT_MAX},
					   {.field = QUERY_LOG_NAME},
					   {.field = QUERY_LOG_NAME},
					   {.field = QUERY_LOG_DURATION}};
	const struct query_log_config log = {.pieces = pieces, .n_pieces = ARRAY_LEN(pieces)};
	struct asked asked;

	ask(&asked, "a.test");
	longest_name(&asked.output.query.name);
	memset(text, 't', sizeof(text));

	const struct logline_in in = {&asked.input, &asked.output, 1};

	for (size_t n = 0; n <= QUERY_LOG_TEXT_MAX; n++) {
		size_t len;

		pieces[0].len = n;
		len = logline_write(line, sizeof(line), &log, &in);
		assert_true(len > 1024 && len <= sizeof(line));
		if (n == QUERY_LOG_TEXT_MAX)
			assert_memory_equal(line + len - 3, "...", 3);
	}
}

static void test_json(void **state)
{
	struct asked asked;
	const char *line;

	ask(&asked, "a\\\"\\\\\\255.test");
	asked.output.error = "no \"upstream\" server";
	asked.output.upstream = "192.0.2.1:53";
	asked.output.rcode = DNS_RCODE_SERVFAIL;
	assert_string_equal(
		line_of(&asked, QUERY_LOG_JSON, 1234567),
		"{\"type\":\"A\",\"name\":\"a\\\\\\\"\\\\\\\\\\\\255.test.\",\"class\":\"IN\","
		"\"proto\":\"udp\",\"remote\":\"10.240.0.1\",\"port\":40212,\"local\":"
		"\"127.0.0.1\",\"id\":1053,\"size\":56,\"do\":false,\"bufsize\":1232,\"rcode\":"
		"\"SERVFAIL\",\"flags\":\"qr,aa,rd\",\"rsize\":110,\"duration_us\":1235,"
		"\"plugin\":\"kubernetes\",\"error\":\"no ?upstream? server\",\"upstream\":"
		"\"192.0.2.1:53\"}");
	longest_name(&asked.output.query.name);
	line = line_of(&asked, QUERY_LOG_JSON, UINT64_MAX / 2);
	assert_string_equal(line + strlen(line) - 2, "\"}");
}

struct harness {
	struct log *log;
	FILE *file;
	struct query_worker worker;
};

static void begin(struct harness *harness)
{
	*harness = (struct harness){.file = tmpfile()};
	assert_non_null(harness->file);
	assert_int_equal(log_open(&harness->log, fileno(harness->file), LOG_INFO), 0);
	harness->worker.log = log_channel_new(harness->log, 4096);
}

/* How many lines were written. */
static size_t end(struct harness *harness)
{
	size_t n = 0;
	int c;

	log_close(harness->log);
	rewind(harness->file);
	while ((c = getc(harness->file)) != EOF)
		n += c == '\n';
	fclose(harness->file);
	return n;
}

static void test_choice(void **state)
{
	static const struct query_log_piece piece = {.field = QUERY_LOG_NAME};
	struct dns_name names[2];
	struct query_log_config logs[] = {
		{.names = {&names[0], 1}, .pieces = &piece, .n_pieces = 1, .sample = 1},
		{.names = {&names[1], 1}, .pieces = &piece, .n_pieces = 1, .sample = 1},
	};
	const struct query_block_config block = {.logs = logs, .n_logs = 2};
	static const struct {
		const char *what, *name;
		unsigned class_a, class_root;
		uint64_t min_ns, slow_ns;
		uint32_t sample;
		uint16_t rcode, n_answer;
		size_t want; /* lines of 10 queries that took 5,000 ns */
	} cases[] = {
		{"success", "x.a", 1, 7, 0, 0, 1, DNS_RCODE_NOERROR, 1, 10},
		{"denial is no success", "x.a", 1, 7, 0, 0, 1, DNS_RCODE_NXDOMAIN, 0, 0},
		{"NODATA is denial", "x.a", 2, 7, 0, 0, 1, DNS_RCODE_NOERROR, 0, 10},
		{"NXDOMAIN is denial", "a", 2, 7, 0, 0, 1, DNS_RCODE_NXDOMAIN, 0, 10},
		{"REFUSED is error", "a", 4, 7, 0, 0, 1, DNS_RCODE_REFUSED, 0, 10},
		{"the second line", "x.b", 4, 7, 0, 0, 1, DNS_RCODE_NOERROR, 1, 10},
		{"long enough for any class", "a", 4, 0, 4999, 0, 1, DNS_RCODE_NOERROR, 1, 10},
		{"not long enough", "a", 4, 0, 5000, 0, 1, DNS_RCODE_NOERROR, 1, 0},
		{"slow", "a", 7, 0, 0, 5000, 1, DNS_RCODE_NOERROR, 1, 10},
		{"not slow", "a", 7, 0, 0, 5001, 1, DNS_RCODE_NOERROR, 1, 0},
		{"one of five", "a", 7, 0, 0, 0, 5, DNS_RCODE_NOERROR, 1, 2},
		{"one of many", "a", 7, 0, 0, 0, 1000, DNS_RCODE_NOERROR, 1, 1},
	};

	assert_int_equal(dns_name_from_text(&names[0], "a", 1), 0);
	assert_int_equal(dns_name_from_text(&names[1], ".", 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct harness harness;
		struct asked asked;
		size_t got;

		begin(&harness);
		ask(&asked, cases[i].name);
		asked.output.rcode = cases[i].rcode;
		asked.output.n_answer = cases[i].n_answer;
		logs[0].classes = cases[i].class_a;
		logs[1].classes = cases[i].class_root;
		logs[0].min_duration_ns = cases[i].min_ns;
		logs[0].slow_ns = cases[i].slow_ns;
		logs[0].sample = cases[i].sample;
		for (int k = 0; k < 10; k++)
			querylog_write(&harness.worker, &block,
				       &(struct logline_in){&asked.input, &asked.output, 5000});
		got = end(&harness);
		if (got != cases[i].want)
			fail_msg("%s: %zu lines", cases[i].what, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields), cmocka_unit_test(test_values),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_long),
		cmocka_unit_test(test_json),   cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
