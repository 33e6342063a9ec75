/* SPDX-License-Identifier: Apache-2.0
 *
 * The metric families of the steps before the table: `acl`, `local`. Names and labels are
 * CoreDNS's. Any thread.
 */
#ifndef KANAME_QUERY_METRICS_STEPS_H
#define KANAME_QUERY_METRICS_STEPS_H

#include "base/text.h"
#include "worker.h"

/* A (server, zone) of the page, those of a server one behind the other. */
struct steps_row {
	const char *server, *zone;
	const struct step_counts *sum; /* over all workers */
};

/* Adds the counters of a worker, which may be counting, to a sum. */
void step_counts_add(struct step_counts *sum, const struct step_counts *from);

void metrics_steps_write(struct text *page, const struct steps_row *rows, size_t n);

#endif
