/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine in memory, and the dump.
 */
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "query/acl.h"
#include "query/chaos.h"
#include "query/errors.h"
#include "query/log.h"
#include "query/rewrite.h"
#include "query/balance.h"
#include "query/hosts.h"

static int read_memory(void *arg, const char *path, struct text *content)
{
	for (const struct memory_file *file = arg; file->path; file++) {
		if (strcmp(file->path, path) == 0) {
			text_puts(content, file->content);
			return 0;
		}
	}
	return -ENOENT;
}

/* A file is another when its content stands somewhere else. */
static int follow_memory(void *arg, const char *path, size_t most, struct config_stamp *stamp,
			 struct text *content)
{
	for (const struct memory_file *file = arg; file->path; file++) {
		const struct config_stamp found = {.mtime_ns = (uintptr_t)file->content};

		if (strcmp(file->path, path) != 0)
			continue;
		if (stamp->mtime_ns == found.mtime_ns)
			return -EALREADY;
		if (strlen(file->content) > most)
			return -EFBIG;
		*stamp = found;
		text_puts(content, file->content);
		return 0;
	}
	return -ENOENT;
}

static int list_memory(void *arg, const char *pattern,
		       bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	size_t head = strcspn(pattern, "*");
	const char *tail = pattern + head + (pattern[head] != '\0');

	for (const struct memory_file *file = arg; file->path; file++) {
		size_t len = strlen(file->path);

		if (len < head + strlen(tail) || strncmp(file->path, pattern, head) != 0 ||
		    strcmp(file->path + len - strlen(tail), tail) != 0)
			continue;
		if (!on_path(on_arg, file->path))
			break;
	}
	return 0;
}

static const char *env_memory(void *arg, const char *name)
{
	static const char *const variables[][2] = {
		{"ZONE", "cluster.test"},
		{"TWO", "a.test b.test"},
		{"EMPTY", ""},
		{"SELF", "{$SELF}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		if (strcmp(variables[i][0], name) == 0)
			return variables[i][1];
	}
	return NULL;
}

static const struct config_interface interfaces[] = {
	{"lo", {ADDRESS_V4, {127, 0, 0, 1}}},	  {"lo", {ADDRESS_V6, {[15] = 1}}},
	{"eth0", {ADDRESS_V4, {192, 0, 2, 7}}},	  {"eth0", {ADDRESS_V6, {0xfe, 0x80, [15] = 9}}},
	{"eth0", {ADDRESS_V6, {0xfd, [15] = 7}}}, {"ll0", {ADDRESS_V6, {0xfe, 0x80, [15] = 8}}},
};

void memory_machine(struct config_machine *machine, const struct memory_file *files)
{
	*machine = (struct config_machine){
		/* Nothing here writes to it. */
		.arg = (void *)(uintptr_t)files,
		.read = read_memory,
		.follow = follow_memory,
		.list = list_memory,
		.env = env_memory,
		.hostname = "node-7",
		.interfaces = interfaces,
		.n_interfaces = ARRAY_LEN(interfaces),
	};
}

static void dump_zones(const struct query_zones *zones, struct text *out)
{
	char name[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < zones->n; i++) {
		dns_name_to_text(zones->items[i].wire, zones->items[i].len, name);
		text_printf(out, "%s%s", i > 0 ? "," : "", name);
	}
}

static void dump_sockaddr(const struct sockaddr_storage *address, struct text *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		text_printf(out, "%s:%u", host, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		text_printf(out, "[%s]:%u", host, ntohs(in6->sin6_port));
	}
}

static void dump_net(const struct config *config, struct text *out)
{
	for (size_t i = 0; i < config->net.n_listeners; i++) {
		const struct net_listener *listener = &config->net.listeners[i];

		text_puts(out, "listen ");
		dump_sockaddr(&listener->address, out);
		text_printf(out, "%s server %zu\n", listener->is_optional ? " optional" : "",
			    listener->server);
	}
	for (size_t s = 0; s < config->query.n_servers; s++) {
		const struct query_server_config *server = &config->query.servers[s];

		for (size_t i = 0; i < server->n_views; i++) {
			const struct query_view_config *view = &server->views[i];

			text_printf(out, "view %zu %s %s block %zu metrics %zu\n", s,
				    view->server_text, view->zone_text, view->block, view->metrics);
		}
	}
}

static void dump_cluster(const struct query_cluster_config *cluster, struct text *out)
{
	char primary[DNS_NAME_TEXT_MAX] = "none";

	if (cluster->primary)
		dns_name_to_text(cluster->primary->wire, cluster->primary->len, primary);
	text_puts(out, " cluster ");
	dump_zones(&cluster->zones, out);
	text_printf(out, " primary %s source %zu ttl %u pods %d", primary, cluster->source,
		    cluster->ttl_s, (int)cluster->pods);
	if (cluster->has_fallthrough) {
		text_puts(out, " fallthrough ");
		dump_zones(&cluster->fallthrough, out);
	}
	text_puts(out, "\n");
}

static void dump_ranges(const struct query_acl_ranges *ranges, enum address_family family,
			struct text *out)
{
	struct address first = {.family = family}, last = {.family = family};
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < ranges->n; i++) {
		memcpy(first.bytes, ranges->items[i].first, 16);
		memcpy(last.bytes, ranges->items[i].last, 16);
		address_to_text(&first, text);
		text_printf(out, " %s", text);
		address_to_text(&last, text);
		text_printf(out, "-%s", text);
	}
}

