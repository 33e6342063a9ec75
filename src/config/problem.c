/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem lines: formatted, made printable, bounded.
 */
#include "problem.h"

#include <string.h>

#define LINE_MAX_BYTES 600

/* What a list of lines has taken so far. */
struct lines {
	struct text *text;
	size_t *n;
	const char *end; /* in place of what does not fit */
};

static void add_line(const struct lines *to, const struct text *line)
{
	size_t len = line->len < LINE_MAX_BYTES ? line->len : LINE_MAX_BYTES;

	if (++*to->n > PROBLEMS_MAX + 1)
		return;
	if (*to->n == PROBLEMS_MAX + 1) {
		text_puts(to->text, to->end);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line->bytes[i];

		text_append(to->text, c < 0x20 || c == 0x7f ? "?" : &line->bytes[i], 1);
	}
	text_puts(to->text, len < line->len ? "...\n" : "\n");
}

static void add_problem(struct problems *problems, const struct text *line)
{
	add_line(&(struct lines){problems->lines, &problems->n,
				 "there are more problems than these\n"},
		 line);
}

void problem_note(struct problems *problems, const struct token *at, const char *format, ...)
{
	struct text line = {0};
	va_list args;

	text_printf(&line, "%s:%u: ", at->file, at->line);
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	add_line(&(struct lines){problems->notes, &problems->n_notes,
				 "there are more notes than these\n"},
		 &line);
	text_fini(&line);
}

void problem_at(struct problems *problems, const struct token *at, const char *format, ...)
{
	struct text line = {0};
	va_list args;

	text_printf(&line, "%s:%u: ", at->file, at->line);
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	add_problem(problems, &line);
	text_fini(&line);
}

void problem_with_file(struct problems *problems, const char *file, const char *format, ...)
{
	struct text line = {0};
	va_list args;

	text_printf(&line, "%s: ", file);
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	add_problem(problems, &line);
	text_fini(&line);
}
