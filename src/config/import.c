/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies tokens from each file to one list, following imports as it meets them and putting snippets
 * aside.
 */
#include "import.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/array.h"
#include "config/machine.h"
#include "problem.h"

struct snippet {
	const char *name;
	const struct token *tokens; /* borrowed from the arena: those between the braces */
	size_t n;
};

struct importer {
	struct lexer lexer;
	struct tokens *out; /* borrowed */
	ARRAY(struct snippet) snippets;
	const char *stack[IMPORT_DEPTH_MAX]; /* files and snippets that are being copied, the
						outermost first */
	size_t n_stack;
	size_t n_imports;
	size_t n_braces;	/* open in out */
	const struct token *at; /* the import that is being followed; NULL for the first file */
	bool is_full;		/* a limit was reached: copy no more */
};

static void copy_tokens(struct importer *importer, const struct token *tokens, size_t n);

/* Copies tokens that come from `name`, unless that is being copied already. */
static void copy_from(struct importer *importer, const char *name, const struct token *tokens,
		      size_t n)
{
	CHECK(importer->n_stack < IMPORT_DEPTH_MAX);
	importer->stack[importer->n_stack++] = name;
	copy_tokens(importer, tokens, n);
	importer->n_stack--;
}

/* Can `name` be entered from where the import stands? */
static bool check_stack(struct importer *importer, const char *name)
{
	for (size_t i = 0; i < importer->n_stack; i++) {
		if (strcmp(importer->stack[i], name) == 0) {
			problem_at(importer->lexer.problems, importer->at,
				   "import cycle: \"%s\" imports itself", name);
			return false;
		}
	}
	if (importer->n_stack == IMPORT_DEPTH_MAX)
		problem_at(importer->lexer.problems, importer->at, "imports nest deeper than %d",
			   IMPORT_DEPTH_MAX);
	return importer->n_stack < IMPORT_DEPTH_MAX;
}

static void tell_unreadable(struct importer *importer, const char *path, int err)
{
	const char *why = err == -EFBIG ? "larger than 1 MiB" : strerror(-err);

	if (importer->at)
		problem_at(importer->lexer.problems, importer->at, "cannot import \"%s\": %s", path,
			   why);
	else
		problem_with_file(importer->lexer.problems, path, "cannot be read: %s", why);
}

/* Has every brace of a file its other half in that file? */
static bool check_braces(struct importer *importer, const struct tokens *tokens)
{
	ARRAY(const struct token *) open = {0};
	size_t n_problems = importer->lexer.problems->n;

	for (size_t i = 0; i < tokens->len; i++) {
		const struct token *token = &tokens->items[i];

		if (token_is(token, '{'))
			ARRAY_PUSH(&open, token);
		else if (token_is(token, '}') && open.len > 0)
			open.len--;
		else if (token_is(token, '}'))
			problem_at(importer->lexer.problems, token, "this \"}\" closes nothing");
	}
	for (size_t i = 0; i < open.len; i++)
		problem_at(importer->lexer.problems, open.items[i], "this \"{\" is never closed");
	ARRAY_FINI(&open);
	return importer->lexer.problems->n == n_problems;
}

/* The path without "." steps and doubled slashes, so that a file has one name in a cycle. ".."
 * stays: what it means depends on links. */
static const char *path_name(struct importer *importer, const char *path)
{
	char *name = arena_strndup(importer->lexer.arena, path, strlen(path));
	char *end = name;

	for (const char *c = path; *c;) {
		bool is_step = c == path || c[-1] == '/';

		if (is_step && c[0] == '.' && c[1] == '/')
			c += 2;
		else if (is_step && c[0] == '/' && c != path)
			c++;
		else
			*end++ = *c++;
	}
	*end = '\0';
	return name;
}

static void copy_file(struct importer *importer, const char *path)
{
	struct text content = {0};
	struct tokens tokens = {0};
	const char *name = path_name(importer, path);
	const struct config_machine *machine = importer->lexer.machine;

	if (!check_stack(importer, name))
		return;

	int err = machine->read(machine->arg, path, &content);

	if (err == 0) {
		lexer_read(&importer->lexer, name, content.bytes, content.len, &tokens);
		/* An imported file without balance would spoil the rest. */
		if (check_braces(importer, &tokens) || !importer->at)
			copy_from(importer, name, tokens.items, tokens.len);
	} else {
		tell_unreadable(importer, path, err);
	}
	ARRAY_FINI(&tokens);
	text_fini(&content);
}

struct matches {
	struct importer *importer;
	size_t n;
};

static bool on_match(void *arg, const char *path)
{
	struct matches *matches = arg;
	struct importer *importer = matches->importer;

	matches->n++;
	if (++importer->n_imports > IMPORTS_MAX) {
		problem_at(importer->lexer.problems, importer->at, "more than %d imports",
			   IMPORTS_MAX);
		importer->is_full = true;
		return false;
	}
	copy_file(importer, path);
	return !importer->is_full;
}

/* The pattern as seen from the working directory. */
static const char *pattern_path(struct importer *importer, const struct token *pattern)
{
	const char *slash = strrchr(pattern->file, '/');

	if (pattern->text[0] == '/' || !slash)
		return pattern->text;
	return arena_printf(importer->lexer.arena, "%.*s%s", (int)(slash + 1 - pattern->file),
			    pattern->file, pattern->text);
}

