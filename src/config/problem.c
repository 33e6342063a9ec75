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

/* "FILE:LINE: message", or "FILE: message" where line is 0. */
static void add(const struct lines *to, const struct token *at, const char *format, va_list args)
{
	struct text line = {0};

	text_puts(&line, at->file);
	if (at->line > 0)
		text_printf(&line, ":%u", at->line);
	text_puts(&line, ": ");
	text_vprintf(&line, format, args);
	add_line(to, &line);
	text_fini(&line);
}

static struct lines problem_lines(struct problems *problems)
{
	return (struct lines){problems->lines, &problems->n,
			      "there are more problems than these\n"};
}

void problem_note(struct problems *problems, const struct token *at, const char *format, ...)
{
	const struct lines to = {problems->notes, &problems->n_notes,
				 "there are more notes than these\n"};
	va_list args;

	va_start(args, format);
	add(&to, at, format, args);
	va_end(args);
}

void problem_at(struct problems *problems, const struct token *at, const char *format, ...)
{
	const struct lines to = problem_lines(problems);
	va_list args;

	va_start(args, format);
	add(&to, at, format, args);
	va_end(args);
}

void problem_with_file(struct problems *problems, const char *file, const char *format, ...)
{
	const struct lines to = problem_lines(problems);
	const struct token whole = {.file = file};
	va_list args;

	va_start(args, format);
	add(&to, &whole, format, args);
	va_end(args);
}
