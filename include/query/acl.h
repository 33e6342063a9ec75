/* SPDX-License-Identifier: Apache-2.0
 *
 * The `acl` lines of a server block, as config/ makes them and the step reads them: immutable, in
 * the configuration's arena. Any thread.
 */
#ifndef KANAME_QUERY_ACL_H
#define KANAME_QUERY_ACL_H

#include "dns/address.h"
#include "query/query.h"

enum query_acl_action {
	QUERY_ACL_ALLOW,
	QUERY_ACL_BLOCK,  /* REFUSED */
	QUERY_ACL_FILTER, /* NOERROR, without records */
	QUERY_ACL_DROP	  /* nothing is sent */
};

/* Addresses of one family, first and last included; network order, the rest of IPv4's octets zero.
 */
struct query_acl_range {
	uint8_t first[16], last[16];
};

struct query_acl_ranges {
	const struct query_acl_range *items; /* sorted, and none touches another */
	size_t n;
};

/* ACTION [type QTYPE...] [net SOURCE...] */
struct query_acl_rule {
	enum query_acl_action action;
	const uint16_t *types; /* n_types of them; none: every type */
	size_t n_types;
	bool is_any_source;
	struct query_acl_ranges v4, v6; /* without is_any_source */
	const char *place;
};

/* A line of the directive. The lines are tried in their order, of each the first rule that matches;
 * none matches: the query is allowed. */
struct query_acl {
	struct query_zones zones;
	const struct query_acl_rule *rules;
	size_t n_rules;
	const struct query_acl *next;
};

/* Is the address in one of the ranges, which are of its family? */
bool query_acl_has(const struct query_acl_ranges *ranges, const uint8_t address[16]);

#endif
