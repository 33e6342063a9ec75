/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of others: which question is asked of whom, and what the client gets when the reply, or
 * none, comes back; ExternalName chains through it; the cache before it. The upstream is a table of
 * replies here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "answer_text.h"
#include "base/rcu.h"
#include "dns/probe.h"
#include "fixture.h"

#define GROUP_STUB 0
#define GROUP_REST 1

static struct fixture fixture;
static struct query_forward_config forwards[2];
static struct dns_name excepted;
static struct cache_policy policy = {
	.server_text = "dns://:53",
	.zones_text = ".",
	.zones = {.is_all = true},
	.limits = {{.capacity = 100, .ttl_max_s = 3600}, {.capacity = 100, .ttl_max_s = 1800}},
	.servfail_s = 5,
	.stale_s = 3600,
	.stale_ttl_s = 30,
	.verify_ms = 1800,
};
static const struct cache_policy *const group_policies[2] = {&policy, &policy};

/* What the upstream says. */
enum says {
	SAYS_NOTHING, /* no reply: SERVFAIL with extended error 22 */
	SAYS_BUSY,    /* nobody was asked: REFUSED */
	SAYS_BROKEN,  /* half a reply */
	SAYS_SERVFAIL,
	SAYS_NXDOMAIN,
	SAYS_NXDOMAIN_AD, /* validated */
	SAYS_NODATA,
	SAYS_ADDRESS,	/* 198.51.100.1, TTL 100 */
	SAYS_AUTHENTIC, /* the same with AD */
	SAYS_CNAME,	/* to web.example.net and its address */
	SAYS_MANY,	/* 100 addresses */
	SAYS_CUT,	/* TC and nothing */
};

static void put_soa(struct wire_writer *writer)
{
	wire_put(writer, "\3com\0\0\6\0\1\0\0\0\x3c\0\x16\0\0", 17);
	wire_put(writer, "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c", 20);
}

static void put_address(struct wire_writer *writer, uint8_t last)
{
	wire_put(writer, "\0\1\0\1\0\0\0\x64\0\4\xc6\x33\x64", 13);
	wire_put_u8(writer, last);
}

/* The records of the reply; returns how many answers and, behind << 8, authority records. */
static unsigned put_records(struct wire_writer *writer, enum says says)
{
	switch (says) {
	case SAYS_NXDOMAIN:
	case SAYS_NXDOMAIN_AD:
	case SAYS_NODATA:
		put_soa(writer);
		return 1 << 8;
	case SAYS_ADDRESS:
	case SAYS_AUTHENTIC:
		wire_put_u16(writer, 0xc00c);
		put_address(writer, 1);
		return 1;
	case SAYS_CNAME:
		wire_put(writer, "\xc0\x0c\0\5\0\1\0\0\0\x64\0\x11\3web\7example\3net\0", 29);
		wire_put(writer, "\3web\7example\3net\0", 17);
		put_address(writer, 1);
		return 2;
	case SAYS_MANY:
		for (uint8_t i = 0; i < 100; i++) {
			wire_put_u16(writer, 0xc00c);
			put_address(writer, i);
		}
		return 100;
	case SAYS_NOTHING:
	case SAYS_BUSY:
	case SAYS_BROKEN:
	case SAYS_SERVFAIL:
	case SAYS_CUT:
		break;
	}
	return 0;
}

static size_t write_reply(uint8_t *wire, size_t size, const struct cache_question *question,
			  enum says says)
{
	struct wire_writer writer = wire_writer_init(wire, size);
	uint16_t flags = 0x8180;
	unsigned counts;

