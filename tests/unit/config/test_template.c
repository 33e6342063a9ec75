/* SPDX-License-Identifier: Apache-2.0
 *
 * `template` lines: what they become, and exactly what is said about those that are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "query/template.h"

struct template_case {
	const char *name;
	const char *directive; /* from line 2 on, in the block of a.test and b.test */
	const char *want;      /* a line for each template, and notes; or the problems */
};

static const struct template_case cases[] = {
	{"the block's zones", "template ANY ANY {\n rcode NXDOMAIN\n}",
	 "Corefile:2 ANY ANY zones a.test.,b.test. rcode NXDOMAIN\n"},
	{"a filter", "template IN AAAA . {\n rcode NOERROR\n}",
	 "Corefile:2 IN AAAA zones . rcode NOERROR\n"},
	{"several, in their order",
	 "template IN A example {\n match ^a[.] ^b[.]\n match c$\n answer \"{{ .Name }} 60 IN A "
	 "10.0.0.1\"\n fallthrough\n}\n"
	 "template in https X.Test 10.0.0.0/8 {\n authority \"x.test. NS ns.x.test.\"\n additional "
	 "\"ns.x.test. A 10.0.0.1\"\n answer \"x. A 10.0.0.1\" \"x. A 10.0.0.2\"\n ederror 21 "
	 "\"not here\"\n fallthrough y.x.test\n}",
	 "Corefile:2 IN A zones example. matches 3 fallthrough\n"
	 " answer Corefile:5 {{ .Name }} 60 IN A 10.0.0.1\n rcode NOERROR\n"
	 "Corefile:8 IN HTTPS zones x.test.,10.in-addr.arpa. fallthrough y.x.test.\n"
	 " answer Corefile:11 x. A 10.0.0.1\n answer Corefile:11 x. A 10.0.0.2\n"
	 " authority Corefile:9 x.test. NS ns.x.test.\n"
	 " additional Corefile:10 ns.x.test. A 10.0.0.1\n rcode NOERROR ede 21 not here\n"},
	{"groups of one of the expressions",
	 "template IN A a.test {\n match ^(?P<a>.)x ^(?P<b>.)y\n answer \"{{ .Name }} A "
	 "10.0.0.{{ if .Group.a }}{{ .Group.a }}{{ else }}{{ .Group.b }}{{ end }}\"\n}",
	 "Corefile:2 IN A zones a.test. matches 2\n answer Corefile:4 {{ .Name }} A 10.0.0.{{ if "
	 ".Group.a }}{{ .Group.a }}{{ else }}{{ .Group.b }}{{ end }}\n rcode NOERROR\n"},
	{"what another query may come round",
	 "template IN ANY a.test {\n match (.*)[.](.*)\n answer \"{{ index .Match 1 }} {{ index "
	 ".Match 2 }}\" \"{{ .Name }} A {{ index .Match 1 }}\" \"{{ .Name }} A {{ parseInt .Name "
	 "10 8 "
	 "}}\"\n answer \"{{ if .Group.x }}nonsense{{ end }}\"\n}",
	 "Corefile:5: template: \"{{ if .Group.x }}nonsense{{ end }}\": no \"match\" has a group "
	 "\"x\"\n"},
	{"what depends on the query",
	 "template IN AAAA {\n answer \"{{ .Name }} {{ .Type }} ::1\"\n}\ntemplate ANY ANY {\n "
	 "answer \"{{ .Name }} {{ .Type }} ::1\" \"{{ .Name }} AAAA {{ .Remote }}\"\n}",
	 "Corefile:2 IN AAAA zones a.test.,b.test.\n answer Corefile:3 {{ .Name }} {{ .Type }} "
	 "::1\n rcode NOERROR\nCorefile:5 ANY ANY zones a.test.,b.test.\n answer Corefile:6 {{ "
	 ".Name }} {{ .Type }} ::1\n answer Corefile:6 {{ .Name }} AAAA {{ .Remote }}\n rcode "
	 "NOERROR\n"},
	{"upstream changes nothing", "template IN A {\n answer \"a. CNAME b.\"\n upstream\n}",
	 "Corefile:2 IN A zones a.test.,b.test.\n answer Corefile:3 a. CNAME b.\n rcode NOERROR\n"
	 "Corefile:4: template: \"upstream\" changes nothing: CNAMEs are followed anyhow\n"},
	{"an expression for a zone", "template IN A ^ip-10 {\n rcode REFUSED\n}",
	 "Corefile:2 IN A zones ^ip-10. rcode REFUSED\n"
	 "Corefile:2: template: \"^ip-10\" is a zone here: expressions stand behind \"match\"\n"},

	{"too little", "template\ntemplate ANY",
	 "Corefile:2: \"template\" lacks an argument\nCorefile:3: \"template\" lacks an "
	 "argument\n"},
	{"no records", "template IN AAAA\ntemplate IN AAAA {\n}",
	 "Corefile:2 IN AAAA zones a.test.,b.test. rcode NOERROR\n"
	 "Corefile:3 IN AAAA zones a.test.,b.test. rcode NOERROR\n"},
	{"class and type", "template XX AAA a..b {\n rcode NXDOMAIN\n}",
	 "Corefile:2: template: unknown class \"XX\": there are IN, CH, HS, ANY\n"
	 "Corefile:2: template: unknown type \"AAA\": did you mean \"AAAA\"?\n"
	 "Corefile:2: \"a..b\" is not a domain name\n"},
	{"options",
	 "template ANY ANY {\n rcode\n rcode NXDOMAI\n answer\n match\n ederror x\n answers x\n "
	 "match (\n fallthrough a..b\n}",
	 "Corefile:3: \"rcode\" lacks an argument\n"
	 "Corefile:4: template: unknown rcode \"NXDOMAI\": did you mean \"NXDOMAIN\"?\n"
	 "Corefile:5: \"answer\" lacks an argument\nCorefile:6: \"match\" lacks an argument\n"
	 "Corefile:7: ederror: \"x\" is not a number from 0 to 65534\n"
	 "Corefile:8: template: unknown option \"answers\": did you mean \"answer\"?\n"
	 "Corefile:9: template: \"(\": missing closing parenthesis, at character 2\n"
	 "Corefile:10: \"a..b\" is not a domain name\n"},
	{"rcode", "template ANY ANY {\n rcode NXDOMAI\n}",
	 "Corefile:3: template: unknown rcode \"NXDOMAI\": did you mean \"NXDOMAIN\"?\n"},
	{"look-around", "template ANY ANY {\n match ^(?!a)b\n rcode NXDOMAIN\n}",
	 "Corefile:3: template: \"^(?!a)b\": look-around, conditions and recursion are not "
	 "offered, "
	 "at character 2\n"},
	{"the template's language",
	 "template ANY ANY {\n answer \"{{\"\n answer \"{{ .Nam }}\"\n answer \"a {{ range .Match "
	 "}}\"\n answer \"{{ slice .Name 1 }}\"\n answer \"{{ if .Name }}x\"\n answer \"{{ end "
	 "}}\"\n "
	 "answer \"{{ $x := 1 }}\"\n}",
	 "Corefile:3: template: answer: a value is missing here, at character 3\n"
	 "Corefile:4: template: answer: there is no field \".Nam\"; there are .Zone, .Name, "
	 ".Class, "
	 ".Type, .Remote, .Match, .Group, .Meta, .Question.Name, .Question.Qtype, "
	 ".Question.Qclass, .Message.Id, .Message.RecursionDesired, at character 4\n"
	 "Corefile:5: template: answer: range, define, template and block are not offered, at "
	 "character 6\n"
	 "Corefile:6: template: answer: there is no function \"slice\"; there are and, or, not, "
	 "eq, "
	 "ne, lt, le, gt, ge, index, len, print, printf, parseInt, at character 4\n"
	 "Corefile:7: template: answer: an \"end\" is missing for this, at character 4\n"
	 "Corefile:8: template: answer: there is no \"if\" or \"with\" that this could end, at "
	 "character 10\n"
	 "Corefile:9: template: answer: variables are not offered, at character 4\n"},
	{"records that cannot be",
	 "template ANY ANY {\n answer \"a. IN A 10.0.0\"\n answer \"{{ .Name }}\"\n answer \"{{ "
	 ".Name }} 60 IN AA 10.0.0.1\"\n authority \"{{ .Name }} IN MX {{ .Name }}\"\n additional "
	 "\"{{ .Name }} A {{ .Group.a }}\"\n}",
	 "Corefile:3: template: \"a. IN A 10.0.0\": \"10.0.0\" is not an IPv4 address\n"
	 "Corefile:4: template: \"{{ .Name }}\": the record ends before its type\n"
	 "Corefile:5: template: \"{{ .Name }} 60 IN AA 10.0.0.1\": \"AA\" is neither a TTL, a "
	 "class "
	 "nor a type\n"
	 "Corefile:7: template: \"{{ .Name }} A {{ .Group.a }}\": no \"match\" has a group "
	 "\"a\"\n"},
};

