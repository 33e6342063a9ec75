/* SPDX-License-Identifier: Apache-2.0
 *
 * The coredns_dns_* families: names, labels and buckets as CoreDNS's `prometheus` plugin has them
 * (users.md 7.2), so that dashboards and alerts go on. A query for a name that no server block has
 * is counted with the zone "dropped". Counting is by the worker alone; any thread sums and writes
 * the page.
 */
#include <sys/socket.h>

#include "base/metrics.h"
#include "metrics_steps.h"
#include "worker.h"

#define MS 1000000ull

/* 0.00025 * 2^n s, n = 0..15 */
static const struct histogram_bounds duration_bounds = {
	.n = 16,
	.le = {MS / 4, MS / 2, MS, 2 * MS, 4 * MS, 8 * MS, 16 * MS, 32 * MS, 64 * MS, 128 * MS,
	       256 * MS, 512 * MS, 1024 * MS, 2048 * MS, 4096 * MS, 8192 * MS},
};

/* 8291 is CoreDNS's own spelling of 8191 */
static const struct histogram_bounds size_bounds = {
	.n = 14,
	.le = {0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000},
};

static const struct {
	uint16_t type;
	const char *text;
} types[METRICS_N_TYPES] = {
	{DNS_TYPE_A, "A"},
	{DNS_TYPE_AAAA, "AAAA"},
	{DNS_TYPE_SRV, "SRV"},
	{DNS_TYPE_PTR, "PTR"},
	{DNS_TYPE_CNAME, "CNAME"},
	{DNS_TYPE_TXT, "TXT"},
	{DNS_TYPE_SOA, "SOA"},
	{DNS_TYPE_NS, "NS"},
	{DNS_TYPE_MX, "MX"},
	{DNS_TYPE_HTTPS, "HTTPS"},
	{DNS_TYPE_DS, "DS"},
	{DNS_TYPE_DNSKEY, "DNSKEY"},
	{DNS_TYPE_RRSIG, "RRSIG"},
	{DNS_TYPE_NSEC, "NSEC"},
	{DNS_TYPE_NSEC3, "NSEC3"},
	{DNS_TYPE_AXFR, "AXFR"},
	{DNS_TYPE_IXFR, "IXFR"},
	{DNS_TYPE_ANY, "ANY"},
	{0, "other"},
};

static const char *const plugins[QUERY_N_PLUGINS] = {
	"",    "kubernetes", "whoami", "forward", "cache",    "local",
	"acl", "any",	     "chaos",  "rewrite", "template", "hosts",
};
static const char *const classes[QUERY_N_CLASSES] = {"other", "cluster", "reverse", "stub",
						     "external"};
static const char *const results[QUERY_N_RESULTS] = {"hit", "miss", "stale"};
static const char *const protos[2] = {"udp", "tcp"};
static const char *const families[2] = {"1", "2"}; /* as CoreDNS: 1 is IPv4, 2 is IPv6 */

static size_t type_index(uint16_t type)
{
	size_t i = 0;

	while (i < METRICS_N_TYPES - 1 && types[i].type != type)
		i++;
	return i;
}

void metrics_count(struct query_worker *worker, const struct query_input *input,
		   const struct query_output *output, uint64_t duration_ns)
{
	size_t row = LIKELY(output->view != NULL) ? output->view->metrics
						  : worker->config->servers[input->server].dropped;
	struct view_metrics *metrics = worker->metrics[row];
	struct transport_metrics *transport =
		&metrics->transports[input->is_tcp][input->source->sa_family == AF_INET6];
	size_t rcode = output->rcode < METRICS_N_RCODES ? output->rcode : METRICS_N_RCODES - 1;

	counter_add(&transport->requests[type_index(output->query.type)], 1);
	counter_add(&metrics->responses[output->plugin][rcode], 1);
	if (UNLIKELY(output->query.has_do))
		counter_add(&metrics->do_requests, 1);
	histogram_observe(&metrics->duration_ns, &duration_bounds, duration_ns);
	histogram_observe(&transport->request_bytes, &size_bounds, input->size);
	histogram_observe(&transport->response_bytes, &size_bounds, output->size);
	if (UNLIKELY(output->class != QUERY_CLASS_CLUSTER || output->result != QUERY_RESULT_HIT))
		histogram_observe(&worker->classes[output->class][output->result], &duration_bounds,
				  duration_ns);
}

