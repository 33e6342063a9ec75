/* SPDX-License-Identifier: Apache-2.0
 *
 * One upstream of a line: the ports it is asked from, its health probes while there is doubt, and
 * its loop probe.
 *
 * All questions of one turn of the loop go out from one port, so that they can be sent and
 * received by the batch; the next turn draws another of the PEER_PORTS, and a port is given up
 * after CHANNEL_ASKS_MAX questions. A health probe (". NS" as CoreDNS) goes out at once when the
 * upstream becomes suspect, and every health_interval_ms until a reply comes; any reply will do.
 * A loop probe asks for a name that only this process can have made (dns/probe.h).
 */
#include "forward_private.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "dns/probe.h"

#define MS 1000ull
#define SECOND (1000 * MS)
#define LINES_PER_SECOND 4u
#define PROBE_TIMEOUT_US SECOND
#define LOOP_AGAIN_US (60 * SECOND)
#define LOOP_RETRY_US (10 * SECOND)

/* 0.00025 * 2^n s, as coredns_proxy_request_duration_seconds */
const struct histogram_bounds peer_duration_bounds = {
	.n = 16,
	.le = {250 * MS, 500 * MS, SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND,
	       32 * SECOND, 64 * SECOND, 128 * SECOND, 256 * SECOND, 512 * SECOND, 1024 * SECOND,
	       2048 * SECOND, 4096 * SECOND, 8192 * SECOND},
};

void peer_text(char out[PEER_TEXT_MAX], const struct sockaddr_storage *address)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(out, PEER_TEXT_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(out, PEER_TEXT_MAX, "%s:%u", host, ntohs(v4->sin_port));
	}
}

/* ---- asking ---- */

static struct channel **slot_of(struct peer *peer, bool is_tcp)
{
	struct forward *forward = peer->forward;
	struct channel **slot;

	if (!is_tcp && peer->turn != forward->turn) {
		peer->turn = forward->turn;
		peer->port = entropy_u64(&forward->channels.entropy) % PEER_PORTS;
	}
	slot = is_tcp ? &peer->tcp : &peer->udp[peer->port];
	if (*slot && !channel_is_fresh(*slot)) {
		channel_retire(*slot);
		*slot = NULL;
	}
	return slot;
}

void peer_ask(struct peer *peer, struct attempt *attempt, bool is_tcp)
{
	struct channel **slot = slot_of(peer, is_tcp);

	peer->n_attempts++;
	if (!*slot)
		*slot = channel_new(&peer->forward->channels, &peer->to, is_tcp);
	if (*slot)
		channel_ask(*slot, attempt);
	else
		attempt_fail(attempt);
}

/* ---- what ends of attempts say ---- */

static void see_case(struct peer *peer, bool is_kept)
{
	upstream_case_seen(&peer->upstream, is_kept);
	peer->to.case_state = peer->upstream.case_state;
}

/* Slow names that a client asks for can take an upstream down and up again. Of one that has left
 * its line there is nothing to say. */
static bool may_say(struct peer *peer)
{
	uint32_t suppressed;

	return peer->gone_us == 0 &&
	       log_limit_pass(&peer->log_limit, peer->forward->channels.now_us * 1000,
			      LINES_PER_SECOND, &suppressed);
}

void peer_say_down(struct peer *peer)
{
	if (!may_say(peer))
		return;
	forward_log(peer->forward, LOG_WARNING,
		    "forward %s: upstream %s does not answer, it is down",
		    peer->line->config->from_text, peer->to.text);
}

/* Before the policy learns of a reply. */
static void say_up(struct peer *peer)
{
	if (peer->upstream.is_down && may_say(peer))
		forward_log(peer->forward, LOG_INFO, "forward %s: upstream %s answers again",
			    peer->line->config->from_text, peer->to.text);
}

static enum counts_rcode rcode_index(uint16_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return COUNTS_NOERROR;
	case DNS_RCODE_NXDOMAIN:
		return COUNTS_NXDOMAIN;
	case DNS_RCODE_SERVFAIL:
		return COUNTS_SERVFAIL;
	case DNS_RCODE_REFUSED:
		return COUNTS_REFUSED;
	default:
		return COUNTS_OTHER;
	}
}

void peer_count(struct peer *peer, const struct attempt *attempt)
{
	peer->n_attempts--;
	counter_add(&peer->counts->requests, 1);
	if (attempt->outcome == ATTEMPT_FAILED && attempt->failure == ATTEMPT_CASE)
		see_case(peer, false);
	if (attempt->outcome != ATTEMPT_REPLIED)
		return;
	say_up(peer);
	if (attempt->has_case)
		see_case(peer, true);
	histogram_observe(&peer->counts->duration_ns[rcode_index(packet_rcode(attempt->reply))],
			  &peer_duration_bounds, (attempt->end_us - attempt->sent_us) * 1000);
}

