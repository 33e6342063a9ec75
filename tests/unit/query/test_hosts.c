/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts files: what a line comes to, what the step answers, what is skipped and told, large files,
 * and new data while a worker reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>

#include "answer_text.h"
#include "base/array.h"
#include "base/rcu.h"
#include "fixture.h"
#include "query/hosts.h"

static struct fixture fixture;
static struct dns_name zones[3];
static struct query_hosts hosts = {.place = "Corefile:2", .ttl_s = 3600};

static struct hosts_data *build(const char *file, const char *lines, bool has_reverse,
				struct text *skipped)
{
	const struct hosts_input input = {
		.zones = &hosts.zones,
		.has_reverse = has_reverse,
		.file = file,
		.file_len = strlen(file),
		.lines = lines,
		.lines_len = strlen(lines),
	};

	return hosts_build(&input, skipped);
}

static void ask(const char *name, uint16_t type, bool is_tcp, struct text *out)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, type, is_tcp ? 0 : 1232);

	assert_int_equal(fixture_run(&fixture, packet, size, is_tcp), QUERY_ANSWER);
	answer_text(fixture.answer, fixture.output.size, out);
}

/* The answer's text but OPT. */
static char *answer_to(const char *name, uint16_t type)
{
	struct text out = {0};
	char *opt;

	ask(name, type, false, &out);
	opt = strstr(out.bytes, " OPT");
	if (opt)
		*opt = '\0';
	return out.bytes;
}

