/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: one thread, one loop, its sockets and its query_worker. The main thread opens and frees
 * it; everything in between but worker_drain is the worker thread's.
 */
#ifndef KANAME_NET_WORKER_H
#define KANAME_NET_WORKER_H

#include <uv.h>

#include "net/net.h"
#include "pending.h"
#include "tcp.h"
#include "udp.h"

struct worker;

struct worker_udp {
	uv_poll_t poll;
	struct udp_socket socket;
	struct worker *worker; /* borrowed: outlives */
	bool is_polled_writable;
	bool is_open;
	uint64_t kernel_drops; /* a counter */
};

struct worker {
	uv_loop_t loop;
	uv_async_t drain_request;
	uv_timer_t tick;
	uv_prepare_t flush; /* late answers go out before the loop waits */
	uv_thread_t thread;
	const struct net_config *config; /* borrowed */
	struct query_worker *query;	 /* owned */
	bool is_first;			 /* it logs what all workers' forwarders see */
	struct net_counts counts;
	struct pendings pendings;
	struct udp udp;
	struct tcp tcp;
	struct worker_udp *udp_sockets; /* owned, n_udp_sockets of them */
	size_t n_udp_sockets;
	bool is_draining;
	uint64_t drain_until_ms;
	void (*on_ended)(void *arg); /* called last, on the worker's thread */
	void *arg;
};

/* `query` becomes the worker's. NULL with *error -errno: the loop could not be made. */
struct worker *worker_new(const struct net_config *config, struct query_worker *query,
			  struct log_channel *log, bool is_first, int *error);

/* Takes both descriptors of a listener. 0 or -errno. */
MUST_USE int worker_listen(struct worker *worker, int udp_fd, int tcp_fd,
			   const struct net_listener *listener);

/* Starts the thread; on_ended(arg) is the last thing it does. */
void worker_start(struct worker *worker, void (*on_ended)(void *arg), void *arg);

/* Asks the worker to end. Any thread. */
void worker_drain(struct worker *worker);

/* After on_ended: waits for the thread. */
void worker_join(struct worker *worker);

/* Joined, or never started. */
void worker_free(struct worker *worker);

#endif
