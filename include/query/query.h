/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a query, bytes in, bytes or a verdict out: query_run. No libuv, no thread, no clock,
 * no allocation per query.
 *
 * A struct query_config is what the Corefile says about answering: immutable, shared by all
 * workers, outlives them. A struct query_worker is one worker's own state (scratch, random,
 * counters). The net layer gives each packet to query_run, sends what it wrote, and then tells
 * query_finish how long it took, which counts and logs.
 */
#ifndef KANAME_QUERY_QUERY_H
#define KANAME_QUERY_QUERY_H

#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "dns/message.h"
#include "table/table.h"

#define QUERY_UDP_ANSWER_DEFAULT 1232 /* octets; DNS flag day 2020 */
#define QUERY_UDP_ANSWER_MAX 4096     /* the largest that `bufsize` can ask for */

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
};

enum query_log_class {
	QUERY_LOG_SUCCESS = 1,
	QUERY_LOG_DENIAL = 2,
	QUERY_LOG_ERROR = 4,
	QUERY_LOG_ALL = 7
};

/* A line of the `log` directive. */
struct query_log_config {
	struct query_zones names; /* names in these zones are logged */
	unsigned classes;	  /* of enum query_log_class */
	bool is_combined;	  /* {combined} instead of {common} */
};

/* A server block. */
struct query_block_config {
	const struct query_cluster_config *clusters;
	size_t n_clusters;
	const struct query_log_config *logs;
	size_t n_logs;
	bool has_whoami;
	bool has_errors;
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
	size_t metrics;		 /* index of this (server, zone) among all: 0 .. n_metrics-1 */
};

/* What listens on one address and port: its views, the longest zone first. */
struct query_server_config {
	const struct query_view_config *views;
	size_t n_views;
};

struct query_config {
	const struct query_block_config *blocks;
	size_t n_blocks;
	const struct query_server_config *servers;
	size_t n_servers;
	size_t n_metrics;
	struct table *const *tables; /* borrowed; by source */
	const struct address *own; /* own addresses, for ns.dns.ZONE and the apex NS; loopback only
				      when there is nothing else */
	size_t n_own;
	uint16_t tcp_keepalive_100ms; /* what edns-tcp-keepalive tells */
};

struct query_worker; /* opaque; one per worker thread */

/* `config` and `log` are borrowed and outlive the worker. Freed by query_worker_free. */
struct query_worker *query_worker_new(const struct query_config *config, struct log_channel *log);
void query_worker_free(struct query_worker *worker);

struct query_input {
	const uint8_t *packet;	       /* borrowed */
	size_t size;		       /* octets */
	size_t server;		       /* index in query_config.servers: the socket it came from */
	const struct sockaddr *source; /* borrowed: AF_INET or AF_INET6 */
	const struct sockaddr *local;  /* borrowed: the address that was asked; may be NULL when not
					  known (whoami, log) */
	bool is_tcp;
	bool is_cut; /* longer than the receive buffer: only its head is here */
};

enum query_verdict {
	QUERY_ANSWER, /* output->size octets are to be sent */
	QUERY_DROP,   /* nothing is: a response, too short, from port 0 */
};

enum query_plugin { QUERY_PLUGIN_NONE, QUERY_PLUGIN_KUBERNETES, QUERY_PLUGIN_WHOAMI };
#define QUERY_N_PLUGINS 3

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
	const char *error; /* why it is SERVFAIL, for `errors`; a constant, or NULL */
};

/* The whole life of a query. Called inside RCU (rcu_enter). */
enum query_verdict query_run(struct query_worker *worker, const struct query_input *input,
			     struct query_output *output);

/* Counts and logs what query_run answered; duration_ns is from reception to just before sending. */
void query_finish(struct query_worker *worker, const struct query_input *input,
		  const struct query_output *output, uint64_t duration_ns, uint64_t now_ns);

/* The coredns_dns_* families of all workers. Any thread. */
void query_metrics_write(struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config, struct text *page);

#endif
