/* SPDX-License-Identifier: Apache-2.0
 *
 * Buckets double when there are as many links; they do not shrink.
 */
#include "hash.h"

#define HASH_BUCKETS_MIN 64

static struct hash_link *find(struct hash_link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct hash_link *hash_first(const struct hash *table, uint64_t hash)
{
	if (table->n == 0)
		return NULL;
	return find(table->buckets[hash & (table->n_buckets - 1)], hash);
}

struct hash_link *hash_next(const struct hash_link *link)
{
	return find(link->next, link->hash);
}

static void push(struct hash *table, struct hash_link *link)
{
	struct hash_link **bucket = &table->buckets[link->hash & (table->n_buckets - 1)];

	link->next = *bucket;
	*bucket = link;
}

static void grow(struct hash *table)
{
	struct hash old = *table;

	table->n_buckets = old.n_buckets ? old.n_buckets * 2 : HASH_BUCKETS_MIN;
	table->buckets = mem_zalloc(table->n_buckets * sizeof(table->buckets[0]));
	for (size_t i = 0; i < old.n_buckets; i++) {
		struct hash_link *next;

		for (struct hash_link *link = old.buckets[i]; link; link = next) {
			next = link->next;
			push(table, link);
		}
	}
	free(old.buckets);
}

void hash_add(struct hash *table, struct hash_link *link, uint64_t hash)
{
	if (table->n == table->n_buckets)
		grow(table);
	link->hash = hash;
	push(table, link);
	table->n++;
}

void hash_remove(struct hash *table, struct hash_link *link)
{
	struct hash_link **at = &table->buckets[link->hash & (table->n_buckets - 1)];

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	table->n--;
}

void hash_fini(struct hash *table)
{
	free(table->buckets);
	*table = (struct hash){0};
}
