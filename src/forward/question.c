/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: START sends, REPLY answers. After every step that ends in WAIT or SEND, wake_us
 * is the next time at which something may be due: an attempt that becomes late or silent, another
 * try that the budget has refused before, the deadline.
 */
#include "question.h"

#define MS 1000ull
#define BACKOFF_MIN_US (20 * MS)
#define BACKOFF_MAX_US (1000 * MS)
#define TCP_FACTOR 3u /* round trips of a question on a new connection, and then some */

void question_init(struct question *question, struct group *group, uint64_t now_us,
		   uint64_t deadline_us, bool has_do)
{
	*question = (struct question){
		.group = group,
		.asked_us = now_us,
		.deadline_us = deadline_us,
		.wake_us = deadline_us,
		.backoff_us = BACKOFF_MIN_US,
		.has_do = has_do,
	};
}

/* When the attempt reaches its next stage; UINT64_MAX: it will not. */
static uint64_t next_stage_us(const struct question *question, unsigned attempt)
{
	const struct question_attempt *at = &question->attempts[attempt];
	const struct upstream *upstream = question->upstreams[attempt];
	uint64_t factor = at->is_tcp ? TCP_FACTOR : 1;

	switch (at->stage) {
	case QUESTION_ATTEMPT_ASKED:
		return at->sent_us + upstream_late_us(upstream) * factor;
	case QUESTION_ATTEMPT_LATE:
		return at->sent_us + upstream_silent_us(upstream) * factor * (1 + attempt / 2);
	case QUESTION_ATTEMPT_SILENT:
	case QUESTION_ATTEMPT_OVER:
		break;
	}
	return UINT64_MAX;
}

static unsigned n_open(const struct question *question)
{
	unsigned n = 0;

	for (unsigned i = 0; i < question->n_attempts; i++)
		n += question->attempts[i].stage != QUESTION_ATTEMPT_OVER;
	return n;
}

static void set_wake(struct question *question, uint64_t now_us, bool is_refused)
{
	uint64_t wake = question->deadline_us;

	for (unsigned i = 0; i < question->n_attempts; i++) {
		uint64_t next = next_stage_us(question, i);

		wake = next < wake ? next : wake;
	}
	if (is_refused && now_us + question->backoff_us < wake)
		wake = now_us + question->backoff_us;
	question->wake_us = wake;
}

static void finish(const struct question *question, struct question_output *output)
{
	if (question->has_kept) {
		output->verdict = QUESTION_ANSWER_KEPT;
		return;
	}
	output->verdict = QUESTION_FAIL;
	if (question->was_broken) {
		output->ede = DNS_EDE_NETWORK_ERROR;
		output->text = "the upstream server's reply is malformed";
	} else if (question->was_failed) {
		output->ede = DNS_EDE_NETWORK_ERROR;
		output->text = "upstream servers cannot be reached";
	} else {
		output->ede = DNS_EDE_NO_REACHABLE_AUTHORITY;
		output->text = "no upstream server answered in time";
	}
}

static void add_attempt(struct question *question, struct upstream *upstream,
			const struct question_input *input, bool is_tcp,
			struct question_output *output)
{
	unsigned i = question->n_attempts++;

	question->upstreams[i] = upstream;
	question->attempts[i] = (struct question_attempt){
		.sent_us = input->now_us,
		.is_tcp = is_tcp || question->group->config->has_force_tcp,
		.has_edns = question->has_do || input->now_us >= upstream->plain_until_us,
	};
	output->verdict = QUESTION_SEND;
	output->attempt = i;
	set_wake(question, input->now_us, false);
}

static unsigned attempts_max(const struct question *question)
{
	uint32_t max = question->group->config->max_connect_attempts;

	return max > 0 && max < QUESTION_ATTEMPTS_MAX ? max : QUESTION_ATTEMPTS_MAX;
}

/* Is it free to leave the upstreams that were asked for this one? When they are known to be worse,
 * and it has answered somebody since: it can take the load that they do not take. */
