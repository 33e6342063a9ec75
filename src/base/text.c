/* SPDX-License-Identifier: Apache-2.0
 *
 * The growing string, and the nearest word for "did you mean".
 */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static void reserve(struct text *text, size_t more)
{
	size_t need = text->len + more + 1;

	if (need <= text->cap)
		return;
	text->cap = need > text->cap * 2 ? need : text->cap * 2;
	text->bytes = mem_realloc(text->bytes, text->cap);
}

void text_append(struct text *text, const char *bytes, size_t len)
{
	reserve(text, len);
	if (len > 0)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

void text_puts(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(text, format, args);
	va_end(args);
}

void text_vprintf(struct text *text, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);

	int len = vsnprintf(NULL, 0, format, args);

	CHECK(len >= 0);
	reserve(text, (size_t)len);
	vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
	va_end(again);
	text->len += (size_t)len;
}

void text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

#define WORD_MAX 64

/* Levenshtein distance of two words of at most WORD_MAX letters, one row at a time. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *text_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	size_t best_distance = SIZE_MAX;
	const char *best = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]);

		if (other > WORD_MAX)
			continue;

		size_t d = distance(word, len, words[i], other);

		if (d < best_distance && d * 3 <= (len > other ? len : other)) {
			best_distance = d;
			best = words[i];
		}
	}
	return best;
}
