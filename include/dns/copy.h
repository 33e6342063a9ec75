/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of one message written into another: behind another question, in another order, with
 * other names or TTLs. The source is a message of our own making, read within its bounds all the
 * same.
 *
 * The happy path: dns_copy_begin when the destination has its question, then dns_copy_record for
 * each record, wherever in the source it stands. Names are compressed anew where their type allows
 * it. What may fail is room. No allocation. Any thread.
 */
#ifndef KANAME_DNS_COPY_H
#define KANAME_DNS_COPY_H

#include "dns/reply.h"

/* A name on its way: an owner (of_type 0), or the first name in the rdata of a record of this type.
 * May be changed, with `spelled` (name->len octets, in any case) alike. */
typedef void (*dns_copy_name)(void *arg, uint16_t of_type, struct dns_name *name,
			      uint8_t spelled[DNS_NAME_MAX]);

struct dns_copy {
	struct wire_reader from; /* borrowed: the source */
	dns_copy_name on_name;	 /* NULL: names stay */
	void *arg;
	struct dns_suffixes suffixes;
};

/* A record in the source. */
struct dns_copy_record {
	size_t owner; /* where its owner's name stands */
	uint16_t type, class;
	uint32_t ttl_s;
	size_t rdata; /* where its rdata stands, rdata_len octets */
	uint16_t rdata_len;
};

/* *writer stands behind the question of `query` (dns_answer_begin). */
void dns_copy_begin(struct dns_copy *copy, const struct wire_writer *writer,
		    const struct dns_query *query);

enum dns_copy_outcome {
	DNS_COPY_DONE,
	DNS_COPY_FULL,	 /* no room: nothing was written */
	DNS_COPY_BROKEN, /* the record is none: nothing was written */
};

enum dns_copy_outcome dns_copy_record(struct dns_copy *copy, const struct dns_copy_record *record,
				      struct wire_writer *writer);

#endif
