/* SPDX-License-Identifier: Apache-2.0
 *
 * `template CLASS TYPE [ZONES...] { ... }`. Each record's template is compiled here, and tried:
 * what is the same for every query has to be a record, and what else it holds must not be wrong
 * whatever the query is.
 */
#include <string.h>

#include "directive.h"
#include "query/template.h"

struct template
{
	struct query_template query;
	ARRAY(const struct regex *) matches;
	ARRAY(struct template_record) records;
	ARRAY(const struct token *) words; /* of the records */
	bool has_rcode;
};

static void parse_match(struct draft *draft, void *into, const struct statement *statement)
{
	struct template *template = into;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];
		const struct regex *regex = NULL;
		struct text why = {0};

		if (regex_compile(&regex, draft->arena, word->text, strlen(word->text), &why) == 0)
			ARRAY_PUSH(&template->matches, regex);
		else
			problem_at(&draft->problems, word, "template: \"%s\": %s", word->text,
				   why.bytes);
		text_fini(&why);
	}
}

static void add_record(struct template *template, const struct template_record *record,
		       const struct token *word)
{
	ARRAY_PUSH(&template->records, *record);
	ARRAY_PUSH(&template->words, word);
}

static void read_records(struct draft *draft, struct template *template,
			 enum template_section section, const struct statement *statement)
{
	const char *what = statement->words[0].text;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];
		const char *place = draft_place(draft, word);
		struct template_record record = {.section = section, .place = place};
		struct text why = {0};

		record.source = arena_strndup(draft->arena, word->text, strlen(word->text));
		record.not_expanded =
			arena_printf(draft->arena, "the template at %s (%s) failed", place, what);
		record.not_a_record = arena_printf(
			draft->arena, "the template at %s (%s) makes no record", place, what);
		if (template_text_compile(&record.text, draft->arena, record.source, &why) == 0)
			add_record(template, &record, word);
		else
			problem_at(&draft->problems, word, "template: %s: %s", what, why.bytes);
		text_fini(&why);
	}
}

static void parse_answer(struct draft *draft, void *into, const struct statement *statement)
{
	read_records(draft, into, TEMPLATE_ANSWER, statement);
}

static void parse_authority(struct draft *draft, void *into, const struct statement *statement)
{
	read_records(draft, into, TEMPLATE_AUTHORITY, statement);
}

static void parse_additional(struct draft *draft, void *into, const struct statement *statement)
{
	read_records(draft, into, TEMPLATE_ADDITIONAL, statement);
}

static void parse_rcode(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const names[] = {"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED",
					    "NOTIMP",  "FORMERR",  "NOTAUTH"};
	struct template *template = into;
	const struct token *word = &statement->words[1];
	uint16_t rcode;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	template->has_rcode = true;
	if (dns_rcode_from_text(&rcode, word->text, strlen(word->text)) != 0)
		word_refuse(draft, word, "template: unknown rcode", names, ARRAY_LEN(names));
	else
		template->query.rcode = (enum dns_rcode)rcode;
}

static void parse_ederror(struct draft *draft, void *into, const struct statement *statement)
{
	struct template *template = into;
	unsigned code;

	if (!args_check(draft, statement, 1, 2) || !block_refuse(draft, statement) ||
	    !number_read(draft, statement, 0, 65534, &code))
		return;
	template->query.ede = (enum dns_ede)code;
	if (statement->n_words == 3)
		template->query.ede_text = arena_strndup(draft->arena, statement->words[2].text,
							 strlen(statement->words[2].text));
}

static void parse_fallthrough(struct draft *draft, void *into, const struct statement *statement)
{
	struct template *template = into;

	block_refuse(draft, statement);
	template->query.has_fallthrough = true;
	draft_zone_args(draft, statement->words + 1, statement->n_words - 1,
			&template->query.fallthrough);
}

static void parse_upstream(struct draft *draft, void *into, const struct statement *statement)
{
	problem_note(&draft->problems, &statement->words[0],
		     "template: \"upstream\" changes nothing: CNAMEs are followed anyhow");
}

