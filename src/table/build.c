/* SPDX-License-Identifier: Apache-2.0
 *
 * From a service as given to the body that is published (build.h), in five steps: sort the ports of
 * each set; sort the endpoints by label and cut them into hosts, merging the port sets of hosts
 * that have several; find the service's own ports; number the sets by content; lay everything out.
 * Cannot fail. The writer.
 */
#include "build.h"

static int compare_ports(const void *a, const void *b)
{
	const struct table_port *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = (int)x->proto - (int)y->proto;
	return order ? order : (int)x->port - (int)y->port;
}

/* The ports from `first` on become a set. */
static size_t close_set(struct builder *builder, size_t first)
{
	size_t n = builder->ports.len - first, n_kept = 0;
	struct table_port *ports = n > 0 ? builder->ports.items + first : NULL;

	if (n > 1)
		qsort(ports, n, sizeof(*ports), compare_ports);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare_ports(&ports[i], &ports[n_kept - 1]) != 0)
			ports[n_kept++] = ports[i];
	}
	builder->ports.len = first + n_kept;
	ARRAY_PUSH(&builder->sets, ((struct build_set){.port = first, .n = n_kept}));
	return builder->sets.len - 1;
}

static size_t add_set(struct builder *builder, const struct table_port *ports, size_t n)
{
	size_t first = builder->ports.len;

	for (size_t i = 0; i < n; i++) {
		struct table_port port;
		size_t len = strnlen(ports[i].name, sizeof(port.name));

		CHECK(len < sizeof(port.name) && ports[i].proto < TABLE_N_PROTOS);
		memset(&port, 0, sizeof(port)); /* padding too: bodies are compared by octets */
		memcpy(port.name, ports[i].name, len);
		port.proto = ports[i].proto;
		port.port = ports[i].port;
		ARRAY_PUSH(&builder->ports, port);
	}
	return close_set(builder, first);
}

/* Appends the ports of a set to the one that is being made. */
static void append_set(struct builder *builder, size_t set)
{
	const struct build_set from = builder->sets.items[set];

	for (size_t i = 0; i < from.n; i++) {
		struct table_port port = builder->ports.items[from.port + i];

		ARRAY_PUSH(&builder->ports, port);
	}
}

#define LABEL_IN_ROW 15

/* Up to eight octets as a number, the missing ones 0. */
static uint64_t read_octets(const char *bytes, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < 8; i++)
		number = number << 8 | (i < len ? (uint8_t)bytes[i] : 0);
	return number;
}

static struct build_row make_row(const struct table_endpoint_in *in)
{
	const size_t len = in->label_len;
	char head[8];

	head[0] = (char)len;
	memcpy(head + 1, in->label, len < 7 ? len : 7);
	return (struct build_row){
		.head = read_octets(head, 1 + len),
		.tail = len > 7 ? read_octets(in->label + 7, len - 7) : 0,
		.in = in,
	};
}

static int compare_labels(const struct build_row *a, const struct build_row *b)
{
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	if (a->tail != b->tail)
		return a->tail < b->tail ? -1 : 1;
	if (a->in->label_len <= LABEL_IN_ROW)
		return 0;
	return memcmp(a->in->label + LABEL_IN_ROW, b->in->label + LABEL_IN_ROW,
		      a->in->label_len - LABEL_IN_ROW);
}

static int compare_rows(const void *a, const void *b)
{
	const struct build_row *x = a, *y = b;
	int order = compare_labels(x, y);

	return order ? order : address_compare(&x->in->address, &y->in->address);
}

static void sort_rows(struct builder *builder)
{
	const struct table_service_in *in = builder->in;

	for (size_t i = 0; i < in->n_endpoints; i++) {
		const struct table_endpoint_in *row = &in->endpoints[i];

		CHECK(row->label_len > 0 && row->label_len <= DNS_LABEL_MAX);
		CHECK(row->address.family == ADDRESS_V4 || row->address.family == ADDRESS_V6);
		CHECK(row->port_set < in->n_port_sets);
		ARRAY_PUSH(&builder->rows, make_row(row));
	}
	if (builder->rows.len > 1)
		qsort(builder->rows.items, builder->rows.len, sizeof(builder->rows.items[0]),
		      compare_rows);
}

