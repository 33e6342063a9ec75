/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite [continue|stop] FIELD ...`, as a line or as a block, as CoreDNS reads it:
 *
 *     name [exact|prefix|suffix|substring|regex] FROM TO [answer auto | answer name|value FROM
 * TO]... type|class FROM TO ttl [exact|...] NAME SECONDS|MIN-MAX rcode [exact|...] NAME FROM TO
 *     edns0 ...
 *
 * Names are lower-cased and get their final dot, but for regular expressions. What differs: a TO
 * that can never be a name, and a {N} beyond the expression's groups, are refused here and now.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/rrtext.h"
#include "query/rewrite.h"
#include "rewrite_words.h"

#define TTL_MAX 2147483647ul
#define ANSWERS_MAX 32 /* of a rule */

/* A block's rules while there may come more: in the arena, doubled as they grow. */
struct rules {
	struct query_rewrite rewrite; /* the first member: what block->query.rewrite leads to */
	struct rewrite_rule *items;
	size_t cap;
};

static const char *const matches[] = {"exact", "prefix", "suffix", "substring", "regex"};

const struct token *rewrite_next(struct rewrite_words *words, const char *what)
{
	if (words->at < words->n)
		return &words->items[words->at++];
	problem_at(&words->draft->problems, &words->end, "rewrite: the rule lacks %s", what);
	return NULL;
}

int rewrite_choose(struct rewrite_words *words, const char *what, const char *const *choices,
		   size_t n)
{
	const struct token *word;
	char unknown[64];

	if (rewrite_left(words) == 0) {
		problem_at(&words->draft->problems, &words->end, "rewrite: the rule lacks its %s",
			   what);
		return -1;
	}
	word = &words->items[words->at++];
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(word->text, choices[i]) == 0)
			return (int)i;
	}
	snprintf(unknown, sizeof(unknown), "rewrite: unknown %s", what);
	word_refuse(words->draft, word, unknown, choices, n);
	return -1;
}

/* The rule's words, in the arena: of its line and, where that has one word at most, of its block.
 */
static bool collect(struct draft *draft, const struct statement *statement,
		    struct rewrite_words *words)
{
	size_t n = statement->n_words - 1;
	struct token *items;

	if (statement->has_block && n > 1) {
		problem_at(&draft->problems, &statement->words[2],
			   "rewrite: a rule is a line or a block, not both");
		return false;
	}
	for (const struct statement *s = statement->body; s; s = s->next) {
		if (s->has_block) {
			problem_at(&draft->problems, &s->place,
				   "rewrite: a rule's block has no block in it");
			return false;
		}
		n += s->n_words;
	}
	items = arena_alloc(draft->arena, (n + 1) * sizeof(*items));
	*words = (struct rewrite_words){.draft = draft, .items = items, .end = statement->place};
	for (size_t i = 1; i < statement->n_words; i++)
		items[words->n++] = statement->words[i];
	for (const struct statement *s = statement->body; s; s = s->next) {
		for (size_t i = 0; i < s->n_words; i++)
			items[words->n++] = s->words[i];
	}
	return true;
}

/* A whole name, in the arena; NULL with a problem. */
static const struct dns_name *read_name(struct draft *draft, const struct token *word)
{
	struct dns_name *name = arena_alloc(draft->arena, sizeof(*name));

	if (dns_name_from_text(name, word->text, strlen(word->text)) == 0)
		return name;
	problem_at(&draft->problems, word, "rewrite: \"%s\" is not a domain name", word->text);
	return NULL;
}

/* The word in lower case; a part of a name gets a final dot, as in CoreDNS. */
static struct rewrite_text read_part(struct draft *draft, const struct token *word, bool needs_dot)
{
	size_t len = strlen(word->text);
	bool has_dot = !needs_dot || (len > 0 && word->text[len - 1] == '.');
	char *text = arena_printf(draft->arena, "%s%s", word->text, has_dot ? "" : ".");

	for (char *c = text; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 0x20 : *c);
	return (struct rewrite_text){text, len + !has_dot};
}

static const struct regex *read_regex(struct draft *draft, const struct token *word)
{
	const struct regex *regex = NULL;
	struct text why = {0};

	if (regex_compile(&regex, draft->arena, word->text, strlen(word->text), &why) != 0)
		problem_at(&draft->problems, word,
			   "rewrite: \"%s\" is not a regular expression: %s", word->text,
			   why.bytes);
	text_fini(&why);
	return regex;
}

static bool read_pattern(struct draft *draft, enum rewrite_match match, const struct token *word,
			 struct rewrite_pattern *pattern)
{
	pattern->match = match;
	if (match == REWRITE_EXACT)
		pattern->name = read_name(draft, word);
	else if (match == REWRITE_REGEX)
		pattern->regex = read_regex(draft, word);
	else
		pattern->text = read_part(draft, word, true);
	return pattern->name || pattern->regex || pattern->text.bytes;
}

/* Does every {N} of the word have a group in the expression? */
static bool check_groups(struct draft *draft, const struct token *word, const struct regex *regex)
{
	for (const char *at = word->text; (at = strchr(at, '{')) != NULL; at++) {
		size_t digits = strspn(at + 1, "0123456789");
		unsigned long group = strtoul(at + 1, NULL, 10);

		if (digits == 0 || at[1 + digits] != '}' ||
		    (digits < 4 && group < regex_groups(regex)))
			continue;
		problem_at(&draft->problems, word,
			   "rewrite: \"%s\" has {%.*s}, but the expression has %zu groups",
			   word->text, (int)digits, at + 1, regex_groups(regex) - 1);
		return false;
	}
	return true;
}

/* What names are made of: no name ever has two dots in a row. */
static bool read_template(struct draft *draft, const struct token *word, const struct regex *regex,
			  struct rewrite_text *to)
{
	const char *dots = strstr(word->text, "..");

	if (dots && (dots == word->text || dots[-1] != '\\')) {
		problem_at(&draft->problems, word, "rewrite: \"%s\" has an empty label: no name",
			   word->text);
		return false;
	}
	/* Without a dot of ours, since a group may end with the name's. */
	*to = read_part(draft, word, !regex);
	return !regex || check_groups(draft, word, regex);
}

/* FROM TO behind `answer name` or `answer value`. */
static bool read_part_answer(struct rewrite_words *words, struct rewrite_answer *answer)
{
	const struct token *from = rewrite_next(words, "what its answer's names are matched by");
	const struct token *to =
		from ? rewrite_next(words, "what its answer's names become") : NULL;

	if (!to)
		return false;
	answer->regex = read_regex(words->draft, from);
	return answer->regex && read_template(words->draft, to, answer->regex, &answer->to);
}

/* A rule's parts for the answer while they are read. */
struct answers {
	struct rewrite_answer *items;
	bool is_auto, has_name;
};

/* auto, or name|value FROM TO */
static bool read_part_of_answer(struct rewrite_words *words, struct rewrite_rule *rule,
				struct answers *answers)
{
	static const char *const parts[] = {"auto", "name", "value"};
	int part = rewrite_choose(words, "part of the answer", parts, ARRAY_LEN(parts));
	struct rewrite_answer *answer;

	if (part <= 0) {
		answers->is_auto |= part == 0;
		return part == 0;
	}
	if (rule->n_answers == ANSWERS_MAX) {
		problem_at(&words->draft->problems, &words->items[words->at - 1],
			   "rewrite: a rule has more than %d parts for its answer", ANSWERS_MAX);
		return false;
	}
	answers->has_name |= part == 1;
	answer = &answers->items[rule->n_answers++];
	answer->is_value = part == 2;
	return read_part_answer(words, answer);
}

/* answer auto|name|value ..., where but the first "answer" may be left out. */
static bool read_answers(struct rewrite_words *words, struct rewrite_rule *rule)
{
	static const char *const first[] = {"answer"};
	struct draft *draft = words->draft;
	struct answers answers = {
		.items = arena_alloc(draft->arena, ANSWERS_MAX * sizeof(*answers.items))};
	const struct token *start = &words->items[words->at];

	rule->answers = answers.items;
	if (rewrite_choose(words, "part", first, 1) < 0)
		return false;
	for (bool is_last = false; !is_last;) {
		if (!read_part_of_answer(words, rule, &answers))
			return false;
		is_last = rewrite_left(words) == 0;
		if (!is_last && strcasecmp(words->items[words->at].text, first[0]) == 0)
			words->at++;
	}
	if (answers.is_auto && answers.has_name) {
		problem_at(&draft->problems, start,
			   "rewrite: \"answer auto\" and \"answer name\" exclude each other");
		return false;
	}
	rule->is_auto |= answers.is_auto;
	return true;
}

/* [exact|...] NAME, of a rule that needs n_behind words behind it. */
static bool read_from(struct rewrite_words *words, size_t n_behind, struct rewrite_rule *rule)
{
	int match = REWRITE_EXACT;
	const struct token *word;

	if (rewrite_left(words) > n_behind + 1)
		match = rewrite_choose(words, "way to match", matches, ARRAY_LEN(matches));
	word = match < 0 ? NULL : rewrite_next(words, "the name it is for");
	return word && read_pattern(words->draft, (enum rewrite_match)match, word, &rule->from);
}

static bool read_name_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	const char *folder_end = strrchr(rule->place, '/');
	struct draft *draft = words->draft;
	const struct token *to;

	if (!read_from(words, 1, rule))
		return false;
	to = rewrite_next(words, "the name in its place");
	if (!to)
		return false;
	/* Clients see it, and need not know the folder. */
	rule->no_name = arena_printf(draft->arena, "rewrite at %s makes no domain name of this",
				     folder_end ? folder_end + 1 : rule->place);
	if (rule->from.match == REWRITE_EXACT) {
		rule->is_auto = true;
		rule->to_name = read_name(draft, to);
		if (!rule->to_name)
			return false;
	} else if (!read_template(draft, to, rule->from.regex, &rule->to)) {
		return false;
	}
	return rewrite_left(words) == 0 || read_answers(words, rule);
}

/* The next word as a number, by its names. False, with a problem, when it is none. */
static bool read_named(struct rewrite_words *words, const char *what,
		       int (*from_text)(uint16_t *number, const char *text, size_t len),
		       uint16_t *number)
{
	const struct token *word = rewrite_next(words, what);

	if (!word)
		return false;
	if (from_text(number, word->text, strlen(word->text)) == 0)
		return true;
	problem_at(&words->draft->problems, word, "rewrite: \"%s\" is not %s", word->text, what);
	return false;
}

/* MX, or TYPE15. */
static bool read_type(struct rewrite_words *words, uint16_t *type)
{
	return read_named(words, "a type", dns_type_from_text, type);
}

static bool read_type_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	return read_type(words, &rule->from_number) && read_type(words, &rule->to_number);
}

static bool read_class_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	return read_named(words, "a class", dns_class_from_text, &rule->from_number) &&
	       read_named(words, "a class", dns_class_from_text, &rule->to_number);
}

#define RCODES 24 /* 0 to 23, as CoreDNS */

/* NXDOMAIN, or 3. */
static int rcode_from_text(uint16_t *rcode, const char *text, size_t len)
{
	if (len > 0 && len < 3 && strspn(text, "0123456789") == len &&
	    strtoul(text, NULL, 10) < RCODES) {
		*rcode = (uint16_t)strtoul(text, NULL, 10);
		return 0;
	}
	return dns_rcode_from_text(rcode, text, len);
}

static bool read_rcode(struct rewrite_words *words, uint16_t *rcode)
{
	return read_named(words, "an rcode", rcode_from_text, rcode);
}

static bool read_rcode_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	return read_from(words, 2, rule) && read_rcode(words, &rule->from_number) &&
	       read_rcode(words, &rule->to_number);
}

/* A number of seconds at the head of text; its end goes to *end. False: there is none. */
static bool read_seconds(const char *text, const char **end, uint32_t *seconds)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 10 || strtoul(text, NULL, 10) > TTL_MAX)
		return false;
	*seconds = (uint32_t)strtoul(text, NULL, 10);
	*end = text + digits;
	return true;
}

/* 30, 30-300, 30-, -300 */
static bool read_ttl(const char *text, struct rewrite_rule *rule)
{
	rule->ttl_min_s = 0;
	if (text[0] != '-') {
		if (!read_seconds(text, &text, &rule->ttl_min_s))
			return false;
		rule->ttl_max_s = rule->ttl_min_s;
		if (*text == '\0')
			return true;
		rule->ttl_max_s = TTL_MAX;
		if (strcmp(text, "-") == 0)
			return true;
	}
	return text[0] == '-' && read_seconds(text + 1, &text, &rule->ttl_max_s) && *text == '\0' &&
	       rule->ttl_min_s <= rule->ttl_max_s;
}

static bool read_ttl_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	const struct token *word;

	if (!read_from(words, 1, rule))
		return false;
	word = rewrite_next(words, "the TTL");
	if (!word)
		return false;
	if (read_ttl(word->text, rule))
		return true;
	problem_at(&words->draft->problems, word,
		   "rewrite: \"%s\" is not a TTL in seconds, nor a range of them as in 30-300",
		   word->text);
	return false;
}

static bool read_edns0_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	bool is_done;

	if (!rewrite_edns0_read(words, &is_done))
		return false;
	/* A rule that is no match in CoreDNS does not stop. */
	rule->is_continue |= !is_done;
	return true;
}

/* What kaname does not have. */
static bool refuse_field(struct rewrite_words *words, struct rewrite_rule *rule)
{
	const struct token *field = &words->items[words->at - 1];

	problem_at(&words->draft->problems, field,
		   strcasecmp(field->text, "cname") == 0
			   ? "rewrite: kaname does not have \"cname\": rewrite the name that is "
			     "asked for, as in `rewrite name exact NAME TARGET`"
			   : "rewrite: \"answer\" stands behind a rule for a name, as in `name "
			     "suffix FROM TO answer auto`");
	return false;
}

