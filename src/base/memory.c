/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.max (version 2) or memory.limit_in_bytes (version 1), where no limit is a number that no
 * machine has.
 */
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "cgroup.h"

#define NO_LIMIT (1ull << 60)

static uint64_t read_limit(const char *folder, size_t len, bool is_v2)
{
	char line[64], *end;
	unsigned long long limit;

	if (!cgroup_read_line(folder, len, is_v2 ? "memory.max" : "memory.limit_in_bytes", line))
		return CGROUP_UNLIMITED;
	errno = 0;
	limit = strtoull(line, &end, 10); /* "max" */
	return end == line || errno != 0 || limit >= NO_LIMIT ? CGROUP_UNLIMITED : limit;
}

uint64_t memory_limit(const char *root)
{
	return cgroup_least(root, "memory", read_limit);
}