static void dump_acl(const struct query_acl *acl, struct text *out)
{
	static const char *const actions[] = {"allow", "block", "filter", "drop"};
	char type[16];

	text_puts(out, " acl ");
	dump_zones(&acl->zones, out);
	for (size_t i = 0; i < acl->n_rules; i++) {
		const struct query_acl_rule *rule = &acl->rules[i];

		text_printf(out, " | %s %s", rule->place, actions[rule->action]);
		for (size_t k = 0; k < rule->n_types; k++)
			text_printf(out, " %s", dns_type_text(rule->types[k], type, sizeof(type)));
		if (rule->is_any_source)
			text_puts(out, " from all");
		dump_ranges(&rule->v4, ADDRESS_V4, out);
		dump_ranges(&rule->v6, ADDRESS_V6, out);
	}
	text_puts(out, "\n");
}

static void dump_chaos(const struct query_chaos *chaos, struct text *out)
{
	text_printf(out, " chaos %s: %s, %s by", chaos->place, chaos->version, chaos->hostname);
	for (size_t i = 0; i < chaos->n_authors; i++)
		text_printf(out, " (%s)", chaos->authors[i]);
	text_puts(out, "\n");
}

static void dump_gates(const struct query_block_config *block, struct text *out)
{
	for (const struct query_acl *acl = block->acl; acl; acl = acl->next)
		dump_acl(acl, out);
	if (block->chaos)
		dump_chaos(block->chaos, out);
	if (block->nsid)
		text_printf(out, " nsid %.*s\n", (int)block->nsid_len, (const char *)block->nsid);
}

#define COMMON                                                                               \
	"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" " \
	"{rcode} "                                                                           \
	"{>rflags} {rsize} {duration}"

