/* SPDX-License-Identifier: Apache-2.0
 *
 * `template`: what its language expands to, by the documentation of Go's text/template; which
 * template answers, with what, and what it is told when it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "answer_text.h"
#include "base/rcu.h"
#include "fixture.h"
#include "query/template.h"

#define OPT " OPT 1232 0"

static struct fixture fixture;
static struct arena arena;

/* ---- the language ---- */

struct text_case {
	const char *source;
	const char *want; /* or, behind "!", why it fails */
};

/* Of the name ip-10-0a-07.a.test., matched by ^ip-(?P<a>[^-]*)-([^-]*)-(?P<c>[^.]*)[.](x)?, asked
 * for as IP-10-0a-07.a.test. */
static const struct text_case text_cases[] = {
	{"plain", "plain"},
	{"{{ .Name }}|{{.Zone}}|{{ .Class }}|{{ .Type }}", "ip-10-0a-07.a.test.|a.test.|IN|A"},
	{"{{ .Question.Name }} {{ .Question.Qtype }} {{ .Question.Qclass }}",
	 "IP-10-0a-07.a.test. 1 1"},
	{"{{ .Message.Id }} {{ .Message.RecursionDesired }} {{ .Remote }}", "7 true 192.0.2.7"},
	{"{{ .Group.a }}{{ index .Group \"c\" }}{{ index .Group \"2\" }}{{ index .Match 1 }}",
	 "10070a10"},
	{"{{ index .Match 0 }}|{{ index .Group `0` }}", "ip-10-0a-07.|ip-10-0a-07."},
	{"{{ index .Match 4 }}|{{ index .Group \"none\" }}|{{ .Group.none }}", "||<no value>"},
	{"{{ index .Match 5 }}", "!index: out of range"},
	{"{{ index .Match -1 }}", "!index: out of range"},
	{"{{ index .Group 1 }}", "!index: .Match takes a number, .Group a string"},
	{"{{ .Match }}", "!.Match, .Group and $ cannot be printed whole"},
	{"{{ len .Match }} {{ len .Name }} {{ len .Group.a }}", "5 19 2"},
	{"{{ .Meta \"kubernetes/client-namespace\" }}|{{ \"x\" | .Meta }}", "|"},

	{"a {{- 1 -}} b", "a1b"},
	{"a \n{{- /* x */ -}}\n\t b", "ab"},
	{"a {{ /* x */ }} b", "a  b"},
	{"{{ -1 }}{{ 0x10 }}{{ +3 }}", "-1163"},
	{"{{ \"a\\\"\\\\b\" }}{{ `a\\b` }}{{ true }}", "a\"\\ba\\btrue"},

	{"{{ parseInt .Group.a 10 8 }} {{ parseInt .Group.a 16 8 }} {{ parseInt \"0x1F\" 0 64 }}",
	 "10 16 31"},
	{"{{ parseInt \"18446744073709551615\" 10 64 }}", "18446744073709551615"},
	{"{{ parseInt \"18446744073709551616\" 10 64 }}",
	 "!parseInt: the number has too many bits"},
	{"{{ parseInt \"256\" 10 8 }}", "!parseInt: the number has too many bits"},
	{"{{ parseInt .Name 10 8 }}", "!parseInt: the text is not a number"},
	{"{{ parseInt \"\" 10 8 }}", "!parseInt: the text is not a number"},
	{"{{ parseInt \"1\" 37 8 }}", "!parseInt: there is no such base or size"},

	{"{{ if .Group.a }}yes{{ else }}no{{ end }}{{ if index .Match 4 }}yes{{ end }}", "yes"},
	{"{{ if eq .Group.a \"9\" }}9{{ else if eq .Group.a \"8\" \"10\" }}10{{ else }}?{{ end }}",
	 "10"},
	{"{{ with .Group.c }}{{ . }} {{ $.Group.a }}{{ end }}{{ with \"\" }}{{ else }}-{{ end }}",
	 "07 10-"},
	{"{{ with .Group.c }}{{ .Name }}{{ end }}",
	 "!inside of \"with\" a field of the query needs a $ before it"},
	{"{{ eq 1 1 }} {{ ne \"a\" \"b\" }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt \"b\" \"a\" }} {{ ge 1 "
	 "2 "
	 "}} {{ lt -1 (parseInt \"1\" 10 8) }}",
	 "true true true true true false true"},
	{"{{ eq 1 \"1\" }}", "!values of different types cannot be compared"},
	{"{{ and .Group.a \"x\" }} {{ and \"\" (index .Match 9) }}|{{ or \"\" .Group.c }} {{ or 1 "
	 "(index .Match 9) }} {{ not 0 }}",
	 "x |07 1 true"},

	{"{{ printf \"%s-%d-%03d|%-4s|%4s|%x|%X|%v|%%\" .Group.a 7 7 \"a\" \"b\" 255 255 true }}",
	 "10-7-007|a   |   b|ff|FF|true|%"},
	{"{{ printf \"%d.%o.%b.%c.%+d.%q.%x\" (parseInt .Group.a 16 8) 8 5 65 -3 \"a\\\"b\" \"AB\" "
	 "}}",
	 "16.10.101.A.-3.\"a\\\"b\".4142"},
	{"{{ printf \"%d\" .Group.a }}", "!printf: this verb is not for such a value"},
	{"{{ printf \"%s\" }}", "!printf: there are too few arguments"},
	{"{{ printf \"x\" 1 }}", "!printf: there are too many arguments"},
	{"{{ printf \"%\" }}", "!printf: a verb is broken"},
	{"{{ .Group.a | printf \"%s%s\" \"x\" }} {{ (print 1 2 \"a\" 3 | len) }}", "x10 5"},
};

