/* SPDX-License-Identifier: Apache-2.0
 *
 * /debug/top: which names and clients are asked for and ask most, and which names do not exist, of
 * the last seconds and the last minutes. Estimates in fixed memory: what takes more than a
 * hundredth of all queries is there, with a count that is at most a hundredth of all too high.
 */
#ifndef KANAME_QUERY_TOP_H
#define KANAME_QUERY_TOP_H

#include "query/query.h"

/* Plain text, of all workers together. Any thread while the workers live; it waits for no worker,
 * and none for it. */
void query_top_write(struct query_worker *const *workers, size_t n_workers, struct text *body);

#endif
