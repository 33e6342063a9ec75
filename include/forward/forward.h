/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions for upstream servers, asked through c-ares on a worker's loop. One forwarder a worker;
 * they share nothing but the configuration.
 *
 * The happy path: forward_ask, a datagram to an upstream of the group, its reply checked (ID,
 * question in the case it was asked in, class, sender), on_reply (the cache's), then on_done of
 * every waiter that asked the same meanwhile. What may fail, each ending in on_done with
 * wire == NULL or with the upstream's own bad answer: no upstream is usable, all of them are
 * silent or refuse, the waiter's deadline is over. A late answer is hedged, SERVFAIL, REFUSED and
 * NOTIMP fail over, a truncated one is asked for again by TCP.
 *
 * forward_open and forward_metrics_write: see there. Everything else on the loop's thread.
 */
#ifndef KANAME_FORWARD_FORWARD_H
#define KANAME_FORWARD_FORWARD_H

#include <sys/socket.h>
#include <uv.h>

#include "base/log.h"
#include "base/text.h"
#include "dns/address.h"
#include "dns/name.h"
#include "dns/registry.h"

#define FORWARD_UPSTREAMS_MAX 15 /* of a group, as CoreDNS */
#define FORWARD_NO_GROUP SIZE_MAX

enum forward_policy { FORWARD_RANDOM, FORWARD_ROUND_ROBIN, FORWARD_SEQUENTIAL };

enum forward_target_kind {
	FORWARD_TARGET_ADDRESS,
	FORWARD_TARGET_HOST,	    /* resolved, and again when the TTL is over */
	FORWARD_TARGET_RESOLV_CONF, /* the nameserver lines of a file, read again when it changes */
};

/* A TO of a `forward` line. */
struct forward_target {
	enum forward_target_kind kind;
	struct sockaddr_storage address; /* ADDRESS: with port */
	struct dns_name host;		 /* HOST */
	uint16_t port;			 /* HOST and RESOLV_CONF */
	const char *path;		 /* RESOLV_CONF; NUL-terminated */
};

#define FORWARD_RCODES_FAILOVER \
	(1u << DNS_RCODE_SERVFAIL | 1u << DNS_RCODE_NOTIMP | 1u << DNS_RCODE_REFUSED)

/* A `forward` line. FROM and `except` are the query side's: it picks the group. */
struct forward_group_config {
	const struct forward_target *targets;
	size_t n_targets;
	const char *from_text; /* for messages: "." or "example.org." */
	enum forward_policy policy;
	bool has_force_tcp;
	bool has_prefer_udp; /* accepted; UDP is always tried first unless has_force_tcp */
	bool is_failfast;    /* failfast_all_unhealthy_upstreams: SERVFAIL at once */
	bool has_loop_probe; /* the server block has `loop` */
	uint32_t expire_ms;  /* an unused port or connection is kept this long; 10000 */
	uint32_t max_fails;  /* failures in a row until it counts as down; 2; 0: never down */
	uint32_t max_connect_attempts; /* of one question, over all upstreams; 0: only bounded by us
					*/
	uint32_t max_concurrent;       /* over all workers; 0: no bound but the workers' */
	uint32_t health_interval_ms;   /* health_check DURATION; 500 */
	bool has_health_no_rec;
	struct dns_name health_domain; /* the root by default */
	uint32_t failover_rcodes; /* bit n is rcode n: FORWARD_RCODES_FAILOVER and `failover` */
	uint32_t next_rcodes;	  /* bit n is rcode n: `next`; such a reply sends the question on */
	size_t next_group; /* to this group; FORWARD_NO_GROUP: there is none, next is ignored */
};

/* The same in all but next_group's number: do both have one? Any thread. */
bool forward_group_config_equal(const struct forward_group_config *a,
				const struct forward_group_config *b);

/* Where this server itself listens: what a nameserver line must not name. */
struct forward_listener {
	struct sockaddr_storage address; /* with port; the wildcard too */
};

struct forward_config {
	const struct forward_group_config *groups; /* a hole is zeroed: it has no target */
	size_t n_groups;			   /* the highest index and 1 */
	unsigned n_workers;			   /* who share max_concurrent */
	size_t max_questions;			   /* in flight in each worker; 4096 where 0 */
	const char *resolv_conf; /* whom to ask for HOST targets; /etc/resolv.conf where NULL */
	uint16_t resolver_port;	 /* of its nameservers; 53 where 0 */
	const struct forward_listener *own;
	size_t n_own;
	const struct address *own_addresses; /* of this machine's interfaces */
	size_t n_own_addresses;
	uint32_t tick_ms;   /* files, names and idle ports are looked at this often; 1000 where 0 */
	uint64_t probe_key; /* random, of the process: see dns/probe.h */
};

struct forward_question {
	size_t group;	      /* index in forward_config.groups */
	struct dns_name name; /* lower-case */
	uint16_t type;
	uint16_t class;
	bool has_do;
	bool has_cd;
};

struct forward_result {
	const uint8_t *wire; /* borrowed for the call: a reply whose header and question fit, of at
				least 12 octets, the rest unchecked. NULL: failed */
	size_t len;
	enum dns_rcode rcode; /* of a failure: SERVFAIL */
	enum dns_ede ede;     /* of a failure: 22, 23 or OTHER */
	const char *ede_text; /* of a failure; a constant */
	bool is_checked;      /* the last is_sound was of this very reply */
	const char *upstream; /* borrowed for the call: "10.0.0.10:53", "" when none was asked */
};

/* The caller's, embedded in what waits; stays until on_done or forward_cancel. */
struct forward_waiter {
	void (*on_done)(struct forward_waiter *waiter, const struct forward_result *result);
	/* private */
	struct forward_waiter *prev, *next;
	void *question;
	uint64_t deadline_ms;
};

/*
 * is_sound (may be NULL) is called for each reply that fits: false where it cannot be read, and
 * another upstream is asked. on_reply is called once for each finished question, before its
 * waiters: for the cache. Neither may call into the forwarder.
 */
struct forward_hook {
	bool (*is_sound)(void *arg, const struct forward_question *question, const uint8_t *wire,
			 size_t len);
	void (*on_reply)(void *arg, const struct forward_question *question,
			 const struct forward_result *result);
	void *arg;
	bool is_quiet; /* another worker's forwarder logs what they all see */
};

struct forward;

/* `config` (until forward_reconfigure) and `log` are borrowed and outlive the forwarder; hook may
 * be NULL. Main thread, or the loop's; nothing is sent before the loop runs. Never NULL. */
struct forward *forward_open(uv_loop_t *loop, const struct forward_config *config,
			     const struct forward_hook *hook, struct log_channel *log);

enum forward_ask {
	FORWARD_ASKED,
	FORWARD_REFUSED, /* over a bound (max_concurrent, max_questions), or closing: on_done will
			    not come */
};

/*
 * Asks, or joins who asks the same. waiter NULL: a refresh, nobody waits (on_reply tells). on_done
 * comes once, never from within forward_ask, at deadline_ms (of the loop's time, uv_now) at the
 * latest; at most 5 s from now count. on_done may ask and cancel.
 */
MUST_USE enum forward_ask forward_ask(struct forward *forward,
				      const struct forward_question *question,
				      struct forward_waiter *waiter, uint64_t deadline_ms);

/* The waiter waits no more. The question goes on (its answer is still good for the cache). */
void forward_cancel(struct forward *forward, struct forward_waiter *waiter);

/*
 * Another configuration, borrowed from now on in place of the old, of which nothing is referred to
 * afterwards. Loop's thread, outside of the forwarder's callbacks; not while it closes. A group
 * that is equal to the one of the same index, and leads to an equal one by `next`, keeps its
 * upstreams, what is known of them, and its questions in flight; so do host names that are being
 * resolved.
 *
 * Questions to groups that are gone or differ are dropped: their waiters get on_done without wire
 * from within this call, when the new groups can be asked already; on_reply does not come, and
 * neither the upstreams nor the counters of failures hear of it. Counters survive.
 */
void forward_reconfigure(struct forward *forward, const struct forward_config *config);

/* Waiters get a failure at once, then everything closes; on_closed(arg) comes from the loop and the
 * forwarder is gone. */
void forward_close(struct forward *forward, void (*on_closed)(void *arg), void *arg);

/* 0..1: how near the nearest bound was (max_concurrent of a group, max_questions) at the last tick.
 * Any thread. */
double forward_fullness(const struct forward *forward);

/* coredns_forward_*, coredns_proxy_* of both generations, and ours, summed over the workers'
 * forwarders. Any thread. */
void forward_metrics_write(struct forward *const *forwards, size_t n_forwards, struct text *page);

#endif
