/* SPDX-License-Identifier: Apache-2.0
 *
 * Go's text/template, the part of it that records need, as a tree. The happy path: text up to "{{",
 * an action up to "}}", and so on; `if` and `with` take what follows up to their `end`. The first
 * thing that is wrong ends it, with its place. Main thread.
 */
#include <errno.h>
#include <string.h>

#include "template_node.h"

struct parser {
	struct arena *arena;
	struct text *why;
	const char *source;
	size_t at, len;
	unsigned depth;
	bool is_failed;
	bool trims_next; /* the last action ended with " -}}" */
	struct template_text *text;
	struct node **last_key;
};

/* Says what is wrong at `at`; NULL. */
static void *fail(struct parser *parser, size_t at, const char *what)
{
	if (!parser->is_failed)
		text_printf(parser->why, "%s, at character %zu", what, at + 1);
	parser->is_failed = true;
	return NULL;
}

static struct node *new_node(struct parser *parser, enum node_kind kind)
{
	struct node *node = arena_alloc(parser->arena, sizeof(*node));

	node->kind = kind;
	return node;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_at(const struct parser *parser, const char *what)
{
	size_t n = strlen(what);

	return parser->len - parser->at >= n && memcmp(parser->source + parser->at, what, n) == 0;
}

static void skip_space(struct parser *parser)
{
	while (parser->at < parser->len && is_space(parser->source[parser->at]))
		parser->at++;
}

static bool is_at_close(const struct parser *parser)
{
	return is_at(parser, "}}") ||
	       (is_at(parser, "-}}") && parser->at > 0 && is_space(parser->source[parser->at - 1]));
}

/* Over the action's end. */
static bool close_action(struct parser *parser)
{
	skip_space(parser);
	if (!is_at_close(parser)) {
		fail(parser, parser->at,
		     parser->at < parser->len ? "\"}}\" is expected" : "this action is not closed");
		return false;
	}
	parser->trims_next = parser->source[parser->at] == '-';
	parser->at += parser->trims_next ? 3 : 2;
	return true;
}

/* ---- operands ---- */

static const struct {
	const char *name;
	enum template_field field;
} fields[] = {
	{"Zone", FIELD_ZONE},
	{"Name", FIELD_NAME},
	{"Class", FIELD_CLASS},
	{"Type", FIELD_TYPE},
	{"Remote", FIELD_REMOTE},
	{"Match", FIELD_MATCH},
	{"Group", FIELD_GROUP},
	{"Meta", FIELD_META},
	{"Question.Name", FIELD_QUESTION_NAME},
	{"Question.Qtype", FIELD_QUESTION_QTYPE},
	{"Question.Qclass", FIELD_QUESTION_QCLASS},
	{"Message.Id", FIELD_MESSAGE_ID},
	{"Message.RecursionDesired", FIELD_MESSAGE_RD},
};

static struct node *refuse_field(struct parser *parser, size_t at, size_t len)
{
	struct text what = {0};

	text_printf(&what, "there is no field \".%.*s\"; there are", (int)len,
		    parser->source + at + 1);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		text_printf(&what, "%s .%s", i > 0 ? "," : "", fields[i].name);
	fail(parser, at, what.bytes);
	text_fini(&what);
	return NULL;
}

/* .Group.KEY */
static struct node *add_key(struct parser *parser, struct node *node, const char *key, size_t len)
{
	node->text = arena_strndup(parser->arena, key, len);
	node->len = len;
	*parser->last_key = node;
	parser->last_key = &node->next_key;
	return node;
}

/* At the dot of ".Name.Name"; `root` is NODE_FIELD's number. */
static struct node *parse_field(struct parser *parser, int64_t root)
{
	size_t from = parser->at, end = from + 1;
	const char *name = parser->source + from + 1;
	struct node *node = new_node(parser, NODE_FIELD);
	size_t len;

	while (end < parser->len && (is_word(parser->source[end]) || parser->source[end] == '.'))
		end++;
	len = end - from - 1;
	parser->at = end;
	node->number = root;
	if (len > 6 && memcmp(name, "Group.", 6) == 0 && !memchr(name + 6, '.', len - 6)) {
		node->field = FIELD_GROUP;
		return add_key(parser, node, name + 6, len - 6);
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0) {
			node->field = fields[i].field;
			return node;
		}
	}
	return refuse_field(parser, from, len);
}

