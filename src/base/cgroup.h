/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits of the control groups that this process is in: its own and those above it. Main
 * thread.
 */
#ifndef KANAME_BASE_CGROUP_H
#define KANAME_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_UNLIMITED UINT64_MAX

/* What the group in folder[0..len) allows; CGROUP_UNLIMITED when it sets no limit. */
typedef uint64_t (*cgroup_read_limit)(const char *folder, size_t len, bool is_v2);

/* The smallest limit of all groups for this controller ("cpu", "memory"). Reads files under
 * `root`/proc and `root`/sys. */
uint64_t cgroup_least(const char *root, const char *controller, cgroup_read_limit read_limit);

/* The first line of FOLDER/NAME, false when there is none. */
bool cgroup_read_line(const char *folder, size_t len, const char *name, char line[64]);

#endif
