/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket underneath a channel. UDP sockets are connected, so that the kernel drops what comes
 * from another sender, and tells when nobody listens there; their port is the kernel's random
 * choice. What c-ares writes by UDP waits in the outbox for channels_flush; by TCP it goes out at
 * once. What c-ares reads is the inbox, then the error or the end, if any.
 */
#include "channel_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/clock.h"

#define BATCHES_PER_EVENT 4
#define RECEIVE_BUFFER (1 << 20)
#define REPLY_FLAGS 0x8180u /* QR, RD, RA, NOERROR */

/* ---- uv ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	struct port *port = handle->data;
	struct channels *channels = port->channels;

	ARRAY_FINI(&port->outbox);
	ARRAY_FINI(&port->inbox);
	ARRAY_FINI(&port->stream);
	free(port);
	if (--channels->n_polls == 0)
		channels->on_closed(channels->arg);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct port *port)
{
	bool is_blocked = port->outbox.len > 0;
	int events = UV_READABLE | (port->is_write_wanted || is_blocked ? UV_WRITABLE : 0);

	CHECK(uv_poll_start(&port->poll, events, on_poll) == 0);
}

static struct port *port_of(struct channel *channel, ares_socket_t fd)
{
	struct port *port;

	cds_list_for_each_entry(port, &channel->ports, link)
	{
		if (port->fd == fd)
			return port;
	}
	return NULL;
}

void channel_on_socket_state(void *arg, ares_socket_t fd, int is_readable, int is_writable)
{
	struct channel *channel = arg;
	struct port *port = port_of(channel, fd);

	if (!port || !channel->is_tcp || port->is_write_wanted == (is_writable != 0))
		return;
	port->is_write_wanted = is_writable != 0;
	watch(port);
}

/* ---- what c-ares calls ---- */

static ares_socket_t on_socket(int domain, int type, int protocol, void *arg)
{
	struct channel *channel = arg;
	int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int one = 1, size = RECEIVE_BUFFER;
	struct port *port;

	if (fd == -1)
		return ARES_SOCKET_BAD;
	if (channel->is_tcp)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	port = mem_zalloc(sizeof(*port));
	if (uv_poll_init(channel->channels->loop, &port->poll, fd) != 0) {
		free(port);
		close(fd);
		errno = EMFILE;
		return ARES_SOCKET_BAD;
	}
	port->poll.data = port;
	port->channels = channel->channels;
	port->channel = channel;
	port->fd = fd;
	cds_list_add(&port->link, &channel->ports);
	CDS_INIT_LIST_HEAD(&port->unsent_link);
	channel->channels->n_polls++;
	channel->n_asked = 0;
	counter_add(&channel->upstream->counts->opened[channel->is_tcp], 1);
	watch(port);
	return fd;
}

/* c-ares ends what it holds; what it has given up before ends with the socket. */
static void leave_attempts(struct port *port)
{
	struct attempt *attempt, *next;

	for (size_t i = 0; i < port->outbox.len; i++) {
		if (port->outbox.items[i])
			port->outbox.items[i]->outbox = 0;
	}
	cds_list_for_each_entry_safe(attempt, next, &port->channel->attempts, link)
	{
		if (attempt->port != port)
			continue;
		attempt->port = NULL;
		attempt->is_stale = attempt->is_tcp && port->has_answered;
		if (attempt->is_held)
			continue;
		attempt->failure = ATTEMPT_NETWORK;
		channel_end(attempt, ATTEMPT_FAILED);
	}
}

bool port_is_needed(const struct port *port)
{
	struct attempt *attempt;

	cds_list_for_each_entry(attempt, &port->channel->attempts, link)
	{
		if (attempt->port == port)
			return true;
	}
	return false;
}

void port_close(struct port *port)
{
	leave_attempts(port);
	port->outbox.len = port->n_outbox_sent = 0;
	port->stream.len = 0;
	port->channel = NULL;
	cds_list_del(&port->link);
	cds_list_del(&port->unsent_link);
	CDS_INIT_LIST_HEAD(&port->unsent_link);
	uv_close((uv_handle_t *)&port->poll, on_poll_closed);
	close(port->fd);
}

static int on_close(ares_socket_t fd, void *arg)
{
	struct port *port = port_of(arg, fd);

	CHECK(port != NULL && !port->is_left);
	port->is_left = !port->is_broken && port_is_needed(port);
	if (!port->is_left)
		port_close(port);
	return 0;
}

static int on_connect(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t len,
		      void *arg)
{
	const struct channel *channel = arg;

	/* Our own spelling of the same address knows the interface of a link-local one. */
	return connect(fd, (const struct sockaddr *)&channel->upstream->address, len);
}

