/* SPDX-License-Identifier: Apache-2.0
 *
 * The splitter's state machine. The first level of a document is read character by character; what
 * lies deeper (list items and nested values) is passed over by scan_nested, which only knows
 * strings and brackets and is where the time goes.
 *
 *     START -{-> FIRST_KEY -"-> KEY -"-> COLON -:-> VALUE -> STRING | LITERAL | NESTED ->
 * AFTER_VALUE AFTER_VALUE -,-> NEXT_KEY -"-> KEY ...                                AFTER_VALUE
 * -}-> START VALUE of "items" -[-> FIRST_ITEM -{-> ITEM -}-> AFTER_ITEM -,-> NEXT_ITEM -{-> ITEM
 * ... FIRST_ITEM, AFTER_ITEM -]-> AFTER_VALUE
 *
 * Until `items` is seen a document may be a single object, so it is captured from its first byte.
 */
#include "split.h"

#include <string.h>

enum state {
	STATE_START,
	STATE_FIRST_KEY,
	STATE_NEXT_KEY,
	STATE_KEY,
	STATE_COLON,
	STATE_VALUE,
	STATE_STRING,
	STATE_LITERAL,
	STATE_NESTED,
	STATE_AFTER_VALUE,
	STATE_FIRST_ITEM,
	STATE_NEXT_ITEM,
	STATE_ITEM,
	STATE_AFTER_ITEM,
	STATE_DOCUMENT, /* its last byte is read; the object, if it is one, has been emitted */
	STATE_FAILED,
};

#define DEPTH_CHECKED 64 /* bits of split->brackets */
#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

