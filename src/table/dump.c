/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything in the table as sorted lines: each entry writes its lines, views of it are read
 * through the same functions as answers are. Lines come in the order of the hash and are sorted at
 * the end.
 */
#include "dump.h"

#include "pointers.h"

/* "web.shop" of octets without a final zero, after an optional label. */
static void put_name(struct text *out, const uint8_t *label, const uint8_t *name, size_t len)
{
	uint8_t wire[DNS_NAME_MAX + 1];
	char text[DNS_NAME_TEXT_MAX];
	size_t label_len = label ? 1 + (size_t)label[0] : 0;

	CHECK(label_len + len < DNS_NAME_MAX);
	if (label)
		memcpy(wire, label, label_len);
	memcpy(wire + label_len, name, len);
	wire[label_len + len] = 0;
	text_append(out, text, dns_name_to_text(wire, label_len + len + 1, text) - 1);
}

static void put_service_name(struct text *out, const struct table_node *node, const uint8_t *label)
{
	size_t len;
	const uint8_t *name = table_node_name(node, &len);

	put_name(out, label, name, len);
	text_puts(out, ".svc");
}

static void put_address(struct text *out, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];

	address_to_text(address, text);
	text_puts(out, text);
}

static void dump_addresses(struct text *out, const struct table_view *view, const uint8_t *label,
			   enum address_family family)
{
	struct table_addresses addresses = table_addresses(view, family);
	struct address address = {.family = (uint8_t)family};
	size_t size = address_size(&address);

	for (uint32_t i = 0; i < addresses.n; i++) {
		memcpy(address.bytes, addresses.bytes + i * size, size);
		put_service_name(out, view->node, label);
		text_puts(out, family == ADDRESS_V4 ? " A " : " AAAA ");
		put_address(out, &address);
		text_puts(out, "\n");
	}
}

/* The SRV records of a view, owned by prefix, label and the service's name. */
static void dump_srv(struct text *out, const struct table_view *view, const char *prefix,
		     const uint8_t *label)
{
	struct table_target target;

	for (uint32_t i = 0; i < table_n_targets(view); i++) {
		table_target(view, i, &target);
		for (uint32_t k = 0; k < target.n_ports; k++) {
			if (!table_port_matches(view, &target.ports[k]))
				continue;
			text_puts(out, prefix);
			put_service_name(out, view->node, label);
			text_printf(out, " SRV %u ", (unsigned)target.ports[k].port);
			put_service_name(out, view->node, target.label);
			text_puts(out, "\n");
		}
	}
}

static void dump_port(struct text *out, const struct table_node *node,
		      const struct table_port *port)
{
	static const char *const protos[] = {"tcp", "udp", "sctp"};
	struct table_view view = {
		.kind = TABLE_PORT,
		.node = node,
		.port_name = (const uint8_t *)port->name,
		.port_name_len = (uint8_t)strlen(port->name),
		.proto = port->proto,
	};
	char prefix[DNS_LABEL_MAX + 16];

	snprintf(prefix, sizeof(prefix), "_%s._%s.", port->name, protos[port->proto]);
	dump_srv(out, &view, prefix, NULL);
}

/* A service's ports are sorted by name and protocol: each pair of them is dumped once. */
static void dump_ports(struct text *out, const struct table_node *node)
{
	const struct node_body *body = node_body(node);
	const struct node_set *set = &body_sets(body)[body->set];
	const struct table_port *ports = body_ports(body);

	for (uint32_t i = set[0].port; i < set[1].port; i++) {
		bool is_again = i > set[0].port && ports[i].proto == ports[i - 1].proto &&
				strcmp(ports[i].name, ports[i - 1].name) == 0;

		if (ports[i].name[0] && !is_again)
			dump_port(out, node, &ports[i]);
	}
}

