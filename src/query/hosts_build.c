/* SPDX-License-Identifier: Apache-2.0
 *
 * From the lines of a hosts file to a struct hosts_data. The happy path: each line is words, the
 * first an address, the others its names; names and addresses are numbered as they come, and each
 * pair of them is kept once; then the pairs are counted out, so that the addresses of a name, and
 * the names of an address, lie behind each other in the file's order.
 *
 * Lines, as in CoreDNS: from # on they are a comment; the zone of an IPv6 address (%eth0) is left
 * out, and ::ffff:a.b.c.d is the IPv4 address; a name outside of the zones is none. Main thread.
 */
#include "base/array.h"
#include "hosts_data.h"

struct pair {
	uint32_t name, address;
};

struct built_name {
	uint32_t wire;
	bool is_wildcard;
};

struct built_address {
	uint8_t key[16];
	bool is_v4;
};

struct builder {
	struct hosts_data *data;
	const struct query_zones *zones;
	struct text wire; /* becomes data->names_wire */
	ARRAY(struct built_name) names;
	ARRAY(struct built_address) addresses;
	ARRAY(struct pair) pairs;
	struct slots by_pair;
	size_t pairs_max;
	bool is_full;
};

struct word {
	const char *text;
	size_t len;
};

/* What is left of a file, or of a line. */
struct rest {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool take_word(struct rest *rest, struct word *word)
{
	while (rest->at < rest->end && is_space(*rest->at))
		rest->at++;
	word->text = rest->at;
	while (rest->at < rest->end && !is_space(*rest->at))
		rest->at++;
	word->len = (size_t)(rest->at - word->text);
	return word->len > 0;
}

/* The next line without its comment. */
static bool take_line(struct rest *rest, struct rest *line)
{
	const char *end, *comment;

	if (rest->at == rest->end)
		return false;
	end = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
	line->at = rest->at;
	line->end = end ? end : rest->end;
	rest->at = end ? end + 1 : rest->end;
	comment = memchr(line->at, '#', (size_t)(line->end - line->at));
	if (comment)
		line->end = comment;
	return true;
}

static bool read_address(const struct word *word, struct address *address)
{
	const char *percent = memchr(word->text, '%', word->len);

	return address_from_text(address, word->text,
				 percent ? (size_t)(percent - word->text) : word->len) == 0;
}

/* Numbers what has these octets; a new number is *n. */
static uint32_t number_name(struct builder *builder, const struct dns_name *name)
{
	struct hosts_data *data = builder->data;
	uint32_t hash = hosts_hash(data, name->wire, name->len), at = hash, number;
	struct built_name entry = {(uint32_t)builder->wire.len, name->n_labels > 1 &&
									name->wire[0] == 1 &&
									name->wire[1] == '*'};

	while (slots_next(&data->by_name, hash, &at, &number)) {
		CHECK(number < builder->names.len && builder->names.items); /* for the analyzer */

		const char *wire = builder->wire.bytes + builder->names.items[number].wire;

		if ((uint8_t)wire[0] == name->len && memcmp(wire + 1, name->wire, name->len) == 0)
			return number;
	}
	text_append(&builder->wire, (const char *)&name->len, 1);
	text_append(&builder->wire, (const char *)name->wire, name->len);
	data->has_wildcards |= entry.is_wildcard;
	ARRAY_PUSH(&builder->names, entry);
	return slots_add(&data->by_name, hash);
}

static uint32_t number_address(struct builder *builder, const struct address *address)
{
	struct built_address entry = {0};
	uint32_t hash, at, number;

	hosts_address_key(address, entry.key);
	entry.is_v4 = memcmp(entry.key, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
	hash = at = hosts_hash(builder->data, entry.key, sizeof(entry.key));
	while (slots_next(&builder->data->by_address, hash, &at, &number)) {
		if (memcmp(builder->addresses.items[number].key, entry.key, sizeof(entry.key)) == 0)
			return number;
	}
	ARRAY_PUSH(&builder->addresses, entry);
	return slots_add(&builder->data->by_address, hash);
}

/* A pair that is there already is the same record. */
static void add_pair(struct builder *builder, struct pair pair)
{
	uint32_t hash = hosts_hash(builder->data, &pair, sizeof(pair)), at = hash, number;

	while (slots_next(&builder->by_pair, hash, &at, &number)) {
		const struct pair *other = &builder->pairs.items[number];

		if (other->name == pair.name && other->address == pair.address)
			return;
	}
	ARRAY_PUSH(&builder->pairs, pair);
	slots_add(&builder->by_pair, hash);
}

static bool is_in_zones(const struct query_zones *zones, const struct dns_name *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]))
			return true;
	}
	return false;
}

