/* SPDX-License-Identifier: Apache-2.0
 *
 * The watches' calls become HTTP requests, and the responses' progress becomes the watches' events.
 * One timer serves all: api_settle sets it to the earliest time that a watch wants; it is set back
 * only when it fires, since most events only move that time further away.
 */
#include "api.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

const struct histogram_bounds api_duration_bounds = {
	.n = 11,
	.le = {5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
	       10000000},
};

/* What leaves a slice may be on its way into another, which is the controller's next request. */
#define LINGER_MS 300

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000u;
}

/* ---- time ---- */

static void on_time(uv_timer_t *timer);

/* Once in each turn of the loop, before it sleeps: so the timer, which runs before, never sets
 * itself again within its turn. */
static void arm(struct api *api)
{
	uint64_t due_ms = store_expiry_ms(api->store);
	uint64_t now = now_ms();

	if (api->startup_due_ms < due_ms)
		due_ms = api->startup_due_ms;
	for (unsigned i = 0; i < api->n_watches; i++) {
		if (api->watches[i].watch.due_ms < due_ms)
			due_ms = api->watches[i].watch.due_ms;
	}
	if (due_ms >= api->armed_for_ms)
		return;
	api->armed_for_ms = due_ms;
	uv_update_time(api->timer.loop);
	uv_timer_start(&api->timer, on_time, due_ms > now ? due_ms - now : 1, 0);
}

static void tell_late_start(struct api *api)
{
	api->startup_due_ms = UINT64_MAX;
	for (unsigned i = 0; i < api->n_watches; i++) {
		struct text why = {0};

		if (api->watches[i].watch.is_complete)
			continue;
		watch_tell(&api->watches[i].watch, &why);
		log_printf(api->log, LOG_WARNING,
			   "%s; startup_timeout is over: names of the cluster get SERVFAIL until "
			   "it is in",
			   why.bytes);
		text_fini(&why);
	}
}

static void on_time(uv_timer_t *timer)
{
	struct api *api = timer->data;
	uint64_t now = now_ms();

	api->armed_for_ms = UINT64_MAX;
	if (now >= api->startup_due_ms)
		tell_late_start(api);
	for (unsigned i = 0; i < api->n_watches; i++)
		watch_on_time(&api->watches[i].watch, now);
}

/* ---- requests ---- */

/* What was good before stays in use; the fault is told once. */
static int refresh_access(struct api *api, bool is_denied, struct text *why)
{
	struct text fault = {0};
	int error = access_refresh(&api->access, is_denied, &fault);
	bool is_told =
		fault.len == api->access_fault.len &&
		(fault.len == 0 || memcmp(fault.bytes, api->access_fault.bytes, fault.len) == 0);

	if (api->access.generation == 0) {
		text_puts(why, fault.len > 0 ? fault.bytes : "no credentials");
		text_fini(&fault);
		return error;
	}
	if (error != 0 && !is_told)
		log_printf(api->log, LOG_WARNING, "kubernetes: %s; what was read before is used",
			   fault.bytes);
	text_fini(&api->access_fault);
	api->access_fault = fault;
	return 0;
}

static void note_host(struct api *api)
{
	pthread_mutex_lock(api->lock);
	if (api->host.len == 0)
		text_puts(&api->host, api->access.host_label);
	pthread_mutex_unlock(api->lock);
}

static int on_get(void *arg, const struct watch_request *wanted, struct text *why)
{
	struct api_watch *watch = arg;
	struct api *api = watch->api;
	const struct http_get get = {
		.path = wanted->path, .is_gzip = wanted->is_list, .is_fresh = wanted->is_fresh};
	int error = refresh_access(api, wanted->is_denied, why);

	if (error != 0)
		return error;
	note_host(api);
	watch->began_ns = clock_monotonic_ns();
	return http_get(api->http, &watch->request, &api->access, &get, why);
}

static void count_request(struct api_watch *watch, unsigned status)
{
	struct api_counters *counters = &watch->api->counters;
	uint64_t duration_us = (clock_monotonic_ns() - watch->began_ns) / 1000u;

	counter_add(&counters->requests[status < API_HTTP_STATUS_MAX ? status : 0], 1);
	histogram_observe(&counters->duration_us, &api_duration_bounds, duration_us);
	watch->began_ns = 0;
}

static void on_cancel(void *arg)
{
	struct api_watch *watch = arg;

	http_cancel(&watch->request);
	if (watch->began_ns != 0)
		count_request(watch, 0);
}

/* Called from within a response: the other watches' requests may not be touched now. */
static void on_other_cluster(void *arg)
{
	struct api_watch *watch = arg;

	watch->api->other_cluster = watch;
}

static const struct watch_calls watch_calls = {on_get, on_cancel, on_other_cluster};

/* ---- responses ---- */

