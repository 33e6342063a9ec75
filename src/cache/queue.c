/* SPDX-License-Identifier: Apache-2.0
 *
 * SIEVE (Zhang and others, NSDI 2024): a queue that is never reordered. A hit sets a mark; the hand
 * walks from the oldest to the newest, takes marks away, and stops at the first entry without one.
 */
#include "queue.h"

#include "base/counter.h"

void queue_add(struct queue *queue, struct queue_link *link)
{
	link->is_visited = false;
	link->newer = NULL;
	link->older = queue->newest;
	if (queue->newest)
		queue->newest->newer = link;
	else
		queue->oldest = link;
	queue->newest = link;
	counter_add(&queue->n, 1);
}

void queue_remove(struct queue *queue, struct queue_link *link)
{
	if (queue->hand == link)
		queue->hand = link->newer;
	if (link->newer)
		link->newer->older = link->older;
	else
		queue->newest = link->older;
	if (link->older)
		link->older->newer = link->newer;
	else
		queue->oldest = link->newer;
	counter_set(&queue->n, queue->n - 1);
}

struct queue_link *queue_victim(struct queue *queue)
{
	struct queue_link *link = queue->hand ? queue->hand : queue->oldest;

	while (link && link->is_visited) {
		link->is_visited = false;
		link = link->newer ? link->newer : queue->oldest;
	}
	queue->hand = link;
	return link;
}
