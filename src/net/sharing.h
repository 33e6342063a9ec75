/* SPDX-License-Identifier: Apache-2.0
 *
 * Who else receives what is sent to an address of ours: other processes of this machine may serve
 * the same port (SO_REUSEPORT), while one hands over to the next. Told by the kernel's list of UDP
 * sockets (proc(5), /proc/net/udp). Main thread.
 */
#ifndef KANAME_NET_SHARING_H
#define KANAME_NET_SHARING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socket.h"

/*
 * Is there a UDP socket that receives for this address and port, as one bound to it or to the
 * wildcard does, and is none of own[0..n_own), inode numbers? False also where the kernel does not
 * tell. A socket that is connected, as socket_leave_group leaves it, does not receive.
 */
bool sharing_has_other(const union socket_address *address, const uint64_t *own, size_t n_own);

/* A line of such a list, for sharing_has_other and its test: false when it is none. */
struct sharing_entry {
	union socket_address address;
	uint64_t inode;
	bool is_receiving;
};
MUST_USE bool sharing_parse(const char *line, struct sharing_entry *entry);

#endif
