/* SPDX-License-Identifier: Apache-2.0
 *
 * From the `forward`, `cache` and `loop` lines of all blocks to the groups of upstreams, the
 * policies of the caches, and who uses which.
 *
 * Each `forward` line is a group. The cache's policy of a group is that of its block. Capacities
 * and octets are those of all workers together: each gets its part.
 */
#include <string.h>

#include "base/random.h"
#include "draft.h"

#define CAPACITY_LEAST 64 /* entries, of each worker */

struct groups {
	struct forward_group_config *items; /* in the arena, as below */
	const struct cache_policy **policies;
	size_t n;
};

static size_t count_forwards(const struct draft *draft)
{
	size_t n = 0;

	for (size_t i = 0; i < draft->blocks.len; i++)
		n += draft->blocks.items[i]->forwards.len;
	return n;
}

/* The metrics labels of a block: where its first zone is served, and its zones, or those of the
 * `cache` line. */
static void set_labels(struct draft *draft, const struct draft_block *block,
		       const struct query_config *query, struct cache_policy *policy)
{
	struct text zones = {0};

	policy->server_text = "";
	policy->zones_text = "";
	for (size_t s = 0; s < query->n_servers && !*policy->server_text; s++) {
		for (size_t v = 0; v < query->servers[s].n_views; v++) {
			const struct query_view_config *view = &query->servers[s].views[v];

			if (draft->blocks.items[view->block] == block)
				policy->server_text = view->server_text;
		}
	}
	for (size_t i = 0; i < (policy->zones.is_all ? block->keys.len : policy->zones.n); i++) {
		const struct dns_name *zone =
			policy->zones.is_all ? &block->keys.items[i].zone : &policy->zones.items[i];
		char text[DNS_NAME_TEXT_MAX];

		dns_name_to_text(zone->wire, zone->len, text);
		text_printf(&zones, "%s%s", i > 0 ? "," : "", text);
	}
	if (zones.len > 0)
		policy->zones_text = arena_strndup(draft->arena, zones.bytes, zones.len);
	text_fini(&zones);
}

static uint32_t part_of(uint32_t capacity, unsigned n_workers)
{
	uint32_t part = capacity / n_workers;

	return part > CAPACITY_LEAST ? part : CAPACITY_LEAST;
}

static void fill_policies(struct draft *draft, struct config *config, struct cache_policy *policies)
{
	struct cache_config *cache = &config->query.cache;

	for (size_t i = 0; i < draft->blocks.len; i++) {
		const struct draft_block *block = draft->blocks.items[i];
		struct cache_policy *policy = &policies[cache->n_policies];

		if (!block->has_cache)
			continue;
		*policy = block->cache;
		policy->index = cache->n_policies++;
		for (size_t type = 0; type < CACHE_N_TYPES; type++)
			policy->limits[type].capacity =
				part_of(policy->limits[type].capacity, config->net.n_workers);
		set_labels(draft, block, &config->query, policy);
	}
	cache->policies = policies;
	cache->max_bytes = (size_t)(draft->options->cache_bytes / config->net.n_workers);
}

struct forwards { /* an ARRAY(struct query_forward_config) */
	struct query_forward_config *items;
	size_t len, cap;
};

/* A forward for each zone of the line. */
static void add_zones(const struct draft_forward *from, size_t group, struct forwards *forwards)
{
	for (size_t i = 0; i < from->from.n; i++) {
		struct query_forward_config forward = {
			.from = from->from.items[i],
			.except = from->except,
			.group = group,
			.place = from->place_text,
			.to_text = from->to_text,
		};

		ARRAY_PUSH(forwards, forward);
	}
}

/* The groups of a block, and who uses them. */
static void add_block(struct draft *draft, const struct draft_block *block,
		      const struct cache_policy *policy, struct query_block_config *query,
		      struct groups *groups)
{
	struct forwards forwards = {0};
	struct query_forward_config *copy;

	for (size_t i = 0; i < block->forwards.len; i++) {
		struct forward_group_config *group = &groups->items[groups->n];

		*group = block->forwards.items[i].group;
		group->has_loop_probe = block->has_loop;
		if (i + 1 < block->forwards.len)
			group->next_group = groups->n + 1;
		add_zones(&block->forwards.items[i], groups->n, &forwards);
		groups->policies[groups->n++] = policy;
	}
	copy = arena_alloc(draft->arena, (forwards.len + 1) * sizeof(*copy));
	for (size_t i = 0; i < forwards.len; i++)
		copy[i] = forwards.items[i];
	query->forwards = copy;
	query->n_forwards = forwards.len;
	ARRAY_FINI(&forwards);
}

/* Where this server itself is: what must not be taken for an upstream. */
static void fill_own(struct draft *draft, const struct net_config *net,
		     struct forward_config *forward)
{
	size_t n = draft->machine->n_interfaces;
	struct forward_listener *listeners =
		arena_alloc(draft->arena, (net->n_listeners + 1) * sizeof(*listeners));
	struct address *addresses = arena_alloc(draft->arena, (n + 1) * sizeof(*addresses));

	for (size_t i = 0; i < net->n_listeners; i++)
		listeners[i].address = net->listeners[i].address;
	for (size_t i = 0; i < n; i++)
		addresses[i] = draft->machine->interfaces[i].address;
	forward->own = listeners;
	forward->n_own = net->n_listeners;
	forward->own_addresses = addresses;
	forward->n_own_addresses = n;
}

void draft_translate_forward(struct draft *draft, struct config *config,
			     struct query_block_config *blocks)
{
	size_t n = count_forwards(draft);
	struct cache_policy *policies =
		arena_alloc(draft->arena, (draft->blocks.len + 1) * sizeof(*policies));
	struct forward_config *forward = arena_alloc(draft->arena, sizeof(*forward));
	struct groups groups = {
		.items = arena_alloc(draft->arena, (n + 1) * sizeof(*groups.items)),
		.policies = arena_alloc(draft->arena, (n + 1) * sizeof(*groups.policies)),
	};
	struct random random;
	size_t n_policies = 0;

	fill_policies(draft, config, policies);
	for (size_t i = 0; i < draft->blocks.len; i++) {
		const struct draft_block *block = draft->blocks.items[i];
		const struct cache_policy *policy =
			block->has_cache ? &policies[n_policies++] : NULL;

		add_block(draft, block, policy, &blocks[i], &groups);
	}
	config->query.group_policies = groups.policies;
	config->query.n_groups = groups.n;
	random_init(&random);
	forward->groups = groups.items;
	forward->n_groups = groups.n;
	forward->n_workers = config->net.n_workers;
	forward->probe_key = random_next(&random);
	fill_own(draft, &config->net, forward);
	if (groups.n > 0)
		config->net.forward = forward;
	for (size_t i = 0; i < draft->blocks.len; i++) {
		if (draft->blocks.items[i]->has_loop)
			config->query.probe_key = forward->probe_key;
	}
}