/* The character behind a backslash in quotes; -1: not offered. */
static int unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '"':
	case '\\':
		return c;
	default:
		return -1;
	}
}

/* "..." */
static struct node *parse_quoted(struct parser *parser)
{
	struct node *node = new_node(parser, NODE_STRING);
	size_t from = parser->at++;
	char *text = arena_alloc(parser->arena, parser->len - from);

	for (; parser->at < parser->len && parser->source[parser->at] != '"'; parser->at++) {
		int c = (uint8_t)parser->source[parser->at];

		if (c == '\\' && parser->at + 1 < parser->len) {
			c = unescape(parser->source[++parser->at]);
			if (c < 0)
				return fail(parser, parser->at - 1,
					    "only \\\", \\\\, \\n, \\r and \\t are offered");
		}
		text[node->len++] = (char)c;
	}
	if (parser->at >= parser->len)
		return fail(parser, from, "this quote is not closed");
	parser->at++;
	node->text = text;
	return node;
}

/* `...` */
static struct node *parse_raw(struct parser *parser)
{
	struct node *node = new_node(parser, NODE_STRING);
	size_t from = ++parser->at;
	const char *end = memchr(parser->source + from, '`', parser->len - from);

	if (!end)
		return fail(parser, from - 1, "this quote is not closed");
	node->text = parser->source + from;
	node->len = (size_t)(end - node->text);
	parser->at += node->len + 1;
	return node;
}

static struct node *parse_number(struct parser *parser)
{
	struct node *node = new_node(parser, NODE_NUMBER);
	size_t from = parser->at, end = from + 1;
	char text[24] = "", *rest;

	while (end < parser->len && is_word(parser->source[end]))
		end++;
	if (end - from < sizeof(text))
		memcpy(text, parser->source + from, end - from);
	errno = 0;
	node->number = strtoll(text, &rest, 0);
	if (text[0] == '\0' || *rest || errno != 0)
		return fail(parser, from, "this is not a number");
	parser->at = end;
	return node;
}

static struct node *refuse_function(struct parser *parser, size_t from)
{
	struct text what = {0};

	text_printf(&what, "there is no function \"%.*s\"; there are ", (int)(parser->at - from),
		    parser->source + from);
	template_functions_list(&what);
	fail(parser, from, what.bytes);
	text_fini(&what);
	return NULL;
}

/* A function, true or false. */
static struct node *parse_word(struct parser *parser)
{
	size_t from = parser->at;
	const char *word = parser->source + from;
	struct node *node;
	size_t len;

	while (parser->at < parser->len && is_word(parser->source[parser->at]))
		parser->at++;
	len = parser->at - from;
	if ((len == 4 && memcmp(word, "true", 4) == 0) ||
	    (len == 5 && memcmp(word, "false", 5) == 0)) {
		node = new_node(parser, NODE_BOOL);
		node->number = len == 4;
		return node;
	}
	node = new_node(parser, NODE_FUNCTION);
	node->number = template_function_find(word, len);
	return node->number < 0 ? refuse_function(parser, from) : node;
}

static struct node *parse_pipe(struct parser *parser);

static struct node *parse_group(struct parser *parser)
{
	size_t from = parser->at++;
	struct node *pipe = parse_pipe(parser);

	if (!pipe)
		return NULL;
	skip_space(parser);
	if (!is_at(parser, ")"))
		return fail(parser, from, "this parenthesis is not closed");
	parser->at++;
	return pipe;
}

/* $ and $.Field */
static struct node *parse_root(struct parser *parser)
{
	parser->at++;
	if (parser->at < parser->len && is_word(parser->source[parser->at]))
		return fail(parser, parser->at - 1, "variables are not offered");
	if (is_at(parser, "."))
		return parse_field(parser, 1);
	return new_node(parser, NODE_ROOT);
}

static struct node *parse_operand(struct parser *parser)
{
	char c = parser->source[parser->at];
	char behind = parser->at + 1 < parser->len ? parser->source[parser->at + 1] : ' ';

