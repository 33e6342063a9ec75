/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: sockets (all bound before anything runs), the kube threads, the ops endpoints,
 * the workers; then the main loop until a signal. Leaving is a small machine:
 *
 *   RUNNING --SIGTERM, SIGINT--> LEAVING --lameduck over, and no query for a while--> DRAINING
 *   --workers ended--> ENDED (the loop runs out)       any --second signal--> exits at once with
 * 130
 *
 * What may fail at the start says so on stderr and ends with an exit code of the help text.
 */
#include "server.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/rcu.h"
#include "metrics.h"

#define LOG_RING_BYTES (1u << 18)
#define TICK_MS 1000
#define LEAVING_TICK_MS 50
#define LEAVING_MAX_MS 60000
#define TAKE_OVER_MAX_MS 60000

/* Those that end the server, those that reload, and one that must not end it. */
static const int signal_numbers[SERVER_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

/* ---- what the endpoints say ---- */

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
	if (!server_is_synced(server, server->config, body))
		return 503;
	net_join(server->net);
	if (!net_is_joined(server->net)) {
		text_puts(body, "taking over the port\n");
		return 503;
	}
	text_puts(body, "OK");
	return 200;
}

static unsigned on_metrics(void *arg, struct text *body)
{
	struct server *server = arg;
	const struct metrics_page page = {.log = server->log,
					  .net = server->net,
					  .kubes = server->kubes,
					  .n_kubes = server->n_sources,
					  .self = server->self,
					  .reloads_failed = server->reload.n_failed,
					  .reload_hash = "xxh128",
					  .reload_value = server->config->hash};

	metrics_page_write(&page, body);
	saturation_metrics_write(&server->saturation, body);
	reload_metrics_write(server, body);
	config_metrics_write(server->config, body);
	return 200;
}

static unsigned on_top(void *arg, struct text *body)
{
	struct server *server = arg;

	net_top_write(server->net, body);
	return 200;
}

/* ---- leaving ---- */

static void on_drained(void *arg)
{
	struct server *server = arg;

	server->state = SERVER_ENDED;
	ops_self_close(server->self);
	server->self = NULL;
	ops_close(server->ops);
	for (size_t i = 0; i < SERVER_SIGNALS; i++)
		uv_close((uv_handle_t *)&server->signals[i], NULL);
	uv_close((uv_handle_t *)&server->tick, NULL);
}

static void see_queries(struct server *server)
{
	uint64_t n = net_queries(server->net);

	if (n == server->n_queries)
		return;
	server->n_queries = n;
	server->last_query_ms = uv_now(&server->loop);
}

/* Clients go on asking for a while after the endpoint is gone from their tables (users.md 5.1). */
static void leave(struct server *server)
{
	uint64_t now = uv_now(&server->loop), since = now - server->leaving_since_ms;
	uint64_t lameduck_ms = server->config->lameduck_ms;
	uint64_t most_ms = lameduck_ms > LEAVING_MAX_MS ? lameduck_ms : LEAVING_MAX_MS;

	if (since < lameduck_ms || (now - server->last_query_ms < server->options->quiet_ms &&
				    since < most_ms && !net_is_shared(server->net)))
		return;
	server->state = SERVER_DRAINING;
	net_drain(server->net);
}

/* Where an older process serves our port we take our part when we can answer, or when there is no
 * knowing whether we ever can. */
static void take_over(struct server *server)
{
	struct text missing = {0};

	if (net_is_joined(server->net))
		return;
	if (server_is_synced(server, server->config, &missing) ||
	    uv_now(&server->loop) - server->serving_since_ms > TAKE_OVER_MAX_MS)
		net_join(server->net);
	text_fini(&missing);
}

/* The files of `hosts` and their like, in every state: what is served is what they say. */
static void refresh(struct server *server)
{
	struct text lines = {0};

	(void)config_refresh(server->config, uv_now(&server->loop), &lines);
	server_log_lines(server, LOG_WARNING, lines.bytes);
	text_fini(&lines);
}

static void on_tick(uv_timer_t *tick)
{
	struct server *server = tick->data;

	see_queries(server);
	saturation_tick(&server->saturation, server->net, uv_now(&server->loop));
	refresh(server);
	switch (server->state) {
	case SERVER_RUNNING:
		take_over(server);
		reload_tick(server);
		break;
	case SERVER_LEAVING:
		leave(server);
		break;
	case SERVER_DRAINING:
	case SERVER_ENDED:
		break;
	}
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;

	if (number == SIGHUP || number == SIGUSR1) {
		server->reload.is_wanted = true;
		on_tick(&server->tick);
		return;
	}
	if (number == SIGUSR2) {
		log_printf(server->channel, LOG_WARNING,
			   "SIGUSR2: nothing is done; SIGHUP reloads, SIGTERM ends");
		return;
	}
	if (server->state != SERVER_RUNNING)
		_exit(EXIT_FORCED);
	reload_stop(server);
	server->state = SERVER_LEAVING;
	server->leaving_since_ms = uv_now(&server->loop);
	log_printf(server->channel, LOG_INFO, "%s: Terminating",
		   number == SIGTERM ? "SIGTERM" : "SIGINT");
	uv_timer_start(&server->tick, on_tick, 0, LEAVING_TICK_MS);
}

