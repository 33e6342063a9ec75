/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory this process may use: the smallest limit of its control groups.
 */
#ifndef KANAME_BASE_MEMORY_H
#define KANAME_BASE_MEMORY_H

#include <stdint.h>

/* Octets; UINT64_MAX without a limit. Reads files under `root`/proc and `root`/sys ("" in the
 * program, a folder in tests). Any thread. */
uint64_t memory_limit(const char *root);

#endif
