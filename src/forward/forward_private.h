/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a forwarder, and who they are for: forward.c (its life and its turn of the loop),
 * reconfigure.c (from one configuration to the next),
 * asked.c (questions in flight and who waits for them), line.c (a `forward` line's upstreams as
 * they come and go), peer.c (one upstream: its ports, its probes), metrics.c. The loop's thread,
 * but for counters.
 */
#ifndef KANAME_FORWARD_PRIVATE_H
#define KANAME_FORWARD_PRIVATE_H

#include "channel.h"
#include "group.h"
#include "question.h"
#include "wheel.h"

#define PEER_PORTS 4u /* UDP ports that are used by turns, each for CHANNEL_ASKS_MAX questions */
#define PEER_TEXT_MAX 64u /* "[address%scope]:port" */
#define COUNTS_MAX 64u	  /* upstreams with counters of their own, in all the time of the process */

/* A timer with what to do. */
struct due {
	struct wheel_timer timer; /* first */
	void (*on_due)(struct due *due);
};

enum counts_rcode {
	COUNTS_NOERROR,
	COUNTS_NXDOMAIN,
	COUNTS_SERVFAIL,
	COUNTS_REFUSED,
	COUNTS_OTHER,
	COUNTS_N_RCODES
};

/* The counters of one upstream; never freed before the forwarder, since any thread reads them. */
struct peer_counts {
	char text[PEER_TEXT_MAX];
	struct channel_counts channel;
	uint64_t requests;
	uint64_t broken; /* replies that fit but are malformed */
	struct histogram duration_ns[COUNTS_N_RCODES];
	uint64_t health_failures;
	uint64_t n_users;			   /* a gauge: peers of it that are in a line */
	uint64_t smoothed_us, is_down, is_looping; /* gauges */
};

struct forward_counts {
	uint64_t joins, hedges, retries, limited, refreshes, questions, failures;
	uint64_t in_flight; /* a gauge */
	uint64_t fullness;  /* a gauge: of asked_measure, FULLNESS_UNIT is full */
	uint64_t rejected_concurrent, rejected_full; /* by max_concurrent, by max_questions */
	uint64_t loops;				     /* upstreams found to lead back */
	uint64_t broken;		      /* questions for which all upstreams were down */
	uint64_t n_peers;		      /* of peers[] that are in use: stored last */
	struct peer_counts peers[COUNTS_MAX]; /* the last is for all that came too late */
};

extern const struct histogram_bounds peer_duration_bounds;

struct line;

struct peer {
	struct upstream upstream; /* first */
	struct channel_upstream to;
	struct forward *forward; /* borrowed */
	struct line *line;	 /* borrowed */
	struct peer_counts *counts;
	struct cds_list_head link;	       /* in forward->gone */
	struct channel *udp[PEER_PORTS], *tcp; /* owned */
	uint64_t turn;			       /* the last in which a port was chosen */
	size_t port;			       /* that port */
	uint64_t gone_us;		       /* when it left its line */
	uint64_t n_other_case;		       /* of counts, as last seen */
	unsigned n_attempts;		       /* whose on_end has not come */
	struct due health, loop;
	struct attempt *health_attempt, *loop_attempt; /* not ended yet; NULL */
	struct log_limit log_limit;
	char proof[DNS_LABEL_MAX]; /* what the loop's answer has in it */
};

/* A host name among the TOs of a line. */
struct target;

struct line {
	struct forward *forward; /* borrowed */
	const struct forward_group_config *config;
	struct group group;
	struct peer *peers[FORWARD_UPSTREAMS_MAX]; /* owned */
	struct target *targets;			   /* owned: config->n_targets */
	bool is_stale;				   /* targets have changed */
	bool is_told;				   /* its upstreams stand in the log */
	bool is_dropped;			   /* in forward_reconfigure: it goes */
};

