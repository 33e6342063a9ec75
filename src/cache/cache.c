/* SPDX-License-Identifier: Apache-2.0
 *
 * One allocation an entry: its times, the packed reply, and the key, which is the packed reply's
 * own question. A hash table of chains, whose size follows from the bound of octets and never
 * changes, and the queues that evict.
 *
 * The life of an entry: inserted, FRESH until its TTL is over; then STALE while its policy's
 * serve_stale lasts; then it is found no more, and goes when it is met or evicted. A refresh is
 * asked for by the hit that makes it due and is due no more until it ended or was forgotten.
 */
#include <malloc.h>
#include <stddef.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/counter.h"
#include "cache_private.h"

#define BYTES_PER_BUCKET 256 /* of the bound: about an entry */
#define ENTRY_SHARE_MAX 8    /* an entry may take this part of the bound */

struct cache *cache_new(const struct cache_config *config)
{
	struct cache *cache = mem_zalloc(sizeof(*cache));
	struct random random;

	random_init(&random);
	cache->config = config;
	cache->seed = random_next(&random);
	cache->n_buckets = 64;
	while (cache->n_buckets * BYTES_PER_BUCKET < config->max_bytes)
		cache->n_buckets *= 2;
	cache->buckets = mem_zalloc(cache->n_buckets * sizeof(cache->buckets[0]));
	cache_prepare(cache, config);
	cache_switch(cache, &(struct cache_switch){.config = config});
	return cache;
}

/* ---- entries ------------------------------------------------------------------------- */

static uint64_t hash_of(const struct cache *cache, const struct cache_question *question)
{
	uint64_t rest = (uint64_t)question->group << 34 ^ (uint64_t)question->has_do << 33 ^
			(uint64_t)question->has_cd << 32 ^ (uint64_t)question->class << 16 ^
			question->type;

	return XXH3_64bits_withSeed(question->name.wire, question->name.len,
				    cache->seed ^ rest * 0x9e3779b97f4a7c15u);
}

static bool is_of(const struct entry *entry, const struct cache_question *question)
{
	const uint8_t *at = entry->reply.wire + DNS_HEADER_SIZE;
	size_t len = question->name.len;

	if (entry->group != question->group || entry->has_do != question->has_do ||
	    entry->has_cd != question->has_cd || entry->reply.body != DNS_HEADER_SIZE + len + 4)
		return false;
	return memcmp(at, question->name.wire, len) == 0 &&
	       (at[len] << 8 | at[len + 1]) == question->type &&
	       (at[len + 2] << 8 | at[len + 3]) == question->class;
}

static struct entry **bucket_of(const struct cache *cache, uint64_t hash)
{
	return &cache->buckets[hash & (cache->n_buckets - 1)];
}

static struct entry *get_entry(const struct cache *cache, const struct cache_question *question,
			       uint64_t hash)
{
	struct entry *entry = *bucket_of(cache, hash);

	while (entry && (entry->hash != hash || !is_of(entry, question)))
		entry = entry->next;
	return entry;
}

void cache_remove(struct cache *cache, struct entry *entry)
{
	struct entry **at = bucket_of(cache, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	queue_remove(entry->queue, &entry->link);
	counter_set(&entry->queue->bytes, entry->queue->bytes - entry->bytes);
	counter_set(&cache->bytes, cache->bytes - entry->bytes);
	cache->n_cuts -= entry->is_cut;
	free(entry);
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->n_buckets; i++) {
		while (cache->buckets[i])
			cache_remove(cache, cache->buckets[i]);
	}
	free(cache->buckets);
	for (size_t i = 0; i < CACHE_POLICIES_MAX; i++)
		free(cache->states[i]);
	free(cache);
}

