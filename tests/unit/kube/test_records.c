/* SPDX-License-Identifier: Apache-2.0
 *
 * From objects to records. Each case is a history of states of the cluster, the last of which alone
 * decides what is published: the history, the last state loaded afresh, and its objects in reverse
 * order must give the same dump.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "world.h"

#define OBJECT(version, kind, ns, name, rest)                                                     \
	"{\"apiVersion\":\"" version "\",\"kind\":\"" kind "\",\"metadata\":{\"namespace\":\"" ns \
	"\",\"name\":\"" name "\"" rest "}\n"
#define SERVICE(ns, name, spec) OBJECT("v1", "Service", ns, name, "},\"spec\":{" spec "}")
#define LABELLED(ns, name, label, spec) \
	OBJECT("v1", "Service", ns, name, ",\"labels\":{" label "}},\"spec\":{" spec "}")
#define IP(address) "\"clusterIP\":\"" address "\",\"ports\":[{\"name\":\"http\",\"port\":80}]"
#define HEADLESS "\"clusterIP\":\"None\""
#define ALIAS(target) "\"type\":\"ExternalName\",\"externalName\":\"" target "\""
#define SLICE(name, service, ports, endpoints)                                                 \
	OBJECT("discovery.k8s.io/v1", "EndpointSlice", "shop", name,                           \
	       ",\"labels\":{\"kubernetes.io/service-name\":\"" service                        \
	       "\"}},\"addressType\":\"IPv4\",\"ports\":[" ports "],\"endpoints\":[" endpoints \
	       "]")
#define ENDPOINT(address) "{\"addresses\":[\"" address "\"]}"
#define NAMED(address, name) "{\"addresses\":[\"" address "\"],\"hostname\":\"" name "\"}"
#define UNREADY(address) "{\"addresses\":[\"" address "\"],\"conditions\":{\"ready\":false}}"
#define PORT "{\"name\":\"db\",\"port\":5432}"
#define ENDPOINTS(name, subset) \
	OBJECT("v1", "Endpoints", "shop", name, "},\"subsets\":[" subset "]")
#define NAMESPACE(name, label)                                                         \
	"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"" name \
	"\",\"labels\":{" label "}}}\n"
#define POD(ns, name, address) \
	OBJECT("v1", "Pod", ns, name, "},\"status\":{\"podIP\":\"" address "\"}")

enum options {
	PLAIN,
	WITH_PODS,
	NO_ENDPOINTS,
	IGNORE_EMPTY,
	LABELS,		  /* app=web */
	NAMESPACE_LABELS, /* env=prod */
	ONE_NAMESPACE,	  /* shop */
	N_OPTIONS,
};

#define HISTORY_MAX 4

static const struct {
	const char *name;
	enum options options;
	const char *history[HISTORY_MAX];
	const char *want;
} cases[] = {
#include "records_cases.h"
};

struct configs {
	struct kube_source_config of[N_OPTIONS];
	struct kube_selector *labels, *namespace_labels;
};

static const char *const one_namespace[] = {"shop"};

static int make_configs(void **state)
{
	static struct configs configs;
	struct text why = {0};

	CHECK(kube_selector_parse(&configs.labels, "app=web", &why) == 0);
	CHECK(kube_selector_parse(&configs.namespace_labels, "env=prod", &why) == 0);
	configs.of[WITH_PODS].wants_pods = true;
	configs.of[NO_ENDPOINTS].noendpoints = true;
	configs.of[IGNORE_EMPTY].ignore_empty_service = true;
	configs.of[LABELS].labels = configs.labels;
	configs.of[LABELS].wants_pods = true;
	configs.of[NAMESPACE_LABELS].namespace_labels = configs.namespace_labels;
	configs.of[NAMESPACE_LABELS].wants_pods = true;
	configs.of[ONE_NAMESPACE].namespaces = one_namespace;
	configs.of[ONE_NAMESPACE].n_namespaces = 1;
	rcu_register();
	*state = &configs;
	return 0;
}

static int free_configs(void **state)
{
	struct configs *configs = *state;

	kube_selector_free(configs->labels);
	kube_selector_free(configs->namespace_labels);
	rcu_unregister();
	return 0;
}

/* The lines of text, each an object, in reverse. The caller frees. */
static char *reverse_lines(const char *text)
{
	size_t len = strlen(text);
	char *reversed = mem_alloc(len + 1);
	size_t at = len;

	reversed[len] = '\0';
	while (*text) {
		size_t n = strcspn(text, "\n") + 1;

		at -= n;
		memcpy(reversed + at, text, n);
		text += n;
	}
	return reversed;
}