static const struct directive options[] = {
	{.name = "match", .parse = parse_match, .is_repeatable = true},
	{.name = "answer", .parse = parse_answer, .is_repeatable = true},
	{.name = "additional", .parse = parse_additional, .is_repeatable = true},
	{.name = "authority", .parse = parse_authority, .is_repeatable = true},
	{.name = "rcode", .parse = parse_rcode},
	{.name = "ederror", .parse = parse_ederror},
	{.name = "fallthrough", .parse = parse_fallthrough},
	{.name = "upstream", .parse = parse_upstream},
};

/* ---- the head ---- */

static void read_question(struct draft *draft, const struct statement *statement,
			  struct query_template *query)
{
	static const char *const classes[] = {"IN", "CH", "HS", "ANY"};
	static const char *const types[] = {"A",  "AAAA", "ANY", "CNAME", "HTTPS", "MX",
					    "NS", "PTR",  "SOA", "SRV",	  "SVCB",  "TXT"};
	const struct token *class = &statement->words[1], *type = &statement->words[2];

	if (dns_class_from_text(&query->class, class->text, strlen(class->text)) != 0)
		word_refuse(draft, class, "template: unknown class", classes, ARRAY_LEN(classes));
	if (dns_type_from_text(&query->type, type->text, strlen(type->text)) != 0)
		word_refuse(draft, type, "template: unknown type", types, ARRAY_LEN(types));
}

/* Without arguments the zones of the block. */
static void read_zones(struct draft *draft, const struct draft_block *block,
		       const struct statement *statement, struct query_zones *zones)
{
	struct dns_name *keys;

	if (statement->n_words > 3) {
		for (size_t i = 3; i < statement->n_words; i++) {
			if (strpbrk(statement->words[i].text, "^$*[](){}|+?"))
				problem_note(&draft->problems, &statement->words[i],
					     "template: \"%s\" is a zone here: expressions stand "
					     "behind \"match\"",
					     statement->words[i].text);
		}
		draft_zone_args(draft, statement->words + 3, statement->n_words - 3, zones);
		return;
	}
	keys = arena_alloc(draft->arena, (block->keys.len + 1) * sizeof(*keys));
	for (size_t i = 0; i < block->keys.len; i++)
		keys[i] = block->keys.items[i].zone;
	*zones = (struct query_zones){keys, block->keys.len};
}

/* ---- trying its records ---- */

#define N_SAMPLES 3

/* What is wrong with a record, if anything is. */
struct trial {
	bool is_wrong;
	struct dns_rr_error error;
	struct template_buffer buffer;
	struct dns_rr rr;
};

/* What the fields of a query may be: each time something else, but for what the directive fixes. */
static const struct {
	const char *text, *type, *class, *zone, *remote;
} samples[N_SAMPLES] = {
	{"1", "A", "IN", "zone.test.", "192.0.2.1"},
	{"ab.", "AAAA", "CH", "x.", "2001:db8::1"},
	{"0a0b.", "TXT", "HS", "7.", "::7"},
};

/* False: the template could not be expanded, which another query may come round. */
static bool try_sample(struct trial *trial, const struct template_record *record,
		       const struct query_template *query, size_t k)
{
	char type[16], class[16];
	struct template_data data = {.zone = samples[k].zone,
				     .name = samples[k].text,
				     .spelled = samples[k].text,
				     .class = samples[k].class,
				     .type = samples[k].type,
				     .remote = samples[k].remote,
				     .qtype = (uint16_t)k,
				     .qclass = (uint16_t)k,
				     .id = (uint16_t)k};

	if (query->type != DNS_TYPE_ANY)
		data.type = dns_type_text(query->type, type, sizeof(type));
	if (query->class != DNS_CLASS_ANY)
		data.class = dns_class_text(query->class, class, sizeof(class));
	data.regex = query->n_matches > 0 ? query->matches[0] : NULL;
	data.match.n = data.regex ? regex_groups(data.regex) : 0;
	for (size_t i = 0; i < data.match.n; i++)
		data.match.end[i] = strlen(data.name);
	if (template_text_expand(record->text, &data, &trial->buffer) != NULL)
		return false;
	trial->is_wrong = dns_rr_from_text(&trial->rr, trial->buffer.text, trial->buffer.len,
					   &trial->error) != 0;
	return true;
}

