/* SPDX-License-Identifier: Apache-2.0
 *
 * The `kubernetes` directive. What concerns the records makes a source; blocks that want the same
 * records share one.
 */
#include <string.h>

#include "directive.h"

struct words { /* an ARRAY(const char *) */
	const char **items;
	size_t len, cap;
};

struct kubernetes {
	struct query_cluster_config cluster;
	struct kube_source_config source;
	struct words objects, namespaces;
};

/* Appends the statement's arguments, in the arena. */
static void add_words(struct draft *draft, const struct statement *statement, struct words *words)
{
	for (size_t i = 1; i < statement->n_words; i++) {
		const char *text = statement->words[i].text;

		ARRAY_PUSH(words, arena_strndup(draft->arena, text, strlen(text)));
	}
}

static void parse_objects(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		if (statement->words[i].text[0] == '\0')
			problem_at(&draft->problems, &statement->words[i],
				   "kubernetes: a path of \"objects\" is empty");
	}
	add_words(draft, statement, &kubernetes->objects);
}

/* ---- the API server ---- */

/* The i-th argument of an option that has it in the arena; NULL when it is empty. */
static const char *word_of(struct draft *draft, const struct statement *statement, size_t i)
{
	const char *text = statement->words[i].text;

	return *text ? arena_strndup(draft->arena, text, strlen(text)) : NULL;
}

/* Likewise, and an empty one is a problem. */
static const char *path_of(struct draft *draft, const struct statement *statement, size_t i)
{
	const char *path = word_of(draft, statement, i);

	if (!path)
		problem_at(&draft->problems, &statement->words[i],
			   "kubernetes: a path of \"%s\" is empty", statement->words[0].text);
	return path;
}

/* CoreDNS takes several endpoints and asks the first one only. */
static void parse_endpoint(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;
	struct text why = {0};

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	if (statement->n_words > 2)
		problem_note(&draft->problems, &statement->words[2],
			     "kubernetes: only the first \"endpoint\" is asked, as in CoreDNS; a "
			     "load balancer before all of them would help");
	if (kube_endpoint_check(statement->words[1].text, &why) != 0)
		problem_at(&draft->problems, &statement->words[1], "kubernetes: endpoint: %s",
			   why.bytes);
	kubernetes->source.access.endpoint = word_of(draft, statement, 1);
	text_fini(&why);
}

static void parse_tls(struct draft *draft, void *into, const struct statement *statement)
{
	struct kube_access_config *access = &((struct kubernetes *)into)->source.access;

	if (!args_check(draft, statement, 3, 3) || !block_refuse(draft, statement))
		return;
	access->tls_cert = path_of(draft, statement, 1);
	access->tls_key = path_of(draft, statement, 2);
	access->tls_ca = path_of(draft, statement, 3);
}

static void parse_kubeconfig(struct draft *draft, void *into, const struct statement *statement)
{
	struct kube_access_config *access = &((struct kubernetes *)into)->source.access;

	if (!args_check(draft, statement, 1, 2) || !block_refuse(draft, statement))
		return;
	access->kubeconfig = path_of(draft, statement, 1);
	access->context = statement->n_words > 2 ? word_of(draft, statement, 2) : NULL;
}

/* Ours: kube-dns has such a flag. */
static void parse_server(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;
	struct text why = {0};

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	if (kube_endpoint_check(statement->words[1].text, &why) != 0)
		problem_at(&draft->problems, &statement->words[1], "kubernetes: server: %s",
			   why.bytes);
	kubernetes->source.access.server = word_of(draft, statement, 1);
	text_fini(&why);
}

static void parse_startup_timeout(struct draft *draft, void *into,
				  const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		duration_read(draft, statement, &kubernetes->source.startup_timeout_ms);
}

