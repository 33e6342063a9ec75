/* SPDX-License-Identifier: Apache-2.0
 *
 * The splitter: what comes out of a text, whatever the chunks it is fed in, and how each fault is
 * told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "split.h"

/* Feeds a chunk from memory of its exact size and writes what comes out to *out: "I 1:2 {...}" an
 * item, with line and offset, "O ..." a single object, "D kind apiVersion" a document's end. False
 * after an error. */
static bool feed(struct split *split, const char *bytes, size_t len, struct text *out)
{
	char *copy = mem_alloc(len);
	enum split_event event;

	memcpy(copy, bytes, len);
	split_feed(split, copy, len);
	while ((event = split_next(split)) != SPLIT_MORE && event != SPLIT_ERROR) {
		if (event == SPLIT_DOCUMENT) {
			text_printf(out, "D %s %s\n", split->kind, split->api_version);
			continue;
		}
		text_printf(out, "%c %lu:%lu ", split->object.is_item ? 'I' : 'O',
			    (unsigned long)split->object.line, (unsigned long)split->object.offset);
		text_append(out, split->object.bytes, split->object.len);
		text_puts(out, "\n");
	}
	free(copy);
	return event == SPLIT_MORE;
}

static void tell_error(const struct split *split, struct text *out)
{
	text_printf(out, "E %lu:%lu %s\n", (unsigned long)split->error.line,
		    (unsigned long)split->error.offset, split->error.why);
}

/* In two chunks: [0, cut) and the rest; or byte by byte when cut is beyond the text. The caller
 * frees. */
static char *split_text(const char *text, size_t cut)
{
	size_t len = strlen(text);
	size_t step = cut > len ? 1 : cut;
	struct split split;
	struct text out = {0};
	bool is_ok = true;

	split_init(&split, "", "");
	text_puts(&out, "");
	for (size_t at = 0; is_ok && at < len;) {
		size_t n = step == 0 || step > len - at ? len - at : step;

		is_ok = feed(&split, text + at, n, &out);
		at += n;
		if (cut <= len)
			step = len;
	}
	if (!is_ok || !split_end(&split))
		tell_error(&split, &out);
	split_fini(&split);
	return out.bytes;
}