static size_t aligned(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* A copy of the packed reply in an allocation of its own. */
static struct entry *new_entry(const struct dns_reply *reply)
{
	size_t wire = aligned(reply->len), ttls = aligned(reply->n_records * sizeof(uint16_t));
	size_t runs = reply->n_runs * sizeof(struct dns_reply_run);
	struct entry *entry = mem_alloc(sizeof(*entry) + wire + ttls + runs);
	uint8_t *at = entry->payload;

	memset(entry, 0, sizeof(*entry));
	entry->reply = *reply;
	memcpy(at, reply->wire, reply->len);
	entry->reply.wire = at;
	at += wire;
	memcpy(at, reply->ttls, reply->n_records * sizeof(uint16_t));
	entry->reply.ttls = (const uint16_t *)(const void *)at;
	at += ttls;
	memcpy(at, reply->runs, runs);
	entry->reply.runs = (const struct dns_reply_run *)(const void *)at;
	entry->bytes = (uint32_t)malloc_usable_size(entry) + (uint32_t)sizeof(size_t);
	return entry;
}

void cache_evict(struct cache *cache, struct queue *queue)
{
	struct queue_link *victim = queue_victim(queue);

	CHECK(victim);
	counter_add(&queue->evictions, 1);
	cache_remove(cache, ENTRY_OF(victim));
}

/* The queue that holds the most octets: a flood of one kind costs that kind. */
static struct queue *largest_queue(struct cache *cache)
{
	struct queue *largest = NULL;

	for (size_t i = 0; i < cache->config->n_policies * CACHE_N_TYPES; i++) {
		struct policy_state *state = cache->states[i / CACHE_N_TYPES];
		struct queue *queue = state ? &state->queues[i % CACHE_N_TYPES] : NULL;

		if (queue && (!largest || queue->bytes > largest->bytes))
			largest = queue;
	}
	return largest;
}

void cache_make_room(struct cache *cache, size_t bytes)
{
	while (cache->bytes > 0 && cache->bytes + bytes > cache->config->max_bytes)
		cache_evict(cache, largest_queue(cache));
}

/*
 * A denial of this very name that was validated (AD): others are no proof (RFC 8020 6), for servers
 * that deny a name with names below it are still about. Who asks with DO wants its own proof.
 */
static bool is_cut(const struct entry *entry)
{
	const struct dns_reply *reply = &entry->reply;

	return reply->kind == DNS_REPLY_NXDOMAIN && reply->counts[0] == 0 && reply->has_soa &&
	       (reply->flags & DNS_FLAG_AD) && !entry->has_do;
}

static void add_entry(struct cache *cache, struct queue *queue, struct entry *entry)
{
	struct entry **bucket = bucket_of(cache, entry->hash);

	while (queue->n > 0 && queue->n >= queue->capacity)
		cache_evict(cache, queue);
	cache_make_room(cache, entry->bytes);
	entry->next = *bucket;
	*bucket = entry;
	entry->queue = queue;
	queue_add(queue, &entry->link);
	counter_add(&queue->bytes, entry->bytes);
	counter_add(&cache->bytes, entry->bytes);
	entry->is_cut = is_cut(entry);
	cache->n_cuts += entry->is_cut;
}

/* ---- what may be kept, and for how long ---------------------------------------------- */

static bool has_name(const struct cache_zones *zones, const struct dns_name *name)
{
	if (zones->is_all)
		return true;
	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]))
			return true;
	}
	return false;
}

bool cache_takes(const struct cache_policy *policy, enum cache_type type,
		 const struct dns_name *name)
{
	const struct cache_limits *limits = &policy->limits[type];

	return limits->capacity > 0 && has_name(&policy->zones, name) &&
	       !has_name(&limits->disabled, name);
}

static enum cache_type type_of(const struct dns_reply *reply)
{
	return reply->kind == DNS_REPLY_SUCCESS ? CACHE_SUCCESS : CACHE_DENIAL;
}

static uint32_t clamp(const struct cache_limits *limits, uint32_t ttl_s)
{
	if (ttl_s > limits->ttl_max_s)
		ttl_s = limits->ttl_max_s;
	return ttl_s < limits->ttl_min_s ? limits->ttl_min_s : ttl_s;
}

/* How long a reply is good for; 0: not at all. */
static uint32_t lifetime_s(const struct cache_policy *policy, const struct dns_reply *reply)
{
	const struct cache_limits *limits = &policy->limits[type_of(reply)];

	if (reply->flags & DNS_FLAG_TC)
		return 0;
	switch ((enum dns_reply_kind)reply->kind) {
	case DNS_REPLY_SUCCESS:
		return clamp(limits, reply->ttl_s);
	case DNS_REPLY_NODATA:
	case DNS_REPLY_NXDOMAIN:
		if (!reply->has_soa)
			return 0;
		return clamp(limits,
			     reply->soa_ttl_s < reply->ttl_s ? reply->soa_ttl_s : reply->ttl_s);
	case DNS_REPLY_REFERRAL:
		return 0;
	case DNS_REPLY_FAILURE:
		break;
	}
	return reply->rcode == DNS_RCODE_SERVFAIL ? policy->servfail_s : 0;
}

/* A negative answer's SOA tells the lifetime (RFC 2308 5). */
struct dns_reply_ttl cache_ttl(const struct cache_policy *policy, const struct dns_reply *reply)
{
	const struct cache_limits *limits = &policy->limits[type_of(reply)];
	struct dns_reply_ttl ttl = {.floor_s = limits->ttl_min_s, .cap_s = limits->ttl_max_s};

