/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite` and `minimal` from the Corefile to the client: what is asked in the client's place, and
 * what of the answer the client gets. The upstream is a function of the question here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "answer_text.h"
#include "base/rcu.h"
#include "fixture.h"
#include "rules.h"

#define L60 "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"
#define WEB "web.shop.svc.cluster.local"

enum {
	A = DNS_TYPE_A,
	AAAA = DNS_TYPE_AAAA,
	MX = DNS_TYPE_MX,
	NS = DNS_TYPE_NS,
	PTR = DNS_TYPE_PTR,
	SRV = DNS_TYPE_SRV,
	TXT = DNS_TYPE_TXT,
};

static struct fixture fixture;
static struct config config;
static struct query_forward_config forward = {.from = {.len = 1}};

struct rewrite_case {
	const char *rules;
	const char *name;
	uint16_t type;
	const char *want;
};

/* A record of the question's name. */
static void put_record(struct wire_writer *writer, uint16_t type, const char *rdata, size_t len)
{
	wire_put_u16(writer, 0xc00c);
	wire_put_u16(writer, type);
	wire_put(writer, "\0\1\0\0\0\x64", 6);
	wire_put_u16(writer, (uint16_t)len);
	wire_put(writer, rdata, len);
}

/* Of every question: A leads to an address below, MX to one elsewhere, NS is a referral, AAAA is
 * denied, the rest fails. */
static size_t write_reply(uint8_t *wire, const struct cache_question *question)
{
	struct wire_writer writer = wire_writer_init(wire, 4096);

	wire_put(&writer, "\0\0\x81\x80\0\1\0\0\0\0\0\0", 12);
	wire_put(&writer, question->name.wire, question->name.len);
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	switch (question->type) {
	case DNS_TYPE_A:
		put_record(&writer, DNS_TYPE_CNAME, "\3www\xc0\x0c", 6);
		wire_put(&writer, "\3www\xc0\x0c\0\1\0\1\0\0\0\x64\0\4\xc6\x33\x64\1", 20);
		wire_patch_u16(&writer, 6, 2);
		break;
	case DNS_TYPE_MX:
		put_record(&writer, DNS_TYPE_MX, "\0\12\4Mail\7example\3net", 20);
		wire_put(&writer, "\4mail\7example\3net\0\0\1\0\1\0\0\0\x64\0\4\xc6\x33\x64\2", 32);
		wire_patch_u16(&writer, 6, 1);
		wire_patch_u16(&writer, 10, 1);
		break;
	case DNS_TYPE_NS:
		put_record(&writer, DNS_TYPE_NS, "\2ns\xc0\x0c", 5);
		wire_patch_u16(&writer, 8, 1);
		break;
	case DNS_TYPE_AAAA:
		put_record(&writer, DNS_TYPE_SOA,
			   "\2ns\xc0\x0c\2hm\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 30);
		wire_patch_u16(&writer, 2, 0x8183);
		wire_patch_u16(&writer, 8, 1);
		break;
	default:
		wire_patch_u16(&writer, 2, 0x8182);
	}
	assert_false(writer.failed);
	return writer.pos;
}

/* Runs the query to its end; what has to be asked goes to *asked, when that is not NULL. */
static void run(const uint8_t *packet, size_t size, bool is_tcp, struct text *asked)
{
	static const struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = 99};
	static uint8_t wire[4096];
	struct query_input input = {.packet = packet,
				    .size = size,
				    .source = (const struct sockaddr *)&source,
				    .is_tcp = is_tcp};
	struct query_output *output = &fixture.output;
	enum query_verdict verdict;

	output->bytes = fixture.answer;
	output->capacity = is_tcp ? sizeof(fixture.answer) : QUERY_UDP_ANSWER_MAX;
	rcu_enter();
	verdict = query_run(fixture.worker, &input, output);
	if (verdict == QUERY_FORWARD) {
		struct cache_question question = *output->question;
		struct query_external external = {.question = &question};
		char name[DNS_NAME_TEXT_MAX], type[16];

		dns_name_to_text(question.name.wire, question.name.len, name);
		if (asked)
			text_printf(asked, "[%s %s] ", name,
				    dns_type_text(question.type, type, sizeof(type)));
		query_learn(fixture.worker, &external, wire, write_reply(wire, &question), 0);
		verdict = query_resume(fixture.worker, &input, &external, output);
	}
	rcu_leave();
	assert_int_equal(verdict, QUERY_ANSWER);
	query_finish(fixture.worker, &input, output, 1000, 1);
}

/* The block of the cluster has these directives beside. */
static void use(const char *rules)
{
	struct text corefile = {0};

	text_printf(&corefile, ".:53 {\n%s\n}\n", rules);
	assert_true(rules_load(&config, corefile.bytes, corefile.len));
	text_fini(&corefile);
	fixture.blocks[0].rewrite = config.query.blocks[0].rewrite;
	fixture.blocks[0].has_minimal = config.query.blocks[0].has_minimal;
}

static void drop_rules(void)
{
	fixture.blocks[0].rewrite = NULL;
	fixture.blocks[0].has_minimal = false;
	config_free(&config);
}

static void expect(const struct rewrite_case *c)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, c->name, c->type, 1232);
	struct text text = {0};

	run(packet, size, false, &text);
	/* The question is the client's own, to the letter. */
	assert_memory_equal(fixture.answer + 12, packet + 12, strlen(c->name) + 6);
	answer_text(fixture.answer, fixture.output.size, &text);
	if (strcmp(text.bytes, c->want) != 0)
		fail_msg("%s\n%s %u:\n  %s\nwanted:\n  %s", c->rules, c->name, c->type, text.bytes,
			 c->want);
	text_fini(&text);
}

static void expect_all(const struct rewrite_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		use(cases[i].rules);
		expect(&cases[i]);
		drop_rules();
	}
}

static const struct rewrite_case names[] = {
	{"rewrite name a.test " WEB, "a.test", A,
	 "NOERROR aa | a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite name exact A.Test. " WEB ".", "a.TEST", A,
	 "NOERROR aa | a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite name a.test " WEB, "b.a.test", A,
	 "[b.a.test. A] NOERROR | b.a.test. 100 CNAME www.b.a.test.; www.b.a.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name a.test out.test", "a.test", A,
	 "[out.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | "
	 "| OPT 1232 0"},
	{"rewrite name suffix .old.test .new.test", "x.old.test", A,
	 "[x.new.test. A] NOERROR | www.x.new.test. 100 A 198.51.100.1; x.new.test. 100 CNAME "
	 "www.x.new.test. | | OPT 1232 0"},
	{"rewrite name suffix old.test new.test", "coold.test", A,
	 "[conew.test. A] NOERROR | conew.test. 100 CNAME www.conew.test.; www.conew.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name suffix .old.test .new.test", "old.test", A,
	 "[old.test. A] NOERROR | old.test. 100 CNAME www.old.test.; www.old.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix api. web.", "API.test", A,
	 "[web.test. A] NOERROR | web.test. 100 CNAME www.web.test.; www.web.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix api web", "api.test", A,
	 "[web.test. A] NOERROR | web.test. 100 CNAME www.web.test.; www.web.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix api web", "apix.test", A,
	 "[apix.test. A] NOERROR | apix.test. 100 CNAME www.apix.test.; www.apix.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix a.b.c. d.", "a.b.c.d.test", A,
	 "[d.d.test. A] NOERROR | d.d.test. 100 CNAME www.d.d.test.; www.d.d.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name substring us-west-1.example.org us-west-1.consul",
	 "ftp.us-west-1.example.org", A,
	 "[ftp.us-west-1.consul. A] NOERROR | ftp.us-west-1.consul. 100 CNAME "
	 "www.ftp.us-west-1.consul.; www.ftp.us-west-1.consul. 100 A 198.51.100.1 | | OPT 1232 0"},
	{"rewrite name substring .a. .b.", "x.a.y.a.z.test", A,
	 "[x.b.y.b.z.test. A] NOERROR | www.x.b.y.b.z.test. 100 A 198.51.100.1; x.b.y.b.z.test. "
	 "100 CNAME www.x.b.y.b.z.test. | | OPT 1232 0"},
	{"rewrite name substring a bb", "xa.a.test", A,
	 "[xbb.bb.test. A] NOERROR | www.xbb.bb.test. 100 A 198.51.100.1; xbb.bb.test. 100 CNAME "
	 "www.xbb.bb.test. | | OPT 1232 0"},
	{"rewrite name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul",
	 "ftp-us-west-1.example.org", A,
	 "[ftp.service.us-west-1.consul. A] NOERROR | ftp.service.us-west-1.consul. 100 CNAME "
	 "www.ftp.service.us-west-1.consul.; www.ftp.service.us-west-1.consul. 100 A 198.51.100.1 "
	 "| | OPT 1232 0"},
	{"rewrite name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul",
	 "FTP-us-west-1.Example.org", A,
	 "[ftp.service.us-west-1.consul. A] NOERROR | ftp.service.us-west-1.consul. 100 CNAME "
	 "www.ftp.service.us-west-1.consul.; www.ftp.service.us-west-1.consul. 100 A 198.51.100.1 "
	 "| | OPT 1232 0"},
	{"rewrite name regex ^x\\.(y)?z\\.test\\.$ {0}{1}a.TEST", "x.z.test", A,
	 "[x.z.test.a.test. A] NOERROR | www.x.z.test.a.test. 100 A 198.51.100.1; x.z.test.a.test. "
	 "100 CNAME www.x.z.test.a.test. | | OPT 1232 0"},
	{"rewrite name regex ^only\\.test$ {0}x", "only.test", A,
	 "[only.test. A] NOERROR | only.test. 100 CNAME www.only.test.; www.only.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name regex X[.]test y.test", "x.test", A,
	 "[x.test. A] NOERROR | www.x.test. 100 A 198.51.100.1; x.test. 100 CNAME www.x.test. | | "
	 "OPT 1232 0"},
	{"rewrite name a.test b.test\nrewrite name a.test c.test", "a.test", A,
	 "[b.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite name a.test b.test\nrewrite name b.test c.test", "a.test", A,
	 "[b.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite continue name a.test b.test\nrewrite name b.test c.test", "a.test", A,
	 "[c.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite continue name a.test b.test\nrewrite continue name suffix b.test c.test answer "
	 "auto\nrewrite name d.test e.test",
	 "a.test", A,
	 "[c.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite stop name a.test a.test\nrewrite name suffix .test .x", "a.test", A,
	 "[a.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite stop name a.test a.test\nrewrite name suffix .test .x", "b.test", A,
	 "[b.x. A] NOERROR | b.x. 100 CNAME www.b.x.; www.b.x. 100 A 198.51.100.1 | | OPT 1232 0"},
	{"rewrite stop {\n name suffix .old.test .new.test\n}", "x.old.test", A,
	 "[x.new.test. A] NOERROR | www.x.new.test. 100 A 198.51.100.1; x.new.test. 100 CNAME "
	 "www.x.new.test. | | OPT 1232 0"},
	{"rewrite name suffix .test ." L60 "." L60 ".test", L60 "." L60 "." L60 ".test", A,
	 "SERVFAIL | | | OPT 1232 0 ede=0"},
	{"rewrite name prefix a. .", "a.test", A, "SERVFAIL | | | OPT 1232 0 ede=0"},
	{"rewrite name regex ^(x*).test {1}.test", "test", A,
	 "[test. A] NOERROR | test. 100 CNAME www.test.; www.test. 100 A 198.51.100.1 | | OPT 1232 "
	 "0"},
	{"rewrite name regex ^(x*)a.test {1}.test", "a.test", A, "SERVFAIL | | | OPT 1232 0 ede=0"},
};

static const struct rewrite_case answers[] = {
	{"rewrite name suffix .old.test .new.test answer auto", "x.old.test", A,
	 "[x.new.test. A] NOERROR | www.x.old.test. 100 A 198.51.100.1; x.old.test. 100 CNAME "
	 "www.x.old.test. | | OPT 1232 0"},
	{"rewrite name suffix old.test new.test answer auto", "coold.test", A,
	 "[conew.test. A] NOERROR | coold.test. 100 CNAME www.coold.test.; www.coold.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix api. web. answer auto", "api.test", A,
	 "[web.test. A] NOERROR | api.test. 100 CNAME www.api.test.; www.api.test. 100 A "
	 "198.51.100.1 | | OPT 1232 0"},
	{"rewrite name prefix api. web.", "api.test", MX,
	 "[web.test. MX] NOERROR | web.test. 100 MX 10 mail.example.net. | | OPT 1232 0; "
	 "mail.example.net. 100 A 198.51.100.2"},
	{"rewrite name substring .a. .b. answer auto", "x.a.test", A,
	 "[x.b.test. A] NOERROR | www.x.a.test. 100 A 198.51.100.1; x.a.test. 100 CNAME "
	 "www.x.a.test. | | OPT 1232 0"},
	{"rewrite name substring .a. .b. answer auto", "x.a.test", MX,
	 "[x.b.test. MX] NOERROR | x.a.test. 100 MX 10 mail.example.net. | | OPT 1232 0; "
	 "mail.example.net. 100 A 198.51.100.2"},
	{"rewrite name regex (.*)\\.a\\.test {1}.b.test answer auto", "X.a.test", A,
	 "[x.b.test. A] NOERROR | www.x.a.test. 100 A 198.51.100.1; x.a.test. 100 CNAME "
	 "www.x.a.test. | | OPT 1232 0"},
	{"rewrite name regex (.*)\\.a\\.test {1}.b.test answer name (.*)\\.b\\.test {1}.a.test",
	 "x.a.test", A,
	 "[x.b.test. A] NOERROR | www.x.a.test. 100 A 198.51.100.1; x.a.test. 100 CNAME "
	 "www.x.b.test. | | OPT 1232 0"},
	{"rewrite name regex (.*)\\.a\\.test {1}.b.test answer name (.*)\\.b\\.test {1}.a.test "
	 "value (.*)\\.b\\.test {1}.a.test",
	 "x.a.test", A,
	 "[x.b.test. A] NOERROR | www.x.a.test. 100 A 198.51.100.1; x.a.test. 100 CNAME "
	 "www.x.a.test. | | OPT 1232 0"},
	{"rewrite stop {\n name regex (.*)\\.a\\.test {1}.b.test\n answer name (.*)\\.b\\.test "
	 "{1}.a.test\n answer value (.*)\\.b\\.test {1}.a.test\n}",
	 "x.a.test", A,
	 "[x.b.test. A] NOERROR | www.x.a.test. 100 A 198.51.100.1; x.a.test. 100 CNAME "
	 "www.x.a.test. | | OPT 1232 0"},
	{"rewrite name suffix .a.test .b.test answer value ^mail\\.example\\.net\\.$ mx.a.test",
	 "x.a.test", MX,
	 "[x.b.test. MX] NOERROR | x.b.test. 100 MX 10 mx.a.test. | | OPT 1232 0; "
	 "mail.example.net. 100 A 198.51.100.2"},
	{"rewrite name suffix .a.test .b.test answer auto answer value ^mail\\.example\\.net\\.$ "
	 "mx.a.test answer value x y",
	 "x.a.test", MX,
	 "[x.b.test. MX] NOERROR | x.a.test. 100 MX 10 y. | | OPT 1232 0; mail.example.net. 100 A "
	 "198.51.100.2"},
	{"rewrite name exact a.test b.test answer value ^www\\. ftp.test answer name ^www\\. "
	 "ftp.test",
	 "a.test", A,
	 "[b.test. A] NOERROR | a.test. 100 CNAME ftp.test.; ftp.test. 100 A 198.51.100.1 | | OPT "
	 "1232 0"},
	{"rewrite name exact a.test b.test answer name x(.*) {1} answer name ^b(.*) xx{1}",
	 "a.test", A,
	 "[b.test. A] NOERROR | www.a.test. 100 A 198.51.100.1; x.test. 100 CNAME www.a.test. | | "
	 "OPT 1232 0"},
	{"rewrite name a.test b.test", "a.test", AAAA,
	 "[b.test. AAAA] NXDOMAIN | | a.test. 100 SOA ns.a.test. hm.b.test. 1 2 3 4 5 | OPT 1232 "
	 "0"},
	{"rewrite name a.test b.test", "a.test", NS,
	 "[b.test. NS] NOERROR | | a.test. 100 NS ns.a.test. | OPT 1232 0"},
	{"rewrite name a.test b.test", "a.test", TXT,
	 "[b.test. TXT] SERVFAIL | | | OPT 1232 0 ede=0"},
	{"rewrite continue name suffix .a.test .b.test answer auto\nrewrite continue name suffix "
	 ".b.test .c.test answer auto\nrewrite name x.c.test " WEB,
	 "x.a.test", A, "NOERROR aa | x.a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite name a.test to-out.shop.svc.cluster.local", "a.test", A,
	 "[www.example.com. A] NOERROR aa | a.test. 30 CNAME www.example.com.; www.example.com. "
	 "100 CNAME www.www.example.com.; www.www.example.com. 100 A 198.51.100.1 | | OPT 1232 0"},
	{"rewrite name a.test _http._tcp." WEB, "a.test", SRV,
	 "NOERROR aa | a.test. 30 SRV 0 100 80 " WEB ". | | OPT 1232 0; " WEB
	 ". 30 A 10.96.0.20; " WEB ". 30 AAAA fd00:96::20"},
	{"rewrite name suffix .web.test ." WEB " answer auto", "_http._tcp.web.test", SRV,
	 "NOERROR aa | _http._tcp.web.test. 30 SRV 0 100 80 " WEB ". | | OPT 1232 0; " WEB
	 ". 30 A 10.96.0.20; " WEB ". 30 AAAA fd00:96::20"},
	{"rewrite name suffix .corp.test .svc.cluster.local answer auto", "web.shop.corp.test", SRV,
	 "NOERROR aa | web.shop.corp.test. 30 SRV 0 50 53 web.shop.corp.test.; web.shop.corp.test. "
	 "30 SRV 0 50 80 web.shop.corp.test. | | OPT 1232 0; web.shop.corp.test. 30 A 10.96.0.20; "
	 "web.shop.corp.test. 30 AAAA fd00:96::20"},
	{"rewrite name exact p.test 20.0.96.10.in-addr.arpa answer value "
	 "(.*)\\.svc\\.cluster\\.local {1}.corp.test",
	 "p.test", PTR, "NOERROR aa | p.test. 30 PTR web.shop.corp.test. | | OPT 1232 0"},
	{"rewrite name suffix .in-addr.arpa .in-addr.arpa answer value "
	 "(.*)\\.svc\\.cluster\\.local {1}.corp.test",
	 "20.0.96.10.in-addr.arpa", PTR,
	 "NOERROR aa | 20.0.96.10.in-addr.arpa. 30 PTR web.shop.corp.test. | | OPT 1232 0"},
	{"rewrite name exact a.test " WEB " answer name (.*) " L60 "." L60 "." L60 "." L60 ".{1}",
	 "a.test", A, "NOERROR aa | a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite name a.test none.shop.svc.cluster.local", "a.test", A,
	 "NXDOMAIN aa | | cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. "
	 "1700000000 7200 1800 86400 30 | OPT 1232 0"},
};

static const struct rewrite_case others[] = {
	{"rewrite type ANY HINFO", "a.test", DNS_TYPE_ANY,
	 "[a.test. HINFO] SERVFAIL | | | OPT 1232 0 ede=0"},
	{"rewrite type A AAAA", WEB, A, "NOERROR aa | " WEB ". 30 AAAA fd00:96::20 | | OPT 1232 0"},
	{"rewrite type AAAA A", WEB, AAAA, "NOERROR aa | " WEB ". 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite type TYPE65280 a", WEB, 65280,
	 "NOERROR aa | " WEB ". 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite type A AXFR", WEB, A, "REFUSED | | | OPT 1232 0 ede=18"},
	{"rewrite class IN CH", WEB, A, "REFUSED | | | OPT 1232 0 ede=21"},
	{"rewrite ttl " WEB " 7", WEB, A, "NOERROR aa | " WEB ". 7 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite ttl " WEB " 7", "db.shop.svc.cluster.local", A,
	 "NOERROR aa | db.shop.svc.cluster.local. 30 A 10.1.0.10; db.shop.svc.cluster.local. 30 A "
	 "10.1.0.11; db.shop.svc.cluster.local. 30 A 10.1.0.5 | | OPT 1232 0"},
	{"rewrite ttl regex .* 60-", WEB, A,
	 "NOERROR aa | " WEB ". 60 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite ttl suffix .local -20", "none.cluster.local", A,
	 "NXDOMAIN aa | | cluster.local. 20 SOA ns.dns.cluster.local. hostmaster.cluster.local. "
	 "1700000000 7200 1800 86400 30 | OPT 1232 0"},
	{"rewrite ttl suffix .local 10-40", WEB, A,
	 "NOERROR aa | " WEB ". 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite continue ttl regex .* 5\nrewrite ttl prefix web 9-12", WEB, A,
	 "NOERROR aa | " WEB ". 5 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite continue ttl regex .* 5\nrewrite ttl prefix web. 9-12", WEB, A,
	 "NOERROR aa | " WEB ". 5 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite continue ttl exact a.test 5\nrewrite name a.test " WEB, "a.test", A,
	 "NOERROR aa | a.test. 5 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite continue name a.test " WEB "\nrewrite ttl exact " WEB " 5", "a.test", A,
	 "NOERROR aa | a.test. 5 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite rcode none.shop.svc.cluster.local NXDOMAIN NOERROR",
	 "none.shop.svc.cluster.local", A,
	 "NOERROR aa | | cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. "
	 "1700000000 7200 1800 86400 30 | OPT 1232 0"},
	{"rewrite continue {\n rcode regex (.*)\\.test SERVFAIL NOERROR\n}", "x.test", TXT,
	 "[x.test. TXT] NOERROR | | | OPT 1232 0 ede=0"},
	{"rewrite rcode suffix .test 2 5", "x.test", TXT,
	 "[x.test. TXT] REFUSED | | | OPT 1232 0 ede=0"},
	{"rewrite rcode suffix .test 5 2", "x.test", TXT,
	 "[x.test. TXT] SERVFAIL | | | OPT 1232 0 ede=0"},
	{"rewrite rcode suffix .test SERVFAIL BADCOOKIE", "x.test", TXT,
	 "[x.test. TXT] YXRRSET | | | OPT 1232 1000000 ede=0"},
	{"rewrite edns0 local set 0xffee abcd\nrewrite name a.test " WEB, "a.test", A,
	 "[a.test. A] NOERROR | a.test. 100 CNAME www.a.test.; www.a.test. 100 A 198.51.100.1 | | "
	 "OPT 1232 0"},
	{"rewrite edns0 local replace 0xffee abcd\nrewrite name a.test " WEB, "a.test", A,
	 "NOERROR aa | a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"rewrite continue edns0 nsid set\nrewrite name a.test " WEB, "a.test", A,
	 "NOERROR aa | a.test. 30 A 10.96.0.20 | | OPT 1232 0"},
	{"minimal", "cluster.local", NS,
	 "NOERROR aa | cluster.local. 30 NS ns.dns.cluster.local. | | OPT 1232 0"},
	{"minimal", "none.cluster.local", A,
	 "NXDOMAIN aa | | cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. "
	 "1700000000 7200 1800 86400 30 | OPT 1232 0"},
	{"minimal", "x.test", MX,
	 "[x.test. MX] NOERROR | x.test. 100 MX 10 mail.example.net. | | OPT 1232 0"},
	{"minimal", "x.test", NS,
	 "[x.test. NS] NOERROR | | x.test. 100 NS ns.x.test. | OPT 1232 0"},
	{"minimal", "x.test", TXT, "[x.test. TXT] SERVFAIL | | | OPT 1232 0 ede=0"},
	{"minimal", "WeB.shop.svc.cluster.local", SRV,
	 "NOERROR aa | " WEB ". 30 SRV 0 50 53 " WEB ".; " WEB ". 30 SRV 0 50 80 " WEB
	 ". | | OPT 1232 0"},
	{"minimal\nrewrite name a.test _http._tcp." WEB, "A.test", SRV,
	 "NOERROR aa | a.test. 30 SRV 0 100 80 " WEB ". | | OPT 1232 0"},
};

static void test_names(void **state)
{
	expect_all(names, ARRAY_LEN(names));
}

static void test_answers(void **state)
{
	expect_all(answers, ARRAY_LEN(answers));
}

static void test_others(void **state)
{
	expect_all(others, ARRAY_LEN(others));
}

/* What equals the question points to it, so that the client's spelling shows; what is left of a
 * name keeps its own. */
static void test_spelling(void **state)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, "A.tEsT", A, 0), end = 12 + 8 + 4;

	use("rewrite name a.test b.test");
	run(packet, size, false, NULL);
	assert_memory_equal(fixture.answer + end, "\xc0\x0c\0\5", 4);
	assert_memory_equal(fixture.answer + end + 10, "\0\6\3www\xc0\x0c", 8);
	drop_rules();
	size = query_packet(packet, "x.test", MX, 0);
	use("rewrite name x.test y.test");
	run(packet, size, false, NULL);
	assert_memory_equal(fixture.answer + end + 14, "\4Mail\7example\3net", 18);
	drop_rules();
}

static void test_class(void **state)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, WEB, A, 0);
	struct text text = {0};

	packet[size - 1] = DNS_CLASS_CH;
	use("rewrite class CH IN");
	run(packet, size, false, NULL);
	assert_memory_equal(fixture.answer + 12, packet + 12, size - 12);
	answer_text(fixture.answer, fixture.output.size, &text);
	assert_string_equal(text.bytes, "NOERROR aa | " WEB ". 30 A 10.96.0.20 | |");
	text_fini(&text);
	drop_rules();
}

/* A set that is larger than the client's message is cut at a record, and the part is a random one.
 */
static void test_truncation(void **state)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, "a.test", A, 1232);
	uint8_t first[4];
	bool is_random = false;

	use("rewrite name a.test large.shop.svc.cluster.local");
	for (unsigned i = 0; i < 20; i++) {
		run(packet, size, false, NULL);
		assert_true(fixture.output.size <= 1232 && fixture.output.size > 1232 - 16);
		assert_int_equal(fixture.output.n_answer, (1232 - 12 - 12 - 11) / 16);
		assert_true(fixture.answer[2] & DNS_FLAG_TC >> 8);
		is_random |= i > 0 && memcmp(first, fixture.answer + 24 + 12, 4) != 0;
		memcpy(first, fixture.answer + 24 + 12, 4);
	}
	assert_true(is_random);
	/* Over TCP there is nothing larger to ask for: words instead of TC. */
	run(packet, size, true, NULL);
	assert_true(fixture.output.size > 65000);
	assert_true(fixture.output.n_answer > 4000);
	assert_false(fixture.answer[2] & DNS_FLAG_TC >> 8);
	drop_rules();
	/* Additional records are left out without TC. */
	use("rewrite name a.test _peer._tcp.db.shop.svc.cluster.local");
	size = query_packet(packet, "a.test", SRV, 0);
	run(packet, size, false, NULL);
	assert_false(fixture.answer[2] & DNS_FLAG_TC >> 8);
	drop_rules();
}

/* Names that are changed back one by one have a limit, and beyond it the client is told. */
static void test_too_many(void **state)
{
	struct text rules = {0};

	for (unsigned i = 0; i < 32; i++)
		text_puts(&rules, "rewrite continue name suffix .test .test answer auto\n");
	use(rules.bytes);
	expect(&(struct rewrite_case){rules.bytes, "a.test", TXT,
				      "[a.test. TXT] SERVFAIL | | | OPT 1232 0 ede=0"});
	drop_rules();
	text_puts(&rules, "rewrite name a.test b.test\n");
	use(rules.bytes);
	expect(&(struct rewrite_case){rules.bytes, "a.test", A, "SERVFAIL | | | OPT 1232 0 ede=0"});
	assert_string_equal(fixture.output.error, "too many rules of rewrite match this name");
	drop_rules();
	text_fini(&rules);
}

/* An expression that takes too long is no match, and is counted. */
static void test_regex_limit(void **state)
{
	struct text page = {0};

	use("rewrite name regex ^(a+)+$ {1}.test\nrewrite name regex ^a {0}.b.test");
	expect(&(struct rewrite_case){"limits", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.x",
				      TXT, "[a.b.test. TXT] SERVFAIL | | | OPT 1232 0 ede=0"});
	query_metrics_write(&fixture.worker, 1, &fixture.config, &page);
	/* The query was run twice: before and after the upstream replied. */
	assert_non_null(strstr(page.bytes, "\nkaname_regex_limits_total 2\n"));
	text_fini(&page);
	drop_rules();
}

/* --explain says which rules made what. */
static void test_explain(void **state)
{
	struct text trace = {0};
	uint8_t packet[512];
	size_t size = query_packet(packet, "a.test", A, 0);

	use("rewrite continue type A TXT\nrewrite continue name a.test x.test\n"
	    "rewrite continue rcode suffix .test SERVFAIL REFUSED\nminimal\nrewrite edns0 nsid "
	    "set");
	query_trace(fixture.worker, &trace);
	run(packet, size, false, NULL);
	query_trace(fixture.worker, NULL);
	/* Twice: the query is run again with the upstream's reply. */
	assert_string_equal(trace.bytes,
			    "server block Corefile:1: zone .\n"
			    "rewrite Corefile:2: type A becomes TXT\n"
			    "rewrite Corefile:3: name a.test. becomes x.test.\n"
			    "rewrite Corefile:4: the answer's rcode will be looked at\n"
			    "rewrite Corefile:6: edns0 changes nothing here\n"
			    "forward Corefile:9: to 10.0.0.1, which is not cached\n"
			    "server block Corefile:1: zone .\n"
			    "rewrite Corefile:2: type A becomes TXT\n"
			    "rewrite Corefile:3: name a.test. becomes x.test.\n"
			    "rewrite Corefile:4: the answer's rcode will be looked at\n"
			    "rewrite Corefile:6: edns0 changes nothing here\n"
			    "forward Corefile:9: to 10.0.0.1, which is not cached\n"
			    "rewrite Corefile:4: SERVFAIL becomes REFUSED\n");
	text_fini(&trace);
	drop_rules();
}

static int setup(void **state)
{
	rcu_register();
	fixture_init(&fixture);
	table_commit(fixture.table, 1700000000, true);
	query_worker_free(fixture.worker);
	forward.place = "Corefile:9";
	forward.to_text = "10.0.0.1";
	fixture.blocks[0].place = "Corefile:1";
	fixture.blocks[0].forwards = &forward;
	fixture.blocks[0].n_forwards = 1;
	fixture.worker = query_worker_new(&fixture.config, NULL);
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(&fixture);
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_answers),
		cmocka_unit_test(test_others),	 cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_class),	 cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_too_many), cmocka_unit_test(test_regex_limit),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
