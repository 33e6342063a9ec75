/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of resources.
 */
#include "resource.h"

#include <string.h>

static const struct resource resources[] = {
	[RESOURCE_SERVICES] = {"services", "", "v1", "ServiceList", "/api/v1/services",
			       OBJECT_SERVICE},
	[RESOURCE_NAMESPACES] = {"namespaces", "", "v1", "NamespaceList", "/api/v1/namespaces",
				 OBJECT_NAMESPACE},
	[RESOURCE_PODS] = {"pods", "", "v1", "PodList", "/api/v1/pods", OBJECT_POD},
	[RESOURCE_SLICES_V1] = {"endpointslices", "discovery.k8s.io", "discovery.k8s.io/v1",
				"EndpointSliceList", "/apis/discovery.k8s.io/v1/endpointslices",
				OBJECT_SLICE},
	[RESOURCE_SLICES_V1BETA1] = {"endpointslices", "discovery.k8s.io",
				     "discovery.k8s.io/v1beta1", "EndpointSliceList",
				     "/apis/discovery.k8s.io/v1beta1/endpointslices", OBJECT_SLICE},
	[RESOURCE_ENDPOINTS] = {"endpoints", "", "v1", "EndpointsList", "/api/v1/endpoints",
				OBJECT_ENDPOINTS},
};

const struct resource *resource_get(enum resource_id id)
{
	return &resources[id];
}

void resource_rule(const struct resource *resource, struct text *out)
{
	text_printf(out, "{apiGroups: [\"%s\"], resources: [\"%s\"], verbs: [\"list\", \"watch\"]}",
		    resource->group, resource->plural);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c));
}

void resource_query(struct text *path, const char *key, const char *value)
{
	bool is_first = path->len == 0 || !strchr(path->bytes, '?');

	text_printf(path, "%c%s=", is_first ? '?' : '&', key);
	for (; *value; value++) {
		if (is_unreserved(*value))
			text_append(path, value, 1);
		else
			text_printf(path, "%%%02X", (unsigned char)*value);
	}
}
