/* SPDX-License-Identifier: Apache-2.0
 *
 * PTR blocks (pointers.h): the difference between two versions of a service is collected by walking
 * both in the order of their labels and addresses, sorted by address, and merged into the block of
 * each address that it touches. Cannot fail.
 */
#include "pointers.h"

#define NAME_HEAD 2			       /* rank, length */
#define NAME_MAX_LEN (3 * (1 + DNS_LABEL_MAX)) /* HOST, SVC, NS */

/* One host of a service, or the service itself, as far as pointers go. */
struct owner {
	const uint8_t *label;
	uint8_t rank;
	struct table_addresses v4, v6;
};

size_t pointers_key(uint8_t key[POINTERS_KEY_MAX], const struct address *address, unsigned bits)
{
	size_t size = address_size(address);

	CHECK(bits <= size * 8);
	key[0] = (uint8_t)bits;
	for (size_t i = 0; i < size; i++) {
		unsigned left = bits > 8 * i ? bits - 8 * (unsigned)i : 0;

		key[1 + i] = left >= 8 ? address->bytes[i]
				       : (uint8_t)(address->bytes[i] & ~(0xffu >> left));
	}
	return 1 + size;
}

/* ---- the difference ---- */

static void add_change(struct pointers_writer *writer, const struct owner *owner,
		       const uint8_t *bytes, size_t size, bool is_removed)
{
	struct pointer_change change = {
		.address = {.family = size == 4 ? ADDRESS_V4 : ADDRESS_V6},
		.rank = owner->rank,
		.is_removed = is_removed,
		.label = owner->label,
	};

	memcpy(change.address.bytes, bytes, size);
	ARRAY_PUSH(&writer->changes, change);
}

static void compare_addresses(struct pointers_writer *writer, const struct owner *old,
			      const struct owner *new, enum address_family family)
{
	size_t size = family == ADDRESS_V4 ? 4 : 16;
	struct table_addresses none = {0};
	struct table_addresses a = !old ? none : family == ADDRESS_V4 ? old->v4 : old->v6;
	struct table_addresses b = !new ? none : family == ADDRESS_V4 ? new->v4 : new->v6;
	uint32_t i = 0, k = 0;

	while (i < a.n || k < b.n) {
		int order = i == a.n   ? 1
			    : k == b.n ? -1
				       : memcmp(a.bytes + i * size, b.bytes + k * size, size);

		if (order < 0)
			add_change(writer, old, a.bytes + i * size, size, true);
		else if (order > 0)
			add_change(writer, new, b.bytes + k * size, size, false);
		i += order <= 0;
		k += order >= 0;
	}
}

static void compare_owners(struct pointers_writer *writer, const struct owner *old,
			   const struct owner *new)
{
	if (old && new && old->rank != new->rank) {
		compare_owners(writer, old, NULL);
		compare_owners(writer, NULL, new);
		return;
	}
	compare_addresses(writer, old, new, ADDRESS_V4);
	compare_addresses(writer, old, new, ADDRESS_V6);
}

static uint32_t count_owners(const struct table_node *node)
{
	return node ? 1 + node_body(node)->n_hosts : 0;
}

/* Owner 0 is the service itself, then its hosts in the order of their labels. */
static struct owner find_owner(const struct table_node *node, uint32_t i)
{
	const struct node_body *body = node_body(node);
	bool is_headless = body->kind == TABLE_SERVICE_HEADLESS;

	if (i == 0 && is_headless) /* only its hosts have names */
		return (struct owner){.rank = RANK_CLUSTER_IP};
	if (i == 0)
		return (struct owner){
			.rank = RANK_CLUSTER_IP,
			.v4 = body_addresses(body, ADDRESS_V4),
			.v6 = body_addresses(body, ADDRESS_V6),
		};

	const struct table_host *host = &body_hosts(body)[i - 1];

	return (struct owner){
		.label = body_label(body, host),
		.rank = host->is_named ? RANK_NAMED
			: is_headless  ? RANK_HEADLESS
				       : RANK_ENDPOINT,
		.v4 = body_host_addresses(body, host, ADDRESS_V4),
		.v6 = body_host_addresses(body, host, ADDRESS_V6),
	};
}

static int order_labels(const uint8_t *a, const uint8_t *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return label_compare(a, b);
}

