/* SPDX-License-Identifier: Apache-2.0
 *
 * The kube thread and its source, as kube.c and metrics.c see them.
 */
#ifndef KANAME_KUBE_KUBE_PRIVATE_H
#define KANAME_KUBE_KUBE_PRIVATE_H

#include <pthread.h>

#include "api.h"
#include "files.h"

/* What metrics.c reads while the thread runs; relaxed atomics (base/counter.h). */
struct source_counters {
	uint64_t n_objects[OBJECT_N_KINDS];
	uint64_t last_change_unix_ms; /* 0: none yet */
};

/* The kube thread's alone, but for what is said otherwise. */
struct source {
	struct store store;
	struct reader reader;			 /* its counters: any thread */
	struct records records;			 /* its histogram: any thread */
	const struct kube_source_config *config; /* borrowed */
	struct files files;			 /* of a source with `objects` */
	struct api api;				 /* of one without */
	bool is_synced;
	uint64_t n_trimmed;		 /* of store.n_dropped, when memory was last given back */
	struct table *table;		 /* borrowed */
	uint32_t serial;		 /* of the table at the last look */
	struct text missing;		 /* guarded by kube->status_lock; empty: synced */
	struct source_counters counters; /* any thread */
};

struct kube {
	uv_loop_t loop;
	uv_timer_t timer;     /* looks at files */
	uv_prepare_t prepare; /* publishes what a turn of the loop has brought from API servers */
	uv_async_t stop;
	struct http *http; /* owned */
	uv_thread_t thread;
	pthread_mutex_t status_lock; /* off the query path: /ready, and a poll until it is synced */
	struct source source;
	struct arena arena; /* of the source's configuration */
	struct log_channel *channel;
};

#endif
