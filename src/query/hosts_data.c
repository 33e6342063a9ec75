/* SPDX-License-Identifier: Apache-2.0
 *
 * Lookup and publishing. A name that is not there costs the hash of its octets and one slot; one
 * that is, three reads more.
 */
#include "hosts_data.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/rcu.h"

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

uint32_t hosts_hash(const struct hosts_data *data, const void *bytes, size_t len)
{
	return (uint32_t)XXH3_64bits_withSeed(bytes, len, data->seed);
}

void hosts_address_key(const struct address *address, uint8_t key[16])
{
	if (address->family == ADDRESS_V6) {
		memcpy(key, address->bytes, 16);
		return;
	}
	memcpy(key, v4_prefix, sizeof(v4_prefix));
	memcpy(key + sizeof(v4_prefix), address->bytes, 4);
}

static const struct hosts_name *find_name(const struct hosts_data *data, const uint8_t *wire,
					  size_t len)
{
	uint32_t hash = hosts_hash(data, wire, len), at = hash, number;

	while (slots_next(&data->by_name, hash, &at, &number)) {
		const uint8_t *name = data->names_wire + data->names[number].wire;

		if (name[0] == len && memcmp(name + 1, wire, len) == 0)
			return &data->names[number];
	}
	return NULL;
}

/* Fills in the families that there are none of yet. */
static void add_addresses(const struct hosts_data *data, const struct hosts_name *name,
			  struct hosts_found *found)
{
	if (found->v4.n == 0)
		found->v4 = (struct table_addresses){data->v4 + (size_t)name[0].v4 * 4,
						     name[1].v4 - name[0].v4};
	if (found->v6.n == 0)
		found->v6 = (struct table_addresses){data->v6 + (size_t)name[0].v6 * 16,
						     name[1].v6 - name[0].v6};
}

static const struct hosts_name *find_wildcard(const struct hosts_data *data,
					      const struct dns_name *name)
{
	uint8_t wire[2 + DNS_NAME_MAX] = {1, '*'};
	size_t first = name->offsets[1], len = name->len - first;

	memcpy(wire + 2, name->wire + first, len);
	return find_name(data, wire, 2 + len);
}

bool hosts_find(const struct hosts_data *data, const struct dns_name *name,
		struct hosts_found *found)
{
	const struct hosts_name *entry = find_name(data, name->wire, name->len);

	*found = (struct hosts_found){0};
	if (entry)
		add_addresses(data, entry, found);
	if (UNLIKELY(data->has_wildcards) && name->n_labels > 1 &&
	    (found->v4.n == 0 || found->v6.n == 0)) {
		entry = find_wildcard(data, name);
		if (entry)
			add_addresses(data, entry, found);
	}
	return found->v4.n > 0 || found->v6.n > 0;
}

const uint32_t *hosts_find_address(const struct hosts_data *data, const struct address *address,
				   uint32_t *n)
{
	uint8_t key[16];

	if (!data->addresses)
		return NULL;
	hosts_address_key(address, key);

	uint32_t hash = hosts_hash(data, key, sizeof(key)), at = hash, number;

	while (slots_next(&data->by_address, hash, &at, &number)) {
		const struct hosts_address *entry = &data->addresses[number];

		if (memcmp(entry->bytes, key, sizeof(key)) != 0)
			continue;
		*n = entry[1].pointer - entry[0].pointer;
		return *n > 0 ? data->pointers + entry[0].pointer : NULL;
	}
	return NULL;
}

size_t hosts_n_entries(const struct hosts_data *data)
{
	return data->n_entries;
}

void hosts_free(struct hosts_data *data)
{
	if (!data)
		return;
	slots_fini(&data->by_name);
	slots_fini(&data->by_address);
	free(data->names_wire);
	free(data->names);
	free(data->v4);
	free(data->v6);
	free(data->addresses);
	free(data->pointers);
	free(data);
}

void hosts_publish(struct query_hosts *hosts, struct hosts_data *data)
{
	struct hosts_data *old = hosts->data;

	__atomic_store_n(&hosts->data, data, __ATOMIC_RELEASE);
	if (!old)
		return;
	rcu_wait();
	hosts_free(old);
}
