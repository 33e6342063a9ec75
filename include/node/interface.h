/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface that holds the node cache's addresses: made by an init container, which has
 * CAP_NET_ADMIN, so that the process that serves need not have it. Main thread.
 */
#ifndef KANAME_NODE_INTERFACE_H
#define KANAME_NODE_INTERFACE_H

#include <stdint.h>

#include "base/check.h"

/* NodeLocal DNSCache's own name for it. */
#define INTERFACE_NAME "nodelocaldns"

enum interface_outcome {
	INTERFACE_DONE,
	INTERFACE_MISTAKEN, /* the name or the list is none */
	INTERFACE_FAILED
};

/*
 * Makes the interface where there is none, gives it the addresses of `list`, with commas between
 * them, as the only ones of their networks, and sets it up. What is there already is left alone. An
 * address of it that is not in the list is taken off, unless a process receives for it on `port`. A
 * node without IPv6 goes without those of IPv6. `list` may be NULL, which is a mistake as well.
 * What was done has gone to stdout, the reason of a failure with what to do to stderr.
 */
MUST_USE enum interface_outcome interface_setup(const char *name, const char *list, uint16_t port);

/* Takes it away, and with it its addresses. INTERFACE_DONE also where there is none. */
MUST_USE enum interface_outcome interface_remove(const char *name);

#endif