	if (c == '(')
		return parse_group(parser);
	if (c == '"')
		return parse_quoted(parser);
	if (c == '`')
		return parse_raw(parser);
	if (c == '$')
		return parse_root(parser);
	if (c == '.' && is_word(behind))
		return parse_field(parser, 0);
	if (c == '.') {
		parser->at++;
		return new_node(parser, NODE_DOT);
	}
	if ((c >= '0' && c <= '9') || ((c == '-' || c == '+') && behind >= '0' && behind <= '9'))
		return parse_number(parser);
	if (is_word(c))
		return parse_word(parser);
	return fail(parser, parser->at, "this is not offered here");
}

/* ---- pipelines ---- */

static bool ends_command(const struct parser *parser)
{
	return parser->at >= parser->len || is_at(parser, "|") || is_at(parser, ")") ||
	       is_at_close(parser);
}

/* Does the command take the arguments that it has, and one more where it is piped to? */
static bool check_command(struct parser *parser, const struct node *command, bool is_piped,
			  size_t from)
{
	const struct node *first = command->first;
	size_t n = is_piped;

	for (const struct node *node = first->next; node; node = node->next)
		n++;
	if (first->kind == NODE_FUNCTION) {
		const struct template_function *function = template_function(first->number);

		if (n >= function->min && n <= function->max)
			return true;
		fail(parser, from, "this function has too many or too few arguments");
		return false;
	}
	if (first->kind == NODE_FIELD && first->field == FIELD_META) {
		if (n == 1)
			return true;
		fail(parser, from, "\".Meta\" takes one argument");
		return false;
	}
	if (n > 0)
		fail(parser, from, "only functions take arguments");
	return n == 0;
}

static struct node *parse_command(struct parser *parser, bool is_piped)
{
	struct node *command = new_node(parser, NODE_COMMAND);
	struct node **last = &command->first;
	size_t from;

	skip_space(parser);
	from = parser->at;
	while (!ends_command(parser)) {
		size_t start = parser->at;

		*last = parse_operand(parser);
		if (!*last)
			return NULL;
		last = &(*last)->next;
		if (!ends_command(parser) && !is_space(parser->source[parser->at]))
			return fail(parser, start, "this is not offered here");
		skip_space(parser);
	}
	if (!command->first)
		return fail(parser, from, "a value is missing here");
	return check_command(parser, command, is_piped, from) ? command : NULL;
}

static struct node *parse_pipe(struct parser *parser)
{
	struct node *pipe = new_node(parser, NODE_PIPE);
	struct node **last = &pipe->first;

	if (++parser->depth > TEMPLATE_DEPTH_MAX)
		return fail(parser, parser->at, "this nests too deep");
	do {
		*last = parse_command(parser, pipe->first != NULL);
		if (!*last)
			return NULL;
		last = &(*last)->next;
	} while (is_at(parser, "|") && parser->at++ < parser->len);
	parser->depth--;
	return pipe;
}

/* ---- actions ---- */

enum list_end { LIST_END, LIST_ELSE, LIST_ELSE_IF, LIST_ELSE_WITH, LIST_SOURCE };

static enum list_end parse_list(struct parser *parser, struct node **list);

static bool take_keyword(struct parser *parser, const char *word)
{
	size_t end = parser->at + strlen(word);

	if (!is_at(parser, word) || (end < parser->len && is_word(parser->source[end])))
		return false;
	parser->at = end;
	return true;
}

/* Behind `if` or `with`, up to its end. */
static struct node *parse_branch(struct parser *parser, enum node_kind kind, size_t from)
{
	struct node *node = new_node(parser, kind);
	enum list_end end;

	parser->text->has_branches = true;
	node->first = parse_pipe(parser);
	if (!node->first || !close_action(parser))
		return NULL;
	if (++parser->depth > TEMPLATE_DEPTH_MAX)
		return fail(parser, from, "this nests too deep");
	end = parse_list(parser, &node->body);
	if (end == LIST_ELSE)
		end = parse_list(parser, &node->other) == LIST_END ? LIST_END : LIST_SOURCE;
	else if (end == LIST_ELSE_IF || end == LIST_ELSE_WITH)
		node->other = parse_branch(parser, end == LIST_ELSE_IF ? NODE_IF : NODE_WITH, from);
	if (end == LIST_SOURCE)
		return fail(parser, from, "an \"end\" is missing for this");
	parser->depth--;
	return parser->is_failed ? NULL : node;
}