static int compare_numbers(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The sets of rows[row .. end), which are the next host. Are they several, it is left to
 * merge_sets. */
static void list_sets(struct builder *builder, size_t row, size_t end)
{
	const struct build_row *rows = builder->rows.items;
	struct build_merge merge = {.host = builder->hosts.len, .list = builder->lists.len};

	for (size_t i = row; i < end; i++) {
		struct build_set *set = &builder->sets.items[rows[i].in->port_set];

		if (set->seen == merge.host + 1)
			continue;
		set->seen = merge.host + 1;
		ARRAY_PUSH(&builder->lists, rows[i].in->port_set);
		merge.n++;
	}
	if (merge.n == 1) {
		builder->lists.len = merge.list;
		return;
	}
	qsort(&builder->lists.items[merge.list], merge.n, sizeof(size_t), compare_numbers);
	ARRAY_PUSH(&builder->merges, merge);
}

static int compare_lists(const void *a, const void *b, void *arg)
{
	const struct builder *builder = arg;
	const struct build_merge *x = a, *y = b;
	const size_t *lists = builder->lists.items;
	int order = (x->n > y->n) - (x->n < y->n);

	for (size_t i = 0; i < x->n && order == 0; i++)
		order = compare_numbers(&lists[x->list + i], &lists[y->list + i]);
	return order;
}

/* Gives the hosts of several sets one of all their ports: those with the same sets the same. */
static void merge_sets(struct builder *builder)
{
	struct build_merge *merges = builder->merges.items;
	size_t n = builder->merges.len, set = 0;

	if (n > 1)
		qsort_r(merges, n, sizeof(*merges), compare_lists, builder);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || compare_lists(&merges[i - 1], &merges[i], builder) != 0) {
			size_t first = builder->ports.len;

			for (size_t j = 0; j < merges[i].n; j++)
				append_set(builder, builder->lists.items[merges[i].list + j]);
			set = close_set(builder, first);
		}
		builder->hosts.items[merges[i].host].set = (uint32_t)set;
	}
}

/* Which sets the hosts have, and how many of them. */
static void count_hosts(struct builder *builder)
{
	for (size_t i = 0; i + 1 < builder->hosts.len; i++) {
		struct build_set *set = &builder->sets.items[builder->hosts.items[i].set];

		set->is_used = true;
		set->n_hosts++;
	}
}

static void push_address(struct builder *builder, const struct address *address)
{
	struct text *to = address->family == ADDRESS_V4 ? &builder->v4 : &builder->v6;

	text_append(to, (const char *)address->bytes, address_size(address));
}

static void push_host(struct builder *builder, uint32_t set, bool is_named)
{
	struct table_host host = {
		.label = (uint32_t)builder->labels.len,
		.v4 = (uint32_t)(builder->v4.len / 4) - builder->n_v4,
		.v6 = (uint32_t)(builder->v6.len / 16) - builder->n_v6,
		.set = set,
		.is_named = is_named,
	};

	ARRAY_PUSH(&builder->hosts, host);
}

static void cut_hosts(struct builder *builder)
{
	const struct build_row *rows = builder->rows.items;

	builder->hosts.len = builder->merges.len = builder->lists.len = builder->labels.len = 0;
	for (size_t row = 0, end = 0; row < builder->rows.len; row = end) {
		bool is_named = false;

		while (end < builder->rows.len && compare_labels(&rows[row], &rows[end]) == 0)
			is_named |= rows[end++].in->is_named;
		list_sets(builder, row, end);
		push_host(builder, rows[row].in->port_set, is_named);
		for (size_t i = row; i < end; i++) {
			if (i == row || compare_rows(&rows[i - 1], &rows[i]) != 0)
				push_address(builder, &rows[i].in->address);
		}
		text_append(&builder->labels, (const char *)&rows[row].in->label_len, 1);
		text_append(&builder->labels, rows[row].in->label, rows[row].in->label_len);
	}
	push_host(builder, 0, false); /* the end */
	merge_sets(builder);
	count_hosts(builder);
}