static bool is_free(const struct question *question, const struct upstream *next, uint64_t now_us)
{
	enum upstream_rank rank = upstream_rank(next, now_us);

	if (next->reply_us <= question->asked_us)
		return false;

	for (unsigned i = 0; i < question->n_attempts; i++) {
		if (upstream_rank(question->upstreams[i], now_us) <= rank)
			return false;
	}
	return true;
}

/* Another upstream, or with may_repeat the best of all again. */
static struct upstream *choose(const struct question *question, uint64_t now_us, bool may_repeat)
{
	struct upstream *next =
		group_next(question->group, question->upstreams, question->n_attempts, now_us);

	if (next == NULL && may_repeat)
		next = group_next(question->group, NULL, 0, now_us);
	return next;
}

static void try_next(struct question *question, const struct question_input *input, bool may_repeat,
		     struct question_output *output)
{
	struct upstream *next = choose(question, input->now_us, may_repeat);
	bool is_over = next == NULL || question->n_attempts >= attempts_max(question);

	if (!is_over && (is_free(question, next, input->now_us) ||
			 group_take(question->group, input->now_us))) {
		add_attempt(question, next, input, false, output);
		return;
	}
	output->is_limited = !is_over;
	if (n_open(question) == 0) {
		finish(question, output);
		return;
	}
	output->verdict = QUESTION_WAIT;
	set_wake(question, input->now_us, !is_over);
	if (!is_over && question->backoff_us < BACKOFF_MAX_US)
		question->backoff_us *= 2;
}

static void start(struct question *question, const struct question_input *input,
		  struct question_output *output)
{
	struct group *group = question->group;
	struct upstream *first = group_first(group, input->now_us);

	if (first == NULL) {
		output->verdict = QUESTION_FAIL;
		output->ede = DNS_EDE_NO_REACHABLE_AUTHORITY;
		output->text = group->n_upstreams + group->n_own > 0
				       ? "every upstream server leads back to this server"
				       : "there is no upstream server to ask";
		return;
	}
	if (group->config->is_failfast && upstream_rank(first, input->now_us) == UPSTREAM_DOWN) {
		output->verdict = QUESTION_FAIL;
		output->ede = DNS_EDE_NO_REACHABLE_AUTHORITY;
		output->text = "every upstream server is down";
		return;
	}
	add_attempt(question, first, input, false, output);
}

/* Moves on the attempts whose time has come. False: one is neither late nor silent yet, so that
 * nothing is to be gained by another. *may_repeat: one is silent, its upstream may be asked again.
 */
static bool pass_time(struct question *question, uint64_t now_us, bool *may_repeat,
		      struct question_output *output)
{
	bool is_fresh = false;

	*may_repeat = true;
	for (unsigned i = 0; i < question->n_attempts; i++) {
		struct question_attempt *at = &question->attempts[i];
		bool is_due = now_us >= next_stage_us(question, i), is_down = false;

		if (is_due && at->stage == QUESTION_ATTEMPT_ASKED) {
			at->stage = QUESTION_ATTEMPT_LATE;
			is_down = upstream_is_late(question->upstreams[i], at->sent_us, now_us);
		} else if (is_due) {
			at->stage = QUESTION_ATTEMPT_SILENT;
			is_down = upstream_is_silent(question->upstreams[i], at->sent_us);
		}
		is_fresh |= at->stage == QUESTION_ATTEMPT_ASKED;
		*may_repeat &= at->stage >= QUESTION_ATTEMPT_SILENT;
		if (is_down) {
			output->is_down = true;
			output->down = i;
		}
	}
	return !is_fresh;
}

static void wake(struct question *question, const struct question_input *input,
		 struct question_output *output)
{
	bool may_repeat;

	if (input->now_us >= question->deadline_us) {
		finish(question, output);
		return;
	}
	if (input->now_us < question->wake_us)
		return;
	if (!pass_time(question, input->now_us, &may_repeat, output)) {
		set_wake(question, input->now_us, false);
		return;
	}
	try_next(question, input, may_repeat, output);
	output->is_hedge = output->verdict == QUESTION_SEND;
}

static bool has_rcode(uint32_t set, uint16_t rcode)
{
	return rcode < 32 && (set >> rcode & 1) != 0;
}

