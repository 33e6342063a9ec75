/* SPDX-License-Identifier: Apache-2.0
 *
 * The `kubernetes` step: names of a cluster's zones, answered from its record table. Worker thread,
 * inside RCU.
 */
#ifndef KANAME_QUERY_CLUSTER_H
#define KANAME_QUERY_CLUSTER_H

#include "answer.h"
#include "query/query.h"

/* STEP_NEXT: the name is in none of its zones, or does not exist and falls through; nothing was
 * written. */
enum step cluster_run(struct answer *answer, const struct query_cluster_config *cluster,
		      const struct query_config *config);

/*
 * What the CNAME written last leads to, in the block that has its target's name: records of its
 * clusters, or external_follow's. The names scratch->chain[0..n) stand at scratch->chain_pos; the
 * last is the target. Nothing is added where nobody has it; a failure is SERVFAIL alone.
 */
void cluster_follow(struct answer *answer, unsigned n);

#endif
