/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps before any name is looked up, each from its line in a Corefile to the answer: acl over
 * sources, types, zones and spellings; local; any; chaos; nsid. What passes them is answered by
 * whoami.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "../config/memory.h"
#include "answer_text.h"
#include "base/rcu.h"
#include "config/config.h"
#include "query/acl.h"

enum { A = DNS_TYPE_A, AAAA = DNS_TYPE_AAAA, TXT = DNS_TYPE_TXT, MX = DNS_TYPE_MX };

/* A server of one Corefile. */
struct server {
	struct config config;
	struct query_worker *worker;
	struct query_output output;
	uint8_t answer[DNS_MESSAGE_MAX];
};

static void server_init(struct server *server, const char *corefile)
{
	struct memory_file files[] = {{"Corefile", corefile}, {NULL, NULL}};
	struct config_options options = {.default_port = 53, .n_cpus = 1};
	struct config_machine machine;
	struct text problems = {0};

	memory_machine(&machine, files);
	if (config_load_on(&server->config, "Corefile", &machine, &options, &problems) != 0)
		fail_msg("%s", problems.bytes);
	server->worker = query_worker_new(&server->config.query, NULL);
	text_fini(&problems);
}

static void server_fini(struct server *server)
{
	query_worker_free(server->worker);
	config_free(&server->config);
}

