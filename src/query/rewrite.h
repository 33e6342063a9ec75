/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite`: another question in place of the one that was asked. Worker thread.
 */
#ifndef KANAME_QUERY_REWRITE_STEP_H
#define KANAME_QUERY_REWRITE_STEP_H

#include "answer.h"

/* Applies the rules in their order. NEXT: the steps go on with answer->query, which is another one
 * where a rule has changed it (then answer->edit is set). DONE: a rule has answered. */
enum step rewrite_run(struct answer *answer, const struct query_block_config *block);

#endif
