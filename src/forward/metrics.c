/* SPDX-License-Identifier: Apache-2.0
 *
 * forward_metrics_write: the families of CoreDNS's `forward` plugin as they are today
 * (coredns_proxy_*), as they were before 1.11 (coredns_forward_*) and before 1.7 (_count_total:
 * stored dashboards and alerts still ask for both), then ours. Upstreams are summed by their text
 * over the workers. Any thread.
 */
#include "forward_private.h"

#include "base/metrics.h"

static const char *const rcode_texts[COUNTS_N_RCODES] = {
	[COUNTS_NOERROR] = "NOERROR",	[COUNTS_NXDOMAIN] = "NXDOMAIN",
	[COUNTS_SERVFAIL] = "SERVFAIL", [COUNTS_REFUSED] = "REFUSED",
	[COUNTS_OTHER] = "OTHER",
};

static const char *const unfit_texts[PACKET_N_FITS] = {
	[PACKET_FITS] = "too_large",	      [PACKET_SHORT] = "short",
	[PACKET_NO_REPLY] = "no_reply",	      [PACKET_OTHER_ID] = "id",
	[PACKET_OTHER_QUESTION] = "question", [PACKET_OTHER_CLASS] = "class",
	[PACKET_OTHER_CASE] = "case",
};

static const char *const protos[2] = {"udp", "tcp"};

struct page {
	struct text *text;
	ARRAY(struct peer_counts) peers; /* sums */
};

/* ---- sums ---- */

static struct peer_counts *find(struct page *page, const char *text)
{
	struct peer_counts empty;

	for (size_t i = 0; i < page->peers.len; i++) {
		if (strcmp(page->peers.items[i].text, text) == 0)
			return &page->peers.items[i];
	}
	memset(&empty, 0, sizeof(empty));
	snprintf(empty.text, sizeof(empty.text), "%s", text);
	ARRAY_PUSH(&page->peers, empty);
	return &page->peers.items[page->peers.len - 1];
}

static void add_peer(struct page *page, const struct peer_counts *from)
{
	struct peer_counts *to = find(page, from->text);
	uint64_t smoothed_us = counter_read(&from->smoothed_us);

	to->requests += counter_read(&from->requests);
	to->broken += counter_read(&from->broken);
	to->health_failures += counter_read(&from->health_failures);
	to->n_users += counter_read(&from->n_users);
	to->is_down |= counter_read(&from->is_down);
	to->is_looping |= counter_read(&from->is_looping);
	if (smoothed_us > to->smoothed_us)
		to->smoothed_us = smoothed_us;
	for (size_t i = 0; i < COUNTS_N_RCODES; i++)
		histogram_merge(&to->duration_ns[i], &from->duration_ns[i]);
	for (size_t i = 0; i < PACKET_N_FITS; i++)
		to->channel.unfit[i] += counter_read(&from->channel.unfit[i]);
	for (size_t i = 0; i < 2; i++) {
		to->channel.opened[i] += counter_read(&from->channel.opened[i]);
		to->channel.reused[i] += counter_read(&from->channel.reused[i]);
	}
}

static void collect(struct page *page, struct forward *const *forwards, size_t n_forwards)
{
	for (size_t f = 0; f < n_forwards; f++) {
		const struct forward_counts *counts = &forwards[f]->counts;
		uint64_t n = __atomic_load_n(&counts->n_peers, __ATOMIC_ACQUIRE);

		for (uint64_t i = 0; i < n; i++)
			add_peer(page, &counts->peers[i]);
	}
}

/* The sum of the counter at this offset of struct forward_counts. */
static double sum(struct forward *const *forwards, size_t n_forwards, size_t offset)
{
	uint64_t total = 0;

	for (size_t f = 0; f < n_forwards; f++) {
		const char *counts = (const char *)&forwards[f]->counts;

		total += counter_read((const uint64_t *)(const void *)(counts + offset));
	}
	return (double)total;
}

/* ---- by upstream ---- */

static uint64_t count_of(const struct histogram *histogram)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		n += histogram->counts[i];
	return n;
}

/* The labels of CoreDNS's proxy package, or without proxy_name those of its forward plugin. */
static void write_durations(struct page *page, const char *name, bool is_proxy)
{
	metrics_family(page->text, name, "histogram", "Histogram of the time each request took.");
	for (size_t i = 0; i < page->peers.len * COUNTS_N_RCODES; i++) {
		const struct peer_counts *peer = &page->peers.items[i / COUNTS_N_RCODES];
		size_t rcode = i % COUNTS_N_RCODES;
		const struct metrics_label labels[] = {{"proxy_name", "forward"},
						       {"to", peer->text},
						       {"rcode", rcode_texts[rcode]}};
		const struct metrics_histogram_in in = {name, is_proxy ? labels : labels + 1,
							is_proxy ? 3 : 2, &peer_duration_bounds,
							1e9};

		if (count_of(&peer->duration_ns[rcode]) > 0)
			metrics_histogram(page->text, &in, &peer->duration_ns[rcode]);
	}
}

