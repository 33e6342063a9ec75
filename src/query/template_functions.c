/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of templates: those of Go that make sense for records, and CoreDNS's parseInt.
 * What Go refuses at run time is refused here, too: an index outside, types that do not compare.
 */
#include <string.h>

#include "template_node.h"

static bool give_bool(struct value *result, bool is_true)
{
	*result = (struct value){.kind = VALUE_BOOL, .number = is_true};
	return true;
}

/* None of the arguments decided before. */
static bool call_last(struct expansion *expansion, const struct value *args, size_t n,
		      struct value *result)
{
	*result = args[n - 1];
	return true;
}

static bool call_not(struct expansion *expansion, const struct value *args, size_t n,
		     struct value *result)
{
	return give_bool(result, !value_is_true(&args[0], expansion->data));
}

static bool is_integer(const struct value *value)
{
	return value->kind == VALUE_INT || value->kind == VALUE_UINT;
}

/* <0, 0, >0; a negative number is less than any that has no sign. */
static int compare_integers(const struct value *a, const struct value *b)
{
	bool a_is_below = a->kind == VALUE_INT && a->number < 0;
	bool b_is_below = b->kind == VALUE_INT && b->number < 0;

	if (a_is_below != b_is_below)
		return a_is_below ? -1 : 1;
	if ((uint64_t)a->number == (uint64_t)b->number)
		return 0;
	return (uint64_t)a->number < (uint64_t)b->number ? -1 : 1;
}

static bool compare(struct expansion *expansion, const struct value *a, const struct value *b,
		    int *order)
{
	if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
		*order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
		if (*order == 0)
			*order = a->len < b->len ? -1 : a->len > b->len;
		return true;
	}
	if (is_integer(a) && is_integer(b)) {
		*order = compare_integers(a, b);
		return true;
	}
	if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
		*order = a->number != b->number;
		return true;
	}
	return expansion_fail(expansion, "values of different types cannot be compared");
}

/* Is the first equal to one of the others? */
static bool call_eq(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	for (size_t i = 1; i < n; i++) {
		if (!compare(expansion, &args[0], &args[i], &order))
			return false;
		if (order == 0)
			return give_bool(result, true);
	}
	return give_bool(result, false);
}

static bool call_ne(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	return compare(expansion, &args[0], &args[1], &order) && give_bool(result, order != 0);
}

static bool order_of(struct expansion *expansion, const struct value *args, int *order)
{
	if (args[0].kind == VALUE_BOOL)
		return expansion_fail(expansion, "true and false have no order");
	return compare(expansion, &args[0], &args[1], order);
}

static bool call_lt(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	return order_of(expansion, args, &order) && give_bool(result, order < 0);
}

static bool call_le(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	return order_of(expansion, args, &order) && give_bool(result, order <= 0);
}

static bool call_gt(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	return order_of(expansion, args, &order) && give_bool(result, order > 0);
}

static bool call_ge(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result)
{
	int order;

	return order_of(expansion, args, &order) && give_bool(result, order >= 0);
}

/* .Match by a number, .Group by a name; a string by a number is its octet, as in Go. */
static bool call_index(struct expansion *expansion, const struct value *args, size_t n,
		       struct value *result)
{
	const struct template_data *data = expansion->data;
	const struct value *of = &args[0], *at = &args[1];

	if (of->kind == VALUE_GROUP && at->kind == VALUE_STRING) {
		*result = value_of_group(data, at->text, at->len);
		if (result->kind == VALUE_NONE)
			*result = (struct value){.kind = VALUE_STRING, .text = ""};
		return true;
	}
	if (!is_integer(at) || (of->kind != VALUE_MATCH && of->kind != VALUE_STRING))
		return expansion_fail(expansion, "index: .Match takes a number, .Group a string");
	if (at->number < 0 || (uint64_t)at->number >= (of->kind == VALUE_STRING ? of->len
						       : data->regex		? data->match.n
										: 1))
		return expansion_fail(expansion, "index: out of range");
	if (of->kind == VALUE_MATCH)
		*result = value_of_match(data, (size_t)at->number);
	else
		*result =
			(struct value){.kind = VALUE_UINT, .number = (uint8_t)of->text[at->number]};
	return true;
}

