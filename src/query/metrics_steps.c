/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_steps.h. As CoreDNS's counters with labels these have no sample until something was
 * counted, but for that of `local`, which has no labels.
 */
#include "metrics_steps.h"

#include "base/metrics.h"

void step_counts_add(struct step_counts *sum, const struct step_counts *from)
{
	uint64_t *to = (uint64_t *)(void *)sum;
	const uint64_t *add = (const uint64_t *)(const void *)from;

	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters and nothing else");
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += counter_read(&add[i]);
}

static uint64_t counter_at(const struct steps_row *row, size_t offset)
{
	const char *counts = (const char *)row->sum;

	return *(const uint64_t *)(const void *)(counts + offset);
}

static void write_acl(struct text *page, const struct steps_row *row, const char *name,
		      size_t offset)
{
	const struct metrics_label labels[] = {
		{"server", row->server}, {"zone", row->zone}, {"view", ""}};
	uint64_t n = counter_at(row, offset);

	if (n > 0)
		metrics_sample(page, name, labels, ARRAY_LEN(labels), (double)n);
}

/* CoreDNS does not tell the zones of a server apart here. */
static void write_allowed(struct text *page, const struct steps_row *rows, size_t n)
{
	const char *name = "coredns_acl_allowed_requests_total";

	metrics_family(page, name, "counter", "Counter of DNS requests being allowed.");
	for (size_t i = 0; i < n;) {
		const struct metrics_label labels[] = {{"server", rows[i].server}, {"view", ""}};
		const char *server = rows[i].server;
		uint64_t sum = 0;

		for (; i < n && strcmp(rows[i].server, server) == 0; i++)
			sum += rows[i].sum->acl_allowed;
		if (sum > 0)
			metrics_sample(page, name, labels, ARRAY_LEN(labels), (double)sum);
	}
}

static void write_localhost(struct text *page, const struct steps_row *rows, size_t n)
{
	const char *name = "coredns_local_localhost_requests_total";
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += rows[i].sum->localhost;
	metrics_family(page, name, "counter", "Counter of localhost.<domain> requests.");
	metrics_sample(page, name, NULL, 0, (double)sum);
}

void metrics_steps_write(struct text *page, const struct steps_row *rows, size_t n)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} acl_families[] = {
		{"coredns_acl_blocked_requests_total", "Counter of DNS requests being blocked.",
		 offsetof(struct step_counts, acl_blocked)},
		{"coredns_acl_filtered_requests_total", "Counter of DNS requests being filtered.",
		 offsetof(struct step_counts, acl_filtered)},
		{"coredns_acl_dropped_requests_total", "Counter of DNS requests being dropped.",
		 offsetof(struct step_counts, acl_dropped)},
	};

	for (size_t f = 0; f < ARRAY_LEN(acl_families); f++) {
		metrics_family(page, acl_families[f].name, "counter", acl_families[f].help);
		for (size_t i = 0; i < n; i++)
			write_acl(page, &rows[i], acl_families[f].name, acl_families[f].offset);
	}
	write_allowed(page, rows, n);
	write_localhost(page, rows, n);
}
