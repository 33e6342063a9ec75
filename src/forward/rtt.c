/* SPDX-License-Identifier: Apache-2.0
 *
 * Old samples fade: when the buckets hold SAMPLES_MAX, all are halved.
 */
#include "rtt.h"

#include "base/check.h"

#define SAMPLES_MAX 512u
#define SAMPLES_BETWEEN 16u

/* Bucket of us: 4 * floor(log2 us) and the next two bits. */
static unsigned bucket_of(uint64_t us)
{
	unsigned log2, bucket;

	if (us < 4)
		us = 4;
	log2 = 63u - (unsigned)__builtin_clzll(us);
	bucket = log2 * 4 + (unsigned)(us >> (log2 - 2) & 3);
	return bucket < RTT_BUCKETS ? bucket : RTT_BUCKETS - 1;
}

/* The upper end of a bucket, exclusive. */
static uint64_t bucket_end(unsigned bucket)
{
	return (uint64_t)(4 + bucket % 4 + 1) << (bucket / 4) >> 2;
}

static void compute_p95(struct rtt *rtt)
{
	uint32_t above = rtt->n / 20, seen = 0;
	unsigned bucket = RTT_BUCKETS - 1;

	while (bucket > 0 && seen + rtt->counts[bucket] <= above)
		seen += rtt->counts[bucket--];
	rtt->p95_us = bucket_end(bucket);
	rtt->n_since = 0;
}

static void fade(struct rtt *rtt)
{
	rtt->n = 0;
	for (unsigned i = 0; i < RTT_BUCKETS; i++) {
		rtt->counts[i] /= 2;
		rtt->n += rtt->counts[i];
	}
}

void rtt_observe(struct rtt *rtt, uint64_t us)
{
	if (us == 0)
		us = 1;
	rtt->smoothed_us = rtt->smoothed_us == 0 ? us : (rtt->smoothed_us * 7 + us + 7) / 8;
	rtt->counts[bucket_of(us)]++;
	rtt->n++;
	rtt->n_since++;
	if (rtt->n >= SAMPLES_MAX)
		fade(rtt);
	if (rtt->n >= RTT_SAMPLES_MIN && (rtt->p95_us == 0 || rtt->n_since >= SAMPLES_BETWEEN))
		compute_p95(rtt);
}