static void check(const struct world *world, const char *name, const char *how, const char *want)
{
	char *got = world_dump(world);

	if (strcmp(got, want) != 0)
		fail_msg("%s, %s:\n%swanted:\n%s", name, how, got, want);
	free(got);
}

static void test_cases(void **state)
{
	const struct configs *configs = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct kube_source_config *config = &configs->of[cases[i].options];
		struct world old, fresh, reversed;
		const char *last = "";

		world_init(&old, config);
		for (size_t j = 0; j < HISTORY_MAX && cases[i].history[j]; j++) {
			last = cases[i].history[j];
			world_load(&old, last);
		}
		check(&old, cases[i].name, "after its history", cases[i].want);
		world_fini(&old);

		world_init(&fresh, config);
		world_load(&fresh, last);
		check(&fresh, cases[i].name, "afresh", cases[i].want);

		/* Nothing has changed: the serial stays. */
		uint32_t serial = table_serial(fresh.table);

		world_load(&fresh, last);
		assert_false(store_is_dirty(&fresh.store));
		assert_int_equal(table_serial(fresh.table), serial);
		world_fini(&fresh);

		char *lines = reverse_lines(last);

		world_init(&reversed, config);
		world_load(&reversed, lines);
		check(&reversed, cases[i].name, "in reverse", cases[i].want);
		world_load(&reversed, "");
		check(&reversed, cases[i].name, "emptied", "");
		assert_int_equal(reversed.store.entries.n, 0);
		assert_int_equal(reversed.store.nodes.n, 0);
		assert_int_equal(reversed.store.namespaces.n, 0);
		world_fini(&reversed);
		free(lines);
	}
}

/* ---- random histories ---- */

/* Each row are the states that one object may have; "" is: not there. */
#define N_STATES 4
static const char *const objects[][N_STATES] = {
	{"", SERVICE("shop", "web", IP("10.0.0.1")), SERVICE("shop", "web", HEADLESS),
	 SERVICE("shop", "web", ALIAS("db.shop.svc.cluster.local"))},
	{"", SERVICE("shop", "db", IP("10.0.0.1")), SERVICE("shop", "db", HEADLESS),
	 LABELLED("shop", "db", "\"app\":\"web\"", HEADLESS)},
	{"", SERVICE("blue", "web", IP("10.0.0.2")),
	 LABELLED("blue", "web", "\"app\":\"web\"", IP("10.0.0.3")),
	 SERVICE("blue", "web", HEADLESS)},
	{"", SLICE("a", "web", PORT, ENDPOINT("10.1.0.1") "," NAMED("10.1.0.2", "n")),
	 SLICE("a", "db", "", ENDPOINT("10.1.0.1")), SLICE("a", "", PORT, ENDPOINT("10.1.0.3"))},
	{"", SLICE("b", "web", "", ENDPOINT("10.1.0.1")),
	 SLICE("b", "web", PORT, UNREADY("10.1.0.1")),
	 SLICE("b", "db", PORT, NAMED("10.1.0.4", "n"))},
	{"", ENDPOINTS("web", "{\"addresses\":[{\"ip\":\"10.1.0.9\"}]}"),
	 ENDPOINTS("db", "{\"addresses\":[{\"ip\":\"10.1.0.8\"}]}"), ENDPOINTS("web", "")},
	{"", NAMESPACE("shop", ""), NAMESPACE("shop", "\"env\":\"prod\""),
	 NAMESPACE("shop", "\"env\":\"x\"")},
	{"", NAMESPACE("blue", ""), NAMESPACE("blue", "\"env\":\"prod\""), NAMESPACE("green", "")},
	{"", POD("shop", "p", "10.2.0.1"), POD("shop", "p", "10.2.0.2"),
	 POD("blue", "p", "10.2.0.1")},
	{"", POD("shop", "q", "10.2.0.1"), POD("shop", "q", "10.2.0.3"),
	 POD("green", "q", "10.2.0.4")},
};

static void tell_state(const unsigned *states, struct text *out)
{
	out->len = 0;
	text_puts(out, "");
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		text_puts(out, objects[i][states[i]]);
}

