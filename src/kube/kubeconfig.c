/* SPDX-License-Identifier: Apache-2.0
 *
 * Chooses a context of the tree, and checks and takes what its cluster and its user say.
 */
#include "kubeconfig.h"

#include <errno.h>
#include <string.h>

#include "kubeconfig_tree.h"

#define NAMES_TOLD_MAX 10

/* An entry that was chosen, and where its faults are told. */
struct chosen {
	enum kubeconfig_list list;
	struct kubeconfig_entry *entry;
	struct text *why;
};

static const char *const kinds[KUBECONFIG_LISTS] = {"cluster", "context", "user"};

static const char *text_of(const struct kubeconfig_value *value)
{
	return (const char *)value->text.bytes;
}

static bool has(const struct chosen *chosen, unsigned field)
{
	return chosen->entry->fields[field].text.len > 0;
}

/* Starts a message about a field: "line 3: cluster "a": server: ". */
static void tell_field(const struct chosen *chosen, unsigned field)
{
	text_printf(chosen->why, "line %u: %s \"%s\": %s: ", chosen->entry->fields[field].line,
		    kinds[chosen->list], text_of(&chosen->entry->name),
		    kubeconfig_field_name(chosen->list, field));
}

static int refuse_field(const struct chosen *chosen, unsigned field, const char *cause)
{
	tell_field(chosen, field);
	text_puts(chosen->why, cause);
	return -EINVAL;
}

/* With the cause that a check found; nothing when it found none. */
static int tell_cause(const struct chosen *chosen, unsigned field, int error, struct text *cause)
{
	if (error != 0)
		refuse_field(chosen, field, cause->bytes);
	text_fini(cause);
	return error;
}

static int refuse_entry(const struct chosen *chosen, const char *cause)
{
	text_printf(chosen->why, "line %u: %s \"%s\" %s", chosen->entry->name.line,
		    kinds[chosen->list], text_of(&chosen->entry->name), cause);
	return -EINVAL;
}

/* Moves a field's text out; NULL when it is absent. */
static char *take_string(const struct chosen *chosen, unsigned field)
{
	struct blob *text = &chosen->entry->fields[field].text;
	char *string = (char *)text->bytes;

	*text = (struct blob){0};
	return string;
}

/* ---- which ---- */

static void tell_names(const struct kubeconfig_tree *tree, enum kubeconfig_list list,
		       struct text *why)
{
	size_t n = tree->lists[list].len;

	text_puts(why, n > 0 ? ": there are" : ": there is none");
	for (size_t i = 0; i < n && i < NAMES_TOLD_MAX; i++)
		text_printf(why, "%s \"%s\"", i > 0 ? "," : "",
			    text_of(&tree->lists[list].items[i].name));
	if (n > NAMES_TOLD_MAX)
		text_printf(why, " and %zu more", n - NAMES_TOLD_MAX);
}

/* The entry that the field of `from` names. */
static int follow(struct kubeconfig_tree *tree, const struct chosen *from, unsigned field,
		  struct chosen *to)
{
	to->why = from->why;
	to->entry = kubeconfig_find(tree, to->list, text_of(&from->entry->fields[field]));
	if (to->entry)
		return 0;
	tell_field(from, field);
	text_printf(from->why, "no %s \"%s\"", kinds[to->list],
		    text_of(&from->entry->fields[field]));
	tell_names(tree, to->list, from->why);
	return -EINVAL;
}

static int find_context(struct kubeconfig_tree *tree, const char *name, struct chosen *context)
{
	const struct kubeconfig_value *current = &tree->current_context;

	if (name)
		context->entry = kubeconfig_find(tree, KUBECONFIG_CONTEXTS, name);
	else if (current->text.len > 0)
		context->entry = kubeconfig_find(tree, KUBECONFIG_CONTEXTS, text_of(current));
	if (context->entry)
		return 0;
	if (name)
		text_printf(context->why, "no context \"%s\"", name);
	else if (current->text.len > 0)
		text_printf(context->why, "line %u: current-context: no context \"%s\"",
			    current->line, text_of(current));
	else
		text_puts(context->why, "no current-context, and no other is asked for");
	tell_names(tree, KUBECONFIG_CONTEXTS, context->why);
	return -EINVAL;
}

/* ---- what they say ---- */

