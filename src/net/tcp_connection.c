/* SPDX-License-Identifier: Apache-2.0
 *
 * One TCP connection.
 *
 *            all answers taken,                       a message began
 *            nothing begun        .------> IDLE -------------------------.
 *      .--------------------------'         ^ |                          v
 *   WRITING <-------------------------------|-' <------------------- READING
 *      |  the kernel has no room, or more   '------------------------'
 *      |  was asked than is answered        the message was whole and answered
 *      '--> CLOSING <-- end of stream, error, limit, stall: from every state
 *                ^
 *   LINGERING ---'  the client ended its side too, or had time to
 *      '-- all answers taken, and it is we who end: drain, a listener that leaves, bad framing
 *
 * WAITING is IDLE while an upstream owes answers: those come in any order, each as soon as it is
 * there, and queries behind them are answered meanwhile (RFC 7766 6.2.1.1).
 *
 * The happy path: readable, recvmsg into the worker's buffer, every whole message is answered from
 * there into the worker's other buffer, one send, IDLE again. Connections own memory only while a
 * message is cut (its part waits in `in`) or the client does not read (answers wait in `out`). A
 * cut message is completed in place: the next recvmsg scatters into `in` first. Both buffers count
 * against tcp_buffer_bytes; above it the connection that began first is closed.
 *
 * What may fail: the client ends its side (answers still go out), breaks the framing, stalls either
 * way, resets; memory or descriptors run short. All of it ends in CLOSING, where late events are
 * ignored. A packet that is dropped or malformed does not end the connection.
 */
#include "tcp_connection.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rcu.h"
#include "pending.h"

#define PREFIX_BYTES 2
#define BUFFER_MIN_BYTES 512

static uint32_t message_size(const uint8_t *prefix)
{
	return (uint32_t)prefix[0] << 8 | prefix[1];
}

/* ---- buffers ------------------------------------------------------------------------- */

static void free_buffer(struct tcp *tcp, struct tcp_buffer *buffer)
{
	tcp->buffered_bytes -= buffer->cap;
	free(buffer->bytes);
	*buffer = (struct tcp_buffer){0};
}

/* Closes those that began first, until `more` octets fit. False when that was this connection
 * itself. */
static bool reserve_bytes(struct tcp_connection *connection, size_t more)
{
	struct tcp *tcp = connection->tcp;

	while (tcp->buffered_bytes + more > tcp->config->tcp_buffer_bytes) {
		struct tcp_connection *first = connection;

		if (!chain_is_empty(&tcp->busy))
			first = CHAIN_ENTRY(tcp->busy.next, struct tcp_connection, in_state);
		tcp_connection_close(first, NET_END_BUFFERS);
		if (first == connection)
			return false;
	}
	tcp->buffered_bytes += more;
	return true;
}

/* False: the connection was closed. */
MUST_USE static bool grow_buffer(struct tcp_connection *connection, struct tcp_buffer *buffer,
				 size_t cap)
{
	if (cap <= buffer->cap)
		return true;
	if (!reserve_bytes(connection, cap - buffer->cap))
		return false;
	buffer->bytes = mem_realloc(buffer->bytes, cap);
	buffer->cap = (uint32_t)cap;
	return true;
}

/* False: the connection was closed. */
MUST_USE static bool append(struct tcp_connection *connection, struct tcp_buffer *buffer,
			    const uint8_t *bytes, size_t len)
{
	size_t cap = BUFFER_MIN_BYTES;

	if (buffer->start > 0) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->len);
		buffer->start = 0;
	}
	while (cap < buffer->len + len)
		cap *= 2;
	if (!grow_buffer(connection, buffer, cap))
		return false;
	memcpy(buffer->bytes + buffer->len, bytes, len);
	buffer->len += (uint32_t)len;
	return true;
}

static void consume(struct tcp *tcp, struct tcp_buffer *buffer, size_t len)
{
	buffer->start += (uint32_t)len;
	buffer->len -= (uint32_t)len;
	if (buffer->len == 0)
		free_buffer(tcp, buffer);
}