/* One (server, zone) of the page: its labels and its counters summed over the workers. */
struct row {
	const char *server;
	const char *zone;
	struct view_metrics sum;
};

static void add_view(struct view_metrics *sum, const struct view_metrics *from)
{
	for (size_t i = 0; i < 4; i++) {
		struct transport_metrics *to = &sum->transports[i / 2][i % 2];
		const struct transport_metrics *add = &from->transports[i / 2][i % 2];

		for (size_t type = 0; type < METRICS_N_TYPES; type++)
			to->requests[type] += counter_read(&add->requests[type]);
		histogram_merge(&to->request_bytes, &add->request_bytes);
		histogram_merge(&to->response_bytes, &add->response_bytes);
	}
	for (size_t i = 0; i < QUERY_N_PLUGINS * METRICS_N_RCODES; i++)
		sum->responses[i / METRICS_N_RCODES][i % METRICS_N_RCODES] +=
			counter_read(&from->responses[i / METRICS_N_RCODES][i % METRICS_N_RCODES]);
	sum->do_requests += counter_read(&from->do_requests);
	histogram_merge(&sum->duration_ns, &from->duration_ns);
	step_counts_add(&sum->steps, &from->steps);
}

static void write_requests(struct text *page, const struct row *row)
{
	for (size_t i = 0; i < (size_t)2 * 2 * METRICS_N_TYPES; i++) {
		size_t type = i % METRICS_N_TYPES, family = i / METRICS_N_TYPES % 2;
		size_t proto = i / METRICS_N_TYPES / 2;
		uint64_t n = row->sum.transports[proto][family].requests[type];
		const struct metrics_label labels[] = {
			{"server", row->server},
			{"zone", row->zone},
			{"view", ""},
			{"proto", protos[proto]},
			{"family", families[family]},
			{"type", types[type].text},
		};

		if (n > 0)
			metrics_sample(page, "coredns_dns_requests_total", labels,
				       ARRAY_LEN(labels), (double)n);
	}
}

static void write_responses(struct text *page, const struct row *row)
{
	for (size_t i = 0; i < QUERY_N_PLUGINS * METRICS_N_RCODES; i++) {
		size_t plugin = i / METRICS_N_RCODES, rcode = i % METRICS_N_RCODES;
		uint64_t n = row->sum.responses[plugin][rcode];
		char buf[16];
		const struct metrics_label labels[] = {
			{"server", row->server},
			{"zone", row->zone},
			{"view", ""},
			{"rcode", dns_rcode_text((uint16_t)rcode, buf, sizeof(buf))},
			{"plugin", plugins[plugin]},
		};

		if (n > 0)
			metrics_sample(page, "coredns_dns_responses_total", labels,
				       ARRAY_LEN(labels), (double)n);
	}
}

static void write_do(struct text *page, const struct row *row)
{
	const struct metrics_label labels[] = {
		{"server", row->server}, {"zone", row->zone}, {"view", ""}};

	if (row->sum.do_requests > 0)
		metrics_sample(page, "coredns_dns_do_requests_total", labels, ARRAY_LEN(labels),
			       (double)row->sum.do_requests);
}

static bool is_empty(const struct histogram *histogram)
{
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++) {
		if (histogram->counts[i] > 0)
			return false;
	}
	return true;
}

static void write_duration(struct text *page, const struct row *row)
{
	const struct metrics_label labels[] = {
		{"server", row->server}, {"zone", row->zone}, {"view", ""}};
	const struct metrics_histogram_in in = {"coredns_dns_request_duration_seconds", labels,
						ARRAY_LEN(labels), &duration_bounds, 1e9};

	if (!is_empty(&row->sum.duration_ns))
		metrics_histogram(page, &in, &row->sum.duration_ns);
}

