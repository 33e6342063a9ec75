/* SPDX-License-Identifier: Apache-2.0
 *
 * A chained hash with a random seed. A client can choose among its IPv6 addresses, but does not
 * know the seed, and chains are no longer than there are connections.
 */
#include "clients.h"

#include <string.h>

#include "base/random.h"

void clients_init(struct clients *clients, unsigned n_max)
{
	struct random random;

	random_init(&random);
	clients->seed = random_next(&random);
	clients->n_buckets = 16;
	while (clients->n_buckets < n_max && clients->n_buckets < 1u << 16)
		clients->n_buckets *= 2;
	clients->buckets = mem_zalloc(clients->n_buckets * sizeof(struct client *));
}

void clients_fini(struct clients *clients)
{
	for (unsigned i = 0; clients->buckets != NULL && i < clients->n_buckets; i++)
		CHECK(clients->buckets[i] == NULL);
	free(clients->buckets);
	clients->buckets = NULL;
}

static void read_address(uint8_t out[16], const union socket_address *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (address->any.sa_family == AF_INET6) {
		memcpy(out, &address->v6.sin6_addr, 16);
		return;
	}
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), &address->v4.sin_addr, 4);
}

static struct client **bucket(const struct clients *clients, const uint8_t address[16])
{
	struct random mix = {clients->seed};
	uint64_t half[2];

	memcpy(half, address, sizeof(half));
	mix.state ^= half[0];
	mix.state = random_next(&mix) ^ half[1];
	return &clients->buckets[random_next(&mix) & (clients->n_buckets - 1)];
}

struct client *clients_enter(struct clients *clients, const union socket_address *address)
{
	uint8_t key[16];
	struct client **head;
	struct client *client;

	read_address(key, address);
	head = bucket(clients, key);
	for (client = *head; client != NULL; client = client->next) {
		if (memcmp(client->address, key, sizeof(key)) == 0) {
			client->n++;
			return client;
		}
	}
	client = mem_zalloc(sizeof(*client));
	memcpy(client->address, key, sizeof(key));
	client->n = 1;
	chain_init(&client->connections);
	client->next = *head;
	*head = client;
	return client;
}

void clients_leave(struct clients *clients, struct client *client)
{
	struct client **link = bucket(clients, client->address);

	if (--client->n > 0)
		return;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	free(client);
}
