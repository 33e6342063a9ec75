/* SPDX-License-Identifier: Apache-2.0
 *
 * CoreDNS spells its flags with one dash and takes "-flag value" and "-flag=value"; two dashes mean
 * the same. An unknown flag is refused with the nearest known one.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "config/config.h"
#include "node/interface.h"
#include "options_kubedns.h"
#include "options_node.h"

#define DURATION_MAX_MS 60000u

enum flag {
	FLAG_CONF,
	FLAG_PORT,
	FLAG_P,
	FLAG_PIDFILE,
	FLAG_STATE_DIR,
	FLAG_LEAVE_AFTER,
	FLAG_EXPLAIN,
	FLAG_FROM,
	FLAG_CHECK,
	FLAG_QUIET,
	FLAG_VERSION,
	FLAG_PLUGINS,
	FLAG_SETUP_INTERFACE,
	FLAG_REMOVE_INTERFACE,
	FLAG_HELP,
	FLAG_H,
	N_FLAGS
};

static const char *const names[N_FLAGS] = {
	"conf", "dns.port", "p",     "pidfile", "state-dir", "leave-after",	"explain",
	"from", "check",    "quiet", "version", "plugins",   "setup-interface", "remove-interface",
	"help", "h"};

static bool takes_value(enum flag flag)
{
	return flag <= FLAG_FROM;
}

bool option_port(const char *value, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end != '\0' || n == 0 || n > 65535) {
		fprintf(stderr, "kaname: \"%s\" is no port: a number from 1 to 65535\n", value);
		return false;
	}
	*port = (uint16_t)n;
	return true;
}

/* "5s", "500ms", "1m30s", or a number of seconds. */
static bool parse_duration(const char *value, uint64_t *ms)
{
	if (config_duration(value, ms) && *ms <= DURATION_MAX_MS)
		return true;
	fprintf(stderr, "kaname: \"%s\" is no duration of at most %u s, as in 2s or 500ms\n", value,
		DURATION_MAX_MS / 1000);
	return false;
}

static bool apply(struct options *options, enum flag flag, const char *value)
{
	switch (flag) {
	case FLAG_CONF:
		options->corefile = value;
		return true;
	case FLAG_PORT:
	case FLAG_P:
		options->has_port = true;
		return option_port(value, &options->port);
	case FLAG_PIDFILE:
		options->pidfile = value;
		return true;
	case FLAG_STATE_DIR:
		options->state_dir = value;
		return true;
	case FLAG_LEAVE_AFTER:
		return parse_duration(value, &options->quiet_ms);
	case FLAG_EXPLAIN:
		options->explain_name = value;
		return true;
	case FLAG_FROM:
		options->explain_from = value;
		return true;
	case FLAG_CHECK:
		return options->is_check = true;
	case FLAG_QUIET:
		return options->is_quiet = true;
	case FLAG_VERSION:
		return options->is_version = true;
	case FLAG_PLUGINS:
		return options->is_plugins = true;
	case FLAG_SETUP_INTERFACE:
		return options->is_interface_setup = true;
	case FLAG_REMOVE_INTERFACE:
		return options->is_interface_removal = true;
	case FLAG_HELP:
	case FLAG_H:
		return options->is_help = true;
	case N_FLAGS:
		break;
	}
	return false;
}

/* The flag of this word, its dashes and "=value" taken off, or N_FLAGS. */
static enum flag find_flag(const char *word, size_t len)
{
	enum flag flag = 0;

	while (flag < N_FLAGS &&
	       (strlen(names[flag]) != len || memcmp(names[flag], word, len) != 0))
		flag++;
	return flag;
}

static void report_unknown(const char *word, size_t len)
{
	char name[64];
	const char *nearest;

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	nearest = text_nearest(name, names, N_FLAGS);
	if (!nearest)
		nearest = option_kubedns_nearest(name);
	fprintf(stderr, "kaname: unknown flag \"-%s\"", name);
	if (nearest)
		fprintf(stderr, ": did you mean \"-%s\"?", nearest);
	fprintf(stderr, " (kaname --help lists them)\n");
}

/* One of NodeLocal DNSCache's flags or of kube-dns's; what else it may be is refused. False when it
 * is wrong. */
static bool take_other(struct options *options, const char *word, size_t len, int *i, char **argv)
{
	const char *value = word[len] == '=' ? word + len + 1 : NULL;

	enum option_taken taken = option_node(options, word, value, argv[*i + 1]);

	if (taken == OPTION_UNKNOWN)
		taken = option_kubedns(options, word, value, argv[*i + 1]);
	switch (taken) {
	case OPTION_UNKNOWN:
		report_unknown(word, len);
		return false;
	case OPTION_WRONG:
		return false;
	case OPTION_TAKEN:
		return true;
	case OPTION_TAKEN_WITH_NEXT:
		++*i;
		return true;
	}
	return false;
}

