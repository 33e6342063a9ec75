/* SPDX-License-Identifier: Apache-2.0
 *
 * As CoreDNS's loadbalance, but that the addresses were shuffled before. Records are permuted in
 * place; what is sorted by is on the stack, bounded by what a message holds.
 */
#include "balance.h"

#include "dns/reply.h"
#include "weights.h"
#include "worker.h"

/* The addresses of a section. */
struct addresses {
	struct edit_record *items; /* of all records */
	size_t n;
	uint16_t at[DNS_REPLY_RECORDS_MAX]; /* their places in items */
};

static bool is_address(const struct edit_record *record)
{
	return (record->type == DNS_TYPE_A && record->rdata_len == 4) ||
	       (record->type == DNS_TYPE_AAAA && record->rdata_len == 16);
}

static void list_addresses(struct addresses *addresses, const struct edit_records *records,
			   uint8_t section)
{
	addresses->items = records->items;
	addresses->n = 0;
	for (size_t i = 0; i < records->n && addresses->n < ARRAY_LEN(addresses->at); i++) {
		if (records->items[i].section == section && is_address(&records->items[i]))
			addresses->at[addresses->n++] = (uint16_t)i;
	}
}

static struct address address_of(const struct edit_record *record)
{
	struct address address = {.family = record->type == DNS_TYPE_A ? ADDRESS_V4 : ADDRESS_V6};

	memcpy(address.bytes, record->rdata, record->rdata_len);
	return address;
}

static void swap(struct addresses *addresses, size_t i, size_t k)
{
	struct edit_record *a = &addresses->items[addresses->at[i]];
	struct edit_record *b = &addresses->items[addresses->at[k]];
	struct edit_record held = *a;

	*a = *b;
	*b = held;
}

/* ---- weights ---- */

/* The weights of records one after the other: those of a set have the same owner. */
struct weigher {
	const struct weights *weights;
	const struct edit_records *records;
	uint16_t owner; /* that `name` is of; 0: none yet */
	uint32_t name;
};

static uint32_t weigh(struct weigher *weigher, const struct edit_record *record)
{
	struct address address = address_of(record);

	if (record->owner != weigher->owner) {
		struct wire_reader reader =
			wire_reader_init(weigher->records->message, weigher->records->size);
		struct dns_name name;

		wire_skip(&reader, record->owner);
		dns_name_read(&name, &reader, true);
		weigher->owner = record->owner;
		weigher->name = weights_find_name(weigher->weights, &name);
	}
	return weights_find(weigher->weights, weigher->name, &address);
}

/* One of them, each as likely as its weight says, becomes the first. One pass is enough: the i-th
 * takes the place of the one chosen so far with its weight's share of all weights so far. */
static void choose_first(const struct weights *weights, struct addresses *addresses,
			 const struct edit_records *records, struct random *random)
{
	struct weigher weigher = {.weights = weights, .records = records};
	uint32_t sum = 0;
	size_t chosen = 0;

	for (size_t i = 0; i < addresses->n; i++) {
		uint32_t weight = weigh(&weigher, &addresses->items[addresses->at[i]]);

		sum += weight;
		if (random_below(random, sum) < weight)
			chosen = i;
	}
	if (chosen > 0)
		swap(addresses, 0, chosen);
}

/* ---- networks ---- */

static bool is_in_network(const struct balance_network *network, const struct address *address)
{
	unsigned octets = network->bits / 8, rest = network->bits % 8;

	if (network->address.family != address->family ||
	    memcmp(network->address.bytes, address->bytes, octets) != 0)
		return false;
	return rest == 0 ||
	       ((network->address.bytes[octets] ^ address->bytes[octets]) >> (8 - rest)) == 0;
}

/* The number of the first network that has the address; how many there are when none has. */
static uint16_t rank(const struct query_balance *balance, const struct edit_record *record)
{
	struct address address = address_of(record);
	uint16_t i = 0;

	while (i < balance->n_prefer && !is_in_network(&balance->prefer[i], &address))
		i++;
	return i;
}

/* A stable counting sort by rank, in place: each address goes where the ranks before it end. */
static void sort_by_network(const struct query_balance *balance, struct addresses *addresses)
{
	uint16_t to[DNS_REPLY_RECORDS_MAX], next[BALANCE_NETWORKS_MAX + 2] = {0};

	for (size_t i = 0; i < addresses->n; i++) {
		to[i] = rank(balance, &addresses->items[addresses->at[i]]);
		next[to[i] + 1]++;
	}
	for (size_t i = 1; i <= balance->n_prefer; i++)
		next[i] = (uint16_t)(next[i] + next[i - 1]);
	for (size_t i = 0; i < addresses->n; i++)
		to[i] = next[to[i]]++;
	for (size_t i = 0; i < addresses->n; i++) {
		while (to[i] != i) {
			uint16_t k = to[i];

			swap(addresses, i, k);
			to[i] = to[k];
			to[k] = k;
		}
	}
}

void balance_run(const struct query_balance *balance, struct edit_records *records,
		 struct answer *answer)
{
	static const uint8_t sections[] = {0, 2}; /* answer, additional */
	const struct weights *weights = __atomic_load_n(&balance->weights, __ATOMIC_ACQUIRE);
	struct addresses addresses;

	if (answer->end.rcode != DNS_RCODE_NOERROR)
		return;
	CHECK(balance->n_prefer <= BALANCE_NETWORKS_MAX);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		list_addresses(&addresses, records, sections[i]);
		if (addresses.n < 2)
			continue;
		if (weights)
			choose_first(weights, &addresses, records, &answer->scratch->order.random);
		if (balance->n_prefer > 0)
			sort_by_network(balance, &addresses);
		ANSWER_TRACE(answer, "loadbalance %s: %zu addresses are ordered%s%s",
			     balance->place, addresses.n, weights ? " by weight" : "",
			     balance->n_prefer > 0 ? " by network" : "");
	}
}