static const char *expand(const char *source, const struct template_data *data)
{
	static struct template_buffer buffer;
	const struct template_text *text;
	struct text why = {0};
	const char *fault;

	if (template_text_compile(&text, &arena, source, &why) != 0) {
		print_error("%s: %s\n", source, why.bytes);
		return "refused";
	}
	fault = template_text_expand(text, data, &buffer);
	return fault ? arena_printf(&arena, "!%s", fault) : buffer.text;
}

static const struct regex *regex_of(const char *expression)
{
	const struct regex *regex;
	struct text why = {0};

	assert_int_equal(regex_compile(&regex, &arena, expression, strlen(expression), &why), 0);
	return regex;
}

static void test_texts(void **state)
{
	struct regex_scratch *scratch = regex_scratch_new();
	struct template_data data = {.zone = "a.test.",
				     .name = "ip-10-0a-07.a.test.",
				     .spelled = "IP-10-0a-07.a.test.",
				     .class = "IN",
				     .type = "A",
				     .remote = "192.0.2.7",
				     .id = 7,
				     .flags = DNS_FLAG_RD,
				     .qtype = 1,
				     .qclass = 1};

	data.regex = regex_of("^ip-(?P<a>[^-]*)-([^-]*)-(?P<c>[^.]*)[.](x)?");
	assert_int_equal(
		regex_match(data.regex, scratch, data.name, strlen(data.name), &data.match),
		REGEX_YES);
	for (size_t i = 0; i < ARRAY_LEN(text_cases); i++) {
		const char *got = expand(text_cases[i].source, &data);

		if (strcmp(got, text_cases[i].want) != 0)
			print_error("%s\n", text_cases[i].source);
		assert_string_equal(got, text_cases[i].want);
	}
	regex_scratch_free(scratch);
}

/* The text and the pool are bounded. */
static void test_bounds(void **state)
{
	static char source[TEMPLATE_SOURCE_MAX + 2];
	static char name[1000];
	struct template_data data = {.name = name, .zone = name};

	memset(name, 'a', sizeof(name) - 1);
	assert_int_equal(strlen(expand("{{ .Name }}{{ .Name }}{{ .Name }}{{ .Name }}", &data)),
			 3996);
	assert_string_equal(
		expand("{{ .Name }}{{ .Name }}{{ .Name }}{{ .Name }}{{ .Name }}", &data),
		"!the text is too long");
	assert_string_equal(expand("{{ print .Name .Name .Name .Name .Name }}", &data),
			    "!the text is too long");
	memset(source, 'x', sizeof(source) - 1);

	const struct template_text *text;
	struct text why = {0};

	assert_int_not_equal(template_text_compile(&text, &arena, source, &why), 0);
	assert_string_equal(why.bytes, "longer than 4096 characters");
	text_fini(&why);
}

/* ---- the step ---- */

#define MAX_TEMPLATES 8

static struct query_template templates[MAX_TEMPLATES];
static size_t n_templates;

