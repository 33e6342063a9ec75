/* SPDX-License-Identifier: Apache-2.0
 *
 * The weight file, and the weights by number of name and address. The happy path: a line of one
 * word is the name of those that follow, one of two words an address and its weight. Where a name
 * has an address twice, the first counts, as in CoreDNS. What may fail is the file.
 */
#include "weights.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/array.h"
#include "base/rcu.h"
#include "hosts_data.h"

struct weight_name {
	uint32_t wire; /* where it stands in `wire`: its length, then the octets */
};

/* What a weight is found by. */
struct weight_key {
	uint32_t name;
	uint8_t address[16];
};

struct weight {
	struct weight_key key;
	uint8_t value;
};

struct weights {
	uint64_t seed;
	struct slots by_name, by_key;
	struct text wire;
	ARRAY(struct weight_name) names;
	ARRAY(struct weight) weights;
};

static uint32_t hash_of(const struct weights *weights, const void *bytes, size_t len)
{
	return (uint32_t)XXH3_64bits_withSeed(bytes, len, weights->seed);
}

uint32_t weights_find_name(const struct weights *weights, const struct dns_name *name)
{
	uint32_t hash = hash_of(weights, name->wire, name->len), at = hash, number;

	while (slots_next(&weights->by_name, hash, &at, &number)) {
		const char *wire = weights->wire.bytes + weights->names.items[number].wire;

		if ((uint8_t)wire[0] == name->len && memcmp(wire + 1, name->wire, name->len) == 0)
			return number;
	}
	return WEIGHTS_NO_NAME;
}

static const struct weight *find_key(const struct weights *weights, const struct weight_key *key,
				     uint32_t hash)
{
	uint32_t at = hash, number;

	while (slots_next(&weights->by_key, hash, &at, &number)) {
		const struct weight *weight = &weights->weights.items[number];

		if (memcmp(&weight->key, key, sizeof(*key)) == 0)
			return weight;
	}
	return NULL;
}

uint32_t weights_find(const struct weights *weights, uint32_t name, const struct address *address)
{
	struct weight_key key = {.name = name};
	const struct weight *weight;

	if (name == WEIGHTS_NO_NAME)
		return 1;
	hosts_address_key(address, key.address);
	weight = find_key(weights, &key, hash_of(weights, &key, sizeof(key)));
	return weight ? weight->value : 1;
}

/* ---- the file ---- */

struct line {
	const char *words[3]; /* of more than two, the third is the last that is looked at */
	size_t lens[3];
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void split(const char *at, const char *end, struct line *line)
{
	line->n = 0;
	while (line->n < ARRAY_LEN(line->words)) {
		while (at < end && is_space(*at))
			at++;
		if (at == end)
			return;
		line->words[line->n] = at;
		while (at < end && !is_space(*at))
			at++;
		line->lens[line->n] = (size_t)(at - line->words[line->n]);
		line->n++;
	}
}

static bool refuse(struct text *why, const struct line *line, size_t word, const char *what)
{
	size_t len = line->lens[word];

	text_printf(why, "\"%.*s\"%s %s", len < 100 ? (int)len : 100, line->words[word],
		    len < 100 ? "" : "...", what);
	return false;
}

static bool read_name(struct weights *weights, const struct line *line, uint32_t *current,
		      struct text *why)
{
	struct address address;
	struct dns_name name;

	if (address_from_text(&address, line->words[0], line->lens[0]) == 0)
		return refuse(why, line, 0, "has no weight behind it");
	if (dns_name_from_text(&name, line->words[0], line->lens[0]) != 0)
		return refuse(why, line, 0, "is not a domain name");
	*current = weights_find_name(weights, &name);
	if (*current != WEIGHTS_NO_NAME)
		return true;

	struct weight_name entry = {(uint32_t)weights->wire.len};

	text_append(&weights->wire, (const char *)&name.len, 1);
	text_append(&weights->wire, (const char *)name.wire, name.len);
	ARRAY_PUSH(&weights->names, entry);
	*current = slots_add(&weights->by_name, hash_of(weights, name.wire, name.len));
	return true;
}

/* A decimal number from 1 to 255, else 0. */
static unsigned read_value(const char *text, size_t len)
{
	unsigned value = 0;

	for (size_t i = 0; i < len && value <= 255; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	return value <= 255 ? value : 0;
}

static bool read_weight(struct weights *weights, const struct line *line, uint32_t name,
			struct text *why)
{
	struct weight weight = {.key = {.name = name}};
	struct address address;
	unsigned value = read_value(line->words[1], line->lens[1]);

	if (address_from_text(&address, line->words[0], line->lens[0]) != 0)
		return refuse(why, line, 0, "is not an address");
	if (value == 0)
		return refuse(why, line, 1, "is not a weight from 1 to 255");
	if (name == WEIGHTS_NO_NAME)
		return refuse(why, line, 0, "stands before the first domain name");
	weight.value = (uint8_t)value;
	hosts_address_key(&address, weight.key.address);

	uint32_t hash = hash_of(weights, &weight.key, sizeof(weight.key));

	if (!find_key(weights, &weight.key, hash)) {
		ARRAY_PUSH(&weights->weights, weight);
		slots_add(&weights->by_key, hash);
	}
	return true;
}

static bool read_line(struct weights *weights, const struct line *line, uint32_t *current,
		      struct text *why)
{
	if (line->n == 0 || line->words[0][0] == '#')
		return true;
	if (line->n == 1)
		return read_name(weights, line, current, why);
	if (line->n == 2)
		return read_weight(weights, line, *current, why);
	return refuse(why, line, 2, "stands behind a weight");
}

struct weights *weights_build(const char *bytes, size_t len, struct text *why)
{
	struct weights *weights = mem_zalloc(sizeof(*weights));
	const char *at = len > 0 ? bytes : "", *end = at + len; /* nothing may be NULL */
	uint32_t current = WEIGHTS_NO_NAME;
	struct text cause = {0};
	struct random random;

	CHECK(len <= WEIGHTS_FILE_MAX);
	random_init(&random);
	weights->seed = random.state;
	for (size_t n = 1; at < end; n++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline ? newline : end;
		struct line line;

		split(at, line_end, &line);
		if (!read_line(weights, &line, &current, &cause)) {
			text_printf(why, "%zu: %s", n, cause.bytes);
			text_fini(&cause);
			weights_free(weights);
			return NULL;
		}
		at = newline ? newline + 1 : end;
	}
	return weights;
}

void weights_free(struct weights *weights)
{
	if (!weights)
		return;
	slots_fini(&weights->by_name);
	slots_fini(&weights->by_key);
	text_fini(&weights->wire);
	ARRAY_FINI(&weights->names);
	ARRAY_FINI(&weights->weights);
	free(weights);
}

void weights_publish(struct query_balance *balance, struct weights *weights)
{
	struct weights *old = balance->weights;

	__atomic_store_n(&balance->weights, weights, __ATOMIC_RELEASE);
	if (!old)
		return;
	rcu_wait();
	weights_free(old);
}
