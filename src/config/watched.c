/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine in between, the hash, and the text.
 */
#include "watched.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PATHS_MAX 2000

static void note(struct watched *watched, const char *path, size_t len)
{
	for (size_t i = 0; i < watched->paths.len; i++) {
		if (strncmp(watched->paths.items[i], path, len) == 0 &&
		    watched->paths.items[i][len] == '\0')
			return;
	}
	if (watched->paths.len < PATHS_MAX)
		ARRAY_PUSH(&watched->paths, arena_strndup(watched->arena, path, len));
}

static int on_read(void *arg, const char *path, struct text *content)
{
	struct watched *watched = arg;

	note(watched, path, strlen(path));
	return watched->real->read(watched->real->arg, path, content);
}

/* The folder before the first wildcard changes when what matches does. */
static int on_list(void *arg, const char *pattern, bool (*on_path)(void *on_arg, const char *path),
		   void *on_arg)
{
	struct watched *watched = arg;
	size_t len = strcspn(pattern, "*?[");

	while (len > 0 && pattern[len - 1] != '/')
		len--;
	note(watched, len > 0 ? pattern : ".", len > 0 ? len : 1);
	return watched->real->list(watched->real->arg, pattern, on_path, on_arg);
}

static const char *on_env(void *arg, const char *name)
{
	struct watched *watched = arg;

	return watched->real->env(watched->real->arg, name);
}

void watched_init(struct watched *watched, const struct config_machine *real, struct arena *arena)
{
	*watched = (struct watched){.machine = *real, .real = real, .arena = arena};
	watched->machine.arg = watched;
	watched->machine.read = on_read;
	watched->machine.list = on_list;
	watched->machine.env = on_env;
}

const char *const *watched_take(struct watched *watched, size_t *n)
{
	const char **paths =
		arena_alloc(watched->arena, (watched->paths.len + 1) * sizeof(paths[0]));

	for (size_t i = 0; i < watched->paths.len; i++)
		paths[i] = watched->paths.items[i];
	*n = watched->paths.len;
	ARRAY_FINI(&watched->paths);
	return paths;
}

const char *words_hash(const struct tokens *tokens, struct arena *arena)
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_hash_t hash;

	CHECK(state);
	XXH3_128bits_reset(state);
	for (size_t i = 0; i < tokens->len; i++) {
		const struct token *token = &tokens->items[i];
		uint8_t kind = (uint8_t)(token->is_quoted | token->starts_line << 1);

		XXH3_128bits_update(state, &kind, 1);
		XXH3_128bits_update(state, token->text, strlen(token->text) + 1);
	}
	hash = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	return arena_printf(arena, "%016llx%016llx", (unsigned long long)hash.high64,
			    (unsigned long long)hash.low64);
}

/* A word that would not read as itself: white space, what begins a comment or a quoted word, and
 * what looks like an environment variable, whose value it is. Inside a plain word a quote is a
 * letter, and what stands before it no escape. */
static bool needs_quotes(const struct token *token)
{
	const char *text = token->text;

	if (token->is_quoted || text[0] == '\0' || text[0] == '#' || text[0] == '"')
		return true;
	return strpbrk(text, " \t\r\n") || strstr(text, "{$") || strstr(text, "{%");
}

static void print_word(const struct token *token, struct text *text)
{
	if (!needs_quotes(token)) {
		text_puts(text, token->text);
		return;
	}
	text_puts(text, "\"");
	for (const char *c = token->text; *c; c++) {
		if (*c == '"')
			text_puts(text, "\\");
		text_append(text, c, 1);
	}
	text_puts(text, "\"");
}

void words_print(const struct tokens *tokens, struct text *text)
{
	size_t depth = 0;

	for (size_t i = 0; i < tokens->len; i++) {
		const struct token *token = &tokens->items[i];

		if (token_is(token, '}') && depth > 0)
			depth--;
		if (i > 0)
			text_puts(text, token->starts_line ? "\n" : " ");
		for (size_t n = 0; token->starts_line && n < depth; n++)
			text_puts(text, "    ");
		print_word(token, text);
		depth += token_is(token, '{');
	}
	if (tokens->len > 0)
		text_puts(text, "\n");
}