/* How fast CoreDNS may ask: accepted, but of no effect on a few watches. */
static void parse_rate(struct draft *draft, void *into, const struct statement *statement)
{
	const struct token *word = &statement->words[1];
	char *end;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	/* No sign, no hexadecimals, no infinity. */
	if (strspn(word->text, "0123456789.") == strlen(word->text)) {
		strtod(word->text, &end);
		if (end > word->text && *end == '\0')
			return;
	}
	problem_at(&draft->problems, word, "%s: \"%s\" is not a number from 0 on",
		   statement->words[0].text, word->text);
}

/* ---- the records ---- */

static void parse_namespaces(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];

		if (!dns_label_is_1123(word->text, strlen(word->text)))
			problem_at(&draft->problems, word,
				   "kubernetes: \"%s\" cannot be a namespace's name", word->text);
	}
	add_words(draft, statement, &kubernetes->namespaces);
}

static void parse_pods(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const names[] = {"disabled", "insecure", "verified"};
	static const enum query_pods modes[] = {QUERY_PODS_DISABLED, QUERY_PODS_INSECURE,
						QUERY_PODS_VERIFIED};
	struct kubernetes *kubernetes = into;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(statement->words[1].text, names[i]) == 0) {
			kubernetes->cluster.pods = modes[i];
			return;
		}
	}
	word_refuse(draft, &statement->words[1], "kubernetes: unknown mode of pods", names,
		    ARRAY_LEN(names));
}

static void parse_ttl(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		number_read(draft, statement, 0, 3600, &kubernetes->cluster.ttl_s);
}

/* Is the statement a word alone? */
static bool is_flag(struct draft *draft, const struct statement *statement)
{
	return args_check(draft, statement, 0, 0) && block_refuse(draft, statement);
}

static void parse_noendpoints(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	kubernetes->source.noendpoints = is_flag(draft, statement);
}

static void parse_minimal_rights(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	kubernetes->source.has_minimal_rights = is_flag(draft, statement);
}

static void parse_endpoint_pod_names(struct draft *draft, void *into,
				     const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	kubernetes->source.endpoint_pod_names = is_flag(draft, statement);
}

static void parse_ignore(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const names[] = {"empty_service"};
	struct kubernetes *kubernetes = into;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	kubernetes->source.ignore_empty_service = strcmp(statement->words[1].text, names[0]) == 0;
	if (!kubernetes->source.ignore_empty_service)
		word_refuse(draft, &statement->words[1], "kubernetes: cannot ignore", names,
			    ARRAY_LEN(names));
}

/* The statement's arguments as a label selector's text. NULL, with a problem, when they are none.
 */
static const char *read_selector(struct draft *draft, const struct statement *statement)
{
	struct kube_selector *selector = NULL;
	struct text words = {0}, why = {0};
	const char *text = NULL;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return NULL;
	for (size_t i = 1; i < statement->n_words; i++)
		text_printf(&words, "%s%s", i > 1 ? " " : "", statement->words[i].text);
	if (kube_selector_parse(&selector, words.bytes, &why) == 0)
		text = arena_strndup(draft->arena, words.bytes, words.len);
	else
		problem_at(&draft->problems, &statement->words[1], "kubernetes: %s: %s",
			   statement->words[0].text, why.bytes ? why.bytes : "no label selector");
	kube_selector_free(selector);
	text_fini(&words);
	text_fini(&why);
	return text;
}

static void parse_labels(struct draft *draft, void *into, const struct statement *statement)
{
	((struct kubernetes *)into)->source.labels_text = read_selector(draft, statement);
}

static void parse_namespace_labels(struct draft *draft, void *into,
				   const struct statement *statement)
{
	((struct kubernetes *)into)->source.namespace_labels_text = read_selector(draft, statement);
}

static void parse_fallthrough(struct draft *draft, void *into, const struct statement *statement)
{
	struct kubernetes *kubernetes = into;

	block_refuse(draft, statement);
	kubernetes->cluster.has_fallthrough = true;
	draft_zone_args(draft, statement->words + 1, statement->n_words - 1,
			&kubernetes->cluster.fallthrough);
}

