/* SPDX-License-Identifier: Apache-2.0
 *
 *   IDLE -start-> DISCOVERING -which-> LISTING -whole-> FOLLOWING -its time is over-> FOLLOWING
 *                 (EndpointSlices)        ^                 |
 *                                         |                 | lost, silent, cut, refused
 *                                         |                 v
 *                                         +--not ours-- VERIFYING <-- WAITING (backoff)
 *                                                           |
 *                                                           +-ours-> FOLLOWING
 *
 * Any failure of LISTING waits and lists again; one of VERIFYING waits and verifies again. In a
 * streaming list the same request goes over from LISTING to FOLLOWING.
 */
#include <string.h>

#include "base/counter.h"
#include "watch_private.h"

#define TIMEOUT_LEAST_S 300
#define TIMEOUT_SPREAD_S 300
#define EXPECTED_END_MS \
	10000		     /* before its timeout a server may end a watch as a matter of course */
#define STREAM_LIST_MS 60000 /* for a list as a stream; a slow one does better in pages */
#define GOOD_MS 5000	     /* a watch that lived so long was none of a series of failures */
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 2500
#define LOG_AGAIN_MS 300000 /* the same fault is logged again after this */
#define FORBIDDEN_MS 60000  /* rights may be given later */
#define BODY_MAX (256 * 1024)
#define PAGE_LIMIT "500"

const char *watch_name(const struct watch *watch)
{
	static const char *const names[WATCH_N_SUBJECTS] = {
		[WATCH_SERVICES] = "services",
		[WATCH_ENDPOINTS] = "endpointslices",
		[WATCH_NAMESPACES] = "namespaces",
		[WATCH_PODS] = "pods",
	};
	const struct resource *resource = __atomic_load_n(&watch->resource, __ATOMIC_RELAXED);

	return resource ? resource->plural : names[watch->subject];
}

static void set_resource(struct watch *watch, enum resource_id id)
{
	__atomic_store_n(&watch->resource, resource_get(id), __ATOMIC_RELAXED);
}

/* ---- telling ---- */

/* watch->fault is new: once for each fault, and now and then. */
static void log_fault(struct watch *watch, enum log_level level, uint64_t now_ms)
{
	bool is_same = watch->logged.len == watch->fault.len &&
		       memcmp(watch->logged.bytes, watch->fault.bytes, watch->fault.len) == 0;

	if (is_same && now_ms - watch->logged_ms < LOG_AGAIN_MS)
		return;
	watch->logged.len = 0;
	text_append(&watch->logged, watch->fault.bytes, watch->fault.len);
	watch->logged_ms = now_ms;
	watch_say(watch, level, "%s%s", watch->fault.bytes,
		  watch->is_complete ? "; the last known data is served" : "");
}

void watch_tell(const struct watch *watch, struct text *why)
{
	const char *missing =
		watch->is_complete ? "it is being listed again" : "the first list is not in yet";

	text_printf(why, "kubernetes: %s: %s", watch_name(watch),
		    watch->fault.len > 0 ? watch->fault.bytes : missing);
}

/* ---- asking ---- */

/* Full jitter above a half, but for the first time: then from at once on. */
static uint64_t backoff_ms(struct watch *watch)
{
	unsigned doublings = watch->n_failures > 6 ? 5 : watch->n_failures - 1;
	uint32_t most = (uint32_t)BACKOFF_MS << doublings;

	if (most > BACKOFF_MAX_MS)
		most = BACKOFF_MAX_MS;
	if (doublings == 0)
		return 1 + random_below(&watch->random, most);
	return most / 2 + random_below(&watch->random, most / 2);
}

static void wait_for(struct watch *watch, enum watch_state next, uint64_t now_ms)
{
	uint64_t wait_ms;

	watch->n_failures++;
	wait_ms = backoff_ms(watch);
	if (watch->retry_after_s > 0)
		wait_ms += 1000u * (uint64_t)watch->retry_after_s;
	watch->state = WATCH_WAITING;
	watch->next = next;
	watch->due_ms = now_ms + wait_ms;
	watch->retry_after_s = 0;
}

/* watch->fault is set: says so, and goes on with `next` after a while. */
static void fail(struct watch *watch, enum watch_state next, uint64_t now_ms)
{
	log_fault(watch, LOG_WARNING, now_ms);
	wait_for(watch, next, now_ms);
}

