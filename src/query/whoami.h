/* SPDX-License-Identifier: Apache-2.0
 *
 * The `whoami` step: tells the client its own address, port and transport in the additional
 * section. Worker thread.
 */
#ifndef KANAME_QUERY_WHOAMI_H
#define KANAME_QUERY_WHOAMI_H

#include "answer.h"
#include "query/query.h"

/* Always answers: whoami is the last step of a block. */
__attribute__((noinline)) void whoami_run(struct answer *answer, const struct query_input *input);

#endif
