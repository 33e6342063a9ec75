/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the fixture's cluster, asked and compared as text: every kind of name of dns-facts 1 to
 * 7, NODATA against NXDOMAIN, ExternalName chains, truncation, and what is said before the table is
 * synced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "answer_text.h"
#include "base/rcu.h"
#include "fixture.h"

#define SOA                                                                                    \
	" | cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 " \
	"7200 1800 86400 30 |"
#define SOA4                                                                                     \
	" | in-addr.arpa. 30 SOA ns.dns.in-addr.arpa. hostmaster.in-addr.arpa. 1700000000 7200 " \
	"1800 86400 30 |"
#define WEB "web.shop.svc.cluster.local."
#define DB "db.shop.svc.cluster.local."

enum {
	A = DNS_TYPE_A,
	AAAA = DNS_TYPE_AAAA,
	SRV = DNS_TYPE_SRV,
	PTR = DNS_TYPE_PTR,
	TXT = DNS_TYPE_TXT,
	CNAME = DNS_TYPE_CNAME,
	SOA_T = DNS_TYPE_SOA,
	NS = DNS_TYPE_NS,
	ANY = DNS_TYPE_ANY,
	MX = DNS_TYPE_MX
};

static const struct {
	const char *name;
	uint16_t type;
	const char *want;
} cases[] = {
	{"web.shop.svc.cluster.local", A, "NOERROR aa | " WEB " 30 A 10.96.0.20 | |"},
	{"web.shop.svc.cluster.local", AAAA, "NOERROR aa | " WEB " 30 AAAA fd00:96::20 | |"},
	{"web.shop.svc.cluster.local", MX, "NOERROR aa |" SOA},
	{"web.shop.svc.cluster.local", ANY, "NOERROR aa | " WEB " 30 HINFO \"RFC8482\"\"\" | |"},
	{"WeB.shop.svc.CLUSTER.local", A, "NOERROR aa | " WEB " 30 A 10.96.0.20 | |"},
	{"_http._tcp.web.shop.svc.cluster.local", SRV,
	 "NOERROR aa | _http._tcp." WEB " 30 SRV 0 100 80 " WEB " | | " WEB " 30 A 10.96.0.20; " WEB
	 " 30 AAAA fd00:96::20"},
	{"_http._tcp.web.shop.svc.cluster.local", A, "NOERROR aa |" SOA},
	{"_tcp.web.shop.svc.cluster.local", SRV, "NOERROR aa |" SOA},
	{"_sctp.web.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"_dns._udp.web.shop.svc.cluster.local", ANY,
	 "NOERROR aa | _dns._udp." WEB " 30 HINFO \"RFC8482\"\"\" | |"},
	{"_http._udp.web.shop.svc.cluster.local", SRV, "NXDOMAIN aa |" SOA},
	{"web.shop.svc.cluster.local", SRV,
	 "NOERROR aa | " WEB " 30 SRV 0 50 53 " WEB "; " WEB " 30 SRV 0 50 80 " WEB " | | " WEB
	 " 30 A 10.96.0.20; " WEB " 30 AAAA fd00:96::20"},
	{"10-1-0-5.web.shop.svc.cluster.local", A,
	 "NOERROR aa | 10-1-0-5." WEB " 30 A 10.1.0.5 | |"},
	{"10-1-0-6.web.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"db.shop.svc.cluster.local", A,
	 "NOERROR aa | " DB " 30 A 10.1.0.10; " DB " 30 A 10.1.0.11; " DB " 30 A 10.1.0.5 | |"},
	{"db-0.db.shop.svc.cluster.local", AAAA, "NOERROR aa | db-0." DB " 30 AAAA fd00:1::10 | |"},
	{"db-1.db.shop.svc.cluster.local", AAAA, "NOERROR aa |" SOA},
	{"db-1.db.shop.svc.cluster.local", SRV,
	 "NOERROR aa | db-1." DB " 30 SRV 0 100 7000 db-1." DB " | | db-1." DB " 30 A 10.1.0.11"},
	{"_peer._tcp.db.shop.svc.cluster.local", SRV,
	 "NOERROR aa | _peer._tcp." DB " 30 SRV 0 33 7000 10-1-0-5." DB "; _peer._tcp." DB
	 " 30 SRV 0 33 7000 db-0." DB "; _peer._tcp." DB " 30 SRV 0 33 7000 db-1." DB
	 " | | 10-1-0-5." DB " 30 A 10.1.0.5; db-0." DB " 30 A 10.1.0.10; db-0." DB
	 " 30 AAAA fd00:1::10; db-1." DB " 30 A 10.1.0.11"},
	{"a.b.c.web.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"www.example.com.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"web.shop.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"*.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"shop.svc.cluster.local", A, "NOERROR aa |" SOA},
	{"empty.svc.cluster.local", A, "NOERROR aa |" SOA},
	{"none.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"svc.cluster.local", TXT, "NOERROR aa |" SOA},
	{"pod.cluster.local", A, "NOERROR aa |" SOA},
	{"dns.cluster.local", A, "NOERROR aa |" SOA},
	{"cluster.local", A, "NOERROR aa |" SOA},
	{"none.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"cluster.local", SOA_T,
	 "NOERROR aa | cluster.local. 30 SOA ns.dns.cluster.local. hostmaster.cluster.local. "
	 "1700000000 7200 1800 "
	 "86400 30 | |"},
	{"cluster.local", NS,
	 "NOERROR aa | cluster.local. 30 NS ns.dns.cluster.local. | | ns.dns.cluster.local. 30 A "
	 "192.0.2.53"},
	{"ns.dns.cluster.local", A, "NOERROR aa | ns.dns.cluster.local. 30 A 192.0.2.53 | |"},
	{"ns.dns.cluster.local", AAAA, "NOERROR aa |" SOA},
	{"dns-version.cluster.local", TXT,
	 "NOERROR aa | dns-version.cluster.local. 28800 TXT \"1.1.0\" | |"},
	{"dns-version.cluster.local", A, "NOERROR aa |" SOA},
	/* pods insecure */
	{"10-1-0-77.shop.pod.cluster.local", A,
	 "NOERROR aa | 10-1-0-77.shop.pod.cluster.local. 30 A 10.1.0.77 | |"},
	{"1-2-3-4.shop.pod.cluster.local", AAAA, "NOERROR aa |" SOA},
	{"fd00--1.shop.pod.cluster.local", AAAA,
	 "NOERROR aa | fd00--1.shop.pod.cluster.local. 30 AAAA fd00::1 | |"},
	{"1-2-3-4.none.pod.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"1-2-3-400.shop.pod.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"x.1-2-3-4.shop.pod.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"shop.pod.cluster.local", A, "NOERROR aa |" SOA},
	/* reverse */
	{"20.0.96.10.in-addr.arpa", PTR,
	 "NOERROR aa | 20.0.96.10.in-addr.arpa. 30 PTR " WEB " | |"},
	{"5.0.1.10.in-addr.arpa", PTR,
	 "NOERROR aa | 5.0.1.10.in-addr.arpa. 30 PTR 10-1-0-5." DB
	 "; 5.0.1.10.in-addr.arpa. 30 PTR 10-1-0-5." WEB " | |"},
	{"20.0.96.10.in-addr.arpa", A, "NOERROR aa |" SOA4},
	{"96.10.in-addr.arpa", PTR, "NOERROR aa |" SOA4},
	{"97.10.in-addr.arpa", PTR, "NXDOMAIN aa |" SOA4},
	{"in-addr.arpa", NS,
	 "NOERROR aa | in-addr.arpa. 30 NS ns.dns.cluster.local. | | ns.dns.cluster.local. 30 A "
	 "192.0.2.53"},
	{"21.0.96.10.in-addr.arpa", PTR, "NXDOMAIN aa |" SOA4},
	{"020.0.96.10.in-addr.arpa", PTR, "NXDOMAIN aa |" SOA4},
	{"x.20.0.96.10.in-addr.arpa", PTR, "NXDOMAIN aa |" SOA4},
	{"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa", PTR,
	 "NOERROR aa | 0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. "
	 "30 PTR " WEB " | |"},
	/* ExternalName */
	{"to-web.shop.svc.cluster.local", A,
	 "NOERROR aa | to-web.shop.svc.cluster.local. 30 CNAME " WEB "; " WEB
	 " 30 A 10.96.0.20 | |"},
	{"to-web.shop.svc.cluster.local", CNAME,
	 "NOERROR aa | to-web.shop.svc.cluster.local. 30 CNAME " WEB " | |"},
	{"to-web.shop.svc.cluster.local", TXT,
	 "NOERROR aa | to-web.shop.svc.cluster.local. 30 CNAME " WEB SOA},
	{"to-to-web.shop.svc.cluster.local", A,
	 "NOERROR aa | to-to-web.shop.svc.cluster.local. 30 CNAME to-web.shop.svc.cluster.local.; "
	 "to-web.shop.svc.cluster.local. 30 CNAME " WEB "; " WEB " 30 A 10.96.0.20 | |"},
	{"to-out.shop.svc.cluster.local", A,
	 "NOERROR aa | to-out.shop.svc.cluster.local. 30 CNAME www.example.com. | |"},
	{"to-none.shop.svc.cluster.local", A,
	 "NXDOMAIN aa | to-none.shop.svc.cluster.local. 30 CNAME none.shop.svc.cluster.local." SOA},
	{"to-self.shop.svc.cluster.local", A,
	 "NOERROR aa | to-self.shop.svc.cluster.local. 30 CNAME to-self.shop.svc.cluster.local. | "
	 "|"},
	{"loop-a.shop.svc.cluster.local", A,
	 "NOERROR aa | loop-a.shop.svc.cluster.local. 30 CNAME loop-b.shop.svc.cluster.local.; "
	 "loop-b.shop.svc.cluster.local. 30 CNAME loop-a.shop.svc.cluster.local. | |"},
	{"x.to-web.shop.svc.cluster.local", A, "NXDOMAIN aa |" SOA},
	{"to-ptr.shop.svc.cluster.local", PTR,
	 "NOERROR aa | 20.0.96.10.in-addr.arpa. 30 PTR " WEB
	 "; to-ptr.shop.svc.cluster.local. 30 CNAME "
	 "20.0.96.10.in-addr.arpa. | |"},
	/* several zones */
	{"web.shop.svc.other.local", A,
	 "NOERROR aa | web.shop.svc.other.local. 30 A 10.96.0.20 | |"},
	{"to-other.shop.svc.cluster.local", A,
	 "NOERROR aa | to-other.shop.svc.cluster.local. 30 CNAME web.shop.svc.other.local.; "
	 "web.shop.svc.other.local. "
	 "30 A 10.96.0.20 | |"},
	/* not ours */
	{"www.example.com", A, "REFUSED | | |"},
	{".", NS, "REFUSED | | |"},
	{"web.shop.svc.cluster.local", DNS_TYPE_AXFR, "REFUSED | | |"},
	{"me.who.example", A,
	 "NOERROR aa | | | _udp.me.who.example. 0 SRV 0 0 4000 .; me.who.example. 0 A 192.0.2.7"},
};

static void ask(struct fixture *fixture, const char *name, uint16_t type, uint16_t edns_size,
		struct text *out)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, type, edns_size);

	assert_int_equal(fixture_run(fixture, packet, size, false), QUERY_ANSWER);
	out->len = 0;
	answer_text(fixture->answer, fixture->output.size, out);
}

