/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's own state on the query path, and what counts and logs it. Worker thread; counters
 * are read by any.
 */
#ifndef KANAME_QUERY_WORKER_H
#define KANAME_QUERY_WORKER_H

#include "answer.h"
#include "base/counter.h"
#include "base/regex.h"
#include "edit.h"
#include "query/query.h"

#define METRICS_N_TYPES 19
#define METRICS_N_RCODES 24 /* 0..23 as RFC 6895; the last also takes what is beyond */

/* Of one transport and address family. */
struct transport_metrics {
	uint64_t requests[METRICS_N_TYPES];
	struct histogram request_bytes;
	struct histogram response_bytes;
};

/* What the steps of a (server, zone) did. */
struct step_counts {
	uint64_t acl_blocked, acl_filtered, acl_allowed, acl_dropped;
	uint64_t localhost;
	uint64_t template_matches[METRICS_N_TYPES]; /* by the type of the question */
	uint64_t template_failures, template_rr_failures;
};

/* What is counted for a (server, zone). */
struct view_metrics {
	uint64_t id;				   /* main's */
	struct transport_metrics transports[2][2]; /* udp, tcp; IPv4, IPv6 */
	uint64_t responses[QUERY_N_PLUGINS][METRICS_N_RCODES];
	uint64_t do_requests;
	struct histogram duration_ns;
	struct step_counts steps;
};

struct query_worker {
	const struct query_config *config; /* borrowed */
	struct log_channel *log;	   /* borrowed */
	struct log_limit error_limit;	   /* of the `errors` directive's lines */
	struct view_metrics **metrics; /* owned: QUERY_METRICS_MAX rows, which main makes: rows.c */
	/* Main's alone: rows that were used once are below n_rows; what was counted in rows that
	 * are another's now. */
	size_t n_rows;
	struct histogram former_ns;
	struct histogram hits_ns; /* of cluster names, as last told */
	struct histogram classes[QUERY_N_CLASSES][QUERY_N_RESULTS]; /* but for cluster hits, which
								       are the rest of all */
	/* The query in hand, for the steps that go outside; borrowed. */
	const struct query_input *input;
	struct query_output *output;
	const struct query_external *external; /* what was asked for it; NULL: nothing yet */
	struct cache *cache;		       /* owned */
	struct cache_question question;	       /* the last that was to be asked */
	struct dns_reply reply;		       /* the last that was learnt, into `replied` */
	struct dns_reply_buffer *replied;      /* owned */
	struct dns_reply_buffer *appended;     /* owned: scratch of dns_reply_append */
	struct regex_scratch *regex;	       /* owned; of `rewrite` and `template` */
	uint64_t regex_limits;		       /* matches that took too long */
	struct log_limit regex_log;	       /* of the lines that tell so */
	struct edit *edit;		       /* owned */
	struct text *trace;		       /* borrowed; NULL but in --explain */
	struct answer_scratch scratch;
};

/* The step counters of the view in hand. Worker thread, while a query with a view is answered. */
static inline struct step_counts *step_counts_of(struct query_worker *worker)
{
	return &worker->metrics[worker->output->view->metrics]->steps;
}

/* Rows for what is new in the configuration. Main thread. */
void rows_prepare(struct query_worker *worker, const struct query_config *config);
void rows_free(struct query_worker *worker);

/* Counts one answered query. */
void metrics_count(struct query_worker *worker, const struct query_input *input,
		   const struct query_output *output, uint64_t duration_ns);

/* The family of regex_limits. */
void metrics_regex_write(struct text *page, struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config);

/* Writes the lines of `log` and `errors` that want this query, which has a view. */
void querylog_write(struct query_worker *worker, const struct query_input *input,
		    const struct query_output *output, uint64_t duration_ns, uint64_t now_ns);

#endif
