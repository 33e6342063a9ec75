/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON that the values of kube-dns's ConfigMap are: a list of strings, or lists of strings by
 * name. It is read here because this is the module that has a JSON library. What a string means is
 * the caller's concern. Any thread.
 */
#ifndef KANAME_KUBE_CONFIGMAP_H
#define KANAME_KUBE_CONFIGMAP_H

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

struct kube_strings {
	const char *const *items; /* in the arena, as all below */
	size_t n;
};

struct kube_named_strings {
	const char *name;
	struct kube_strings strings;
};

struct kube_string_lists {
	struct kube_named_strings *items; /* in the order of the text; a name may come twice */
	size_t n;
};

/*
 * json is the whole value, which null makes empty, as in Go. 0, or -EINVAL with place and cause
 * appended to *why ("line 2, column 5: not JSON", "acme.local[1]: not a string"); *strings and
 * *lists are then as they were. No string has an octet 0 in it.
 */
MUST_USE int kube_json_strings(struct kube_strings *strings, struct arena *arena,
			       const struct text *json, struct text *why);
MUST_USE int kube_json_string_lists(struct kube_string_lists *lists, struct arena *arena,
				    const struct text *json, struct text *why);

#endif