static const char *const fields[] = {"name",  "type",  "class", "ttl",
				     "rcode", "edns0", "cname", "answer"};

static bool read_rule(struct rewrite_words *words, struct rewrite_rule *rule)
{
	static bool (*const readers[])(struct rewrite_words *, struct rewrite_rule *) = {
		read_name_rule,	 read_type_rule,  read_class_rule, read_ttl_rule,
		read_rcode_rule, read_edns0_rule, refuse_field,	   refuse_field};
	bool is_mode = words->n > 0 && (strcasecmp(words->items[0].text, "continue") == 0 ||
					strcasecmp(words->items[0].text, "stop") == 0);
	int field;

	rule->is_continue = is_mode && strcasecmp(words->items[0].text, "continue") == 0;
	words->at = is_mode;
	field = rewrite_choose(words, "field", fields, ARRAY_LEN(fields));
	if (field < 0)
		return false;
	rule->field = (enum rewrite_field)field;
	if (!readers[field](words, rule))
		return false;
	if (rewrite_left(words) == 0)
		return true;
	problem_at(&words->draft->problems, &words->items[words->at],
		   "rewrite: the rule has a word too many: \"%s\"", words->items[words->at].text);
	return false;
}

static void add_rule(struct draft *draft, struct draft_block *block,
		     const struct rewrite_rule *rule)
{
	struct rules *rules = (struct rules *)(uintptr_t)block->query.rewrite;

	if (!rules)
		rules = arena_alloc(draft->arena, sizeof(*rules));
	if (rules->rewrite.n == rules->cap) {
		size_t cap = rules->cap ? rules->cap * 2 : 4;
		struct rewrite_rule *items = arena_alloc(draft->arena, cap * sizeof(*items));

		for (size_t i = 0; i < rules->cap; i++)
			items[i] = rules->items[i];
		rules->items = items;
		rules->cap = cap;
		rules->rewrite.rules = items;
	}
	rules->items[rules->rewrite.n++] = *rule;
	block->query.rewrite = &rules->rewrite;
}

void rewrite_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct rewrite_rule rule = {.place = draft_place(draft, &statement->place)};
	struct rewrite_words words;

	if (collect(draft, statement, &words) && read_rule(&words, &rule))
		add_rule(draft, into, &rule);
}