void peer_learn(struct peer *peer, const struct attempt *attempt)
{
	uint64_t rtt_us = attempt->is_tcp ? 0 : attempt->end_us - attempt->sent_us;

	if (attempt->outcome == ATTEMPT_REPLIED)
		upstream_replied(&peer->upstream, attempt->end_us, rtt_us,
				 (FORWARD_RCODES_FAILOVER >> packet_rcode(attempt->reply) & 1) !=
					 0);
	else if (attempt->failure == ATTEMPT_NETWORK && upstream_failed(&peer->upstream))
		peer_say_down(peer);
	peer_check_health(peer);
}

/* ---- probes ---- */

static struct attempt *send_probe(struct peer *peer, const struct packet_question *question,
				  void (*on_end)(struct attempt *attempt))
{
	struct attempt *attempt = attempt_new(&peer->forward->channels);

	attempt->to = attempt->owner = peer;
	attempt->on_end = on_end;
	attempt->name_len = question->name->len;
	attempt->len = (uint16_t)packet_write(attempt->packet, question, 0, 0);
	peer_ask(peer, attempt, peer->line->config->has_force_tcp);
	return attempt;
}

static void fail_health(struct peer *peer)
{
	counter_add(&peer->counts->health_failures, 1);
	if (upstream_failed(&peer->upstream))
		peer_say_down(peer);
}

static void on_health_end(struct attempt *attempt)
{
	struct peer *peer = attempt->to;

	peer->n_attempts--;
	if (attempt == peer->health_attempt)
		peer->health_attempt = NULL;
	if (attempt->outcome == ATTEMPT_REPLIED || attempt->failure == ATTEMPT_CASE) {
		say_up(peer);
		upstream_replied(&peer->upstream, attempt->end_us, 0, false);
	} else if (attempt->owner && attempt->failure != ATTEMPT_LOCAL) {
		fail_health(peer);
	}
}

static void probe_health(struct peer *peer)
{
	const struct forward_group_config *config = peer->line->config;
	const struct packet_question question = {
		.name = &config->health_domain,
		.type = DNS_TYPE_NS,
		.class = DNS_CLASS_IN,
		.has_rd = !config->has_health_no_rec,
	};

	peer->health_attempt = send_probe(peer, &question, on_health_end);
}

static void on_health_due(struct due *due)
{
	struct peer *peer = (struct peer *)(void *)((char *)due - offsetof(struct peer, health));
	uint64_t now_us = peer->forward->channels.now_us;
	uint32_t interval_ms = peer->line->config->health_interval_ms;

	if (!upstream_is_suspect(&peer->upstream))
		return;
	if (peer->health_attempt && peer->health_attempt->sent_us + PROBE_TIMEOUT_US <= now_us) {
		peer->health_attempt->owner = NULL;
		peer->health_attempt = NULL;
		fail_health(peer);
	}
	if (!peer->health_attempt)
		probe_health(peer);
	forward_set_due(peer->forward, due, now_us + (interval_ms > 0 ? interval_ms : 1) * MS);
}

void peer_check_health(struct peer *peer)
{
	if (!peer->health.timer.is_set && peer->gone_us == 0 &&
	    upstream_is_suspect(&peer->upstream))
		forward_set_due(peer->forward, &peer->health, peer->forward->channels.now_us);
}

static void set_looping(struct peer *peer, bool is_looping)
{
	if (is_looping && !peer->upstream.is_looping) {
		counter_add(&peer->forward->counts.loops, 1);
		forward_log(peer->forward, LOG_ERROR,
			    "loop: upstream %s of forward %s leads back to this server; it is not "
			    "used any more",
			    peer->to.text, peer->line->config->from_text);
	} else if (!is_looping && peer->upstream.is_looping) {
		forward_log(peer->forward, LOG_INFO,
			    "loop: upstream %s of forward %s does not lead back any more",
			    peer->to.text, peer->line->config->from_text);
	}
	peer->upstream.is_looping = is_looping;
	counter_set(&peer->counts->is_looping, is_looping);
}

static void on_loop_end(struct attempt *attempt)
{
	struct peer *peer = attempt->to;

	peer->n_attempts--;
	peer->loop_attempt = NULL;
	if (attempt->outcome == ATTEMPT_REPLIED && peer->gone_us == 0)
		set_looping(peer, memmem(attempt->reply, attempt->reply_len, peer->proof,
					 DNS_PROBE_LABEL) != NULL);
}

