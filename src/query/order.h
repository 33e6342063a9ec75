/* SPDX-License-Identifier: Apache-2.0
 *
 * A random order of n things, drawn one at a time without touching the rest: Fisher and Yates over
 * an array that is the identity between uses. Drawing k of n costs k steps whatever n is, so the
 * random part of a large record set that fits a datagram is cheap, and every thing is equally
 * likely at every place. Above ORDER_MAX things the order is a random rotation: still equally
 * likely at every place, no longer independent of its neighbours. One per worker.
 */
#ifndef KANAME_QUERY_ORDER_H
#define KANAME_QUERY_ORDER_H

#include "base/random.h"

#define ORDER_MAX 8192

struct order {
	struct random random;
	uint32_t n;	/* things in the set */
	uint32_t first; /* of a rotation */
	uint32_t drawn;
	uint16_t places[ORDER_MAX]; /* the identity while nothing is drawn */
	uint16_t swaps[ORDER_MAX];  /* what each draw swapped with, to restore the identity */
};

void order_init(struct order *order);

/* Starts an order of n things. Nothing is drawn: order_end came before. */
static inline void order_begin(struct order *order, uint32_t n)
{
	order->n = n;
	if (UNLIKELY(n > ORDER_MAX))
		order->first = random_below(&order->random, n);
}

/* The next one, in [0, n). At most n draws. */
static inline uint32_t order_draw(struct order *order)
{
	uint32_t i = order->drawn++;

	if (UNLIKELY(order->n > ORDER_MAX))
		return (order->first + i) % order->n;

	uint32_t j = i + random_below(&order->random, order->n - i);
	uint16_t place = order->places[j];

	order->places[j] = order->places[i];
	order->places[i] = place;
	order->swaps[i] = (uint16_t)j;
	return place;
}

/* Restores the identity: undoes the swaps, last first. */
static inline void order_end(struct order *order)
{
	if (UNLIKELY(order->n > ORDER_MAX))
		order->drawn = 0;
	while (order->drawn > 0) {
		uint32_t i = --order->drawn, j = order->swaps[i];
		uint16_t place = order->places[j];

		order->places[j] = order->places[i];
		order->places[i] = place;
	}
}

#endif
