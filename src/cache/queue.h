/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries of one policy and type in the order they came in, with SIEVE's hand: an entry that was
 * hit since the hand passed stays, another goes. Each step of the hand is paid for by a hit.
 */
#ifndef KANAME_CACHE_QUEUE_H
#define KANAME_CACHE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_link {
	struct queue_link *newer, *older; /* borrowed */
	bool is_visited;
};

struct queue {
	struct queue_link *newest, *oldest;
	struct queue_link *hand; /* NULL: the oldest is next */
	uint32_t capacity;
	uint64_t n; /* a gauge, as all below: base/counter.h */
	uint64_t bytes;
	uint64_t evictions;
};

void queue_add(struct queue *queue, struct queue_link *link);
void queue_remove(struct queue *queue, struct queue_link *link);

/* What goes next; NULL when the queue is empty. Not removed yet. */
struct queue_link *queue_victim(struct queue *queue);

#endif
