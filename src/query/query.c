/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole life of a query, in order: packet, header, class and type, server block, the block's
 * steps, answer. Each early exit stands beside its reason. The happy path: dns_query_parse,
 * external_view, cluster_run, external_run, dns_answer_end. What few queries need is not inline, so
 * that the others save no registers for it.
 */
#include "query/query.h"

#include <netinet/in.h>

#include "acl.h"
#include "any.h"
#include "chaos.h"
#include "cluster.h"
#include "external.h"
#include "hosts.h"
#include "local.h"
#include "probe.h"
#include "rewrite.h"
#include "template.h"
#include "whoami.h"
#include "worker.h"

struct query_worker *query_worker_new(const struct query_config *config, struct log_channel *log)
{
	struct query_worker *worker = mem_zalloc(sizeof(*worker));

	worker->config = config;
	worker->log = log;
	rows_prepare(worker, config);
	worker->cache = cache_new(&config->cache);
	worker->replied = mem_zalloc(sizeof(*worker->replied));
	worker->appended = mem_zalloc(sizeof(*worker->appended));
	worker->regex = regex_scratch_new();
	worker->edit = edit_new();
	worker->top = top_new();
	worker->template = template_scratch_new();
	order_init(&worker->scratch.order);
	return worker;
}

void query_worker_free(struct query_worker *worker)
{
	if (!worker)
		return;
	errors_end(worker);
	cache_free(worker->cache);
	free(worker->replied);
	free(worker->appended);
	regex_scratch_free(worker->regex);
	edit_free(worker->edit);
	template_scratch_free(worker->template);
	top_free(worker->top);
	rows_free(worker);
	free(worker);
}

/* A packet from port 0 cannot be answered, and is forged. */
static bool is_from_port_0(const struct sockaddr *source)
{
	/* sin_port and sin6_port are the same two octets. */
	return ((const struct sockaddr_in *)source)->sin_port == 0;
}

/* What is refused whatever the name is; false when nothing is. */
static bool refuse(struct answer *answer)
{
	uint16_t type = answer->query->type;

	if (answer->query->class != DNS_CLASS_IN) {
		answer_fail(answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED,
			    "only class IN is served");
		return true;
	}
	if (type == DNS_TYPE_AXFR || type == DNS_TYPE_IXFR) {
		answer_fail(answer, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
			    "zone transfer is not offered");
		return true;
	}
	return false;
}

/* Who may ask at all, and what is answered without looking any name up. */
static enum step run_gates(struct answer *answer, const struct query_block_config *block)
{
	const struct dns_query *query = answer->query;

	if (block->has_local && local_run(answer, block) == STEP_DONE)
		return STEP_DONE;
	if (block->acl != NULL && acl_run(answer, block, &query->name) == STEP_DONE)
		return STEP_DONE;
	if (block->has_any && query->type == DNS_TYPE_ANY && any_run(answer) == STEP_DONE)
		return STEP_DONE;
	if (block->chaos && query->class == DNS_CLASS_CH &&
	    chaos_run(answer, block->chaos) == STEP_DONE)
		return STEP_DONE;
	if (block->rewrite != NULL) {
		if (rewrite_run(answer, block) == STEP_DONE)
			return STEP_DONE;
		if (block->acl && answer->query != query &&
		    acl_run(answer, block, &answer->query->name) == STEP_DONE)
			return STEP_DONE;
	}
	return STEP_NEXT;
}

/* The steps before the cluster's names, which few blocks have; what is refused anyhow is in
 * between. */
__attribute__((noinline)) static enum step run_early(struct answer *answer,
						     const struct query_block_config *block)
{
	if (edit_is_wanted(block))
		edit_begin(answer);
	if (block->rewrite || block->templates)
		regex_begin(answer->worker->regex);
	if (run_gates(answer, block) == STEP_DONE)
		return STEP_DONE;
	if (block->templates && template_run(answer, block) == STEP_DONE)
		return STEP_DONE;
	if (refuse(answer))
		return STEP_DONE;
	return block->hosts ? hosts_run(answer, block->hosts) : STEP_NEXT;
}