static uint64_t load64(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Not zero if a byte of x is zero; the lowest set bit is in the first such byte. */
static uint64_t zero_bytes(uint64_t x)
{
	return (x - ONES) & ~x & HIGHS;
}

static void count_lines(struct split *split, const char *to)
{
	const char *p = split->counted;

	for (; to - p >= 8; p += 8) {
		uint64_t x = load64(p) ^ (ONES * '\n');
		uint64_t nonzero = (((x & ~HIGHS) + ~HIGHS) | x) & HIGHS;

		split->line += 8u - (unsigned)__builtin_popcountll(nonzero);
	}
	for (; p < to; p++)
		split->line += *p == '\n';
	split->counted = to;
}

static uint64_t offset_at(const struct split *split)
{
	return split->chunk_offset + (uint64_t)(split->at - split->chunk);
}

/* Fails at the cursor. */
__attribute__((format(printf, 2, 3))) static enum split_event fail(struct split *split,
								   const char *format, ...)
{
	struct text why = {0};
	va_list args;

	if (split->counted < split->at)
		count_lines(split, split->at);
	split->state = STATE_FAILED;
	split->error.offset = offset_at(split);
	split->error.line = split->line + 1;
	va_start(args, format);
	text_vprintf(&why, format, args);
	va_end(args);
	snprintf(split->error.why, sizeof(split->error.why), "%s", why.bytes);
	text_fini(&why);
	return SPLIT_ERROR;
}

static enum split_event fail_expected(struct split *split, const char *expected)
{
	unsigned char found = (unsigned char)*split->at;

	if (found > ' ' && found < 0x7f)
		return fail(split, "expected %s, found '%c'", expected, found);
	return fail(split, "expected %s, found byte 0x%02x", expected, found);
}

/* ---- capturing an object ---- */

static void capture_begin(struct split *split, bool is_item)
{
	count_lines(split, split->at);
	split->is_capturing = true;
	split->start = split->at;
	split->held.len = 0;
	split->object = (struct split_object){
		.offset = offset_at(split), .line = split->line + 1, .is_item = is_item};
}

static void capture_drop(struct split *split)
{
	split->is_capturing = false;
	split->start = NULL;
	split->held.len = 0;
}

/* Fails if the object has grown over its limit. */
static bool capture_fits(struct split *split)
{
	if (!split->is_capturing ||
	    split->held.len + (size_t)(split->at - split->start) <= SPLIT_OBJECT_MAX)
		return true;
	(void)fail(split, "an object of more than %u bytes", SPLIT_OBJECT_MAX);
	return false;
}

/* The chunk ends inside the object: keep its bytes. */
static void capture_hold(struct split *split)
{
	if (!split->is_capturing)
		return;
	text_append(&split->held, split->start, (size_t)(split->at - split->start));
	split->start = NULL;
}

/* The cursor is behind the object's last byte. */
static enum split_event capture_emit(struct split *split)
{
	if (!capture_fits(split))
		return SPLIT_ERROR;
	if (split->held.len > 0) {
		capture_hold(split);
		split->object.bytes = split->held.bytes;
		split->object.len = split->held.len;
	} else {
		split->object.bytes = split->start;
		split->object.len = (size_t)(split->at - split->start);
	}
	split->is_capturing = false;
	split->is_emitted = true;
	return SPLIT_OBJECT;
}

/* The object that was emitted is no longer borrowed. A large one's memory is not kept for the small
 * ones to come. */
static void capture_release(struct split *split)
{
	if (!split->is_emitted)
		return;
	split->is_emitted = false;
	split->held.len = 0;
	if (split->held.cap > 256 * 1024)
		text_fini(&split->held);
}

/* ---- what is nested ---- */

enum byte_class { BYTE_OTHER, BYTE_QUOTE, BYTE_OPEN, BYTE_CLOSE };

static const uint8_t byte_classes[256] = {
	['"'] = BYTE_QUOTE, ['{'] = BYTE_OPEN,	['['] = BYTE_OPEN,
	['}'] = BYTE_CLOSE, [']'] = BYTE_CLOSE,
};

/* From inside a string: to behind its closing quote (in_string is then false), or to the end. */
static const char *scan_string(struct split *split, const char *p)
{
	while (p < split->end) {
		if (split->end - p >= 8 && !split->in_escape) {
			uint64_t x = load64(p);
			uint64_t hit = zero_bytes(x ^ (ONES * '"')) | zero_bytes(x ^ (ONES * '\\'));

			if (hit == 0) {
				p += 8;
				continue;
			}
			p += __builtin_ctzll(hit) / 8;
		}

		char c = *p++;

		if (split->in_escape) {
			split->in_escape = false;
		} else if (c == '\\') {
			split->in_escape = true;
		} else if (c == '"') {
			split->in_string = false;
			break;
		}
	}
	return p;
}

/* Over bytes that mean nothing here; runs of spaces, the indentation, eight at a time. */
static const char *skip_other(const char *p, const char *end)
{
	while (p < end && byte_classes[(uint8_t)*p] == BYTE_OTHER) {
		if (*p == ' ') {
			while (end - p >= 8 && load64(p) == ONES * ' ')
				p += 8;
			if (p == end || byte_classes[(uint8_t)*p] != BYTE_OTHER)
				break;
		}
		p++;
	}
	return p;
}

/* Takes the bracket at the cursor. False after a failure. */
static bool take_bracket(struct split *split)
{
	char c = *split->at;
	bool is_list = c == '[' || c == ']';

	if (c == '{' || c == '[') {
		if (split->depth == SPLIT_DEPTH_MAX) {
			(void)fail(split, "nested deeper than %d", SPLIT_DEPTH_MAX);
			return false;
		}
		if (split->depth < DEPTH_CHECKED)
			split->brackets = split->brackets << 1 | is_list;
		split->depth++;
	} else {
		bool is_checked = split->depth <= DEPTH_CHECKED;

		if (is_checked && (split->brackets & 1) != is_list) {
			(void)fail_expected(split, is_list ? "'}'" : "']'");
			return false;
		}
		split->brackets >>= is_checked;
		split->depth--;
	}
	split->at++;
	return true;
}

/* Moves the cursor on from inside a nested value. True when it is behind its closing bracket. */
static bool scan_nested(struct split *split)
{
	while (split->at < split->end) {
		if (split->in_string) {
			split->at = scan_string(split, split->at);
			continue;
		}
		split->at = skip_other(split->at, split->end);
		if (split->at == split->end)
			break;
		if (*split->at == '"') {
			split->in_string = true;
			split->at++;
			continue;
		}
		if (!take_bracket(split))
			return false;
		if (split->depth == 0)
			return true;
	}
	return false;
}

/* ---- the first level ---- */

static void word_begin(struct split *split, enum state state)
{
	split->word_len = 0;
	split->in_escape = false;
	split->state = (int)state;
}

/* A word that is too long or has an escape is none that we look for: it is kept with its backslash,
 * and cut. */
static void word_push(struct split *split, char c)
{
	if (split->word_len < sizeof(split->word) - 1)
		split->word[split->word_len++] = c;
	split->word[split->word_len] = '\0';
}

/* Reads a string into split->word. True when its closing quote has been taken. */
static bool word_string(struct split *split)
{
	while (split->at < split->end) {
		char c = *split->at++;

		if (!split->in_escape && c == '"') {
			split->word[split->word_len] = '\0';
			return true;
		}
		word_push(split, c);
		split->in_escape = !split->in_escape && c == '\\';
	}
	return false;
}

static bool is_literal_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("+-.E", c));
}

