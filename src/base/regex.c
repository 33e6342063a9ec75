/* SPDX-License-Identifier: Apache-2.0
 *
 * PCRE2 with the limits, and without what RE2 does not have. Compiled to machine code where the
 * system lets it; else interpreted, with the same result and the same limits.
 */
#include "base/regex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define STEPS_MAX 20000	    /* of a match from one place of the subject on */
#define STEPS_LEN 16	    /* octets: where a match may begin at more places, each has less */
#define QUICK_STEPS 2000    /* of what nearly all matches are content with */
#define QUICK_STEPS_ANY 128 /* likewise, from each place on */
#define DEPTH_MAX 1000	    /* of backtracking, in the interpreter */
#define HEAP_MAX_KIB 256    /* likewise */
#define JIT_STACK_MAX (128 * 1024)

struct regex {
	pcre2_code *code; /* owned */
	size_t n_groups;
	bool is_anchored; /* it can begin at the subject's start alone */
};

struct regex_scratch {
	unsigned slow_left;	      /* matches that may still be slow */
	pcre2_match_context *context; /* owned, as all */
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
};

static void free_regex(void *what)
{
	struct regex *regex = what;

	pcre2_code_free(regex->code);
}

static int refuse(struct text *why, int error, size_t at)
{
	PCRE2_UCHAR message[160] = "";

	pcre2_get_error_message(error, message, sizeof(message));
	text_printf(why, "%s, at character %zu", (const char *)message, at + 1);
	return -EINVAL;
}

/* Does a group open here as in RE2: (?P<name>, (?<name>, (?flags) or (?flags: ? */
static bool is_opening(const char *p, const char *end)
{
	p += 2;
	if (p < end && *p == 'P')
		return p + 1 < end && p[1] == '<';
	if (p < end && *p == '<')
		return p + 1 < end && p[1] != '=' && p[1] != '!' && p[1] != '*';
	while (p < end && memchr("imsU-", *p, 5))
		p++;
	return p == end || *p == ':' || *p == ')'; /* an end is PCRE2's to tell */
}

/* What RE2 does not have, since it can take exponential time or needs more than a name. NULL when
 * nothing such stands at p. */
static const char *find_foreign(const char *p, const char *end)
{
	if (p[0] == '\\' && p + 1 < end)
		return (p[1] >= '1' && p[1] <= '9') || strchr("kgGKXRhHVNJ", p[1])
			       ? "back references and their like are not offered"
			       : NULL;
	if (p[0] == '(' && end - p > 1 && (p[1] == '*' || (p[1] == '?' && !is_opening(p, end))))
		return "look-around, conditions and recursion are not offered";
	return NULL;
}

/* 0, or -EINVAL with the reason. */
static int check_foreign(const char *text, size_t len, struct text *why)
{
	bool is_in_class = false;

	for (size_t i = 0; i < len; i++) {
		const char *foreign = is_in_class ? NULL : find_foreign(text + i, text + len);

		if (foreign) {
			text_printf(why, "%s, at character %zu", foreign, i + 1);
			return -EINVAL;
		}
		if (text[i] == '\\') {
			i++;
		} else if (text[i] == '[' && !is_in_class) {
			is_in_class = true;
			i += i + 1 < len && text[i + 1] == '^';
			i += i + 1 < len && text[i + 1] == ']'; /* itself, at this place */
		} else if (text[i] == ']') {
			is_in_class = false;
		}
	}
	return 0;
}

static bool begins_at_start(const pcre2_code *code)
{
	uint32_t options = 0, first = 0;

	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &first);
	return (options & PCRE2_ANCHORED) || first == 2; /* 2: or behind a newline */
}

