/* SPDX-License-Identifier: Apache-2.0
 *
 * A source without files, for tests: documents go straight into a store and from there to a table,
 * whose dump is compared.
 */
#ifndef KANAME_TESTS_KUBE_WORLD_H
#define KANAME_TESTS_KUBE_WORLD_H

#include "base/rcu.h"
#include "records.h"
#include "split.h"

struct world {
	struct kube_source_config config;
	struct table *table;
	struct store store;
	struct records records;
	struct store_owner owner;
};

static inline void world_init(struct world *world, const struct kube_source_config *config)
{
	*world = (struct world){.config = *config, .owner = {.name = "test"}};
	world->table = table_new();
	store_init(&world->store);
	world->records = (struct records){.config = &world->config, .table = world->table};
}

static inline void world_fini(struct world *world)
{
	store_fini(&world->store);
	table_free(world->table);
}

/* Puts the objects of all documents in text, for the owner. */
static inline void world_put(struct world *world, struct store_owner *owner, const char *text)
{
	struct split split = {0};
	struct object object = {0};
	struct text why = {0};
	enum split_event event;

	split_feed(&split, text, strlen(text));
	while ((event = split_next(&split)) != SPLIT_MORE) {
		CHECK(event != SPLIT_ERROR);
		if (event == SPLIT_DOCUMENT)
			continue;

		const struct object_input input = {split.object.bytes, split.object.len,
						   split.object.is_item, split.kind,
						   split.api_version};
		struct store_owner *other;
		size_t offset;
		enum object_outcome outcome =
			object_decode(&object, &input, &world->config, &why, &offset);

		if (outcome != OBJECT_DECODED && outcome != OBJECT_IGNORED)
			fprintf(stderr, "%s\n", why.bytes);
		CHECK(outcome == OBJECT_DECODED || outcome == OBJECT_IGNORED);
		if (outcome == OBJECT_DECODED)
			(void)store_put(&world->store, owner, &object, &other);
	}
	split_fini(&split);
	object_fini(&object);
	text_fini(&why);
}

static inline void world_publish(struct world *world, uint64_t unix_ms)
{
	records_publish(&world->records, &world->store, unix_ms, true);
}

/* From now on the objects are those of text, and no others: one batch. */
static inline void world_load(struct world *world, const char *text)
{
	world->owner.generation++;
	world->owner.is_complete = false;
	world_put(world, &world->owner, text);
	world->owner.is_complete = true;
	store_sweep(&world->store);
	world_publish(world, 1000);
}

/* The caller frees. */
static inline char *world_dump(const struct world *world)
{
	struct text out = {0};

	text_puts(&out, "");
	rcu_enter();
	table_dump(world->table, &out);
	rcu_leave();
	return out.bytes;
}

#endif
