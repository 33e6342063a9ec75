/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the samples come from: the clocks, the control group, the net.
 */
#include "saturation.h"

#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "base/metrics.h"

#define SAMPLE_MS 950	   /* the tick of a second may come a little early */
#define CPU_LIMIT_MS 10000 /* a quota may be changed while we run; reading it takes some files */

static uint64_t process_cpu_ns(void)
{
	struct timespec taken = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &taken);
	return clock_ns_of(&taken);
}

static void take_sample(struct saturation *saturation, const struct net *net)
{
	struct saturation_sample sample = {.now_ns = clock_monotonic_ns(),
					   .cpu_ns = process_cpu_ns(),
					   .cpus = saturation->cpus,
					   .workers = saturation->loads};

	net_loads(net, saturation->loads);
	saturation_window_add(&saturation->window, &sample);
}

void saturation_init(struct saturation *saturation, const struct net *net)
{
	unsigned n = net_n_workers(net);

	*saturation = (struct saturation){.cpus = cpu_limit("")};
	saturation_window_init(&saturation->window, n);
	saturation->loads = mem_zalloc(n * sizeof(saturation->loads[0]));
	take_sample(saturation, net);
}

void saturation_fini(struct saturation *saturation)
{
	saturation_window_fini(&saturation->window);
	free(saturation->loads);
	saturation->loads = NULL;
}

void saturation_tick(struct saturation *saturation, const struct net *net, uint64_t now_ms)
{
	if (now_ms - saturation->sampled_ms < SAMPLE_MS)
		return;
	saturation->sampled_ms = now_ms;
	if (now_ms - saturation->limited_ms >= CPU_LIMIT_MS) {
		saturation->limited_ms = now_ms;
		saturation->cpus = cpu_limit("");
	}
	take_sample(saturation, net);
}

static void write_part(struct text *page, const char *part, double value)
{
	const struct metrics_label label = {"part", part};

	metrics_sample(page, "kaname_saturation_part", &label, 1, value);
}

void saturation_metrics_write(const struct saturation *saturation, struct text *page)
{
	struct saturation_parts parts = saturation_window_parts(&saturation->window);

	metrics_family(page, "kaname_saturation", "gauge",
		       "How full this process is, 0 to 1, over the last ten seconds: the largest "
		       "of its parts.");
	metrics_sample(page, "kaname_saturation", NULL, 0, parts.largest);
	metrics_family(page, "kaname_saturation_part", "gauge",
		       "Parts of kaname_saturation, 0 to 1: how long queries wait in a receive "
		       "queue (100 ms is 1) or get lost there (1% is 1), slots for connections and "
		       "waiting queries, CPU time.");
	if (parts.has_queue)
		write_part(page, "queue", parts.queue);
	write_part(page, "slots", parts.slots);
	write_part(page, "cpu", parts.cpu);
}
