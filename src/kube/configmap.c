/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings and lists of strings out of JSON text. The tree and what is made of it live in the
 * caller's arena; the size of the text bounds both.
 */
#include "kube/configmap.h"

#include <errno.h>
#include <string.h>

#include "json.h"

/* Where `at` is in the text, as an editor counts. */
static void tell_place(const struct text *json, const char *at, struct text *why)
{
	unsigned line = 1, column = 1;

	for (const char *p = json->bytes; p < at; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	text_printf(why, "line %u, column %u: ", line, column);
}

/* The tree; NULL, with the reason, when the text is not one value of JSON. */
static const cJSON *parse(struct arena *arena, const struct text *json, struct text *why)
{
	const char *end, *last = json->bytes + json->len;
	const cJSON *tree;

	if (json->len == 0) {
		text_puts(why, "empty, which is not JSON");
		return NULL;
	}
	/* In a string they would end it before its end. */
	if (memchr(json->bytes, 0, json->len) || memmem(json->bytes, json->len, "\\u0000", 6)) {
		text_puts(why, "has an octet 0");
		return NULL;
	}
	tree = json_parse(arena, json->bytes, json->len, &end);
	if (!tree) {
		tell_place(json, end, why);
		text_puts(why, "not JSON");
		return NULL;
	}
	while (end < last && strchr(" \t\r\n", *end))
		end++;
	if (end < last) {
		tell_place(json, end, why);
		text_puts(why, "something follows the value");
		return NULL;
	}
	return tree;
}

static size_t count(const cJSON *first)
{
	size_t n = 0;

	for (const cJSON *node = first; node; node = node->next)
		n++;
	return n;
}

static struct kube_strings read_strings(struct arena *arena, const struct json *list)
{
	const cJSON *first = json_first(list);
	const char **items = arena_alloc(arena, (count(first) + 1) * sizeof(*items));
	unsigned n = 0;

	for (const cJSON *node = first; node; node = node->next, n++) {
		struct json element = json_element(list, node, n);

		items[n] = json_string(&element);
		if (!items[n])
			json_fail(&element, "not a string");
	}
	return (struct kube_strings){items, n};
}

int kube_json_strings(struct kube_strings *strings, struct arena *arena, const struct text *json,
		      struct text *why)
{
	struct json_fault fault = {.why = why};
	const cJSON *tree = parse(arena, json, why);
	struct json root = json_root(tree, &fault);
	struct kube_strings found;

	if (!tree)
		return -EINVAL;
	found = read_strings(arena, &root);
	if (fault.is_set)
		return -EINVAL;
	*strings = found;
	return 0;
}

int kube_json_string_lists(struct kube_string_lists *lists, struct arena *arena,
			   const struct text *json, struct text *why)
{
	struct json_fault fault = {.why = why};
	const cJSON *tree = parse(arena, json, why);
	struct json root = json_root(tree, &fault);
	struct kube_string_lists found = {0};
	const cJSON *first;

	if (!tree)
		return -EINVAL;
	first = json_first_member(&root);
	found.items = arena_alloc(arena, (count(first) + 1) * sizeof(*found.items));
	for (const cJSON *node = first; node; node = node->next) {
		struct json member = json_element(&root, node, 0);

		found.items[found.n].name = node->string;
		found.items[found.n++].strings = read_strings(arena, &member);
	}
	if (fault.is_set)
		return -EINVAL;
	*lists = found;
	return 0;
}
