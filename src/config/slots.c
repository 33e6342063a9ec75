/* SPDX-License-Identifier: Apache-2.0
 *
 * Three times the same: hold the indexes of the running configuration, keep those of what is in
 * both, then give out free ones. Rows are found by their metrics labels (sorted, since there may be
 * many), policies likewise (few), groups by all that they say.
 */
#include "slots.h"

#include <string.h>

#include "base/array.h"

struct slots {
	bool *is_used; /* owned; by index */
	size_t free;   /* none is free below */
	size_t n;      /* the highest that was given out or kept, and 1 */
	uint64_t *last_id;
};

static void init(struct slots *slots, size_t n_old, size_t n_new, uint64_t *last_id)
{
	*slots = (struct slots){.last_id = last_id};
	slots->is_used = mem_zalloc(n_old + n_new + 1);
}

static void fini(struct slots *slots)
{
	free(slots->is_used);
}

static void keep(struct slots *slots, size_t index)
{
	if (index >= slots->n)
		slots->n = index + 1;
}

static void take(struct slots *slots, size_t *index, uint64_t *id)
{
	while (slots->is_used[slots->free])
		slots->free++;
	slots->is_used[slots->free] = true;
	*index = slots->free;
	*id = ++*slots->last_id;
	keep(slots, *index);
}

/* ---- rows ---------------------------------------------------------------------------- */

struct row {
	const char *server, *zone;
	size_t index;
	uint64_t id;
	size_t at_server, at_view; /* where it stands; at_view n_views: what no view has */
	bool is_dropped;
};

struct rows { /* an ARRAY(struct row) */
	struct row *items;
	size_t len, cap;
};

/* What no view has comes last. */
static int compare_rows(const void *p, const void *q)
{
	const struct row *a = p, *b = q;
	int order = a->is_dropped - b->is_dropped;

	if (order == 0)
		order = strcmp(a->server, b->server);
	return order != 0 ? order : strcmp(a->zone, b->zone);
}

static void collect_rows(struct rows *rows, const struct query_server_config *servers,
			 size_t n_servers)
{
	for (size_t s = 0; s < n_servers; s++) {
		const struct query_server_config *server = &servers[s];
		struct row row = {.at_server = s};

		for (; row.at_view < server->n_views; row.at_view++) {
			const struct query_view_config *view = &server->views[row.at_view];

			row.server = view->server_text;
			row.zone = view->zone_text;
			row.index = view->metrics;
			row.id = view->metrics_id;
			ARRAY_PUSH(rows, row);
		}
		row.server = server->views[0].server_text;
		row.zone = "";
		row.index = server->dropped;
		row.id = server->dropped_id;
		row.is_dropped = true;
		ARRAY_PUSH(rows, row);
	}
	if (rows->len > 0)
		qsort(rows->items, rows->len, sizeof(rows->items[0]), compare_rows);
}

static void number_rows(struct slots *slots, const struct rows *old, struct rows *rows)
{
	size_t k = 0;

	for (size_t i = 0; i < old->len; i++)
		slots->is_used[old->items[i].index] = true;
	for (size_t i = 0; i < rows->len; i++) {
		struct row *row = &rows->items[i];

		if (i > 0 && compare_rows(row - 1, row) == 0) {
			row->index = row[-1].index;
			row->id = row[-1].id;
			continue;
		}
		while (k < old->len && compare_rows(&old->items[k], row) < 0)
			k++;
		if (k < old->len && compare_rows(&old->items[k], row) == 0) {
			row->index = old->items[k].index;
			row->id = old->items[k].id;
			keep(slots, row->index);
		} else {
			take(slots, &row->index, &row->id);
		}
	}
}

static void give_row(struct query_server_config *server, const struct row *row)
{
	/* The views are the caller's, who gives them away when they are numbered. */
	struct query_view_config *views = (struct query_view_config *)(uintptr_t)server->views;

	if (row->is_dropped) {
		server->dropped = row->index;
		server->dropped_id = row->id;
	} else {
		views[row->at_view].metrics = row->index;
		views[row->at_view].metrics_id = row->id;
	}
}

void slots_number_rows(struct query_config *query, struct query_server_config *servers,
		       size_t n_servers, const struct config *previous)
{
	struct rows old = {0}, rows = {0};
	struct slots slots;

	if (previous)
		collect_rows(&old, previous->query.servers, previous->query.n_servers);
	collect_rows(&rows, servers, n_servers);
	init(&slots, previous ? previous->query.n_metrics : 0, rows.len, &query->last_id);
	number_rows(&slots, &old, &rows);
	for (size_t i = 0; i < rows.len; i++)
		give_row(&servers[rows.items[i].at_server], &rows.items[i]);
	query->n_metrics = slots.n;
	fini(&slots);
	ARRAY_FINI(&old);
	ARRAY_FINI(&rows);
}

