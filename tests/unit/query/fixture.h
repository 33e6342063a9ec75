/* SPDX-License-Identifier: Apache-2.0
 *
 * A small cluster in a table, and a server block that serves it: what the query tests and the fuzz
 * target ask.
 */
#ifndef KANAME_TESTS_FIXTURE_H
#define KANAME_TESTS_FIXTURE_H

#include "query/query.h"

struct fixture {
	struct dns_name zones[4];
	struct query_cluster_config cluster;
	struct query_block_config blocks[2];
	struct query_view_config views[2];
	struct query_server_config server;
	struct address own;
	struct table *table;
	struct query_config config;
	struct query_worker *worker;
	uint8_t answer[65535];
	struct query_output output;
};

/* Zones cluster.local, other.local and both reverse zones; block 1 serves who.example with whoami.
 * The caller is inside no RCU section and registered. */
void fixture_init(struct fixture *fixture);
void fixture_fini(struct fixture *fixture);

/* Runs one packet; the answer is in fixture->answer and .output. */
enum query_verdict fixture_run(struct fixture *fixture, const uint8_t *packet, size_t size,
			       bool is_tcp);

#endif
