/* SPDX-License-Identifier: Apache-2.0
 *
 * From the store's objects to the table's records: publishes what is dirty, applying the options
 * that concern more than one object (namespace_labels, noendpoints, ignore_empty_service).
 * Namespaces and new services come before what goes, and all of it is one commit. The kube thread.
 */
#ifndef KANAME_KUBE_RECORDS_H
#define KANAME_KUBE_RECORDS_H

#include "base/counter.h"
#include "store.h"

struct records {
	const struct kube_source_config *config; /* borrowed */
	struct table *table;			 /* borrowed */
	struct histogram programming; /* ms; headless services, from their slices' trigger time */
};

/* 1 ms times 2^n, n = 0..19: CoreDNS's coredns_kubernetes_dns_programming_duration_seconds. */
extern const struct histogram_bounds records_programming_bounds;

/* Publishes and cleans the store. is_synced: the table is from now on; changes are timed once it
 * was before. */
void records_publish(struct records *records, struct store *store, uint64_t unix_ms,
		     bool is_synced);

#endif
