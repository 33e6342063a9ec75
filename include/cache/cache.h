/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream replies of one worker: no locks, bounded in octets, time as an argument.
 *
 * The happy path: cache_find tells CACHE_HIT and lends the packed reply; on CACHE_MISS the caller
 * asks an upstream and gives the reply to cache_insert, or cache_fail when there was none. Each
 * server block's `cache` directive is a policy, an argument of every call; all policies share the
 * octets. What does not fit evicts by SIEVE, from the queue that holds the most: each policy has
 * one queue for success and one for denial, bounded in entries too, as CoreDNS's capacities say.
 * No call's work grows with what is held, but for cache_switch's. Worker thread, but for
 * cache_prepare and cache_count.
 *
 * Another configuration: cache_prepare on the main thread, then cache_switch on the worker's. What
 * both configurations have keeps its entries and counters.
 *
 * Stale entries (RFC 8767) are kept and found only where the policy says so.
 */
#ifndef KANAME_CACHE_CACHE_H
#define KANAME_CACHE_CACHE_H

#include "base/text.h"
#include "dns/reply.h"

#define CACHE_SERVFAIL_MAX_S 300 /* RFC 2308 7.1 */
#define CACHE_RECHECK_MS 30000	 /* RFC 8767 5: failure recheck timer */
#define CACHE_REFRESH_MS 10000	 /* a refresh that nobody ended is forgotten */
#define CACHE_POLICIES_MAX 4096	 /* indexes; twice what one configuration may have */

enum cache_type { CACHE_SUCCESS, CACHE_DENIAL };
#define CACHE_N_TYPES 2

enum cache_stale { CACHE_STALE_OFF, CACHE_STALE_IMMEDIATE, CACHE_STALE_VERIFY };

/* Names in these zones; with is_all any name. */
struct cache_zones {
	const struct dns_name *items;
	size_t n;
	bool is_all;
};

/* For success or denial. */
struct cache_limits {
	uint32_t capacity; /* entries, in this worker */
	uint32_t ttl_max_s, ttl_min_s;
	struct cache_zones disabled;
};

/* A `cache` directive. */
struct cache_policy {
	size_t index;		 /* in cache_config.policies */
	uint64_t id;		 /* the same over a reload that keeps it; of no other policy */
	const char *server_text; /* metrics labels: "dns://:53", "." */
	const char *zones_text;
	struct cache_zones zones; /* other names are never cached */
	struct cache_limits limits[CACHE_N_TYPES];
	uint32_t prefetch_amount;  /* hits; 0: no prefetch */
	uint32_t prefetch_gap_ms;  /* hits count on while they are not further apart */
	uint32_t prefetch_percent; /* of the TTL left, or a second */
	enum cache_stale stale;
	uint32_t stale_s;     /* how long after its end an entry may be given */
	uint32_t stale_ttl_s; /* TTL of stale answers */
	uint32_t verify_ms;   /* how long the upstream may take first (RFC 8767 5: 1.8 s) */
	uint32_t servfail_s;  /* 0: not cached */
	bool keeps_ttl;
};

struct cache_config {
	const struct cache_policy *policies; /* a hole is zeroed: its server_text is NULL */
	size_t n_policies; /* the highest index and 1; at most CACHE_POLICIES_MAX */
	size_t max_bytes;  /* of this worker */
};

/* What is asked of an upstream, and the key of its reply. */
struct cache_question {
	size_t group; /* of upstreams */
	struct dns_name name;
	uint16_t type, class;
	bool has_do, has_cd;
};

struct cache;

/* `config` is borrowed and outlives the cache. */
struct cache *cache_new(const struct cache_config *config);
void cache_free(struct cache *cache);

/* Main thread, before the cache's worker is told of `config`: room and counters for what is new in
 * it. An index that another policy had (which the running configuration must not use any more)
 * begins with counters at 0. */
void cache_prepare(struct cache *cache, const struct cache_config *config);

