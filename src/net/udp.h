/* SPDX-License-Identifier: Apache-2.0
 *
 * UDP in batches: receive, answer, send. A worker has one struct udp, whose buffers its sockets
 * share. No libuv here: the caller polls the socket and says when it is ready. Worker thread.
 *
 * How long queries wait in a socket's receive queue is looked at every UDP_SAMPLE_MS at most: the
 * datagram at its head, which waited longest, is then received alone, and the kernel asked when it
 * had come.
 */
#ifndef KANAME_NET_UDP_H
#define KANAME_NET_UDP_H

#include "counts.h"
#include "net/net.h"
#include "socket.h"

#define UDP_BATCH_MAX 64    /* datagrams */
#define UDP_PACKET_MAX 4096 /* octets; queries may be padded (dns-facts 12) */
#define UDP_SAMPLE_MS 10    /* of a socket's queue delay, at most */

/* The system calls that a test replaces; they set errno. */
struct net_syscalls {
	int (*recvmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags,
			struct timespec *timeout);
	int (*sendmmsg)(int fd, struct mmsghdr *messages, unsigned n, int flags);
	/* When the datagram that was read last had come, as socket_last_received. */
	int (*last_received)(int fd, struct timespec *at);
	int (*clock_gettime)(clockid_t clock, struct timespec *now);
};

struct udp_batch;
struct udp_socket;

struct udp {
	const struct net_syscalls *calls; /* borrowed */
	struct query_worker *query;	  /* borrowed */
	struct net_counts *counts;	  /* borrowed */
	struct udp_batch *batch;	  /* owned */
	uint64_t start_ns;		  /* when it was received */
	uint64_t now_ms;		  /* of the loop's time: the caller sets it */
	struct pendings *pendings;	  /* borrowed; NULL: no query waits for anything */
	struct udp_batch *late; /* owned: answers to queries that waited; NULL until there is one */
	struct udp_socket *late_socket; /* borrowed: theirs */
	/* The late answers were blocked: the caller has to wait until the socket is writable. */
	void (*on_blocked)(struct udp_socket *socket);
};

struct udp_socket {
	int fd;
	union socket_address address;
	size_t server;
	uint64_t sampled_ms; /* when its queue delay was last looked at */
	size_t n_pending;    /* its queries that wait for an upstream */
	bool is_leaving;     /* it will be closed when all is answered */
	struct udp_batch
		*blocked; /* owned: answers that the kernel has no room for yet; else NULL */
};

enum udp_wait { UDP_WAIT_READABLE, UDP_WAIT_WRITABLE };

void udp_init(struct udp *udp, const struct net_syscalls *calls, struct query_worker *query,
	      struct net_counts *counts);
void udp_fini(struct udp *udp);

/*
 * The socket is ready: sends what was blocked, then answers at most max_batches batches. Returns
 * what to wait for next: while answers are blocked, nothing is read. *is_empty says whether the
 * receive queue was read to its end.
 */
enum udp_wait udp_serve(struct udp *udp, struct udp_socket *socket, unsigned max_batches,
			bool *is_empty);

struct pending;
struct query_external;

/* A query that waited has its reply, or will have none: its answer is added to those that go out
 * with udp_flush, and it is freed, unless it waits for another question. */
void udp_late(struct udp *udp, struct pending *pending, const struct query_external *external);

/* Sends the late answers: once in each turn of the loop. */
void udp_flush(struct udp *udp);

/* Forgets what is blocked. Does not close the descriptor. */
void udp_socket_fini(struct udp_socket *socket);

#endif