static const struct {
	const char *text;
	const char *want;
} cases[] = {
	{"{}", "O 1:0 {}\nD  \n"},
	{" {\"kind\":\"Service\", \"apiVersion\":\"v1\"}\n",
	 "O 1:1 {\"kind\":\"Service\", \"apiVersion\":\"v1\"}\nD Service v1\n"},
	{"{\"a\":1}{\"a\":2}\n\n{\"a\":3}",
	 "O 1:0 {\"a\":1}\nD  \nO 1:7 {\"a\":2}\nD  \nO 3:16 {\"a\":3}\nD  \n"},
	{"{\"items\":[]}", "D  \n"},
	{"{\"items\":null,\"kind\":\"ServiceList\"}", "D ServiceList \n"},
	{"{\"kind\":\"List\",\n\"items\":[\n{\"a\":[{}]},\n {\"b\":\"]}\\\"{\"}]}",
	 "I 3:26 {\"a\":[{}]}\nI 4:39 {\"b\":\"]}\\\"{\"}\nD List \n"},
	{"{\"items\":[{}],\"metadata\":{\"items\":[{\"x\":1}]},\"n\":-1.5e+3,\"t\":true,\"kind\":"
	 "\"PodList\"}",
	 "I 1:10 {}\nD PodList \n"},
	{"{\"kind\":\"Odd\",\"items\":[{}]}", "O 1:0 {\"kind\":\"Odd\",\"items\":[{}]}\nD Odd \n"},
	{"{\"kind\":\"Odd\",\"items\":7}", "O 1:0 {\"kind\":\"Odd\",\"items\":7}\nD Odd \n"},
	{"{\"metadata\":{\"items\":[1]},\"s\":\"items\"}",
	 "O 1:0 {\"metadata\":{\"items\":[1]},\"s\":\"items\"}\nD  \n"},
	{"{\"ite\\u006ds\":[1]}", "O 1:0 {\"ite\\u006ds\":[1]}\nD  \n"},
	{"{\"s\":\"\\\\\",\"t\":\"\\\"\"}", "O 1:0 {\"s\":\"\\\\\",\"t\":\"\\\"\"}\nD  \n"},
	{"{\"items\":[{\"long string of more than eight\":\"with \\\\ and \\\" in it, and          "
	 "spaces\"}]}",
	 "I 1:10 {\"long string of more than eight\":\"with \\\\ and \\\" in it, and          "
	 "spaces\"}\nD  \n"},
	{"{\"items\":[{\n        \"a\":\n                [ 1 ]        }        ]        }        ",
	 "I 1:10 {\n        \"a\":\n                [ 1 ]        }\nD  \n"},
	/* Faults. */
	{"", "E 1:0 expected a JSON object, found the end\n"},
	{" \n\n ", "E 3:4 expected a JSON object, found the end\n"},
	{"[]", "E 1:0 expected a JSON object, found '['\n"},
	{"\xef\xbb\xbf{}", "E 1:0 expected a JSON object, found byte 0xef\n"},
	{"{}\n x", "O 1:0 {}\nD  \nE 2:4 expected a JSON object, found 'x'\n"},
	{"{}\n,{}", "O 1:0 {}\nD  \nE 2:3 expected a JSON object, found ','\n"},
	{"{a:1}", "E 1:1 expected a key in quotes, found 'a'\n"},
	{"{\"a\":1,}", "E 1:7 expected a key in quotes, found '}'\n"},
	{"{\"a\" 1}", "E 1:5 expected ':', found '1'\n"},
	{"{\"a\":,}", "E 1:5 expected a value, found ','\n"},
	{"{\"a\":nul}", "E 1:8 expected a value, found \"nul\"\n"},
	{"{\"a\":1 \"b\":2}", "E 1:7 expected ',' or '}', found '\"'\n"},
	{"{\"a\":[1}", "E 1:7 expected ']', found '}'\n"},
	{"{\"a\":{\"b\":1]", "E 1:11 expected '}', found ']'\n"},
	{"{\"items\":{}}", "E 1:9 expected a list in \"items\", found '{'\n"},
	{"{\"items\":\"\"}", "E 1:9 expected a list in \"items\", found '\"'\n"},
	{"{\"items\":nope}", "E 1:13 expected a value, found \"nope\"\n"},
	{"{\"items\":[1]}", "E 1:10 expected '{' or ']', found '1'\n"},
	{"{\"items\":[{},]}", "I 1:10 {}\nE 1:13 expected '{', found ']'\n"},
	{"{\"items\":[{}{}]}", "I 1:10 {}\nE 1:12 expected ',' or ']', found '{'\n"},
	{"{\"items\":[{}}", "I 1:10 {}\nE 1:12 expected ',' or ']', found '}'\n"},
	{"{\"items\":[{\n\n\"a\":[}]}", "E 3:18 expected ']', found '}'\n"},
	{"{\"items\":[{},\n{\"a\":", "I 1:10 {}\nE 2:19 the end in the middle of an object\n"},
	{"{\"a\":\"\\", "E 1:7 the end in the middle of an object\n"},
	{"{\"items\":[{}]", "I 1:10 {}\nE 1:13 the end in the middle of an object\n"},
};

/* Fed whole, byte by byte, and cut in two at each place: always the same. */
static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].text) + 1; cut++) {
			char *got = split_text(cases[i].text, cut);

			if (strcmp(got, cases[i].want) != 0)
				fail_msg("%s\ncut at %zu gives\n%s", cases[i].text, cut, got);
			free(got);
		}
	}
}

static void append_times(struct text *text, const char *what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_puts(text, what);
}

/* Feeds 64 KiB at a time; the result is the last event, and the longest object seen. */
static enum split_event feed_large(struct split *split, const struct text *text, size_t *longest)
{
	enum split_event event = SPLIT_MORE;