static void write_responses(struct page *page, const char *name)
{
	metrics_family(page->text, name, "counter",
		       "Counter of responses received per upstream and rcode.");
	for (size_t i = 0; i < page->peers.len * COUNTS_N_RCODES; i++) {
		const struct peer_counts *peer = &page->peers.items[i / COUNTS_N_RCODES];
		size_t rcode = i % COUNTS_N_RCODES;
		const struct metrics_label labels[] = {{"to", peer->text},
						       {"rcode", rcode_texts[rcode]}};
		uint64_t n = count_of(&peer->duration_ns[rcode]);

		/* A rate of failures has a beginning only where 0 was seen. */
		if (n > 0 || rcode == COUNTS_SERVFAIL)
			metrics_sample(page->text, name, labels, 2, (double)n);
	}
}

static void write_failures(struct page *page, const char *name, bool is_proxy)
{
	metrics_family(page->text, name, "counter",
		       "Counter of the number of failed healthchecks.");
	for (size_t i = 0; i < page->peers.len; i++) {
		const struct metrics_label labels[] = {{"proxy_name", "forward"},
						       {"to", page->peers.items[i].text}};

		metrics_sample(page->text, name, is_proxy ? labels : labels + 1, is_proxy ? 2 : 1,
			       (double)page->peers.items[i].health_failures);
	}
}

static void write_conn_cache(struct page *page, const char *name, bool is_proxy, bool is_hit)
{
	metrics_family(page->text, name, "counter",
		       is_hit ? "Counter of connection cache hits per upstream and protocol."
			      : "Counter of connection cache misses per upstream and protocol.");
	for (size_t i = 0; i < page->peers.len * 2; i++) {
		const struct peer_counts *peer = &page->peers.items[i / 2];
		const struct metrics_label labels[] = {
			{"proxy_name", "forward"}, {"to", peer->text}, {"proto", protos[i % 2]}};
		const uint64_t *counts = is_hit ? peer->channel.reused : peer->channel.opened;

		metrics_sample(page->text, name, is_proxy ? labels : labels + 1, is_proxy ? 3 : 2,
			       (double)counts[i % 2]);
	}
}

/* Of upstreams that some line has; counters are of all that ever were. */
static void write_peer_gauge(struct page *page, const char *name, const char *help,
			     double (*value)(const struct peer_counts *peer))
{
	metrics_family(page->text, name, "gauge", help);
	for (size_t i = 0; i < page->peers.len; i++) {
		const struct metrics_label label = {"to", page->peers.items[i].text};

		if (page->peers.items[i].n_users > 0)
			metrics_sample(page->text, name, &label, 1, value(&page->peers.items[i]));
	}
}

static double rtt_of(const struct peer_counts *peer)
{
	return (double)peer->smoothed_us / 1e6;
}

static double up_of(const struct peer_counts *peer)
{
	return peer->is_down || peer->is_looping ? 0 : 1;
}

static double looping_of(const struct peer_counts *peer)
{
	return peer->is_looping ? 1 : 0;
}

static void write_unfit(struct page *page)
{
	const char *name = "kaname_forward_unfit_replies_total";

	metrics_family(page->text, name, "counter",
		       "Packets of upstreams that were no reply to what was asked, by reason.");
	for (size_t i = 0; i < page->peers.len * PACKET_N_FITS; i++) {
		const struct peer_counts *peer = &page->peers.items[i / PACKET_N_FITS];
		const struct metrics_label labels[] = {{"to", peer->text},
						       {"reason", unfit_texts[i % PACKET_N_FITS]}};

		metrics_sample(page->text, name, labels, 2,
			       (double)peer->channel.unfit[i % PACKET_N_FITS]);
	}
	for (size_t i = 0; i < page->peers.len; i++) {
		const struct metrics_label labels[] = {{"to", page->peers.items[i].text},
						       {"reason", "malformed"}};

		metrics_sample(page->text, name, labels, 2, (double)page->peers.items[i].broken);
	}
}

static void write_requests(struct page *page, const char *name)
{
	metrics_family(page->text, name, "counter", "Counter of requests made per upstream.");
	for (size_t i = 0; i < page->peers.len; i++) {
		const struct metrics_label label = {"to", page->peers.items[i].text};

		metrics_sample(page->text, name, &label, 1, (double)page->peers.items[i].requests);
	}
}

