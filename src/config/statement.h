/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens as a tree of statements: `name argument... [{ statements }]`. A statement ends with its
 * line; at the top level a line that ends with a comma goes on in the next. { opens a block at the
 * end of its statement's line (the block of a server may also open on a line of its own), } ends
 * it. Main thread.
 */
#ifndef KANAME_CONFIG_STATEMENT_H
#define KANAME_CONFIG_STATEMENT_H

#include "base/arena.h"
#include "problem.h"
#include "token.h"

#define STATEMENT_DEPTH_MAX 8 /* of blocks in blocks; CoreDNS has three */

struct statement {
	const struct token *words; /* borrowed from the token list; words[0] is the name; n_words is
				      0 for a block without a name */
	size_t n_words;
	struct token place; /* where it stands, also without words */
	bool has_block;
	struct statement *body; /* the block's statements */
	struct statement *next;
};

/* The statements of tokens[0..n), allocated from the arena; `tokens` has to live as long. What is
 * wrong goes to `problems`. */
struct statement *statements_read(const struct token *tokens, size_t n, struct arena *arena,
				  struct problems *problems);

#endif
