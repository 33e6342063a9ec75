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

static void parse_minimal(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		block->query.has_minimal = true;
}

static void parse_whoami(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		block->query.has_whoami = true;
}

#define FORWARD_INSTEAD "use `forward` to a server that has these zones"
#define PLAIN_INSTEAD "it is asked by UDP and TCP; put a proxy before it that speaks the other"
#define BLOCKS_INSTEAD "the name alone decides; use a server block for each zone"

static const struct directive table[] = {
	{.name = "root", .parse = root_parse},
	{.name = "metadata", .parse = metadata_parse},
	{.name = "geoip", .parse = geoip_parse},
	{.name = "cancel", .parse = cancel_parse},
	{.name = "tls", .instead = PLAIN_INSTEAD},
	{.name = "proxyproto", .instead = "let the load balancer keep the client's address"},
	{.name = "quic", .instead = PLAIN_INSTEAD},
	{.name = "grpc_server", .instead = PLAIN_INSTEAD},
	{.name = "https", .instead = PLAIN_INSTEAD},
	{.name = "https3", .instead = PLAIN_INSTEAD},
	{.name = "timeouts", .parse = timeouts_parse},
	{.name = "multisocket", .parse = parse_multisocket},
	{.name = "reload", .parse = reload_parse},
	{.name = "nsid", .parse = nsid_parse},
	{.name = "bufsize", .parse = parse_bufsize},
	{.name = "bind", .parse = bind_parse, .is_repeatable = true},
	{.name = "debug", .parse = parse_debug},
	{.name = "trace", .parse = trace_parse},
	{.name = "ready", .parse = ready_parse},
	{.name = "health", .parse = health_parse},
	{.name = "pprof", .parse = pprof_parse},
	{.name = "prometheus", .parse = prometheus_parse},
	{.name = "errors", .parse = parse_errors},
	{.name = "log", .parse = log_parse, .is_repeatable = true},
	{.name = "dnstap", .instead = "use `log`, which writes a line for each query"},
	{.name = "local", .parse = local_parse},
	{.name = "dns64"},
	{.name = "acl", .parse = acl_parse, .is_repeatable = true},
	{.name = "any", .parse = any_parse},
	{.name = "chaos", .parse = chaos_parse},
	{.name = "loadbalance", .parse = parse_loadbalance},
	{.name = "tsig", .instead = "use `acl` to say who may ask"},
	{.name = "cache", .parse = cache_parse},
	{.name = "rewrite", .parse = rewrite_parse, .is_repeatable = true},
	{.name = "header", .instead = "the header's bits are set as the RFCs say; leave it out"},
	{.name = "dnssec", .instead = FORWARD_INSTEAD ", signed"},
	{.name = "autopath", .parse = autopath_parse},
	{.name = "minimal", .parse = parse_minimal},
	{.name = "template"},
	{.name = "transfer"},
	{.name = "hosts"},
	{.name = "route53", .instead = FORWARD_INSTEAD},
	{.name = "azure", .instead = FORWARD_INSTEAD},
	{.name = "clouddns", .instead = FORWARD_INSTEAD},
	{.name = "federation", .parse = federation_parse},
	{.name = "k8s_external"},
	{.name = "multicluster"},
	{.name = "kubernetes", .parse = kubernetes_parse},
	{.name = "nomad", .instead = FORWARD_INSTEAD},
	{.name = "file", .instead = FORWARD_INSTEAD},
	{.name = "auto", .instead = FORWARD_INSTEAD},
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
