/* SPDX-License-Identifier: Apache-2.0
 *
 * `template`: answers made of the question by an operator's patterns. Worker thread.
 */
#ifndef KANAME_QUERY_TEMPLATE_STEP_H
#define KANAME_QUERY_TEMPLATE_STEP_H

#include "answer.h"

/* All `template`s of the block in their order. */
enum step template_run(struct answer *answer, const struct query_block_config *block);

#endif
