/* SPDX-License-Identifier: Apache-2.0
 *
 * How many CPUs this process may use: the smaller of the affinity mask and the cgroup's quota (v2
 * cpu.max, v1 cfs). Both may change while we run. Files are read under `root`/proc and `root`/sys
 * ("" in the program, a folder in tests). Main thread.
 */
#ifndef KANAME_BASE_CPU_H
#define KANAME_BASE_CPU_H

/* Rounded up: at least 1. */
unsigned cpu_quota(const char *root);

/* As it is: half a CPU is 0.5. Above 0. */
double cpu_limit(const char *root);

#endif
