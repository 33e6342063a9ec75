/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures of the kube threads, summed over the sources.
 */
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"

#include "kube_private.h"

struct sources {
	struct kube **kubes; /* n of them, none is NULL */
	size_t *slots;	     /* as they are numbered outside */
	size_t n;
};

static void write_programming(const struct sources *sources, struct text *page)
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

	for (size_t i = 0; i < sources->n; i++)
		histogram_merge(&sum, &sources->kubes[i]->source.records.programming);
	metrics_family(page, in.name, "histogram",
		       "In-cluster DNS programming latency, from the endpoint change's trigger to "
		       "its record.");
	metrics_histogram(page, &in, &sum);
}

static void write_objects(const struct sources *sources, struct text *page)
{
	const char *name = "kaname_kubernetes_objects";

	metrics_family(page, name, "gauge", "Kubernetes objects that are kept, by kind.");
	for (int kind = 0; kind < OBJECT_N_KINDS; kind++) {
		const struct metrics_label label = {"kind",
						    object_kind_text((enum object_kind)kind)};
		uint64_t n = 0;

		for (size_t i = 0; i < sources->n; i++)
			n += counter_read(&sources->kubes[i]->source.counters.n_objects[kind]);
		metrics_sample(page, name, &label, 1, (double)n);
	}
}

static void write_one(struct text *page, const char *name, const char *type, const char *help,
		      double value)
{
	metrics_family(page, name, type, help);
	metrics_sample(page, name, NULL, 0, value);
}

