/* SPDX-License-Identifier: Apache-2.0
 *
 * `errors [stdout] { consolidate DURATION REGEXP [LEVEL] [show_first] ; stacktrace }`.
 */
#include "query/errors.h"

#include <string.h>

#include "base/array.h"
#include "directive.h"

#define PATTERNS_MAX 64 /* each may be tried for every failure */

struct errors {
	ARRAY(struct query_errors_pattern) patterns;
};

/* [LEVEL] [show_first]: words[0..n). False, with a problem. */
static bool read_options(struct draft *draft, const struct token *words, size_t n,
			 struct query_errors_pattern *pattern)
{
	static const char *const names[] = {"debug", "info", "warning", "error", "show_first"};
	static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR};
	size_t first = 0, k = 0;

	while (n > 0 && k < ARRAY_LEN(levels) && strcmp(words[0].text, names[k]) != 0)
		k++;
	if (n > 0 && k < ARRAY_LEN(levels)) {
		pattern->level = levels[k];
		first = 1;
	}
	if (first < n && strcmp(words[first].text, "show_first") == 0) {
		pattern->shows_first = true;
		first++;
	}
	if (first == n)
		return true;
	for (k = 0; k < ARRAY_LEN(names) && strcmp(words[first].text, names[k]) != 0; k++)
		;
	if (k == ARRAY_LEN(names))
		word_refuse(draft, &words[first], "errors: unknown option of consolidate", names,
			    ARRAY_LEN(names));
	else
		problem_at(&draft->problems, &words[first],
			   "errors: \"%s\" stands where consolidate takes no more: one level, then "
			   "show_first",
			   words[first].text);
	return false;
}

/* "5m0s", "1h0m0s", "1.5s", "200ms": as Go prints a duration. */
static const char *duration_text(struct arena *arena, uint64_t ns)
{
	uint64_t s = ns / 1000000000, h = s / 3600, m = s / 60 % 60;
	double rest_s = (double)(ns - (s - s % 60) * 1000000000) / 1e9;

	if (ns < 1000000000)
		return arena_printf(arena, "%.9gms", (double)ns / 1e6);
	if (h > 0)
		return arena_printf(arena, "%lluh%llum%.9gs", (unsigned long long)h,
				    (unsigned long long)m, rest_s);
	if (m > 0)
		return arena_printf(arena, "%llum%.9gs", (unsigned long long)m, rest_s);
	return arena_printf(arena, "%.9gs", rest_s);
}

static void parse_consolidate(struct draft *draft, void *into, const struct statement *statement)
{
	struct errors *errors = into;
	const struct token *words = statement->words;
	struct query_errors_pattern pattern = {.level = LOG_ERROR};
	struct text why = {0};

	if (!args_check(draft, statement, 2, 4) || !block_refuse(draft, statement))
		return;
	if (errors->patterns.len == PATTERNS_MAX) {
		problem_at(&draft->problems, &words[0], "errors: more than %d times consolidate",
			   PATTERNS_MAX);
		return;
	}
	if (!word_duration_ns(draft, "errors", &words[1], DURATION_MAX_MS, &pattern.duration_ns) ||
	    !read_options(draft, words + 3, statement->n_words - 3, &pattern))
		return;
	if (regex_compile(&pattern.regex, draft->arena, words[2].text, strlen(words[2].text),
			  &why) != 0) {
		problem_at(&draft->problems, &words[2], "errors: \"%s\": %s", words[2].text,
			   why.bytes);
	} else {
		pattern.text = arena_strndup(draft->arena, words[2].text, strlen(words[2].text));
		pattern.duration = duration_text(draft->arena, pattern.duration_ns);
		pattern.period = arena_alloc(draft->arena, sizeof(*pattern.period));
		ARRAY_PUSH(&errors->patterns, pattern);
	}
	text_fini(&why);
}

static void parse_stacktrace(struct draft *draft, void *into, const struct statement *statement)
{
	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		problem_note(&draft->problems, &statement->words[0],
			     "errors: \"%s\" changes nothing: there are no panics to recover from",
			     statement->words[0].text);
}

static const struct query_errors *finish(struct draft *draft, const struct errors *errors)
{
	struct query_errors *query = arena_alloc(draft->arena, sizeof(*query));
	struct query_errors_pattern *patterns =
		arena_alloc(draft->arena, (errors->patterns.len + 1) * sizeof(*patterns));

	for (size_t i = 0; i < errors->patterns.len; i++)
		patterns[i] = errors->patterns.items[i];
	*query = (struct query_errors){patterns, errors->patterns.len};
	return query;
}

void errors_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "consolidate", .parse = parse_consolidate, .is_repeatable = true},
		{.name = "stacktrace", .parse = parse_stacktrace},
		{.name = "panicRecoveryStacktrace", .parse = parse_stacktrace},
	};
	struct draft_block *block = into;
	struct errors errors = {0};

	block->query.has_errors = true;
	if (!args_check(draft, statement, 0, 1))
		return;
	if (statement->n_words == 2 && strcmp(statement->words[1].text, "stdout") != 0)
		problem_at(&draft->problems, &statement->words[1],
			   "errors: \"%s\": lines go to stdout only", statement->words[1].text);
	directives_run(draft, &(struct directives){"errors", options, ARRAY_LEN(options)},
		       statement->body, &errors);
	if (errors.patterns.len > 0)
		block->query.errors = finish(draft, &errors);
	ARRAY_FINI(&errors.patterns);
}
