/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include <unistd.h>

#include "worker.h"

#define BATCHES_PER_EVENT 8 /* then TCP has its turn */
#define BATCHES_AT_END 4096 /* more than a receive queue holds */

struct listener *listener_new(const union socket_address *address, int udp_fd, int tcp_fd,
			      size_t server)
{
	struct listener *listener = mem_zalloc(sizeof(*listener));

	chain_init(&listener->link);
	chain_init(&listener->tcp.link);
	listener->next_server = server;
	listener->udp.fd = udp_fd;
	listener->udp.address = listener->tcp.address = *address;
	listener->udp.server = listener->tcp.server = server;
	listener->tcp.fd = tcp_fd;
	listener->udp_inode = socket_inode(udp_fd);
	return listener;
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	CHECK(listener->n_handles == 0);
	if (listener->udp.fd >= 0)
		close(listener->udp.fd);
	if (listener->tcp.fd >= 0)
		close(listener->tcp.fd);
	free(listener);
}

/* ---- its handles --------------------------------------------------------------------- */

static void close_one_handle(struct listener *listener)
{
	listener->n_handles--;
	if (listener->n_handles == 0)
		worker_on_listener_closed(listener->worker, listener);
}

static void on_udp_closed(uv_handle_t *handle)
{
	close_one_handle(handle->data);
}

static void on_tcp_closed(struct tcp_listener *tcp)
{
	close_one_handle(CHAIN_ENTRY(tcp, struct listener, tcp));
}

int listener_attach(struct listener *listener, struct worker *worker)
{
	int error = uv_poll_init(&worker->loop, &listener->poll, listener->udp.fd);

	listener->worker = worker;
	chain_append(&worker->listeners, &listener->link);
	if (error != 0)
		return error;
	listener->n_handles++;
	listener->poll.data = listener;
	listener->tcp.on_closed = on_tcp_closed;
	error = tcp_listen(&worker->tcp, &listener->tcp);
	if (error == 0)
		listener->n_handles++;
	return error;
}

static void close_udp(struct listener *listener)
{
	if (listener->udp.fd < 0)
		return;
	listener_count(listener);
	if (listener->n_handles > 0)
		uv_close((uv_handle_t *)&listener->poll, on_udp_closed);
	close(listener->udp.fd);
	listener->udp.fd = -1;
	udp_socket_fini(&listener->udp);
}

void listener_close(struct listener *listener)
{
	close_udp(listener);
	tcp_listener_close(&listener->tcp);
}

/* ---- UDP ----------------------------------------------------------------------------- */

static void on_udp(uv_poll_t *poll, int status, int events);

static void poll_udp(struct listener *listener, enum udp_wait wait)
{
	int events = wait == UDP_WAIT_WRITABLE ? UV_WRITABLE : UV_READABLE;

	listener->is_polled_writable = wait == UDP_WAIT_WRITABLE;
	CHECK(uv_poll_start(&listener->poll, events, on_udp) == 0);
}

static enum udp_wait serve_udp(struct listener *listener, unsigned max_batches, bool *is_empty)
{
	struct worker *worker = listener->worker;

	worker->udp.now_ms = uv_now(&worker->loop);
	return udp_serve(&worker->udp, &listener->udp, max_batches, is_empty);
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;
	bool is_empty;
	enum udp_wait wait = serve_udp(listener, BATCHES_PER_EVENT, &is_empty);

	/* On a pending error libuv stops the poll; the read just done has taken the error away. */
	if (UNLIKELY(status < 0 || (wait == UDP_WAIT_WRITABLE) != listener->is_polled_writable))
		poll_udp(listener, wait);
}

void listener_on_blocked(struct udp_socket *socket)
{
	poll_udp(CHAIN_ENTRY(socket, struct listener, udp), UDP_WAIT_WRITABLE);
}

void listener_start(struct listener *listener)
{
	if (listener->is_waiting)
		return;
	poll_udp(listener, UDP_WAIT_READABLE);
	tcp_listener_start(&listener->tcp);
}

/* Answers what is in the queue. True: nothing is left, nor unsent. */
static bool empty_udp(struct listener *listener)
{
	bool is_empty;
	enum udp_wait wait = serve_udp(listener, BATCHES_AT_END, &is_empty);

	if ((wait == UDP_WAIT_WRITABLE) != listener->is_polled_writable)
		poll_udp(listener, wait);
	return is_empty;
}

static void tell_failure(const struct listener *listener, int error)
{
	if (error != 0)
		log_printf(listener->worker->log, LOG_ERROR, "a socket cannot receive: %s",
			   uv_strerror(error));
}

void listener_release(struct listener *listener)
{
	if (!listener->is_waiting || listener->udp.is_leaving)
		return;
	empty_udp(listener); /* it may have received something before it waited */
	CHECK(uv_poll_stop(&listener->poll) == 0);
	udp_socket_fini(&listener->udp);
	tell_failure(listener, socket_release(listener->udp.fd, &listener->udp.address));
}

void listener_join(struct listener *listener)
{
	int error;

	if (!listener->is_waiting || listener->udp.is_leaving)
		return;
	listener->is_waiting = false;
	error = socket_join(SOCK_DGRAM, listener->udp.fd, &listener->udp.address);
	counter_set(&listener->udp_inode, socket_inode(listener->udp.fd));
	if (error == 0)
		error = socket_join(SOCK_STREAM, listener->tcp.fd, &listener->tcp.address);
	tell_failure(listener, error);
	listener_start(listener);
}

void listener_count(struct listener *listener)
{
	if (listener->udp.fd >= 0)
		counter_set(&listener->kernel_drops, socket_kernel_drops(listener->udp.fd));
}

/* ---- leaving ------------------------------------------------------------------------- */

void listener_leave(struct listener *listener)
{
	listener->udp.is_leaving = true;
	listener->left_ms = uv_now(&listener->worker->loop);
	if (listener->udp.fd >= 0) {
		socket_leave_group(listener->udp.fd, &listener->udp.address);
		empty_udp(listener);
	}
	tcp_listener_leave(&listener->tcp);
}

bool listener_step(struct listener *listener)
{
	bool is_settled = uv_now(&listener->worker->loop) - listener->left_ms >= LISTENER_SETTLE_MS;

	tcp_listener_close(&listener->tcp);
	if (listener->udp.fd >= 0 && empty_udp(listener) && is_settled &&
	    listener->udp.n_pending == 0)
		close_udp(listener);
	return listener->udp.fd < 0;
}