static void run_history(const struct kube_source_config *config, struct random *random)
{
	unsigned states[ARRAY_LEN(objects)] = {0};
	struct world world, fresh;
	struct text text = {0};

	world_init(&world, config);
	for (int step = 0; step < 12; step++) {
		for (uint32_t n = 1 + random_below(random, 3); n > 0; n--)
			states[random_below(random, ARRAY_LEN(objects))] =
				random_below(random, N_STATES);
		tell_state(states, &text);
		world_load(&world, text.bytes);
		world_init(&fresh, config);
		world_load(&fresh, text.bytes);

		char *want = world_dump(&fresh);

		check(&world, "random", text.bytes, want);
		free(want);
		world_fini(&fresh);
	}
	text_fini(&text);
	world_fini(&world);
}

static void test_random(void **state)
{
	const struct configs *configs = *state;
	struct random random = {.state = 1};

	for (int run = 0; run < 20 * N_OPTIONS; run++)
		run_history(&configs->of[run % N_OPTIONS], &random);
}

/* ---- the rest ---- */

#define TRIGGERED(time, address)                                                        \
	OBJECT("discovery.k8s.io/v1", "EndpointSlice", "shop", "a",                     \
	       ",\"labels\":{\"kubernetes.io/service-name\":\"web\"},\"annotations\":{" \
	       "\"endpoints.kubernetes.io/last-change-trigger-time\":\"" time           \
	       "\"}},\"addressType\":\"IPv4\",\"endpoints\":[" ENDPOINT(address) "]")

/* Changes of headless services are timed from their trigger, once the table was synced before. */
static void test_programming(void **state)
{
	static const struct {
		const char *text;
		uint64_t unix_ms;
		uint64_t n, sum_ms;
	} steps[] = {
		{SERVICE("shop", "web", HEADLESS) TRIGGERED("1970-01-01T00:00:01Z", "10.1.0.1"),
		 1500, 0, 0},
		{TRIGGERED("1970-01-01T00:00:02Z", "10.1.0.2"), 2005, 1, 5},
		{TRIGGERED("1970-01-01T00:00:03Z", "10.1.0.2"), 4000, 1, 5}, /* same content */
		{TRIGGERED("1970-01-01T00:00:09Z", "10.1.0.3"), 8000, 2, 5}, /* clocks differ */
		{SERVICE("shop", "web", IP("10.0.0.1")), 9000, 2, 5},
		{TRIGGERED("1970-01-01T00:00:09Z", "10.1.0.4"), 9500, 2, 5},
	};
	const struct configs *configs = *state;
	struct world world;

	world_init(&world, &configs->of[PLAIN]);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint64_t n = 0;

		world_put(&world, &world.owner, steps[i].text);
		world_publish(&world, steps[i].unix_ms);
		for (size_t j = 0; j <= HISTOGRAM_BOUNDS_MAX; j++)
			n += world.records.programming.counts[j];
		if (n != steps[i].n || world.records.programming.sum != steps[i].sum_ms)
			fail_msg("step %zu: %lu, %lu ms", i, (unsigned long)n,
				 (unsigned long)world.records.programming.sum);
	}
	world_fini(&world);
}

static void test_owners(void **state)
{
	const struct configs *configs = *state;
	const char *first = SERVICE("shop", "web", IP("10.0.0.1"));
	const char *second = SERVICE("shop", "web", IP("10.0.0.2"));
	const char *first_dump = "10.0.0.1 PTR web.shop.svc\n"
				 "_http._tcp.web.shop.svc SRV 80 web.shop.svc\nshop NAMESPACE\n"
				 "web.shop.svc A 10.0.0.1\nweb.shop.svc SRV 80 web.shop.svc\n";
	struct store_owner early = {.name = "early", .rank = 0}, late = {.name = "late", .rank = 1};
	struct world world;

	world_init(&world, &configs->of[PLAIN]);
	world_put(&world, &late, second);
	world_put(&world, &early, first);
	world_put(&world, &late, second);
	world_publish(&world, 1000);
	check(&world, "owners", "the earlier has it", first_dump);
	assert_true(late.has_shadowed);
	assert_int_equal(early.n_entries, 1);
	assert_int_equal(late.n_entries, 0);

	/* An owner that was not read whole keeps what it had. */
	early.generation++;
	world_put(&world, &late, second);
	assert_int_equal(store_sweep(&world.store), 0);
	world_publish(&world, 1000);
	check(&world, "owners", "the earlier still has it", first_dump);

	/* One that was gives up what it no longer has, in the same batch. */
	early.is_complete = true;
	world_put(&world, &late, second);
	assert_int_equal(store_sweep(&world.store), 0);
	assert_int_equal(late.n_entries, 1);
	assert_int_equal(early.n_entries, 0);
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_programming),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, make_configs, free_configs);
}
