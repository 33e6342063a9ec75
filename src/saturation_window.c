/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of SATURATION_SECONDS values for the process, and one for each worker.
 */
#include "saturation_window.h"

#include <string.h>

#include "base/memory.h"

/* Of the process only cpu is used. */
struct saturation_values {
	double queue[SATURATION_SECONDS];
	double slots[SATURATION_SECONDS];
	double cpu[SATURATION_SECONDS];
};

void saturation_window_init(struct saturation_window *window, unsigned n_workers)
{
	*window = (struct saturation_window){.n_workers = n_workers};
	window->process = mem_zalloc(sizeof(*window->process));
	window->workers = mem_zalloc(n_workers * sizeof(window->workers[0]));
	window->last_workers = mem_zalloc(n_workers * sizeof(window->last_workers[0]));
}

void saturation_window_fini(struct saturation_window *window)
{
	free(window->process);
	free(window->workers);
	free(window->last_workers);
	*window = (struct saturation_window){0};
}

/* Of 0..1, whatever comes: what is no number is 0. */
static double part_of(double amount, double full)
{
	double part = full > 0 ? amount / full : 0;

	if (!(part > 0))
		return 0;
	return part < 1 ? part : 1;
}

/* A counter that went back says nothing: its thread has ended. */
static double since(uint64_t last, uint64_t now)
{
	return now > last ? (double)(now - last) : 0;
}

static double mean_wait_ns(const struct net_load *last, const struct net_load *now)
{
	double n = since(last->n_waits, now->n_waits);

	return n > 0 ? since(last->wait_ns, now->wait_ns) / n : 0;
}

/* Waits alone are not load: a process that sleeps is woken up late where its neighbours are busy.
 */
static double queue_part(const struct net_load *last, const struct net_load *now)
{
	double lost = since(last->n_lost, now->n_lost);
	double all = lost + since(last->n_received, now->n_received);
	double loss = part_of(lost, all / SATURATION_LOST_FULL);
	double wait = part_of(mean_wait_ns(last, now), SATURATION_QUEUE_FULL_NS);

	return loss > wait ? loss : wait;
}

/* The values of one more second. */
static void step(struct saturation_window *window, const struct saturation_sample *sample,
		 double passed_ns)
{
	unsigned at = window->at;

	for (unsigned i = 0; i < window->n_workers; i++) {
		const struct net_load *last = &window->last_workers[i], *now = &sample->workers[i];
		struct saturation_values *values = &window->workers[i];

		values->queue[at] = queue_part(last, now);
		values->slots[at] = part_of(now->slots, 1);
		values->cpu[at] = part_of(since(last->cpu_ns, now->cpu_ns), passed_ns);
	}
	window->process->cpu[at] =
		part_of(since(window->last_cpu_ns, sample->cpu_ns), passed_ns * sample->cpus);
	window->at = (at + 1) % SATURATION_SECONDS;
}

void saturation_window_add(struct saturation_window *window, const struct saturation_sample *sample)
{
	double passed_ns = since(window->last_ns, sample->now_ns);

	if (window->has_last) {
		if (!(passed_ns > 0))
			return;
		/* Who hardly runs takes few samples: each is of all the seconds since the last. */
		step(window, sample, passed_ns);
		for (unsigned i = 1; i < SATURATION_SECONDS && i + 0.5 <= passed_ns / 1e9; i++)
			step(window, sample, passed_ns);
	}
	memcpy(window->last_workers, sample->workers,
	       window->n_workers * sizeof(sample->workers[0]));
	window->has_last = true;
	window->last_ns = sample->now_ns;
	window->last_cpu_ns = sample->cpu_ns;
}

static double mean(const double values[SATURATION_SECONDS])
{
	double sum = 0;

	for (unsigned i = 0; i < SATURATION_SECONDS; i++)
		sum += values[i];
	return part_of(sum, SATURATION_SECONDS);
}

static void raise_to(double *part, double value)
{
	if (value > *part)
		*part = value;
}

struct saturation_parts saturation_window_parts(const struct saturation_window *window)
{
	struct saturation_parts parts = {.cpu = mean(window->process->cpu)};

	for (unsigned i = 0; i < window->n_workers; i++) {
		const struct saturation_values *values = &window->workers[i];

		raise_to(&parts.queue, mean(values->queue));
		raise_to(&parts.slots, mean(values->slots));
		raise_to(&parts.cpu, mean(values->cpu));
		parts.has_queue |= window->last_workers[i].has_waits || !window->has_last ||
				   window->last_workers[i].n_lost > 0;
	}
	raise_to(&parts.largest, parts.queue);
	raise_to(&parts.largest, parts.slots);
	raise_to(&parts.largest, parts.cpu);
	return parts;
}
