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
	/* Of several the first counts, as in CoreDNS. */
	if (!block->has_bufsize)
		block->query.udp_answer_max = (uint16_t)octets;
	block->has_bufsize = true;
}

static void parse_debug(struct draft *draft, void *into, const struct statement *statement)
{
	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		draft->has_debug = true;
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
#define BLOCK_INSTEAD "use `template` or `hosts` to block names"
#define BLOCKS_INSTEAD "the name alone decides; use a server block for each zone"

static const struct directive table[] = {
	{.name = "root", .parse = root_parse, .is_repeatable = true},
	{.name = "metadata", .parse = metadata_parse, .is_repeatable = true},
	{.name = "geoip", .parse = geoip_parse},
	{.name = "cancel", .parse = cancel_parse, .is_repeatable = true},
	{.name = "tls", .instead = PLAIN_INSTEAD},
	{.name = "proxyproto", .instead = "let the load balancer keep the client's address"},
	{.name = "quic", .instead = PLAIN_INSTEAD},
	{.name = "grpc_server", .instead = PLAIN_INSTEAD},
	{.name = "https", .instead = PLAIN_INSTEAD},
	{.name = "https3", .instead = PLAIN_INSTEAD},
	{.name = "timeouts", .parse = timeouts_parse, .is_repeatable = true},
	{.name = "multisocket", .parse = parse_multisocket, .is_repeatable = true},
	{.name = "reload", .parse = reload_parse, .is_repeatable = true},
	{.name = "nsid", .parse = nsid_parse},
	{.name = "bufsize", .parse = parse_bufsize, .is_repeatable = true},
	{.name = "bind", .parse = bind_parse, .is_repeatable = true},
	{.name = "debug", .parse = parse_debug},
	{.name = "trace", .parse = trace_parse},
	{.name = "ready", .parse = ready_parse},
	{.name = "health", .parse = health_parse, .is_repeatable = true},
	{.name = "pprof", .parse = pprof_parse},
	{.name = "prometheus", .parse = prometheus_parse},
	{.name = "errors", .parse = errors_parse},
	{.name = "log", .parse = log_parse, .is_repeatable = true},
	{.name = "dnstap", .instead = "use `log`, which writes a line for each query"},
	{.name = "local", .parse = local_parse, .is_repeatable = true},
	{.name = "dns64", .meanwhile = "use `forward` to a resolver that does it"},
	{.name = "acl", .parse = acl_parse, .is_repeatable = true},
	{.name = "any", .parse = any_parse, .is_repeatable = true},
	{.name = "chaos", .parse = chaos_parse, .is_repeatable = true},
	{.name = "loadbalance", .parse = loadbalance_parse, .is_repeatable = true},
	{.name = "tsig", .instead = "use `acl` to say who may ask"},
	{.name = "cache", .parse = cache_parse},
	{.name = "rewrite", .parse = rewrite_parse, .is_repeatable = true},
	{.name = "header", .instead = "the header's bits are set as the RFCs say; leave it out"},
	{.name = "dnssec", .instead = FORWARD_INSTEAD ", signed"},
	{.name = "autopath", .parse = autopath_parse},
	{.name = "minimal", .parse = parse_minimal, .is_repeatable = true},
	{.name = "template", .parse = template_parse, .is_repeatable = true},
	{.name = "transfer", .meanwhile = "leave it out, zones cannot be copied from here"},
	{.name = "hosts", .parse = hosts_parse},
	{.name = "route53", .instead = FORWARD_INSTEAD},
	{.name = "azure", .instead = FORWARD_INSTEAD},
	{.name = "clouddns", .instead = FORWARD_INSTEAD},
	{.name = "federation", .parse = federation_parse},
	{.name = "k8s_external",
	 .meanwhile = "use `hosts` or `template` with the addresses of the load balancers"},
	{.name = "multicluster",
	 .meanwhile = "use `forward` for the clusterset's zone to a server that has it"},
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
	{.name = "whoami", .parse = parse_whoami, .is_repeatable = true},
	{.name = "on", .instead = "run commands from what starts kaname"},
	{.name = "sign", .instead = FORWARD_INSTEAD ", signed"},
	{.name = "view", .instead = BLOCKS_INSTEAD},
	/* well-known ones that are no part of CoreDNS either */
	{.name = "ads", .instead = BLOCK_INSTEAD},
	{.name = "alternate", .instead = "use `forward` with `next` or `failover`"},
	{.name = "blocklist", .instead = BLOCK_INSTEAD},
	{.name = "fanout", .instead = "use `forward`, which asks the next upstream on failure"},
	{.name = "k8s_gateway",
	 .instead = "use `hosts` or `template` with the gateways' addresses"},
	{.name = "kubernetai", .instead = "use `kubernetes` in a server block for each cluster"},
	{.name = "lighthouse", .instead = FORWARD_INSTEAD},
	{.name = "mdns", .instead = FORWARD_INSTEAD},
	{.name = "ocp_dnsnameresolver",
	 .instead = "it changes no answer, but an egress firewall may need it: see "
		    "DNSNameResolver"},
	{.name = "records", .instead = "use `hosts` or `template`"},
	{.name = "redis", .instead = FORWARD_INSTEAD},
	{.name = "unbound", .instead = "use `forward` to a resolver"},
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
