/* SPDX-License-Identifier: Apache-2.0
 *
 * An upstream that only fails questions is first all the same once in TRIAL_ONE_IN, so that its
 * recovery is seen.
 */
#include "group.h"

#define TRIAL_ONE_IN 32u

void group_init(struct group *group, const struct forward_group_config *config,
		struct random *random, uint64_t now_us, uint64_t *n_broken)
{
	*group = (struct group){
		.config = config,
		.random = random,
		.n_broken = n_broken,
		.budget = {.thousandths = BUDGET_MAX * 1000u, .filled_us = now_us},
	};
}

static void fill_budget(struct budget *budget, uint64_t thousandths)
{
	budget->thousandths += thousandths;
	if (budget->thousandths > BUDGET_MAX * 1000u)
		budget->thousandths = BUDGET_MAX * 1000u;
}

bool group_take(struct group *group, uint64_t now_us)
{
	struct budget *budget = &group->budget;
	uint64_t earned = (now_us - budget->filled_us) * BUDGET_PER_SECOND / 1000u;

	if (earned > 0) {
		fill_budget(budget, earned);
		budget->filled_us = now_us;
	}
	if (budget->thousandths < 1000u)
		return false;
	budget->thousandths -= 1000u;
	return true;
}

static struct upstream *pick(struct group *group, struct upstream **best, size_t n)
{
	switch (group->config->policy) {
	case FORWARD_ROUND_ROBIN:
		return best[group->next++ % n];
	case FORWARD_SEQUENTIAL:
		return best[0];
	case FORWARD_RANDOM:
		return best[random_below(group->random, (uint32_t)n)];
	}
	return best[0];
}

struct upstream *group_first(struct group *group, uint64_t now_us)
{
	struct upstream *best[FORWARD_UPSTREAMS_MAX];
	enum upstream_rank best_rank = UPSTREAM_UNUSABLE;
	size_t n = 0;
	bool is_trial = random_below(group->random, TRIAL_ONE_IN) == 0;

	fill_budget(&group->budget, BUDGET_PER_QUESTION);
	for (size_t i = 0; i < group->n_upstreams; i++) {
		enum upstream_rank rank = upstream_rank(group->upstreams[i], now_us);

		if (is_trial && rank == UPSTREAM_FAILING)
			rank = UPSTREAM_GOOD;
		if (rank < best_rank) {
			best_rank = rank;
			n = 0;
		}
		if (rank == best_rank && rank != UPSTREAM_UNUSABLE)
			best[n++] = group->upstreams[i];
	}
	if (n == 0)
		return NULL;
	if (best_rank == UPSTREAM_DOWN)
		counter_add(group->n_broken, 1);
	return pick(group, best, n);
}

static bool is_among(struct upstream *const *tried, size_t n_tried, const struct upstream *upstream)
{
	for (size_t i = 0; i < n_tried; i++) {
		if (tried[i] == upstream)
			return true;
	}
	return false;
}

struct upstream *group_next(const struct group *group, struct upstream *const *tried,
			    size_t n_tried, uint64_t now_us)
{
	struct upstream *best = NULL;
	enum upstream_rank best_rank = UPSTREAM_UNUSABLE;

	for (size_t i = 0; i < group->n_upstreams; i++) {
		struct upstream *upstream = group->upstreams[i];
		enum upstream_rank rank = upstream_rank(upstream, now_us);

		if (rank == UPSTREAM_UNUSABLE || is_among(tried, n_tried, upstream))
			continue;
		if (best != NULL && rank == best_rank &&
		    (group->config->policy == FORWARD_SEQUENTIAL ||
		     upstream->rtt.smoothed_us >= best->rtt.smoothed_us))
			continue;
		if (best == NULL || rank <= best_rank) {
			best = upstream;
			best_rank = rank;
		}
	}
	return best;
}
