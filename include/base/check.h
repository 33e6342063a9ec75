/* SPDX-License-Identifier: Apache-2.0
 *
 * What the whole program says about errors (style.md, "Errors").
 *
 * CHECK(x) is for bugs only: it aborts in every build and is never applied to what came from a
 * packet, the API server or a file. Outcomes are enums; failures of the outside world are 0 or
 * -errno. Any thread.
 */
#ifndef KANAME_BASE_CHECK_H
#define KANAME_BASE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                              \
	do {                                                  \
		if (__builtin_expect(!(x), 0))                \
			check_failed(#x, __FILE__, __LINE__); \
	} while (0)

/* The result says whether it worked: it has to be looked at. */
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

__attribute__((noreturn, cold)) static inline void check_failed(const char *what, const char *file,
								int line)
{
	fprintf(stderr, "kaname: bug: %s does not hold at %s:%d\n", what, file, line);
	abort();
}

/* malloc, realloc and calloc that abort when memory is out (style.md 11); the caller frees. */
static inline void *mem_alloc(size_t size_bytes)
{
	void *p = malloc(size_bytes ? size_bytes : 1);

	CHECK(p != NULL);
	return p;
}

static inline void *mem_zalloc(size_t size_bytes)
{
	void *p = calloc(1, size_bytes ? size_bytes : 1);

	CHECK(p != NULL);
	return p;
}

static inline void *mem_realloc(void *old, size_t size_bytes)
{
	void *p = realloc(old, size_bytes ? size_bytes : 1);

	CHECK(p != NULL);
	return p;
}

#endif