static void put_zones(const struct query_zones *zones, struct text *out)
{
	char name[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < zones->n; i++) {
		dns_name_to_text(zones->items[i].wire, zones->items[i].len, name);
		text_printf(out, "%s%s", i > 0 ? "," : " ", name);
	}
}

static void put_template(const struct query_template *template, struct text *out)
{
	static const char *const sections[] = {"answer", "authority", "additional"};
	char class[16], type[16], rcode[16];

	text_printf(out, "%s %s %s zones", template->place,
		    dns_class_text(template->class, class, sizeof(class)),
		    dns_type_text(template->type, type, sizeof(type)));
	put_zones(&template->zones, out);
	if (template->n_matches > 0)
		text_printf(out, " matches %zu", template->n_matches);
	if (template->has_fallthrough)
		text_puts(out, " fallthrough");
	put_zones(&template->fallthrough, out);
	if (template->n_records > 0)
		text_puts(out, "\n");
	for (size_t i = 0; i < template->n_records; i++)
		text_printf(out, " %s %s %s\n", sections[template->records[i].section],
			    template->records[i].place, template->records[i].source);
	text_printf(out, " rcode %s",
		    dns_rcode_text((uint16_t) template->rcode, rcode, sizeof(rcode)));
	if (template->ede != DNS_EDE_NONE)
		text_printf(out, " ede %u %s", template->ede, template->ede_text);
	text_puts(out, "\n");
}

static bool check_case(const struct template_case *wanted)
{
	struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct text corefile = {0}, got = {0}, problems = {0};
	struct config_machine machine;
	struct config config;
	bool is_good;

	text_printf(&corefile, "a.test b.test {\n%s\n}\n", wanted->directive);

	struct memory_file files[] = {{"Corefile", corefile.bytes}, {NULL, NULL}};

	memory_machine(&machine, files);
	if (config_load_on(&config, "Corefile", &machine, &options, &problems) == 0) {
		for (const struct query_template *template = config.query.blocks[0].templates;
		     template; template = template->next)
			put_template(template, &got);
		text_puts(&got, config.notes.bytes ? config.notes.bytes : "");
	} else {
		text_puts(&got, problems.bytes);
	}
	is_good = strcmp(got.bytes, wanted->want) == 0;
	if (!is_good)
		print_error("%s: got\n%swant\n%s", wanted->name, got.bytes, wanted->want);
	config_free(&config);
	text_fini(&corefile);
	text_fini(&got);
	text_fini(&problems);
	return is_good;
}

static void test_cases(void **state)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		n_bad += !check_case(&cases[i]);
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
