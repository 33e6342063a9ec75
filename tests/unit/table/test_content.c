/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service publishes: every record of it, and the same in whatever order it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rcu.h"
#include "spec.h"

static const struct {
	const char *name;
	const char *specs[3]; /* put one after another into one table */
	const char *want;
} contents[] = {
	{"cluster IP",
	 {"web.shop cluster 10.0.0.1 http/tcp/80"},
	 "10.0.0.1 PTR web.shop.svc\n"
	 "_http._tcp.web.shop.svc SRV 80 web.shop.svc\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc A 10.0.0.1\n"
	 "web.shop.svc SRV 80 web.shop.svc\n"},
	{"dual stack, an unnamed port, an address twice",
	 {"web.shop cluster fd00::1 10.0.0.1 10.0.0.1 /udp/53"},
	 "10.0.0.1 PTR web.shop.svc\n"
	 "fd00::1 PTR web.shop.svc\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc A 10.0.0.1\n"
	 "web.shop.svc AAAA fd00::1\n"
	 "web.shop.svc SRV 53 web.shop.svc\n"},
	{"cluster IP with endpoints",
	 {"web.shop cluster 10.0.0.1 http/tcp/80 {http/tcp/8080} 10-1-0-3=10.1.0.3"},
	 "10-1-0-3.web.shop.svc A 10.1.0.3\n"
	 "10-1-0-3.web.shop.svc SRV 8080 10-1-0-3.web.shop.svc\n"
	 "10.0.0.1 PTR web.shop.svc\n"
	 "10.1.0.3 PTR 10-1-0-3.web.shop.svc\n"
	 "_http._tcp.web.shop.svc SRV 80 web.shop.svc\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc A 10.0.0.1\n"
	 "web.shop.svc SRV 80 web.shop.svc\n"},
	{"endpoints only",
	 {"web.shop cluster http/tcp/80 a=10.1.0.3"},
	 "10.1.0.3 PTR a.web.shop.svc\n"
	 "_http._tcp.web.shop.svc SRV 80 web.shop.svc\n"
	 "a.web.shop.svc A 10.1.0.3\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc SRV 80 web.shop.svc\n"},
	{"headless: its own addresses and ports do not count",
	 {"db.shop headless 10.0.0.9 http/tcp/80 {sql/tcp/5432} db-1!=10.1.0.2 db-0!=10.1.0.1"},
	 "10.1.0.1 PTR db-0.db.shop.svc\n"
	 "10.1.0.2 PTR db-1.db.shop.svc\n"
	 "_sql._tcp.db.shop.svc SRV 5432 db-0.db.shop.svc\n"
	 "_sql._tcp.db.shop.svc SRV 5432 db-1.db.shop.svc\n"
	 "db-0.db.shop.svc A 10.1.0.1\n"
	 "db-0.db.shop.svc SRV 5432 db-0.db.shop.svc\n"
	 "db-1.db.shop.svc A 10.1.0.2\n"
	 "db-1.db.shop.svc SRV 5432 db-1.db.shop.svc\n"
	 "db.shop.svc A 10.1.0.1\n"
	 "db.shop.svc A 10.1.0.2\n"
	 "db.shop.svc SRV 5432 db-0.db.shop.svc\n"
	 "db.shop.svc SRV 5432 db-1.db.shop.svc\n"
	 "shop NAMESPACE\n"},
	{"a host in several slices has the union, others their own set",
	 {"db.shop headless {a/tcp/1} {b/tcp/2} a=10.1.0.1@0 a=10.1.0.1@1 a=fd00::1@1 "
	  "b=10.1.0.2@1"},
	 "10.1.0.1 PTR a.db.shop.svc\n"
	 "10.1.0.2 PTR b.db.shop.svc\n"
	 "_a._tcp.db.shop.svc SRV 1 a.db.shop.svc\n"
	 "_b._tcp.db.shop.svc SRV 2 a.db.shop.svc\n"
	 "_b._tcp.db.shop.svc SRV 2 b.db.shop.svc\n"
	 "a.db.shop.svc A 10.1.0.1\n"
	 "a.db.shop.svc AAAA fd00::1\n"
	 "a.db.shop.svc SRV 1 a.db.shop.svc\n"
	 "a.db.shop.svc SRV 2 a.db.shop.svc\n"
	 "b.db.shop.svc A 10.1.0.2\n"
	 "b.db.shop.svc SRV 2 b.db.shop.svc\n"
	 "db.shop.svc A 10.1.0.1\n"
	 "db.shop.svc A 10.1.0.2\n"
	 "db.shop.svc AAAA fd00::1\n"
	 "db.shop.svc SRV 1 a.db.shop.svc\n"
	 "db.shop.svc SRV 2 a.db.shop.svc\n"
	 "db.shop.svc SRV 2 b.db.shop.svc\n"
	 "fd00::1 PTR a.db.shop.svc\n"
	 "shop NAMESPACE\n"},
	{"two hosts share an address",
	 {"db.shop headless a=10.1.0.1 b=10.1.0.1"},
	 "10.1.0.1 PTR a.db.shop.svc\n"
	 "10.1.0.1 PTR b.db.shop.svc\n"
	 "a.db.shop.svc A 10.1.0.1\n"
	 "b.db.shop.svc A 10.1.0.1\n"
	 "db.shop.svc A 10.1.0.1\n"
	 "shop NAMESPACE\n"},
	{"one name and port under two protocols, two numbers under one",
	 {"dns.sys cluster 10.0.0.10 dns/udp/53 dns/tcp/53 x/sctp/1 x/sctp/2 x/sctp/1"},
	 "10.0.0.10 PTR dns.sys.svc\n"
	 "_dns._tcp.dns.sys.svc SRV 53 dns.sys.svc\n"
	 "_dns._udp.dns.sys.svc SRV 53 dns.sys.svc\n"
	 "_x._sctp.dns.sys.svc SRV 1 dns.sys.svc\n"
	 "_x._sctp.dns.sys.svc SRV 2 dns.sys.svc\n"
	 "dns.sys.svc A 10.0.0.10\n"
	 "dns.sys.svc SRV 1 dns.sys.svc\n"
	 "dns.sys.svc SRV 2 dns.sys.svc\n"
	 "dns.sys.svc SRV 53 dns.sys.svc\n"
	 "dns.sys.svc SRV 53 dns.sys.svc\n"
	 "sys NAMESPACE\n"},
	{"alias",
	 {"ext.shop alias www.example.com."},
	 "ext.shop.svc CNAME www.example.com.\n"
	 "shop NAMESPACE\n"},
	{"no record", {"db.shop headless http/tcp/80", "web.shop cluster http/tcp/80"}, ""},
	{"a cluster IP hides endpoints",
	 {"web.shop cluster 10.0.0.1", "db.shop headless a!=10.0.0.1"},
	 "10.0.0.1 PTR web.shop.svc\n"
	 "a.db.shop.svc A 10.0.0.1\n"
	 "db.shop.svc A 10.0.0.1\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc A 10.0.0.1\n"},
	{"the last one counts",
	 {"web.shop cluster 10.0.0.1 a/tcp/1 x=10.1.0.1", "web.shop alias example.com",
	  "web.shop cluster 10.0.0.2"},
	 "10.0.0.2 PTR web.shop.svc\n"
	 "shop NAMESPACE\n"
	 "web.shop.svc A 10.0.0.2\n"},
	{"longest labels",
	 {"s23456789012345678901234567890123456789012345678901234567890abc."
	  "n23456789012345678901234567890123456789012345678901234567890abc headless "
	  "h23456789012345678901234567890123456789012345678901234567890abc=10.1.0.1"},
	 "10.1.0.1 PTR h23456789012345678901234567890123456789012345678901234567890abc."
	 "s23456789012345678901234567890123456789012345678901234567890abc."
	 "n23456789012345678901234567890123456789012345678901234567890abc.svc\n"
	 "h23456789012345678901234567890123456789012345678901234567890abc."
	 "s23456789012345678901234567890123456789012345678901234567890abc."
	 "n23456789012345678901234567890123456789012345678901234567890abc.svc A 10.1.0.1\n"
	 "n23456789012345678901234567890123456789012345678901234567890abc NAMESPACE\n"
	 "s23456789012345678901234567890123456789012345678901234567890abc."
	 "n23456789012345678901234567890123456789012345678901234567890abc.svc A 10.1.0.1\n"},
};