/* The format as it was written, with the short words written out. */
static void dump_format(const struct query_log_config *log, struct text *out)
{
	static const char *const fields[] = {
		[QUERY_LOG_EMPTY] = "{/}",	  [QUERY_LOG_TYPE] = "{type}",
		[QUERY_LOG_NAME] = "{name}",	  [QUERY_LOG_QCLASS] = "{class}",
		[QUERY_LOG_PROTO] = "{proto}",	  [QUERY_LOG_REMOTE] = "{remote}",
		[QUERY_LOG_LOCAL] = "{local}",	  [QUERY_LOG_PORT] = "{port}",
		[QUERY_LOG_SIZE] = "{size}",	  [QUERY_LOG_RCODE] = "{rcode}",
		[QUERY_LOG_RSIZE] = "{rsize}",	  [QUERY_LOG_DURATION] = "{duration}",
		[QUERY_LOG_ID] = "{>id}",	  [QUERY_LOG_OPCODE] = "{>opcode}",
		[QUERY_LOG_DO] = "{>do}",	  [QUERY_LOG_BUFSIZE] = "{>bufsize}",
		[QUERY_LOG_RFLAGS] = "{>rflags}", [QUERY_LOG_JSON] = "{json}",
	};

	for (size_t i = 0; i < log->n_pieces; i++) {
		const struct query_log_piece *piece = &log->pieces[i];

		if (piece->field == QUERY_LOG_TEXT)
			text_append(out, piece->text, piece->len);
		else
			text_puts(out, fields[piece->field]);
	}
}

static void dump_log(const struct query_log_config *log, struct text *out)
{
	struct text format = {0};

	text_puts(out, " log ");
	dump_zones(&log->names, out);
	text_printf(out, " classes %u", log->classes);
	text_puts(&format, "");
	dump_format(log, &format);
	CHECK(format.bytes != NULL);
	if (strcmp(format.bytes, COMMON " \"{>opcode}\"") == 0)
		text_puts(out, " combined");
	else if (strcmp(format.bytes, COMMON) != 0)
		text_printf(out, " %s<%s>", log->is_bare ? "bare " : "", format.bytes);
	if (log->min_duration_ns > 0)
		text_printf(out, " min %llu", (unsigned long long)log->min_duration_ns);
	if (log->slow_ns > 0)
		text_printf(out, " slow %llu", (unsigned long long)log->slow_ns);
	if (log->sample != 1)
		text_printf(out, " sample %u", log->sample);
	text_puts(out, "\n");
	text_fini(&format);
}

static void dump_pattern(const struct query_errors_pattern *pattern, struct text *out)
{
	text_printf(out, " consolidate %s (%llu ns) <%s> level %d%s\n", pattern->duration,
		    (unsigned long long)pattern->duration_ns, pattern->text, (int)pattern->level,
		    pattern->shows_first ? " first" : "");
}

static void dump_rewrite_pattern(const struct rewrite_pattern *pattern, struct text *out)
{
	static const char *const matches[] = {"exact", "prefix", "suffix", "substring", "regex"};
	char name[DNS_NAME_TEXT_MAX];

	text_printf(out, " %s", matches[pattern->match]);
	if (pattern->name) {
		dns_name_to_text(pattern->name->wire, pattern->name->len, name);
		text_printf(out, " %s", name);
	}
	if (pattern->text.bytes)
		text_printf(out, " %s", pattern->text.bytes);
	if (pattern->regex)
		text_printf(out, " groups %zu", regex_groups(pattern->regex));
}

static void dump_rule(const struct rewrite_rule *rule, struct text *out)
{
	static const char *const fields[] = {"name", "type", "class", "ttl", "rcode", "edns0"};
	char name[DNS_NAME_TEXT_MAX];

	text_printf(out, " rewrite %s %s%s", rule->place, rule->is_continue ? "continue " : "",
		    fields[rule->field]);
	if (rule->field == REWRITE_NAME || rule->field == REWRITE_TTL ||
	    rule->field == REWRITE_RCODE)
		dump_rewrite_pattern(&rule->from, out);
	if (rule->to_name) {
		dns_name_to_text(rule->to_name->wire, rule->to_name->len, name);
		text_printf(out, " to %s", name);
	}
	if (rule->to.bytes)
		text_printf(out, " to %s", rule->to.bytes);
	if (rule->is_auto)
		text_puts(out, " auto");
	for (size_t i = 0; i < rule->n_answers; i++)
		text_printf(out, " %s %s", rule->answers[i].is_value ? "value" : "name",
			    rule->answers[i].to.bytes);
	if (rule->field == REWRITE_TTL)
		text_printf(out, " %u-%u", rule->ttl_min_s, rule->ttl_max_s);
	if (rule->from_number || rule->to_number)
		text_printf(out, " %u to %u", rule->from_number, rule->to_number);
	text_puts(out, "\n");
}

