/* SPDX-License-Identifier: Apache-2.0
 *
 * From server blocks to what query, net and kube take.
 *
 * Every key of a block is a *view* on each address that the block listens on: those of `bind`, else
 * the wildcards 0.0.0.0 and :: as a pair. All views of one address and port make a *listener*;
 * listeners with the same views (the pair) share a query server.
 */
#include <string.h>

#include "draft.h"
#include "slots.h"

struct view {
	struct draft_key *key;
	const char *server_text;
	size_t block;
	size_t order; /* of appearance */
};

struct listener {
	struct address address;
	uint16_t port;
	bool is_optional;
	size_t server;
	ARRAY(struct view) views;
};

struct plan {
	struct draft *draft;
	ARRAY(struct listener) listeners;
	size_t n_views;
	bool is_full;
};

static const struct address wildcard_v4 = {.family = ADDRESS_V4};
static const struct address wildcard_v6 = {.family = ADDRESS_V6};

static bool is_wildcard(const struct address *address)
{
	return address_compare(address, &wildcard_v4) == 0 ||
	       address_compare(address, &wildcard_v6) == 0;
}

/* CoreDNS's `server` label; NULL is the wildcard. */
static const char *server_text(struct draft *draft, const struct address *address, uint16_t port)
{
	char text[ADDRESS_TEXT_MAX] = "";

	if (address)
		address_to_text(address, text);
	return arena_printf(draft->arena,
			    address && address->family == ADDRESS_V6 ? "dns://[%s]:%u"
								     : "dns://%s:%u",
			    text, (unsigned)port);
}

static struct listener *get_listener(struct plan *plan, const struct address *address,
				     uint16_t port)
{
	for (size_t i = 0; i < plan->listeners.len; i++) {
		struct listener *listener = &plan->listeners.items[i];

		if (listener->port == port && address_compare(&listener->address, address) == 0)
			return listener;
	}

	struct listener listener = {.address = *address, .port = port, .is_optional = true};

	ARRAY_PUSH(&plan->listeners, listener);
	return &plan->listeners.items[plan->listeners.len - 1];
}

static void add_view(struct plan *plan, const struct address *address, bool is_optional,
		     struct view view)
{
	if (plan->is_full)
		return;
	if (plan->n_views == QUERY_VIEWS_MAX || plan->listeners.len == QUERY_SERVERS_MAX) {
		problem_at(&plan->draft->problems, &view.key->place,
			   "more than %d zones, or %d addresses, are served", QUERY_VIEWS_MAX,
			   QUERY_SERVERS_MAX);
		plan->is_full = true;
		return;
	}

	struct listener *listener = get_listener(plan, address, view.key->port);

	listener->is_optional &= is_optional;
	view.order = plan->n_views++;
	ARRAY_PUSH(&listener->views, view);
}

static void add_block(struct plan *plan, size_t index)
{
	const struct draft_block *block = plan->draft->blocks.items[index];

	for (size_t k = 0; k < block->keys.len; k++) {
		struct draft_key *key = &block->keys.items[k];
		struct view view = {.key = key, .block = index};

		for (size_t i = 0; i < block->binds.len; i++) {
			const struct address *address = &block->binds.items[i].address;

			view.server_text = server_text(plan->draft, address, key->port);
			add_view(plan, address, false, view);
		}
		if (!block->has_bind) {
			view.server_text = server_text(plan->draft, NULL, key->port);
			add_view(plan, &wildcard_v4, false, view);
			add_view(plan, &wildcard_v6, true, view);
		}
	}
}

static int compare_zones(const struct dns_name *a, const struct dns_name *b)
{
	if (a->n_labels != b->n_labels)
		return a->n_labels > b->n_labels ? -1 : 1;
	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	return memcmp(a->wire, b->wire, a->len);
}

