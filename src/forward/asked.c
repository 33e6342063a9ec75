/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions in flight. The happy path: forward_ask finds nobody who asks the same, makes a struct
 * asked, whose policy (question.c) says to send; the attempt's end goes back into the policy, which
 * says that this is the answer; the hook and the waiters are told, and the struct is gone.
 * Attempts that are still out are abandoned: their replies go to peer_learn.
 *
 * A question that fails within forward_ask waits in forward->failed for the end of the turn, since
 * nobody is called back from there.
 */
#include "forward_private.h"

#include <xxhash.h>

#define DEADLINE_MAX_MS 5000u
#define JOIN_MAX_US 5000000ull /* a question this old is not joined, but asked anew */
#define MS 1000ull

struct asked {
	struct due due; /* first */
	struct forward *forward;
	struct forward_question question;
	struct question policy;
	struct line *line;				 /* of the group that is asked now */
	struct asked *next;				 /* of the bucket */
	struct cds_list_head link;			 /* in forward->failed */
	struct forward_waiter waiters;			 /* a ring, the earliest deadline first */
	struct attempt *attempts[QUESTION_ATTEMPTS_MAX]; /* not ended yet; NULL */
	uint8_t *kept;					 /* owned */
	size_t kept_len;
	struct peer *kept_peer;
	struct question_output failure; /* in forward->failed */
};

/* ---- the table ---- */

static struct asked **bucket_of(const struct forward *forward,
				const struct forward_question *question)
{
	uint64_t seed =
		forward->seed ^ ((uint64_t)question->group << 40 | (uint64_t)question->type << 24 |
				 (uint64_t)question->class << 8 | (unsigned)question->has_do << 1 |
				 question->has_cd);
	uint64_t hash = XXH3_64bits_withSeed(question->name.wire, question->name.len, seed);

	return &forward->buckets[hash & (forward->n_buckets - 1)];
}

static bool is_same(const struct forward_question *a, const struct forward_question *b)
{
	return a->group == b->group && a->type == b->type && a->class == b->class &&
	       a->has_do == b->has_do && a->has_cd == b->has_cd &&
	       dns_name_equal(&a->name, &b->name);
}

static struct asked *find(const struct forward *forward, const struct forward_question *question,
			  uint64_t now_us)
{
	struct asked *asked = *bucket_of(forward, question);

	while (asked && (!is_same(&asked->question, question) ||
			 asked->policy.asked_us + JOIN_MAX_US < now_us))
		asked = asked->next;
	return asked;
}

static void unlink_asked(struct asked *asked)
{
	struct asked **at = bucket_of(asked->forward, &asked->question);

	while (*at != asked)
		at = &(*at)->next;
	*at = asked->next;
	asked->forward->n_asked--;
	counter_set(&asked->forward->counts.in_flight, asked->forward->n_asked);
}

/* ---- waiters ---- */

static void unlink_waiter(struct forward_waiter *waiter)
{
	waiter->prev->next = waiter->next;
	waiter->next->prev = waiter->prev;
	waiter->question = NULL;
}

/* Deadlines mostly come in order: the place is looked for from the end. */
static void add_waiter(struct asked *asked, struct forward_waiter *waiter, uint64_t deadline_ms)
{
	struct forward_waiter *after = asked->waiters.prev;

	while (after != &asked->waiters && after->deadline_ms > deadline_ms)
		after = after->prev;
	waiter->question = asked;
	waiter->deadline_ms = deadline_ms;
	waiter->prev = after;
	waiter->next = after->next;
	after->next->prev = waiter;
	after->next = waiter;
}

static bool has_waiters(const struct asked *asked)
{
	return asked->waiters.next != &asked->waiters;
}

static void set_wake(struct asked *asked)
{
	uint64_t at_us = asked->policy.wake_us;

	if (has_waiters(asked) && asked->waiters.next->deadline_ms * MS < at_us)
		at_us = asked->waiters.next->deadline_ms * MS;
	forward_set_due(asked->forward, &asked->due, at_us);
}

/* ---- the end of a question ---- */

