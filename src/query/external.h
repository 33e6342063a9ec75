/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of others: from the cache, or from an upstream by way of the caller. Worker thread.
 */
#ifndef KANAME_QUERY_EXTERNAL_H
#define KANAME_QUERY_EXTERNAL_H

#include "answer.h"

/* The cache and forward step. STEP_NEXT: no `forward` of the block has the name; nothing was
 * written. */
__attribute__((noinline)) enum step external_run(struct answer *answer,
						 const struct query_view_config *view);

/*
 * What the CNAMEs written so far lead to: the target's records behind them, or SERVFAIL alone, or
 * nothing yet (answer->is_pending). names[0..n) of the chain stand at scratch->chain_pos; the last
 * is the target. Nothing is added where no forwarder has the target's name.
 */
void external_follow(struct answer *answer, const struct query_view_config *view, unsigned n);

/* The server's view with the longest zone that has the name; views are sorted so. NULL: none. */
static inline const struct query_view_config *
external_view(const struct query_server_config *server, const struct dns_name *name)
{
	for (size_t i = 0; i < server->n_views; i++) {
		if (dns_name_is_in(name, &server->views[i].zone))
			return &server->views[i];
	}
	return NULL;
}

#endif
