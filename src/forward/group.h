/* SPDX-License-Identifier: Apache-2.0
 *
 * The upstreams of a `forward` line: which one is asked first, which next, and how many questions
 * may be asked more than once. Nothing is sent from here. The loop's thread.
 */
#ifndef KANAME_FORWARD_GROUP_H
#define KANAME_FORWARD_GROUP_H

#include "base/counter.h"
#include "base/random.h"
#include "forward/forward.h"
#include "upstream.h"

/* Attempts beyond the first of a question: a tenth of the questions, and a store for bad moments.
 */
struct budget {
	uint64_t thousandths; /* of an attempt */
	uint64_t filled_us;   /* when time last added to it */
};

#define BUDGET_MAX 256u		 /* attempts */
#define BUDGET_PER_QUESTION 100u /* thousandths */
#define BUDGET_PER_SECOND 2u	 /* attempts; so that a quiet cluster can fail over too */

struct group {
	const struct forward_group_config *config;
	struct random *random;				   /* borrowed */
	struct upstream *upstreams[FORWARD_UPSTREAMS_MAX]; /* borrowed */
	size_t n_upstreams;
	size_t n_own; /* addresses that were left out: they are this server itself */
	size_t next;  /* of round_robin */
	struct budget budget;
	uint32_t n_questions; /* in flight */
	uint64_t *n_broken;   /* borrowed; counts questions for which all upstreams were down */
};

void group_init(struct group *group, const struct forward_group_config *config,
		struct random *random, uint64_t now_us, uint64_t *n_broken);

/* Whom to ask first, by policy among the best that there are, which may be all down; NULL: there
 * is none that can be used. Fills the budget with the question's share. */
struct upstream *group_first(struct group *group, uint64_t now_us);

/* Whom to ask next: the best, and of those the quickest (`sequential`: the first), that is not
 * among tried[0..n_tried); NULL: none is left. */
struct upstream *group_next(const struct group *group, struct upstream *const *tried,
			    size_t n_tried, uint64_t now_us);

/* Takes one attempt from the budget; false: it is empty. */
bool group_take(struct group *group, uint64_t now_us);

#endif
