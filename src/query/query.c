/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole life of a query, in order: packet, header, class and type, server block, the block's
 * steps, answer. Each early exit stands beside its reason. The happy path: dns_query_parse,
 * find_view, cluster_run, dns_answer_end.
 */
#include "query/query.h"

#include <netinet/in.h>

#include "cluster.h"
#include "whoami.h"
#include "worker.h"

struct query_worker *query_worker_new(const struct query_config *config, struct log_channel *log)
{
	struct query_worker *worker = mem_zalloc(sizeof(*worker));

	worker->config = config;
	worker->log = log;
	worker->metrics =
		mem_zalloc((config->n_metrics + config->n_servers) * sizeof(*worker->metrics));
	order_init(&worker->scratch.order);
	return worker;
}

void query_worker_free(struct query_worker *worker)
{
	if (worker)
		free(worker->metrics);
	free(worker);
}

/* A packet from port 0 cannot be answered, and is forged. */
static bool is_from_port_0(const struct sockaddr *source)
{
	/* sin_port and sin6_port are the same two octets. */
	return ((const struct sockaddr_in *)source)->sin_port == 0;
}

/* The server's view with the longest zone that has the name; views are sorted so. */
static const struct query_view_config *find_view(const struct query_server_config *server,
						 const struct dns_name *name)
{
	for (size_t i = 0; i < server->n_views; i++) {
		if (dns_name_is_in(name, &server->views[i].zone))
			return &server->views[i];
	}
	return NULL;
}

