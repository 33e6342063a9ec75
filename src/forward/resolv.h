/* SPDX-License-Identifier: Apache-2.0
 *
 * The nameserver lines of a resolv.conf (resolv.conf(5)), and the addresses of a reply. Bytes in,
 * addresses out; no files, no clock. Any thread.
 */
#ifndef KANAME_FORWARD_RESOLV_H
#define KANAME_FORWARD_RESOLV_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "forward/forward.h"

/* Makes *out the addresses of text's nameserver lines with this port, each once, in their order.
 * "%eth0" behind an address is its interface. Lines that are no address are left out and counted in
 * *n_bad. */
struct resolv_addresses;
void resolv_parse(struct resolv_addresses *out, const char *text, size_t len, uint16_t port,
		  size_t *n_bad);

struct resolv_addresses {
	struct sockaddr_storage items[FORWARD_UPSTREAMS_MAX];
	size_t n;
	uint32_t ttl_s; /* the smallest of all */
};

/* The A and AAAA records of wire's answer section, whoever owns them (the upstream has followed the
 * CNAMEs), with this port. Stops quietly at what is malformed, and when `out` is full. */
void resolv_read_reply(struct resolv_addresses *out, const uint8_t *wire, size_t len,
		       uint16_t port);

/* The same address and port? Their interfaces too. */
bool resolv_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Would a question to `address` come to this server? Its port is one of `own`'s, and its address
 * is that listener's; or, where that listens on every address, one of own_addresses or loopback. */
bool resolv_is_own(const struct forward_config *config, const struct sockaddr_storage *address);

#endif
