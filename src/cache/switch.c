/* SPDX-License-Identifier: Apache-2.0
 *
 * Another configuration for a cache that is in use. The happy path: cache_prepare, while the worker
 * goes on, makes room for policies that are new; cache_switch, on the worker's thread, finds that
 * nothing has to go, and takes the new capacities. Where a group or a policy is gone, or takes less
 * than before, it walks over all entries, once. Nothing can fail.
 *
 * An index that no running configuration uses is the main thread's: it gives it to another policy
 * there, with counters at 0.
 */
#include <string.h>

#include "cache_private.h"

/* ---- main thread --------------------------------------------------------------------- */

static void reset(struct policy_state *state, uint64_t id)
{
	struct policy_counts *counts = &state->counts;

	state->id = id;
	for (size_t type = 0; type < CACHE_N_TYPES; type++) {
		CHECK(counter_read(&state->queues[type].n) == 0);
		counter_set(&state->queues[type].evictions, 0);
		counter_set(&counts->hits[type], 0);
	}
	counter_set(&counts->requests, 0);
	counter_set(&counts->misses, 0);
	counter_set(&counts->prefetches, 0);
	counter_set(&counts->served_stale, 0);
	counter_set(&counts->drops, 0);
}

void cache_prepare(struct cache *cache, const struct cache_config *config)
{
	CHECK(config->n_policies <= CACHE_POLICIES_MAX);
	for (size_t i = 0; i < config->n_policies; i++) {
		const struct cache_policy *policy = &config->policies[i];
		struct policy_state *state = cache->states[i];

		if (!policy->server_text)
			continue;
		if (!state) {
			state = mem_zalloc(sizeof(*state));
			state->id = policy->id;
			__atomic_store_n(&cache->states[i], state, __ATOMIC_RELEASE);
		} else if (state->id != policy->id) {
			reset(state, policy->id);
		}
	}
}

/* ---- worker thread ------------------------------------------------------------------- */

static bool are_same_zones(const struct cache_zones *a, const struct cache_zones *b)
{
	if (a->is_all != b->is_all || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!dns_name_equal(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}

/* Do all entries of the policy stay as they are? */
static bool keeps_all(const struct cache_policy *old, const struct cache_policy *new)
{
	if (old->id != new->id || !new->server_text || !are_same_zones(&old->zones, &new->zones) ||
	    old->stale != new->stale || old->stale_s != new->stale_s)
		return false;
	for (size_t type = 0; type < CACHE_N_TYPES; type++) {
		const struct cache_limits *from = &old->limits[type], *to = &new->limits[type];

		if ((from->capacity > 0 && to->capacity == 0) ||
		    !are_same_zones(&from->disabled, &to->disabled))
			return false;
	}
	return true;
}

static bool keep_all(const struct cache_config *old, const struct cache_config *new)
{
	for (size_t i = 0; i < old->n_policies; i++) {
		if (!old->policies[i].server_text)
			continue;
		if (i >= new->n_policies || !keeps_all(&old->policies[i], &new->policies[i]))
			return false;
	}
	return true;
}

/* Under which policy the entry goes on; NULL: under none. */
static const struct cache_policy *policy_after(const struct cache *cache, const struct entry *entry,
					       const struct cache_switch *to)
{
	const struct cache_policy *policy =
		entry->group < to->n_groups ? to->groups[entry->group] : NULL;
	size_t len = entry->reply.body - DNS_HEADER_SIZE - 4;
	struct dns_name name;

	if (!policy || &state_of(cache, policy)->queues[entry->type] != entry->queue)
		return NULL;
	CHECK(dns_name_from_wire(&name, entry->reply.wire + DNS_HEADER_SIZE, len) == 0);
	return cache_takes(policy, (enum cache_type)entry->type, &name) ? policy : NULL;
}

static void walk(struct cache *cache, const struct cache_switch *to)
{
	for (size_t i = 0; i < cache->n_buckets; i++) {
		struct entry *entry = cache->buckets[i], *next;

		for (; entry; entry = next) {
			const struct cache_policy *policy = policy_after(cache, entry, to);

			next = entry->next;
			if (policy)
				cache_set_stale(entry, policy);
			else
				cache_remove(cache, entry);
		}
	}
}

static void set_capacities(struct cache *cache)
{
	const struct cache_config *config = cache->config;

	for (size_t i = 0; i < config->n_policies * CACHE_N_TYPES; i++) {
		const struct cache_policy *policy = &config->policies[i / CACHE_N_TYPES];
		size_t type = i % CACHE_N_TYPES;
		struct queue *queue;

		if (!policy->server_text)
			continue;
		queue = &state_of(cache, policy)->queues[type];
		queue->capacity = policy->limits[type].capacity;
		while (queue->n > queue->capacity)
			cache_evict(cache, queue);
	}
}

void cache_switch(struct cache *cache, const struct cache_switch *to)
{
	if (cache->bytes > 0 && (to->is_group_gone || !keep_all(cache->config, to->config)))
		walk(cache, to);
	cache->config = to->config;
	set_capacities(cache);
	cache_make_room(cache, 0);
}
