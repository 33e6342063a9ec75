/* SPDX-License-Identifier: Apache-2.0
 *
 * From the `forward`, `cache` and `loop` lines of all blocks to the groups of upstreams, the
 * policies of the caches, and who uses which.
 *
 * Each `forward` line is a group; groups and policies are numbered by slots.c. The cache's policy
 * of a group is that of its block. Capacities and octets are those of all workers together: each
 * gets its part.
 */
#include <string.h>

#include "base/random.h"
#include "draft.h"
#include "slots.h"

#define CAPACITY_LEAST 64 /* entries, of each worker */

struct groups {
	struct slots_group *items; /* owned: n of them, in the order of the Corefile */
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

static size_t count_caches(struct draft *draft)
{
	size_t n = 0;

	for (size_t i = 0; i < draft->blocks.len; i++) {
		n += draft->blocks.items[i]->has_cache;
		if (n > CACHE_POLICIES_MAX / 2) {
			problem_at(&draft->problems, &draft->blocks.items[i]->place,
				   "more than %d server blocks have \"cache\"",
				   CACHE_POLICIES_MAX / 2);
			return 0;
		}
	}
	return n;
}

static struct cache_policy make_policy(struct draft *draft, const struct draft_block *block,
				       const struct config *config)
{
	struct cache_policy policy = block->cache;

	for (size_t type = 0; type < CACHE_N_TYPES; type++)
		policy.limits[type].capacity =
			part_of(policy.limits[type].capacity, config->net.n_workers);
	set_labels(draft, block, &config->query, &policy);
	return policy;
}

/* The policies, each at its number; of_block[0..blocks) gets each block's, or NULL. */
static void fill_policies(struct draft *draft, struct config *config,
			  const struct cache_policy **of_block)
{
	struct cache_config *cache = &config->query.cache;
	size_t n = count_caches(draft), at = 0;
	struct cache_policy *list = mem_zalloc((n + 1) * sizeof(*list)), *policies;

	for (size_t i = 0; i < draft->blocks.len && at < n; i++) {
		if (draft->blocks.items[i]->has_cache)
			list[at++] = make_policy(draft, draft->blocks.items[i], config);
	}
	cache->n_policies =
		slots_number_policies(list, n, &config->query.last_id, draft->options->previous);
	policies = arena_alloc(draft->arena, (cache->n_policies + 1) * sizeof(*policies));
	for (size_t i = 0; i < n; i++)
		policies[list[i].index] = list[i];
	at = 0;
	for (size_t i = 0; i < draft->blocks.len && at < n; i++) {
		if (draft->blocks.items[i]->has_cache)
			of_block[i] = &policies[list[at++].index];
	}
	free(list);
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

/* The groups of a block. One that sends nothing on is followed by none: it stays the same when the
 * line behind it changes. */
static void add_groups(const struct draft_block *block, const struct cache_policy *policy,
		       struct groups *groups)
{
	for (size_t i = 0; i < block->forwards.len; i++) {
		struct slots_group *group = &groups->items[groups->n++];

		group->config = block->forwards.items[i].group;
		group->config.has_loop_probe = block->has_loop;
		group->policy = policy;
		group->next = SLOTS_NO_NEXT;
		if (i + 1 < block->forwards.len && group->config.next_rcodes != 0)
			group->next = groups->n;
	}
}

/* Who uses the groups of a block, which are list[0..]. */
static void fill_forwards(struct draft *draft, const struct draft_block *block,
			  const struct slots_group *list, struct query_block_config *query)
{
	struct forwards forwards = {0};
	struct query_forward_config *copy;

	for (size_t i = 0; i < block->forwards.len; i++)
		add_zones(&block->forwards.items[i], list[i].index, &forwards);
	copy = arena_alloc(draft->arena, (forwards.len + 1) * sizeof(*copy));
	for (size_t i = 0; i < forwards.len; i++)
		copy[i] = forwards.items[i];
	query->forwards = copy;
	query->n_forwards = forwards.len;
	ARRAY_FINI(&forwards);
}

/* The groups, each at its number. */
static void place_groups(struct draft *draft, const struct groups *groups,
			 struct query_config *query, struct forward_config *forward)
{
	size_t n = query->n_groups;
	struct forward_group_config *items = arena_alloc(draft->arena, (n + 1) * sizeof(*items));
	const struct cache_policy **policies =
		arena_alloc(draft->arena, (n + 1) * sizeof(*policies));
	uint64_t *ids = arena_alloc(draft->arena, (n + 1) * sizeof(*ids));

	for (size_t i = 0; i < groups->n; i++) {
		const struct slots_group *group = &groups->items[i];

		items[group->index] = group->config;
		policies[group->index] = group->policy;
		ids[group->index] = group->id;
	}
	forward->groups = items;
	forward->n_groups = n;
	query->group_policies = policies;
	query->group_ids = ids;
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

/* Of the process: a probe that is under way over a reload is still known. */
static uint64_t probe_key_of(const struct config *previous)
{
	struct random random;

	if (previous && previous->net.forward)
		return previous->net.forward->probe_key;
	random_init(&random);
	return random_next(&random);
}

static void fill_groups(struct draft *draft, struct config *config, struct forward_config *forward,
			struct query_block_config *blocks)
{
	size_t n_blocks = draft->blocks.len, at = 0;
	const struct cache_policy **of_block = mem_zalloc((n_blocks + 1) * sizeof(*of_block));
	struct groups groups = {
		.items = mem_zalloc((count_forwards(draft) + 1) * sizeof(*groups.items))};

	fill_policies(draft, config, of_block);
	for (size_t i = 0; i < n_blocks; i++)
		add_groups(draft->blocks.items[i], of_block[i], &groups);
	config->query.n_groups = slots_number_groups(groups.items, groups.n, &config->query.last_id,
						     draft->options->previous);
	place_groups(draft, &groups, &config->query, forward);
	for (size_t i = 0; i < n_blocks; i++) {
		const struct draft_block *block = draft->blocks.items[i];

		fill_forwards(draft, block, &groups.items[at], &blocks[i]);
		at += block->forwards.len;
	}
	free(groups.items);
	free(of_block);
}

void draft_translate_forward(struct draft *draft, struct config *config,
			     struct query_block_config *blocks)
{
	struct forward_config *forward = arena_alloc(draft->arena, sizeof(*forward));

	fill_groups(draft, config, forward, blocks);
	forward->n_workers = config->net.n_workers;
	forward->probe_key = probe_key_of(draft->options->previous);
	fill_own(draft, &config->net, forward);
	if (forward->n_groups > 0)
		config->net.forward = forward;
	for (size_t i = 0; i < draft->blocks.len; i++) {
		if (draft->blocks.items[i]->has_loop)
			config->query.probe_key = forward->probe_key;
	}
}