/* The steps of a server block, in CoreDNS's order. */
static void run_steps(struct answer *answer, const struct query_block_config *block,
		      const struct query_config *config, const struct query_input *input)
{
	for (size_t i = 0; i < block->n_clusters; i++) {
		if (cluster_run(answer, &block->clusters[i], config) == STEP_DONE)
			return;
	}
	if (block->has_whoami) {
		whoami_run(answer, input);
		return;
	}
	answer_fail(answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE,
		    "not a name of this cluster, and nothing is forwarded");
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

/* The message's limit without what OPT will take. */
static size_t answer_limit(const struct dns_query *query, const struct query_input *input,
			   const struct query_output *output, size_t udp_answer_max)
{
	size_t limit = output->capacity;

	if (!input->is_tcp) {
		limit = query->udp_size < udp_answer_max ? query->udp_size : udp_answer_max;
		if (limit > output->capacity)
			limit = output->capacity;
	} else if (limit > DNS_MESSAGE_MAX) {
		limit = DNS_MESSAGE_MAX;
	}
	return limit;
}

/* An extended error's text, then the error itself, are left out where they do not fit. */
static void fit_error(struct answer *answer, size_t limit, bool is_keepalive_sent)
{
	size_t left = limit - answer->writer.pos;

	if (dns_opt_size(answer->query, answer->ede, answer->ede_text, is_keepalive_sent) > left)
		answer->ede_text = NULL;
	if (dns_opt_size(answer->query, answer->ede, NULL, is_keepalive_sent) > left)
		answer->ede = DNS_EDE_NONE;
}

/* Header and OPT. */
static void finish_answer(struct query_worker *worker, struct answer *answer,
			  const struct query_input *input, size_t limit)
{
	const struct dns_query *query = answer->query;
	bool is_keepalive_sent = input->is_tcp && query->has_keepalive;

	answer->writer.size = limit;
	if (UNLIKELY(answer->ede != DNS_EDE_NONE))
		fit_error(answer, limit, is_keepalive_sent);

	struct dns_answer_end end = {
		.flags = (uint16_t)answer->flags,
		.rcode = answer->rcode,
		.n_answer = answer->n_answer,
		.n_authority = answer->n_authority,
		.n_additional = answer->n_additional,
		.own_udp_size = QUERY_UDP_ANSWER_DEFAULT,
		.ede = answer->ede,
		.ede_text = answer->ede_text,
		.is_keepalive_sent = is_keepalive_sent,
		.keepalive_100ms = worker->config->tcp_keepalive_100ms,
	};

	dns_answer_end(&answer->writer, query, &end);
}

/* Header alone: the question could not be read or must not be. */
static enum query_verdict answer_bare(struct query_worker *worker, struct query_output *output,
				      enum dns_rcode rcode)
{
	output->size = dns_answer_error(&worker->query, rcode, output->bytes);
	output->rcode = (uint16_t)rcode;
	output->flags = DNS_FLAG_QR;
	output->id = worker->query.id;
	return QUERY_ANSWER;
}

/* What query_finish will want to know. */
static void fill_output(struct query_output *output, const struct answer *answer,
			const struct query_block_config *block)
{
	const struct dns_query *query = answer->query;

	output->size = answer->writer.pos;
	output->rcode = (uint16_t)answer->rcode;
	output->flags = (uint16_t)(output->bytes[2] << 8 | output->bytes[3]);
	output->type = query->type;
	output->class = query->class;
	output->udp_size = query->udp_size;
	output->id = query->id;
	output->n_answer = answer->n_answer;
	output->has_do = query->has_do;
	output->has_keepalive = query->has_keepalive;
	output->plugin = answer->plugin;
	if (answer->rcode == DNS_RCODE_SERVFAIL)
		output->error = answer->ede_text;
	output->is_logged = block && block->n_logs > 0 && querylog_wants(block, &query->name);
	if (output->is_logged || output->error)
		dns_name_to_text(query->name.wire, query->name.len, output->name_text);
}

enum query_verdict query_run(struct query_worker *worker, const struct query_input *input,
			     struct query_output *output)
{
	const struct query_config *config = worker->config;
	struct dns_query *query = &worker->query;
	const struct query_block_config *block = NULL;
	size_t udp_answer_max = QUERY_UDP_ANSWER_DEFAULT;
	enum dns_parse parse;

	output->view = NULL;
	output->plugin = "";
	output->error = NULL;
	output->type = output->class = output->udp_size = output->n_answer = 0;
	output->is_logged = output->has_do = output->has_keepalive = false;
	if (UNLIKELY(is_from_port_0(input->source)))
		return QUERY_DROP;
	parse = dns_query_parse(query, input->packet, input->size, input->is_tcp);
	if (parse == DNS_PARSE_DROP)
		return QUERY_DROP;
	if (parse == DNS_PARSE_NOTIMP)
		return answer_bare(worker, output, DNS_RCODE_NOTIMP);
	if (parse == DNS_PARSE_FORMERR || input->is_cut)
		return answer_bare(worker, output, DNS_RCODE_FORMERR);

	struct answer answer = {
		.query = query,
		.scratch = &worker->scratch,
		.writer = wire_writer_init(output->bytes, output->capacity),
		.ede = DNS_EDE_NONE,
		.plugin = "",
	};
	const struct query_view_config *view =
		find_view(&config->servers[input->server], &query->name);

	if (LIKELY(view != NULL)) {
		output->view = view;
		block = &config->blocks[view->block];
		udp_answer_max = block->udp_answer_max;
	}

	size_t limit = answer_limit(query, input, output, udp_answer_max);

	dns_answer_begin(&answer.writer, query);
	answer.writer.size = limit - dns_opt_size(query, DNS_EDE_NONE, NULL,
						  input->is_tcp && query->has_keepalive);
	if (parse == DNS_PARSE_BADVERS)
		answer.rcode = DNS_RCODE_BADVERS; /* and no data (RFC 6891 6.1.3) */
	else if (!refuse(&answer)) {
		if (LIKELY(block != NULL))
			run_steps(&answer, block, config, input);
		else
			answer_fail(&answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE,
				    "no server block has this name");
	}
	finish_answer(worker, &answer, input, limit);
	fill_output(output, &answer, block);
	return QUERY_ANSWER;
}

void query_finish(struct query_worker *worker, const struct query_input *input,
		  const struct query_output *output, uint64_t duration_ns, uint64_t now_ns)
{
	metrics_count(worker, input, output, duration_ns);
	if (UNLIKELY(output->is_logged || output->error))
		querylog_write(worker, input, output, duration_ns, now_ns);
}
