/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures: late at the 95th percentile within [10 ms, 1 s]; silent at three times that, at
 * least 100 ms; and a burst of late ones means the same in half that time. A percentile that is not
 * known yet is taken for three times the smoothed time, or 200 ms. The share of errors moves by a
 * sixteenth with each reply and halves every five seconds, so that an upstream that gets no
 * questions is tried again.
 */
#include "upstream.h"

#define MS 1000ull
#define LATE_MIN_US (10 * MS)
#define LATE_MAX_US (1000 * MS)
#define LATE_UNKNOWN_US (200 * MS)
#define SILENT_MIN_US (100 * MS)
#define SILENT_BURST 16u
#define SHARE_HALF_LIFE_US (5000 * MS)
#define SHARE_FAILING (UPSTREAM_SHARE_ONE / 2)
#define CASE_SURE 8u
#define PLAIN_US (3600 * 1000 * MS)

static uint32_t share_now(const struct upstream *upstream, uint64_t now_us)
{
	uint64_t halvings = (now_us - upstream->error_us) / SHARE_HALF_LIFE_US;

	return halvings < 32 ? upstream->error_share >> halvings : 0;
}

enum upstream_rank upstream_rank(const struct upstream *upstream, uint64_t now_us)
{
	if (upstream->is_looping)
		return UPSTREAM_UNUSABLE;
	if (upstream->is_down)
		return UPSTREAM_DOWN;
	return share_now(upstream, now_us) > SHARE_FAILING ? UPSTREAM_FAILING : UPSTREAM_GOOD;
}

uint64_t upstream_late_us(const struct upstream *upstream)
{
	uint64_t late = upstream->rtt.p95_us;

	if (late == 0)
		late = upstream->rtt.smoothed_us * 3;
	if (late == 0)
		late = LATE_UNKNOWN_US;
	if (late < LATE_MIN_US)
		return LATE_MIN_US;
	return late > LATE_MAX_US ? LATE_MAX_US : late;
}

uint64_t upstream_silent_us(const struct upstream *upstream)
{
	uint64_t silent = upstream_late_us(upstream) * 3;

	return silent < SILENT_MIN_US ? SILENT_MIN_US : silent;
}

void upstream_replied(struct upstream *upstream, uint64_t now_us, uint64_t rtt_us, bool is_error)
{
	uint32_t share = share_now(upstream, now_us);

	upstream->n_fails = upstream->n_late = 0;
	upstream->is_down = false;
	upstream->reply_us = now_us;
	if (rtt_us != 0)
		rtt_observe(&upstream->rtt, rtt_us);
	upstream->error_share = share - share / 16 + (is_error ? UPSTREAM_SHARE_ONE / 16 : 0);
	upstream->error_us = now_us;
}

static bool go_down(struct upstream *upstream, bool is_enough)
{
	if (upstream->max_fails == 0 || upstream->is_down || !is_enough)
		return false;
	upstream->is_down = true;
	return true;
}

bool upstream_failed(struct upstream *upstream)
{
	upstream->n_fails++;
	return go_down(upstream, upstream->n_fails >= upstream->max_fails);
}

/* Questions that a hedge has answered are not waited for until they are silent: late ones over
 * the time of a silence count as one. */
bool upstream_is_late(struct upstream *upstream, uint64_t sent_us, uint64_t now_us)
{
	if (upstream->reply_us >= sent_us)
		return false;
	if (upstream->n_late++ == 0)
		upstream->late_us = sent_us;
	uint64_t silent_us = upstream_silent_us(upstream);
	uint64_t since_us = now_us - upstream->late_us;

	if (go_down(upstream, upstream->n_late >= SILENT_BURST && since_us >= silent_us / 2))
		return true;
	if (since_us < silent_us)
		return false;
	upstream->late_us = now_us;
	return upstream_failed(upstream);
}

bool upstream_is_silent(struct upstream *upstream, uint64_t sent_us)
{
	return upstream->reply_us < sent_us && upstream_failed(upstream);
}

void upstream_case_seen(struct upstream *upstream, bool is_kept)
{
	bool is_as_known =
		upstream->case_state == (is_kept ? UPSTREAM_CASE_KEPT : UPSTREAM_CASE_LOST);

	if (is_as_known) {
		upstream->n_case = 0;
		return;
	}
	upstream->n_case++;
	if (upstream->case_state == UPSTREAM_CASE_UNKNOWN && !is_kept)
		upstream->n_case = CASE_SURE;
	if (upstream->n_case < CASE_SURE)
		return;
	upstream->case_state = is_kept ? UPSTREAM_CASE_KEPT : UPSTREAM_CASE_LOST;
	upstream->n_case = 0;
}

void upstream_refused_edns(struct upstream *upstream, uint64_t now_us)
{
	upstream->plain_until_us = now_us + PLAIN_US;
}