static size_t count_char(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static void import_files(struct importer *importer, const struct token *pattern)
{
	const struct config_machine *machine = importer->lexer.machine;
	struct matches matches = {.importer = importer};
	const char *path = pattern_path(importer, pattern);

	if (!strpbrk(pattern->text, "*?[")) {
		on_match(&matches, path);
		return;
	}
	if (count_char(pattern->text, '*') + count_char(pattern->text, '?') > 2 ||
	    strlen(pattern->text) > 1000) {
		problem_at(importer->lexer.problems, pattern,
			   "\"%s\" has too many wildcards: at most two are allowed", pattern->text);
		return;
	}

	int err = machine->list(machine->arg, path, on_match, &matches);

	if (err != 0)
		problem_at(importer->lexer.problems, pattern, "cannot import \"%s\": %s",
			   pattern->text, strerror(-err));
}

static const struct snippet *find_snippet(const struct importer *importer, const char *name)
{
	for (size_t i = 0; i < importer->snippets.len; i++) {
		if (strcmp(importer->snippets.items[i].name, name) == 0)
			return &importer->snippets.items[i];
	}
	return NULL;
}

static void import_snippet(struct importer *importer, const struct snippet *snippet)
{
	const char *name = arena_printf(importer->lexer.arena, "(%s)", snippet->name);

	if (++importer->n_imports > IMPORTS_MAX) {
		problem_at(importer->lexer.problems, importer->at, "more than %d imports",
			   IMPORTS_MAX);
		importer->is_full = true;
		return;
	}
	if (!check_stack(importer, name))
		return;
	importer->lexer.n_tokens += snippet->n;
	if (importer->lexer.n_tokens > TOKENS_MAX) {
		problem_at(importer->lexer.problems, importer->at,
			   "the configuration is too large");
		importer->is_full = true;
		return;
	}
	copy_from(importer, name, snippet->tokens, snippet->n);
}

/* How many tokens from tokens[0] on stand on its line. */
static size_t line_len(const struct token *tokens, size_t n)
{
	size_t len = 1;

	while (len < n && !tokens[len].starts_line)
		len++;
	return len;
}

/* Follows the import that begins at tokens[0]; returns how many tokens it has. */
static size_t follow_import(struct importer *importer, const struct token *tokens, size_t n)
{
	size_t len = line_len(tokens, n);
	const struct token *outer = importer->at;
	/* `import x }`, as `{ import x }` has it: the brace is not an argument. */
	size_t n_args = len > 2 && token_is(&tokens[2], '}') ? 2 : len;

	if (n_args != 2 || tokens[1].text[0] == '\0') {
		problem_at(importer->lexer.problems, &tokens[0],
			   "\"import\" takes one argument: a file, a pattern or a snippet's name");
		return n_args;
	}
	importer->at = &tokens[0];

	const struct snippet *snippet = find_snippet(importer, tokens[1].text);

	if (snippet) {
		struct snippet copy = *snippet; /* the array may grow meanwhile */

		import_snippet(importer, &copy);
	} else {
		import_files(importer, &tokens[1]);
	}
	importer->at = outer;
	return n_args;
}

/* Is this the `(NAME) {` of a snippet? */
static bool begins_snippet(const struct importer *importer, const struct token *tokens, size_t n)
{
	size_t len = strlen(tokens[0].text);

	return importer->n_braces == 0 && n >= 2 && tokens[0].starts_line && !tokens[0].is_quoted &&
	       len > 2 && tokens[0].text[0] == '(' && tokens[0].text[len - 1] == ')' &&
	       token_is(&tokens[1], '{');
}

/* Puts the snippet at tokens[0] aside; returns how many tokens it has. */
static size_t keep_snippet(struct importer *importer, const struct token *tokens, size_t n)
{
	struct arena *arena = importer->lexer.arena;
	struct snippet snippet = {
		.name = arena_strndup(arena, tokens[0].text + 1, strlen(tokens[0].text) - 2)};
	size_t depth = 1, end = 2;

	for (; end < n && depth > 0; end++) {
		depth += token_is(&tokens[end], '{');
		depth -= token_is(&tokens[end], '}');
	}
	if (depth > 0)
		return n; /* check_braces has told */
	if (find_snippet(importer, snippet.name)) {
		problem_at(importer->lexer.problems, &tokens[0], "snippet \"%s\" is there already",
			   snippet.name);
		return end;
	}
	snippet.n = end - 3;

	struct token *copy = arena_alloc(arena, (snippet.n + 1) * sizeof(*copy));

	memcpy(copy, tokens + 2, snippet.n * sizeof(*copy));
	copy[0].starts_line = true;
	snippet.tokens = copy;
	ARRAY_PUSH(&importer->snippets, snippet);
	return end;
}

static void copy_token(struct importer *importer, const struct token *token)
{
	if (token_is(token, '{'))
		importer->n_braces++;
	else if (token_is(token, '}') && importer->n_braces > 0)
		importer->n_braces--;
	ARRAY_PUSH(importer->out, *token);
}

static void copy_tokens(struct importer *importer, const struct token *tokens, size_t n)
{
	size_t i = 0;

	while (i < n && !importer->is_full) {
		const struct token *token = &tokens[i];
		bool is_first = token->starts_line || (i > 0 && token_is(&tokens[i - 1], '{'));

		if (is_first && !token->is_quoted && strcmp(token->text, "import") == 0) {
			i += follow_import(importer, token, n - i);
		} else if (begins_snippet(importer, token, n - i)) {
			i += keep_snippet(importer, token, n - i);
		} else {
			copy_token(importer, token);
			i++;
		}
	}
}

void import_read(const char *path, struct arena *arena, const struct config_machine *machine,
		 struct problems *problems, struct tokens *tokens)
{
	struct importer importer = {
		.lexer = {.arena = arena, .machine = machine, .problems = problems},
		.out = tokens,
	};

	copy_file(&importer, path);
	ARRAY_FINI(&importer.snippets);
}
