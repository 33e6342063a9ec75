/* SPDX-License-Identifier: Apache-2.0
 *
 * A format is read from left to right: the next closing brace ends a placeholder that begins at the
 * last opening one before it, so that "{ {name} }" has the name in it. As in CoreDNS an unknown
 * placeholder is text, and a label of metadata ({/forward/upstream}), which nothing here has, is
 * "-".
 */
#include "log_format.h"

#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define COMMON                                                                               \
	"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" " \
	"{rcode} "                                                                           \
	"{>rflags} {rsize} {duration}"
#define COMBINED COMMON " \"{>opcode}\""

static const struct {
	const char *text;
	enum query_log_field field;
} placeholders[] = {
	{"{type}", QUERY_LOG_TYPE},	    {"{name}", QUERY_LOG_NAME},
	{"{class}", QUERY_LOG_QCLASS},	    {"{proto}", QUERY_LOG_PROTO},
	{"{remote}", QUERY_LOG_REMOTE},	    {"{local}", QUERY_LOG_LOCAL},
	{"{port}", QUERY_LOG_PORT},	    {"{size}", QUERY_LOG_SIZE},
	{"{rcode}", QUERY_LOG_RCODE},	    {"{rsize}", QUERY_LOG_RSIZE},
	{"{duration}", QUERY_LOG_DURATION}, {"{>id}", QUERY_LOG_ID},
	{"{>opcode}", QUERY_LOG_OPCODE},    {"{>do}", QUERY_LOG_DO},
	{"{>bufsize}", QUERY_LOG_BUFSIZE},  {"{>rflags}", QUERY_LOG_RFLAGS},
	{"{json}", QUERY_LOG_JSON},
};

struct pieces { /* an ARRAY(struct query_log_piece) */
	struct query_log_piece *items;
	size_t len, cap;
};

static bool is_same(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* The placeholder text[0..len), braces included; TEXT when it is none. */
static enum query_log_field find_field(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(placeholders); i++) {
		if (is_same(text, len, placeholders[i].text))
			return placeholders[i].field;
	}
	return text[1] == '/' ? QUERY_LOG_EMPTY : QUERY_LOG_TEXT;
}

/* What is text to the reader of lines may be control characters to his terminal. */
static void push_text(struct arena *arena, struct pieces *pieces, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + QUERY_LOG_TEXT_SLACK);

	memcpy(copy, text, len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f)
			copy[i] = ' ';
	}
	if (len > 0)
		ARRAY_PUSH(pieces, ((struct query_log_piece){QUERY_LOG_TEXT, copy, len}));
}

static void read_pieces(struct arena *arena, struct pieces *pieces, const char *format)
{
	const char *rest = format, *close, *open;

	while ((close = strchr(rest, '}')) != NULL) {
		enum query_log_field field = QUERY_LOG_TEXT;
		size_t before = (size_t)(close + 1 - rest);

		open = memrchr(rest, '{', before);
		if (open)
			field = find_field(open, (size_t)(close + 1 - open));
		if (field != QUERY_LOG_TEXT)
			before = (size_t)(open - rest);
		push_text(arena, pieces, rest, before);
		if (field != QUERY_LOG_TEXT)
			ARRAY_PUSH(pieces, ((struct query_log_piece){.field = field}));
		rest = close + 1;
	}
	push_text(arena, pieces, rest, strlen(rest));
}

/* `format` with the two short words written out. */
static void expand(struct text *out, const char *format)
{
	static const struct {
		const char *word, *text;
	} shorts[] = {{"{common}", COMMON}, {"{combined}", COMBINED}};

	while (*format) {
		size_t i = 0;

		while (i < ARRAY_LEN(shorts) &&
		       strncmp(format, shorts[i].word, strlen(shorts[i].word)) != 0)
			i++;
		if (i < ARRAY_LEN(shorts)) {
			text_puts(out, shorts[i].text);
			format += strlen(shorts[i].word);
		} else {
			text_append(out, format++, 1);
		}
	}
}

bool log_format_read(struct arena *arena, const char *format, struct query_log_config *log)
{
	struct pieces pieces = {0};
	struct text whole = {0};
	size_t n_text = 0;
	struct query_log_piece *copy;

	expand(&whole, format);
	read_pieces(arena, &pieces, whole.bytes ? whole.bytes : "");
	copy = arena_alloc(arena, (pieces.len + 1) * sizeof(*copy));
	for (size_t i = 0; i < pieces.len; i++) {
		copy[i] = pieces.items[i];
		n_text += copy[i].len;
	}
	log->pieces = copy;
	log->n_pieces = pieces.len;
	log->is_bare = pieces.len == 1 && copy[0].field == QUERY_LOG_JSON;
	ARRAY_FINI(&pieces);
	text_fini(&whole);
	return n_text <= QUERY_LOG_TEXT_MAX;
}
