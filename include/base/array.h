/* SPDX-License-Identifier: Apache-2.0
 *
 * A growable array of any element type: `ARRAY(struct port) ports = {0};`, ARRAY_PUSH(&ports, p),
 * ports.items[i], ports.len, ARRAY_FINI(&ports). Zeroed memory is an empty array. Growth doubles;
 * running out of memory aborts, so the caller bounds what outsiders can make it hold. Any thread,
 * one at a time.
 */
#ifndef KANAME_BASE_ARRAY_H
#define KANAME_BASE_ARRAY_H

#include <stddef.h>

#include "base/check.h"

#define ARRAY(type)                      \
	struct {                         \
		type *items; /* owned */ \
		size_t len;              \
		size_t cap;              \
	}

#define ARRAY_PUSH(array, item)                                                                 \
	do {                                                                                    \
		if ((array)->len == (array)->cap) {                                             \
			(array)->cap = (array)->cap ? (array)->cap * 2 : 8;                     \
			(array)->items = mem_realloc((array)->items,                            \
						     (array)->cap * sizeof((array)->items[0])); \
		}                                                                               \
		(array)->items[(array)->len++] = (item);                                        \
	} while (0)

/* Frees the array's own memory, not what the elements point to; leaves an empty array. */
#define ARRAY_FINI(array)                        \
	do {                                     \
		free((array)->items);            \
		(array)->items = NULL;           \
		(array)->len = (array)->cap = 0; \
	} while (0)

#endif
