/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the record table comes from: Kubernetes objects, read and kept by the kube thread, the only
 * writer of every table.
 *
 * A source is one distinct set of options of a `kubernetes` block, with its own table. Today
 * objects come from files (`objects PATH...`, followed live). Main thread, but for kube_status and
 * kube_metrics_write, which any thread may call.
 */
#ifndef KANAME_KUBE_KUBE_H
#define KANAME_KUBE_KUBE_H

#include <uv.h>

#include "base/log.h"
#include "base/text.h"
#include "table/table.h"

/*
 * A label selector in kubectl's syntax: "app=web,tier!=cache,env in (a, b),env notin (c),x,!y".
 * kube_selector_parse: 0, or -EINVAL with the reason appended to *why; *selector is owned by the
 * caller and freed with kube_selector_free (NULL allowed).
 */
struct kube_selector;
MUST_USE int kube_selector_parse(struct kube_selector **selector, const char *text,
				 struct text *why);
void kube_selector_free(struct kube_selector *selector);

struct kube_source_config {
	const char *const *objects; /* paths: files, or folders of *.json */
	size_t n_objects;
	const char *const *namespaces; /* other namespaces do not exist; none: all do */
	size_t n_namespaces;
	const struct kube_selector *labels; /* services, slices, endpoints, pods; NULL: all */
	const struct kube_selector *namespace_labels; /* NULL: all */
	bool noendpoints;	   /* no headless names, endpoint names and endpoint PTRs */
	bool endpoint_pod_names;   /* the pod's name where an endpoint has no hostname */
	bool ignore_empty_service; /* cluster IP services without a ready endpoint do not exist */
	bool wants_pods;	   /* `pods verified` */
};

struct kube_config {
	const struct kube_source_config *sources;
	size_t n_sources;
};

struct kube;

/* Starts the kube thread. tables[i] is the table of source i; config, tables and log are borrowed
 * and outlive it. 0 or -errno. */
MUST_USE int kube_open(struct kube **kube, const struct kube_config *config,
		       struct table *const *tables, struct log *log);

/* Stops the thread and frees. NULL is allowed. */
void kube_close(struct kube *kube);

/* Are all sources synced? If not, appends to *why which is missing and the reason, a line each. */
bool kube_status(struct kube *kube, struct text *why);

/* The coredns_kubernetes_* families and our own. */
void kube_metrics_write(struct kube *kube, struct text *page);

#endif
