/* SPDX-License-Identifier: Apache-2.0
 *
 * One resource record, read from a message that may be anything and written anew: names compressed
 * where that is allowed, decompressed where RFC 3597 4 asks for it. Any thread.
 */
#ifndef KANAME_DNS_RECORD_H
#define KANAME_DNS_RECORD_H

#include "dns/copy.h"
#include "suffixes.h"

struct record {
	uint16_t type, class;
	uint32_t ttl_s;
	uint16_t rdata_len;	       /* as it came */
	struct dns_name owner;	       /* unless is_question */
	uint8_t spelled[DNS_NAME_MAX]; /* the owner's octets as they came */
	bool is_question;	       /* the owner is a pointer to the question's name */
	const struct dns_copy *copy;   /* borrowed: says what becomes of names; NULL: they stay */
	/* where record_write put it: */
	size_t owner_pos; /* of the owner's name; 0 for the root */
	size_t ttl_pos;
};

/* Reads up to the rdata, which follows in the reader: all of it is there. A TTL with the top bit
 * set is 0 (RFC 2181 8). False: the record is broken. */
MUST_USE bool record_read(struct record *record, struct wire_reader *reader);

/*
 * Writes the record and passes over its rdata. With may_point_to_question the writer's message has
 * the same question as the reader's, at the same place. False: the rdata is broken, or there is no
 * room (the writer's sticky error).
 */
MUST_USE bool record_write(struct record *record, struct wire_reader *reader,
			   struct wire_writer *writer, struct dns_suffixes *suffixes,
			   bool may_point_to_question);

#endif
