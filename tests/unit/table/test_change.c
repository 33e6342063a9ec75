/* SPDX-License-Identifier: Apache-2.0
 *
 * From one content to the next: PTRs follow what moved, counted sets, serial, counts, resizing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rcu.h"
#include "spec.h"

/* Each step puts a service, or with "-" in front removes it; then the PTRs of 10.0.0.1. */
static const struct {
	const char *name;
	struct {
		const char *spec, *want;
	} steps[6];
} moves[] = {
	{"between hosts of one service",
	 {{"s.n headless a=10.0.0.1 b=10.0.0.2", "a.s.n"},
	  {"s.n headless a=10.0.0.2 b=10.0.0.1", "b.s.n"},
	  {"s.n headless a=10.0.0.1 b=10.0.0.1", "a.s.n b.s.n"},
	  {"s.n headless b=10.0.0.1", "b.s.n"},
	  {"s.n headless b=10.0.0.2", ""}}},
	{"between services",
	 {{"s.n headless a=10.0.0.1", "a.s.n"},
	  {"t.n headless a=10.0.0.1", "a.s.n a.t.n"},
	  {"-s.n", "a.t.n"},
	  {"-s.n", "a.t.n"},
	  {"-t.n", ""}}},
	{"from cluster IP to endpoint and back",
	 {{"s.n cluster 10.0.0.1", "s.n"},
	  {"t.n headless a!=10.0.0.1", "s.n"},
	  {"s.n cluster 10.0.0.2", "a.t.n"},
	  {"s.n cluster 10.0.0.1 x=10.0.0.1", "s.n"},
	  {"s.n cluster x=10.0.0.1", "a.t.n x.s.n"},
	  {"-t.n", "x.s.n"}}},
	{"two services with the same cluster IP",
	 {{"t.n cluster 10.0.0.1", "t.n"},
	  {"s.n cluster 10.0.0.1", "s.n t.n"},
	  {"u.n cluster a=10.0.0.1", "s.n t.n"},
	  {"t.n alias example.com", "s.n"},
	  {"-s.n", "a.u.n"}}},
	{"named, then headless, then the rest; by name within",
	 {{"c.n cluster b=10.0.0.1 a=10.0.0.1", "a.c.n b.c.n"},
	  {"h.n headless c=10.0.0.1 b=10.0.0.1", "b.h.n c.h.n a.c.n b.c.n"},
	  {"z.n cluster z!=10.0.0.1", "z.z.n b.h.n c.h.n a.c.n b.c.n"},
	  {"y.n headless z!=10.0.0.1 q=10.0.0.1", "z.y.n z.z.n b.h.n c.h.n q.y.n a.c.n b.c.n"},
	  {"h.n headless c!=10.0.0.1 b=10.0.0.1", "c.h.n z.y.n z.z.n b.h.n q.y.n a.c.n b.c.n"}}},
	{"the kind alone changes",
	 {{"s.n cluster a=10.0.0.1 b!=10.0.0.1", "b.s.n a.s.n"},
	  {"t.n headless a=10.0.0.1", "b.s.n a.t.n a.s.n"},
	  {"s.n headless a=10.0.0.1 b!=10.0.0.1", "b.s.n a.s.n a.t.n"}}},
};

static void test_moves(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		struct table *table = table_new();

		for (size_t k = 0; k < ARRAY_LEN(moves[i].steps) && moves[i].steps[k].spec; k++) {
			const char *spec = moves[i].steps[k].spec;
			char *got;

			if (spec[0] == '-')
				spec_remove(table, spec + 1);
			else
				spec_put(table, spec);
			table_commit(table, 0, true);
			got = spec_pointers(table, "10.0.0.1");
			if (strcmp(got, moves[i].steps[k].want) != 0)
				fail_msg("%s: %s: %s", moves[i].name, spec, got);
			free(got);
		}
		table_free(table);
	}
}

