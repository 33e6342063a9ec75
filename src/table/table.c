/* SPDX-License-Identifier: Apache-2.0
 *
 * The record table (table/table.h): two hashes, one of names and one of addresses, whose entries
 * are replaced one by one and freed after a grace period.
 *
 * Keys of names: "\4shop" is a namespace, "\3web\4shop" a service, "\4shop" with an octet that is
 * no label's length and an address a pod. A service and a pod are reasons for their namespace to
 * exist.
 */
#include "table/table.h"

#include <string.h>

#include "base/counter.h"
#include "base/random.h"
#include "base/rcu.h"
#include "build.h"
#include "dump.h"
#include "pointers.h"

#define KEY_MAX (2 * (1 + DNS_LABEL_MAX))
#define GARBAGE_BYTES_MAX (1u << 20) /* more is not left for table_commit */

struct writer {
	struct builder builder;
	struct pointers_writer pointers;
	struct garbage garbage;
	bool has_changed; /* since the last commit */
};

struct table {
	struct index names;
	struct index addresses;
	uint32_t serial;
	bool is_synced;
	struct table_counts counts;
	struct writer writer;
};

struct table *table_new(void)
{
	struct table *table = mem_zalloc(sizeof(*table));
	struct random random;

	random_init(&random);
	index_init(&table->names, random_next(&random));
	index_init(&table->addresses, random_next(&random));
	table->writer.pointers.index = &table->addresses;
	table->writer.pointers.garbage = &table->writer.garbage;
	return table;
}

void table_free(struct table *table)
{
	struct writer *writer = &table->writer;

	garbage_collect(&writer->garbage, 0);
	index_fini(&table->names);
	index_fini(&table->addresses);
	builder_fini(&writer->builder);
	pointers_writer_fini(&writer->pointers);
	ARRAY_FINI(&writer->garbage.entries);
	free(table);
}

/* ---- readers ---- */

bool table_is_synced(const struct table *table)
{
	return __atomic_load_n(&table->is_synced, __ATOMIC_ACQUIRE);
}

uint32_t table_serial(const struct table *table)
{
	return __atomic_load_n(&table->serial, __ATOMIC_RELAXED);
}

/* Is this label, with its length octet, "_tcp", "_udp" or "_sctp"? */
static bool read_proto(const uint8_t *label, uint8_t *proto)
{
	if (label[0] == 4 && memcmp(label + 1, "_tcp", 4) == 0)
		*proto = TABLE_TCP;
	else if (label[0] == 4 && memcmp(label + 1, "_udp", 4) == 0)
		*proto = TABLE_UDP;
	else if (label[0] == 5 && memcmp(label + 1, "_sctp", 5) == 0)
		*proto = TABLE_SCTP;
	else
		return false;
	return true;
}