	if (says == SAYS_SERVFAIL)
		flags |= DNS_RCODE_SERVFAIL;
	if (says == SAYS_NXDOMAIN || says == SAYS_NXDOMAIN_AD)
		flags |= DNS_RCODE_NXDOMAIN;
	if (says == SAYS_AUTHENTIC || says == SAYS_NXDOMAIN_AD)
		flags |= DNS_FLAG_AD;
	if (says == SAYS_CUT)
		flags |= DNS_FLAG_TC;
	wire_put_u16(&writer, 99);
	wire_put_u16(&writer, flags);
	wire_put_u16(&writer, 1);
	wire_put(&writer, "\0\0\0\0\0\0", 6);
	wire_put(&writer, question->name.wire, question->name.len);
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	counts = put_records(&writer, says);
	wire_patch_u16(&writer, 6, counts & 0xff);
	wire_patch_u16(&writer, 8, (uint16_t)(counts >> 8));
	assert_false(writer.failed);
	return says == SAYS_BROKEN ? writer.pos - 1 : writer.pos;
}

static bool is_tcp;

static struct query_input input_of(const uint8_t *packet, size_t size, uint64_t now_ms)
{
	static struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = 99};

	return (struct query_input){.packet = packet,
				    .size = size,
				    .source = (const struct sockaddr *)&source,
				    .now_ms = now_ms,
				    .is_tcp = is_tcp};
}

/* The upstream's part: *external gets what became of the question. */
static void reply(enum says says, const struct cache_question *question, uint64_t now_ms,
		  struct query_external *external)
{
	static uint8_t wire[4096];
	size_t size = write_reply(wire, sizeof(wire), question, says);
	bool is_silent = says == SAYS_NOTHING || says == SAYS_BUSY;

	*external = (struct query_external){.question = question};
	if (is_silent) {
		external->rcode = says == SAYS_BUSY ? DNS_RCODE_REFUSED : DNS_RCODE_SERVFAIL;
		external->ede = says == SAYS_BUSY ? DNS_EDE_OTHER : DNS_EDE_NO_REACHABLE_AUTHORITY;
		external->ede_text = "no upstream replies";
	}
	if (says != SAYS_BUSY)
		query_learn(fixture.worker, external, is_silent ? NULL : wire, size, now_ms);
}

/* Runs the query to its end with the upstream saying this; returns the last verdict. */
static enum query_verdict ask(const uint8_t *packet, size_t size, enum says says, uint64_t now_ms)
{
	struct query_input input = input_of(packet, size, now_ms);
	struct query_output *output = &fixture.output;
	struct query_external external;
	struct cache_question question;
	enum query_verdict verdict;

	output->bytes = fixture.answer;
	output->capacity = QUERY_UDP_ANSWER_MAX;
	rcu_enter();
	verdict = query_run(fixture.worker, &input, output);
	if (verdict == QUERY_FORWARD) {
		question = *output->question;
		reply(says, &question, now_ms, &external);
		verdict = query_resume(fixture.worker, &input, &external, output);
	}
	rcu_leave();
	if (verdict == QUERY_ANSWER)
		query_finish(fixture.worker, &input, output, 1000, 1);
	return verdict;
}

static void expect(const char *name, uint16_t type, enum says says, uint64_t now_ms,
		   const char *want)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, type, 1232);
	struct text text = {0};

	assert_int_equal(ask(packet, size, says, now_ms), QUERY_ANSWER);
	answer_text(fixture.answer, fixture.output.size, &text);
	assert_string_equal(text.bytes, want);
	text_fini(&text);
}

/* A new cache. */
static int renew(void **state)
{
	query_worker_free(fixture.worker);
	policy.stale = CACHE_STALE_OFF;
	policy.prefetch_amount = 0;
	fixture.cluster.has_fallthrough = false;
	fixture.worker = query_worker_new(&fixture.config, NULL);
	return 0;
}

#define OPT " OPT 1232 0"
#define SOA "com. 60 SOA . . 1 2 3 4 60"
#define OUT "to-out.shop.svc.cluster.local."
#define CHAIN OUT " 30 CNAME www.example.com."

