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
	struct channel_poll *poll = handle->data;

	struct channels *channels = poll->channels;

	free(poll);
	if (--channels->n_polls == 0)
		channels->on_closed(channels->arg);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void watch(struct channel *channel)
{
	bool is_blocked = channel->outbox.len > 0;
	int events = UV_READABLE | (channel->is_write_wanted || is_blocked ? UV_WRITABLE : 0);

	if (channel->poll)
		CHECK(uv_poll_start(&channel->poll->poll, events, on_poll) == 0);
}

void channel_on_socket_state(void *arg, ares_socket_t fd, int is_readable, int is_writable)
{
	struct channel *channel = arg;

	if (!channel->is_tcp || channel->is_write_wanted == (is_writable != 0))
		return;
	channel->is_write_wanted = is_writable != 0;
	watch(channel);
}

/* ---- what c-ares calls ---- */

static ares_socket_t on_socket(int domain, int type, int protocol, void *arg)
{
	struct channel *channel = arg;
	int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int one = 1, size = RECEIVE_BUFFER;
	struct channel_poll *poll;

	CHECK(channel->fd == -1);
	if (fd == -1)
		return ARES_SOCKET_BAD;
	if (channel->is_tcp)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	poll = mem_zalloc(sizeof(*poll));
	if (uv_poll_init(channel->channels->loop, &poll->poll, fd) != 0) {
		free(poll);
		close(fd);
		errno = EMFILE;
		return ARES_SOCKET_BAD;
	}
	poll->poll.data = poll;
	poll->channels = channel->channels;
	poll->channel = channel;
	channel->channels->n_polls++;
	channel->poll = poll;
	channel->fd = fd;
	channel->n_asked = 0;
	channel->has_answered = channel->is_eof = false;
	channel->error = 0;
	counter_add(&channel->upstream->counts->opened[channel->is_tcp], 1);
	watch(channel);
	return fd;
}

