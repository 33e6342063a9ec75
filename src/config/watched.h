/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration was read from, and what it says, so that a change can be seen: the paths of
 * files and folders that were looked at, a hash of its words, and all of it as one text. Main
 * thread.
 */
#ifndef KANAME_CONFIG_WATCHED_H
#define KANAME_CONFIG_WATCHED_H

#include "base/array.h"
#include "config/machine.h"
#include "token.h"

/* A machine that notes what is read from another one. */
struct watched {
	struct config_machine machine;	   /* to be used in place of the real one */
	const struct config_machine *real; /* borrowed */
	ARRAY(const char *) paths;	   /* in the arena */
	struct arena *arena;		   /* borrowed */
};

void watched_init(struct watched *watched, const struct config_machine *real, struct arena *arena);

/* Ends it; the paths, in the arena, each once. */
const char *const *watched_take(struct watched *watched, size_t *n);

/* The hash of the words, 32 hexadecimal digits, in the arena. */
const char *words_hash(const struct tokens *tokens, struct arena *arena);

/* The words as a Corefile that reads as they do. */
void words_print(const struct tokens *tokens, struct text *text);

#endif
