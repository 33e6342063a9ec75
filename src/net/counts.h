/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker counts beside the queries themselves. One struct per worker: its thread adds,
 * net_metrics_write reads (base/counter.h). The texts of the reasons are metric labels and stand in
 * metrics.c.
 */
#ifndef KANAME_NET_COUNTS_H
#define KANAME_NET_COUNTS_H

#include <stdint.h>

#include "base/counter.h"

/* Why query_run dropped a packet. */
enum net_drop { NET_DROP_RESPONSE, NET_DROP_SHORT, NET_DROP_PORT0, NET_DROP_ACL };
#define NET_N_DROPS 4

/* Why the kernel did not take a UDP answer. */
enum net_unsent {
	NET_UNSENT_NO_BUFFERS,
	NET_UNSENT_NOT_PERMITTED,
	NET_UNSENT_UNREACHABLE,
	NET_UNSENT_TOO_LARGE,
	NET_UNSENT_OTHER
};
#define NET_N_UNSENT 5

/* Why a query was refused instead of waiting for an upstream. */
enum net_refused {
	NET_REFUSED_ROOM,      /* too many wait, or too many octets */
	NET_REFUSED_FORWARDER, /* max_concurrent, or too many questions */
};
#define NET_N_REFUSED 2

/* Why a TCP connection ended. */
enum net_end {
	NET_END_CLIENT,	      /* the client closed it */
	NET_END_ERROR,	      /* reset, timed out by the kernel */
	NET_END_IDLE,	      /* tcp_idle_ms without a query */
	NET_END_STALLED,      /* a message not whole, or an answer not taken, within tcp_stall_ms */
	NET_END_LENGTH,	      /* a length prefix below that of a header */
	NET_END_LIMIT,	      /* the oldest of all made room for a new one */
	NET_END_CLIENT_LIMIT, /* the oldest of its client made room for a new one */
	NET_END_BUFFERS,      /* tcp_buffer_bytes were used up */
	NET_END_DESCRIPTORS,  /* the process ran out of file descriptors */
	NET_END_DRAIN	      /* the server ends */
};
#define NET_N_ENDS 10

struct net_counts {
	uint64_t received; /* packets: queries, and what was dropped */
	uint64_t dropped[NET_N_DROPS];
	uint64_t unsent[NET_N_UNSENT];
	uint64_t pending;	/* a gauge: queries that wait for an upstream */
	uint64_t pending_bytes; /* a gauge */
	uint64_t refused[NET_N_REFUSED];
	uint64_t tcp_accepted;
	uint64_t tcp_accept_failed;
	uint64_t tcp_open; /* a gauge */
	uint64_t tcp_ended[NET_N_ENDS];
	struct histogram queue_delay_ns; /* of the UDP receive queues, see udp.h */
	uint64_t has_no_stamps;		 /* 1: the kernel does not tell it */
};

extern const struct histogram_bounds net_queue_delay_bounds; /* ns */

#endif