/* Lower-cases what the client's spelling changed, so that one text is wanted for every spelling. */
static void lower(char *text)
{
	for (char *c = strstr(text, "WeB"); c && *c && *c != ' '; c++)
		*c = (char)(*c | 0x20);
}

static void test_answers(void **state)
{
	struct fixture *fixture = *state;
	struct text got = {0};
	int n_wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask(fixture, cases[i].name, cases[i].type, 0, &got);
		lower(got.bytes);
		if (strcmp(got.bytes, cases[i].want) != 0) {
			print_error("%s %u:\n  got  %s\n  want %s\n", cases[i].name, cases[i].type,
				    got.bytes, cases[i].want);
			n_wrong++;
		}
	}
	assert_int_equal(n_wrong, 0);
	text_fini(&got);
}

/* The client's spelling comes back in the question and thereby in the owner. */
static void test_spelling(void **state)
{
	struct fixture *fixture = *state;
	struct text got = {0};

	ask(fixture, "wEb.ShOp.svc.cluster.LOCAL", A, 0, &got);
	assert_memory_equal(fixture->answer + 13, "wEb\4ShOp\3svc\7cluster\5LOCAL", 25);
	assert_int_equal(fixture->answer[12 + 28 + 4], 0xc0);
	assert_int_equal(fixture->answer[12 + 28 + 5], 12);
	text_fini(&got);
}

