/* SPDX-License-Identifier: Apache-2.0
 *
 * net_metrics_write: the queries' families, then ours, summed over the workers. Main thread: it
 * reads counters, and what main alone knows of sockets.
 */
#include "net_private.h"

#include <string.h>

#include "base/metrics.h"
#include "query/top.h"

static const char *const drop_texts[NET_N_DROPS] = {
	[NET_DROP_RESPONSE] = "response",
	[NET_DROP_SHORT] = "short",
	[NET_DROP_PORT0] = "port0",
	[NET_DROP_ACL] = "acl",
};

static const char *const unsent_texts[NET_N_UNSENT] = {
	[NET_UNSENT_NO_BUFFERS] = "no_buffers",
	[NET_UNSENT_NOT_PERMITTED] = "not_permitted",
	[NET_UNSENT_UNREACHABLE] = "unreachable",
	[NET_UNSENT_TOO_LARGE] = "too_large",
	[NET_UNSENT_OTHER] = "other",
};

static const char *const refused_texts[NET_N_REFUSED] = {
	[NET_REFUSED_ROOM] = "room",
	[NET_REFUSED_FORWARDER] = "forwarder",
};

static const char *const end_texts[NET_N_ENDS] = {
	[NET_END_CLIENT] = "client",
	[NET_END_ERROR] = "error",
	[NET_END_IDLE] = "idle",
	[NET_END_STALLED] = "stalled",
	[NET_END_LENGTH] = "length",
	[NET_END_LIMIT] = "limit",
	[NET_END_CLIENT_LIMIT] = "client_limit",
	[NET_END_BUFFERS] = "buffers",
	[NET_END_DESCRIPTORS] = "descriptors",
	[NET_END_DRAIN] = "drain",
};

/* The sum over the workers of the counter at this offset in struct net_counts. */
static double sum(const struct net *net, size_t offset)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < net->n_workers; i++) {
		const char *counts = (const char *)&net->workers[i]->counts;

		total += counter_read((const uint64_t *)(const void *)(counts + offset));
	}
	return (double)total;
}

struct reasons {
	const char *const *texts;
	size_t n;
	size_t offset; /* of the array in struct net_counts */
};

static void write_reasons(const struct net *net, struct text *page, const char *name,
			  const struct reasons *reasons)
{
	for (size_t i = 0; i < reasons->n; i++) {
		struct metrics_label label = {"reason", reasons->texts[i]};

		metrics_sample(page, name, &label, 1,
			       sum(net, reasons->offset + i * sizeof(uint64_t)));
	}
}

static uint64_t sum_addresses(const struct net *net, const struct net_addresses *addresses,
			      const char *text)
{
	uint64_t total = 0;

	for (size_t i = 0; i < addresses->n; i++) {
		const struct net_address *address = &addresses->items[i];

		if (!address->listeners || address->server == LISTENER_GOES ||
		    strcmp(net_server_text(net->query, address->server), text) != 0)
			continue;
		for (unsigned w = 0; w < net->n_workers; w++)
			total += counter_read(&address->listeners[w]->kernel_drops);
	}
	return total;
}

/* Over all sockets whose server has this text: those of all workers and addresses, also of those
 * that are gone. */
static double sum_kernel_drops(const struct net *net, const char *text)
{
	uint64_t total =
		sum_addresses(net, &net->addresses, text) + sum_addresses(net, &net->left, text);

	for (size_t i = 0; i < net->query->n_servers; i++) {
		if (strcmp(net_server_text(net->query, i), text) == 0)
			total += net->past_drops[i];
	}
	return (double)total;
}

static void write_kernel_drops(const struct net *net, struct text *page)
{
	const char *name = "kaname_udp_kernel_drops_total";

	metrics_family(page, name, "counter",
		       "UDP queries that the kernel dropped because the receive queue was full.");
	for (size_t i = 0; i < net->query->n_servers; i++) {
		struct metrics_label label = {"server", net_server_text(net->query, i)};

		if (net_server_of_text(net->query, label.value) == i)
			metrics_sample(page, name, &label, 1, sum_kernel_drops(net, label.value));
	}
}

