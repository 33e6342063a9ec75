/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of groups, policies and rows over reloads: what stays the same keeps its own, what is
 * new gets none that the running configuration has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "memory.h"

#define RELOADS_MAX 4

/* Corefiles one after the other; what the last one's numbers are, a line each: "row SERVER ZONE
 * index", "dropped SERVER index", "policy ZONES index", "group FIRST_TARGET index". */
static const struct slots_case {
	const char *name;
	const char *corefiles[RELOADS_MAX];
	const char *want;
} cases[] = {
	{"nothing changes",
	 {". {\n cache\n forward . 10.0.0.1\n}", ". {\n cache\n forward . 10.0.0.1\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\npolicy . 0\ngroup 10.0.0.1:53 0\n"},
	{"an upstream changes",
	 {". {\n forward . 10.0.0.1\n}", ". {\n forward . 10.0.0.2\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\ngroup 10.0.0.2:53 1\n"},
	{"and again: the hole is filled",
	 {". {\n forward . 10.0.0.1\n}", ". {\n forward . 10.0.0.2\n}",
	  ". {\n forward . 10.0.0.3\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\ngroup 10.0.0.3:53 0\n"},
	{"a zone before the others",
	 {"b.test {\n cache\n forward . 10.0.0.1\n}",
	  "a.test {\n cache\n forward . 10.0.0.2\n}\nb.test {\n cache\n forward . "
	  "10.0.0.1\n}"},
	 "row dns://:53 a.test. 2\nrow dns://:53 b.test. 0\ndropped dns://:53 1\n"
	 "policy b.test. 0\npolicy a.test. 1\ngroup 10.0.0.1:53 0\ngroup 10.0.0.2:53 1\n"},
	{"a zone goes, another comes, and then one more",
	 {"a.test b.test {\n}", "b.test {\n}", "b.test c.test {\n}"},
	 "row dns://:53 b.test. 1\nrow dns://:53 c.test. 0\ndropped dns://:53 2\n"},
	{"another port is another server",
	 {". {\n cache\n}", ".:5353 {\n cache\n}"},
	 "row dns://:5353 . 2\ndropped dns://:5353 3\npolicy . 1\n"},
	{"a cache's times change: it is the same",
	 {". {\n cache 30\n}", ". {\n cache 60 {\n serve_stale\n }\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\npolicy . 0\n"},
	{"equal groups stay with their policy",
	 {"a.test {\n cache\n forward . 10.0.0.1\n}\nb.test {\n cache\n forward . 10.0.0.1\n}",
	  "b.test {\n cache\n forward . 10.0.0.1\n}"},
	 "row dns://:53 b.test. 1\ndropped dns://:53 2\npolicy b.test. 1\n"
	 "group 10.0.0.1:53 1\n"},
	{"a line is added behind one without next",
	 {". {\n forward . 10.0.0.1\n}", ". {\n forward . 10.0.0.1\n forward x. 10.0.0.2\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\ngroup 10.0.0.1:53 0\ngroup 10.0.0.2:53 1\n"},
	{"what next leads to is another: so is the line before it",
	 {". {\n forward . 10.0.0.1 {\n next SERVFAIL\n }\n forward . 10.0.0.2\n}",
	  ". {\n forward . 10.0.0.1 {\n next SERVFAIL\n }\n forward . 10.0.0.3\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\ngroup 10.0.0.1:53 2\ngroup 10.0.0.3:53 3\n"},
	{"what next leads to stays",
	 {". {\n forward . 10.0.0.1 {\n next SERVFAIL\n }\n forward . 10.0.0.2\n}",
	  "x.test {\n forward . 10.0.0.9\n}\n. {\n forward . 10.0.0.1 {\n next SERVFAIL\n }\n "
	  "forward . 10.0.0.2\n}"},
	 "row dns://:53 x.test. 2\nrow dns://:53 . 0\ndropped dns://:53 1\n"
	 "group 10.0.0.1:53 0\ngroup 10.0.0.2:53 1\ngroup 10.0.0.9:53 2\n"},
	{"no forward between",
	 {". {\n forward . 10.0.0.1\n}", ". {\n whoami\n}", ". {\n forward . 10.0.0.1\n}"},
	 "row dns://:53 . 0\ndropped dns://:53 1\ngroup 10.0.0.1:53 0\n"},
};

/* As `corefile`, after `previous`. */
static void load(struct config *config, const char *corefile, const struct config *previous)
{
	const struct memory_file files[] = {{"Corefile", corefile}, {NULL, NULL}};
	const struct config_options options = {
		.default_port = 53, .n_cpus = 2, .previous = previous};
	struct config_machine machine;
	struct text problems = {0};

	memory_machine(&machine, files);
	if (config_load_on(config, "Corefile", &machine, &options, &problems) != 0)
		fail_msg("%s", problems.bytes);
	text_fini(&problems);
}

/* config_dump's line "group N TARGET..." */
static void dump_group(const struct config *config, size_t group, struct text *out)
{
	struct text dump = {0};
	char start[32], target[64];
	const char *at;

	snprintf(start, sizeof(start), "\ngroup %zu ", group);
	config_dump(config, &dump);
	at = strstr(dump.bytes, start);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(start), "%63s", target), 1);
	text_printf(out, "group %s %zu\n", target, group);
	text_fini(&dump);
}

static void dump(const struct config *config, struct text *out)
{
	const struct query_config *query = &config->query;

	for (size_t s = 0; s < query->n_servers; s++) {
		const struct query_server_config *server = &query->servers[s];

		for (size_t v = 0; v < server->n_views; v++)
			text_printf(out, "row %s %s %zu\n", server->views[v].server_text,
				    server->views[v].zone_text, server->views[v].metrics);
		text_printf(out, "dropped %s %zu\n", server->views[0].server_text, server->dropped);
	}
	for (size_t i = 0; i < query->cache.n_policies; i++) {
		if (query->cache.policies[i].server_text)
			text_printf(out, "policy %s %zu\n", query->cache.policies[i].zones_text,
				    query->cache.policies[i].index);
	}
	for (size_t i = 0; i < query->n_groups; i++) {
		if (config->net.forward->groups[i].n_targets > 0)
			dump_group(config, i, out);
	}
}

static void test_numbers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config configs[RELOADS_MAX] = {0};
		struct text text = {0};
		size_t n = 0;

		print_message("%s\n", cases[i].name);
		for (; n < RELOADS_MAX && cases[i].corefiles[n]; n++)
			load(&configs[n], cases[i].corefiles[n], n > 0 ? &configs[n - 1] : NULL);
		dump(&configs[n - 1], &text);
		assert_string_equal(text.bytes, cases[i].want);
		text_fini(&text);
		for (size_t k = 0; k < n; k++)
			config_free(&configs[k]);
	}
}

/* What a slot means; a hole has id 0. */
static uint64_t group_id(const struct config *config, size_t group)
{
	return group < config->query.n_groups ? config->query.group_ids[group] : 0;
}

/* No index means something else right after a reload. */
static void check_step(const struct config *old, const struct config *config)
{
	for (size_t i = 0; i < config->query.n_groups; i++) {
		assert_true(group_id(old, i) == 0 || group_id(config, i) == 0 ||
			    group_id(old, i) == group_id(config, i));
		assert_int_equal(group_id(config, i) == 0,
				 config->net.forward->groups[i].n_targets == 0);
	}
	for (size_t i = 0; i < config->query.cache.n_policies; i++) {
		uint64_t id = config->query.cache.policies[i].id;

		assert_true(i >= old->query.cache.n_policies || id == 0 ||
			    old->query.cache.policies[i].id == 0 ||
			    old->query.cache.policies[i].id == id);
	}
	assert_true(config->query.last_id >= old->query.last_id);
}

/* A thousand reloads, each with other zones and upstreams: the arrays stay as long as two of them
 * need, and the probes' key stays. */
static void test_bounded(void **state)
{
	struct config configs[2] = {0};
	unsigned seed = 1;

	load(&configs[0], ". {\n forward . 10.9.9.9\n}", NULL);
	for (unsigned i = 1; i <= 1000; i++) {
		struct config *config = &configs[i % 2], *old = &configs[1 - i % 2];
		struct text corefile = {0};

		for (unsigned k = 0; k < 4; k++) {
			seed = seed * 1103515245 + 12345;
			text_printf(&corefile,
				    "z%u-%u.test {\n cache\n forward . 10.0.0.%u 10.0.1.%u\n}\n", k,
				    seed >> 16 & 3, seed >> 18 & 3, i & 0xff);
		}
		load(config, corefile.bytes, old);
		check_step(old, config);
		assert_in_range(config->query.n_groups, 4, 8);
		assert_in_range(config->query.cache.n_policies, 4, 8);
		assert_in_range(config->query.n_metrics, 5, 10);
		assert_true(config->net.forward->probe_key == old->net.forward->probe_key);
		config_free(old);
		text_fini(&corefile);
	}
	config_free(&configs[0]);
	config_free(&configs[1]);
}

/* Ids: kept with what stays, never given again. */
static void test_ids(void **state)
{
	struct config a, b, c;

	load(&a, "a.test {\n forward . 10.0.0.1\n forward x. 10.0.0.2\n}", NULL);
	load(&b, "a.test {\n forward . 10.0.0.1\n}", &a);
	load(&c, "a.test {\n forward . 10.0.0.1\n forward x. 10.0.0.2\n}", &b);
	assert_true(a.query.group_ids[0] == c.query.group_ids[0]);
	assert_true(a.query.group_ids[1] != c.query.group_ids[1]);
	assert_true(c.query.group_ids[1] > a.query.last_id);
	assert_true(a.query.servers[0].views[0].metrics_id ==
		    c.query.servers[0].views[0].metrics_id);
	config_free(&a);
	config_free(&b);
	config_free(&c);
}

/* So that an index always fits where workers keep what they count. */
static void test_too_many_caches(void **state)
{
	struct text corefile = {0}, problems = {0};
	const struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct config_machine machine;
	struct config config;

	for (unsigned i = 0; i <= CACHE_POLICIES_MAX / 2; i++)
		text_printf(&corefile, "z%u.test {\n cache\n}\n", i);

	const struct memory_file files[] = {{"Corefile", corefile.bytes}, {NULL, NULL}};

	memory_machine(&machine, files);
	assert_int_not_equal(config_load_on(&config, "Corefile", &machine, &options, &problems), 0);
	assert_string_equal(problems.bytes,
			    "Corefile:6145: more than 2048 server blocks have \"cache\"\n");
	config_free(&config);
	text_fini(&corefile);
	text_fini(&problems);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_too_many_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
