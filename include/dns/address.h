/* SPDX-License-Identifier: Apache-2.0
 *
 * IP addresses: text, reverse names (RFC 1035 3.5, RFC 3596 2.5) and the dashed labels of
 * Kubernetes pod and endpoint names. An IPv4-mapped IPv6 address is kept as it is (it is another
 * address than the IPv4 one). No allocation. Any thread.
 */
#ifndef KANAME_DNS_ADDRESS_H
#define KANAME_DNS_ADDRESS_H

#include <sys/socket.h>

#include "dns/name.h"

enum address_family { ADDRESS_V4 = 4, ADDRESS_V6 = 6 };

struct address {
	uint8_t family;	   /* enum address_family */
	uint8_t bytes[16]; /* network order; 4 used by IPv4, the rest zero */
};

#define ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */
#define ADDRESS_LABEL_MAX 48

static inline size_t address_size(const struct address *address)
{
	return address->family == ADDRESS_V4 ? 4 : 16;
}

/* <0, 0, >0; IPv4 before IPv6, then by bytes. */
int address_compare(const struct address *a, const struct address *b);

/* fe80::/10, which means another host on each link, so that a bind or a route takes a scope, too.
 */
bool address_is_link_local(const struct address *address);

/* ::ffff:0:0/96, IPv4 as IPv6 sockets have it (RFC 4291 2.5.5.2): the last four bytes are the IPv4
 * address. */
bool address_is_v4_mapped(const struct address *address);

struct sockaddr_storage address_to_sockaddr(const struct address *address, uint16_t port);

/* Strict text form: no leading zeros in IPv4 octets, no zone (%eth0), no port, no mask; any RFC
 * 4291 2.2 spelling of IPv6. 0, or -EINVAL with *address unchanged. */
MUST_USE int address_from_text(struct address *address, const char *text, size_t len);

/* IPv6 in RFC 5952 form, never with an embedded IPv4 address, so that a label can be made of it.
 * out has ADDRESS_TEXT_MAX bytes, NUL-terminated. Returns its length. */
size_t address_to_text(const struct address *address, char *out);

/*
 * The endpoint label of an address (dns-facts "Endpoint host name"): '.' and ':' become '-', IPv6
 * in RFC 5952 form first, and a leading or trailing '-' gets a '0' ("fd00:5::" -> "fd00-5--0",
 * "::1" -> "0--1"). Lower-case; out has ADDRESS_LABEL_MAX bytes, NUL-terminated. Returns its
 * length.
 */
size_t address_to_label(const struct address *address, char *out);

/*
 * A pod label (dns-facts 6): exactly four groups without "--" are IPv4 (no leading zeros); else
 * IPv6 with '-' for ':' in any spelling that parses. label[0..len) is lower-case, without its
 * length octet. False when it is neither.
 */
MUST_USE bool address_from_pod_label(struct address *address, const uint8_t *label, size_t len);

enum reverse_kind {
	REVERSE_NONE,	/* not a name that an address or a prefix can have */
	REVERSE_EXACT,	/* 4 decimal labels without leading zeros, or 32 one-digit hex labels */
	REVERSE_PREFIX, /* fewer labels, each valid: an empty non-terminal where addresses below it
			   exist */
};

/*
 * What a name in in-addr.arpa or ip6.arpa stands for. *address gets the address, for REVERSE_PREFIX
 * with the missing low bits zero and *prefix_bits (0..124) the number of bits given; for
 * REVERSE_EXACT it is 32 or 128. The names in-addr.arpa and ip6.arpa themselves are prefixes of 0
 * bits.
 */
MUST_USE enum reverse_kind address_from_reverse(struct address *address, unsigned *prefix_bits,
						const struct dns_name *name);

/* Is this in-addr.arpa, ip6.arpa or below? */
bool address_is_reverse_name(const struct dns_name *name);

/*
 * The reverse zone of a prefix: 10.96.0.0/16 -> 96.10.in-addr.arpa. Returns the number of zones
 * that cover it: 1 when prefix_bits lies on a label boundary (8 bits in IPv4, 4 in IPv6), else
 * the 2..128 zones of the next boundary that together are the prefix, of which number `index` is
 * written to *zone. index must be below that number (0 always is).
 */
unsigned address_reverse_zone(struct dns_name *zone, const struct address *address,
			      unsigned prefix_bits, unsigned index);

#endif
