/* SPDX-License-Identifier: Apache-2.0
 *
 * kube-dns's ConfigMap as a folder: `stubDomains`, `upstreamNameservers` and `federations`, checked
 * as kube-dns checks them. Other keys have no effect, hidden files (`..data`) are none. Main
 * thread.
 */
#ifndef KANAME_CONFIG_KUBEDNS_MAP_H
#define KANAME_CONFIG_KUBEDNS_MAP_H

#include "config/machine.h"
#include "kube/configmap.h"
#include "problem.h"

#define STUBS_MAX 1000

#define N_KUBEDNS_KEYS 3
extern const char *const kubedns_keys[N_KUBEDNS_KEYS];

struct kubedns_stub {
	const char *domain;
	struct dns_name name;	     /* of the domain */
	struct kube_strings servers; /* as `forward` takes them; one at least */
};

struct kubedns_map {		    /* all of it in the arena */
	struct kubedns_stub *stubs; /* distinct, the longest first */
	size_t n_stubs;
	struct kube_strings upstreams; /* none: the node's */
};

/* What is needed to read one. */
struct kubedns_reader {
	const struct config_machine *machine;
	struct arena *arena;
	struct problems *problems;
	struct text *notes;
};

/* Reads the folder. What is wrong goes to the problems. */
void kubedns_map_read(struct kubedns_map *map, const char *folder,
		      const struct kubedns_reader *reader);

/* Why `text` cannot be a server: an address with or without port, or, where a host may be, a host
 * name. NULL: it can. */
const char *kubedns_server_fault(const char *text, bool is_host_allowed);

/* Is it a DNS-1123 subdomain? */
bool kubedns_is_subdomain(const char *text);

/* Why these are no federations, NAME=DOMAIN with commas between; NULL: they are, or none. */
const char *kubedns_federations_fault(const char *text);

#define KUBEDNS_FEDERATIONS_NOTE "cluster federation is gone; its names do not exist here"

#endif
