/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's way from one configuration to the next: query_worker_prepare by main while the worker
 * goes on with the old one, then query_worker_switch by the worker between two queries. What is
 * referred to by index (groups of upstreams, policies, rows of counters) is the same thing in both
 * where its id is; so the ids tell what stays. Nothing can fail.
 */
#include "worker.h"

void query_worker_prepare(struct query_worker *worker, const struct query_config *config)
{
	rows_prepare(worker, config);
	cache_prepare(worker->cache, &config->cache);
}

static uint64_t group_id(const struct query_config *config, size_t group)
{
	return config->group_ids ? config->group_ids[group] : 0;
}

static bool has_group(const struct query_config *config, const struct query_config *old,
		      size_t group)
{
	return group < config->n_groups && group_id(config, group) == group_id(old, group);
}

static const struct cache_policy *policy_of(const struct query_config *config, size_t group)
{
	return group < config->n_groups ? config->group_policies[group] : NULL;
}

static bool is_same_policy(const struct cache_policy *a, const struct cache_policy *b)
{
	return a && b ? a->index == b->index && a->id == b->id : a == b;
}

/* Fills groups[0..old->n_groups) in; are all replies still good where they are? */
static bool keep_groups(const struct query_config *old, const struct query_config *config,
			const struct cache_policy **groups)
{
	bool is_all = true;

	for (size_t i = 0; i < old->n_groups; i++) {
		bool is_kept = has_group(config, old, i);

		groups[i] = is_kept ? policy_of(config, i) : NULL;
		is_all &= is_same_policy(groups[i], policy_of(old, i));
	}
	return is_all;
}

void query_worker_switch(struct query_worker *worker, const struct query_config *config)
{
	const struct query_config *old = worker->config;
	const struct cache_policy **groups = mem_zalloc((old->n_groups + 1) * sizeof(*groups));
	struct cache_switch to = {
		.config = &config->cache, .groups = groups, .n_groups = old->n_groups};

	CHECK(!worker->external);
	errors_end(worker); /* their periods end with their patterns */
	to.is_group_gone = !keep_groups(old, config, groups);
	cache_switch(worker->cache, &to);
	free(groups);
	worker->config = config;
	/* What the last query left behind leads into the old one. */
	worker->input = NULL;
	worker->output = NULL;
}
