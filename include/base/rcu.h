/* SPDX-License-Identifier: Apache-2.0
 *
 * How threads share what is read on every query: liburcu's QSBR flavour. A reader thread registers
 * once, is "in" while it may hold borrowed pointers and "out" while it sleeps (so that it never
 * delays a writer). Writers publish, then wait for a grace period, then free. ThreadSanitizer does
 * not see liburcu's ordering, so it is told here and nowhere else.
 *
 * The happy path of a worker: rcu_register; for each batch rcu_enter, lookups, rcu_leave;
 * rcu_unregister.
 */
#ifndef KANAME_BASE_RCU_H
#define KANAME_BASE_RCU_H

/* Once per thread, before and after everything else; the thread is "out". */
void rcu_register(void);
void rcu_unregister(void);

/* Not nested. Never sleep between them. */
void rcu_enter(void);
void rcu_leave(void);

/* Waits until every reader that was in has been out. Registered threads only, called while out. */
void rcu_wait(void);

#endif
