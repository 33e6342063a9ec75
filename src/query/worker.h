/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's own state on the query path, and what counts and logs it. Worker thread; counters
 * are read by any.
 */
#ifndef KANAME_QUERY_WORKER_H
#define KANAME_QUERY_WORKER_H

#include "answer.h"
#include "base/counter.h"
#include "query/query.h"

#define METRICS_N_TYPES 19
#define METRICS_N_RCODES 24 /* 0..23 as RFC 6895; the last also takes what is beyond */
#define METRICS_N_PLUGINS 3

/* What is counted for a (server, zone); [proto] is udp, tcp; [family] is IPv4, IPv6. */
struct view_metrics {
	uint64_t requests[2][2][METRICS_N_TYPES];
	uint64_t responses[METRICS_N_PLUGINS][METRICS_N_RCODES];
	uint64_t do_requests;
	struct histogram duration_ns;
	struct histogram request_bytes[2];
	struct histogram response_bytes[2];
};

struct query_worker {
	const struct query_config *config; /* borrowed */
	struct log_channel *log;	   /* borrowed */
	struct log_limit error_limit;	   /* of the `errors` directive's lines */
	struct view_metrics *metrics; /* owned: n_metrics, then one for each server ("dropped") */
	struct dns_query query;	      /* the one in hand */
	struct answer_scratch scratch;
};

/* Counts one answered query. */
void metrics_count(struct query_worker *worker, const struct query_input *input,
		   const struct query_output *output, uint64_t duration_ns);

/* Writes the lines of `log` and `errors` that want this query. */
void querylog_write(struct query_worker *worker, const struct query_input *input,
		    const struct query_output *output, uint64_t duration_ns, uint64_t now_ns);

/* Does any `log` line of the block name this query's name? (Its class is known later.) */
bool querylog_wants(const struct query_block_config *block, const struct dns_name *name);

#endif
