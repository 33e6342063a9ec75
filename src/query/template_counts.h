/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `template`s of a worker did, with CoreDNS's labels. Rows are found by what their labels
 * say, not by the configuration they came from, so that counts outlive it. There are at most
 * TEMPLATE_ROWS_MAX of them; what would need more is counted without its labels. The worker alone
 * adds; any thread reads.
 */
#ifndef KANAME_QUERY_TEMPLATE_COUNTS_H
#define KANAME_QUERY_TEMPLATE_COUNTS_H

#include <stddef.h>
#include <stdint.h>

struct text;

#define TEMPLATE_ROWS_MAX 192

enum template_count {
	TEMPLATE_COUNT_MATCHES,
	TEMPLATE_COUNT_FAILURES,    /* the template could not be expanded */
	TEMPLATE_COUNT_RR_FAILURES, /* what it expanded to is no record */
};
#define TEMPLATE_N_COUNTS 3

/* Longer texts are cut. */
struct template_labels {
	enum template_count what;
	const char *server, *zone, *class, *type;
	const char *section, *template; /* "" for matches */
};

struct template_counts; /* of a worker */

/* Allocates nothing but the table, at a worker's first count. */
void template_counts_add(struct template_counts **counts, const struct template_labels *labels);
void template_counts_free(struct template_counts *counts);

/* The families of all workers' counts; elements may be NULL. */
void template_counts_write(struct template_counts *const *counts, size_t n, struct text *page);

#endif
