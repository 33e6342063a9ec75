/* SPDX-License-Identifier: Apache-2.0
 *
 * The coredns_cache_* families: names and labels as CoreDNS's `cache` plugin has them (users.md
 * 7.2), coredns_cache_size as it was called before 1.7, and the octets held, which only kaname
 * knows.
 */
#include "base/metrics.h"
#include "cache/cache.h"

static const char *const types[CACHE_N_TYPES] = {"success", "denial"};

/* A counter of struct cache_counts. */
struct family {
	const char *name, *type, *help;
	size_t offset;	/* in struct cache_counts */
	bool has_types; /* one for each enum cache_type */
};

#define AT(member) offsetof(struct cache_counts, member)

static const struct family families[] = {
	{"coredns_cache_entries", "gauge", "The number of elements in the cache.", AT(entries),
	 true},
	{"coredns_cache_size", "gauge", "The same under the name it had before CoreDNS 1.7.",
	 AT(entries), true},
	{"coredns_cache_hits_total", "counter", "The count of cache hits.", AT(hits), true},
	{"coredns_cache_evictions_total", "counter", "The count of cache evictions.", AT(evictions),
	 true},
	{"coredns_cache_requests_total", "counter", "The count of cache requests.", AT(requests),
	 false},
	{"coredns_cache_misses_total", "counter",
	 "The count of cache misses. Deprecated, derive misses from cache hits/requests counters.",
	 AT(misses), false},
	{"coredns_cache_prefetch_total", "counter",
	 "The number of times the cache has prefetched a cached item.", AT(prefetches), false},
	{"coredns_cache_drops_total", "counter",
	 "The number responses that are not cached, because the reply is malformed.", AT(drops),
	 false},
	{"coredns_cache_served_stale_total", "counter",
	 "The number of requests served from stale cache entries.", AT(served_stale), false},
};

static uint64_t read_sum(struct cache *const *caches, size_t n_caches,
			 const struct cache_policy *policy, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n_caches; i++) {
		struct cache_counts counts;
		uint64_t value;

		cache_count(caches[i], policy, &counts);
		memcpy(&value, (const char *)&counts + offset, sizeof(value));
		sum += value;
	}
	return sum;
}

static void write_family(struct text *page, const struct family *family,
			 const struct cache_policy *policy, struct cache *const *caches,
			 size_t n_caches)
{
	for (size_t type = 0; type < (family->has_types ? CACHE_N_TYPES : 1); type++) {
		const struct metrics_label labels[] = {{"server", policy->server_text},
						       {"zones", policy->zones_text},
						       {"view", ""},
						       {"type", types[type]}};
		uint64_t value = read_sum(caches, n_caches, policy,
					  family->offset + type * sizeof(uint64_t));

		metrics_sample(page, family->name, labels, family->has_types ? 4 : 3,
			       (double)value);
	}
}

void cache_metrics_write(struct cache *const *caches, size_t n_caches,
			 const struct cache_config *config, struct text *page)
{
	uint64_t bytes = 0;

	for (size_t f = 0; config->n_policies > 0 && f < ARRAY_LEN(families); f++) {
		metrics_family(page, families[f].name, families[f].type, families[f].help);
		for (size_t i = 0; i < config->n_policies; i++) {
			if (config->policies[i].server_text)
				write_family(page, &families[f], &config->policies[i], caches,
					     n_caches);
		}
	}
	for (size_t i = 0; i < n_caches; i++)
		bytes += cache_bytes(caches[i]);
	metrics_family(page, "kaname_cache_bytes", "gauge", "Octets held by all caches.");
	metrics_sample(page, "kaname_cache_bytes", NULL, 0, (double)bytes);
	metrics_family(page, "kaname_cache_max_bytes", "gauge", "Octets that they may hold.");
	metrics_sample(page, "kaname_cache_max_bytes", NULL, 0,
		       (double)config->max_bytes * (double)n_caches);
}
