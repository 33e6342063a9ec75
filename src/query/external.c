/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: the block's first `forward` that has the name, a hit in the cache, and its packed
 * reply written behind the question. What is not in the cache is left to the caller (is_pending),
 * who comes back with a reply or a failure in hand. A failure, or a reply that is one, is hidden by
 * a stale entry where serve_stale says so; else it is told with its extended error. What is a hit
 * but ought to be asked for anew is told beside the answer (output->wants_refresh).
 */
#include "external.h"

#include "worker.h"

enum source { SOURCE_NONE, SOURCE_PENDING, SOURCE_FAILED, SOURCE_REPLY };

/* What is known of a name. */
struct external {
	struct dns_reply reply; /* REPLY: into the cache, or the worker's buffer */
	struct dns_reply_ttl ttl;
	enum query_result result;
	bool is_above; /* REPLY: it denies a name above the one that was asked for */
	const struct query_external *failure; /* FAILED */
};

static bool is_excepted(const struct query_zones *except, const struct dns_name *name)
{
	for (size_t i = 0; i < except->n; i++) {
		if (dns_name_is_in(name, &except->items[i]))
			return true;
	}
	return false;
}

static const struct query_forward_config *find_forward(const struct query_block_config *block,
						       const struct dns_name *name)
{
	for (size_t i = 0; i < block->n_forwards; i++) {
		const struct query_forward_config *forward = &block->forwards[i];

		if (dns_name_is_in(name, &forward->from) && !is_excepted(&forward->except, name))
			return forward;
	}
	return NULL;
}

static bool is_same_question(const struct cache_question *a, const struct cache_question *b)
{
	return a->group == b->group && a->type == b->type && a->class == b->class &&
	       a->has_do == b->has_do && a->has_cd == b->has_cd &&
	       dns_name_equal(&a->name, &b->name);
}

/* The policy of the question's group; NULL: its replies are not kept. */
static const struct cache_policy *policy_of(const struct query_worker *worker,
					    const struct cache_question *question)
{
	return question->group < worker->config->n_groups
		       ? worker->config->group_policies[question->group]
		       : NULL;
}

/* Stale data in place of a failure. */
static bool find_stale(struct query_worker *worker, struct external *external)
{
	const struct cache_policy *policy = policy_of(worker, &worker->question);
	struct cache_found found;

	if (!policy || policy->stale == CACHE_STALE_OFF ||
	    !cache_find_stale(worker->cache, policy, &worker->question, worker->input->now_ms,
			      &found))
		return false;
	external->reply = found.reply;
	external->ttl = found.ttl;
	external->result = QUERY_RESULT_STALE;
	return true;
}

/* Over TCP, TC would say nothing to a client, and the part that came may be none at all. */
static const struct query_external cut_reply = {
	.rcode = DNS_RCODE_SERVFAIL,
	.ede = DNS_EDE_NETWORK_ERROR,
	.ede_text = "the upstream gives this reply in part only",
};

/* The answer to worker->question is in hand. */
static enum source take_external(struct query_worker *worker, struct external *external)
{
	const struct query_external *given = worker->external;
	const struct cache_policy *policy = policy_of(worker, given->question);
	bool is_failed = !given->reply || given->reply->kind == DNS_REPLY_FAILURE;

	worker->output->upstream = given->upstream;
	if (is_failed && find_stale(worker, external))
		return SOURCE_REPLY;
	external->failure = given;
	if (!given->reply)
		return SOURCE_FAILED;
	if ((given->reply->flags & DNS_FLAG_TC) && worker->input->is_tcp) {
		external->failure = &cut_reply;
		return SOURCE_FAILED;
	}
	external->reply = *given->reply;
	external->ttl = policy ? cache_ttl(policy, given->reply)
			       : (struct dns_reply_ttl){.cap_s = UINT32_MAX};
	return SOURCE_REPLY;
}

static enum source ask(struct query_worker *worker, uint32_t patience_ms)
{
	worker->output->question = &worker->question;
	worker->output->patience_ms = patience_ms;
	return SOURCE_PENDING;
}

/* worker->question from the cache. */
static enum source find_cached(struct query_worker *worker, struct external *external)
{
	const struct cache_policy *policy = policy_of(worker, &worker->question);
	struct cache_found found;