static void free_asked(struct asked *asked)
{
	free(asked->kept);
	free(asked);
}

static void abandon_attempts(struct asked *asked)
{
	for (unsigned i = 0; i < asked->policy.n_attempts; i++) {
		if (asked->attempts[i])
			asked->attempts[i]->owner = NULL;
		asked->attempts[i] = NULL;
	}
}

/* Nothing but its waiters know of it any more. */
static void detach(struct asked *asked)
{
	unlink_asked(asked);
	wheel_clear(&asked->forward->wheel, &asked->due.timer);
	abandon_attempts(asked);
	asked->line->group.n_questions--;
}

static void tell_waiters(struct asked *asked, const struct forward_result *result)
{
	while (has_waiters(asked)) {
		struct forward_waiter *waiter = asked->waiters.next;

		unlink_waiter(waiter);
		waiter->on_done(waiter, result);
	}
}

/* Everything is unlinked first: the hook and waiters may ask and cancel. */
static void finish(struct asked *asked, const struct forward_result *result)
{
	struct forward *forward = asked->forward;

	detach(asked);
	if (!result->wire)
		counter_add(&forward->counts.failures, 1);
	if (forward->hook.on_reply)
		forward->hook.on_reply(forward->hook.arg, &asked->question, result);
	tell_waiters(asked, result);
	free_asked(asked);
}

static struct forward_result failure_result(enum dns_ede ede, const char *text)
{
	return (struct forward_result){
		.rcode = DNS_RCODE_SERVFAIL, .ede = ede, .ede_text = text, .upstream = ""};
}

static void finish_kept(struct asked *asked)
{
	const struct forward_result result = {
		.wire = asked->kept,
		.len = asked->kept_len,
		.ede = DNS_EDE_NONE,
		.upstream = asked->kept_peer->to.text,
	};

	finish(asked, &result);
}

static void finish_failed(struct asked *asked, const struct question_output *output)
{
	struct forward_result result = failure_result(output->ede, output->text);

	finish(asked, &result);
}

/* Those whose deadline is over, while the question goes on for others. */
static void expire_waiters(struct asked *asked, uint64_t now_us)
{
	const struct forward_result result = failure_result(DNS_EDE_NO_REACHABLE_AUTHORITY,
							    "no upstream server answered in time");

	while (has_waiters(asked) && asked->waiters.next->deadline_ms * MS <= now_us) {
		struct forward_waiter *waiter = asked->waiters.next;

		unlink_waiter(waiter);
		waiter->on_done(waiter, &result);
	}
}

/* ---- the policy's word ---- */

static void on_attempt_end(struct attempt *attempt);

static void step(struct asked *asked, const struct question_input *input,
		 const struct attempt *attempt);

static void send_attempt(struct asked *asked, unsigned index)
{
	struct forward *forward = asked->forward;
	struct peer *peer = peer_of(asked->policy.upstreams[index]);
	const struct question_attempt *policy = &asked->policy.attempts[index];
	const struct packet_question question = {
		.name = &asked->question.name,
		.type = asked->question.type,
		.class = asked->question.class,
		.has_rd = true,
		.has_cd = asked->question.has_cd,
		.has_edns = policy->has_edns,
		.has_do = asked->question.has_do,
	};
	struct attempt *attempt = attempt_new(&forward->channels);
	bool is_case_kept = peer->upstream.case_state != UPSTREAM_CASE_LOST;

	attempt->to = peer;
	attempt->owner = asked;
	attempt->index = index;
	attempt->has_case = is_case_kept;
	attempt->on_end = on_attempt_end;
	attempt->name_len = asked->question.name.len;
	attempt->len =
		(uint16_t)packet_write(attempt->packet, &question, 0,
				       is_case_kept ? entropy_u64(&forward->channels.entropy) : 0);
	asked->attempts[index] = attempt;
	peer_ask(peer, attempt, policy->is_tcp);
}

static void keep(struct asked *asked, const struct attempt *attempt)
{
	free(asked->kept);
	asked->kept = mem_alloc(attempt->reply_len);
	memcpy(asked->kept, attempt->reply, attempt->reply_len);
	asked->kept_len = attempt->reply_len;
	asked->kept_peer = peer_of(asked->policy.upstreams[attempt->index]);
}

