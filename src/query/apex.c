/* SPDX-License-Identifier: Apache-2.0
 *
 * The apex and its few companions. The zone's name servers are the services that have one of our
 * own addresses as an endpoint, which in a cluster is the service `kube-dns`; where there are none,
 * ns.dns.ZONE with our own addresses (dns-facts 1). Asked rarely, so looked up anew each time, in
 * small bounded arrays on the stack.
 */
#include "apex.h"

#define SPEC_VERSION_TTL_S 28800
#define SERVERS_MAX 8
#define OWN_MAX 32 /* addresses given for ns.dns.ZONE */

/* A name server: the name's octets below the zone, and what it is in the table. */
struct server {
	struct dns_name name; /* SVC.NS or HOST.SVC.NS, as if these were whole names */
	struct table_view view;
};

struct servers {
	size_t n;
	struct server items[SERVERS_MAX];
};

enum outcome lookup_version(struct lookup *lookup)
{
	static const uint8_t rdata[] = "\5"
				       "1.1.0";
	uint16_t type = lookup->answer->query->type;

	if (type == DNS_TYPE_ANY)
		return lookup_any(lookup);
	if (type != DNS_TYPE_TXT)
		return OUTCOME_NODATA;
	answer_record(lookup->answer,
		      (struct answer_rr){lookup->owner, DNS_TYPE_TXT, SPEC_VERSION_TTL_S}, rdata,
		      6);
	return OUTCOME_FOUND;
}

enum outcome lookup_any(struct lookup *lookup)
{
	static const uint8_t rdata[] = "\7RFC8482";
	struct answer_rr rr = {lookup->owner, DNS_TYPE_HINFO, lookup->zone.ttl_s};

	answer_record(lookup->answer, rr, rdata,
		      sizeof(rdata)); /* the second string is empty: the final NUL */
	return OUTCOME_FOUND;
}

enum outcome lookup_addresses(struct lookup *lookup, const struct address *addresses, size_t n)
{
	uint16_t type = lookup->answer->query->type;
	bool is_found = false;

	if (type == DNS_TYPE_ANY)
		return lookup_any(lookup);
	for (size_t i = 0; i < n; i++) {
		struct answer_rr rr = {lookup->owner, DNS_TYPE_A, lookup->zone.ttl_s};

		if (addresses[i].family == ADDRESS_V6)
			rr.type = DNS_TYPE_AAAA;
		if (type != rr.type)
			continue;
		is_found = true;
		if (!answer_record(lookup->answer, rr, addresses[i].bytes,
				   (uint16_t)address_size(&addresses[i])))
			break;
	}
	return is_found ? OUTCOME_FOUND : OUTCOME_NODATA;
}

/* Adds the service that a PTR target (HOST.SVC.NS or SVC.NS) belongs to, or the host of a headless
 * one. */
static void add_server(const struct lookup *lookup, struct servers *servers, const uint8_t *pointer,
		       size_t len)
{
	struct server *server = &servers->items[servers->n];
	uint8_t wire[DNS_NAME_MAX + 1];

	if (len >= DNS_NAME_MAX)
		return;
	memcpy(wire, pointer, len);
	wire[len] = 0;
	if (dns_name_from_wire(&server->name, wire, len + 1) != 0)
		return;
	table_find(lookup->table, &server->name, server->name.n_labels, &server->view);
	if (server->view.kind == TABLE_HOST && !table_node_is_headless(server->view.node)) {
		size_t host = 1u + server->name.wire[0];

		if (dns_name_from_wire(&server->name, wire + host, len + 1 - host) != 0)
			return;
		table_find(lookup->table, &server->name, server->name.n_labels, &server->view);
	}
	if (server->view.kind != TABLE_SERVICE && server->view.kind != TABLE_HOST)
		return;
	for (size_t i = 0; i < servers->n; i++) {
		if (dns_name_equal(&servers->items[i].name, &server->name))
			return;
	}
	servers->n++;
}

static void find_servers(const struct lookup *lookup, struct servers *servers)
{
	const struct query_config *config = lookup->config;

	servers->n = 0;
	for (size_t i = 0; i < config->n_own; i++) {
		const struct table_pointers *pointers =
			table_find_address(lookup->table, &config->own[i]);
		uint32_t n = pointers ? table_n_pointers(pointers) : 0;

		for (uint32_t k = 0; k < n && servers->n < SERVERS_MAX; k++) {
			size_t len;
			const uint8_t *pointer = table_pointer(pointers, k, &len);

			add_server(lookup, servers, pointer, len);
		}
	}
}