static void on_head(void *arg, unsigned status, unsigned retry_after_s)
{
	struct api_watch *watch = arg;

	count_request(watch, status);
	watch_on_head(&watch->watch, status, retry_after_s, now_ms());
}

static bool on_data(void *arg, const char *bytes, size_t len)
{
	struct api_watch *watch = arg;

	return watch_on_data(&watch->watch, bytes, len, now_ms());
}

static void on_end(void *arg, const char *fault)
{
	struct api_watch *watch = arg;

	if (watch->began_ns != 0)
		count_request(watch, 0);
	watch_on_end(&watch->watch, fault, now_ms());
}

static const struct http_calls http_calls = {on_head, on_data, on_end};

/* ---- the whole ---- */

static bool is_wanted(const struct kube_source_config *config, enum watch_subject subject)
{
	switch (subject) {
	case WATCH_SERVICES:
	case WATCH_NAMESPACES:
		return true;
	case WATCH_ENDPOINTS:
		return !config->noendpoints || config->ignore_empty_service;
	case WATCH_PODS:
		return config->wants_pods;
	}
	return false;
}

/* In a pod the credentials may still come; what is wrong, or was named and is not there, ends the
 * start. */
static int find_server(struct api *api, struct text *why)
{
	const struct kube_access_config *access = &api->config->access;
	bool is_in_pod = !access->endpoint && !access->kubeconfig;
	struct access_machine machine;
	struct text fault = {0};
	int error;

	access_machine_read(&machine);
	access_init(&api->access, access, &machine);
	error = access_refresh(&api->access, false, &fault);
	if (error != -EINVAL && is_in_pod)
		error = 0;
	if (error != 0)
		text_printf(why, "kubernetes: %s", fault.bytes);
	text_fini(&fault);
	return error;
}

int api_init(struct api *api, const struct kube_source_config *config, struct store *store,
	     struct log_channel *log, struct text *why)
{
	static const enum watch_subject subjects[] = {WATCH_SERVICES, WATCH_ENDPOINTS,
						      WATCH_NAMESPACES, WATCH_PODS};

	store->linger_ms = LINGER_MS;
	*api = (struct api){.config = config,
			    .store = store,
			    .log = log,
			    .armed_for_ms = UINT64_MAX,
			    .startup_due_ms = UINT64_MAX};
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		struct api_watch *watch = &api->watches[api->n_watches];

		if (!is_wanted(config, subjects[i]))
			continue;
		*watch = (struct api_watch){
			.watch = {.config = config,
				  .subject = subjects[i],
				  .calls = &watch_calls,
				  .arg = watch,
				  .store = store,
				  .log = log},
			.request = {.calls = &http_calls, .arg = watch},
			.api = api,
		};
		watch_init(&watch->watch);
		api->n_watches++;
	}
	return find_server(api, why);
}

void api_fini(struct api *api)
{
	for (unsigned i = 0; i < api->n_watches; i++)
		watch_fini(&api->watches[i].watch);
	access_fini(&api->access);
	text_fini(&api->access_fault);
	text_fini(&api->host);
}

void api_open(struct api *api, uv_loop_t *loop, struct http *http, pthread_mutex_t *lock)
{
	uint64_t now = now_ms();

	api->http = http;
	api->lock = lock;
	api->timer.data = api;
	CHECK(uv_timer_init(loop, &api->timer) == 0);
	api->startup_due_ms = now + api->config->startup_timeout_ms;
	for (unsigned i = 0; i < api->n_watches; i++)
		watch_start(&api->watches[i].watch, now);
}

void api_close(struct api *api)
{
	for (unsigned i = 0; i < api->n_watches; i++)
		http_cancel(&api->watches[i].request);
	uv_close((uv_handle_t *)&api->timer, NULL);
}

void api_settle(struct api *api)
{
	for (unsigned i = 0; api->other_cluster && i < api->n_watches; i++) {
		if (&api->watches[i] != api->other_cluster)
			watch_relist(&api->watches[i].watch, now_ms());
	}
	api->other_cluster = NULL;
	if (store_expiry_ms(api->store) != UINT64_MAX)
		store_expire(api->store, now_ms());
	arm(api);
}

bool api_is_synced(const struct api *api)
{
	for (unsigned i = 0; i < api->n_watches; i++) {
		if (!api->watches[i].watch.is_complete)
			return false;
	}
	return true;
}

bool api_is_partial(const struct api *api)
{
	uint64_t now = now_ms();

	for (unsigned i = 0; i < api->n_watches; i++) {
		if (watch_is_partial(&api->watches[i].watch, now))
			return true;
	}
	return false;
}

void api_tell_missing(const struct api *api, struct text *why)
{
	for (unsigned i = 0; i < api->n_watches; i++) {
		const struct watch *watch = &api->watches[i].watch;

		if (watch->is_complete && !watch->is_partial)
			continue;
		watch_tell(watch, why);
		text_puts(why, "\n");
	}
}