static struct dns_name *name_of(const char *text)
{
	struct dns_name *name = arena_alloc(&arena, sizeof(*name));

	assert_int_equal(dns_name_from_text(name, text, strlen(text)), 0);
	return name;
}

/* A template behind the others, for a zone. */
static struct query_template *add(uint16_t class, uint16_t type, const char *zone,
				  const char *expression)
{
	struct query_template *template = &templates[n_templates];
	const struct regex **matches = arena_alloc(&arena, sizeof(struct regex *));

	*template = (struct query_template){
		.place = arena_printf(&arena, "Corefile:%zu", n_templates),
		.class = class,
		.type = type,
		.zones = {name_of(zone), 1},
		.matches = matches,
		.ede = DNS_EDE_NONE,
		.no_match = "nothing matches",
	};
	if (expression) {
		matches[0] = regex_of(expression);
		template->n_matches = 1;
	}
	if (n_templates > 0)
		templates[n_templates - 1].next = template;
	n_templates++;
	fixture.blocks[0].templates = templates;
	return template;
}

static void add_record(struct query_template *template, enum template_section section,
		       const char *source)
{
	struct template_record *records =
		arena_alloc(&arena, (template->n_records + 1) * sizeof(*records));
	struct text why = {0};

	if (template->n_records > 0)
		memcpy(records, template->records, template->n_records * sizeof(*records));

	struct template_record *record = &records[template->n_records++];

	*record = (struct template_record){.section = section,
					   .source = source,
					   .place = "Corefile:9",
					   .not_expanded = "not expanded",
					   .not_a_record = "not a record"};
	assert_int_equal(template_text_compile(&record->text, &arena, source, &why), 0);
	template->records = records;
}

static void ask(const char *name, uint16_t type, uint16_t edns_size, bool is_tcp)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, type, edns_size);

	assert_int_equal(fixture_run(&fixture, packet, size, is_tcp), QUERY_ANSWER);
}

static void expect(const char *name, uint16_t type, const char *want)
{
	struct text text = {0};

	ask(name, type, 1232, false);
	answer_text(fixture.answer, fixture.output.size, &text);
	assert_string_equal(text.bytes, want);
	text_fini(&text);
}

static void test_order(void **state)
{
	struct query_template *template;

	template = add(DNS_CLASS_IN, DNS_TYPE_A, "a.test", "^x[.]");
	template->has_fallthrough = true;
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN A 10.0.0.1");
	template = add(DNS_CLASS_IN, DNS_TYPE_A, "a.test", "^y[.]");
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN A 10.0.0.2");
	template = add(DNS_CLASS_ANY, DNS_TYPE_ANY, "test", NULL);
	template->rcode = DNS_RCODE_NXDOMAIN;
	template->ede = DNS_EDE_NOT_SUPPORTED;
	add_record(template, TEMPLATE_AUTHORITY,
		   "{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} h.{{ .Zone }} (1 2 3 4 5)");

	expect("x.a.test", 1, "NOERROR aa | x.a.test. 60 A 10.0.0.1 | |" OPT);
	expect("X.A.Test", 1, "NOERROR aa | x.a.test. 60 A 10.0.0.1 | |" OPT);
	expect("y.a.test", 1, "NOERROR aa | y.a.test. 60 A 10.0.0.2 | |" OPT);
	expect("y.a.test", DNS_TYPE_ANY, "NOERROR aa | y.a.test. 60 A 10.0.0.2 | |" OPT);
	expect("z.a.test", 1, "SERVFAIL | | |" OPT " ede=0");
	assert_string_equal(fixture.output.error, "nothing matches");
	expect("z.a.test", 28,
	       "NXDOMAIN aa | | test. 60 SOA ns.test. h.test. 1 2 3 4 5 |" OPT " ede=21");
	expect("test", 1,
	       "NXDOMAIN aa | | test. 60 SOA ns.test. h.test. 1 2 3 4 5 |" OPT " ede=21");
	expect("other.example", 1, "REFUSED | | |" OPT " ede=20");
	templates[1].has_fallthrough = true;
	templates[1].fallthrough = (struct query_zones){name_of("b.a.test"), 1};
	expect("z.a.test", 1, "SERVFAIL | | |" OPT " ede=0");
	expect("z.b.a.test", 1,
	       "NXDOMAIN aa | | test. 60 SOA ns.test. h.test. 1 2 3 4 5 |" OPT " ede=21");
}