static void dump_hosts(const struct query_hosts *hosts, struct text *out)
{
	text_puts(out, " hosts ");
	dump_zones(&hosts->zones, out);
	text_printf(out, " ttl %u entries %zu", hosts->ttl_s, hosts_n_entries(hosts->data));
	if (hosts->has_fallthrough) {
		text_printf(out, " fallthrough%s ", hosts->falls_unsupported ? "_unsupported" : "");
		dump_zones(&hosts->fallthrough, out);
	}
	text_puts(out, "\n");
}

static void dump_balance(const struct query_balance *balance, struct text *out)
{
	char address[ADDRESS_TEXT_MAX];

	text_printf(out, " loadbalance%s", balance->weights ? " weighted" : "");
	for (size_t i = 0; i < balance->n_prefer; i++) {
		address_to_text(&balance->prefer[i].address, address);
		text_printf(out, " %s/%u", address, balance->prefer[i].bits);
	}
	text_puts(out, "\n");
}

static void dump_block(const struct query_block_config *block, size_t i, struct text *out)
{
	text_printf(out, "block %zu%s%s%s", i, block->has_whoami ? " whoami" : "",
		    block->has_errors ? " errors" : "", block->has_prometheus ? " prometheus" : "");
	if (block->has_minimal)
		text_puts(out, " minimal");
	if (block->udp_answer_max != QUERY_UDP_ANSWER_DEFAULT)
		text_printf(out, " bufsize %u", block->udp_answer_max);
	text_printf(out, "%s%s%s\n", block->has_local ? " local" : "",
		    block->has_no_localhost_prefix ? " without_prefix" : "",
		    block->has_any ? " any" : "");
	dump_gates(block, out);
	for (size_t k = 0; block->rewrite && k < block->rewrite->n; k++)
		dump_rule(&block->rewrite->rules[k], out);
	if (block->hosts)
		dump_hosts(block->hosts, out);
	if (block->balance)
		dump_balance(block->balance, out);
	for (size_t k = 0; k < block->n_clusters; k++)
		dump_cluster(&block->clusters[k], out);
	for (size_t k = 0; k < block->n_forwards; k++) {
		const struct query_forward_config *forward = &block->forwards[k];
		const struct query_zones from = {&forward->from, 1};

		text_puts(out, " forward ");
		dump_zones(&from, out);
		text_printf(out, " group %zu", forward->group);
		if (forward->except.n > 0) {
			text_puts(out, " except ");
			dump_zones(&forward->except, out);
		}
		text_puts(out, "\n");
	}
	for (size_t k = 0; k < block->n_logs; k++)
		dump_log(&block->logs[k], out);
	for (size_t k = 0; block->errors && k < block->errors->n_patterns; k++)
		dump_pattern(&block->errors->patterns[k], out);
}

static void dump_cache_zones(const char *what, const struct cache_zones *zones, struct text *out)
{
	const struct query_zones named = {zones->items, zones->n};

	if (!zones->is_all && zones->n == 0)
		return;
	text_printf(out, " %s ", what);
	if (zones->is_all)
		text_puts(out, "all");
	dump_zones(&named, out);
}