static void on_loop_due(struct due *due)
{
	struct peer *peer = (struct peer *)(void *)((char *)due - offsetof(struct peer, loop));
	struct forward *forward = peer->forward;
	struct dns_name name;
	const struct packet_question question = {
		.name = &name, .type = DNS_TYPE_HINFO, .class = DNS_CLASS_IN, .has_rd = true};
	uint64_t key = forward->config->probe_key;
	bool is_heard = peer->upstream.reply_us != 0 && !peer->upstream.is_looping;

	if (!peer->loop_attempt) {
		dns_probe_name(&name, key, entropy_u64(&forward->channels.entropy));
		CHECK(dns_probe_check(&name, key, peer->proof));
		peer->loop_attempt = send_probe(peer, &question, on_loop_end);
	}
	forward_set_due(forward, due,
			forward->channels.now_us + (is_heard ? LOOP_AGAIN_US : LOOP_RETRY_US));
}

/* ---- a peer's life ---- */

/* The counters of this upstream, from an earlier life of it too; the last ones when there are too
 * many upstreams. */
static struct peer_counts *find_counts(struct forward_counts *counts, const char *text)
{
	uint64_t n = counts->n_peers;

	for (uint64_t i = 0; i < n; i++) {
		if (strcmp(counts->peers[i].text, text) == 0)
			return &counts->peers[i];
	}
	if (n == COUNTS_MAX)
		return &counts->peers[COUNTS_MAX - 1];
	snprintf(counts->peers[n].text, PEER_TEXT_MAX, "%s", n == COUNTS_MAX - 1 ? "other" : text);
	__atomic_store_n(&counts->n_peers, n + 1, __ATOMIC_RELEASE);
	return &counts->peers[n];
}

struct peer *peer_new(struct line *line, const struct sockaddr_storage *address)
{
	struct peer *peer = mem_zalloc(sizeof(*peer) + PEER_TEXT_MAX);
	struct forward *forward = line->forward;
	char *text = (char *)(peer + 1);

	peer_text(text, address);
	peer->forward = forward;
	peer->line = line;
	peer->counts = find_counts(&forward->counts, text);
	counter_add(&peer->counts->n_users, 1);
	peer->to.address = *address;
	peer->to.text = text;
	peer->to.counts = &peer->counts->channel;
	peer->upstream.max_fails = line->config->max_fails;
	peer->health.on_due = on_health_due;
	peer->loop.on_due = on_loop_due;
	if (line->config->has_loop_probe)
		forward_set_due(forward, &peer->loop, forward->channels.now_us);
	return peer;
}

static void tick_channel(struct peer *peer, struct channel **slot)
{
	uint64_t expire_us = peer->line->config->expire_ms * MS;

	if (!*slot)
		return;
	if (channel_used_us(*slot) + expire_us < peer->forward->channels.now_us) {
		channel_retire(*slot);
		*slot = NULL;
	} else {
		channel_tick(*slot);
	}
}

void peer_tick(struct peer *peer)
{
	uint64_t n_other_case = peer->counts->channel.unfit[PACKET_OTHER_CASE];

	for (unsigned i = 0; i < PEER_PORTS; i++)
		tick_channel(peer, &peer->udp[i]);
	tick_channel(peer, &peer->tcp);
	/* From one that keeps the case these were dropped unseen: is it another server now? */
	for (; peer->n_other_case < n_other_case; peer->n_other_case++) {
		if (peer->upstream.case_state == UPSTREAM_CASE_KEPT)
			see_case(peer, false);
	}
	if (peer->gone_us > 0)
		return;
	counter_set(&peer->counts->smoothed_us, peer->upstream.rtt.smoothed_us);
	counter_set(&peer->counts->is_down, peer->upstream.is_down);
	counter_set(&peer->counts->is_looping, peer->upstream.is_looping);
}

void peer_retire(struct peer *peer)
{
	wheel_clear(&peer->forward->wheel, &peer->health.timer);
	wheel_clear(&peer->forward->wheel, &peer->loop.timer);
	if (peer->health_attempt)
		peer->health_attempt->owner = NULL;
	peer->health_attempt = NULL;
	counter_set(&peer->counts->n_users, peer->counts->n_users - 1);
	/* Whoever else has this address sets them again. */
	counter_set(&peer->counts->smoothed_us, 0);
	counter_set(&peer->counts->is_down, 0);
	counter_set(&peer->counts->is_looping, 0);
	peer->gone_us = peer->forward->channels.now_us;
	cds_list_add_tail(&peer->link, &peer->forward->gone);
}

static void free_channel(struct channel **slot)
{
	struct channel *channel = *slot;

	*slot = NULL;
	if (channel)
		channel_free(channel);
}

void peer_free(struct peer *peer)
{
	for (unsigned i = 0; i < PEER_PORTS; i++)
		free_channel(&peer->udp[i]);
	free_channel(&peer->tcp);
	CHECK(peer->n_attempts == 0);
	wheel_clear(&peer->forward->wheel, &peer->health.timer);
	wheel_clear(&peer->forward->wheel, &peer->loop.timer);
	free(peer);
}
