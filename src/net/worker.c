/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's thread and loop.
 *
 * The happy path: sockets are polled, a UDP socket answers batches, TCP connections answer streams,
 * a timer ends what is too slow and reads the kernel's drop counts. worker_drain: every listener
 * leaves, is answered to its end and closed (listener.h), and TCP connections end; when nothing is
 * left, or after drain_ms, the rest is answered without the upstreams, everything closes and the
 * loop ends.
 */
#include "worker.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/rcu.h"

#define LISTENER_ENTRY(link) CHAIN_ENTRY(link, struct listener, link)

static const struct net_syscalls kernel = {recvmmsg, sendmmsg, socket_last_received, clock_gettime};

static void on_flush(uv_prepare_t *flush)
{
	struct worker *worker = flush->data;

	udp_flush(&worker->udp);
}

/* ---- the end ------------------------------------------------------------------------- */

static void close_all(struct worker *worker)
{
	struct chain *link;

	pendings_end(&worker->pendings);
	udp_flush(&worker->udp);
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next)
		listener_close(LISTENER_ENTRY(link));
	tcp_close_all(&worker->tcp);
	if (!uv_is_closing((uv_handle_t *)&worker->tick)) {
		uv_close((uv_handle_t *)&worker->tick, NULL);
		uv_close((uv_handle_t *)&worker->flush, NULL);
		uv_close((uv_handle_t *)&worker->request, NULL);
	}
}

static void drain_step(struct worker *worker)
{
	bool is_quiet = worker->tcp.n == 0 && worker->pendings.n == 0;
	struct chain *link;

	udp_flush(&worker->udp);
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next)
		is_quiet = listener_step(LISTENER_ENTRY(link)) && is_quiet;
	if (is_quiet || uv_now(&worker->loop) >= worker->drain_until_ms) {
		close_all(worker);
		/* The forwarder is left for worker_free, since its metrics are read until then. */
		uv_stop(&worker->loop);
	}
}

static void begin_drain(struct worker *worker)
{
	struct chain *link;

	worker->is_draining = true;
	tcp_drain(&worker->tcp);
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next)
		listener_leave(LISTENER_ENTRY(link));
	worker_set_tick(worker, WORKER_LEAVE_TICK_MS);
}

/* ---- time and requests ---------------------------------------------------------------- */

static void on_tick(uv_timer_t *tick)
{
	struct worker *worker = tick->data;
	struct chain *link;

	tcp_tick(&worker->tcp);
	query_tick(worker->query, clock_monotonic_ns());
	if (worker->is_draining) {
		drain_step(worker);
		return;
	}
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next)
		listener_count(LISTENER_ENTRY(link));
	if (worker->phase == WORKER_LEAVING)
		worker_step_switch(worker);
}

void worker_set_tick(struct worker *worker, unsigned tick_ms)
{
	CHECK(uv_timer_start(&worker->tick, on_tick, tick_ms, tick_ms) == 0);
}

void worker_on_serving(struct worker *worker)
{
	if (!__atomic_load_n(&worker->wants_drain, __ATOMIC_ACQUIRE) || worker->is_draining)
		return;
	if (worker->drain_until_ms == 0)
		worker->drain_until_ms = uv_now(&worker->loop) + worker->config.drain_ms;
	if (worker->phase == WORKER_SERVING)
		begin_drain(worker);
}

static void join_group(struct worker *worker)
{
	unsigned step = __atomic_load_n(&worker->wants_step, __ATOMIC_ACQUIRE);
	struct chain *link;

	if (step == worker->join_step)
		return;
	worker->join_step = step;
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next) {
		if (step == 1)
			listener_release(LISTENER_ENTRY(link));
		else
			listener_join(LISTENER_ENTRY(link));
	}
	worker->hook.on_joined(worker->hook.arg);
}

static void on_request(uv_async_t *request)
{
	struct worker *worker = request->data;
	struct worker_plan *plan = __atomic_exchange_n(&worker->next_plan, NULL, __ATOMIC_ACQ_REL);

	join_group(worker);
	if (plan)
		worker_begin_switch(worker, plan);
	worker_on_serving(worker);
}

void worker_switch(struct worker *worker, struct worker_plan *plan)
{
	CHECK(__atomic_exchange_n(&worker->next_plan, plan, __ATOMIC_ACQ_REL) == NULL);
	CHECK(uv_async_send(&worker->request) == 0);
}

void worker_join_group(struct worker *worker, unsigned step)
{
	__atomic_store_n(&worker->wants_step, step, __ATOMIC_RELEASE);
	CHECK(uv_async_send(&worker->request) == 0);
}

