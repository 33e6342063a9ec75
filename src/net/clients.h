/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is connected by TCP, by address: how many connections, and which was quiet the longest.
 * Bounded by the number of connections, since a client without one is forgotten. Worker thread.
 */
#ifndef KANAME_NET_CLIENTS_H
#define KANAME_NET_CLIENTS_H

#include <stdint.h>

#include "chain.h"
#include "socket.h"

struct client {
	struct client *next; /* in its bucket */
	uint8_t address[16]; /* IPv4 as IPv4-mapped */
	unsigned n;
	struct chain connections; /* borrowed; the least recently active first */
};

struct clients {
	struct client **buckets; /* owned, n_buckets of them */
	unsigned n_buckets;	 /* a power of two */
	uint64_t seed;
};

/* For about n_max clients. */
void clients_init(struct clients *clients, unsigned n_max);
void clients_fini(struct clients *clients);

/* The client with this address, made when there is none. Its caller counts a connection, then calls
 * clients_leave for it. */
struct client *clients_enter(struct clients *clients, const union socket_address *address);

/* One connection less; the last one frees the client. */
void clients_leave(struct clients *clients, struct client *client);

#endif