static const struct {
	const char *name;
	uint16_t type;
	enum says says;
	const char *want;
} cases[] = {
	{"wWw.example.com", 1, SAYS_ADDRESS,
	 "NOERROR | www.example.com. 100 A 198.51.100.1 | |" OPT},
	{"alias.example.com", 1, SAYS_CNAME,
	 "NOERROR | alias.example.com. 100 CNAME web.example.net.; web.example.net. 100 A "
	 "198.51.100.1 | |" OPT},
	{"none.example.com", 1, SAYS_NXDOMAIN, "NXDOMAIN | | " SOA " |" OPT},
	{"none.example.com", 28, SAYS_NODATA, "NOERROR | | " SOA " |" OPT},
	{"bad.example.com", 1, SAYS_SERVFAIL, "SERVFAIL | | |" OPT " ede=0"},
	{"silent.example.com", 1, SAYS_NOTHING, "SERVFAIL | | |" OPT " ede=22"},
	{"busy.example.com", 1, SAYS_BUSY, "REFUSED | | |" OPT " ede=0"},
	{"cut.example.com", 1, SAYS_CUT, "NOERROR tc | | |" OPT},
	{OUT, 1, SAYS_CUT, "NOERROR aa tc | " CHAIN " | |" OPT},
	{"broken.example.com", 1, SAYS_BROKEN, "SERVFAIL | | |" OPT " ede=0"},
	{"sub.excepted.example", 1, SAYS_ADDRESS, "REFUSED | | |" OPT " ede=20"},
	/* an ExternalName's target, outside */
	{OUT, 1, SAYS_ADDRESS,
	 "NOERROR aa | " CHAIN "; www.example.com. 100 A 198.51.100.1 | |" OPT},
	{OUT, 28, SAYS_NODATA, "NOERROR aa | " CHAIN " | " SOA " |" OPT},
	{OUT, 1, SAYS_NXDOMAIN, "NXDOMAIN aa | " CHAIN " | " SOA " |" OPT},
	{OUT, 1, SAYS_SERVFAIL, "SERVFAIL | | |" OPT " ede=0"},
	{OUT, 1, SAYS_NOTHING, "SERVFAIL | | |" OPT " ede=22"},
	{OUT, 1, SAYS_BUSY, "SERVFAIL | | |" OPT " ede=0"},
	{OUT, 1, SAYS_CNAME,
	 "NOERROR aa | " CHAIN "; web.example.net. 100 A 198.51.100.1; www.example.com. 100 CNAME "
	 "web.example.net. | |" OPT},
	{OUT, 5, SAYS_NOTHING, "NOERROR aa | " CHAIN " | |" OPT},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char name[64];
		size_t len = strlen(cases[i].name);

		renew(state);
		print_message("%s %u %d\n", cases[i].name, cases[i].type, cases[i].says);
		memcpy(name, cases[i].name, len + 1);
		if (name[len - 1] == '.')
			name[len - 1] = '\0';
		expect(name, cases[i].type, cases[i].says, 1000, cases[i].want);
	}
}

/* What a validated denial is above of is denied too, and nobody is asked (RFC 8020). */
static void test_above(void **state)
{
	const char *gone = "NXDOMAIN | | " SOA " |" OPT;

	expect("gone.example.com", 1, SAYS_NXDOMAIN_AD, 1000, gone);
	expect("below.gone.example.com", 1, SAYS_ADDRESS, 1000, gone);
	expect("far.below.gone.example.com", 1, SAYS_ADDRESS, 21000,
	       "NXDOMAIN | | com. 40 SOA . . 1 2 3 4 60 |" OPT);
	/* It is not itself, nor beside it, nor longer than its TTL. */
	expect("agone.example.com", 1, SAYS_ADDRESS, 21000,
	       "NOERROR | agone.example.com. 100 A 198.51.100.1 | |" OPT);
	expect("late.gone.example.com", 1, SAYS_ADDRESS, 61000,
	       "NOERROR | late.gone.example.com. 100 A 198.51.100.1 | |" OPT);
	/* One that nobody has validated says nothing of what is below it. */
	expect("none.example.com", 1, SAYS_NXDOMAIN, 1000000, gone);
	expect("below.none.example.com", 1, SAYS_ADDRESS, 1000000,
	       "NOERROR | below.none.example.com. 100 A 198.51.100.1 | |" OPT);
}