/* The verdict about a packet from this address. */
static enum query_verdict run(struct server *server, const char *source, const uint8_t *packet,
			      size_t size, bool is_tcp)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	struct query_input input = {.packet = packet,
				    .size = size,
				    .source = (const struct sockaddr *)&address,
				    .is_tcp = is_tcp};
	enum query_verdict verdict;

	if (inet_pton(AF_INET, source, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(4000);
	} else {
		assert_int_equal(inet_pton(AF_INET6, source, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(4000);
	}
	server->output.bytes = server->answer;
	server->output.capacity = is_tcp ? sizeof(server->answer) : QUERY_UDP_ANSWER_MAX;
	rcu_enter();
	verdict = query_run(server->worker, &input, &server->output);
	rcu_leave();
	if (verdict == QUERY_ANSWER)
		query_finish(server->worker, &input, &server->output, 1000, 1);
	return verdict;
}

/* The answer as text, or "dropped". */
static void ask(struct server *server, const char *source, const uint8_t *packet, size_t size,
		struct text *out)
{
	out->len = 0;
	if (run(server, source, packet, size, false) == QUERY_DROP)
		text_puts(out, "dropped");
	else
		answer_text(server->answer, server->output.size, out);
}

#define BLOCKED "REFUSED | | | OPT 1232 0 ede=15"
#define FILTERED "NOERROR | | | OPT 1232 0 ede=17"
#define PASSED "passed"

static const struct {
	const char *acl; /* the lines of the block */
	const char *source, *name;
	uint16_t type;
	const char *want;
} acl_cases[] = {
	/* the examples of CoreDNS's README */
	{"acl {\n block type A net 192.168.0.0/16\n }", "192.168.1.1", "www.test", A, BLOCKED},
	{"acl {\n block type A net 192.168.0.0/16\n }", "192.168.1.1", "www.test", AAAA, PASSED},
	{"acl {\n block type A net 192.168.0.0/16\n }", "192.169.0.0", "www.test", A, PASSED},
	{"acl {\n filter type A net 192.168.0.0/16\n }", "192.168.255.255", "www.test", A,
	 FILTERED},
	{"acl {\n allow net 192.168.1.0/24\n block net 192.168.0.0/16\n }", "192.168.1.9",
	 "www.test", A, PASSED},
	{"acl {\n allow net 192.168.1.0/24\n block net 192.168.0.0/16\n }", "192.168.2.0",
	 "www.test", A, BLOCKED},
	{"acl {\n allow net 192.168.0.0/24 192.168.1.0/24\n block\n }", "192.168.0.200", "www.test",
	 A, PASSED},
	{"acl {\n allow net 192.168.0.0/24 192.168.1.0/24\n block\n }", "10.0.0.1", "www.test", A,
	 BLOCKED},
	{"acl {\n allow net 192.168.0.0/24 192.168.1.0/24\n block\n }", "fd00::1", "www.test", A,
	 BLOCKED},
	{"acl a.test {\n block net 192.168.1.0/24\n }", "192.168.1.7", "x.a.test", A, BLOCKED},
	{"acl a.test {\n block net 192.168.1.0/24\n }", "192.168.1.7", "A.TeSt", A, BLOCKED},
	{"acl a.test {\n block net 192.168.1.0/24\n }", "192.168.1.7", "ba.test", A, PASSED},
	{"acl {\n drop net 192.0.2.0/24\n }", "192.0.2.7", "www.test", A, "dropped"},
	{"acl {\n drop net 192.0.2.0/24\n }", "192.0.3.7", "www.test", A, PASSED},
	/* the first that matches, over all lines */
	{"acl b.test {\n block\n }\n acl {\n filter\n }", "10.0.0.1", "b.test", A, BLOCKED},
	{"acl b.test {\n block\n }\n acl {\n filter\n }", "10.0.0.1", "c.test", A, FILTERED},
	{"acl b.test {\n allow\n }\n acl {\n filter\n }", "10.0.0.1", "b.test", A, PASSED},
	{"acl b.test {\n block type AAAA\n }\n acl {\n filter\n }", "10.0.0.1", "b.test", A,
	 FILTERED},
	/* addresses of both families */
	{"acl {\n block net fd00::/16\n }", "fd00:1::1", "www.test", A, BLOCKED},
	{"acl {\n block net fd00::/16\n }", "fd01::1", "www.test", A, PASSED},
	{"acl {\n block net fd00::/16\n }", "253.0.0.0", "www.test", A, PASSED},
	{"acl {\n block net 10.0.0.0/8\n }", "::ffff:10.1.2.3", "www.test", A, BLOCKED},
	{"acl {\n block net ::ffff:10.0.0.0/104\n }", "10.1.2.3", "www.test", A, BLOCKED},
	{"acl {\n block net ::/0\n }", "10.1.2.3", "www.test", A, PASSED},
	{"acl {\n block net 0.0.0.0/0\n }", "fd00::1", "www.test", A, PASSED},
	{"acl {\n block net *\n }", "fd00::1", "www.test", A, BLOCKED},
	{"acl {\n block net 10.1.2.3\n }", "10.1.2.3", "www.test", A, BLOCKED},
	{"acl {\n block net 10.1.2.3\n }", "10.1.2.2", "www.test", A, PASSED},
	{"acl {\n block net fd00::1\n }", "fd00::1", "www.test", A, BLOCKED},
	/* types */
	{"acl {\n block type TYPE65280 MX\n }", "10.0.0.1", "www.test", 65280, BLOCKED},
	{"acl {\n block type TYPE65280 MX\n }", "10.0.0.1", "www.test", MX, BLOCKED},
	{"acl {\n block type ANY\n }", "10.0.0.1", "www.test", A, PASSED},
	{"acl {\n block type ANY\n }", "10.0.0.1", "www.test", DNS_TYPE_ANY, BLOCKED},
	{"acl {\n block type *\n }", "10.0.0.1", "www.test", A, BLOCKED},
	/* before what else would answer */
	{"any\n acl {\n block\n }", "10.0.0.1", "www.test", DNS_TYPE_ANY, BLOCKED},
	{"acl {\n block\n }", "10.0.0.1", "www.test", DNS_TYPE_AXFR, BLOCKED},
	{"local\n acl {\n block\n }", "10.0.0.1", "localhost", A,
	 "NOERROR | localhost. 604800 A 127.0.0.1 | | OPT 1232 0"},
};

static void test_acl(void **state)
{
	struct text got = {0}, corefile = {0};
	int n_wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(acl_cases); i++) {
		struct server *server = mem_zalloc(sizeof(*server));
		uint8_t packet[512];
		size_t size = query_packet(packet, acl_cases[i].name, acl_cases[i].type, 1232);
		const char *want = acl_cases[i].want;

		corefile.len = 0;
		text_printf(&corefile, ". {\n %s\n whoami\n}", acl_cases[i].acl);
		server_init(server, corefile.bytes);
		ask(server, acl_cases[i].source, packet, size, &got);
		if (strcmp(want, PASSED) == 0 ? server->output.plugin != QUERY_PLUGIN_WHOAMI
					      : strcmp(got.bytes, want) != 0) {
			print_error("%s, %s %s: got %s\n", acl_cases[i].acl, acl_cases[i].source,
				    acl_cases[i].name, got.bytes);
			n_wrong++;
		}
		server_fini(server);
		free(server);
	}
	assert_int_equal(n_wrong, 0);
	text_fini(&got);
	text_fini(&corefile);
}

/* What is blocked stays so when a CNAME leads to it, in whichever server block it is. */
static void test_acl_of_targets(void **state)
{
	static const char templates[] =
		" template IN ANY a.test {\n answer \"{{ .Name }} 60 IN CNAME x.b.test\"\n }\n"
		" template IN ANY c.test {\n answer \"{{ .Name }} 60 IN CNAME x.d.test\"\n }\n"
		" template IN A b.test {\n answer \"{{ .Name }} 60 IN A 10.0.0.2\"\n }\n whoami\n";
	static const char other[] =
		"d.test {\n acl {\n filter type A net 10.0.0.0/8\n }\n"
		" template IN ANY d.test {\n answer \"{{ .Name }} 60 IN AAAA fd00::4\"\n }\n}\n";
	struct server *server = mem_zalloc(sizeof(*server));
	struct text corefile = {0}, got = {0};
	uint8_t packet[512];

	text_printf(&corefile, ". {\n acl b.test {\n block net 10.0.0.0/8\n }\n%s}\n%s", templates,
		    other);
	server_init(server, corefile.bytes);
	ask(server, "10.0.0.1", packet, query_packet(packet, "x.b.test", A, 1232), &got);
	assert_string_equal(got.bytes, BLOCKED);
	ask(server, "10.0.0.1", packet, query_packet(packet, "a.test", A, 1232), &got);
	assert_string_equal(got.bytes,
			    "NOERROR aa | a.test. 60 CNAME x.b.test. | | OPT 1232 0 ede=15");
	ask(server, "11.0.0.1", packet, query_packet(packet, "a.test", A, 1232), &got);
	assert_string_equal(got.bytes, "NOERROR aa | a.test. 60 CNAME x.b.test.; x.b.test. 60 A "
				       "10.0.0.2 | | OPT 1232 0");
	ask(server, "10.0.0.1", packet, query_packet(packet, "c.test", A, 1232), &got);
	assert_string_equal(got.bytes,
			    "NOERROR aa | c.test. 60 CNAME x.d.test. | | OPT 1232 0 ede=17");
	ask(server, "10.0.0.1", packet, query_packet(packet, "c.test", AAAA, 1232), &got);
	assert_string_equal(got.bytes, "NOERROR aa | c.test. 60 CNAME x.d.test.; x.d.test. 60 AAAA "
				       "fd00::4 | | OPT 1232 0");
	server_fini(server);
	free(server);
	text_fini(&corefile);
	text_fini(&got);
}

/* A CNAME leads to entries of hosts, too, where a client's own question would. */
static void test_hosts_as_targets(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0};
	uint8_t packet[512];

	server_init(
		server,
		". {\n template IN ANY a.test {\n answer \"{{ .Name }} 60 IN CNAME x.h.test\"\n }\n"
		" template IN ANY b.test {\n answer \"{{ .Name }} 60 IN CNAME y.h.test\"\n }\n"
		" hosts h.test {\n 10.0.0.7 x.h.test\n ttl 9\n }\n whoami\n}\n");
	ask(server, "10.0.0.1", packet, query_packet(packet, "a.test", A, 0), &got);
	assert_string_equal(got.bytes, "NOERROR aa | a.test. 60 CNAME x.h.test.; x.h.test. 9 A "
				       "10.0.0.7 | |");
	ask(server, "10.0.0.1", packet, query_packet(packet, "a.test", AAAA, 0), &got);
	assert_string_equal(got.bytes, "NOERROR aa | a.test. 60 CNAME x.h.test. | |");
	/* as it is when the client asks for that name itself */
	ask(server, "10.0.0.1", packet, query_packet(packet, "b.test", A, 0), &got);
	assert_int_equal(server->output.rcode, DNS_RCODE_SERVFAIL);
	assert_int_equal(server->output.n_answer, 0);
	server_fini(server);
	free(server);
	text_fini(&got);
}

