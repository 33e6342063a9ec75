/* SPDX-License-Identifier: Apache-2.0
 *
 * The `kubernetes` step (dns-facts 1 to 7). The happy path: the longest of the cluster's zones that
 * has the name is stripped, the table is asked once, and the records of the asked type are written.
 * A name that exists without them is NODATA, one that does not is NXDOMAIN or falls through; both
 * carry the zone's SOA. An ExternalName writes its CNAME and starts again with the target, a
 * bounded number of times; a target outside is looked up as a client's query is (external.c).
 *
 * Until the table is synced nothing can be said about any name of these zones: SERVFAIL with "not
 * ready", never NXDOMAIN, never the next step.
 */
#include "cluster.h"

#include "acl.h"
#include "apex.h"
#include "external.h"
#include "hosts.h"
#include "worker.h"

/* Records were written, or did not fit; else none of them has a name in this zone. */
static enum outcome found_some(const struct answer *answer, uint16_t before)
{
	bool is_some = answer->end.n_answer > before || (answer->end.flags & DNS_FLAG_TC);

	return is_some ? OUTCOME_FOUND : OUTCOME_NODATA;
}

static enum outcome write_view(struct lookup *lookup, const struct table_view *view)
{
	struct answer *answer = lookup->answer;
	uint16_t type = answer->query->type;
	struct table_addresses addresses;

	switch (view->kind) {
	case TABLE_NONE:
		return OUTCOME_NXDOMAIN;
	case TABLE_EMPTY:
		return OUTCOME_NODATA;
	case TABLE_ALIAS:
		return OUTCOME_ALIAS;
	case TABLE_SERVICE:
	case TABLE_HOST:
	case TABLE_PORT:
		break;
	}
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		enum address_family family = type == DNS_TYPE_A ? ADDRESS_V4 : ADDRESS_V6;

		addresses = table_addresses(view, family);
		if (addresses.n == 0)
			return OUTCOME_NODATA;
		answer_addresses(answer, lookup->owner, &addresses, family, lookup->zone.ttl_s);
		return OUTCOME_FOUND;
	}
	if (type == DNS_TYPE_SRV) {
		uint16_t before = answer->end.n_answer;

		answer_srv(answer, lookup->owner, view, &lookup->zone);
		return found_some(answer, before);
	}
	return type == DNS_TYPE_ANY ? lookup_any(lookup) : OUTCOME_NODATA;
}

/* ADDRESS.NS.pod (dns-facts 6): the label is the address. */
static enum outcome resolve_pod(struct lookup *lookup, unsigned n_labels)
{
	const struct dns_name *name = lookup->name;
	const uint8_t *label = name->wire;
	const uint8_t *namespace = name->wire + name->offsets[n_labels - 2];
	struct address address;

	if (lookup->cluster->pods == QUERY_PODS_DISABLED || n_labels > 3 ||
	    !table_has_namespace(lookup->table, namespace))
		return OUTCOME_NXDOMAIN;
	if (n_labels == 2)
		return OUTCOME_NODATA;
	if (!address_from_pod_label(&address, label + 1, label[0]))
		return OUTCOME_NXDOMAIN;
	if (lookup->cluster->pods == QUERY_PODS_VERIFIED &&
	    !table_has_pod(lookup->table, namespace, &address))
		return OUTCOME_NXDOMAIN;
	return lookup_addresses(lookup, &address, 1);
}

static bool label_is(const struct dns_name *name, unsigned i, const char *wire, size_t len)
{
	return memcmp(name->wire + name->offsets[i], wire, len) == 0;
}

/* A name in a forward zone. */
static enum outcome resolve_forward(struct lookup *lookup)
{
	const struct dns_name *name = lookup->name;
	unsigned n = name->n_labels - lookup->zone.name->n_labels;
	struct table_view *view = &lookup->view;

	if (n == 0) {
		lookup->domain = lookup->zone.name;
		return apex_resolve(lookup);
	}
	if (LIKELY(n > 1 && label_is(name, n - 1, "\3svc", 4))) {
		table_find(lookup->table, name, n - 1, view);
		return write_view(lookup, view);
	}
	if (n > 1 && label_is(name, n - 1, "\3pod", 4))
		return resolve_pod(lookup, n);
	if (n == 1 && label_is(name, 0, "\13dns-version", 12))
		return lookup_version(lookup);
	if (n == 2 && label_is(name, 0, "\2ns\3dns", 7))
		return apex_resolve_ns_name(lookup);
	if (n == 1 && (label_is(name, 0, "\3svc", 4) || label_is(name, 0, "\3pod", 4) ||
		       label_is(name, 0, "\3dns", 4)))
		return OUTCOME_NODATA;
	return OUTCOME_NXDOMAIN;
}

/* A name in a reverse zone (dns-facts 5). */
static enum outcome resolve_reverse(struct lookup *lookup)
{
	struct answer *answer = lookup->answer;
	struct answer_rr rr = {lookup->owner, DNS_TYPE_PTR, lookup->zone.ttl_s};
	uint16_t before = answer->end.n_answer;
	const struct table_pointers *pointers;
	struct address address;
	unsigned bits;