/* What a failure in this state is followed by. */
enum watch_state watch_again(const struct watch *watch)
{
	return watch->state == WATCH_FOLLOWING || watch->state == WATCH_VERIFYING ? WATCH_VERIFYING
										  : WATCH_LISTING;
}

static void ask(struct watch *watch, const char *path, uint64_t now_ms)
{
	const struct watch_request request = {
		.path = path,
		.is_list = watch->state == WATCH_LISTING && !watch->is_streaming,
		.is_fresh = watch->is_fresh,
		.is_denied = watch->is_denied,
	};
	int error;

	watch->http_status = 0;
	watch->retry_after_s = 0;
	watch->body.len = 0;
	watch->after_data = WATCH_IDLE;
	watch->began_ms = now_ms;
	watch->due_ms = now_ms + WATCH_ANSWER_MS;
	watch->why.len = 0;
	error = watch->calls->get(watch->arg, &request, &watch->why);
	watch->is_denied = false;
	if (error == 0)
		return;
	watch->fault.len = 0;
	text_append(&watch->fault, watch->why.bytes, watch->why.len);
	fail(watch, watch_again(watch), now_ms);
}

static const char *selector_of(const struct watch *watch)
{
	return watch->subject == WATCH_NAMESPACES ? watch->config->namespace_labels_text
						  : watch->config->labels_text;
}

static void put_path(const struct watch *watch, struct text *path)
{
	const char *selector = selector_of(watch);

	text_puts(path, watch->resource->path);
	if (selector)
		resource_query(path, "labelSelector", selector);
}

static void put_watch_options(struct watch *watch, struct text *path)
{
	char timeout[16];
	uint32_t timeout_s = TIMEOUT_LEAST_S + random_below(&watch->random, TIMEOUT_SPREAD_S);

	watch->timeout_ms = timeout_s * 1000u;
	snprintf(timeout, sizeof(timeout), "%u", timeout_s);
	resource_query(path, "watch", "1");
	resource_query(path, "allowWatchBookmarks", "true");
	resource_query(path, "timeoutSeconds", timeout);
}

static void ask_list(struct watch *watch, uint64_t now_ms)
{
	struct text path = {0};

	split_fini(&watch->split);
	split_init(&watch->split, "", "");
	watch->is_page_whole = false;
	put_path(watch, &path);
	if (watch->is_streaming) {
		put_watch_options(watch, &path);
		resource_query(&path, "sendInitialEvents", "true");
		resource_query(&path, "resourceVersionMatch", "NotOlderThan");
	} else if (watch->n_expired_pages < 2) {
		/* Pages that expire again and again: all in one. */
		resource_query(&path, "limit", PAGE_LIMIT);
		if (watch->page.token.len > 0)
			resource_query(&path, "continue", watch->page.token.bytes);
	}
	ask(watch, path.bytes, now_ms);
	text_fini(&path);
}

static void begin_list(struct watch *watch, uint64_t now_ms)
{
	watch->state = WATCH_LISTING;
	watch->is_streaming = watch->has_streams;
	watch->owner.generation++;
	watch->owner.is_complete = false;
	watch->n_unnamed = 0;
	watch->page.token.len = 0;
	ask_list(watch, now_ms);
}

/* A list from its beginning; of EndpointSlices after asking which the server has. */
static void begin(struct watch *watch, uint64_t now_ms)
{
	counter_add(&watch->counters.relists[watch->reason], 1);
	if (watch->subject != WATCH_ENDPOINTS) {
		begin_list(watch, now_ms);
		return;
	}
	watch->state = WATCH_DISCOVERING;
	ask(watch, RESOURCE_SLICES_GROUP_PATH, now_ms);
}

