/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole server: puts the modules together, runs them, changes their configuration, and ends
 * them in order. server.c starts, leaves and stops it; reload.c gives it another configuration.
 * Main thread, owner of everything.
 */
#ifndef KANAME_SERVER_H
#define KANAME_SERVER_H

#include <uv.h>

#include "base/random.h"
#include "config/config.h"
#include "kube/kube.h"
#include "net/net.h"
#include "ops/ops.h"
#include "ops/self.h"
#include "options.h"
#include "saturation.h"

enum exit_code {
	EXIT_FINE = 0,
	EXIT_CONFIG = 1,
	EXIT_USAGE = 2,
	EXIT_START = 3,
	EXIT_FORCED = 130
};

enum server_state {
	SERVER_RUNNING,
	SERVER_LEAVING,	 /* answers go on: `lameduck`, then until no query comes */
	SERVER_DRAINING, /* the workers end */
	SERVER_ENDED
};

enum reload_state {
	RELOAD_IDLE,
	RELOAD_WAITING,	  /* `next` is good, and a new source of it is not synced yet */
	RELOAD_SWITCHING, /* the workers go over to `next` */
};

struct reload {
	enum reload_state state;
	struct config *next;  /* owned */
	bool is_wanted;	      /* at once, whatever the files' times are */
	struct config origin; /* owned: the files of what was read last, also in vain */
	uint64_t stamp;	      /* of these files, when they were last read */
	uint64_t last_stamp;  /* at the last look: a change is read once it has settled */
	uint64_t due_ms;      /* when the content is looked at anyhow */
	char *last_problems;  /* owned: told already; NULL */
	uint64_t n_failed;
	bool is_last_failed;
	struct random random; /* for the jitter */
};

#define SERVER_SIGNALS 5

struct server {
	enum server_state state;
	const struct options *options;	      /* borrowed */
	struct config_options config_options; /* but `previous` and `known_hash` */
	struct config *config;		      /* owned: the one that runs */
	bool is_last_good;		      /* it runs on the copy in the state folder */
	struct reload reload;
	struct log *log;
	struct log_channel *channel;
	struct table **tables; /* owned: by source */
	struct kube **kubes;   /* owned: by source */
	size_t n_sources;      /* of both arrays */
	struct net *net;
	struct ops *ops;
	struct ops_self *self; /* NULL without `health` */
	uv_loop_t loop;
	uv_signal_t signals[SERVER_SIGNALS];
	uv_timer_t tick;
	uint64_t serving_since_ms, leaving_since_ms;
	struct saturation saturation;
	uint64_t n_queries, last_query_ms; /* as the tick has seen them */
};

/* Runs until it is told to leave; returns the exit code. `config` becomes the server's. */
int server_run(const struct options *options, const struct config_options *config_options,
	       struct config *config, bool is_last_good);

/* ---- server.c, for reload.c ---- */

/* The HTTP endpoints of a configuration: ops_open at the start, later ops_stage. 0 or -errno. */
int server_open_ops(struct server *server, const struct config *config, struct text *why);

/* Asks this configuration's /health, which is open, from now on. */
void server_ask_itself(struct server *server, const struct config *config);

/* NULL is allowed. */
void server_free_config(struct config *config);

/* Opens the sources that `config` has and the server has not, and gives it its tables. 0 or -errno;
 * the sources that were opened stay until server_close_sources. */
int server_open_sources(struct server *server, struct config *config, struct text *why);

/* Closes the sources that the configuration that runs does not have. */
void server_close_sources(struct server *server);

/* Are all sources of the configuration synced? If not, what is missing is appended to *why. */
bool server_is_synced(struct server *server, const struct config *config, struct text *why);

/* Writes "serving" lines and the notes. */
void server_banner(struct server *server);

/* Each line of the text, as a line of the log. NULL is allowed. */
void server_log_lines(struct server *server, enum log_level level, const char *lines);

/* Keeps a configuration that runs, where there is a state folder. */
void server_keep(struct server *server, const struct config *config);

/* ---- reload.c ---- */

/* After the start: what is looked at from now on. */
void reload_init(struct server *server);
void reload_fini(struct server *server);

/* About once a second, and when a signal asks. */
void reload_tick(struct server *server);

/* Forgets what waits: the server leaves. */
void reload_stop(struct server *server);

/* Loads the configuration that the options name: a Corefile, or kube-dns's. As config_load. */
int reload_load(const struct options *options, const struct config_options *config_options,
		struct config *config, struct text *problems);

/* Writes the configuration, as one text, to the state folder, for a start with a bad one. Problems
 * are told by return value, -errno. */
int reload_keep(const struct options *options, const struct config *config);

/* The path of that copy; the caller frees it. */
char *reload_kept_path(const struct options *options);

void reload_metrics_write(const struct server *server, struct text *page);

#endif
