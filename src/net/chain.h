/* SPDX-License-Identifier: Apache-2.0
 *
 * A doubly linked ring through its members: the head is a link of its own, an empty chain points to
 * itself. Any thread, one at a time.
 */
#ifndef KANAME_NET_CHAIN_H
#define KANAME_NET_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

struct chain {
	struct chain *prev, *next; /* borrowed */
};

/* The struct of this type whose `member` is at link. */
#define CHAIN_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void chain_init(struct chain *link)
{
	link->prev = link->next = link;
}

static inline bool chain_is_empty(const struct chain *head)
{
	return head->next == head;
}

/* Leaves the link alone, as after chain_init. */
static inline void chain_remove(struct chain *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	chain_init(link);
}

static inline void chain_append(struct chain *head, struct chain *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Moves all of `from` to the end of `to`. */
static inline void chain_take(struct chain *to, struct chain *from)
{
	while (!chain_is_empty(from)) {
		struct chain *link = from->next;

		chain_remove(link);
		chain_append(to, link);
	}
}

#endif