/* The version is of no use any more. */
static void begin_relist(struct watch *watch, enum watch_relist reason, uint64_t now_ms)
{
	static const char *const words[WATCH_N_RELISTS] = {
		[WATCH_RELIST_FIRST] = "the first list",
		[WATCH_RELIST_EXPIRED] = "the server has forgotten our version (410 Expired)",
		[WATCH_RELIST_TOO_LARGE] = "the server has not reached our version",
		[WATCH_RELIST_CLUSTER] = "another cluster answers",
		[WATCH_RELIST_GONE] = "the resource is not served any more",
		[WATCH_RELIST_REFUSED] = "nothing can be followed from our version",
	};

	watch_say(watch, LOG_INFO, "listing again: %s", words[reason]);
	watch->reason = reason;
	watch->retry_after_s = 0; /* it was about our version */
	/* The server answers: what was waited for during an outage is waited for no more. */
	watch->n_failures = watch->n_relists++;
	wait_for(watch, WATCH_LISTING, now_ms);
}

static void begin_watch(struct watch *watch, uint64_t now_ms)
{
	struct text path = {0};

	watch->state = WATCH_FOLLOWING;
	split_fini(&watch->split);
	split_init(&watch->split, "", "");
	put_path(watch, &path);
	put_watch_options(watch, &path);
	resource_query(&path, "resourceVersion", watch->version);
	ask(watch, path.bytes, now_ms);
	text_fini(&path);
}

/*
 * A list of one object, as new as there is: its version must not be behind ours. (Asked for a
 * version that it has not reached, the server would first wait for it, seconds.) Of namespaces it
 * is kube-system, whose uid tells one cluster from another.
 */
static void begin_verify(struct watch *watch, uint64_t now_ms)
{
	struct text path = {0};

	watch->state = WATCH_VERIFYING;
	counter_add(&watch->counters.reconnects, 1);
	text_puts(&path, watch->resource->path);
	if (watch->subject == WATCH_NAMESPACES)
		resource_query(&path, "fieldSelector", "metadata.name=kube-system");
	resource_query(&path, "limit", "1");
	ask(watch, path.bytes, now_ms);
	text_fini(&path);
}

/* A streaming list has an end for all that comes meanwhile: a busy server that does not know the
 * parameter goes on for ever. */
uint64_t watch_deadline(const struct watch *watch, uint64_t now_ms)
{
	uint64_t answer_ms = now_ms + WATCH_ANSWER_MS, list_ms = watch->began_ms + STREAM_LIST_MS;

	if (watch->state == WATCH_FOLLOWING && watch->http_status == 200)
		return now_ms + WATCH_SILENCE_MS;
	if (watch->state == WATCH_LISTING && watch->is_streaming && list_ms < answer_ms)
		return list_ms;
	return answer_ms;
}

void watch_on_head(struct watch *watch, unsigned http_status, unsigned retry_after_s,
		   uint64_t now_ms)
{
	watch->http_status = http_status;
	if (watch->state == WATCH_FOLLOWING && http_status == 200)
		watch->is_fresh = false;
	watch->retry_after_s = watch_retry_after(retry_after_s);
	watch->due_ms = watch_deadline(watch, now_ms);
}

bool watch_on_data(struct watch *watch, const char *bytes, size_t len, uint64_t now_ms)
{
	bool is_stream = watch->http_status == 200 &&
			 (watch->state == WATCH_LISTING || watch->state == WATCH_FOLLOWING);

	if (watch->state != WATCH_FOLLOWING || !is_stream)
		watch->due_ms = watch_deadline(watch, now_ms);
	if (!is_stream) {
		if (watch->body.len + len <= BODY_MAX)
			text_append(&watch->body, bytes, len);
		return true;
	}
	split_feed(&watch->split, bytes, len);
	return watch_take(watch, now_ms);
}

/* ---- ends ---- */

/* The body of what was not a success becomes the fault. */
static struct message_status read_failure(struct watch *watch, const char *fault)
{
	struct message_status status;

	message_decode_status(&status, watch->body.bytes, watch->body.len);
	watch->fault.len = 0;
	if (fault)
		text_printf(&watch->fault, "%s %s: %s", watch_verb(watch), watch_name(watch),
			    fault);
	else
		watch_tell_status(watch, watch->http_status, &status);
	watch->is_denied = watch->http_status == 401;
	if (watch->retry_after_s == 0)
		watch->retry_after_s = watch_retry_after(status.retry_after_s);
	return status;
}

static bool is_stream_refused(const struct watch *watch)
{
	unsigned status = watch->http_status;

	return watch->is_streaming &&
	       (status == 400 || status == 405 || status == 415 || status == 422 || status == 501);
}

