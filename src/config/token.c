/* SPDX-License-Identifier: Apache-2.0
 *
 * The lexer: one pass over the bytes of a file.
 */
#include "token.h"

#include <string.h>

#include "base/arena.h"
#include "base/array.h"
#include "config/machine.h"
#include "problem.h"

struct cursor {
	struct lexer *lexer;
	struct tokens *tokens;
	const char *file;
	const char *at;
	const char *end;
	unsigned line;
	bool is_line_begun; /* a token stands on this line already */
};

bool token_is(const struct token *token, char brace)
{
	return !token->is_quoted && token->text[0] == brace && token->text[1] == '\0';
}

/* The length of the white space character at p, as Unicode has them; 0 when it is another. */
static size_t space_len(const char *p, const char *end)
{
	static const char *const wide[] = {
		"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
		"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
		"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	if ((unsigned char)*p < 0x80)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		size_t len = strlen(wide[i]);

		if ((size_t)(end - p) >= len && memcmp(p, wide[i], len) == 0)
			return len;
	}
	return 0;
}

/* Appends what the reference NAME or NAME:default stands for. */
static void append_variable(struct lexer *lexer, const char *reference, size_t len,
			    struct text *word)
{
	const char *colon = memchr(reference, ':', len);
	size_t name_len = colon ? (size_t)(colon - reference) : len;
	char *name = arena_strndup(lexer->arena, reference, name_len);
	const char *value = lexer->machine->env(lexer->machine->arg, name);

	if (value && *value)
		text_puts(word, value);
	else if (colon)
		text_append(word, colon + 1, len - name_len - 1);
}

/* The length of the whole reference at p, "{$NAME}" or "{%NAME%}", or 0 when there is none. */
static size_t reference_len(const char *p, const char *end)
{
	const char *close = NULL;

	if (end - p < 4 || p[0] != '{' || (p[1] != '$' && p[1] != '%'))
		return 0;
	if (p[1] == '$')
		close = memchr(p + 2, '}', (size_t)(end - p - 2));
	else
		close = memmem(p + 2, (size_t)(end - p - 2), "%}", 2);
	if (!close || close == p + 2)
		return 0;
	return (size_t)(close - p) + (p[1] == '$' ? 1 : 2);
}

/* Replaces the environment variables in word. */
static void replace_variables(struct lexer *lexer, struct text *word)
{
	struct text out = {0};
	const char *p = word->bytes, *end = p + word->len;

	while (p < end) {
		size_t len = reference_len(p, end);

		if (len > 0)
			append_variable(lexer, p + 2, len - (p[1] == '$' ? 3 : 4), &out);
		else
			text_append(&out, p, 1);
		p += len > 0 ? len : 1;
	}
	text_append(&out, "", 0);
	text_fini(word);
	*word = out;
}

/* Adds a token; false when there are too many. Takes the word's memory. */
static bool add_token(struct cursor *cursor, struct token token, struct text *word)
{
	struct lexer *lexer = cursor->lexer;

	text_append(word, "", 0);
	if (strstr(word->bytes, "{$") || strstr(word->bytes, "{%"))
		replace_variables(lexer, word);
	lexer->n_tokens++;
	lexer->n_bytes += word->len;

	bool has_room = lexer->n_tokens <= TOKENS_MAX && lexer->n_bytes <= TOKENS_TEXT_MAX;

	if (has_room) {
		token.text = arena_strndup(lexer->arena, word->bytes, word->len);
		ARRAY_PUSH(cursor->tokens, token);
	} else {
		problem_at(lexer->problems, &token, "the configuration is too large");
	}
	text_fini(word);
	return has_room;
}

/* Reads from behind the opening quote to behind the closing one. */
static bool read_quoted(struct cursor *cursor, const struct token *token, struct text *word)
{
	for (; cursor->at < cursor->end; cursor->at++) {
		const char *p = cursor->at;

		if (*p == '"') {
			cursor->at++;
			return true;
		}
		if (*p == '\n')
			cursor->line++;
		if (*p == '\\' && p + 1 < cursor->end && (p[1] == '"' || p[1] == '\\')) {
			if (p[1] == '\\')
				text_append(word, p, 1);
			cursor->at++;
		}
		text_append(word, cursor->at, 1);
	}
	problem_at(cursor->lexer->problems, token, "this quote is never closed");
	return false;
}

/* Skips white space and comments; false at the end. */
static bool skip_space(struct cursor *cursor)
{
	while (cursor->at < cursor->end) {
		size_t len = space_len(cursor->at, cursor->end);

		if (*cursor->at == '\n') {
			cursor->line++;
			cursor->is_line_begun = false;
		}
		if (len > 0) {
			cursor->at += len;
		} else if (*cursor->at == '#') {
			const char *eol =
				memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));

			cursor->at = eol ? eol : cursor->end;
		} else {
			return true;
		}
	}
	return false;
}

static bool read_token(struct cursor *cursor)
{
	struct token token = {.file = cursor->file,
			      .line = cursor->line,
			      .is_quoted = *cursor->at == '"',
			      .starts_line = !cursor->is_line_begun};
	struct text word = {0};

	cursor->is_line_begun = true;
	if (token.is_quoted) {
		cursor->at++;
		if (!read_quoted(cursor, &token, &word)) {
			text_fini(&word);
			return false;
		}
		return add_token(cursor, token, &word);
	}

	const char *begin = cursor->at;

	while (cursor->at < cursor->end && space_len(cursor->at, cursor->end) == 0)
		cursor->at++;
	text_append(&word, begin, (size_t)(cursor->at - begin));
	return add_token(cursor, token, &word);
}

void lexer_read(struct lexer *lexer, const char *file, const char *bytes, size_t len,
		struct tokens *tokens)
{
	struct cursor cursor = {.lexer = lexer,
				.tokens = tokens,
				.file = file,
				.at = bytes,
				.end = bytes + len,
				.line = 1};
	const char *zero = len > 0 ? memchr(bytes, '\0', len) : NULL;

	if (zero) {
		struct token at = {.file = file, .line = 1};

		for (const char *p = bytes; p < zero; p++)
			at.line += *p == '\n';
		problem_at(lexer->problems, &at, "a byte is zero: this is not a text file");
		return;
	}
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		cursor.at += 3;
	while (skip_space(&cursor) && read_token(&cursor))
		;
}
