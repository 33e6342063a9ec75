/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem lines: formatted, made printable, bounded.
 */
#include "problem.h"

#include <string.h>

#define LINE_MAX_BYTES 600

static void add_line(struct problems *problems, const struct text *line)
{
	size_t len = line->len < LINE_MAX_BYTES ? line->len : LINE_MAX_BYTES;

	if (++problems->n > PROBLEMS_MAX + 1)
		return;
	if (problems->n == PROBLEMS_MAX + 1) {
		text_puts(problems->lines, "there are more problems than these\n");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line->bytes[i];

		text_append(problems->lines, c < 0x20 || c == 0x7f ? "?" : &line->bytes[i], 1);
	}
	text_puts(problems->lines, len < line->len ? "...\n" : "\n");
}

void problem_at(struct problems *problems, const struct token *at, const char *format, ...)
{
	struct text line = {0};
	va_list args;

	text_printf(&line, "%s:%u: ", at->file, at->line);
	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	add_line(problems, &line);
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
	add_line(problems, &line);
	text_fini(&line);
}