/* Two thousand prefixes, of which every second /24 is there: each side of each edge is right. */
static void test_acl_many(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text corefile = {0};
	uint8_t packet[512];
	size_t size = query_packet(packet, "www.test", A, 1232);
	char source[32];

	text_puts(&corefile, ". {\n acl {\n block net");
	for (unsigned i = 0; i < 2000; i++)
		text_printf(&corefile, " 10.%u.%u.0/24", i * 7 % 2000 / 100,
			    i * 7 % 2000 % 100 * 2);
	text_puts(&corefile, "\n }\n whoami\n}");
	server_init(server, corefile.bytes);
	assert_int_equal(server->config.query.blocks[0].acl->rules[0].v4.n, 2000);
	for (unsigned i = 0; i < 20 * 200; i++) {
		static const char *const last[] = {"0", "255"};

		for (unsigned k = 0; k < 2; k++) {
			snprintf(source, sizeof(source), "10.%u.%u.%s", i / 200, i % 200, last[k]);
			assert_int_equal(run(server, source, packet, size, k), QUERY_ANSWER);
			assert_int_equal(server->output.rcode,
					 i % 2 == 0 ? DNS_RCODE_REFUSED : DNS_RCODE_NOERROR);
		}
	}
	server_fini(server);
	free(server);
	text_fini(&corefile);
}