static bool call_len(struct expansion *expansion, const struct value *args, size_t n,
		     struct value *result)
{
	const struct template_data *data = expansion->data;

	*result = (struct value){.kind = VALUE_INT};
	if (args[0].kind == VALUE_STRING)
		result->number = (int64_t)args[0].len;
	else if (args[0].kind == VALUE_MATCH)
		result->number = data->regex ? (int64_t)data->match.n : 1;
	else
		return expansion_fail(expansion, "len: of a string or .Match alone");
	return true;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
}

/* The base that a prefix 0b, 0o, 0x or 0 says, behind which *at is moved. */
static unsigned base_of(const struct value *text, size_t *at)
{
	char mark;

	if (text->len < 2 || text->text[0] != '0')
		return 10;
	mark = (char)(text->text[1] | 0x20);
	*at = 2;
	if (mark == 'x')
		return 16;
	if (mark == 'b')
		return 2;
	*at = mark == 'o' ? 2 : 1;
	return 8;
}

/* Of Go's strconv.ParseUint: text, base, bits. */
static bool call_parse_int(struct expansion *expansion, const struct value *args, size_t n,
			   struct value *result)
{
	const struct value *text = &args[0];
	uint64_t value = 0, most;
	unsigned base, bits;
	size_t at = 0;

	if (text->kind != VALUE_STRING || !is_integer(&args[1]) || !is_integer(&args[2]))
		return expansion_fail(expansion, "parseInt: takes a string, a base and bits");
	if (args[1].number < 0 || args[1].number > 36 || args[1].number == 1 ||
	    args[2].number < 0 || args[2].number > 64)
		return expansion_fail(expansion, "parseInt: there is no such base or size");
	base = args[1].number > 0 ? (unsigned)args[1].number : base_of(text, &at);
	bits = args[2].number > 0 ? (unsigned)args[2].number : 64;
	most = UINT64_MAX >> (64 - bits);
	if (at >= text->len)
		return expansion_fail(expansion, "parseInt: the text is not a number");
	for (; at < text->len; at++) {
		unsigned digit = digit_of(text->text[at]);

		if (digit >= base)
			return expansion_fail(expansion, "parseInt: the text is not a number");
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value) || value > most)
			return expansion_fail(expansion, "parseInt: the number has too many bits");
	}
	*result = (struct value){.kind = VALUE_UINT, .number = (int64_t)value};
	return true;
}

static const struct template_function functions[] = {
	{"and", FUNCTION_AND, 1, TEMPLATE_ARGS_MAX, call_last},
	{"or", FUNCTION_OR, 1, TEMPLATE_ARGS_MAX, call_last},
	{"not", FUNCTION_PLAIN, 1, 1, call_not},
	{"eq", FUNCTION_PLAIN, 2, TEMPLATE_ARGS_MAX, call_eq},
	{"ne", FUNCTION_PLAIN, 2, 2, call_ne},
	{"lt", FUNCTION_PLAIN, 2, 2, call_lt},
	{"le", FUNCTION_PLAIN, 2, 2, call_le},
	{"gt", FUNCTION_PLAIN, 2, 2, call_gt},
	{"ge", FUNCTION_PLAIN, 2, 2, call_ge},
	{"index", FUNCTION_PLAIN, 2, 2, call_index},
	{"len", FUNCTION_PLAIN, 1, 1, call_len},
	{"print", FUNCTION_PLAIN, 1, TEMPLATE_ARGS_MAX, template_print},
	{"printf", FUNCTION_PLAIN, 1, TEMPLATE_ARGS_MAX, template_printf},
	{"parseInt", FUNCTION_PLAIN, 3, 3, call_parse_int},
};

int template_function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return (int)i;
	}
	return -1;
}

const struct template_function *template_function(int64_t number)
{
	CHECK(number >= 0 && (size_t)number < ARRAY_LEN(functions));
	return &functions[number];
}

void template_functions_list(struct text *text)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		text_printf(text, "%s%s", i > 0 ? ", " : "", functions[i].name);
}
