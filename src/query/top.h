/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's sketches of names and clients for /debug/top. Worker thread; query_top_write reads
 * what the worker has published.
 */
#ifndef KANAME_QUERY_PRIVATE_TOP_H
#define KANAME_QUERY_PRIVATE_TOP_H

#include "query/top.h"

/* The head of a worker's sketches. */
struct top {
	uint32_t left;	 /* queries until one is counted, that one included */
	uint32_t weight; /* for how many it will stand */
};

struct top *top_new(void);
void top_free(struct top *top);

/* Counts this query for all since the last that was counted. Not inline: query_finish would save
 * registers for it. */
__attribute__((noinline)) void top_sample(struct top *top, const struct query_input *input,
					  const struct query_output *output);

/* A query was answered: nearly always a decrement. */
static inline void top_count(struct top *top, const struct query_input *input,
			     const struct query_output *output)
{
	if (UNLIKELY(--top->left == 0))
		top_sample(top, input, output);
}

/* Once a second: publishes, and ends windows whose time is over. */
void top_tick(struct top *top, uint64_t now_ns);

/* query_top_write for tops. */
void top_write(struct top *const *tops, size_t n_tops, struct text *body);

#endif
