/* SPDX-License-Identifier: Apache-2.0
 *
 * `template`: answers made of the question by an operator's patterns. Worker thread.
 */
#include "template.h"

enum step template_run(struct answer *answer, const struct query_block_config *block)
{
	return STEP_NEXT;
}
