/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries, nodes and namespaces, and the links between them.
 */
#include "store.h"

#include <string.h>
#include <xxhash.h>

#include "base/random.h"

void store_init(struct store *store)
{
	struct random random;

	*store = (struct store){0};
	random_init(&random);
	store->seed = random_next(&random);
}

/* Names come from the cluster's tenants: the hash is keyed. */
static uint64_t hash_name(const struct store *store, uint64_t salt, const char *name)
{
	return XXH3_64bits_withSeed(name, strlen(name), store->seed ^ salt);
}

/* ---- dirt ---- */

static void mark_namespace(struct store *store, struct store_namespace *namespace)
{
	if (namespace->is_dirty)
		return;
	namespace->is_dirty = true;
	ARRAY_PUSH(&store->dirty_namespaces, namespace);
}

void store_mark_node(struct store *store, struct store_node *node)
{
	if (node->is_dirty)
		return;
	node->is_dirty = true;
	ARRAY_PUSH(&store->dirty_nodes, node);
}

static void mark_pod(struct store *store, struct store_entry *pod)
{
	if (pod->is_dirty)
		return;
	pod->is_dirty = true;
	ARRAY_PUSH(&store->dirty_pods, pod);
}

void store_mark_namespace(struct store *store, struct store_namespace *namespace)
{
	for (struct store_node *node = namespace->nodes; node; node = node->next)
		store_mark_node(store, node);
	for (struct store_entry *pod = namespace->pods; pod; pod = pod->next)
		mark_pod(store, pod);
}

bool store_is_dirty(const struct store *store)
{
	return store->dirty_nodes.len + store->dirty_pods.len + store->dirty_namespaces.len > 0;
}

/* ---- namespaces and nodes ---- */

static struct store_namespace *find_namespace(const struct store *store, const char *name)
{
	struct hash_link *link = hash_first(&store->namespaces, hash_name(store, 0, name));

	for (; link; link = hash_next(link)) {
		struct store_namespace *namespace = (struct store_namespace *)link;

		if (strcmp(namespace->name, name) == 0)
			return namespace;
	}
	return NULL;
}

/* A new namespace is dirty, so that store_clean looks at it. */
static struct store_namespace *get_namespace(struct store *store, const char *name)
{
	struct store_namespace *namespace = find_namespace(store, name);
	size_t size = strlen(name) + 1;

	if (namespace)
		return namespace;
	namespace = mem_zalloc(sizeof(*namespace) + size);
	memcpy(namespace->name, name, size);
	hash_add(&store->namespaces, &namespace->link, hash_name(store, 0, name));
	mark_namespace(store, namespace);
	return namespace;
}

static struct store_node *get_node(struct store *store, struct store_namespace *namespace,
				   const char *name)
{
	uint64_t hash = hash_name(store, namespace->link.hash, name);
	size_t size = strlen(name) + 1;

	for (struct hash_link *link = hash_first(&store->nodes, hash); link;
	     link = hash_next(link)) {
		struct store_node *node = (struct store_node *)link;

		if (node->namespace == namespace && strcmp(node->name, name) == 0)
			return node;
	}

	struct store_node *node = mem_zalloc(sizeof(*node) + size);

	memcpy(node->name, name, size);
	node->namespace = namespace;
	node->next = namespace->nodes;
	node->from = &namespace->nodes;
	if (node->next)
		node->next->from = &node->next;
	namespace->nodes = node;
	hash_add(&store->nodes, &node->link, hash);
	return node;
}

static void free_node(struct store *store, struct store_node *node)
{
	hash_remove(&store->nodes, &node->link);
	*node->from = node->next;
	if (node->next)
		node->next->from = node->from;
	mark_namespace(store, node->namespace);
	free(node);
}

/* ---- entries: their place in the graph ---- */

static void list_push(struct store_entry **list, struct store_entry *entry)
{
	entry->next = *list;
	entry->from = list;
	if (entry->next)
		entry->next->from = &entry->next;
	*list = entry;
}

static void list_remove(struct store_entry *entry)
{
	*entry->from = entry->next;
	if (entry->next)
		entry->next->from = entry->from;
}

/* What a reader of the graph would see of this entry has changed. */
static void mark_entry(struct store *store, struct store_entry *entry)
{
	switch ((enum object_kind)entry->kind) {
	case OBJECT_SERVICE:
	case OBJECT_SLICE:
	case OBJECT_ENDPOINTS:
		if (entry->node)
			store_mark_node(store, entry->node);
		return;
	case OBJECT_NAMESPACE:
		mark_namespace(store, entry->namespace);
		return;
	case OBJECT_POD:
		mark_pod(store, entry);
		return;
	}
}

/* Counts the entry in or out of its namespace; a hidden one is no reason for it to exist. */
static void count_entry(struct store *store, struct store_entry *entry, int change)
{
	size_t *count;

	if (entry->is_hidden || (entry->kind != OBJECT_SERVICE && entry->kind != OBJECT_POD))
		return;
	count = entry->kind == OBJECT_SERVICE ? &entry->namespace->n_services
					      : &entry->namespace->n_pods;
	*count += (size_t)change;
	mark_namespace(store, entry->namespace);
}

