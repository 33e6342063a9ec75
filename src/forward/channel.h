/* SPDX-License-Identifier: Apache-2.0
 *
 * A c-ares channel to one upstream, over one socket that is ours: a UDP port or a TCP connection.
 * c-ares opens, connects, writes and reads by the calls that we give it
 * (ares_set_socket_functions), keeps its queries and ends those that nobody answers. Underneath,
 * datagrams go out and come in by the batch, and what comes in is checked against what was asked
 * before c-ares sees anything: c-ares is then told only that the question was answered (its header
 * and question, no record), so that an upstream's bytes never reach its parser, and the owner gets
 * the bytes as they came.
 *
 *     attempt -ares_send-> held by c-ares, in the table by ID
 *        | a reply that fits -> ended, REPLIED (and c-ares lets go)
 *        | c-ares: refused, closed, no port -> ended, FAILED
 *        | c-ares: its timeout -> stays in the table; the owner alone says when it is too late
 *
 * Ended attempts wait in channels->ended for channels_drain, which is never called from within
 * c-ares: a callback of c-ares only notes what happened. The loop's thread.
 */
#ifndef KANAME_FORWARD_CHANNEL_H
#define KANAME_FORWARD_CHANNEL_H

#include <urcu/list.h>

#include "base/array.h"
#include "base/counter.h"
#include "entropy.h"
#include "forward/forward.h"
#include "packet.h"
#include "upstream.h"

#define CHANNEL_BUCKETS 256u
#define CHANNEL_BATCH 32u	   /* datagrams of one recvmmsg or sendmmsg */
#define CHANNEL_DATAGRAM_MAX 4096u /* more than PACKET_UDP_SIZE: some upstreams do not ask */
#define CHANNEL_FRAME_MAX (2u + DNS_MESSAGE_MAX)

enum attempt_outcome { ATTEMPT_OPEN, ATTEMPT_REPLIED, ATTEMPT_FAILED };
enum attempt_failure {
	ATTEMPT_NETWORK, /* refused, unreachable, closed */
	ATTEMPT_STALE,	 /* a connection that had answered before was closed */
	ATTEMPT_CASE,	 /* a reply that fits but for the case */
	ATTEMPT_LOCAL,	 /* no port, no memory, over a bound */
};

struct channel;
struct port;

struct attempt {
	struct cds_list_head link; /* in channel->attempts while in the table, then in ended */
	struct attempt *next;	   /* of the bucket */
	struct channels *channels;
	struct channel *channel; /* NULL: there was none for it */
	struct port *port;	 /* where it went out; NULL: not yet, or closed since */
	void (*on_end)(struct attempt *attempt); /* outcome, reply, failure are set */
	void *to;				 /* the owner's: whom it asks */
	void *owner; /* on_end's; NULL: abandoned, nobody waits (on_end is called all the same) */
	unsigned index; /* the owner's */
	uint64_t sent_us;
	uint64_t end_us;
	enum attempt_outcome outcome;
	enum attempt_failure failure;
	const uint8_t *reply; /* REPLIED: borrowed for on_end */
	size_t reply_len;
	size_t outbox; /* where it is in the port's outbox, from 1; 0: it is not */
	bool is_held;  /* by c-ares */
	bool is_stale; /* TCP: the connection that was closed had answered before */
	bool is_done;  /* on_end was called; c-ares still has to let go */
	bool is_tcp;
	bool has_case; /* its letters are of random case */
	uint16_t id;   /* as sent */
	uint16_t name_len;
	uint16_t len;
	uint8_t packet[PACKET_MAX]; /* as sent by UDP */
};

/* Counters of one upstream that any thread may read. */
struct channel_counts {
	uint64_t unfit[PACKET_N_FITS]; /* replies not for us, by reason; FITS: too large */
	uint64_t opened[2];	       /* UDP ports, TCP connections */
	uint64_t reused[2];	       /* attempts on one that was there */
};

/* Whom a channel talks to. */
struct channel_upstream {
	struct sockaddr_storage address;
	const char *text; /* for c-ares: "10.0.0.10:53", "[fd00::10]:53" */
	/* KEPT: replies in another case are not for us; UNKNOWN: they end the attempt as
	 * ATTEMPT_CASE; LOST: they are good. */
	enum upstream_case case_state;
	struct channel_counts *counts;
};

/* What the channels of a forwarder share. */
struct channels {
	uv_loop_t *loop;
	struct entropy entropy;
	uint64_t now_us; /* of this turn of the loop */
	struct cds_list_head ended;
	struct cds_list_head unsent; /* UDP ports with datagrams to send */
	struct cds_list_head retired;
	size_t n_attempts, n_attempts_max;
	uint64_t n_pushed;	       /* datagrams that were ever put into an outbox */
	unsigned n_polls;	       /* uv handles that have not closed yet */
	void (*on_closed)(void *arg);  /* the last of them has */
	void (*on_replies)(void *arg); /* after replies were read: drain, flush */
	void *arg;
	uint8_t *buffers; /* owned: CHANNEL_BATCH datagrams; a frame */
};

void channels_init(struct channels *channels, uv_loop_t *loop, size_t n_attempts_max);
/* All channels are closed and n_polls is 0. */
void channels_fini(struct channels *channels);

/* NULL: c-ares has no memory or no file descriptor for it. `upstream` outlives the channel. */
struct channel *channel_new(struct channels *channels, const struct channel_upstream *upstream,
			    bool is_tcp);

/* Asks. on_end comes later, from channels_drain, once. `attempt` is made by attempt_new and
 * belongs to the channel from here on. */
void channel_ask(struct channel *channel, struct attempt *attempt);

struct attempt *attempt_new(struct channels *channels);

/* In place of channel_ask where there is no channel: FAILED, LOCAL. */
void attempt_fail(struct attempt *attempt);

/* May it take another question? Not a port after CHANNEL_ASKS_MAX, so that ports change; and none
 * whose oldest question has waited for CHANNEL_STUCK_US without a reply to any since: there may be
 * a path (a NAT, a connection) that leads nowhere. */
#define CHANNEL_STUCK_US 1000000u
#define CHANNEL_ASKS_MAX 512u
bool channel_is_fresh(struct channel *channel);
uint64_t channel_used_us(const struct channel *channel);

/* Takes no more questions; is freed when its last attempt has ended, or at the next sweep. */
void channel_retire(struct channel *channel);

/* Sends what was asked by UDP since. */
void channels_flush(struct channels *channels);

/* Calls on_end for what has ended; it may ask again. */
void channels_drain(struct channels *channels);

/* Now and then: c-ares' own timeouts, attempts older than any question, retired channels. */
void channel_tick(struct channel *channel);
void channels_sweep(struct channels *channels);
/* For the end: frees the retired ones, whatever they hold. */
void channels_free_retired(struct channels *channels);

/* Is there a retired channel to this upstream? */
bool channels_has_retired(const struct channels *channels, const struct channel_upstream *upstream);

/* Ends all attempts (FAILED, LOCAL: drain them) and closes the socket. Not from within on_end. */
void channel_free(struct channel *channel);

#endif
