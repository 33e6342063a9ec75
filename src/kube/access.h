/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the API server is and who kaname is there: from the pod's environment and its service
 * account, from `endpoint` and `tls`, or from a kubeconfig.
 *
 * access_refresh, before each new connection, looks at the files that this came from and takes over
 * all of what they say now, or nothing: an error leaves what was good in use, and the next refresh
 * tries again. `generation` tells whether anything is new, so that connections which were made
 * before can be given up.
 *
 * Reads files on the thread that calls, within bounds: regular files of at most 1 MiB, tokens of
 * 64 KiB, no waiting for a FIFO. The kube thread. No message contains a secret.
 */
#ifndef KANAME_KUBE_ACCESS_H
#define KANAME_KUBE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"
#include "blob.h"
#include "kube/kube.h"

#define ACCESS_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define ACCESS_FILES_MAX 4 /* kubeconfig, CA, certificate, key */

/* What a pod gives its containers. Borrowed strings. */
struct access_machine {
	const char *service_host;    /* KUBERNETES_SERVICE_HOST; NULL: not set */
	const char *service_port;    /* KUBERNETES_SERVICE_PORT */
	const char *service_account; /* the folder of ca.crt and token */
};

struct access_file {
	char *path; /* owned */
	struct blob_version version;
};

/* What an access was read from. */
struct access_inputs {
	struct access_file files[ACCESS_FILES_MAX];
	size_t n_files;
	char *token_path; /* owned; NULL: no token, or one in the kubeconfig */
};

struct access {
	/* What a client needs; all zero before the first refresh that succeeds. Owned, and the same
	 * pointers until `generation` changes. */
	char *server;	  /* "https://10.96.0.1:443", "http://a.test:80/prefix": no final slash */
	char *host_label; /* "10.96.0.1:443", "[fd00::1]:443": for metrics and messages */
	char *tls_server_name; /* in place of the server's host in its certificate and SNI, or NULL
				*/
	char *proxy_url;       /* as libcurl takes it: http://, https:// or socks5h://, or NULL */
	char *authorization;   /* the header's value: "Bearer ..." or "Basic ...", or NULL */
	struct blob ca;	       /* PEM; len 0: the system's */
	struct blob cert, key; /* PEM; both or neither */
	bool is_insecure;      /* the server's certificate is not verified */
	uint32_t generation;   /* raised whenever anything above has changed; 0: nothing yet */

	/* Private. */
	const struct kube_access_config *config; /* borrowed: outlives this */
	struct access_machine machine;
	struct access_inputs inputs;
};

/* Fills in the machine from the environment, which has to outlive it. Main thread. */
void access_machine_read(struct access_machine *machine);

void access_init(struct access *access, const struct kube_access_config *config,
		 const struct access_machine *machine);

/* Safe on a zeroed struct; overwrites the secrets. */
void access_fini(struct access *access);

/* Reads what has changed since the last refresh: the token's file always, the others when their
 * stat differs (so the swap of a volume's ..data symlink counts), and everything when `is_forced`:
 * after a 401, or a failed handshake. 0; or -errno, -EINVAL for what is there but wrong, with the
 * cause appended to *why, without a newline ("kubeconfig /x: line 12: ...", "token /y: No such file
 * or directory"); then everything stays as it was. */
MUST_USE int access_refresh(struct access *access, bool is_forced, struct text *why);

#endif
