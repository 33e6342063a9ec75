/* SPDX-License-Identifier: Apache-2.0
 *
 * How full this process is, 0 to 1, for what scales it: an autoscaler reads `kaname_saturation`
 * every 15 to 30 s. Main thread. saturation_window.h says what it means.
 *
 * The happy path: saturation_tick from the server's tick takes a sample a second; a scrape writes
 * what the last samples gave, so neither how often nor how many scrape changes anything. What the
 * kernel does not tell is left out.
 */
#ifndef KANAME_SATURATION_H
#define KANAME_SATURATION_H

#include "saturation_window.h"

struct saturation {
	struct saturation_window window;
	struct net_load *loads; /* owned: room for a sample */
	double cpus;
	uint64_t sampled_ms, limited_ms; /* when it took a sample, and read `cpus` */
};

/* Its workers are those of the net, which does not run yet. */
void saturation_init(struct saturation *saturation, const struct net *net);
/* Safe on a zeroed struct. */
void saturation_fini(struct saturation *saturation);

/* Called at least once a second. now_ms is of the loop's time. */
void saturation_tick(struct saturation *saturation, const struct net *net, uint64_t now_ms);

void saturation_metrics_write(const struct saturation *saturation, struct text *page);

#endif
