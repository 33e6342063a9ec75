/* SPDX-License-Identifier: Apache-2.0
 *
 * What each name is, and what its view holds; prefixes, namespaces, pods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rcu.h"
#include "spec.h"

#define NAME_62 "a-name-of-62-octets-the-longest-that-a-question-can-spell-with"

static const char *const specs[] = {
	"web.shop cluster 10.0.0.1 fd00::1 http/tcp/80 /udp/53 {http/tcp/8080} 10-1-0-3=10.1.0.3",
	("db.shop headless {sql/tcp/5432,stats/udp/9} {stats/udp/9} db-0!=10.1.1.1 "
	 "db-1!=10.1.1.2 db-1!=fd00:1::2 ro=10.1.1.3@1"),
	"bare.shop cluster 10.0.0.2",
	"quiet.shop headless {/tcp/1} a=10.1.2.1",
	"ext.shop alias www.example.com",
	"shop.shop cluster 10.0.0.3",
	"svc.svc cluster 10.0.0.4",
	"twin.shop headless {a/tcp/1} {a/tcp/1} x=10.1.4.1@0 y=10.1.4.2@1",
	"1.2 cluster 10.0.0.5 fifteen-letters/tcp/15",
	"long.shop cluster 10.0.0.6 tcp-prometheus-servicemonitor/tcp/9402 " NAME_62
	"/tcp/62 " NAME_62 "x/tcp/63",
};

static const char *const kinds[] = {
	[TABLE_NONE] = "none", [TABLE_EMPTY] = "empty", [TABLE_SERVICE] = "service",
	[TABLE_HOST] = "host", [TABLE_PORT] = "port",	[TABLE_ALIAS] = "alias",
};

static const struct {
	const char *name,
		*want; /* kind, addresses, SRV as number:target with "-" for the service */
} names[] = {
	{"shop", "empty"},
	{"svc", "empty"},
	{"2", "empty"},
	{"none", "none"},
	{"web", "none"},
	{"web.shop", "service 10.0.0.1 fd00::1 53:- 80:-"},
	{"web.svc", "none"},
	{"shop.web", "none"},
	{"shop.shop", "service 10.0.0.3"},
	{"svc.svc", "service 10.0.0.4"},
	{"1.2", "service 10.0.0.5 15:-"},
	{"bare.shop", "service 10.0.0.2"},
	{"db.shop", "service 10.1.1.1 10.1.1.2 10.1.1.3 fd00:1::2 9:ro 5432:db-0 9:db-0 5432:db-1 "
		    "9:db-1"},
	{"ext.shop", "alias"},
	{"twin.shop", "service 10.1.4.1 10.1.4.2 1:x 1:y"},
	{"_tcp.web.shop", "empty"},
	{"_udp.web.shop", "none"}, /* its only UDP port has no name */
	{"_sctp.web.shop", "none"},
	{"_tcp.db.shop", "empty"},
	{"_udp.db.shop", "empty"},
	{"_tcp.bare.shop", "none"},
	{"_tcp.quiet.shop", "none"},
	{"_tcp.ext.shop", "none"},
	{"_tcx.web.shop", "none"},
	{"_.web.shop", "none"},
	{"_tc.web.shop", "none"},
	{"_tcp.shop", "none"},
	{"tcp.web.shop", "none"},
	{"10-1-0-3.web.shop", "host 10.1.0.3 8080:10-1-0-3"},
	{"10-1-0-4.web.shop", "none"},
	{"db-0.db.shop", "host 10.1.1.1 5432:db-0 9:db-0"},
	{"db-1.db.shop", "host 10.1.1.2 fd00:1::2 5432:db-1 9:db-1"},
	{"ro.db.shop", "host 10.1.1.3 9:ro"},
	{"a.quiet.shop", "host 10.1.2.1 1:a"},
	{"db-2.db.shop", "none"},
	{"db.db.shop", "none"},
	{"x.ext.shop", "none"},
	{"x.bare.shop", "none"},
	{"_http._tcp.web.shop", "port 80:-"},
	{"_http._udp.web.shop", "none"},
	{"_htt._tcp.web.shop", "none"},
	{"_httpx._tcp.web.shop", "none"},
	{"http._tcp.web.shop", "none"},
	{"_http.tcp.web.shop", "none"},
	{"_http._tcx.web.shop", "none"},
	{"_._udp.web.shop", "none"}, /* unnamed ports have no name */
	{"_._tcp.web.shop", "none"},
	{"_sql._tcp.db.shop", "port 5432:db-0 5432:db-1"},
	{"_stats._udp.db.shop", "port 9:ro 9:db-0 9:db-1"},
	{"_stats._tcp.db.shop", "none"},
	{"_fifteen-letters._tcp.1.2", "port 15:-"},
	{"_fifteen-letterss._tcp.1.2", "none"},
	{"long.shop", "service 10.0.0.6 62:- 63:- 9402:-"},
	{"_tcp-prometheus-servicemonitor._tcp.long.shop", "port 9402:-"},
	{"_tcp-prometheus-servicemonitors._tcp.long.shop", "none"},
	{"_tcp-prometheus-s._tcp.long.shop", "none"},
	{"_" NAME_62 "._tcp.long.shop", "port 62:-"},
	{NAME_62 "x._tcp.long.shop", "none"},
	{"_fifteen-letter._tcp.1.2", "none"},
	{"_http._tcp.ext.shop", "none"},
	{"_http._tcp.bare.shop", "none"},
	{"db-0._tcp.db.shop", "none"},
	{"x.db-0.db.shop", "none"},
	{"x._http._tcp.web.shop", "none"},
	{"a.b.c.d.e.f.web.shop", "none"},
	{"web\\.shop", "none"},
	{"we\\000b.shop", "none"},
	{"web.sho\\112", "service 10.0.0.1 fd00::1 53:- 80:-"}, /* \112 is a p */
	{"_http\\000._tcp.web.shop", "none"},
};

