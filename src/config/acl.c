/* SPDX-License-Identifier: Apache-2.0
 *
 * `acl [ZONES...] { ACTION [type QTYPE...] [net SOURCE...] }`: the sources of a rule become sorted
 * ranges of addresses, so that a thousand prefixes cost a query ten comparisons. Main thread.
 */
#include "query/acl.h"

#include <string.h>
#include <strings.h>

#include "directive.h"
#include "dns/rrtext.h"
#include "dns/registry.h"

struct ranges { /* an ARRAY(struct query_acl_range) */
	struct query_acl_range *items;
	size_t len, cap;
};

/* A rule in the making. */
struct rule {
	ARRAY(uint16_t) types;
	struct ranges v4, v6;
	bool has_type, has_net; /* the section is there */
	bool is_any_type, is_any_source;
};

struct acl {
	struct draft *draft;
	ARRAY(struct query_acl_rule) rules;
};

static bool read_type(struct draft *draft, const struct token *word, struct rule *rule)
{
	uint16_t type;

	if (strcmp(word->text, "*") == 0) {
		rule->is_any_type = true;
		return true;
	}
	if (dns_type_from_text(&type, word->text, strlen(word->text)) != 0) {
		problem_at(&draft->problems, word,
			   "acl: \"%s\" is no type of records, as in A, AAAA, TYPE65280 or *",
			   word->text);
		return false;
	}
	ARRAY_PUSH(&rule->types, type);
	return true;
}

/* The addresses of a prefix. */
static struct query_acl_range range_of(const uint8_t *bytes, size_t size, unsigned bits)
{
	struct query_acl_range range = {0};

	for (size_t i = 0; i < size; i++) {
		unsigned left = bits > i * 8 ? bits - (unsigned)i * 8 : 0;
		uint8_t host = left >= 8 ? 0 : (uint8_t)(0xffu >> left);

		range.first[i] = (uint8_t)(bytes[i] & ~host);
		range.last[i] = (uint8_t)(bytes[i] | host);
	}
	return range;
}

/* An IPv4-mapped prefix is the IPv4 one. */
static void add_prefix(struct rule *rule, const struct address *address, unsigned bits)
{
	struct query_acl_range range;

	if (address->family == ADDRESS_V4) {
		range = range_of(address->bytes, 4, bits);
		ARRAY_PUSH(&rule->v4, range);
	} else if (bits >= 96 && address_is_v4_mapped(address)) {
		range = range_of(address->bytes + 12, 4, bits - 96);
		ARRAY_PUSH(&rule->v4, range);
	} else {
		range = range_of(address->bytes, 16, bits);
		ARRAY_PUSH(&rule->v6, range);
	}
}

/* ADDRESS[/BITS] or *. */
static bool read_source(struct draft *draft, const struct token *word, struct rule *rule)
{
	struct address address;
	const char *text = word->text;
	size_t len = strcspn(text, "/");

	if (strcmp(text, "*") == 0) {
		rule->is_any_source = true;
		return true;
	}
	if (address_from_text(&address, text, len) != 0) {
		problem_at(&draft->problems, word,
			   "acl: \"%s\" is no address and no prefix, as in 10.1.0.0/16, fd00::1 "
			   "or *",
			   text);
		return false;
	}

	unsigned most = (unsigned)address_size(&address) * 8, bits = most;
	struct token digits = *word;

	digits.text = text + len + 1;
	if (text[len] == '/' &&
	    !word_number(draft, "acl: a prefix", &digits, (struct number_range){0, most}, &bits))
		return false;
	add_prefix(rule, &address, bits);
	return true;
}

static int compare_ranges(const void *p, const void *q)
{
	const struct query_acl_range *a = p, *b = q;

	return memcmp(a->first, b->first, sizeof(a->first));
}

/* Sorted in the arena; what overlaps becomes one. */
static struct query_acl_ranges finish_ranges(struct draft *draft, const struct ranges *ranges)
{
	struct query_acl_range *items =
		arena_alloc(draft->arena, (ranges->len + 1) * sizeof(*items));
	size_t n = 0;

	if (ranges->len > 0)
		qsort(ranges->items, ranges->len, sizeof(*items), compare_ranges);
	for (size_t i = 0; i < ranges->len; i++) {
		const struct query_acl_range *range = &ranges->items[i];

		if (n == 0 || memcmp(items[n - 1].last, range->first, 16) < 0)
			items[n++] = *range;
		else if (memcmp(items[n - 1].last, range->last, 16) < 0)
			memcpy(items[n - 1].last, range->last, 16);
	}
	return (struct query_acl_ranges){items, n};
}

enum section { SECTION_NONE, SECTION_TYPE, SECTION_NET };

static enum section section_of(const struct token *word)
{
	if (strcasecmp(word->text, "type") == 0)
		return SECTION_TYPE;
	return strcasecmp(word->text, "net") == 0 ? SECTION_NET : SECTION_NONE;
}

