/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of /metrics: what no module knows of itself, then each module's families. Main thread.
 */
#ifndef KANAME_METRICS_H
#define KANAME_METRICS_H

#include "kube/kube.h"
#include "net/net.h"
#include "ops/self.h"

/* All borrowed. */
struct metrics_page {
	const struct log *log;
	const struct net *net;
	struct kube *const *kubes; /* n_kubes of them; NULL among them */
	size_t n_kubes;
	const struct ops_self *self; /* NULL without `health` */
	uint64_t reloads_failed;
	const char *reload_hash;  /* "sha512": of what config_hash is one; NULL without `reload` */
	const char *reload_value; /* of the Corefile in use */
};

void metrics_page_write(const struct metrics_page *from, struct text *page);

#endif
