/* SPDX-License-Identifier: Apache-2.0
 *
 * A template, expanded for one query. The happy path: each node's text is put behind what is there.
 * What may fail: a function's arguments, an index outside, a text longer than the buffer; then
 * nothing of it counts. No allocation; recursion is as deep as the template, which is bounded.
 */
#include <string.h>

#include "template_node.h"

static struct value string_of(const char *text, size_t len)
{
	return (struct value){.kind = VALUE_STRING, .text = text, .len = len};
}

static bool put(struct expansion *expansion, const char *text, size_t len)
{
	struct template_buffer *buffer = expansion->buffer;

	if (len > TEMPLATE_TEXT_MAX - buffer->len)
		return expansion_fail(expansion, "the text is too long");
	memcpy(buffer->text + buffer->len, text, len);
	buffer->len += len;
	return true;
}

struct value value_of_match(const struct template_data *data, size_t i)
{
	size_t start = data->match.start[i], end = data->match.end[i];

	if (!data->regex)
		return string_of(data->name, strlen(data->name));
	return start == SIZE_MAX ? string_of("", 0) : string_of(data->name + start, end - start);
}

static size_t n_groups(const struct template_data *data)
{
	return data->regex ? data->match.n : 1;
}

/* A group's number in decimal digits; SIZE_MAX when it is none. */
static size_t number_of(const char *key, size_t len)
{
	size_t number = 0;

	if (len == 0 || len > 2 || (len == 2 && key[0] == '0'))
		return SIZE_MAX;
	for (size_t i = 0; i < len; i++) {
		if (key[i] < '0' || key[i] > '9')
			return SIZE_MAX;
		number = number * 10 + (size_t)(key[i] - '0');
	}
	return number;
}

struct value value_of_group(const struct template_data *data, const char *key, size_t len)
{
	size_t i = data->regex ? regex_group(data->regex, key, len) : 0;

	if (i == 0)
		i = number_of(key, len);
	return i < n_groups(data) ? value_of_match(data, i) : (struct value){.kind = VALUE_NONE};
}

bool value_is_true(const struct value *value, const struct template_data *data)
{
	switch (value->kind) {
	case VALUE_NONE:
		return false;
	case VALUE_STRING:
		return value->len > 0;
	case VALUE_INT:
	case VALUE_UINT:
	case VALUE_BOOL:
		return value->number != 0;
	case VALUE_MATCH:
	case VALUE_GROUP:
		return n_groups(data) > 0;
	case VALUE_ROOT:
		break;
	}
	return true;
}

/* ---- values ---- */

static struct value field_value(const struct node *node, const struct template_data *data)
{
	switch (node->field) {
	case FIELD_ZONE:
		return string_of(data->zone, strlen(data->zone));
	case FIELD_NAME:
		return string_of(data->name, strlen(data->name));
	case FIELD_CLASS:
		return string_of(data->class, strlen(data->class));
	case FIELD_TYPE:
		return string_of(data->type, strlen(data->type));
	case FIELD_REMOTE:
		return string_of(data->remote, strlen(data->remote));
	case FIELD_QUESTION_NAME:
		return string_of(data->spelled, strlen(data->spelled));
	case FIELD_META:
		return string_of("", 0); /* there is no metadata here, as without that plugin */
	case FIELD_MATCH:
		return (struct value){.kind = VALUE_MATCH};
	case FIELD_GROUP:
		return node->text ? value_of_group(data, node->text, node->len)
				  : (struct value){.kind = VALUE_GROUP};
	case FIELD_QUESTION_QTYPE:
		return (struct value){.kind = VALUE_UINT, .number = data->qtype};
	case FIELD_QUESTION_QCLASS:
		return (struct value){.kind = VALUE_UINT, .number = data->qclass};
	case FIELD_MESSAGE_ID:
		return (struct value){.kind = VALUE_UINT, .number = data->id};
	case FIELD_MESSAGE_RD:
		break;
	}
	return (struct value){.kind = VALUE_BOOL, .number = (data->flags & DNS_FLAG_RD) != 0};
}

static bool eval_pipe(struct expansion *expansion, const struct node *pipe, struct value *result);

static bool eval_operand(struct expansion *expansion, const struct node *node, struct value *result)
{
	switch (node->kind) {
	case NODE_PIPE:
		return eval_pipe(expansion, node, result);
	case NODE_FIELD:
		if (node->number == 0 && expansion->dot.kind != VALUE_ROOT)
			return expansion_fail(expansion, "inside of \"with\" a field of the query "
							 "needs a $ before it");
		*result = field_value(node, expansion->data);
		return true;
	case NODE_DOT:
		*result = expansion->dot;
		return true;
	case NODE_ROOT:
		*result = (struct value){.kind = VALUE_ROOT};
		return true;
	case NODE_STRING:
		*result = string_of(node->text, node->len);
		return true;
	case NODE_NUMBER:
		*result = (struct value){.kind = VALUE_INT, .number = node->number};
		return true;
	case NODE_BOOL:
		*result = (struct value){.kind = VALUE_BOOL, .number = node->number};
		return true;
	case NODE_TEXT:
	case NODE_ACTION:
	case NODE_IF:
	case NODE_WITH:
	case NODE_COMMAND:
	case NODE_FUNCTION:
		break;
	}
	return expansion_fail(expansion, "a function has to stand first");
}

