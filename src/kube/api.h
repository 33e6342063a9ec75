/* SPDX-License-Identifier: Apache-2.0
 *
 * A source that is fed by an API server: its credentials, a watch for each resource that it needs,
 * and their requests.
 *
 * The happy path: api_init, api_open on the loop, api_settle after each turn of it, api_close, and
 * api_fini when the loop has run out. The kube thread; counters are read by any, the host under
 * the lock.
 */
#ifndef KANAME_KUBE_API_H
#define KANAME_KUBE_API_H

#include <pthread.h>

#include "base/counter.h"
#include "http.h"
#include "watch.h"

#define API_HTTP_STATUS_MAX 600

/* Read by any thread. */
struct api_counters {
	uint64_t requests[API_HTTP_STATUS_MAX]; /* by HTTP status; [0]: without an answer */
	struct histogram duration_us;		/* until the response's head */
};

/* The buckets of coredns_kubernetes_rest_client_request_duration_seconds: Prometheus' defaults. */
extern const struct histogram_bounds api_duration_bounds;

struct api_watch {
	struct watch watch;
	struct http_request request;
	struct api *api;
	uint64_t began_ns; /* the request */
};

struct api {
	const struct kube_source_config *config; /* borrowed */
	struct http *http;			 /* borrowed */
	struct log_channel *log;		 /* borrowed */
	struct store *store;			 /* borrowed */
	pthread_mutex_t *lock;			 /* borrowed */
	struct access access;
	struct api_watch watches[WATCH_N_SUBJECTS];
	unsigned n_watches;
	uv_timer_t timer;
	uint64_t armed_for_ms;	  /* what the timer is set to; UINT64_MAX: nothing */
	uint64_t startup_due_ms;  /* UINT64_MAX: it was synced in time, or has been told */
	struct text access_fault; /* the last that was logged */
	const struct api_watch *other_cluster; /* who noticed that another cluster answers, until it
						  is settled */
	struct text host; /* guarded by lock: "10.96.0.1:443" once it is known */
	struct api_counters counters;
};

/* Everything is borrowed and outlives the api. 0, or -errno with the reason in *why: where the
 * server is is not known. Main thread, before the kube thread. */
MUST_USE int api_init(struct api *api, const struct kube_source_config *config, struct store *store,
		      struct log_channel *log, struct text *why);
void api_fini(struct api *api);

/* Starts the watches. */
void api_open(struct api *api, uv_loop_t *loop, struct http *http, pthread_mutex_t *lock);
void api_close(struct api *api);

/* Does what could not be done from within the responses, and ends what has lingered. */
void api_settle(struct api *api);

/* Is every resource complete? */
bool api_is_synced(const struct api *api);

/* Why not: a line for each resource. */
void api_tell_missing(const struct api *api, struct text *why);

/* Is the store halfway between two lists of a resource, so that it is not to be published now? */
bool api_is_partial(const struct api *api);

#endif
