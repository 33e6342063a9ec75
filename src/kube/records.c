/* SPDX-License-Identifier: Apache-2.0
 *
 * A dirty node is built anew from its Service and slices (or, where there is no slice, its
 * Endpoints) and handed to the table, which finds out whether that changes anything.
 */
#include "records.h"

#include "pack.h"

const struct histogram_bounds records_programming_bounds = {
	.n = 20,
	.le = {1,    2,	   4,	 8,    16,    32,    64,    128,    256,    512,
	       1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288},
};

#define PORT_SETS_COMPARED 8 /* the latest; slices of a service mostly have the same ports */

/* A run of builder->ports, which moves while it grows. */
struct port_run {
	const uint8_t *packed; /* borrowed from a content */
	size_t packed_len;
	size_t first;
	uint32_t n;
};

struct endpoint_label {
	char text[ADDRESS_LABEL_MAX];
};

/* One service being put together; emptied for each, freed after the batch. */
struct builder {
	ARRAY(struct address) addresses;
	ARRAY(struct table_port) ports;
	ARRAY(struct port_run) runs;
	ARRAY(struct table_port_set_in) port_sets;
	ARRAY(struct table_endpoint_in) endpoints; /* label NULL: made of the address */
	ARRAY(struct endpoint_label) labels;
	const uint8_t *alias;
	size_t alias_len;
};

static void builder_reset(struct builder *builder)
{
	builder->addresses.len = builder->ports.len = builder->runs.len = 0;
	builder->port_sets.len = builder->endpoints.len = builder->labels.len = 0;
	builder->alias = NULL;
	builder->alias_len = 0;
}

static void builder_fini(struct builder *builder)
{
	ARRAY_FINI(&builder->addresses);
	ARRAY_FINI(&builder->ports);
	ARRAY_FINI(&builder->runs);
	ARRAY_FINI(&builder->port_sets);
	ARRAY_FINI(&builder->endpoints);
	ARRAY_FINI(&builder->labels);
}

static struct wire_reader read_content(const struct store_entry *entry)
{
	const struct store_bytes *content = entry->content;

	return wire_reader_init(content ? content->bytes : NULL, content ? content->len : 0);
}

static void read_ports(struct builder *builder, struct wire_reader *reader)
{
	uint16_t n = wire_u16(reader);

	for (unsigned i = 0; i < n; i++) {
		struct table_port port;

		unpack_port(reader, &port);
		ARRAY_PUSH(&builder->ports, port);
	}
}

static enum pack_type read_service(struct builder *builder, const struct store_entry *service)
{
	struct wire_reader reader = read_content(service);
	enum pack_type type = (enum pack_type)wire_u8(&reader);
	uint8_t n_addresses = wire_u8(&reader);

	for (unsigned i = 0; i < n_addresses; i++) {
		struct address address;

		unpack_address(&reader, &address);
		ARRAY_PUSH(&builder->addresses, address);
	}
	read_ports(builder, &reader);
	builder->alias_len = wire_left(&reader);
	builder->alias = wire_take(&reader, builder->alias_len);
	CHECK(!reader.failed);
	return type;
}

/* The port set at the reader: a new one, or one of the latest with the same bytes. */
static uint32_t read_port_set(struct builder *builder, struct wire_reader *reader)
{
	size_t begin = reader->pos;
	struct port_run run = {.packed = reader->base + begin, .first = builder->ports.len};

	read_ports(builder, reader);
	run.packed_len = reader->pos - begin;
	run.n = (uint32_t)(builder->ports.len - run.first);
	for (size_t back = 1; back <= PORT_SETS_COMPARED && back <= builder->runs.len; back++) {
		const struct port_run *other = &builder->runs.items[builder->runs.len - back];

		if (other->packed_len == run.packed_len &&
		    memcmp(other->packed, run.packed, run.packed_len) == 0) {
			builder->ports.len = run.first;
			return (uint32_t)(builder->runs.len - back);
		}
	}
	ARRAY_PUSH(&builder->runs, run);
	return (uint32_t)(builder->runs.len - 1);
}

static void read_endpoint(struct builder *builder, struct wire_reader *reader, uint32_t port_set)
{
	struct pack_endpoint packed;
	struct table_endpoint_in endpoint = {.port_set = port_set};

	unpack_endpoint(reader, &packed);
	endpoint.address = packed.address;
	endpoint.is_named = packed.label_len > 0;
	if (endpoint.is_named) {
		endpoint.label = packed.label;
		endpoint.label_len = packed.label_len;
	} else {
		struct endpoint_label label;

		endpoint.label_len = (uint8_t)address_to_label(&packed.address, label.text);
		ARRAY_PUSH(&builder->labels, label);
	}
	ARRAY_PUSH(&builder->endpoints, endpoint);
}