/* Either CoreDNS's flags or kube-dns's say what is served. */
static bool check_mix(const struct options *options)
{
	if (options->is_interface_setup && options->is_interface_removal) {
		fputs("kaname: --setup-interface and --remove-interface: give one of them\n",
		      stderr);
		return false;
	}
	if (!options->kubedns_flag || (!options->corefile && !options->has_port))
		return true;
	fprintf(stderr,
		"kaname: --%s is a flag of kube-dns, which has no %s: give the flags of either "
		"CoreDNS or kube-dns\n",
		options->kubedns_flag,
		options->corefile ? "Corefile (-conf)" : "-dns.port (but --dns-port)");
	return false;
}

bool options_parse(struct options *options, int argc, char **argv)
{
	*options = (struct options){.port = 53, .quiet_ms = 2000, .interface_name = INTERFACE_NAME};
	kubedns_options_init(&options->kubedns);
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *value;
		enum flag flag;
		size_t len;

		if (word[0] != '-' || word[1] == '\0') {
			fprintf(stderr, "kaname: \"%s\" is no flag (kaname --help lists them)\n",
				word);
			return false;
		}
		word += word[1] == '-' ? 2 : 1;
		len = strcspn(word, "=");
		value = word[len] == '=' ? word + len + 1 : NULL;
		flag = find_flag(word, len);
		if (flag == N_FLAGS) {
			if (!take_other(options, word, len, &i, argv))
				return false;
			continue;
		}
		if (takes_value(flag) != (value != NULL)) {
			if (!takes_value(flag) || i + 1 == argc) {
				fprintf(stderr, "kaname: -%s takes %s\n", names[flag],
					takes_value(flag) ? "a value" : "no value");
				return false;
			}
			value = argv[++i];
		}
		if (!apply(options, flag, value))
			return false;
		/* --explain NAME [TYPE] */
		if (flag == FLAG_EXPLAIN && i + 1 < argc && argv[i + 1][0] != '-')
			options->explain_type = argv[++i];
	}
	return check_mix(options);
}

void options_help(void)
{
	puts("kaname " KANAME_VERSION ": a cluster DNS server for Kubernetes\n"
	     "\n"
	     "usage: kaname [-conf FILE] [-dns.port N] [--check | --explain NAME [TYPE]]\n"
	     "\n"
	     "  -conf FILE       the Corefile (default: ./Corefile, and without it that of "
	     "kubeadm)\n"
	     "  -dns.port N, -p N  port of server blocks that name none (default: 53)\n"
	     "  --check          read and check the Corefile, report every problem, and exit with "
	     "0 or 1\n"
	     "  --explain NAME [TYPE]  which server block and which of its steps would answer a "
	     "query, "
	     "and why\n"
	     "  --from IP        the client that asks then (default: 127.0.0.1)\n"
	     "  --state-dir DIR  keep the last good configuration there; a start with a bad one "
	     "uses "
	     "it\n"
	     "  --leave-after DURATION  after SIGTERM answers go on until no query came for so "
	     "long, "
	     "at most 60s (2s)\n"
	     "  --setup-interface, --remove-interface  with -localip A[,B...]: a node cache's "
	     "interface\n"
	     "  -pidfile FILE    write the process id there\n"
	     "  -quiet           do not print the start banner\n"
	     "  -plugins         list the directives that are known\n"
	     "  -version         print the version\n"
	     "  --help           this text\n"
	     "\n"
	     "A Corefile that serves a cluster's names from what `kubectl get "
	     "svc,endpointslices,endpoints,ns -A\n"
	     "-o json > objects.json` printed:\n"
	     "\n"
	     "  .:1053 {\n"
	     "      errors\n"
	     "      health\n"
	     "      ready\n"
	     "      prometheus\n"
	     "      kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
	     "          objects objects.json\n"
	     "          pods insecure\n"
	     "          ttl 30\n"
	     "      }\n"
	     "      forward . /etc/resolv.conf\n"
	     "      cache 30\n"
	     "  }\n"
	     "\n"
	     "  dig @127.0.0.1 -p 1053 kubernetes.default.svc.cluster.local\n"
	     "\n"
	     "The flags of kube-dns are taken in place of a Corefile: --domain, --dns-port, "
	     "--dns-bind-address,\n"
	     "--config-dir, --config-period, --kubecfg-file, --kube-master-url, --nameservers, "
	     "--healthz-port,\n"
	     "--initial-sync-timeout, --federations, --profiling, and of its sidecar "
	     "--prometheus-addr and\n"
	     "--prometheus-port. --check prints the Corefile that they and the ConfigMap come to. "
	     "Remove the\n"
	     "containers dnsmasq and sidecar from the Deployment: with --dns-port=10053 port 53 is "
	     "served, too, and\n"
	     "their probes and metrics on port 10054.\n"
	     "\n"
	     "SIGTERM and SIGINT end it: /ready says 503 at once, answers go on for `health { "
	     "lameduck }` and until\n"
	     "no query comes any more, then what was received is answered and the process exits. A "
	     "second signal\n"
	     "ends it at once. SIGHUP reads the configuration again.\n"
	     "\n"
	     "exit codes: 0 ended by a signal, or --check found nothing; 1 the Corefile is wrong; "
	     "2 wrong usage;\n"
	     "3 a socket could not be bound, or another part could not start; 130 ended by a "
	     "second signal");
}
