/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration came from and says: its hash, its files, its text; and that sources of
 * objects keep their index from one to the next.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

static const struct config_options options = {.default_port = 53, .n_cpus = 1, .wants_flat = true};

static void load(struct config *config, const char *text, const struct config_options *with)
{
	const struct memory_file files[] = {{"Corefile", text},
					    {"custom/a.override", "log . {\n class error\n}\n"},
					    {NULL, NULL}};
	struct config_machine machine;
	struct text problems = {0};

	memory_machine(&machine, files);
	if (config_load_on(config, "Corefile", &machine, with, &problems) != 0)
		fail_msg("%s: %s", text, problems.bytes);
	text_fini(&problems);
}

#define PLAIN ". {\n forward . 10.0.0.1 10.0.0.2\n}\n"

static const struct {
	const char *name, *a, *b;
	bool is_same;
} hashes[] = {
	{"comments and space do not count", PLAIN,
	 "# hello\n.   {\n\n  forward . 10.0.0.1 10.0.0.2 # two\n}", true},
	{"words do", PLAIN, ". {\n forward . 10.0.0.1 10.0.0.3\n}\n", false},
	{"where words end does", PLAIN, ". {\n forward . 10.0.0.11 0.0.0.2\n}\n", false},
	{"what is imported does", ". {\n import custom/*.override\n}\n", ". {\n}\n", false},
	{"the value of a variable does", "b.{$ZONE} {\n log\n}\n", "a.{$ZONE} {\n log\n}\n", false},
};

static void test_hash(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		struct config a, b;

		print_message("%s\n", hashes[i].name);
		load(&a, hashes[i].a, &options);
		load(&b, hashes[i].b, &options);
		assert_int_equal(strlen(a.hash), 32);
		assert_int_equal(strcmp(a.hash, b.hash) == 0, hashes[i].is_same);
		config_free(&a);
		config_free(&b);
	}
}

/* Not translated again, but its files are told. */
static void test_known(void **state)
{
	const struct memory_file files[] = {{"Corefile", PLAIN}, {NULL, NULL}};
	struct config_options known = options;
	struct config_machine machine;
	struct text problems = {0};
	struct config first, second;

	memory_machine(&machine, files);
	load(&first, PLAIN, &options);
	known.known_hash = first.hash;
	assert_int_equal(config_load_on(&second, "Corefile", &machine, &known, &problems),
			 -EALREADY);
	assert_string_equal(second.hash, first.hash);
	assert_int_equal(second.n_files, first.n_files);
	assert_int_equal(second.query.n_servers, 0);
	config_free(&second);
	config_free(&first);
}

static void test_files(void **state)
{
	static const char *const want[] = {"Corefile", "custom/", "custom/a.override"};
	struct config config;

	load(&config, ". {\n import custom/*.override\n import custom/*.override\n}\n", &options);
	assert_int_equal(config.n_files, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(config.files[i], want[i]);
	config_free(&config);
}

static const char *const corefiles[] = {
	PLAIN,
	". {\n import custom/*.override\n}\n",
	"(snip) {\n errors\n}\na.test b.test:1053 {\n import snip\n log . \"{combined}\"\n}\n",
	".:53 {\n kubernetes a.test 10.0.0.0/8 {\n objects \"a \\\"b\\\" #c\" {$SELF}\n }\n}\n",
	"a.test,\nb.test {\n whoami\n}\n",
	"a.test\nwhoami\n",
	". {\n rewrite name regex a\\\"b\\.test c.test\n log \"a\\\\\\\"b\"\n whoami\n}\n",
	". {\n log \"{$\" {\n class denial\n }\n}\n",
};

/* The text reads as what it was made of. */
static void test_flat(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(corefiles); i++) {
		struct text first_dump = {0}, second_dump = {0};
		struct config first, second;

		load(&first, corefiles[i], &options);
		load(&second, first.flat.bytes, &options);
		config_dump(&first, &first_dump);
		config_dump(&second, &second_dump);
		assert_string_equal(first_dump.bytes, second_dump.bytes);
		assert_string_equal(first.flat.bytes, second.flat.bytes);
		assert_int_equal(second.n_files, 1);
		text_fini(&first_dump);
		text_fini(&second_dump);
		config_free(&first);
		config_free(&second);
	}
}

#define SOURCE(zone, path) zone " {\n kubernetes " zone " {\n objects " path "\n }\n}\n"

static const struct {
	const char *name, *before, *after;
	size_t n;
	size_t slots[2]; /* of the clusters of the second, block by block */
} sources[] = {
	{"the same",
	 SOURCE("a.test", "a") SOURCE("b.test", "b"),
	 SOURCE("a.test", "a") SOURCE("b.test", "b"),
	 2,
	 {0, 1}},
	{"another order",
	 SOURCE("a.test", "a") SOURCE("b.test", "b"),
	 SOURCE("b.test", "b") SOURCE("a.test", "a"),
	 2,
	 {1, 0}},
	{"one is gone",
	 SOURCE("a.test", "a") SOURCE("b.test", "b"),
	 SOURCE("b.test", "b"),
	 2,
	 {1, 0}},
	{"one is another", SOURCE("a.test", "a"), SOURCE("a.test", "b"), 2, {1, 0}},
	{"one more", SOURCE("a.test", "a"), SOURCE("b.test", "b") SOURCE("a.test", "a"), 2, {1, 0}},
};

static void test_sources_keep_their_index(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct config_options with = options;
		struct config before, after;

		print_message("%s\n", sources[i].name);
		load(&before, sources[i].before, &options);
		with.previous = &before;
		load(&after, sources[i].after, &with);
		assert_int_equal(after.kube.n_sources, sources[i].n);
		for (size_t b = 0; b < after.query.n_blocks; b++) {
			size_t slot = after.query.blocks[b].clusters[0].source;

			assert_int_equal(slot, sources[i].slots[b]);
			assert_int_equal(after.kube.sources[slot].n_objects, 1);
		}
		config_free(&after);
		config_free(&before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_sources_keep_their_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