/* ---- the life of a connection -------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void count_end(struct tcp *tcp, enum net_end reason)
{
	counter_add(&tcp->counts->tcp_ended[reason], 1);
}

void tcp_connection_close(struct tcp_connection *connection, enum net_end reason)
{
	struct tcp *tcp = connection->tcp;

	if (connection->state == CONNECTION_CLOSING)
		return;
	if (connection->state != CONNECTION_LINGERING)
		count_end(tcp, reason);
	connection->state = CONNECTION_CLOSING;
	tcp->n--;
	counter_set(&tcp->counts->tcp_open, tcp->n);
	chain_remove(&connection->in_state);
	chain_remove(&connection->in_client);
	clients_leave(&tcp->clients, connection->client);
	if (connection->out.len > 0 || reason == NET_END_STALLED)
		socket_reset_on_close(connection->fd);
	while (!chain_is_empty(&connection->pendings))
		pending_drop(CHAIN_ENTRY(connection->pendings.next, struct pending, in_connection));
	free_buffer(tcp, &connection->in);
	free_buffer(tcp, &connection->out);
	uv_close((uv_handle_t *)&connection->poll, on_closed);
	close(connection->fd);
}

/* Nothing more is read; what is unsent still goes out. */
static void end(struct tcp_connection *connection, enum net_end reason)
{
	if (connection->is_ending)
		return;
	connection->is_ending = true;
	connection->end = reason;
}

static void on_polled(uv_poll_t *poll, int status, int events)
{
	struct tcp_connection *connection = poll->data;

	if (status < 0) {
		tcp_connection_step(connection, TCP_ON_FAILED);
		return;
	}
	if (events & UV_WRITABLE)
		tcp_connection_step(connection, TCP_ON_WRITABLE);
	if ((events & UV_READABLE) && connection->state != CONNECTION_CLOSING)
		tcp_connection_step(connection, TCP_ON_READABLE);
}

static int wanted_events(const struct tcp_connection *connection)
{
	if (connection->state == CONNECTION_LINGERING)
		return UV_READABLE;
	if (connection->state != CONNECTION_WRITING)
		return connection->is_ending ? 0 : UV_READABLE;
	if (connection->has_backlog || connection->is_ending ||
	    connection->out.len > TCP_UNSENT_MAX_BYTES)
		return UV_WRITABLE;
	return UV_WRITABLE | UV_READABLE;
}

/* since_ms moves when the client has done its part: what began then is through. */
static bool renew(struct tcp_connection *connection)
{
	bool is_renewed = connection->has_progress || connection->state == CONNECTION_IDLE ||
			  connection->state == CONNECTION_WAITING;

	if (connection->out.len > 0) {
		is_renewed = connection->mark == 0;
		if (is_renewed)
			connection->mark = connection->out.len;
	}
	connection->has_progress = false;
	return is_renewed;
}

static enum connection_state next_state(const struct tcp_connection *connection)
{
	if (connection->out.len > 0 || connection->has_backlog)
		return CONNECTION_WRITING;
	if (connection->in.len > 0)
		return CONNECTION_READING;
	return connection->n_pending > 0 ? CONNECTION_WAITING : CONNECTION_IDLE;
}

/* The lists are in the order of since_ms, because it moves together with the place in them. */
static void move_to_tails(struct tcp_connection *connection)
{
	struct tcp *tcp = connection->tcp;
	struct chain *list = &tcp->busy;

	if (connection->state == CONNECTION_IDLE)
		list = &tcp->idle;
	else if (connection->state == CONNECTION_WAITING)
		list = &tcp->waiting;
	else if (connection->state == CONNECTION_LINGERING)
		list = &tcp->lingering;
	connection->since_ms = uv_now(tcp->loop);
	chain_remove(&connection->in_state);
	chain_append(list, &connection->in_state);
	chain_remove(&connection->in_client);
	chain_append(&connection->client->connections, &connection->in_client);
}

static void poll_wanted(struct tcp_connection *connection)
{
	if (wanted_events(connection) == connection->polled)
		return;
	connection->polled = (uint8_t)wanted_events(connection);
	if (uv_poll_start(&connection->poll, connection->polled, on_polled) != 0)
		tcp_connection_close(connection, NET_END_ERROR);
}

/* After each step: the state that follows from what waits, and the lists and the poll that follow
 * from the state. */
static void settle(struct tcp_connection *connection)
{
	enum connection_state state = next_state(connection);
	bool is_renewed =
		renew(connection) || state == CONNECTION_IDLE || state == CONNECTION_WAITING;

	if (state == CONNECTION_IDLE && connection->has_asked && connection->is_read_empty &&
	    tcp_connection_is_leaving(connection))
		end(connection, NET_END_DRAIN);
	if (connection->is_ending && state != CONNECTION_WRITING && connection->n_pending == 0) {
		tcp_connection_finish(connection, connection->end);
		return;
	}
	connection->state = state;
	if (is_renewed)
		move_to_tails(connection);
	poll_wanted(connection);
}