/* ---- sources ---- */

static bool has_source(const struct config *config, size_t i)
{
	return i < config->kube.n_sources && kube_source_is_used(&config->kube.sources[i]);
}

static void make_room(struct server *server, size_t n)
{
	if (n <= server->n_sources)
		return;

	struct table **tables = mem_zalloc(n * sizeof(*tables));
	struct kube **kubes = mem_zalloc(n * sizeof(*kubes));

	for (size_t i = 0; i < server->n_sources; i++) {
		tables[i] = server->tables[i];
		kubes[i] = server->kubes[i];
	}
	free(server->tables);
	free(server->kubes);
	server->tables = tables;
	server->kubes = kubes;
	server->n_sources = n;
}

int server_open_sources(struct server *server, struct config *config, struct text *why)
{
	size_t n = config->kube.n_sources;
	struct table **tables = arena_alloc(&config->arena, (n + 1) * sizeof(*tables));

	make_room(server, n);
	for (size_t i = 0; i < n; i++) {
		int error;

		if (!has_source(config, i))
			continue;
		if (!server->tables[i])
			server->tables[i] = table_new();
		tables[i] = server->tables[i];
		if (server->kubes[i])
			continue;
		error = kube_open(&server->kubes[i], &config->kube.sources[i], tables[i],
				  server->log, why);
		if (error != 0)
			return error;
	}
	config->query.tables = tables;
	return 0;
}

void server_close_sources(struct server *server)
{
	for (size_t i = 0; i < server->n_sources; i++) {
		if (has_source(server->config, i))
			continue;
		kube_close(server->kubes[i]);
		if (server->tables[i])
			table_free(server->tables[i]);
		server->kubes[i] = NULL;
		server->tables[i] = NULL;
	}
}