static void test_sections(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_MX, "a.test", NULL);

	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN MX 10 mail.{{ .Name }}");
	add_record(template, TEMPLATE_AUTHORITY, "a.test. 60 IN NS ns0.a.test.");
	add_record(template, TEMPLATE_ADDITIONAL, "ns0.a.test. 60 IN A 10.0.0.8");
	ask("x.a.test", DNS_TYPE_MX, 1232, false);
	/* MX: 2+10+2+7, NS: 2+10+6, A: 2+10+4, all owners and targets by pointers; OPT 11. */
	assert_int_equal(fixture.output.size, 12 + 14 + 21 + 18 + 16 + 11);
	assert_int_equal(fixture.output.plugin, QUERY_PLUGIN_TEMPLATE);
	add(DNS_CLASS_IN, DNS_TYPE_SRV, "a.test", NULL);
	add_record(&templates[1], TEMPLATE_ANSWER, "{{ .Name }} 60 IN SRV 1 2 3 h.a.test");
	add_record(&templates[1], TEMPLATE_ADDITIONAL, "h.a.test 60 IN AAAA ::1");
	expect("x.a.test", DNS_TYPE_SRV,
	       "NOERROR aa | x.a.test. 60 SRV 1 2 3 h.a.test. | |" OPT "; h.a.test. 60 AAAA ::1");
}

/* What does not fit is cut at a whole record. */
static void test_cut(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_TXT, "a.test", NULL);
	struct query_template *small = add(DNS_CLASS_IN, DNS_TYPE_A, "a.test", NULL);
	char source[300];

	snprintf(source, sizeof(source), "a.test. TXT %0200d", 0);
	for (int i = 0; i < 10; i++)
		add_record(template, TEMPLATE_ANSWER, source);
	ask("a.test", DNS_TYPE_TXT, 0, false);
	assert_int_equal(fixture.output.n_answer, 2);
	assert_true(fixture.answer[2] & 2); /* TC */
	ask("a.test", DNS_TYPE_TXT, 1232, false);
	assert_int_equal(fixture.output.n_answer, 5);
	ask("a.test", DNS_TYPE_TXT, 1232, true);
	assert_int_equal(fixture.output.n_answer, 10);
	assert_false(fixture.answer[2] & 2);
	add_record(small, TEMPLATE_ANSWER, "a.test. A 10.0.0.1");
	for (int i = 0; i < 10; i++)
		add_record(small, TEMPLATE_ADDITIONAL, source);
	ask("a.test", DNS_TYPE_A, 0, false);
	assert_false(fixture.answer[2] & 2);
}

static void test_failures(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_A, "a.test", NULL);
	struct query_template *says = add(DNS_CLASS_IN, DNS_TYPE_A, "b.test", NULL);
	struct query_template *slow =
		add(DNS_CLASS_IN, DNS_TYPE_A, "c.test", "^(a+)+[.](a+)+[.](a+)+[.]$");

	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} A 10.0.0.1");
	add_record(template, TEMPLATE_AUTHORITY, "{{ .Name }} A {{ parseInt .Name 10 8 }}");
	expect("x.a.test", 1, "SERVFAIL | | |" OPT " ede=0");
	assert_string_equal(fixture.output.error, "not expanded");
	template->n_records = 1;
	add_record(template, TEMPLATE_ADDITIONAL, "{{ .Name }} A {{ .Name }}");
	expect("x.a.test", 1, "SERVFAIL | | |" OPT " ede=0");
	assert_string_equal(fixture.output.error, "not a record");
	says->rcode = DNS_RCODE_SERVFAIL;
	add_record(says, TEMPLATE_ANSWER, "b.test. A 10.0.0.1");
	expect("b.test", 1, "SERVFAIL | | |" OPT " ede=0");
	slow->has_fallthrough = true;
	expect("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac.c.test",
	       1, "SERVFAIL | | |" OPT " ede=0");

	struct text page = {0};

	query_metrics_write(&fixture.worker, 1, &fixture.config, &page);
	assert_non_null(strstr(
		page.bytes, "coredns_template_template_failures_total{server=\"dns://:53\","
			    "zone=\"a.test.\",view=\"\",class=\"IN\",type=\"A\",section="
			    "\"authority\",template=\"{{ .Name }} A {{ parseInt .Name 10 8 }}\"} "
			    "1\n"));
	assert_non_null(strstr(
		page.bytes, "coredns_template_rr_failures_total{server=\"dns://:53\",zone="
			    "\"a.test.\",view=\"\",class=\"IN\",type=\"A\",section=\"additional\","
			    "template=\"{{ .Name }} A {{ .Name }}\"} 1\n"));
	assert_non_null(strstr(page.bytes,
			       "coredns_template_matches_total{server=\"dns://:53\",zone="
			       "\"a.test.\",view=\"\",class=\"IN\",type=\"A\"} 2\n"));
	text_fini(&page);
}