	*longest = 0;
	for (size_t at = 0; at < text->len && event != SPLIT_ERROR; at += 65536) {
		size_t left = text->len - at;

		split_feed(split, text->bytes + at, left < 65536 ? left : 65536);
		while ((event = split_next(split)) != SPLIT_MORE && event != SPLIT_ERROR) {
			if (event == SPLIT_OBJECT && split->object.len > *longest)
				*longest = split->object.len;
		}
	}
	return event;
}

static const struct {
	const char *name;
	const char *before, *repeated, *after;
	size_t n;
	const char *why; /* NULL: accepted */
} large_cases[] = {
	/* etcd takes 1.5 MiB; kube-apiserver writes a '<' of it as \u003c. */
	{"what etcd takes, escaped", "{\"a\":\"", "\\u003c", "\"}", 3u << 19, NULL},
	{"an object of 12 MiB", "{\"a\":\"", "0123456789abcdef", "\"}", (SPLIT_OBJECT_MAX - 8) / 16,
	 NULL},
	{"an object over 12 MiB", "{\"a\":\"", "0123456789abcdef", "\"}", SPLIT_OBJECT_MAX / 16,
	 "an object of more than 12582912 bytes"},
	{"an item over 12 MiB", "{\"items\":[{\"a\":\"", "0123456789abcdef", "\"}]}",
	 SPLIT_OBJECT_MAX / 16, "an object of more than 12582912 bytes"},
	{"a list over 12 MiB", "{\"items\":[{}", ",{\"a\":\"0123456789\"}", "]}",
	 SPLIT_OBJECT_MAX / 8, NULL},
	{"a long value beside items", "{\"items\":[],\"x\":[0", ",0123456789", "]}",
	 SPLIT_OBJECT_MAX / 4, NULL},
	{"depth 10000", "{\"items\":[{\"a\":", "[", "", SPLIT_DEPTH_MAX - 1, NULL},
	{"depth 10001", "{\"items\":[{\"a\":", "[", "", SPLIT_DEPTH_MAX,
	 "nested deeper than 10000"},
};

static void test_large(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(large_cases); i++) {
		struct text text = {0};
		struct split split;
		size_t longest;

		text_puts(&text, large_cases[i].before);
		append_times(&text, large_cases[i].repeated, large_cases[i].n);
		text_puts(&text, large_cases[i].after);
		split_init(&split, "", "");

		enum split_event event = feed_large(&split, &text, &longest);

		if (!large_cases[i].why && event != SPLIT_MORE)
			fail_msg("%s: %s", large_cases[i].name, split.error.why);
		if (large_cases[i].why &&
		    (event != SPLIT_ERROR || strcmp(split.error.why, large_cases[i].why) != 0))
			fail_msg("%s: %d %s", large_cases[i].name, event, split.error.why);
		assert_true(longest <= SPLIT_OBJECT_MAX);
		split_fini(&split);
		text_fini(&text);
	}
}

/* Whoever may create one object may nest its managedFields: that is not to stop the list. */
static void test_deep(void **state)
{
	struct split split;
	struct text text = {0};
	unsigned n_objects = 0;
	enum split_event event;

	text_puts(&text, "{\"items\":[{\"a\":");
	append_times(&text, "{\"f:a\":[", 500);
	append_times(&text, "]}", 500);
	text_puts(&text, "},{\"b\":[]}]}");
	split_init(&split, "", "");
	split_feed(&split, text.bytes, text.len);
	while ((event = split_next(&split)) == SPLIT_OBJECT)
		n_objects++;
	assert_int_equal(event, SPLIT_DOCUMENT);
	assert_int_equal(n_objects, 2);
	assert_int_equal(split_next(&split), SPLIT_MORE);
	assert_true(split_end(&split));
	split_fini(&split);
	text_fini(&text);
}

/* A kind that is known from a first reading holds until the document tells its own. */
static void test_hint(void **state)
{
	struct split split;
	struct text out = {0};

	split_init(&split, "PodList", "v1");
	assert_true(feed(&split, "{\"items\":[{}]}{\"kind\":\"Service\"}", 32, &out));
	assert_true(split_end(&split));
	assert_string_equal(
		out.bytes,
		"I 1:10 {}\nD PodList v1\nO 1:14 {\"kind\":\"Service\"}\nD Service v1\n");
	split_fini(&split);
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