/* One histogram a transport: CoreDNS does not tell the families apart here. */
static void write_sizes(struct text *page, const char *name, const struct row *row, bool is_request)
{
	for (size_t proto = 0; proto < 2; proto++) {
		const struct metrics_label labels[] = {{"server", row->server},
						       {"zone", row->zone},
						       {"view", ""},
						       {"proto", protos[proto]}};
		const struct metrics_histogram_in in = {name, labels, ARRAY_LEN(labels),
							&size_bounds, 1};
		struct histogram sum = {0};

		for (size_t family = 0; family < 2; family++) {
			const struct transport_metrics *from = &row->sum.transports[proto][family];

			histogram_merge(&sum,
					is_request ? &from->request_bytes : &from->response_bytes);
		}
		if (!is_empty(&sum))
			metrics_histogram(page, &in, &sum);
	}
}

static void write_request_sizes(struct text *page, const struct row *row)
{
	write_sizes(page, "coredns_dns_request_size_bytes", row, true);
}

static void write_response_sizes(struct text *page, const struct row *row)
{
	write_sizes(page, "coredns_dns_response_size_bytes", row, false);
}

/* The rows of a page; each is there once, also where several servers share it. */
struct rows {
	struct query_worker *const *workers;
	size_t n_workers;
	struct row *items; /* owned */
	size_t n, n_max;
	bool *is_shown; /* owned; by row of counters */
};

static void add_row(struct rows *rows, size_t at, const char *server, const char *zone)
{
	struct row *row = &rows->items[rows->n];

	CHECK(at < rows->n_max);
	if (rows->is_shown[at])
		return;
	rows->is_shown[at] = true;
	rows->n++;
	row->server = server;
	row->zone = zone;
	for (size_t w = 0; w < rows->n_workers; w++)
		add_view(&row->sum, rows->workers[w]->metrics[at]);
}

/* A server's views of blocks with `prometheus`, then what no block had. */
static void add_server(struct rows *rows, const struct query_config *config,
		       const struct query_server_config *server)
{
	bool is_shown = false;

	for (size_t v = 0; v < server->n_views; v++) {
		const struct query_view_config *view = &server->views[v];

		if (!config->blocks[view->block].has_prometheus)
			continue;
		is_shown = true;
		add_row(rows, view->metrics, view->server_text, view->zone_text);
	}
	if (is_shown)
		add_row(rows, server->dropped, server->views[0].server_text, "dropped");
}

/* The count of all but the others, or what it was when that is more: a query that is counted while
 * they are read may be in one of them alone, and a counter does not go back. */
static void lift(uint64_t *count, uint64_t all, uint64_t others)
{
	if (all > others && all - others > *count)
		*count = all - others;
}

/* Hits of cluster names, nearly all of a cluster's queries, are not counted on their own: they are
 * what is left of all, those of zones that are not served any more among them. */
static void sum_hits(struct query_worker *worker)
{
	struct histogram all = {0}, others = {0};

	for (size_t i = 0; i < (size_t)QUERY_N_CLASSES * QUERY_N_RESULTS; i++)
		histogram_merge(&others,
				&worker->classes[i / QUERY_N_RESULTS][i % QUERY_N_RESULTS]);
	histogram_merge(&all, &worker->former_ns);
	for (size_t i = 0; i < worker->n_rows; i++) {
		if (worker->metrics[i])
			histogram_merge(&all, &worker->metrics[i]->duration_ns);
	}
	lift(&worker->hits_ns.sum, all.sum, others.sum);
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		lift(&worker->hits_ns.counts[i], all.counts[i], others.counts[i]);
}

