/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: pending_start copies the packet and asks; the reply is given to the query module
 * once (pendings_on_reply), then on_done of each query that waits for it takes the answer to where
 * it goes. What may fail: there is no room, or the forwarder refuses, so REFUSED at once; the
 * upstreams fail, or patience is over, so query_resume makes a stale answer or SERVFAIL of it.
 */
#include "pending.h"

#include <string.h>

#include "base/clock.h"
#include "base/rcu.h"
#include "tcp_connection.h"
#include "udp.h"

#define BUSY_TEXT "too many queries wait for upstreams"
#define GAVE_UP_TEXT "no upstream replied in time"

void pendings_init(struct pendings *pendings, uv_loop_t *loop, struct query_worker *query,
		   struct net_counts *counts)
{
	*pendings = (struct pendings){.loop = loop, .query = query, .counts = counts};
	chain_init(&pendings->all);
}

/* ---- replies ------------------------------------------------------------------------- */

static struct query_external failure_of(const struct forward_result *result,
					const struct cache_question *question)
{
	return (struct query_external){
		.question = question,
		.rcode = result->rcode,
		.ede = result->ede,
		.ede_text = result->ede_text,
		.upstream = result->upstream[0] ? result->upstream : NULL,
	};
}

static struct cache_question question_of(const struct forward_question *question)
{
	return (struct cache_question){question->group, question->name,	  question->type,
				       question->class, question->has_do, question->has_cd};
}

bool pendings_is_sound(void *arg, const struct forward_question *question, const uint8_t *wire,
		       size_t len)
{
	struct pendings *pendings = arg;
	struct cache_question asked = question_of(question);

	return query_check(pendings->query, &asked, wire, len);
}

void pendings_on_reply(void *arg, const struct forward_question *question,
		       const struct forward_result *result)
{
	struct pendings *pendings = arg;

	pendings->learnt = question_of(question);
	pendings->external = failure_of(result, &pendings->learnt);
	pendings->external.is_checked = result->is_checked;
	query_learn(pendings->query, &pendings->external, result->wire, result->len,
		    clock_monotonic_ns() / 1000000);
}

static void deliver(struct pending *pending, const struct query_external *external)
{
	if (pending->connection)
		tcp_connection_late(pending->connection, pending, external);
	else
		udp_late(pending->owner->udp, pending, external);
}

static void on_done(struct forward_waiter *waiter, const struct forward_result *result)
{
	struct pending *pending = CHAIN_ENTRY(waiter, struct pending, waiter);
	struct query_external failure = failure_of(result, &pending->question);

	pending->is_asking = false;
	/* A waiter's own end comes without a reply, and is not that of the question. */
	deliver(pending, result->wire ? &pending->owner->external : &failure);
}

/* ---- questions ----------------------------------------------------------------------- */

static bool ask(struct pendings *pendings, const struct cache_question *question,
		struct forward_waiter *waiter, uint64_t until_ms)
{
	const struct forward_question asked = {question->group, question->name,	  question->type,
					       question->class, question->has_do, question->has_cd};

	return pendings->has_upstreams &&
	       forward_ask(pendings->forward, &asked, waiter, until_ms) == FORWARD_ASKED;
}

void pending_refresh(struct pendings *pendings, const struct query_output *output)
{
	(void)ask(pendings, output->question, NULL, uv_now(pendings->loop) + QUERY_PATIENCE_MS);
}

/* Asks what the output says; false: the forwarder does not take it. */
static bool ask_next(struct pending *pending, const struct query_output *output)
{
	uint64_t until_ms = uv_now(pending->owner->loop) + output->patience_ms;

	pending->question = *output->question;
	pending->n_asked++;
	pending->is_asking = ask(pending->owner, &pending->question, &pending->waiter,
				 until_ms < pending->until_ms ? until_ms : pending->until_ms);
	return pending->is_asking;
}

/* Answers the query without asking: REFUSED, or what is stale. Called inside RCU. */
static enum query_verdict refuse(struct pendings *pendings, const struct query_input *input,
				 struct query_output *output)
{
	struct cache_question question;
	struct query_external external = {.question = &question,
					  .rcode = DNS_RCODE_REFUSED,
					  .ede = DNS_EDE_OTHER,
					  .ede_text = BUSY_TEXT};

	/* The cluster's data may change meanwhile, and with it the question; but not often. */
	for (unsigned i = 0; i < QUERY_ROUNDS_MAX; i++) {
		enum query_verdict verdict;

		question = *output->question;
		verdict = query_resume(pendings->query, input, &external, output);
		if (verdict != QUERY_FORWARD)
			return verdict;
	}
	return QUERY_DROP;
}

/* ---- the life of a pending query ----------------------------------------------------- */

static void set_bytes(struct pendings *pendings, size_t n, size_t bytes)
{
	pendings->n = n;
	pendings->bytes = bytes;
	counter_set(&pendings->counts->pending, n);
	counter_set(&pendings->counts->pending_bytes, bytes);
}

static size_t bytes_of(const struct query_input *input)
{
	return sizeof(struct pending) + input->size;
}

