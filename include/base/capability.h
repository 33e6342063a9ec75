/* SPDX-License-Identifier: Apache-2.0
 *
 * The right to serve a port below 1024, for a user that is not root. In the image it comes from the
 * binary's file capability (`cap_net_bind_service=p`), which makes it permitted: were it effective
 * too, the kernel would refuse to start the binary in a container whose bounding set lacks it
 * (capabilities(7), "Safety checking for capability-dumb binaries"). So the program makes it
 * effective itself, and gives up whatever else is permitted without being effective.
 *
 * What whoever started us made effective stays: root's capabilities, and ambient ones. Main thread,
 * at start, before there is another: capabilities belong to the thread.
 */
#ifndef KANAME_BASE_CAPABILITY_H
#define KANAME_BASE_CAPABILITY_H

#include "base/check.h"

/* 0, also where the right is not permitted; or -errno, when nothing has changed. */
MUST_USE int capability_settle(void);

#endif
