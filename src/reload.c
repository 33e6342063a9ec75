/* SPDX-License-Identifier: Apache-2.0
 *
 * Another configuration for a server that runs.
 *
 *   IDLE --a signal, changed files, or the time is due--> read
 *     the same words as before                     --> IDLE
 *     bad, or an address or source cannot be opened --> IDLE, counted and told; nothing has changed
 *     good --a new source is not synced yet--> WAITING --synced--> SWITCHING
 *     good -----------------------------------------------------> SWITCHING
 *   SWITCHING --no worker uses the old one--> IDLE, and the old one is freed
 *
 * A configuration is read whole, and all that it needs is opened, before anything of the running
 * one is touched. WAITING lasts as long as it must: the old configuration answers meanwhile, and a
 * newer one takes the waiting one's place. It is left out where the old sources are not synced
 * either.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metrics.h"
#include "config/machine.h"
#include "server.h"

#define KEPT_NAME "Corefile.last-good"
#define UNSETTLED_MAX_MS 5000

/* ---- reading ---- */

int reload_load(const struct options *options, const struct config_options *config_options,
		struct config *config, struct text *problems)
{
	if (options->kubedns_flag)
		return config_load_kubedns(config, &options->kubedns, config_options, problems);
	return config_load(config, options->corefile, config_options, problems);
}

char *reload_kept_path(const struct options *options)
{
	struct text path = {0};

	text_printf(&path, "%s/" KEPT_NAME, options->state_dir);
	return path.bytes;
}

