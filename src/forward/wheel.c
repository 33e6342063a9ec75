/* SPDX-License-Identifier: Apache-2.0
 *
 * Slot at_ms % WHEEL_SLOTS holds the timers of that millisecond. All set times lie in
 * [now_ms, now_ms + WHEEL_SLOTS), so that a slot never mixes two rounds. The bitmap finds the next
 * slot that may hold something; a bit is cleared when its slot is passed.
 */
#include "wheel.h"

#include "base/check.h"

#define MASK (WHEEL_SLOTS - 1u)
#define WORDS (WHEEL_SLOTS / 64u)

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	*wheel = (struct wheel){.now_ms = now_ms};
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		CDS_INIT_LIST_HEAD(&wheel->slots[i]);
}

void wheel_clear(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!timer->is_set)
		return;
	cds_list_del(&timer->link);
	timer->is_set = false;
	wheel->n--;
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t at_ms)
{
	wheel_clear(wheel, timer);
	if (at_ms < wheel->now_ms)
		at_ms = wheel->now_ms;
	if (at_ms - wheel->now_ms >= WHEEL_SLOTS)
		at_ms = wheel->now_ms + WHEEL_SLOTS - 1;

	unsigned slot = (unsigned)at_ms & MASK;

	timer->at_ms = at_ms;
	timer->is_set = true;
	cds_list_add_tail(&timer->link, &wheel->slots[slot]);
	wheel->filled[slot / 64] |= 1ull << slot % 64;
	wheel->n++;
}

/* The first millisecond from now_ms on whose slot may hold something. */
static uint64_t next_filled(const struct wheel *wheel)
{
	unsigned start = (unsigned)wheel->now_ms & MASK;

	for (unsigned i = 0; i <= WORDS; i++) {
		unsigned word = (start / 64 + i) % WORDS;
		uint64_t bits = wheel->filled[word];

		if (i == 0)
			bits &= ~0ull << start % 64;
		else if (i == WORDS)
			bits &= ~(~0ull << start % 64);
		if (bits != 0) {
			unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);

			return wheel->now_ms + ((slot - start) & MASK);
		}
	}
	return UINT64_MAX;
}

struct wheel_timer *wheel_take(struct wheel *wheel, uint64_t now_ms)
{
	while (wheel->n > 0) {
		uint64_t next_ms = next_filled(wheel);
		struct cds_list_head *slot = &wheel->slots[next_ms & MASK];
		struct wheel_timer *timer;

		if (next_ms > now_ms)
			break;
		wheel->now_ms = next_ms;
		if (!cds_list_empty(slot)) {
			timer = cds_list_first_entry(slot, struct wheel_timer, link);
			wheel_clear(wheel, timer);
			return timer;
		}
		wheel->filled[(next_ms & MASK) / 64] &= ~(1ull << next_ms % 64);
	}
	if (wheel->now_ms < now_ms)
		wheel->now_ms = now_ms;
	return NULL;
}

uint64_t wheel_next_ms(const struct wheel *wheel)
{
	return wheel->n > 0 ? next_filled(wheel) : UINT64_MAX;
}