/* FORMERR and NOTIMP may mean OPT (RFC 6891, section 7): the same upstream, without. */
static bool is_edns_refused(const struct question *question, const struct question_input *input)
{
	return question->attempts[input->attempt].has_edns && !question->has_do &&
	       (input->rcode == DNS_RCODE_FORMERR || input->rcode == DNS_RCODE_NOTIMP);
}

static void keep(struct question *question, bool is_truncated, struct question_output *output)
{
	if (question->has_kept && question->is_kept_truncated && !is_truncated)
		return;
	question->has_kept = true;
	question->is_kept_truncated = is_truncated;
	output->is_kept = true;
}

static void reply(struct question *question, const struct question_input *input,
		  struct question_output *output)
{
	struct question_attempt *at = &question->attempts[input->attempt];
	struct upstream *upstream = question->upstreams[input->attempt];
	bool is_error = has_rcode(FORWARD_RCODES_FAILOVER, input->rcode);
	bool is_bad = is_error || has_rcode(question->group->config->failover_rcodes, input->rcode);
	bool has_room = question->n_attempts < attempts_max(question);

	upstream_replied(upstream, input->now_us, at->is_tcp ? 0 : input->now_us - at->sent_us,
			 is_error);
	at->stage = QUESTION_ATTEMPT_OVER;
	/* It is OPT that it cannot have when without it goes better. */
	if (at->is_plain_retry && input->rcode != DNS_RCODE_FORMERR &&
	    input->rcode != DNS_RCODE_NOTIMP)
		upstream_refused_edns(upstream, input->now_us);
	if (is_edns_refused(question, input) && has_room) {
		keep(question, false, output);
		add_attempt(question, upstream, input, at->is_tcp, output);
		question->attempts[output->attempt].has_edns = false;
		question->attempts[output->attempt].is_plain_retry = true;
	} else if (is_bad) {
		keep(question, false, output);
		try_next(question, input, false, output);
	} else if (input->is_truncated && !at->is_tcp) {
		keep(question, true, output);
		if (has_room)
			add_attempt(question, upstream, input, true, output);
		else
			finish(question, output);
	} else {
		output->verdict = QUESTION_ANSWER;
	}
}

static void failed(struct question *question, const struct question_input *input,
		   struct question_output *output)
{
	struct question_attempt *at = &question->attempts[input->attempt];
	struct upstream *upstream = question->upstreams[input->attempt];
	bool has_room = question->n_attempts < attempts_max(question);
	bool is_same = (input->failure == QUESTION_FAILURE_STALE && !at->is_again) ||
		       input->failure == QUESTION_FAILURE_CASE;

	at->stage = QUESTION_ATTEMPT_OVER;
	if (is_same && has_room) {
		add_attempt(question, upstream, input, at->is_tcp, output);
		question->attempts[output->attempt].is_again = true;
		return;
	}
	if (input->failure == QUESTION_FAILURE_BROKEN) {
		question->was_broken = true;
		upstream_replied(upstream, input->now_us, 0, false);
	} else if (input->failure != QUESTION_FAILURE_LOCAL) {
		question->was_failed = true;
		output->is_down = upstream_failed(upstream);
		output->down = input->attempt;
	}
	try_next(question, input, false, output);
}

void question_step(struct question *question, const struct question_input *input,
		   struct question_output *output)
{
	bool is_of_attempt = input->event == QUESTION_REPLY || input->event == QUESTION_FAILED;

	*output = (struct question_output){.verdict = QUESTION_WAIT, .ede = DNS_EDE_NONE};
	CHECK(!is_of_attempt || input->attempt < question->n_attempts);
	if (is_of_attempt && question->attempts[input->attempt].stage == QUESTION_ATTEMPT_OVER)
		return;
	switch (input->event) {
	case QUESTION_START:
		start(question, input, output);
		break;
	case QUESTION_WAKE:
		wake(question, input, output);
		break;
	case QUESTION_REPLY:
		reply(question, input, output);
		break;
	case QUESTION_FAILED:
		failed(question, input, output);
		break;
	}
}