/* PEM as data in the field after `field`, else a path in `field`. */
static int take_pem(const struct chosen *chosen, unsigned field, struct kubeconfig_pem *pem)
{
	const struct blob *data = &chosen->entry->fields[field + 1].text;

	if (data->len == 0) {
		pem->path = take_string(chosen, field);
		return 0;
	}
	if (blob_from_base64(&pem->data, (const char *)data->bytes, data->len) != 0)
		return refuse_field(chosen, field + 1, "is no base64");
	if (!blob_is_pem(&pem->data))
		return refuse_field(chosen, field + 1, "is no PEM");
	return 0;
}

static int read_bool(const struct chosen *chosen, unsigned field, bool *value)
{
	static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
	const char *text = text_of(&chosen->entry->fields[field]);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*value = i >= 3;
			return 0;
		}
	}
	return refuse_field(chosen, field, "is neither true nor false");
}

static int take_server_name(const struct chosen *cluster, char **name)
{
	*name = take_string(cluster, CLUSTER_TLS_SERVER_NAME);
	if (*name && !endpoint_is_host(*name, strlen(*name)))
		return refuse_field(cluster, CLUSTER_TLS_SERVER_NAME, "is no host name");
	return 0;
}

static int take_cluster(struct kubeconfig *kubeconfig, const struct chosen *cluster)
{
	struct text cause = {0};

	if (!has(cluster, CLUSTER_SERVER))
		return refuse_entry(cluster, "has no server");
	if (has(cluster, CLUSTER_INSECURE) &&
	    read_bool(cluster, CLUSTER_INSECURE, &kubeconfig->is_insecure) != 0)
		return -EINVAL;
	if (kubeconfig->is_insecure && (has(cluster, CLUSTER_CA) || has(cluster, CLUSTER_CA_DATA)))
		return refuse_entry(cluster, "has a certificate-authority and "
					     "insecure-skip-tls-verify: leave one of both out");
	if (take_pem(cluster, CLUSTER_CA, &kubeconfig->ca) != 0 ||
	    take_server_name(cluster, &kubeconfig->tls_server_name) != 0)
		return -EINVAL;
	if (!has(cluster, CLUSTER_PROXY_URL))
		return 0;
	return tell_cause(cluster, CLUSTER_PROXY_URL,
			  endpoint_read_proxy(&kubeconfig->proxy_url,
					      text_of(&cluster->entry->fields[CLUSTER_PROXY_URL]),
					      &cause),
			  &cause);
}

/* After the user: with a certificate, an endpoint without a scheme is https. */
static int take_server(struct kubeconfig *kubeconfig, const struct chosen *cluster)
{
	bool is_tls = kubeconfig->is_insecure || kubeconfig->ca.path ||
		      kubeconfig->ca.data.len > 0 || kubeconfig->cert.path ||
		      kubeconfig->cert.data.len > 0;
	struct text cause = {0};
	int error = endpoint_read(&kubeconfig->endpoint,
				  text_of(&cluster->entry->fields[CLUSTER_SERVER]), is_tls, &cause);

	return tell_cause(cluster, CLUSTER_SERVER, error, &cause);
}

/* What kaname cannot do in the user's name. */
static int refuse_absent(const struct chosen *user)
{
	static const struct {
		unsigned field;
		const char *cause;
	} absent[] = {
		{USER_EXEC, "no plug-in is run: give a token, a tokenFile or a client "
			    "certificate, such as a service account's"},
		{USER_AUTH_PROVIDER, "no plug-in is run: give a token, a tokenFile or a client "
				     "certificate, such as a service account's"},
		{USER_AS, "impersonation is not there: give the user's own token or certificate"},
		{USER_AS_UID, "impersonation is not there: leave it out"},
		{USER_AS_GROUPS, "impersonation is not there: leave it out"},
		{USER_AS_USER_EXTRA, "impersonation is not there: leave it out"},
	};

	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		if (has(user, absent[i].field))
			return refuse_field(user, absent[i].field, absent[i].cause);
	}
	return 0;
}

static int take_certificate(struct kubeconfig *kubeconfig, const struct chosen *user)
{
	bool has_cert = has(user, USER_CERT) || has(user, USER_CERT_DATA);
	bool has_key = has(user, USER_KEY) || has(user, USER_KEY_DATA);

	if (has_cert && !has_key)
		return refuse_entry(user, "has a client-certificate, but no client-key");
	if (has_key && !has_cert)
		return refuse_entry(user, "has a client-key, but no client-certificate");
	if (take_pem(user, USER_CERT, &kubeconfig->cert) != 0)
		return -EINVAL;
	return take_pem(user, USER_KEY, &kubeconfig->key);
}