#define LOCAL_SOA " 604800 SOA localhost. root.localhost. 1 0 0 0 604800"
#define ONE_V6 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."

static const struct {
	const char *name;
	uint16_t type;
	const char *want;
} local_cases[] = {
	{"localhost", A, "NOERROR | localhost. 604800 A 127.0.0.1 | |"},
	{"localhost", AAAA, "NOERROR | localhost. 604800 AAAA ::1 | |"},
	{"localhost", DNS_TYPE_SOA, "NOERROR | localhost." LOCAL_SOA " | |"},
	{"localhost", DNS_TYPE_NS, "NOERROR | localhost. 604800 NS localhost. | |"},
	{"localhost", MX, "NOERROR | | localhost." LOCAL_SOA " |"},
	{"db.localhost", A, "NOERROR | db.localhost. 604800 A 127.0.0.1 | |"},
	{"a.b.localhost", AAAA, "NOERROR | a.b.localhost. 604800 AAAA ::1 | |"},
	{"db.localhost", TXT, "NOERROR | | db.localhost." LOCAL_SOA " |"},
	{"localhost.shop.svc.test", A, "NOERROR | localhost.shop.svc.test. 604800 A 127.0.0.1 | |"},
	{"localhost.test", DNS_TYPE_NS, "NOERROR | | localhost.test." LOCAL_SOA " |"},
	{"1.0.0.127.in-addr.arpa", DNS_TYPE_PTR,
	 "NOERROR | 1.0.0.127.in-addr.arpa. 604800 PTR localhost. | |"},
	{"1.0.0.127.in-addr.arpa", A, "NOERROR | | 127.in-addr.arpa." LOCAL_SOA " |"},
	{"0.0.127.in-addr.arpa", A, "NOERROR | | 127.in-addr.arpa." LOCAL_SOA " |"},
	{"2.0.0.127.in-addr.arpa", DNS_TYPE_PTR, "NXDOMAIN | | 127.in-addr.arpa." LOCAL_SOA " |"},
	{"1.1.0.0.127.in-addr.arpa", DNS_TYPE_PTR, "NXDOMAIN | | 127.in-addr.arpa." LOCAL_SOA " |"},
	{"127.in-addr.arpa", DNS_TYPE_NS, "NOERROR | 127.in-addr.arpa. 604800 NS localhost. | |"},
	{"127.in-addr.arpa", DNS_TYPE_SOA, "NOERROR | 127.in-addr.arpa." LOCAL_SOA " | |"},
	{"0.in-addr.arpa", A, "NOERROR | | 0.in-addr.arpa." LOCAL_SOA " |"},
	{"1.1.1.0.in-addr.arpa", DNS_TYPE_PTR, "NXDOMAIN | | 0.in-addr.arpa." LOCAL_SOA " |"},
	{"255.255.255.255.in-addr.arpa", DNS_TYPE_PTR,
	 "NXDOMAIN | | 255.in-addr.arpa." LOCAL_SOA " |"},
	{ONE_V6, DNS_TYPE_PTR, "NOERROR | " ONE_V6 " 604800 PTR localhost. | |"},
	{"x." ONE_V6, DNS_TYPE_PTR, "NXDOMAIN | | " ONE_V6 LOCAL_SOA " |"},
	/* none of ours */
	{"alocalhost", A, NULL},
	{"localhosts.test", A, NULL},
	{"x.localhost.test", A, NULL},
	{"1.in-addr.arpa", DNS_TYPE_PTR, NULL},
	{"27.in-addr.arpa", DNS_TYPE_PTR, NULL},
	{"in-addr.arpa", A, NULL},
	{".", DNS_TYPE_NS, NULL},
};

