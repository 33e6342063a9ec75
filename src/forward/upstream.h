/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of an upstream server: its round-trip times, whether it is up, how often it fails
 * questions, whether it keeps their case. Events come in with the time; nothing is sent from here.
 *
 *     up -max_fails silences or failures in a row, or a burst of late ones without a reply-> down
 *     down -any reply that fits-> up
 *
 * Beside that, an upstream that answers but mostly SERVFAIL or REFUSED is failing: used last but
 * for a trial now and then; and one whose loop probe came back is looping: never used.
 * The loop's thread.
 */
#ifndef KANAME_FORWARD_UPSTREAM_H
#define KANAME_FORWARD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtt.h"

/* The better, the smaller. */
enum upstream_rank {
	UPSTREAM_GOOD,
	UPSTREAM_FAILING,
	UPSTREAM_DOWN,
	UPSTREAM_UNUSABLE, /* loops back to us */
};

enum upstream_case {
	UPSTREAM_CASE_UNKNOWN,
	UPSTREAM_CASE_KEPT, /* questions go out in random case, and replies must have it (0x20) */
	UPSTREAM_CASE_LOST,
};

struct upstream {
	struct rtt rtt;
	uint32_t max_fails;   /* 0: never down */
	uint32_t n_fails;     /* silences and failures since the last reply */
	uint32_t n_late;      /* late attempts since the last reply */
	uint64_t late_us;     /* when the first of them that counts was sent */
	uint32_t error_share; /* of replies, smoothed: 0 .. UPSTREAM_SHARE_ONE */
	uint64_t error_us;    /* when error_share last changed */
	uint64_t reply_us;    /* when the last reply came */
	bool is_down;
	bool is_looping;
	enum upstream_case case_state;
	uint32_t n_case;	 /* replies in a row that say the same of its case */
	uint64_t plain_until_us; /* EDNS is not understood: no OPT until then */
};

#define UPSTREAM_SHARE_ONE 65536u

enum upstream_rank upstream_rank(const struct upstream *upstream, uint64_t now_us);

/* How long after it was sent an attempt is late (its p95, at least 10 ms), and when silent. */
uint64_t upstream_late_us(const struct upstream *upstream);
uint64_t upstream_silent_us(const struct upstream *upstream);

/* A reply that fits; rtt_us 0: not to be counted. Whether it is a failure (SERVFAIL, REFUSED...).
 */
void upstream_replied(struct upstream *upstream, uint64_t now_us, uint64_t rtt_us, bool is_error);

/* An attempt of sent_us is late, or silent. Says whether the upstream has just gone down. */
bool upstream_is_late(struct upstream *upstream, uint64_t sent_us, uint64_t now_us);
bool upstream_is_silent(struct upstream *upstream, uint64_t sent_us);

/* A port unreachable, a connection refused, a health probe without an answer. Likewise. */
bool upstream_failed(struct upstream *upstream);

#define UPSTREAM_SUSPECT_LATE 3u

/* Should it be probed? While it has unanswered failures. */
static inline bool upstream_is_suspect(const struct upstream *upstream)
{
	return upstream->n_fails > 0 || upstream->is_down ||
	       upstream->n_late >= UPSTREAM_SUSPECT_LATE;
}

/* A reply whose question is right but for its case, or in the very case. */
void upstream_case_seen(struct upstream *upstream, bool is_kept);

/* FORMERR or NOTIMP to a question with OPT: an hour without. */
void upstream_refused_edns(struct upstream *upstream, uint64_t now_us);

#endif
