/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of a `rewrite` rule while they are read: those of its line, or of its block's lines one
 * behind the other, as CoreDNS takes them. Main thread.
 */
#ifndef KANAME_CONFIG_REWRITE_WORDS_H
#define KANAME_CONFIG_REWRITE_WORDS_H

#include "directive.h"

struct rewrite_words {
	struct draft *draft; /* borrowed */
	const struct token *items;
	size_t n, at;
	struct token end; /* where something is missing */
};

/* How many are left. */
static inline size_t rewrite_left(const struct rewrite_words *words)
{
	return words->n - words->at;
}

/* The next word; NULL, with a problem that says what is missing, when there is none. */
const struct token *rewrite_next(struct rewrite_words *words, const char *what);

/* Which of the choices the next word is, in any case: its index, or -1 with a problem. `what` is
 * what there is none of. */
int rewrite_choose(struct rewrite_words *words, const char *what, const char *const *choices,
		   size_t n);

/* The rest of an `edns0` rule: checked, and told to be of no effect here. *is_done gets whether
 * CoreDNS would take the rule for a match. False, with a problem, when it is wrong. */
bool rewrite_edns0_read(struct rewrite_words *words, bool *is_done);

#endif
