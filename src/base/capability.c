/* SPDX-License-Identifier: Apache-2.0
 *
 * Two system calls, so no library: glibc has no wrapper of them, and libcap would be one more file
 * in the image.
 */
#include "base/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

int capability_settle(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct *low = &sets[CAP_TO_INDEX(CAP_NET_BIND_SERVICE)];

	if (syscall(SYS_capget, &header, sets) != 0)
		return -errno;
	low->effective |= low->permitted & CAP_TO_MASK(CAP_NET_BIND_SERVICE);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].permitted = sets[i].effective;
	return syscall(SYS_capset, &header, sets) == 0 ? 0 : -errno;
}
