/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries that wait for an upstream: each a copy of its packet and of where its answer goes. A
 * worker has one struct pendings, bounded in number and in octets; a query that finds no room is
 * answered REFUSED at once, so cluster names never wait for any of it. Worker thread.
 *
 *   pending_start --reply, or failure, or patience over--> answered (UDP: udp_late; TCP:
 *   tcp_connection_late) --another question is needed--> asks again, a bounded number of times
 */
#ifndef KANAME_NET_PENDING_H
#define KANAME_NET_PENDING_H

#include "chain.h"
#include "counts.h"
#include "forward/forward.h"
#include "query/query.h"
#include "socket.h"

struct tcp_connection;
struct udp_socket;

/* All of a worker. */
struct pendings {
	struct forward *forward;    /* borrowed; NULL: nothing was ever forwarded */
	bool has_upstreams;	    /* else there is nobody to ask */
	struct query_worker *query; /* borrowed */
	struct net_counts *counts;  /* borrowed */
	uv_loop_t *loop;	    /* borrowed */
	struct udp *udp;	    /* borrowed */
	struct chain all;
	size_t n, n_max;
	size_t bytes, bytes_max;
	struct cache_question learnt;	/* the question of `external` */
	struct query_external external; /* the reply that came last, or why there was none */
};

/* Where an answer goes. */
struct pending_peer {
	struct udp_socket *socket;	   /* UDP; outlives */
	struct tcp_connection *connection; /* TCP: calls pending_drop when it closes */
	const void *control;		   /* UDP: of sendmsg; control_len octets */
	size_t control_len;
};

#define PENDING_CONTROL_MAX 40 /* octets: CMSG_SPACE of either pktinfo */

struct pending {
	struct forward_waiter waiter;
	struct pendings *owner;	    /* borrowed */
	struct chain link;	    /* owner->all */
	struct chain in_connection; /* TCP: connection->pendings */
	struct udp_socket *socket;  /* borrowed, as below; one of them */
	struct tcp_connection *connection;
	union socket_address source, local;
	bool has_local;
	bool is_asking; /* the forwarder has the waiter */
	uint8_t control_len;
	_Alignas(8) uint8_t control[PENDING_CONTROL_MAX];
	struct cache_question question; /* what it waits for */
	unsigned n_asked;
	uint64_t start_ns;
	uint64_t until_ms;	  /* of the loop's time: the client gives up */
	struct query_input input; /* leads into this struct */
	uint8_t packet[];
};

void pendings_init(struct pendings *pendings, uv_loop_t *loop, struct query_worker *query,
		   struct net_counts *counts);

/* Of forward_open. */
bool pendings_is_sound(void *arg, const struct forward_question *question, const uint8_t *wire,
		       size_t len);
void pendings_on_reply(void *arg, const struct forward_question *question,
		       const struct forward_result *result);

/*
 * The query that was QUERY_FORWARD waits from now on (QUERY_FORWARD); or there is no room, and
 * *output is its refusal (QUERY_ANSWER, or DROP). Called inside RCU. start_ns is when it was
 * received.
 */
enum query_verdict pending_start(struct pendings *pendings, const struct query_input *input,
				 struct query_output *output, const struct pending_peer *peer,
				 uint64_t start_ns);

/* An answer's wants_refresh: asks, and nobody waits. */
void pending_refresh(struct pendings *pendings, const struct query_output *output);

/* What came of the question: the answer is in *output (QUERY_ANSWER, or DROP), or the query waits
 * for another one (QUERY_FORWARD). Outside RCU. */
enum query_verdict pending_resume(struct pending *pending, const struct query_external *external,
				  struct query_output *output);

/* Its query is answered, or nobody wants the answer: waits no more, and is freed. */
void pending_drop(struct pending *pending);

/* Every query that still waits is told that it waited in vain; or those only whose socket or
 * connection leaves. */
void pendings_end(struct pendings *pendings);
void pendings_end_leaving(struct pendings *pendings);

/* Sockets have other indexes of their servers now. */
void pendings_reindex(struct pendings *pendings);

#endif
