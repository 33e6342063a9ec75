/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that nobody can guess, for IDs, the case of names, and probes: the kernel's, taken by the
 * page (base/random.h is for choices that may be guessed). The loop's thread.
 */
#ifndef KANAME_FORWARD_ENTROPY_H
#define KANAME_FORWARD_ENTROPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

#define ENTROPY_POOL 256u /* getrandom gives as many at once without being interrupted */

struct entropy {
	size_t left; /* unused bytes at the end of the pool */
	uint8_t pool[ENTROPY_POOL];
};

static inline uint64_t entropy_u64(struct entropy *entropy)
{
	uint64_t value;

	if (entropy->left < sizeof(value)) {
		CHECK(getrandom(entropy->pool, ENTROPY_POOL, 0) == (ssize_t)ENTROPY_POOL);
		entropy->left = ENTROPY_POOL;
	}
	entropy->left -= sizeof(value);
	memcpy(&value, entropy->pool + entropy->left, sizeof(value));
	return value;
}

#endif