static void dump_alias(struct text *out, const struct table_node *node)
{
	struct table_view view = {.kind = TABLE_ALIAS, .node = node};
	char text[DNS_NAME_TEXT_MAX];
	size_t len;
	const uint8_t *alias = table_alias(&view, &len);

	dns_name_to_text(alias, len, text);
	put_service_name(out, node, NULL);
	text_printf(out, " CNAME %s\n", text);
}

static void dump_service(struct text *out, const struct table_node *node)
{
	const struct node_body *body = node_body(node);
	struct table_view view = {.kind = TABLE_SERVICE, .node = node};

	if (body->kind == TABLE_SERVICE_ALIAS) {
		dump_alias(out, node);
		return;
	}
	dump_addresses(out, &view, NULL, ADDRESS_V4);
	dump_addresses(out, &view, NULL, ADDRESS_V6);
	dump_srv(out, &view, "", NULL);
	dump_ports(out, node);
	view.kind = TABLE_HOST;
	for (uint32_t i = 0; i < body->n_hosts; i++) {
		view.host = &body_hosts(body)[i];

		const uint8_t *label = body_label(body, view.host);

		dump_addresses(out, &view, label, ADDRESS_V4);
		dump_addresses(out, &view, label, ADDRESS_V6);
		dump_srv(out, &view, "", label);
	}
}

/* A namespace, a pod or a service, by the form of its key (table.c). */
static void dump_name(struct text *out, const struct entry *entry)
{
	size_t label_len = 1 + (size_t)entry->key[0];
	struct address address = {0};

	if (entry->key_len == label_len) {
		put_name(out, NULL, entry->key, label_len);
		text_puts(out, " NAMESPACE\n");
	} else if (entry->key[label_len] > DNS_LABEL_MAX) {
		address.family = entry->key[label_len] - NODE_POD_MARK;
		memcpy(address.bytes, entry->key + label_len + 1, address_size(&address));
		put_name(out, NULL, entry->key, label_len);
		text_puts(out, " POD ");
		put_address(out, &address);
		text_puts(out, "\n");
	} else {
		dump_service(out, (const struct table_node *)entry);
	}
}

static void dump_pointers(struct text *out, const struct entry *entry)
{
	const struct table_pointers *pointers = (const struct table_pointers *)entry;
	size_t size = entry->key_len - 1u;
	struct address address = {.family = size == 4 ? ADDRESS_V4 : ADDRESS_V6};

	if (entry->key[0] != size * 8) /* a prefix */
		return;
	memcpy(address.bytes, entry->key + 1, size);
	for (uint32_t i = 0; i < table_n_pointers(pointers); i++) {
		size_t len;
		const uint8_t *name = table_pointer(pointers, i, &len);

		put_address(out, &address);
		text_puts(out, " PTR ");
		put_name(out, NULL, name, len);
		text_puts(out, ".svc\n");
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_lines(struct text *lines, struct text *out)
{
	ARRAY(const char *) starts = {0};
	char *end;

	for (char *line = lines->bytes; lines->len > 0 && *line; line = end + 1) {
		ARRAY_PUSH(&starts, line);
		end = strchr(line, '\n');
		*end = '\0';
	}
	if (starts.len > 1)
		qsort(starts.items, starts.len, sizeof(starts.items[0]), compare_lines);
	for (size_t i = 0; i < starts.len; i++) {
		text_puts(out, starts.items[i]);
		text_puts(out, "\n");
	}
	ARRAY_FINI(&starts);
}

void dump_indexes(const struct index *names, const struct index *addresses, struct text *out)
{
	struct text lines = {0};
	struct cds_lfht_iter iter;
	const struct entry *entry;

	for (entry = index_first(names, &iter); entry; entry = index_next(names, &iter))
		dump_name(&lines, entry);
	for (entry = index_first(addresses, &iter); entry; entry = index_next(addresses, &iter))
		dump_pointers(&lines, entry);
	sort_lines(&lines, out);
	text_fini(&lines);
}