static void link_entry(struct store *store, struct store_entry *entry, const char *service)
{
	struct store_namespace *namespace = entry->namespace;

	switch ((enum object_kind)entry->kind) {
	case OBJECT_SERVICE:
		entry->node = get_node(store, namespace, entry->name);
		entry->node->service = entry;
		break;
	case OBJECT_SLICE:
		entry->node = *service ? get_node(store, namespace, service) : NULL;
		if (entry->node)
			list_push(&entry->node->slices, entry);
		break;
	case OBJECT_ENDPOINTS:
		entry->node = *service ? get_node(store, namespace, service) : NULL;
		if (entry->node)
			entry->node->endpoints = entry;
		break;
	case OBJECT_NAMESPACE:
		namespace
		->object = entry;
		break;
	case OBJECT_POD:
		list_push(&namespace->pods, entry);
		break;
	}
	mark_entry(store, entry);
}

static void unlink_entry(struct store *store, struct store_entry *entry)
{
	mark_entry(store, entry);
	switch ((enum object_kind)entry->kind) {
	case OBJECT_SERVICE:
		entry->node->service = NULL;
		break;
	case OBJECT_SLICE:
		if (entry->node)
			list_remove(entry);
		break;
	case OBJECT_ENDPOINTS:
		if (entry->node)
			entry->node->endpoints = NULL;
		break;
	case OBJECT_NAMESPACE:
		entry->namespace->object = NULL;
		break;
	case OBJECT_POD:
		list_remove(entry);
		break;
	}
}

/* ---- entries ---- */

static const char *namespace_of(const struct object *object)
{
	return object->kind == OBJECT_NAMESPACE ? object->name : object->namespace;
}

static uint64_t hash_entry(const struct store *store, const struct store_namespace *namespace,
			   const struct object *object)
{
	return hash_name(store, namespace->link.hash + 1 + object->kind, object->name);
}

static struct store_entry *find_entry(const struct store *store, const struct object *object)
{
	struct store_namespace *namespace = find_namespace(store, namespace_of(object));
	struct hash_link *link;

	if (!namespace)
		return NULL;
	link = hash_first(&store->entries, hash_entry(store, namespace, object));
	for (; link; link = hash_next(link)) {
		struct store_entry *entry = (struct store_entry *)link;

		if (entry->namespace == namespace && entry->kind == object->kind &&
		    strcmp(entry->name, object->name) == 0)
			return entry;
	}
	return NULL;
}

static struct store_bytes *copy_content(const struct object *object)
{
	struct store_bytes *content;

	if (object->content.len == 0)
		return NULL;
	content = mem_alloc(sizeof(*content) + object->content.len);
	content->len = (uint32_t)object->content.len;
	memcpy(content->bytes, object->content.bytes, object->content.len);
	return content;
}

static bool is_content_equal(const struct store_bytes *content, const struct object *object)
{
	if (!content || object->content.len == 0)
		return !content && object->content.len == 0;
	return content->len == object->content.len &&
	       memcmp(content->bytes, object->content.bytes, content->len) == 0;
}

static void free_content(struct store_entry *entry)
{
	if (entry->kind != OBJECT_POD || entry->content != entry->published)
		free(entry->content);
	entry->content = NULL;
}

static struct store_entry *add_entry(struct store *store, struct store_owner *owner,
				     const struct object *object)
{
	size_t size = strlen(object->name) + 1;
	struct store_entry *entry = mem_zalloc(sizeof(*entry) + size);

	memcpy(entry->name, object->name, size);
	entry->kind = (uint8_t)object->kind;
	entry->namespace = get_namespace(store, namespace_of(object));
	entry->owner = owner;
	entry->is_hidden = object->is_hidden;
	entry->content = copy_content(object);
	hash_add(&store->entries, &entry->link, hash_entry(store, entry->namespace, object));
	link_entry(store, entry, object->service);
	count_entry(store, entry, 1);
	store->n_objects[entry->kind]++;
	entry->namespace->n_entries++;
	owner->n_entries++;
	return entry;
}

/* A pod whose addresses are published is freed once they no longer are: by store_clean. */
static void free_entry(struct store_entry *entry)
{
	free_content(entry);
	if (entry->kind == OBJECT_POD)
		free(entry->published);
	free(entry);
}

static void remove_entry(struct store *store, struct store_entry *entry)
{
	store->n_dropped++;
	if (entry->kind == OBJECT_SLICE)
		departed_note(store, entry->node, entry->content, NULL);
	count_entry(store, entry, -1);
	unlink_entry(store, entry);
	hash_remove(&store->entries, &entry->link);
	store->n_objects[entry->kind]--;
	entry->owner->n_entries--;
	if (--entry->namespace->n_entries == 0)
		mark_namespace(store, entry->namespace);
	if (entry->kind == OBJECT_POD) {
		free_content(entry);
		entry->is_removed = true;
	} else {
		free_entry(entry);
	}
}

