/* SPDX-License-Identifier: Apache-2.0
 *
 * A refresh that has to read makes a second access beside the first one, looks whether the files
 * have changed meanwhile (then it is a mix of old and new, and is made again), and swaps:
 *
 *     still the same -> done
 *     else gather -> changed meanwhile? -> gather ... -> equal? keep the old : swap, generation++
 */
#include "access.h"

#include <errno.h>
#include <string.h>

#include "endpoint.h"
#include "kubeconfig.h"

#define GATHER_TRIES 3

void access_machine_read(struct access_machine *machine)
{
	machine->service_host = getenv("KUBERNETES_SERVICE_HOST");
	machine->service_port = getenv("KUBERNETES_SERVICE_PORT");
	machine->service_account = ACCESS_SERVICE_ACCOUNT;
}

void access_init(struct access *access, const struct kube_access_config *config,
		 const struct access_machine *machine)
{
	*access = (struct access){.config = config, .machine = *machine};
}

void access_fini(struct access *access)
{
	free(access->server);
	free(access->host_label);
	free(access->tls_server_name);
	blob_free_string(access->proxy_url);
	blob_free_string(access->authorization);
	blob_fini(&access->ca);
	blob_fini(&access->cert);
	blob_fini(&access->key);
	for (size_t i = 0; i < access->inputs.n_files; i++)
		free(access->inputs.files[i].path);
	free(access->inputs.token_path);
	*access = (struct access){0};
}

/* ---- files ---- */

/* `path`, where a relative one starts at the folder that `file` lies in; owned. */
static char *path_beside(const char *file, const char *path)
{
	const char *slash = path[0] != '/' ? strrchr(file, '/') : NULL;
	struct text joined = {0};

	text_printf(&joined, "%.*s%s", slash ? (int)(slash + 1 - file) : 0, file, path);
	return joined.bytes;
}

/* Reads a file of the access, and keeps its version. Takes `path`. */
static int read_file(struct access *access, const char *what, char *path, struct blob *blob,
		     struct text *why)
{
	struct access_inputs *inputs = &access->inputs;
	struct access_file *file = &inputs->files[inputs->n_files];

	CHECK(inputs->n_files < ACCESS_FILES_MAX);
	*file = (struct access_file){.path = path};
	inputs->n_files++;
	return blob_read(blob, &(struct blob_file){what, path, BLOB_FILE_MAX}, &file->version, why);
}

/* Likewise, of PEM. */
static int read_pem(struct access *access, const char *what, char *path, struct blob *blob,
		    struct text *why)
{
	int error = read_file(access, what, path, blob, why);

	if (error == 0 && !blob_is_pem(blob)) {
		text_printf(why, "%s %s: is no PEM", what, path);
		error = -EINVAL;
	}
	return error;
}

/* The header's value of a token; owned. */
static char *to_bearer(const struct blob *token)
{
	static const char scheme[] = "Bearer ";
	char *value = mem_alloc(sizeof(scheme) + token->len);

	memcpy(value, scheme, sizeof(scheme) - 1);
	memcpy(value + sizeof(scheme) - 1, token->bytes, token->len + 1);
	return value;
}

/* The same of the token that its file has now. */
static int read_token(const char *path, char **authorization, struct text *why)
{
	struct blob token = {0};
	struct blob_version version;
	struct text cause = {0};
	int error = blob_read(&token, &(struct blob_file){"token", path, BLOB_TOKEN_MAX}, &version,
			      why);

	if (error == 0 && blob_trim_token(&token, &cause) != 0) {
		text_printf(why, "token %s: %s", path, cause.bytes);
		error = -EINVAL;
	}
	if (error == 0)
		*authorization = to_bearer(&token);
	text_fini(&cause);
	blob_fini(&token);
	return error;
}

/* Takes `path`. */
static int take_token(struct access *access, char *path, struct text *why)
{
	access->inputs.token_path = path;
	return read_token(path, &access->authorization, why);
}