/* `next`: the same question to the group that comes next. False: there is none for this reply. */
static bool go_to_next_group(struct asked *asked, const struct attempt *attempt)
{
	struct forward *forward = asked->forward;
	const struct forward_group_config *config = asked->line->config;
	struct line *next = line_of(forward, config->next_group);
	uint16_t rcode = packet_rcode(attempt->reply);
	uint64_t now_us = forward->channels.now_us;

	if ((config->next_rcodes >> rcode & 1) == 0 || !next)
		return false;
	keep(asked, attempt);
	abandon_attempts(asked);
	asked->line->group.n_questions--;
	asked->line = next;
	asked->line->group.n_questions++;
	question_init(&asked->policy, &asked->line->group, now_us, asked->policy.deadline_us,
		      asked->question.has_do);
	asked->policy.has_kept = true;
	step(asked, &(struct question_input){.event = QUESTION_START, .now_us = now_us}, NULL);
	return true;
}

static void answer(struct asked *asked, const struct attempt *attempt)
{
	const struct peer *peer = peer_of(asked->policy.upstreams[attempt->index]);
	const struct forward_result result = {
		.wire = attempt->reply,
		.len = attempt->reply_len,
		.ede = DNS_EDE_NONE,
		.is_checked = asked->forward->hook.is_sound != NULL,
		.upstream = peer->to.text,
	};

	if (!go_to_next_group(asked, attempt))
		finish(asked, &result);
}

static void count_step(struct asked *asked, const struct question_input *input,
		       const struct question_output *output)
{
	struct forward_counts *counts = &asked->forward->counts;

	counter_add(&counts->limited, output->is_limited);
	if (output->verdict == QUESTION_SEND && input->event != QUESTION_START)
		counter_add(output->is_hedge ? &counts->hedges : &counts->retries, 1);
	if (output->is_down)
		peer_say_down(peer_of(asked->policy.upstreams[output->down]));
	if (input->event != QUESTION_WAKE && input->event != QUESTION_FAILED)
		return;
	for (unsigned i = 0; i < asked->policy.n_attempts; i++)
		peer_check_health(peer_of(asked->policy.upstreams[i]));
}

/* One event. `attempt` has ended, for REPLY and FAILED; `asked` may be gone afterwards. */
static void step(struct asked *asked, const struct question_input *input,
		 const struct attempt *attempt)
{
	struct question_output output;

	question_step(&asked->policy, input, &output);
	count_step(asked, input, &output);
	if (output.is_kept && attempt)
		keep(asked, attempt);
	switch (output.verdict) {
	case QUESTION_SEND:
		send_attempt(asked, output.attempt);
		set_wake(asked);
		break;
	case QUESTION_WAIT:
		set_wake(asked);
		break;
	case QUESTION_ANSWER:
		CHECK(attempt != NULL);
		answer(asked, attempt);
		break;
	case QUESTION_ANSWER_KEPT:
		finish_kept(asked);
		break;
	case QUESTION_FAIL:
		asked->failure = output;
		if (input->event != QUESTION_START)
			finish_failed(asked, &output);
		else if (asked->kept)
			finish_kept(asked); /* of the group before */
		else
			cds_list_add_tail(&asked->link, &asked->forward->failed);
		break;
	}
}

static enum question_failure failure_of(enum attempt_failure failure)
{
	switch (failure) {
	case ATTEMPT_NETWORK:
		return QUESTION_FAILURE_NETWORK;
	case ATTEMPT_STALE:
		return QUESTION_FAILURE_STALE;
	case ATTEMPT_CASE:
		return QUESTION_FAILURE_CASE;
	case ATTEMPT_LOCAL:
		break;
	}
	return QUESTION_FAILURE_LOCAL;
}

/* What the owner of the forwarder says of a reply. */
static bool is_sound(const struct asked *asked, const struct attempt *attempt)
{
	const struct forward_hook *hook = &asked->forward->hook;

	return attempt->outcome != ATTEMPT_REPLIED || !hook->is_sound ||
	       hook->is_sound(hook->arg, &asked->question, attempt->reply, attempt->reply_len);
}

