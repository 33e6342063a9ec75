/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration in the making: what the directives of each server block said, before it is
 * translated. What is reachable from the finished config is in its arena; the growing arrays are
 * the draft's and freed with it. Main thread.
 */
#ifndef KANAME_CONFIG_DRAFT_H
#define KANAME_CONFIG_DRAFT_H

#include "base/array.h"
#include "config/config.h"
#include "config/machine.h"
#include "problem.h"
#include "query/log.h"
#include "zone.h"

struct followed;

/* A zone of a server block's keys. */
struct draft_key {
	struct dns_name zone;
	uint16_t port;
	struct token place;
	bool is_told; /* that another block has it already */
};

/* A `bind` address. */
struct draft_bind {
	struct address address;
	struct token place;
};

/* A `forward` line. */
struct draft_forward {
	struct query_zones from; /* several of a CIDR */
	struct query_zones except;
	struct forward_group_config group; /* but next_group and has_loop_probe */
	struct token place;
	const char *place_text, *to_text; /* for --explain */
};

struct statement;

struct draft_block {
	struct token place;
	const struct statement *body; /* borrowed: all of its directives */
	ARRAY(struct draft_key) keys;
	ARRAY(struct draft_bind) binds;
	bool has_bind;
	unsigned n_sockets; /* `multisocket`; 0 without */
	ARRAY(struct query_cluster_config) clusters;
	ARRAY(struct query_log_config) logs;
	ARRAY(struct draft_forward) forwards;
	bool has_cache;
	struct cache_policy cache; /* but index and labels */
	bool has_loop, has_bufsize;
	struct query_block_config query; /* all but clusters, logs and forwards */
};

struct draft_http { /* an ARRAY(struct config_http) */
	struct config_http *items;
	size_t len, cap;
};

struct draft {
	struct arena *arena; /* borrowed: the config's */
	const struct config_machine *machine;
	const struct config_options *options;
	struct problems problems;
	ARRAY(struct draft_block *) blocks; /* owned */
	ARRAY(struct kube_source_config) sources;
	struct draft_http health, ready, prometheus;
	uint64_t lameduck_ms;
	bool has_debug;
	uint64_t reload_ms, reload_jitter_ms; /* 0: no `reload` */
	unsigned tcp_idle_ms, tcp_stall_ms;   /* of `timeouts`; 0: not said */
	size_t n_zones;			      /* so far, of all keys and arguments */
	struct followed *followed;	      /* in the arena */
};

/* "Corefile:3", in the arena: for --explain. */
const char *draft_place(struct draft *draft, const struct token *token);

#define DRAFT_ZONES_MAX 4096

/* The zones of a word (a name, or a CIDR, which may stand for several) appended to *zones. False,
 * with a problem, when it is neither. */
bool draft_zones(struct draft *draft, const struct token *word, const char *text, size_t len,
		 struct zones *zones);

/* The zones that the arguments words[first..] stand for, in the arena. False, with a problem, when
 * one is none. */
bool draft_zone_args(struct draft *draft, const struct token *words, size_t n,
		     struct query_zones *zones);

/* Reads all server blocks into the draft. */
void draft_read(struct draft *draft, const struct statement *statements);

/* Frees what the draft owns. */
void draft_fini(struct draft *draft);

/* The upstreams and caches of all blocks; part of draft_translate, when `net` is filled in. Returns
 * the block's forwards. */
void draft_translate_forward(struct draft *draft, struct config *config,
			     struct query_block_config *blocks);

/* Fills in everything of *config but its arena. Conflicts between blocks add problems. */
void draft_translate(struct draft *draft, struct config *config);

#endif
