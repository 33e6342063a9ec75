/* SPDX-License-Identifier: Apache-2.0
 *
 * What the round-trip times of an upstream have been: smoothed as TCP does (RFC 6298, section 2),
 * and their 95th percentile over the last few hundred, which says when an answer is late. No clock.
 * One thread.
 */
#ifndef KANAME_FORWARD_RTT_H
#define KANAME_FORWARD_RTT_H

#include <stdint.h>

#define RTT_BUCKETS 96

struct rtt {
	uint64_t smoothed_us; /* 0: none was observed yet */
	uint64_t p95_us;      /* rounded up by at most a quarter; 0: fewer than RTT_SAMPLES_MIN */
	uint32_t n;	      /* samples in counts */
	uint32_t n_since;     /* samples since p95_us was computed */
	uint16_t counts[RTT_BUCKETS]; /* four buckets for each power of two microseconds */
};

#define RTT_SAMPLES_MIN 16u

void rtt_observe(struct rtt *rtt, uint64_t us);

#endif