/* The service's own ports (node.h). Returns the set. */
static size_t find_own_set(struct builder *builder)
{
	const struct table_service_in *in = builder->in;
	size_t n = builder->sets.len, set;

	if (in->kind == TABLE_SERVICE_HEADLESS) {
		size_t first = builder->ports.len;

		for (size_t i = 0; i < n; i++) {
			if (builder->sets.items[i].is_used)
				append_set(builder, i);
		}
		set = close_set(builder, first);
	} else {
		set = add_set(builder, in->ports,
			      in->kind == TABLE_SERVICE_ALIAS ? 0 : in->n_ports);
	}
	builder->sets.items[set].is_used = true;
	return set;
}

static int compare_sets(const void *a, const void *b, void *arg)
{
	const struct builder *builder = arg;
	const struct build_set *x = &builder->sets.items[*(const size_t *)a];
	const struct build_set *y = &builder->sets.items[*(const size_t *)b];
	const struct table_port *ports = builder->ports.items;
	int order = 0;

	for (size_t i = 0; i < x->n && i < y->n && order == 0; i++)
		order = compare_ports(&ports[x->port + i], &ports[y->port + i]);
	if (order == 0)
		order = (x->n > y->n) - (x->n < y->n);
	return order;
}

/* Gives sets with the same ports the same number and keeps the first of them in `order`. */
static void number_sets(struct builder *builder)
{
	size_t n_kept = 0;

	builder->order.len = 0;
	for (size_t i = 0; i < builder->sets.len; i++) {
		if (builder->sets.items[i].is_used)
			ARRAY_PUSH(&builder->order, i);
	}

	size_t *order = builder->order.items;

	qsort_r(order, builder->order.len, sizeof(*order), compare_sets, builder);
	for (size_t i = 0; i < builder->order.len; i++) {
		struct build_set *set = &builder->sets.items[order[i]];

		if (n_kept > 0 && compare_sets(&order[n_kept - 1], &order[i], builder) == 0)
			builder->sets.items[order[n_kept - 1]].n_hosts += set->n_hosts;
		else
			order[n_kept++] = order[i];
		set->id = (uint32_t)n_kept - 1;
	}
	builder->order.len = n_kept;
}

