/* SPDX-License-Identifier: Apache-2.0
 *
 * The coredns_dns_* families as they were called before CoreDNS 1.7, made of the counters of those
 * of today: fewer labels, so sums. Stored dashboards (Grafana 5926, 7279) ask for these.
 */
#include "base/metrics.h"
#include "metrics_row.h"

static const char *const protos[2] = {"udp", "tcp"};
static const char *const families[2] = {"1", "2"}; /* IPv4, IPv6 */

void metrics_old_requests(struct text *page, const struct row *row)
{
	for (size_t i = 0; i < 4; i++) {
		const struct transport_metrics *transport = &row->sum.transports[i / 2][i % 2];
		const struct metrics_label labels[] = {{"server", row->server},
						       {"zone", row->zone},
						       {"proto", protos[i / 2]},
						       {"family", families[i % 2]}};
		uint64_t n = 0;

		for (size_t type = 0; type < METRICS_N_TYPES; type++)
			n += transport->requests[type];
		if (n > 0)
			metrics_sample(page, "coredns_dns_request_count_total", labels,
				       ARRAY_LEN(labels), (double)n);
	}
}

void metrics_old_types(struct text *page, const struct row *row)
{
	for (size_t type = 0; type < METRICS_N_TYPES; type++) {
		const struct metrics_label labels[] = {{"server", row->server},
						       {"zone", row->zone},
						       {"type", metrics_type_text(type)}};
		uint64_t n = 0;

		for (size_t i = 0; i < 4; i++)
			n += row->sum.transports[i / 2][i % 2].requests[type];
		if (n > 0)
			metrics_sample(page, "coredns_dns_request_type_count_total", labels,
				       ARRAY_LEN(labels), (double)n);
	}
}

void metrics_old_do(struct text *page, const struct row *row)
{
	const struct metrics_label labels[] = {{"server", row->server}, {"zone", row->zone}};

	if (row->sum.do_requests > 0)
		metrics_sample(page, "coredns_dns_request_do_count_total", labels,
			       ARRAY_LEN(labels), (double)row->sum.do_requests);
}

void metrics_old_rcodes(struct text *page, const struct row *row)
{
	for (size_t rcode = 0; rcode < METRICS_N_RCODES; rcode++) {
		char buf[16];
		const struct metrics_label labels[] = {
			{"server", row->server},
			{"zone", row->zone},
			{"rcode", dns_rcode_text((uint16_t)rcode, buf, sizeof(buf))}};
		uint64_t n = 0;

		for (size_t plugin = 0; plugin < QUERY_N_PLUGINS; plugin++)
			n += row->sum.responses[plugin][rcode];
		if (n > 0 || rcode == DNS_RCODE_SERVFAIL)
			metrics_sample(page, "coredns_dns_response_rcode_count_total", labels,
				       ARRAY_LEN(labels), (double)n);
	}
}

static void write_view(struct text *page, const struct query_view_config *view,
		       const struct query_block_config *block)
{
	for (size_t i = 0; i < block->n_directives; i++) {
		const struct metrics_label labels[] = {{"server", view->server_text},
						       {"zone", view->zone_text},
						       {"view", ""},
						       {"name", block->directives[i]}};

		metrics_sample(page, "coredns_plugin_enabled", labels, ARRAY_LEN(labels), 1);
	}
}

/* Servers of the two address families may share a view's labels: it is written once. */
static bool is_written(const struct query_config *config, size_t server,
		       const struct query_view_config *view)
{
	for (size_t s = 0; s < server; s++) {
		for (size_t v = 0; v < config->servers[s].n_views; v++) {
			if (config->servers[s].views[v].metrics == view->metrics)
				return true;
		}
	}
	return false;
}

void metrics_plugins_write(struct text *page, const struct query_config *config)
{
	metrics_family(page, "coredns_plugin_enabled", "gauge",
		       "A metric that indicates whether a plugin is enabled on per server and zone "
		       "basis.");
	for (size_t s = 0; s < config->n_servers; s++) {
		for (size_t v = 0; v < config->servers[s].n_views; v++) {
			const struct query_view_config *view = &config->servers[s].views[v];
			const struct query_block_config *block = &config->blocks[view->block];

			if (block->has_prometheus && !is_written(config, s, view))
				write_view(page, view, block);
		}
	}
}
