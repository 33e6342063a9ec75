/* SPDX-License-Identifier: Apache-2.0
 *
 * A recursive descent over the tokens, as deep as STATEMENT_DEPTH_MAX. Every step consumes a token,
 * so it ends.
 */
#include "statement.h"

#include <string.h>

#include "base/check.h"

#define OPTIONS_DEPTH 2 /* where the options of directives stand */

struct parser {
	const struct token *at;
	const struct token *end;
	struct arena *arena;
	struct problems *problems;
	const char *directive; /* whose options are read, at OPTIONS_DEPTH */
};

/* What CoreDNS reads by so many words that a } may stand behind them in the line; of `rewrite` it
 * is anything. */
static const struct {
	const char *directive, *option;
} one_word[] = {
	{"forward", "expire"},
	{"forward", "max_concurrent"},
	{"forward", "max_connect_attempts"},
	{"forward", "max_fails"},
	{"forward", "max_idle_conns"},
	{"forward", "policy"},
	{"template", "rcode"},
};

/* May a } stand behind the statement in its line? */
static bool may_close(const struct parser *parser, const struct statement *statement,
		      unsigned depth)
{
	if (depth != OPTIONS_DEPTH)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(one_word); i++) {
		if (strcmp(parser->directive, one_word[i].directive) == 0 &&
		    strcmp(statement->words[0].text, one_word[i].option) == 0)
			return statement->n_words == 2;
	}
	return strcmp(parser->directive, "rewrite") == 0;
}

static struct statement *read_body(struct parser *parser, unsigned depth);

/* Skips to behind the } of the { that was just passed. */
static void skip_block(struct parser *parser)
{
	size_t depth = 1;

	for (; parser->at < parser->end && depth > 0; parser->at++) {
		depth += token_is(parser->at, '{');
		depth -= token_is(parser->at, '}');
	}
}

/* Reads the block whose { stands at the parser. */
static void read_block(struct parser *parser, struct statement *statement, unsigned depth)
{
	const struct token *opener = parser->at++;

	statement->has_block = true;
	if (depth == STATEMENT_DEPTH_MAX) {
		problem_at(parser->problems, opener, "blocks nest deeper than %d",
			   STATEMENT_DEPTH_MAX);
		skip_block(parser);
		return;
	}
	if (depth + 1 == OPTIONS_DEPTH)
		parser->directive = statement->words[0].text;
	statement->body = read_body(parser, depth + 1);
}

static bool ends_with_comma(const struct token *token)
{
	size_t len = strlen(token->text);

	return len > 0 && token->text[len - 1] == ',';
}

/* Does the statement that has the token before `at` go on there? */
static bool goes_on(const struct parser *parser, unsigned depth)
{
	const struct token *at = parser->at;

	if (at == parser->end || token_is(at, '{') || token_is(at, '}'))
		return false;
	return !at->starts_line || (depth == 0 && ends_with_comma(at - 1));
}

/* Reads the statement that begins at the parser with a word. */
static struct statement *read_statement(struct parser *parser, unsigned depth)
{
	struct statement *statement = arena_alloc(parser->arena, sizeof(*statement));

	statement->words = parser->at;
	statement->place = *parser->at;
	do {
		parser->at++;
		statement->n_words++;
	} while (goes_on(parser, depth));
	if (parser->at == parser->end || parser->at->starts_line)
		return statement;
	if (token_is(parser->at, '{'))
		read_block(parser, statement, depth);
	else if (!may_close(parser, statement, depth))
		problem_at(parser->problems, parser->at, "\"}\" has to stand on a line of its own");
	return statement;
}

/* A { at a statement's place: the block of the server named on the line before, or an error, whose
 * block is read all the same. */
static struct statement *read_stray_block(struct parser *parser, struct statement *last,
					  unsigned depth)
{
	struct statement *statement = last;

	if (depth > 0 || !last || last->has_block) {
		statement = arena_alloc(parser->arena, sizeof(*statement));
		statement->words = parser->at;
		statement->place = *parser->at;
		problem_at(parser->problems, parser->at,
			   depth > 0 ? "\"{\" has to stand at the end of a directive's line"
				     : "a zone is missing before \"{\"");
	}
	read_block(parser, statement, depth);
	return statement == last ? NULL : statement;
}

static struct statement *read_body(struct parser *parser, unsigned depth)
{
	struct statement *first = NULL, **next = &first, *last = NULL;

	while (parser->at < parser->end) {
		struct statement *statement = NULL;

		if (token_is(parser->at, '}')) {
			parser->at++;
			if (depth > 0)
				return first;
		} else if (token_is(parser->at, '{')) {
			statement = read_stray_block(parser, last, depth);
		} else {
			statement = read_statement(parser, depth);
		}
		if (statement) {
			*next = last = statement;
			next = &statement->next;
		}
	}
	return first;
}

struct statement *statements_read(const struct token *tokens, size_t n, struct arena *arena,
				  struct problems *problems)
{
	struct parser parser = {
		.at = tokens,
		.end = n > 0 ? tokens + n : tokens, /* of an empty file there is no array */
		.arena = arena,
		.problems = problems,
	};

	return read_body(&parser, 0);
}
