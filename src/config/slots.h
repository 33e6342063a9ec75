/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of what workers refer to by index, over a reload. What the running configuration has
 * too keeps its index and its id. What is new gets the lowest index that neither of them uses, so
 * that no index changes its meaning at once, and an id that nothing had before. So the arrays have
 * holes, and stay as short as two configurations need. Main thread.
 */
#ifndef KANAME_CONFIG_SLOTS_H
#define KANAME_CONFIG_SLOTS_H

#include "config/config.h"

/* Numbers the metrics rows of all views and servers; fills in query->n_metrics. `servers` are still
 * the caller's to change. `previous` may be NULL here and below. */
void slots_number_rows(struct query_config *query, struct query_server_config *servers,
		       size_t n_servers, const struct config *previous);

/* Numbers policies[0..n), which have their labels; returns the highest index and 1. */
size_t slots_number_policies(struct cache_policy *policies, size_t n, uint64_t *last_id,
			     const struct config *previous);

#define SLOTS_NO_NEXT SIZE_MAX

/* A group of upstreams that is to be numbered. */
struct slots_group {
	struct forward_group_config config; /* next_group is filled in with the numbers */
	const struct cache_policy *policy;  /* numbered; NULL: not cached */
	size_t next;  /* place in the list of the one that follows; below it */
	size_t index; /* out */
	uint64_t id;  /* out */
	bool is_numbered;
};

/* Numbers the groups of list[0..n); returns the highest index and 1. A group is kept where it is
 * equal and so is what follows it; of several equal ones, that whose policy is the same. */
size_t slots_number_groups(struct slots_group *list, size_t n, uint64_t *last_id,
			   const struct config *previous);

#endif
