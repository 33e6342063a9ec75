/* SPDX-License-Identifier: Apache-2.0
 *
 * The Corefile, read and checked whole, translated into each module's own structures. Only main.c
 * includes this.
 *
 * Happy path: config_load with a path; the struct config owns everything that the modules borrow,
 * until config_free. A wrong Corefile gives all its problems at once, each as "FILE:LINE: message",
 * the word in quotes and the nearest known word where there is one. Main thread.
 */
#ifndef KANAME_CONFIG_CONFIG_H
#define KANAME_CONFIG_CONFIG_H

#include "base/arena.h"
#include "kube/kube.h"
#include "net/net.h"
#include "query/query.h"

struct config_http {
	struct sockaddr_storage address;
	bool is_wildcard;
};

struct followed;

/* What kube-dns and its sidecar served beside the paths of CoreDNS. */
enum config_http_kind { CONFIG_HTTP_HEALTH, CONFIG_HTTP_READY, CONFIG_HTTP_METRICS };

struct config_http_path {
	struct config_http at;
	const char *path;
	enum config_http_kind kind;
};

struct config {
	struct arena arena; /* owns everything below */
	struct text notes;  /* owned: what is accepted but has no effect here, or another than in
			       CoreDNS; lines "FILE:LINE: message" */
	struct query_config query; /* .tables is set by main */
	struct net_config net;
	struct kube_config kube;
	const struct config_http *health, *ready,
		*prometheus; /* distinct addresses of each directive */
	size_t n_health, n_ready, n_prometheus;
	const struct config_http_path *paths; /* of kube-dns: see config/kubedns.h */
	size_t n_paths;
	struct text corefile; /* owned: what kube-dns's flags and ConfigMap came to; else empty */
	const char
		*hash; /* of all words: equal texts, comments apart, have equal ones; hexadecimal */
	const char *const *files; /* that were looked at, and the folders that were listed */
	size_t n_files;
	struct text flat; /* owned: with wants_flat, all of it as one Corefile without imports */
	uint64_t lameduck_ms; /* the longest of `health { lameduck }` */
	bool has_debug;
	uint64_t reload_ms, reload_jitter_ms; /* of `reload`: how often, and the most that a look is
						 later or sooner; 0: never */
	struct followed *followed; /* files of `hosts` and `loadbalance`: config_refresh */
};

struct config_options {
	uint16_t default_port; /* -dns.port, -p; 53 */
	unsigned n_cpus;       /* workers where no `multisocket` says otherwise */
	uint64_t cache_bytes;  /* for the caches of all workers together */
	/* The one that runs, for the call; NULL at the start. What is the same in it keeps its
	 * number: groups of upstreams, cache policies, rows of counters, sources of objects. */
	const struct config *previous;
	const char *known_hash; /* a configuration of this hash is not wanted; NULL: any is */
	bool wants_flat;
};

/* Reads and checks the Corefile at `path`; with NULL ./Corefile, and where there is none
 * config_default_corefile. 0, or -EINVAL with all problems in *problems, a line
 * each, or -EALREADY: it is the known one. *config is empty then, but for hash, files and their
 * arena. */
MUST_USE int config_load(struct config *config, const char *path,
			 const struct config_options *options, struct text *problems);
void config_free(struct config *config);

/* Looks at the files of `hosts` and `loadbalance` that are due; what has changed is read and given
 * to the workers. To be called about once a second, with a clock that never goes back, by a thread
 * that is registered (rcu_register) and not inside. True: the workers have something new. What went
 * wrong is appended to *log, a line each, as a warning: once, not each time. */
bool config_refresh(struct config *config, uint64_t now_ms, struct text *log);

/* The coredns_hosts_* families. The thread of config_refresh. */
void config_metrics_write(const struct config *config, struct text *page);

/* What runs where there is no Corefile: kubeadm's. */
extern const char config_default_corefile[];

/* A duration as the Corefile has them: 5s, 500ms, 1m30s. False: it is none. */
bool config_duration(const char *text, uint64_t *ms);

/* The n-th of the directives that are known, in CoreDNS's order of steps, for -plugins; NULL: there
 * are no more. */
const char *config_directive(size_t n);

#endif
