/* SPDX-License-Identifier: Apache-2.0
 *
 * A forwarder of the tests: what becomes of a question depends on its type. At a
 * forward_reconfigure the one group that stays is the low octet of probe_key.
 */
#ifndef KANAME_FAKE_FORWARD_H
#define KANAME_FAKE_FORWARD_H

#include "forward/forward.h"

#define FAKE_QUICK 'q' /* a reply after FAKE_QUICK_MS */
#define FAKE_SLOW 's'  /* after FAKE_SLOW_MS */
#define FAKE_FAILS 'f' /* a failure after as long */
#define FAKE_NEVER 'n' /* nothing */
#define FAKE_FULL 'r'  /* not taken at all */

#define FAKE_QUICK_MS 20 /* a test that sends two queries may be held up between them */
#define FAKE_SLOW_MS 200

#endif
