/* SPDX-License-Identifier: Apache-2.0
 *
 * Which line of `log` wants a query. As in CoreDNS the first whose names have it decides, whatever
 * its classes are. Lines are formatted in the ring of the worker's log channel, which never blocks.
 */
#include "base/log.h"
#include "logline.h"
#include "worker.h"

static unsigned class_of(const struct query_output *output)
{
	if (output->rcode == DNS_RCODE_NXDOMAIN)
		return QUERY_LOG_DENIAL;
	if (output->rcode != DNS_RCODE_NOERROR)
		return QUERY_LOG_ERROR;
	return output->n_answer > 0 || output->plugin == QUERY_PLUGIN_WHOAMI ? QUERY_LOG_SUCCESS
									     : QUERY_LOG_DENIAL;
}

static bool has_name(const struct query_log_config *log, const struct dns_name *name)
{
	for (size_t i = 0; i < log->names.n; i++) {
		if (dns_name_is_in(name, &log->names.items[i]))
			return true;
	}
	return false;
}

/* Does the line, which has the name, want the query? */
static bool is_wanted(struct query_worker *worker, const struct query_log_config *log,
		      const struct query_output *output, uint64_t duration_ns)
{
	bool is_long = log->min_duration_ns > 0 && duration_ns > log->min_duration_ns;

	if (!(log->classes & class_of(output)) && !is_long)
		return false;
	if (duration_ns < log->slow_ns)
		return false;
	if (LIKELY(log->sample <= 1))
		return true;

	uint32_t *turn = &worker->log_turns[log->turn];

	/* The first is logged, so that a rare event shows. */
	*turn = *turn == 0 ? log->sample - 1 : *turn - 1;
	return *turn == log->sample - 1;
}

void querylog_write(struct query_worker *worker, const struct query_block_config *block,
		    const struct logline_in *in)
{
	const struct query_log_config *log = block->logs, *end = log + block->n_logs;

	while (log < end && !has_name(log, &in->output->query.name))
		log++;
	if (log == end || !is_wanted(worker, log, in->output, in->duration_ns))
		return;

	char *line = log_reserve(worker->log);

	log_commit(worker->log, line, logline_write(line, LOG_LINE_MAX, log, in));
}
