/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the body of a service (node.h) from what is to be published. Sorting makes it independent
 * of the input's order: O(n log n) for n endpoints. The builder is the writer's scratch memory, as
 * large as the largest service so far.
 */
#ifndef KANAME_TABLE_BUILD_H
#define KANAME_TABLE_BUILD_H

#include "base/array.h"
#include "node.h"

/* An endpoint of the input with the beginning of its label: length and 15 octets, whose order as
 * numbers is the labels' own. That is all of a label made of an IPv4 address, so that sorting
 * thousands of them touches nothing else. */
struct build_row {
	uint64_t head, tail;
	const struct table_endpoint_in *in; /* borrowed during build_body */
};

/* A set of ports: ports[port .. port + n), sorted, without duplicates. */
struct build_set {
	size_t port, n;
	size_t seen; /* 1 + the host that was merged last */
	uint32_t n_hosts;
	uint32_t id; /* as published; sets with the same ports have the same */
	bool is_used;
};

/* A host of several sets, until the one that merges them is known. */
struct build_merge {
	size_t host;
	size_t list, n; /* its sets: lists[list .. list + n), ascending */
};

/* Zeroed memory is ready. */
struct builder {
	const struct table_service_in *in; /* borrowed during build_body */
	ARRAY(struct build_row) rows;	   /* by label, then address */
	ARRAY(struct build_set) sets;	   /* the input's, merged ones, the service's own */
	ARRAY(struct build_merge) merges;
	ARRAY(size_t) lists;
	ARRAY(size_t) order; /* of sets in use, by content */
	ARRAY(struct table_port) ports;
	ARRAY(struct table_host) hosts;
	uint32_t n_v4, n_v6;	    /* the service's own */
	struct text v4, v6, labels; /* octets as published */
	struct text body;
};

/* The body of `in`, borrowed until the next call, and its size; NULL when there is no record. */
const struct node_body *build_body(struct builder *builder, const struct table_service_in *in,
				   size_t *size_bytes);

void builder_fini(struct builder *builder);

#endif
