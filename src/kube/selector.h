/* SPDX-License-Identifier: Apache-2.0
 *
 * Does a label selector (kube/kube.h) match an object's labels? Any thread.
 */
#ifndef KANAME_KUBE_SELECTOR_H
#define KANAME_KUBE_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

struct kube_selector;

struct selector_label {
	const char *key, *value; /* borrowed */
};

/* A NULL selector matches everything. As in Kubernetes, != and notin also match where the key is
 * missing. */
bool selector_matches(const struct kube_selector *selector, const struct selector_label *labels,
		      size_t n_labels);

#endif