static void dump_policy(const struct cache_policy *policy, struct text *out)
{
	static const char *const types[] = {"success", "denial"};

	text_printf(out, "cache %s %s", policy->server_text, policy->zones_text);
	dump_cache_zones("zones", &policy->zones, out);
	for (size_t i = 0; i < CACHE_N_TYPES; i++) {
		const struct cache_limits *limits = &policy->limits[i];

		text_printf(out, " %s %u %u %u", types[i], limits->capacity, limits->ttl_max_s,
			    limits->ttl_min_s);
		dump_cache_zones("disabled", &limits->disabled, out);
	}
	if (policy->prefetch_amount > 0)
		text_printf(out, " prefetch %u %u %u", policy->prefetch_amount,
			    policy->prefetch_gap_ms, policy->prefetch_percent);
	if (policy->stale != CACHE_STALE_OFF)
		text_printf(out, " stale %d %u ttl %u verify %u", (int)policy->stale,
			    policy->stale_s, policy->stale_ttl_s, policy->verify_ms);
	if (policy->servfail_s != 5)
		text_printf(out, " servfail %u", policy->servfail_s);
	text_puts(out, policy->keeps_ttl ? " keepttl\n" : "\n");
}

static void dump_targets(const struct forward_group_config *group, struct text *out)
{
	char name[DNS_NAME_TEXT_MAX];

	for (size_t i = 0; i < group->n_targets; i++) {
		const struct forward_target *target = &group->targets[i];

		text_puts(out, " ");
		switch (target->kind) {
		case FORWARD_TARGET_ADDRESS:
			dump_sockaddr(&target->address, out);
			break;
		case FORWARD_TARGET_HOST:
			dns_name_to_text(target->host.wire, target->host.len, name);
			text_printf(out, "%s:%u", name, target->port);
			break;
		case FORWARD_TARGET_RESOLV_CONF:
			text_puts(out, target->path);
			break;
		}
	}
}

/* What differs from the defaults. */
static void dump_group(const struct forward_group_config *group, size_t i, struct text *out)
{
	char domain[DNS_NAME_TEXT_MAX];

	text_printf(out, "group %zu", i);
	dump_targets(group, out);
	if (group->policy != FORWARD_RANDOM)
		text_printf(out, " policy %d", (int)group->policy);
	text_printf(out, "%s%s%s%s%s", group->has_force_tcp ? " force_tcp" : "",
		    group->has_prefer_udp ? " prefer_udp" : "",
		    group->is_failfast ? " failfast" : "", group->has_loop_probe ? " loop" : "",
		    group->has_health_no_rec ? " no_rec" : "");
	if (group->expire_ms != 10000 || group->max_fails != 2 || group->max_connect_attempts ||
	    group->max_concurrent || group->health_interval_ms != 500)
		text_printf(out, " expire %u fails %u attempts %u concurrent %u interval %u",
			    group->expire_ms, group->max_fails, group->max_connect_attempts,
			    group->max_concurrent, group->health_interval_ms);
	if (group->health_domain.n_labels > 0) {
		dns_name_to_text(group->health_domain.wire, group->health_domain.len, domain);
		text_printf(out, " domain %s", domain);
	}
	if (group->failover_rcodes != FORWARD_RCODES_FAILOVER)
		text_printf(out, " failover %x", group->failover_rcodes);
	if (group->next_rcodes)
		text_printf(out, " next %x", group->next_rcodes);
	if (group->next_group != FORWARD_NO_GROUP)
		text_printf(out, " next_group %zu", group->next_group);
	text_puts(out, "\n");
}

static void dump_forward(const struct config *config, struct text *out)
{
	const struct query_config *query = &config->query;

	for (size_t i = 0; i < query->cache.n_policies; i++) {
		if (query->cache.policies[i].server_text)
			dump_policy(&query->cache.policies[i], out);
	}
	for (size_t i = 0; config->net.forward && i < config->net.forward->n_groups; i++) {
		if (config->net.forward->groups[i].n_targets > 0)
			dump_group(&config->net.forward->groups[i], i, out);
	}
	for (size_t i = 0; i < query->n_groups; i++) {
		if (query->group_policies[i])
			text_printf(out, "group %zu cached by %zu\n", i,
				    query->group_policies[i]->index);
	}
}