static uint32_t read_v4(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static int compare_v4(const void *a, const void *b)
{
	uint32_t x = read_v4(a), y = read_v4(b);

	return (x > y) - (x < y);
}

static int compare_v6(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Sorts addresses of `size` octets and drops duplicates. Returns how many are left. */
static uint32_t sort_addresses(struct text *addresses, size_t size)
{
	char *bytes = addresses->bytes;
	size_t kept = 0;

	if (addresses->len > size)
		qsort(bytes, addresses->len / size, size, size == 4 ? compare_v4 : compare_v6);
	for (size_t at = 0; at < addresses->len; at += size) {
		if (at > 0 && memcmp(bytes + kept - size, bytes + at, size) == 0)
			continue;
		memmove(bytes + kept, bytes + at, size);
		kept += size;
	}
	addresses->len = kept;
	return (uint32_t)(kept / size);
}

/* The service's own addresses; the hosts' come behind them. */
static void gather_addresses(struct builder *builder)
{
	const struct table_service_in *in = builder->in;

	builder->v4.len = builder->v6.len = 0;
	for (size_t i = 0; in->kind == TABLE_SERVICE_HEADLESS && i < in->n_endpoints; i++)
		push_address(builder, &in->endpoints[i].address);
	for (size_t i = 0; in->kind == TABLE_SERVICE_CLUSTER_IP && i < in->n_addresses; i++)
		push_address(builder, &in->addresses[i]);
	builder->n_v4 = sort_addresses(&builder->v4, 4);
	builder->n_v6 = sort_addresses(&builder->v6, 16);
}

static void append(struct text *body, const void *bytes, size_t len)
{
	text_append(body, bytes, len);
}

/* Numbers of ports and hosts of each set, the numbers of all at the end, and the ports. */
static void write_sets(struct builder *builder, struct node_body *head)
{
	struct node_set end = {0};
	const struct build_set *set;

	head->n_sets = (uint32_t)builder->order.len;
	head->sets_at = (uint32_t)builder->body.len;
	for (size_t i = 0; i < builder->order.len; i++) {
		set = &builder->sets.items[builder->order.items[i]];
		end.n_hosts = set->n_hosts;
		append(&builder->body, &end, sizeof(end));
		end.port += (uint32_t)set->n;
	}
	end.n_hosts = 0;
	append(&builder->body, &end, sizeof(end));
	for (size_t i = 0; i < builder->order.len; i++) {
		set = &builder->sets.items[builder->order.items[i]];
		if (set->n > 0)
			append(&builder->body, &builder->ports.items[set->port],
			       set->n * sizeof(struct table_port));
	}
}

static void write_body(struct builder *builder, size_t own_set)
{
	const struct table_service_in *in = builder->in;
	const struct build_set *own = &builder->sets.items[own_set];
	struct text *body = &builder->body;
	struct node_body head = {
		.kind = (uint8_t)in->kind,
		.n_v4 = builder->n_v4,
		.n_v6 = builder->n_v6,
		.n_hosts = (uint32_t)builder->hosts.len - 1,
		.set = own->id,
	};

	for (size_t i = 0; i < own->n; i++) {
		const struct table_port *port = &builder->ports.items[own->port + i];

		if (port->name[0])
			head.protos |= (uint8_t)(1u << port->proto);
	}
	for (size_t i = 0; i < head.n_hosts; i++) {
		struct table_host *host = &builder->hosts.items[i];

		host->set = builder->sets.items[host->set].id;
	}
	body->len = 0;
	append(body, &head, sizeof(head));
	append(body, builder->hosts.items, builder->hosts.len * sizeof(struct table_host));
	write_sets(builder, &head);
	head.v4_at = (uint32_t)body->len;
	append(body, builder->v4.bytes, builder->v4.len);
	head.v6_at = (uint32_t)body->len;
	append(body, builder->v6.bytes, builder->v6.len);
	head.labels_at = (uint32_t)body->len;
	append(body, builder->labels.bytes, builder->labels.len);
	memcpy(body->bytes, &head, sizeof(head));
}

const struct node_body *build_body(struct builder *builder, const struct table_service_in *in,
				   size_t *size_bytes)
{
	builder->in = in;
	builder->sets.len = builder->ports.len = builder->rows.len = 0;
	if (in->kind != TABLE_SERVICE_ALIAS) {
		for (size_t i = 0; i < in->n_port_sets; i++)
			add_set(builder, in->port_sets[i].ports, in->port_sets[i].n);
		sort_rows(builder);
	}
	gather_addresses(builder);
	cut_hosts(builder);

	size_t own_set = find_own_set(builder);

	number_sets(builder);
	if (in->kind == TABLE_SERVICE_ALIAS) {
		CHECK(in->alias_len > 0 && in->alias_len <= DNS_NAME_MAX);
		append(&builder->labels, in->alias, in->alias_len);
	} else if (builder->rows.len == 0 && builder->n_v4 + builder->n_v6 == 0) {
		return NULL;
	}
	write_body(builder, own_set);
	*size_bytes = builder->body.len;
	return (const struct node_body *)(const void *)builder->body.bytes;
}

void builder_fini(struct builder *builder)
{
	ARRAY_FINI(&builder->rows);
	ARRAY_FINI(&builder->hosts);
	ARRAY_FINI(&builder->sets);
	ARRAY_FINI(&builder->merges);
	ARRAY_FINI(&builder->lists);
	ARRAY_FINI(&builder->order);
	ARRAY_FINI(&builder->ports);
	text_fini(&builder->v4);
	text_fini(&builder->v6);
	text_fini(&builder->labels);
	text_fini(&builder->body);
}