static void set_zones(void)
{
	static const char *const names[] = {"example.org", "test", "10.in-addr.arpa"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(dns_name_from_text(&zones[i], names[i], strlen(names[i])), 0);
	hosts.zones = (struct query_zones){zones, ARRAY_LEN(zones)};
}

static const char file_text[] =
	"# comment\n"
	"10.0.0.2 www.example.org WWW2.Example.ORG. # other.example.org\n"
	"\n"
	"10.0.0.3\twww.example.org\v\fmany.example.org\r\n"
	"fd00::1%eth0 www.example.org\n"
	"10.0.0.2 www.example.org\n" /* again */
	"::ffff:10.0.0.4 mapped.example.org\n"
	"192.0.2.1 elsewhere.example.com in.test\n"
	"192.168.1.10 *.wild.example.org\n"
	"192.168.1.11 a.wild.example.org\n"
	"fd00::2 *.wild.example.org\n"
	"10.0.0.5 a\\.b.example.org under_score.example.org\n"
	"fd00::6 six.example.org\n"
	"0.0.0.0 x1.test x2.test#x3.test";

struct hosts_case {
	const char *name;
	uint16_t type;
	const char *want; /* with the question's name as @ */
};

#define A(address) " @ 3600 A " address
#define AAAA(address) " @ 3600 AAAA " address
#define PTR(name) " @ 3600 PTR " name

static const struct hosts_case cases[] = {
	{"www.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.2") ";" A("10.0.0.3") " | |"},
	{"www.example.org", DNS_TYPE_AAAA, "NOERROR aa |" AAAA("fd00::1") " | |"},
	{"www2.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.2") " | |"},
	{"many.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.3") " | |"},
	{"inline.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.1") " | |"},
	{"both.test", DNS_TYPE_A, "NOERROR aa |" A("10.9.0.1") " | |"},
	/* a name that is there has no other types */
	{"www2.example.org", DNS_TYPE_AAAA, "NOERROR aa | | |"},
	{"six.example.org", DNS_TYPE_A, "NOERROR aa | | |"},
	{"www.example.org", DNS_TYPE_MX, "NOERROR aa | | |"},
	{"www.example.org", DNS_TYPE_SOA, "NOERROR aa | | |"},
	{"www.example.org", 65, "NOERROR aa | | |"},
	/* IPv4 in IPv6 */
	{"mapped.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.4") " | |"},
	{"mapped.example.org", DNS_TYPE_AAAA, "NOERROR aa | | |"},
	{"4.0.0.10.in-addr.arpa", DNS_TYPE_PTR, "NOERROR aa |" PTR("mapped.example.org.") " | |"},
	/* comments and zones */
	{"other.example.org", DNS_TYPE_A, "SERVFAIL | | |"},
	{"in.test", DNS_TYPE_A, "NOERROR aa |" A("192.0.2.1") " | |"},
	{"x2.test", DNS_TYPE_A, "NOERROR aa |" A("0.0.0.0") " | |"},
	{"x3.test", DNS_TYPE_A, "SERVFAIL | | |"},
	{"elsewhere.example.com", DNS_TYPE_A, "REFUSED | | |"},
	{"example.org", DNS_TYPE_A, "SERVFAIL | | |"},
	/* wildcards: one label, not the name itself, and not where an address is written */
	{"any.wild.example.org", DNS_TYPE_A, "NOERROR aa |" A("192.168.1.10") " | |"},
	{"any.wild.example.org", DNS_TYPE_AAAA, "NOERROR aa |" AAAA("fd00::2") " | |"},
	{"any.wild.example.org", DNS_TYPE_TXT, "NOERROR aa | | |"},
	{"a.wild.example.org", DNS_TYPE_A, "NOERROR aa |" A("192.168.1.11") " | |"},
	{"wild.example.org", DNS_TYPE_A, "SERVFAIL | | |"},
	{"b.any.wild.example.org", DNS_TYPE_A, "SERVFAIL | | |"},
	{"10.1.168.192.in-addr.arpa", DNS_TYPE_PTR, "REFUSED | | |"},
	/* addresses: whatever the zones are; where there is none, the next step */
	{"2.0.0.10.in-addr.arpa", DNS_TYPE_PTR,
	 "NOERROR aa |" PTR("www.example.org.") ";" PTR("www2.example.org.") " | |"},
	{"1.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "NOERROR aa |" PTR("in.test.") " | |"},
	{"9.9.9.10.in-addr.arpa", DNS_TYPE_PTR, "REFUSED | | |"},
	{"0.0.10.in-addr.arpa", DNS_TYPE_PTR, "REFUSED | | |"},
	{"www.example.org", DNS_TYPE_PTR, "REFUSED | | |"},
	{"2.0.0.10.in-addr.arpa", DNS_TYPE_A, "SERVFAIL | | |"},
	{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", DNS_TYPE_PTR,
	 "NOERROR aa |" PTR("www.example.org.") " | |"},
};

static void expand(const char *want, const char *name, struct text *out)
{
	for (; *want; want++) {
		if (*want == '@')
			text_printf(out, "%s.", name);
		else
			text_append(out, want, 1);
	}
}

static bool check_case(const struct hosts_case *c)
{
	char *got = answer_to(c->name, c->type);
	struct text want = {0};
	bool is_good;

	expand(c->want, c->name, &want);
	is_good = strcmp(got, want.bytes) == 0;
	if (!is_good)
		print_error("%s %u: got\n%s\nwant\n%s\n", c->name, c->type, got, want.bytes);
	text_fini(&want);
	free(got);
	return is_good;
}

