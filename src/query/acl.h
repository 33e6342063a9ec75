/* SPDX-License-Identifier: Apache-2.0
 *
 * `acl`: who may ask for what. Checked for the name that was asked for and, where `rewrite` made
 * another of it, for that one too; and for what a CNAME made here leads to, as if the client had
 * asked for it: who may make an ExternalName cannot get by it what is blocked. Worker thread.
 */
#ifndef KANAME_QUERY_ACL_STEP_H
#define KANAME_QUERY_ACL_STEP_H

#include "answer.h"

/* The first rule that has the zone of `name`, the type and the client decides. DONE: it is refused,
 * filtered or dropped (answer->is_dropped). */
enum step acl_run(struct answer *answer, const struct query_block_config *block,
		  const struct dns_name *name);

/* Is the answer to go on to `name`, which a CNAME leads to, for this client? Where not, the
 * extended error says so, and the CNAME stands alone. */
bool acl_bars(struct answer *answer, const struct query_block_config *block,
	      const struct dns_name *name);

#endif