struct forward {
	uv_loop_t *loop;
	const struct forward_config *config; /* borrowed */
	struct forward_hook hook;
	struct log_channel *log;
	uv_timer_t timer, tick;
	uv_prepare_t prepare;
	uv_check_t check;
	unsigned n_open;   /* of these four */
	uint64_t timer_ms; /* when it is to fire */
	uint32_t tick_ms;
	bool has_lagged; /* it was late, and sockets have been read since */
	bool is_closing;
	void (*on_closed)(void *arg);
	void *arg;
	struct channels channels;
	struct random random;
	struct wheel wheel;
	uint64_t turn;
	struct line **lines; /* owned: by group, n_lines of them; NULL: a hole */
	size_t n_lines;
	struct line *resolver; /* owned: asked for host names; NULL: there are none */
	struct line departed;  /* of peers whose line is gone; without upstreams */
	struct forward_group_config resolver_config;
	struct forward_target resolver_target;
	struct forward_group_config departed_config;
	struct cds_list_head gone; /* peers that have left their line */
	struct asked **buckets;	   /* owned: by question */
	size_t n_buckets;
	size_t n_asked, asked_max;
	uint64_t seed;
	struct cds_list_head failed; /* asked that have failed within forward_ask */
	struct forward_counts counts;
};

/* ---- asked.c ---- */

void asked_init(struct forward *forward);
/* Nothing is in flight any more. */
void asked_fini(struct forward *forward);
/* Finishes what has failed within forward_ask. */
void asked_finish_failed(struct forward *forward);
/* Fails everything, for the end. */
void asked_fail_all(struct forward *forward);
/* Takes the questions that lines with is_dropped have anything to do with out of all tables, to
 * `dropped`; asked_tell_dropped then tells their waiters. */
void asked_drop(struct forward *forward, struct cds_list_head *dropped);
void asked_tell_dropped(struct cds_list_head *dropped);

/* Sets counts.fullness. */
void asked_measure(struct forward *forward);
#define FULLNESS_UNIT 1000000

#define RESOLVER_GROUP (SIZE_MAX - 1) /* of questions for host names */

static inline struct line *line_of(const struct forward *forward, size_t group)
{
	if (group == RESOLVER_GROUP)
		return forward->resolver;
	return group < forward->n_lines ? forward->lines[group] : NULL;
}

/* ---- line.c ---- */

struct line *line_new(struct forward *forward, const struct forward_group_config *config);
void line_free(struct line *line);
/* An equal configuration in place of the old. */
void line_rebase(struct line *line, const struct forward_group_config *config);
/* Its host names are resolved anew, by whoever resolves them then. */
void line_stop_resolving(struct line *line);
/* Its upstreams leave it: nobody asks it any more. */
void line_empty(struct line *line);
/* Every second: files that have changed, names whose TTL is over. */
void line_tick(struct line *line);
/* Where targets have changed: new peers, and those that go. */
void line_refresh(struct line *line);
bool forward_has_hosts(const struct forward_config *config);

/* ---- peer.c ---- */

struct peer *peer_new(struct line *line, const struct sockaddr_storage *address);
void peer_free(struct peer *peer);
/* Sends the question; attempt->on_end comes, whatever happens. */
void peer_ask(struct peer *peer, struct attempt *attempt, bool is_tcp);
/* One log line: it has just gone down. */
void peer_say_down(struct peer *peer);
/* Begins to probe where there is doubt and no probe yet. */
void peer_check_health(struct peer *peer);
void peer_tick(struct peer *peer);
/* Stops its timers: it has left its line. What it still learns is not told or counted as failure.
 */
void peer_retire(struct peer *peer);
/* An attempt has ended: its metrics, and what it says of the upstream's case. */
void peer_count(struct peer *peer, const struct attempt *attempt);
/* What the end of an attempt that nobody waits for says of the upstream. */
void peer_learn(struct peer *peer, const struct attempt *attempt);

/* "10.0.0.1:53", "[fd00::1]:53", as c-ares and CoreDNS write it. */
void peer_text(char out[PEER_TEXT_MAX], const struct sockaddr_storage *address);

static inline struct peer *peer_of(struct upstream *upstream)
{
	return (struct peer *)(void *)upstream;
}

/* ---- forward.c ---- */

/* The line that resolves host names, where the configuration has any; the one that is there goes on
 * under the new configuration. */
void forward_set_resolver(struct forward *forward);
/* What follows from the configuration as a whole. */
void forward_set_bounds(struct forward *forward);
/* The first at once. */
void forward_set_tick(struct forward *forward);

/* One line, where this forwarder speaks for all workers. */
void forward_log(const struct forward *forward, enum log_level level, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Reads the clock. */
void forward_now(struct forward *forward);
void forward_set_due(struct forward *forward, struct due *due, uint64_t at_us);

#endif
