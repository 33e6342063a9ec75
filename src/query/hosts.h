/* SPDX-License-Identifier: Apache-2.0
 *
 * `hosts`: names and addresses from a file or from the Corefile itself. Worker thread.
 */
#ifndef KANAME_QUERY_HOSTS_STEP_H
#define KANAME_QUERY_HOSTS_STEP_H

#include "answer.h"
#include "query/hosts.h"

enum step hosts_run(struct answer *answer, const struct query_hosts *hosts);

#endif