bool server_is_synced(struct server *server, const struct config *config, struct text *why)
{
	bool is_synced = true;

	for (size_t i = 0; i < config->kube.n_sources; i++) {
		if (has_source(config, i) && server->kubes[i])
			is_synced &= kube_status(server->kubes[i], why);
	}
	return is_synced;
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

/* Those of kube-dns. */
static void add_paths(struct ops_endpoint *endpoints, size_t *n, const struct config *config,
		      struct server *server)
{
	static const struct ops_endpoint kinds[] = {
		[CONFIG_HTTP_HEALTH] = {.handler = on_health},
		[CONFIG_HTTP_READY] = {.handler = on_ready},
		[CONFIG_HTTP_METRICS] = {.is_metrics = true, .handler = on_metrics},
	};

	for (size_t i = 0; i < config->n_paths; i++) {
		struct ops_endpoint like = kinds[config->paths[i].kind];

		like.path = config->paths[i].path;
		like.arg = server;
		add_endpoints(endpoints, n, &config->paths[i].at, 1, &like);
	}
}

int server_open_ops(struct server *server, const struct config *config, struct text *why)
{
	size_t n = 0, n_all = config->n_health + config->n_ready + 2 * config->n_prometheus +
			      config->n_paths;
	struct ops_endpoint *endpoints = mem_zalloc((n_all + 1) * sizeof(*endpoints));
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
	add_endpoints(
		endpoints, &n, config->prometheus, config->n_prometheus,
		&(struct ops_endpoint){.path = "/debug/top", .handler = on_top, .arg = server});
	add_paths(endpoints, &n, config, server);
	err = server->ops ? ops_stage(server->ops, endpoints, n, why)
			  : ops_open(&server->ops, &server->loop, endpoints, n, why);
	free(endpoints);
	return err;
}

void server_ask_itself(struct server *server, const struct config *config)
{
	struct ops_endpoint endpoint = {.path = "/health"};

	ops_self_close(server->self);
	server->self = NULL;
	if (config->n_health == 0)
		return;
	endpoint.address = config->health[0].address;
	endpoint.is_wildcard = config->health[0].is_wildcard;
	server->self = ops_self_open(&server->loop, &endpoint, server->channel);
}

/* Everything that can fail, in the order that lets it fail before anything serves. */
static int start(struct server *server, struct text *why)
{
	struct config *config = server->config;
	enum log_level least = config->has_debug ? LOG_DEBUG : LOG_INFO;
	int err = log_open(&server->log, STDOUT_FILENO, least);

	if (err != 0) {
		text_printf(why, "log: %s", uv_strerror(err));
		return err;
	}
	server->channel = log_channel_new(server->log, LOG_RING_BYTES);
	err = net_open(&server->net, &config->net, &config->query, server->log, why);
	if (err != 0)
		return err;
	saturation_init(&server->saturation, server->net);
	err = server_open_ops(server, config, why);
	if (err != 0)
		return err;
	server_ask_itself(server, config);
	return server_open_sources(server, config, why);
}

void server_free_config(struct config *config)
{
	if (!config)
		return;
	config_free(config);
	free(config);
}

static void stop(struct server *server)
{
	for (size_t i = 0; i < server->n_sources; i++)
		kube_close(server->kubes[i]);
	if (server->net)
		net_free(server->net);
	saturation_fini(&server->saturation);
	for (size_t i = 0; i < server->n_sources; i++) {
		if (server->tables[i])
			table_free(server->tables[i]);
	}
	free(server->tables);
	free(server->kubes);
	log_close(server->log);
	reload_fini(server);
	server_free_config(server->config);
}

void server_log_lines(struct server *server, enum log_level level, const char *lines)
{
	while (lines && *lines) {
		int len = (int)strcspn(lines, "\n");

		log_printf(server->channel, level, "%.*s", len, lines);
		lines += len;
		lines += *lines == '\n';
	}
}

void server_banner(struct server *server)
{
	const struct query_config *query = &server->config->query;

	for (size_t s = 0; s < query->n_servers; s++) {
		for (size_t v = 0; v < query->servers[s].n_views; v++) {
			const struct query_view_config *view = &query->servers[s].views[v];

			log_printf(server->channel, LOG_INFO, "serving %s on %s", view->zone_text,
				   view->server_text);
		}
	}
	server_log_lines(server, LOG_WARNING, server->config->notes.bytes);
	log_printf(server->channel, LOG_INFO, "kaname %s, %u worker%s", KANAME_VERSION,
		   server->config->net.n_workers, server->config->net.n_workers == 1 ? "" : "s");
}

void server_keep(struct server *server, const struct config *config)
{
	int error;

	if (!server->options->state_dir)
		return;
	error = reload_keep(server->options, config);
	if (error != 0)
		log_printf(server->channel, LOG_ERROR,
			   "the good configuration could not be kept in %s: %s",
			   server->options->state_dir, uv_strerror(error));
}

static void watch_signals(struct server *server)
{
	for (size_t i = 0; i < SERVER_SIGNALS; i++) {
		uv_signal_init(&server->loop, &server->signals[i]);
		server->signals[i].data = server;
		uv_signal_start(&server->signals[i], on_signal, signal_numbers[i]);
	}
}

static void serve(struct server *server)
{
	if (!server->options->is_quiet)
		server_banner(server);
	if (server->is_last_good)
		log_printf(server->channel, LOG_ERROR, "the configuration is bad: this is %s",
			   server->options->kubedns_flag ? "an older one, or what kube-dns has "
							   "without its ConfigMap"
							 : "the last good one");
	watch_signals(server);
	uv_timer_init(&server->loop, &server->tick);
	server->tick.data = server;
	uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
	reload_init(server);
	if (!server->is_last_good)
		server_keep(server, server->config);
	server->serving_since_ms = uv_now(&server->loop);
	net_start(server->net, &server->loop, on_drained, server);
}

int server_run(const struct options *options, const struct config_options *config_options,
	       struct config *config, bool is_last_good)
{
	struct server server = {.options = options,
				.config_options = *config_options,
				.config = mem_zalloc(sizeof(*config)),
				.is_last_good = is_last_good};
	struct text why = {0};
	int code = EXIT_FINE;

	*server.config = *config;
	*config = (struct config){0};
	signal(SIGPIPE, SIG_IGN);
	/* Reading the configuration leaves holes. Two threads of kube/ may trim at once later:
	 * where a sanitizer stands in for glibc's malloc, the first trim prepares it, and takes no
	 * lock. */
	malloc_trim(0);
	rcu_register();
	CHECK(uv_loop_init(&server.loop) == 0);
	if (start(&server, &why) != 0) {
		code = fail("cannot start", &why);
		ops_self_close(server.self);
		ops_close(server.ops);
	} else {
		serve(&server);
	}
	uv_run(&server.loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&server.loop) == 0);
	stop(&server);
	rcu_unregister();
	text_fini(&why);
	return code;
}
