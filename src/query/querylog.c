/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of `log` (CoreDNS's {common} and {combined} formats) and of `errors`. Formatted on the
 * stack, handed to the worker's log channel, which never blocks. Lines of `errors` pass at most
 * ERRORS_PER_S times a second.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "worker.h"

#define ERRORS_PER_S 10

static unsigned class_of(const struct query_output *output)
{
	if (output->rcode == DNS_RCODE_NXDOMAIN)
		return QUERY_LOG_DENIAL;
	if (output->rcode != DNS_RCODE_NOERROR)
		return QUERY_LOG_ERROR;
	return output->n_answer > 0 || output->plugin == QUERY_PLUGIN_WHOAMI ? QUERY_LOG_SUCCESS
									     : QUERY_LOG_DENIAL;
}

/* The first line of `log` that has the name and the class, or NULL. */
static const struct query_log_config *find_log(const struct query_block_config *block,
					       const struct query_output *output)
{
	unsigned class = class_of(output);

	for (size_t i = 0; i < block->n_logs; i++) {
		const struct query_log_config *log = &block->logs[i];

		for (size_t k = 0; k < log->names.n; k++) {
			if ((log->classes & class) &&
			    dns_name_is_in(&output->query.name, &log->names.items[k]))
				return log;
		}
	}
	return NULL;
}

/* "192.0.2.1:4711", "[2001:db8::1]:4711" */
static void source_text(const struct sockaddr *source, char *out, size_t size)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
	char address[INET6_ADDRSTRLEN];

	if (source->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
		snprintf(out, size, "[%s]:%u", address, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
		snprintf(out, size, "%s:%u", address, ntohs(v4->sin_port));
	}
}

/* "qr,aa,rd" */
static void flags_text(uint16_t flags, char *out, size_t size)
{
	static const struct {
		uint16_t flag;
		const char *text;
	} all[] = {{DNS_FLAG_QR, "qr"}, {DNS_FLAG_AA, "aa"}, {DNS_FLAG_TC, "tc"},
		   {DNS_FLAG_RD, "rd"}, {DNS_FLAG_RA, "ra"}, {DNS_FLAG_AD, "ad"},
		   {DNS_FLAG_CD, "cd"}};
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if ((flags & all[i].flag) && len < size)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? "," : "",
						all[i].text);
	}
}

static void write_query(struct query_worker *worker, const struct query_input *input,
			const struct query_output *output, bool is_combined, uint64_t duration_ns)
{
	const struct dns_query *query = &output->query;
	char source[80], name[DNS_NAME_TEXT_MAX], flags[32], type[16], class[16], rcode[16];
	char line[LOG_LINE_MAX];
	int len;

	dns_name_to_text(query->name.wire, query->name.len, name);
	source_text(input->source, source, sizeof(source));
	flags_text((uint16_t)(output->bytes[2] << 8 | output->bytes[3]), flags, sizeof(flags));
	len = snprintf(line, sizeof(line),
		       "[INFO] %s - %u \"%s %s %s %s %zu %s %u\" %s %s %zu %.9fs%s", source,
		       query->id, dns_type_text(query->type, type, sizeof(type)),
		       dns_class_text(query->class, class, sizeof(class)), name,
		       input->is_tcp ? "tcp" : "udp", input->size, query->has_do ? "true" : "false",
		       input->is_tcp ? DNS_MESSAGE_MAX : query->udp_size,
		       dns_rcode_text(output->rcode, rcode, sizeof(rcode)), flags, output->size,
		       (double)duration_ns / 1e9, is_combined ? " \"0\"" : "");
	log_line(worker->log, line, len < (int)sizeof(line) ? (size_t)len : sizeof(line) - 1);
}

static void write_error(struct query_worker *worker, const struct query_output *output,
			uint64_t now_ns)
{
	const struct dns_query *query = &output->query;
	char name[DNS_NAME_TEXT_MAX], type[16];
	uint32_t suppressed;

	if (!log_limit_pass(&worker->error_limit, now_ns, ERRORS_PER_S, &suppressed))
		return;
	dns_name_to_text(query->name.wire, query->name.len, name);
	log_printf(worker->log, LOG_ERROR, "plugin/errors: %u %s %s: %s%s%s", output->rcode, name,
		   dns_type_text(query->type, type, sizeof(type)), output->error,
		   output->upstream ? ": " : "", output->upstream ? output->upstream : "");
	if (suppressed > 0)
		log_printf(worker->log, LOG_ERROR, "plugin/errors: %u like this were not logged",
			   suppressed);
}

void querylog_write(struct query_worker *worker, const struct query_input *input,
		    const struct query_output *output, uint64_t duration_ns, uint64_t now_ns)
{
	const struct query_block_config *block = &worker->config->blocks[output->view->block];

	if (UNLIKELY(output->error && block->has_errors))
		write_error(worker, output, now_ns);
	if (UNLIKELY(block->n_logs > 0)) {
		const struct query_log_config *log = find_log(block, output);

		if (log)
			write_query(worker, input, output, log->is_combined, duration_ns);
	}
}
