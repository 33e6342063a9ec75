/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a Corefile: all of it, collected as lines "FILE:LINE: message". Words of the
 * user stand in double quotes; control characters are replaced, long lines cut and the number of
 * lines bounded, since it all comes from a file. Main thread.
 */
#ifndef KANAME_CONFIG_PROBLEM_H
#define KANAME_CONFIG_PROBLEM_H

#include "base/check.h"
#include "base/text.h"
#include "token.h"

#define PROBLEMS_MAX 100

struct problems {
	struct text *lines; /* borrowed */
	size_t n;	    /* found; at most PROBLEMS_MAX of them are told */
	struct text *notes; /* borrowed; lines likewise */
	size_t n_notes;
};

/* A problem with what stands at `at`. */
void problem_at(struct problems *problems, const struct token *at, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Something that is accepted, but does not do here what it does in CoreDNS: told by --check and at
 * the start. */
void problem_note(struct problems *problems, const struct token *at, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* A problem with a file as a whole. */
void problem_with_file(struct problems *problems, const char *file, const char *format, ...)
	PRINTF_LIKE(3, 4);

#endif
