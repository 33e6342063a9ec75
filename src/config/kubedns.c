/* SPDX-License-Identifier: Apache-2.0
 *
 * The Corefile of kube-dns's flags and ConfigMap: one server block for the cluster and for what
 * goes to the node's servers, as kube-dns and dnsmasq together were; one more for each stub domain.
 * A stub domain that the cluster's zones are in ("local") is a `forward` of the first block, or its
 * block would take their names.
 *
 * Behind dnsmasq kube-dns had port 10053. Nobody stands before this process: with that port it
 * serves dnsmasq's, too.
 */
#include "config/kubedns.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "directive.h"
#include "kubedns_map.h"
#include "machine.h"

#define PATH "(kube-dns's flags and ConfigMap)"
#define DNS_PORT 53
#define RELOAD_MS_MIN 2000 /* as `reload` has it */

/* What a Corefile is made with. */
struct maker {
	const struct kubedns_options *options;
	const struct config_machine *machine;
	struct arena arena;
	struct problems problems;
	struct text *notes;
	struct text *out;	  /* the Corefile */
	const char *domain;	  /* without final dot */
	struct dns_name zones[3]; /* of the domain, in-addr.arpa and ip6.arpa */
	const char *server;	  /* of --kube-master-url, or NULL */
	struct kubedns_map map;
};

void kubedns_options_init(struct kubedns_options *options)
{
	*options = (struct kubedns_options){
		.dns_port = DNS_PORT,
		.healthz_port = 8081,
		.prometheus_port = KUBEDNS_PORT_SIDECAR,
		.config_period_ms = 10000,
	};
}

/* ---- flags ---- */

static void read_domain(struct maker *maker)
{
	static const char *const reverse[] = {"in-addr.arpa", "ip6.arpa"};
	const char *given = maker->options->domain ? maker->options->domain : "cluster.local.";
	size_t len = strlen(given);

	maker->domain =
		arena_strndup(&maker->arena, given, len - (len > 0 && given[len - 1] == '.'));
	if (!kubedns_is_subdomain(maker->domain) ||
	    dns_name_from_text(&maker->zones[0], maker->domain, strlen(maker->domain)) != 0)
		problem_with_file(&maker->problems, "--domain",
				  "\"%s\" is no domain name in lower case", given);
	for (size_t i = 0; i < ARRAY_LEN(reverse); i++)
		CHECK(dns_name_from_text(&maker->zones[i + 1], reverse[i], strlen(reverse[i])) ==
		      0);
}

static bool is_kept_by_quotes(unsigned char c)
{
	return c >= 0x20 && c != 0x7f && c != '"' && c != '\\' && c != '{';
}

/* A path or URL becomes one word of the Corefile. */
static void check_path(struct maker *maker, const char *flag, const char *path)
{
	for (const char *p = path; *p; p++) {
		if (!is_kept_by_quotes((unsigned char)*p)) {
			problem_with_file(&maker->problems, flag,
					  "\"%s\" has a quote, a backslash, a brace or a control "
					  "character",
					  path);
			return;
		}
	}
}