static bool is_same_fault(const struct trial *a, const struct trial *b)
{
	return a->is_wrong && b->is_wrong && a->error.what == b->error.what &&
	       a->error.len == b->error.len &&
	       memcmp(a->buffer.text + a->error.at, b->buffer.text + b->error.at, a->error.len) ==
		       0;
}

static void tell_fault(struct draft *draft, const struct token *at,
		       const struct template_record *record, const struct trial *trial)
{
	if (trial->error.len > 0)
		problem_at(&draft->problems, at, "template: \"%s\": \"%.*s\" %s", record->source,
			   (int)trial->error.len, trial->buffer.text + trial->error.at,
			   trial->error.what);
	else
		problem_at(&draft->problems, at, "template: \"%s\": %s", record->source,
			   trial->error.what);
}

/* A fault that is the same, in the same word, whatever the query's texts are, is the template's. A
 * template with branches may never come to it. */
static void try_record(struct draft *draft, const struct template *template, size_t i)
{
	const struct template_record *record = &template->records.items[i];
	struct trial *trials;
	bool is_wrong = true;

	if (template_text_has_branches(record->text))
		return;
	trials = mem_zalloc(N_SAMPLES * sizeof(*trials));
	for (size_t k = 0; k < N_SAMPLES && is_wrong; k++)
		is_wrong = try_sample(&trials[k], record, &template->query, k) &&
			   is_same_fault(&trials[0], &trials[k]);
	if (is_wrong)
		tell_fault(draft, template->words.items[i], record, &trials[0]);
	free(trials);
}

static void check_records(struct draft *draft, const struct template *template)
{
	for (size_t i = 0; i < template->records.len; i++) {
		const struct template_record *record = &template->records.items[i];
		const char *group = template_text_lacks(record->text, template->query.matches,
							template->query.n_matches);

		if (group)
			problem_at(&draft->problems, template->words.items[i],
				   "template: \"%s\": no \"match\" has a group \"%s\"",
				   record->source, group);
		else
			try_record(draft, template, i);
	}
}

/* ---- all of it ---- */

static void finish(struct draft *draft, struct template *template)
{
	struct query_template *query = &template->query;
	const struct regex **matches =
		arena_alloc(draft->arena, (template->matches.len + 1) * sizeof(struct regex *));
	struct template_record *records =
		arena_alloc(draft->arena, (template->records.len + 1) * sizeof(*records));

	for (size_t i = 0; i < template->matches.len; i++)
		matches[i] = template->matches.items[i];
	query->matches = matches;
	query->n_matches = template->matches.len;
	for (int section = TEMPLATE_ANSWER; section <= TEMPLATE_ADDITIONAL; section++) {
		for (size_t i = 0; i < template->records.len; i++) {
			if ((int)template->records.items[i].section == section)
				records[query->n_records++] = template->records.items[i];
		}
	}
	query->records = records;
}

/* Behind the block's other templates. */
static void add_template(struct draft_block *block, const struct query_template *query)
{
	const struct query_template **last = &block->query.templates;

	/* They are the draft's own, and become constant with the configuration. */
	while (*last)
		last = &((struct query_template *)(uintptr_t)*last)->next;
	*last = query;
}

void template_parse(struct draft *draft, void *into, const struct statement *statement)
{
	const struct token *word = &statement->words[0];
	struct template template = {.query = {.ede = DNS_EDE_NONE}};
	size_t n_problems = draft->problems.n;
	struct query_template *query;

	if (!args_check(draft, statement, 2, SIZE_MAX - 1))
		return;
	read_question(draft, statement, &template.query);
	read_zones(draft, into, statement, &template.query.zones);
	directives_run(draft, &(struct directives){"template", options, ARRAY_LEN(options)},
		       statement->body, &template);
	query = arena_alloc(draft->arena, sizeof(*query));
	template.query.place = draft_place(draft, word);
	template.query.no_match =
		arena_printf(draft->arena, "no \"match\" of the template at %s has the name",
			     template.query.place);
	finish(draft, &template);
	if (draft->problems.n == n_problems)
		check_records(draft, &template);
	*query = template.query;
	add_template(into, query);
	ARRAY_FINI(&template.matches);
	ARRAY_FINI(&template.records);
	ARRAY_FINI(&template.words);
}
