/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets connections in, and ends those that are too many or too slow.
 *
 * The happy path: a listening descriptor is readable, accept4 until the queue is empty, each gets a
 * connection on the loop. A new connection is always let in: for it the connection that was quiet
 * the longest goes, of its own client when that has tcp_max_per_client, else of all. When
 * descriptors run out, likewise. Any other failure of accept pauses the listener until the next
 * tick, so that nothing spins; connections wait in the kernel's queue meanwhile.
 *
 * Every tick: idle connections beyond tcp_idle_ms end, and those whose message or answers make no
 * way within tcp_stall_ms.
 */
#include "tcp_connection.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define ACCEPTS_PER_EVENT 64
#define ACCEPTS_AT_END 10000 /* more than a listener's queue holds */
#define TICK_MAX_MS 500
#define TICK_MIN_MS 5

/* A message that comes in small pieces, but steadily, gets a second more for every 16 KiB that
 * came: one octet a second does not help. */
#define STEADY_BYTES_PER_MS 16

#define STATE_ENTRY(link) CHAIN_ENTRY(link, struct tcp_connection, in_state)
#define LISTENER_ENTRY(link) CHAIN_ENTRY(link, struct tcp_listener, link)
#define CLIENT_ENTRY(link) CHAIN_ENTRY(link, struct tcp_connection, in_client)

unsigned tcp_tick_ms(const struct net_config *config)
{
	unsigned least = config->tcp_idle_ms < config->tcp_stall_ms ? config->tcp_idle_ms
								    : config->tcp_stall_ms;
	unsigned tick = least / 4;

	if (tick < TICK_MIN_MS)
		return TICK_MIN_MS;
	return tick < TICK_MAX_MS ? tick : TICK_MAX_MS;
}

void tcp_init(struct tcp *tcp, uv_loop_t *loop, const struct net_config *config,
	      struct query_worker *query, struct net_counts *counts)
{
	*tcp = (struct tcp){.loop = loop, .query = query, .counts = counts};
	chain_init(&tcp->listeners);
	chain_init(&tcp->idle);
	chain_init(&tcp->waiting);
	chain_init(&tcp->busy);
	chain_init(&tcp->lingering);
	tcp_configure(tcp, config);
	clients_init(&tcp->clients, tcp->n_max);
	tcp->gathered = mem_alloc(TCP_GATHER_BYTES);
	tcp->read_bytes = mem_alloc(1 + TCP_READ_BYTES);
}

void tcp_fini(struct tcp *tcp)
{
	clients_fini(&tcp->clients);
	free(tcp->gathered);
	free(tcp->read_bytes);
}

int tcp_listen(struct tcp *tcp, struct tcp_listener *listener)
{
	int error = uv_poll_init(tcp->loop, &listener->poll, listener->fd);

	if (error != 0)
		return error;
	listener->poll.data = listener;
	listener->is_attached = true;
	listener->tcp = tcp;
	chain_append(&tcp->listeners, &listener->link);
	return 0;
}

/* ---- limits -------------------------------------------------------------------------- */

/* Whose query is in progress goes only when there is no other, and who waits for an upstream before
 * who is being served. False: there was none at all. */
static bool end_oldest(struct tcp *tcp, enum net_end reason)
{
	struct chain *const lists[] = {&tcp->lingering, &tcp->idle, &tcp->waiting, &tcp->busy};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (!chain_is_empty(lists[i])) {
			tcp_connection_close(STATE_ENTRY(lists[i]->next), reason);
			return true;
		}
	}
	return false;
}

static void end_oldest_of_client(struct client *client)
{
	struct chain *head = &client->connections;
	struct chain *link = head->next;

	while (link != head && CLIENT_ENTRY(link)->state != CONNECTION_IDLE &&
	       CLIENT_ENTRY(link)->state != CONNECTION_LINGERING)
		link = link->next;
	if (link == head)
		link = head->next;
	tcp_connection_close(CLIENT_ENTRY(link), NET_END_CLIENT_LIMIT);
}

/* ---- accept -------------------------------------------------------------------------- */

