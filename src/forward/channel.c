/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts: the table by ID, what c-ares says, how they end. Which query ID an attempt has is for
 * c-ares 1.18 to take from our packet (ours, checked to be free); newer ones make their own and
 * write the packet anew, so the ID is read back: by UDP from the datagram that c-ares wants to
 * send, by TCP from ares_send_dnsrec. By UDP the packet goes out as we wrote it, with that ID.
 */
#include "channel_private.h"

#include <errno.h>
#include <stdlib.h>

#define ARES_TIMEOUT_MS 5500	  /* c-ares gives up; nobody waits that long */
#define ATTEMPT_OLD_US 8000000ull /* no question waits for it any more */
#define HAS_DNSREC (ARES_VERSION >= 0x011c00)

/* ---- what all share ---- */

void channels_init(struct channels *channels, uv_loop_t *loop, size_t n_attempts_max)
{
	*channels = (struct channels){.loop = loop, .n_attempts_max = n_attempts_max};
	CDS_INIT_LIST_HEAD(&channels->ended);
	CDS_INIT_LIST_HEAD(&channels->unsent);
	CDS_INIT_LIST_HEAD(&channels->retired);
	channels->buffers = mem_alloc((size_t)CHANNEL_BATCH * CHANNEL_DATAGRAM_MAX);
}

void channels_fini(struct channels *channels)
{
	CHECK(channels->n_attempts == 0 && channels->n_polls == 0);
	free(channels->buffers);
	channels->buffers = NULL;
}

/* ---- the table ---- */

