/* SPDX-License-Identifier: Apache-2.0
 *
 * A lock-free hash of entries by key: liburcu's cds_lfht (QSBR) under the few words that the table
 * needs, and the garbage of what was replaced. An entry is one malloc: header, key, and behind the
 * key what its owner keeps there; immutable once published, but for `n` of a counted entry, which
 * only the writer reads.
 *
 * Readers: index_find, index_first, index_next, between rcu_enter and rcu_leave. Writer: the rest;
 * index_put and index_remove between them too, index_fit and garbage_collect while out.
 */
#ifndef KANAME_TABLE_INDEX_H
#define KANAME_TABLE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include "base/array.h"

struct entry {
	struct cds_lfht_node link;
	uint32_t n; /* a service: octets of all; an address: its pointers; counted: reasons */
	uint8_t key_len;
	uint8_t key[];
};

/* Octets from the entry's start to what lies behind its key. */
static inline size_t entry_rest_at(size_t key_len)
{
	return offsetof(struct entry, key) + key_len;
}

/* size_bytes in all, with the key copied and the rest not initialised. */
struct entry *entry_new(const uint8_t *key, size_t key_len, uint32_t n, size_t size_bytes);

struct index {
	struct cds_lfht *hash; /* owned */
	uint64_t seed;
	size_t n;	  /* of the writer */
	size_t n_buckets; /* of the writer */
};

/* What readers may still look at. Zeroed memory is empty. */
struct garbage {
	ARRAY(struct entry *) entries; /* owned */
	size_t size_bytes;
};

void index_init(struct index *index, uint64_t seed);
/* Frees the entries too. Nobody else may be left. Out of RCU. */
void index_fini(struct index *index);

struct entry *index_find(const struct index *index, const uint8_t *key, size_t key_len);

struct entry *index_first(const struct index *index, struct cds_lfht_iter *iter);
struct entry *index_next(const struct index *index, struct cds_lfht_iter *iter);

/* Publishes an entry, in place of the one with the same key, which becomes garbage. */
void index_put(struct index *index, struct entry *entry, struct garbage *garbage);
void index_remove(struct index *index, struct entry *entry, struct garbage *garbage);

/* Counted entries: a set of keys with the number of reasons for each. Whether the set changed. */
bool index_count_up(struct index *index, const uint8_t *key, size_t key_len);
bool index_count_down(struct index *index, const uint8_t *key, size_t key_len,
		      struct garbage *garbage);

/* Adapts the number of buckets to the number of entries: load 1/2 to 2 while growing, and when it
 * may shrink (which waits for grace periods) not below 1/4. */
void index_fit(struct index *index, bool may_shrink);

/* Waits for a grace period and frees, if there is garbage of at least least_bytes. */
void garbage_collect(struct garbage *garbage, size_t least_bytes);

#endif
