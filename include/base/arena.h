/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is freed at once: a configuration, or the scratch of one change to the table. Zeroed
 * memory is an empty arena. What it hands out is aligned for any type and lives until arena_reset
 * or arena_fini. Any thread, one at a time.
 */
#ifndef KANAME_BASE_ARENA_H
#define KANAME_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena_cleanup;

struct arena {
	struct arena_chunk *chunks;	/* owned, newest first */
	size_t used;			/* bytes used in the newest chunk */
	struct arena_cleanup *cleanups; /* in the chunks, newest first */
};

/* Zeroed memory of size_bytes. Never NULL: running out of memory aborts. */
void *arena_alloc(struct arena *arena, size_t size_bytes);

/* A NUL-terminated copy of text[0..len). */
char *arena_strndup(struct arena *arena, const char *text, size_t len);

/* A NUL-terminated formatted string. */
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* fini(what) is called, the newest first, when the arena forgets what it holds: for what its
 * content owns outside of it. */
void arena_on_end(struct arena *arena, void (*fini)(void *what), void *what);

/* All that `from` holds belongs to `arena` from now on; `from` is empty. */
void arena_take(struct arena *arena, struct arena *from);

/* Forgets everything but keeps one chunk for the next use. */
void arena_reset(struct arena *arena);

/* Frees everything; leaves an empty arena. */
void arena_fini(struct arena *arena);

#endif
