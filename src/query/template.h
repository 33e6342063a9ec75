/* SPDX-License-Identifier: Apache-2.0
 *
 * `template`: answers made of the question by an operator's patterns. Worker thread.
 */
#ifndef KANAME_QUERY_TEMPLATE_STEP_H
#define KANAME_QUERY_TEMPLATE_STEP_H

#include "answer.h"
#include "template_counts.h"

struct template_scratch; /* of a worker: buffers of expansions, and what is counted */

struct template_scratch *template_scratch_new(void);
void template_scratch_free(struct template_scratch *scratch);

/* All `template`s of the block in their order. STEP_NEXT: none has the question, or those that have
 * it fall through. */
enum step template_run(struct answer *answer, const struct query_block_config *block);

/* The coredns_template_* families. Any thread. */
void template_metrics_write(struct query_worker *const *workers, size_t n_workers,
			    struct text *page);

#endif