static void write_peers(struct page *page)
{
	write_durations(page, "coredns_proxy_request_duration_seconds", true);
	write_durations(page, "coredns_forward_request_duration_seconds", false);
	write_requests(page, "coredns_forward_requests_total");
	write_requests(page, "coredns_forward_request_count_total");
	write_responses(page, "coredns_forward_responses_total");
	write_responses(page, "coredns_forward_response_rcode_count_total");
	write_failures(page, "coredns_proxy_healthcheck_failures_total", true);
	write_failures(page, "coredns_forward_healthcheck_failures_total", false);
	write_failures(page, "coredns_forward_healthcheck_failure_count_total", false);
	write_conn_cache(page, "coredns_proxy_conn_cache_hits_total", true, true);
	write_conn_cache(page, "coredns_proxy_conn_cache_misses_total", true, false);
	write_conn_cache(page, "coredns_forward_conn_cache_hits_total", false, true);
	write_conn_cache(page, "coredns_forward_conn_cache_misses_total", false, false);
	write_peer_gauge(page, "kaname_forward_upstream_rtt_seconds",
			 "Smoothed round-trip time by UDP, of the worker that sees the longest.",
			 rtt_of);
	write_peer_gauge(page, "kaname_forward_upstream_up",
			 "1 where the upstream is neither down nor looping in any worker.", up_of);
	write_peer_gauge(page, "kaname_forward_upstream_looping",
			 "1 where the upstream leads back to this server.", looping_of);
	write_unfit(page);
}

/* ---- totals ---- */

static const struct {
	const char *name, *type, *help;
	size_t offset;
} totals[] = {
	{"kaname_forward_questions_total", "counter", "Questions to upstreams, joined ones once.",
	 offsetof(struct forward_counts, questions)},
	{"kaname_forward_joins_total", "counter",
	 "Questions that were in flight already when they were asked.",
	 offsetof(struct forward_counts, joins)},
	{"kaname_forward_refreshes_total", "counter", "Questions for the cache alone.",
	 offsetof(struct forward_counts, refreshes)},
	{"kaname_forward_hedges_total", "counter",
	 "Questions that were sent once more because the answer was late.",
	 offsetof(struct forward_counts, hedges)},
	{"kaname_forward_retries_total", "counter",
	 "Questions that were sent once more because an upstream failed, or by TCP.",
	 offsetof(struct forward_counts, retries)},
	{"kaname_forward_limited_total", "counter",
	 "Times that the retry budget did not let a question be sent once more.",
	 offsetof(struct forward_counts, limited)},
	{"kaname_forward_failures_total", "counter", "Questions that no upstream answered.",
	 offsetof(struct forward_counts, failures)},
	{"kaname_forward_loops_total", "counter", "Upstreams that were found to lead back here.",
	 offsetof(struct forward_counts, loops)},
	{"kaname_forward_full_rejects_total", "counter",
	 "Questions refused because too many were in flight.",
	 offsetof(struct forward_counts, rejected_full)},
	{"coredns_forward_max_concurrent_rejects_total", "counter",
	 "Counter of the number of queries rejected because the concurrent queries were at "
	 "maximum.",
	 offsetof(struct forward_counts, rejected_concurrent)},
	{"coredns_forward_healthcheck_broken_total", "counter",
	 "Counter of the number of complete failures of the healthchecks.",
	 offsetof(struct forward_counts, broken)},
	{"coredns_forward_healthcheck_broken_count_total", "counter",
	 "The same as it was called before 1.7.", offsetof(struct forward_counts, broken)},
	{"coredns_forward_max_concurrent_reject_count_total", "counter",
	 "The same as it was called before 1.7.",
	 offsetof(struct forward_counts, rejected_concurrent)},
	{"kaname_forward_in_flight", "gauge", "Questions in flight.",
	 offsetof(struct forward_counts, in_flight)},
};

double forward_fullness(const struct forward *forward)
{
	return (double)counter_read(&forward->counts.fullness) / FULLNESS_UNIT;
}

void forward_metrics_write(struct forward *const *forwards, size_t n_forwards, struct text *text)
{
	struct page page = {.text = text};

	collect(&page, forwards, n_forwards);
	write_peers(&page);
	for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
		metrics_family(text, totals[i].name, totals[i].type, totals[i].help);
		metrics_sample(text, totals[i].name, NULL, 0,
			       sum(forwards, n_forwards, totals[i].offset));
	}
	ARRAY_FINI(&page.peers);
}