static void test_local(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0}, page = {0};
	int n_wrong = 0;

	server_init(server, ". {\n local\n whoami\n prometheus\n}");
	for (size_t i = 0; i < ARRAY_LEN(local_cases); i++) {
		uint8_t packet[512];
		/* The root has no dots in the text of query_packet. */
		const char *name = local_cases[i].name[1] ? local_cases[i].name : "";
		size_t size = query_packet(packet, name, local_cases[i].type, 0);
		const char *want = local_cases[i].want;

		ask(server, "10.0.0.1", packet, size, &got);
		if (want ? strcmp(got.bytes, want) != 0
			 : server->output.plugin != QUERY_PLUGIN_WHOAMI) {
			print_error("%s %u: got %s\n", name, local_cases[i].type, got.bytes);
			n_wrong++;
		}
	}
	assert_int_equal(n_wrong, 0);
	query_metrics_write(&server->worker, 1, &server->config.query, &page);
	assert_non_null(strstr(page.bytes, "\ncoredns_local_localhost_requests_total 5\n"));
	assert_non_null(strstr(page.bytes, "plugin=\"local\"}"));
	server_fini(server);
	free(server);
	text_fini(&got);
	text_fini(&page);
}

static void test_local_without_prefix(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0};
	uint8_t packet[512];

	server_init(server, ". {\n local {\n localhost_prefix off\n }\n whoami\n}");
	ask(server, "10.0.0.1", packet, query_packet(packet, "localhost.test", A, 0), &got);
	assert_int_equal(server->output.plugin, QUERY_PLUGIN_WHOAMI);
	ask(server, "10.0.0.1", packet, query_packet(packet, "x.localhost", A, 0), &got);
	assert_string_equal(got.bytes, "NOERROR | x.localhost. 604800 A 127.0.0.1 | |");
	server_fini(server);
	free(server);
	text_fini(&got);
}

/* A query of class CH. */
static size_t chaos_packet(uint8_t packet[512], const char *name, uint16_t type)
{
	size_t size = query_packet(packet, name, type, 0);

	packet[size - 1] = DNS_CLASS_CH;
	return size;
}