/* upstream [ADDRESS...]: whom to ask for the targets of ExternalNames, in CoreDNS before 1.7. */
static void parse_upstream(struct draft *draft, void *into, const struct statement *statement)
{
	if (block_refuse(draft, statement))
		problem_note(&draft->problems, &statement->words[0],
			     "kubernetes: \"upstream\" has no effect: the targets of ExternalNames "
			     "are asked for as any other name");
}

/* resyncperiod DURATION, in CoreDNS before 1.7. */
static void parse_resyncperiod(struct draft *draft, void *into, const struct statement *statement)
{
	uint64_t ms;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement) &&
	    duration_read(draft, statement, &ms))
		problem_note(&draft->problems, &statement->words[0],
			     "kubernetes: \"resyncperiod\" has no effect: changes are watched, and "
			     "listed again only where that is needed");
}

static const struct directive options[] = {
	{.name = "objects", .parse = parse_objects, .is_repeatable = true},
	{.name = "endpoint", .parse = parse_endpoint},
	{.name = "tls", .parse = parse_tls},
	{.name = "kubeconfig", .parse = parse_kubeconfig},
	{.name = "server", .parse = parse_server}, /* ours */
	{.name = "apiserver_qps", .parse = parse_rate},
	{.name = "apiserver_burst", .parse = parse_rate},
	{.name = "apiserver_max_inflight", .parse = parse_rate},
	{.name = "namespaces", .parse = parse_namespaces, .is_repeatable = true},
	{.name = "labels", .parse = parse_labels},
	{.name = "namespace_labels", .parse = parse_namespace_labels},
	{.name = "pods", .parse = parse_pods},
	{.name = "endpoint_pod_names", .parse = parse_endpoint_pod_names},
	{.name = "ttl", .parse = parse_ttl},
	{.name = "noendpoints", .parse = parse_noendpoints},
	{.name = "minimal_rights", .parse = parse_minimal_rights}, /* ours */
	{.name = "fallthrough", .parse = parse_fallthrough},
	{.name = "ignore", .parse = parse_ignore},
	{.name = "multicluster",
	 .meanwhile = "use `forward` for the clusterset's zone to a server that has it"},
	{.name = "startup_timeout", .parse = parse_startup_timeout},
	{.name = "zonal", .meanwhile = "leave it out, every endpoint is answered"},
	{.name = "transfer", .instead = "use the directive `transfer`, as in CoreDNS since 1.8"},
	{.name = "upstream", .parse = parse_upstream},
	{.name = "resyncperiod", .parse = parse_resyncperiod},
};

/* The longest first, so that the first zone that has a name is the right one; the primary is the
 * first forward zone in the order of the Corefile. */
static void sort_zones(struct draft *draft, struct query_cluster_config *cluster)
{
	struct dns_name *sorted =
		arena_alloc(draft->arena, (cluster->zones.n + 1) * sizeof(*sorted));
	size_t n = 0, primary = SIZE_MAX;

	for (size_t i = 0; i < cluster->zones.n; i++) {
		const struct dns_name *zone = &cluster->zones.items[i];
		size_t at = n++;

		while (at > 0 && sorted[at - 1].n_labels < zone->n_labels) {
			sorted[at] = sorted[at - 1];
			at--;
		}
		sorted[at] = *zone;
		if (primary != SIZE_MAX)
			primary += at <= primary;
		else if (!address_is_reverse_name(zone))
			primary = at;
	}
	cluster->zones.items = sorted;
	cluster->primary = primary != SIZE_MAX ? &sorted[primary] : NULL;
}