/* Prefixes last as long as an address below them. */
static void test_prefix_counts(void **state)
{
	static const struct {
		const char *spec, *prefix;
		unsigned bits;
		bool want;
	} steps[] = {
		{"s.n headless a=10.0.0.1 b=10.0.0.2 c=fd00::1", "10.0.0.0", 24, true},
		{"s.n headless b=10.0.0.2 c=fd00::1", "10.0.0.0", 24, true},
		{"t.n headless b=10.0.0.2 d=fd00::1:1", "10.0.0.0", 24, true},
		{"s.n headless c=fd00::1", "10.0.0.0", 24, true},
		{"t.n headless b=10.0.1.2 d=fd00::1:1", "10.0.0.0", 24, false},
		{"t.n headless b=10.0.1.2 d=fd00::1:1", "10.0.0.0", 16, true},
		{"s.n headless b=10.0.1.2 c=fd00::2:1", "fd00::", 108, true},
		{"t.n headless b=10.0.1.2", "fd00::1:0", 112, false},
		{"s.n cluster 10.0.1.2", "fd00::", 0, false},
		{"t.n alias example.com", "10.0.0.0", 0, true},
		{"s.n alias example.com", "10.0.0.0", 0, false},
	};
	struct table *table = table_new();

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct address address = spec_address(steps[i].prefix);
		bool has_prefix;

		spec_put(table, steps[i].spec);
		table_commit(table, 0, true);
		rcu_enter();
		has_prefix = table_has_prefix(table, &address, steps[i].bits);
		rcu_leave();
		if (has_prefix != steps[i].want)
			fail_msg("%s: %s/%u", steps[i].spec, steps[i].prefix, steps[i].bits);
	}
	table_free(table);
}

static void test_serial(void **state)
{
	static const struct {
		const char *name, *spec;
		uint64_t unix_s;
		bool is_synced;
		uint32_t want;
		bool want_synced;
	} steps[] = {
		{"nothing happened", NULL, 1000, false, 0, false},
		{"the time of the change", "s.n cluster 10.0.0.1", 1000, false, 1000, false},
		{"no change", "s.n cluster 10.0.0.1", 2000, true, 1000, true},
		{"synced for good", NULL, 2000, false, 1000, true},
		{"two in a second", "s.n cluster 10.0.0.2", 1000, true, 1001, true},
		{"a clock that goes back", "s.n cluster 10.0.0.3", 10, true, 1002, true},
		{"and forward", "s.n cluster 10.0.0.4", 3000, true, 3000, true},
		{"nothing was there", "none.n headless", 4000, true, 3000, true},
		{"it vanishes", "s.n headless", 4000, true, 4000, true},
	};
	struct table *table = table_new();

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].spec)
			spec_put(table, steps[i].spec);
		table_commit(table, steps[i].unix_s, steps[i].is_synced);
		if (table_serial(table) != steps[i].want ||
		    table_is_synced(table) != steps[i].want_synced)
			fail_msg("%s: serial %u, synced %d", steps[i].name, table_serial(table),
				 table_is_synced(table));
	}
	table_free(table);
}

enum set_step { PUT_NAMESPACE, REMOVE_NAMESPACE, PUT_POD, REMOVE_POD, PUT, REMOVE };

/* All in namespace n, pod and service being one each. */
static void take_step(struct table *table, enum set_step step)
{
	struct address address = spec_address("10.0.0.1");

	switch (step) {
	case PUT_NAMESPACE:
		table_put_namespace(table, "n");
		break;
	case REMOVE_NAMESPACE:
		table_remove_namespace(table, "n");
		break;
	case PUT_POD:
		table_put_pod(table, "n", &address);
		break;
	case REMOVE_POD:
		table_remove_pod(table, "n", &address);
		break;
	case PUT:
		spec_put(table, "s.n cluster 10.0.0.1");
		break;
	case REMOVE:
		spec_remove(table, "s.n");
		break;
	}
}

static void test_counted_sets(void **state)
{
	static const struct {
		enum set_step step;
		bool want_namespace, want_pod, want_change;
	} steps[] = {
		{PUT_NAMESPACE, true, false, true},
		{PUT_NAMESPACE, true, false, false},
		{REMOVE_NAMESPACE, true, false, false},
		{REMOVE_NAMESPACE, false, false, true},
		{PUT_POD, true, true, true},
		{PUT_POD, true, true, false},
		{PUT_NAMESPACE, true, true, false},
		{REMOVE_NAMESPACE, true, true, false},
		{REMOVE_POD, true, true, false},
		{PUT, true, true, true},
		{PUT, true, true, false},
		{REMOVE_POD, true, false, true},
		{PUT_NAMESPACE, true, false, false},
		{REMOVE, true, false, true},
		{REMOVE, true, false, false},
		{REMOVE_NAMESPACE, false, false, true},
	};
	struct table *table = table_new();
	struct address pod = spec_address("10.0.0.1");

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint32_t serial = table_serial(table);
		struct table_counts counts;

		take_step(table, steps[i].step);
		table_commit(table, 0, true);
		counts = table_counts(table);
		rcu_enter();
		if (table_has_namespace(table, (const uint8_t *)"\1n") != steps[i].want_namespace ||
		    table_has_pod(table, (const uint8_t *)"\1n", &pod) != steps[i].want_pod ||
		    counts.namespaces != steps[i].want_namespace ||
		    counts.pods != steps[i].want_pod ||
		    (table_serial(table) != serial) != steps[i].want_change)
			fail_msg("step %zu", i);
		rcu_leave();
	}
	table_free(table);
}

