/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts in virtual time for the policy of the forwarder: a line is a command, what it makes the
 * policy do is written down, and the whole is compared as text.
 *
 *     group POLICY N [force_tcp|failfast|next_is_bad|max_fails=N|attempts=N]...   upstreams A, B,
 * ... learn A MS             the upstream has answered 64 times in that time loops A its loop probe
 * came back ask Q [do] [x N]       one question, or N of them named Q0 ... without a word of each
 *     at MS                  time goes on to MS since the start; what is due on the way is done
 *     reply Q.I RCODE [tc]   attempt I of question Q is answered
 *     fail Q.I network|stale|case|local
 *     up A                   a health probe is answered
 *     show A                 the upstream's rank
 *     total                  attempts and questions so far
 *
 * Times are printed in milliseconds. One thread.
 */
#ifndef KANAME_TEST_FORWARD_SCENARIO_H
#define KANAME_TEST_FORWARD_SCENARIO_H

#include "base/text.h"

/* Runs the script, and appends what happened to *log. */
void scenario_run(const char *script, struct text *log);

#endif
