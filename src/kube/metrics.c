/* SPDX-License-Identifier: Apache-2.0
 *
 * The kube thread's figures, summed over the sources.
 */
#include "base/metrics.h"

#include "kube_private.h"

static void write_programming(const struct kube *kube, struct text *page)
{
	const struct metrics_label label = {"service_kind", "headless_with_selector"};
	const struct metrics_histogram_in in = {
		.name = "coredns_kubernetes_dns_programming_duration_seconds",
		.labels = &label,
		.n_labels = 1,
		.bounds = &records_programming_bounds,
		.unit = 1e3,
	};
	struct histogram sum = {0};

	for (size_t i = 0; i < kube->n_sources; i++)
		histogram_merge(&sum, &kube->sources[i].records.programming);
	metrics_family(page, in.name, "histogram",
		       "In-cluster DNS programming latency, from the endpoint change's trigger to "
		       "its record.");
	metrics_histogram(page, &in, &sum);
}

static void write_objects(const struct kube *kube, struct text *page)
{
	const char *name = "kaname_kubernetes_objects";

	metrics_family(page, name, "gauge", "Kubernetes objects that are kept, by kind.");
	for (int kind = 0; kind < OBJECT_N_KINDS; kind++) {
		const struct metrics_label label = {"kind",
						    object_kind_text((enum object_kind)kind)};
		uint64_t n = 0;

		for (size_t i = 0; i < kube->n_sources; i++)
			n += counter_read(&kube->sources[i].counters.n_objects[kind]);
		metrics_sample(page, name, &label, 1, (double)n);
	}
}

static void write_one(struct text *page, const char *name, const char *type, const char *help,
		      double value)
{
	metrics_family(page, name, type, help);
	metrics_sample(page, name, NULL, 0, value);
}

static void write_changes(const struct kube *kube, struct text *page)
{
	uint64_t n_object_errors = 0, n_file_errors = 0, last_change_ms = 0;

	for (size_t i = 0; i < kube->n_sources; i++) {
		const struct source *source = &kube->sources[i];
		uint64_t change_ms = counter_read(&source->counters.last_change_unix_ms);

		n_object_errors += counter_read(&source->reader.counters.object_errors);
		n_file_errors += counter_read(&source->reader.counters.file_errors);
		last_change_ms = change_ms > last_change_ms ? change_ms : last_change_ms;
	}
	write_one(page, "kaname_kubernetes_object_errors_total", "counter",
		  "Objects that could not be decoded, each time they were read.",
		  (double)n_object_errors);
	write_one(page, "kaname_kubernetes_file_errors_total", "counter",
		  "Readings of an objects file that ended before its end.", (double)n_file_errors);
	write_one(page, "kaname_kubernetes_last_change_timestamp_seconds", "gauge",
		  "Unix time of the last change to any record; 0 before the first.",
		  (double)last_change_ms / 1e3);
}

static void write_records(const struct kube *kube, struct text *page)
{
	const char *name = "kaname_kubernetes_records";
	struct table_counts sum = {0};

	for (size_t i = 0; i < kube->n_sources; i++) {
		struct table_counts counts = table_counts(kube->sources[i].table);

		sum.services += counts.services;
		sum.endpoints += counts.endpoints;
		sum.addresses += counts.addresses;
		sum.namespaces += counts.namespaces;
		sum.pods += counts.pods;
	}

	const struct {
		const char *type;
		uint64_t n;
	} rows[] = {
		{"service", sum.services},  {"endpoint", sum.endpoints},
		{"address", sum.addresses}, {"namespace", sum.namespaces},
		{"pod", sum.pods},
	};

	metrics_family(page, name, "gauge", "What the record table has published, by type.");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct metrics_label label = {"type", rows[i].type};

		metrics_sample(page, name, &label, 1, (double)rows[i].n);
	}
}

void kube_metrics_write(struct kube *kube, struct text *page)
{
	write_programming(kube, page);
	write_objects(kube, page);
	write_changes(kube, page);
	write_records(kube, page);
}