static void test_answers(void **state)
{
	struct text skipped = {0};
	size_t n_bad = 0;

	hosts_publish(&hosts, build(file_text,
				    "10.0.0.1 inline.example.org\n10.9.0.1 both.test both.test\n",
				    true, &skipped));
	assert_int_equal(skipped.len, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		n_bad += !check_case(&cases[i]);
	assert_int_equal(n_bad, 0);
	assert_int_equal(fixture.output.plugin, QUERY_PLUGIN_HOSTS);
}

static void check(const char *name, uint16_t type, const char *want)
{
	const struct hosts_case c = {name, type, want};

	assert_true(check_case(&c));
}

static void test_fallthrough(void **state)
{
	hosts_publish(&hosts, build("10.0.0.1 a.example.org b.test\n", "", true, NULL));
	hosts.has_fallthrough = true;
	check("none.example.org", DNS_TYPE_A, "REFUSED | | |"); /* the block's last word */
	check("none.test", DNS_TYPE_A, "REFUSED | | |");
	check("a.example.org", DNS_TYPE_TXT, "NOERROR aa | | |");
	hosts.fallthrough = (struct query_zones){&zones[1], 1};
	check("none.example.org", DNS_TYPE_A, "SERVFAIL | | |");
	check("none.test", DNS_TYPE_A, "REFUSED | | |");
	hosts.falls_unsupported = true;
	check("a.example.org", DNS_TYPE_TXT, "NOERROR aa | | |");
	check("b.test", DNS_TYPE_TXT, "REFUSED | | |");
	check("b.test", DNS_TYPE_AAAA, "NOERROR aa | | |");
	hosts.fallthrough = (struct query_zones){0};
	hosts.has_fallthrough = hosts.falls_unsupported = false;
}

static void test_no_reverse(void **state)
{
	hosts_publish(&hosts, build("10.0.0.1 a.example.org\n", "", false, NULL));
	check("1.0.0.10.in-addr.arpa", DNS_TYPE_PTR, "REFUSED | | |");
	check("a.example.org", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.1") " | |");
	assert_int_equal(hosts_n_entries(hosts.data), 1);
	hosts_publish(&hosts, build("10.0.0.1 a.example.org *.b.test\n", "", true, NULL));
	assert_int_equal(hosts_n_entries(hosts.data), 3);
}

/* A cut set has TC, whole records, and fits; over TCP all of it comes. */
static void test_large_sets(void **state)
{
	struct text file = {0}, out = {0};

	for (unsigned i = 0; i < 1000; i++)
		text_printf(&file, "10.1.%u.%u large.test h%u.test\n0.0.0.0 n%u.test\n", i / 250,
			    i % 250, i, i);
	hosts_publish(&hosts, build(file.bytes, "", true, NULL));
	ask("large.test", DNS_TYPE_A, false, &out);
	assert_non_null(strstr(out.bytes, "NOERROR aa tc |"));
	assert_true(fixture.output.size <= 1232 && fixture.output.n_answer == (1232 - 39) / 16);
	out.len = 0;
	ask("0.0.0.0.in-addr.arpa", DNS_TYPE_PTR, false, &out);
	assert_non_null(strstr(out.bytes, "NOERROR aa tc |"));
	assert_true(fixture.output.size <= 1232 && fixture.output.n_answer > 50);
	out.len = 0;
	ask("large.test", DNS_TYPE_A, true, &out);
	assert_int_equal(fixture.output.n_answer, 1000);
	out.len = 0;
	ask("0.0.0.0.in-addr.arpa", DNS_TYPE_PTR, true, &out);
	assert_int_equal(fixture.output.n_answer, 1000);
	text_fini(&file);
	text_fini(&out);
}

/* ---- what is skipped ---- */

struct skipped_case {
	const char *file;
	const char *want;
};

static const struct skipped_case skipped_cases[] = {
	{"", ""},
	{"# 10.0.0.1\n\n \t \n", ""},
	{"10.0.0.1 a.test\nbad a.test", "2: \"bad\" is not an address; 1 line was skipped"},
	{"1.2.3 a\n010.0.0.1 a\n10.0.0.1/8 a\n",
	 "1: \"1.2.3\" is not an address; 3 lines were skipped"},
	{"10.0.0.1\n", "1: \"10.0.0.1\" has no name behind it; 1 line was skipped"},
	{"10.0.0.1 # a.test\n", "1: \"10.0.0.1\" has no name behind it; 1 line was skipped"},
	{"10.0.0.1 a..test b.test c..test\n",
	 "1: \"a..test\" is not a domain name; 1 line was skipped"},
	{"% a.test\n", "1: \"%\" is not an address; 1 line was skipped"},
};

static void test_skipped(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(skipped_cases); i++) {
		struct text skipped = {0};

		hosts_free(build(skipped_cases[i].file, "", true, &skipped));
		assert_string_equal(skipped.bytes ? skipped.bytes : "", skipped_cases[i].want);
		text_fini(&skipped);
	}
}

/* The other names of a line with a bad one are there. */
static void test_good_names_of_a_bad_line(void **state)
{
	hosts_publish(&hosts, build("10.0.0.1 a..test b.test\n", "", true, NULL));
	check("b.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.1") " | |");
}

