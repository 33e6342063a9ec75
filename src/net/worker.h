/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: one thread, one loop, its sockets and its query_worker. The main thread opens and frees
 * it, tells it to drain (worker_drain) and gives it another configuration (worker_switch);
 * everything in between is the worker thread's.
 *
 *   SERVING --worker_switch--> LEAVING --all has left, or time is over--> SWITCHED --handles are
 *   closed--> SERVING (on_switched)           (worker_switch.c)
 *   SERVING --worker_drain--> the end; in LEAVING and SWITCHED it waits for SERVING
 */
#ifndef KANAME_NET_WORKER_H
#define KANAME_NET_WORKER_H

#include <time.h>
#include <uv.h>

#include "listener.h"
#include "net/net.h"
#include "pending.h"
#include "tcp.h"
#include "udp.h"

#define WORKER_LEAVE_TICK_MS 2 /* new connections wait for it, see socket_refuse_connections */

/* Another configuration. Before it is given, main sets next_server of every listener. */
struct worker_plan {
	struct net_config config;	  /* what it leads to is borrowed */
	const struct query_config *query; /* borrowed */
	struct listener **added;	  /* owned array, n_added of them; borrowed */
	size_t n_added;
};

enum worker_phase { WORKER_SERVING, WORKER_LEAVING, WORKER_SWITCHED };

/* What the worker tells, each on its own thread. */
struct worker_hook {
	void (*on_switched)(void *arg); /* nothing of the old configuration is used any more */
	void (*on_joined)(void *arg);	/* of each step of worker_join_group */
	void (*on_ended)(void *arg);	/* the last thing that the thread does */
	void *arg;
};

struct worker {
	uv_loop_t loop;
	uv_async_t request; /* look at next_plan, wants_step and wants_drain */
	uv_timer_t tick;
	uv_prepare_t flush; /* late answers go out before the loop waits */
	uv_thread_t thread;
	clockid_t cpu_clock; /* main's: of the thread, while it runs */
	struct worker_hook hook;
	struct net_config config;   /* what it leads to is borrowed */
	struct query_worker *query; /* owned */
	struct log_channel *log;    /* borrowed */
	bool is_first;		    /* it logs what all workers' forwarders see */
	struct net_counts counts;
	struct pendings pendings;
	struct udp udp;
	struct tcp tcp;
	struct chain
		listeners; /* borrowed: main's; of these, and of those that left, while their */
	struct chain left; /* handles are not closed */
	struct worker_plan *next_plan; /* owned; atomic: main gives, the worker takes */
	struct worker_plan *plan;      /* owned; NULL in SERVING */
	enum worker_phase phase;
	uint64_t leave_until_ms;
	bool wants_drain;    /* atomic */
	unsigned wants_step; /* atomic; of worker_join_group */
	unsigned join_step;  /* done so far */
	bool is_draining;
	uint64_t drain_until_ms; /* 0: not asked for yet */
};

/* `query` becomes the worker's. NULL with *error -errno: the loop could not be made. */
struct worker *worker_new(const struct net_config *config, struct query_worker *query,
			  struct log_channel *log, bool is_first, int *error);

/* Starts the thread. */
void worker_start(struct worker *worker, const struct worker_hook *hook);

/* The plan becomes the worker's. Not called again before on_switched, nor after worker_drain. Main
 * thread. */
void worker_switch(struct worker *worker, struct worker_plan *plan);

/* Listeners that wait receive: step 1 releases their sockets, step 2, when all workers have done
 * that, binds them again. Each step once; main thread. */
void worker_join_group(struct worker *worker, unsigned step);

/* Asks the worker to end. Any thread. */
void worker_drain(struct worker *worker);

/* After on_ended: waits for the thread. */
void worker_join(struct worker *worker);

/* Joined, or never started. Its listeners' handles are closed then. */
void worker_free(struct worker *worker);

/* The forwarder for metrics; NULL: there is none yet. Any thread. */
struct forward *worker_forward(const struct worker *worker);

/* ---- between worker.c, worker_switch.c and listener.c: worker's thread ---- */

void worker_begin_switch(struct worker *worker, struct worker_plan *plan);
void worker_step_switch(struct worker *worker);
void worker_on_listener_closed(struct worker *worker, struct listener *listener);
/* SERVING again: what was asked for meanwhile begins. */
void worker_on_serving(struct worker *worker);
void worker_set_tick(struct worker *worker, unsigned tick_ms);
/* Opens the forwarder, or gives it config->forward. */
void worker_set_forward(struct worker *worker);

#endif