static void test_any_and_chaos(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *want;
	} cases[] = {
		{"version.bind", TXT, "NOERROR | version.bind. 0 TXT \"Two Words\" | |"},
		{"VERSION.server", TXT, "NOERROR | version.server. 0 TXT \"Two Words\" | |"},
		{"hostname.bind", TXT, "NOERROR | hostname.bind. 0 TXT \"node-7\" | |"},
		{"id.server", TXT, "NOERROR | id.server. 0 TXT \"node-7\" | |"},
		{"authors.bind", TXT,
		 "NOERROR | authors.bind. 0 TXT \"Ann\"; authors.bind. 0 TXT \"Bob\" | |"},
		{"version.bind", A, "REFUSED | | |"},
		{"x.version.bind", TXT, "REFUSED | | |"},
		{"www.test", TXT, "REFUSED | | |"},
	};
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0};
	uint8_t packet[512];

	server_init(server, ". {\n any\n chaos \"Two Words\" Ann Bob\n whoami\n}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t size = chaos_packet(packet, cases[i].name, cases[i].type);

		ask(server, "10.0.0.1", packet, size, &got);
		assert_string_equal(got.bytes, cases[i].want);
	}
	/* of class IN they are names like any other */
	ask(server, "10.0.0.1", packet, query_packet(packet, "version.bind", TXT, 0), &got);
	assert_int_equal(server->output.plugin, QUERY_PLUGIN_WHOAMI);
	ask(server, "10.0.0.1", packet, query_packet(packet, "www.test", DNS_TYPE_ANY, 0), &got);
	assert_string_equal(got.bytes,
			    "NOERROR | www.test. 8482 HINFO \"ANY obsoleted\"\"See RFC 8482\" | |");
	ask(server, "10.0.0.1", packet, chaos_packet(packet, "www.test", DNS_TYPE_ANY), &got);
	assert_string_equal(got.bytes, "REFUSED | | |");
	server_fini(server);
	free(server);
	text_fini(&got);
}

/* More authors than a message holds: whole records and TC. */
static void test_chaos_is_cut(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text corefile = {0}, got = {0};
	uint8_t packet[512];

	text_puts(&corefile, ". {\n chaos v");
	for (unsigned i = 0; i < 40; i++)
		text_printf(&corefile, " author-number-%u", i);
	text_puts(&corefile, "\n}");
	server_init(server, corefile.bytes);

	size_t size = chaos_packet(packet, "authors.bind", TXT);

	ask(server, "10.0.0.1", packet, size, &got);
	assert_true(server->output.n_answer > 10 && server->output.n_answer < 20);
	assert_true(server->output.size <= 512);
	assert_memory_equal(got.bytes, "NOERROR tc |", 12);
	assert_int_equal(run(server, "10.0.0.1", packet, size, true), QUERY_ANSWER);
	assert_int_equal(server->output.n_answer, 40);
	server_fini(server);
	free(server);
	text_fini(&corefile);
	text_fini(&got);
}

/* A query with an NSID option. */
static size_t nsid_packet(uint8_t packet[512], const char *name, uint16_t type)
{
	size_t size = query_packet(packet, name, type, 1232);

	packet[size - 1] = 4;
	memcpy(packet + size, "\0\3\0\0", 4);
	return size + 4;
}

static void test_nsid(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0};
	uint8_t packet[512];

	server_init(server, ". {\n nsid the edge\n acl b.test {\n block\n }\n whoami\n}\n"
			    "a.test {\n whoami\n}\n");
	ask(server, "10.0.0.1", packet, nsid_packet(packet, "www.test", A), &got);
	assert_non_null(strstr(got.bytes, "OPT 1232 0 option=3"));
	assert_non_null(memmem(server->answer, server->output.size, "\0\3\0\10the edge", 12));
	/* beside an extended error, in every answer */
	ask(server, "10.0.0.1", packet, nsid_packet(packet, "b.test", A), &got);
	assert_string_equal(got.bytes, "REFUSED | | | OPT 1232 0 ede=15 option=3");
	ask(server, "10.0.0.1", packet, nsid_packet(packet, "b.test", DNS_TYPE_AXFR), &got);
	assert_non_null(strstr(got.bytes, " option=3"));
	/* not asked for, and not offered */
	ask(server, "10.0.0.1", packet, query_packet(packet, "www.test", A, 1232), &got);
	assert_null(strstr(got.bytes, "option"));
	ask(server, "10.0.0.1", packet, nsid_packet(packet, "a.test", A), &got);
	assert_null(strstr(got.bytes, "option"));
	server_fini(server);
	free(server);
	text_fini(&got);
}

