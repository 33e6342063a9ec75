/* SPDX-License-Identifier: Apache-2.0
 *
 * Per-thread counters and histograms. The owning thread alone adds; any thread may read at any time
 * and sums over the owners. A counter is a plain uint64_t: on x86 and arm64 the relaxed store
 * compiles to a plain one, so counting costs no lock.
 */
#ifndef KANAME_BASE_COUNTER_H
#define KANAME_BASE_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 20

/* Owner only. */
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void counter_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Ascending upper bounds (inclusive, as Prometheus' "le") in the unit that is observed: ns or
 * bytes. */
struct histogram_bounds {
	size_t n; /* at most HISTOGRAM_BOUNDS_MAX */
	uint64_t le[HISTOGRAM_BOUNDS_MAX];
};

struct histogram {
	uint64_t sum;
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative; [bounds->n] is +Inf */
};

/* Owner only. `value` in the unit of `bounds`. */
static inline void histogram_observe(struct histogram *histogram,
				     const struct histogram_bounds *bounds, uint64_t value)
{
	size_t i = 0;

	while (i < bounds->n && value > bounds->le[i])
		i++;
	counter_add(&histogram->counts[i], 1);
	counter_add(&histogram->sum, value);
}

/* Any thread: adds what `from` holds to `sum`, which belongs to the caller. */
static inline void histogram_merge(struct histogram *sum, const struct histogram *from)
{
	sum->sum += counter_read(&from->sum);
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		sum->counts[i] += counter_read(&from->counts[i]);
}

#endif