static bool is_literal(const char *word)
{
	return strcmp(word, "null") == 0 || strcmp(word, "true") == 0 ||
	       strcmp(word, "false") == 0 || strchr("-0123456789", word[0]);
}

/* May this document be a list? Its kind, where it is known already, says so. */
static bool may_be_list(const struct split *split)
{
	size_t len = strlen(split->kind);

	return len == 0 || (len >= 4 && strcmp(split->kind + len - 4, "List") == 0);
}

static bool is_items(const struct split *split)
{
	return strcmp(split->key, "items") == 0 && may_be_list(split);
}

static void become_list(struct split *split)
{
	split->is_list = true;
	capture_drop(split);
}

static enum split_event begin_document(struct split *split)
{
	split->document_offset = offset_at(split);
	memcpy(split->kind, split->hint_kind, sizeof(split->kind));
	memcpy(split->api_version, split->hint_api_version, sizeof(split->api_version));
	split->is_list = split->is_null = false;
	split->metadata.len = 0;
	capture_begin(split, false);
	split->at++;
	split->state = STATE_FIRST_KEY;
	return SPLIT_MORE;
}

static enum split_event begin_value(struct split *split)
{
	char c = *split->at;

	if (is_items(split) && c == '[') {
		become_list(split);
		split->at++;
		split->state = STATE_FIRST_ITEM;
	} else if (is_items(split) && c != 'n') {
		return fail_expected(split, "a list in \"items\"");
	} else if (c == '{' || c == '[') {
		split->depth = 0;
		split->in_metadata = c == '{' && strcmp(split->key, "metadata") == 0;
		split->metadata.len = split->in_metadata ? 0 : split->metadata.len;
		split->state = STATE_NESTED;
	} else if (c == '"') {
		split->at++;
		word_begin(split, STATE_STRING);
	} else if (is_literal_byte(c)) {
		word_begin(split, STATE_LITERAL);
	} else {
		return fail_expected(split, "a value");
	}
	return SPLIT_MORE;
}

static enum split_event end_string(struct split *split)
{
	if (strcmp(split->key, "kind") == 0)
		memcpy(split->kind, split->word, sizeof(split->kind));
	else if (strcmp(split->key, "apiVersion") == 0)
		memcpy(split->api_version, split->word, sizeof(split->api_version));
	split->state = STATE_AFTER_VALUE;
	return SPLIT_MORE;
}

static enum split_event read_literal(struct split *split)
{
	while (split->at < split->end && is_literal_byte(*split->at))
		word_push(split, *split->at++);
	if (split->at == split->end)
		return SPLIT_MORE;
	if (!is_literal(split->word))
		return fail(split, "expected a value, found \"%.20s\"", split->word);
	if (is_items(split)) {
		if (strcmp(split->word, "null") != 0)
			return fail(split, "expected a list in \"items\", found \"%.20s\"",
				    split->word);
		split->is_null = true;
		become_list(split);
	}
	split->state = STATE_AFTER_VALUE;
	return SPLIT_MORE;
}

static enum split_event begin_item(struct split *split)
{
	if (*split->at != '{')
		return fail_expected(split,
				     split->state == STATE_FIRST_ITEM ? "'{' or ']'" : "'{'");
	capture_begin(split, true);
	split->depth = 0;
	split->state = STATE_ITEM;
	return SPLIT_MORE;
}

static enum split_event end_document(struct split *split)
{
	split->at++;
	split->n_documents++;
	split->state = STATE_DOCUMENT;
	return split->is_list ? SPLIT_MORE : capture_emit(split);
}

/* If the cursor is at c: takes it and goes to the state. */
static bool go(struct split *split, char c, enum state state)
{
	if (*split->at != c)
		return false;
	split->at++;
	split->state = (int)state;
	return true;
}

/* States between the tokens of the first level; the cursor is at a byte that is not white space. */
static enum split_event step_token(struct split *split)
{
	switch ((enum state)split->state) {
	case STATE_START:
		return *split->at == '{' ? begin_document(split)
					 : fail_expected(split, "a JSON object");
	case STATE_FIRST_KEY:
		if (*split->at == '}')
			return end_document(split);
		__attribute__((fallthrough));
	case STATE_NEXT_KEY:
		if (!go(split, '"', STATE_KEY))
			return fail_expected(split, "a key in quotes");
		word_begin(split, STATE_KEY);
		return SPLIT_MORE;
	case STATE_COLON:
		return go(split, ':', STATE_VALUE) ? SPLIT_MORE : fail_expected(split, "':'");
	case STATE_VALUE:
		return begin_value(split);
	case STATE_AFTER_VALUE:
		if (*split->at == '}')
			return end_document(split);
		return go(split, ',', STATE_NEXT_KEY) ? SPLIT_MORE
						      : fail_expected(split, "',' or '}'");
	case STATE_FIRST_ITEM:
		if (go(split, ']', STATE_AFTER_VALUE))
			return SPLIT_MORE;
		__attribute__((fallthrough));
	case STATE_NEXT_ITEM:
		return begin_item(split);
	case STATE_AFTER_ITEM:
		if (go(split, ',', STATE_NEXT_ITEM) || go(split, ']', STATE_AFTER_VALUE))
			return SPLIT_MORE;
		return fail_expected(split, "',' or ']'");
	case STATE_KEY:
	case STATE_STRING:
	case STATE_LITERAL:
	case STATE_NESTED:
	case STATE_ITEM:
	case STATE_DOCUMENT:
	case STATE_FAILED:
		break;
	}
	CHECK(!"a state between tokens");
	return SPLIT_ERROR;
}

