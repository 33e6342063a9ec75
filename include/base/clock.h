/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock as a value: the asynchronous shell reads it once per batch and passes it down. Nothing
 * up to and including query/ calls these. Any thread.
 */
#ifndef KANAME_BASE_CLOCK_H
#define KANAME_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns_of(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

/* Nanoseconds that never go back. */
static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return clock_ns_of(&now);
}

/* Unix time in milliseconds. */
static inline uint64_t clock_unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

#endif