/* Which resource has the endpoints? False: it cannot be told. */
static bool choose_resource(const struct watch *watch, enum resource_id *id)
{
	static const enum resource_id ids[] = {RESOURCE_SLICES_V1, RESOURCE_SLICES_V1BETA1};

	*id = RESOURCE_ENDPOINTS;
	if (watch->http_status == 403)
		*id = RESOURCE_SLICES_V1; /* who may not look takes what every server has since 1.21
					   */
	for (size_t i = ARRAY_LEN(ids); watch->http_status == 200 && i-- > 0;) {
		int found = message_group_has(watch->body.bytes, watch->body.len,
					      resource_get(ids[i])->api_version);

		if (found < 0)
			return false;
		if (found > 0)
			*id = ids[i];
	}
	return true;
}

/* A 404 is kube-apiserver's own, and not that of a load balancer that has lost its way to it. */
static bool has_no_group(const struct watch *watch)
{
	struct message_status status;

	message_decode_status(&status, watch->body.bytes, watch->body.len);
	return strcmp(status.reason, "NotFound") == 0 ||
	       strcmp(status.message, "404 page not found") == 0;
}

static void on_discovered(struct watch *watch, const char *fault, uint64_t now_ms)
{
	unsigned status = watch->http_status;
	bool is_answer = !fault &&
			 (status == 200 || status == 403 || (status == 404 && has_no_group(watch)));
	enum resource_id id;

	if (is_answer && choose_resource(watch, &id)) {
		set_resource(watch, id);
		begin_list(watch, now_ms);
		return;
	}
	(void)read_failure(watch, is_answer ? "the answer is no APIGroup" : fault);
	fail(watch, WATCH_LISTING, now_ms);
}

static void on_page(struct watch *watch, uint64_t now_ms)
{
	if (watch->page.token.len > 0) {
		ask_list(watch, now_ms);
		return;
	}
	watch_set_version(watch, watch->page.version);
	watch_end_list(watch, now_ms);
	begin_watch(watch, now_ms);
}

/* 403, where what may be read has to do (kube-dns's ClusterRole): it is told, and asked for again
 * now and then. False: nothing takes its place. */
static bool do_without(struct watch *watch, uint64_t now_ms)
{
	bool has_slices = watch->resource->kind == OBJECT_SLICE;
	bool is_implied = watch->subject == WATCH_NAMESPACES && !selector_of(watch);

	if (!watch->config->has_minimal_rights || (!has_slices && !is_implied))
		return false;
	(void)read_failure(watch, NULL);
	log_fault(watch, LOG_WARNING, now_ms);
	if (has_slices) {
		set_resource(watch, RESOURCE_ENDPOINTS);
		watch_say(watch, LOG_INFO, "watched in place of endpointslices");
		begin_list(watch, now_ms);
		return true;
	}
	watch->is_complete = true;
	counter_set(&watch->counters.is_complete, 1);
	watch->state = WATCH_WAITING;
	watch->next = WATCH_LISTING;
	watch->due_ms = now_ms + FORBIDDEN_MS;
	return true;
}

static void on_list_failed(struct watch *watch, const char *fault, uint64_t now_ms)
{
	if (!fault && is_stream_refused(watch)) {
		watch_say(watch, LOG_INFO, "the server has no streaming lists: listing in pages");
		watch->has_streams = false;
		begin_list(watch, now_ms);
		return;
	}
	if (!fault && watch->http_status == 403 && do_without(watch, now_ms))
		return;
	watch->n_expired_pages += watch->http_status == 410 && !watch->is_streaming;
	(void)read_failure(watch, !fault && watch->http_status == 200 ? "the response ended early"
								      : fault);
	fail(watch, WATCH_LISTING, now_ms);
}

/* Did the server end the watch because its time was over? */
static bool is_expected_end(const struct watch *watch, const char *fault, uint64_t now_ms)
{
	return !fault && watch->http_status == 200 &&
	       now_ms - watch->began_ms + EXPECTED_END_MS >= watch->timeout_ms;
}