static void write_changes(const struct sources *sources, struct text *page)
{
	uint64_t n_object_errors = 0, n_file_errors = 0, last_change_ms = 0;

	for (size_t i = 0; i < sources->n; i++) {
		const struct source *source = &sources->kubes[i]->source;
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

static void write_records(const struct sources *sources, struct text *page)
{
	const char *name = "kaname_kubernetes_records";
	struct table_counts sum = {0};

	for (size_t i = 0; i < sources->n; i++) {
		struct table_counts counts = table_counts(sources->kubes[i]->source.table);

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

/* ---- API servers ---- */

static void copy_host(const struct sources *sources, size_t i, struct text *host)
{
	const struct api *api = &sources->kubes[i]->source.api;

	pthread_mutex_lock(&sources->kubes[i]->status_lock);
	text_puts(host, api->host.len > 0 ? api->host.bytes : "");
	pthread_mutex_unlock(&sources->kubes[i]->status_lock);
}

static bool has_host(const struct sources *sources, size_t i, const char *host)
{
	struct text own = {0};
	bool is_same;

	if (!sources->kubes[i]->source.config->is_api)
		return false;
	copy_host(sources, i, &own);
	is_same = strcmp(own.bytes, host) == 0;
	text_fini(&own);
	return is_same;
}

/* Adds up what the sources from the i-th on have asked this host. */
static void sum_counters(const struct sources *sources, size_t i, const char *host,
			 struct api_counters *sum)
{
	for (; i < sources->n; i++) {
		const struct api_counters *counters = &sources->kubes[i]->source.api.counters;

		if (!has_host(sources, i, host))
			continue;
		for (unsigned status = 0; status < API_HTTP_STATUS_MAX; status++)
			sum->requests[status] += counter_read(&counters->requests[status]);
		histogram_merge(&sum->duration_us, &counters->duration_us);
	}
}

/* One row of a family: calls write(page, counters, host) for each server that is watched; sources
 * may share one. */
static void each_host(const struct sources *sources, struct text *page,
		      void (*write)(struct text *page, const struct api_counters *counters,
				    const char *host))
{
	for (size_t i = 0; i < sources->n; i++) {
		struct api_counters sum = {0};
		struct text host = {0};
		size_t first = 0;

		if (!sources->kubes[i]->source.config->is_api)
			continue;
		copy_host(sources, i, &host);
		while (first < i && !has_host(sources, first, host.bytes))
			first++;
		if (first == i) {
			sum_counters(sources, i, host.bytes, &sum);
			write(page, &sum, host.bytes);
		}
		text_fini(&host);
	}
}

#define REST "coredns_kubernetes_rest_client_"

static void write_requests(struct text *page, const struct api_counters *counters, const char *host)
{
	for (unsigned status = 0; status < API_HTTP_STATUS_MAX; status++) {
		uint64_t n = counters->requests[status];
		char code[16] = "<error>"; /* client-go's word */

		if (n == 0)
			continue;
		if (status > 0)
			snprintf(code, sizeof(code), "%u", status);

		const struct metrics_label labels[] = {
			{"code", code}, {"host", host}, {"method", "GET"}};

		metrics_sample(page, REST "requests_total", labels, ARRAY_LEN(labels), (double)n);
	}
}

static void write_durations_of(struct text *page, const char *name, const char *host,
			       const struct histogram *histogram)
{
	const struct metrics_label labels[] = {{"host", host}, {"verb", "GET"}};
	const struct metrics_histogram_in in = {
		.name = name,
		.labels = labels,
		.n_labels = ARRAY_LEN(labels),
		.bounds = &api_duration_bounds,
		.unit = 1e6,
	};

	metrics_histogram(page, &in, histogram);
}

static void write_durations(struct text *page, const struct api_counters *counters,
			    const char *host)
{
	write_durations_of(page, REST "request_duration_seconds", host, &counters->duration_us);
}

/* Nothing holds requests back here: each waited for no time. */
static void write_waits(struct text *page, const struct api_counters *counters, const char *host)
{
	struct histogram none = {0};

	for (unsigned status = 0; status < API_HTTP_STATUS_MAX; status++)
		none.counts[0] += counters->requests[status];
	write_durations_of(page, REST "rate_limiter_duration_seconds", host, &none);
}

static void write_rest(const struct sources *sources, struct text *page)
{
	metrics_family(page, REST "requests_total", "counter",
		       "Number of HTTP requests to the API server, by status code.");
	each_host(sources, page, write_requests);
	metrics_family(page, REST "request_duration_seconds", "histogram",
		       "Time until the head of the API server's answer.");
	each_host(sources, page, write_durations);
	metrics_family(page, REST "rate_limiter_duration_seconds", "histogram",
		       "Time that requests were held back by the client: always 0.");
	each_host(sources, page, write_waits);
}

/* A value of each watch: name{resource, source}. */
struct watch_family {
	const char *name, *type, *help;
	double (*value)(const struct watch *watch);
};

/* -1: nothing has come yet. */
static double value_age(const struct watch *watch)
{
	uint64_t last_ms = counter_read(&watch->counters.last_event_ms);

	return last_ms > 0 ? (double)clock_monotonic_ns() / 1e9 - (double)last_ms / 1e3 : -1;
}

static double value_version(const struct watch *watch)
{
	return (double)counter_read(&watch->counters.version);
}

static double value_synced(const struct watch *watch)
{
	return (double)counter_read(&watch->counters.is_complete);
}

static double value_events(const struct watch *watch)
{
	return (double)counter_read(&watch->counters.events);
}

static double value_reconnects(const struct watch *watch)
{
	return (double)counter_read(&watch->counters.reconnects);
}

static double value_decode_errors(const struct watch *watch)
{
	return (double)counter_read(&watch->counters.decode_errors);
}

#define WATCH "kaname_kubernetes_watch_"

static const struct watch_family watch_families[] = {
	{WATCH "last_event_age_seconds", "gauge",
	 "Time since the last event, bookmark or whole list; -1 before the first.", value_age},
	{WATCH "resource_version", "gauge", "The resourceVersion that is watched from.",
	 value_version},
	{WATCH "synced", "gauge", "1 when the resource has been listed whole once.", value_synced},
	{WATCH "events_total", "counter", "Events and bookmarks.", value_events},
	{WATCH "reconnects_total", "counter", "Watches that were taken up again.",
	 value_reconnects},
	{WATCH "decode_errors_total", "counter", "Objects and responses that could not be decoded.",
	 value_decode_errors},
};

/* Labels of watch w of source i; room is for the index's text. */
struct watch_labels {
	struct metrics_label items[3]; /* the third is the caller's */
	char source[24];
};

static void fill_labels(struct watch_labels *labels, const struct watch *watch, size_t slot)
{
	snprintf(labels->source, sizeof(labels->source), "%zu", slot);
	labels->items[0] = (struct metrics_label){"resource", watch_name(watch)};
	labels->items[1] = (struct metrics_label){"source", labels->source};
}

static void write_watch_family(const struct sources *sources, struct text *page,
			       const struct watch_family *family)
{
	metrics_family(page, family->name, family->type, family->help);
	for (size_t i = 0; i < sources->n; i++) {
		const struct api *api = &sources->kubes[i]->source.api;

		for (unsigned w = 0; w < api->n_watches; w++) {
			const struct watch *watch = &api->watches[w].watch;
			struct watch_labels labels;

			fill_labels(&labels, watch, sources->slots[i]);
			metrics_sample(page, family->name, labels.items, 2, family->value(watch));
		}
	}
}

static void write_relists_of(struct text *page, const struct watch *watch, size_t slot)
{
	static const char *const reasons[WATCH_N_RELISTS] = {
		[WATCH_RELIST_FIRST] = "first",		[WATCH_RELIST_EXPIRED] = "expired",
		[WATCH_RELIST_TOO_LARGE] = "too_large", [WATCH_RELIST_CLUSTER] = "other_cluster",
		[WATCH_RELIST_GONE] = "gone",		[WATCH_RELIST_REFUSED] = "refused",
	};
	struct watch_labels labels;

	fill_labels(&labels, watch, slot);
	for (int reason = 0; reason < WATCH_N_RELISTS; reason++) {
		labels.items[2] = (struct metrics_label){"reason", reasons[reason]};
		metrics_sample(page, WATCH "relists_total", labels.items, 3,
			       (double)counter_read(&watch->counters.relists[reason]));
	}
}

static void write_watches(const struct sources *sources, struct text *page)
{
	for (size_t i = 0; i < ARRAY_LEN(watch_families); i++)
		write_watch_family(sources, page, &watch_families[i]);
	metrics_family(page, WATCH "relists_total", "counter",
		       "Lists that were asked for, by the reason of the first try.");
	for (size_t i = 0; i < sources->n; i++) {
		for (unsigned w = 0; w < sources->kubes[i]->source.api.n_watches; w++)
			write_relists_of(page, &sources->kubes[i]->source.api.watches[w].watch,
					 sources->slots[i]);
	}
}

static void write_all(const struct sources *sources, struct text *page)
{
	bool has_api = false;

	for (size_t i = 0; i < sources->n; i++)
		has_api = has_api || sources->kubes[i]->source.config->is_api;
	write_programming(sources, page);
	write_objects(sources, page);
	write_changes(sources, page);
	write_records(sources, page);
	if (!has_api)
		return;
	write_rest(sources, page);
	write_watches(sources, page);
}

void kube_metrics_write(struct kube *const *kubes, size_t n_kubes, struct text *page)
{
	struct sources sources = {
		.kubes = mem_zalloc((n_kubes + 1) * sizeof(sources.kubes[0])),
		.slots = mem_zalloc((n_kubes + 1) * sizeof(sources.slots[0])),
	};

	for (size_t i = 0; i < n_kubes; i++) {
		if (!kubes[i])
			continue;
		sources.kubes[sources.n] = kubes[i];
		sources.slots[sources.n++] = i;
	}
	write_all(&sources, page);
	free(sources.kubes);
	free(sources.slots);
}
