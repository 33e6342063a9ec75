/* SPDX-License-Identifier: Apache-2.0
 *
 * A Corefile as tokens, by the rules of Caddy and CoreDNS: words separated by white space; "quoted
 * words", in which \" is a quote, any other backslash is itself, and lines may end; comments from a
 * # at a word's start to the line's end; {$NAME} and {%NAME%} anywhere in a word are replaced by
 * the environment variable, {$NAME:default} by the default where it is not set or empty. What a
 * variable holds stays one word. Tokens know file and line. Main thread.
 */
#ifndef KANAME_CONFIG_TOKEN_H
#define KANAME_CONFIG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct config_machine;
struct problems;

#define TOKENS_MAX 100000	    /* of a configuration, after imports */
#define TOKENS_TEXT_MAX (16u << 20) /* bytes of all words, after environment variables */

struct token {
	const char *text; /* borrowed from the arena, as is file */
	const char *file;
	unsigned line; /* where it begins; from 1 */
	bool is_quoted;
	bool starts_line;
};

struct tokens {		     /* an ARRAY(struct token) */
	struct token *items; /* owned */
	size_t len;
	size_t cap;
};

/* Is this an unquoted { or }? */
bool token_is(const struct token *token, char brace);

struct lexer {
	struct arena *arena; /* borrowed, as all below */
	const struct config_machine *machine;
	struct problems *problems;
	size_t n_tokens; /* of all files */
	size_t n_bytes;
};

/* Appends the tokens of bytes[0..len) to *tokens. What is wrong goes to the lexer's problems; the
 * tokens before it are there. */
void lexer_read(struct lexer *lexer, const char *file, const char *bytes, size_t len,
		struct tokens *tokens);

#endif
