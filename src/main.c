/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts the modules together and ends them in order. The happy path: options, Corefile, sockets (all
 * bound before anything runs), the kube thread, the ops endpoints, the workers; then the main loop
 * until a signal. Leaving is a small machine:
 *
 *   RUNNING --signal--> LAMEDUCK --lameduck over--> DRAINING --workers ended--> ENDED (the loop
 * runs out) any --second signal--> exits at once with 130
 *
 * What may fail at start says so on stderr and ends with an exit code of the help text. Main
 * thread; owner of everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/rcu.h"
#include "config/config.h"
#include "kube/kube.h"
#include "net/net.h"
#include "ops/ops.h"
#include "options.h"

enum exit_code {
	EXIT_FINE = 0,
	EXIT_CONFIG = 1,
	EXIT_USAGE = 2,
	EXIT_START = 3,
	EXIT_FORCED = 130
};

#define LOG_RING_BYTES (1u << 18)

enum server_state { SERVER_RUNNING, SERVER_LAMEDUCK, SERVER_DRAINING, SERVER_ENDED };

/* Those that end the server, and those of a reload, which must not. */
static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
#define N_SIGNALS ARRAY_LEN(signals)

struct server {
	enum server_state state;
	struct config config;
	struct log *log;
	struct log_channel *channel;
	struct table **tables; /* owned: one for each source */
	struct net *net;
	struct kube *kube;
	struct ops *ops;
	uint64_t start_unix_ms;
	uv_loop_t loop;
	uv_signal_t signals[N_SIGNALS];
	uv_timer_t lameduck;
};

static unsigned on_health(void *arg, struct text *body)
{
	text_puts(body, "OK");
	return 200;
}

static unsigned on_ready(void *arg, struct text *body)
{
	struct server *server = arg;

	if (server->state != SERVER_RUNNING) {
		text_puts(body, "shutting down\n");
		return 503;
	}
	if (!kube_status(server->kube, body))
		return 503;
	text_puts(body, "OK");
	return 200;
}

static unsigned on_metrics(void *arg, struct text *body)
{
	struct server *server = arg;
	static const struct metrics_label build[] = {
		{"version", KANAME_VERSION}, {"revision", ""}, {"goversion", ""}};

	metrics_family(body, "coredns_build_info", "gauge",
		       "A metric with a constant '1' value labeled by version, revision, and "
		       "goversion from which CoreDNS was built.");
	metrics_sample(body, "coredns_build_info", build, ARRAY_LEN(build), 1);
	metrics_family(body, "coredns_panics_total", "counter", "Always 0: kaname has no panics.");
	metrics_sample(body, "coredns_panics_total", NULL, 0, 0);
	metrics_family(body, "process_start_time_seconds", "gauge",
		       "Start time of the process since unix epoch in seconds.");
	metrics_sample(body, "process_start_time_seconds", NULL, 0,
		       (double)server->start_unix_ms / 1000);
	metrics_family(body, "kaname_log_lines_dropped_total", "counter",
		       "Log lines dropped because what reads them was too slow.");
	metrics_sample(body, "kaname_log_lines_dropped_total", NULL, 0,
		       (double)log_dropped(server->log));
	net_metrics_write(server->net, body);
	kube_metrics_write(server->kube, body);
	return 200;
}

/* ---- leaving ---- */

static void on_drained(void *arg)
{
	struct server *server = arg;

	server->state = SERVER_ENDED;
	ops_close(server->ops);
	for (size_t i = 0; i < N_SIGNALS; i++)
		uv_close((uv_handle_t *)&server->signals[i], NULL);
	uv_close((uv_handle_t *)&server->lameduck, NULL);
}

static void on_lameduck_over(uv_timer_t *timer)
{
	struct server *server = timer->data;

	server->state = SERVER_DRAINING;
	net_drain(server->net);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;

	if (number != SIGTERM && number != SIGINT) {
		log_printf(server->channel, LOG_WARNING,
			   "signal %d: reload is not there yet, the Corefile stays as it was read",
			   number);
		return;
	}
	if (server->state != SERVER_RUNNING)
		_exit(EXIT_FORCED);
	server->state = SERVER_LAMEDUCK;
	log_printf(server->channel, LOG_INFO, "%s: Terminating",
		   number == SIGTERM ? "SIGTERM" : "SIGINT");
	uv_timer_start(&server->lameduck, on_lameduck_over, server->config.lameduck_ms, 0);
}

/* ---- starting ---- */

static int fail(const char *what, const struct text *why)
{
	fprintf(stderr, "kaname: %s: %s\n", what, why->len ? why->bytes : "unknown error");
	return EXIT_START;
}

