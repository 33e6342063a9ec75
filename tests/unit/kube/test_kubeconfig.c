/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfigs: what each says of a cluster and a user as text, and what is said about those that
 * are refused. "s3cr3t" stands wherever a secret does: no message has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kubeconfig.h"
#include "kubeconfig_tree.h"

/* "-----BEGIN s3cr3t" */
#define PEM "LS0tLS1CRUdJTiBzM2NyM3Q="
#define SECRET "s3cr3t"

/* One context "c" of the cluster "k" and the user "u". The cluster's fields start in line 7, those
 * of the user in USER_LINE when the cluster has one field. */
#define ONE(cluster, user)                                             \
	"apiVersion: v1\nkind: Config\ncurrent-context: c\n"           \
	"contexts: [{name: c, context: {cluster: k, user: u}}]\n"      \
	"clusters:\n- cluster:\n" cluster "  name: k\n- name: other\n" \
	"  cluster:\n    server: other\nusers:\n- name: u\n  user:\n" user
#define SERVER "    server: https://a\n"
#define USER_LINE "15"

struct kubeconfig_case {
	const char *name;
	const char *text;
	const char *context;
	const char *want;
};

static const struct kubeconfig_case cases[] = {
#include "kubeconfig_cases.h"
};

static void tell_pem(const char *name, const struct kubeconfig_pem *pem, struct text *out)
{
	if (pem->path)
		text_printf(out, " %s=%s", name, pem->path);
	if (pem->data.len > 0)
		text_printf(out, " %s:%s", name, (const char *)pem->data.bytes);
}

static void tell(const struct kubeconfig *kubeconfig, struct text *out)
{
	text_puts(out, kubeconfig->endpoint.server);
	if (kubeconfig->tls_server_name)
		text_printf(out, " sni=%s", kubeconfig->tls_server_name);
	if (kubeconfig->proxy_url)
		text_printf(out, " proxy=%s", kubeconfig->proxy_url);
	text_puts(out, kubeconfig->is_insecure ? " insecure" : "");
	tell_pem("ca", &kubeconfig->ca, out);
	tell_pem("cert", &kubeconfig->cert, out);
	tell_pem("key", &kubeconfig->key, out);
	if (kubeconfig->token.len > 0)
		text_printf(out, " token:%s", (const char *)kubeconfig->token.bytes);
	if (kubeconfig->token_path)
		text_printf(out, " token=%s", kubeconfig->token_path);
	if (kubeconfig->basic.len > 0)
		text_printf(out, " basic:%s", (const char *)kubeconfig->basic.bytes);
}

/* *got is what it says, or why not. */
static int read_text(const char *text, const char *context, struct text *got)
{
	struct kubeconfig kubeconfig = {0};
	struct blob file = blob_copy(text, strlen(text));
	int error = kubeconfig_read(&kubeconfig, &file, context, got);

	if (error == 0) {
		assert_int_equal(got->len, 0);
		tell(&kubeconfig, got);
	} else {
		assert_non_null(got->bytes);
		assert_null(strstr(got->bytes, SECRET));
		assert_null(strchr(got->bytes, '\n'));
	}
	kubeconfig_fini(&kubeconfig);
	blob_fini(&file);
	return error;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text got = {0};

		read_text(cases[i].text, cases[i].context, &got);
		if (strcmp(got.bytes, cases[i].want) != 0)
			fail_msg("%s:\n%s\nis not\n%s", cases[i].name, got.bytes, cases[i].want);
		text_fini(&got);
	}
}

static void expect(struct text *text, const char *want)
{
	struct text got = {0};

	assert_int_not_equal(read_text(text->bytes, NULL, &got), 0);
	assert_string_equal(got.bytes, want);
	text_fini(&got);
	text_fini(text);
}

static void test_bounds(void **state)
{
	struct text text = {0};

	text_puts(&text, "x: ");
	for (int i = 0; i < KUBECONFIG_DEPTH_MAX; i++)
		text_puts(&text, "[");
	expect(&text, "line 1: nested deeper than 64 levels");

	text_puts(&text, "users:\n");
	for (int i = 0; i <= KUBECONFIG_ENTRIES_MAX; i++)
		text_printf(&text, "- name: n%d\n", i);
	expect(&text, "line 1002: more than 1000 users");

	text_puts(&text, "current-context: ");
	for (int i = 0; i <= KUBECONFIG_WORD_MAX; i++)
		text_puts(&text, "x");
	expect(&text, "line 1: \"current-context\" is longer than 4096 bytes");

	text_puts(&text, "contexts:\n");
	for (int i = 0; i < 12; i++)
		text_printf(&text, "- name: n%d\n", i);
	expect(&text, "no current-context, and no other is asked for: there are \"n0\", \"n1\", "
		      "\"n2\", \"n3\", \"n4\", \"n5\", \"n6\", \"n7\", \"n8\", \"n9\" and 2 more");
}

static void test_huge_token(void **state)
{
	struct text text = {0};

	text_puts(&text, ONE(SERVER, "    token: "));
	for (unsigned i = 0; i <= BLOB_TOKEN_MAX; i++)
		text_puts(&text, "x");
	expect(&text, "line " USER_LINE ": user \"u\": token: is longer than 65536 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_huge_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
