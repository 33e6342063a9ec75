/* SPDX-License-Identifier: Apache-2.0
 *
 * What CoreDNS says of itself as a whole, in its names of today and of before 1.7, what the kernel
 * knows of the process, and how much memory it may use.
 */
#include "metrics.h"

#include <math.h>

#include "base/memory.h"
#include "base/metrics.h"
#include "base/process.h"

static void write_counter(struct text *page, const char *name, const char *help, uint64_t value)
{
	metrics_family(page, name, "counter", help);
	metrics_sample(page, name, NULL, 0, (double)value);
}

static void write_build(struct text *page)
{
	static const struct metrics_label build[] = {
		{"version", KANAME_VERSION}, {"revision", ""}, {"goversion", ""}};

	metrics_family(page, "coredns_build_info", "gauge",
		       "A metric with a constant '1' value labeled by version, revision, and "
		       "goversion from which CoreDNS was built.");
	metrics_sample(page, "coredns_build_info", build, ARRAY_LEN(build), 1);
	write_counter(page, "coredns_panics_total", "Always 0: kaname has no panics.", 0);
	write_counter(page, "coredns_panic_count_total",
		      "coredns_panics_total as it was called before 1.7.", 0);
}

static void write_reload(const struct metrics_page *from, struct text *page)
{
	const struct metrics_label version[] = {{"hash", from->reload_hash},
						{"value", from->reload_value}};

	write_counter(page, "coredns_reload_failed_total",
		      "Counter of the number of failed reload attempts.", from->reloads_failed);
	write_counter(page, "coredns_reload_failed_count_total",
		      "The same as it was called before 1.7.", from->reloads_failed);
	if (!from->reload_hash || !from->reload_value)
		return;
	metrics_family(page, "coredns_reload_version_info", "gauge",
		       "A metric with a constant '1' value labeled by hash, and value which type "
		       "of hash generated.");
	metrics_sample(page, "coredns_reload_version_info", version, ARRAY_LEN(version), 1);
}

/* Read anew each time: a pod's limit may be changed while it runs. */
static void write_memory_limit(struct text *page)
{
	uint64_t limit = memory_limit("");

	metrics_family(page, "kaname_memory_limit_bytes", "gauge",
		       "Memory that this process may use by its control groups; +Inf without a "
		       "limit.");
	metrics_sample(page, "kaname_memory_limit_bytes", NULL, 0,
		       limit == UINT64_MAX ? (double)INFINITY : (double)limit);
}

void metrics_page_write(const struct metrics_page *from, struct text *page)
{
	write_build(page);
	write_reload(from, page);
	process_metrics_write(page, "/proc");
	write_memory_limit(page);
	write_counter(page, "kaname_log_lines_dropped_total",
		      "Log lines dropped because what reads them was too slow.",
		      log_dropped(from->log));
	ops_self_metrics_write(from->self, page);
	net_metrics_write(from->net, page);
	kube_metrics_write(from->kubes, from->n_kubes, page);
}
