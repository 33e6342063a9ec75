/* SPDX-License-Identifier: Apache-2.0
 *
 * An address that is served: its listeners, one for each worker. Main thread.
 */
#ifndef KANAME_NET_ADDRESS_H
#define KANAME_NET_ADDRESS_H

#include "listener.h"

struct net_address {
	union socket_address address;
	size_t server;		     /* index in the query_config that main gave last */
	struct listener **listeners; /* owned, with what it points to: one for each worker; NULL:
					this machine cannot have it, and need not */
	bool is_new;		     /* no worker knows it yet */
};

struct net_addresses {
	struct net_address *items; /* owned */
	size_t n;
};

/*
 * Opens and binds the sockets for n_workers. 0, also for an optional address that this machine
 * cannot have, or -errno; then *why says which address and what to do.
 */
MUST_USE int net_address_open(struct net_address *address, const struct net_listener *config,
			      unsigned n_workers, struct text *why);

/* Opens no port: would the address be refused because this machine does not have it? As above. */
MUST_USE int net_address_check(const struct net_listener *config, struct text *why);

/* Its listeners are attached to nothing. */
void net_address_fini(struct net_address *address, unsigned n_workers);
void net_addresses_fini(struct net_addresses *addresses, unsigned n_workers);

/* NULL: there is none. */
struct net_address *net_addresses_find(const struct net_addresses *addresses,
				       const union socket_address *address);

/* Does one of them receive for this one, too, as a wildcard does? */
bool net_addresses_cover(const struct net_addresses *addresses,
			 const union socket_address *address);

#endif