void tcp_connection_finish(struct tcp_connection *connection, enum net_end reason)
{
	struct tcp *tcp = connection->tcp;

	/* A client that ended its side sends nothing more. */
	if (reason == NET_END_CLIENT || shutdown(connection->fd, SHUT_WR) != 0) {
		tcp_connection_close(connection, reason);
		return;
	}
	count_end(tcp, reason);
	end(connection, reason);
	connection->state = CONNECTION_LINGERING;
	free_buffer(tcp, &connection->in);
	move_to_tails(connection);
	poll_wanted(connection);
}

bool tcp_connection_is_leaving(const struct tcp_connection *connection)
{
	return connection->tcp->is_draining || !connection->listener ||
	       connection->listener->is_leaving;
}

bool tcp_connection_is_asking(const struct tcp_connection *connection)
{
	return !connection->is_ending || connection->has_backlog || connection->n_pending > 0;
}

void tcp_connection_orphan(struct tcp_connection *connection)
{
	CHECK(connection->n_pending == 0);
	connection->listener = NULL;
	if (connection->state == CONNECTION_LINGERING)
		return;
	end(connection, NET_END_DRAIN);
	connection->has_backlog = false;
	free_buffer(connection->tcp, &connection->in);
	settle(connection);
}

int tcp_connection_open(const struct tcp_listener *listener, struct client *client, int fd,
			const union socket_address *source)
{
	struct tcp *tcp = listener->tcp;
	struct tcp_connection *connection = mem_zalloc(sizeof(*connection));
	int error = uv_poll_init(tcp->loop, &connection->poll, fd);

	if (error != 0) {
		free(connection);
		close(fd);
		clients_leave(&tcp->clients, client);
		return error;
	}
	connection->poll.data = connection;
	connection->fd = fd;
	connection->tcp = tcp;
	connection->listener = listener;
	connection->source = *source;
	connection->client = client;
	chain_init(&connection->in_state);
	chain_init(&connection->in_client);
	chain_init(&connection->pendings);
	tcp->n++;
	counter_set(&tcp->counts->tcp_open, tcp->n);
	settle(connection);
	return 0;
}

/* ---- messages to answers ------------------------------------------------------------- */

/* The address that the client connected to: asked from the kernel once, where the listener does not
 * know it. */
static const struct sockaddr *local_address(struct tcp_connection *connection)
{
	socklen_t size = sizeof(connection->local);

	if (connection->local.any.sa_family != AF_UNSPEC)
		return &connection->local.any;
	connection->local = connection->listener->address;
	if (socket_is_wildcard(&connection->local))
		(void)!getsockname(connection->fd, &connection->local.any, &size);
	return &connection->local.any;
}

/* The answer in tcp->output, behind those that are gathered. */
static void gather(struct tcp *tcp, const struct query_input *input, uint64_t start_ns)
{
	struct query_output *output = &tcp->output;
	uint8_t *answer = tcp->gathered + tcp->n_gathered;
	uint64_t now_ns = clock_monotonic_ns();

	answer[0] = (uint8_t)(output->size >> 8);
	answer[1] = (uint8_t)output->size;
	tcp->n_gathered += PREFIX_BYTES + output->size;
	query_finish(tcp->query, input, output, now_ns - start_ns, now_ns);
	if (UNLIKELY(output->wants_refresh))
		pending_refresh(tcp->pendings, output);
}

static void set_output(struct tcp *tcp)
{
	tcp->output.bytes = tcp->gathered + tcp->n_gathered + PREFIX_BYTES;
	tcp->output.capacity = DNS_MESSAGE_MAX;
}

static void answer_message(struct tcp_connection *connection, const uint8_t *packet, size_t size,
			   uint64_t start_ns)
{
	struct tcp *tcp = connection->tcp;
	const struct pending_peer peer = {.connection = connection};
	enum query_verdict verdict;
	struct query_input input = {
		.packet = packet,
		.size = size,
		.server = connection->listener->server,
		.source = &connection->source.any,
		.local = local_address(connection),
		.now_ms = start_ns / 1000000,
		.is_tcp = true,
	};

	set_output(tcp);
	counter_add(&tcp->counts->received, 1);
	verdict = query_run(tcp->query, &input, &tcp->output);
	if (UNLIKELY(verdict == QUERY_FORWARD))
		verdict = pending_start(tcp->pendings, &input, &tcp->output, &peer, start_ns);
	if (verdict == QUERY_ANSWER)
		gather(tcp, &input, start_ns);
	else if (verdict == QUERY_DROP)
		counter_add(&tcp->counts->dropped[packet[2] & DNS_FLAG_QR >> 8 ? NET_DROP_RESPONSE
									       : NET_DROP_ACL],
			    1);
}

