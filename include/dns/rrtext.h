/* SPDX-License-Identifier: Apache-2.0
 *
 * One resource record from its text in a zone file (RFC 1035 5.1), as an operator writes it into a
 * `template`: owner, TTL and class in either order, type, rdata. As CoreDNS reads it: all names are
 * absolute, with or without the final dot; a record without TTL has 3600 s, one without class is
 * IN; TTLs may have units (1h30m). Quotes, \ddd, parentheses and comments are understood. RFC
 * 3597's TYPEnnn, CLASSnnn and `\# LENGTH HEX` stand for every type.
 *
 * No allocation; text and rdata are bounded. Any thread.
 */
#ifndef KANAME_DNS_RRTEXT_H
#define KANAME_DNS_RRTEXT_H

#include "dns/message.h"

#define DNS_RR_TEXT_MAX 4096			  /* octets of a record's text */
#define DNS_RR_RDATA_MAX (DNS_RR_TEXT_MAX + 1024) /* what that many can make */

struct dns_rr {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl_s;
	uint16_t rdata_len;
	uint8_t rdata[DNS_RR_RDATA_MAX]; /* of the type's form, names in full */
};

struct dns_rr_error {
	size_t at, len;	  /* the word in the text that is wrong; len 0: it ends there too early */
	const char *what; /* a constant: "is not an IPv4 address" */
};

/* The record text[0..len). 0, or -EINVAL with *error; *rr is undefined then. */
MUST_USE int dns_rr_from_text(struct dns_rr *rr, const char *text, size_t len,
			      struct dns_rr_error *error);

/* Writes the record, its owner and the names that RFC 1035 lets compressed; *rdata_pos gets where
 * its rdata stand. False, with nothing written, when it does not fit. */
MUST_USE bool dns_rr_write(const struct dns_rr *rr, struct wire_writer *writer,
			   struct dns_compress *compress, size_t *rdata_pos);

/* "AAAA", "TYPE28"; "IN", "CLASS1"; "NXDOMAIN", "NOTIMPL", "RCODE3", in any case. 0, or -EINVAL
 * with the number unchanged. */
MUST_USE int dns_type_from_text(uint16_t *type, const char *text, size_t len);
MUST_USE int dns_class_from_text(uint16_t *class, const char *text, size_t len);
MUST_USE int dns_rcode_from_text(uint16_t *rcode, const char *text, size_t len);

#endif