static const struct table_host *find_host(const struct node_body *body, const uint8_t *label)
{
	const struct table_host *hosts = body_hosts(body);
	uint32_t low = 0, high = body->n_hosts;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = label_compare(label, body_label(body, &hosts[middle]));

		if (order == 0)
			return &hosts[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* HOST.SVC.NS or _proto.SVC.NS. Not inline, as find_port: the frame of table_find stays small. */
__attribute__((noinline)) static void find_below(const struct table_node *node,
						 const uint8_t *label, struct table_view *view)
{
	const struct node_body *body = node_body(node);
	uint8_t proto;

	if (label[1] == '_' && read_proto(label, &proto) && (body->protos >> proto & 1)) {
		*view = (struct table_view){.kind = TABLE_EMPTY, .node = node};
		return;
	}

	const struct table_host *host = find_host(body, label);

	if (host)
		*view = (struct table_view){.kind = TABLE_HOST, .node = node, .host = host};
}

/* _port._proto.SVC.NS */
__attribute__((noinline)) static void find_port(const struct table_node *node, const uint8_t *label,
						const uint8_t *proto_label, struct table_view *view)
{
	const struct node_body *body = node_body(node);
	const struct node_set *set = &body_sets(body)[body->set];
	const struct table_port *ports = body_ports(body);
	struct table_view port_view = {.kind = TABLE_PORT, .node = node};

	if (!read_proto(proto_label, &port_view.proto))
		return;
	if (label[1] != '_' || label[0] < 2 || label[0] > sizeof(ports->name))
		return;
	port_view.port_name = label + 2;
	port_view.port_name_len = label[0] - 1;
	for (uint32_t i = set[0].port; i < set[1].port; i++) {
		if (table_port_matches(&port_view, &ports[i])) {
			*view = port_view;
			return;
		}
	}
}

void table_find(const struct table *table, const struct dns_name *name, unsigned n_labels,
		struct table_view *view)
{
	const uint8_t *labels = name->wire, *offsets = name->offsets;
	unsigned first = n_labels < 2 ? 0 : n_labels - 2; /* of SVC.NS or NS */
	const struct entry *entry;
	const struct table_node *node;

	*view = (struct table_view){.kind = TABLE_NONE};
	if (n_labels > 4)
		return;
	entry = index_find(&table->names, labels + offsets[first],
			   (size_t)offsets[n_labels] - offsets[first]);
	if (!entry)
		return;
	if (n_labels == 1) {
		view->kind = TABLE_EMPTY;
		return;
	}
	node = (const struct table_node *)entry;
	if (n_labels == 3) {
		find_below(node, labels, view);
	} else if (n_labels == 4) {
		find_port(node, labels, labels + offsets[1], view);
	} else {
		view->node = node;
		view->kind =
			node_body(node)->kind == TABLE_SERVICE_ALIAS ? TABLE_ALIAS : TABLE_SERVICE;
	}
}

const struct table_pointers *table_find_address(const struct table *table,
						const struct address *address)
{
	uint8_t key[POINTERS_KEY_MAX];
	size_t len = pointers_key(key, address, (unsigned)address_size(address) * 8);

	return (const struct table_pointers *)index_find(&table->addresses, key, len);
}

bool table_has_prefix(const struct table *table, const struct address *address,
		      unsigned prefix_bits)
{
	uint8_t key[POINTERS_KEY_MAX];
	size_t len = pointers_key(key, address, prefix_bits);

	return index_find(&table->addresses, key, len) != NULL;
}

bool table_has_namespace(const struct table *table, const uint8_t *label)
{
	return index_find(&table->names, label, 1 + (size_t)label[0]) != NULL;
}

/* Appends label, family and address. Returns the key's length. */
static size_t make_pod_key(uint8_t *key, const uint8_t *label, const struct address *address)
{
	size_t len = 1 + (size_t)label[0], size = address_size(address);

	memcpy(key, label, len);
	key[len++] = (uint8_t)(NODE_POD_MARK + address->family);
	memcpy(key + len, address->bytes, size);
	return len + size;
}

bool table_has_pod(const struct table *table, const uint8_t *namespace_label,
		   const struct address *address)
{
	uint8_t key[KEY_MAX];
	size_t len = make_pod_key(key, namespace_label, address);

	return index_find(&table->names, key, len) != NULL;
}

struct table_counts table_counts(const struct table *table)
{
	return (struct table_counts){
		.services = counter_read(&table->counts.services),
		.endpoints = counter_read(&table->counts.endpoints),
		.addresses = counter_read(&table->counts.addresses),
		.namespaces = counter_read(&table->counts.namespaces),
		.pods = counter_read(&table->counts.pods),
	};
}

void table_dump(const struct table *table, struct text *out)
{
	dump_indexes(&table->names, &table->addresses, out);
}

/* ---- the writer ---- */

static size_t append_label(uint8_t *key, size_t len, const char *text)
{
	size_t label_len = strnlen(text, DNS_LABEL_MAX + 1);

	CHECK(label_len > 0 && label_len <= DNS_LABEL_MAX);
	key[len] = (uint8_t)label_len;
	memcpy(key + len + 1, text, label_len);
	return len + 1 + label_len;
}

/* A change has been published: keeps the hashes in shape and the garbage bounded. */
static void end_change(struct table *table)
{
	rcu_leave();
	table->writer.has_changed = true;
	index_fit(&table->names, false);
	index_fit(&table->addresses, false);
	garbage_collect(&table->writer.garbage, GARBAGE_BYTES_MAX);
}

/* One reason more for a namespace to exist. Whether that made it. In RCU. */
static bool count_namespace_up(struct table *table, const uint8_t *label)
{
	bool is_new = index_count_up(&table->names, label, 1 + (size_t)label[0]);

	if (is_new)
		counter_add(&table->counts.namespaces, 1);
	return is_new;
}

static bool count_namespace_down(struct table *table, const uint8_t *label)
{
	bool is_last = index_count_down(&table->names, label, 1 + (size_t)label[0],
					&table->writer.garbage);

	if (is_last)
		counter_add(&table->counts.namespaces, (uint64_t)-1);
	return is_last;
}

static uint64_t count_endpoints(const struct table_node *node)
{
	if (!node)
		return 0;

	const struct node_body *body = node_body(node);
	const struct table_host *end = &body_hosts(body)[body->n_hosts];

	return (uint64_t)end->v4 + end->v6;
}

/* PTRs, the namespace and the counts follow the service; either may be NULL. In RCU. */
static void follow_service(struct table *table, const struct table_node *old,
			   const struct table_node *new)
{
	const struct entry *entry = new ? &new->entry : &old->entry;
	const uint8_t *namespace = entry->key + 1 + entry->key[0];

	pointers_update(&table->writer.pointers, old, new);
	if (new && !old)
		count_namespace_up(table, namespace);
	if (old && !new)
		count_namespace_down(table, namespace);
	counter_add(&table->counts.services, (uint64_t)(new != NULL) - (old != NULL));
	counter_add(&table->counts.endpoints, count_endpoints(new) - count_endpoints(old));
	counter_set(&table->counts.addresses, table->writer.pointers.n_addresses);
}

static bool replace_service(struct table *table, const uint8_t *key, size_t key_len,
			    const struct node_body *body, size_t size_bytes)
{
	struct table_node *old, *new;
	size_t total = node_body_at(key_len) + size_bytes;

	rcu_enter();
	old = (struct table_node *)index_find(&table->names, key, key_len);
	if (old && old->entry.n == total && memcmp(node_body(old), body, size_bytes) == 0) {
		rcu_leave();
		return false;
	}
	new = (struct table_node *)entry_new(key, key_len, (uint32_t)total, total);
	memcpy((uint8_t *)new + node_body_at(key_len), body, size_bytes);
	index_put(&table->names, &new->entry, &table->writer.garbage);
	follow_service(table, old, new);
	end_change(table);
	return true;
}

bool table_put_service(struct table *table, const struct table_service_in *in)
{
	uint8_t key[KEY_MAX];
	size_t key_len = append_label(key, append_label(key, 0, in->service), in->namespace);
	size_t size_bytes;
	const struct node_body *body = build_body(&table->writer.builder, in, &size_bytes);

	if (!body)
		return table_remove_service(table, in->service, in->namespace);
	return replace_service(table, key, key_len, body, size_bytes);
}

bool table_remove_service(struct table *table, const char *service, const char *namespace)
{
	uint8_t key[KEY_MAX];
	size_t key_len = append_label(key, append_label(key, 0, service), namespace);
	struct entry *old;

	rcu_enter();
	old = index_find(&table->names, key, key_len);
	if (!old) {
		rcu_leave();
		return false;
	}
	index_remove(&table->names, old, &table->writer.garbage);
	follow_service(table, (struct table_node *)old, NULL);
	end_change(table);
	return true;
}

static void leave_if_unchanged(struct table *table, bool has_changed)
{
	if (has_changed)
		end_change(table);
	else
		rcu_leave();
}

void table_put_namespace(struct table *table, const char *namespace)
{
	uint8_t label[1 + DNS_LABEL_MAX];

	append_label(label, 0, namespace);
	rcu_enter();
	leave_if_unchanged(table, count_namespace_up(table, label));
}

void table_remove_namespace(struct table *table, const char *namespace)
{
	uint8_t label[1 + DNS_LABEL_MAX];

	append_label(label, 0, namespace);
	rcu_enter();
	leave_if_unchanged(table, count_namespace_down(table, label));
}

void table_put_pod(struct table *table, const char *namespace, const struct address *address)
{
	uint8_t label[1 + DNS_LABEL_MAX], key[KEY_MAX];
	size_t len;
	bool is_new;

	append_label(label, 0, namespace);
	len = make_pod_key(key, label, address);
	rcu_enter();
	is_new = index_count_up(&table->names, key, len);
	if (is_new) {
		count_namespace_up(table, label);
		counter_add(&table->counts.pods, 1);
	}
	leave_if_unchanged(table, is_new);
}

void table_remove_pod(struct table *table, const char *namespace, const struct address *address)
{
	uint8_t label[1 + DNS_LABEL_MAX], key[KEY_MAX];
	size_t len;
	bool is_last;

	append_label(label, 0, namespace);
	len = make_pod_key(key, label, address);
	rcu_enter();
	is_last = index_count_down(&table->names, key, len, &table->writer.garbage);
	if (is_last) {
		count_namespace_down(table, label);
		counter_add(&table->counts.pods, (uint64_t)-1);
	}
	leave_if_unchanged(table, is_last);
}

void table_commit(struct table *table, uint64_t unix_s, bool is_synced)
{
	struct writer *writer = &table->writer;

	if (writer->has_changed) {
		uint32_t next = table->serial + 1, now = (uint32_t)unix_s;

		__atomic_store_n(&table->serial, now > next ? now : next, __ATOMIC_RELAXED);
		writer->has_changed = false;
		index_fit(&table->names, true);
		index_fit(&table->addresses, true);
		garbage_collect(&writer->garbage, 0);
	}
	if (is_synced)
		__atomic_store_n(&table->is_synced, true, __ATOMIC_RELEASE);
}
