/* SPDX-License-Identifier: Apache-2.0
 *
 * kube-dns takes "--flag=value" and "--flag value", and of booleans "--flag" and "--flag=true".
 * Those of glog, which CoreDNS had too, choose nothing; any other says that it is kube-dns which is
 * replaced. What another container of its Deployment had for flags is refused with what to do.
 */
#include "options_kubedns.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

enum flag_kind {
	FLAG_TEXT,
	FLAG_PORT_NUMBER,
	FLAG_DURATION,
	FLAG_BOOL,
	FLAG_UNUSED_BOOL,
	FLAG_UNUSED,
	FLAG_REFUSED
};

struct kubedns_flag {
	const char *name;
	enum flag_kind kind;
	bool is_common; /* of glog */
	size_t offset;	/* in struct kubedns_options, of what its kind has */
	const char *instead;
};

#define OF(member) offsetof(struct kubedns_options, member)
#define CONFIG_MAP                                                                           \
	"the ConfigMap is not read from the API server: mount it as a volume, and give its " \
	"folder by --config-dir"
#define DNSMASQ                                                                                \
	"it is dnsmasq-nanny's: remove the dnsmasq container from the Deployment, as this is " \
	"also what it was"
#define SIDECAR                                                                              \
	"it is the sidecar's: remove the sidecar container from the Deployment, as this is " \
	"also what it was"

static const struct kubedns_flag flags[] = {
	{.name = "domain", .offset = OF(domain)},
	{.name = "dns-port", .kind = FLAG_PORT_NUMBER, .offset = OF(dns_port)},
	{.name = "dns-bind-address", .offset = OF(dns_bind_address)},
	{.name = "config-dir", .offset = OF(config_dir)},
	{.name = "config-period", .kind = FLAG_DURATION, .offset = OF(config_period_ms)},
	{.name = "config-map", .kind = FLAG_REFUSED, .instead = CONFIG_MAP},
	{.name = "config-map-namespace", .kind = FLAG_UNUSED},
	{.name = "kubecfg-file", .offset = OF(kubecfg_file)},
	{.name = "kube-master-url", .offset = OF(kube_master_url)},
	{.name = "healthz-port", .kind = FLAG_PORT_NUMBER, .offset = OF(healthz_port)},
	{.name = "nameservers", .offset = OF(nameservers)},
	{.name = "initial-sync-timeout",
	 .kind = FLAG_DURATION,
	 .offset = OF(initial_sync_timeout_ms)},
	{.name = "federations", .offset = OF(federations)},
	{.name = "profiling", .kind = FLAG_BOOL, .offset = OF(has_profiling)},
	{.name = "prometheus-addr", .offset = OF(prometheus_addr)},
	{.name = "prometheus-port", .kind = FLAG_PORT_NUMBER, .offset = OF(prometheus_port)},

	{.name = "v", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "vmodule", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "logtostderr", .kind = FLAG_UNUSED_BOOL, .is_common = true},
	{.name = "alsologtostderr", .kind = FLAG_UNUSED_BOOL, .is_common = true},
	{.name = "stderrthreshold", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "log-dir", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "log-file", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "log-file-max-size", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "log-backtrace-at", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "log-flush-frequency", .kind = FLAG_UNUSED, .is_common = true},
	{.name = "skip-headers", .kind = FLAG_UNUSED_BOOL, .is_common = true},
	{.name = "skip-log-headers", .kind = FLAG_UNUSED_BOOL, .is_common = true},
	{.name = "add-dir-header", .kind = FLAG_UNUSED_BOOL, .is_common = true},
	{.name = "one-output", .kind = FLAG_UNUSED_BOOL, .is_common = true},

	{.name = "configDir", .kind = FLAG_REFUSED, .instead = DNSMASQ},
	{.name = "restartDnsmasq", .kind = FLAG_REFUSED, .instead = DNSMASQ},
	{.name = "dnsmasqExec", .kind = FLAG_REFUSED, .instead = DNSMASQ},
	{.name = "syncInterval", .kind = FLAG_REFUSED, .instead = DNSMASQ},
	{.name = "kubednsServer", .kind = FLAG_REFUSED, .instead = DNSMASQ},
	{.name = "probe", .kind = FLAG_REFUSED, .instead = SIDECAR},
	{.name = "dnsmasq-addr", .kind = FLAG_REFUSED, .instead = SIDECAR},
	{.name = "dnsmasq-port", .kind = FLAG_REFUSED, .instead = SIDECAR},
	{.name = "dnsmasq-poll-interval-ms", .kind = FLAG_REFUSED, .instead = SIDECAR},
	{.name = "prometheus-path", .kind = FLAG_REFUSED, .instead = SIDECAR},
	{.name = "prometheus-namespace", .kind = FLAG_REFUSED, .instead = SIDECAR},
};

