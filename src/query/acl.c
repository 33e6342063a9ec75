/* SPDX-License-Identifier: Apache-2.0
 *
 * `acl`: who may ask for what. Checked for the name that was asked for and, where `rewrite` made
 * another of it, for that one too; and again when an upstream's reply is there, since the query is
 * run again. Each query is counted once. What is counted stands under the server block's zone.
 * Worker thread.
 */
#include "acl.h"

#include <netinet/in.h>

#include "query/acl.h"
#include "worker.h"

/* The client; an IPv4-mapped address is the IPv4 one. */
struct client {
	bool is_v4;
	uint8_t bytes[16];
};

static void read_client(const struct sockaddr *source, struct client *client)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;

	*client = (struct client){.is_v4 = source->sa_family == AF_INET};
	if (client->is_v4) {
		memcpy(client->bytes, &v4->sin_addr, 4);
	} else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		client->is_v4 = true;
		memcpy(client->bytes, &v6->sin6_addr.s6_addr[12], 4);
	} else {
		memcpy(client->bytes, &v6->sin6_addr, 16);
	}
}

bool query_acl_has(const struct query_acl_ranges *ranges, const uint8_t address[16])
{
	size_t low = 0, high = ranges->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(ranges->items[middle].last, address, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->n && memcmp(ranges->items[low].first, address, 16) <= 0;
}

static bool has_type(const struct query_acl_rule *rule, uint16_t type)
{
	for (size_t i = 0; i < rule->n_types; i++) {
		if (rule->types[i] == type)
			return true;
	}
	return rule->n_types == 0;
}

static bool has_name(const struct query_acl *acl, const struct dns_name *name)
{
	for (size_t i = 0; i < acl->zones.n; i++) {
		if (dns_name_is_in(name, &acl->zones.items[i]))
			return true;
	}
	return false;
}

/* The rule that decides, or NULL. */
static const struct query_acl_rule *find_rule(const struct query_acl *acl,
					      const struct dns_name *name, uint16_t type,
					      const struct client *client)
{
	for (; acl; acl = acl->next) {
		if (!has_name(acl, name))
			continue;
		for (size_t i = 0; i < acl->n_rules; i++) {
			const struct query_acl_rule *rule = &acl->rules[i];

			if (has_type(rule, type) &&
			    (rule->is_any_source ||
			     query_acl_has(client->is_v4 ? &rule->v4 : &rule->v6, client->bytes)))
				return rule;
		}
	}
	return NULL;
}

static void count(struct answer *answer, uint64_t *counter)
{
	/* The rerun with an upstream's reply is of a query that was counted. */
	if (!answer->worker->external)
		counter_add(counter, 1);
}

/* The answer is the step's own, and short: nothing that was written stays. */
static void decide(struct answer *answer, const struct query_acl_rule *rule)
{
	struct step_counts *counts = step_counts_of(answer->worker);

	answer->plugin = QUERY_PLUGIN_ACL;
	switch (rule->action) {
	case QUERY_ACL_ALLOW:
		break;
	case QUERY_ACL_BLOCK:
		answer_fail(answer, DNS_RCODE_REFUSED, DNS_EDE_BLOCKED,
			    "acl: this client may not ask for this name");
		count(answer, &counts->acl_blocked);
		break;
	case QUERY_ACL_FILTER:
		answer_fail(answer, DNS_RCODE_NOERROR, DNS_EDE_FILTERED,
			    "acl: this client gets no records of this name");
		count(answer, &counts->acl_filtered);
		break;
	case QUERY_ACL_DROP:
		answer->is_dropped = true;
		count(answer, &counts->acl_dropped);
		break;
	}
}

static const char *verb_of(const struct query_acl_rule *rule)
{
	static const char *const verbs[] = {
		[QUERY_ACL_ALLOW] = "allows",
		[QUERY_ACL_BLOCK] = "blocks",
		[QUERY_ACL_FILTER] = "filters",
		[QUERY_ACL_DROP] = "drops",
	};

	return verbs[rule->action];
}

/* The rule for this client and name, or NULL. */
static const struct query_acl_rule *rule_of(const struct answer *answer,
					    const struct query_block_config *block,
					    const struct dns_name *name)
{
	struct client client;

	read_client(answer->worker->input->source, &client);
	return find_rule(block->acl, name, answer->query->type, &client);
}

bool acl_bars(struct answer *answer, const struct query_block_config *block,
	      const struct dns_name *name)
{
	const struct query_acl_rule *rule = rule_of(answer, block, name);
	bool is_filtered;

	if (!rule || rule->action == QUERY_ACL_ALLOW)
		return false;
	is_filtered = rule->action == QUERY_ACL_FILTER;
	ANSWER_TRACE(answer, "acl %s: %s the target of the CNAME", rule->place, verb_of(rule));
	answer->end.ede = is_filtered ? DNS_EDE_FILTERED : DNS_EDE_BLOCKED;
	answer->end.ede_text = "acl: this client gets no records of the CNAME's target";
	return true;
}

enum step acl_run(struct answer *answer, const struct query_block_config *block,
		  const struct dns_name *name)
{
	struct query_worker *worker = answer->worker;
	const struct query_acl_rule *rule = rule_of(answer, block, name);

	if (rule)
		ANSWER_TRACE(answer, "acl %s: %s this query", rule->place, verb_of(rule));
	else
		ANSWER_TRACE(answer, "acl %s: no rule matches, the query is allowed", block->place);
	if (!rule || rule->action == QUERY_ACL_ALLOW) {
		if (name == &worker->output->query.name)
			count(answer, &step_counts_of(worker)->acl_allowed);
		return STEP_NEXT;
	}
	decide(answer, rule);
	return STEP_DONE;
}
