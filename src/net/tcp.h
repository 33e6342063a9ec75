/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS over TCP (RFC 7766) for one worker: listening sockets and connections on the worker's loop.
 * tcp_connection.c is the connection, tcp.c lets connections in and ends those that are too many or
 * too slow. Worker thread, but for tcp_init, tcp_listen and tcp_fini, which the main thread calls
 * while the worker does not run.
 */
#ifndef KANAME_NET_TCP_H
#define KANAME_NET_TCP_H

#include <uv.h>

#include "chain.h"
#include "clients.h"
#include "counts.h"
#include "net/net.h"
#include "socket.h"

#define TCP_READ_BYTES (16 << 10)    /* received at once, beside a message that had begun */
#define TCP_GATHER_BYTES (256 << 10) /* answers made before they are sent */
#define TCP_UNSENT_MAX_BYTES                                                             \
	(128 << 10)		/* with more than that untaken, a connection is not read \
				 */
#define TCP_DRAIN_GRACE_MS 1000 /* for the first query of a connection that was accepted last */
#define TCP_LINGER_MS 1000	/* for the client to close, when it has taken everything */

struct tcp_listener {
	uv_poll_t poll;
	int fd;		  /* -1: closed */
	bool is_paused;	  /* accept failed for a reason that will last; the next tick tries again */
	bool is_leaving;  /* its connections end when they have no query in progress */
	bool is_attached; /* the poll is the loop's */
	bool is_started;
	union socket_address address;
	size_t server;
	struct tcp *tcp;				  /* borrowed: outlives */
	struct chain link;				  /* tcp->listeners */
	void (*on_closed)(struct tcp_listener *listener); /* its poll is */
};

/* All TCP of a worker. */
struct tcp {
	uv_loop_t *loop;		 /* borrowed */
	const struct net_config *config; /* borrowed */
	struct query_worker *query;	 /* borrowed */
	struct pendings *pendings;	 /* borrowed; NULL: no query waits for anything */
	struct net_counts *counts;	 /* borrowed */
	struct log_channel *log;	 /* borrowed; NULL until the owner sets it */
	struct log_limit log_limit;
	struct chain listeners; /* borrowed */
	struct clients clients;
	struct chain idle;	/* by last activity */
	struct chain waiting;	/* nothing begun or untaken, but an upstream owes an answer */
	struct chain busy;	/* a begun message or an untaken answer, by since_ms */
	struct chain lingering; /* ended, but for the client's end */
	unsigned n, n_max;	/* connections */
	size_t buffered_bytes;	/* of all connections */
	bool is_draining;
	bool has_leaving; /* listeners */
	struct query_output output;
	size_t n_gathered; /* octets in `gathered` */
	uint8_t *gathered; /* owned: TCP_GATHER_BYTES */
	uint8_t *
		read_bytes; /* owned: 1 + TCP_READ_BYTES; the first octet for a cut length prefix */
};

void tcp_init(struct tcp *tcp, uv_loop_t *loop, const struct net_config *config,
	      struct query_worker *query, struct net_counts *counts);
void tcp_fini(struct tcp *tcp);

/* The limits and times of `config`, borrowed, hold from now on. */
void tcp_configure(struct tcp *tcp, const struct net_config *config);

/* How many connections a worker may have. */
unsigned tcp_share(const struct net_config *config);

/* The listener, whose fd, address and server are set, becomes one of tcp's; it is polled from
 * tcp_listener_start on. 0 or -errno. */
MUST_USE int tcp_listen(struct tcp *tcp, struct tcp_listener *listener);
void tcp_listener_start(struct tcp_listener *listener);

/* Lets in who is there, and nobody else. Its connections end when they have no query in progress:
 * what was sent is answered. */
void tcp_listener_leave(struct tcp_listener *listener);

/* Lets in who is there, and closes; on_closed comes as the loop runs on. */
void tcp_listener_close(struct tcp_listener *listener);

/* Is a connection of a leaving listener in the middle of a query, or may yet ask one? */
bool tcp_has_leaving(struct tcp *tcp);

/* They read no more: what is unsent goes out, then they end. Nothing of theirs leads to a leaving
 * listener any more. None of them has a query that waits for an upstream. */
void tcp_end_leaving(struct tcp *tcp);

/* Called every now and then (tcp_tick_ms): ends what is too slow. */
void tcp_tick(struct tcp *tcp);
unsigned tcp_tick_ms(const struct net_config *config);

/* All connections are leaving from now on, as those of a listener that leaves. tcp->n becomes 0 as
 * the loop runs on, if clients do their part. */
void tcp_drain(struct tcp *tcp);

/* Closes everything at once, as the loop runs on. */
void tcp_close_all(struct tcp *tcp);

#endif
