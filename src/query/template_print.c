/* SPDX-License-Identifier: Apache-2.0
 *
 * print and printf of templates, as Go's fmt: into the buffer's pool, which bounds them.
 */
#include <string.h>

#include "template_node.h"

#define WIDTH_MAX 64

struct pool_writer pool_begin(struct expansion *expansion)
{
	return (struct pool_writer){expansion, expansion->buffer->pool_len};
}

bool pool_put(struct pool_writer *pool, const char *text, size_t len)
{
	struct template_buffer *buffer = pool->expansion->buffer;

	if (len > sizeof(buffer->pool) - buffer->pool_len)
		return expansion_fail(pool->expansion, "the text is too long");
	memcpy(buffer->pool + buffer->pool_len, text, len);
	buffer->pool_len += len;
	return true;
}

struct value pool_end(const struct pool_writer *pool)
{
	const struct template_buffer *buffer = pool->expansion->buffer;

	return (struct value){.kind = VALUE_STRING,
			      .text = buffer->pool + pool->start,
			      .len = buffer->pool_len - pool->start};
}

bool value_to_text(const struct value *value, char *buf, const char **text, size_t *len)
{
	switch (value->kind) {
	case VALUE_STRING:
		*text = value->text;
		*len = value->len;
		return true;
	case VALUE_NONE:
		*text = "<no value>";
		break;
	case VALUE_BOOL:
		*text = value->number ? "true" : "false";
		break;
	case VALUE_INT:
		snprintf(buf, 32, "%lld", (long long)value->number);
		*text = buf;
		break;
	case VALUE_UINT:
		snprintf(buf, 32, "%llu", (unsigned long long)value->number);
		*text = buf;
		break;
	case VALUE_MATCH:
	case VALUE_GROUP:
	case VALUE_ROOT:
		return false;
	}
	*len = strlen(*text);
	return true;
}

static bool put_value(struct pool_writer *pool, const struct value *value)
{
	char buf[32];
	const char *text;
	size_t len;

	if (!value_to_text(value, buf, &text, &len))
		return expansion_fail(pool->expansion,
				      ".Match, .Group and $ cannot be printed whole");
	return pool_put(pool, text, len);
}

/* Go's Sprint: a space between two that are both no strings. */
bool template_print(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	struct pool_writer pool = pool_begin(expansion);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && args[i].kind != VALUE_STRING && args[i - 1].kind != VALUE_STRING &&
		    !pool_put(&pool, " ", 1))
			return false;
		if (!put_value(&pool, &args[i]))
			return false;
	}
	*result = pool_end(&pool);
	return true;
}

/* ---- printf ---- */

/* %[-0+][WIDTH]VERB */
struct verb {
	bool is_left, is_zero, has_plus;
	size_t width;
	char verb;
};

/* At the character behind %; returns the one behind the verb, or NULL. */
static const char *read_verb(const char *p, const char *end, struct verb *verb)
{
	*verb = (struct verb){0};
	for (; p < end && (*p == '-' || *p == '0' || *p == '+'); p++) {
		verb->is_left |= *p == '-';
		verb->is_zero |= *p == '0';
		verb->has_plus |= *p == '+';
	}
	for (; p < end && *p >= '0' && *p <= '9' && verb->width <= WIDTH_MAX; p++)
		verb->width = verb->width * 10 + (size_t)(*p - '0');
	if (p == end || verb->width > WIDTH_MAX)
		return NULL;
	verb->verb = *p;
	return p + 1;
}

/* The number's digits, the last of buf[0..size) first; returns where they begin. */
static const char *digits_of(uint64_t value, unsigned base, bool is_upper, char *end)
{
	const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";

	do {
		*--end = digits[value % base];
		value /= base;
	} while (value > 0);
	return end;
}

/* `sign` and text, filled up to the verb's width. */
static bool put_padded(struct pool_writer *pool, const struct verb *verb, const char *sign,
		       const struct value *text)
{
	size_t len = strlen(sign) + text->len;
	size_t n = verb->width > len ? verb->width - len : 0;
	bool is_zero = verb->is_zero && !verb->is_left;

	if (is_zero && !pool_put(pool, sign, strlen(sign)))
		return false;
	for (size_t i = 0; i < n && !verb->is_left; i++) {
		if (!pool_put(pool, is_zero ? "0" : " ", 1))
			return false;
	}
	if (!is_zero && !pool_put(pool, sign, strlen(sign)))
		return false;
	if (!pool_put(pool, text->text, text->len))
		return false;
	for (size_t i = 0; i < n && verb->is_left; i++) {
		if (!pool_put(pool, " ", 1))
			return false;
	}
	return true;
}

