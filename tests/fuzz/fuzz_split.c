/* SPDX-License-Identifier: Apache-2.0
 *
 * The splitter: the same events whatever the chunks (whole, byte by byte, of three), every object
 * begins and ends with its braces at the place it tells, and a text that cJSON takes for one JSON
 * object is never refused, but for its limits.
 */
#include "../../src/kube/split.h"

#include <cjson/cJSON.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tell_event(const struct split *split, enum split_event event, const char *data,
		       struct text *out)
{
	const struct split_object *object = &split->object;

	if (event == SPLIT_OBJECT) {
		CHECK(object->len >= 2 && object->bytes[0] == '{');
		CHECK(object->bytes[object->len - 1] == '}');
		CHECK(memcmp(object->bytes, data + object->offset, object->len) == 0);
		text_printf(out, "object %d %lu %lu %zu\n", object->is_item,
			    (unsigned long)object->line, (unsigned long)object->offset,
			    object->len);
	} else if (event == SPLIT_DOCUMENT) {
		text_printf(out, "document %s|%s\n", split->kind, split->api_version);
	} else {
		text_printf(out, "error %lu %lu %s\n", (unsigned long)split->error.line,
			    (unsigned long)split->error.offset, split->error.why);
	}
}

/* All events in chunks of `step` bytes as text. Returns whether there was no error. */
static bool run(const char *data, size_t size, size_t step, struct text *out)
{
	struct split split = {0};
	enum split_event event = SPLIT_MORE;

	text_puts(out, "");
	for (size_t at = 0; at < size && event == SPLIT_MORE; at += step) {
		size_t n = step < size - at ? step : size - at;
		char *chunk = mem_alloc(n);

		memcpy(chunk, data + at, n);
		split_feed(&split, chunk, n);
		while ((event = split_next(&split)) != SPLIT_MORE) {
			tell_event(&split, event, data, out);
			if (event == SPLIT_ERROR)
				break;
		}
		free(chunk);
	}

	bool is_ok = split_end(&split);

	if (!is_ok && event == SPLIT_MORE)
		tell_event(&split, SPLIT_ERROR, data, out);
	split_fini(&split);
	return is_ok;
}

static unsigned depth_of(const cJSON *node)
{
	unsigned deepest = 0;

	for (const cJSON *child = node->child; child; child = child->next) {
		unsigned depth = depth_of(child);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* What is JSON by cJSON's standard, and none of what the splitter refuses by its own. */
static bool is_acceptable(const char *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	bool is_acceptable = false;
	cJSON *tree;

	memcpy(text, data, size);
	text[size] = '\0';
	/* cJSON takes any byte up to a space for white space, odd literals, and a byte order mark.
	 */
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || strchr("ntf+-.0123456789\xef", text[i])) {
			free(text);
			return false;
		}
	}
	tree = cJSON_ParseWithOpts(text, NULL, 1);
	if (tree && cJSON_IsObject(tree))
		is_acceptable = !cJSON_GetObjectItemCaseSensitive(tree, "items") &&
				depth_of(tree) < SPLIT_DEPTH_MAX;
	cJSON_Delete(tree);
	free(text);
	return is_acceptable;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	struct text whole = {0}, single = {0}, triple = {0};
	bool is_ok = run(data, size, size > 0 ? size : 1, &whole);

	CHECK(run(data, size, 1, &single) == is_ok && strcmp(whole.bytes, single.bytes) == 0);
	CHECK(run(data, size, 3, &triple) == is_ok && strcmp(whole.bytes, triple.bytes) == 0);
	CHECK(is_ok || !is_acceptable(data, size));
	text_fini(&whole);
	text_fini(&single);
	text_fini(&triple);
	return 0;
}
