/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path, once per batch: recvmmsg, query_run for each datagram, one clock call before and
 * one after, sendmmsg, query_finish for each answer. Message headers, I/O vectors and queries are
 * filled in once; per batch only what the kernel changed is reset.
 *
 * What may fail: sendmmsg takes a part (we go on at the first unsent datagram), refuses the
 * datagram at the head (dropped and counted, the rest goes on), or has no room (EAGAIN): then the
 * socket keeps the whole batch, the worker gets new buffers for its other sockets, and this socket
 * is not read until the kernel took everything. So a socket holds at most one batch.
 *
 * Queries that wait for an upstream leave their batch (pending.c). Their late answers make a batch
 * of their own, sent at the end of the loop's turn; where the socket holds a blocked one already,
 * they are dropped and counted.
 */
#include "udp.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/rcu.h"
#include "pending.h"

#define WAIT_MAX_S 60 /* in a receive queue */

const struct histogram_bounds net_queue_delay_bounds = {
	.n = 15,
	.le = {50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 25000000,
	       50000000, 100000000, 250000000, 500000000, 1000000000, 5000000000},
};

/* One datagram and its answer. Its odd size spreads the buffers over the cache's sets. */
struct udp_slot {
	union socket_address source;
	union socket_address local;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct iovec received, answer;
	struct query_input input;
	struct query_output output;
	uint8_t packet[UDP_PACKET_MAX];
	uint8_t bytes[QUERY_UDP_ANSWER_MAX];
};

struct udp_batch {
	unsigned n_answers, n_sent;
	struct mmsghdr received[UDP_BATCH_MAX]; /* [i] is of slots[i] */
	struct mmsghdr answers[UDP_BATCH_MAX];	/* [i] is of answered[i] */
	struct udp_slot *answered[UDP_BATCH_MAX];
	struct udp_slot slots[UDP_BATCH_MAX];
};

static struct udp_batch *new_batch(void)
{
	struct udp_batch *batch = mem_zalloc(sizeof(*batch));

	for (unsigned i = 0; i < UDP_BATCH_MAX; i++) {
		struct udp_slot *slot = &batch->slots[i];
		struct msghdr *header = &batch->received[i].msg_hdr;

		slot->received = (struct iovec){slot->packet, sizeof(slot->packet)};
		slot->answer.iov_base = slot->bytes;
		slot->input.packet = slot->packet;
		slot->input.source = &slot->source.any;
		slot->output.bytes = slot->bytes;
		slot->output.capacity = sizeof(slot->bytes);
		header->msg_name = &slot->source;
		header->msg_namelen = sizeof(slot->source);
		header->msg_iov = &slot->received;
		header->msg_iovlen = 1;
		header->msg_control = slot->control;
		header->msg_controllen = sizeof(slot->control);
		batch->answers[i].msg_hdr.msg_iovlen = 1;
	}
	return batch;
}

void udp_init(struct udp *udp, const struct net_syscalls *calls, struct query_worker *query,
	      struct net_counts *counts)
{
	*udp = (struct udp){.calls = calls, .query = query, .counts = counts, .batch = new_batch()};
}

void udp_fini(struct udp *udp)
{
	free(udp->batch);
	free(udp->late);
	udp->batch = udp->late = NULL;
}

void udp_socket_fini(struct udp_socket *socket)
{
	free(socket->blocked);
	socket->blocked = NULL;
}

/*
 * On a wildcard socket the control message tells the address that was asked. The same message, sent
 * back, makes the answer come from there; the interface is left to routing, but for link-local
 * IPv6, which is meaningless without.
 */
static const struct sockaddr *take_local(struct udp_slot *slot, struct msghdr *header,
					 in_port_t port)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	if (control == NULL)
		return NULL;
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(control);

		info->ipi_ifindex = 0;
		slot->local.v4 = (struct sockaddr_in){AF_INET, port, info->ipi_spec_dst, {0}};
		return &slot->local.any;
	}
	if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(control);

		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
		slot->local.v6 = (struct sockaddr_in6){AF_INET6, port, 0, info->ipi6_addr,
						       info->ipi6_ifindex};
		return &slot->local.any;
	}
	return NULL;
}

static void count_drop(struct udp *udp, const struct udp_slot *slot)
{
	enum net_drop reason = NET_DROP_ACL;

	if (slot->input.size < DNS_HEADER_SIZE)
		reason = NET_DROP_SHORT;
	else if (slot->source.v4.sin_port == 0) /* at the same place in IPv6 */
		reason = NET_DROP_PORT0;
	else if (slot->input.packet[2] & DNS_FLAG_QR >> 8)
		reason = NET_DROP_RESPONSE;
	counter_add(&udp->counts->dropped[reason], 1);
}

