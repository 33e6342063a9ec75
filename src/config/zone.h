/* SPDX-License-Identifier: Apache-2.0
 *
 * Zones as a Corefile spells them: `example.org`, `.`, a prefix in CIDR notation (10.96.0.0/16: the
 * reverse zones that together cover it), and the keys of server blocks, `[dns://]ZONE[:PORT]`. Main
 * thread.
 */
#ifndef KANAME_CONFIG_ZONE_H
#define KANAME_CONFIG_ZONE_H

#include "base/text.h"
#include "dns/address.h"

struct zones {			/* an ARRAY(struct dns_name) */
	struct dns_name *items; /* owned */
	size_t len, cap;
};

/* Appends the zones of text[0..len). 0, or -EINVAL with the reason appended to *why. */
MUST_USE int zone_read(const char *text, size_t len, struct zones *zones, struct text *why);

/* The parts of a server block's key; *port is 0 where none is given. 0, or -EINVAL with the reason
 * appended to *why. */
MUST_USE int zone_key_split(const char *key, const char **zone, size_t *zone_len, uint16_t *port,
			    struct text *why);

/* A port from 1 to 65535 in decimal digits, else 0. */
uint16_t port_read(const char *text);

#endif
