/* SPDX-License-Identifier: Apache-2.0
 *
 * `any`: a short answer to ANY (RFC 8482). Worker thread.
 */
#include "any.h"

enum step any_run(struct answer *answer)
{
	return STEP_NEXT;
}