static int compare_views(const void *p, const void *q)
{
	const struct view *a = p, *b = q;
	int order = compare_zones(&a->key->zone, &b->key->zone);

	return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static const char *zone_text(struct draft *draft, const struct dns_name *zone)
{
	char text[DNS_NAME_TEXT_MAX];
	size_t len = dns_name_to_text(zone->wire, zone->len, text);

	return arena_strndup(draft->arena, text, len);
}

/* Sorts the longest zone first; a zone that stands there twice is a problem, told for one address
 * of a pair only. */
static void sort_views(struct draft *draft, struct listener *listener)
{
	struct view *views = listener->views.items;

	qsort(views, listener->views.len, sizeof(*views), compare_views);
	for (size_t i = 1; i < listener->views.len; i++) {
		const struct view *first = &views[i - 1], *second = &views[i];
		const struct token *place = &first->key->place;

		if (!dns_name_equal(&first->key->zone, &second->key->zone) || second->key->is_told)
			continue;
		second->key->is_told = true;
		problem_at(&draft->problems, &second->key->place,
			   "zone \"%s\" on port %u is served at %s:%u already",
			   zone_text(draft, &second->key->zone), (unsigned)listener->port,
			   place->file, place->line);
	}
}

static bool have_same_views(const struct listener *a, const struct listener *b)
{
	if (a->views.len != b->views.len)
		return false;
	for (size_t i = 0; i < a->views.len; i++) {
		const struct view *v = &a->views.items[i], *w = &b->views.items[i];

		if (v->key != w->key || strcmp(v->server_text, w->server_text) != 0)
			return false;
	}
	return true;
}

static struct query_server_config make_server(struct draft *draft, const struct listener *listener)
{
	size_t n = listener->views.len;
	struct query_view_config *views = arena_alloc(draft->arena, n * sizeof(*views));

	for (size_t i = 0; i < n; i++) {
		const struct view *view = &listener->views.items[i];

		views[i].zone = view->key->zone;
		views[i].zone_text = zone_text(draft, &view->key->zone);
		views[i].server_text = view->server_text;
		views[i].block = view->block;
	}
	return (struct query_server_config){.views = views, .n_views = n};
}

static void make_servers(struct plan *plan, struct query_config *query)
{
	struct query_server_config *servers =
		arena_alloc(plan->draft->arena, (plan->listeners.len + 1) * sizeof(*servers));
	size_t n = 0;

	for (size_t i = 0; i < plan->listeners.len; i++) {
		struct listener *listener = &plan->listeners.items[i];
		size_t same = 0;

		sort_views(plan->draft, listener);
		while (same < i && !have_same_views(&plan->listeners.items[same], listener))
			same++;
		listener->server = same < i ? plan->listeners.items[same].server : n;
		if (same == i)
			servers[n++] = make_server(plan->draft, listener);
	}
	slots_number_rows(query, servers, n, plan->draft->options->previous);
	query->servers = servers;
	query->n_servers = n;
}

static void fill_net(const struct plan *plan, struct net_config *net)
{
	const struct draft *draft = plan->draft;
	struct net_listener *listeners =
		arena_alloc(draft->arena, (plan->listeners.len + 1) * sizeof(*listeners));

	for (size_t i = 0; i < plan->listeners.len; i++) {
		const struct listener *listener = &plan->listeners.items[i];

		listeners[i].address = address_to_sockaddr(&listener->address, listener->port);
		listeners[i].is_optional = listener->is_optional;
		listeners[i].server = listener->server;
	}
	*net = (struct net_config){
		.listeners = listeners,
		.n_listeners = plan->listeners.len,
		.tcp_max = 8192,
		.tcp_max_per_client = 1024,
		.tcp_idle_ms = draft->tcp_idle_ms ? draft->tcp_idle_ms : 10000,
		.tcp_stall_ms = draft->tcp_stall_ms ? draft->tcp_stall_ms : 5000,
		.tcp_buffer_bytes = 16u << 20,
		.drain_ms = 5000,
		.pending_max = 8192,
		.pending_bytes = 8u << 20,
	};
	for (size_t i = 0; i < draft->blocks.len; i++) {
		if (draft->blocks.items[i]->n_sockets > net->n_workers)
			net->n_workers = draft->blocks.items[i]->n_sockets;
	}
	if (net->n_workers == 0)
		net->n_workers = draft->options->n_cpus;
}

/* The steps before the cluster's names, and what changes answers behind them: few blocks have any.
 */
static bool is_plain(const struct query_block_config *block)
{
	return !(block->has_local || block->acl || block->has_any || block->chaos ||
		 block->rewrite || block->templates || block->hosts || block->has_minimal ||
		 block->balance);
}

static struct query_block_config *fill_blocks(const struct draft *draft, struct query_config *query)
{
	struct query_block_config *blocks =
		arena_alloc(draft->arena, (draft->blocks.len + 1) * sizeof(*blocks));

	for (size_t i = 0; i < draft->blocks.len; i++) {
		const struct draft_block *from = draft->blocks.items[i];
		struct query_cluster_config *clusters =
			arena_alloc(draft->arena, (from->clusters.len + 1) * sizeof(*clusters));
		struct query_log_config *logs =
			arena_alloc(draft->arena, (from->logs.len + 1) * sizeof(*logs));

		for (size_t k = 0; k < from->clusters.len; k++)
			clusters[k] = from->clusters.items[k];
		for (size_t k = 0; k < from->logs.len; k++)
			logs[k] = from->logs.items[k];
		blocks[i] = from->query;
		blocks[i].clusters = clusters;
		blocks[i].n_clusters = from->clusters.len;
		blocks[i].logs = logs;
		blocks[i].n_logs = from->logs.len;
		blocks[i].is_plain = is_plain(&blocks[i]);
	}
	query->blocks = blocks;
	query->n_blocks = draft->blocks.len;
	return blocks;
}

static bool is_loopback(const struct address *address)
{
	static const uint8_t v6[16] = {[15] = 1};

	if (address->family == ADDRESS_V4)
		return address->bytes[0] == 127;
	return memcmp(address->bytes, v6, 16) == 0;
}

struct addresses { /* an ARRAY(struct address) */
	struct address *items;
	size_t len, cap;
};

static void add_interfaces(const struct draft *draft, struct addresses *addresses)
{
	for (size_t i = 0; i < draft->machine->n_interfaces; i++) {
		const struct config_interface *interface = &draft->machine->interfaces[i];

		if (!address_is_link_local(&interface->address))
			ARRAY_PUSH(addresses, interface->address);
	}
}

static void add_own(const struct draft *draft, const struct draft_block *block,
		    struct addresses *addresses)
{
	bool has_wildcard = !block->has_bind;

	for (size_t i = 0; i < block->binds.len; i++) {
		const struct address *address = &block->binds.items[i].address;

		if (is_wildcard(address))
			has_wildcard = true;
		else
			ARRAY_PUSH(addresses, *address);
	}
	if (has_wildcard)
		add_interfaces(draft, addresses);
}

static int compare_addresses(const void *p, const void *q)
{
	return address_compare(p, q);
}

/* Where the blocks with cluster names can be reached; loopback addresses only when there are no
 * others. */
static void fill_own(const struct draft *draft, struct query_config *query)
{
	struct addresses all = {0};
	bool has_other = false;
	size_t n = 0;

	for (size_t i = 0; i < draft->blocks.len; i++) {
		if (draft->blocks.items[i]->clusters.len > 0)
			add_own(draft, draft->blocks.items[i], &all);
	}
	if (all.len > 0)
		qsort(all.items, all.len, sizeof(all.items[0]), compare_addresses);
	for (size_t i = 0; i < all.len; i++)
		has_other |= !is_loopback(&all.items[i]);

	struct address *own = arena_alloc(draft->arena, (all.len + 1) * sizeof(*own));

	for (size_t i = 0; i < all.len; i++) {
		if (has_other && is_loopback(&all.items[i]))
			continue;
		if (n == 0 || address_compare(&own[n - 1], &all.items[i]) != 0)
			own[n++] = all.items[i];
	}
	query->own = own;
	query->n_own = n;
	ARRAY_FINI(&all);
}

/* Where the running configuration has an equal source, or SIZE_MAX. */
static size_t find_previous(const struct draft *draft, const struct kube_source_config *source)
{
	const struct config *previous = draft->options->previous;

	for (size_t i = 0; previous && i < previous->kube.n_sources; i++) {
		if (kube_source_is_used(&previous->kube.sources[i]) &&
		    kube_source_equal(&previous->kube.sources[i], source))
			return i;
	}
	return SIZE_MAX;
}

/* The slot of each of the draft's sources: that of an equal one that runs, else the first that
 * neither configuration uses. Returns how many slots there are. */
static size_t number_sources(const struct draft *draft, size_t *slots)
{
	const struct config *previous = draft->options->previous;
	size_t n_previous = previous ? previous->kube.n_sources : 0, n = 0, next = 0;

	for (size_t i = 0; i < draft->sources.len; i++)
		slots[i] = find_previous(draft, &draft->sources.items[i]);
	for (size_t i = 0; i < draft->sources.len; i++) {
		if (slots[i] == SIZE_MAX) {
			while (next < n_previous &&
			       kube_source_is_used(&previous->kube.sources[next]))
				next++;
			slots[i] = next++;
		}
		n = slots[i] >= n ? slots[i] + 1 : n;
	}
	return n;
}

static void fill_kube(const struct draft *draft, struct config *config)
{
	size_t *slots = mem_zalloc((draft->sources.len + 1) * sizeof(*slots));
	size_t n = number_sources(draft, slots);
	struct kube_source_config *sources = arena_alloc(draft->arena, (n + 1) * sizeof(*sources));

	for (size_t i = 0; i < draft->sources.len; i++)
		sources[slots[i]] = draft->sources.items[i];
	for (size_t b = 0; b < config->query.n_blocks; b++) {
		const struct query_block_config *block = &config->query.blocks[b];

		for (size_t k = 0; k < block->n_clusters; k++) {
			/* Made by fill_blocks; nobody else has them yet. */
			struct query_cluster_config *cluster =
				(struct query_cluster_config *)(uintptr_t)&block->clusters[k];

			cluster->source = slots[cluster->source];
		}
	}
	free(slots);
	config->kube = (struct kube_config){sources, n};
}

static const struct config_http *copy_http(const struct draft *draft, const struct draft_http *list,
					   size_t *n)
{
	struct config_http *copy = arena_alloc(draft->arena, (list->len + 1) * sizeof(*copy));

	for (size_t i = 0; i < list->len; i++)
		copy[i] = list->items[i];
	*n = list->len;
	return copy;
}

/* What edns-tcp-keepalive tells: 16 bits of 100 ms. */
static uint16_t keepalive_100ms(unsigned idle_ms)
{
	return idle_ms / 100 < UINT16_MAX ? (uint16_t)(idle_ms / 100) : UINT16_MAX;
}

void draft_translate(struct draft *draft, struct config *config)
{
	struct plan plan = {.draft = draft};

	if (draft->options->previous)
		config->query.last_id = draft->options->previous->query.last_id;
	for (size_t i = 0; i < draft->blocks.len; i++)
		add_block(&plan, i);
	make_servers(&plan, &config->query);
	fill_net(&plan, &config->net);
	draft_translate_forward(draft, config, fill_blocks(draft, &config->query));
	fill_own(draft, &config->query);
	fill_kube(draft, config);
	config->query.tcp_keepalive_100ms = keepalive_100ms(config->net.tcp_idle_ms);
	config->health = copy_http(draft, &draft->health, &config->n_health);
	config->ready = copy_http(draft, &draft->ready, &config->n_ready);
	config->prometheus = copy_http(draft, &draft->prometheus, &config->n_prometheus);
	config->lameduck_ms = draft->lameduck_ms;
	config->reload_ms = draft->reload_ms;
	config->reload_jitter_ms = draft->reload_jitter_ms;
	config->followed = draft->followed;
	config->has_debug = draft->has_debug;
	for (size_t i = 0; i < plan.listeners.len; i++)
		ARRAY_FINI(&plan.listeners.items[i].views);
	ARRAY_FINI(&plan.listeners);
}