/* The zones: the arguments, or those of the server block. */
static void read_zones(struct draft *draft, const struct draft_block *block,
		       const struct statement *statement, struct query_cluster_config *cluster)
{
	if (statement->n_words > 1) {
		if (!draft_zone_args(draft, statement->words + 1, statement->n_words - 1,
				     &cluster->zones))
			return;
	} else {
		struct dns_name *zones =
			arena_alloc(draft->arena, (block->keys.len + 1) * sizeof(*zones));

		for (size_t i = 0; i < block->keys.len; i++)
			zones[i] = block->keys.items[i].zone;
		cluster->zones = (struct query_zones){zones, block->keys.len};
	}
	sort_zones(draft, cluster);
	if (cluster->zones.n > 0 && !cluster->primary)
		problem_at(&draft->problems, &statement->words[0],
			   "kubernetes: one zone at least has to be a forward one, such as "
			   "cluster.local");
}

static const char *const *copy_words(struct draft *draft, const struct words *words)
{
	const char **copy = arena_alloc(draft->arena, (words->len + 1) * sizeof(*copy));

	for (size_t i = 0; i < words->len; i++)
		copy[i] = words->items[i];
	return copy;
}

/* The index of the source, a new one or an equal one that is there. */
static size_t give_source(struct draft *draft, const struct kube_source_config *source)
{
	for (size_t i = 0; i < draft->sources.len; i++) {
		if (kube_source_equal(&draft->sources.items[i], source))
			return i;
	}
	ARRAY_PUSH(&draft->sources, *source);
	return draft->sources.len - 1;
}

/* What no single option can tell. */
static void check_options(struct draft *draft, const struct statement *statement,
			  const struct kubernetes *kubernetes)
{
	const struct kube_access_config *access = &kubernetes->source.access;
	const struct token *name = &statement->words[0];

	if (kubernetes->objects.len > 0 &&
	    (access->endpoint || access->tls_cert || access->kubeconfig || access->server))
		problem_at(&draft->problems, name,
			   "kubernetes: \"objects\" is instead of an API server: it excludes "
			   "\"endpoint\", \"tls\" and \"kubeconfig\"");
	else if (access->server && access->endpoint)
		problem_at(&draft->problems, name,
			   "kubernetes: \"server\" is in place of a kubeconfig's server or of the "
			   "pod's: it excludes \"endpoint\"");
	else if (access->kubeconfig && (access->endpoint || access->tls_cert))
		problem_at(&draft->problems, name,
			   "kubernetes: \"kubeconfig\" names the API server: it excludes "
			   "\"endpoint\" and \"tls\"");
	else if (access->tls_cert && !access->endpoint)
		problem_at(&draft->problems, name,
			   "kubernetes: \"tls\" needs an \"endpoint\": in a pod it is the service "
			   "account that counts");
	if (kubernetes->namespaces.len > 0 && kubernetes->source.namespace_labels_text)
		problem_at(
			&draft->problems, name,
			"kubernetes: \"namespaces\" and \"namespace_labels\" exclude each other");
}

void kubernetes_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	struct kubernetes kubernetes = {.cluster = {.ttl_s = 5},
					.source = {.startup_timeout_ms = 5000}};
	struct kube_source_config *kube = &kubernetes.source;

	kubernetes.cluster.place = draft_place(draft, &statement->words[0]);
	read_zones(draft, block, statement, &kubernetes.cluster);
	directives_run(draft, &(struct directives){"kubernetes", options, ARRAY_LEN(options)},
		       statement->body, &kubernetes);
	check_options(draft, statement, &kubernetes);
	kube->objects = copy_words(draft, &kubernetes.objects);
	kube->n_objects = kubernetes.objects.len;
	kube->is_api = kube->n_objects == 0;
	kube->namespaces = copy_words(draft, &kubernetes.namespaces);
	kube->n_namespaces = kubernetes.namespaces.len;
	kube->wants_pods = kubernetes.cluster.pods == QUERY_PODS_VERIFIED;
	kubernetes.cluster.source = give_source(draft, &kubernetes.source);
	ARRAY_PUSH(&block->clusters, kubernetes.cluster);
	ARRAY_FINI(&kubernetes.objects);
	ARRAY_FINI(&kubernetes.namespaces);
}
