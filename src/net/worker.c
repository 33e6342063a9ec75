/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's thread and loop.
 *
 * The happy path: sockets are polled, a UDP socket answers batches, TCP connections answer streams,
 * a timer ends what is too slow and reads the kernel's drop counts. worker_drain: UDP sockets leave
 * their SO_REUSEPORT group, are read empty twice (a datagram may have been on its way into the
 * queue), and close when their last answer is sent and no upstream owes one; TCP is told to end;
 * when nothing is left, or after drain_ms, the rest is answered without the upstreams,
 * everything closes and the loop ends.
 */
#include "worker.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rcu.h"

#define UDP_BATCHES_PER_EVENT 8 /* then TCP has its turn */
#define UDP_BATCHES_AT_END 4096 /* more than a receive queue holds */
#define DRAIN_TICK_MS 10

static const struct net_syscalls kernel = {recvmmsg, sendmmsg};

/* ---- UDP ----------------------------------------------------------------------------- */

static void close_udp(struct worker_udp *udp)
{
	if (!udp->is_open)
		return;
	udp->is_open = false;
	counter_set(&udp->kernel_drops, socket_kernel_drops(udp->socket.fd));
	uv_close((uv_handle_t *)&udp->poll, NULL);
	close(udp->socket.fd);
	udp_socket_fini(&udp->socket);
}

static void on_udp(uv_poll_t *poll, int status, int events);

static void poll_udp(struct worker_udp *udp, enum udp_wait wait)
{
	int events = wait == UDP_WAIT_WRITABLE ? UV_WRITABLE : UV_READABLE;

	udp->is_polled_writable = wait == UDP_WAIT_WRITABLE;
	CHECK(uv_poll_start(&udp->poll, events, on_udp) == 0);
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
	struct worker_udp *udp = poll->data;
	bool is_empty;
	enum udp_wait wait =
		udp_serve(&udp->worker->udp, &udp->socket, UDP_BATCHES_PER_EVENT, &is_empty);

	/* On a pending error libuv stops the poll; the read just done has taken the error away. */
	if (UNLIKELY(status < 0 || (wait == UDP_WAIT_WRITABLE) != udp->is_polled_writable))
		poll_udp(udp, wait);
}

static void on_flush(uv_prepare_t *flush)
{
	struct worker *worker = flush->data;

	udp_flush(&worker->udp);
}

static void on_blocked(struct udp_socket *socket)
{
	poll_udp(CHAIN_ENTRY(socket, struct worker_udp, socket), UDP_WAIT_WRITABLE);
}

