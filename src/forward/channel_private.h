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

/* A socket of a channel. c-ares mostly has one at a time; newer ones open another while questions
 * on the first go unanswered, and close one whose questions they have given up. Their patience
 * (250 ms) is not ours: such a port is kept until its last question is answered or over. uv's
 * handle outlives it by a turn of the loop. */
struct port {
	uv_poll_t poll;
	struct channels *channels;	  /* borrowed */
	struct channel *channel;	  /* NULL: closed */
	struct cds_list_head link;	  /* in channel->ports */
	struct cds_list_head unsent_link; /* in channels->unsent while it has datagrams to send */
	int fd;
	int error;	/* errno to tell c-ares at its next read; 0: none */
	bool is_eof;	/* TCP: likewise */
	bool is_broken; /* c-ares was told of an error, or of the end */
	bool is_left;	/* c-ares has closed it, questions still wait for replies */
	bool is_write_wanted;
	bool has_answered;
	ARRAY(struct attempt *) outbox; /* UDP: to be sent; NULL where one has ended */
	size_t n_outbox_sent;
	ARRAY(struct attempt *) inbox; /* answered: c-ares is to be told */
	size_t inbox_next, inbox_pos;
	ARRAY(uint8_t) stream; /* TCP: read, not a whole frame yet */
};

struct channel {
	struct cds_list_head link;		 /* in channels->retired */
	struct channels *channels;		 /* borrowed */
	const struct channel_upstream *upstream; /* borrowed */
	ares_channel ares;			 /* owned */
	struct cds_list_head ports;		 /* newest first */
	bool is_tcp, is_retired;
	unsigned n_asked; /* since a port was opened */
	unsigned n_held;  /* attempts that c-ares holds */
	uint64_t used_us;
	uint64_t reply_us;	       /* of the last reply */
	struct attempt *sending;       /* within ares_send */
	struct cds_list_head attempts; /* in the table, oldest first */
	struct attempt *buckets[CHANNEL_BUCKETS];
};

extern const struct ares_socket_functions channel_socket_functions;

/* ARES_OPT's socket state callback: whether c-ares wants to write. */
void channel_on_socket_state(void *arg, ares_socket_t fd, int is_readable, int is_writable);

/* bytes[0..len) came in: whose reply is it? Ends that attempt and puts it in the port's inbox. */
void channel_take_reply(struct port *port, const uint8_t *bytes, size_t len);

void channel_end(struct attempt *attempt, enum attempt_outcome outcome);

/* Tells c-ares what is in the inbox, or the error. The port may be closed afterwards. */
void channel_tell(struct port *port);

/* Really closes it; what waits for a reply fails. */
void port_close(struct port *port);

/* Does an attempt wait for a reply on it? */
bool port_is_needed(const struct port *port);

/* Sends the outbox by sendmmsg; what fails ends as FAILED. */
void port_send_outbox(struct port *port);

#endif
