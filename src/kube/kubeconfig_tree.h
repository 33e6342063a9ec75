/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a kubeconfig's YAML that is of use: the entries of its three lists, each with a name
 * and the fields that kubeconfig.c asks for. Any thread.
 */
#ifndef KANAME_KUBE_KUBECONFIG_TREE_H
#define KANAME_KUBE_KUBECONFIG_TREE_H

#include "base/array.h"
#include "blob.h"

#define KUBECONFIG_ENTRIES_MAX 1000 /* in a list */
#define KUBECONFIG_DEPTH_MAX 64
#define KUBECONFIG_WORD_MAX 4096

enum kubeconfig_list {
	KUBECONFIG_CLUSTERS,
	KUBECONFIG_CONTEXTS,
	KUBECONFIG_USERS,
};
#define KUBECONFIG_LISTS 3

enum kubeconfig_cluster_field {
	CLUSTER_SERVER,
	CLUSTER_CA,
	CLUSTER_CA_DATA,
	CLUSTER_INSECURE,
	CLUSTER_TLS_SERVER_NAME,
	CLUSTER_PROXY_URL,
};

enum kubeconfig_context_field {
	CONTEXT_CLUSTER,
	CONTEXT_USER,
};

enum kubeconfig_user_field {
	USER_CERT,
	USER_CERT_DATA,
	USER_KEY,
	USER_KEY_DATA,
	USER_TOKEN,
	USER_TOKEN_FILE,
	USER_USERNAME,
	USER_PASSWORD,
	USER_EXEC,
	USER_AUTH_PROVIDER,
	USER_AS,
	USER_AS_UID,
	USER_AS_GROUPS,
	USER_AS_USER_EXTRA,
};
#define KUBECONFIG_FIELDS_MAX 14

/* A text with its line; null, "" and empty collections are as good as absent: len 0. A field that
 * is only asked for being there has the text "...". */
struct kubeconfig_value {
	struct blob text; /* no NUL inside; control bytes in *-data and token only */
	unsigned line;	  /* 0: the key does not stand there */
};

struct kubeconfig_entry {
	struct kubeconfig_value name;
	struct kubeconfig_value fields[KUBECONFIG_FIELDS_MAX]; /* by the enum of its list */
};

struct kubeconfig_tree {
	struct kubeconfig_value current_context;
	ARRAY(struct kubeconfig_entry) lists[KUBECONFIG_LISTS];
};

/* 0, or -EINVAL with "line 3: cause" appended to *why; free the tree in either case. */
MUST_USE int kubeconfig_tree_read(struct kubeconfig_tree *tree, const struct blob *file,
				  struct text *why);
void kubeconfig_tree_fini(struct kubeconfig_tree *tree);

/* The key of a field: "certificate-authority". */
const char *kubeconfig_field_name(enum kubeconfig_list list, unsigned field);

/* NULL: there is none. */
struct kubeconfig_entry *kubeconfig_find(struct kubeconfig_tree *tree, enum kubeconfig_list list,
					 const char *name);

#endif
