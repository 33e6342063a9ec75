/* SPDX-License-Identifier: Apache-2.0
 *
 * The check is a keyed hash of the nonce, the proof one of nonce and check.
 */
#include "dns/probe.h"

#include <xxhash.h>

#define SEED_CHECK 0x636865636bu
#define SEED_PROOF 0x70726f6f66u

static void put_hex(char *out, uint64_t value)
{
	for (int i = DNS_PROBE_LABEL - 1; i >= 0; i--) {
		out[i] = "0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

static void hash_hex(char *out, const char *label, uint64_t key, uint64_t seed)
{
	uint64_t bytes[3] = {key};

	memcpy(bytes + 1, label, DNS_PROBE_LABEL);
	put_hex(out, XXH3_64bits_withSeed(bytes, sizeof(bytes), key ^ seed));
}

void dns_probe_name(struct dns_name *name, uint64_t key, uint64_t nonce)
{
	char text[2 * DNS_PROBE_LABEL + 1];

	put_hex(text, nonce);
	text[DNS_PROBE_LABEL] = '.';
	hash_hex(text + DNS_PROBE_LABEL + 1, text, key, SEED_CHECK);
	CHECK(dns_name_from_text(name, text, sizeof(text)) == 0);
}

bool dns_probe_check(const struct dns_name *name, uint64_t key, char proof[DNS_PROBE_LABEL])
{
	const char *nonce = (const char *)name->wire + 1;
	const char *check = nonce + DNS_PROBE_LABEL + 1;
	char want[DNS_PROBE_LABEL];

	if (name->n_labels != 2 || name->wire[0] != DNS_PROBE_LABEL || check[-1] != DNS_PROBE_LABEL)
		return false;
	hash_hex(want, nonce, key, SEED_CHECK);
	if (memcmp(want, check, DNS_PROBE_LABEL) != 0)
		return false;
	hash_hex(proof, nonce, key, SEED_PROOF);
	return true;
}