/* At the end of a chain the SOA's owner points to where the zone stands: 2 octets, not 15. */
static void test_chain_soa_is_compressed(void **state)
{
	struct fixture *fixture = *state;
	struct text got = {0};
	size_t question = 12 + 31 + 4, cname = 12 + 1 + 3 + 2, soa = 12 + 9 + 13 + 20;

	ask(fixture, "to-web.shop.svc.cluster.local", TXT, 0, &got);
	assert_int_equal(fixture->output.size, question + cname + soa);
	text_fini(&got);
}

static void test_not_synced(void **state)
{
	static const char *const names[] = {"web.shop.svc.cluster.local", "none.cluster.local",
					    "20.0.96.10.in-addr.arpa", "cluster.local"};
	struct fixture *fixture = *state;
	struct table *synced = fixture->table;
	struct text got = {0};

	fixture->table = table_new();
	fixture->cluster.has_fallthrough = true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		ask(fixture, names[i], A, 1232, &got);
		assert_string_equal(got.bytes, "SERVFAIL | | | OPT 1232 0 ede=14");
	}
	ask(fixture, "www.example.com", A, 1232, &got);
	assert_string_equal(got.bytes, "REFUSED | | | OPT 1232 0 ede=20");
	fixture->cluster.has_fallthrough = false;
	table_free(fixture->table);
	fixture->table = synced;
	text_fini(&got);
}