static bool is_same_name(const char *name, const char *word, size_t len)
{
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] != (word[i] == '_' ? '-' : word[i]))
			return false;
	}
	return true;
}

static const struct kubedns_flag *find(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (is_same_name(flags[i].name, word, len))
			return &flags[i];
	}
	return NULL;
}

static bool is_bool(enum flag_kind kind)
{
	return kind == FLAG_BOOL || kind == FLAG_UNUSED_BOOL;
}

/* As Go's strconv.ParseBool. */
static bool read_bool(const struct kubedns_flag *flag, const char *value, bool *is_set)
{
	static const char *const words[] = {"true",  "1", "t", "T", "TRUE",  "True",
					    "false", "0", "f", "F", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			*is_set = i < ARRAY_LEN(words) / 2;
			return true;
		}
	}
	fprintf(stderr, "kaname: --%s is true or false, not \"%s\"\n", flag->name, value);
	return false;
}

static bool read_duration(const struct kubedns_flag *flag, const char *value, uint64_t *ms)
{
	if (config_duration(value, ms))
		return true;
	fprintf(stderr, "kaname: --%s: \"%s\" is no duration, as in 10s or 1m30s\n", flag->name,
		value);
	return false;
}

static bool refuse(const struct kubedns_flag *flag)
{
	fprintf(stderr, "kaname: --%s: %s\n", flag->name, flag->instead);
	return false;
}

static bool apply(struct options *options, const struct kubedns_flag *flag, const char *value)
{
	char *at = (char *)&options->kubedns + flag->offset;
	bool is_set;

	switch (flag->kind) {
	case FLAG_TEXT:
		*(const char **)at = *value ? value : NULL;
		return true;
	case FLAG_PORT_NUMBER:
		return option_port(value, (uint16_t *)at);
	case FLAG_DURATION:
		return read_duration(flag, value, (uint64_t *)at);
	case FLAG_BOOL:
		return read_bool(flag, value, (bool *)at);
	case FLAG_UNUSED_BOOL:
		return read_bool(flag, value, &is_set);
	case FLAG_UNUSED:
		return true;
	case FLAG_REFUSED:
		/* Empty is what it is without the flag. */
		return *value == '\0' || refuse(flag);
	}
	return false;
}

enum option_taken option_kubedns(struct options *options, const char *word, const char *value,
				 const char *next)
{
	const struct kubedns_flag *flag = find(word);
	enum option_taken taken = OPTION_TAKEN;

	if (!flag)
		return OPTION_UNKNOWN;
	if (!value && is_bool(flag->kind)) {
		value = "true";
	} else if (!value && flag->kind == FLAG_REFUSED) {
		value = "-";
	} else if (!value) {
		value = next;
		taken = OPTION_TAKEN_WITH_NEXT;
	}
	if (!value) {
		fprintf(stderr, "kaname: --%s takes a value\n", flag->name);
		return OPTION_WRONG;
	}
	if (!apply(options, flag, value))
		return OPTION_WRONG;
	if (!flag->is_common && !options->kubedns_flag)
		options->kubedns_flag = flag->name;
	return taken;
}

const char *option_kubedns_nearest(const char *name)
{
	const char *names[ARRAY_LEN(flags)];

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		names[i] = flags[i].name;
	return text_nearest(name, names, ARRAY_LEN(flags));
}
