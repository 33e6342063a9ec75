/* SPDX-License-Identifier: Apache-2.0
 *
 * What cache.c and switch.c share. Worker thread, but for what says otherwise.
 */
#ifndef KANAME_CACHE_PRIVATE_H
#define KANAME_CACHE_PRIVATE_H

#include <stddef.h>

#include "base/counter.h"
#include "cache/cache.h"
#include "queue.h"

/* Of one policy. */
struct policy_counts {
	uint64_t hits[CACHE_N_TYPES];
	uint64_t requests, misses, prefetches, served_stale, drops;
};

struct entry {
	struct entry *next; /* in its bucket */
	struct queue_link link;
	struct queue *queue; /* borrowed */
	uint64_t hash;
	uint64_t inserted_ms;
	uint64_t fresh_ms, stale_ms; /* until when */
	uint64_t refresh_ms;	     /* until when no refresh is due */
	uint64_t last_hit_ms;
	size_t group;
	struct dns_reply reply; /* into `payload` */
	uint32_t bytes;
	uint32_t hits; /* none further apart than the policy's gap */
	uint32_t ttl_s;
	bool has_do, has_cd;
	bool is_cut;  /* nothing below this name exists either */
	uint8_t type; /* enum cache_type */
	_Alignas(8) uint8_t payload[];
};

#define ENTRY_OF(at) ((struct entry *)(void *)((char *)(at)-offsetof(struct entry, link)))

/* What a policy's index stands for; never freed before the cache, since any thread reads it. */
struct policy_state {
	uint64_t id; /* main thread */
	struct policy_counts counts;
	struct queue queues[CACHE_N_TYPES];
};

struct cache {
	const struct cache_config *config; /* borrowed */
	uint64_t seed;
	struct entry **buckets; /* owned, n_buckets of them: a power of two */
	size_t n_buckets;
	uint64_t bytes;					 /* of all entries; a gauge */
	uint64_t n_cuts;				 /* entries that deny what is below them */
	struct policy_state *states[CACHE_POLICIES_MAX]; /* owned; NULL: never used. Set by main */
};

static inline struct policy_state *state_of(const struct cache *cache,
					    const struct cache_policy *policy)
{
	return cache->states[policy->index];
}

/* ---- cache.c, for switch.c ---- */

void cache_remove(struct cache *cache, struct entry *entry);
void cache_evict(struct cache *cache, struct queue *queue);
/* Evicts until `bytes` more fit. */
void cache_make_room(struct cache *cache, size_t bytes);
/* Would the policy take this name's replies of this type? */
bool cache_takes(const struct cache_policy *policy, enum cache_type type,
		 const struct dns_name *name);
/* Until when the entry may be given when it is stale. */
void cache_set_stale(struct entry *entry, const struct cache_policy *policy);

#endif
