/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the Prometheus text format (version 0.0.4). The caller gives each family's head once, then
 * its samples. Label values may hold any bytes: backslash, quote and newline are escaped, and what
 * is not UTF-8 is replaced, so a page can always be scraped. Any thread, one page at a time.
 */
#ifndef KANAME_BASE_METRICS_H
#define KANAME_BASE_METRICS_H

#include <stdint.h>

#include "base/counter.h"
#include "base/text.h"

struct metrics_label {
	const char *name;
	const char *value;
};

/* "# HELP" and "# TYPE"; type is "counter", "gauge" or "histogram". */
void metrics_family(struct text *page, const char *name, const char *type, const char *help);

/* One sample; labels[0..n_labels) may be NULL when n_labels is 0. */
void metrics_sample(struct text *page, const char *name, const struct metrics_label *labels,
		    size_t n_labels, double value);

struct metrics_histogram_in {
	const char *name;
	const struct metrics_label *labels; /* labels[0..n_labels); may be NULL when that is 0 */
	size_t n_labels;
	const struct histogram_bounds *bounds;
	double unit; /* bounds and sum are divided by it: 1e9 makes seconds of ns */
};

/* _bucket (cumulative, with le), _sum and _count. */
void metrics_histogram(struct text *page, const struct metrics_histogram_in *in,
		       const struct histogram *histogram);

#endif
