/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing and copying a source's configuration.
 */
#include "source.h"

#include <string.h>

static bool is_equal_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_equal_list(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	for (size_t i = 0; i < n_a && i < n_b; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return n_a == n_b;
}

static bool is_equal_access(const struct kube_access_config *a, const struct kube_access_config *b)
{
	return is_equal_text(a->endpoint, b->endpoint) && is_equal_text(a->tls_cert, b->tls_cert) &&
	       is_equal_text(a->tls_key, b->tls_key) && is_equal_text(a->tls_ca, b->tls_ca) &&
	       is_equal_text(a->kubeconfig, b->kubeconfig) &&
	       is_equal_text(a->context, b->context) && is_equal_text(a->server, b->server);
}

bool kube_source_equal(const struct kube_source_config *a, const struct kube_source_config *b)
{
	return a->is_api == b->is_api && is_equal_access(&a->access, &b->access) &&
	       a->startup_timeout_ms == b->startup_timeout_ms &&
	       is_equal_list(a->objects, a->n_objects, b->objects, b->n_objects) &&
	       is_equal_list(a->namespaces, a->n_namespaces, b->namespaces, b->n_namespaces) &&
	       is_equal_text(a->labels_text, b->labels_text) &&
	       is_equal_text(a->namespace_labels_text, b->namespace_labels_text) &&
	       a->noendpoints == b->noendpoints && a->endpoint_pod_names == b->endpoint_pod_names &&
	       a->ignore_empty_service == b->ignore_empty_service &&
	       a->wants_pods == b->wants_pods && a->has_minimal_rights == b->has_minimal_rights;
}

static const char *copy_text(const char *text, struct arena *arena)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

static const char *const *copy_list(const char *const *list, size_t n, struct arena *arena)
{
	const char **copy = arena_alloc(arena, (n + 1) * sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = copy_text(list[i], arena);
	return copy;
}

static void free_selector(void *what)
{
	kube_selector_free(what);
}

/* The text was parsed before, when it was read from the Corefile. */
static const struct kube_selector *copy_selector(const char *text, struct arena *arena)
{
	struct kube_selector *selector = NULL;
	struct text why = {0};

	if (!text)
		return NULL;
	CHECK(kube_selector_parse(&selector, text, &why) == 0);
	arena_on_end(arena, free_selector, selector);
	return selector;
}

const struct kube_source_config *source_copy(const struct kube_source_config *config,
					     struct arena *arena)
{
	struct kube_source_config *copy = arena_alloc(arena, sizeof(*copy));
	struct kube_access_config *access = &copy->access;

	*copy = *config;
	access->endpoint = copy_text(config->access.endpoint, arena);
	access->tls_cert = copy_text(config->access.tls_cert, arena);
	access->tls_key = copy_text(config->access.tls_key, arena);
	access->tls_ca = copy_text(config->access.tls_ca, arena);
	access->kubeconfig = copy_text(config->access.kubeconfig, arena);
	access->context = copy_text(config->access.context, arena);
	copy->objects = copy_list(config->objects, config->n_objects, arena);
	copy->namespaces = copy_list(config->namespaces, config->n_namespaces, arena);
	copy->labels_text = copy_text(config->labels_text, arena);
	copy->namespace_labels_text = copy_text(config->namespace_labels_text, arena);
	copy->labels = copy_selector(copy->labels_text, arena);
	copy->namespace_labels = copy_selector(copy->namespace_labels_text, arena);
	return copy;
}
