/* SPDX-License-Identifier: Apache-2.0
 *
 * The record table: cluster names, many lock-free readers, one writer. Names are relative to the
 * cluster domain, so that several zones serve one table: of web.shop.svc.cluster.local the table
 * knows `web.shop`.
 *
 * The unit that is published is a *service*: all names at and below SVC.NS.svc (its addresses,
 * ports, endpoint hosts), one immutable block of memory found with one hash lookup, and beside it
 * one small block for each address (PTR), namespace and pod. A change to a service builds the new
 * block unseen, replaces the old one atomically and frees it after a grace period: build (may
 * fail), publish (cannot fail), reclaim (deferred). A name that did not change never stops
 * answering.
 *
 * Readers (workers; also tests): table_find*, everything taking a const struct table *; between
 * rcu_enter and rcu_leave, and what they return is borrowed until rcu_leave. Writer (the kube
 * thread, registered with rcu_register): table_put_*, table_remove_*, table_commit.
 */
#ifndef KANAME_TABLE_TABLE_H
#define KANAME_TABLE_TABLE_H

#include "base/text.h"
#include "dns/address.h"

struct table;

/* Empty, not synced, serial 0. Freed by table_free once no reader or writer is left. Any registered
 * thread. */
struct table *table_new(void);
void table_free(struct table *table);

/* ---- readers
 * -------------------------------------------------------------------------------------------------------
 */

/* False until the first full set of objects is in: then nothing can be said about any name (RFC
 * 8914 code 14). */
bool table_is_synced(const struct table *table);

/* SOA serial: grows with every commit that changed something; Unix time of it where that grows. */
uint32_t table_serial(const struct table *table);

enum table_proto { TABLE_TCP, TABLE_UDP, TABLE_SCTP };
#define TABLE_N_PROTOS 3

struct table_port {
	char name[64]; /* a DNS label: at most 63 of [a-z0-9-], lower-case, NUL-terminated; "" is
			  unnamed. With its underscore a name of 63 is longer than any question's
			  label */
	uint8_t proto; /* enum table_proto */
	uint16_t port; /* host byte order */
};

enum table_kind {
	TABLE_NONE,    /* no such name */
	TABLE_EMPTY,   /* exists and holds nothing: a namespace, _tcp.SVC */
	TABLE_SERVICE, /* SVC.NS: addresses; SRV for all its ports */
	TABLE_HOST,    /* HOST.SVC.NS: addresses; SRV for all its ports */
	TABLE_PORT,    /* _port._proto.SVC.NS: SRV */
	TABLE_ALIAS,   /* SVC.NS of an ExternalName service: CNAME */
};

struct table_node; /* a service as published; immutable */
struct table_host; /* one endpoint host name in it */

struct table_view {
	enum table_kind kind;
	const struct table_node *node; /* NULL for NONE and for a namespace */
	const struct table_host *host; /* of TABLE_HOST */
	const uint8_t
		*port_name; /* of TABLE_PORT: without the underscore, in the question's name */
	uint8_t port_name_len;
	uint8_t proto;
};

/*
 * What the first n_labels labels of `name` are below "svc" (those of HOST.SVC.NS; "svc" and the
 * zone not counted): 1 is a namespace, 2 a service, 3 a host or _proto, 4 a _port._proto, 5 and
 * more nothing. n_labels is at least 1 and at most name->n_labels.
 */
void table_find(const struct table *table, const struct dns_name *name, unsigned n_labels,
		struct table_view *view);

struct table_addresses {
	const uint8_t *bytes; /* n times 4 or 16 octets, without duplicates, in ascending order;
				 borrowed */
	uint32_t n;
};

/* Of a SERVICE or HOST view; none for the other kinds. */
struct table_addresses table_addresses(const struct table_view *view, enum address_family family);

/* The CNAME target of an ALIAS view: a whole absolute name in wire form, spelling kept. */
const uint8_t *table_alias(const struct table_view *view, size_t *len);

/* The node's own labels, SVC and NS, in wire form without a final zero octet: "\3web\4shop". */
const uint8_t *table_node_name(const struct table_node *node, size_t *len);

/* A headless service has no cluster IP; its SRV targets are its hosts. */
bool table_node_is_headless(const struct table_node *node);

/*
 * SRV records of a SERVICE, HOST or PORT view: for each target i in [0, table_n_targets) the ports
 * that table_target_port gives. A view without SRV records has no target with a port.
 */
struct table_target {
	const uint8_t *label; /* the host's label with its length octet, to be written before the
				 node's name; NULL: the service itself */
	struct table_addresses v4, v6;
	const struct table_port *ports; /* borrowed */
	uint32_t n_ports;		/* not filtered by the view yet */
};
uint32_t table_n_targets(const struct table_view *view);
void table_target(const struct table_view *view, uint32_t i, struct table_target *target);