static void add_endpoints(struct ops_endpoint *endpoints, size_t *n, const struct config_http *http,
			  size_t n_http, const struct ops_endpoint *like)
{
	for (size_t i = 0; i < n_http; i++) {
		endpoints[*n] = *like;
		endpoints[*n].address = http[i].address;
		endpoints[*n].is_wildcard = http[i].is_wildcard;
		(*n)++;
	}
}

static const struct ops_endpoint like_kind[] = {
	[CONFIG_HTTP_HEALTH] = {.handler = on_health},
	[CONFIG_HTTP_READY] = {.handler = on_ready},
	[CONFIG_HTTP_METRICS] = {.is_metrics = true, .handler = on_metrics},
};

/* Those of kube-dns. */
static void add_paths(struct ops_endpoint *endpoints, size_t *n, const struct config *config,
		      struct server *server)
{
	for (size_t i = 0; i < config->n_paths; i++) {
		struct ops_endpoint like = like_kind[config->paths[i].kind];

		like.path = config->paths[i].path;
		like.arg = server;
		add_endpoints(endpoints, n, &config->paths[i].at, 1, &like);
	}
}

static int start_ops(struct server *server, struct text *why)
{
	const struct config *config = &server->config;
	size_t n = 0,
	       n_all = config->n_health + config->n_ready + config->n_prometheus + config->n_paths;
	struct ops_endpoint *endpoints = mem_zalloc(n_all * sizeof(*endpoints));
	int err;

	add_endpoints(endpoints, &n, config->health, config->n_health,
		      &(struct ops_endpoint){.path = "/health", .handler = on_health});
	add_endpoints(endpoints, &n, config->ready, config->n_ready,
		      &(struct ops_endpoint){.path = "/ready", .handler = on_ready, .arg = server});
	add_endpoints(endpoints, &n, config->prometheus, config->n_prometheus,
		      &(struct ops_endpoint){.path = "/metrics",
					     .is_metrics = true,
					     .handler = on_metrics,
					     .arg = server});
	add_paths(endpoints, &n, config, server);
	err = ops_open(&server->ops, &server->loop, endpoints, n, why);
	free(endpoints);
	return err;
}

/* Everything that can fail, in the order that lets it fail before anything serves. */
static int start(struct server *server, struct text *why)
{
	struct config *config = &server->config;
	enum log_level least = config->has_debug ? LOG_DEBUG : LOG_INFO;
	int err = log_open(&server->log, STDOUT_FILENO, least);

	if (err != 0) {
		text_printf(why, "log: %s", uv_strerror(err));
		return err;
	}
	server->channel = log_channel_new(server->log, LOG_RING_BYTES);
	server->tables = mem_zalloc(config->kube.n_sources * sizeof(struct table *));
	for (size_t i = 0; i < config->kube.n_sources; i++)
		server->tables[i] = table_new();
	config->query.tables = server->tables;
	err = net_open(&server->net, &config->net, &config->query, server->log, why);
	if (err != 0)
		return err;
	err = start_ops(server, why);
	if (err != 0)
		return err;
	return kube_open(&server->kube, &config->kube, server->tables, server->log, why);
}

static void stop(struct server *server)
{
	kube_close(server->kube);
	if (server->net)
		net_free(server->net);
	for (size_t i = 0; server->tables && i < server->config.kube.n_sources; i++)
		table_free(server->tables[i]);
	free(server->tables);
	log_close(server->log);
	config_free(&server->config);
}

static void banner(const struct server *server)
{
	const struct query_config *query = &server->config.query;

	for (size_t s = 0; s < query->n_servers; s++) {
		for (size_t v = 0; v < query->servers[s].n_views; v++) {
			const struct query_view_config *view = &query->servers[s].views[v];

			log_printf(server->channel, LOG_INFO, "serving %s on %s", view->zone_text,
				   view->server_text);
		}
	}
	if (server->config.reload_ms > 0)
		log_printf(server->channel, LOG_WARNING,
			   "reload: not there yet, the Corefile stays as it was read");
	log_printf(server->channel, LOG_INFO, "kaname %s, %u worker%s", KANAME_VERSION,
		   server->config.net.n_workers, server->config.net.n_workers == 1 ? "" : "s");
}

static void watch_signals(struct server *server)
{
	for (size_t i = 0; i < N_SIGNALS; i++) {
		uv_signal_init(&server->loop, &server->signals[i]);
		server->signals[i].data = server;
		uv_signal_start(&server->signals[i], on_signal, signals[i]);
	}
}