/* The words of a section, from `first`, its name, to before the next one; returns where that is. */
static size_t read_section(struct draft *draft, const struct statement *statement, size_t first,
			   struct rule *rule)
{
	const struct token *name = &statement->words[first];
	enum section section = section_of(name);
	bool *has = section == SECTION_TYPE ? &rule->has_type : &rule->has_net;
	size_t i = first + 1;

	if (*has)
		problem_at(&draft->problems, name, "acl: \"%s\" stands twice in this rule",
			   name->text);
	*has = true;
	for (; i < statement->n_words && section_of(&statement->words[i]) == SECTION_NONE; i++) {
		const struct token *word = &statement->words[i];

		if (section == SECTION_TYPE)
			read_type(draft, word, rule);
		else
			read_source(draft, word, rule);
	}
	if (i == first + 1)
		problem_at(&draft->problems, name, "acl: nothing follows \"%s\"", name->text);
	return i;
}

static void read_sections(struct draft *draft, const struct statement *statement, struct rule *rule)
{
	static const char *const sections[] = {"type", "net"};
	size_t i = 1;

	while (i < statement->n_words) {
		if (section_of(&statement->words[i]) == SECTION_NONE) {
			word_refuse(draft, &statement->words[i], "acl: unknown section", sections,
				    ARRAY_LEN(sections));
			return;
		}
		i = read_section(draft, statement, i, rule);
	}
}

/* The rule, in the arena. */
static struct query_acl_rule finish_rule(struct draft *draft, const struct rule *rule)
{
	size_t n = rule->is_any_type ? 0 : rule->types.len;
	uint16_t *types = arena_alloc(draft->arena, (n + 1) * sizeof(*types));

	for (size_t i = 0; i < n; i++)
		types[i] = rule->types.items[i];
	return (struct query_acl_rule){
		.types = types,
		.n_types = n,
		.is_any_source = rule->is_any_source || !rule->has_net,
		.v4 = finish_ranges(draft, &rule->v4),
		.v6 = finish_ranges(draft, &rule->v6),
	};
}

static void parse_rule(struct draft *draft, struct acl *acl, const struct statement *statement,
		       enum query_acl_action action)
{
	struct rule rule = {0};

	block_refuse(draft, statement);
	read_sections(draft, statement, &rule);

	struct query_acl_rule finished = finish_rule(draft, &rule);

	finished.action = action;
	finished.place = draft_place(draft, &statement->place);
	ARRAY_PUSH(&acl->rules, finished);
	ARRAY_FINI(&rule.types);
	ARRAY_FINI(&rule.v4);
	ARRAY_FINI(&rule.v6);
}

static void read_rules(struct draft *draft, struct acl *acl, const struct statement *body)
{
	static const char *const names[] = {"allow", "block", "filter", "drop"};
	static const enum query_acl_action actions[] = {QUERY_ACL_ALLOW, QUERY_ACL_BLOCK,
							QUERY_ACL_FILTER, QUERY_ACL_DROP};

	for (const struct statement *s = body; s; s = s->next) {
		size_t i = 0;

		if (s->n_words == 0)
			continue;
		while (i < ARRAY_LEN(names) && strcasecmp(s->words[0].text, names[i]) != 0)
			i++;
		if (i < ARRAY_LEN(names))
			parse_rule(draft, acl, s, actions[i]);
		else
			word_refuse(draft, &s->words[0], "acl: unknown action", names,
				    ARRAY_LEN(names));
	}
}

/* The zones: the arguments, or those of the server block. */
static void read_zones(struct draft *draft, const struct draft_block *block,
		       const struct statement *statement, struct query_zones *zones)
{
	struct dns_name *keys;

	if (statement->n_words > 1) {
		draft_zone_args(draft, statement->words + 1, statement->n_words - 1, zones);
		return;
	}
	keys = arena_alloc(draft->arena, (block->keys.len + 1) * sizeof(*keys));
	for (size_t i = 0; i < block->keys.len; i++)
		keys[i] = block->keys.items[i].zone;
	*zones = (struct query_zones){keys, block->keys.len};
}

void acl_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	struct acl acl = {.draft = draft};
	struct query_acl *line = arena_alloc(draft->arena, sizeof(*line));
	const struct query_acl **last = &block->query.acl;

	*line = (struct query_acl){0};
	read_zones(draft, block, statement, &line->zones);
	read_rules(draft, &acl, statement->body);
	if (acl.rules.len == 0)
		problem_note(&draft->problems, &statement->words[0],
			     "acl: it has no rules, every query is allowed");

	struct query_acl_rule *rules =
		arena_alloc(draft->arena, (acl.rules.len + 1) * sizeof(*rules));

	for (size_t i = 0; i < acl.rules.len; i++)
		rules[i] = acl.rules.items[i];
	line->rules = rules;
	line->n_rules = acl.rules.len;
	/* Nobody but this parser has the lines before; they are written to once, here. */
	while (*last)
		last = (const struct query_acl **)(uintptr_t) & (*last)->next;
	*last = line;
	ARRAY_FINI(&acl.rules);
}