/* The longest NSID, the longest name and the smallest message: the answer still fits. */
static void test_nsid_fits(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text corefile = {0}, name = {0}, got = {0};
	uint8_t packet[1024];

	text_puts(&corefile, ". {\n local\n bufsize 512\n nsid ");
	for (unsigned i = 0; i < QUERY_NSID_MAX; i++)
		text_puts(&corefile, "n");
	text_puts(&corefile, "\n}");
	server_init(server, corefile.bytes);
	for (unsigned i = 0; i < 121; i++)
		text_puts(&name, "x.");
	text_puts(&name, "localhost");
	for (uint16_t type = 1; type < 300; type++) {
		ask(server, "10.0.0.1", packet, nsid_packet(packet, name.bytes, type), &got);
		assert_true(server->output.size <= 512);
		assert_non_null(strstr(got.bytes, " option=3"));
	}
	server_fini(server);
	free(server);
	text_fini(&corefile);
	text_fini(&name);
	text_fini(&got);
}

static void test_acl_metrics(void **state)
{
	static const char *const wants[] = {
		"coredns_acl_blocked_requests_total{server=\"dns://:53\",zone=\".\",view=\"\"} 2\n",
		"coredns_acl_filtered_requests_total{server=\"dns://:53\",zone=\".\",view=\"\"} "
		"1\n",
		"coredns_acl_dropped_requests_total{server=\"dns://"
		":53\",zone=\"a.test.\",view=\"\"} "
		"1\n",
		"coredns_acl_allowed_requests_total{server=\"dns://:53\",view=\"\"} 3\n",
	};
	static const struct {
		const char *source, *name;
	} asked[] = {
		{"10.0.0.1", "x.test"},	  {"10.0.0.1", "y.test"}, {"10.0.0.2", "x.test"},
		{"10.0.0.2", "b.a.test"}, {"10.0.0.3", "x.test"}, {"10.0.0.3", "x.test"},
		{"10.0.0.3", "a.test"},
	};
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0}, page = {0};
	uint8_t packet[512];

	server_init(server, ". {\n acl {\n block net 10.0.0.1\n filter net 10.0.0.2\n }\n "
			    "prometheus\n}\n"
			    "a.test {\n acl {\n drop net 10.0.0.2\n }\n prometheus\n}");
	for (size_t i = 0; i < ARRAY_LEN(asked); i++)
		ask(server, asked[i].source, packet, query_packet(packet, asked[i].name, A, 0),
		    &got);
	query_metrics_write(&server->worker, 1, &server->config.query, &page);
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		assert_non_null(strstr(page.bytes, wants[i]));
	server_fini(server);
	free(server);
	text_fini(&got);
	text_fini(&page);
}

/* --explain names the rule. */
static void test_trace(void **state)
{
	struct server *server = mem_zalloc(sizeof(*server));
	struct text got = {0}, trace = {0};
	uint8_t packet[512];

	server_init(server, ". {\n acl {\n allow type AAAA\n block net 10.0.0.1\n }\n whoami\n}");
	query_trace(server->worker, &trace);
	ask(server, "10.0.0.1", packet, query_packet(packet, "x.test", A, 0), &got);
	assert_non_null(strstr(trace.bytes, "acl Corefile:4: blocks this query\n"));
	trace.len = 0;
	ask(server, "10.0.0.1", packet, query_packet(packet, "x.test", AAAA, 0), &got);
	assert_non_null(strstr(trace.bytes, "acl Corefile:3: allows this query\n"));
	trace.len = 0;
	ask(server, "10.0.0.9", packet, query_packet(packet, "x.test", A, 0), &got);
	assert_non_null(strstr(trace.bytes, "acl Corefile:1: no rule matches"));
	server_fini(server);
	free(server);
	text_fini(&got);
	text_fini(&trace);
}

static int setup(void **state)
{
	rcu_register();
	return 0;
}

static int teardown(void **state)
{
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_as_targets),
		cmocka_unit_test(test_acl),
		cmocka_unit_test(test_acl_of_targets),
		cmocka_unit_test(test_acl_many),
		cmocka_unit_test(test_acl_metrics),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_local_without_prefix),
		cmocka_unit_test(test_any_and_chaos),
		cmocka_unit_test(test_chaos_is_cut),
		cmocka_unit_test(test_nsid),
		cmocka_unit_test(test_nsid_fits),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
