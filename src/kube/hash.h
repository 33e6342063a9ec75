/* SPDX-License-Identifier: Apache-2.0
 *
 * An intrusive chained hash table: a struct hash_link is the first member of what is kept. Zeroed
 * memory is an empty table. The caller hashes and compares. One thread at a time.
 */
#ifndef KANAME_KUBE_HASH_H
#define KANAME_KUBE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct hash_link {
	struct hash_link *next; /* in the bucket */
	uint64_t hash;
};

struct hash {
	struct hash_link **buckets; /* owned; NULL while empty */
	size_t n_buckets;	    /* a power of two */
	size_t n;
};

/* The first link with this hash; hash_next gives the others. NULL: none. */
struct hash_link *hash_first(const struct hash *table, uint64_t hash);
struct hash_link *hash_next(const struct hash_link *link);

void hash_add(struct hash *table, struct hash_link *link, uint64_t hash);
void hash_remove(struct hash *table, struct hash_link *link);
/* Frees the table, not what is in it. */
void hash_fini(struct hash *table);

#endif
