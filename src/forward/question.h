/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to the upstreams of a group, as a state machine: an event and the time go in, one
 * thing to do comes out. Nothing is sent from here, no clock is read.
 *
 *                START                WAKE: the attempt is late (its upstream's p95)
 *     (asked) ---------> asking ---------------------------------------------------> SEND to the
 * next | REPLY good ------------------------------------------> ANSWER | REPLY truncated
 * --------------------------------------> SEND by TCP | REPLY SERVFAIL, REFUSED, NOTIMP; FAILED
 * --------------> SEND to the next, |                                  none left: ANSWER_KEPT, or
 * FAIL | WAKE at the deadline ---------------------------------> ANSWER_KEPT, FAIL
 *
 * A second attempt costs the group's budget, but where the first one's upstream is known to be bad
 * and the next one's is good. An attempt that was overtaken goes on: its reply still says how its
 * upstream is. Events of attempts that are over are legal and ignored. The loop's thread.
 */
#ifndef KANAME_FORWARD_QUESTION_H
#define KANAME_FORWARD_QUESTION_H

#include "group.h"

#define QUESTION_ATTEMPTS_MAX 6u

enum question_stage {
	QUESTION_ATTEMPT_ASKED,
	QUESTION_ATTEMPT_LATE,
	QUESTION_ATTEMPT_SILENT,
	QUESTION_ATTEMPT_OVER,
};

struct question_attempt {
	uint64_t sent_us;
	enum question_stage stage;
	bool is_tcp;
	bool has_edns;
	bool is_plain_retry; /* the same upstream refused it with OPT */
	bool is_again;	     /* for a connection that was closed while it was idle */
};

struct question {
	struct group *group; /* borrowed */
	uint64_t asked_us;
	uint64_t deadline_us; /* of the last waiter; may be moved later */
	uint64_t wake_us;     /* when QUESTION_WAKE is wanted */
	uint64_t backoff_us;
	struct question_attempt attempts[QUESTION_ATTEMPTS_MAX];
	struct upstream *upstreams[QUESTION_ATTEMPTS_MAX]; /* borrowed: of each attempt */
	unsigned n_attempts;
	bool has_kept; /* the owner has a reply to answer with when nothing better comes */
	bool is_kept_truncated;
	bool has_do;
	bool was_broken; /* a reply could not be read */
	bool was_failed; /* the network said no at least once: EDE 23 */
};

enum question_event { QUESTION_START, QUESTION_WAKE, QUESTION_REPLY, QUESTION_FAILED };

/* Why an attempt failed. */
enum question_failure {
	QUESTION_FAILURE_NETWORK, /* unreachable, refused, closed, reset */
	QUESTION_FAILURE_STALE,	  /* a connection that had been used before was closed */
	QUESTION_FAILURE_CASE,	  /* the upstream does not keep the case */
	QUESTION_FAILURE_BROKEN,  /* a reply that fits, but cannot be read */
	QUESTION_FAILURE_LOCAL,	  /* no port, no memory here: says nothing of the upstream */
};

struct question_input {
	enum question_event event;
	uint64_t now_us;
	unsigned attempt;	       /* REPLY, FAILED: its index */
	uint16_t rcode;		       /* REPLY */
	bool is_truncated;	       /* REPLY */
	enum question_failure failure; /* FAILED */
};

enum question_verdict {
	QUESTION_WAIT,
	QUESTION_SEND,	      /* the attempt of this index */
	QUESTION_ANSWER,      /* with the reply that just came */
	QUESTION_ANSWER_KEPT, /* with the one that was kept */
	QUESTION_FAIL,
};

struct question_output {
	enum question_verdict verdict;
	unsigned attempt; /* SEND */
	bool is_hedge;	  /* SEND: nothing had come, it was late */
	bool is_kept;	  /* the reply that just came is to be kept, in place of an earlier one */
	bool is_down;	  /* attempt's upstream has just gone down: probe it */
	unsigned down;	  /* which attempt's */
	bool is_limited;  /* another attempt was due, but the budget is empty */
	enum dns_ede ede; /* FAIL */
	const char *text; /* FAIL; a constant */
};

/* Zeroes and fills; the first event is QUESTION_START. */
void question_init(struct question *question, struct group *group, uint64_t now_us,
		   uint64_t deadline_us, bool has_do);

void question_step(struct question *question, const struct question_input *input,
		   struct question_output *output);

#endif
