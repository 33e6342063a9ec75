/* SPDX-License-Identifier: Apache-2.0
 *
 * net_loads: what tells how loaded each worker is, of its counters, its bounds and the kernel's
 * account of its thread. Nothing is asked of the worker, and nothing may fail but that a thread has
 * ended. Bounds are those of the configuration that was given last: a worker that has not switched
 * yet may be over them. Main thread.
 */
#include "base/clock.h"
#include "net_private.h"

static double part_of(uint64_t used, uint64_t limit)
{
	return limit > 0 && used < limit ? (double)used / (double)limit : used > 0;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double slots_of(const struct net *net, const struct worker *worker)
{
	const struct net_config *config = &net->config;
	const struct net_counts *counts = &worker->counts;
	const struct forward *forward = worker_forward(worker);
	double slots = part_of(counter_read(&counts->tcp_open), tcp_share(config));

	slots = larger(slots, part_of(counter_read(&counts->pending), config->pending_max));
	slots = larger(slots, part_of(counter_read(&counts->pending_bytes), config->pending_bytes));
	return forward ? larger(slots, forward_fullness(forward)) : slots;
}

static uint64_t lost_of(const struct net_addresses *addresses, unsigned worker)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < addresses->n; i++) {
		struct listener *const *listeners = addresses->items[i].listeners;

		if (listeners)
			lost += counter_read(&listeners[worker]->kernel_drops);
	}
	return lost;
}

static uint64_t cpu_ns_of(const struct worker *worker)
{
	struct timespec taken;

	if (clock_gettime(worker->cpu_clock, &taken) != 0)
		return 0;
	return clock_ns_of(&taken);
}

unsigned net_n_workers(const struct net *net)
{
	return net->n_workers;
}

void net_loads(const struct net *net, struct net_load *loads)
{
	for (unsigned i = 0; i < net->n_workers; i++) {
		const struct worker *worker = net->workers[i];
		struct histogram waits = {0};

		histogram_merge(&waits, &worker->counts.queue_delay_ns);
		loads[i] = (struct net_load){
			.wait_ns = waits.sum,
			.has_waits = !counter_read(&worker->counts.has_no_stamps),
			.n_received = counter_read(&worker->counts.received),
			.n_lost = lost_of(&net->addresses, i) + lost_of(&net->left, i),
			.slots = slots_of(net, worker),
			.cpu_ns = net->is_running ? cpu_ns_of(worker) : 0,
		};
		for (size_t b = 0; b < ARRAY_LEN(waits.counts); b++)
			loads[i].n_waits += waits.counts[b];
	}
}
