/* SPDX-License-Identifier: Apache-2.0
 *
 * `any`: a short answer to ANY (RFC 8482). Worker thread.
 */
#ifndef KANAME_QUERY_ANY_STEP_H
#define KANAME_QUERY_ANY_STEP_H

#include "answer.h"

enum step any_run(struct answer *answer);

#endif