/* Answers what is in the queue. True: nothing is left, nor unsent. */
static bool empty_udp(struct worker_udp *udp)
{
	bool is_empty;
	enum udp_wait wait =
		udp_serve(&udp->worker->udp, &udp->socket, UDP_BATCHES_AT_END, &is_empty);

	if ((wait == UDP_WAIT_WRITABLE) != udp->is_polled_writable)
		poll_udp(udp, wait);
	return is_empty;
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

static void close_all(struct worker *worker)
{
	pendings_end(&worker->pendings);
	udp_flush(&worker->udp);
	for (size_t i = 0; i < worker->n_udp_sockets; i++)
		close_udp(&worker->udp_sockets[i]);
	tcp_close_all(&worker->tcp);
	if (!uv_is_closing((uv_handle_t *)&worker->tick)) {
		uv_close((uv_handle_t *)&worker->tick, NULL);
		uv_close((uv_handle_t *)&worker->flush, NULL);
		uv_close((uv_handle_t *)&worker->drain_request, NULL);
	}
}

static void drain_step(struct worker *worker)
{
	bool is_answered = worker->pendings.n == 0;
	bool is_quiet = worker->tcp.n == 0 && is_answered;

	udp_flush(&worker->udp);
	for (size_t i = 0; i < worker->n_udp_sockets; i++) {
		struct worker_udp *udp = &worker->udp_sockets[i];

		if (udp->is_open && empty_udp(udp) && is_answered && worker->pendings.n == 0)
			close_udp(udp);
		is_quiet = is_quiet && !udp->is_open;
	}
	if (is_quiet || uv_now(&worker->loop) >= worker->drain_until_ms) {
		close_all(worker);
		/* The forwarder is left for worker_free, since its metrics are read until then. */
		uv_stop(&worker->loop);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct worker *worker = tick->data;

	tcp_tick(&worker->tcp);
	query_tick(worker->query, clock_monotonic_ns());
	if (worker->is_draining) {
		drain_step(worker);
		return;
	}
	for (size_t i = 0; i < worker->n_udp_sockets; i++) {
		struct worker_udp *udp = &worker->udp_sockets[i];

		counter_set(&udp->kernel_drops, socket_kernel_drops(udp->socket.fd));
	}
}

static void on_drain_request(uv_async_t *request)
{
	struct worker *worker = request->data;

	if (worker->is_draining)
		return;
	worker->is_draining = true;
	worker->drain_until_ms = uv_now(&worker->loop) + worker->config->drain_ms;
	for (size_t i = 0; i < worker->n_udp_sockets; i++) {
		socket_leave_group(worker->udp_sockets[i].socket.fd,
				   &worker->udp_sockets[i].socket.address);
		empty_udp(&worker->udp_sockets[i]);
	}
	tcp_drain(&worker->tcp);
	CHECK(uv_timer_start(&worker->tick, on_tick, DRAIN_TICK_MS, DRAIN_TICK_MS) == 0);
}

void worker_drain(struct worker *worker)
{
	CHECK(uv_async_send(&worker->drain_request) == 0);
}

/* ---- the thread
 * ------------------------------------------------------------------------------------- */

static void run(void *arg)
{
	struct worker *worker = arg;
	unsigned tick_ms = tcp_tick_ms(worker->config);

	rcu_register();
	for (size_t i = 0; i < worker->n_udp_sockets; i++)
		poll_udp(&worker->udp_sockets[i], UDP_WAIT_READABLE);
	tcp_start(&worker->tcp);
	CHECK(uv_timer_start(&worker->tick, on_tick, tick_ms, tick_ms) == 0);
	CHECK(uv_prepare_start(&worker->flush, on_flush) == 0);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	rcu_unregister();
	worker->on_ended(worker->arg);
}

void worker_start(struct worker *worker, void (*on_ended)(void *arg), void *arg)
{
	worker->on_ended = on_ended;
	worker->arg = arg;
	uv_update_time(&worker->loop);
	CHECK(uv_thread_create(&worker->thread, run, worker) == 0);
}

void worker_join(struct worker *worker)
{
	CHECK(uv_thread_join(&worker->thread) == 0);
}

/* Queries may wait for upstreams from now on, where there are any. */
static void open_forward(struct worker *worker, struct log_channel *log)
{
	const struct net_config *config = worker->config;
	struct pendings *pendings = &worker->pendings;
	struct forward_hook hook = {
		.is_sound = pendings_is_sound,
		.on_reply = pendings_on_reply,
		.arg = pendings,
		.is_quiet = !worker->is_first,
	};

	pendings_init(pendings, &worker->loop, worker->query, &worker->counts);
	pendings->udp = &worker->udp;
	pendings->n_max = config->pending_max;
	pendings->bytes_max = config->pending_bytes;
	worker->udp.pendings = worker->tcp.pendings = pendings;
	worker->udp.on_blocked = on_blocked;
	if (config->forward)
		pendings->forward = forward_open(&worker->loop, config->forward, &hook, log);
}

struct worker *worker_new(const struct net_config *config, struct query_worker *query,
			  struct log_channel *log, bool is_first, int *error)
{
	struct worker *worker = mem_zalloc(sizeof(*worker));

	worker->config = config;
	worker->query = query;
	worker->is_first = is_first;
	*error = uv_loop_init(&worker->loop);
	if (*error != 0) {
		query_worker_free(query);
		free(worker);
		return NULL;
	}
	*error = uv_async_init(&worker->loop, &worker->drain_request, on_drain_request);
	if (*error != 0) {
		CHECK(uv_loop_close(&worker->loop) == 0);
		query_worker_free(query);
		free(worker);
		return NULL;
	}
	CHECK(uv_timer_init(&worker->loop, &worker->tick) == 0);
	CHECK(uv_prepare_init(&worker->loop, &worker->flush) == 0);
	worker->drain_request.data = worker->tick.data = worker->flush.data = worker;
	udp_init(&worker->udp, &kernel, query, &worker->counts);
	tcp_init(&worker->tcp, &worker->loop, config, query, &worker->counts);
	worker->tcp.log = log;
	open_forward(worker, log);
	worker->udp_sockets = mem_zalloc(config->n_listeners * sizeof(worker->udp_sockets[0]));
	return worker;
}

int worker_listen(struct worker *worker, int udp_fd, int tcp_fd,
		  const struct net_listener *listener)
{
	struct worker_udp *udp = &worker->udp_sockets[worker->n_udp_sockets];
	int error = uv_poll_init(&worker->loop, &udp->poll, udp_fd);

	if (error != 0) {
		close(udp_fd);
		close(tcp_fd);
		return error;
	}
	worker->n_udp_sockets++;
	udp->poll.data = udp;
	udp->worker = worker;
	udp->is_open = true;
	udp->socket.fd = udp_fd;
	udp->socket.address = *(const union socket_address *)&listener->address;
	udp->socket.server = listener->server;
	return tcp_listen(&worker->tcp, tcp_fd, listener);
}

static void on_forward_closed(void *arg)
{
	struct worker *worker = arg;

	worker->pendings.forward = NULL;
}

void worker_free(struct worker *worker)
{
	close_all(worker);
	if (worker->pendings.forward)
		forward_close(worker->pendings.forward, on_forward_closed, worker);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&worker->loop) == 0);
	udp_fini(&worker->udp);
	tcp_fini(&worker->tcp);
	free(worker->udp_sockets);
	query_worker_free(worker->query);
	free(worker);
}
