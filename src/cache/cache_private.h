/* SPDX-License-Identifier: Apache-2.0
 *
 * What cache.c and metrics.c share.
 */
#ifndef KANAME_CACHE_PRIVATE_H
#define KANAME_CACHE_PRIVATE_H

#include "cache/cache.h"
#include "queue.h"

/* Of one policy. */
struct policy_counts {
	uint64_t hits[CACHE_N_TYPES];
	uint64_t requests, misses, prefetches, served_stale, drops;
};

struct cache {
	const struct cache_config *config; /* borrowed */
	uint64_t seed;
	struct entry **buckets; /* owned, n_buckets of them: a power of two */
	size_t n_buckets;
	struct queue *queues;	      /* owned; by policy, then type */
	struct policy_counts *counts; /* owned; by policy */
	uint64_t bytes;		      /* of all entries; a gauge */
	uint64_t n_cuts;	      /* entries that deny what is below them */
};

#endif
