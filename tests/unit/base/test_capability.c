/* SPDX-License-Identifier: Apache-2.0
 *
 * capability_settle, each time in a process of its own that is no longer root. Skipped where the
 * test is not root, or has not got the capabilities that it gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/capability.h"

#define BIND CAP_TO_MASK(CAP_NET_BIND_SERVICE)
#define ADMIN CAP_TO_MASK(CAP_NET_ADMIN)
#define CHOWN CAP_TO_MASK(CAP_CHOWN)
#define NOBODY 65532

enum outcome { AS_WANTED, NOT_PREPARED, REFUSED, NOT_AS_WANTED };

struct sets {
	uint32_t permitted, effective;
};

static bool get(struct sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	*sets = (struct sets){data[0].permitted, data[0].effective};
	return data[1].permitted == 0 && data[1].effective == 0;
}

/* Another user, with these capabilities and no others. */
static bool become(const struct sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{.permitted = sets->permitted, .effective = sets->effective}};

	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0 && syscall(SYS_capset, &header, data) == 0;
}

static enum outcome settle(const struct sets *given, const struct sets *want)
{
	struct sets got;

	if (!become(given))
		return NOT_PREPARED;
	if (capability_settle() != 0)
		return REFUSED;
	return get(&got) && got.permitted == want->permitted && got.effective == want->effective
		       ? AS_WANTED
		       : NOT_AS_WANTED;
}

static const struct {
	const char *name;
	struct sets given, want;
} cases[] = {
	{"a file capability", {BIND, 0}, {BIND, BIND}},
	{"none", {0, 0}, {0, 0}},
	{"effective already", {BIND, BIND}, {BIND, BIND}},
	{"what else is only permitted goes", {BIND | CHOWN | ADMIN, 0}, {BIND, BIND}},
	{"what else is effective stays", {BIND | ADMIN, ADMIN}, {BIND | ADMIN, BIND | ADMIN}},
	{"not permitted is not effective", {CHOWN, 0}, {0, 0}},
};

static void test_settle(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			_exit(settle(&cases[i].given, &cases[i].want));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == NOT_PREPARED)
			skip();
		if (WEXITSTATUS(status) != AS_WANTED)
			fail_msg("%s: outcome %d", cases[i].name, WEXITSTATUS(status));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_settle)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
