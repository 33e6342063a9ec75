/* SPDX-License-Identifier: Apache-2.0
 *
 * A fast random generator (SplitMix64) for shuffles and jitter: uniform, seeded from the kernel,
 * not for secrets. One per thread; the owner passes it.
 */
#ifndef KANAME_BASE_RANDOM_H
#define KANAME_BASE_RANDOM_H

#include <stdint.h>
#include <sys/random.h>

#include "base/check.h"

struct random {
	uint64_t state;
};

static inline void random_init(struct random *random)
{
	CHECK(getrandom(&random->state, sizeof(random->state), 0) ==
	      (ssize_t)sizeof(random->state));
}

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, bound); bound > 0. The bias is below bound / 2^32. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)(((random_next(random) >> 32) * bound) >> 32);
}

#endif