/* Which group has the name; the flags that are part of the question. */
static void test_question(void **state)
{
	static const struct {
		const char *name;
		size_t group;
		bool has_do, has_cd;
	} questions[] = {
		{"www.stub.example", GROUP_STUB, false, false},
		{"stub.example", GROUP_STUB, true, false},
		{"nostub.example", GROUP_REST, false, true},
		{".", GROUP_REST, true, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		uint8_t packet[512];
		const char *name = questions[i].name;
		size_t size = query_packet(packet, name[0] == '.' ? "" : name, 15, 1232);
		struct query_input input = input_of(packet, size, 1000);
		struct query_output *output = &fixture.output;

		packet[size - 4] = questions[i].has_do ? 0x80 : 0;
		packet[3] = questions[i].has_cd ? DNS_FLAG_CD : 0;
		assert_int_equal(query_run(fixture.worker, &input, output), QUERY_FORWARD);
		assert_int_equal(output->question->group, questions[i].group);
		assert_int_equal(output->question->type, 15);
		assert_int_equal(output->question->class, DNS_CLASS_IN);
		assert_int_equal(output->question->has_do, questions[i].has_do);
		assert_int_equal(output->question->has_cd, questions[i].has_cd);
		assert_int_equal(output->patience_ms, QUERY_PATIENCE_MS);
	}
}

/* The second answer is the cache's, older, with the client's own spelling. */
static void test_hit(void **state)
{
	expect("www.example.com", 1, SAYS_ADDRESS, 1000,
	       "NOERROR | www.example.com. 100 A 198.51.100.1 | |" OPT);
	assert_int_equal(fixture.output.plugin, QUERY_PLUGIN_FORWARD);
	assert_int_equal(fixture.output.result, QUERY_RESULT_MISS);
	assert_int_equal(fixture.output.class, QUERY_CLASS_EXTERNAL);
	expect("WWW.Example.com", 1, SAYS_NOTHING, 41000,
	       "NOERROR | www.example.com. 60 A 198.51.100.1 | |" OPT);
	assert_int_equal(fixture.output.plugin, QUERY_PLUGIN_CACHE);
	assert_int_equal(fixture.output.result, QUERY_RESULT_HIT);
	assert_memory_equal(fixture.answer + 13, "WWW", 3);
	assert_int_equal(fixture.answer[3], DNS_FLAG_RA);
	/* the ExternalName has it, too */
	expect("to-out.shop.svc.cluster.local", 1, SAYS_NOTHING, 51000,
	       "NOERROR aa | " CHAIN "; www.example.com. 50 A 198.51.100.1 | |" OPT);
	expect("www.stub.example", 1, SAYS_ADDRESS, 1000,
	       "NOERROR | www.stub.example. 100 A 198.51.100.1 | |" OPT);
	assert_int_equal(fixture.output.class, QUERY_CLASS_STUB);
}

static void test_stale(void **state)
{
	policy.stale = CACHE_STALE_VERIFY;
	expect("www.example.com", 1, SAYS_ADDRESS, 1000,
	       "NOERROR | www.example.com. 100 A 198.51.100.1 | |" OPT);
	expect("www.example.com", 1, SAYS_NOTHING, 201000,
	       "NOERROR | www.example.com. 30 A 198.51.100.1 | |" OPT " ede=3");
	assert_int_equal(fixture.output.patience_ms, 1800);
	expect("www.example.com", 1, SAYS_SERVFAIL, 202000,
	       "NOERROR | www.example.com. 30 A 198.51.100.1 | |" OPT " ede=3");
	assert_int_equal(fixture.output.result, QUERY_RESULT_STALE);
	expect("to-out.shop.svc.cluster.local", 1, SAYS_BUSY, 202000,
	       "NOERROR aa | " CHAIN "; www.example.com. 30 A 198.51.100.1 | |" OPT " ede=3");
	policy.stale = CACHE_STALE_IMMEDIATE;
	expect("none.example.com", 1, SAYS_NXDOMAIN, 201000, "NXDOMAIN | | " SOA " |" OPT);
	expect("none.example.com", 1, SAYS_NOTHING, 301000,
	       "NXDOMAIN | | com. 30 SOA . . 1 2 3 4 60 |" OPT " ede=19");
	assert_true(fixture.output.wants_refresh);
	assert_int_equal(fixture.output.question->name.wire[0], 4);
}

/* AD is told to who asked for it by AD or DO (RFC 6840). */
static void test_authentic(void **state)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, "www.example.com", 1, 1232);

	assert_int_equal(ask(packet, size, SAYS_AUTHENTIC, 1000), QUERY_ANSWER);
	assert_int_equal(fixture.answer[3], DNS_FLAG_RA);
	packet[3] |= DNS_FLAG_AD;
	assert_int_equal(ask(packet, size, SAYS_NOTHING, 1000), QUERY_ANSWER);
	assert_int_equal(fixture.answer[3], DNS_FLAG_RA | DNS_FLAG_AD);
}