static int serve(struct server *server, const struct options *options)
{
	struct text why = {0};
	int code = EXIT_FINE;

	signal(SIGPIPE, SIG_IGN);
	rcu_register();
	server->start_unix_ms = clock_unix_ms();
	CHECK(uv_loop_init(&server->loop) == 0);
	if (start(server, &why) != 0) {
		code = fail("cannot start", &why);
		ops_close(server->ops);
	} else {
		if (!options->is_quiet)
			banner(server);
		watch_signals(server);
		uv_timer_init(&server->loop, &server->lameduck);
		server->lameduck.data = server;
		net_start(server->net, &server->loop, on_drained, server);
	}
	uv_run(&server->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&server->loop) == 0);
	stop(server);
	rcu_unregister();
	text_fini(&why);
	return code;
}

static bool write_pidfile(const char *path)
{
	FILE *file = fopen(path, "w");
	bool is_written = file && fprintf(file, "%d\n", (int)getpid()) > 0;

	if (file && fclose(file) != 0)
		is_written = false;
	if (!is_written)
		fprintf(stderr, "kaname: pidfile %s: %s\n", path, strerror(errno));
	return is_written;
}

/* A closed stdin, stdout or stderr would become one of our own descriptors, and be written to. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void print_plugins(void)
{
	for (size_t i = 0; config_directive(i); i++)
		printf("dns.%s\n", config_directive(i));
}

/* As config_load takes it. */
static const char *corefile_name(const struct options *options)
{
	if (options->kubedns_flag)
		return "kube-dns's flags and ConfigMap";
	if (options->corefile)
		return options->corefile;
	return access("Corefile", F_OK) == 0 ? "Corefile" : "kubeadm's Corefile";
}

#define CACHE_BYTES_LEAST (4u << 20)
#define CACHE_BYTES_MOST (256u << 20)
#define CACHE_BYTES_USUAL (32u << 20) /* where memory has no limit */

/* For the caches of all workers: an eighth of what the process may use. */
static uint64_t caches_share(void)
{
	uint64_t limit = memory_limit("");

	if (limit == UINT64_MAX)
		return CACHE_BYTES_USUAL;
	if (limit / 8 < CACHE_BYTES_LEAST)
		return CACHE_BYTES_LEAST;
	return limit / 8 < CACHE_BYTES_MOST ? limit / 8 : CACHE_BYTES_MOST;
}

/* kube-dns, too, starts without a ConfigMap that is bad, and goes on looking at it. */
static int load_kubedns(struct config *config, const struct options *options,
			const struct config_options *config_options, struct text *problems)
{
	int err = config_load_kubedns(config, &options->kubedns, config_options, problems);

	if (err == 0 || options->is_check || !options->kubedns.config_dir)
		return err;

	struct kubedns_options without = options->kubedns;
	struct text rest = {0};

	without.ignores_config_map = true;
	err = config_load_kubedns(config, &without, config_options, &rest);
	if (err == 0)
		fprintf(stderr,
			"%skaname: the ConfigMap in %s is bad: it starts without stub domains and "
			"upstreams\n",
			problems->bytes, options->kubedns.config_dir);
	text_fini(&rest);
	return err;
}

static int load(struct config *config, const struct options *options,
		const struct config_options *config_options, struct text *problems)
{
	if (options->kubedns_flag)
		return load_kubedns(config, options, config_options, problems);
	return config_load(config, options->corefile, config_options, problems);
}

int main(int argc, char **argv)
{
	struct server server = {0};
	struct options options;
	struct text problems = {0};

	open_standard_descriptors();
	if (!options_parse(&options, argc, argv))
		return EXIT_USAGE;
	if (options.is_help) {
		options_help();
		return EXIT_FINE;
	}
	if (options.is_version || options.is_plugins) {
		if (options.is_version)
			puts("kaname-" KANAME_VERSION);
		else
			print_plugins();
		return EXIT_FINE;
	}

	struct config_options config_options = {.default_port = options.port,
						.n_cpus = cpu_quota(""),
						.cache_bytes = caches_share()};

	if (load(&server.config, &options, &config_options, &problems) != 0) {
		fputs(problems.bytes, stderr);
		text_fini(&problems);
		return EXIT_CONFIG;
	}
	text_fini(&problems);
	if (options.is_check) {
		if (server.config.corefile.len > 0)
			fputs(server.config.corefile.bytes, stdout);
		if (server.config.notes.len > 0)
			fputs(server.config.notes.bytes, stdout);
		printf("%s: fine\n", corefile_name(&options));
		config_free(&server.config);
		return EXIT_FINE;
	}
	if (options.pidfile && !write_pidfile(options.pidfile)) {
		config_free(&server.config);
		return EXIT_START;
	}
	return serve(&server, &options);
}