/* A CNAME leads to other templates and to the cluster; what does not end stays as it is. */
static void test_alias(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "a.test", NULL);

	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN CNAME Web.shop.svc.cluster.local");
	add_record(template, TEMPLATE_AUTHORITY, "{{ .Zone }} 60 IN NS ns.{{ .Name }}");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "b.test", NULL);
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN CNAME x.a.test");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "c.test", NULL);
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN CNAME {{ .Name }}");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "d.test", NULL);
	add_record(template, TEMPLATE_ANSWER,
		   "{{ .Name }} 60 IN CNAME to-to-web.shop.svc.cluster.local");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "e.test", NULL);
	add_record(template, TEMPLATE_ANSWER,
		   "{{ .Name }} 60 IN CNAME none.shop.svc.cluster.local");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "f.test", NULL);
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN CNAME www.example.com");
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "g.test", NULL);
	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN CNAME x.{{ .Name }}");

	expect("x.a.test", 1,
	       "NOERROR aa | web.shop.svc.cluster.local. 30 A 10.96.0.20; x.a.test. 60 CNAME "
	       "web.shop.svc.cluster.local. | a.test. 60 NS ns.x.a.test. |" OPT);
	expect("x.a.test", DNS_TYPE_CNAME,
	       "NOERROR aa | x.a.test. 60 CNAME web.shop.svc.cluster.local. | a.test. 60 NS "
	       "ns.x.a.test. |" OPT);
	expect("b.test", 28,
	       "NOERROR aa | b.test. 60 CNAME x.a.test.; web.shop.svc.cluster.local. 30 AAAA "
	       "fd00:96::20; x.a.test. 60 CNAME web.shop.svc.cluster.local. | |" OPT);
	expect("c.test", 1, "NOERROR aa | c.test. 60 CNAME c.test. | |" OPT);
	expect("d.test", 1,
	       "NOERROR aa | d.test. 60 CNAME to-to-web.shop.svc.cluster.local.; "
	       "to-to-web.shop.svc.cluster.local. 30 CNAME to-web.shop.svc.cluster.local.; "
	       "to-web.shop.svc.cluster.local. 30 CNAME web.shop.svc.cluster.local.; "
	       "web.shop.svc.cluster.local. 30 A 10.96.0.20 | |" OPT);
	ask("e.test", 1, 1232, false);
	assert_int_equal(fixture.output.rcode, DNS_RCODE_NXDOMAIN);
	assert_int_equal(fixture.output.n_answer, 1);
	expect("f.test", 1, "NOERROR aa | f.test. 60 CNAME www.example.com. | |" OPT);
	ask("g.test", 1, 1232, false);
	assert_int_equal(fixture.output.rcode, DNS_RCODE_NOERROR);
	assert_int_equal(fixture.output.n_answer, 10);
}

static int renew(void **state);

/* A CNAME behind what a pointer reaches: its target's records would have another owner. */
static void test_alias_too_far(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "test", NULL);
	struct text got = {0}, txt = {0};

	text_puts(&txt, "{{ .Name }} 60 IN TXT ");
	for (unsigned i = 0; i < 3600; i++)
		text_puts(&txt, "x");
	for (unsigned i = 0; i < 5; i++)
		add_record(template, TEMPLATE_ANSWER, txt.bytes);
	add_record(template, TEMPLATE_ANSWER,
		   "{{ .Name }} 60 IN CNAME to-web.shop.svc.cluster.local");
	ask("a.test", 1, 0, true);
	answer_text(fixture.answer, fixture.output.size, &got);
	assert_non_null(strstr(got.bytes, "a.test. 60 CNAME to-web.shop.svc.cluster.local."));
	assert_int_equal(fixture.output.n_answer, 6);

	/* And one before it, from which the chain leads there. */
	renew(state);
	template = add(DNS_CLASS_IN, DNS_TYPE_ANY, "test", NULL);
	add_record(template, TEMPLATE_ANSWER,
		   "{{ .Name }} 60 IN CNAME to-web.shop.svc.cluster.local");
	for (unsigned i = 0; i < 5; i++)
		add_record(template, TEMPLATE_ANSWER, txt.bytes);
	ask("a.test", 1, 0, true);
	got.len = 0;
	answer_text(fixture.answer, fixture.output.size, &got);
	assert_non_null(strstr(got.bytes, "to-web.shop.svc.cluster.local. 30 CNAME web.shop.svc."));
	assert_int_equal(fixture.output.n_answer, 7);
	text_fini(&got);
	text_fini(&txt);
}

