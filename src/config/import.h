/* SPDX-License-Identifier: Apache-2.0
 *
 * A Corefile with everything that it imports as one list of tokens.
 *
 * `import PATTERN` at a line's start is replaced by the tokens of the files that the pattern
 * matches (relative to the folder of the file it stands in; a pattern with * ? or [ may match none,
 * a plain name has to be there), `import NAME` by the snippet `(NAME) { ... }` defined before it.
 * Cycles, depth, the number of imports and the size of it all are bounded. Main thread.
 */
#ifndef KANAME_CONFIG_IMPORT_H
#define KANAME_CONFIG_IMPORT_H

#include "token.h"

#define IMPORTS_MAX 1000
#define IMPORT_DEPTH_MAX 16

/* Appends the tokens of the file at `path` to *tokens; the caller owns the array, the arena what
 * the tokens point to. What is wrong goes to `problems`, and reading goes on behind it. */
void import_read(const char *path, struct arena *arena, const struct config_machine *machine,
		 struct problems *problems, struct tokens *tokens);

#endif