static void push_answer(struct udp_batch *batch, struct udp_slot *slot,
			const struct msghdr *received)
{
	struct msghdr *header = &batch->answers[batch->n_answers].msg_hdr;

	slot->answer.iov_len = slot->output.size;
	header->msg_name = &slot->source;
	header->msg_namelen = received->msg_namelen;
	header->msg_iov = &slot->answer;
	header->msg_control = received->msg_controllen > 0 ? slot->control : NULL;
	header->msg_controllen = received->msg_controllen;
	batch->answered[batch->n_answers++] = slot;
}

/* What is no plain answer: a query to be dropped, or one that has to wait. */
__attribute__((noinline)) static void set_aside(struct udp *udp, struct udp_socket *socket,
						struct udp_slot *slot, struct msghdr *header,
						enum query_verdict verdict)
{
	if (verdict == QUERY_FORWARD) {
		const struct pending_peer peer = {.socket = socket,
						  .control = slot->control,
						  .control_len = header->msg_controllen};

		CHECK(udp->pendings);
		verdict = pending_start(udp->pendings, &slot->input, &slot->output, &peer,
					udp->start_ns);
	}
	if (verdict == QUERY_ANSWER)
		push_answer(udp->batch, slot, header);
	else if (verdict == QUERY_DROP)
		count_drop(udp, slot);
}

static void answer_batch(struct udp *udp, struct udp_socket *socket, unsigned n)
{
	struct udp_batch *batch = udp->batch;
	uint64_t now_ms = udp->start_ns / 1000000;

	batch->n_answers = batch->n_sent = 0;
	counter_add(&udp->counts->received, n);
	rcu_enter();
	for (unsigned i = 0; i < n; i++) {
		struct udp_slot *slot = &batch->slots[i];
		struct msghdr *header = &batch->received[i].msg_hdr;

		slot->input.size = batch->received[i].msg_len;
		slot->input.is_cut = (header->msg_flags & MSG_TRUNC) != 0;
		slot->input.server = socket->server;
		slot->input.now_ms = now_ms;
		slot->input.local = header->msg_controllen > 0
					    ? take_local(slot, header, socket->address.v4.sin_port)
					    : &socket->address.any;

		enum query_verdict verdict = query_run(udp->query, &slot->input, &slot->output);

		if (LIKELY(verdict == QUERY_ANSWER)) {
			push_answer(batch, slot, header);
			if (UNLIKELY(slot->output.wants_refresh))
				pending_refresh(udp->pendings, &slot->output);
		} else {
			set_aside(udp, socket, slot, header, verdict);
		}
		header->msg_namelen = sizeof(slot->source);
		header->msg_controllen = sizeof(slot->control);
	}
	rcu_leave();
}

__attribute__((cold)) static void count_unsent(struct udp *udp, int error)
{
	enum net_unsent reason = NET_UNSENT_OTHER;

	if (error == ENOBUFS || error == ENOMEM)
		reason = NET_UNSENT_NO_BUFFERS;
	else if (error == EPERM || error == EACCES)
		reason = NET_UNSENT_NOT_PERMITTED;
	else if (error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN ||
		 error == ECONNREFUSED || error == EADDRNOTAVAIL)
		reason = NET_UNSENT_UNREACHABLE;
	else if (error == EMSGSIZE)
		reason = NET_UNSENT_TOO_LARGE;
	counter_add(&udp->counts->unsent[reason], 1);
}

/* False when the kernel has no room: the rest waits. */
static bool send_batch(struct udp *udp, int fd, struct udp_batch *batch)
{
	while (batch->n_sent < batch->n_answers) {
		int n = udp->calls->sendmmsg(fd, batch->answers + batch->n_sent,
					     batch->n_answers - batch->n_sent, 0);

		if (LIKELY(n > 0)) {
			batch->n_sent += (unsigned)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return false;
		} else if (n == 0 || errno != EINTR) {
			count_unsent(udp, n == 0 ? 0 : errno);
			batch->n_sent++;
		}
	}
	return true;
}

static int receive_batch(struct udp *udp, int fd, unsigned n_max)
{
	int n;

	do
		n = udp->calls->recvmmsg(fd, udp->batch->received, n_max, 0, NULL);
	while (UNLIKELY(n < 0 && errno == EINTR));
	return n;
}

/* Both are of the clock that is set now and then: what is before it came, or too long ago, says
 * nothing. */
static void observe_wait(struct udp *udp, struct udp_socket *socket)
{
	struct timespec received, now;
	int64_t wait_ns;

	socket->sampled_ms = udp->now_ms;
	if (udp->calls->last_received(socket->fd, &received) != 0) {
		counter_set(&udp->counts->has_no_stamps, 1);
		return;
	}
	udp->calls->clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec - received.tv_sec > WAIT_MAX_S || now.tv_sec < received.tv_sec)
		return;
	wait_ns = (now.tv_sec - received.tv_sec) * 1000000000ll + now.tv_nsec - received.tv_nsec;
	if (wait_ns >= 0)
		histogram_observe(&udp->counts->queue_delay_ns, &net_queue_delay_bounds,
				  (uint64_t)wait_ns);
}