static bool is_refused(struct parser *parser)
{
	static const char *const words[] = {"range", "template", "define",
					    "block", "break",	 "continue"};
	size_t at = parser->at;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (take_keyword(parser, words[i])) {
			fail(parser, at, "range, define, template and block are not offered");
			return true;
		}
	}
	return false;
}

/* Behind "{{" and its space: an action, or NULL; *end says when it ends the list. */
static struct node *parse_action(struct parser *parser, enum list_end *end)
{
	size_t from = parser->at;
	struct node *node;

	if (take_keyword(parser, "end")) {
		*end = LIST_END;
		return close_action(parser), NULL;
	}
	if (take_keyword(parser, "else")) {
		skip_space(parser);
		if (take_keyword(parser, "if"))
			*end = LIST_ELSE_IF;
		else if (take_keyword(parser, "with"))
			*end = LIST_ELSE_WITH;
		else
			*end = close_action(parser) ? LIST_ELSE : LIST_SOURCE;
		return NULL;
	}
	if (take_keyword(parser, "if"))
		return parse_branch(parser, NODE_IF, from);
	if (take_keyword(parser, "with"))
		return parse_branch(parser, NODE_WITH, from);
	if (is_refused(parser))
		return NULL;
	node = new_node(parser, NODE_ACTION);
	node->first = parse_pipe(parser);
	return node->first && close_action(parser) ? node : NULL;
}

/* Over a comment's end. */
static void skip_comment(struct parser *parser)
{
	size_t from = parser->at;
	const char *end = memmem(parser->source + from, parser->len - from, "*/", 2);

	if (!end) {
		fail(parser, from, "this comment is not closed");
		return;
	}
	parser->at = (size_t)(end - parser->source) + 2;
	close_action(parser);
}

/* The text up to the next "{{" or the end, without what the markers trim: *node is NULL when it is
 * empty. Is there an action? The parser stands behind its "{{" and marker then. */
static bool parse_text(struct parser *parser, struct node **node)
{
	struct node *text = new_node(parser, NODE_TEXT);
	const char *open;
	size_t end;

	if (parser->trims_next)
		skip_space(parser);
	parser->trims_next = false;
	open = memmem(parser->source + parser->at, parser->len - parser->at, "{{", 2);
	end = open ? (size_t)(open - parser->source) : parser->len;
	text->text = parser->source + parser->at;
	text->len = end - parser->at;
	parser->at = open ? end + 2 : end;
	if (open && is_at(parser, "-") && parser->at + 1 < parser->len &&
	    is_space(parser->source[parser->at + 1])) {
		parser->at++;
		while (text->len > 0 && is_space(text->text[text->len - 1]))
			text->len--;
	}
	*node = text->len > 0 ? text : NULL;
	return open != NULL;
}

/* Text and actions up to what ends them. */
static enum list_end parse_list(struct parser *parser, struct node **list)
{
	struct node **last = list;

	while (!parser->is_failed) {
		enum list_end end = LIST_SOURCE;
		bool has_action = parse_text(parser, last);

		if (*last)
			last = &(*last)->next;
		if (!has_action)
			break;
		skip_space(parser);
		if (is_at(parser, "/*")) {
			skip_comment(parser);
			continue;
		}
		*last = parse_action(parser, &end);
		if (!*last)
			return end;
		last = &(*last)->next;
	}
	return LIST_SOURCE;
}

int template_text_compile(const struct template_text **text, struct arena *arena,
			  const char *source, struct text *why)
{
	struct template_text *made = arena_alloc(arena, sizeof(*made));
	struct parser parser = {.arena = arena, .why = why, .text = made, .last_key = &made->keys};
	enum list_end end;

	parser.len = strlen(source);
	if (parser.len > TEMPLATE_SOURCE_MAX) {
		text_printf(why, "longer than %d characters", TEMPLATE_SOURCE_MAX);
		return -EINVAL;
	}
	parser.source = arena_strndup(arena, source, parser.len);
	end = parse_list(&parser, &made->nodes);
	if (end != LIST_SOURCE)
		fail(&parser, parser.at, "there is no \"if\" or \"with\" that this could end");
	if (parser.is_failed)
		return -EINVAL;
	*text = made;
	return 0;
}
