/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/self/cgroup names the process' groups, one hierarchy a line: "0::/a/b" (version 2) or
 * "4:cpu,cpuacct:/a/b" (version 1). Every group from there up to the root limits the process. In a
 * container the path may be the host's while what is mounted begins at the container's own group:
 * files that are not there are skipped, and the mounted root is read last.
 */
#include "base/cpu.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

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

/* The first line of a file, false when there is none. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool has_line;

	if (!file)
		return false;
	has_line = fgets(line, size, file) != NULL;
	fclose(file);
	return has_line;
}

/* What one group allows, rounded up; UINT_MAX when it sets no limit. folder[0..len) names it. */
static unsigned read_quota(const char *folder, size_t len, bool is_v2)
{
	char path[PATH_MAX + 32], line[64];
	long long quota = -1, period = 0;

	snprintf(path, sizeof(path), "%.*s/%s", (int)len, folder,
		 is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
	if (!read_line(path, line, sizeof(line)))
		return UINT_MAX;
	if (is_v2) {
		if (sscanf(line, "%lld %lld", &quota, &period) != 2) /* "max 100000" */
			return UINT_MAX;
	} else {
		quota = strtoll(line, NULL, 10); /* -1: no limit */
		snprintf(path, sizeof(path), "%.*s/cpu.cfs_period_us", (int)len, folder);
		if (!read_line(path, line, sizeof(line)))
			return UINT_MAX;
		period = strtoll(line, NULL, 10);
	}
	if (quota <= 0 || period <= 0 || quota / period >= UINT_MAX)
		return UINT_MAX;
	return (unsigned)(quota / period + (quota % period != 0));
}

/* The smallest quota of a group and those above it, up to where the hierarchy is mounted. */
static unsigned least_quota(const char *mount, const char *group, bool is_v2)
{
	char folder[PATH_MAX];
	size_t mount_len = strlen(mount);
	int len = snprintf(folder, sizeof(folder), "%s%s", mount, group);
	unsigned least = UINT_MAX;

	/* A group outside of what is mounted is told as "/../x". */
	if (len < 0 || (size_t)len >= sizeof(folder) || strstr(group, "/.."))
		len = (int)mount_len;

	for (size_t at = (size_t)len;; at--) {
		if (at == mount_len || folder[at] == '/' || at == (size_t)len) {
			unsigned quota = read_quota(folder, at, is_v2);

			if (quota < least)
				least = quota;
		}
		if (at == mount_len)
			return least;
	}
}

/* "cpu" among the comma separated controllers. */
static bool has_cpu(const char *controllers)
{
	for (const char *c = controllers; c; c = strchr(c, ',')) {
		c += *c == ',';
		if (strncmp(c, "cpu", 3) == 0 && (c[3] == '\0' || c[3] == ','))
			return true;
	}
	return false;
}

/* One line of /proc/self/cgroup, cut in place. */
static unsigned read_group(const char *root, char *line)
{
	char mount[PATH_MAX];
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return UINT_MAX;
	*group++ = '\0';
	controllers++;
	group[strcspn(group, "\n")] = '\0';

	bool is_v2 = *controllers == '\0';

	if (!is_v2 && !has_cpu(controllers))
		return UINT_MAX;
	/* Version 1 mounts a hierarchy under its controllers' names. */
	if (snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup%s%s", root, is_v2 ? "" : "/",
		     controllers) >= (int)sizeof(mount))
		return UINT_MAX;
	return least_quota(mount, group, is_v2);
}

unsigned cpu_quota(const char *root)
{
	char path[PATH_MAX], line[PATH_MAX + 256];
	unsigned least = count_affinity();
	FILE *file = NULL;

	if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) < (int)sizeof(path))
		file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned quota = read_group(root, line);

		if (quota < least)
			least = quota;
	}
	if (file)
		fclose(file);
	return least;
}
