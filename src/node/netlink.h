/* SPDX-License-Identifier: Apache-2.0
 *
 * Network interfaces and their addresses, as the kernel tells and takes them (rtnetlink(7), by
 * libmnl). Each call is one question to the kernel and waits for its answer: 0 or -errno. What
 * changes something needs CAP_NET_ADMIN (-EPERM). Main thread.
 */
#ifndef KANAME_NODE_NETLINK_H
#define KANAME_NODE_NETLINK_H

#include <net/if.h>

#include "dns/address.h"

struct mnl_socket;

struct netlink {
	struct mnl_socket *socket; /* owned */
	uint32_t sequence;
};

struct netlink_link {
	int index;
	bool is_up;
	char kind[IFNAMSIZ]; /* "dummy", "bridge", ...; "" of a device without one */
};

#define NETLINK_ADDRESSES_MAX 64

struct netlink_addresses {
	struct address items[NETLINK_ADDRESSES_MAX];
	size_t n; /* what an interface has beyond is left out */
};

MUST_USE int netlink_open(struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/* The interface of that name; -ENODEV: there is none. */
MUST_USE int netlink_get(struct netlink *netlink, const char *name, struct netlink_link *link);

/* -EEXIST: there is one of that name; -EOPNOTSUPP: the kernel has no such kind. */
MUST_USE int netlink_add(struct netlink *netlink, const char *name, const char *kind);
MUST_USE int netlink_up(struct netlink *netlink, int index);
MUST_USE int netlink_delete(struct netlink *netlink, int index);

/* Those of an interface, without IPv6's own link-local ones. */
MUST_USE int netlink_addresses(struct netlink *netlink, int index,
			       struct netlink_addresses *addresses);

/* As the only one of its network (/32, /128), usable at once: without duplicate detection. */
MUST_USE int netlink_add_address(struct netlink *netlink, int index, const struct address *address);
MUST_USE int netlink_delete_address(struct netlink *netlink, int index,
				    const struct address *address);

#endif
