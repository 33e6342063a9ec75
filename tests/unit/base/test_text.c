/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/text.h"

static void test_appending(void **state)
{
	struct text text = {0};

	text_append(&text, NULL, 0);
	assert_string_equal(text.bytes, "");
	text_append(&text, "abcdef", 3);
	text_puts(&text, "-");
	text_printf(&text, "%d%s", 42, "!");
	assert_string_equal(text.bytes, "abc-42!");
	assert_int_equal(text.len, 7);
	text_append(&text, "x\0y", 3);
	assert_int_equal(text.len, 10);
	assert_memory_equal(text.bytes + 7, "x\0y", 4);
	text_fini(&text);
	assert_null(text.bytes);
	text_fini(&text);
}

static void test_growth(void **state)
{
	struct text text = {0};

	for (int i = 0; i < 10000; i++)
		text_printf(&text, "%04d", i);
	assert_int_equal(text.len, 40000);
	assert_memory_equal(text.bytes, "000000010002", 12);
	assert_string_equal(text.bytes + 39996, "9999");
	text_fini(&text);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"kubernetes",  "errors",  "health", "log",
					    "loadbalance", "forward", "a",	"cache"};
	static const char long_word[] = "kuberneteskuberneteskuberneteskuberneteskubernetes"
					"kuberneteskubernetes";
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
		{"the word itself", "errors", "errors"},
		{"a letter left out", "kuberntes", "kubernetes"},
		{"a letter too many", "healthy", "health"},
		{"a wrong letter", "forwerd", "forward"},
		{"two letters swapped", "chace", NULL},
		{"a short word", "lo", "log"},
		{"half of it differs", "lgo-", NULL},
		{"one of three", "lag", "log"},
		{"two of six", "erbocs", "errors"},
		{"three of six", "erbbcs", NULL},
		{"one letter", "b", NULL},
		{"one letter, the same", "a", "a"},
		{"nothing alike", "tls", NULL},
		{"empty", "", NULL},
		{"longer than any word", long_word, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *got = text_nearest(cases[i].input, words, ARRAY_LEN(words));
		const char *want = cases[i].want;

		if ((got == NULL) != (want == NULL) || (got && strcmp(got, want) != 0))
			fail_msg("%s: %s gives %s, not %s", cases[i].name, cases[i].input,
				 got ? got : "nothing", want ? want : "nothing");
	}
}

static void test_nearest_of_long_words(void **state)
{
	char word[66] = {0};
	const char *words[] = {word};

	memset(word, 'x', 65);
	assert_null(text_nearest("x", words, 1));
	assert_null(text_nearest(word, words, 1)); /* too long to compare */
	assert_null(text_nearest("x", NULL, 0));
	word[64] = '\0';
	assert_ptr_equal(text_nearest(word, words, 1), word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appending),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_of_long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
