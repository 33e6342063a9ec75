/* SPDX-License-Identifier: Apache-2.0
 *
 * `hosts [FILE [ZONES...]] { [ENTRIES] ; ttl ; no_reverse ; reload ; fallthrough ; ... }` as
 * CoreDNS reads it: a line of the block that is no option is one of a hosts file, and comes behind
 * those of FILE. A line that can be neither is skipped and told; what differs: one that begins with
 * a word is a misspelt option, and refused.
 */
#include <string.h>

#include "directive.h"
#include "followed.h"

#define DEFAULT_PATH "/etc/hosts"
#define DEFAULT_RELOAD_MS 5000

static void parse_ttl(struct draft *draft, void *into, const struct statement *statement)
{
	struct followed *followed = into;
	unsigned ttl_s;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement) &&
	    word_number(draft, "hosts", &statement->words[1], (struct number_range){1, 65535},
			&ttl_s))
		followed->hosts->ttl_s = ttl_s;
}

static void parse_no_reverse(struct draft *draft, void *into, const struct statement *statement)
{
	struct followed *followed = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		followed->has_reverse = false;
}

static void parse_reload(struct draft *draft, void *into, const struct statement *statement)
{
	struct followed *followed = into;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		word_duration(draft, "hosts", &statement->words[1], DURATION_MAX_MS,
			      &followed->reload_ms);
}

static void parse_fallthrough(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_hosts *hosts = ((struct followed *)into)->hosts;

	if (!block_refuse(draft, statement))
		return;
	hosts->has_fallthrough = true;
	draft_zone_args(draft, statement->words + 1, statement->n_words - 1, &hosts->fallthrough);
}

static void parse_unsupported(struct draft *draft, void *into, const struct statement *statement)
{
	struct followed *followed = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		followed->hosts->falls_unsupported = true;
}

static const struct directive table[] = {
	{.name = "ttl", .parse = parse_ttl},
	{.name = "no_reverse", .parse = parse_no_reverse},
	{.name = "reload", .parse = parse_reload},
	{.name = "fallthrough", .parse = parse_fallthrough},
	{.name = "fallthrough_unsupported", .parse = parse_unsupported},
};
static const struct directives options = {"hosts", table, ARRAY_LEN(table)};

static bool is_in_zones(const struct query_zones *zones, const struct dns_name *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]))
			return true;
	}
	return false;
}

/* Tells the names of an entry that lie outside of the zones. */
static void check_names(struct draft *draft, const struct query_hosts *hosts,
			const struct statement *statement)
{
	struct dns_name name;

	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];

		if (dns_name_from_text(&name, word->text, strlen(word->text)) == 0 &&
		    !is_in_zones(&hosts->zones, &name))
			problem_note(&draft->problems, word,
				     "hosts: \"%s\" is outside of its zones: it is no entry",
				     word->text);
	}
}

static bool begins_with_address(const char *text)
{
	struct address address;

	return address_from_text(&address, text, strcspn(text, "% \t\n")) == 0;
}

/* No option has a dot, a colon or a digit. */
static void refuse_line(struct draft *draft, const struct token *word)
{
	const char *words[ARRAY_LEN(table)];

	if (strpbrk(word->text, ".:0123456789")) {
		problem_note(&draft->problems, word,
			     "hosts: \"%s\" is not an address: it is no entry", word->text);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		words[i] = table[i].name;
	word_refuse(draft, word, "hosts: neither an address nor an option", words,
		    ARRAY_LEN(table));
}

/* A line of a hosts file, appended to *lines. */
static void read_entry(struct draft *draft, const struct query_hosts *hosts,
		       const struct statement *statement, struct text *lines)
{
	const struct token *words = statement->words;
	size_t first = lines->len;
	struct text why = {0};

	if (!begins_with_address(words[0].text)) {
		refuse_line(draft, &words[0]);
		return;
	}
	if (!block_refuse(draft, statement))
		return;
	for (size_t i = 0; i < statement->n_words; i++)
		text_printf(lines, "%s%s", i > 0 ? " " : "", words[i].text);
	if (!hosts_check_line(lines->bytes + first, lines->len - first, &why))
		problem_note(&draft->problems, &words[0], "hosts: %s: it is no entry", why.bytes);
	text_puts(lines, "\n");
	text_fini(&why);
	check_names(draft, hosts, statement);
}

/* Separates options from entries, which have to stand before `fallthrough`, as in CoreDNS. */
static void read_body(struct draft *draft, const struct statement *body, struct followed *followed)
{
	struct statement *first = NULL, **end = &first;
	const struct token *fallthrough = NULL;
	struct text lines = {0};

	for (const struct statement *s = body; s; s = s->next) {
		if (s->n_words == 0)
			continue; /* told already: a block without a name */
		if (!directives_find(&options, s->words[0].text)) {
			if (fallthrough && begins_with_address(s->words[0].text))
				problem_at(&draft->problems, &s->words[0],
					   "hosts: entries have to stand before \"fallthrough\"");
			else
				read_entry(draft, followed->hosts, s, &lines);
			continue;
		}
		if (strcmp(s->words[0].text, "fallthrough") == 0)
			fallthrough = &s->words[0];
		*end = arena_alloc(draft->arena, sizeof(**end));
		**end = *s;
		(*end)->next = NULL;
		end = &(*end)->next;
	}
	directives_run(draft, &options, first, followed);
	followed->lines = arena_strndup(draft->arena, lines.bytes, lines.len);
	text_fini(&lines);
}

static void read_zones(struct draft *draft, const struct draft_block *block,
		       const struct statement *statement, struct query_zones *zones)
{
	if (statement->n_words > 2) {
		draft_zone_args(draft, statement->words + 2, statement->n_words - 2, zones);
		return;
	}

	struct dns_name *items =
		arena_alloc(draft->arena, (block->keys.len + 1) * sizeof(items[0]));

	for (size_t i = 0; i < block->keys.len; i++)
		items[i] = block->keys.items[i].zone;
	*zones = (struct query_zones){items, block->keys.len};
}

static void free_hosts(void *what)
{
	hosts_free(((struct query_hosts *)what)->data);
}

void hosts_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	const struct token *words = statement->words;
	struct query_hosts *hosts = arena_alloc(draft->arena, sizeof(*hosts));
	struct followed *followed =
		followed_add(draft, statement->n_words > 1 ? words[1].text : DEFAULT_PATH);
	struct text log = {0};

	arena_on_end(draft->arena, free_hosts, hosts);
	hosts->place = draft_place(draft, &words[0]);
	hosts->ttl_s = HOSTS_TTL_S;
	read_zones(draft, block, statement, &hosts->zones);
	followed->hosts = hosts;
	followed->has_reverse = true;
	followed->reload_ms = DEFAULT_RELOAD_MS;
	read_body(draft, statement->body, followed);
	if (hosts->falls_unsupported && !hosts->has_fallthrough)
		problem_at(&draft->problems, &words[0],
			   "hosts: \"fallthrough_unsupported\" needs \"fallthrough\"");
	followed_open(followed, draft->machine, &log);
	if (log.len > 0)
		problem_note(&draft->problems, &words[0], "%.*s", (int)log.len - 1, log.bytes);
	text_fini(&log);
	block->query.hosts = hosts;
}