static void test_fallthrough(void **state)
{
	struct fixture *fixture = *state;
	struct text got = {0};

	fixture->cluster.has_fallthrough = true;
	fixture->cluster.fallthrough = (struct query_zones){&fixture->zones[1], 1};
	ask(fixture, "21.0.96.10.in-addr.arpa", PTR, 0, &got);
	assert_string_equal(got.bytes, "REFUSED | | |");
	ask(fixture, "96.10.in-addr.arpa", PTR, 0, &got);
	assert_string_equal(got.bytes, "NOERROR aa |" SOA4);
	ask(fixture, "none.shop.svc.cluster.local", A, 0, &got);
	assert_string_equal(got.bytes, "NXDOMAIN aa |" SOA);
	fixture->cluster.has_fallthrough = false;
	text_fini(&got);
}

static void test_pod_modes(void **state)
{
	struct fixture *fixture = *state;
	struct text got = {0};

	fixture->cluster.pods = QUERY_PODS_VERIFIED;
	ask(fixture, "10-1-0-77.shop.pod.cluster.local", A, 0, &got);
	assert_string_equal(got.bytes,
			    "NOERROR aa | 10-1-0-77.shop.pod.cluster.local. 30 A 10.1.0.77 | |");
	ask(fixture, "10-1-0-78.shop.pod.cluster.local", A, 0, &got);
	assert_string_equal(got.bytes, "NXDOMAIN aa |" SOA);
	fixture->cluster.pods = QUERY_PODS_DISABLED;
	ask(fixture, "shop.pod.cluster.local", A, 0, &got);
	assert_string_equal(got.bytes, "NXDOMAIN aa |" SOA);
	ask(fixture, "pod.cluster.local", A, 0, &got);
	assert_string_equal(got.bytes, "NOERROR aa |" SOA);
	fixture->cluster.pods = QUERY_PODS_INSECURE;
	text_fini(&got);
}

/* A set that does not fit: whole records, TC, within the limit, every address as likely as any
 * other. */
static void test_truncation(void **state)
{
	static const struct {
		uint16_t edns_size;
		size_t limit, n;
	} limits[] = {{0, 512, 28}, {512, 512, 28}, {1232, 1232, 73}, {4096, 1232, 73}};
	struct fixture *fixture = *state;
	unsigned seen[5000] = {0}, n_rounds = 2000, n_low = 0, n_high = 0;
	uint8_t packet[512];
	size_t size;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		size = query_packet(packet, "large.shop.svc.cluster.local", A, limits[i].edns_size);
		fixture_run(fixture, packet, size, false);
		assert_true(fixture->output.size <= limits[i].limit);
		assert_true(fixture->output.size > limits[i].limit - 30);
		assert_true(fixture->answer[2] & DNS_FLAG_TC >> 8);
		assert_true(fixture->output.n_answer >= limits[i].n - 3);
	}
	size = query_packet(packet, "large.shop.svc.cluster.local", A, 1232);
	for (unsigned round = 0; round < n_rounds; round++) {
		fixture_run(fixture, packet, size, false);
		for (unsigned k = 0; k < fixture->output.n_answer; k++) {
			const uint8_t *address = fixture->answer + 12 + 34 + k * 16 + 12;

			seen[address[2] * 250 + address[3]]++;
		}
	}
	/* Each is expected about 29 times; 6 sigma either way. */
	for (unsigned i = 0; i < 5000; i++) {
		n_low += seen[i] == 0;
		n_high += seen[i] > 65;
	}
	assert_int_equal(n_low, 0);
	assert_int_equal(n_high, 0);
}

