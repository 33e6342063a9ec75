/* SPDX-License-Identifier: Apache-2.0
 *
 * A watch in virtual time, without a network: each scenario is a list of steps (a request is
 * expected, a response is told, time passes, what is known is compared).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/counter.h"
#include "watch.h"
#include "world.h"

enum action {
	END,
	GET, /* the next request is for `text`: its path, "timeoutSeconds" and its value left out */
	FRESH,	 /* likewise, and it must not go on a connection that is there */
	DENIED,	 /* likewise, and the credentials are to be read anew */
	NONE,	 /* no request is under way */
	HEAD,	 /* its response's head: status, and Retry-After in `ms` as seconds */
	DATA,	 /* bytes of the response; it goes on */
	LAST,	 /* bytes of the response, after which it is to be ended; and so it is */
	OVER,	 /* the response has ended */
	BROKEN,	 /* the connection has failed, with these words */
	REFUSE,	 /* the next request cannot be begun, for this reason */
	AFTER,	 /* `ms` pass */
	RETRY,	 /* time passes until the watch wants to go on, at most `ms` */
	TABLE,	 /* what the services are now: "web=10.0.0.1 ..." */
	FAULT,	 /* why it is not complete; "" when it is */
	LINES,	 /* what was logged since the last time contains this; "" when it is nothing */
	PARTIAL, /* is it halfway between two lists? `ms` 1 or 0 */
	OTHERS,	 /* the others were told of another cluster, `ms` times in all */
	RELIST,	 /* the others noticed */
	ERRORS,	 /* decode errors, in all */
};

struct step {
	enum action action;
	const char *text;
	unsigned status;
	uint64_t ms;
};

/* Most steps have a text or a number only. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define STEPS_MAX 48

#define STREAM "&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define LIST_STREAM(path) path "?watch=1" STREAM
#define WATCH_FROM(path, version) path "?watch=1&allowWatchBookmarks=true&resourceVersion=" version
#define VERIFY(path, version) path "?limit=1" /* from that version on */
#define SERVICES "/api/v1/services"
#define NAMESPACES "/api/v1/namespaces"
#define SLICES "/apis/discovery.k8s.io/v1/endpointslices"
#define GROUP "/apis/discovery.k8s.io"

#define META(name, version)                                     \
	"\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name \
	"\",\"resourceVersion\":\"" version "\"}"
#define SERVICE(name, address, version)                      \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\"," META( \
		name, version) ",\"spec\":{\"clusterIP\":\"" address "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define ADDED(name, address, version) EVENT("ADDED", SERVICE(name, address, version))
#define MODIFIED(name, address, version) EVENT("MODIFIED", SERVICE(name, address, version))
#define DELETED(name, address, version) EVENT("DELETED", SERVICE(name, address, version))
#define BOOKMARK(version)                                                             \
	EVENT("BOOKMARK", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":" \
			  "{\"resourceVersion\":\"" version "\"}}")
#define INITIAL_END(version)                                                          \
	EVENT("BOOKMARK", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":" \
			  "{\"resourceVersion\":\"" version                           \
			  "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, message)                                                        \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" code "}"
#define TOO_LARGE                                                                            \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":\"Too large resource version: 9, current: 5\",\"reason\":\"Timeout\","  \
	"\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":"      \
	"\"Too large resource version\"}],\"retryAfterSeconds\":1},\"code\":504}"
#define ITEM(name, address)                                      \
	"{\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name \
	"\"},\"spec\":{\"clusterIP\":\"" address "\"}}"
#define PAGE(version, token, items)                                                          \
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":" \
	"\"" version "\"" token "},\"items\":[" items "]}"
#define TOKEN(token) ",\"continue\":\"" token "\",\"remainingItemCount\":7"
#define NAMESPACE(type, name, uid, version)                                                        \
	EVENT(type, "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name \
		    "\",\"uid\":\"" uid "\",\"resourceVersion\":\"" version "\"}}")
#define GROUP_WITH(versions)                                                          \
	"{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"discovery.k8s.io\"," \
	"\"versions\":[" versions "]}"
#define VERSION(version) \
	"{\"groupVersion\":\"discovery.k8s.io/" version "\",\"version\":\"" version "\"}"

/* A watch of services that is complete at version 5 and follows. */
#define FOLLOWING                                                                                 \
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},                                      \
		{DATA, ADDED("web", "10.0.0.1", "3") INITIAL_END("5")}, {TABLE, "web=10.0.0.1 "}, \
	{                                                                                         \
		LINES, "1 objects listed"                                                         \
	}

