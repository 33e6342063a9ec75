/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of `errors`: one for each failure, of which a worker writes at most ERRORS_PER_S a
 * second, and for those that `consolidate` takes one a period.
 *
 * A period begins with the first error that its pattern matches: whoever sets its end from 0 has
 * begun it. It ends when a worker's clock, by a tick of the loop or by the next error, finds that
 * it is over: whoever sets the end back to 0 takes the count and writes the line. A thread that
 * counts between these two steps adds to the period that comes next, and begins it.
 */
#include "query/errors.h"

#include <string.h>

#include "worker.h"

#define ERRORS_PER_S 10
#define MESSAGE_MAX 512

/* Longer than a period, for the last: all of them. */
#define AT_THE_END UINT64_MAX

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static bool replace(uint64_t *word, uint64_t old, uint64_t new)
{
	return __atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* Writes the line of the period if it is over. With show_first one error has been told of. */
static void end_period(struct log_channel *log, const struct query_errors_pattern *pattern,
		       uint64_t now_ns)
{
	struct query_errors_period *period = pattern->period;
	uint64_t end_ns = load(&period->end_ns), n;

	if (end_ns == 0 || now_ns < end_ns || !replace(&period->end_ns, end_ns, 0))
		return;
	n = __atomic_exchange_n(&period->n, 0, __ATOMIC_SEQ_CST);
	if (n > (pattern->shows_first ? 1 : 0))
		log_printf(log, pattern->level,
			   "plugin/errors: %llu errors like '%s' occurred in last %s",
			   (unsigned long long)n, pattern->text, pattern->duration);
}

/* Counts an error of the pattern; true when it is the first of a period. */
static bool count_error(struct log_channel *log, const struct query_errors_pattern *pattern,
			uint64_t now_ns)
{
	struct query_errors_period *period = pattern->period;

	end_period(log, pattern, now_ns);
	__atomic_fetch_add(&period->n, 1, __ATOMIC_SEQ_CST);
	return load(&period->end_ns) == 0 &&
	       replace(&period->end_ns, 0, now_ns + pattern->duration_ns);
}

static const struct query_errors_pattern *
find_pattern(struct query_worker *worker, const struct query_errors *errors, const char *message)
{
	struct regex_match match;
	size_t len = strlen(message);

	regex_begin(worker->regex);
	for (size_t i = 0; errors && i < errors->n_patterns; i++) {
		if (regex_match(errors->patterns[i].regex, worker->regex, message, len, &match) ==
		    REGEX_YES)
			return &errors->patterns[i];
	}
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

/* Why, and whose fault it is. Where time ran out it ends as CoreDNS's message does, which is what
 * patterns and alerts look for. */
static void write_message(char message[MESSAGE_MAX], const struct query_output *output)
{
	bool has_upstream = output->upstream && output->upstream[0];

	snprintf(message, MESSAGE_MAX, "%s%s%s%s", output->error, has_upstream ? ": " : "",
		 has_upstream ? output->upstream : "",
		 ends_with(output->error, "in time") ? ": i/o timeout" : "");
}

static void write_line(struct query_worker *worker, enum log_level level,
		       const struct query_output *output, const char *message)
{
	const struct dns_query *query = &output->query;
	char name[DNS_NAME_TEXT_MAX], type[16];

	dns_name_to_text(query->name.wire, query->name.len, name);
	log_printf(worker->log, level, "plugin/errors: %u %s %s: %s", output->rcode, name,
		   dns_type_text(query->type, type, sizeof(type)), message);
}

void errors_write(struct query_worker *worker, const struct query_block_config *block,
		  const struct query_output *output, uint64_t now_ns)
{
	char message[MESSAGE_MAX];
	const struct query_errors_pattern *pattern;
	uint32_t suppressed;

	write_message(message, output);
	pattern = find_pattern(worker, block->errors, message);
	if (pattern) {
		if (count_error(worker->log, pattern, now_ns) && pattern->shows_first)
			write_line(worker, pattern->level, output, message);
		return;
	}
	if (!log_limit_pass(&worker->error_limit, now_ns, ERRORS_PER_S, &suppressed))
		return;
	write_line(worker, LOG_ERROR, output, message);
	if (suppressed > 0)
		log_printf(worker->log, LOG_ERROR, "plugin/errors: %u like this were not logged",
			   suppressed);
}

static void end_periods(struct query_worker *worker, uint64_t now_ns)
{
	const struct query_config *config = worker->config;

	for (size_t i = 0; i < config->n_blocks; i++) {
		const struct query_errors *errors = config->blocks[i].errors;

		for (size_t k = 0; errors && k < errors->n_patterns; k++)
			end_period(worker->log, &errors->patterns[k], now_ns);
	}
}

void errors_tick(struct query_worker *worker, uint64_t now_ns)
{
	end_periods(worker, now_ns);
}

void errors_end(struct query_worker *worker)
{
	end_periods(worker, AT_THE_END);
}