/* False: our version is fine, and something else is wrong. */
static bool is_version_refused(struct watch *watch, const struct message_status *status,
			       enum watch_relist *reason)
{
	if (watch->http_status == 410)
		*reason = WATCH_RELIST_EXPIRED;
	else if (status->is_too_large)
		*reason = WATCH_RELIST_TOO_LARGE;
	else if (watch->http_status == 404)
		*reason = WATCH_RELIST_GONE;
	else if (watch->http_status == 400 || watch->http_status == 422)
		*reason = WATCH_RELIST_REFUSED;
	else
		return false;
	return true;
}

/* A watch, or what verifies its version, has failed: for our version's sake, or otherwise. */
static void on_refused(struct watch *watch, const char *fault, uint64_t now_ms)
{
	const struct message_status status = read_failure(watch, fault);
	enum watch_relist reason;

	if (!fault && is_version_refused(watch, &status, &reason))
		begin_relist(watch, reason, now_ms);
	else
		fail(watch, WATCH_VERIFYING, now_ms);
}

static void on_watch_lost(struct watch *watch, const char *fault, uint64_t now_ms)
{
	if (is_expected_end(watch, fault, now_ms)) {
		counter_add(&watch->counters.reconnects, 1);
		begin_watch(watch, now_ms);
		return;
	}
	if (!fault && watch->http_status == 200) {
		/* An API server that restarts ends its watches in order: nothing to warn of. */
		watch->fault.len = 0;
		text_printf(&watch->fault, "watch %s: the server ended it early",
			    watch_name(watch));
		log_fault(watch, LOG_INFO, now_ms);
		wait_for(watch, WATCH_VERIFYING, now_ms);
		return;
	}
	on_refused(watch, fault, now_ms);
}

/* Versions are numbers that grow, in all servers that there are; others are taken as they come. */
static bool is_behind(const char *version, const char *ours)
{
	char *end, *end_of_ours;
	uint64_t theirs = strtoull(version, &end, 10);
	uint64_t our = strtoull(ours, &end_of_ours, 10);

	return *version && *end == '\0' && *end_of_ours == '\0' && theirs < our;
}

/* Has kube-system another uid than before? Where a selector keeps it from us, the first such list
 * is what tells ours. */
static bool is_other_cluster(struct watch *watch, const char *uid)
{
	bool is_known = *watch->cluster_uid != '\0';
	bool is_other = is_known && strcmp(uid, watch->cluster_uid) != 0;

	if (watch->subject != WATCH_NAMESPACES)
		return false;
	snprintf(watch->cluster_uid, sizeof(watch->cluster_uid), "%s", uid);
	return is_other;
}

/* The list of one was given: is it our cluster's, and has it got to where we are? */
static void on_verified(struct watch *watch, uint64_t now_ms)
{
	struct message_probe probe;

	if (message_decode_probe(&probe, watch->body.bytes, watch->body.len) != 0) {
		(void)read_failure(watch, "the answer is no list");
		fail(watch, WATCH_VERIFYING, now_ms);
	} else if (is_behind(probe.version, watch->version)) {
		begin_relist(watch, WATCH_RELIST_TOO_LARGE, now_ms);
	} else if (is_other_cluster(watch, probe.uid)) {
		watch->calls->on_other_cluster(watch->arg);
		begin_relist(watch, WATCH_RELIST_CLUSTER, now_ms);
	} else {
		begin_watch(watch, now_ms);
	}
}

static void on_verify_end(struct watch *watch, const char *fault, uint64_t now_ms)
{
	if (!fault && watch->http_status == 200)
		on_verified(watch, now_ms);
	else
		on_refused(watch, fault, now_ms);
}

void watch_on_end(struct watch *watch, const char *fault, uint64_t now_ms)
{
	enum watch_state after = watch->after_data;

	watch->store->now_ms = now_ms;
	if (watch->state == WATCH_FOLLOWING && watch->http_status == 200 &&
	    now_ms - watch->began_ms >= GOOD_MS)
		watch->n_failures = watch->n_relists = 0;
	/* The response's own words; the connection's end is only what followed. */
	if (after == WATCH_LISTING && watch->state != WATCH_LISTING) {
		begin_relist(watch, watch->reason, now_ms);
		return;
	}
	if (after != WATCH_IDLE) {
		fail(watch, after, now_ms);
		return;
	}
	switch (watch->state) {
	case WATCH_DISCOVERING:
		on_discovered(watch, fault, now_ms);
		return;
	case WATCH_LISTING:
		if (!fault && watch->http_status == 200 && watch->is_page_whole)
			on_page(watch, now_ms);
		else
			on_list_failed(watch, fault, now_ms);
		return;
	case WATCH_FOLLOWING:
		on_watch_lost(watch, fault, now_ms);
		return;
	case WATCH_VERIFYING:
		on_verify_end(watch, fault, now_ms);
		return;
	case WATCH_IDLE:
	case WATCH_WAITING:
		return;
	}
}

