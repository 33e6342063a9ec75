/* SPDX-License-Identifier: Apache-2.0
 *
 * What lingers when endpoints leave a slice: each case is a list of events at a headless service,
 * with the hosts that are answered after each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "world.h"

#define LINGER_MS 300

struct event {
	uint64_t at_ms;
	const char *slice;   /* NULL: the Service; "": nothing but time */
	const char *service; /* that the slice belongs to */
	const char *hosts;   /* "a b": the slice's endpoints, of 10.1.0.'a'; NULL: it is deleted */
	const char *want;    /* hosts of web.shop that are answered then */
};

#define EVENTS_MAX 8

static const struct {
	const char *name;
	struct event events[EVENTS_MAX];
} cases[] = {
	{"a move, the new place first",
	 {{0, "s", "web", "ab", "ab"},
	  {1, "t", "web", "b", "ab"},
	  {2, "s", "web", "a", "ab"},
	  {302, "", "", "", "ab"}}},
	{"a move, the old place first",
	 {{0, "s", "web", "ab", "ab"},
	  {1, "s", "web", "a", "ab"},
	  {2, "t", "web", "b", "ab"},
	  {301, "", "", "", "ab"}}},
	{"it has left for good",
	 {{0, "s", "web", "ab", "ab"},
	  {1, "s", "web", "b", "ab"},
	  {300, "", "", "", "ab"},
	  {301, "", "", "", "b"}}},
	{"the last one has left",
	 {{0, "s", "web", "a", "a"}, {1, "s", "web", "", "a"}, {301, "", "", "", ""}}},
	{"the slice is deleted",
	 {{0, "s", "web", "abc", "abc"}, {1, "s", "web", NULL, "abc"}, {301, "", "", "", ""}}},
	{"replaced: a change like any other",
	 {{0, "s", "web", "ab", "ab"}, {1, "s", "web", "ac", "ac"}}},
	{"one comes, one goes: likewise",
	 {{0, "s", "web", "ab", "ab"}, {1, "s", "web", "bc", "bc"}}},
	{"the order is another one",
	 {{0, "s", "web", "abcd", "abcd"},
	  {1, "s", "web", "dca", "abcd"},
	  {301, "", "", "", "acd"}}},
	{"two slices change places",
	 {{0, "s", "web", "ab", "ab"},
	  {0, "t", "web", "cd", "abcd"},
	  {1, "s", "web", "cb", "abcd"},
	  {2, "t", "web", "da", "abcd"},
	  {302, "", "", "", "abcd"}}},
	{"replaced in one of two slices: it may be on its way",
	 {{0, "s", "web", "ab", "ab"},
	  {0, "t", "web", "c", "abc"},
	  {1, "s", "web", "db", "abcd"},
	  {301, "", "", "", "bcd"}}},
	{"two leave, one after the other",
	 {{0, "s", "web", "abc", "abc"},
	  {1, "s", "web", "bc", "abc"},
	  {100, "s", "web", "c", "abc"},
	  {301, "", "", "", "bc"},
	  {400, "", "", "", "c"}}},
	{"it comes back and leaves again",
	 {{0, "s", "web", "ab", "ab"},
	  {1, "s", "web", "a", "ab"},
	  {2, "s", "web", "ab", "ab"},
	  {301, "", "", "", "ab"},
	  {310, "s", "web", "a", "ab"},
	  {610, "", "", "", "a"}}},
	{"the slice goes to another service: at once",
	 {{0, "s", "web", "ab", "ab"}, {1, "s", "db", "ab", ""}}},
	{"the service is deleted: at once",
	 {{0, "s", "web", "ab", "ab"},
	  {1, "s", "web", "a", "ab"},
	  {2, NULL, "", NULL, ""},
	  {400, "", "", "", ""}}},
};

static void decode(struct object *object, const char *text)
{
	static const struct kube_source_config config;
	const struct object_input input = {text, strlen(text), false, "", ""};
	struct text why = {0};
	size_t offset;

	assert_int_equal(object_decode(object, &input, &config, &why, &offset), OBJECT_DECODED);
	text_fini(&why);
}

static void put(struct world *world, const char *text, bool is_deleted)
{
	struct object object = {0};
	struct store_owner *other;

	decode(&object, text);
	if (is_deleted)
		store_remove(&world->store, &world->owner, &object);
	else
		assert_int_equal(store_put(&world->store, &world->owner, &object, &other),
				 STORE_PUT);
	object_fini(&object);
}

static void put_service(struct world *world, const char *name, bool is_deleted)
{
	struct text text = {0};

	text_printf(&text,
		    "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":"
		    "\"shop\",\"name\":\"%s\"},\"spec\":{\"clusterIP\":\"None\"}}",
		    name);
	put(world, text.bytes, is_deleted);
	text_fini(&text);
}

static void put_slice(struct world *world, const struct event *event)
{
	struct text text = {0};

	text_printf(&text,
		    "{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s.io/v1\","
		    "\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"labels\":"
		    "{\"kubernetes.io/service-name\":\"%s\"}},\"addressType\":\"IPv4\","
		    "\"ports\":[{\"name\":\"p\",\"port\":1}],\"endpoints\":[",
		    event->slice, event->service);
	for (const char *host = event->hosts; host && *host; host++)
		text_printf(&text, "%s{\"addresses\":[\"10.1.0.%d\"],\"hostname\":\"%c\"}",
			    host > event->hosts ? "," : "", *host, *host);
	text_puts(&text, "]}");
	put(world, text.bytes, event->hosts == NULL);
	text_fini(&text);
}

/* The hosts of web.shop that have an address, in order. */
static void expect_hosts(const struct world *world, const char *want)
{
	char *dump = world_dump(world);
	char got[32] = "";
	size_t n = 0;

	for (int host = 'a'; host <= 'z'; host++) {
		char line[64];

		snprintf(line, sizeof(line), "%c.web.shop.svc A 10.1.0.%d\n", host, host);
		if (strstr(dump, line))
			got[n++] = (char)host;
	}
	assert_string_equal(got, want);
	free(dump);
}

static void take_event(struct world *world, const struct event *event)
{
	world->store.now_ms = event->at_ms;
	store_expire(&world->store, event->at_ms);
	if (!event->slice)
		put_service(world, "web", event->hosts == NULL);
	else if (*event->slice)
		put_slice(world, event);
	world_publish(world, event->at_ms);
	expect_hosts(world, event->want);
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world world;

		world_init(&world, &(struct kube_source_config){0});
		world.store.linger_ms = LINGER_MS;
		put_service(&world, "web", false);
		put_service(&world, "db", false);
		for (size_t j = 0; j < EVENTS_MAX && cases[i].events[j].want; j++) {
			print_message("%s: event %zu\n", cases[i].name, j + 1);
			take_event(&world, &cases[i].events[j]);
		}
		world_fini(&world);
	}
}

/* Where nothing is to linger, as with files, nothing does. */
static void test_without(void **state)
{
	struct world world;

	world_init(&world, &(struct kube_source_config){0});
	put_service(&world, "web", false);
	take_event(&world, &(struct event){0, "s", "web", "ab", "ab"});
	take_event(&world, &(struct event){1, "s", "web", "a", "a"});
	assert_true(store_expiry_ms(&world.store) == UINT64_MAX);
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_without),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