static void admit(struct tcp_listener *listener, int fd, const union socket_address *source)
{
	struct tcp *tcp = listener->tcp;
	struct client *client = clients_enter(&tcp->clients, source);

	counter_add(&tcp->counts->tcp_accepted, 1);
	if (client->n > tcp->config->tcp_max_per_client && client->n > 1)
		end_oldest_of_client(client);
	if (tcp->n >= tcp->n_max)
		end_oldest(tcp, NET_END_LIMIT);
	if (tcp_connection_open(listener, client, fd, source) != 0)
		counter_add(&tcp->counts->tcp_accept_failed, 1);
}

static void pause_listener(struct tcp_listener *listener, int error)
{
	struct tcp *tcp = listener->tcp;
	uint32_t suppressed;

	counter_add(&tcp->counts->tcp_accept_failed, 1);
	if (log_limit_pass(&tcp->log_limit, uv_now(tcp->loop) * 1000000u, 1, &suppressed))
		log_printf(tcp->log, LOG_WARNING, "tcp: new connections have to wait: %s",
			   uv_strerror(error));
	listener->is_paused = true;
	uv_poll_stop(&listener->poll);
}

static int accept_socket(int fd, union socket_address *source)
{
	socklen_t size = sizeof(*source);

	return accept4(fd, &source->any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Without a free descriptor accept fails even when nobody waits: then nobody has to go either. */
static bool has_waiting(int fd)
{
	struct pollfd poll_one = {.fd = fd, .events = POLLIN};

	return poll(&poll_one, 1, 0) == 1;
}

/* False: nothing more to accept now. */
static bool accept_one(struct tcp_listener *listener)
{
	union socket_address source = {0};
	int fd = accept_socket(listener->fd, &source);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		if (!has_waiting(listener->fd))
			return false;
		if (end_oldest(listener->tcp, NET_END_DESCRIPTORS))
			fd = accept_socket(listener->fd, &source);
		else
			errno = EMFILE;
	}
	if (fd >= 0) {
		admit(listener, fd, &source);
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		pause_listener(listener, -errno);
		return false;
	}
	return true; /* this one failed already in the network (accept(2)): the next */
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct tcp_listener *listener = poll->data;

	if (status < 0) { /* libuv stopped the poll: go on at the next tick */
		pause_listener(listener, status);
		return;
	}
	for (unsigned i = 0; i < ACCEPTS_PER_EVENT && accept_one(listener); i++)
		;
}

void tcp_listener_start(struct tcp_listener *listener)
{
	listener->is_started = true;
	listener->is_paused = uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) != 0;
}

unsigned tcp_share(const struct net_config *config)
{
	unsigned share = config->tcp_max / config->n_workers;

	return share > 0 ? share : 1;
}

void tcp_configure(struct tcp *tcp, const struct net_config *config)
{
	tcp->config = config;
	tcp->n_max = tcp_share(config);
	while (tcp->n > tcp->n_max && !chain_is_empty(&tcp->idle))
		tcp_connection_close(STATE_ENTRY(tcp->idle.next), NET_END_LIMIT);
}

/* ---- time ---------------------------------------------------------------------------- */

static void end_idle(struct tcp *tcp, uint64_t now_ms)
{
	while (!chain_is_empty(&tcp->idle)) {
		struct tcp_connection *connection = STATE_ENTRY(tcp->idle.next);

		if (now_ms - connection->since_ms < tcp->config->tcp_idle_ms)
			break;
		tcp_connection_close(connection, NET_END_IDLE);
	}
}

/* Who never asked has had the time to. */
static void end_leaving(struct tcp *tcp, uint64_t now_ms)
{
	struct chain *link, *next;

	for (link = tcp->idle.next; link != &tcp->idle; link = next) {
		struct tcp_connection *connection = STATE_ENTRY(link);

		next = link->next;
		if (now_ms - connection->since_ms < TCP_DRAIN_GRACE_MS)
			break;
		if (tcp_connection_is_leaving(connection))
			tcp_connection_finish(connection, NET_END_DRAIN);
	}
}

/* What the client has acknowledged is safe; for the rest it has as long as for any answer. */
static void end_lingering(struct tcp *tcp, uint64_t now_ms)
{
	struct chain *link, *next;

	for (link = tcp->lingering.next; link != &tcp->lingering; link = next) {
		struct tcp_connection *connection = STATE_ENTRY(link);
		uint64_t passed_ms = now_ms - connection->since_ms;

		next = link->next;
		if (passed_ms < TCP_LINGER_MS)
			break;
		if (passed_ms >= tcp->config->tcp_stall_ms ||
		    !socket_has_unacknowledged(connection->fd))
			tcp_connection_close(connection, connection->end);
	}
}

