/* SPDX-License-Identifier: Apache-2.0
 *
 * How many CPUs this process may use: the smaller of the affinity mask and the cgroup's quota (v2
 * cpu.max, v1 cfs), rounded up.
 */
#ifndef KANAME_BASE_CPU_H
#define KANAME_BASE_CPU_H

/* At least 1. Reads files under `root`/proc and `root`/sys ("" in the program, a folder in tests).
 * Main thread, at start. */
unsigned cpu_quota(const char *root);

#endif