/* Called by channels_drain. */
static void on_attempt_end(struct attempt *attempt)
{
	struct asked *asked = attempt->owner;
	struct peer *peer = attempt->to;
	struct question_input input = {
		.event = QUESTION_FAILED,
		.now_us = attempt->end_us,
		.attempt = attempt->index,
		.failure = failure_of(attempt->failure),
	};

	peer_count(peer, attempt);
	if (asked && !is_sound(asked, attempt)) {
		counter_add(&peer->counts->broken, 1);
		input.failure = QUESTION_FAILURE_BROKEN;
	}
	if (!asked) {
		peer_learn(peer, attempt);
		return;
	}
	asked->attempts[attempt->index] = NULL;
	if (attempt->outcome == ATTEMPT_REPLIED && input.failure != QUESTION_FAILURE_BROKEN) {
		input.event = QUESTION_REPLY;
		input.rcode = packet_rcode(attempt->reply);
		input.is_truncated = packet_is_truncated(attempt->reply);
	}
	step(asked, &input, attempt);
}

static void on_due(struct due *due)
{
	struct asked *asked = (struct asked *)(void *)due;
	uint64_t now_us = asked->forward->channels.now_us;

	/* Nobody waits for it any more than this: the policy ends it, waiters and all. */
	if (now_us < asked->policy.deadline_us)
		expire_waiters(asked, now_us);
	step(asked, &(struct question_input){.event = QUESTION_WAKE, .now_us = now_us}, NULL);
}

/* ---- asking ---- */

/* How many questions of the line may be in flight in this worker; 0: no bound. */
static size_t share_of(const struct forward *forward, const struct line *line)
{
	size_t max = line->config->max_concurrent, n = forward->config->n_workers;

	return n > 0 ? (max + n - 1) / n : max;
}

static bool is_over_bound(struct forward *forward, const struct line *line)
{
	size_t max = share_of(forward, line);

	if (max > 0 && line->group.n_questions >= max) {
		counter_add(&forward->counts.rejected_concurrent, 1);
		return true;
	}
	if (forward->n_asked >= forward->asked_max) {
		counter_add(&forward->counts.rejected_full, 1);
		return true;
	}
	return false;
}

void asked_measure(struct forward *forward)
{
	size_t fullness = forward->n_asked * FULLNESS_UNIT / forward->asked_max;

	for (size_t i = 0; i < forward->n_lines; i++) {
		const struct line *line = forward->lines[i];
		size_t max = line ? share_of(forward, line) : 0;

		if (max > 0 && line->group.n_questions * FULLNESS_UNIT / max > fullness)
			fullness = line->group.n_questions * FULLNESS_UNIT / max;
	}
	counter_set(&forward->counts.fullness, fullness < FULLNESS_UNIT ? fullness : FULLNESS_UNIT);
}

static struct asked *new_asked(struct forward *forward, const struct forward_question *question,
			       uint64_t deadline_us)
{
	struct asked *asked = mem_alloc(sizeof(*asked));
	struct asked **bucket = bucket_of(forward, question);

	asked->due.timer.is_set = false;
	asked->due.on_due = on_due;
	asked->forward = forward;
	asked->question = *question;
	asked->line = line_of(forward, question->group);
	asked->next = *bucket;
	asked->waiters.prev = asked->waiters.next = &asked->waiters;
	asked->kept = NULL;
	memset(asked->attempts, 0, sizeof(asked->attempts));
	CDS_INIT_LIST_HEAD(&asked->link);
	question_init(&asked->policy, &asked->line->group, forward->channels.now_us, deadline_us,
		      question->has_do);
	*bucket = asked;
	forward->n_asked++;
	asked->line->group.n_questions++;
	counter_set(&forward->counts.in_flight, forward->n_asked);
	counter_add(&forward->counts.questions, 1);
	return asked;
}

