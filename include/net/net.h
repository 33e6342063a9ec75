/* SPDX-License-Identifier: Apache-2.0
 *
 * The workers: N threads, each with its own loop, UDP and TCP sockets (SO_REUSEPORT) and
 * query_worker; they share nothing but the record table and the configuration, which
 * net_reconfigure changes while they serve.
 *
 * Happy path: net_open binds every socket of every worker (so a port in use is an error at start),
 * net_start runs the threads, net_drain lets them go: each reads its UDP queues empty, finishes its
 * TCP answers and those that upstreams owe, and ends; then on_drained is called on the main loop.
 * Main thread.
 */
#ifndef KANAME_NET_NET_H
#define KANAME_NET_NET_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include "forward/forward.h"
#include "query/query.h"

struct net_listener {
	struct sockaddr_storage
		address;  /* with port; the wildcard is 0.0.0.0 and :: in two listeners */
	bool is_optional; /* :: of a wildcard pair: skipped where the machine has no IPv6 */
	size_t server;	  /* index in query_config.servers */
};

struct net_config {
	const struct net_listener *listeners;
	size_t n_listeners;
	unsigned n_workers;	     /* at least 1 */
	unsigned tcp_max;	     /* connections in all; each worker takes an equal part */
	unsigned tcp_max_per_client; /* connections of one client address, in each worker */
	unsigned tcp_idle_ms;	     /* without a query in progress */
	unsigned tcp_stall_ms;	 /* a started message must be whole, an answer must be taken, within
				    this */
	size_t tcp_buffer_bytes; /* for unfinished messages and untaken answers, in each worker */
	unsigned drain_ms;	 /* net_drain ends within this */
	const struct forward_config *forward; /* NULL: nothing is forwarded */
	size_t pending_max;		      /* queries that wait for upstreams, in each worker */
	size_t pending_bytes;		      /* for them, likewise */
};

struct net;

/*
 * Binds everything. `config`, `query` and `log` are borrowed and outlive the net. 0 or -errno; then
 * *why says which address and what to do ("udp 0.0.0.0:53: permission denied: ...").
 */
MUST_USE int net_open(struct net **net, const struct net_config *config,
		      const struct query_config *query, struct log *log, struct text *why);

/* Starts the worker threads. on_drained(arg) will be called once on `loop` after net_drain. */
void net_start(struct net *net, uv_loop_t *loop, void (*on_drained)(void *arg), void *arg);

/*
 * One process hands over to the next on the same port (SO_REUSEPORT). Where net_open found that
 * another one serves an address, ours is bound, but receives nothing before net_join: called when
 * we can answer. Nothing to do, and net_is_joined at once, where there was nobody else. Main
 * thread.
 */
void net_join(struct net *net);
bool net_is_joined(const struct net *net);

/* Does another process receive at all of our addresses, too? Then clients miss nothing when we
 * drain. Main thread; not cheap. */
bool net_is_shared(const struct net *net);

/* Does any process of this machine receive UDP at that address and port? False also where the
 * kernel does not tell. Any thread; not cheap. */
bool net_is_served(const struct sockaddr_storage *address);

/* Another configuration. Both are borrowed, as those of net_open. */
struct net_change {
	const struct net_config *config;
	const struct query_config *query;
	void (*on_switched)(void *arg);
	void *arg;
};

/*
 * All of the new configuration or nothing. Sockets of new addresses are opened and bound first, for
 * every worker; when one cannot be, -errno with *why (as net_open), and nothing has changed;
 * likewise -EBUSY when the net is draining, or does not run. Else 0, and each worker takes the
 * change between two batches: sockets of addresses that stay are the same ones, those of others are
 * let go without losing what the kernel took, connections and waiting queries go on. n_workers
 * stays what it was.
 *
 * on_switched(arg) comes once on the main loop, before on_drained: no worker uses the old `config`
 * and `query` any more, which takes at most about two seconds. Until then the old ones are
 * borrowed, too; net_reconfigure is not called again before.
 */
MUST_USE int net_reconfigure(struct net *net, const struct net_change *change, struct text *why);

/* No new work: empties UDP queues, answers what was read on TCP and what upstreams owe, closes.
 * Bounded by drain_ms, and the rest of a switch that goes on. */
void net_drain(struct net *net);

/* Frees a net that was drained, or never started. Its uv handles on the main loop are closed before
 * on_drained is called. */
void net_free(struct net *net);

/* The query and forward metrics and our own: TCP connections, drops by reason, kernel receive-queue
 * drops. */
void net_metrics_write(const struct net *net, struct text *page);

/* Queries received since the start, all workers, UDP and TCP. Any thread. */
uint64_t net_queries(const struct net *net);

/* How loaded a worker is. Nothing in it ever goes back, but for `slots`, and `n_lost` when a socket
 * is closed. */
struct net_load {
	uint64_t n_waits, wait_ns; /* looks at the head of UDP receive queues since the start, and
				      how long what was there had waited, in all */
	bool has_waits;		   /* the kernel tells */
	uint64_t n_received;	   /* queries, by UDP and TCP */
	uint64_t n_lost;	   /* that the kernel dropped, as the receive queue was full */
	double slots;		   /* 0..1: how near the nearest of its bounds is, of connections,
				      queries that wait for upstreams, their octets, questions */
	uint64_t cpu_ns;	   /* that its thread took; 0 before and after it runs */
};

unsigned net_n_workers(const struct net *net);

/* loads[0..net_n_workers). Main thread. */
void net_loads(const struct net *net, struct net_load *loads);

/* The page of /debug/top. Any thread while the net lives. */
void net_top_write(const struct net *net, struct text *body);

#endif
