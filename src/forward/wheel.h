/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers by the thousand: a wheel of a slot for each millisecond, so that setting and clearing one
 * costs the same however many there are. Embedded in what waits; a timer that is too far away for
 * the wheel comes early, and its owner sets it again. Time is an argument. One thread.
 */
#ifndef KANAME_FORWARD_WHEEL_H
#define KANAME_FORWARD_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include <urcu/list.h>

#define WHEEL_SLOTS 8192u /* a power of two; more than the 5 s of a deadline */

struct wheel_timer {
	struct cds_list_head link; /* private */
	bool is_set;
	uint64_t at_ms;
};

struct wheel {
	uint64_t now_ms; /* everything before has fired */
	unsigned n;
	uint64_t filled[WHEEL_SLOTS / 64]; /* slots that may hold a timer */
	struct cds_list_head slots[WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Sets the timer, or moves it. A time that has passed fires at the next wheel_take. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t at_ms);
void wheel_clear(struct wheel *wheel, struct wheel_timer *timer);

/* A timer that is due by now_ms, cleared, in the order of their times; NULL: none is. */
struct wheel_timer *wheel_take(struct wheel *wheel, uint64_t now_ms);

/* When the first timer may be due; UINT64_MAX without one. */
uint64_t wheel_next_ms(const struct wheel *wheel);

#endif
