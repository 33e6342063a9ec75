/* SPDX-License-Identifier: Apache-2.0
 *
 * What tcp.c may know of a connection. Worker thread.
 */
#ifndef KANAME_NET_TCP_CONNECTION_H
#define KANAME_NET_TCP_CONNECTION_H

#include "tcp.h"

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_WAITING,
	CONNECTION_READING,
	CONNECTION_WRITING,
	CONNECTION_LINGERING,
	CONNECTION_CLOSING
};

/* Octets waiting: bytes[start .. start+len). */
struct tcp_buffer {
	uint8_t *bytes; /* owned; NULL while nothing waits */
	uint32_t start, len, cap;
};

struct tcp_connection {
	uv_poll_t poll;
	int fd;
	uint8_t state;	    /* enum connection_state */
	uint8_t end;	    /* enum net_end; meaningful with is_ending */
	bool is_ending;	    /* nothing more is read: what is unsent goes out, then it closes for the
			       reason in `end` */
	bool has_backlog;   /* `in` holds whole messages that wait for room */
	bool has_progress;  /* since the last settle: a message was whole, or all answers were taken
			     */
	bool is_read_empty; /* the last read took all that had come */
	bool has_asked;	    /* at least one message came */
	uint8_t polled;	    /* uv events */
	uint32_t mark;	    /* octets of `out` to be taken before since_ms moves */
	struct tcp_buffer in, out;
	uint64_t since_ms; /* IDLE: the last activity. Else: when the message began, or the answers
			      began to wait */
	struct tcp *tcp;   /* borrowed */
	const struct tcp_listener *listener; /* borrowed; NULL: it is gone, nothing more is read */
	struct client *client;
	struct chain in_state; /* tcp->idle, waiting, busy or lingering */
	struct chain pendings; /* its queries that wait for an upstream; n_pending of them */
	unsigned n_pending;
	struct chain in_client; /* client->connections */
	union socket_address source, local;
};

enum tcp_event {
	TCP_ON_READABLE,
	TCP_ON_WRITABLE,
	TCP_ON_FAILED, /* the kernel reports an error */
};

/* Takes the descriptor and the client's count; gives both back when the loop cannot poll it: 0 or
 * -errno. */
MUST_USE int tcp_connection_open(const struct tcp_listener *listener, struct client *client, int fd,
				 const union socket_address *source);

/* May close the connection: touch it no more. */
void tcp_connection_step(struct tcp_connection *connection, enum tcp_event event);

struct pending;
struct query_external;

/* The query waits, and the connection for it. */
void tcp_connection_wait(struct tcp_connection *connection, struct pending *pending);

/* A query that waited has its reply, or will have none: its answer is sent, and it is freed, unless
 * it waits for another question. May close the connection. */
void tcp_connection_late(struct tcp_connection *connection, struct pending *pending,
			 const struct query_external *external);

/* Its listener leaves, or all do. */
bool tcp_connection_is_leaving(const struct tcp_connection *connection);

/* It may yet need what the listener says: it is read, or has a query in progress. */
bool tcp_connection_is_asking(const struct tcp_connection *connection);

/* Nothing is unsent and no query in progress: tells the client that there will be no more, and
 * closes when the client has, or has had its time (RFC 7766 6.2.3: what it sends now must not make
 * the kernel reset the connection, which could destroy answers under way). */
void tcp_connection_finish(struct tcp_connection *connection, enum net_end reason);

/* As tcp_end_leaving, of one. */
void tcp_connection_orphan(struct tcp_connection *connection);

/* Closes at once; freed as the loop runs on. Answers that are not taken are thrown away. */
void tcp_connection_close(struct tcp_connection *connection, enum net_end reason);

#endif
