/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a record table comes from: Kubernetes objects, read and kept by a kube thread, the only
 * writer of its table.
 *
 * A source is one distinct set of options of a `kubernetes` block, with its own table and thread,
 * so that it can come and go with a reload. Objects come from the API server, or from files
 * (`objects PATH...`, followed live). Main thread, but for kube_status and kube_metrics_write,
 * which any thread may call.
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

/* Where the API server is and who we are there: a kubeconfig, or an endpoint, or neither, which is
 * in a pod: KUBERNETES_SERVICE_HOST and _PORT and the service account. NULL: not given. */
struct kube_access_config {
	const char *endpoint; /* "https://host:6443/prefix"; see kube_endpoint_check */
	const char *tls_cert, *tls_key, *tls_ca; /* paths, of the endpoint; all or none */
	const char *kubeconfig;			 /* path */
	const char *context;			 /* NULL: the kubeconfig's current-context */
	const char *server; /* a URL in place of the kubeconfig's server, or of the pod's; outside
			       of a pod the URL alone. Not with endpoint */
};

/* Can `url` be an `endpoint`? "http://" or "https://", host, port and path; "host:port" alone is
 * http://, or https:// with TLS files. 0, or -EINVAL with the reason appended to *why. */
MUST_USE int kube_endpoint_check(const char *url, struct text *why);

struct kube_source_config {
	bool is_api; /* objects come from the API server: there is no `objects` */
	struct kube_access_config access;
	uint64_t startup_timeout_ms; /* how long a start waits for the API server at most */
	const char *const *objects;  /* paths: files, or folders of *.json */
	size_t n_objects;
	const char *const *namespaces; /* other namespaces do not exist; none: all do */
	size_t n_namespaces;
	const char *labels_text; /* selectors: services, slices, endpoints, pods; NULL: all */
	const char *namespace_labels_text;		       /* NULL: all */
	const struct kube_selector *labels, *namespace_labels; /* kube_open's own, of these texts */
	bool noendpoints;	   /* no headless names, endpoint names and endpoint PTRs */
	bool endpoint_pod_names;   /* the pod's name where an endpoint has no hostname */
	bool ignore_empty_service; /* cluster IP services without a ready endpoint do not exist */
	bool wants_pods;	   /* `pods verified` */
	bool has_minimal_rights; /* what may not be listed (403) is done without: Endpoints in place
				    of EndpointSlices, namespaces known by their services */
};

struct kube_config {
	const struct kube_source_config *sources; /* zeroed where an index is not used */
	size_t n_sources;
};

/* Is this a source, or an index that is not used? */
static inline bool kube_source_is_used(const struct kube_source_config *source)
{
	return source->is_api || source->n_objects > 0;
}

/* Do both read the same objects from the same place? */
bool kube_source_equal(const struct kube_source_config *a, const struct kube_source_config *b);

struct kube;

/* Starts the thread of a source. The configuration is copied; table and log are borrowed and
 * outlive it. 0, or -errno with the reason in *why: a source without `objects` does not know where
 * its API server is. */
MUST_USE int kube_open(struct kube **kube, const struct kube_source_config *config,
		       struct table *table, struct log *log, struct text *why);

/* Stops the thread and frees. NULL is allowed. */
void kube_close(struct kube *kube);

/* Is the source synced? If not, appends to *why what is missing and the reason, a line each. */
bool kube_status(struct kube *kube, struct text *why);

/* The coredns_kubernetes_* families and our own, of all sources; NULL among them are skipped. */
void kube_metrics_write(struct kube *const *kubes, size_t n_kubes, struct text *page);

#endif
