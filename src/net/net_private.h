/* SPDX-License-Identifier: Apache-2.0
 *
 * What net.c, net_reconfigure.c and metrics.c share. Main thread, but for what is atomic.
 */
#ifndef KANAME_NET_PRIVATE_H
#define KANAME_NET_PRIVATE_H

#include "net_address.h"
#include "worker.h"

struct net {
	struct net_config config;	     /* the caller's; tcp_max is what descriptors allow */
	const struct query_config *query;    /* borrowed: the one that was given last */
	struct log_channel *log;	     /* borrowed: of the main thread */
	struct worker **workers;	     /* owned, n_workers of them */
	struct query_worker **query_workers; /* owned array; the workers own what it points to */
	unsigned n_workers;
	struct net_addresses addresses; /* of config->listeners, in their order */
	struct net_addresses left;	/* those that workers let go in this switch, then empty */
	uint64_t *past_drops; /* owned: by server in query, kernel drops of sockets that are gone */
	bool is_running, is_draining;
	bool is_switching;
	unsigned n_switched, n_ended; /* workers; atomic */
	uv_async_t told;	      /* on the main loop: a worker switched or ended */
	void (*on_drained)(void *arg);
	void *arg;
	void (*on_switched)(void *arg);
	void *switched_arg;
};

/* Lowers config->tcp_max to what descriptors allow. */
void net_fit_descriptors(struct net_config *config, struct log_channel *log);

/* Every worker has switched. */
void net_end_switch(struct net *net);

/* The metrics label of a server; "" for LISTENER_GOES. */
const char *net_server_text(const struct query_config *query, size_t server);

/* The first server of this text. LISTENER_GOES: there is none. */
size_t net_server_of_text(const struct query_config *query, const char *text);

#endif