/* The steps of a server block, in CoreDNS's order. */
static void run_steps(struct answer *answer, const struct query_view_config *view,
		      const struct query_config *config, const struct query_input *input)
{
	const struct query_block_config *block = &config->blocks[view->block];

	ANSWER_TRACE(answer, "server block %s: zone %s", block->place, view->zone_text);
	if (LIKELY(block->is_plain) ? refuse(answer) : run_early(answer, block) == STEP_DONE)
		return;
	for (size_t i = 0; i < block->n_clusters; i++) {
		if (cluster_run(answer, &block->clusters[i], config) == STEP_DONE)
			return;
	}
	if (block->n_forwards > 0 && external_run(answer, view) == STEP_DONE)
		return;
	if (block->has_whoami) {
		whoami_run(answer, input);
		return;
	}
	ANSWER_TRACE(answer, "no step of this server block has the name: REFUSED");
	answer_fail(answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE,
		    "not a name of this cluster, and nothing is forwarded");
}

/* How long the message may be. */
static size_t answer_limit(const struct query_input *input, const struct query_output *output,
			   size_t udp_answer_max)
{
	size_t limit = output->capacity;

	if (input->is_tcp)
		return limit;
	if (limit > udp_answer_max)
		limit = udp_answer_max;
	return output->query.udp_size < limit ? output->query.udp_size : limit;
}

#define PARTIAL_TEXT "a random part of the set, which is larger than a message"

/* Over TCP nothing larger can be asked for, and resolvers take TC there for a failure (Go's did):
 * the client gets what a message holds, and is told in words. */
static void tell_partial(struct answer *answer)
{
	answer->end.flags &= (uint16_t)~DNS_FLAG_TC;
	answer->end.ede = DNS_EDE_OTHER;
	answer->end.ede_text = PARTIAL_TEXT;
}

/* What an NSID option will take: the query asks for it, and the block answers it. */
static size_t nsid_size(const struct answer *answer)
{
	return answer->end.nsid ? dns_nsid_size(answer->query, answer->end.nsid_len) : 0;
}

/* An extended error's text, then the error itself, are left out where they do not fit. */
static void fit_error(struct answer *answer)
{
	size_t left = answer->writer.size - answer->writer.pos - nsid_size(answer);
	bool is_keepalive_sent = answer->end.is_keepalive_sent;

	if (dns_opt_size(answer->query, answer->end.ede, answer->end.ede_text, is_keepalive_sent) >
	    left)
		answer->end.ede_text = NULL;
	if (dns_opt_size(answer->query, answer->end.ede, NULL, is_keepalive_sent) > left)
		answer->end.ede = DNS_EDE_NONE;
}

/* Header alone: the question could not be read or must not be. */
static enum query_verdict answer_bare(struct query_output *output, enum dns_rcode rcode)
{
	output->view = NULL;
	output->plugin = QUERY_PLUGIN_NONE;
	output->error = NULL;
	output->n_answer = 0;
	output->rcode = (uint16_t)rcode;
	output->class = QUERY_CLASS_NONE;
	output->result = QUERY_RESULT_HIT;
	output->upstream = NULL;
	output->wants_refresh = false;
	output->query.type = 0;
	output->query.has_do = false;
	output->size = dns_answer_error(&output->query, rcode, output->bytes);
	return QUERY_ANSWER;
}

/* Is it one for `errors`? A forwarder that refuses for want of room is, a policy that refuses is
 * not. */
static bool is_failure(const struct answer *answer)
{
	return answer->end.rcode == DNS_RCODE_SERVFAIL ||
	       (answer->end.rcode == DNS_RCODE_REFUSED && answer->plugin == QUERY_PLUGIN_FORWARD);
}

/* What came out, beside the message itself. */
static void fill_output(struct query_output *output, const struct answer *answer)
{
	output->rcode = (uint16_t)answer->end.rcode;
	output->n_answer = answer->end.n_answer;
	output->plugin = answer->plugin;
	output->class = answer->class;
	output->result = answer->result;
	output->error = is_failure(answer) ? answer->end.ede_text : NULL;
}

/* A query that could be read: the block's steps between the frame's begin and end. */
static enum query_verdict answer_query(struct query_worker *worker, const struct query_input *input,
				       struct query_output *output, bool is_bad_version)
{
	const struct query_config *config = worker->config;
	const struct dns_query *query = &output->query;
	const struct query_view_config *view =
		external_view(&config->servers[input->server], &query->name);
	const struct query_block_config *block = view ? &config->blocks[view->block] : NULL;
	size_t limit = answer_limit(input, output,
				    block ? block->udp_answer_max : QUERY_UDP_ANSWER_DEFAULT);
	struct wire_writer writer = wire_writer_init(output->bytes, limit);
	struct answer answer = {
		.worker = worker,
		.query = query,
		.scratch = &worker->scratch,
		.end = {.flags = block && block->n_forwards > 0 ? DNS_FLAG_RA : 0,
			.own_udp_size = QUERY_UDP_ANSWER_DEFAULT,
			.ede = DNS_EDE_NONE,
			.is_keepalive_sent = input->is_tcp && query->has_keepalive,
			.keepalive_100ms = config->tcp_keepalive_100ms},
	};