static void ask_strange(const struct dns_name *name, struct text *got)
{
	uint8_t packet[DNS_HEADER_SIZE + DNS_NAME_MAX + 4] = {[5] = 1};
	size_t size = DNS_HEADER_SIZE + name->len;

	memcpy(packet + DNS_HEADER_SIZE, name->wire, name->len);
	memcpy(packet + size, "\0\1\0\1", 4);
	assert_int_equal(fixture_run(&fixture, packet, size + 4, false), QUERY_ANSWER);
	got->len = 0;
	answer_text(fixture.answer, fixture.output.size, got);
}

/* Groups that begin and end within escapes: the record has the owner and the data of the template.
 */
static void test_groups_and_escapes(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{"ab-c.test.", "c.test. 60 TXT \"a\"\"b-\""},
		/* the first group ends behind a backslash */
		{"\\\"b-c.test.", "c.test. 60 TXT \"\"\"\"\"b-\""},
		/* the second begins with a quote, and a semicolon would begin a comment */
		{"\\\"\\;-c.test.", "c.test. 60 TXT \"\"\"\"\";-\""},
		{"a-\\;c.test.", ";c.test. 60 TXT \"a\"\"-\""},
		{"\\200-c.test.", "c.test. 60 TXT \"\310\"\"\310-\""},
	};
	struct query_template *template =
		add(DNS_CLASS_IN, DNS_TYPE_A, "test", "^(.)(.*-)([^.]*)[.]");
	struct text got = {0}, want = {0};

	add_record(template, TEMPLATE_ANSWER,
		   "{{ index .Match 3 }}.test. 60 IN TXT {{ index .Match 1 }} \"{{ index .Match 2 "
		   "}}\"");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask_strange(name_of(cases[i].name), &got);
		want.len = 0;
		text_printf(&want, "NOERROR aa | %s | |", cases[i].want);
		assert_string_equal(got.bytes, want.bytes);
	}
	text_fini(&got);
	text_fini(&want);
}

/* Names in text are as they stand in records: what comes out is the name that came in. */
static void test_strange_names(void **state)
{
	struct query_template *template = add(DNS_CLASS_IN, DNS_TYPE_A, "test", NULL);

	add_record(template, TEMPLATE_ANSWER, "{{ .Name }} 60 IN A 10.0.0.1");

	const char *spelled = "a\\.b\\032\\\"\\\\\\000\\255(;)'@.test.";
	const struct dns_name *name = name_of(spelled);
	struct text got = {0}, want = {0};

	ask_strange(name, &got);
	text_printf(&want, "NOERROR aa | %s 60 A 10.0.0.1 | |", spelled);
	assert_string_equal(got.bytes, want.bytes);
	text_fini(&got);
	text_fini(&want);
}

static int renew(void **state)
{
	n_templates = 0;
	arena_reset(&arena);
	query_worker_free(fixture.worker);
	fixture.worker = query_worker_new(&fixture.config, NULL);
	return 0;
}

static int set_up(void **state)
{
	rcu_register();
	fixture_init(&fixture);
	table_commit(fixture.table, 1700000000, true);
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&arena);
	fixture_fini(&fixture);
	rcu_unregister();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test_setup(test_order, renew),
		cmocka_unit_test_setup(test_sections, renew),
		cmocka_unit_test_setup(test_cut, renew),
		cmocka_unit_test_setup(test_failures, renew),
		cmocka_unit_test_setup(test_alias, renew),
		cmocka_unit_test_setup(test_alias_too_far, renew),
		cmocka_unit_test_setup(test_strange_names, renew),
		cmocka_unit_test_setup(test_groups_and_escapes, renew),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
