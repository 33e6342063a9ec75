/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of each address (PTR), and the prefixes that hold addresses, in one index:
 *
 *   exact address: key {32 or 128, octets}; behind it, with n > 1, n offsets of 32 bits; then n
 *                  names, each {rank, length, SVC and NS or HOST, SVC and NS in wire form}, sorted
 *   prefix:        key {bits, octets}, counted by address
 *
 * An address has each pair of rank and name from one service only; therefore the difference between
 * two versions of a service says all that has to change. The writer, but for pointers_key.
 */
#ifndef KANAME_TABLE_POINTERS_H
#define KANAME_TABLE_POINTERS_H

#include "node.h"

/* In the order of answering; a RANK_CLUSTER_IP hides all others. */
enum pointer_rank { RANK_CLUSTER_IP, RANK_NAMED, RANK_HEADLESS, RANK_ENDPOINT };

struct table_pointers {
	struct entry entry;
};

#define POINTERS_KEY_MAX 17

/* The key of the first `bits` bits of an address. Returns its length. */
size_t pointers_key(uint8_t key[POINTERS_KEY_MAX], const struct address *address, unsigned bits);

struct pointer_change {
	struct address address;
	uint8_t rank;
	bool is_removed;
	const uint8_t *label; /* borrowed: of the host; NULL: the service itself */
};

/* Ready with index and garbage set and the rest zero. */
struct pointers_writer {
	struct index *index;	 /* borrowed */
	struct garbage *garbage; /* borrowed */
	ARRAY(struct pointer_change) changes;
	ARRAY(uint32_t) offsets; /* of a block that is being built */
	struct text names;
	uint64_t n_addresses; /* with names, in the index */
};

/* Publishes what differs between two versions of a service, of which either may be NULL. Each
 * address changes at once. */
void pointers_update(struct pointers_writer *writer, const struct table_node *old,
		     const struct table_node *new);

void pointers_writer_fini(struct pointers_writer *writer);

#endif
