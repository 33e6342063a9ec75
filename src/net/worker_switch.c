/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker changes to another configuration.
 *
 * The happy path: the listeners that the new one does not have leave (listener.h), and are answered
 * by the old one, for which alone they have a server; then, between two queries, everything else
 * changes at once: those that stay get their new index, the new ones are polled (what they received
 * since they were bound waits in their queues), query module, forwarder, limits. When the handles
 * of those that left are closed, main is told, and may free them and the old configuration. Without
 * a listener that leaves, all of it happens in one turn of the loop.
 *
 * Queries that wait for upstreams go on waiting. Their group may be gone: then the forwarder ends
 * them, and query_resume, which runs the query from its start, asks the new one.
 *
 * What may fail: a query to a listener that leaves waits for an upstream, or a client is slow.
 * Since those who ask the new listeners wait for the switch, this is bounded: after LEAVE_MAX_MS,
 * or drain_ms if that is less, such queries are answered without the upstream, and of connections
 * only what is unsent still goes out.
 */
#include "worker.h"

#include "base/clock.h"

#define LEAVE_MAX_MS 2000
#define LISTENER_ENTRY(link) CHAIN_ENTRY(link, struct listener, link)

static void free_plan(struct worker_plan *plan)
{
	free(plan->added);
	free(plan);
}

/* ---- SWITCHED ------------------------------------------------------------------------- */

static void end_if_closed(struct worker *worker)
{
	if (worker->phase != WORKER_SWITCHED || !chain_is_empty(&worker->left))
		return;
	free_plan(worker->plan);
	worker->plan = NULL;
	worker->phase = WORKER_SERVING;
	worker->hook.on_switched(worker->hook.arg);
	worker_on_serving(worker);
}

void worker_on_listener_closed(struct worker *worker, struct listener *listener)
{
	chain_remove(&listener->link);
	end_if_closed(worker);
}

/* ---- the switch ----------------------------------------------------------------------- */

static void start_added(struct worker *worker, struct listener *listener)
{
	int error = listener_attach(listener, worker);

	if (error == 0) {
		listener_start(listener);
		return;
	}
	log_printf(worker->log, LOG_ERROR, "a new socket cannot be polled: %s", uv_strerror(error));
	listener_close(listener);
}

/* In the order in which one thing leads to another: queries that the forwarder ends ask the new
 * query module, by their new index. */
static void change(struct worker *worker)
{
	struct worker_plan *plan = worker->plan;
	struct chain *link;

	for (link = worker->listeners.next; link != &worker->listeners; link = link->next) {
		struct listener *listener = LISTENER_ENTRY(link);

		listener->udp.server = listener->tcp.server = listener->next_server;
	}
	worker->config = plan->config;
	tcp_configure(&worker->tcp, &worker->config);
	worker->pendings.n_max = plan->config.pending_max;
	worker->pendings.bytes_max = plan->config.pending_bytes;
	query_worker_switch(worker->query, plan->query);
	pendings_reindex(&worker->pendings);
	worker_set_forward(worker);
	for (size_t i = 0; i < plan->n_added; i++)
		start_added(worker, plan->added[i]);
	worker_set_tick(worker, tcp_tick_ms(&worker->config));
}

/* All that is to leave has left, or has to now. */
static void finish(struct worker *worker)
{
	struct chain *link, *next;

	pendings_end_leaving(&worker->pendings);
	udp_flush(&worker->udp);
	tcp_end_leaving(&worker->tcp);
	for (link = worker->listeners.next; link != &worker->listeners; link = next) {
		struct listener *listener = LISTENER_ENTRY(link);

		next = link->next;
		if (listener->next_server != LISTENER_GOES)
			continue;
		listener_close(listener);
		chain_remove(link);
		if (listener->n_handles > 0)
			chain_append(&worker->left, link);
	}
	change(worker);
	worker->phase = WORKER_SWITCHED;
	end_if_closed(worker);
}

/* ---- LEAVING -------------------------------------------------------------------------- */

void worker_step_switch(struct worker *worker)
{
	bool has_left = true;
	struct chain *link;

	udp_flush(&worker->udp);
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next) {
		struct listener *listener = LISTENER_ENTRY(link);

		if (listener->next_server == LISTENER_GOES)
			has_left = listener_step(listener) && has_left;
	}
	if ((has_left && !tcp_has_leaving(&worker->tcp)) ||
	    uv_now(&worker->loop) >= worker->leave_until_ms)
		finish(worker);
}

void worker_begin_switch(struct worker *worker, struct worker_plan *plan)
{
	unsigned leave_ms =
		worker->config.drain_ms < LEAVE_MAX_MS ? worker->config.drain_ms : LEAVE_MAX_MS;
	bool has_leaving = false;
	struct chain *link;

	CHECK(worker->phase == WORKER_SERVING && !worker->is_draining);
	worker->plan = plan;
	worker->phase = WORKER_LEAVING;
	worker->leave_until_ms = uv_now(&worker->loop) + leave_ms;
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next) {
		struct listener *listener = LISTENER_ENTRY(link);

		if (listener->next_server != LISTENER_GOES)
			continue;
		listener_leave(listener);
		has_leaving = true;
	}
	if (has_leaving)
		worker_set_tick(worker, WORKER_LEAVE_TICK_MS);
	else
		finish(worker);
}