static void say(struct text *why, const struct word *word, const char *what)
{
	if (why)
		text_printf(why, "\"%.*s\"%s %s", word->len < 100 ? (int)word->len : 100,
			    word->text, word->len < 100 ? "" : "...", what);
}

static void add_name(struct builder *builder, const struct address *address,
		     const struct dns_name *name)
{
	if (!is_in_zones(builder->zones, name))
		return;
	if (builder->pairs.len >= builder->pairs_max) {
		builder->is_full = true;
		return;
	}

	uint32_t number = number_name(builder, name);

	add_pair(builder, (struct pair){number, number_address(builder, address)});
}

/* Without a builder the line is checked alone. False: it, or a name of it, is skipped, and *why
 * gets why; NULL: nobody asks. */
static bool read_line(struct builder *builder, struct rest line, struct text *why)
{
	struct address address;
	struct dns_name name;
	struct word word, first;
	bool is_good = true;

	if (!take_word(&line, &first))
		return true;
	if (!read_address(&first, &address)) {
		say(why, &first, "is not an address");
		return false;
	}
	if (!take_word(&line, &word)) {
		say(why, &first, "has no name behind it");
		return false;
	}
	do {
		if (dns_name_from_text(&name, word.text, word.len) != 0) {
			say(is_good ? why : NULL, &word, "is not a domain name");
			is_good = false;
		} else if (builder) {
			add_name(builder, &address, &name);
		}
	} while (take_word(&line, &word));
	return is_good;
}

bool hosts_check_line(const char *line, size_t len, struct text *why)
{
	return read_line(NULL, (struct rest){line, line + len}, why);
}

static void read_lines(struct builder *builder, struct rest file, struct text *skipped)
{
	struct text why = {0};
	struct rest line;
	size_t n = 0, n_skipped = 0, first = 0;

	while (take_line(&file, &line) && !builder->is_full) {
		n++;
		if (read_line(builder, line, n_skipped == 0 ? &why : NULL))
			continue;
		first = n_skipped++ == 0 ? n : first;
	}
	if (builder->is_full && skipped)
		text_printf(skipped, "%zu: there are more than %zu entries: the rest is left out",
			    n, builder->pairs_max);
	else if (n_skipped > 0 && skipped)
		text_printf(skipped, "%zu: %s; %zu line%s skipped", first, why.bytes, n_skipped,
			    n_skipped == 1 ? " was" : "s were");
	text_fini(&why);
}

