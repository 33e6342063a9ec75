/* SPDX-License-Identifier: Apache-2.0
 *
 * `chaos`: version.bind and its like, of class CH. Worker thread.
 */
#include "chaos.h"

enum step chaos_run(struct answer *answer, const struct query_chaos *chaos)
{
	return STEP_NEXT;
}
