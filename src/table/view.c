/* SPDX-License-Identifier: Apache-2.0
 *
 * What a view of a service holds: addresses, SRV targets and ports, read from its body (node.h)
 * without copying. Readers.
 */
#include "node.h"

struct table_addresses body_addresses(const struct node_body *body, enum address_family family)
{
	bool is_v4 = family == ADDRESS_V4;

	return (struct table_addresses){
		.bytes = (const uint8_t *)body + (is_v4 ? body->v4_at : body->v6_at),
		.n = is_v4 ? body->n_v4 : body->n_v6,
	};
}

struct table_addresses body_host_addresses(const struct node_body *body,
					   const struct table_host *host,
					   enum address_family family)
{
	const uint8_t *bytes = (const uint8_t *)body;

	if (family == ADDRESS_V4)
		return (struct table_addresses){
			.bytes = bytes + body->v4_at + 4 * ((size_t)body->n_v4 + host->v4),
			.n = host[1].v4 - host[0].v4,
		};
	return (struct table_addresses){
		.bytes = bytes + body->v6_at + 16 * ((size_t)body->n_v6 + host->v6),
		.n = host[1].v6 - host[0].v6,
	};
}

struct table_addresses table_addresses(const struct table_view *view, enum address_family family)
{
	switch (view->kind) {
	case TABLE_SERVICE:
		return body_addresses(node_body(view->node), family);
	case TABLE_HOST:
		return body_host_addresses(node_body(view->node), view->host, family);
	case TABLE_NONE:
	case TABLE_EMPTY:
	case TABLE_PORT:
	case TABLE_ALIAS:
		break;
	}
	return (struct table_addresses){0};
}

const uint8_t *table_alias(const struct table_view *view, size_t *len)
{
	const struct node_body *body = node_body(view->node);
	size_t at = (size_t)((const uint8_t *)body - (const uint8_t *)view->node);

	CHECK(view->kind == TABLE_ALIAS);
	*len = view->node->entry.n - (at + body->labels_at);
	return (const uint8_t *)body + body->labels_at;
}

const uint8_t *table_node_name(const struct table_node *node, size_t *len)
{
	*len = node->entry.key_len;
	return node->entry.key;
}

bool table_node_is_headless(const struct table_node *node)
{
	return node_body(node)->kind == TABLE_SERVICE_HEADLESS;
}

/* Are the view's SRV targets the hosts of a headless service? */
static bool has_host_targets(const struct table_view *view, const struct node_body *body)
{
	return view->kind != TABLE_HOST && body->kind == TABLE_SERVICE_HEADLESS;
}

static bool has_srv(const struct table_view *view)
{
	return view->kind == TABLE_SERVICE || view->kind == TABLE_HOST || view->kind == TABLE_PORT;
}

uint32_t table_n_targets(const struct table_view *view)
{
	if (!has_srv(view))
		return 0;

	const struct node_body *body = node_body(view->node);

	return has_host_targets(view, body) ? body->n_hosts : 1;
}

static const struct table_port *find_ports(const struct node_body *body, uint32_t set, uint32_t *n)
{
	const struct node_set *sets = body_sets(body);

	*n = sets[set + 1].port - sets[set].port;
	return body_ports(body) + sets[set].port;
}

void table_target(const struct table_view *view, uint32_t i, struct table_target *target)
{
	const struct node_body *body = node_body(view->node);
	const struct table_host *host = view->kind == TABLE_HOST ? view->host : NULL;

	CHECK(i < table_n_targets(view));
	if (has_host_targets(view, body))
		host = &body_hosts(body)[i];
	if (host) {
		target->label = body_label(body, host);
		target->v4 = body_host_addresses(body, host, ADDRESS_V4);
		target->v6 = body_host_addresses(body, host, ADDRESS_V6);
	} else {
		target->label = NULL;
		target->v4 = body_addresses(body, ADDRESS_V4);
		target->v6 = body_addresses(body, ADDRESS_V6);
	}
	target->ports = find_ports(body, host ? host->set : body->set, &target->n_ports);
}

bool table_port_matches(const struct table_view *view, const struct table_port *port)
{
	if (view->kind != TABLE_PORT)
		return true;
	/* The asked name may hold any octet, NUL too. */
	return port->proto == view->proto &&
	       strnlen(port->name, sizeof(port->name)) == view->port_name_len &&
	       memcmp(port->name, view->port_name, view->port_name_len) == 0;
}

static uint32_t count_ports(const struct table_view *view, const struct node_body *body,
			    uint32_t set)
{
	uint32_t n_ports, n = 0;
	const struct table_port *ports = find_ports(body, set, &n_ports);

	for (uint32_t i = 0; i < n_ports; i++)
		n += table_port_matches(view, &ports[i]);
	return n;
}

uint32_t table_n_srv(const struct table_view *view)
{
	uint32_t n = 0;

	if (!has_srv(view))
		return 0;

	const struct node_body *body = node_body(view->node);

	if (!has_host_targets(view, body))
		return count_ports(view, body,
				   view->kind == TABLE_HOST ? view->host->set : body->set);
	for (uint32_t i = 0; i < body->n_sets; i++)
		n += body_sets(body)[i].n_hosts * count_ports(view, body, i);
	return n;
}