static int on_close(ares_socket_t fd, void *arg)
{
	struct channel *channel = arg;
	struct attempt *attempt, *next;

	CHECK(fd == channel->fd);
	channel->poll->channel = NULL;
	uv_close((uv_handle_t *)&channel->poll->poll, on_poll_closed);
	close(fd);
	channel->poll = NULL;
	channel->fd = -1;
	channel->is_write_wanted = false;
	channel->stream.len = 0;
	for (size_t i = 0; i < channel->outbox.len; i++) {
		if (channel->outbox.items[i])
			channel->outbox.items[i]->outbox = 0;
	}
	channel->outbox.len = channel->n_outbox_sent = 0;
	/* c-ares ends what it holds; what it has given up before ends with the socket. */
	cds_list_for_each_entry_safe(attempt, next, &channel->attempts, link)
	{
		if (attempt->is_held)
			continue;
		attempt->failure = ATTEMPT_NETWORK;
		channel_end(attempt, ATTEMPT_FAILED);
	}
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

static size_t read_inbox(struct channel *channel, uint8_t *buffer, size_t size)
{
	uint8_t frame[CHANNEL_TELL_MAX];
	size_t len = write_tell(channel->inbox.items[channel->inbox_next], frame);
	size_t pos = channel->is_tcp ? channel->inbox_pos : 2;
	size_t n = len - pos < size ? len - pos : size;

	memcpy(buffer, frame + pos, n);
	channel->inbox_pos = pos + n;
	if (!channel->is_tcp || channel->inbox_pos == len) {
		channel->inbox_next++;
		channel->inbox_pos = 0;
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
	struct channel *channel = arg;

	if (channel->inbox_next < channel->inbox.len) {
		put_sender(channel, from, from_len);
		return (ares_ssize_t)read_inbox(channel, buffer, size);
	}
	if (channel->is_eof) {
		channel->is_eof = false;
		return 0;
	}
	errno = channel->error != 0 ? channel->error : EAGAIN;
	channel->error = 0;
	return -1;
}

static ares_ssize_t on_send(ares_socket_t fd, const struct iovec *parts, int n_parts, void *arg)
{
	struct channel *channel = arg;
	struct attempt *attempt = channel->sending;
	size_t len = 0;

	if (channel->is_tcp) {
		const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
					       .msg_iovlen = (size_t)n_parts};

		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	for (int i = 0; i < n_parts; i++)
		len += parts[i].iov_len;
	if (attempt && attempt->outbox == 0 && n_parts > 0 && parts[0].iov_len >= 2) {
		memcpy(attempt->packet, parts[0].iov_base, 2);
		ARRAY_PUSH(&channel->outbox, attempt);
		channel->channels->n_pushed++;
		attempt->outbox = channel->outbox.len;
		if (cds_list_empty(&channel->unsent_link))
			cds_list_add_tail(&channel->unsent_link, &channel->channels->unsent);
	}
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
static unsigned fill_batch(const struct channel *channel, struct mmsghdr *batch,
			   struct iovec *parts, size_t *end)
{
	unsigned n = 0;
	size_t i = channel->n_outbox_sent;

	for (; i < channel->outbox.len && n < CHANNEL_BATCH; i++) {
		struct attempt *attempt = channel->outbox.items[i];

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
static void pass_outbox(struct channel *channel, unsigned n, bool is_failed)
{
	while (n > 0 && channel->n_outbox_sent < channel->outbox.len) {
		struct attempt *attempt = channel->outbox.items[channel->n_outbox_sent++];

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

void channel_send_outbox(struct channel *channel)
{
	struct mmsghdr batch[CHANNEL_BATCH];
	struct iovec parts[CHANNEL_BATCH];
	bool was_refused = false;
	size_t end;
	unsigned n;

	while ((n = fill_batch(channel, batch, parts, &end)) > 0) {
		int sent = sendmmsg(channel->fd, batch, n, 0);

		if (sent > 0) {
			pass_outbox(channel, (unsigned)sent, false);
		} else if (errno == ECONNREFUSED && !was_refused) {
			was_refused = true; /* told of an earlier datagram; reading tells no more */
			channel->error = ECONNREFUSED;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			watch(channel);
			return;
		} else if (errno != EINTR) {
			pass_outbox(channel, 1, true);
		}
	}
	channel->outbox.len = channel->n_outbox_sent = 0;
	cds_list_del(&channel->unsent_link);
	CDS_INIT_LIST_HEAD(&channel->unsent_link);
	if (channel->error != 0)
		channel_tell(channel);
}

/* ---- receiving ---- */

/* True: there may be more. */
static bool receive_datagrams(struct channel *channel)
{
	struct mmsghdr batch[CHANNEL_BATCH];
	struct iovec parts[CHANNEL_BATCH];
	int n;

	for (unsigned i = 0; i < CHANNEL_BATCH; i++) {
		parts[i] = (struct iovec){channel->channels->buffers +
						  (size_t)i * CHANNEL_DATAGRAM_MAX,
					  CHANNEL_DATAGRAM_MAX};
		batch[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	n = recvmmsg(channel->fd, batch, CHANNEL_BATCH, 0, NULL);
	if (n < 0) {
		channel->error = errno == EAGAIN || errno == EINTR ? 0 : errno;
		return false;
	}
	for (int i = 0; i < n; i++) {
		if (batch[i].msg_hdr.msg_flags & MSG_TRUNC)
			counter_add(&channel->upstream->counts->unfit[PACKET_FITS], 1);
		else
			channel_take_reply(channel, parts[i].iov_base, batch[i].msg_len);
	}
	return n == (int)CHANNEL_BATCH;
}

/* Takes the whole frames of the stream; returns their octets. */
static size_t take_frames(struct channel *channel)
{
	size_t pos = 0;

	while (channel->stream.len - pos >= 2) {
		const uint8_t *frame = channel->stream.items + pos;
		size_t len = (size_t)frame[0] << 8 | frame[1];

		if (channel->stream.len - pos - 2 < len)
			break;
		channel_take_reply(channel, frame + 2, len);
		pos += 2 + len;
	}
	return pos;
}

static void append_stream(struct channel *channel, const uint8_t *bytes, size_t n)
{
	size_t need = channel->stream.len + n;

	if (need > channel->stream.cap) {
		channel->stream.cap = need;
		channel->stream.items = mem_realloc(channel->stream.items, need);
	}
	memcpy(channel->stream.items + channel->stream.len, bytes, n);
	channel->stream.len = need;
}

/* True: there may be more. A frame has at most CHANNEL_FRAME_MAX octets, so the stream is bounded
 * by that and what is read at once. */
static bool receive_stream(struct channel *channel, size_t *n_taken)
{
	size_t size = (size_t)CHANNEL_BATCH * CHANNEL_DATAGRAM_MAX;
	ssize_t n = recv(channel->fd, channel->channels->buffers, size, 0);

	if (n < 0) {
		channel->error = errno == EAGAIN || errno == EINTR ? 0 : errno;
		return false;
	}
	if (n == 0) {
		channel->is_eof = true;
		return false;
	}
	append_stream(channel, channel->channels->buffers, (size_t)n);
	*n_taken = take_frames(channel);
	return true;
}

static void forget_frames(struct channel *channel, size_t n)
{
	if (n > channel->stream.len) /* the connection was closed meanwhile */
		return;
	memmove(channel->stream.items, channel->stream.items + n, channel->stream.len - n);
	channel->stream.len -= n;
	if (channel->stream.len == 0)
		ARRAY_FINI(&channel->stream);
}

static void receive(struct channel *channel)
{
	bool is_more = true;

	for (int i = 0; i < BATCHES_PER_EVENT && is_more && channel->fd != -1; i++) {
		size_t n_taken = 0;

		is_more = channel->is_tcp ? receive_stream(channel, &n_taken)
					  : receive_datagrams(channel);
		channel_tell(channel);
		channel->channels->on_replies(channel->channels->arg);
		if (n_taken > 0)
			forget_frames(channel, n_taken);
	}
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct channel_poll *poll = handle->data;
	struct channel *channel = poll->channel;

	if (!channel)
		return;
	channel->channels->now_us = clock_monotonic_ns() / 1000;
	/* With a pending error libuv stops the poll and says EBADF: reading tells the error. */
	if (status < 0 || (events & UV_READABLE))
		receive(channel);
	if (channel->fd != -1 && (events & UV_WRITABLE)) {
		if (channel->is_tcp)
			ares_process_fd(channel->ares, ARES_SOCKET_BAD, channel->fd);
		else
			channel_send_outbox(channel);
		channel->channels->on_replies(channel->channels->arg);
	}
	if (channel->fd != -1 && (status < 0 || (!channel->is_tcp && (events & UV_WRITABLE))))
		watch(channel);
}