/* Adds the view's addresses of a family that are not there yet; returns how many there are now. */
static size_t add_addresses(struct address addresses[OWN_MAX], size_t n,
			    const struct table_view *view, enum address_family family)
{
	struct table_addresses set = table_addresses(view, family);
	size_t size = family == ADDRESS_V4 ? 4 : 16;

	for (uint32_t i = 0; i < set.n && n < OWN_MAX; i++) {
		struct address address = {.family = (uint8_t)family};
		size_t k = 0;

		memcpy(address.bytes, set.bytes + i * size, size);
		while (k < n && address_compare(&addresses[k], &address) != 0)
			k++;
		if (k == n)
			addresses[n++] = address;
	}
	return n;
}

enum outcome apex_resolve_ns_name(struct lookup *lookup)
{
	uint16_t type = lookup->answer->query->type;
	size_t n_own = lookup->config->n_own;
	struct servers servers;

	find_servers(lookup, &servers);
	if (servers.n == 0)
		return lookup_addresses(lookup, lookup->config->own,
					n_own < OWN_MAX ? n_own : OWN_MAX);
	if (type == DNS_TYPE_ANY)
		return lookup_any(lookup);
	if (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)
		return OUTCOME_NODATA;

	struct address addresses[OWN_MAX];
	size_t n = 0;

	for (size_t i = 0; i < servers.n; i++)
		n = add_addresses(addresses, n, &servers.items[i].view,
				  type == DNS_TYPE_A ? ADDRESS_V4 : ADDRESS_V6);
	return lookup_addresses(lookup, addresses, n);
}

/* NS ns.dns.ZONE with our own addresses beside it. */
static void write_own_ns(struct lookup *lookup)
{
	struct answer_rr rr = {lookup->owner, DNS_TYPE_NS, lookup->zone.ttl_s};
	struct answer *answer = lookup->answer;
	const struct query_config *config = lookup->config;
	uint8_t wire[DNS_NAME_MAX];
	struct wire_writer target = wire_writer_init(wire, sizeof(wire));
	uint16_t pos;

	wire_put(&target, "\2ns\3dns", 7);
	wire_put(&target, lookup->domain->wire, lookup->domain->len);
	if (target.failed || !answer_name_record(answer, rr, wire, target.pos, &pos))
		return;
	for (size_t i = 0; i < config->n_own && i < OWN_MAX; i++) {
		struct table_addresses own = {.bytes = config->own[i].bytes, .n = 1};

		answer_glue(answer, pos, &own, config->own[i].family, lookup->zone.ttl_s);
	}
}

static void write_ns(struct lookup *lookup)
{
	struct answer_rr rr = {lookup->owner, DNS_TYPE_NS, lookup->zone.ttl_s};
	struct answer *answer = lookup->answer;
	uint16_t pos[SERVERS_MAX] = {0};
	struct servers servers;

	find_servers(lookup, &servers);
	if (servers.n == 0) {
		write_own_ns(lookup);
		return;
	}
	for (size_t i = 0; i < servers.n; i++) {
		const struct dns_name *name = &servers.items[i].name;
		uint8_t wire[DNS_NAME_MAX];
		struct wire_writer target = wire_writer_init(wire, sizeof(wire));

		wire_put(&target, name->wire, name->len - 1u);
		wire_put(&target, "\3svc", 4);
		wire_put(&target, lookup->domain->wire, lookup->domain->len);
		if (target.failed || !answer_name_record(answer, rr, wire, target.pos, &pos[i]))
			return;
	}
	for (size_t i = 0; i < servers.n; i++) {
		struct table_addresses v4 = table_addresses(&servers.items[i].view, ADDRESS_V4);
		struct table_addresses v6 = table_addresses(&servers.items[i].view, ADDRESS_V6);

		answer_glue(answer, pos[i], &v4, ADDRESS_V4, lookup->zone.ttl_s);
		answer_glue(answer, pos[i], &v6, ADDRESS_V6, lookup->zone.ttl_s);
	}
}

enum outcome apex_resolve(struct lookup *lookup)
{
	switch (lookup->answer->query->type) {
	case DNS_TYPE_SOA:
		answer_soa(lookup->answer, &lookup->zone, false);
		return OUTCOME_FOUND;
	case DNS_TYPE_NS:
		write_ns(lookup);
		return OUTCOME_FOUND;
	case DNS_TYPE_ANY:
		return lookup_any(lookup);
	default:
		return OUTCOME_NODATA;
	}
}
