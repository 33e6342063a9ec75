/* SPDX-License-Identifier: Apache-2.0
 *
 * What channel.c (attempts and c-ares) and channel_socket.c (the socket underneath) share.
 */
#ifndef KANAME_FORWARD_CHANNEL_PRIVATE_H
#define KANAME_FORWARD_CHANNEL_PRIVATE_H

#define CARES_NO_DEPRECATED /* ares_set_socket_functions and ares_send are all that 1.18 has */
#include <ares.h>

#include "channel.h"

#define CHANNEL_TELL_MAX (2 + PACKET_MAX)

/* A uv handle outlives its channel by a turn of the loop. */
struct channel_poll {
	uv_poll_t poll;
	struct channels *channels; /* borrowed */
	struct channel *channel;   /* NULL: closing */
};

struct channel {
	struct cds_list_head link;	  /* in channels->retired */
	struct cds_list_head unsent_link; /* in channels->unsent while it has datagrams to send */
	struct channels *channels;	  /* borrowed */
	const struct channel_upstream *upstream; /* borrowed */
	ares_channel ares;			 /* owned */
	struct channel_poll *poll;		 /* of fd; NULL without a socket */
	int fd;					 /* -1 without a socket */
	int error;   /* errno to tell c-ares at its next read; 0: none */
	bool is_eof; /* TCP: likewise */
	bool is_tcp, is_retired, is_write_wanted;
	bool has_answered; /* on this connection */
	unsigned n_asked;  /* on this socket */
	unsigned n_held;   /* attempts that c-ares holds */
	uint64_t used_us;
	uint64_t reply_us;	       /* of the last reply */
	struct attempt *sending;       /* within ares_send */
	struct cds_list_head attempts; /* in the table, oldest first */
	struct attempt *buckets[CHANNEL_BUCKETS];
	ARRAY(struct attempt *) outbox; /* UDP: to be sent */
	size_t n_outbox_sent;
	ARRAY(struct attempt *) inbox; /* answered: c-ares is to be told */
	size_t inbox_next, inbox_pos;
	ARRAY(uint8_t) stream; /* TCP: read, not a whole frame yet */
};

extern const struct ares_socket_functions channel_socket_functions;

/* ARES_OPT's socket state callback: whether c-ares wants to write. */
void channel_on_socket_state(void *arg, ares_socket_t fd, int is_readable, int is_writable);

/* The reply bytes[0..len), checked: whose is it? Ends that attempt and puts it in the inbox. */
void channel_take_reply(struct channel *channel, const uint8_t *bytes, size_t len);

void channel_end(struct attempt *attempt, enum attempt_outcome outcome);

/* Tells c-ares what is in the inbox, or the error. */
void channel_tell(struct channel *channel);

/* Sends the outbox by sendmmsg; what fails ends as FAILED. */
void channel_send_outbox(struct channel *channel);

#endif