/* A new file, whatever was there: opening a FIFO would wait, and a link lead elsewhere. */
static int write_file(const char *path, const struct text *content)
{
	int fd, error = 0;
	size_t done = 0;

	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (done < content->len && error == 0) {
		ssize_t n = write(fd, content->bytes + done, content->len - done);

		if (n < 0 && errno != EINTR)
			error = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (error == 0 && fsync(fd) != 0)
		error = -errno;
	if (close(fd) != 0 && error == 0)
		error = -errno;
	return error;
}

int reload_keep(const struct options *options, const struct config *config)
{
	char *path = reload_kept_path(options);
	struct text draft = {0};
	int error;

	text_printf(&draft, "%s.new", path);
	/* What could not be read again shall not take a copy's place that can. */
	error = config->flat.len > CONFIG_FILE_MAX ? -EFBIG
						   : write_file(draft.bytes, &config->flat);
	if (error == 0 && rename(draft.bytes, path) != 0)
		error = -errno;
	if (error != 0)
		unlink(draft.bytes);
	text_fini(&draft);
	free(path);
	return error;
}

/* ---- what is looked at ---- */

static uint64_t mix(uint64_t stamp, uint64_t value)
{
	stamp ^= value + 0x9e3779b97f4a7c15u + (stamp << 6) + (stamp >> 2);
	return stamp * 0xff51afd7ed558ccdu;
}

static uint64_t stamp_of(uint64_t stamp, const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return mix(stamp, (uint64_t)errno);
	stamp = mix(stamp, status.st_dev);
	stamp = mix(stamp, status.st_ino);
	stamp = mix(stamp, (uint64_t)status.st_size);
	stamp = mix(stamp, (uint64_t)status.st_mtim.tv_sec);
	return mix(stamp, (uint64_t)status.st_mtim.tv_nsec);
}

/* Of every file, through its links (a ConfigMap's change when it does), and every folder that was
 * listed. */
static uint64_t look(const struct config *origin)
{
	uint64_t stamp = 1;

	for (size_t i = 0; i < origin->n_files; i++)
		stamp = stamp_of(stamp, origin->files[i]);
	return stamp;
}

static void set_due(struct server *server)
{
	struct reload *reload = &server->reload;
	const struct config *config = server->config;
	uint64_t jitter_ms = config->reload_jitter_ms;

	reload->due_ms = uv_now(&server->loop) + config->reload_ms +
			 (jitter_ms > 0 ? random_next(&reload->random) % jitter_ms : 0);
}

/* Is it time to read? A file that is being written is left alone until it has not changed for a
 * tick; one that never rests, or a listed folder that others write to, is read anyhow. */
static bool is_due(struct server *server)
{
	struct reload *reload = &server->reload;
	uint64_t stamp;

	if (reload->is_wanted)
		return true;
	if (server->config->reload_ms == 0)
		return false;
	stamp = look(&reload->origin);
	if (stamp != reload->last_stamp) {
		reload->last_stamp = stamp;
		return uv_now(&server->loop) >= reload->due_ms + UNSETTLED_MAX_MS;
	}
	return stamp != reload->stamp || uv_now(&server->loop) >= reload->due_ms;
}

/* ---- the outcome ---- */

static void forget_problems(struct reload *reload)
{
	free(reload->last_problems);
	reload->last_problems = NULL;
}

static void fail(struct server *server, const char *problems)
{
	struct reload *reload = &server->reload;
	bool is_told = reload->last_problems && strcmp(reload->last_problems, problems) == 0;

	reload->n_failed++;
	reload->is_last_failed = true;
	if (is_told)
		return;
	free(reload->last_problems);
	reload->last_problems = strdup(problems);
	CHECK(reload->last_problems);
	log_printf(server->channel, LOG_ERROR,
		   "reload: the configuration is bad, the old one stays:");
	server_log_lines(server, LOG_ERROR, problems);
}

static void succeed(struct server *server)
{
	forget_problems(&server->reload);
	server->reload.is_last_failed = false;
}

/* The waiting configuration is not wanted any more. */
static void drop_next(struct server *server)
{
	struct reload *reload = &server->reload;

	CHECK(reload->state != RELOAD_SWITCHING);
	server_close_sources(server);
	server_free_config(reload->next);
	reload->next = NULL;
	reload->state = RELOAD_IDLE;
}

/* ---- switching ---- */

/* No worker uses the old configuration any more. */
static void on_switched(void *arg)
{
	struct server *server = arg;
	struct reload *reload = &server->reload;
	struct config *old = server->config;

	server->config = reload->next;
	reload->next = NULL;
	reload->state = RELOAD_IDLE;
	server_close_sources(server);
	server_free_config(old);
	log_set_least(server->log, server->config->has_debug ? LOG_DEBUG : LOG_INFO);
	set_due(server);
	if (server->state == SERVER_RUNNING)
		server_banner(server);
	log_printf(server->channel, LOG_INFO, "Reloading complete, configuration %s",
		   server->config->hash);
}

/* The workers are told. 0, or -errno: nothing has changed. */
static int begin_switch(struct server *server, struct text *why)
{
	struct config *next = server->reload.next;
	int error = server_open_ops(server, next, why);

	if (error != 0)
		return error;
	error = net_reconfigure(server->net,
				&(struct net_change){&next->net, &next->query, on_switched, server},
				why);
	if (error != 0) {
		ops_abort(server->ops);
		return error;
	}
	ops_commit(server->ops);
	server_ask_itself(server, next); /* where it is now */
	server->reload.state = RELOAD_SWITCHING;
	return 0;
}

static void switch_now(struct server *server)
{
	struct text why = {0};

	if (begin_switch(server, &why) != 0) {
		fail(server, why.bytes ? why.bytes : "unknown error");
		drop_next(server);
	} else {
		succeed(server);
		server->is_last_good = false;
		server_keep(server, server->reload.next);
	}
	text_fini(&why);
}

/* The next configuration has been read, and its sources are open. */
static void wait_or_switch(struct server *server)
{
	struct reload *reload = &server->reload;
	struct text missing = {0};
	bool is_ready = server_is_synced(server, reload->next, &missing);

	if (is_ready || !server_is_synced(server, server->config, &missing)) {
		switch_now(server);
	} else if (reload->state != RELOAD_WAITING) {
		reload->state = RELOAD_WAITING;
		log_printf(
			server->channel, LOG_INFO,
			"reload: the old configuration answers until the new one's objects are in");
	}
	text_fini(&missing);
}

/* ---- the tick ---- */

static void take(struct server *server, struct config *found)
{
	struct reload *reload = &server->reload;
	struct text why = {0};

	reload->next = mem_zalloc(sizeof(*reload->next));
	*reload->next = *found;
	if (server_open_sources(server, reload->next, &why) != 0) {
		fail(server, why.bytes ? why.bytes : "unknown error");
		drop_next(server);
	} else {
		wait_or_switch(server);
	}
	text_fini(&why);
}

/* Where the words came from, for the next look. */
static void note_origin(struct server *server, const struct config *found)
{
	struct reload *reload = &server->reload;
	struct config origin = {0};
	const char **files = arena_alloc(&origin.arena, (found->n_files + 1) * sizeof(files[0]));

	for (size_t i = 0; i < found->n_files; i++)
		files[i] = arena_strndup(&origin.arena, found->files[i], strlen(found->files[i]));
	origin.files = files;
	origin.n_files = found->n_files;
	config_free(&reload->origin);
	reload->origin = origin;
	reload->last_stamp = look(&reload->origin);
}

static void read_again(struct server *server)
{
	struct reload *reload = &server->reload;
	struct config_options options = server->config_options;
	const struct config *latest = reload->next ? reload->next : server->config;
	uint64_t stamp = look(&reload->origin);
	struct text problems = {0};
	struct config found;
	int error;

	options.previous = server->config;
	if (reload->is_wanted)
		forget_problems(reload); /* whoever asks is told, again, too */
	options.known_hash = reload->is_wanted || server->is_last_good ? NULL : latest->hash;
	reload->is_wanted = false;
	error = reload_load(server->options, &options, &found, &problems);
	note_origin(server, &found);
	reload->stamp = stamp; /* what changes while it is read is read again */
	set_due(server);
	if (error == 0 && reload->next && strcmp(found.hash, reload->next->hash) == 0) {
		config_free(&found); /* it waits already */
	} else if (error == 0) {
		if (reload->next)
			drop_next(server);
		log_printf(server->channel, LOG_INFO, "Reloading");
		take(server, &found);
	} else {
		if (error == -EALREADY)
			succeed(server);
		else
			fail(server, problems.bytes);
		config_free(&found);
	}
	text_fini(&problems);
}

void reload_tick(struct server *server)
{
	struct reload *reload = &server->reload;

	if (reload->state == RELOAD_SWITCHING)
		return; /* what is wanted meanwhile is done after it */
	if (is_due(server))
		read_again(server);
	else if (reload->state == RELOAD_WAITING)
		wait_or_switch(server);
}

void reload_init(struct server *server)
{
	random_init(&server->reload.random);
	note_origin(server, server->config);
	server->reload.stamp = server->reload.last_stamp;
	set_due(server);
	if (server->is_last_good)
		server->reload.due_ms = 0; /* its files are not those that were asked for */
}

void reload_stop(struct server *server)
{
	if (server->reload.state == RELOAD_WAITING)
		drop_next(server);
}

void reload_fini(struct server *server)
{
	config_free(&server->reload.origin);
	server_free_config(server->reload.next);
	free(server->reload.last_problems);
}

void reload_metrics_write(const struct server *server, struct text *page)
{
	const struct reload *reload = &server->reload;

	metrics_family(page, "kaname_config_last_reload_successful", "gauge",
		       "0: the configuration that was last read is bad, and an older one runs.");
	metrics_sample(page, "kaname_config_last_reload_successful", NULL, 0,
		       !reload->is_last_failed && !server->is_last_good);
	metrics_family(page, "kaname_config_is_last_good", "gauge",
		       "1: the configuration was bad at the start; its last good copy runs.");
	metrics_sample(page, "kaname_config_is_last_good", NULL, 0, server->is_last_good);
	metrics_family(page, "kaname_config_waiting", "gauge",
		       "1: a new configuration waits for its objects.");
	metrics_sample(page, "kaname_config_waiting", NULL, 0, reload->state == RELOAD_WAITING);
}
