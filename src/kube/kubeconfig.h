/* SPDX-License-Identifier: Apache-2.0
 *
 * A kubeconfig, in YAML or JSON: what one of its contexts says of a cluster and a user.
 *
 * Read as kubectl does, unknown keys ignored; refused is what kaname would have to run or cannot
 * do: exec and auth-provider plug-ins, impersonation. Aliases are refused, too, so that what is
 * read is never larger than the file; nesting and the number of entries are bounded. Any thread;
 * messages have the line, and no secret.
 */
#ifndef KANAME_KUBE_KUBECONFIG_H
#define KANAME_KUBE_KUBECONFIG_H

#include "blob.h"
#include "endpoint.h"

/* PEM from a file or from the kubeconfig itself; at most one of both, and data before the file. */
struct kubeconfig_pem {
	char *path; /* owned, as it stands there: relative to the kubeconfig's folder; or NULL */
	struct blob data;
};

/* Owned. NULL or empty: not given. */
struct kubeconfig {
	struct endpoint endpoint;
	char *tls_server_name;
	char *proxy_url; /* see endpoint_read_proxy */
	bool is_insecure;
	struct kubeconfig_pem ca, cert, key; /* cert and key: both or neither */
	struct blob token;		     /* without a token_path only */
	char *token_path;		     /* as it stands there */
	struct blob basic;		     /* "username:password", without a token only */
};

/* Reads the context of this name, or the current-context when `context` is NULL. 0, or -EINVAL with
 * the cause appended to *why and *kubeconfig empty. */
MUST_USE int kubeconfig_read(struct kubeconfig *kubeconfig, const struct blob *file,
			     const char *context, struct text *why);

/* Overwrites the secrets. Safe on a zeroed struct. */
void kubeconfig_fini(struct kubeconfig *kubeconfig);

#endif
