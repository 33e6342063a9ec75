/* SPDX-License-Identifier: Apache-2.0
 *
 * A string that grows: for metrics pages, error lists and other text off the query path. Zeroed
 * memory is an empty text. Always NUL-terminated once something was written; text.bytes may be NULL
 * while empty. Any thread, one at a time.
 */
#ifndef KANAME_BASE_TEXT_H
#define KANAME_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

struct text {
	char *bytes; /* owned */
	size_t len;
	size_t cap;
};

void text_append(struct text *text, const char *bytes, size_t len);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list args);
void text_fini(struct text *text);

/* The word of words[0..n) nearest to `word` by edit distance, or NULL when none is near enough to
 * suggest (more than a third of the letters differ). For "did you mean" in messages; words may be
 * as long as they like. */
const char *text_nearest(const char *word, const char *const *words, size_t n);

#endif
