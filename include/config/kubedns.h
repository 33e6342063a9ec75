/* SPDX-License-Identifier: Apache-2.0
 *
 * kube-dns's flags and its ConfigMap, mounted as a folder, translated into a Corefile, which is
 * then read as any other: so that --check can show it, and nothing else has to know of kube-dns.
 * What kube-dns, dnsmasq and the sidecar did in three containers is one process.
 *
 * The ConfigMap is good as a whole or not at all: any error leaves what there was. kube-dns ignores
 * a bad one at the start, too, and so may the caller (ignores_config_map). Main thread.
 */
#ifndef KANAME_CONFIG_KUBEDNS_H
#define KANAME_CONFIG_KUBEDNS_H

#include "config/config.h"
#include "config/machine.h"

#define KUBEDNS_PORT_BEHIND_DNSMASQ 10053 /* kube-dns's in its manifest; dnsmasq had 53 */
#define KUBEDNS_PORT_SIDECAR 10054

/* Flags as they were given, borrowed from argv; what is NULL was not. */
struct kubedns_options {
	const char *domain;	      /* cluster.local. */
	const char *dns_bind_address; /* 0.0.0.0, which is IPv6, too, as in Go */
	const char *config_dir;
	const char *kubecfg_file, *kube_master_url;
	const char *nameservers; /* with commas: where no `upstreamNameservers` are */
	const char *federations;
	const char *prometheus_addr; /* the sidecar's: 0.0.0.0 */
	uint16_t dns_port, healthz_port, prometheus_port;
	uint64_t config_period_ms, initial_sync_timeout_ms; /* 0: not given */
	bool has_profiling;
	const char *kept; /* the last good one in place of the ConfigMap, of the same flags */
	bool ignores_config_map; /* as if it were empty; but it is looked at again */
};

/* What there is without flags. */
void kubedns_options_init(struct kubedns_options *options);

/*
 * The Corefile of these flags and of the ConfigMap as it is now. 0, or -EINVAL with all that is
 * wrong in *problems, "--FLAG: cause" or "FOLDER/KEY: place: cause", a line each. What is accepted
 * without effect goes to *notes. On failure *corefile is as it was.
 */
MUST_USE int config_kubedns_corefile(const struct kubedns_options *options,
				     const struct config_machine *machine, struct text *corefile,
				     struct text *notes, struct text *problems);

/* config_load of these options: their Corefile is in config->corefile, the endpoints of kube-dns
 * and its sidecar in config->paths, and those of config_kubedns_files are among its files, on
 * failure, too. */
MUST_USE int config_load_kubedns(struct config *config, const struct kubedns_options *options,
				 const struct config_options *config_options,
				 struct text *problems);
MUST_USE int config_load_kubedns_on(struct config *config, const struct kubedns_options *options,
				    const struct config_machine *machine,
				    const struct config_options *config_options,
				    struct text *problems);

/* The files that the Corefile is made of, in the arena; any may be missing. They are replaced by a
 * link that changes in their folder. */
const char *const *config_kubedns_files(const struct kubedns_options *options, struct arena *arena,
					size_t *n);

#endif
