/* SPDX-License-Identifier: Apache-2.0
 *
 * Every directive that a Corefile may have, in CoreDNS's order of steps, and those that are too
 * small for a file of their own.
 */
#include <string.h>

#include "directive.h"

static void parse_bufsize(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	unsigned octets = QUERY_UDP_ANSWER_DEFAULT;

	if (!args_check(draft, statement, 0, 1) || !block_refuse(draft, statement))
		return;
	if (statement->n_words == 2)
		number_read(draft, statement, 512, QUERY_UDP_ANSWER_MAX, &octets);
	block->query.udp_answer_max = (uint16_t)octets;
}

static void parse_debug(struct draft *draft, void *into, const struct statement *statement)
{
	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		draft->has_debug = true;
}

static void parse_errors(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "consolidate"},
		{.name = "show_first"},
		{.name = "stacktrace", .instead = "it has no panics to recover from; leave it out"},
	};
	struct draft_block *block = into;

	block->query.has_errors = true;
	if (args_check(draft, statement, 0, 0))
		directives_run(draft, &(struct directives){"errors", options, ARRAY_LEN(options)},
			       statement->body, NULL);
}

/* Addresses are always shuffled, so round_robin is what happens anyhow. */
static void parse_loadbalance(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const policies[] = {"round_robin", "weighted", "prefer"};
	const struct token *policy = &statement->words[1];

	if (statement->n_words == 1) {
		block_refuse(draft, statement);
		return;
	}
	if (strcmp(policy->text, "weighted") == 0 || strcmp(policy->text, "prefer") == 0)
		problem_at(&draft->problems, policy, "loadbalance: \"%s\" is not there yet",
			   policy->text);
	else if (strcmp(policy->text, "round_robin") != 0)
		word_refuse(draft, policy, "loadbalance: unknown policy", policies,
			    ARRAY_LEN(policies));
	else if (args_check(draft, statement, 0, 1))
		block_refuse(draft, statement);
}

static void parse_multisocket(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	unsigned n = draft->options->n_cpus;

	if (!args_check(draft, statement, 0, 1) || !block_refuse(draft, statement))
		return;
	if (statement->n_words == 2)
		number_read(draft, statement, 1, 1024, &n);
	block->n_sockets = n;
}

static void parse_loop(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		block->has_loop = true;
}

/* Its times are checked and told to be of no use yet (config.has_reload). */
static void parse_reload(struct draft *draft, void *into, const struct statement *statement)
{
	uint64_t ms;

	if (!args_check(draft, statement, 0, 2) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		if (i == 1 && strcmp(statement->words[i].text, "off") == 0)
			return;
		if (!word_duration(draft, "reload", &statement->words[i], DURATION_MAX_MS, &ms))
			return;
	}
	draft->has_reload = true;
}

static void parse_whoami(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		block->query.has_whoami = true;
}

#define FORWARD_INSTEAD "use `forward` to a server that has these zones"
#define LOG_INSTEAD "use `log`, and the histograms of `prometheus`"
#define BLOCKS_INSTEAD "the name alone decides; use a server block for each zone"

static const struct directive table[] = {
	{.name = "root"},
	{.name = "metadata", .instead = BLOCKS_INSTEAD},
	{.name = "geoip", .instead = BLOCKS_INSTEAD},
	{.name = "cancel"},
	{.name = "tls"},
	{.name = "proxyproto"},
	{.name = "quic"},
	{.name = "grpc_server"},
	{.name = "https"},
	{.name = "https3"},
	{.name = "timeouts"},
	{.name = "multisocket", .parse = parse_multisocket},
	{.name = "reload", .parse = parse_reload},
	{.name = "nsid"},
	{.name = "bufsize", .parse = parse_bufsize},
	{.name = "bind", .parse = bind_parse, .is_repeatable = true},
	{.name = "debug", .parse = parse_debug},
	{.name = "trace", .instead = LOG_INSTEAD},
	{.name = "ready", .parse = ready_parse},
	{.name = "health", .parse = health_parse},
	{.name = "pprof"},
	{.name = "prometheus", .parse = prometheus_parse},
	{.name = "errors", .parse = parse_errors},
	{.name = "log", .parse = log_parse, .is_repeatable = true},
	{.name = "dnstap"},
	{.name = "local"},
	{.name = "dns64"},
	{.name = "acl"},
	{.name = "any"},
	{.name = "chaos"},
	{.name = "loadbalance", .parse = parse_loadbalance},
	{.name = "tsig", .instead = "use `acl` to say who may ask"},
	{.name = "cache", .parse = cache_parse},
	{.name = "rewrite"},
	{.name = "header", .instead = "the header's bits are set as the RFCs say; leave it out"},
	{.name = "dnssec", .instead = FORWARD_INSTEAD ", signed"},
	{.name = "autopath"},
	{.name = "minimal"},
	{.name = "template", .parse = template_parse, .is_repeatable = true},
	{.name = "transfer"},
	{.name = "hosts"},
	{.name = "route53", .instead = FORWARD_INSTEAD},
	{.name = "azure", .instead = FORWARD_INSTEAD},
	{.name = "clouddns", .instead = FORWARD_INSTEAD},
	{.name = "federation", .instead = "Kubernetes removed federation; leave it out"},
	{.name = "k8s_external"},
	{.name = "multicluster"},
	{.name = "kubernetes", .parse = kubernetes_parse},
	{.name = "nomad", .instead = FORWARD_INSTEAD},
	{.name = "file"},
	{.name = "auto"},
	{.name = "secondary", .instead = FORWARD_INSTEAD},
	{.name = "etcd", .instead = FORWARD_INSTEAD},
	{.name = "loop", .parse = parse_loop},
	{.name = "forward", .parse = forward_parse, .is_repeatable = true},
	{.name = "proxy", .instead = "use `forward`, as in CoreDNS since 1.5"},
	{.name = "grpc", .instead = "use `forward`"},
	{.name = "erratic", .instead = "it answers wrongly on purpose; leave it out"},
	{.name = "whoami", .parse = parse_whoami},
	{.name = "on", .instead = "run commands from what starts kaname"},
	{.name = "sign", .instead = FORWARD_INSTEAD ", signed"},
	{.name = "view", .instead = BLOCKS_INSTEAD},
};

static const struct directives directives = {NULL, table, ARRAY_LEN(table)};

const struct directives *directives_get(void)
{
	return &directives;
}

const char *config_directive(size_t n)
{
	size_t i = 0;

	while (i < ARRAY_LEN(table) && (!table[i].parse || n-- > 0))
		i++;
	return i < ARRAY_LEN(table) ? table[i].name : NULL;
}