	if (!policy)
		return ask(worker, QUERY_PATIENCE_MS);
	switch (cache_find(worker->cache, policy, &worker->question, worker->input->now_ms,
			   &found)) {
	case CACHE_MISS:
		if (!cache_find_above(worker->cache, policy, &worker->question,
				      worker->input->now_ms, &found))
			return ask(worker, QUERY_PATIENCE_MS);
		external->is_above = true;
		external->result = QUERY_RESULT_HIT;
		break;
	case CACHE_VERIFY:
		return ask(worker, policy->verify_ms);
	case CACHE_HIT:
		external->result = QUERY_RESULT_HIT;
		break;
	case CACHE_HIT_STALE:
		external->result = QUERY_RESULT_STALE;
		break;
	}
	external->reply = found.reply;
	external->ttl = found.ttl;
	if (found.wants_refresh) {
		worker->output->wants_refresh = true;
		worker->output->question = &worker->question;
	}
	return SOURCE_REPLY;
}

static enum source find(struct answer *answer, const struct query_view_config *view,
			const struct dns_name *name, struct external *external)
{
	struct query_worker *worker = answer->worker;
	const struct query_forward_config *forward =
		find_forward(&worker->config->blocks[view->block], name);
	struct cache_question *question = &worker->question;

	if (!forward) {
		ANSWER_TRACE(answer, "forward: no line of this server block has the name");
		return SOURCE_NONE;
	}
	question->group = forward->group;
	ANSWER_TRACE(answer, "forward %s: to %s%s", forward->place, forward->to_text,
		     policy_of(worker, question) ? ", where the cache does not have the reply"
						 : ", which is not cached");
	dns_name_copy(&question->name, name);
	question->type = answer->query->type;
	question->class = answer->query->class;
	question->has_do = answer->query->has_do;
	question->has_cd = (answer->query->flags & DNS_FLAG_CD) != 0;
	external->result = QUERY_RESULT_MISS;
	external->is_above = false;
	if (worker->external && is_same_question(worker->external->question, question))
		return take_external(worker, external);
	return find_cached(worker, external);
}

static enum query_class class_of(const struct dns_name *name, const struct query_view_config *view,
				 const struct query_config *config)
{
	const struct query_forward_config *forward =
		find_forward(&config->blocks[view->block], name);

	if (address_is_reverse_name(name))
		return QUERY_CLASS_REVERSE;
	if (view->zone.n_labels > 0 || (forward && forward->from.n_labels > 0))
		return QUERY_CLASS_STUB;
	return QUERY_CLASS_EXTERNAL;
}

/* Flags, rcode and extended error of a reply, beside its records. */
static void tell(struct answer *answer, const struct external *external)
{
	const struct dns_reply *reply = &external->reply;
	const struct dns_query *query = answer->query;

	/* AD only for who understands it (RFC 6840 5.7, 5.8). */
	if ((reply->flags & DNS_FLAG_AD) && (query->has_do || (query->flags & DNS_FLAG_AD)))
		answer->end.flags |= DNS_FLAG_AD;
	if (external->result == QUERY_RESULT_STALE) {
		bool is_nxdomain = reply->kind == DNS_REPLY_NXDOMAIN;

		answer->end.ede = is_nxdomain ? DNS_EDE_STALE_NXDOMAIN : DNS_EDE_STALE_ANSWER;
	} else if (reply->ede != DNS_EDE_NONE) {
		answer->end.ede = reply->ede;
	}
	answer->result = external->result;
}

static void fail(struct answer *answer, const struct query_external *failure)
{
	answer_fail(answer, failure->rcode, failure->ede, failure->ede_text);
	answer->result = QUERY_RESULT_MISS;
}

/* Behind the question. The records of a name above it have other offsets. */
static void write_reply(struct answer *answer, const struct external *external)
{
	struct query_worker *worker = answer->worker;
	struct random *random = &worker->scratch.order.random;
	const uint16_t known = QUESTION_NAME_POS;
	const struct dns_reply_append in = {.ttl = &external->ttl,
					    .random = random,
					    .scratch = worker->appended,
					    .known = &known,
					    .n_known = 1};

	if (UNLIKELY(external->is_above))
		dns_reply_append(&external->reply, &answer->writer, &in, &answer->end);
	else
		dns_reply_write(&external->reply, &answer->writer, &external->ttl, random,
				&answer->end);
}

/* An upstream's own failure has an extended error, too. */
static void explain_failure(struct answer *answer)
{
	if (answer->end.ede == DNS_EDE_NONE)
		answer->end.ede = DNS_EDE_OTHER;
	if (!answer->end.ede_text)
		answer->end.ede_text = "the upstream said so";
}

