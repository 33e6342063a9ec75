/* SPDX-License-Identifier: Apache-2.0
 *
 * liburcu's QSBR flavour under our four words. A registered thread starts and sleeps offline, so a
 * grace period waits only for threads that are inside a batch.
 */
#include "base/rcu.h"

#include <urcu/urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static char grace_period; /* an address for the sanitizer; holds nothing */
#define TSAN_ACQUIRE() __tsan_acquire(&grace_period)
#define TSAN_RELEASE() __tsan_release(&grace_period)
#else
#define TSAN_ACQUIRE() ((void)0)
#define TSAN_RELEASE() ((void)0)
#endif

void rcu_register(void)
{
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
}

void rcu_unregister(void)
{
	urcu_qsbr_unregister_thread();
}

void rcu_enter(void)
{
	urcu_qsbr_thread_online();
}

void rcu_leave(void)
{
	TSAN_RELEASE();
	urcu_qsbr_thread_offline();
}

void rcu_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	TSAN_ACQUIRE();
}
