/* SPDX-License-Identifier: Apache-2.0
 *
 * discovery.k8s.io EndpointSlice (v1 and v1beta1 are the same here) and v1 Endpoints: the ready
 * addresses with their host names and ports.
 */
#include <string.h>

#include "json.h"
#include "object.h"
#include "pack.h"

/* The set that is being packed, and what its endpoints have in common. */
struct endpoint_set {
	struct object *object;
	struct json_fault *fault; /* of the whole object */
	bool has_pod_names;
	uint8_t family;	   /* that the addresses must have; 0: any */
	size_t begin;	   /* of the set in the content */
	size_t count_mark; /* where the number of endpoints goes */
	uint32_t n_packed;
	uint32_t n_total; /* packed, of all sets */
	uint32_t n_bad;	  /* left out */
	uint32_t n_seen;  /* in the whole object, ready or not */
};

static void begin_set(struct endpoint_set *set, const struct json *ports)
{
	set->begin = set->object->content.len;
	object_ports(ports, true, &set->object->content);
	set->count_mark = pack_endpoints_begin(&set->object->content);
	set->n_packed = 0;
}

/* A set without ready endpoints leaves no trace. */
static void end_set(struct endpoint_set *set)
{
	set->n_total += set->n_packed;
	if (set->n_packed == 0)
		set->object->content.len = set->begin;
	else
		pack_endpoints_end(&set->object->content, set->count_mark, set->n_packed);
}

/* The host name: `hostname`, else with endpoint_pod_names the pod's name where it is a label, else
 * "" for the address. */
static const char *decode_label(const struct endpoint_set *set, const struct json *endpoint)
{
	struct json hostname_at = json_member(endpoint, "hostname");
	struct json target = json_member(endpoint, "targetRef");
	struct json kind_at = json_member(&target, "kind");
	struct json name_at = json_member(&target, "name");
	const char *hostname = json_string(&hostname_at);
	const char *kind = json_string(&kind_at);
	const char *name = json_string(&name_at);

	if (hostname && *hostname) {
		if (!dns_label_is_1123(hostname, strlen(hostname)))
			json_fail(&hostname_at, "not a DNS label: \"%.100s\"", hostname);
		return hostname;
	}
	if (set->has_pod_names && kind && strcmp(kind, "Pod") == 0 && name &&
	    dns_label_is_1123(name, strlen(name)))
		return name;
	return "";
}

static void add_address(struct endpoint_set *set, const struct json *at, const char *label,
			bool is_ready)
{
	struct address address;

	if (++set->n_seen > OBJECT_ENDPOINTS_MAX) {
		struct json hard = *at;

		hard.fault = set->fault;
		json_fail(&hard, "more than %d addresses", OBJECT_ENDPOINTS_MAX);
	}
	object_address(at, &address);
	if (set->family != 0 && address.family != set->family)
		json_fail(at, "not an %s address: \"%.100s\"",
			  set->family == ADDRESS_V4 ? "IPv4" : "IPv6", json_string(at));
	if (at->fault->is_set || !is_ready)
		return;
	pack_endpoint(&set->object->content, &address, label, strlen(label));
	set->n_packed++;
}

/* Where one endpoint begins, to be taken back when it is bad. */
struct endpoint_mark {
	size_t len;
	uint32_t n_packed;
};

static struct endpoint_mark mark_endpoint(const struct endpoint_set *set)
{
	return (struct endpoint_mark){set->object->content.len, set->n_packed};
}

static void end_endpoint(struct endpoint_set *set, const struct json *list,
			 const struct json_fault *part, struct endpoint_mark mark)
{
	if (json_end_part(list, part))
		return;
	set->n_bad++;
	set->object->content.len = mark.len;
	set->n_packed = mark.n_packed;
}

/* With nothing left the object is not in order: what it was before is better than nothing. */
static void end_sets(struct endpoint_set *set)
{
	if (set->n_bad > 0 && set->n_total == 0)
		json_fail_parts(set->fault);
}

/* ---- EndpointSlice ---- */

static void decode_endpoint(struct endpoint_set *set, const struct json *endpoint)
{
	struct json addresses = json_member(endpoint, "addresses");
	struct json conditions = json_member(endpoint, "conditions");
	struct json ready = json_member(&conditions, "ready");
	const char *label = decode_label(set, endpoint);
	bool is_ready = json_bool(&ready, true);
	unsigned i = 0;

	if (cJSON_IsNull(endpoint->node))
		json_fail(endpoint, "not an object");
	for (const cJSON *node = json_first(&addresses); node && !addresses.fault->is_set;
	     node = node->next) {
		struct json at = json_element(&addresses, node, i++);

		add_address(set, &at, label, is_ready);
	}
}

/* 0 for FQDN, whose endpoints have no records. */
static uint8_t decode_address_type(const struct json *at)
{
	const char *type = json_string(at);

	if (!type)
		json_fail(at, "missing");
	else if (strcmp(type, "IPv4") == 0)
		return ADDRESS_V4;
	else if (strcmp(type, "IPv6") == 0)
		return ADDRESS_V6;
	else if (strcmp(type, "FQDN") != 0)
		json_fail(at, "neither IPv4, IPv6 nor FQDN: \"%.100s\"", type);
	return 0;
}

void object_decode_slice(struct object *object, const struct json *root, bool endpoint_pod_names)
{
	struct json type = json_member(root, "addressType");
	struct json ports = json_member(root, "ports");
	struct json endpoints = json_member(root, "endpoints");
	struct endpoint_set set = {
		.object = object, .fault = root->fault, .has_pod_names = endpoint_pod_names};
	unsigned i = 0;

	set.family = decode_address_type(&type);
	if (set.family == 0)
		return;
	begin_set(&set, &ports);
	for (const cJSON *node = json_first(&endpoints); node && !endpoints.fault->is_set;
	     node = node->next) {
		struct json_fault part;
		struct json endpoint = json_part(&endpoints, node, i++, &part);
		struct endpoint_mark mark = mark_endpoint(&set);

		decode_endpoint(&set, &endpoint);
		end_endpoint(&set, &endpoints, &part, mark);
	}
	end_set(&set);
	end_sets(&set);
}

/* ---- Endpoints ---- */

static void decode_subset_addresses(struct endpoint_set *set, const struct json *list,
				    bool is_ready)
{
	unsigned i = 0;

	for (const cJSON *node = json_first(list); node && !list->fault->is_set;
	     node = node->next) {
		struct json_fault part;
		struct json at = json_part(list, node, i++, &part);
		struct json ip = json_member(&at, "ip");
		struct endpoint_mark mark = mark_endpoint(set);

		add_address(set, &ip, decode_label(set, &at), is_ready);
		end_endpoint(set, list, &part, mark);
	}
}

void object_decode_endpoints(struct object *object, const struct json *root,
			     bool endpoint_pod_names)
{
	struct json subsets = json_member(root, "subsets");
	struct endpoint_set set = {
		.object = object, .fault = root->fault, .has_pod_names = endpoint_pod_names};
	unsigned i = 0;

	for (const cJSON *node = json_first(&subsets); node && !subsets.fault->is_set;
	     node = node->next) {
		struct json subset = json_element(&subsets, node, i++);
		struct json ports = json_member(&subset, "ports");
		struct json ready = json_member(&subset, "addresses");
		struct json not_ready = json_member(&subset, "notReadyAddresses");

		begin_set(&set, &ports);
		decode_subset_addresses(&set, &ready, true);
		decode_subset_addresses(&set, &not_ready, false);
		end_set(&set);
	}
	end_sets(&set);
}