static void test_contents(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		struct table *table = table_new();

		for (size_t k = 0; k < ARRAY_LEN(contents[i].specs) && contents[i].specs[k]; k++)
			spec_put(table, contents[i].specs[k]);
		table_commit(table, 0, true);

		char *dump = spec_dump(table);

		if (strcmp(dump, contents[i].want) != 0)
			fail_msg("%s:\n%s", contents[i].name, dump);
		free(dump);
		table_free(table);
	}
}

static const struct {
	const char *name, *a, *b;
	bool is_equal;
} pairs[] = {
	{"order of everything",
	 "s.n headless {a/tcp/1,b/udp/2} {c/tcp/3} x=10.0.0.1@0 y!=10.0.0.2@1 y!=fd00::1@1",
	 "s.n headless {c/tcp/3} {b/udp/2,a/tcp/1} y!=fd00::1@0 x=10.0.0.1@1 y!=10.0.0.2@0", true},
	{"equal sets apart or together",
	 "s.n headless {a/tcp/1} {a/tcp/1} x=10.0.0.1@0 y=10.0.0.2@1",
	 "s.n headless {a/tcp/1} x=10.0.0.1 y=10.0.0.2", true},
	{"a set that nobody uses", "s.n headless {b/tcp/2} {a/tcp/1} x=10.0.0.1@1",
	 "s.n headless {a/tcp/1} x=10.0.0.1", true},
	{"two sets merged or one", "s.n headless {a/tcp/1} {b/tcp/2} x=10.0.0.1@0 x=10.0.0.1@1",
	 "s.n headless {b/tcp/2,a/tcp/1,b/tcp/2} x=10.0.0.1", true},
	{"duplicates", "s.n cluster 10.0.0.1 a/tcp/1 x=10.0.0.1 x=10.0.0.1 10.0.0.1 a/tcp/1",
	 "s.n cluster a/tcp/1 10.0.0.1 x=10.0.0.1", true},
	{"named in one slice is named", "s.n headless x!=10.0.0.1 x=10.0.0.1",
	 "s.n headless x!=10.0.0.1", true},
	{"what a headless service ignores", "s.n headless 10.0.0.9 q/tcp/9 x=10.0.0.1",
	 "s.n headless x=10.0.0.1", true},
	{"named or not", "s.n headless x!=10.0.0.1", "s.n headless x=10.0.0.1", false},
	{"kind", "s.n cluster x=10.0.0.1", "s.n headless x=10.0.0.1", false},
	{"port's name", "s.n cluster 10.0.0.1 a/tcp/1", "s.n cluster 10.0.0.1 b/tcp/1", false},
	{"port's protocol", "s.n cluster 10.0.0.1 /tcp/1", "s.n cluster 10.0.0.1 /udp/1", false},
	{"host's set", "s.n cluster {a/tcp/1} {b/tcp/1} x=10.0.0.1@0 y=10.0.0.2@1",
	 "s.n cluster {a/tcp/1} {b/tcp/1} x=10.0.0.1@1 y=10.0.0.2@0", false},
	{"which host has the address", "s.n headless x=10.0.0.1 y=10.0.0.2",
	 "s.n headless x=10.0.0.2 y=10.0.0.1", false},
	{"alias", "s.n alias a.example", "s.n alias b.example", false},
};

/* Equal content changes nothing, so it tells whether two inputs mean the same. */
static void test_equal(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct table *table = table_new();
		uint32_t serial;
		bool has_changed;

		assert_true(spec_put(table, pairs[i].a));
		assert_false(spec_put(table, pairs[i].a));
		table_commit(table, 0, true);
		serial = table_serial(table);
		has_changed = spec_put(table, pairs[i].b);
		table_commit(table, 0, true);
		if (has_changed == pairs[i].is_equal ||
		    table_serial(table) != serial + !pairs[i].is_equal)
			fail_msg("%s: changed %d, serial %u to %u", pairs[i].name, has_changed,
				 serial, table_serial(table));
		table_free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_equal),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
