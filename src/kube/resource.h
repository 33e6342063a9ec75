/* SPDX-License-Identifier: Apache-2.0
 *
 * The resources of the Kubernetes API that are watched: their paths, what their lists are called,
 * and the RBAC rule that each needs. Constants. Any thread.
 */
#ifndef KANAME_KUBE_RESOURCE_H
#define KANAME_KUBE_RESOURCE_H

#include "object.h"

struct resource {
	const char *plural;	 /* "endpointslices": as RBAC and kubectl name it */
	const char *group;	 /* "discovery.k8s.io"; "" is the core group */
	const char *api_version; /* "discovery.k8s.io/v1" */
	const char *list_kind;	 /* "EndpointSliceList" */
	const char *path;	 /* "/apis/discovery.k8s.io/v1/endpointslices": all namespaces */
	enum object_kind kind;
};

enum resource_id {
	RESOURCE_SERVICES,
	RESOURCE_NAMESPACES,
	RESOURCE_PODS,
	RESOURCE_SLICES_V1,
	RESOURCE_SLICES_V1BETA1,
	RESOURCE_ENDPOINTS,
};

const struct resource *resource_get(enum resource_id id);

/* Where the API server says which versions of EndpointSlices it has; 404: none. */
#define RESOURCE_SLICES_GROUP_PATH "/apis/discovery.k8s.io"

/* Appends the ClusterRole's rule that list and watch need, in one line of YAML. */
void resource_rule(const struct resource *resource, struct text *out);

/* Appends "&key=value", the value percent-encoded (RFC 3986 2.1), or "?key=value" to a path without
 * a query. */
void resource_query(struct text *path, const char *key, const char *value);

#endif