static void end_stalled(struct tcp *tcp, uint64_t now_ms)
{
	unsigned stall_ms = tcp->config->tcp_stall_ms;
	struct chain *link, *next;

	for (link = tcp->busy.next; link != &tcp->busy; link = next) {
		struct tcp_connection *connection = STATE_ENTRY(link);
		uint64_t passed_ms = now_ms - connection->since_ms;
		uint64_t more_ms = connection->state == CONNECTION_READING
					   ? connection->in.len / STEADY_BYTES_PER_MS
					   : 0;

		next = link->next;
		if (passed_ms < stall_ms)
			break;
		if (passed_ms >= stall_ms + more_ms)
			tcp_connection_close(connection, NET_END_STALLED);
	}
}

void tcp_tick(struct tcp *tcp)
{
	uint64_t now_ms = uv_now(tcp->loop);
	struct chain *link;

	if (tcp->is_draining || tcp->has_leaving)
		end_leaving(tcp, now_ms);
	if (!tcp->is_draining)
		end_idle(tcp, now_ms);
	end_lingering(tcp, now_ms);
	end_stalled(tcp, now_ms);
	for (link = tcp->listeners.next; link != &tcp->listeners; link = link->next) {
		if (LISTENER_ENTRY(link)->is_paused)
			tcp_listener_start(LISTENER_ENTRY(link));
	}
}

/* ---- the end ------------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *handle)
{
	struct tcp_listener *listener = handle->data;

	listener->on_closed(listener);
}

static void accept_all(struct tcp_listener *listener)
{
	if (!listener->is_started)
		return;
	for (unsigned n = 0; n < ACCEPTS_AT_END && accept_one(listener); n++)
		;
}

void tcp_listener_close(struct tcp_listener *listener)
{
	if (listener->fd < 0)
		return;
	if (listener->is_attached) {
		if (listener->is_leaving)
			accept_all(listener);
		chain_remove(&listener->link);
		uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
	}
	close(listener->fd);
	listener->fd = -1;
}

/* What was sent before is answered; who has nothing more to ask goes. Each step takes its
 * connection off `chain`. */
static void step_leaving(struct tcp *tcp)
{
	struct chain chain, *link, *next;

	chain_init(&chain);
	for (link = tcp->idle.next; link != &tcp->idle; link = next) {
		next = link->next;
		if (!tcp_connection_is_leaving(STATE_ENTRY(link)))
			continue;
		chain_remove(link);
		chain_append(&chain, link);
	}
	while (!chain_is_empty(&chain))
		tcp_connection_step(STATE_ENTRY(chain.next), TCP_ON_READABLE);
}

void tcp_listener_leave(struct tcp_listener *listener)
{
	if (listener->fd < 0)
		return;
	listener->is_leaving = listener->tcp->has_leaving = true;
	socket_refuse_connections(listener->fd);
	accept_all(listener);
	step_leaving(listener->tcp); /* most have asked already */
}

void tcp_drain(struct tcp *tcp)
{
	tcp->is_draining = true;
	step_leaving(tcp);
}

bool tcp_has_leaving(struct tcp *tcp)
{
	struct chain *const lists[] = {&tcp->idle, &tcp->waiting, &tcp->busy};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (struct chain *link = lists[i]->next; link != lists[i]; link = link->next) {
			const struct tcp_connection *connection = STATE_ENTRY(link);

			if (connection->listener && connection->listener->is_leaving &&
			    tcp_connection_is_asking(connection))
				return true;
		}
	}
	return false;
}

/* An orphan may move to the end of its list, where it is found again, and none any more. */
void tcp_end_leaving(struct tcp *tcp)
{
	struct chain *const lists[] = {&tcp->idle, &tcp->waiting, &tcp->busy, &tcp->lingering};

	tcp->has_leaving = false;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct chain *link, *next;

		for (link = lists[i]->next; link != lists[i]; link = next) {
			struct tcp_connection *connection = STATE_ENTRY(link);

			next = link->next;
			if (connection->listener && connection->listener->is_leaving)
				tcp_connection_orphan(connection);
		}
	}
}

void tcp_close_all(struct tcp *tcp)
{
	while (end_oldest(tcp, NET_END_DRAIN))
		;
}
