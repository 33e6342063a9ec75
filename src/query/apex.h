/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that a zone has of its own: the apex (SOA, NS), ns.dns, dns-version; and a lookup in
 * progress. Worker thread, inside RCU.
 */
#ifndef KANAME_QUERY_APEX_H
#define KANAME_QUERY_APEX_H

#include "answer.h"
#include "query/query.h"

enum outcome {
	OUTCOME_FOUND,	   /* records are written */
	OUTCOME_NODATA,	   /* the name exists, the type does not */
	OUTCOME_NXDOMAIN,  /* no such name */
	OUTCOME_ALIAS,	   /* an ExternalName: nothing is written yet, lookup.view has it */
	OUTCOME_NOT_READY, /* of a CNAME's target: its cluster is not synced */
};

/* One name that is being looked up: the question's, then each CNAME's target. */
struct lookup {
	struct answer *answer;
	const struct query_cluster_config *cluster;
	const struct query_config *config;
	const struct table *table;
	const struct dns_name *name; /* in zone */
	uint16_t owner;		     /* where the name stands in the message */
	struct answer_zone zone;
	const struct dns_name *domain; /* of names below this zone's NS: a forward zone */
	struct table_view view;	       /* of an ALIAS */
};

/* The zone's own name. */
enum outcome apex_resolve(struct lookup *lookup);

/* ns.dns.ZONE: the addresses of the DNS service, else our own. */
enum outcome apex_resolve_ns_name(struct lookup *lookup);

/* dns-version.ZONE (Kubernetes DNS specification 2.2). */
enum outcome lookup_version(struct lookup *lookup);

/* The name exists and everything was asked for: one HINFO record (RFC 8482 4.2). */
enum outcome lookup_any(struct lookup *lookup);

/* The name has these addresses and nothing else. */
enum outcome lookup_addresses(struct lookup *lookup, const struct address *addresses, size_t n);

#endif