/* A token or a password; a token's file is asked before the token that stands beside it. */
static int take_words(struct kubeconfig *kubeconfig, const struct chosen *user)
{
	bool has_token = has(user, USER_TOKEN) || has(user, USER_TOKEN_FILE);
	struct text cause = {0};

	if (has_token && (has(user, USER_USERNAME) || has(user, USER_PASSWORD)))
		return refuse_entry(user, "has a token and a password: leave one of both out");
	if (has(user, USER_PASSWORD) && !has(user, USER_USERNAME))
		return refuse_entry(user, "has a password, but no username");
	kubeconfig->token_path = take_string(user, USER_TOKEN_FILE);
	if (has_token && !kubeconfig->token_path) {
		const struct blob *token = &user->entry->fields[USER_TOKEN].text;

		kubeconfig->token = blob_copy(token->bytes, token->len);
		return tell_cause(user, USER_TOKEN, blob_trim_token(&kubeconfig->token, &cause),
				  &cause);
	}
	if (has(user, USER_USERNAME)) {
		const struct blob *name = &user->entry->fields[USER_USERNAME].text;
		const struct blob *password = &user->entry->fields[USER_PASSWORD].text;
		struct blob *basic = &kubeconfig->basic;

		basic->len = name->len + 1 + password->len;
		basic->bytes = mem_zalloc(basic->len + 1);
		memcpy(basic->bytes, name->bytes, name->len);
		basic->bytes[name->len] = ':';
		if (password->len > 0)
			memcpy(basic->bytes + name->len + 1, password->bytes, password->len);
	}
	return 0;
}

static int take_user(struct kubeconfig *kubeconfig, const struct chosen *user)
{
	if (refuse_absent(user) != 0 || take_certificate(kubeconfig, user) != 0)
		return -EINVAL;
	return take_words(kubeconfig, user);
}

static int take_context(struct kubeconfig *kubeconfig, struct kubeconfig_tree *tree,
			const char *name, struct text *why)
{
	struct chosen context = {.list = KUBECONFIG_CONTEXTS, .why = why};
	struct chosen cluster = {.list = KUBECONFIG_CLUSTERS};
	struct chosen user = {.list = KUBECONFIG_USERS};

	if (find_context(tree, name, &context) != 0)
		return -EINVAL;
	if (!has(&context, CONTEXT_CLUSTER))
		return refuse_entry(&context, "has no cluster");
	if (follow(tree, &context, CONTEXT_CLUSTER, &cluster) != 0 ||
	    take_cluster(kubeconfig, &cluster) != 0)
		return -EINVAL;
	/* Without a user it is whom the API server takes for anonymous. */
	if (has(&context, CONTEXT_USER) &&
	    (follow(tree, &context, CONTEXT_USER, &user) != 0 || take_user(kubeconfig, &user) != 0))
		return -EINVAL;
	return take_server(kubeconfig, &cluster);
}

int kubeconfig_read(struct kubeconfig *kubeconfig, const struct blob *file, const char *context,
		    struct text *why)
{
	struct kubeconfig_tree tree = {0};
	int error = kubeconfig_tree_read(&tree, file, why);

	*kubeconfig = (struct kubeconfig){0};
	if (error == 0)
		error = take_context(kubeconfig, &tree, context, why);
	if (error != 0)
		kubeconfig_fini(kubeconfig);
	kubeconfig_tree_fini(&tree);
	return error;
}

static void fini_pem(struct kubeconfig_pem *pem)
{
	free(pem->path);
	blob_fini(&pem->data);
}

void kubeconfig_fini(struct kubeconfig *kubeconfig)
{
	endpoint_fini(&kubeconfig->endpoint);
	free(kubeconfig->tls_server_name);
	blob_free_string(kubeconfig->proxy_url);
	fini_pem(&kubeconfig->ca);
	fini_pem(&kubeconfig->cert);
	fini_pem(&kubeconfig->key);
	blob_fini(&kubeconfig->token);
	free(kubeconfig->token_path);
	blob_fini(&kubeconfig->basic);
	*kubeconfig = (struct kubeconfig){0};
}