static void add_addresses(struct text *out, const struct table_view *view,
			  enum address_family family)
{
	struct table_addresses addresses = table_addresses(view, family);
	struct address address = {.family = (uint8_t)family};
	char text[ADDRESS_TEXT_MAX];

	for (uint32_t i = 0; i < addresses.n; i++) {
		memcpy(address.bytes, addresses.bytes + i * address_size(&address),
		       address_size(&address));
		address_to_text(&address, text);
		text_printf(out, " %s", text);
	}
}

static uint32_t add_srv(struct text *out, const struct table_view *view)
{
	uint32_t n = 0;
	struct table_target target;

	for (uint32_t i = 0; i < table_n_targets(view); i++) {
		table_target(view, i, &target);
		for (uint32_t k = 0; k < target.n_ports; k++) {
			if (!table_port_matches(view, &target.ports[k]))
				continue;
			text_printf(out, " %u:", (unsigned)target.ports[k].port);
			if (target.label)
				text_append(out, (const char *)target.label + 1, target.label[0]);
			else
				text_puts(out, "-");
			n++;
		}
	}
	return n;
}

static void check_find(const struct table *table, const char *text, const char *want)
{
	struct dns_name name = spec_name(text);
	struct table_view view;
	struct text got = {0};
	uint32_t n_srv;

	table_find(table, &name, name.n_labels, &view);
	text_puts(&got, kinds[view.kind]);
	add_addresses(&got, &view, ADDRESS_V4);
	add_addresses(&got, &view, ADDRESS_V6);
	n_srv = add_srv(&got, &view);
	if (strcmp(got.bytes, want) != 0 || n_srv != table_n_srv(&view))
		fail_msg("%s: %s (%u SRV)", text, got.bytes, table_n_srv(&view));
	if ((view.node == NULL) != (view.kind == TABLE_NONE || name.n_labels == 1))
		fail_msg("%s: node %p", text, (const void *)view.node);
	text_fini(&got);
}

static struct table *make_table(void)
{
	struct table *table = table_new();

	for (size_t i = 0; i < ARRAY_LEN(specs); i++)
		assert_true(spec_put(table, specs[i]));
	table_commit(table, 0, true);
	return table;
}

static void test_names(void **state)
{
	struct table *table = make_table();

	rcu_enter();
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_find(table, names[i].name, names[i].want);
	rcu_leave();
	table_free(table);
}