/* Is this port of a target in the view's SRV set: all for SERVICE and HOST, those of the asked name
 * and protocol for PORT? */
bool table_port_matches(const struct table_view *view, const struct table_port *port);

/* The number of SRV records of the view: over all targets, all ports that match. */
uint32_t table_n_srv(const struct table_view *view);

/*
 * PTR targets of an address, in the order to be answered: a cluster IP hides endpoints; else hosts
 * with an explicit host name first, then those of headless services, then the rest; by name within
 * each. Each is a wire name without "svc" and zone and without a final zero octet: "\3web\4shop" or
 * "\4host\3web\4shop".
 */
struct table_pointers; /* immutable */
const struct table_pointers *table_find_address(const struct table *table,
						const struct address *address);
uint32_t table_n_pointers(const struct table_pointers *pointers);
const uint8_t *table_pointer(const struct table_pointers *pointers, uint32_t i, size_t *len);

/* Does any address with pointers lie below this prefix (prefix_bits a multiple of 8 for IPv4, of 4
 * for IPv6)? One hash lookup. */
bool table_has_prefix(const struct table *table, const struct address *address,
		      unsigned prefix_bits);

/* Is there such a namespace (an object, or a service or pod in it)? label has its length octet,
 * lower-case. */
bool table_has_namespace(const struct table *table, const uint8_t *label);

/* Has a pod in this namespace this address? */
bool table_has_pod(const struct table *table, const uint8_t *namespace_label,
		   const struct address *address);

/* ---- the writer
 * ------------------------------------------------------------------------------------------------------
 */

struct table_endpoint_in {
	const char *label; /* DNS-1123 label, lower-case, label_len octets */
	uint8_t label_len;
	bool is_named; /* an explicit host name (or pod name), not made of the address: orders PTRs
			*/
	struct address address;
	uint32_t port_set; /* index in port_sets */
};

struct table_port_set_in {
	const struct table_port *ports;
	uint32_t n;
};

enum table_service_kind { TABLE_SERVICE_CLUSTER_IP, TABLE_SERVICE_HEADLESS, TABLE_SERVICE_ALIAS };

/* A service as it shall be from now on. Everything is copied. Endpoints may come in any order, with
 * duplicates, and the same label with several addresses or port sets (several slices): they are
 * merged. The outcome depends on the set only. */
struct table_service_in {
	const char *service, *namespace; /* labels of 1..63 octets, lower-case, NUL-terminated */
	enum table_service_kind kind;
	const struct address
		*addresses; /* cluster IPs; a headless service's are those of its endpoints */
	size_t n_addresses;
	const struct table_port *ports; /* of a cluster IP service */
	size_t n_ports;
	const struct table_endpoint_in *endpoints;
	size_t n_endpoints;
	const struct table_port_set_in *port_sets;
	size_t n_port_sets;
	const uint8_t *alias; /* of an ALIAS: a whole wire name, spelling kept */
	size_t alias_len;
};

/*
 * Publishes a service in place of what was published under its name, its PTRs too. A service
 * without any record (headless without endpoints, no address and no endpoint) is removed. Equal
 * content changes nothing. Returns whether something changed.
 */
bool table_put_service(struct table *table, const struct table_service_in *in);
bool table_remove_service(struct table *table, const char *service, const char *namespace);

/* Namespaces and pods are counted sets: put as often as there are reasons for them, remove as
 * often. */
void table_put_namespace(struct table *table, const char *namespace);
void table_remove_namespace(struct table *table, const char *namespace);
void table_put_pod(struct table *table, const char *namespace, const struct address *address);
void table_remove_pod(struct table *table, const char *namespace, const struct address *address);

/*
 * Ends a batch of changes: moves the serial when there were any, resizes the hash tables, waits for
 * a grace period and frees what was replaced. Called while out of RCU (the table enters by itself
 * in each put). With is_synced true the table is synced from now on, for good.
 */
void table_commit(struct table *table, uint64_t unix_s, bool is_synced);

/* How much is published, for metrics. Any thread. */
struct table_counts {
	uint64_t services, endpoints, addresses, namespaces, pods;
};
struct table_counts table_counts(const struct table *table);

/* Everything as sorted lines "web.shop.svc A 10.0.0.1", "_http._tcp.web.shop.svc SRV 80
 * web.shop.svc", "10.0.0.1 PTR web.shop.svc", "shop NAMESPACE", "shop POD 10.1.0.3": to compare two
 * tables name by name. A reader. */
void table_dump(const struct table *table, struct text *out);

#endif