enum step external_run(struct answer *answer, const struct query_view_config *view)
{
	struct query_worker *worker = answer->worker;
	struct external external;

	switch (find(answer, view, &answer->query->name, &external)) {
	case SOURCE_NONE:
		return STEP_NEXT;
	case SOURCE_PENDING:
		answer->is_pending = true;
		return STEP_DONE;
	case SOURCE_FAILED:
		fail(answer, external.failure);
		break;
	case SOURCE_REPLY:
		write_reply(answer, &external);
		tell(answer, &external);
		/* What only our own OPT could mean. */
		if (answer->end.rcode > 15)
			answer->end.rcode = DNS_RCODE_SERVFAIL;
		if (answer->end.rcode == DNS_RCODE_SERVFAIL ||
		    answer->end.rcode == DNS_RCODE_REFUSED)
			explain_failure(answer);
		break;
	}
	answer->class = (uint8_t)class_of(&answer->query->name, view, worker->config);
	answer->plugin =
		answer->result == QUERY_RESULT_MISS ? QUERY_PLUGIN_FORWARD : QUERY_PLUGIN_CACHE;
	return STEP_DONE;
}

/* SERVFAIL in place of the CNAMEs: a chain without its end would be an empty success. */
static void fail_chain(struct answer *answer, const struct query_external *failure)
{
	answer_restart(answer);
	answer_fail(answer, DNS_RCODE_SERVFAIL, failure->ede,
		    failure->ede_text ? failure->ede_text
				      : "the target of this CNAME could not be resolved");
}

void external_follow(struct answer *answer, const struct query_view_config *view, unsigned n)
{
	struct query_worker *worker = answer->worker;
	struct answer_scratch *scratch = answer->scratch;
	struct external external;
	struct query_external upstream_failed = {.ede = DNS_EDE_OTHER};
	struct dns_reply_append in = {.ttl = &external.ttl,
				      .random = &scratch->order.random,
				      .scratch = worker->appended,
				      .known = scratch->chain_pos,
				      .n_known = n};

	switch (find(answer, view, &scratch->chain[n - 1], &external)) {
	case SOURCE_NONE:
		return;
	case SOURCE_PENDING:
		answer->is_pending = true;
		return;
	case SOURCE_FAILED:
		fail_chain(answer, external.failure);
		break;
	case SOURCE_REPLY:
		if (external.reply.kind == DNS_REPLY_FAILURE) {
			if (external.reply.ede != DNS_EDE_NONE)
				upstream_failed.ede = external.reply.ede;
			fail_chain(answer, &upstream_failed);
			break;
		}
		dns_reply_append(&external.reply, &answer->writer, &in, &answer->end);
		tell(answer, &external);
		answer->end.flags &= (uint16_t)~DNS_FLAG_AD; /* the CNAMEs are not signed */
		break;
	}
	answer->result = external.result;
}

static const char *read_reply(struct query_worker *worker, const struct cache_question *question,
			      const uint8_t *wire, size_t size)
{
	const struct dns_question asked = {&question->name, question->type, question->class};
	const struct cache_policy *policy = policy_of(worker, question);
	const char *fault = dns_reply_parse(&worker->reply, worker->replied, wire, size, &asked);

	if (fault && policy)
		cache_drop(worker->cache, policy);
	return fault;
}

bool query_check(struct query_worker *worker, const struct cache_question *question,
		 const uint8_t *wire, size_t size)
{
	return read_reply(worker, question, wire, size) == NULL;
}

void query_learn(struct query_worker *worker, struct query_external *external, const uint8_t *wire,
		 size_t size, uint64_t now_ms)
{
	const struct cache_question *question = external->question;
	const struct cache_policy *policy = policy_of(worker, question);
	const char *fault = NULL;

	external->reply = NULL;
	if (wire && !external->is_checked)
		fault = read_reply(worker, question, wire, size);
	if (fault) {
		external->rcode = DNS_RCODE_SERVFAIL;
		external->ede = DNS_EDE_OTHER;
		external->ede_text = fault;
	}
	if (wire && !fault)
		external->reply = &worker->reply;
	if (!policy)
		return;
	if (external->reply)
		cache_insert(worker->cache, policy, question, external->reply, now_ms);
	else
		cache_fail(worker->cache, policy, question, now_ms);
}
