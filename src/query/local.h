/* SPDX-License-Identifier: Apache-2.0
 *
 * `local`: localhost and the names of 127.0.0.0/8, answered here whatever search suffix was put
 * behind them. Worker thread.
 */
#ifndef KANAME_QUERY_LOCAL_STEP_H
#define KANAME_QUERY_LOCAL_STEP_H

#include "answer.h"

enum step local_run(struct answer *answer, const struct query_block_config *block);

#endif