static void compare_nodes(struct pointers_writer *writer, const struct table_node *old,
			  const struct table_node *new)
{
	uint32_t n_old = count_owners(old), n_new = count_owners(new), i = 0, k = 0;

	while (i < n_old || k < n_new) {
		struct owner a = {0}, b = {0};
		int order = i == n_old ? 1 : -1;

		if (i < n_old)
			a = find_owner(old, i);
		if (k < n_new)
			b = find_owner(new, k);
		if (i < n_old && k < n_new)
			order = order_labels(a.label, b.label);
		compare_owners(writer, order <= 0 ? &a : NULL, order >= 0 ? &b : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

static int compare_changes(const void *a, const void *b)
{
	const struct pointer_change *x = a, *y = b;
	int order = address_compare(&x->address, &y->address);

	if (order == 0)
		order = (int)x->rank - (int)y->rank;
	return order ? order : order_labels(x->label, y->label);
}

/* ---- one address ---- */

/* By rank, then by the octets of the name. */
static int compare_names(const uint8_t *a, const uint8_t *b)
{
	int order = (int)a[0] - (int)b[0];

	if (order == 0)
		order = memcmp(a + NAME_HEAD, b + NAME_HEAD, a[1] < b[1] ? a[1] : b[1]);
	return order ? order : (int)a[1] - (int)b[1];
}

static const uint8_t *find_name(const struct table_pointers *pointers, uint32_t i)
{
	const uint8_t *rest = pointers->entry.key + pointers->entry.key_len;
	uint32_t offset = 0;

	if (pointers->entry.n > 1)
		memcpy(&offset, rest + i * sizeof(offset), sizeof(offset));
	return rest + offset;
}

static void append_name(struct pointers_writer *writer, const uint8_t *name)
{
	ARRAY_PUSH(&writer->offsets, (uint32_t)writer->names.len);
	text_append(&writer->names, (const char *)name, NAME_HEAD + (size_t)name[1]);
}

static void write_name(uint8_t name[NAME_HEAD + NAME_MAX_LEN], const struct pointer_change *change,
		       const struct entry *service)
{
	size_t label_len = change->label ? 1 + (size_t)change->label[0] : 0;

	name[0] = change->rank;
	name[1] = (uint8_t)(label_len + service->key_len);
	if (label_len > 0)
		memcpy(name + NAME_HEAD, change->label, label_len);
	memcpy(name + NAME_HEAD + label_len, service->key, service->key_len);
}

/* Merges the names that an address has with the changes to it. */
static void merge_names(struct pointers_writer *writer, const struct table_pointers *old,
			const struct pointer_change *changes, size_t n, const struct entry *service)
{
	uint8_t name[NAME_HEAD + NAME_MAX_LEN];
	uint32_t n_old = old ? old->entry.n : 0, k = 0;

	writer->offsets.len = writer->names.len = 0;
	for (size_t i = 0; i < n; i++) {
		write_name(name, &changes[i], service);
		while (k < n_old && compare_names(find_name(old, k), name) < 0)
			append_name(writer, find_name(old, k++));
		if (changes[i].is_removed) {
			CHECK(k < n_old && compare_names(find_name(old, k), name) == 0);
			k++;
		} else {
			append_name(writer, name);
		}
	}
	while (k < n_old)
		append_name(writer, find_name(old, k++));
}

static struct entry *build_pointers(struct pointers_writer *writer, const uint8_t *key,
				    size_t key_len)
{
	uint32_t n = (uint32_t)writer->offsets.len;
	uint32_t offsets_size = n > 1 ? n * (uint32_t)sizeof(uint32_t) : 0;
	struct entry *entry = entry_new(key, key_len, n,
					entry_rest_at(key_len) + offsets_size + writer->names.len);
	uint8_t *rest = entry->key + key_len;

	for (uint32_t i = 0; i < n; i++)
		writer->offsets.items[i] += offsets_size;
	memcpy(rest, writer->offsets.items, offsets_size);
	memcpy(rest + offsets_size, writer->names.bytes, writer->names.len);
	return entry;
}

static void count_prefixes(struct pointers_writer *writer, const struct address *address,
			   bool is_removed)
{
	uint8_t key[POINTERS_KEY_MAX];
	unsigned step = address->family == ADDRESS_V4 ? 8 : 4;

	for (unsigned bits = 0; bits < address_size(address) * 8; bits += step) {
		size_t key_len = pointers_key(key, address, bits);

		if (is_removed)
			index_count_down(writer->index, key, key_len, writer->garbage);
		else
			index_count_up(writer->index, key, key_len);
	}
}

/* changes[0..n) are all of one address. */
static void change_address(struct pointers_writer *writer, const struct pointer_change *changes,
			   size_t n, const struct entry *service)
{
	const struct address *address = &changes->address;
	uint8_t key[POINTERS_KEY_MAX];
	size_t key_len = pointers_key(key, address, (unsigned)address_size(address) * 8);
	struct entry *old = index_find(writer->index, key, key_len);

	merge_names(writer, (const struct table_pointers *)old, changes, n, service);
	if (writer->offsets.len > 0) {
		if (!old) {
			count_prefixes(writer, address, false);
			writer->n_addresses++;
		}
		index_put(writer->index, build_pointers(writer, key, key_len), writer->garbage);
	} else if (old) {
		index_remove(writer->index, old, writer->garbage);
		count_prefixes(writer, address, true);
		writer->n_addresses--;
	}
}

void pointers_update(struct pointers_writer *writer, const struct table_node *old,
		     const struct table_node *new)
{
	const struct entry *service = new ? &new->entry : &old->entry;
	const struct pointer_change *changes;

	writer->changes.len = 0;
	compare_nodes(writer, old, new);
	changes = writer->changes.items;
	if (writer->changes.len > 1)
		qsort(writer->changes.items, writer->changes.len, sizeof(*changes),
		      compare_changes);
	for (size_t i = 0, end = 0; i < writer->changes.len; i = end) {
		while (end < writer->changes.len &&
		       address_compare(&changes[i].address, &changes[end].address) == 0)
			end++;
		change_address(writer, &changes[i], end - i, service);
	}
}

void pointers_writer_fini(struct pointers_writer *writer)
{
	ARRAY_FINI(&writer->changes);
	ARRAY_FINI(&writer->offsets);
	text_fini(&writer->names);
}

/* ---- readers ---- */

uint32_t table_n_pointers(const struct table_pointers *pointers)
{
	uint32_t n = 0;

	while (n < pointers->entry.n && find_name(pointers, n)[0] == RANK_CLUSTER_IP)
		n++;
	return n > 0 ? n : pointers->entry.n;
}

const uint8_t *table_pointer(const struct table_pointers *pointers, uint32_t i, size_t *len)
{
	const uint8_t *name;

	CHECK(i < pointers->entry.n);
	name = find_name(pointers, i);
	*len = name[1];
	return name + NAME_HEAD;
}