#define DAY_MS (24ull * 3600 * 1000)

static const struct {
	const char *name;
	enum watch_subject subject;
	struct step steps[STEPS_MAX];
} scenarios[] = {
#include "watch_scenarios.h"
};

struct rig {
	struct world world;
	struct watch watch;
	struct text lines;
	char *path; /* of the request under way; NULL: none */
	struct watch_request request;
	const char *refusal; /* of the next request; NULL: it is taken */
	uint64_t now_ms;
	unsigned n_others;
};

static int on_get(void *arg, const struct watch_request *request, struct text *why)
{
	struct rig *rig = arg;

	assert_null(rig->path);
	if (rig->refusal) {
		text_puts(why, rig->refusal);
		rig->refusal = NULL;
		return -ENOENT;
	}
	rig->path = strdup(request->path);
	rig->request = *request;
	return 0;
}

static void on_cancel(void *arg)
{
	struct rig *rig = arg;

	free(rig->path);
	rig->path = NULL;
}

static void on_other_cluster(void *arg)
{
	((struct rig *)arg)->n_others++;
}

static const struct watch_calls calls = {on_get, on_cancel, on_other_cluster};

static void rig_init(struct rig *rig, enum watch_subject subject)
{
	*rig = (struct rig){.now_ms = 1000};
	world_init(&rig->world, &(struct kube_source_config){0});
	rig->watch = (struct watch){.config = &rig->world.config,
				    .subject = subject,
				    .calls = &calls,
				    .arg = rig,
				    .store = &rig->world.store,
				    .lines = &rig->lines};
	watch_init(&rig->watch);
}

static void rig_fini(struct rig *rig)
{
	world_fini(&rig->world);
	watch_fini(&rig->watch);
	free(rig->path);
	text_fini(&rig->lines);
}

/* The path without "&timeoutSeconds=300": it is random. */
static void mask_timeout(char *path)
{
	char *at = strstr(path, "&timeoutSeconds=");
	char *end;

	if (!at)
		return;
	end = at + strlen("&timeoutSeconds=");
	assert_in_range(strtoul(end, &end, 10), 300, 599);
	memmove(at, end, strlen(end) + 1);
}

static void expect_get(struct rig *rig, const struct step *step)
{
	assert_non_null(rig->path);
	mask_timeout(rig->path);
	assert_string_equal(rig->path, step->text);
	assert_int_equal(rig->request.is_fresh, step->action == FRESH);
	assert_int_equal(rig->request.is_denied, step->action == DENIED);
}

/* In two halves, as pieces of a response come. */
static bool feed(struct rig *rig, const char *text)
{
	size_t len = strlen(text), half = len / 2;

	return watch_on_data(&rig->watch, text, half, rig->now_ms) &&
	       watch_on_data(&rig->watch, text + half, len - half, rig->now_ms);
}

static void end_response(struct rig *rig, const char *fault)
{
	assert_non_null(rig->path);
	free(rig->path);
	rig->path = NULL;
	watch_on_end(&rig->watch, fault, rig->now_ms);
}

/* Every moment that the watch has asked for within that time comes. */
static void pass(struct rig *rig, uint64_t ms)
{
	uint64_t end_ms = rig->now_ms + ms;

	while (rig->watch.due_ms <= end_ms) {
		rig->now_ms = rig->watch.due_ms > rig->now_ms ? rig->watch.due_ms : rig->now_ms;
		watch_on_time(&rig->watch, rig->now_ms);
		/* It has begun something that nobody answers here. */
		if (rig->path && rig->watch.due_ms <= end_ms && rig->watch.due_ms <= rig->now_ms)
			break;
	}
	rig->now_ms = end_ms;
}

static void retry(struct rig *rig, uint64_t most_ms)
{
	assert_int_equal(rig->watch.state, WATCH_WAITING);
	assert_in_range(rig->watch.due_ms - rig->now_ms, 0, most_ms);
	if (rig->watch.due_ms > rig->now_ms) {
		watch_on_time(&rig->watch, rig->watch.due_ms - 1);
		assert_null(rig->path);
	}
	rig->now_ms = rig->watch.due_ms;
	watch_on_time(&rig->watch, rig->now_ms);
}