static void read_slice(struct builder *builder, struct wire_reader reader)
{
	while (wire_left(&reader) > 0) {
		uint32_t port_set = read_port_set(builder, &reader);
		uint32_t n = wire_u32(&reader);

		for (uint32_t i = 0; i < n; i++)
			read_endpoint(builder, &reader, port_set);
	}
	CHECK(!reader.failed);
}

/* All ready endpoints: of the slices, and what has just left one; or where there is no slice object
 * at all of the Endpoints object. */
static void read_endpoints(struct builder *builder, const struct store_node *node)
{
	bool has_slice = false;

	for (const struct store_entry *slice = node->slices; slice; slice = slice->next) {
		if (slice->is_hidden)
			continue;
		has_slice = true;
		read_slice(builder, read_content(slice));
	}
	for (const struct store_departed *departed = node->departed; departed;
	     departed = departed->next_of_node) {
		has_slice = true;
		read_slice(builder, wire_reader_init(departed->bytes, departed->len));
	}
	if (!has_slice && node->endpoints && !node->endpoints->is_hidden)
		read_slice(builder, read_content(node->endpoints));
}

/* The arrays have stopped moving: pointers into them. */
static void settle(struct builder *builder)
{
	size_t n_labels = 0;

	for (size_t i = 0; i < builder->runs.len; i++) {
		const struct port_run *run = &builder->runs.items[i];
		struct table_port_set_in set = {
			run->n > 0 ? builder->ports.items + run->first : NULL, run->n};

		ARRAY_PUSH(&builder->port_sets, set);
	}
	for (size_t i = 0; i < builder->endpoints.len; i++) {
		struct table_endpoint_in *endpoint = &builder->endpoints.items[i];

		if (!endpoint->is_named)
			endpoint->label = builder->labels.items[n_labels++].text;
	}
}

static void put_alias(struct records *records, const struct builder *builder,
		      const struct store_node *node)
{
	const struct table_service_in in = {
		.service = node->name,
		.namespace = node->namespace->name,
		.kind = TABLE_SERVICE_ALIAS,
		.alias = builder->alias,
		.alias_len = builder->alias_len,
	};

	table_put_service(records->table, &in);
}

static void put_endpoints(struct records *records, struct builder *builder,
			  const struct store_node *node, bool is_headless, size_t n_ports)
{
	settle(builder);

	const struct table_service_in in = {
		.service = node->name,
		.namespace = node->namespace->name,
		.kind = is_headless ? TABLE_SERVICE_HEADLESS : TABLE_SERVICE_CLUSTER_IP,
		.addresses = builder->addresses.items,
		.n_addresses = builder->addresses.len,
		.ports = builder->ports.items,
		/* Without an address it has no records of its own. */
		.n_ports = builder->addresses.len > 0 ? n_ports : 0,
		.endpoints = builder->endpoints.items,
		.n_endpoints = records->config->noendpoints ? 0 : builder->endpoints.len,
		.port_sets = builder->port_sets.items,
		.n_port_sets = builder->port_sets.len,
	};

	table_put_service(records->table, &in);
}

static void remove_node(struct records *records, const struct store_node *node)
{
	table_remove_service(records->table, node->name, node->namespace->name);
}

static void put_node(struct records *records, struct builder *builder,
		     const struct store_node *node)
{
	enum pack_type type;
	size_t n_ports;

	builder_reset(builder);
	type = read_service(builder, node->service);
	n_ports = builder->ports.len;
	if (type == PACK_ALIAS) {
		put_alias(records, builder, node);
		return;
	}
	if (type == PACK_CLUSTER_IP || type == PACK_HEADLESS)
		read_endpoints(builder, node);

	bool is_empty = builder->endpoints.len == 0 && records->config->ignore_empty_service;

	if (type == PACK_NO_RECORDS || (type == PACK_CLUSTER_IP && is_empty))
		remove_node(records, node);
	else
		put_endpoints(records, builder, node, type == PACK_HEADLESS, n_ports);
}

static bool has_records(const struct store_node *node)
{
	return node->service && !node->service->is_hidden && node->namespace->is_visible;
}

