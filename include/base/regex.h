/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of the Corefile, by PCRE2. They come from an operator, the subjects from any
 * client: so a match has limits of steps and memory, the matches of one query have one together,
 * and what needs more is REGEX_LIMIT, never a stalled worker. What Go's regexp takes means the same
 * here; what it refuses because it can take exponential time (look-around, back references) is
 * refused here too.
 *
 * The happy path: regex_compile on the main thread, a regex_scratch for each worker, regex_match.
 * A struct regex is immutable and shared.
 */
#ifndef KANAME_BASE_REGEX_H
#define KANAME_BASE_REGEX_H

#include <stddef.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

#define REGEX_GROUPS_MAX 32 /* with group 0, the whole match */
#define REGEX_TEXT_MAX 4096 /* bytes of an expression */
#define REGEX_SLOW_MAX 8    /* matches of one query that may take many steps */

struct regex;

/* The expression text[0..len), in the arena, which frees it. 0, or -EINVAL with the reason, and the
 * place in the expression, appended to *why. Main thread. */
MUST_USE int regex_compile(const struct regex **regex, struct arena *arena, const char *text,
			   size_t len, struct text *why);

/* Groups that the expression has, group 0 included; at most REGEX_GROUPS_MAX. */
size_t regex_groups(const struct regex *regex);

/* The number of a named group `(?P<name>...)`; 0 when there is none. */
size_t regex_group(const struct regex *regex, const char *name, size_t len);

struct regex_scratch; /* of one thread */
struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *scratch);

/* A new query: what the matches before it took does not count. */
void regex_begin(struct regex_scratch *scratch);

enum regex_outcome {
	REGEX_NO,
	REGEX_YES,
	REGEX_LIMIT, /* it took more than the limits allow: counts as no match, and is told */
};

/* Where the groups lie: offsets into the subject, start[i] .. end[i]; a group that took no part is
 * empty, with both SIZE_MAX. */
struct regex_match {
	size_t n; /* of the expression */
	size_t start[REGEX_GROUPS_MAX], end[REGEX_GROUPS_MAX];
};

/* Does the expression match anywhere in subject[0..len)? *match is filled on REGEX_YES. */
enum regex_outcome regex_match(const struct regex *regex, struct regex_scratch *scratch,
			       const char *subject, size_t len, struct regex_match *match);

#endif