static unsigned base_of(char verb)
{
	switch (verb) {
	case 'd':
	case 'v':
		return 10;
	case 'x':
	case 'X':
		return 16;
	case 'o':
		return 8;
	case 'b':
		return 2;
	default:
		return 0;
	}
}

static bool put_integer(struct pool_writer *pool, const struct verb *verb,
			const struct value *value)
{
	bool is_below = value->kind == VALUE_INT && value->number < 0;
	uint64_t size = is_below ? 0 - (uint64_t)value->number : (uint64_t)value->number;
	char buf[64], c = (char)size;
	struct value text = {.text = buf, .len = 1};

	if (verb->verb == 'c' && size < 0x80 && !is_below) {
		text.text = &c;
		return put_padded(pool, verb, "", &text);
	}
	if (base_of(verb->verb) == 0)
		return expansion_fail(pool->expansion, "printf: this verb is not for numbers");
	text.text = digits_of(size, base_of(verb->verb), verb->verb == 'X', buf + sizeof(buf));
	text.len = (size_t)(buf + sizeof(buf) - text.text);
	return put_padded(pool, verb, is_below ? "-" : verb->has_plus ? "+" : "", &text);
}

/* %x of a string: its octets. */
static bool put_hex(struct pool_writer *pool, const struct value *value)
{
	for (size_t i = 0; i < value->len; i++) {
		char buf[3];

		snprintf(buf, sizeof(buf), "%02x", (uint8_t)value->text[i]);
		if (!pool_put(pool, buf, 2))
			return false;
	}
	return true;
}

/* %q of a string that needs no escapes but of quotes. */
static bool put_quoted(struct pool_writer *pool, const struct value *value)
{
	bool is_put = pool_put(pool, "\"", 1);

	for (size_t i = 0; is_put && i < value->len; i++) {
		char c = value->text[i];

		if (c == '"' || c == '\\')
			is_put = pool_put(pool, "\\", 1);
		is_put = is_put && pool_put(pool, &c, 1);
	}
	return is_put && pool_put(pool, "\"", 1);
}

static bool put_verb(struct pool_writer *pool, const struct verb *verb, const struct value *value)
{
	struct value text = {.kind = VALUE_STRING};
	char buf[32];

	if (value->kind == VALUE_INT || value->kind == VALUE_UINT)
		return put_integer(pool, verb, value);
	if (value->kind == VALUE_STRING && verb->verb == 'x')
		return put_hex(pool, value);
	if (value->kind == VALUE_STRING && verb->verb == 'q')
		return put_quoted(pool, value);
	if (verb->verb != 'v' && verb->verb != (value->kind == VALUE_BOOL ? 't' : 's'))
		return expansion_fail(pool->expansion, "printf: this verb is not for such a value");
	if (!value_to_text(value, buf, &text.text, &text.len))
		return expansion_fail(pool->expansion,
				      ".Match, .Group and $ cannot be printed whole");
	return put_padded(pool, verb, "", &text);
}

bool template_printf(struct expansion *expansion, const struct value *args, size_t n,
		     struct value *result)
{
	struct pool_writer pool = pool_begin(expansion);
	const char *p, *end;
	size_t used = 1;

	if (args[0].kind != VALUE_STRING)
		return expansion_fail(expansion, "printf: the format is not a string");
	p = args[0].text;
	end = p + args[0].len;
	while (p < end) {
		const char *percent = memchr(p, '%', (size_t)(end - p));
		struct verb verb;

		if (!pool_put(&pool, p, (size_t)((percent ? percent : end) - p)))
			return false;
		if (!percent)
			break;
		p = read_verb(percent + 1, end, &verb);
		if (!p)
			return expansion_fail(expansion, "printf: a verb is broken");
		if (verb.verb == '%' ? !pool_put(&pool, "%", 1)
				     : used < n && !put_verb(&pool, &verb, &args[used]))
			return false;
		if (verb.verb != '%' && used++ >= n)
			return expansion_fail(expansion, "printf: there are too few arguments");
	}
	if (used != n)
		return expansion_fail(expansion, "printf: there are too many arguments");
	*result = pool_end(&pool);
	return true;
}