static struct pending *new_pending(struct pendings *pendings, const struct query_input *input,
				   const struct pending_peer *peer, uint64_t start_ns)
{
	struct pending *pending = mem_zalloc(bytes_of(input));
	size_t address_size = input->source->sa_family == AF_INET6 ? sizeof(pending->source.v6)
								   : sizeof(pending->source.v4);

	pending->waiter.on_done = on_done;
	pending->owner = pendings;
	chain_init(&pending->in_connection);
	chain_append(&pendings->all, &pending->link);
	pending->socket = peer->socket;
	pending->connection = peer->connection;
	pending->start_ns = start_ns;
	pending->until_ms = uv_now(pendings->loop) + QUERY_PATIENCE_MS;
	memcpy(&pending->source, input->source, address_size);
	pending->has_local = input->local != NULL;
	if (input->local)
		memcpy(&pending->local, input->local, address_size);
	CHECK(peer->control_len <= sizeof(pending->control));
	pending->control_len = (uint8_t)peer->control_len;
	if (peer->control_len > 0)
		memcpy(pending->control, peer->control, peer->control_len);
	memcpy(pending->packet, input->packet, input->size);
	pending->input = *input;
	pending->input.packet = pending->packet;
	pending->input.source = &pending->source.any;
	pending->input.local = input->local ? &pending->local.any : NULL;
	set_bytes(pendings, pendings->n + 1, pendings->bytes + bytes_of(input));
	if (pending->socket)
		pending->socket->n_pending++;
	return pending;
}

static void free_pending(struct pending *pending)
{
	struct pendings *pendings = pending->owner;

	chain_remove(&pending->link);
	chain_remove(&pending->in_connection);
	if (pending->socket)
		pending->socket->n_pending--;
	set_bytes(pendings, pendings->n - 1, pendings->bytes - bytes_of(&pending->input));
	free(pending);
}

static void stop_asking(struct pending *pending)
{
	if (pending->is_asking)
		forward_cancel(pending->owner->forward, &pending->waiter);
	pending->is_asking = false;
}

void pending_drop(struct pending *pending)
{
	stop_asking(pending);
	free_pending(pending);
}

enum query_verdict pending_start(struct pendings *pendings, const struct query_input *input,
				 struct query_output *output, const struct pending_peer *peer,
				 uint64_t start_ns)
{
	bool has_room = pendings->n < pendings->n_max &&
			pendings->bytes + bytes_of(input) <= pendings->bytes_max;
	struct pending *pending = has_room ? new_pending(pendings, input, peer, start_ns) : NULL;

	if (pending && ask_next(pending, output)) {
		if (peer->connection)
			tcp_connection_wait(peer->connection, pending);
		return QUERY_FORWARD;
	}
	counter_add(&pendings->counts->refused[pending ? NET_REFUSED_FORWARDER : NET_REFUSED_ROOM],
		    1);
	if (pending)
		free_pending(pending);
	return refuse(pendings, input, output);
}

enum query_verdict pending_resume(struct pending *pending, const struct query_external *external,
				  struct query_output *output)
{
	struct pendings *pendings = pending->owner;
	enum query_verdict verdict;

	pending->input.now_ms = clock_monotonic_ns() / 1000000;
	rcu_enter();
	verdict = query_resume(pendings->query, &pending->input, external, output);
	if (verdict == QUERY_FORWARD &&
	    (pending->n_asked >= QUERY_ROUNDS_MAX || !ask_next(pending, output)))
		verdict = refuse(pendings, &pending->input, output);
	rcu_leave();
	return verdict;
}

static void end_pending(struct pending *pending)
{
	struct query_external external = {.question = &pending->question,
					  .rcode = DNS_RCODE_SERVFAIL,
					  .ede = DNS_EDE_NO_REACHABLE_AUTHORITY,
					  .ede_text = GAVE_UP_TEXT};

	stop_asking(pending);
	pending->n_asked = QUERY_ROUNDS_MAX; /* nothing more is asked */
	deliver(pending, &external);
}

void pendings_end(struct pendings *pendings)
{
	while (!chain_is_empty(&pendings->all))
		end_pending(CHAIN_ENTRY(pendings->all.next, struct pending, link));
}

static bool is_leaving(const struct pending *pending)
{
	return pending->connection ? tcp_connection_is_leaving(pending->connection)
				   : pending->socket->is_leaving;
}

/* One that ends may take others of its connection with it, wherever they are. */
void pendings_end_leaving(struct pendings *pendings)
{
	struct chain staying;

	chain_init(&staying);
	while (!chain_is_empty(&pendings->all)) {
		struct pending *pending = CHAIN_ENTRY(pendings->all.next, struct pending, link);

		if (is_leaving(pending)) {
			end_pending(pending);
			continue;
		}
		chain_remove(&pending->link);
		chain_append(&staying, &pending->link);
	}
	chain_take(&pendings->all, &staying);
}

void pendings_reindex(struct pendings *pendings)
{
	struct chain *link;

	for (link = pendings->all.next; link != &pendings->all; link = link->next) {
		struct pending *pending = CHAIN_ENTRY(link, struct pending, link);

		pending->input.server = pending->connection ? pending->connection->listener->server
							    : pending->socket->server;
	}
}
