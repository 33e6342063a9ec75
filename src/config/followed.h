/* SPDX-License-Identifier: Apache-2.0
 *
 * Files whose content is followed while the configuration runs: those of `hosts`, and the weights
 * of `loadbalance`. Each is looked at when its `reload` says so; where its time, size or inode has
 * changed, and then its content, it is read, built and given to the workers. What cannot be read or
 * is refused leaves what was there before. Main thread; owned by the configuration.
 */
#ifndef KANAME_CONFIG_FOLLOWED_H
#define KANAME_CONFIG_FOLLOWED_H

#include "config/machine.h"
#include "draft.h"
#include "query/balance.h"
#include "query/hosts.h"

struct followed {
	struct followed *next;
	const char *path;
	uint64_t reload_ms;	   /* 0: never */
	uint64_t due_ms;	   /* 0: not set yet */
	struct config_stamp stamp; /* when it was read last */
	uint64_t hash;		   /* of that content */
	bool is_read;		   /* at least once, and not refused */
	bool is_refused;	   /* that content */
	int error;		   /* 0 or -errno: why it could not be read at the last look */
	/* one of these: */
	struct query_hosts *hosts;
	struct query_balance *balance;
	/* of hosts: */
	const char *lines; /* in the Corefile */
	bool has_reverse;
};

/* The first look, before the configuration runs: at most one line in *log. Says `is_refused` or
 * `error` afterwards; hosts have their data whatever comes. */
void followed_open(struct followed *followed, const struct config_machine *machine,
		   struct text *log);

/* A new one, in the draft's arena and list. */
struct followed *followed_add(struct draft *draft, const char *path);

#endif