static bool is_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Is the token's file what it was? An error is none of its business: reading again tells it. */
static bool is_same_token(const struct access *access)
{
	char *authorization = NULL;
	struct text why = {0};
	bool is_same;

	if (!access->inputs.token_path)
		return true;
	is_same = read_token(access->inputs.token_path, &authorization, &why) == 0 &&
		  is_equal(authorization, access->authorization);
	blob_free_string(authorization);
	text_fini(&why);
	return is_same;
}

static bool is_stale(const struct access *access)
{
	for (size_t i = 0; i < access->inputs.n_files; i++) {
		const struct access_file *file = &access->inputs.files[i];

		if (!blob_is_version(file->path, &file->version))
			return true;
	}
	return !is_same_token(access);
}

/* ---- in a pod ---- */

static int take_endpoint(struct access *access, const char *url, bool is_tls, struct text *why)
{
	struct endpoint endpoint = {0};
	int error = endpoint_read(&endpoint, url, is_tls, why);

	if (error != 0)
		return error;
	access->server = endpoint.server;
	access->host_label = endpoint.label;
	return 0;
}

static int take_pod_server(struct access *access, const char *host, const char *port,
			   struct text *why)
{
	struct text url = {0}, cause = {0};
	int error;

	text_printf(&url, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	error = take_endpoint(access, url.bytes, true, &cause);
	if (error != 0)
		text_printf(why, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: %s",
			    cause.bytes);
	text_fini(&url);
	text_fini(&cause);
	return error;
}

static char *service_account_path(const struct access *access, const char *name)
{
	struct text path = {0};

	text_printf(&path, "%s/%s", access->machine.service_account, name);
	return path.bytes;
}

static bool is_in_pod(const struct access_machine *machine)
{
	return machine->service_host && *machine->service_host && machine->service_port &&
	       *machine->service_port;
}

static int gather_pod(struct access *access, struct text *why)
{
	const char *host = access->machine.service_host, *port = access->machine.service_port;
	int error;

	if (!is_in_pod(&access->machine)) {
		text_puts(why,
			  "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, as "
			  "they are in a pod: give `endpoint`, `kubeconfig` or `objects`");
		return -EINVAL;
	}
	error = take_pod_server(access, host, port, why);
	if (error == 0)
		error = read_pem(access, "CA", service_account_path(access, "ca.crt"), &access->ca,
				 why);
	if (error == 0)
		error = take_token(access, service_account_path(access, "token"), why);
	return error;
}

/* ---- endpoint and tls ---- */

static int gather_endpoint(struct access *access, struct text *why)
{
	const struct kube_access_config *config = access->config;
	struct text cause = {0};
	int error =
		take_endpoint(access, config->endpoint, config->tls_ca || config->tls_cert, &cause);

	CHECK(!config->tls_cert == !config->tls_key);
	if (error != 0)
		text_printf(why, "endpoint: %s", cause.bytes);
	text_fini(&cause);
	if (error == 0 && config->tls_ca)
		error = read_pem(access, "CA", strdup(config->tls_ca), &access->ca, why);
	if (error == 0 && config->tls_cert)
		error = read_pem(access, "certificate", strdup(config->tls_cert), &access->cert,
				 why);
	if (error == 0 && config->tls_key)
		error = read_pem(access, "key", strdup(config->tls_key), &access->key, why);
	return error;
}

/* ---- kubeconfig ---- */

/* The data, or what is in the file. */
static int take_pem(struct access *access, const char *what, struct kubeconfig_pem *pem,
		    struct blob *blob, struct text *why)
{
	if (pem->path)
		return read_pem(access, what, path_beside(access->config->kubeconfig, pem->path),
				blob, why);
	*blob = pem->data;
	pem->data = (struct blob){0};
	return 0;
}

static int take_user(struct access *access, struct kubeconfig *kubeconfig, struct text *why)
{
	int error = take_pem(access, "certificate", &kubeconfig->cert, &access->cert, why);

	if (error == 0)
		error = take_pem(access, "key", &kubeconfig->key, &access->key, why);
	if (error != 0)
		return error;
	if (kubeconfig->token_path)
		return take_token(access,
				  path_beside(access->config->kubeconfig, kubeconfig->token_path),
				  why);
	if (kubeconfig->token.len > 0)
		access->authorization = to_bearer(&kubeconfig->token);
	else if (kubeconfig->basic.len > 0)
		access->authorization = blob_to_base64("Basic ", &kubeconfig->basic);
	return 0;
}

static int take_kubeconfig(struct access *access, struct kubeconfig *kubeconfig, struct text *why)
{
	access->server = kubeconfig->endpoint.server;
	access->host_label = kubeconfig->endpoint.label;
	access->tls_server_name = kubeconfig->tls_server_name;
	access->proxy_url = kubeconfig->proxy_url;
	access->is_insecure = kubeconfig->is_insecure;
	kubeconfig->endpoint = (struct endpoint){0};
	kubeconfig->tls_server_name = kubeconfig->proxy_url = NULL;

	int error = take_pem(access, "CA", &kubeconfig->ca, &access->ca, why);

	return error == 0 ? take_user(access, kubeconfig, why) : error;
}

static int gather_kubeconfig(struct access *access, struct text *why)
{
	const struct kube_access_config *config = access->config;
	struct kubeconfig kubeconfig = {0};
	struct blob file = {0};
	struct text cause = {0};
	int error = read_file(access, "kubeconfig", strdup(config->kubeconfig), &file, why);

	if (error == 0) {
		error = kubeconfig_read(&kubeconfig, &file, config->context, &cause);
		if (error != 0)
			text_printf(why, "kubeconfig %s: %s", config->kubeconfig, cause.bytes);
	}
	if (error == 0)
		error = take_kubeconfig(access, &kubeconfig, why);
	kubeconfig_fini(&kubeconfig);
	blob_fini(&file);
	text_fini(&cause);
	return error;
}

/* ---- refreshing ---- */

/* The server that stands in place of the one that was gathered, if any. */
static int take_server(struct access *access, struct text *why)
{
	struct text cause = {0};
	int error;

	free(access->server);
	free(access->host_label);
	access->server = access->host_label = NULL;
	error = take_endpoint(access, access->config->server, access->ca.len > 0, &cause);
	if (error != 0)
		text_printf(why, "server: %s", cause.bytes);
	text_fini(&cause);
	return error;
}

static int gather(struct access *access, struct text *why)
{
	const struct kube_access_config *config = access->config;
	int error = 0;

	if (config->kubeconfig)
		error = gather_kubeconfig(access, why);
	else if (config->endpoint)
		error = gather_endpoint(access, why);
	else if (!config->server || is_in_pod(&access->machine))
		error = gather_pod(access, why);
	return error == 0 && config->server ? take_server(access, why) : error;
}

/* Do both give a client the same? */
static bool is_same(const struct access *a, const struct access *b)
{
	return is_equal(a->server, b->server) && is_equal(a->tls_server_name, b->tls_server_name) &&
	       is_equal(a->proxy_url, b->proxy_url) &&
	       is_equal(a->authorization, b->authorization) && blob_equal(&a->ca, &b->ca) &&
	       blob_equal(&a->cert, &b->cert) && blob_equal(&a->key, &b->key) &&
	       a->is_insecure == b->is_insecure;
}

/* Exchanges what has changed; what is of no use any more is in *next afterwards. */
static void adopt(struct access *access, struct access *next)
{
	struct access old = *access;

	if (is_same(access, next)) {
		access->inputs = next->inputs;
		next->inputs = old.inputs;
		return;
	}
	next->generation = old.generation + 1;
	*access = *next;
	*next = old;
}

int access_refresh(struct access *access, bool is_forced, struct text *why)
{
	struct access next = {0};
	int error;

	if (!is_forced && access->generation > 0 && !is_stale(access))
		return 0;
	for (unsigned tries = 1;; tries++) {
		access_init(&next, access->config, &access->machine);
		error = gather(&next, why);
		if (error != 0 || tries == GATHER_TRIES || !is_stale(&next))
			break;
		access_fini(&next);
	}
	if (error == 0)
		adopt(access, &next);
	access_fini(&next);
	return error;
}
