/* SPDX-License-Identifier: Apache-2.0
 *
 * The affinity mask, and of each control group cpu.max (version 2) or cpu.cfs_quota_us and
 * cpu.cfs_period_us (version 1).
 */
#include "base/cpu.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>

#include "base/check.h"
#include "cgroup.h"

#define CPU_UNIT 1000000

static unsigned count_affinity(void)
{
	for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)cpus);
		size_t size = CPU_ALLOC_SIZE((size_t)cpus);

		CHECK(set != NULL);

		int error = sched_getaffinity(0, size, set) < 0 ? errno : 0;
		unsigned n = error ? 0 : (unsigned)CPU_COUNT_S(size, set);

		CPU_FREE(set);
		if (!error && n > 0)
			return n;
		if (error != EINVAL) /* EINVAL: the machine has more CPUs than the mask */
			break;
	}
	return 1;
}

/* In millionths of a CPU; as fine as the kernel's, whose period is at most a second. */
static uint64_t read_quota(const char *folder, size_t len, bool is_v2)
{
	char line[64];
	long long quota = -1, period = 0;

	if (!cgroup_read_line(folder, len, is_v2 ? "cpu.max" : "cpu.cfs_quota_us", line))
		return CGROUP_UNLIMITED;
	if (is_v2) {
		if (sscanf(line, "%lld %lld", &quota, &period) != 2) /* "max 100000" */
			return CGROUP_UNLIMITED;
	} else {
		quota = strtoll(line, NULL, 10); /* -1: no limit */
		if (!cgroup_read_line(folder, len, "cpu.cfs_period_us", line))
			return CGROUP_UNLIMITED;
		period = strtoll(line, NULL, 10);
	}
	if (quota <= 0 || period <= 0 || quota >= LLONG_MAX / CPU_UNIT - period)
		return CGROUP_UNLIMITED;
	return (uint64_t)((quota * CPU_UNIT + period - 1) / period);
}

unsigned cpu_quota(const char *root)
{
	uint64_t affinity = count_affinity();
	uint64_t quota = cgroup_least(root, "cpu", read_quota);

	return quota < affinity * CPU_UNIT ? (unsigned)((quota + CPU_UNIT - 1) / CPU_UNIT)
					   : (unsigned)affinity;
}

double cpu_limit(const char *root)
{
	double affinity = count_affinity();
	double quota = (double)cgroup_least(root, "cpu", read_quota) / CPU_UNIT;

	return quota < affinity ? quota : affinity;
}
