/* SPDX-License-Identifier: Apache-2.0
 *
 * Which object is this, does it concern us, and the fields that all kinds share.
 */
#include "object.h"

#include <string.h>

#include "base/array.h"
#include "json.h"
#include "pack.h"
#include "selector.h"
#include "timestamp.h"

#define TRIGGER_TIME "endpoints.kubernetes.io/last-change-trigger-time"
#define SERVICE_NAME "kubernetes.io/service-name"

static const struct {
	const char *kind;
	const char *api_versions[2];
} kinds[OBJECT_N_KINDS] = {
	[OBJECT_SERVICE] = {"Service", {"v1"}},
	[OBJECT_SLICE] = {"EndpointSlice", {"discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"}},
	[OBJECT_ENDPOINTS] = {"Endpoints", {"v1"}},
	[OBJECT_NAMESPACE] = {"Namespace", {"v1"}},
	[OBJECT_POD] = {"Pod", {"v1"}},
};

const char *object_kind_text(enum object_kind kind)
{
	return kinds[kind].kind;
}

void object_name(const struct object *object, char *out, size_t size)
{
	snprintf(out, size, "%s %s%s%s", object_kind_text(object->kind), object->namespace,
		 *object->namespace ? "/" : "", object->name);
}

void object_fini(struct object *object)
{
	text_fini(&object->content);
	text_fini(&object->left_out);
	arena_fini(&object->tree);
}

static bool is_api_version(enum object_kind kind, const char *api_version)
{
	const char *const *known = kinds[kind].api_versions;

	return strcmp(api_version, known[0]) == 0 ||
	       (known[1] && strcmp(api_version, known[1]) == 0);
}

/* False: not a kind that concerns us. */
static bool find_kind(enum object_kind *kind, const char *text, const char *api_version)
{
	for (int i = 0; i < OBJECT_N_KINDS; i++) {
		if (strcmp(text, kinds[i].kind) == 0) {
			*kind = (enum object_kind)i;
			return is_api_version(*kind, api_version);
		}
	}
	return false;
}

/* The kind of an item that does not tell: that of its list, without "List". */
static enum object_outcome kind_from_list(const struct object_input *input, char *kind, size_t size)
{
	size_t len = strlen(input->list_kind);

	if (len == 0)
		return OBJECT_UNTYPED;
	if (len <= 4 || strcmp(input->list_kind + len - 4, "List") != 0)
		return OBJECT_NAMELESS;
	snprintf(kind, size, "%.*s", (int)(len - 4), input->list_kind);
	return OBJECT_DECODED;
}

/* OBJECT_DECODED when the kind is one of ours and known. */
static enum object_outcome identify_kind(struct object *object, const struct json *root,
					 const struct object_input *input)
{
	struct json kind_at = json_member(root, "kind");
	struct json version_at = json_member(root, "apiVersion");
	const char *kind = json_string(&kind_at);
	const char *api_version = json_string(&version_at);
	char from_list[64];

	if (!kind && !root->fault->is_set && input->is_item) {
		enum object_outcome outcome = kind_from_list(input, from_list, sizeof(from_list));

		if (outcome == OBJECT_UNTYPED)
			return outcome;
		if (outcome == OBJECT_DECODED)
			kind = from_list;
	}
	if (!kind) {
		json_fail(&kind_at, "missing");
		return OBJECT_NAMELESS;
	}
	if (!api_version)
		api_version = input->is_item ? input->list_api_version : "";
	if (root->fault->is_set)
		return OBJECT_NAMELESS;
	return find_kind(&object->kind, kind, api_version) ? OBJECT_DECODED : OBJECT_IGNORED;
}

static bool is_subdomain(const char *name)
{
	size_t len = strlen(name);
	char last = '.';

	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!is_word && c != '-' && c != '.')
			return false;
		if ((c == '.' && !(last != '.' && last != '-')) || (c == '-' && last == '.'))
			return false;
		last = c;
	}
	return len > 0 && len <= OBJECT_NAME_MAX && last != '.' && last != '-';
}

/* Copied even where they are no valid names, for messages: then cut. */
static void identify_name(struct object *object, const struct json *metadata)
{
	struct json name_at = json_member(metadata, "name");
	struct json namespace_at = json_member(metadata, "namespace");
	const char *name = json_string(&name_at);
	const char *namespace = json_string(&namespace_at);

	if (!name || !*name)
		json_fail(&name_at, "missing");
	else
		snprintf(object->name, sizeof(object->name), "%.253s", name);
	if (object->kind == OBJECT_NAMESPACE)
		return;
	if (!namespace || !*namespace)
		json_fail(&namespace_at, "missing");
	else
		snprintf(object->namespace, sizeof(object->namespace), "%.63s", namespace);
}

/* Names of slices, Endpoints and pods are subdomains; they are no part of a DNS name. */
static void check_name(const struct object *object, const struct json *metadata)
{
	struct json name_at = json_member(metadata, "name");
	struct json namespace_at = json_member(metadata, "namespace");
	const char *name = json_string(&name_at);
	const char *namespace = json_string(&namespace_at);
	bool is_label = object->kind == OBJECT_SERVICE || object->kind == OBJECT_NAMESPACE;

	if (metadata->fault->is_set)
		return;
	if (is_label && !dns_label_is_1123(name, strlen(name)))
		json_fail(&name_at, "not a DNS label: \"%.100s\"", name);
	else if (!is_subdomain(name))
		json_fail(&name_at, "not a DNS name: \"%.100s\"", name);
	else if (object->kind != OBJECT_NAMESPACE &&
		 !dns_label_is_1123(namespace, strlen(namespace)))
		json_fail(&namespace_at, "not a DNS label: \"%.100s\"", namespace);
}