	answer->class = QUERY_CLASS_REVERSE;
	if (lookup->name->n_labels == lookup->zone.name->n_labels) {
		const struct dns_name *primary = lookup->cluster->primary;

		lookup->domain = primary ? primary : lookup->zone.name;
		return apex_resolve(lookup);
	}
	switch (address_from_reverse(&address, &bits, lookup->name)) {
	case REVERSE_NONE:
		return OUTCOME_NXDOMAIN;
	case REVERSE_PREFIX:
		return table_has_prefix(lookup->table, &address, bits) ? OUTCOME_NODATA
								       : OUTCOME_NXDOMAIN;
	case REVERSE_EXACT:
		break;
	}
	pointers = table_find_address(lookup->table, &address);
	if (!pointers || !lookup->cluster->primary)
		return OUTCOME_NXDOMAIN;
	if (answer->query->type == DNS_TYPE_ANY)
		return lookup_any(lookup);
	if (answer->query->type != DNS_TYPE_PTR)
		return OUTCOME_NODATA;
	answer_pointers(answer, rr, pointers, lookup->cluster->primary);
	return found_some(answer, before);
}

/* The name decides, not the zone: one block may serve the root. */
static enum outcome resolve(struct lookup *lookup)
{
	const struct dns_name *zone = lookup->zone.name;

	if (UNLIKELY(zone != lookup->cluster->primary || zone->n_labels == 0) &&
	    address_is_reverse_name(lookup->name))
		return resolve_reverse(lookup);
	return resolve_forward(lookup);
}

/* The first of the zones that has the name, or NULL. */
static const struct dns_name *find_zone(const struct query_zones *zones,
					const struct dns_name *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]))
			return &zones->items[i];
	}
	return NULL;
}

static bool falls_through(const struct query_cluster_config *cluster, const struct dns_name *name)
{
	return cluster->has_fallthrough &&
	       (cluster->fallthrough.n == 0 || find_zone(&cluster->fallthrough, name) != NULL);
}

/* Have we been at this name before in this chain? */
static bool is_visited(const struct dns_name *visited, unsigned n, const struct dns_name *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (dns_name_equal(&visited[i], name))
			return true;
	}
	return false;
}

/* The cluster of a block that has the name, or NULL; *zone gets its zone. */
static const struct query_cluster_config *find_cluster(const struct query_block_config *block,
						       const struct dns_name *name,
						       const struct dns_name **zone)
{
	for (size_t i = 0; i < block->n_clusters; i++) {
		*zone = find_zone(&block->clusters[i].zones, name);
		if (*zone)
			return &block->clusters[i];
	}
	return NULL;
}

/* The target of a CNAME, looked up as if a client had asked for it. */
static enum outcome resolve_target(struct lookup *lookup, unsigned n)
{
	struct answer *answer = lookup->answer;
	const struct query_worker *worker = answer->worker;
	const struct query_config *config = lookup->config;
	const struct query_view_config *view =
		external_view(&config->servers[worker->input->server], lookup->name);
	const struct query_cluster_config *cluster = NULL;
	const struct query_block_config *block;

	lookup->zone.pos = 0;
	if (!view)
		view = worker->output->view;
	block = &config->blocks[view->block];
	if (UNLIKELY(block->acl != NULL) && acl_bars(answer, block, lookup->name))
		return OUTCOME_FOUND;
	if (UNLIKELY(block->hosts != NULL) &&
	    hosts_follow(answer, block->hosts, lookup->name, lookup->owner) == STEP_DONE)
		return OUTCOME_FOUND;
	cluster = find_cluster(block, lookup->name, &lookup->zone.name);
	if (cluster && table_is_synced(config->tables[cluster->source])) {
		enum outcome outcome;

		lookup->cluster = cluster;
		lookup->table = config->tables[cluster->source];
		lookup->zone.ttl_s = cluster->ttl_s;
		lookup->zone.serial = table_serial(lookup->table);
		outcome = resolve(lookup);
		if (outcome != OUTCOME_NXDOMAIN || !falls_through(cluster, lookup->name))
			return outcome;
	} else if (cluster) {
		return OUTCOME_NOT_READY;
	}
	external_follow(answer, view, n);
	return OUTCOME_FOUND;
}

/*
 * Writes the CNAME of an ExternalName and what it leads to: in zones of this server from the
 * clusters, elsewhere from upstreams. The chain ends without a final record at a target that nobody
 * has, at a loop, and after ANSWER_HOPS_MAX.
 */
static enum outcome follow_chain(struct lookup *lookup, unsigned n, enum outcome outcome)
{
	struct answer *answer = lookup->answer;
	struct answer_scratch *scratch = answer->scratch;
	struct dns_name *chain = scratch->chain;
	struct answer_rr rr = {lookup->owner, DNS_TYPE_CNAME, lookup->zone.ttl_s};