static void test_cut(void **state)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, "www.example.com", 1, 0);

	assert_int_equal(ask(packet, size, SAYS_MANY, 1000), QUERY_ANSWER);
	assert_int_equal(fixture.output.n_answer, (512 - 33) / 16);
	assert_int_equal(fixture.answer[2] & 2, 2);
	assert_in_range(fixture.output.size, 490, 512);
}

/* Over TCP there is no TC to tell it: SERVFAIL, not an empty answer. */
static void test_cut_by_tcp(void **state)
{
	static const char *const names[] = {"cut.example.com", "to-out.shop.svc.cluster.local"};
	uint8_t packet[512];

	is_tcp = true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t size = query_packet(packet, names[i], 1, 1232);
		struct text text = {0};

		assert_int_equal(ask(packet, size, SAYS_CUT, 1000), QUERY_ANSWER);
		answer_text(fixture.answer, fixture.output.size, &text);
		assert_string_equal(text.bytes, "SERVFAIL | | |" OPT " ede=23");
		text_fini(&text);
	}
	is_tcp = false;
}

/* A name that falls through goes on only when the cluster is known. */
static void test_fallthrough(void **state)
{
	fixture.cluster.has_fallthrough = true;
	expect("1.2.0.192.in-addr.arpa", 1, SAYS_ADDRESS, 1000,
	       "NOERROR | 1.2.0.192.in-addr.arpa. 100 A 198.51.100.1 | |" OPT);
	assert_int_equal(fixture.output.class, QUERY_CLASS_REVERSE);
	expect("none.shop.svc.cluster.local", 1, SAYS_NOTHING, 1000,
	       "SERVFAIL | | |" OPT " ede=22");
}

static void test_not_synced(void **state)
{
	struct fixture other;

	fixture_init(&other);
	other.blocks[0] = fixture.blocks[0];
	other.cluster.has_fallthrough = true;
	other.blocks[0].clusters = &other.cluster;

	uint8_t packet[512];
	size_t size = query_packet(packet, "1.2.0.192.in-addr.arpa", 12, 1232);
	struct text text = {0};

	assert_int_equal(fixture_run(&other, packet, size, false), QUERY_ANSWER);
	answer_text(other.answer, other.output.size, &text);
	assert_string_equal(text.bytes, "SERVFAIL | | |" OPT " ede=14");
	size = query_packet(packet, "www.example.com", 1, 1232);
	assert_int_equal(fixture_run(&other, packet, size, false), QUERY_FORWARD);
	text_fini(&text);
	fixture_fini(&other);
}

