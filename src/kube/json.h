/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed access to one parsed JSON object, with a sticky fault that names the place:
 * "spec.ports[2].port: not a number". A struct json is a place in the tree: a member or element
 * that may be absent. null counts as absent everywhere, as in Go. After the first fault everything
 * reads as absent, and the caller asks once at the end.
 *
 * A place points to the place above it, so it must not outlive the block that holds that one. One
 * thread at a time.
 */
#ifndef KANAME_KUBE_JSON_H
#define KANAME_KUBE_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Parses bytes[0..len) into a tree that lives in the arena, with no allocation of its own: it is
 * never given to cJSON_Delete, and is gone with arena_reset. NULL when it is no JSON; *end is then
 * where.
 */
const cJSON *json_parse(struct arena *arena, const char *bytes, size_t len, const char **end);

struct json_fault {
	struct text *why; /* borrowed: "path: reason" is appended; NULL: nobody reads it */
	bool is_set;
	struct text *left_out; /* borrowed: the first fault of a part that is left out */
	uint32_t n_left_out;
};

struct json {
	const cJSON *node;	  /* borrowed from the tree; NULL: absent */
	const struct json *above; /* NULL: the root */
	const char *key;	  /* NULL: an element of a list */
	unsigned index;
	struct json_fault *fault;
};

struct json json_root(const cJSON *tree, struct json_fault *fault);

/* The member of an object. A fault if `above` is there and is no object. */
struct json json_member(const struct json *above, const char *key);

/* Elements of a list, or members of an object: for (node = json_first(&list); node; node =
 * node->next) ... json_element(&list, node, i). A fault if `list` is there and is no list (no
 * object). */
const cJSON *json_first(const struct json *list);
const cJSON *json_first_member(const struct json *object);
struct json json_element(const struct json *list, const cJSON *node, unsigned index);

/*
 * An element that may be bad without spoiling the whole: its faults are its own. After
 * json_end_part, which returns whether the part is sound, `part` is done with.
 */
struct json json_part(const struct json *list, const cJSON *node, unsigned index,
		      struct json_fault *part);
bool json_end_part(const struct json *list, const struct json_fault *part);

/* So much is left out that the whole is at fault. */
void json_fail_parts(struct json_fault *fault);

/* Absent gives NULL, or what is said; another type is a fault. Borrowed from the tree. */
const char *json_string(const struct json *at);
bool json_bool(const struct json *at, bool absent);
/* A whole number min..max; absent gives 0. */
uint32_t json_number(const struct json *at, uint32_t min, uint32_t max);

/* The first fault: at this place. */
__attribute__((format(printf, 2, 3))) void json_fail(const struct json *at, const char *format,
						     ...);

#endif