/* ---- policies ------------------------------------------------------------------------ */

/* The running one with these labels that nobody has taken yet; NULL: there is none. */
static const struct cache_policy *find_policy(const struct cache_config *old, const bool *is_kept,
					      const struct cache_policy *policy)
{
	for (size_t i = 0; i < old->n_policies; i++) {
		const struct cache_policy *other = &old->policies[i];

		if (!is_kept[i] && other->server_text &&
		    strcmp(other->server_text, policy->server_text) == 0 &&
		    strcmp(other->zones_text, policy->zones_text) == 0)
			return other;
	}
	return NULL;
}

static void keep_policies(struct slots *slots, const struct cache_config *old,
			  struct cache_policy *policies, size_t n)
{
	bool *is_kept = mem_zalloc(old->n_policies + 1);

	for (size_t i = 0; i < old->n_policies; i++)
		slots->is_used[i] = old->policies[i].server_text != NULL;
	for (size_t i = 0; i < n; i++) {
		const struct cache_policy *same = find_policy(old, is_kept, &policies[i]);

		if (!same)
			continue;
		is_kept[same->index] = true;
		policies[i].index = same->index;
		policies[i].id = same->id;
		keep(slots, same->index);
	}
	free(is_kept);
}

size_t slots_number_policies(struct cache_policy *policies, size_t n, uint64_t *last_id,
			     const struct config *previous)
{
	struct slots slots;

	init(&slots, previous ? previous->query.cache.n_policies : 0, n, last_id);
	for (size_t i = 0; i < n; i++)
		policies[i].id = 0;
	if (previous)
		keep_policies(&slots, &previous->query.cache, policies, n);
	for (size_t i = 0; i < n; i++) {
		if (policies[i].id == 0)
			take(&slots, &policies[i].index, &policies[i].id);
	}
	fini(&slots);
	return slots.n;
}

/* ---- groups -------------------------------------------------------------------------- */

static bool is_same_policy(const struct cache_policy *a, const struct cache_policy *b)
{
	return a && b ? a->id == b->id : a == b;
}

/* Is what follows the group what follows in the running configuration? */
static bool leads_to(const struct slots_group *list, const struct slots_group *group, size_t next)
{
	if (group->next == SLOTS_NO_NEXT)
		return next == FORWARD_NO_GROUP;
	return list[group->next].is_numbered && list[group->next].index == next;
}

/* Looks for the group among those of the running configuration, the last first, as the list is
 * gone through. */
static void find_group(const struct slots_group *list, struct slots_group *group, bool *is_kept,
		       const struct config *previous, bool needs_policy)
{
	const struct forward_config *old = previous->net.forward;

	for (size_t i = old->n_groups; i-- > 0;) {
		if (is_kept[i] || old->groups[i].n_targets == 0 ||
		    (needs_policy &&
		     !is_same_policy(previous->query.group_policies[i], group->policy)) ||
		    !leads_to(list, group, old->groups[i].next_group) ||
		    !forward_group_config_equal(&old->groups[i], &group->config))
			continue;
		is_kept[i] = true;
		group->is_numbered = true;
		group->index = i;
		group->id = previous->query.group_ids[i];
		return;
	}
}

/* What follows a group stands behind it in the list, and so is looked for before it. */
static void keep_groups(struct slots *slots, struct slots_group *list, size_t n,
			const struct config *previous)
{
	const struct forward_config *old = previous->net.forward;
	bool *is_kept = mem_zalloc(old->n_groups + 1);

	for (size_t i = 0; i < old->n_groups; i++)
		slots->is_used[i] = old->groups[i].n_targets > 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = n; i-- > 0;) {
			if (!list[i].is_numbered)
				find_group(list, &list[i], is_kept, previous, pass == 0);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].is_numbered)
			keep(slots, list[i].index);
	}
	free(is_kept);
}

size_t slots_number_groups(struct slots_group *list, size_t n, uint64_t *last_id,
			   const struct config *previous)
{
	bool has_old = previous && previous->net.forward;
	struct slots slots;

	init(&slots, has_old ? previous->net.forward->n_groups : 0, n, last_id);
	for (size_t i = 0; i < n; i++) {
		struct slots_group *group = &list[i];

		group->is_numbered = false;
		/* Its number is not known yet, only that there will be one. */
		group->config.next_group = group->next == SLOTS_NO_NEXT ? FORWARD_NO_GROUP : 0;
	}
	if (has_old)
		keep_groups(&slots, list, n, previous);
	for (size_t i = 0; i < n; i++) {
		if (!list[i].is_numbered)
			take(&slots, &list[i].index, &list[i].id);
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].next != SLOTS_NO_NEXT)
			list[i].config.next_group = list[list[i].next].index;
	}
	fini(&slots);
	return slots.n;
}