static size_t write_tell(const struct attempt *attempt, uint8_t out[CHANNEL_TELL_MAX])
{
	struct wire_writer writer = wire_writer_init(out, CHANNEL_TELL_MAX);
	size_t question = attempt->name_len + 4u;

	wire_put_u16(&writer, (uint16_t)(DNS_HEADER_SIZE + question));
	wire_put_u16(&writer, attempt->id);
	wire_put_u16(&writer, REPLY_FLAGS);
	wire_put_u16(&writer, 1);
	wire_put_u16(&writer, 0);
	wire_put_u32(&writer, 0);
	wire_put(&writer, attempt->packet + DNS_HEADER_SIZE, question);
	CHECK(!writer.failed);
	return writer.pos;
}

static size_t read_inbox(struct port *port, uint8_t *buffer, size_t size)
{
	uint8_t frame[CHANNEL_TELL_MAX];
	size_t len = write_tell(port->inbox.items[port->inbox_next], frame);
	bool is_tcp = port->channel->is_tcp;
	size_t pos = is_tcp ? port->inbox_pos : 2;
	size_t n = len - pos < size ? len - pos : size;

	memcpy(buffer, frame + pos, n);
	port->inbox_pos = pos + n;
	if (!is_tcp || port->inbox_pos == len) {
		port->inbox_next++;
		port->inbox_pos = 0;
	}
	return n;
}

static void put_sender(const struct channel *channel, struct sockaddr *from, ares_socklen_t *len)
{
	const struct sockaddr_storage *address = &channel->upstream->address;
	ares_socklen_t size = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							     : sizeof(struct sockaddr_in);

	if (!from || !len)
		return;
	memcpy(from, address, size < *len ? size : *len);
	*len = size;
}

/* NOLINTNEXTLINE(readability-function-size): c-ares says which parameters */
static ares_ssize_t on_receive(ares_socket_t fd, void *buffer, size_t size, int flags,
			       struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	struct port *port = port_of(arg, fd);

	CHECK(port != NULL);
	if (port->inbox_next < port->inbox.len) {
		put_sender(port->channel, from, from_len);
		return (ares_ssize_t)read_inbox(port, buffer, size);
	}
	port->is_broken |= port->is_eof || port->error != 0;
	if (port->is_eof) {
		port->is_eof = false;
		return 0;
	}
	errno = port->error != 0 ? port->error : EAGAIN;
	port->error = 0;
	return -1;
}

/* The datagram of the question in hand. One that c-ares would send again by itself is not sent: the
 * policy says what is asked again. */
static void put_outbox(struct port *port, const struct iovec *part)
{
	struct attempt *attempt = port->channel->sending;

	if (!attempt || attempt->outbox != 0 || part->iov_len < 2)
		return;
	memcpy(attempt->packet, part->iov_base, 2);
	attempt->port = port;
	ARRAY_PUSH(&port->outbox, attempt);
	attempt->outbox = port->outbox.len;
	port->channels->n_pushed++;
	if (cds_list_empty(&port->unsent_link))
		cds_list_add_tail(&port->unsent_link, &port->channels->unsent);
}

static ares_ssize_t on_send(ares_socket_t fd, const struct iovec *parts, int n_parts, void *arg)
{
	struct port *port = port_of(arg, fd);
	size_t len = 0;

	CHECK(port != NULL);
	if (port->channel->is_tcp) {
		const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
					       .msg_iovlen = (size_t)n_parts};

		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	for (int i = 0; i < n_parts; i++)
		len += parts[i].iov_len;
	if (n_parts > 0)
		put_outbox(port, &parts[0]);
	return (ares_ssize_t)len;
}

const struct ares_socket_functions channel_socket_functions = {
	.asocket = on_socket,
	.aclose = on_close,
	.aconnect = on_connect,
	.arecvfrom = on_receive,
	.asendv = on_send,
};

/* ---- sending ---- */

/* The next datagrams of the outbox; sets *end to behind the last of them. */
static unsigned fill_batch(const struct port *port, struct mmsghdr *batch, struct iovec *parts,
			   size_t *end)
{
	unsigned n = 0;
	size_t i = port->n_outbox_sent;

	for (; i < port->outbox.len && n < CHANNEL_BATCH; i++) {
		struct attempt *attempt = port->outbox.items[i];

		if (!attempt)
			continue;
		parts[n] = (struct iovec){attempt->packet, attempt->len};
		batch[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[n], .msg_iovlen = 1}};
		n++;
	}
	*end = i;
	return n;
}

/* The first n datagrams from n_outbox_sent on are off; fails them where the kernel said no. */
static void pass_outbox(struct port *port, unsigned n, bool is_failed)
{
	while (n > 0 && port->n_outbox_sent < port->outbox.len) {
		struct attempt *attempt = port->outbox.items[port->n_outbox_sent++];

		if (!attempt)
			continue;
		n--;
		attempt->outbox = 0;
		if (!is_failed || attempt->outcome != ATTEMPT_OPEN)
			continue;
		attempt->failure = ATTEMPT_NETWORK;
		channel_end(attempt, ATTEMPT_FAILED);
	}
}