/* Only the first n_labels of a name count. */
static void test_longer_name(void **state)
{
	struct table *table = make_table();
	struct dns_name name = spec_name("_http._tcp.web.shop.svc.cluster.local");
	struct table_view view;

	rcu_enter();
	table_find(table, &name, 4, &view);
	assert_int_equal(view.kind, TABLE_PORT);
	assert_ptr_equal(view.port_name, name.wire + 2);
	assert_int_equal(view.port_name_len, 4);
	table_find(table, &name, 3, &view);
	assert_int_equal(view.kind, TABLE_NONE);
	table_find(table, &name, 7, &view);
	assert_int_equal(view.kind, TABLE_NONE);
	rcu_leave();
	table_free(table);
}

static void test_node(void **state)
{
	static const uint8_t target[] = "\3www\7example\3com";
	struct table *table = make_table();
	struct dns_name name = spec_name("ext.shop");
	struct table_view view;
	size_t len;

	rcu_enter();
	table_find(table, &name, 2, &view);
	assert_memory_equal(table_alias(&view, &len), target, sizeof(target));
	assert_int_equal(len, sizeof(target));
	assert_memory_equal(table_node_name(view.node, &len), name.wire, 9);
	assert_int_equal(len, 9);
	assert_false(table_node_is_headless(view.node));
	assert_int_equal(table_n_targets(&view), 0);
	name = spec_name("db.shop");
	table_find(table, &name, 2, &view);
	assert_true(table_node_is_headless(view.node));
	assert_int_equal(table_n_targets(&view), 3);
	rcu_leave();
	table_free(table);
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *address;
		unsigned bits;
		bool want;
	} prefixes[] = {
		{"0.0.0.0", 0, true},	 {"10.0.0.0", 8, true},	     {"10.1.0.0", 16, true},
		{"10.1.1.0", 24, true},	 {"10.1.2.0", 24, true},     {"10.1.3.0", 24, false},
		{"10.2.0.0", 16, false}, {"11.0.0.0", 8, false},     {"10.1.1.1", 32, true},
		{"10.1.1.9", 32, false}, {"10.1.1.200", 24, true}, /* low bits do not count */
		{"::", 0, true},	 {"f000::", 4, true},	     {"fd00::", 64, true},
		{"fd00:1::", 32, true},	 {"fd00:1::", 124, true},    {"fd00:2::", 32, false},
		{"e000::", 4, false},	 {"fd00:1::10", 124, false}, {"fd00:1::2", 128, true},
		{"a00::", 8, false}, /* not the IPv4 prefix with these octets */
	};
	struct table *table = make_table();

	rcu_enter();
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct address address = spec_address(prefixes[i].address);

		if (table_has_prefix(table, &address, prefixes[i].bits) != prefixes[i].want)
			fail_msg("%s/%u", prefixes[i].address, prefixes[i].bits);
	}
	rcu_leave();
	table_free(table);
}

static void test_pods(void **state)
{
	static const struct {
		const char *namespace, *address;
		bool want;
	} pods[] = {
		{"\4shop", "10.1.0.3", true},  {"\4shop", "fd00::3", true},
		{"\4shop", "10.1.0.4", false}, {"\4shoq", "10.1.0.3", false},
		{"\3sho", "10.1.0.3", false},  {"\5other", "10.1.0.4", true},
		{"\5other", "a01:4::", false},
	};
	struct table *table = table_new();

	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		struct address address = spec_address(pods[i].address);

		if (pods[i].want)
			table_put_pod(table, pods[i].namespace + 1, &address);
	}
	rcu_enter();
	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		struct address address = spec_address(pods[i].address);

		if (table_has_pod(table, (const uint8_t *)pods[i].namespace, &address) !=
		    pods[i].want)
			fail_msg("%s %s", pods[i].namespace + 1, pods[i].address);
	}
	assert_true(table_has_namespace(table, (const uint8_t *)"\4shop"));
	assert_false(table_has_namespace(table, (const uint8_t *)"\3sho"));
	rcu_leave();
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_longer_name),
		cmocka_unit_test(test_node),  cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_pods),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