static bool is_service_equal(const struct store_entry *entry, const struct object *object)
{
	if (entry->kind != OBJECT_SLICE)
		return true; /* the others' follows from their name */
	return entry->node ? strcmp(entry->node->name, object->service) == 0 : !*object->service;
}

/* Returns whether something has changed. */
static bool change_entry(struct store *store, struct store_entry *entry,
			 const struct object *object)
{
	if (entry->is_hidden == object->is_hidden && is_service_equal(entry, object) &&
	    is_content_equal(entry->content, object))
		return false;
	store->n_dropped++;
	if (entry->kind == OBJECT_SLICE && !object->is_hidden && is_service_equal(entry, object))
		departed_note(store, entry->node, entry->content, &object->content);
	count_entry(store, entry, -1);
	unlink_entry(store, entry);
	entry->is_hidden = object->is_hidden;
	free_content(entry);
	entry->content = copy_content(object);
	link_entry(store, entry, object->service);
	count_entry(store, entry, 1);
	return true;
}

/* Has the owner still got this entry, as far as is known? */
static bool is_stale(const struct store_entry *entry)
{
	return entry->owner->is_complete && entry->generation != entry->owner->generation;
}

static void take_over(struct store_entry *entry, struct store_owner *owner)
{
	entry->owner->n_entries--;
	owner->n_entries++;
	entry->owner = owner;
}

enum store_put store_put(struct store *store, struct store_owner *owner,
			 const struct object *object, struct store_owner **other)
{
	struct store_entry *entry = find_entry(store, object);
	enum store_put outcome = STORE_PUT;
	bool is_changed = true;

	*other = NULL;
	if (!entry) {
		entry = add_entry(store, owner, object);
	} else {
		if (entry->owner != owner && !is_stale(entry)) {
			*other = entry->owner;
			if (entry->owner->rank < owner->rank) {
				owner->has_shadowed = true;
				return STORE_SHADOWED;
			}
			entry->owner->has_shadowed = true;
			outcome = STORE_TAKEN;
		}
		if (entry->owner != owner)
			take_over(entry, owner);
		is_changed = change_entry(store, entry, object);
	}
	entry->generation = owner->generation;
	if (is_changed && entry->kind == OBJECT_SLICE && entry->node &&
	    entry->node->trigger_unix_ms < object->trigger_unix_ms)
		entry->node->trigger_unix_ms = object->trigger_unix_ms;
	return outcome;
}

void store_touch(struct store *store, struct store_owner *owner, const struct object *object)
{
	struct store_entry *entry = find_entry(store, object);

	if (entry && entry->owner == owner)
		entry->generation = owner->generation;
}

void store_remove(struct store *store, const struct store_owner *owner, const struct object *object)
{
	struct store_entry *entry = find_entry(store, object);

	if (entry && entry->owner == owner)
		remove_entry(store, entry);
}

size_t store_sweep(struct store *store)
{
	size_t n = 0;

	for (size_t i = 0; i < store->entries.n_buckets; i++) {
		struct hash_link *next;

		for (struct hash_link *link = store->entries.buckets[i]; link; link = next) {
			struct store_entry *entry = (struct store_entry *)link;

			next = link->next;
			if (!is_stale(entry))
				continue;
			remove_entry(store, entry);
			n++;
		}
	}
	return n;
}

/* ---- the end of a batch ---- */

void store_clean(struct store *store)
{
	for (size_t i = 0; i < store->dirty_nodes.len; i++) {
		struct store_node *node = store->dirty_nodes.items[i];

		node->is_dirty = false;
		node->trigger_unix_ms = 0;
		if (!node->service && !node->endpoints && !node->slices && !node->departed)
			free_node(store, node);
	}
	for (size_t i = 0; i < store->dirty_pods.len; i++) {
		struct store_entry *pod = store->dirty_pods.items[i];

		pod->is_dirty = false;
		if (pod->is_removed)
			free_entry(pod);
	}
	for (size_t i = 0; i < store->dirty_namespaces.len; i++) {
		struct store_namespace *namespace = store->dirty_namespaces.items[i];

		namespace->is_dirty = false;
		if (namespace->n_entries > 0 || namespace->nodes)
			continue;
		hash_remove(&store->namespaces, &namespace->link);
		free(namespace);
	}
	ARRAY_FINI(&store->dirty_nodes);
	ARRAY_FINI(&store->dirty_pods);
	ARRAY_FINI(&store->dirty_namespaces);
}

void store_fini(struct store *store)
{
	store->linger_ms = 0;
	store_expire(store, UINT64_MAX);
	for (size_t i = 0; i < store->entries.n_buckets; i++) {
		while (store->entries.buckets[i])
			remove_entry(store, (struct store_entry *)store->entries.buckets[i]);
	}
	store_clean(store);
	hash_fini(&store->entries);
	hash_fini(&store->nodes);
	hash_fini(&store->namespaces);
}
