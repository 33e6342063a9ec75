/* SPDX-License-Identifier: Apache-2.0
 *
 * `chaos`: version.bind and its like, of class CH. Worker thread.
 */
#ifndef KANAME_QUERY_CHAOS_STEP_H
#define KANAME_QUERY_CHAOS_STEP_H

#include "answer.h"

enum step chaos_run(struct answer *answer, const struct query_chaos *chaos);

#endif
