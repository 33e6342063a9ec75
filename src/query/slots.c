/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking slots; looking them up is inline in slots.h.
 */
#include "slots.h"

#define SLOTS_FIRST 16u

static void put(struct slots *slots, struct slot slot)
{
	uint32_t i = slot.hash & slots->mask;

	while (slots->items[i].number != 0)
		i = (i + 1) & slots->mask;
	slots->items[i] = slot;
}

static void grow(struct slots *slots)
{
	struct slots larger = {.n = slots->n};
	size_t n = slots->items ? 2 * ((size_t)slots->mask + 1) : SLOTS_FIRST;

	CHECK(n <= 1u << 31);
	larger.items = mem_zalloc(n * sizeof(larger.items[0]));
	larger.mask = (uint32_t)n - 1;
	for (uint32_t i = 0; slots->items && i <= slots->mask; i++) {
		if (slots->items[i].number != 0)
			put(&larger, slots->items[i]);
	}
	free(slots->items);
	*slots = larger;
}

uint32_t slots_add(struct slots *slots, uint32_t hash)
{
	if (!slots->items || slots->n >= slots->mask / 4 * 3)
		grow(slots);
	put(slots, (struct slot){hash, ++slots->n});
	return slots->n - 1;
}

void slots_fini(struct slots *slots)
{
	free(slots->items);
	*slots = (struct slots){0};
}
