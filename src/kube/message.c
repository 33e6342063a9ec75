/* SPDX-License-Identifier: Apache-2.0
 *
 * All of it is read through json.h; a fault makes the whole unreadable.
 */
#include "message.h"

#include <errno.h>
#include <string.h>

#include "json.h"

#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

static const char *member_string(const struct json *above, const char *key)
{
	struct json at = json_member(above, key);

	return json_string(&at);
}

/* ---- Status ---- */

static void copy_cut(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

/* kube-apiserver says it in a cause since 1.18, and in words. */
static bool tells_too_large(const struct json *details, const char *message)
{
	struct json causes = json_member(details, "causes");
	unsigned i = 0;

	for (const cJSON *node = json_first(&causes); node; node = node->next) {
		struct json cause = json_element(&causes, node, i++);
		const char *reason = member_string(&cause, "reason");

		if (reason && strcmp(reason, "ResourceVersionTooLarge") == 0)
			return true;
	}
	return message && strstr(message, "Too large resource version");
}

static void read_status(struct message_status *status, const struct json *root)
{
	struct json code = json_member(root, "code");
	struct json details = json_member(root, "details");
	struct json retry = json_member(&details, "retryAfterSeconds");
	const char *message = member_string(root, "message");

	*status = (struct message_status){.code = json_number(&code, 0, 999)};
	copy_cut(status->reason, sizeof(status->reason), member_string(root, "reason"));
	copy_cut(status->message, sizeof(status->message), message);
	status->is_too_large = tells_too_large(&details, message);
	status->retry_after_s = json_number(&retry, 0, UINT32_MAX);
}

/* Whatever a proxy or an old API server writes: its first line. */
static void read_words(struct message_status *status, const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && n < sizeof(status->message) - 1 && bytes[n] != '\n' && bytes[n] != '\0')
		n++;
	memcpy(status->message, bytes, n);
	status->message[n] = '\0';
}

void message_decode_status(struct message_status *status, const char *bytes, size_t len)
{
	cJSON *tree = cJSON_ParseWithLength(bytes, len);
	struct json_fault fault = {0};
	struct json root = json_root(tree, &fault);
	const char *kind;

	*status = (struct message_status){0};
	kind = member_string(&root, "kind");
	if (kind && strcmp(kind, "Status") == 0)
		read_status(status, &root);
	else if (len > 0)
		read_words(status, bytes, len);
	cJSON_Delete(tree);
}

/* ---- events ---- */

/* "" and a fault when it is too long. */
static void read_version(char *version, const struct json *metadata)
{
	struct json at = json_member(metadata, "resourceVersion");
	const char *text = json_string(&at);

	if (text && strlen(text) > MESSAGE_VERSION_MAX)
		json_fail(&at, "over %d characters", MESSAGE_VERSION_MAX);
	else
		copy_cut(version, MESSAGE_VERSION_MAX + 1, text);
}

static void read_bookmark(struct message_event *event, const struct json *metadata)
{
	struct json annotations = json_member(metadata, "annotations");
	const char *end = member_string(&annotations, INITIAL_EVENTS_END);

	event->type = MESSAGE_BOOKMARK;
	event->is_initial_end = end && strcmp(end, "true") == 0;
}

static void read_event(struct message_event *event, const struct json *root, struct text *why)
{
	struct json object = json_member(root, "object");
	struct json metadata = json_member(&object, "metadata");
	struct json type_at = json_member(root, "type");
	const char *type = json_string(&type_at);

	if (!type)
		json_fail(&type_at, "missing");
	else if (!object.node)
		json_fail(&object, "missing");
	if (root->fault->is_set || !type)
		return;
	event->type = MESSAGE_UNKNOWN;
	if (strcmp(type, "ERROR") == 0) {
		event->type = MESSAGE_ERROR;
		read_status(&event->status, &object);
		return;
	}
	read_version(event->version, &metadata);
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		event->type = MESSAGE_PUT;
	else if (strcmp(type, "DELETED") == 0)
		event->type = MESSAGE_DELETED;
	else if (strcmp(type, "BOOKMARK") == 0)
		read_bookmark(event, &metadata);
	else
		text_printf(why, "an event of type \"%.64s\"", type);
}

void message_decode_event(struct message_event *event, struct object *object,
			  const struct object_input *like, const struct kube_source_config *config,
			  struct text *why)
{
	const char *end;
	const cJSON *tree;
	struct json_fault fault = {.why = why};
	struct json root;

	arena_reset(&object->tree);
	tree = json_parse(&object->tree, like->bytes, like->len, &end);
	root = json_root(tree, &fault);
	*event = (struct message_event){.type = MESSAGE_BROKEN, .outcome = OBJECT_NAMELESS};
	if (!tree)
		text_puts(why, "not JSON");
	else
		read_event(event, &root, why);
	if (fault.is_set)
		event->type = MESSAGE_BROKEN;
	if (event->type == MESSAGE_PUT || event->type == MESSAGE_DELETED)
		event->outcome =
			object_decode_tree(object, cJSON_GetObjectItemCaseSensitive(tree, "object"),
					   like, config, why);
}

/* ---- lists and groups ---- */

int message_decode_list(struct message_list *list, const char *bytes, size_t len, struct text *why)
{
	cJSON *tree = cJSON_ParseWithLength(bytes, len);
	struct json_fault fault = {.why = why};
	struct json root = json_root(tree, &fault);
	struct json token_at = json_member(&root, "continue");
	const char *token = json_string(&token_at);

	list->token.len = 0;
	read_version(list->version, &root);
	if (token && strlen(token) > MESSAGE_CONTINUE_MAX)
		json_fail(&token_at, "over %d characters", MESSAGE_CONTINUE_MAX);
	else if (!fault.is_set && !*list->version)
		json_fail(&root, "the list has no resourceVersion");
	else if (token)
		text_puts(&list->token, token);
	cJSON_Delete(tree);
	return fault.is_set ? -EINVAL : 0;
}

int message_group_has(const char *bytes, size_t len, const char *api_version)
{
	cJSON *tree = cJSON_ParseWithLength(bytes, len);
	struct json_fault fault = {0};
	struct json root = json_root(tree, &fault);
	const char *kind = member_string(&root, "kind");
	struct json versions = json_member(&root, "versions");
	unsigned i = 0;
	int found = 0;

	if (!kind || strcmp(kind, "APIGroup") != 0)
		found = -EINVAL;
	for (const cJSON *node = json_first(&versions); node && found == 0; node = node->next) {
		struct json version = json_element(&versions, node, i++);
		const char *text = member_string(&version, "groupVersion");

		if (text && strcmp(text, api_version) == 0)
			found = 1;
	}
	cJSON_Delete(tree);
	return fault.is_set ? -EINVAL : found;
}

int message_decode_probe(struct message_probe *probe, const char *bytes, size_t len)
{
	cJSON *tree = cJSON_ParseWithLength(bytes, len);
	struct json_fault fault = {0};
	struct json root = json_root(tree, &fault);
	struct json metadata = json_member(&root, "metadata");
	struct json items = json_member(&root, "items");
	const cJSON *first = json_first(&items);
	bool is_list;

	*probe = (struct message_probe){0};
	read_version(probe->version, &metadata);
	if (first) {
		struct json item = json_element(&items, first, 0);
		struct json item_metadata = json_member(&item, "metadata");

		copy_cut(probe->uid, sizeof(probe->uid), member_string(&item_metadata, "uid"));
	}
	is_list = tree && !fault.is_set;
	cJSON_Delete(tree);
	return is_list ? 0 : -EINVAL;
}
