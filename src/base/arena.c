/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks in a list, the newest first; an allocation that does not fit the newest chunk begins a new
 * one, twice as large (up to 1 MiB) or as large as asked.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

#define CHUNK_FIRST_BYTES 4096
#define CHUNK_MAX_BYTES (1u << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(max_align_t) uint8_t bytes[];
};

struct arena_cleanup {
	struct arena_cleanup *next;
	void (*fini)(void *what);
	void *what;
};

static void add_chunk(struct arena *arena, size_t least)
{
	size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_FIRST_BYTES;

	if (size > CHUNK_MAX_BYTES)
		size = CHUNK_MAX_BYTES;
	if (size < least)
		size = least;

	struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + size);

	chunk->next = arena->chunks;
	chunk->size = size;
	arena->chunks = chunk;
	arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
	size_t align = _Alignof(max_align_t);

	CHECK(size_bytes <= SIZE_MAX / 2);
	size_bytes = (size_bytes + align - 1) & ~(align - 1);
	if (!arena->chunks || size_bytes > arena->chunks->size - arena->used)
		add_chunk(arena, size_bytes);

	void *p = arena->chunks->bytes + arena->used;

	arena->used += size_bytes;
	return memset(p, 0, size_bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;

	CHECK(format != NULL); /* else UBSan makes gcc believe that it may be */
	va_start(args, format);
	va_copy(again, args);

	int len = vsnprintf(NULL, 0, format, args);

	CHECK(len >= 0);

	char *text = arena_alloc(arena, (size_t)len + 1);

	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

void arena_on_end(struct arena *arena, void (*fini)(void *what), void *what)
{
	struct arena_cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

	*cleanup = (struct arena_cleanup){arena->cleanups, fini, what};
	arena->cleanups = cleanup;
}

void arena_take(struct arena *arena, struct arena *from)
{
	struct arena_cleanup **cleanup = &from->cleanups;
	struct arena_chunk **last = &from->chunks;

	while (*cleanup)
		cleanup = &(*cleanup)->next;
	while (*last)
		last = &(*last)->next;
	if (arena->chunks) {
		/* Behind the newest, which is still being filled. */
		*last = arena->chunks->next;
		arena->chunks->next = from->chunks;
	} else {
		arena->chunks = from->chunks;
		arena->used = from->used;
	}
	*cleanup = arena->cleanups;
	arena->cleanups = from->cleanups;
	*from = (struct arena){0};
}

static void clean_up(struct arena *arena)
{
	for (struct arena_cleanup *cleanup = arena->cleanups; cleanup; cleanup = cleanup->next)
		cleanup->fini(cleanup->what);
	arena->cleanups = NULL;
}

static void free_chunks(struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

void arena_reset(struct arena *arena)
{
	clean_up(arena);
	if (arena->chunks) {
		free_chunks(arena->chunks->next);
		arena->chunks->next = NULL;
	}
	arena->used = 0;
}

void arena_fini(struct arena *arena)
{
	clean_up(arena);
	free_chunks(arena->chunks);
	*arena = (struct arena){0};
}