void worker_drain(struct worker *worker)
{
	__atomic_store_n(&worker->wants_drain, true, __ATOMIC_RELEASE);
	CHECK(uv_async_send(&worker->request) == 0);
}

/* ---- the thread ----------------------------------------------------------------------- */

static void run(void *arg)
{
	struct worker *worker = arg;
	struct chain *link;

	rcu_register();
	for (link = worker->listeners.next; link != &worker->listeners; link = link->next)
		listener_start(LISTENER_ENTRY(link));
	worker_set_tick(worker, tcp_tick_ms(&worker->config));
	CHECK(uv_prepare_start(&worker->flush, on_flush) == 0);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	rcu_unregister();
	worker->hook.on_ended(worker->hook.arg);
}

void worker_start(struct worker *worker, const struct worker_hook *hook)
{
	worker->hook = *hook;
	uv_update_time(&worker->loop);
	CHECK(uv_thread_create(&worker->thread, run, worker) == 0);
	CHECK(pthread_getcpuclockid(worker->thread, &worker->cpu_clock) == 0);
}

void worker_join(struct worker *worker)
{
	CHECK(uv_thread_join(&worker->thread) == 0);
}

/* ---- upstreams ------------------------------------------------------------------------ */

/* Once there was a forwarder it stays, and may have nothing to do. */
void worker_set_forward(struct worker *worker)
{
	static const struct forward_config nobody;
	const struct forward_config *config = worker->config.forward;
	struct pendings *pendings = &worker->pendings;
	struct forward_hook hook = {
		.is_sound = pendings_is_sound,
		.on_reply = pendings_on_reply,
		.arg = pendings,
		.is_quiet = !worker->is_first,
	};

	pendings->has_upstreams = config != NULL;
	if (pendings->forward)
		forward_reconfigure(pendings->forward, config ? config : &nobody);
	else if (config)
		__atomic_store_n(&pendings->forward,
				 forward_open(&worker->loop, config, &hook, worker->log),
				 __ATOMIC_RELEASE);
}

struct forward *worker_forward(const struct worker *worker)
{
	return __atomic_load_n(&worker->pendings.forward, __ATOMIC_ACQUIRE);
}

/* Queries may wait for upstreams from now on, where there are any. */
static void init_pendings(struct worker *worker)
{
	struct pendings *pendings = &worker->pendings;

	pendings_init(pendings, &worker->loop, worker->query, &worker->counts);
	pendings->udp = &worker->udp;
	pendings->n_max = worker->config.pending_max;
	pendings->bytes_max = worker->config.pending_bytes;
	worker->udp.pendings = worker->tcp.pendings = pendings;
	worker->udp.on_blocked = listener_on_blocked;
	worker_set_forward(worker);
}

/* ---- its life ------------------------------------------------------------------------- */

struct worker *worker_new(const struct net_config *config, struct query_worker *query,
			  struct log_channel *log, bool is_first, int *error)
{
	struct worker *worker = mem_zalloc(sizeof(*worker));

	worker->config = *config;
	worker->query = query;
	worker->log = log;
	worker->is_first = is_first;
	chain_init(&worker->listeners);
	chain_init(&worker->left);
	*error = uv_loop_init(&worker->loop);
	if (*error != 0) {
		query_worker_free(query);
		free(worker);
		return NULL;
	}
	*error = uv_async_init(&worker->loop, &worker->request, on_request);
	if (*error != 0) {
		CHECK(uv_loop_close(&worker->loop) == 0);
		query_worker_free(query);
		free(worker);
		return NULL;
	}
	CHECK(uv_timer_init(&worker->loop, &worker->tick) == 0);
	CHECK(uv_prepare_init(&worker->loop, &worker->flush) == 0);
	worker->request.data = worker->tick.data = worker->flush.data = worker;
	udp_init(&worker->udp, &kernel, query, &worker->counts);
	tcp_init(&worker->tcp, &worker->loop, &worker->config, query, &worker->counts);
	worker->tcp.log = log;
	init_pendings(worker);
	return worker;
}

static void on_forward_closed(void *arg)
{
	struct worker *worker = arg;

	worker->pendings.forward = NULL;
}

void worker_free(struct worker *worker)
{
	CHECK(worker->phase == WORKER_SERVING && !worker->next_plan);
	close_all(worker);
	if (worker->pendings.forward)
		forward_close(worker->pendings.forward, on_forward_closed, worker);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&worker->loop) == 0);
	udp_fini(&worker->udp);
	tcp_fini(&worker->tcp);
	query_worker_free(worker->query);
	free(worker);
}
