/* SPDX-License-Identifier: Apache-2.0
 *
 * liburcu's QSBR flavour under our four words. A registered thread starts and sleeps offline, so a
 * grace period waits only for threads that are inside a batch.
 */
#include "base/rcu.h"

#include <urcu/urcu-qsbr.h>

#include "base/tsan.h"

static const char grace_period = 0; /* an address for the sanitizer */

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
	TSAN_RELEASE(&grace_period);
	urcu_qsbr_thread_offline();
}

void rcu_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	TSAN_ACQUIRE(&grace_period);
}