static void observe(struct records *records, const struct store_node *node, uint64_t unix_ms)
{
	struct wire_reader reader = read_content(node->service);

	if (node->trigger_unix_ms == 0 || wire_u8(&reader) != PACK_HEADLESS)
		return;
	histogram_observe(&records->programming, &records_programming_bounds,
			  unix_ms > node->trigger_unix_ms ? unix_ms - node->trigger_unix_ms : 0);
}

/* What goes goes last, so that an address whose service was renamed keeps a PTR throughout. */
static void publish_nodes(struct records *records, struct store *store, uint64_t unix_ms)
{
	bool is_timed = table_is_synced(records->table);
	struct builder builder = {0};

	for (size_t i = 0; i < store->dirty_nodes.len; i++) {
		const struct store_node *node = store->dirty_nodes.items[i];

		if (!has_records(node))
			continue;
		put_node(records, &builder, node);
		if (is_timed)
			observe(records, node, unix_ms);
	}
	builder_fini(&builder);
	for (size_t i = 0; i < store->dirty_nodes.len; i++) {
		if (!has_records(store->dirty_nodes.items[i]))
			remove_node(records, store->dirty_nodes.items[i]);
	}
}

/* ---- pods ---- */

static void each_address(struct records *records, const struct store_entry *pod,
			 const struct store_bytes *content,
			 void (*apply)(struct table *, const char *, const struct address *))
{
	struct wire_reader reader =
		wire_reader_init(content ? content->bytes : NULL, content ? content->len : 0);

	while (wire_left(&reader) > 0) {
		struct address address;

		unpack_address(&reader, &address);
		apply(records->table, pod->namespace->name, &address);
	}
}

static const struct store_bytes *wanted_content(const struct store_entry *pod)
{
	bool is_wanted = !pod->is_removed && !pod->is_hidden && pod->namespace->is_visible;

	return is_wanted ? pod->content : NULL;
}

/* Addresses are counted, so all that come are put before any goes. */
static void publish_pods(struct records *records, struct store *store)
{
	for (size_t i = 0; i < store->dirty_pods.len; i++) {
		struct store_entry *pod = store->dirty_pods.items[i];

		each_address(records, pod, wanted_content(pod), table_put_pod);
	}
	for (size_t i = 0; i < store->dirty_pods.len; i++) {
		struct store_entry *pod = store->dirty_pods.items[i];
		bool is_wanted = wanted_content(pod) != NULL;

		each_address(records, pod, pod->published, table_remove_pod);
		if (pod->published != pod->content)
			free(pod->published);
		pod->published = is_wanted ? pod->content : NULL;
	}
}

/* ---- namespaces ---- */

static bool is_namespace_visible(const struct records *records,
				 const struct store_namespace *namespace)
{
	if (!records->config->namespace_labels)
		return true;
	return namespace->object && !namespace->object->is_hidden;
}

static bool is_namespace_wanted(const struct store_namespace *namespace)
{
	return namespace->is_visible &&
	       (namespace->object || namespace->n_services > 0 || namespace->n_pods > 0);
}

/* Finds out what is visible, which may make more nodes and pods dirty, and puts what is new. */
static void publish_namespaces(struct records *records, struct store *store)
{
	for (size_t i = 0; i < store->dirty_namespaces.len; i++) {
		struct store_namespace *namespace = store->dirty_namespaces.items[i];
		bool is_visible = is_namespace_visible(records, namespace);

		if (is_visible != namespace->is_visible)
			store_mark_namespace(store, namespace);
		namespace->is_visible = is_visible;
		if (is_namespace_wanted(namespace) && !namespace->is_published) {
			table_put_namespace(records->table, namespace->name);
			namespace->is_published = true;
		}
	}
}

static void unpublish_namespaces(struct records *records, struct store *store)
{
	for (size_t i = 0; i < store->dirty_namespaces.len; i++) {
		struct store_namespace *namespace = store->dirty_namespaces.items[i];

		if (namespace->is_published && !is_namespace_wanted(namespace)) {
			table_remove_namespace(records->table, namespace->name);
			namespace->is_published = false;
		}
	}
}

void records_publish(struct records *records, struct store *store, uint64_t unix_ms, bool is_synced)
{
	publish_namespaces(records, store);
	publish_nodes(records, store, unix_ms);
	publish_pods(records, store);
	unpublish_namespaces(records, store);
	table_commit(records->table, unix_ms / 1000, is_synced);
	store_clean(store);
}