/* A long line, a long word, and octets that are no text. */
static void test_any_octets(void **state)
{
	struct text file = {0}, skipped = {0};

	text_puts(&file, "10.0.0.1");
	for (unsigned i = 0; i < 5000; i++)
		text_printf(&file, " n%u.test", i);
	text_puts(&file, "\n10.0.0.2 ");
	for (unsigned i = 0; i < 5000; i++)
		text_puts(&file, "long");
	text_puts(&file, "\n\x01\xff\xfe 10.0.0.3\n10.0.0.3 last.test");
	hosts_publish(&hosts, build(file.bytes, "", true, &skipped));
	check("n4999.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.1") " | |");
	check("last.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.3") " | |");
	assert_non_null(strstr(skipped.bytes, "... is not a domain name; 2 lines were skipped"));
	text_fini(&file);
	text_fini(&skipped);
}

/* More entries than there may be: the first are there, and the Corefile's own. */
static void test_too_many(void **state)
{
	struct text file = {0}, skipped = {0};

	for (unsigned i = 0; i < HOSTS_ENTRIES_MAX / 100; i++) {
		text_puts(&file, "10.0.0.1");
		for (unsigned k = 0; k < 100; k++)
			text_printf(&file, " n%u.test", i * 100 + k);
		text_puts(&file, "\n");
	}
	text_puts(&file, "10.0.0.1 more.test\n10.0.0.1 evenmore.test\n");
	hosts_publish(&hosts, build(file.bytes, "10.0.0.2 inline.test\n", false, &skipped));
	assert_string_equal(skipped.bytes, "20001: there are more than 2000000 entries: the rest "
					   "is left out");
	check("n1999999.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.1") " | |");
	check("more.test", DNS_TYPE_A, "SERVFAIL | | |");
	check("inline.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.0.2") " | |");
	text_fini(&file);
	text_fini(&skipped);
}

/* ---- new data while a worker reads ---- */

static bool is_over;

static void *publish_often(void *arg)
{
	rcu_register();
	for (unsigned i = 0; i < 300; i++) {
		char file[64];

		snprintf(file, sizeof(file), "10.0.%u.%u same.test\n", i / 200, i % 200);
		hosts_publish(&hosts, build(file, "", true, NULL));
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	rcu_unregister();
	return NULL;
}

static void test_publish(void **state)
{
	pthread_t thread;

	hosts_publish(&hosts, build("10.0.0.0 same.test\n", "", true, NULL));
	assert_int_equal(pthread_create(&thread, NULL, publish_often, NULL), 0);
	while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
		char *got = answer_to("same.test", DNS_TYPE_A);

		assert_non_null(strstr(got, "NOERROR aa | same.test. 3600 A 10.0."));
		free(got);
	}
	pthread_join(thread, NULL);
	check("same.test", DNS_TYPE_A, "NOERROR aa |" A("10.0.1.99") " | |");
}

static int set_up(void **state)
{
	rcu_register();
	fixture_init(&fixture);
	set_zones();
	hosts.data = build("", "", true, NULL);
	fixture.blocks[0].n_clusters = 0;
	fixture.blocks[0].hosts = &hosts;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&fixture);
	hosts_free(hosts.data);
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_fallthrough),
		cmocka_unit_test(test_no_reverse),
		cmocka_unit_test(test_large_sets),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_good_names_of_a_bad_line),
		cmocka_unit_test(test_any_octets),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_publish),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