static struct attempt **find_id(struct channel *channel, uint16_t id)
{
	struct attempt **at = &channel->buckets[id % CHANNEL_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void add_to_table(struct attempt *attempt)
{
	struct attempt **bucket = &attempt->channel->buckets[attempt->id % CHANNEL_BUCKETS];

	attempt->next = *bucket;
	*bucket = attempt;
	cds_list_add_tail(&attempt->link, &attempt->channel->attempts);
}

struct attempt *attempt_new(struct channels *channels)
{
	struct attempt *attempt = mem_alloc(sizeof(*attempt));

	*attempt = (struct attempt){
		.channels = channels, .outcome = ATTEMPT_OPEN, .sent_us = channels->now_us};
	channels->n_attempts++;
	return attempt;
}

static void free_attempt(struct attempt *attempt)
{
	if (attempt->outbox > 0)
		attempt->port->outbox.items[attempt->outbox - 1] = NULL;
	attempt->channels->n_attempts--;
	free(attempt);
}

/* Out of the table, into the list of those whose owner is to be told. */
void channel_end(struct attempt *attempt, enum attempt_outcome outcome)
{
	struct channel *channel = attempt->channel;
	struct attempt **at = find_id(channel, attempt->id);

	while (*at && *at != attempt)
		at = &(*at)->next;
	if (*at) {
		*at = attempt->next;
		cds_list_del(&attempt->link);
	}
	attempt->outcome = outcome;
	attempt->end_us = channel->channels->now_us;
	cds_list_add_tail(&attempt->link, &channel->channels->ended);
}

static void fail(struct attempt *attempt, enum attempt_failure failure)
{
	attempt->failure = failure;
	channel_end(attempt, ATTEMPT_FAILED);
}

void attempt_fail(struct attempt *attempt)
{
	attempt->failure = ATTEMPT_LOCAL;
	attempt->outcome = ATTEMPT_FAILED;
	attempt->end_us = attempt->channels->now_us;
	cds_list_add_tail(&attempt->link, &attempt->channels->ended);
}

void channel_take_reply(struct port *port, const uint8_t *bytes, size_t len)
{
	struct channel *channel = port->channel;
	struct attempt *attempt = *find_id(channel, packet_id(bytes, len));
	enum packet_fit fit = PACKET_OTHER_ID;

	if (len < DNS_HEADER_SIZE)
		fit = PACKET_SHORT;
	else if (attempt && (channel->is_tcp || attempt->port == port))
		fit = packet_fit(bytes, len, attempt->packet, attempt->name_len);
	if (fit == PACKET_OTHER_CASE && channel->upstream->case_state == UPSTREAM_CASE_LOST)
		fit = PACKET_FITS;
	if (fit != PACKET_FITS)
		counter_add(&channel->upstream->counts->unfit[fit], 1);
	if (fit != PACKET_FITS &&
	    (fit != PACKET_OTHER_CASE || channel->upstream->case_state == UPSTREAM_CASE_KEPT))
		return;
	port->has_answered = true;
	channel->reply_us = channel->channels->now_us;
	attempt->reply = bytes;
	attempt->reply_len = len;
	if (attempt->is_held)
		ARRAY_PUSH(&port->inbox, attempt);
	if (fit == PACKET_FITS)
		channel_end(attempt, ATTEMPT_REPLIED);
	else
		fail(attempt, ATTEMPT_CASE);
}

void channels_drain(struct channels *channels)
{
	while (!cds_list_empty(&channels->ended)) {
		struct attempt *attempt =
			cds_list_first_entry(&channels->ended, struct attempt, link);

		/* As cds_list_del, but that the analyzer sees that it is not the first any more. */
		channels->ended.next = attempt->link.next;
		attempt->link.next->prev = &channels->ended;
		attempt->on_end(attempt);
		attempt->owner = NULL;
		attempt->is_done = true;
		if (!attempt->is_held)
			free_attempt(attempt);
	}
}

/* ---- c-ares ---- */

static enum attempt_failure failure_of(const struct attempt *attempt, int status)
{
	if (status == ARES_ENOMEM || status == ARES_EDESTRUCTION || status == ARES_EFORMERR ||
	    status == ARES_EBADQUERY)
		return ATTEMPT_LOCAL;
	if (attempt->is_stale || (attempt->is_tcp && attempt->port && attempt->port->has_answered))
		return ATTEMPT_STALE;
	return ATTEMPT_NETWORK;
}

/* c-ares lets go of an attempt: it was told of the answer, or gave up. */
static void let_go(struct attempt *attempt, int status)
{
	attempt->is_held = false;
	attempt->channel->n_held--;
	if (attempt->is_done) {
		free_attempt(attempt);
		return;
	}
	if (attempt->outcome != ATTEMPT_OPEN || status == ARES_ETIMEOUT)
		return;
	fail(attempt, failure_of(attempt, status));
}

#if HAS_DNSREC
static void on_cares(void *arg, ares_status_t status, size_t timeouts,
		     const ares_dns_record_t *record)
{
	let_go(arg, (int)status);
}

static void hand_over(struct channel *channel, struct attempt *attempt)
{
	ares_dns_record_t *record = NULL;
	unsigned short id = 0;

	if (ares_dns_parse(attempt->packet, attempt->len, 0, &record) != ARES_SUCCESS) {
		let_go(attempt, ARES_EFORMERR);
		return;
	}
	ares_send_dnsrec(channel->ares, record, on_cares, attempt, &id);
	ares_dns_record_destroy(record);
	if (channel->is_tcp) {
		attempt->packet[0] = (uint8_t)(id >> 8);
		attempt->packet[1] = (uint8_t)id;
	}
}
#else
static void on_cares(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	let_go(arg, status);
}

static void hand_over(struct channel *channel, struct attempt *attempt)
{
	uint16_t id;

	do
		id = (uint16_t)entropy_u64(&channel->channels->entropy);
	while (*find_id(channel, id) != NULL);
	attempt->packet[0] = (uint8_t)(id >> 8);
	attempt->packet[1] = (uint8_t)id;
	ares_send(channel->ares, attempt->packet, attempt->len, on_cares, attempt);
}
#endif

void channel_ask(struct channel *channel, struct attempt *attempt)
{
	struct channels *channels = channel->channels;
	struct attempt *older;

	if (channels->n_attempts > channels->n_attempts_max) {
		attempt_fail(attempt);
		return;
	}
	attempt->channel = channel;
	attempt->is_tcp = channel->is_tcp;
	attempt->is_held = true;
	channel->n_held++;
	channel->used_us = channels->now_us;
	counter_add(&channel->upstream->counts->reused[channel->is_tcp],
		    !cds_list_empty(&channel->ports));
	channel->sending = attempt;
	hand_over(channel, attempt);
	channel->sending = NULL;
	channel->n_asked++;
	if (attempt->outcome != ATTEMPT_OPEN)
		return;
	attempt->id = packet_id(attempt->packet, attempt->len);
	if (channel->is_tcp && !cds_list_empty(&channel->ports))
		attempt->port = cds_list_first_entry(&channel->ports, struct port, link);
	/* c-ares has forgotten the older one, or it would not have given its ID again. */
	older = *find_id(channel, attempt->id);
	if (older)
		fail(older, ATTEMPT_LOCAL);
	add_to_table(attempt);
}

/* c-ares reads until nothing is left; a TCP frame takes it two calls in 1.18. */
void channel_tell(struct port *port)
{
	size_t n = port->inbox.len * 2 + 2;

	if (port->is_left) {
		if (port->is_eof || port->error != 0)
			port_close(port);
		return;
	}
	while (n-- > 0 && port->channel &&
	       (port->inbox_next < port->inbox.len || port->is_eof || port->error != 0))
		ares_process_fd(port->channel->ares, port->fd, ARES_SOCKET_BAD);
	port->inbox.len = port->inbox_next = port->inbox_pos = 0;
}

/* ---- a channel ---- */

static int init_cares(struct channel *channel)
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_STAYOPEN |
			 ARES_FLAG_IGNTC | ARES_FLAG_NOCHECKRESP |
			 (channel->is_tcp ? ARES_FLAG_USEVC : 0),
		.timeout = ARES_TIMEOUT_MS,
		.tries = 1,
		.sock_state_cb = channel_on_socket_state,
		.sock_state_cb_data = channel,
		.lookups = (char[]){"b"},
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
		   ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS;
	int status;

#ifdef ARES_OPT_QUERY_CACHE
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	status = ares_init_options(&channel->ares, &options, mask);
	if (status != ARES_SUCCESS)
		return status;
	ares_set_socket_functions(channel->ares, &channel_socket_functions, channel);
	status = ares_set_servers_ports_csv(channel->ares, channel->upstream->text);
	if (status != ARES_SUCCESS)
		ares_destroy(channel->ares);
	return status;
}

struct channel *channel_new(struct channels *channels, const struct channel_upstream *upstream,
			    bool is_tcp)
{
	struct channel *channel = mem_zalloc(sizeof(*channel));

	channel->channels = channels;
	channel->upstream = upstream;
	channel->is_tcp = is_tcp;
	channel->used_us = channels->now_us;
	CDS_INIT_LIST_HEAD(&channel->attempts);
	CDS_INIT_LIST_HEAD(&channel->ports);
	CDS_INIT_LIST_HEAD(&channel->link);
	if (init_cares(channel) != ARES_SUCCESS) {
		free(channel);
		return NULL;
	}
	return channel;
}

bool channel_is_fresh(struct channel *channel)
{
	const struct attempt *oldest;

	if (!channel->is_tcp && channel->n_asked >= CHANNEL_ASKS_MAX)
		return false;
	if (cds_list_empty(&channel->attempts))
		return true;
	oldest = cds_list_first_entry(&channel->attempts, struct attempt, link);
	return channel->reply_us >= oldest->sent_us ||
	       oldest->sent_us + CHANNEL_STUCK_US > channel->channels->now_us;
}

uint64_t channel_used_us(const struct channel *channel)
{
	return channel->used_us;
}

void channel_retire(struct channel *channel)
{
	CHECK(!channel->is_retired);
	channel->is_retired = true;
	cds_list_add_tail(&channel->link, &channel->channels->retired);
}

void channel_tick(struct channel *channel)
{
	struct attempt *attempt, *next;
	struct port *port, *next_port;
	uint64_t now_us = channel->channels->now_us;

	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	cds_list_for_each_entry_safe(attempt, next, &channel->attempts, link)
	{
		if (attempt->sent_us + ATTEMPT_OLD_US > now_us)
			break;
		fail(attempt, ATTEMPT_LOCAL);
	}
	cds_list_for_each_entry_safe(port, next_port, &channel->ports, link)
	{
		if (port->is_left && !port_is_needed(port))
			port_close(port);
	}
}

/* The attempts that have ended are of this channel's no more once they are drained. */
void channels_sweep(struct channels *channels)
{
	struct channel *channel, *next;

	CHECK(cds_list_empty(&channels->ended));
	cds_list_for_each_entry_safe(channel, next, &channels->retired, link)
	{
		channel_tick(channel);
		channels_drain(channels);
		if (channel->n_held == 0 && cds_list_empty(&channel->attempts))
			channel_free(channel);
	}
}

bool channels_has_retired(const struct channels *channels, const struct channel_upstream *upstream)
{
	const struct channel *channel;

	cds_list_for_each_entry(channel, &channels->retired, link)
	{
		if (channel->upstream == upstream)
			return true;
	}
	return false;
}

void channel_free(struct channel *channel)
{
	struct channels *channels = channel->channels;
	struct attempt *attempt, *next;
	struct port *port, *next_port;

	/* c-ares lets go of everything, and closes the socket. */
	ares_destroy(channel->ares);
	cds_list_for_each_entry_safe(attempt, next, &channel->attempts, link)
	{
		fail(attempt, ATTEMPT_LOCAL);
	}
	cds_list_for_each_entry_safe(port, next_port, &channel->ports, link)
	{
		port_close(port);
	}
	channels_drain(channels);
	CHECK(channel->n_held == 0 && cds_list_empty(&channel->ports));
	if (channel->is_retired)
		cds_list_del(&channel->link);
	free(channel);
}

void channels_free_retired(struct channels *channels)
{
	struct channel *channel, *next;

	cds_list_for_each_entry_safe(channel, next, &channels->retired, link)
	{
		channel_free(channel);
	}
}

void channels_flush(struct channels *channels)
{
	struct port *port, *next;

	cds_list_for_each_entry_safe(port, next, &channels->unsent, unsent_link)
	{
		port_send_outbox(port);
	}
}
