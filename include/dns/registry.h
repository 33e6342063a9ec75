/* SPDX-License-Identifier: Apache-2.0
 *
 * The registries' numbers (IANA "Domain Name System (DNS) Parameters") and their names as text. Any
 * thread.
 */
#ifndef KANAME_DNS_REGISTRY_H
#define KANAME_DNS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_HINFO = 13,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_NSEC3 = 50,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_TSIG = 250,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
};

enum dns_class { DNS_CLASS_IN = 1, DNS_CLASS_CH = 3, DNS_CLASS_HS = 4, DNS_CLASS_ANY = 255 };

enum dns_opcode { DNS_OPCODE_QUERY = 0, DNS_OPCODE_NOTIFY = 4, DNS_OPCODE_UPDATE = 5 };

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_BADVERS = 16,
};

/* Header flags, as the second 16-bit word of the header (RFC 1035 4.1.1, RFC 4035 3.1.6). */
#define DNS_FLAG_QR 0x8000u
#define DNS_FLAG_AA 0x0400u
#define DNS_FLAG_TC 0x0200u
#define DNS_FLAG_RD 0x0100u
#define DNS_FLAG_RA 0x0080u
#define DNS_FLAG_AD 0x0020u
#define DNS_FLAG_CD 0x0010u
#define DNS_OPCODE_SHIFT 11

enum dns_option { DNS_OPTION_NSID = 3, DNS_OPTION_KEEPALIVE = 11, DNS_OPTION_EDE = 15 };

/* Extended DNS errors (RFC 8914 5.2). */
enum dns_ede {
	DNS_EDE_OTHER = 0,
	DNS_EDE_STALE_ANSWER = 3,
	DNS_EDE_NOT_READY = 14,
	DNS_EDE_BLOCKED = 15,
	DNS_EDE_FILTERED = 17,
	DNS_EDE_PROHIBITED = 18,
	DNS_EDE_STALE_NXDOMAIN = 19,
	DNS_EDE_NOT_AUTHORITATIVE = 20,
	DNS_EDE_NOT_SUPPORTED = 21,
	DNS_EDE_NO_REACHABLE_AUTHORITY = 22,
	DNS_EDE_NETWORK_ERROR = 23,
	DNS_EDE_NONE = 0xffff, /* ours: no error to tell */
};

#define DNS_HEADER_SIZE 12
#define DNS_UDP_PLAIN_MAX 512 /* RFC 1035 4.2.1: without EDNS */
#define DNS_MESSAGE_MAX 65535

/* "A", "TYPE65280" (RFC 3597 5), "IN", "CLASS9", "NOERROR", "RCODE24": written to buf[0..size),
 * NUL-terminated (16 bytes are enough for every value); returns buf or a constant. Types known by
 * name: every registered one that a client may ask for. */
const char *dns_type_text(uint16_t type, char *buf, size_t size);
const char *dns_class_text(uint16_t class, char *buf, size_t size);
const char *dns_rcode_text(uint16_t rcode, char *buf, size_t size);

/* A type's name, in any case, or TYPEn. False when it is none. */
bool dns_type_from_text(const char *text, uint16_t *type);

#endif