static void put_many(struct table *table, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char spec[200];

		snprintf(spec, sizeof(spec), "s-%u.n-%u headless a=10.0.%u.%u b=10.1.%u.%u", i,
			 i % 7, i / 250, i % 250, i / 250, i % 250);
		assert_true(spec_put(table, spec));
	}
}

static void check_many(const struct table *table, unsigned n, unsigned n_found)
{
	rcu_enter();
	for (unsigned i = 0; i < n; i++) {
		char text[64];
		struct dns_name name;
		struct table_view view;

		snprintf(text, sizeof(text), "b.s-%u.n-%u", i, i % 7);
		name = spec_name(text);
		table_find(table, &name, 3, &view);
		if (view.kind != (i < n_found ? TABLE_HOST : TABLE_NONE))
			fail_msg("%s", text);
	}
	rcu_leave();
}

/* The hashes grow within a batch and shrink after it, and nothing gets lost. */
static void test_grow_and_shrink(void **state)
{
	enum { N = 5000, N_LEFT = 10 };
	struct table *table = table_new();
	struct table_counts counts;

	put_many(table, N);
	check_many(table, N, N);
	table_commit(table, 0, true);
	check_many(table, N, N);
	counts = table_counts(table);
	assert_int_equal(counts.services, N);
	assert_int_equal(counts.endpoints, 2 * N);
	assert_int_equal(counts.addresses, 2 * N);
	assert_int_equal(counts.namespaces, 7);
	for (unsigned i = N_LEFT; i < N; i++) {
		char spec[64];

		snprintf(spec, sizeof(spec), "s-%u.n-%u", i, i % 7);
		assert_true(spec_remove(table, spec));
	}
	table_commit(table, 0, true);
	check_many(table, N, N_LEFT);
	assert_int_equal(table_counts(table).addresses, 2 * N_LEFT);
	table_free(table);
}

/* A service with as many endpoints as a slice controller makes in five slices of a thousand. */
static void test_large_service(void **state)
{
	enum { N = 5000 };
	static const struct table_port port = {"peer", TABLE_TCP, 7000};
	const struct table_port_set_in set = {&port, 1};
	struct table_endpoint_in *endpoints = mem_zalloc(N * sizeof(*endpoints));
	char(*labels)[ADDRESS_LABEL_MAX] = mem_zalloc(N * sizeof(*labels));
	struct table_service_in in = {
		.service = "large",
		.namespace = "n",
		.kind = TABLE_SERVICE_HEADLESS,
		.endpoints = endpoints,
		.n_endpoints = N,
		.port_sets = &set,
		.n_port_sets = 1,
	};
	struct table *table = table_new();
	struct dns_name name = spec_name("large.n");
	struct table_view view;

	for (unsigned i = 0; i < N; i++) {
		struct address address = {ADDRESS_V4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};

		endpoints[i] = (struct table_endpoint_in){.label = labels[i], .address = address};
		endpoints[i].label_len = (uint8_t)address_to_label(&address, labels[i]);
	}
	assert_true(table_put_service(table, &in));
	assert_false(table_put_service(table, &in));
	endpoints[17].address.bytes[1] = 1;
	assert_true(table_put_service(table, &in));
	table_commit(table, 0, true);
	rcu_enter();
	table_find(table, &name, 2, &view);
	assert_int_equal(table_n_srv(&view), N);
	assert_int_equal(table_addresses(&view, ADDRESS_V4).n, N);
	rcu_leave();
	assert_int_equal(table_counts(table).addresses, N);
	table_free(table);
	free(labels);
	free(endpoints);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moves),		cmocka_unit_test(test_prefix_counts),
		cmocka_unit_test(test_serial),		cmocka_unit_test(test_counted_sets),
		cmocka_unit_test(test_grow_and_shrink), cmocka_unit_test(test_large_service),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
