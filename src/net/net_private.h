/* SPDX-License-Identifier: Apache-2.0
 *
 * What net.c and metrics.c share. Main thread, but for what net_metrics_write reads.
 */
#ifndef KANAME_NET_PRIVATE_H
#define KANAME_NET_PRIVATE_H

#include "worker.h"

struct net {
	struct net_config config;	     /* the caller's; tcp_max is what descriptors allow */
	const struct query_config *query;    /* borrowed */
	struct worker **workers;	     /* owned, n_workers of them */
	struct query_worker **query_workers; /* owned array; the workers own what it points to */
	unsigned n_workers;
	bool is_running, is_draining;
	unsigned n_ended; /* workers; atomic */
	uv_async_t ended; /* on the main loop */
	void (*on_drained)(void *arg);
	void *arg;
};

#endif