/* Every class and result has its histogram; cluster hits are what is left. */
static void test_metrics(void **state)
{
	struct text page = {0};

	expect("www.example.com", 1, SAYS_ADDRESS, 1000,
	       "NOERROR | www.example.com. 100 A 198.51.100.1 | |" OPT);
	expect("www.example.com", 1, SAYS_NOTHING, 1000,
	       "NOERROR | www.example.com. 100 A 198.51.100.1 | |" OPT);
	expect("web.shop.svc.cluster.local", 1, SAYS_NOTHING, 1000,
	       "NOERROR aa | web.shop.svc.cluster.local. 30 A 10.96.0.20 | |" OPT);
	expect("broken.example.com", 1, SAYS_BROKEN, 1000, "SERVFAIL | | |" OPT " ede=0");
	query_metrics_write(&fixture.worker, 1, &fixture.config, &page);
	assert_non_null(strstr(page.bytes, "coredns_cache_drops_total{server=\"dns://:53\","
					   "zones=\".\",view=\"\"} 1\n"));
	assert_non_null(strstr(page.bytes, "kaname_query_duration_seconds_count{class=\"cluster\","
					   "result=\"hit\"} 1\n"));
	assert_non_null(strstr(page.bytes, "kaname_query_duration_seconds_count{class=\"external\","
					   "result=\"hit\"} 1\n"));
	assert_non_null(strstr(page.bytes, "kaname_query_duration_seconds_count{class=\"external\","
					   "result=\"miss\"} 2\n"));
	assert_non_null(strstr(page.bytes, "rcode=\"NOERROR\",plugin=\"cache\"} 1\n"));
	assert_non_null(strstr(page.bytes, "coredns_cache_misses_total{server=\"dns://:53\","
					   "zones=\".\",view=\"\"} 2\n"));
	text_fini(&page);
}

/* A loop probe of this process is answered with its proof, one of another is a question like
 * others.
 */
static void test_loop_probe(void **state)
{
	static const uint64_t keys[2] = {42, 43};
	uint8_t packet[DNS_HEADER_SIZE + DNS_NAME_MAX + 4] = {[5] = 1};
	char proof[DNS_PROBE_LABEL];

	fixture.config.probe_key = 42;
	for (int i = 0; i < 2; i++) {
		struct dns_name name;
		size_t size = DNS_HEADER_SIZE;

		dns_probe_name(&name, keys[i], 7);
		memcpy(packet + size, name.wire, name.len);
		size += name.len;
		memcpy(packet + size, (const uint8_t[]){0, DNS_TYPE_HINFO, 0, DNS_CLASS_IN}, 4);
		if (dns_probe_check(&name, 42, proof)) {
			assert_int_equal(fixture_run(&fixture, packet, size + 4, false),
					 QUERY_ANSWER);
			assert_non_null(
				memmem(fixture.answer, fixture.output.size, proof, sizeof(proof)));
		} else {
			assert_int_equal(fixture_run(&fixture, packet, size + 4, false),
					 QUERY_FORWARD);
		}
	}
	fixture.config.probe_key = 0;
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(&name, text, strlen(text)), 0);
	return name;
}

static int set_up(void **state)
{
	rcu_register();
	fixture_init(&fixture);
	table_commit(fixture.table, 1700000000, true);
	excepted = name_of("excepted.example");
	forwards[0] =
		(struct query_forward_config){.from = name_of("stub.example"), .group = GROUP_STUB};
	forwards[1] = (struct query_forward_config){
		.from = name_of("."), .except = {&excepted, 1}, .group = GROUP_REST};
	fixture.blocks[0].forwards = forwards;
	fixture.blocks[0].n_forwards = 2;
	fixture.config.cache = (struct cache_config){&policy, 1, 1 << 20};
	fixture.config.group_policies = group_policies;
	fixture.config.n_groups = 2;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&fixture);
	rcu_unregister();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_cases, renew),
		cmocka_unit_test_setup(test_above, renew),
		cmocka_unit_test_setup(test_question, renew),
		cmocka_unit_test_setup(test_hit, renew),
		cmocka_unit_test_setup(test_stale, renew),
		cmocka_unit_test_setup(test_authentic, renew),
		cmocka_unit_test_setup(test_cut, renew),
		cmocka_unit_test_setup(test_cut_by_tcp, renew),
		cmocka_unit_test_setup(test_fallthrough, renew),
		cmocka_unit_test_setup(test_not_synced, renew),
		cmocka_unit_test_setup(test_metrics, renew),
		cmocka_unit_test_setup(test_loop_probe, renew),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
