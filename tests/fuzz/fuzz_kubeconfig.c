/* SPDX-License-Identifier: Apache-2.0
 *
 * A kubeconfig, its current-context and a context of a name: what is accepted is fit for a request,
 * and a second reading gives the same.
 */
#include "../../src/kube/kubeconfig.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text)
{
	for (; text && *text; text++)
		CHECK((unsigned char)*text >= ' ' && *text != 0x7f);
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void check_pem(const struct kubeconfig_pem *pem)
{
	CHECK(!pem->path || pem->data.len == 0);
	CHECK(pem->data.len == 0 || blob_is_pem(&pem->data));
	check_line(pem->path);
}

/* The server is an endpoint by itself, the same one. */
static void check_endpoint(const struct endpoint *endpoint)
{
	struct endpoint again = {0};
	struct text why = {0};

	check_line(endpoint->server);
	CHECK(endpoint_read(&again, endpoint->server, false, &why) == 0 && why.len == 0);
	CHECK(is_same(again.server, endpoint->server) && is_same(again.label, endpoint->label));
	CHECK(endpoint->server[strlen(endpoint->server) - 1] != '/');
	endpoint_fini(&again);
}

static void check_base64(const struct blob *blob)
{
	char *text = blob_to_base64("", blob);
	struct blob back = {0};

	CHECK(blob_from_base64(&back, text, strlen(text)) == 0 && blob_equal(&back, blob));
	blob_fini(&back);
	blob_free_string(text);
}

static void check_accepted(const struct kubeconfig *kubeconfig)
{
	const struct kubeconfig_pem *cert = &kubeconfig->cert, *key = &kubeconfig->key;

	check_endpoint(&kubeconfig->endpoint);
	check_pem(&kubeconfig->ca);
	check_pem(cert);
	check_pem(key);
	CHECK((cert->path || cert->data.len > 0) == (key->path || key->data.len > 0));
	CHECK(!kubeconfig->is_insecure || (!kubeconfig->ca.path && kubeconfig->ca.data.len == 0));
	CHECK((kubeconfig->token_path != NULL) + (kubeconfig->token.len > 0) +
		      (kubeconfig->basic.len > 0) <=
	      1);
	for (size_t i = 0; i < kubeconfig->token.len; i++)
		CHECK(kubeconfig->token.bytes[i] > ' ' && kubeconfig->token.bytes[i] <= '~');
	check_line(kubeconfig->tls_server_name);
	check_line(kubeconfig->proxy_url);
	check_line(kubeconfig->token_path);
	check_base64(&kubeconfig->basic);
	check_base64(&kubeconfig->ca.data);
}

static void read_context(const struct blob *file, const char *context)
{
	struct kubeconfig kubeconfig = {0}, again = {0};
	struct text why = {0}, why_again = {0};
	int error = kubeconfig_read(&kubeconfig, file, context, &why);

	CHECK(kubeconfig_read(&again, file, context, &why_again) == error);
	CHECK((why.len > 0) == (error != 0) && is_same(why.bytes, why_again.bytes));
	CHECK(is_same(kubeconfig.endpoint.server, again.endpoint.server));
	CHECK(blob_equal(&kubeconfig.token, &again.token));
	if (error == 0)
		check_accepted(&kubeconfig);
	else
		CHECK(!kubeconfig.endpoint.server && !kubeconfig.ca.path && !kubeconfig.token_path);
	kubeconfig_fini(&kubeconfig);
	kubeconfig_fini(&again);
	text_fini(&why);
	text_fini(&why_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob file = blob_copy(data, size);

	read_context(&file, NULL);
	read_context(&file, "b");
	blob_fini(&file);
	return 0;
}