/*
 * Answers the whole messages at the head of bytes[0..len) while there is room for the largest
 * answer. Returns how many octets were used up; connection->has_backlog says whether a whole
 * message is left.
 */
static size_t answer_messages(struct tcp_connection *connection, const uint8_t *bytes, size_t len)
{
	struct tcp *tcp = connection->tcp;
	uint64_t start_ns = clock_monotonic_ns();
	size_t at = 0;

	connection->has_backlog = false;
	rcu_enter();
	while (len - at >= PREFIX_BYTES) {
		size_t size = message_size(bytes + at);

		if (size < DNS_HEADER_SIZE) {
			end(connection, NET_END_LENGTH);
			at = len;
			break;
		}
		if (len - at - PREFIX_BYTES < size)
			break;
		if (TCP_GATHER_BYTES - tcp->n_gathered < PREFIX_BYTES + DNS_MESSAGE_MAX) {
			connection->has_backlog = true;
			break;
		}
		answer_message(connection, bytes + at + PREFIX_BYTES, size, start_ns);
		at += PREFIX_BYTES + size;
		connection->has_progress = connection->has_asked = true;
	}
	rcu_leave();
	return at;
}

/* ---- answers to the client
 * ------------------------------------------------------------------------ */

/* Octets that the kernel took; -1: the connection was closed. */
static ssize_t send_bytes(struct tcp_connection *connection, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(connection->fd, bytes, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM)
		return 0;
	tcp_connection_close(connection, NET_END_ERROR);
	return -1;
}

/* Sends what waits in `out`. False: the connection was closed. */
MUST_USE static bool send_waiting(struct tcp_connection *connection)
{
	struct tcp_buffer *out = &connection->out;
	ssize_t n;

	if (out->len == 0)
		return true;
	n = send_bytes(connection, out->bytes + out->start, out->len);
	if (n < 0)
		return false;
	connection->mark -= (uint32_t)n < connection->mark ? (uint32_t)n : connection->mark;
	consume(connection->tcp, out, (size_t)n);
	if (out->len == 0)
		connection->has_progress = true;
	return true;
}

/* Sends what was gathered, or adds what the kernel does not take to `out`. False: the connection
 * was closed. */
MUST_USE static bool send_gathered(struct tcp_connection *connection)
{
	struct tcp *tcp = connection->tcp;
	size_t len = tcp->n_gathered;
	ssize_t n = 0;

	tcp->n_gathered = 0;
	if (len > 0 && connection->out.len == 0)
		n = send_bytes(connection, tcp->gathered, len);
	if (n < 0)
		return false;
	return (size_t)n == len ||
	       append(connection, &connection->out, tcp->gathered + n, len - (size_t)n);
}

/* ---- octets to messages
 * ----------------------------------------------------------------------------- */

/* Answers from `in`, into tcp->gathered. */
static void answer_waiting(struct tcp_connection *connection)
{
	struct tcp_buffer *in = &connection->in;

	consume(connection->tcp, in, answer_messages(connection, in->bytes, in->len));
	if (in->start > 0)
		memmove(in->bytes, in->bytes + in->start, in->len);
	in->start = 0;
}

/* The buffer of a message grows with what came of it. False: the connection was closed. */
MUST_USE static bool make_room(struct tcp_connection *connection)
{
	struct tcp_buffer *in = &connection->in;
	size_t need;

	if (in->len < PREFIX_BYTES || in->len < in->cap)
		return true;
	need = PREFIX_BYTES + message_size(in->bytes);
	return grow_buffer(connection, in, need < in->cap * 2u ? need : in->cap * 2u);
}

/*
 * recvmsg into the rest of the message that had begun, *room octets, and behind it into the
 * worker's buffer, unless more of the message is missing than there is room for. A single octet,
 * half a prefix, is taken over to the worker's buffer instead, whose first octet is kept free for
 * it.
 */