static void dump_access(const struct kube_source_config *source, struct text *out)
{
	const struct kube_access_config *access = &source->access;

	text_puts(out, " api");
	if (access->endpoint)
		text_printf(out, " endpoint %s", access->endpoint);
	if (access->tls_cert)
		text_printf(out, " tls %s %s %s", access->tls_cert, access->tls_key,
			    access->tls_ca);
	if (access->kubeconfig)
		text_printf(out, " kubeconfig %s", access->kubeconfig);
	if (access->context)
		text_printf(out, " context %s", access->context);
	if (access->server)
		text_printf(out, " server %s", access->server);
	if (source->startup_timeout_ms != 5000)
		text_printf(out, " startup_timeout %llu",
			    (unsigned long long)source->startup_timeout_ms);
	if (source->labels_text)
		text_printf(out, " (%s)", source->labels_text);
	if (source->namespace_labels_text)
		text_printf(out, " (%s)", source->namespace_labels_text);
}

static void dump_source(const struct kube_source_config *source, size_t i, struct text *out)
{
	text_printf(out, "source %zu", i);
	if (source->is_api)
		dump_access(source, out);
	else
		text_puts(out, " objects");
	for (size_t k = 0; k < source->n_objects; k++)
		text_printf(out, " %s", source->objects[k]);
	for (size_t k = 0; k < source->n_namespaces; k++)
		text_printf(out, " namespace %s", source->namespaces[k]);
	text_printf(out, "%s%s%s%s%s%s%s\n", source->labels_text ? " labels" : "",
		    source->namespace_labels_text ? " namespace_labels" : "",
		    source->noendpoints ? " noendpoints" : "",
		    source->endpoint_pod_names ? " endpoint_pod_names" : "",
		    source->ignore_empty_service ? " ignore_empty_service" : "",
		    source->wants_pods ? " pods" : "",
		    source->has_minimal_rights ? " minimal_rights" : "");
}

static void dump_http(const char *name, const struct config_http *http, size_t n, struct text *out)
{
	for (size_t i = 0; i < n; i++) {
		text_printf(out, "%s ", name);
		dump_sockaddr(&http[i].address, out);
		text_puts(out, http[i].is_wildcard ? " wildcard\n" : "\n");
	}
}

void config_dump(const struct config *config, struct text *out)
{
	char address[ADDRESS_TEXT_MAX];

	dump_net(config, out);
	for (size_t i = 0; i < config->query.n_blocks; i++)
		dump_block(&config->query.blocks[i], i, out);
	dump_forward(config, out);
	for (size_t i = 0; i < config->kube.n_sources; i++)
		dump_source(&config->kube.sources[i], i, out);
	for (size_t i = 0; i < config->query.n_own; i++) {
		address_to_text(&config->query.own[i], address);
		text_printf(out, "own %s\n", address);
	}
	dump_http("health", config->health, config->n_health, out);
	dump_http("ready", config->ready, config->n_ready, out);
	dump_http("prometheus", config->prometheus, config->n_prometheus, out);
	if (config->lameduck_ms > 0)
		text_printf(out, "lameduck %llu\n", (unsigned long long)config->lameduck_ms);
	if (config->net.n_workers != 2)
		text_printf(out, "workers %u\n", config->net.n_workers);
	if (config->reload_ms > 0)
		text_printf(out, "reload %llu %llu\n", (unsigned long long)config->reload_ms,
			    (unsigned long long)config->reload_jitter_ms);
	if (config->net.tcp_idle_ms != 10000 || config->net.tcp_stall_ms != 5000)
		text_printf(out, "tcp idle %u stall %u keepalive %u\n", config->net.tcp_idle_ms,
			    config->net.tcp_stall_ms, config->query.tcp_keepalive_100ms);
	if (config->has_debug)
		text_puts(out, "debug\n");
}
