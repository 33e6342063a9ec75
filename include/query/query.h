/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a query, bytes in, bytes or a verdict out: query_run. No libuv, no thread, no clock,
 * no allocation per query but for what the cache keeps.
 *
 * A struct query_config is what the Corefile says about answering: immutable, shared by all
 * workers, borrowed until they switch to another. A struct query_worker is one worker's own state
 * (scratch, random, counters). The net layer gives each packet to query_run, sends what it wrote,
 * and then tells query_finish how long it took, which counts and logs.
 *
 * What is not the cluster's comes from the worker's cache. Where that has nothing, query_run says
 * QUERY_FORWARD and which question to ask; the net layer keeps the packet and asks. The reply comes
 * back once for all who wait (query_learn: it is read, and kept in the cache) and then for each of
 * them (query_resume, which runs the query again from its start with the reply in hand).
 */
#ifndef KANAME_QUERY_QUERY_H
#define KANAME_QUERY_QUERY_H

#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "cache/cache.h"
#include "dns/message.h"
#include "table/table.h"

#define QUERY_UDP_ANSWER_DEFAULT 1232 /* octets; DNS flag day 2020 */
#define QUERY_NSID_MAX 128
#define QUERY_UDP_ANSWER_MAX 4096 /* the largest that `bufsize` can ask for */

struct query_zones {
	const struct dns_name *items;
	size_t n;
};

enum query_pods { QUERY_PODS_DISABLED, QUERY_PODS_INSECURE, QUERY_PODS_VERIFIED };

/* A `kubernetes` directive. */
struct query_cluster_config {
	struct query_zones zones; /* forward and reverse, the longest first; never empty */
	const struct dns_name
		*primary; /* the first forward zone: that of PTR targets; NULL when there is none */
	size_t source;	  /* index in query_config.tables */
	uint32_t ttl_s;	  /* 0..3600 */
	enum query_pods pods;
	bool has_fallthrough;
	struct query_zones fallthrough; /* empty with has_fallthrough: all zones */
	const char *place;		/* "Corefile:8" */
};

/* A `forward` directive: names in `from` and not in `except` are asked of a group of upstreams. */
struct query_forward_config {
	struct dns_name from;
	struct query_zones except;
	size_t group;
	const char *place;   /* "Corefile:20" */
	const char *to_text; /* its TOs as they stand there */
};

/* The steps' own configuration, each immutable and defined where the step is; NULL: the block does
 * not have the directive. */
struct query_acl;	 /* query/acl.h */
struct query_chaos;	 /* query/chaos.h */
struct query_balance;	 /* query/balance.h */
struct query_rewrite;	 /* query/rewrite.h */
struct query_template;	 /* query/template.h */
struct query_hosts;	 /* query/hosts.h */
struct query_log_config; /* query/log.h: a line of `log` */
struct query_errors;	 /* query/errors.h: what `errors` consolidates */

/* A server block. */
struct query_block_config {
	const struct query_cluster_config *clusters;
	size_t n_clusters;
	const struct query_forward_config *forwards; /* the first that has a name takes it */
	size_t n_forwards;
	const struct query_log_config *logs;
	size_t n_logs;
	const char *place;	       /* "Corefile:3": where it begins */
	const char *const *directives; /* of those that act on queries, in CoreDNS's order */
	size_t n_directives;
	bool is_plain; /* none of the steps from `local` to `hosts` is there, nor an edit: they are
			  not asked for one by one */
	bool has_local, has_any, has_minimal;
	bool has_no_localhost_prefix; /* localhost.NAME is no local name */
	const uint8_t *nsid;	      /* what an NSID option answers; NULL: it is not answered */
	uint16_t nsid_len;	      /* octets, at most QUERY_NSID_MAX */
	const struct query_acl *acl;
	const struct query_chaos *chaos;
	const struct query_balance *balance; /* addresses are shuffled without it, too */
	const struct query_rewrite *rewrite;
	const struct query_template *templates; /* in their order */
	const struct query_hosts *hosts;
	bool has_whoami;
	bool has_errors;
	const struct query_errors *errors; /* NULL: it consolidates nothing */
	bool has_prometheus;
	uint16_t udp_answer_max; /* octets, 512..QUERY_UDP_ANSWER_MAX; `bufsize` or
				    QUERY_UDP_ANSWER_DEFAULT */
};

