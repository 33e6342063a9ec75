/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/check.h"

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 16, 100, 4095, 4096, 5000, 1, 3000000, 64, 1 << 20};
	struct arena arena = {0};
	uint8_t *blocks[ARRAY_LEN(sizes)];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			blocks[i] = arena_alloc(&arena, sizes[i]);
			assert_non_null(blocks[i]);
			assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(blocks[i][j], 0);
			memset(blocks[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			for (size_t j = 0; j < sizes[i]; j++)
				assert_int_equal(blocks[i][j], i + 1);
		}
		arena_reset(&arena);
	}
	arena_fini(&arena);
	assert_null(arena.chunks);
}

static void test_small_allocations_share_chunks(void **state)
{
	struct arena arena = {0};
	uint8_t *first = arena_alloc(&arena, 16);
	uint8_t *second = arena_alloc(&arena, 16);

	assert_ptr_equal(first + 16, second);
	arena_fini(&arena);
}

static void test_reset_keeps_one_chunk(void **state)
{
	struct arena arena = {0};

	arena_reset(&arena); /* an empty one, too */
	for (int i = 0; i < 1000; i++)
		arena_alloc(&arena, 1000);

	struct arena_chunk *newest = arena.chunks;

	arena_reset(&arena);
	assert_ptr_equal(arena.chunks, newest);
	arena_alloc(&arena, 1000);
	assert_ptr_equal(arena.chunks, newest);
	arena_fini(&arena);
}

static void test_strings(void **state)
{
	struct arena arena = {0};
	char long_text[10000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&arena, NULL, 0), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
	assert_string_equal(arena_printf(&arena, "%s", long_text), long_text);
	arena_fini(&arena);
}

static char ended[8];

static void end(void *what)
{
	strncat(ended, what, 1);
}

static void test_what_is_owned_ends_with_it(void **state)
{
	struct arena arena = {0}, other = {0};

	ended[0] = '\0';
	arena_on_end(&arena, end, (char[]){"a"});
	arena_on_end(&arena, end, (char[]){"b"});
	arena_reset(&arena);
	assert_string_equal(ended, "ba");
	arena_on_end(&arena, end, (char[]){"c"});
	arena_on_end(&other, end, (char[]){"d"});
	arena_take(&arena, &other);
	arena_fini(&other);
	assert_string_equal(ended, "ba");
	arena_fini(&arena);
	assert_string_equal(ended, "badc");
}

static void test_take(void **state)
{
	for (int is_full = 0; is_full < 2; is_full++) {
		struct arena arena = {0}, from = {0}, nothing = {0};
		char *kept = is_full ? arena_strndup(&arena, "kept", 4) : NULL;
		char *taken = arena_strndup(&from, "taken", 5), *large;

		large = arena_alloc(&from, 100000);
		memset(large, 'x', 100000);
		arena_take(&arena, &from);
		arena_take(&arena, &nothing);
		assert_null(from.chunks);
		memset(arena_alloc(&arena, 5000), 'y', 5000);
		memset(arena_alloc(&arena, 200000), 'z', 200000);
		assert_string_equal(taken, "taken");
		assert_int_equal(large[99999], 'x');
		if (kept)
			assert_string_equal(kept, "kept");
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(test_small_allocations_share_chunks),
		cmocka_unit_test(test_reset_keeps_one_chunk),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_what_is_owned_ends_with_it),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