/* Over TCP: what a message holds, no TC, and words for who understands them. */
static void test_tcp_is_full(void **state)
{
	static const struct {
		uint16_t edns_size;
		size_t size_min;
		const char *end;
	} cases_tcp[] = {{0, 65535 - 16, "| |"}, {1232, 65535 - 100, " OPT 1232 0 ede=0"}};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases_tcp); i++) {
		const char *end = cases_tcp[i].end;
		uint8_t packet[512];
		struct text text = {0};
		size_t size = query_packet(packet, "large.shop.svc.cluster.local", A,
					   cases_tcp[i].edns_size);

		assert_int_equal(fixture_run(fixture, packet, size, true), QUERY_ANSWER);
		assert_true(fixture->output.size > cases_tcp[i].size_min);
		assert_true(fixture->output.n_answer > 4080);
		assert_false(fixture->answer[2] & DNS_FLAG_TC >> 8);
		answer_text(fixture->answer, fixture->output.size, &text);
		assert_string_equal(text.bytes + text.len - strlen(end), end);
		text_fini(&text);
	}
}

static void test_drops_and_errors(void **state)
{
	struct fixture *fixture = *state;
	uint8_t packet[512];
	size_t size = query_packet(packet, "web.shop.svc.cluster.local", A, 1232);

	assert_int_equal(fixture_run(fixture, packet, 11, false), QUERY_DROP);
	packet[2] |= 0x80;
	assert_int_equal(fixture_run(fixture, packet, size, false), QUERY_DROP);
	packet[2] = 0x28; /* UPDATE */
	assert_int_equal(fixture_run(fixture, packet, size, false), QUERY_ANSWER);
	assert_int_equal(fixture->output.rcode, DNS_RCODE_NOTIMP);
	assert_int_equal(fixture->answer[2], 0xa8);
	packet[2] = 0;
	packet[5] = 2;
	assert_int_equal(fixture_run(fixture, packet, size, false), QUERY_ANSWER);
	assert_int_equal(fixture->output.rcode, DNS_RCODE_FORMERR);
	assert_int_equal(fixture->output.size, 12);
	packet[5] = 1;
	packet[size - 5] = 1; /* EDNS version */
	assert_int_equal(fixture_run(fixture, packet, size, false), QUERY_ANSWER);
	assert_int_equal(fixture->output.rcode, DNS_RCODE_BADVERS);
	assert_int_equal(fixture->output.n_answer, 0);
}

static void test_metrics(void **state)
{
	struct fixture *fixture = *state;
	struct text page = {0};
	uint8_t packet[512];
	size_t size = query_packet(packet, "web.shop.svc.cluster.local", DNS_TYPE_DNSKEY, 0);

	fixture_run(fixture, packet, size, true);
	query_metrics_write(&fixture->worker, 1, &fixture->config, &page);
	assert_non_null(strstr(
		page.bytes, "coredns_dns_requests_total{server=\"dns://:53\",zone=\".\",view=\"\","
			    "proto=\"tcp\",family=\"1\",type=\"DNSKEY\"} 1\n"));
	assert_non_null(strstr(page.bytes, "plugin=\"kubernetes\"} "));
	assert_non_null(strstr(page.bytes, "le=\"0.00025\"}"));
	assert_null(strstr(page.bytes, "who.example."));
	text_fini(&page);
}

static int setup(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));

	rcu_register();
	fixture_init(fixture);
	table_commit(fixture->table, 1700000000, true);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_fini(*state);
	free(*state);
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_not_synced),
		cmocka_unit_test(test_chain_soa_is_compressed),
		cmocka_unit_test(test_fallthrough),
		cmocka_unit_test(test_pod_modes),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_tcp_is_full),
		cmocka_unit_test(test_drops_and_errors),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
