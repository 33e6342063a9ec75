/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash of the table's entries (index.h). liburcu orders publishing before finding and finding
 * before freeing; ThreadSanitizer does not see that and is told in publish, in match and in the
 * walk, which together with base/rcu.c covers every use.
 */
#include "index.h"

#include <malloc.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/rcu.h"
#include "base/tsan.h"

#define N_BUCKETS_MIN 64u
#define N_BUCKETS_MAX (1u << 22) /* 64 MiB of address space; memory only for those in use */

_Static_assert(offsetof(struct entry, link) == 0, "entry_of");

struct key {
	const uint8_t *bytes;
	size_t len;
};

static struct entry *entry_of(struct cds_lfht_node *link)
{
	return (struct entry *)(void *)link; /* NULL stays NULL */
}

static unsigned long hash_key(const struct index *index, const uint8_t *key, size_t key_len)
{
	return XXH3_64bits_withSeed(key, key_len, index->seed);
}

static int match_key(struct cds_lfht_node *link, const void *arg)
{
	const struct key *key = arg;
	struct entry *entry = entry_of(link);

	TSAN_ACQUIRE(entry);
	return entry->key_len == key->len && memcmp(entry->key, key->bytes, key->len) == 0;
}

struct entry *entry_new(const uint8_t *key, size_t key_len, uint32_t n, size_t size_bytes)
{
	struct entry *entry;

	CHECK(key_len <= UINT8_MAX && size_bytes >= entry_rest_at(key_len));
	entry = mem_alloc(size_bytes > sizeof(*entry) ? size_bytes : sizeof(*entry));
	cds_lfht_node_init(&entry->link);
	entry->n = n;
	entry->key_len = (uint8_t)key_len;
	memcpy(entry->key, key, key_len);
	return entry;
}

void index_init(struct index *index, uint64_t seed)
{
	*index = (struct index){.seed = seed, .n_buckets = N_BUCKETS_MIN};
	index->hash = cds_lfht_new_flavor(N_BUCKETS_MIN, N_BUCKETS_MIN, N_BUCKETS_MAX, 0,
					  &urcu_qsbr_flavor, NULL);
	CHECK(index->hash != NULL);
}

void index_fini(struct index *index)
{
	struct cds_lfht_iter iter;
	struct entry *entry;
	struct garbage garbage = {0};

	rcu_enter();
	for (entry = index_first(index, &iter); entry; entry = index_next(index, &iter))
		index_remove(index, entry, &garbage);
	rcu_leave();
	garbage_collect(&garbage, 0);
	ARRAY_FINI(&garbage.entries);
	CHECK(cds_lfht_destroy(index->hash, NULL) == 0);
}

struct entry *index_find(const struct index *index, const uint8_t *key, size_t key_len)
{
	struct key wanted = {key, key_len};
	struct cds_lfht_iter iter;

	cds_lfht_lookup(index->hash, hash_key(index, key, key_len), match_key, &wanted, &iter);
	return entry_of(cds_lfht_iter_get_node(&iter));
}

static struct entry *walk_to(struct cds_lfht_iter *iter)
{
	struct entry *entry = entry_of(cds_lfht_iter_get_node(iter));

	if (entry)
		TSAN_ACQUIRE(entry);
	return entry;
}

struct entry *index_first(const struct index *index, struct cds_lfht_iter *iter)
{
	cds_lfht_first(index->hash, iter);
	return walk_to(iter);
}

struct entry *index_next(const struct index *index, struct cds_lfht_iter *iter)
{
	cds_lfht_next(index->hash, iter);
	return walk_to(iter);
}

static void discard(struct garbage *garbage, struct entry *entry)
{
	garbage->size_bytes += malloc_usable_size(entry);
	ARRAY_PUSH(&garbage->entries, entry);
}

void index_put(struct index *index, struct entry *entry, struct garbage *garbage)
{
	struct key key = {entry->key, entry->key_len};
	struct cds_lfht_node *old;

	TSAN_RELEASE(entry);
	old = cds_lfht_add_replace(index->hash, hash_key(index, key.bytes, key.len), match_key,
				   &key, &entry->link);
	if (old)
		discard(garbage, entry_of(old));
	else
		index->n++;
}

void index_remove(struct index *index, struct entry *entry, struct garbage *garbage)
{
	CHECK(cds_lfht_del(index->hash, &entry->link) == 0);
	index->n--;
	discard(garbage, entry);
}

bool index_count_up(struct index *index, const uint8_t *key, size_t key_len)
{
	struct entry *entry = index_find(index, key, key_len);

	if (entry) {
		entry->n++;
		return false;
	}
	index_put(index, entry_new(key, key_len, 1, entry_rest_at(key_len)), NULL);
	return true;
}

bool index_count_down(struct index *index, const uint8_t *key, size_t key_len,
		      struct garbage *garbage)
{
	struct entry *entry = index_find(index, key, key_len);

	CHECK(entry != NULL && entry->n > 0);
	if (--entry->n > 0)
		return false;
	index_remove(index, entry, garbage);
	return true;
}

void index_fit(struct index *index, bool may_shrink)
{
	size_t n_buckets = N_BUCKETS_MIN;
	bool is_small = index->n > 2 * index->n_buckets && index->n_buckets < N_BUCKETS_MAX;
	bool is_large = index->n < index->n_buckets / 4 && index->n_buckets > N_BUCKETS_MIN;

	if (!is_small && !(is_large && may_shrink))
		return;
	while (n_buckets < index->n && n_buckets < N_BUCKETS_MAX)
		n_buckets *= 2;
	cds_lfht_resize(index->hash, n_buckets);
	index->n_buckets = n_buckets;
}

void garbage_collect(struct garbage *garbage, size_t least_bytes)
{
	if (garbage->entries.len == 0 || garbage->size_bytes < least_bytes)
		return;
	rcu_wait();
	for (size_t i = 0; i < garbage->entries.len; i++)
		free(garbage->entries.items[i]);
	garbage->entries.len = 0;
	garbage->size_bytes = 0;
}