/* Appends text with $NAME and ${NAME} replaced by the environment's variables, as Go does. */
static void expand(const struct maker *maker, const char *text, struct text *out)
{
	while (*text) {
		size_t plain = strcspn(text, "$"), len = 0;
		bool is_braced;
		char name[64];

		text_append(out, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		is_braced = text[1] == '{';
		text += 1 + is_braced;
		while (isalnum((unsigned char)text[len]) || text[len] == '_')
			len++;
		snprintf(name, sizeof(name), "%.*s", (int)len, text);

		const char *value = maker->machine->env(maker->machine->arg, name);

		text_puts(out, value ? value : "");
		text += len;
		text += is_braced && *text == '}';
	}
}

static void read_server(struct maker *maker)
{
	struct text url = {0}, why = {0};

	if (!maker->options->kube_master_url || !*maker->options->kube_master_url)
		return;
	expand(maker, maker->options->kube_master_url, &url);
	if (url.len == 0 || !strstr(url.bytes, "://"))
		problem_with_file(&maker->problems, "--kube-master-url",
				  "\"%s\" is no URL, as in https://10.0.0.1:6443",
				  url.len > 0 ? url.bytes : "");
	else if (kube_endpoint_check(url.bytes, &why) != 0)
		problem_with_file(&maker->problems, "--kube-master-url", "%s", why.bytes);
	check_path(maker, "--kube-master-url", url.len > 0 ? url.bytes : "");
	maker->server = arena_strndup(&maker->arena, url.len > 0 ? url.bytes : "", url.len);
	text_fini(&url);
	text_fini(&why);
}

/* The address of a flag without brackets, in the arena; NULL: every address. */
static const char *read_address(struct maker *maker, const char *flag, const char *given)
{
	static const uint8_t zeros[16];
	struct address address;
	size_t len = given ? strlen(given) : 0;
	bool is_bracketed = len > 2 && given[0] == '[' && given[len - 1] == ']';

	if (len == 0)
		return NULL;
	given += is_bracketed;
	len -= is_bracketed ? 2 : 0;
	if (address_from_text(&address, given, len) != 0) {
		problem_with_file(&maker->problems, flag, "\"%s\" is no IP address", given);
		return NULL;
	}
	if (memcmp(address.bytes, zeros, address_size(&address)) == 0)
		return NULL;
	return arena_strndup(&maker->arena, given, len);
}

/* --nameservers: IP[:PORT] with commas between. */
static struct kube_strings read_nameservers(struct maker *maker)
{
	const char *text = maker->options->nameservers;
	const char **items = arena_alloc(&maker->arena, FORWARD_UPSTREAMS_MAX * sizeof(*items));
	size_t n = 0;

	while (text && *text) {
		size_t len = strcspn(text, ",");
		const char *word = arena_strndup(&maker->arena, text, len), *fault;

		text += len + (text[len] == ',');
		fault = n == FORWARD_UPSTREAMS_MAX ? "one more than can be asked"
						   : kubedns_server_fault(word, false);
		if (fault)
			problem_with_file(&maker->problems, "--nameservers", "\"%s\": %s", word,
					  fault);
		if (n < FORWARD_UPSTREAMS_MAX)
			items[n++] = word;
		else
			break;
	}
	return (struct kube_strings){items, n};
}

static void check_federations(struct maker *maker)
{
	const char *text = maker->options->federations;
	const char *fault = text ? kubedns_federations_fault(text) : NULL;

	if (fault)
		problem_with_file(&maker->problems, "--federations", "%s", fault);
	else if (text && *text)
		text_puts(maker->notes, "--federations: " KUBEDNS_FEDERATIONS_NOTE "\n");
}

static void read_flags(struct maker *maker)
{
	const struct kubedns_options *options = maker->options;

	read_domain(maker);
	read_server(maker);
	check_federations(maker);
	if (options->kubecfg_file)
		check_path(maker, "--kubecfg-file", options->kubecfg_file);
	if (options->has_profiling)
		text_puts(maker->notes, "--profiling: there are no profiles here\n");
}

/* ---- the Corefile ---- */

/* ":10054", "127.0.0.1:10054" or "[::1]:10054": as `health` and `prometheus` take it. */
static const char *sidecar_text(struct maker *maker)
{
	const char *address =
		read_address(maker, "--prometheus-addr", maker->options->prometheus_addr);
	bool is_v6 = address && strchr(address, ':');

	return arena_printf(&maker->arena, is_v6 ? "[%s]:%u" : "%s:%u", address ? address : "",
			    (unsigned)maker->options->prometheus_port);
}

static void put_keys(struct maker *maker, const char *zone)
{
	unsigned port = maker->options->dns_port;

	text_printf(maker->out, "%s:%u", zone, port);
	if (port == KUBEDNS_PORT_BEHIND_DNSMASQ)
		text_printf(maker->out, " %s:%u", zone, DNS_PORT);
	text_puts(maker->out, " {\n");
}

static void put_forward(struct maker *maker, const char *from, const struct kube_strings *to)
{
	text_printf(maker->out, "    forward %s", from);
	for (size_t i = 0; i < to->n; i++)
		text_printf(maker->out, " %s", to->items[i]);
	text_puts(maker->out, "\n");
}

/* What every block has; the cache is dnsmasq's, by the arguments in the manifest. */
static void put_usual(struct maker *maker, const char *address, const char *sidecar)
{
	if (address)
		text_printf(maker->out, "    bind %s\n", address);
	text_printf(maker->out,
		    "    errors\n"
		    "    prometheus %s\n"
		    "    cache {\n"
		    "        success 1000\n"
		    "        disable denial\n"
		    "    }\n"
		    "    loop\n",
		    sidecar);
}

static void put_kubernetes(struct maker *maker)
{
	const struct kubedns_options *options = maker->options;

	text_printf(maker->out,
		    "    kubernetes %s in-addr.arpa ip6.arpa {\n"
		    "        pods insecure\n"
		    "        ttl 30\n"
		    "        fallthrough in-addr.arpa ip6.arpa\n"
		    "        minimal_rights\n",
		    maker->domain);
	if (options->kubecfg_file && *options->kubecfg_file)
		text_printf(maker->out, "        kubeconfig \"%s\"\n", options->kubecfg_file);
	if (maker->server)
		text_printf(maker->out, "        server \"%s\"\n", maker->server);
	if (options->initial_sync_timeout_ms > 0)
		text_printf(maker->out, "        startup_timeout %llums\n",
			    (unsigned long long)options->initial_sync_timeout_ms);
	text_puts(maker->out, "    }\n");
}

/* Do the cluster's zones lie in the stub domain? */
static bool is_above_cluster(const struct maker *maker, const struct kubedns_stub *stub)
{
	for (size_t i = 0; i < ARRAY_LEN(maker->zones); i++) {
		if (dns_name_is_in(&maker->zones[i], &stub->name))
			return true;
	}
	return false;
}

static void put_upstreams(struct maker *maker)
{
	static const char *const node[] = {"/etc/resolv.conf"};
	struct kube_strings nameservers = read_nameservers(maker);
	const struct kube_strings usual = {node, 1};

	if (maker->map.upstreams.n > 0)
		put_forward(maker, ".", &maker->map.upstreams);
	else
		put_forward(maker, ".", nameservers.n > 0 ? &nameservers : &usual);
}

static void put_root(struct maker *maker, const char *address, const char *sidecar)
{
	const struct kubedns_options *options = maker->options;
	unsigned period_ms = options->config_period_ms < RELOAD_MS_MIN
				     ? RELOAD_MS_MIN
				     : (unsigned)options->config_period_ms;

	put_keys(maker, ".");
	put_usual(maker, address, sidecar);
	text_printf(maker->out, "    health %s {\n        lameduck 5s\n    }\n", sidecar);
	text_printf(maker->out, "    ready :%u\n", (unsigned)options->healthz_port);
	if (options->config_dir)
		text_printf(maker->out, "    reload %ums 1s\n", period_ms);
	put_kubernetes(maker);
	for (size_t i = 0; i < maker->map.n_stubs; i++) {
		const struct kubedns_stub *stub = &maker->map.stubs[i];

		if (dns_name_equal(&stub->name, &maker->zones[0]))
			text_printf(maker->notes,
				    "stubDomains: %s is the cluster's own domain, and no stub "
				    "domain\n",
				    stub->domain);
		else if (is_above_cluster(maker, stub))
			put_forward(maker, stub->domain, &stub->servers);
	}
	put_upstreams(maker);
	text_puts(maker->out, "}\n");
}

static void put_stubs(struct maker *maker, const char *address, const char *sidecar)
{
	for (size_t i = 0; i < maker->map.n_stubs; i++) {
		const struct kubedns_stub *stub = &maker->map.stubs[i];

		if (is_above_cluster(maker, stub))
			continue;
		put_keys(maker, stub->domain);
		put_usual(maker, address, sidecar);
		put_forward(maker, ".", &stub->servers);
		text_puts(maker->out, "}\n");
	}
}

static void put_corefile(struct maker *maker)
{
	const char *address =
		read_address(maker, "--dns-bind-address", maker->options->dns_bind_address);
	const char *sidecar = sidecar_text(maker);

	put_root(maker, address, sidecar);
	put_stubs(maker, address, sidecar);
}

int config_kubedns_corefile(const struct kubedns_options *options,
			    const struct config_machine *machine, struct text *corefile,
			    struct text *notes, struct text *problems)
{
	struct text found = {0};
	struct maker maker = {
		.options = options,
		.machine = machine,
		.notes = notes,
		.problems = {.lines = problems, .notes = notes},
		.out = &found,
	};
	struct kubedns_reader reader = {machine, &maker.arena, &maker.problems, notes};
	bool is_good;

	read_flags(&maker);
	if (options->config_dir && !options->ignores_config_map)
		kubedns_map_read(&maker.map, options->config_dir, &reader);
	put_corefile(&maker); /* what is wrong with flags shows here, too */
	is_good = maker.problems.n == 0;
	if (is_good)
		text_append(corefile, found.bytes, found.len);
	text_fini(&found);
	arena_fini(&maker.arena);
	return is_good ? 0 : -EINVAL;
}

/* ---- loading ---- */

/* A machine, and on it the Corefile that is nowhere. */
struct machine_with_corefile {
	const struct config_machine *real;
	const struct text *corefile;
};

static int read_with_corefile(void *arg, const char *path, struct text *content)
{
	const struct machine_with_corefile *with = arg;

	if (strcmp(path, PATH) != 0)
		return with->real->read(with->real->arg, path, content);
	text_append(content, with->corefile->bytes, with->corefile->len);
	return 0;
}

static int list_with_corefile(void *arg, const char *pattern,
			      bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	const struct machine_with_corefile *with = arg;

	return with->real->list(with->real->arg, pattern, on_path, on_arg);
}

static const char *env_with_corefile(void *arg, const char *name)
{
	const struct machine_with_corefile *with = arg;

	return with->real->env(with->real->arg, name);
}

static int load(struct config *config, const struct text *corefile,
		const struct config_machine *real, const struct config_options *options,
		struct text *problems)
{
	struct machine_with_corefile with = {real, corefile};
	struct config_machine machine = {.arg = &with,
					 .read = read_with_corefile,
					 .list = list_with_corefile,
					 .env = env_with_corefile,
					 .interfaces = real->interfaces,
					 .n_interfaces = real->n_interfaces};

	return config_load_on(config, PATH, &machine, options, problems);
}

struct paths { /* an ARRAY(struct config_http_path) */
	struct config_http_path *items;
	size_t len, cap;
};

static void add_path(struct paths *paths, const struct config_http *at, const char *path,
		     enum config_http_kind kind)
{
	struct config_http_path added = {*at, path, kind};

	ARRAY_PUSH(paths, added);
}

/* What kube-dns's own metrics had: a port and a path in the environment. */
static void add_metrics(struct config *config, const struct config_machine *machine,
			struct paths *paths)
{
	const char *port = machine->env(machine->arg, "PROMETHEUS_PORT");
	const char *path = machine->env(machine->arg, "PROMETHEUS_PATH");
	struct config_http at = {0};

	if (!port || port_read(port) == 0)
		return;
	CHECK(http_read(arena_printf(&config->arena, ":%s", port), &at));
	path = path && *path ? path : "/metrics";
	add_path(paths, &at, arena_strndup(&config->arena, path, strlen(path)),
		 CONFIG_HTTP_METRICS);
}

/* Beside /ready, /health and /metrics, which are the Corefile's and at the same addresses. */
static void fill_paths(struct config *config, const struct config_machine *machine)
{
	static const char *const healthy[] = {"/healthcheck/kubedns", "/healthcheck/dnsmasq",
					      "/healthz"};
	struct paths paths = {0};
	struct config_http_path *copy;

	for (size_t i = 0; i < config->n_ready; i++)
		add_path(&paths, &config->ready[i], "/readiness", CONFIG_HTTP_READY);
	for (size_t i = 0; i < config->n_health; i++) {
		for (size_t k = 0; k < ARRAY_LEN(healthy); k++)
			add_path(&paths, &config->health[i], healthy[k], CONFIG_HTTP_HEALTH);
	}
	add_metrics(config, machine, &paths);
	copy = arena_alloc(&config->arena, (paths.len + 1) * sizeof(*copy));
	for (size_t i = 0; i < paths.len; i++)
		copy[i] = paths.items[i];
	config->paths = copy;
	config->n_paths = paths.len;
	ARRAY_FINI(&paths);
}

/* The first line of a copy: what the flags come to, a bad ConfigMap or not. */
static int write_flags_line(const struct kubedns_options *options,
			    const struct config_machine *machine, struct text *line,
			    struct text *problems)
{
	struct kubedns_options without = *options;
	struct text corefile = {0}, notes = {0};
	int error;

	without.ignores_config_map = true;
	error = config_kubedns_corefile(&without, machine, &corefile, &notes, problems);
	if (error == 0)
		text_printf(line, "# kube-dns's flags: %016llx\n",
			    (unsigned long long)XXH3_64bits(corefile.bytes, corefile.len));
	text_fini(&corefile);
	text_fini(&notes);
	return error;
}

/* A copy that was made with other flags would serve another domain or port than those of now. */
static int read_kept(const struct kubedns_options *options, const struct config_machine *machine,
		     struct text *corefile, struct text *problems)
{
	struct problems all = {.lines = problems};
	struct text line = {0};
	int error = write_flags_line(options, machine, &line, problems);

	if (error != 0)
		return error;
	error = machine->read(machine->arg, options->kept, corefile);
	if (error != 0) {
		problem_with_file(&all, options->kept, "%s", strerror(-error));
	} else if (corefile->len < line.len || memcmp(corefile->bytes, line.bytes, line.len) != 0) {
		problem_with_file(&all, options->kept, "it was made with other flags");
		error = -EINVAL;
	}
	text_fini(&line);
	return error;
}

/* What is kept says for which flags. */
static void mark_flat(struct config *config, const struct kubedns_options *options,
		      const struct config_machine *machine)
{
	struct text marked = {0}, problems = {0};

	if (config->flat.len > 0 && write_flags_line(options, machine, &marked, &problems) == 0) {
		text_append(&marked, config->flat.bytes, config->flat.len);
		text_fini(&config->flat);
		config->flat = marked;
	}
	text_fini(&problems);
}

int config_load_kubedns_on(struct config *config, const struct kubedns_options *options,
			   const struct config_machine *machine,
			   const struct config_options *config_options, struct text *problems)
{
	struct text corefile = {0}, notes = {0};
	int error;

	*config = (struct config){0};
	error = options->kept
			? read_kept(options, machine, &corefile, problems)
			: config_kubedns_corefile(options, machine, &corefile, &notes, problems);
	if (error == 0)
		error = load(config, &corefile, machine, config_options, problems);
	if (error == 0) {
		mark_flat(config, options, machine);
		fill_paths(config, machine);
		config->corefile = corefile;
		corefile = (struct text){0};
		text_append(&config->notes, notes.bytes, notes.len);
	}
	config->files = config_kubedns_files(options, &config->arena, &config->n_files);
	text_fini(&corefile);
	text_fini(&notes);
	return error;
}

int config_load_kubedns(struct config *config, const struct kubedns_options *options,
			const struct config_options *config_options, struct text *problems)
{
	struct machine machine = {0};
	int error;

	machine_init(&machine);
	error = config_load_kubedns_on(config, options, &machine.config, config_options, problems);
	machine_fini(&machine);
	return error;
}

const char *const *config_kubedns_files(const struct kubedns_options *options, struct arena *arena,
					size_t *n)
{
	const char **files = arena_alloc(arena, (N_KUBEDNS_KEYS + 1) * sizeof(*files));

	*n = 0;
	for (size_t i = 0; options->config_dir && i < N_KUBEDNS_KEYS; i++)
		files[(*n)++] = arena_printf(arena, "%s/%s", options->config_dir, kubedns_keys[i]);
	return files;
}