static void write_queue_delay(const struct net *net, struct text *page)
{
	const struct metrics_histogram_in in = {.name = "kaname_queue_delay_seconds",
						.bounds = &net_queue_delay_bounds,
						.unit = 1e9};
	struct histogram delay = {0};

	for (unsigned i = 0; i < net->n_workers; i++)
		histogram_merge(&delay, &net->workers[i]->counts.queue_delay_ns);
	metrics_family(page, in.name, "histogram",
		       "How long the UDP query at the head of a receive queue had waited there, "
		       "looked at up to 100 times a second for each socket.");
	metrics_histogram(page, &in, &delay);
}

static void write_tcp(const struct net *net, struct text *page)
{
	metrics_family(page, "kaname_tcp_connections", "gauge", "Open TCP connections.");
	metrics_sample(page, "kaname_tcp_connections", NULL, 0,
		       sum(net, offsetof(struct net_counts, tcp_open)));
	metrics_family(page, "kaname_tcp_accepted_total", "counter", "Accepted TCP connections.");
	metrics_sample(page, "kaname_tcp_accepted_total", NULL, 0,
		       sum(net, offsetof(struct net_counts, tcp_accepted)));
	metrics_family(page, "kaname_tcp_accept_failed_total", "counter",
		       "TCP connections that could not be accepted for want of resources.");
	metrics_sample(page, "kaname_tcp_accept_failed_total", NULL, 0,
		       sum(net, offsetof(struct net_counts, tcp_accept_failed)));
	metrics_family(page, "kaname_tcp_closed_total", "counter", "Closed TCP connections.");
	write_reasons(
		net, page, "kaname_tcp_closed_total",
		&(struct reasons){end_texts, NET_N_ENDS, offsetof(struct net_counts, tcp_ended)});
}

static void write_pending(const struct net *net, struct text *page)
{
	struct forward **forwards = mem_zalloc(net->n_workers * sizeof(struct forward *));
	size_t n_forwards = 0;

	metrics_family(page, "kaname_pending_queries", "gauge",
		       "Queries that wait for an upstream's reply.");
	metrics_sample(page, "kaname_pending_queries", NULL, 0,
		       sum(net, offsetof(struct net_counts, pending)));
	metrics_family(page, "kaname_pending_bytes", "gauge", "Octets that they take.");
	metrics_sample(page, "kaname_pending_bytes", NULL, 0,
		       sum(net, offsetof(struct net_counts, pending_bytes)));
	metrics_family(page, "kaname_pending_refused_total", "counter",
		       "Queries that were refused because too many wait for upstreams.");
	write_reasons(net, page, "kaname_pending_refused_total",
		      &(struct reasons){refused_texts, NET_N_REFUSED,
					offsetof(struct net_counts, refused)});
	for (unsigned i = 0; i < net->n_workers; i++) {
		forwards[n_forwards] = worker_forward(net->workers[i]);
		n_forwards += forwards[n_forwards] != NULL;
	}
	forward_metrics_write(forwards, n_forwards, page);
	free(forwards);
}

void net_metrics_write(const struct net *net, struct text *page)
{
	query_metrics_write(net->query_workers, net->n_workers, net->query, page);
	metrics_family(page, "kaname_dropped_total", "counter",
		       "Packets that are no queries and were not answered.");
	write_reasons(
		net, page, "kaname_dropped_total",
		&(struct reasons){drop_texts, NET_N_DROPS, offsetof(struct net_counts, dropped)});
	metrics_family(page, "kaname_udp_send_errors_total", "counter",
		       "UDP answers that the kernel refused to send.");
	write_reasons(
		net, page, "kaname_udp_send_errors_total",
		&(struct reasons){unsent_texts, NET_N_UNSENT, offsetof(struct net_counts, unsent)});
	write_kernel_drops(net, page);
	write_queue_delay(net, page);
	write_tcp(net, page);
	if (net->config.forward)
		write_pending(net, page);
}

void net_top_write(const struct net *net, struct text *body)
{
	query_top_write(net->query_workers, net->n_workers, body);
}
