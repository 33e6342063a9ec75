/* SPDX-License-Identifier: Apache-2.0
 *
 * Matches, groups, what is refused, and that no subject takes long.
 */
#include "base/regex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *expression, *subject;
	enum regex_outcome want;
	size_t start, end; /* of group 1 */
} matches[] = {
	{"a part", "b(.)d", "abcde", REGEX_YES, 2, 3},
	{"anchored", "^b(.)d", "abcde", REGEX_NO, 0, 0},
	{"the end is the very end", "(a)$", "a\n", REGEX_NO, 0, 0},
	{"a named group", "(?P<name>[a-z]+)[.]x", "ab.x", REGEX_YES, 0, 2},
	{"a group that took no part", "(a)|b", "b", REGEX_YES, SIZE_MAX, SIZE_MAX},
	{"without case", "(?i)(ABC)", "abc", REGEX_YES, 0, 3},
	{"a class with what is foreign outside", "([(?=]+)", "(?", REGEX_YES, 0, 2},
	{"flags of a group", "x(?i-s:(B))", "xb", REGEX_YES, 1, 2},
	{"a name as Go has it since 1.22", "(?<name>a)", "a", REGEX_YES, 0, 1},
	{"octets, not characters", "^(.)$", "\xff", REGEX_YES, 0, 1},
	{"empty", "()", "", REGEX_YES, 0, 0},
};

static void test_matches(void **state)
{
	struct regex_scratch *scratch = regex_scratch_new();
	struct arena arena = {0};
	struct text why = {0};

	for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
		const struct regex *regex = NULL;
		struct regex_match match = {0};
		const char *text = matches[i].expression;

		print_message("%s\n", matches[i].name);
		assert_int_equal(regex_compile(&regex, &arena, text, strlen(text), &why), 0);
		assert_int_equal(regex_match(regex, scratch, matches[i].subject,
					     strlen(matches[i].subject), &match),
				 matches[i].want);
		if (matches[i].want != REGEX_YES)
			continue;
		assert_int_equal(match.n, 2);
		assert_int_equal(match.start[1], matches[i].start);
		assert_int_equal(match.end[1], matches[i].end);
	}
	arena_fini(&arena);
	regex_scratch_free(scratch);
}

static const struct {
	const char *expression, *why;
} refused[] = {
	{"a(b", "missing closing parenthesis, at character 4"},
	{"(a)\\1", "back references and their like are not offered, at character 4"},
	{"x(?=y)", "look-around, conditions and recursion are not offered, at character 2"},
	{"(?<!a)b", "look-around, conditions and recursion are not offered, at character 1"},
	{"(?P=a)", "look-around, conditions and recursion are not offered, at character 1"},
	{"(a)(?1)", "look-around, conditions and recursion are not offered, at character 4"},
	{"(?-1)", "look-around, conditions and recursion are not offered, at character 1"},
	{"(?x)a b", "look-around, conditions and recursion are not offered, at character 1"},
	{"(?R)", "look-around, conditions and recursion are not offered, at character 1"},
};

static void test_refused(void **state)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct regex *regex = NULL;
		struct text why = {0};
		const char *text = refused[i].expression;

		assert_int_equal(regex_compile(&regex, &arena, text, strlen(text), &why), -EINVAL);
		assert_string_equal(why.bytes, refused[i].why);
		text_fini(&why);
	}
	arena_fini(&arena);
}

static void test_group_names(void **state)
{
	struct arena arena = {0};
	struct text why = {0};
	const struct regex *regex = NULL;
	const char *text = "(?P<a>x)(?P<b>y)(z)";

	assert_int_equal(regex_compile(&regex, &arena, text, strlen(text), &why), 0);
	assert_int_equal(regex_groups(regex), 4);
	assert_int_equal(regex_group(regex, "a", 1), 1);
	assert_int_equal(regex_group(regex, "b", 1), 2);
	assert_int_equal(regex_group(regex, "c", 1), 0);
	arena_fini(&arena);
}

/* 2^40 ways to fail: it has to give up. */
static void test_limit(void **state)
{
	static const char text[] = "^(a+)+(b|c)*(d+)+$";
	static const char subject[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!d";
	struct regex_scratch *scratch = regex_scratch_new();
	struct arena arena = {0};
	struct text why = {0};
	const struct regex *regex = NULL;
	struct regex_match match;

	assert_int_equal(regex_compile(&regex, &arena, text, strlen(text), &why), 0);
	assert_int_equal(regex_match(regex, scratch, subject, strlen(subject), &match),
			 REGEX_LIMIT);
	arena_fini(&arena);
	regex_scratch_free(scratch);
}

static enum regex_outcome match(const struct regex *regex, struct regex_scratch *scratch,
				const char *subject)
{
	struct regex_match match;

	return regex_match(regex, scratch, subject, strlen(subject), &match);
}

/* Few enough steps from each place on, but from each of 250 places: not above the limit of one. */
static void test_limit_of_places(void **state)
{
	static const char text[] = "(?:a|a){12}[bc]";
	struct regex_scratch *scratch = regex_scratch_new();
	struct arena arena = {0};
	struct text why = {0};
	const struct regex *regex = NULL;
	char subject[251] = "b";

	memset(subject + 1, 'a', sizeof(subject) - 2);
	assert_int_equal(regex_compile(&regex, &arena, text, strlen(text), &why), 0);
	assert_int_equal(match(regex, scratch, subject), REGEX_LIMIT);
	arena_fini(&arena);
	regex_scratch_free(scratch);
}

/* Of matches that take many steps a query has a few: 100 rules do not take 100 times as long. */
static void test_limit_of_a_query(void **state)
{
	static const char slow_text[] = "^(.*)x(.*)x(.*)y$", quick_text[] = "^(a+)$";
	struct regex_scratch *scratch = regex_scratch_new();
	const struct regex *slow = NULL, *quick = NULL;
	struct arena arena = {0};
	struct text why = {0};
	char subject[64] = "";

	memset(subject, 'x', 35);
	assert_int_equal(regex_compile(&slow, &arena, slow_text, strlen(slow_text), &why), 0);
	assert_int_equal(regex_compile(&quick, &arena, quick_text, strlen(quick_text), &why), 0);
	memcpy(subject + 35, "yx", 3);
	for (int query = 0; query < 2; query++) {
		regex_begin(scratch);
		for (int i = 0; i < REGEX_SLOW_MAX; i++)
			assert_int_equal(match(slow, scratch, subject), REGEX_NO);
		assert_int_equal(match(slow, scratch, subject), REGEX_LIMIT);
		assert_int_equal(match(quick, scratch, "aaaa"), REGEX_YES);
	}
	arena_fini(&arena);
	regex_scratch_free(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_group_names),	cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_of_places), cmocka_unit_test(test_limit_of_a_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