/* The services' addresses of the table's dump: "web=10.0.0.1 ". */
static void expect_table(struct rig *rig, const char *want)
{
	struct text got = {0};
	char *dump, *line, *rest;

	world_publish(&rig->world, rig->now_ms);
	dump = world_dump(&rig->world);
	text_puts(&got, "");
	for (line = strtok_r(dump, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *at = strstr(line, ".shop.svc A ");

		if (at)
			text_printf(&got, "%.*s=%s ", (int)(at - line), line, at + 12);
	}
	assert_string_equal(got.bytes, want);
	text_fini(&got);
	free(dump);
}

static void expect_fault(struct rig *rig, const char *want)
{
	struct text got = {0};

	text_puts(&got, "");
	if (!rig->watch.is_complete)
		watch_tell(&rig->watch, &got);
	assert_string_equal(got.bytes, want);
	text_fini(&got);
}

static void expect_lines(struct rig *rig, const char *want)
{
	const char *got = rig->lines.len > 0 ? rig->lines.bytes : "";

	if (*want ? !strstr(got, want) : *got)
		fail_msg("logged: \"%s\", not: \"%s\"", got, want);
	text_fini(&rig->lines);
}

static void expect(struct rig *rig, const struct step *step)
{
	switch (step->action) {
	case GET:
	case FRESH:
	case DENIED:
		expect_get(rig, step);
		return;
	case NONE:
		assert_null(rig->path);
		return;
	case TABLE:
		expect_table(rig, step->text);
		return;
	case FAULT:
		expect_fault(rig, step->text);
		return;
	case LINES:
		expect_lines(rig, step->text);
		return;
	case PARTIAL:
		assert_int_equal(watch_is_partial(&rig->watch, rig->now_ms), step->ms);
		return;
	case OTHERS:
		assert_int_equal(rig->n_others, step->ms);
		return;
	case ERRORS:
		assert_int_equal(counter_read(&rig->watch.counters.decode_errors), step->ms);
		return;
	case END:
	case HEAD:
	case DATA:
	case LAST:
	case OVER:
	case BROKEN:
	case REFUSE:
	case AFTER:
	case RETRY:
	case RELIST:
		break;
	}
	fail();
}

static void take_step(struct rig *rig, const struct step *step)
{
	switch (step->action) {
	case HEAD:
		assert_non_null(rig->path);
		watch_on_head(&rig->watch, step->status, (unsigned)step->ms, rig->now_ms);
		return;
	case DATA:
		assert_non_null(rig->path);
		assert_true(feed(rig, step->text));
		return;
	case LAST:
		assert_false(feed(rig, step->text));
		end_response(rig, "Failed writing body");
		return;
	case OVER:
		end_response(rig, NULL);
		return;
	case BROKEN:
		end_response(rig, step->text);
		return;
	case REFUSE:
		rig->refusal = step->text;
		return;
	case AFTER:
		pass(rig, step->ms);
		return;
	case RETRY:
		retry(rig, step->ms);
		return;
	case RELIST:
		watch_relist(&rig->watch, rig->now_ms);
		return;
	case END:
	case GET:
	case FRESH:
	case DENIED:
	case NONE:
	case TABLE:
	case FAULT:
	case LINES:
	case PARTIAL:
	case OTHERS:
	case ERRORS:
		break;
	}
	expect(rig, step);
}

static void test_scenarios(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct rig rig;

		rig_init(&rig, scenarios[i].subject);
		watch_start(&rig.watch, rig.now_ms);
		for (size_t j = 0; j < STEPS_MAX && scenarios[i].steps[j].action != END; j++) {
			print_message("%s: step %zu\n", scenarios[i].name, j + 1);
			take_step(&rig, &scenarios[i].steps[j]);
		}
		rig_fini(&rig);
	}
}

/* A hundred replicas that lose the same server do not come back in step, and none waits long. */
static void test_backoff(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (int replica = 0; replica < 100; replica++) {
		struct rig rig;

		rig_init(&rig, WATCH_SERVICES);
		watch_start(&rig.watch, rig.now_ms);
		for (int i = 0; i < 20; i++) {
			end_response(&rig, "Connection refused");
			assert_in_range(rig.watch.due_ms - rig.now_ms, 0, 2500);
			retry(&rig, 2500);
		}
		least = rig.now_ms < least ? rig.now_ms : least;
		most = rig.now_ms > most ? rig.now_ms : most;
		rig_fini(&rig);
	}
	assert_true(least < most);
	assert_true(least > 15000); /* twenty tries are no storm */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_backoff),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
