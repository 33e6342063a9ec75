/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotas are read from a folder made for each case; how many CPUs the affinity mask holds is said
 * here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/cpu.h"
#include "base/memory.h"

/* The mask of a machine with so many CPUs, all of them allowed. */
static unsigned affinity_cpus;

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	if (affinity_cpus > size * 8) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO_S(size, set);
	for (unsigned i = 0; i < affinity_cpus; i++)
		CPU_SET_S(i, size, set);
	return 0;
}

struct file {
	const char *path, *content;
};

struct cpu_case {
	const char *name;
	unsigned affinity;
	struct file files[6];
	double want; /* rounded up it is cpu_quota */
};

#define GROUP(line)                      \
	{                                \
		"proc/self/cgroup", line \
	}

static const struct cpu_case cases[] = {
	{"no cgroups", 4, {{0}}, 4},
	{"more CPUs than fit a fixed mask", 5000, {{0}}, 5000},
	{"v2, no limit", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "max 100000\n"}}, 4},
	{"v2, whole", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "200000 100000\n"}}, 2},
	{"v2, rounded up", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "110000 100000\n"}}, 1.1},
	{"v2, less than one",
	 4,
	 {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "5000 100000\n"}},
	 0.05},
	{"v2, more than the mask",
	 2,
	 {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "9900000 100000\n"}},
	 2},
	{"v2, nested, the parent is smaller",
	 8,
	 {GROUP("0::/pods/a\n"),
	  {"sys/fs/cgroup/pods/a/cpu.max", "400000 100000\n"},
	  {"sys/fs/cgroup/pods/cpu.max", "300000 100000\n"},
	  {"sys/fs/cgroup/cpu.max", "max 100000\n"}},
	 3},
	{"v2, nested, the child is smaller",
	 8,
	 {GROUP("0::/pods/a\n"),
	  {"sys/fs/cgroup/pods/a/cpu.max", "200000 100000\n"},
	  {"sys/fs/cgroup/pods/cpu.max", "300000 100000\n"}},
	 2},
	{"v2, a sibling does not count",
	 8,
	 {GROUP("0::/pods/a\n"), {"sys/fs/cgroup/pods/b/cpu.max", "200000 100000\n"}},
	 8},
	{"v2, the host's path in a container",
	 8,
	 {GROUP("0::/kubepods/pod1/c1\n"), {"sys/fs/cgroup/cpu.max", "200000 100000\n"}},
	 2},
	{"v2, outside of what is mounted",
	 8,
	 {GROUP("0::/../other\n"), {"sys/fs/cgroup/cpu.max", "200000 100000\n"}},
	 2},
	{"v1",
	 8,
	 {GROUP("7:pids:/\n4:cpu,cpuacct:/docker/x\n0::/\n"),
	  {"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "250000\n"},
	  {"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n"}},
	 2.5},
	{"v1, mounted at the container's group",
	 8,
	 {GROUP("4:cpu:/docker/x\n"),
	  {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"},
	  {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "10000\n"}},
	 5},
	{"v1, no limit",
	 8,
	 {GROUP("4:cpu:/\n"),
	  {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
	  {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
	 8},
	{"v1, cpuset is another controller",
	 8,
	 {GROUP("4:cpuset:/\n"),
	  {"sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "100000\n"},
	  {"sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000\n"}},
	 8},
	{"a period of zero", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "100000 0\n"}}, 4},
	{"a quota of zero", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "0 100000\n"}}, 4},
	{"v2, more than can be counted",
	 4,
	 {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "9223372036854775807 1\n"}},
	 4},
	{"v2, a little more than two",
	 4,
	 {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", "2000001 1000000\n"}},
	 2.000001},
	{"garbage", 4, {GROUP("::\nnonsense\n0:\n"), {"sys/fs/cgroup/cpu.max", "a b\n"}}, 4},
	{"an empty file", 4, {GROUP("0::/\n"), {"sys/fs/cgroup/cpu.max", ""}}, 4},
};

static void write_file(struct arena *arena, const char *root, const struct file *file)
{
	char *path = arena_printf(arena, "%s/%s", root, file->path);

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}

	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	fputs(file->content, stream);
	assert_int_equal(fclose(stream), 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	return remove(path);
}

static void test_quotas(void **state)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct cpu_case *c = &cases[i];
		char root[] = "/tmp/test_cpu_XXXXXX";

		assert_non_null(mkdtemp(root));
		for (size_t j = 0; j < ARRAY_LEN(c->files) && c->files[j].path; j++)
			write_file(&arena, root, &c->files[j]);
		affinity_cpus = c->affinity;

		unsigned got = cpu_quota(root);
		double limit = cpu_limit(root);

		nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		if (got != (unsigned)ceil(c->want) || fabs(limit - c->want) > 1e-9)
			fail_msg("%s: want %g, got %u and %g", c->name, c->want, got, limit);
	}
	arena_fini(&arena);
}

static const struct {
	const char *name;
	struct file files[4];
	uint64_t want;
} memory_cases[] = {
	{"no cgroup", {{NULL, NULL}}, UINT64_MAX},
	{"v2", {GROUP("0::/\n"), {"sys/fs/cgroup/memory.max", "178257920\n"}}, 178257920},
	{"v2, no limit", {GROUP("0::/\n"), {"sys/fs/cgroup/memory.max", "max\n"}}, UINT64_MAX},
	{"v2, the parent is smaller",
	 {GROUP("0::/pods/a\n"),
	  {"sys/fs/cgroup/pods/a/memory.max", "300\n"},
	  {"sys/fs/cgroup/pods/memory.max", "200\n"}},
	 200},
	{"v1",
	 {GROUP("9:memory:/x\n4:cpu:/y\n"),
	  {"sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n"},
	  {"sys/fs/cgroup/cpu/y/memory.limit_in_bytes", "1\n"}},
	 4096},
	{"v1, no limit",
	 {GROUP("9:memory:/\n"),
	  {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
	 UINT64_MAX},
};

static void test_memory(void **state)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LEN(memory_cases); i++) {
		char root[] = "/tmp/test_memory_XXXXXX";
		uint64_t got;

		assert_non_null(mkdtemp(root));
		for (size_t j = 0; j < 4 && memory_cases[i].files[j].path; j++)
			write_file(&arena, root, &memory_cases[i].files[j]);
		got = memory_limit(root);
		nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		if (got != memory_cases[i].want)
			fail_msg("%s: got %llu", memory_cases[i].name, (unsigned long long)got);
	}
	arena_fini(&arena);
}

static void test_a_root_too_long_for_a_path(void **state)
{
	char root[5000];

	memset(root, 'x', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	affinity_cpus = 3;
	assert_int_equal(cpu_quota(root), 3);
}

static void test_this_machine(void **state)
{
	affinity_cpus = 3;
	assert_in_range(cpu_quota(""), 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_a_root_too_long_for_a_path),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
