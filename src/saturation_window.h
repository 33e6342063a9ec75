/* SPDX-License-Identifier: Apache-2.0
 *
 * From samples of what the process and its workers did, taken about once a second, to how full it
 * is: three parts of 0..1. Arithmetic only; time comes with the samples. Any thread, one at a time.
 *
 * Each second gives values of 0..1, by what changed since the sample before. A part is the mean of
 * its last SATURATION_SECONDS values; of a part that workers have each on their own, the mean of
 * the worker that has the largest. So it rises and falls by a tenth a second at most: a stall of a
 * second, however long queries waited in it, is a tenth, and only what lasts is 1. A process that
 * hardly runs takes fewer samples: each is of all the seconds since the one before. Seconds before
 * the start were idle ones.
 *
 * - queue: how long the head of the receive queues had waited, in the mean of the second's looks,
 *   as a part of SATURATION_QUEUE_FULL_NS; or how many queries the full queues lost, as a part of
 *   one in SATURATION_LOST_FULL of all; whatever is larger. Wake-ups, which take milliseconds on a
 *   node with busy neighbours, are little of that wait: an idle server has nothing to scale for. A
 *   queue that is too short for such waits tells by what it loses.
 * - slots: as net_loads tells.
 * - cpu: CPU time of the process as a part of what its quota allows, and that of each worker's
 *   thread as a part of the time that passed, whatever is larger.
 */
#ifndef KANAME_SATURATION_WINDOW_H
#define KANAME_SATURATION_WINDOW_H

#include "net/net.h"

#define SATURATION_SECONDS 10
#define SATURATION_QUEUE_FULL_NS 100000000
#define SATURATION_LOST_FULL 100 /* one in so many */

struct saturation_sample {
	uint64_t now_ns;		/* never goes back */
	uint64_t cpu_ns;		/* that the process took */
	double cpus;			/* that it may use; 0.5 is half a CPU */
	const struct net_load *workers; /* as many as the window has; borrowed for the call */
};

struct saturation_values;

struct saturation_window {
	struct saturation_values *process; /* owned */
	struct saturation_values *workers; /* owned, n_workers of them */
	unsigned n_workers;
	struct net_load *last_workers; /* owned; of the last sample, as these */
	uint64_t last_ns, last_cpu_ns;
	bool has_last;
	unsigned at; /* of all values: the oldest */
};

struct saturation_parts {
	double queue, slots, cpu;
	double largest;
	bool has_queue; /* else the kernel does not tell, and it is 0 */
};

void saturation_window_init(struct saturation_window *window, unsigned n_workers);
/* Safe on a zeroed struct. */
void saturation_window_fini(struct saturation_window *window);

/* The first sample only begins; one that comes without any time between is left out. */
void saturation_window_add(struct saturation_window *window,
			   const struct saturation_sample *sample);

struct saturation_parts saturation_window_parts(const struct saturation_window *window);

#endif