static bool is_namespace_wanted(const struct object *object,
				const struct kube_source_config *config)
{
	const char *namespace = object->kind == OBJECT_NAMESPACE ? object->name : object->namespace;

	for (size_t i = 0; i < config->n_namespaces; i++) {
		if (strcmp(config->namespaces[i], namespace) == 0)
			return true;
	}
	return config->n_namespaces == 0;
}

static bool is_selected(const struct kube_selector *selector, const struct json *labels)
{
	ARRAY(struct selector_label) list = {0};
	unsigned i = 0;
	bool is_matching;

	for (const cJSON *node = json_first_member(labels); node; node = node->next) {
		struct json at = json_element(labels, node, i++);
		const char *value = json_string(&at);

		ARRAY_PUSH(&list, ((struct selector_label){node->string, value ? value : ""}));
	}
	is_matching = selector_matches(selector, list.items, list.len);
	ARRAY_FINI(&list);
	return is_matching;
}

/* The service of a slice or Endpoints object, and when its last change began. */
static void decode_owner(struct object *object, const struct json *metadata)
{
	struct json labels = json_member(metadata, "labels");
	struct json label = json_member(&labels, SERVICE_NAME);
	struct json annotations = json_member(metadata, "annotations");
	struct json trigger = json_member(&annotations, TRIGGER_TIME);
	const char *service = object->name;
	const char *time = json_string(&trigger);

	if (object->kind == OBJECT_SLICE)
		service = json_string(&label);
	/* A label that no service can have is as good as none. */
	if (service && dns_label_is_1123(service, strlen(service)))
		snprintf(object->service, sizeof(object->service), "%.63s", service);
	if (time && timestamp_from_text(&object->trigger_unix_ms, time) != 0)
		object->trigger_unix_ms = 0; /* it only feeds a metric */
}

static void decode_content(struct object *object, const struct json *root,
			   const struct kube_source_config *config)
{
	switch (object->kind) {
	case OBJECT_SERVICE:
		object_decode_service(object, root);
		return;
	case OBJECT_SLICE:
		object_decode_slice(object, root, config->endpoint_pod_names);
		return;
	case OBJECT_ENDPOINTS:
		object_decode_endpoints(object, root, config->endpoint_pod_names);
		return;
	case OBJECT_POD:
		object_decode_pod(object, root);
		return;
	case OBJECT_NAMESPACE:
		return;
	}
}

static void decode_uid(struct object *object, const struct json *metadata)
{
	struct json uid_at = json_member(metadata, "uid");
	const char *uid = json_string(&uid_at);

	snprintf(object->uid, sizeof(object->uid), "%.63s", uid ? uid : "");
}

static enum object_outcome decode_root(struct object *object, const struct json *root,
				       const struct object_input *input,
				       const struct kube_source_config *config)
{
	enum object_outcome outcome = identify_kind(object, root, input);

	if (outcome != OBJECT_DECODED)
		return outcome;
	if (object->kind == OBJECT_POD && !config->wants_pods)
		return OBJECT_IGNORED;

	struct json metadata = json_member(root, "metadata");

	identify_name(object, &metadata);
	if (root->fault->is_set)
		return OBJECT_NAMELESS;
	if (!is_namespace_wanted(object, config))
		return OBJECT_IGNORED;
	check_name(object, &metadata);

	struct json labels = json_member(&metadata, "labels");
	bool is_namespace = object->kind == OBJECT_NAMESPACE;

	object->is_hidden =
		!is_selected(is_namespace ? config->namespace_labels : config->labels, &labels);
	if (object->kind == OBJECT_SLICE || object->kind == OBJECT_ENDPOINTS)
		decode_owner(object, &metadata);
	if (is_namespace)
		decode_uid(object, &metadata);
	if (!object->is_hidden)
		decode_content(object, root, config);
	return root->fault->is_set ? OBJECT_BROKEN : OBJECT_DECODED;
}

enum object_outcome object_decode_tree(struct object *object, const cJSON *tree,
				       const struct object_input *input,
				       const struct kube_source_config *config, struct text *why)
{
	struct text content = object->content, left_out = object->left_out;
	struct arena memory = object->tree;
	struct json_fault fault = {.why = why, .left_out = &object->left_out};
	struct json root = json_root(tree, &fault);

	content.len = left_out.len = 0;
	*object = (struct object){.content = content, .left_out = left_out, .tree = memory};

	enum object_outcome outcome = decode_root(object, &root, input, config);

	object->n_left_out = fault.n_left_out;
	return outcome;
}

enum object_outcome object_decode(struct object *object, const struct object_input *input,
				  const struct kube_source_config *config, struct text *why,
				  size_t *fault_offset)
{
	const char *end = input->bytes;
	const cJSON *tree;

	arena_reset(&object->tree);
	tree = json_parse(&object->tree, input->bytes, input->len, &end);
	if (!tree) {
		*fault_offset = (size_t)(end - input->bytes);
		return OBJECT_NOT_JSON;
	}
	return object_decode_tree(object, tree, input, config, why);
}
