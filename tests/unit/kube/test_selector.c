/* SPDX-License-Identifier: Apache-2.0
 *
 * Label selectors: what parses, what is refused and why, what matches.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kube/kube.h"
#include "selector.h"

static const struct selector_label labels[] = {
	{"app", "web"}, {"tier", "front"}, {"empty", ""}, {"example.com/team", "a-1"}};

static const struct {
	const char *text;
	bool want;
} match_cases[] = {
	{"", true},
	{"  ", true},
	{"app", true},
	{"nope", false},
	{"!nope", true},
	{"! nope", true},
	{"!app", false},
	{"app=web", true},
	{"app==web", true},
	{" app = web ", true},
	{"app=", false},
	{"empty=", true},
	{"empty", true},
	{"app=WEB", false},
	{"app!=web", false},
	{"app!=db", true},
	{"nope!=x", true},
	{"nope=x", false},
	{"app in (web)", true},
	{"app in(db,web)", true},
	{"app in (db, cache)", false},
	{"empty in (,x)", true},
	{"nope in (x)", false},
	{"app notin (db)", true},
	{"app notin (web,db)", false},
	{"nope notin (x)", true},
	{"example.com/team=a-1", true},
	{"app=web,tier=front", true},
	{"app=web,tier=back", false},
	{"app=web,tier!=cache,app in (web, b),app notin (c),tier,!y", true},
	{"in in (a)", false},
	{"notin", false},
};

static void test_match(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(match_cases); i++) {
		struct kube_selector *selector = NULL;
		struct text why = {0};

		if (kube_selector_parse(&selector, match_cases[i].text, &why) != 0)
			fail_msg("\"%s\": %s", match_cases[i].text, why.bytes);
		if (selector_matches(selector, labels, ARRAY_LEN(labels)) != match_cases[i].want)
			fail_msg("\"%s\" does not give %d", match_cases[i].text,
				 match_cases[i].want);
		assert_int_equal(why.len, 0);
		kube_selector_free(selector);
		text_fini(&why);
	}
	assert_true(selector_matches(NULL, labels, ARRAY_LEN(labels)));
	assert_true(selector_matches(NULL, NULL, 0));
}

static const struct {
	const char *text;
	const char *want;
} bad_cases[] = {
	{"=web", "expected a label key at \"=web\""},
	{",", "expected a label key at \",\""},
	{"app=web,", "expected a label key at the end"},
	{"app web", "expected one of = == != in notin or a comma at \"web\""},
	{"app=web tier=x", "expected a comma at \"tier=x\""},
	{"app in", "expected ( after in or notin at the end"},
	{"app in web", "expected ( after in or notin at \"web\""},
	{"app in ()", "expected a value at \")\""},
	{"app in (a", "expected , or ) in a list of values at the end"},
	{"app in (a b)", "expected , or ) in a list of values at \"b)\""},
	{"app notin (a),", "expected a label key at the end"},
	{"app>5", "expected one of = == != in notin or a comma at \">5\""},
	{"app===web", "expected a comma at \"=web\""},
	{"!app=web", "expected a comma at \"=web\""},
	{"!!app", "expected a label key at \"!app\""},
	{"-app", "\"-app\" is not a label key"},
	{"a/b/c", "\"a/b/c\" is not a label key"},
	{"Exa_mple/app", "\"Exa_mple/app\" is not a label key"},
	{"/app", "\"/app\" is not a label key"},
	{"app=we\xc3\xa4", "\"we\xc3\xa4\" is not a label value"},
	{"app=-", "\"-\" is not a label value"},
	{"app=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is not a label "
	 "value"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
		struct kube_selector *selector = NULL;
		struct text why = {0};

		if (kube_selector_parse(&selector, bad_cases[i].text, &why) != -EINVAL)
			fail_msg("\"%s\" is accepted", bad_cases[i].text);
		if (strcmp(why.bytes, bad_cases[i].want) != 0)
			fail_msg("\"%s\": %s", bad_cases[i].text, why.bytes);
		assert_null(selector);
		text_fini(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