/* A key of a server block on one listening address and port: the zone that it serves there. */
struct query_view_config {
	struct dns_name zone;
	const char *zone_text;	 /* metrics label: "." or "example.org." */
	const char *server_text; /* metrics label: "dns://:53" */
	size_t block;		 /* index in query_config.blocks */
	size_t metrics;		 /* row of this (server, zone) among all: 0 .. n_metrics-1 */
	uint64_t metrics_id;	 /* of the row: the same over a reload that keeps it; of no other */
};

/* What listens on one address and port: its views, the longest zone first. */
struct query_server_config {
	const struct query_view_config *views;
	size_t n_views;
	size_t dropped; /* the metrics row of names that no view has; as query_view_config's */
	uint64_t dropped_id;
};

#define QUERY_VIEWS_MAX 16384 /* of all servers of a configuration */
#define QUERY_SERVERS_MAX 1024
/* Rows: those of a configuration and of the one before it, whose numbers it avoids. */
#define QUERY_METRICS_MAX ((size_t)2 * (QUERY_VIEWS_MAX + QUERY_SERVERS_MAX))

struct query_config {
	const struct query_block_config *blocks;
	size_t n_blocks;
	const struct query_server_config *servers;
	size_t n_servers;
	size_t n_metrics;				  /* the highest row and 1 */
	struct table *const *tables;			  /* borrowed; by source */
	struct cache_config cache;			  /* of each worker */
	const struct cache_policy *const *group_policies; /* by group of upstreams, n_groups of
							     them; NULL: not cached */
	const uint64_t *group_ids; /* likewise: the same over a reload that keeps the group, of no
				      other group; 0 in a hole */
	size_t n_groups;	   /* the highest index and 1 */
	uint64_t last_id;	   /* the highest id given out so far, over all reloads */
	const struct address *own; /* own addresses, for ns.dns.ZONE and the apex NS; loopback only
				      when there is nothing else */
	size_t n_own;
	uint64_t
		probe_key; /* forward_config's: loop probes of this process are answered; 0: none */
	uint16_t tcp_keepalive_100ms; /* what edns-tcp-keepalive tells */
};

struct query_worker; /* opaque; one per worker thread */

/* `config` and `log` are borrowed and outlive the worker. Freed by query_worker_free. */
struct query_worker *query_worker_new(const struct query_config *config, struct log_channel *log);
void query_worker_free(struct query_worker *worker);

/* Main thread, before the worker is told: makes the counters and room that the new configuration
 * needs; what reads metrics on the main thread is right at any moment. An index that a row or
 * policy had which is not in the running configuration may be another's, whose counters begin at 0.
 */
void query_worker_prepare(struct query_worker *worker, const struct query_config *config);

/*
 * Worker's thread, between queries: from now on this one, borrowed; the old is not used any more.
 * The cache keeps the replies of groups of upstreams that stay under the same policy. A query that
 * waits is resumed under the new configuration: with the `server` that is its socket's there.
 */
void query_worker_switch(struct query_worker *worker, const struct query_config *config);

struct query_input {
	const uint8_t *packet;	       /* borrowed */
	size_t size;		       /* octets */
	size_t server;		       /* index in query_config.servers: the socket it came from */
	const struct sockaddr *source; /* borrowed: AF_INET or AF_INET6 */
	const struct sockaddr *local;  /* borrowed: the address that was asked; may be NULL when not
					  known (whoami, log) */
	uint64_t now_ms;	       /* never goes back */
	bool is_tcp;
	bool is_cut; /* longer than the receive buffer: only its head is here */
};

enum query_verdict {
	QUERY_ANSWER,  /* output->size octets are to be sent */
	QUERY_DROP,    /* nothing is: a response, too short, from port 0, or `acl` says so */
	QUERY_FORWARD, /* output->question is to be asked, then query_resume called */
};

enum query_plugin {
	QUERY_PLUGIN_NONE,
	QUERY_PLUGIN_KUBERNETES,
	QUERY_PLUGIN_WHOAMI,
	QUERY_PLUGIN_FORWARD,
	QUERY_PLUGIN_CACHE,
	QUERY_PLUGIN_LOCAL,
	QUERY_PLUGIN_ACL,
	QUERY_PLUGIN_ANY,
	QUERY_PLUGIN_CHAOS,
	QUERY_PLUGIN_REWRITE,
	QUERY_PLUGIN_TEMPLATE,
	QUERY_PLUGIN_HOSTS
};
#define QUERY_N_PLUGINS 12