/* Moves on inside a nested value at the first level, and keeps what there is of the metadata. */
static enum split_event step_nested(struct split *split)
{
	const char *from = split->at;

	if (scan_nested(split))
		split->state = STATE_AFTER_VALUE;
	if (split->in_metadata)
		text_append(&split->metadata, from, (size_t)(split->at - from));
	if (split->metadata.len > SPLIT_METADATA_MAX) {
		split->in_metadata = false;
		text_fini(&split->metadata);
	}
	return split->state == STATE_FAILED ? SPLIT_ERROR : SPLIT_MORE;
}

static enum split_event step(struct split *split)
{
	switch ((enum state)split->state) {
	case STATE_KEY:
		if (word_string(split)) {
			memcpy(split->key, split->word, sizeof(split->key));
			split->state = STATE_COLON;
		}
		return SPLIT_MORE;
	case STATE_STRING:
		return word_string(split) ? end_string(split) : SPLIT_MORE;
	case STATE_LITERAL:
		return read_literal(split);
	case STATE_NESTED:
		return step_nested(split);
	case STATE_ITEM:
		if (scan_nested(split)) {
			split->state = STATE_AFTER_ITEM;
			return capture_emit(split);
		}
		return split->state == STATE_FAILED ? SPLIT_ERROR : SPLIT_MORE;
	case STATE_FAILED:
		return SPLIT_ERROR;
	case STATE_START:
	case STATE_FIRST_KEY:
	case STATE_NEXT_KEY:
	case STATE_COLON:
	case STATE_VALUE:
	case STATE_AFTER_VALUE:
	case STATE_FIRST_ITEM:
	case STATE_NEXT_ITEM:
	case STATE_AFTER_ITEM:
	case STATE_DOCUMENT:
		break;
	}
	while (split->at < split->end && strchr(" \t\r\n", *split->at) && *split->at != '\0')
		split->at++;
	return split->at < split->end ? step_token(split) : SPLIT_MORE;
}

void split_init(struct split *split, const char *kind, const char *api_version)
{
	*split = (struct split){0};
	snprintf(split->hint_kind, sizeof(split->hint_kind), "%s", kind);
	snprintf(split->hint_api_version, sizeof(split->hint_api_version), "%s", api_version);
}

void split_fini(struct split *split)
{
	text_fini(&split->held);
	text_fini(&split->metadata);
}

void split_feed(struct split *split, const char *bytes, size_t len)
{
	CHECK(split->at == split->end || split->state == STATE_FAILED);
	capture_release(split);
	if (split->state == STATE_FAILED)
		return;
	split->chunk_offset += (uint64_t)(split->end - split->chunk);
	split->chunk = split->at = split->counted = bytes;
	split->end = bytes + len;
	if (split->is_capturing)
		split->start = bytes;
}

enum split_event split_next(struct split *split)
{
	capture_release(split);
	for (;;) {
		if (split->state == STATE_DOCUMENT) {
			split->state = STATE_START;
			return SPLIT_DOCUMENT;
		}
		if (split->at == split->end)
			break;

		enum split_event event = step(split);

		if (event != SPLIT_MORE)
			return event;
	}
	if (split->state == STATE_FAILED || !capture_fits(split))
		return SPLIT_ERROR;
	if (split->counted < split->end)
		count_lines(split, split->end);
	capture_hold(split);
	return SPLIT_MORE;
}

bool split_end(struct split *split)
{
	if (split->state == STATE_FAILED)
		return false;
	CHECK(split->at == split->end && split->state != STATE_DOCUMENT);
	if (split->state == STATE_START && split->n_documents > 0)
		return true;
	(void)fail(split, split->state == STATE_START ? "expected a JSON object, found the end"
						      : "the end in the middle of an object");
	return false;
}
