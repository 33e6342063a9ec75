/* SPDX-License-Identifier: Apache-2.0
 *
 * The identity to start with; the rest is inline in order.h.
 */
#include "order.h"

void order_init(struct order *order)
{
	random_init(&order->random);
	order->drawn = 0;
	for (uint32_t i = 0; i < ORDER_MAX; i++)
		order->places[i] = (uint16_t)i;
}