static ssize_t receive(struct tcp_connection *connection, size_t *room)
{
	struct tcp_buffer *in = &connection->in;
	struct iovec parts[2] = {{0}, {connection->tcp->read_bytes + 1, TCP_READ_BYTES}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
	size_t asked;
	ssize_t n;

	*room = 0;
	if (in->len >= PREFIX_BYTES) {
		size_t need = PREFIX_BYTES + message_size(in->bytes);

		*room = (need < in->cap ? need : in->cap) - in->len;
		parts[0] = (struct iovec){in->bytes + in->len, *room};
		if (need > in->cap)
			header.msg_iovlen = 1;
	}
	asked = *room + (header.msg_iovlen == 2 ? TCP_READ_BYTES : 0);
	do
		n = recvmsg(connection->fd, &header, 0);
	while (n < 0 && errno == EINTR);
	connection->is_read_empty = n < (ssize_t)asked;
	return n;
}

/* n octets came, `room` of them at most into `in`. False: the connection was closed. */
MUST_USE static bool take_received(struct tcp_connection *connection, size_t n, size_t room)
{
	struct tcp *tcp = connection->tcp;
	struct tcp_buffer *in = &connection->in;
	uint8_t *bytes = tcp->read_bytes + 1;
	size_t used;

	if (in->len == 1) {
		*--bytes = in->bytes[0];
		n++;
		free_buffer(tcp, in);
	} else if (in->len > 1) {
		size_t into = n < room ? n : room;

		in->len += (uint32_t)into;
		n -= into;
		answer_waiting(connection);
	}
	used = connection->is_ending ? n : answer_messages(connection, bytes, n);
	return send_gathered(connection) &&
	       (used == n || append(connection, &connection->in, bytes + used, n - used));
}

/* False: the connection was closed. */
MUST_USE static bool read_socket(struct tcp_connection *connection)
{
	size_t room;
	ssize_t n;

	if (!make_room(connection))
		return false;
	n = receive(connection, &room);
	if (n > 0)
		return take_received(connection, (size_t)n, room);
	if (n == 0) {
		end(connection, NET_END_CLIENT);
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return true;
	tcp_connection_close(connection, NET_END_ERROR);
	return false;
}

/* The client takes answers again. False: the connection was closed. */
MUST_USE static bool write_socket(struct tcp_connection *connection)
{
	if (!send_waiting(connection))
		return false;
	if (!connection->has_backlog || connection->out.len > TCP_UNSENT_MAX_BYTES)
		return true;
	answer_waiting(connection);
	return send_gathered(connection);
}

/* ---- late answers -------------------------------------------------------------------- */

void tcp_connection_wait(struct tcp_connection *connection, struct pending *pending)
{
	chain_append(&connection->pendings, &pending->in_connection);
	connection->n_pending++;
}

void tcp_connection_late(struct tcp_connection *connection, struct pending *pending,
			 const struct query_external *external)
{
	struct tcp *tcp = connection->tcp;
	enum query_verdict verdict;

	CHECK(tcp->n_gathered == 0);
	set_output(tcp);
	verdict = pending_resume(pending, external, &tcp->output);
	if (verdict == QUERY_FORWARD)
		return;
	if (verdict == QUERY_ANSWER)
		gather(tcp, &pending->input, pending->start_ns);
	pending_drop(pending);
	connection->n_pending--;
	connection->has_progress = true;
	if (send_gathered(connection))
		settle(connection);
}

/* ---- the step function
 * -------------------------------------------------------------------------------- */

/* What comes after the end is thrown away. */
static void linger(struct tcp_connection *connection)
{
	struct tcp *tcp = connection->tcp;
	ssize_t n = recv(connection->fd, tcp->read_bytes, TCP_READ_BYTES, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		tcp_connection_close(connection, connection->end);
}

void tcp_connection_step(struct tcp_connection *connection, enum tcp_event event)
{
	bool is_open = true;

	if (connection->state == CONNECTION_CLOSING)
		return;
	if (connection->state == CONNECTION_LINGERING && event != TCP_ON_FAILED) {
		linger(connection);
		return;
	}
	switch (event) {
	case TCP_ON_READABLE:
		if (wanted_events(connection) & UV_READABLE)
			is_open = read_socket(connection);
		break;
	case TCP_ON_WRITABLE:
		is_open = write_socket(connection);
		break;
	case TCP_ON_FAILED:
		tcp_connection_close(connection, NET_END_ERROR);
		return;
	}
	if (is_open)
		settle(connection);
}