static void join(struct asked *asked, struct forward_waiter *waiter, uint64_t deadline_ms)
{
	if (waiter)
		add_waiter(asked, waiter, deadline_ms);
	if (deadline_ms * MS > asked->policy.deadline_us)
		asked->policy.deadline_us = deadline_ms * MS;
	counter_add(&asked->forward->counts.joins, 1);
	if (asked->due.timer.is_set)
		set_wake(asked);
}

enum forward_ask forward_ask(struct forward *forward, const struct forward_question *question,
			     struct forward_waiter *waiter, uint64_t deadline_ms)
{
	const struct line *line = line_of(forward, question->group);
	struct asked *asked;
	uint64_t now_us;

	CHECK(line != NULL);
	if (forward->is_closing)
		return FORWARD_REFUSED;
	forward_now(forward);
	now_us = forward->channels.now_us;
	if (deadline_ms > now_us / MS + DEADLINE_MAX_MS)
		deadline_ms = now_us / MS + DEADLINE_MAX_MS;
	counter_add(&forward->counts.refreshes, waiter == NULL);
	asked = find(forward, question, now_us);
	if (asked) {
		join(asked, waiter, deadline_ms);
		return FORWARD_ASKED;
	}
	if (is_over_bound(forward, line))
		return FORWARD_REFUSED;
	asked = new_asked(forward, question, deadline_ms * MS);
	if (waiter)
		add_waiter(asked, waiter, deadline_ms);
	step(asked, &(struct question_input){.event = QUESTION_START, .now_us = now_us}, NULL);
	return FORWARD_ASKED;
}

void forward_cancel(struct forward *forward, struct forward_waiter *waiter)
{
	if (waiter->question)
		unlink_waiter(waiter);
}

/* ---- the forwarder's ---- */

void asked_init(struct forward *forward)
{
	forward->n_buckets = 16;
	while (forward->n_buckets < forward->asked_max)
		forward->n_buckets *= 2;
	forward->buckets = mem_zalloc(forward->n_buckets * sizeof(struct asked *));
	forward->seed = entropy_u64(&forward->channels.entropy);
	CDS_INIT_LIST_HEAD(&forward->failed);
}

void asked_finish_failed(struct forward *forward)
{
	while (!cds_list_empty(&forward->failed)) {
		struct asked *asked = cds_list_first_entry(&forward->failed, struct asked, link);

		/* As cds_list_del, but that the analyzer sees that it is not the first any more. */
		forward->failed.next = asked->link.next;
		asked->link.next->prev = &forward->failed;
		finish_failed(asked, &asked->failure);
	}
}

void asked_fail_all(struct forward *forward)
{
	for (size_t i = 0; i < forward->n_buckets; i++) {
		for (struct asked *asked = forward->buckets[i]; asked; asked = asked->next) {
			asked->failure.ede = DNS_EDE_OTHER;
			asked->failure.text = "the server is stopping";
			cds_list_del(&asked->link);
			cds_list_add_tail(&asked->link, &forward->failed);
		}
	}
	asked_finish_failed(forward);
}

static bool is_to_drop(const struct asked *asked)
{
	return asked->line->is_dropped ||
	       line_of(asked->forward, asked->question.group)->is_dropped;
}

void asked_drop(struct forward *forward, struct cds_list_head *dropped)
{
	for (size_t i = 0; i < forward->n_buckets; i++) {
		struct asked *next, *asked = forward->buckets[i];

		for (; asked; asked = next) {
			next = asked->next;
			if (!is_to_drop(asked))
				continue;
			detach(asked);
			cds_list_del(&asked->link);
			cds_list_add_tail(&asked->link, dropped);
		}
	}
}

void asked_tell_dropped(struct cds_list_head *dropped)
{
	const struct forward_result result =
		failure_result(DNS_EDE_OTHER, "the upstream servers have been configured anew");
	struct asked *asked, *next;

	cds_list_for_each_entry_safe(asked, next, dropped, link)
	{
		tell_waiters(asked, &result);
		free_asked(asked);
	}
}

void asked_fini(struct forward *forward)
{
	CHECK(forward->n_asked == 0);
	free(forward->buckets);
	forward->buckets = NULL;
}