void port_send_outbox(struct port *port)
{
	struct mmsghdr batch[CHANNEL_BATCH];
	struct iovec parts[CHANNEL_BATCH];
	bool was_refused = false;
	size_t end;
	unsigned n;

	while ((n = fill_batch(port, batch, parts, &end)) > 0) {
		int sent = sendmmsg(port->fd, batch, n, 0);

		if (sent > 0) {
			pass_outbox(port, (unsigned)sent, false);
		} else if (errno == ECONNREFUSED && !was_refused) {
			was_refused = true; /* told of an earlier datagram; reading tells no more */
			port->error = ECONNREFUSED;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			watch(port);
			return;
		} else if (errno != EINTR) {
			pass_outbox(port, 1, true);
		}
	}
	port->outbox.len = port->n_outbox_sent = 0;
	cds_list_del(&port->unsent_link);
	CDS_INIT_LIST_HEAD(&port->unsent_link);
	if (port->error != 0)
		channel_tell(port);
}

/* ---- receiving ---- */

/* True: there may be more. */
static bool receive_datagrams(struct port *port)
{
	struct mmsghdr batch[CHANNEL_BATCH];
	struct iovec parts[CHANNEL_BATCH];
	int n;

	for (unsigned i = 0; i < CHANNEL_BATCH; i++) {
		parts[i] =
			(struct iovec){port->channels->buffers + (size_t)i * CHANNEL_DATAGRAM_MAX,
				       CHANNEL_DATAGRAM_MAX};
		batch[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	n = recvmmsg(port->fd, batch, CHANNEL_BATCH, 0, NULL);
	if (n < 0) {
		port->error = errno == EAGAIN || errno == EINTR ? 0 : errno;
		return false;
	}
	for (int i = 0; i < n; i++) {
		if (batch[i].msg_hdr.msg_flags & MSG_TRUNC)
			counter_add(&port->channel->upstream->counts->unfit[PACKET_FITS], 1);
		else
			channel_take_reply(port, parts[i].iov_base, batch[i].msg_len);
	}
	return n == (int)CHANNEL_BATCH;
}

/* Takes the whole frames of the stream; returns their octets. */
static size_t take_frames(struct port *port)
{
	size_t pos = 0;

	while (port->stream.len - pos >= 2) {
		const uint8_t *frame = port->stream.items + pos;
		size_t len = (size_t)frame[0] << 8 | frame[1];

		if (port->stream.len - pos - 2 < len)
			break;
		channel_take_reply(port, frame + 2, len);
		pos += 2 + len;
	}
	return pos;
}

static void append_stream(struct port *port, const uint8_t *bytes, size_t n)
{
	size_t need = port->stream.len + n;

	if (need > port->stream.cap) {
		port->stream.cap = need;
		port->stream.items = mem_realloc(port->stream.items, need);
	}
	memcpy(port->stream.items + port->stream.len, bytes, n);
	port->stream.len = need;
}

/* True: there may be more. A frame has at most CHANNEL_FRAME_MAX octets, so the stream is bounded
 * by that and what is read at once. */
static bool receive_stream(struct port *port, size_t *n_taken)
{
	size_t size = (size_t)CHANNEL_BATCH * CHANNEL_DATAGRAM_MAX;
	ssize_t n = recv(port->fd, port->channels->buffers, size, 0);

	if (n < 0) {
		port->error = errno == EAGAIN || errno == EINTR ? 0 : errno;
		return false;
	}
	if (n == 0) {
		port->is_eof = true;
		return false;
	}
	append_stream(port, port->channels->buffers, (size_t)n);
	*n_taken = take_frames(port);
	return true;
}

static void forget_frames(struct port *port, size_t n)
{
	if (n > port->stream.len) /* the connection was closed meanwhile */
		return;
	memmove(port->stream.items, port->stream.items + n, port->stream.len - n);
	port->stream.len -= n;
	if (port->stream.len == 0)
		ARRAY_FINI(&port->stream);
}

static void receive(struct port *port)
{
	bool is_more = true;

	for (int i = 0; i < BATCHES_PER_EVENT && is_more && port->channel; i++) {
		size_t n_taken = 0;

		is_more = port->channel->is_tcp ? receive_stream(port, &n_taken)
						: receive_datagrams(port);
		channel_tell(port);
		port->channels->on_replies(port->channels->arg);
		if (n_taken > 0)
			forget_frames(port, n_taken);
	}
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct port *port = handle->data;

	port->channels->now_us = clock_monotonic_ns() / 1000;
	/* With a pending error libuv stops the poll and says EBADF: reading tells the error. */
	if (status < 0 || (events & UV_READABLE))
		receive(port);
	if (port->channel && (events & UV_WRITABLE)) {
		if (port->channel->is_tcp)
			ares_process_fd(port->channel->ares, ARES_SOCKET_BAD, port->fd);
		else
			port_send_outbox(port);
		port->channels->on_replies(port->channels->arg);
	}
	if (port->channel && (status < 0 || (!port->channel->is_tcp && (events & UV_WRITABLE))))
		watch(port);
}
