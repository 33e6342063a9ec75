/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens the sockets of a listener with every option that serving needs; what is asked of the kernel
 * stands here only. Worker and main thread.
 */
#ifndef KANAME_NET_SOCKET_H
#define KANAME_NET_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "base/check.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

enum socket_way {
	SOCKET_RECEIVES, /* at once: a member of the SO_REUSEPORT group of its address */
	SOCKET_WAITS	 /* it is bound, and receives from socket_join on */
};

/* A bound non-blocking socket, for SOCK_STREAM a listening one. Returns the descriptor or -errno.
 */
MUST_USE int socket_open(int type, const union socket_address *address, enum socket_way way);

/*
 * Of a UDP socket that waits, and was read to its end: it is bound no more. Once all those of the
 * process are, socket_join binds them again, in the group: disconnected instead, or bound beside
 * one that is connected, a socket would make a group of its own, which alone receives everything
 * (tried on 6.18). The descriptor stays, its inode does not. 0 or -errno.
 */
MUST_USE int socket_release(int fd, const union socket_address *address);

/* A UDP socket that was released, or a TCP socket that waits, receives from now on. 0 or -errno. */
MUST_USE int socket_join(int type, int fd, const union socket_address *address);

/* 0.0.0.0 or ::. */
bool socket_is_wildcard(const union socket_address *address);

/*
 * Makes a UDP socket receive no more: connected to an address that nobody sends from, it is no
 * longer chosen among its SO_REUSEPORT group, and what is in its queue stays. Where the kernel
 * refuses, the socket goes on receiving.
 */
void socket_leave_group(int fd, const union socket_address *address);

/*
 * Makes a listening socket take no new connections: its first segments are dropped, so that a
 * client tries again, and finds who listens then. Handshakes that have begun go on.
 */
void socket_refuse_connections(int fd);

/* As the kernel's lists of sockets call it; 0 when it cannot tell. */
uint64_t socket_inode(int fd);

/* Same address and port. */
bool socket_is_same(const union socket_address *a, const union socket_address *b);

/* Is there anything sent that the other side has not acknowledged? */
bool socket_has_unacknowledged(int fd);

/* Datagrams that the kernel dropped because the receive queue was full, since the socket was
 * opened; 0 when it cannot tell. */
uint32_t socket_kernel_drops(int fd);

/*
 * When the kernel received the datagram that was read last, by CLOCK_REALTIME. Before there was one
 * it fails. 0 or -errno.
 */
MUST_USE int socket_last_received(int fd, struct timespec *at);

/* The next close() throws away what is unsent and resets the connection. */
void socket_reset_on_close(int fd);

#endif