	if (reply->has_soa && type_of(reply) == CACHE_DENIAL) {
		uint32_t lifetime = clamp(limits, reply->soa_ttl_s);

		if (lifetime < ttl.cap_s)
			ttl.cap_s = lifetime;
	}
	return ttl;
}

/* ---- finding ------------------------------------------------------------------------- */

/* Is a refresh due with this hit? Then not again until it ended or is forgotten. */
static bool take_refresh(struct entry *entry, bool is_due, uint64_t now_ms)
{
	if (!is_due || now_ms < entry->refresh_ms)
		return false;
	entry->refresh_ms = now_ms + CACHE_REFRESH_MS;
	return true;
}

static bool is_prefetch_due(const struct cache_policy *policy, struct entry *entry, uint64_t now_ms)
{
	uint64_t left_ms = entry->fresh_ms - now_ms;

	if (policy->prefetch_amount == 0)
		return false;
	if (now_ms - entry->last_hit_ms > policy->prefetch_gap_ms)
		entry->hits = 0;
	entry->hits++;
	entry->last_hit_ms = now_ms;
	return entry->hits >= policy->prefetch_amount &&
	       (left_ms <= 1000 ||
		left_ms * 100 <= (uint64_t)entry->ttl_s * 1000 * policy->prefetch_percent);
}

static void lend(const struct cache_policy *policy, const struct entry *entry, uint64_t now_ms,
		 struct cache_found *found)
{
	found->reply = entry->reply;
	found->ttl = cache_ttl(policy, &entry->reply);
	if (!policy->keeps_ttl)
		found->ttl.age_s = (uint32_t)((now_ms - entry->inserted_ms) / 1000);
}

static void lend_stale(struct cache *cache, const struct cache_policy *policy, struct entry *entry,
		       struct cache_found *found)
{
	found->reply = entry->reply;
	found->ttl = (struct dns_reply_ttl){.is_fixed = true, .fixed_s = policy->stale_ttl_s};
	found->wants_refresh = false;
	entry->link.is_visited = true;
	counter_add(&state_of(cache, policy)->counts.served_stale, 1);
}

/* The entry's TTL is over, its time to be stale is not. */
static enum cache_outcome find_expired(struct cache *cache, const struct cache_policy *policy,
				       struct entry *entry, uint64_t now_ms,
				       struct cache_found *found)
{
	/* While a refresh is under way or failed a short while ago, nothing is verified. */
	if (policy->stale == CACHE_STALE_VERIFY && now_ms >= entry->refresh_ms)
		return CACHE_VERIFY;
	lend_stale(cache, policy, entry, found);
	found->wants_refresh = take_refresh(entry, true, now_ms);
	return CACHE_HIT_STALE;
}

static enum cache_outcome find_entry(struct cache *cache, const struct cache_policy *policy,
				     struct entry *entry, uint64_t now_ms,
				     struct cache_found *found)
{
	if (!entry)
		return CACHE_MISS;
	if (now_ms < entry->fresh_ms) {
		entry->link.is_visited = true;
		lend(policy, entry, now_ms, found);
		found->wants_refresh =
			take_refresh(entry, is_prefetch_due(policy, entry, now_ms), now_ms);
		if (found->wants_refresh)
			counter_add(&state_of(cache, policy)->counts.prefetches, 1);
		return CACHE_HIT;
	}
	if (now_ms < entry->stale_ms)
		return find_expired(cache, policy, entry, now_ms, found);
	cache_remove(cache, entry);
	return CACHE_MISS;
}

enum cache_outcome cache_find(struct cache *cache, const struct cache_policy *policy,
			      const struct cache_question *question, uint64_t now_ms,
			      struct cache_found *found)
{
	struct policy_counts *counts = &state_of(cache, policy)->counts;
	struct entry *entry = get_entry(cache, question, hash_of(cache, question));
	enum cache_outcome outcome = find_entry(cache, policy, entry, now_ms, found);

	counter_add(&counts->requests, 1);
	if (outcome == CACHE_HIT || outcome == CACHE_HIT_STALE)
		counter_add(&counts->hits[entry->type], 1);
	else
		counter_add(&counts->misses, 1);
	return outcome;
}

bool cache_find_above(struct cache *cache, const struct cache_policy *policy,
		      const struct cache_question *question, uint64_t now_ms,
		      struct cache_found *found)
{
	const struct dns_name *name = &question->name;
	struct cache_question above = *question;

	if (LIKELY(cache->n_cuts == 0))
		return false;
	for (unsigned i = 1; i < name->n_labels; i++) {
		size_t at = name->offsets[i];
		struct entry *entry;

		if (dns_name_from_wire(&above.name, name->wire + at, name->len - at) != 0)
			return false;
		entry = get_entry(cache, &above, hash_of(cache, &above));
		if (!entry || !entry->is_cut || now_ms >= entry->fresh_ms)
			continue;
		entry->link.is_visited = true;
		lend(policy, entry, now_ms, found);
		found->wants_refresh = false;
		return true;
	}
	return false;
}

