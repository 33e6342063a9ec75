/* SPDX-License-Identifier: Apache-2.0
 *
 * /proc/self/cgroup names the process' groups, one hierarchy a line: "0::/a/b" (version 2) or
 * "4:cpu,cpuacct:/a/b" (version 1). Every group from there up to the root limits the process. In a
 * container the path may be the host's while what is mounted begins at the container's own group:
 * files that are not there are skipped, and the mounted root is read last.
 */
#include "cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct walk {
	const char *root;
	const char *controller;
	cgroup_read_limit read_limit;
};

bool cgroup_read_line(const char *folder, size_t len, const char *name, char line[64])
{
	char path[PATH_MAX + 32];
	FILE *file;
	bool has_line;

	snprintf(path, sizeof(path), "%.*s/%s", (int)len, folder, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	has_line = fgets(line, 64, file) != NULL;
	fclose(file);
	return has_line;
}

/* The smallest limit of a group and those above it, up to where the hierarchy is mounted. */
static uint64_t least_of(const struct walk *walk, const char *mount, const char *group, bool is_v2)
{
	char folder[PATH_MAX];
	size_t mount_len = strlen(mount);
	int len = snprintf(folder, sizeof(folder), "%s%s", mount, group);
	uint64_t least = CGROUP_UNLIMITED;

	/* A group outside of what is mounted is told as "/../x". */
	if (len < 0 || (size_t)len >= sizeof(folder) || strstr(group, "/.."))
		len = (int)mount_len;

	for (size_t at = (size_t)len;; at--) {
		if (at == mount_len || folder[at] == '/' || at == (size_t)len) {
			uint64_t limit = walk->read_limit(folder, at, is_v2);

			if (limit < least)
				least = limit;
		}
		if (at == mount_len)
			return least;
	}
}

/* Is the controller among the comma separated ones? */
static bool has_controller(const char *controllers, const char *controller)
{
	size_t len = strlen(controller);

	for (const char *c = controllers; c; c = strchr(c, ',')) {
		c += *c == ',';
		if (strncmp(c, controller, len) == 0 && (c[len] == '\0' || c[len] == ','))
			return true;
	}
	return false;
}

/* One line of /proc/self/cgroup, cut in place. */
static uint64_t read_group(const struct walk *walk, char *line)
{
	char mount[PATH_MAX];
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return CGROUP_UNLIMITED;
	*group++ = '\0';
	controllers++;
	group[strcspn(group, "\n")] = '\0';

	bool is_v2 = *controllers == '\0';

	if (!is_v2 && !has_controller(controllers, walk->controller))
		return CGROUP_UNLIMITED;
	/* Version 1 mounts a hierarchy under its controllers' names. */
	if (snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup%s%s", walk->root, is_v2 ? "" : "/",
		     controllers) >= (int)sizeof(mount))
		return CGROUP_UNLIMITED;
	return least_of(walk, mount, group, is_v2);
}

uint64_t cgroup_least(const char *root, const char *controller, cgroup_read_limit read_limit)
{
	const struct walk walk = {root, controller, read_limit};
	char path[PATH_MAX], line[PATH_MAX + 256];
	uint64_t least = CGROUP_UNLIMITED;
	FILE *file = NULL;

	if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) < (int)sizeof(path))
		file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		uint64_t limit = read_group(&walk, line);

		if (limit < least)
			least = limit;
	}
	if (file)
		fclose(file);
	return least;
}