/* What kind of name was asked for, and how the answer was come by: of the latency histogram. */
enum query_class {
	QUERY_CLASS_NONE, /* refused, malformed, whoami */
	QUERY_CLASS_CLUSTER,
	QUERY_CLASS_REVERSE,
	QUERY_CLASS_STUB, /* forwarded for a zone below the root */
	QUERY_CLASS_EXTERNAL
};
#define QUERY_N_CLASSES 5
enum query_result { QUERY_RESULT_HIT, QUERY_RESULT_MISS, QUERY_RESULT_STALE };
#define QUERY_N_RESULTS 3

#define QUERY_PATIENCE_MS 4800 /* glibc and dig wait 5 s: told why, a client knows more */
#define QUERY_ROUNDS_MAX 4     /* questions asked for one query */

/* What a query came to. The caller sets bytes and capacity; query_run the rest; query_finish reads
 * it, while the packet is still there. */
struct query_output {
	uint8_t *bytes;		/* the caller's: capacity octets */
	size_t capacity;	/* UDP: at least QUERY_UDP_ANSWER_MAX; TCP: DNS_MESSAGE_MAX */
	size_t size;		/* octets to send */
	struct dns_query query; /* as parsed; without a readable question only its header */
	const struct query_view_config *view; /* NULL: no server block has the name, or it could not
						 be read */
	uint16_t rcode;			      /* extended: 16 is BADVERS */
	uint16_t n_answer;		      /* records in the answer section */
	enum query_plugin plugin;	      /* who answered: the metrics' label */
	uint8_t class;			      /* enum query_class */
	uint8_t result;			      /* enum query_result */
	const char *error;    /* why it is SERVFAIL, for `errors`; a constant, or NULL */
	const char *upstream; /* who replied, or did not; NULL: nobody was asked */
	/* FORWARD: what to ask of whom, and how long to wait for it. With wants_refresh an ANSWER
	 * has one too, which nobody waits for. Borrowed until the worker's next query. */
	const struct cache_question *question;
	uint32_t patience_ms;
	bool wants_refresh;
};

/* What became of a question: a reply, or why there is none. */
struct query_external {
	const struct cache_question *question; /* borrowed, as all here */
	const struct dns_reply *reply;	       /* NULL: failed */
	enum dns_rcode rcode;		       /* of a failure: SERVFAIL, REFUSED */
	enum dns_ede ede;
	const char *ede_text; /* a constant */
	const char *upstream; /* NULL: nobody was asked */
	bool is_checked;      /* query_learn: the last query_check was of this very reply */
};

/* The whole life of a query. Called inside RCU (rcu_enter). */
enum query_verdict query_run(struct query_worker *worker, const struct query_input *input,
			     struct query_output *output);

/* For --explain: each step appends a line to *trace, saying what it made of the query and why; NULL
 * (as at first) turns that off. Borrowed. */
void query_trace(struct query_worker *worker, struct text *trace);

/* Can this reply to the question be read? The caller asks another upstream where it cannot; where
 * it can, query_learn with is_checked, called next, does not read it again. */
bool query_check(struct query_worker *worker, const struct cache_question *question,
		 const uint8_t *wire, size_t size);

/* An upstream's reply to external->question as it came, size octets; or wire NULL: there was none,
 * as the caller has filled in. Reads it and gives it to the cache; *external gets the packed reply,
 * or why it is none, borrowed until the worker's next query_learn. */
void query_learn(struct query_worker *worker, struct query_external *external, const uint8_t *wire,
		 size_t size, uint64_t now_ms);

/* As query_run, for a query that was QUERY_FORWARD, with what became of its question. It may be
 * QUERY_FORWARD again with another one. */
enum query_verdict query_resume(struct query_worker *worker, const struct query_input *input,
				const struct query_external *external, struct query_output *output);

/* Counts and logs what query_run answered; duration_ns is from reception to just before sending. */
void query_finish(struct query_worker *worker, const struct query_input *input,
		  const struct query_output *output, uint64_t duration_ns, uint64_t now_ns);

/* What goes by the clock and not by queries: to be called about once a second. */
void query_tick(struct query_worker *worker, uint64_t now_ns);

/* The coredns_dns_* and coredns_cache_* families of all workers, of what `config` has: the one that
 * runs, or that query_worker_prepare was told last. Main thread. */
void query_metrics_write(struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config, struct text *page);

#endif