bool cache_find_stale(struct cache *cache, const struct cache_policy *policy,
		      const struct cache_question *question, uint64_t now_ms,
		      struct cache_found *found)
{
	struct entry *entry = get_entry(cache, question, hash_of(cache, question));

	if (!entry || now_ms >= entry->stale_ms)
		return false;
	lend_stale(cache, policy, entry, found);
	return true;
}

/* ---- inserting ----------------------------------------------------------------------- */

/* The upstreams failed: what may still be given is not asked for again too soon. */
static void postpone(struct entry *entry, uint64_t now_ms)
{
	entry->refresh_ms = now_ms + CACHE_RECHECK_MS;
}

void cache_fail(struct cache *cache, const struct cache_policy *policy,
		const struct cache_question *question, uint64_t now_ms)
{
	struct entry *entry = get_entry(cache, question, hash_of(cache, question));

	if (entry)
		postpone(entry, now_ms);
}

/* Does a failed reply leave the entry alone? Only what is no failure itself was given a time to be
 * stale. */
static bool outlives_failure(const struct entry *entry, uint64_t now_ms)
{
	return entry->reply.kind != DNS_REPLY_FAILURE &&
	       (now_ms < entry->fresh_ms || now_ms < entry->stale_ms);
}

void cache_set_stale(struct entry *entry, const struct cache_policy *policy)
{
	entry->stale_ms = entry->fresh_ms;
	if (policy->stale != CACHE_STALE_OFF && entry->reply.kind != DNS_REPLY_FAILURE)
		entry->stale_ms += (uint64_t)policy->stale_s * 1000;
}

static void set_times(struct entry *entry, const struct cache_policy *policy, uint32_t ttl_s,
		      uint64_t now_ms)
{
	entry->ttl_s = ttl_s;
	entry->inserted_ms = now_ms;
	entry->fresh_ms = now_ms + (uint64_t)ttl_s * 1000;
	cache_set_stale(entry, policy);
}

void cache_insert(struct cache *cache, const struct cache_policy *policy,
		  const struct cache_question *question, const struct dns_reply *reply,
		  uint64_t now_ms)
{
	uint64_t hash = hash_of(cache, question);
	struct entry *old = get_entry(cache, question, hash), *entry;
	enum cache_type type = type_of(reply);
	uint32_t ttl_s = lifetime_s(policy, reply);
	uint32_t hits = old ? old->hits : 0;
	uint64_t last_hit_ms = old ? old->last_hit_ms : 0;

	if (old && reply->kind == DNS_REPLY_FAILURE && outlives_failure(old, now_ms)) {
		postpone(old, now_ms);
		return;
	}
	if (old)
		cache_remove(cache, old);
	if (ttl_s == 0 || !cache_takes(policy, type, &question->name))
		return;
	entry = new_entry(reply);
	if (entry->bytes > cache->config->max_bytes / ENTRY_SHARE_MAX) {
		free(entry);
		return;
	}
	entry->hash = hash;
	entry->group = question->group;
	entry->has_do = question->has_do;
	entry->has_cd = question->has_cd;
	entry->type = (uint8_t)type;
	entry->hits = hits;
	entry->last_hit_ms = last_hit_ms;
	set_times(entry, policy, ttl_s, now_ms);
	add_entry(cache, &state_of(cache, policy)->queues[type], entry);
}

void cache_drop(struct cache *cache, const struct cache_policy *policy)
{
	counter_add(&state_of(cache, policy)->counts.drops, 1);
}

/* ---- counts -------------------------------------------------------------------------- */

void cache_count(const struct cache *cache, const struct cache_policy *policy,
		 struct cache_counts *counts)
{
	const struct policy_state *state =
		__atomic_load_n(&cache->states[policy->index], __ATOMIC_ACQUIRE);
	const struct policy_counts *from = &state->counts;

	for (size_t type = 0; type < CACHE_N_TYPES; type++) {
		const struct queue *queue = &state->queues[type];

		counts->entries[type] = counter_read(&queue->n);
		counts->evictions[type] = counter_read(&queue->evictions);
		counts->hits[type] = counter_read(&from->hits[type]);
	}
	counts->requests = counter_read(&from->requests);
	counts->misses = counter_read(&from->misses);
	counts->prefetches = counter_read(&from->prefetches);
	counts->served_stale = counter_read(&from->served_stale);
	counts->drops = counter_read(&from->drops);
}

uint64_t cache_bytes(const struct cache *cache)
{
	return counter_read(&cache->bytes);
}