	for (; outcome == OUTCOME_ALIAS; n++) {
		size_t len;
		const uint8_t *target = table_alias(&lookup->view, &len);

		rr.owner = lookup->owner;
		rr.ttl_s = lookup->zone.ttl_s;
		if (!answer_name_record(answer, rr, target, len, &lookup->owner) ||
		    lookup->owner > POINTER_POS_MAX || answer->query->type == DNS_TYPE_CNAME ||
		    n > ANSWER_HOPS_MAX || dns_name_from_wire(&chain[n], target, len) != 0 ||
		    is_visited(chain, n, &chain[n]))
			return OUTCOME_FOUND;
		scratch->chain_pos[n] = lookup->owner;
		lookup->name = &chain[n];
		outcome = resolve_target(lookup, n + 1);
	}
	return outcome;
}

static enum outcome follow_alias(struct lookup *lookup)
{
	struct answer_scratch *scratch = lookup->answer->scratch;

	scratch->chain[0] = *lookup->name;
	scratch->chain_pos[0] = QUESTION_NAME_POS;
	return follow_chain(lookup, 1, OUTCOME_ALIAS);
}

static void fail_not_ready(struct answer *answer)
{
	answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
		    "the cluster's objects are not in yet");
}

/* What --explain says: how the name is taken, and what became of it. */
static void trace(const struct lookup *lookup, enum outcome outcome, bool is_next)
{
	static const char *const outcomes[] = {
		[OUTCOME_FOUND] = "answered",
		[OUTCOME_NODATA] = "the name exists without such records: NODATA",
		[OUTCOME_NXDOMAIN] = "no such name: NXDOMAIN",
		[OUTCOME_ALIAS] = "an ExternalName, whose target is followed",
		[OUTCOME_NOT_READY] = "its target's objects are not in yet: SERVFAIL",
	};
	char zone[DNS_NAME_TEXT_MAX];

	dns_name_to_text(lookup->zone.name->wire, lookup->zone.name->len, zone);
	answer_trace(lookup->answer, "kubernetes %s: in zone %s: %s%s", lookup->cluster->place,
		     zone, outcomes[outcome], is_next ? ", but falls through" : "");
}

/* What is told beside the records. */
static void finish(struct lookup *lookup, enum outcome outcome)
{
	struct answer *answer = lookup->answer;

	if (UNLIKELY(outcome == OUTCOME_NOT_READY)) {
		answer_restart(answer);
		fail_not_ready(answer);
		return;
	}
	if (outcome == OUTCOME_NXDOMAIN)
		answer->end.rcode = DNS_RCODE_NXDOMAIN;
	if (outcome != OUTCOME_FOUND)
		answer_soa(answer, &lookup->zone, true);
}

void cluster_follow(struct answer *answer, unsigned n)
{
	struct lookup lookup;

	lookup.answer = answer;
	lookup.config = answer->worker->config;
	lookup.name = &answer->scratch->chain[n - 1];
	lookup.owner = answer->scratch->chain_pos[n - 1];
	lookup.zone = (struct answer_zone){0};
	finish(&lookup, follow_chain(&lookup, n, resolve_target(&lookup, n)));
}

enum step cluster_run(struct answer *answer, const struct query_cluster_config *cluster,
		      const struct query_config *config)
{
	const struct dns_name *name = &answer->query->name;
	const struct dns_name *zone = find_zone(&cluster->zones, name);

	if (!zone)
		return STEP_NEXT;
	answer->plugin = QUERY_PLUGIN_KUBERNETES;
	answer->class = QUERY_CLASS_CLUSTER;

	const struct table *table = config->tables[cluster->source];

	if (UNLIKELY(!table_is_synced(table))) {
		ANSWER_TRACE(answer, "kubernetes %s: its objects are not in yet: SERVFAIL",
			     cluster->place);
		fail_not_ready(answer);
		return STEP_DONE;
	}

	/* Field by field: `domain` and `view` are set by who finds them. */
	struct lookup lookup;

	lookup.answer = answer;
	lookup.cluster = cluster;
	lookup.config = config;
	lookup.table = table;
	lookup.name = name;
	lookup.owner = QUESTION_NAME_POS;
	lookup.zone.name = zone;
	lookup.zone.pos =
		(uint16_t)(QUESTION_NAME_POS + name->offsets[name->n_labels - zone->n_labels]);
	lookup.zone.ttl_s = cluster->ttl_s;
	lookup.zone.serial = table_serial(table);

	enum outcome outcome = resolve(&lookup);
	bool is_next = outcome == OUTCOME_NXDOMAIN && falls_through(cluster, name);

	if (UNLIKELY(answer->worker->trace != NULL))
		trace(&lookup, outcome, is_next);
	if (is_next) {
		answer->plugin = QUERY_PLUGIN_NONE;
		answer->class = QUERY_CLASS_NONE;
		return STEP_NEXT;
	}
	answer->end.flags |= DNS_FLAG_AA;
	if (outcome == OUTCOME_ALIAS)
		outcome = answer->query->type == DNS_TYPE_ANY ? lookup_any(&lookup)
							      : follow_alias(&lookup);
	finish(&lookup, outcome);
	return STEP_DONE;
}
