/* SPDX-License-Identifier: Apache-2.0
 *
 * What a page of metrics has a sample for, and the labels: shared by the files that write families
 * of it. Any thread.
 */
#ifndef KANAME_QUERY_METRICS_ROW_H
#define KANAME_QUERY_METRICS_ROW_H

#include "worker.h"

/* One (server, zone) of the page: its labels and its counters summed over the workers. */
struct row {
	const char *server;
	const char *zone;
	struct view_metrics sum;
};

/* "A", ..., "other": of the index that requests are counted by. */
const char *metrics_type_text(size_t index);

/* The families as they were called before CoreDNS 1.7: dashboards of that time still ask. */
void metrics_old_requests(struct text *page, const struct row *row);
void metrics_old_types(struct text *page, const struct row *row);
void metrics_old_do(struct text *page, const struct row *row);
void metrics_old_rcodes(struct text *page, const struct row *row);

/* coredns_plugin_enabled, of all views of blocks with `prometheus`. */
void metrics_plugins_write(struct text *page, const struct query_config *config);

#endif
