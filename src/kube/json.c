/* SPDX-License-Identifier: Apache-2.0
 *
 * Places in a JSON tree, and how they are told.
 */
#include "json.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>

/*
 * cJSON's allocator has no argument: this is where the tree goes that the thread is just parsing.
 * Outside of json_parse it is NULL, and memory comes from malloc.
 */
/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables) */
static _Thread_local struct arena *parsing;

static void *allocate(size_t size)
{
	return parsing ? arena_alloc(parsing, size) : malloc(size);
}

static void release(void *memory)
{
	if (!parsing)
		free(memory);
}

static void set_allocator(void)
{
	cJSON_Hooks hooks = {allocate, release};

	cJSON_InitHooks(&hooks);
}

const cJSON *json_parse(struct arena *arena, const char *bytes, size_t len, const char **end)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const cJSON *tree;

	CHECK(pthread_once(&once, set_allocator) == 0);
	parsing = arena;
	tree = cJSON_ParseWithLengthOpts(bytes, len, end, 0);
	parsing = NULL;
	return tree;
}

struct json json_root(const cJSON *tree, struct json_fault *fault)
{
	return (struct json){.node = tree, .fault = fault};
}

static void tell_path(const struct json *at, struct text *out)
{
	if (!at->above)
		return;
	tell_path(at->above, out);
	if (!at->key)
		text_printf(out, "[%u]", at->index);
	else
		text_printf(out, "%s%.64s", at->above->above ? "." : "", at->key);
}

void json_fail(const struct json *at, const char *format, ...)
{
	va_list args;

	if (at->fault->is_set)
		return;
	at->fault->is_set = true;
	if (!at->fault->why)
		return;
	tell_path(at, at->fault->why);
	text_puts(at->fault->why, at->above ? ": " : "");
	va_start(args, format);
	text_vprintf(at->fault->why, format, args);
	va_end(args);
}

/* Is there something to read here? */
static bool is_there(const struct json *at)
{
	return at->node && !cJSON_IsNull(at->node) && !at->fault->is_set;
}

struct json json_member(const struct json *above, const char *key)
{
	struct json member = {.above = above, .key = key, .fault = above->fault};

	if (!is_there(above))
		return member;
	if (!cJSON_IsObject(above->node)) {
		json_fail(above, "not an object");
		return member;
	}
	member.node = cJSON_GetObjectItemCaseSensitive(above->node, key);
	if (cJSON_IsNull(member.node))
		member.node = NULL;
	return member;
}

const cJSON *json_first(const struct json *list)
{
	if (!is_there(list))
		return NULL;
	if (!cJSON_IsArray(list->node)) {
		json_fail(list, "not a list");
		return NULL;
	}
	return list->node->child;
}

const cJSON *json_first_member(const struct json *object)
{
	if (!is_there(object))
		return NULL;
	if (!cJSON_IsObject(object->node)) {
		json_fail(object, "not an object");
		return NULL;
	}
	return object->node->child;
}

struct json json_element(const struct json *list, const cJSON *node, unsigned index)
{
	return (struct json){
		.node = node,
		.above = list,
		.key = cJSON_IsObject(list->node) ? node->string : NULL,
		.index = index,
		.fault = list->fault,
	};
}

struct json json_part(const struct json *list, const cJSON *node, unsigned index,
		      struct json_fault *part)
{
	const struct json_fault *whole = list->fault;
	struct json at = json_element(list, node, index);

	*part = (struct json_fault){.why = whole->n_left_out == 0 ? whole->left_out : NULL};
	at.fault = part;
	return at;
}

bool json_end_part(const struct json *list, const struct json_fault *part)
{
	list->fault->n_left_out += part->is_set;
	return !part->is_set;
}

void json_fail_parts(struct json_fault *fault)
{
	if (fault->is_set)
		return;
	fault->is_set = true;
	text_append(fault->why, fault->left_out->bytes, fault->left_out->len);
}

const char *json_string(const struct json *at)
{
	if (!is_there(at))
		return NULL;
	if (!cJSON_IsString(at->node)) {
		json_fail(at, "not a string");
		return NULL;
	}
	return at->node->valuestring;
}

bool json_bool(const struct json *at, bool absent)
{
	if (!is_there(at))
		return absent;
	if (!cJSON_IsBool(at->node)) {
		json_fail(at, "neither true nor false");
		return absent;
	}
	return cJSON_IsTrue(at->node);
}

uint32_t json_number(const struct json *at, uint32_t min, uint32_t max)
{
	if (!is_there(at))
		return 0;
	if (!cJSON_IsNumber(at->node)) {
		json_fail(at, "not a number");
		return 0;
	}

	double value = at->node->valuedouble;

	/* Written so that NaN is refused too. */
	if (!(value >= min && value <= max) || value != (double)(uint32_t)value) {
		json_fail(at, "not a whole number from %u to %u: %g", min, max, value);
		return 0;
	}
	return (uint32_t)value;
}
