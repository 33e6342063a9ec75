/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash of things that are numbered as they come, 0, 1, ...: what they are is kept by who numbers
 * them. Open addressing with at most three of four slots taken; a slot holds 32 bits of the hash,
 * so that what is not there costs one cache line. Zeroed memory is an empty hash. Built by one
 * thread, then read by any.
 */
#ifndef KANAME_QUERY_SLOTS_H
#define KANAME_QUERY_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct slot {
	uint32_t hash;
	uint32_t number; /* and 1; 0: free */
};

struct slots {
	struct slot *items; /* owned */
	uint32_t mask;	    /* how many there are, less 1 */
	uint32_t n;	    /* taken */
};

/* The next thing that has this hash. *at is the hash at first, and then where the last one was.
 * False: there are no more. */
static inline bool slots_next(const struct slots *slots, uint32_t hash, uint32_t *at,
			      uint32_t *number)
{
	if (UNLIKELY(!slots->items))
		return false;
	for (;;) {
		const struct slot *slot = &slots->items[(*at)++ & slots->mask];

		if (slot->number == 0)
			return false;
		if (slot->hash == hash) {
			*number = slot->number - 1;
			return true;
		}
	}
}

/* Takes a slot for the next number, and returns that. */
uint32_t slots_add(struct slots *slots, uint32_t hash);

void slots_fini(struct slots *slots);

#endif
