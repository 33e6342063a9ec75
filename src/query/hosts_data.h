/* SPDX-License-Identifier: Apache-2.0
 *
 * What a hosts file comes to: names by hash with their addresses behind each other, and addresses
 * by hash with their names. Some 60 octets for a line of one name, 25 more with reverse names.
 * Built by hosts_build, then immutable. Any thread.
 */
#ifndef KANAME_QUERY_HOSTS_DATA_H
#define KANAME_QUERY_HOSTS_DATA_H

#include "dns/address.h"
#include "query/hosts.h"
#include "slots.h"

/* The addresses of name i lie between its own numbers and those of name i+1. */
struct hosts_name {
	uint32_t wire; /* where it stands in `names_wire`: its length, then the octets */
	uint32_t v4, v6;
};

/* The names of address i lie between its own number and that of address i+1. */
struct hosts_address {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t pointer;
};

struct hosts_data {
	uint64_t seed;
	struct slots by_name, by_address; /* owned, as all here */
	uint8_t *names_wire;		  /* lower-case */
	struct hosts_name *names;	  /* by_name.n, and an end */
	uint8_t *v4, *v6;		  /* of 4 and 16 octets each */
	struct hosts_address *addresses;  /* by_address.n, and an end; NULL without reverse names */
	uint32_t *pointers;		  /* where names stand in names_wire */
	bool has_wildcards;
	size_t n_entries;
};

uint32_t hosts_hash(const struct hosts_data *data, const void *bytes, size_t len);

struct hosts_found {
	struct table_addresses v4, v6; /* in no order; n 0 where there are none */
};

/* The addresses of a name, of each family its own, else those of *.PARENT. False: there are none of
 * either family. */
bool hosts_find(const struct hosts_data *data, const struct dns_name *name,
		struct hosts_found *found);

/* The names of an address, in the file's order: n numbers of names in names_wire. NULL: none. */
const uint32_t *hosts_find_address(const struct hosts_data *data, const struct address *address,
				   uint32_t *n);

/* An IPv4 address that is written as IPv6 is the same one: as the 16 octets that both have. */
void hosts_address_key(const struct address *address, uint8_t key[16]);

#endif
