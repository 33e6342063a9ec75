/* SPDX-License-Identifier: Apache-2.0
 *
 * Server blocks: keys, then directives.
 */
#include "draft.h"

#include <stdint.h>
#include <string.h>

#include "directive.h"

const char *draft_place(struct draft *draft, const struct token *token)
{
	return arena_printf(draft->arena, "%s:%u", token->file, token->line);
}

bool draft_zones(struct draft *draft, const struct token *word, const char *text, size_t len,
		 struct zones *zones)
{
	size_t before = zones->len;
	struct text why = {0};
	bool is_zone = zone_read(text, len, zones, &why) == 0;

	if (!is_zone)
		problem_at(&draft->problems, word, "\"%s\" %s", word->text, why.bytes);
	text_fini(&why);
	draft->n_zones += zones->len - before;
	if (is_zone && draft->n_zones > DRAFT_ZONES_MAX) {
		problem_at(&draft->problems, word, "more than %d zones", DRAFT_ZONES_MAX);
		zones->len = before;
		is_zone = false;
	}
	return is_zone;
}

bool draft_zone_args(struct draft *draft, const struct token *words, size_t n,
		     struct query_zones *zones)
{
	struct zones found = {0};
	bool are_zones = true;

	for (size_t i = 0; i < n; i++)
		are_zones &=
			draft_zones(draft, &words[i], words[i].text, strlen(words[i].text), &found);

	struct dns_name *items = arena_alloc(draft->arena, (found.len + 1) * sizeof(*items));

	for (size_t i = 0; i < found.len; i++)
		items[i] = found.items[i];
	*zones = (struct query_zones){items, found.len};
	ARRAY_FINI(&found);
	return are_zones;
}

/* A key of a server block: `[dns://]ZONE[:PORT]`. */
static void read_key(struct draft *draft, struct draft_block *block, const struct token *word)
{
	struct zones zones = {0};
	struct text why = {0};
	const char *zone;
	size_t zone_len;
	uint16_t port;

	if (zone_key_split(word->text, &zone, &zone_len, &port, &why) != 0)
		problem_at(&draft->problems, word, "\"%s\" %s", word->text, why.bytes);
	else
		draft_zones(draft, word, zone, zone_len, &zones);
	for (size_t i = 0; i < zones.len; i++) {
		struct draft_key key = {.zone = zones.items[i],
					.port = port ? port : draft->options->default_port,
					.place = *word};

		ARRAY_PUSH(&block->keys, key);
	}
	ARRAY_FINI(&zones);
	text_fini(&why);
}

/* Keys are separated by white space and commas. An empty word is an environment variable that is
 * not set: no key. */
static void read_keys(struct draft *draft, struct draft_block *block,
		      const struct statement *statement)
{
	size_t n_problems = draft->problems.n;

	for (size_t i = 0; i < statement->n_words; i++) {
		struct token key = statement->words[i];
		const char *p = key.text;

		for (;;) {
			size_t len = strcspn(p, ",");

			key.text = arena_strndup(draft->arena, p, len);
			if (len > 0)
				read_key(draft, block, &key);
			if (p[len] == '\0')
				break;
			p += len + 1;
		}
	}
	if (statement->n_words > 0 && block->keys.len == 0 && draft->problems.n == n_problems)
		problem_at(&draft->problems, &statement->place, "this server block has no zone");
}

/* Does the directive see queries? Only those count as enabled in CoreDNS's metrics. */
static bool sees_queries(const char *name)
{
	static const char *const others[] = {"root",   "tls",	"timeouts",  "multisocket",
					     "reload", "bind",	"debug",     "ready",
					     "health", "pprof", "proxyproto"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strcmp(name, others[i]) == 0)
			return false;
	}
	return true;
}

/* The names of the block's directives, for metrics. */
static void note_directives(struct draft *draft, struct draft_block *block,
			    const struct statement *body)
{
	const struct directives *known = directives_get();
	const char **names = arena_alloc(draft->arena, known->n * sizeof(*names));

	for (size_t i = 0; i < known->n; i++) {
		const char *name = known->table[i].name;
		const struct statement *s = body;

		while (s && (s->n_words == 0 || strcmp(s->words[0].text, name) != 0))
			s = s->next;
		if (s && sees_queries(name))
			names[block->query.n_directives++] = name;
	}
	block->query.directives = names;
}

static void read_block(struct draft *draft, const struct statement *head,
		       const struct statement *body)
{
	struct draft_block *block = mem_zalloc(sizeof(*block));

	ARRAY_PUSH(&draft->blocks, block);
	block->place = head->place;
	block->body = body;
	block->query.udp_answer_max = QUERY_UDP_ANSWER_DEFAULT;
	block->query.place = draft_place(draft, &head->place);
	read_keys(draft, block, head);
	directives_run(draft, directives_get(), body, block);
	note_directives(draft, block, body);
}

void draft_read(struct draft *draft, const struct statement *statements)
{
	for (const struct statement *s = statements; s; s = s->next) {
		if (s->has_block) {
			read_block(draft, s, s->body);
		} else if (directives_find(directives_get(), s->words[0].text)) {
			problem_at(
				&draft->problems, &s->place,
				"\"%s\" stands outside of a server block, as in \".:53 { ... }\"",
				s->words[0].text);
		} else {
			/* A server block without braces takes all that follows. */
			read_block(draft, s, s->next);
			return;
		}
	}
}

void draft_fini(struct draft *draft)
{
	for (size_t i = 0; i < draft->blocks.len; i++) {
		struct draft_block *block = draft->blocks.items[i];

		ARRAY_FINI(&block->keys);
		ARRAY_FINI(&block->binds);
		ARRAY_FINI(&block->clusters);
		ARRAY_FINI(&block->logs);
		ARRAY_FINI(&block->forwards);
		free(block);
	}
	ARRAY_FINI(&draft->blocks);
	ARRAY_FINI(&draft->sources);
	ARRAY_FINI(&draft->health);
	ARRAY_FINI(&draft->ready);
	ARRAY_FINI(&draft->prometheus);
}