/* The latency of each kind of name, by how the answer was come by. */
static void write_classes(struct text *page, struct query_worker *const *workers, size_t n_workers)
{
	const char *name = "kaname_query_duration_seconds";
	struct histogram sums[QUERY_N_CLASSES][QUERY_N_RESULTS] = {0};

	for (size_t i = 0; i < (size_t)QUERY_N_CLASSES * QUERY_N_RESULTS; i++) {
		struct histogram *sum = &sums[i / QUERY_N_RESULTS][i % QUERY_N_RESULTS];

		for (size_t w = 0; w < n_workers; w++)
			histogram_merge(
				sum,
				&workers[w]->classes[i / QUERY_N_RESULTS][i % QUERY_N_RESULTS]);
	}
	for (size_t w = 0; w < n_workers; w++) {
		sum_hits(workers[w]);
		histogram_merge(&sums[QUERY_CLASS_CLUSTER][QUERY_RESULT_HIT], &workers[w]->hits_ns);
	}
	metrics_family(page, name, "histogram",
		       "Time that queries took, by kind of name and by where the answer was.");
	for (size_t i = 0; i < (size_t)QUERY_N_CLASSES * QUERY_N_RESULTS; i++) {
		const struct histogram *sum = &sums[i / QUERY_N_RESULTS][i % QUERY_N_RESULTS];
		const struct metrics_label labels[] = {{"class", classes[i / QUERY_N_RESULTS]},
						       {"result", results[i % QUERY_N_RESULTS]}};
		const struct metrics_histogram_in in = {name, labels, 2, &duration_bounds, 1e9};

		if (!is_empty(sum))
			metrics_histogram(page, &in, sum);
	}
}

static void write_caches(struct text *page, struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config)
{
	struct cache **caches = mem_zalloc(n_workers * sizeof(struct cache *));

	for (size_t i = 0; i < n_workers; i++)
		caches[i] = workers[i]->cache;
	cache_metrics_write(caches, n_workers, &config->cache, page);
	free(caches);
}

static void write_steps(struct text *page, const struct row *rows, size_t n)
{
	struct steps_row *steps = mem_zalloc((n + 1) * sizeof(*steps));

	for (size_t i = 0; i < n; i++)
		steps[i] = (struct steps_row){rows[i].server, rows[i].zone, &rows[i].sum.steps};
	metrics_steps_write(page, steps, n);
	free(steps);
}

void query_metrics_write(struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config, struct text *page)
{
	static const struct {
		const char *name, *type, *help;
		void (*write)(struct text *page, const struct row *row);
	} metric_families[] = {
		{"coredns_dns_requests_total", "counter",
		 "Counter of DNS requests made per zone, protocol and family.", write_requests},
		{"coredns_dns_responses_total", "counter", "Counter of response status codes.",
		 write_responses},
		{"coredns_dns_request_duration_seconds", "histogram",
		 "Histogram of the time (in seconds) each request took per zone.", write_duration},
		{"coredns_dns_request_size_bytes", "histogram",
		 "Size of the request in bytes per zone and protocol.", write_request_sizes},
		{"coredns_dns_response_size_bytes", "histogram",
		 "Size of the returned response in bytes.", write_response_sizes},
		{"coredns_dns_do_requests_total", "counter",
		 "Counter of DNS requests with DO bit set per zone.", write_do},
	};
	struct rows rows = {.workers = workers, .n_workers = n_workers};

	rows.n_max = config->n_metrics;
	rows.items = mem_zalloc((config->n_metrics + 1) * sizeof(struct row));
	rows.is_shown = mem_zalloc(config->n_metrics + 1);
	for (size_t i = 0; i < config->n_servers; i++)
		add_server(&rows, config, &config->servers[i]);
	for (size_t f = 0; f < ARRAY_LEN(metric_families); f++) {
		metrics_family(page, metric_families[f].name, metric_families[f].type,
			       metric_families[f].help);
		for (size_t i = 0; i < rows.n; i++)
			metric_families[f].write(page, &rows.items[i]);
	}
	write_steps(page, rows.items, rows.n);
	free(rows.items);
	free(rows.is_shown);
	write_classes(page, workers, n_workers);
	metrics_regex_write(page, workers, n_workers, config);
	if (config->cache.n_policies > 0)
		write_caches(page, workers, n_workers, config);
}
