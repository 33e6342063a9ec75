/* SPDX-License-Identifier: Apache-2.0
 *
 * `hosts`: names and addresses from a file or from the Corefile itself. Worker thread.
 */
#ifndef KANAME_QUERY_HOSTS_STEP_H
#define KANAME_QUERY_HOSTS_STEP_H

#include "answer.h"
#include "query/hosts.h"

enum step hosts_run(struct answer *answer, const struct query_hosts *hosts);

/* The same for a name that a CNAME leads to, which stands at `owner` in the message. DONE: its
 * addresses are written, or it has none of this type, or it is SERVFAIL. */
enum step hosts_follow(struct answer *answer, const struct query_hosts *hosts,
		       const struct dns_name *name, uint16_t owner);

#endif
