/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of one address in one worker, UDP and TCP. The main thread opens, makes and frees it;
 * from listener_attach until its handles are closed it is the worker thread's, but for what is
 * marked as main's.
 *
 * The happy path: listener_attach, listener_start, queries; then, at the end or because a new
 * configuration does not have the address, listener_leave and listener_step every now and then
 * until that says that everything was answered and closed. No query that the kernel took is lost:
 * the sockets leave first (socket.h), and are read to their end twice, since one may have been on
 * its way into the queue.
 */
#ifndef KANAME_NET_LISTENER_H
#define KANAME_NET_LISTENER_H

#include <uv.h>

#include "tcp.h"
#include "udp.h"

#define LISTENER_GOES SIZE_MAX /* a next_server: there will be none */

struct worker;

struct listener {
	struct chain link;     /* worker->listeners or worker->left */
	struct worker *worker; /* borrowed: outlives */
	size_t next_server;    /* main's: what the worker takes over at a switch */
	uv_poll_t poll;	       /* of the UDP socket */
	struct udp_socket udp; /* its fd is -1 when it is closed, so is that of tcp */
	bool is_polled_writable;
	uint64_t kernel_drops; /* a counter */
	unsigned n_handles;    /* open, or closing */
	struct tcp_listener tcp;
};

/* Takes both descriptors. Main thread. */
struct listener *listener_new(const union socket_address *address, int udp_fd, int tcp_fd,
			      size_t server);
/* Attached to no worker, or all of its handles are closed. NULL is allowed. Main thread. */
void listener_free(struct listener *listener);

/* Becomes one of worker->listeners. 0 or -errno: the loop cannot poll it, it is to be closed. */
MUST_USE int listener_attach(struct listener *listener, struct worker *worker);
void listener_start(struct listener *listener);

/* From now on the kernel gives it nothing new, and what it gave is answered. */
void listener_leave(struct listener *listener);

/* After listener_leave, from 10 ms later on: answers what came since. True: all UDP queries are
 * answered, and both sockets closed. */
MUST_USE bool listener_step(struct listener *listener);

/* Closes at once: what is blocked is thrown away. The handles are closed as the loop runs on. */
void listener_close(struct listener *listener);

/* Reads the kernel's drop count. */
void listener_count(struct listener *listener);

/* Of struct udp. */
void listener_on_blocked(struct udp_socket *socket);

#endif