static bool call(struct expansion *expansion, const struct node *command, const struct value *piped,
		 struct value *result)
{
	const struct template_function *function = template_function(command->first->number);
	struct value args[TEMPLATE_ARGS_MAX];
	size_t n = 0;

	for (const struct node *node = command->first->next; node; node = node->next) {
		if (!eval_operand(expansion, node, &args[n]))
			return false;
		n++;
		/* `and` and `or` are their first argument that decides. */
		if (function->order != FUNCTION_PLAIN &&
		    value_is_true(&args[n - 1], expansion->data) ==
			    (function->order == FUNCTION_OR)) {
			*result = args[n - 1];
			return true;
		}
	}
	if (piped)
		args[n++] = *piped;
	return function->call(expansion, args, n, result);
}

static bool eval_command(struct expansion *expansion, const struct node *command,
			 const struct value *piped, struct value *result)
{
	struct value ignored;

	if (command->first->kind == NODE_FUNCTION)
		return call(expansion, command, piped, result);
	for (const struct node *node = command->first->next; node; node = node->next) {
		if (!eval_operand(expansion, node, &ignored))
			return false;
	}
	return eval_operand(expansion, command->first, result);
}

static bool eval_pipe(struct expansion *expansion, const struct node *pipe, struct value *result)
{
	struct value value;
	bool is_first = true;

	for (const struct node *node = pipe->first; node; node = node->next) {
		struct value next = {.kind = VALUE_NONE};

		if (!eval_command(expansion, node, is_first ? NULL : &value, &next))
			return false;
		value = next;
		is_first = false;
	}
	*result = is_first ? (struct value){.kind = VALUE_NONE} : value;
	return true;
}

/* ---- nodes ---- */

static bool put_value(struct expansion *expansion, const struct value *value)
{
	char buf[32];
	const char *text;
	size_t len;

	if (!value_to_text(value, buf, &text, &len))
		return expansion_fail(expansion, ".Match, .Group and $ cannot be printed whole");
	return put(expansion, text, len);
}

static bool run_list(struct expansion *expansion, const struct node *list);

static bool run_branch(struct expansion *expansion, const struct node *node)
{
	struct value dot = expansion->dot, value;
	bool is_true, is_run;

	if (!eval_pipe(expansion, node->first, &value))
		return false;
	is_true = value_is_true(&value, expansion->data);
	if (is_true && node->kind == NODE_WITH)
		expansion->dot = value;
	is_run = run_list(expansion, is_true ? node->body : node->other);
	expansion->dot = dot;
	return is_run;
}

static bool run_list(struct expansion *expansion, const struct node *list)
{
	for (const struct node *node = list; node; node = node->next) {
		struct value value;
		bool is_run;

		if (node->kind == NODE_TEXT)
			is_run = put(expansion, node->text, node->len);
		else if (node->kind == NODE_ACTION)
			is_run = eval_pipe(expansion, node->first, &value) &&
				 put_value(expansion, &value);
		else
			is_run = run_branch(expansion, node);
		if (!is_run)
			return false;
	}
	return true;
}

const char *template_text_expand(const struct template_text *text, const struct template_data *data,
				 struct template_buffer *buffer)
{
	struct expansion expansion = {.data = data, .buffer = buffer, .dot = {.kind = VALUE_ROOT}};

	buffer->len = buffer->pool_len = 0;
	run_list(&expansion, text->nodes);
	buffer->text[buffer->len] = '\0';
	return expansion.why;
}

/* ---- what a template is made of ---- */

bool template_text_is_constant(const struct template_text *text)
{
	for (const struct node *node = text->nodes; node; node = node->next) {
		if (node->kind != NODE_TEXT)
			return false;
	}
	return true;
}

bool template_text_has_branches(const struct template_text *text)
{
	return text->has_branches;
}

static bool has_group(const struct node *key, const struct regex *const *matches, size_t n_matches)
{
	size_t number = number_of(key->text, key->len);

	for (size_t i = 0; i < n_matches; i++) {
		if (regex_group(matches[i], key->text, key->len) > 0 ||
		    number < regex_groups(matches[i]))
			return true;
	}
	return n_matches == 0 && number == 0;
}

const char *template_text_lacks(const struct template_text *text,
				const struct regex *const *matches, size_t n_matches)
{
	for (const struct node *key = text->keys; key; key = key->next_key) {
		if (!has_group(key, matches, n_matches))
			return key->text;
	}
	return NULL;
}
