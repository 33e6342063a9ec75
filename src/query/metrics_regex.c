/* SPDX-License-Identifier: Apache-2.0
 *
 * kaname_regex_limits_total: where a rule's regular expression takes more than its limits allow, it
 * does not match, and an operator has to learn of it. Any thread.
 */
#include "base/metrics.h"
#include "worker.h"

/* Is there any that could? */
static bool has_regex(const struct query_config *config)
{
	for (size_t i = 0; i < config->n_blocks; i++) {
		if (config->blocks[i].rewrite || config->blocks[i].templates)
			return true;
	}
	return false;
}

void metrics_regex_write(struct text *page, struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config)
{
	const char *name = "kaname_regex_limits_total";
	uint64_t n = 0;

	if (!has_regex(config))
		return;
	for (size_t i = 0; i < n_workers; i++)
		n += counter_read(&workers[i]->regex_limits);
	metrics_family(page, name, "counter",
		       "Regular expressions that took too long with a name: taken for no match.");
	metrics_sample(page, name, NULL, 0, (double)n);
}