static bool wants_sample(const struct udp *udp, const struct udp_socket *socket)
{
	return udp->now_ms - socket->sampled_ms >= UDP_SAMPLE_MS &&
	       !counter_read(&udp->counts->has_no_stamps);
}

/* False when answers were blocked. */
static bool serve_batch(struct udp *udp, struct udp_socket *socket, unsigned n)
{
	struct udp_batch *batch = udp->batch;
	uint64_t start_ns = clock_monotonic_ns();
	uint64_t now_ns;

	udp->start_ns = start_ns;
	answer_batch(udp, socket, n);
	now_ns = clock_monotonic_ns();
	if (UNLIKELY(!send_batch(udp, socket->fd, batch))) {
		socket->blocked = batch;
		udp->batch = new_batch();
	}
	for (unsigned i = 0; i < batch->n_answers; i++)
		query_finish(udp->query, &batch->answered[i]->input, &batch->answered[i]->output,
			     now_ns - start_ns, now_ns);
	return socket->blocked == NULL;
}

/* ---- late answers -------------------------------------------------------------------- */

void udp_flush(struct udp *udp)
{
	struct udp_batch *late = udp->late;
	struct udp_socket *socket = udp->late_socket;

	if (LIKELY(!late || late->n_answers == 0))
		return;
	if (socket->blocked) {
		counter_add(&udp->counts->unsent[NET_UNSENT_NO_BUFFERS], late->n_answers);
	} else if (!send_batch(udp, socket->fd, late)) {
		socket->blocked = late;
		udp->late = NULL;
		udp->on_blocked(socket);
		return;
	}
	late->n_answers = late->n_sent = 0;
}

void udp_late(struct udp *udp, struct pending *pending, const struct query_external *external)
{
	struct udp_socket *socket = pending->socket;
	struct msghdr received = {.msg_controllen = pending->control_len,
				  .msg_namelen = sizeof(struct sockaddr_in)};
	enum query_verdict verdict;
	struct udp_slot *slot;
	uint64_t now_ns;

	if (udp->late && (udp->late_socket != socket || udp->late->n_answers == UDP_BATCH_MAX))
		udp_flush(udp);
	if (!udp->late)
		udp->late = new_batch();
	udp->late_socket = socket;
	slot = &udp->late->slots[udp->late->n_answers];
	verdict = pending_resume(pending, external, &slot->output);
	if (verdict == QUERY_FORWARD)
		return;
	if (verdict == QUERY_ANSWER) {
		slot->source = pending->source;
		if (slot->source.any.sa_family == AF_INET6)
			received.msg_namelen = sizeof(struct sockaddr_in6);
		memcpy(slot->control, pending->control, pending->control_len);
		push_answer(udp->late, slot, &received);
		now_ns = clock_monotonic_ns();
		query_finish(udp->query, &pending->input, &slot->output, now_ns - pending->start_ns,
			     now_ns);
		if (UNLIKELY(slot->output.wants_refresh))
			pending_refresh(udp->pendings, &slot->output);
	}
	pending_drop(pending);
}

enum udp_wait udp_serve(struct udp *udp, struct udp_socket *socket, unsigned max_batches,
			bool *is_empty)
{
	unsigned n_max = UNLIKELY(wants_sample(udp, socket)) ? 1 : UDP_BATCH_MAX;

	*is_empty = false;
	if (UNLIKELY(socket->blocked != NULL)) {
		if (!send_batch(udp, socket->fd, socket->blocked))
			return UDP_WAIT_WRITABLE;
		udp_socket_fini(socket);
	}
	for (unsigned i = 0; i < max_batches; i++) {
		int n = receive_batch(udp, socket->fd, n_max);

		/* A pending error of the socket (ICMP) is taken by the call that reports it. */
		if (n <= 0) {
			*is_empty = n == 0 || errno == EAGAIN || errno == EWOULDBLOCK;
			break;
		}
		if (UNLIKELY(n_max == 1))
			observe_wait(udp, socket);
		if (UNLIKELY(!serve_batch(udp, socket, (unsigned)n)))
			return UDP_WAIT_WRITABLE;
		/* A batch that was not full most likely emptied the queue: the poll asks that
		 * cheaper. */
		if ((unsigned)n < n_max) {
			*is_empty = true;
			break;
		}
		n_max = UDP_BATCH_MAX;
	}
	return UDP_WAIT_READABLE;
}