/* The addresses of each name, behind each other. */
static void pack_names(struct builder *builder)
{
	struct hosts_data *data = builder->data;
	size_t n = builder->names.len;
	struct hosts_name *names = mem_zalloc((n + 2) * sizeof(*names));

	/* The numbers of name i are counted at i+2, and become at i+1 where its next address goes:
	 * in the end that is where the addresses of name i+1 begin. */
	for (size_t i = 0; i < builder->pairs.len; i++) {
		const struct pair *pair = &builder->pairs.items[i];
		bool is_v4 = builder->addresses.items[pair->address].is_v4;

		names[pair->name + 2].v4 += is_v4;
		names[pair->name + 2].v6 += !is_v4;
	}
	for (size_t i = 2; i < n + 2; i++) {
		names[i].v4 += names[i - 1].v4;
		names[i].v6 += names[i - 1].v6;
	}
	data->v4 = mem_alloc((size_t)names[n + 1].v4 * 4);
	data->v6 = mem_alloc((size_t)names[n + 1].v6 * 16);
	for (size_t i = 0; i < builder->pairs.len; i++) {
		const struct pair *pair = &builder->pairs.items[i];
		const struct built_address *address = &builder->addresses.items[pair->address];
		struct hosts_name *next = &names[pair->name + 1];

		if (address->is_v4)
			memcpy(data->v4 + (size_t)next->v4++ * 4, address->key + 12, 4);
		else
			memcpy(data->v6 + (size_t)next->v6++ * 16, address->key, 16);
	}
	for (size_t i = 0; i < n; i++)
		names[i].wire = builder->names.items[i].wire;
	data->names = mem_realloc(names, (n + 1) * sizeof(*names));
}

/* The names of each address likewise; wildcards are none's. */
static void pack_pointers(struct builder *builder)
{
	struct hosts_data *data = builder->data;
	size_t n = builder->addresses.len;
	struct hosts_address *addresses = mem_zalloc((n + 2) * sizeof(*addresses));

	for (size_t i = 0; i < builder->pairs.len; i++) {
		const struct pair *pair = &builder->pairs.items[i];

		addresses[pair->address + 2].pointer +=
			!builder->names.items[pair->name].is_wildcard;
	}
	for (size_t i = 2; i < n + 2; i++)
		addresses[i].pointer += addresses[i - 1].pointer;
	data->n_entries += addresses[n + 1].pointer;
	data->pointers = mem_alloc(addresses[n + 1].pointer * sizeof(*data->pointers));
	for (size_t i = 0; i < builder->pairs.len; i++) {
		const struct pair *pair = &builder->pairs.items[i];
		const struct built_name *name = &builder->names.items[pair->name];

		if (!name->is_wildcard)
			data->pointers[addresses[pair->address + 1].pointer++] = name->wire;
	}
	for (size_t i = 0; i < n; i++)
		memcpy(addresses[i].bytes, builder->addresses.items[i].key, 16);
	data->addresses = mem_realloc(addresses, (n + 1) * sizeof(*addresses));
}

static void free_builder(struct builder *builder)
{
	ARRAY_FINI(&builder->names);
	ARRAY_FINI(&builder->addresses);
	ARRAY_FINI(&builder->pairs);
	slots_fini(&builder->by_pair);
}

/* Nothing may be NULL: an empty file. */
static struct rest rest_of(const char *bytes, size_t len)
{
	return len > 0 ? (struct rest){bytes, bytes + len} : (struct rest){"", ""};
}

struct hosts_data *hosts_build(const struct hosts_input *input, struct text *skipped)
{
	struct hosts_data *data = mem_zalloc(sizeof(*data));
	struct builder builder = {.data = data,
				  .zones = input->zones,
				  .pairs_max = input->entries_max ? input->entries_max
								  : HOSTS_ENTRIES_MAX};
	struct random random;

	CHECK(input->file_len <= HOSTS_FILE_MAX && input->lines_len <= HOSTS_FILE_MAX);
	random_init(&random);
	data->seed = random.state;
	read_lines(&builder, rest_of(input->file, input->file_len), skipped);
	/* However long the file is, these have room: the Corefile has its own bound. */
	builder.pairs_max += HOSTS_ENTRIES_MAX;
	builder.is_full = false;
	read_lines(&builder, rest_of(input->lines, input->lines_len), NULL);
	data->n_entries = builder.pairs.len;
	pack_names(&builder);
	if (input->has_reverse)
		pack_pointers(&builder);
	else
		slots_fini(&data->by_address);
	data->names_wire = mem_realloc(builder.wire.bytes, builder.wire.len);
	free_builder(&builder);
	return data;
}
