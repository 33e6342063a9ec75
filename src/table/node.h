/* SPDX-License-Identifier: Apache-2.0
 *
 * A service as published: an entry whose key is the labels SVC and NS, and behind the key, on the
 * next multiple of four octets, its body:
 *
 *   struct node_body | hosts, by label, and one more for its ends | sets, and one more | ports
 *   | v4: the service's, then host by host | v6 likewise | labels of the hosts, or the alias
 *
 * Bodies are equal, octet by octet, exactly when the services are. Readers and the writer.
 */
#ifndef KANAME_TABLE_NODE_H
#define KANAME_TABLE_NODE_H

#include <string.h>

#include "index.h"
#include "table/table.h"

struct table_node {
	struct entry entry;
};

struct node_body {
	uint8_t kind;	/* enum table_service_kind */
	uint8_t protos; /* bit per protocol that has a named port */
	uint16_t reserved;
	uint32_t n_v4, n_v6; /* the service's own */
	uint32_t n_hosts;
	uint32_t n_sets;
	uint32_t set; /* ports of a cluster IP service; all ports of a headless one's hosts */
	uint32_t sets_at, v4_at, v6_at, labels_at; /* octets from the body's start */
};

struct table_host {
	uint32_t label;	 /* octets from labels_at: length octet and text */
	uint32_t v4, v6; /* the first of its addresses; they end where the next host's begin */
	uint32_t set : 31, is_named : 1;
};

struct node_set {
	uint32_t port; /* the first of its ports; they end where the next set's begin */
	uint32_t n_hosts;
};

/* In the key of a pod, behind its namespace: this and the address family. No label is that long. */
#define NODE_POD_MARK 0x40

static inline size_t node_body_at(size_t key_len)
{
	return (entry_rest_at(key_len) + 3) & ~(size_t)3;
}

static inline const struct node_body *node_body(const struct table_node *node)
{
	size_t at = node_body_at(node->entry.key_len);

	return (const struct node_body *)(const void *)((const uint8_t *)node + at);
}

static inline const struct table_host *body_hosts(const struct node_body *body)
{
	return (const struct table_host *)(const void *)(body + 1);
}

static inline const struct node_set *body_sets(const struct node_body *body)
{
	return (const struct node_set *)(const void *)((const uint8_t *)body + body->sets_at);
}

static inline const struct table_port *body_ports(const struct node_body *body)
{
	return (const struct table_port *)(const void *)(body_sets(body) + body->n_sets + 1);
}

static inline const uint8_t *body_label(const struct node_body *body, const struct table_host *host)
{
	return (const uint8_t *)body + body->labels_at + host->label;
}

/* Of a host (which is not the one that marks the end). */
struct table_addresses body_host_addresses(const struct node_body *body,
					   const struct table_host *host,
					   enum address_family family);

/* Of the service itself. */
struct table_addresses body_addresses(const struct node_body *body, enum address_family family);

/* Labels with their length octets: by length, then by octets, which is also the order of the names
 * that begin with them. */
static inline int label_compare(const uint8_t *a, const uint8_t *b)
{
	return a[0] != b[0] ? (int)a[0] - (int)b[0] : memcmp(a + 1, b + 1, a[0]);
}

#endif