/* What a cache goes on with. */
struct cache_switch {
	const struct cache_config *config; /* cache_prepare has been told; borrowed from now on */
	const struct cache_policy *const *groups; /* by group, n_groups of them: under which its
						     entries stay; NULL: they go. For the call */
	size_t n_groups;
	bool is_group_gone; /* one at least is, or has another policy than before */
};

/*
 * Worker's thread, between queries. Entries stay whose group does, under the same policy, where
 * that one would still take them; its capacities hold at once. Their TTLs stay as they were set,
 * their time to be stale is the new one. The work grows with what is held only where something has
 * to go.
 */
void cache_switch(struct cache *cache, const struct cache_switch *to);

enum cache_outcome {
	CACHE_MISS,
	CACHE_HIT,
	CACHE_HIT_STALE, /* *found is beyond its TTL: tell so */
	CACHE_VERIFY,	 /* a stale reply is there, but an upstream has verify_ms to do better */
};

struct cache_found {
	struct dns_reply reply;	  /* borrowed until the next call */
	struct dns_reply_ttl ttl; /* for dns_reply_write */
	bool wants_refresh; /* the caller is to ask anew, without waiting: ends in cache_insert or
			       cache_fail */
};

/* now_ms never goes back. CACHE_HIT counts towards prefetch. CACHE_VERIFY and CACHE_MISS leave
 * *found alone. */
enum cache_outcome cache_find(struct cache *cache, const struct cache_policy *policy,
			      const struct cache_question *question, uint64_t now_ms,
			      struct cache_found *found);

/*
 * A denial of a name above the question's, which denies this one too (RFC 8020): fresh, and
 * validated by the upstream. Its records stand behind a shorter question: for dns_reply_append.
 * Counts nothing.
 */
bool cache_find_above(struct cache *cache, const struct cache_policy *policy,
		      const struct cache_question *question, uint64_t now_ms,
		      struct cache_found *found);

/* For when the upstream failed: what there is, stale or not, under either mode. It wants no
 * refresh. False, with *found alone, when there is nothing. */
bool cache_find_stale(struct cache *cache, const struct cache_policy *policy,
		      const struct cache_question *question, uint64_t now_ms,
		      struct cache_found *found);

/*
 * Keeps a copy of what the policy lets in: success and denial by TTL, failures for servfail_s;
 * never what was truncated, has TTL 0 (where ttl_min_s does not lift it), is negative without SOA
 * (RFC 2308 5), or is a referral. A failure does not replace an entry that serve_stale may still
 * give: that one is then not refreshed for CACHE_RECHECK_MS.
 */
void cache_insert(struct cache *cache, const struct cache_policy *policy,
		  const struct cache_question *question, const struct dns_reply *reply,
		  uint64_t now_ms);

/* No upstream replied. */
void cache_fail(struct cache *cache, const struct cache_policy *policy,
		const struct cache_question *question, uint64_t now_ms);

/* A reply came that could not be read: counted, no more. */
void cache_drop(struct cache *cache, const struct cache_policy *policy);

/* For dns_reply_write of a reply that just came: what the policy makes of its TTLs. */
struct dns_reply_ttl cache_ttl(const struct cache_policy *policy, const struct dns_reply *reply);

/* What a worker counted for a policy. */
struct cache_counts {
	uint64_t entries[CACHE_N_TYPES]; /* gauges */
	uint64_t hits[CACHE_N_TYPES];
	uint64_t evictions[CACHE_N_TYPES];
	uint64_t requests, misses, prefetches, served_stale, drops;
};

/* Any thread. */
void cache_count(const struct cache *cache, const struct cache_policy *policy,
		 struct cache_counts *counts);

/* Octets that all entries take. Any thread. */
uint64_t cache_bytes(const struct cache *cache);

/* The coredns_cache_* families in both generations and ours, summed over the workers' caches. Any
 * thread. */
void cache_metrics_write(struct cache *const *caches, size_t n_caches,
			 const struct cache_config *config, struct text *page);

#endif