/* ---- time ---- */

static void go_on(struct watch *watch, uint64_t now_ms)
{
	if (watch->next == WATCH_VERIFYING)
		begin_verify(watch, now_ms);
	else
		begin(watch, now_ms);
}

/* A server that does not know the parameter gives a watch that never says where its list ends. */
static void end_endless_list(struct watch *watch, uint64_t now_ms)
{
	watch_say(watch, LOG_INFO, "no end of the streaming list: listing in pages");
	watch->has_streams = false;
	begin_list(watch, now_ms);
}

/* Nothing may have changed: kube-apiserver sends no bookmark of a resource of which it has seen no
 * event since its start. Or it is not there any more, or our version is of its future. */
static void end_silence(struct watch *watch, uint64_t now_ms)
{
	watch_say(watch, LOG_DEBUG, "neither event nor bookmark for %d s: asking anew",
		  WATCH_SILENCE_MS / 1000);
	watch->n_failures = watch->n_relists = 0;
	begin_verify(watch, now_ms);
}

void watch_on_time(struct watch *watch, uint64_t now_ms)
{
	if (now_ms < watch->due_ms || watch->state == WATCH_IDLE)
		return;
	if (watch->state == WATCH_WAITING) {
		go_on(watch, now_ms);
		return;
	}
	watch->calls->cancel(watch->arg);
	watch->is_fresh = true;
	if (watch->state == WATCH_LISTING && watch->is_streaming && watch->http_status == 200) {
		end_endless_list(watch, now_ms);
		return;
	}
	if (watch->state == WATCH_FOLLOWING && watch->http_status == 200) {
		end_silence(watch, now_ms);
		return;
	}
	watch->fault.len = 0;
	text_printf(&watch->fault, "%s %s: no answer for %d s", watch_verb(watch),
		    watch_name(watch), WATCH_ANSWER_MS / 1000);
	fail(watch, watch_again(watch), now_ms);
}

void watch_relist(struct watch *watch, uint64_t now_ms)
{
	bool is_busy = watch->state == WATCH_FOLLOWING || watch->state == WATCH_VERIFYING;

	if (!watch->is_complete || watch->state == WATCH_LISTING ||
	    watch->state == WATCH_DISCOVERING)
		return;
	if (is_busy)
		watch->calls->cancel(watch->arg);
	begin_relist(watch, WATCH_RELIST_CLUSTER, now_ms);
}

bool watch_is_partial(const struct watch *watch, uint64_t now_ms)
{
	return watch->is_partial && now_ms - watch->partial_since_ms < WATCH_PARTIAL_MS;
}

void watch_start(struct watch *watch, uint64_t now_ms)
{
	CHECK(watch->state == WATCH_IDLE);
	begin(watch, now_ms);
}

void watch_init(struct watch *watch)
{
	static const enum resource_id ids[WATCH_N_SUBJECTS] = {
		[WATCH_SERVICES] = RESOURCE_SERVICES,
		[WATCH_ENDPOINTS] = RESOURCE_ENDPOINTS,
		[WATCH_NAMESPACES] = RESOURCE_NAMESPACES,
		[WATCH_PODS] = RESOURCE_PODS,
	};

	random_init(&watch->random);
	watch->due_ms = UINT64_MAX;
	watch->has_streams = true;
	watch->owner.name = "the API server";
	if (watch->subject != WATCH_ENDPOINTS)
		set_resource(watch, ids[watch->subject]);
}

void watch_fini(struct watch *watch)
{
	split_fini(&watch->split);
	object_fini(&watch->object);
	text_fini(&watch->why);
	text_fini(&watch->body);
	text_fini(&watch->fault);
	text_fini(&watch->logged);
	text_fini(&watch->page.token);
}