int regex_compile(const struct regex **regex, struct arena *arena, const char *text, size_t len,
		  struct text *why)
{
	/* $ is the very end, as in Go, not before a final newline. */
	const uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
	struct regex *compiled;
	uint32_t n_groups = 0;
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	if (len > REGEX_TEXT_MAX) {
		text_printf(why, "longer than %d characters", REGEX_TEXT_MAX);
		return -EINVAL;
	}
	if (check_foreign(text, len, why) != 0)
		return -EINVAL;
	code = pcre2_compile((PCRE2_SPTR)text, len, options, &error, &at, NULL);
	if (!code)
		return refuse(why, error, at);
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n_groups);
	if (n_groups + 1 > REGEX_GROUPS_MAX) {
		pcre2_code_free(code);
		text_printf(why, "more than %d groups", REGEX_GROUPS_MAX - 1);
		return -EINVAL;
	}
	compiled = arena_alloc(arena, sizeof(*compiled));
	*compiled = (struct regex){code, n_groups + 1, begins_at_start(code)};
	arena_on_end(arena, free_regex, compiled);
	*regex = compiled;
	return 0;
}

size_t regex_groups(const struct regex *regex)
{
	return regex->n_groups;
}

size_t regex_group(const struct regex *regex, const char *name, size_t len)
{
	char text[33];
	int number;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, name, len);
	text[len] = '\0';
	number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)text);
	return number > 0 ? (size_t)number : 0;
}

struct regex_scratch *regex_scratch_new(void)
{
	struct regex_scratch *scratch = mem_zalloc(sizeof(*scratch));

	scratch->context = pcre2_match_context_create(NULL);
	scratch->data = pcre2_match_data_create(REGEX_GROUPS_MAX, NULL);
	scratch->stack = pcre2_jit_stack_create(8192, JIT_STACK_MAX, NULL);
	CHECK(scratch->context && scratch->data);
	regex_begin(scratch);
	pcre2_set_depth_limit(scratch->context, DEPTH_MAX);
	pcre2_set_heap_limit(scratch->context, HEAP_MAX_KIB);
	if (scratch->stack)
		pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
	return scratch;
}

void regex_scratch_free(struct regex_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_context_free(scratch->context);
	pcre2_match_data_free(scratch->data);
	pcre2_jit_stack_free(scratch->stack);
	free(scratch);
}

void regex_begin(struct regex_scratch *scratch)
{
	scratch->slow_left = REGEX_SLOW_MAX;
}

static int run(const struct regex *regex, struct regex_scratch *scratch, const char *subject,
	       size_t len, size_t steps)
{
	pcre2_set_match_limit(scratch->context, (uint32_t)steps);
	return pcre2_match(regex->code, (PCRE2_SPTR)subject, len, 0, 0, scratch->data,
			   scratch->context);
}

/* PCRE2 begins to count anew at each place where a match may begin. */
static size_t steps_of(const struct regex *regex, size_t len)
{
	return regex->is_anchored || len < STEPS_LEN ? STEPS_MAX : STEPS_MAX * STEPS_LEN / len + 1;
}

/* Few steps first: they do for nearly all, and of what needs more there may be a few. */
static int try(const struct regex *regex, struct regex_scratch *scratch, const char *subject,
	       size_t len)
{
	size_t quick = regex->is_anchored ? QUICK_STEPS : QUICK_STEPS_ANY;
	int n = run(regex, scratch, subject, len, quick);

	if (LIKELY(n >= 0 || n == PCRE2_ERROR_NOMATCH) || scratch->slow_left == 0)
		return n;
	scratch->slow_left--;
	return run(regex, scratch, subject, len, steps_of(regex, len));
}

enum regex_outcome regex_match(const struct regex *regex, struct regex_scratch *scratch,
			       const char *subject, size_t len, struct regex_match *match)
{
	int n = try(regex, scratch, subject, len);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch->data);

	if (n == PCRE2_ERROR_NOMATCH)
		return REGEX_NO;
	if (n < 0)
		return REGEX_LIMIT;
	match->n = regex->n_groups;
	for (size_t i = 0; i < regex->n_groups; i++) {
		match->start[i] = at[2 * i];
		match->end[i] = at[2 * i + 1];
	}
	return REGEX_YES;
}