	worker->input = input;
	worker->output = output;
	output->view = view;
	output->wants_refresh = false;
	output->upstream = NULL;
	dns_answer_begin(&writer, query);
	writer.size -=
		dns_opt_size(query, input->is_tcp ? DNS_EDE_OTHER : DNS_EDE_NONE,
			     input->is_tcp ? PARTIAL_TEXT : NULL, answer.end.is_keepalive_sent);
	if (UNLIKELY(query->has_nsid && block && block->nsid)) {
		answer.end.nsid = block->nsid;
		answer.end.nsid_len = block->nsid_len;
		writer.size -= nsid_size(&answer);
	}
	answer.writer = writer;
	if (UNLIKELY(is_bad_version))
		answer.end.rcode = DNS_RCODE_BADVERS; /* and no data (RFC 6891 6.1.3) */
	else if (UNLIKELY(query->type == DNS_TYPE_HINFO && probe_run(&answer, config->probe_key)))
		answer.plugin = QUERY_PLUGIN_NONE;
	else if (UNLIKELY(!block))
		answer_fail(&answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE,
			    "no server block has this name");
	else
		run_steps(&answer, view, config, input);
	if (UNLIKELY(answer.is_pending))
		return QUERY_FORWARD;
	if (UNLIKELY(answer.is_dropped))
		return QUERY_DROP;
	if (UNLIKELY(answer.edit != NULL)) {
		edit_finish(&answer, &writer, query);
		answer.writer = writer;
	}
	if (UNLIKELY(input->is_tcp && (answer.end.flags & DNS_FLAG_TC)))
		tell_partial(&answer);
	answer.writer.size = limit;
	if (UNLIKELY(answer.end.ede != DNS_EDE_NONE))
		fit_error(&answer);
	output->size = dns_answer_end(&answer.writer, query, &answer.end);
	fill_output(output, &answer);
	return QUERY_ANSWER;
}

enum query_verdict query_run(struct query_worker *worker, const struct query_input *input,
			     struct query_output *output)
{
	enum dns_parse parse;

	if (UNLIKELY(is_from_port_0(input->source)))
		return QUERY_DROP;
	parse = dns_query_parse(&output->query, input->packet, input->size, input->is_tcp);
	if (UNLIKELY(parse != DNS_PARSE_OK || input->is_cut)) {
		if (parse == DNS_PARSE_DROP)
			return QUERY_DROP;
		if (parse == DNS_PARSE_NOTIMP)
			return answer_bare(output, DNS_RCODE_NOTIMP);
		if (parse == DNS_PARSE_FORMERR || input->is_cut)
			return answer_bare(output, DNS_RCODE_FORMERR);
	}
	return answer_query(worker, input, output, parse == DNS_PARSE_BADVERS);
}

enum query_verdict query_resume(struct query_worker *worker, const struct query_input *input,
				const struct query_external *external, struct query_output *output)
{
	enum query_verdict verdict;

	worker->external = external;
	verdict = query_run(worker, input, output);
	worker->external = NULL;
	return verdict;
}

/* The lines of `errors` and `log`. */
__attribute__((noinline)) static void write_lines(struct query_worker *worker,
						  const struct query_input *input,
						  const struct query_output *output,
						  uint64_t duration_ns, uint64_t now_ns)
{
	const struct query_block_config *block = &worker->config->blocks[output->view->block];

	if (output->error && block->has_errors)
		errors_write(worker, block, output, now_ns);
	if (block->n_logs > 0)
		querylog_write(worker, block, &(struct logline_in){input, output, duration_ns});
}

void query_finish(struct query_worker *worker, const struct query_input *input,
		  const struct query_output *output, uint64_t duration_ns, uint64_t now_ns)
{
	metrics_count(worker, input, output, duration_ns);
	top_count(worker->top, input, output);
	if (LIKELY(output->view != NULL) &&
	    UNLIKELY(output->error || worker->config->blocks[output->view->block].n_logs > 0))
		write_lines(worker, input, output, duration_ns, now_ns);
}

void query_tick(struct query_worker *worker, uint64_t now_ns)
{
	errors_tick(worker, now_ns);
	top_tick(worker->top, now_ns);
}
