/* SPDX-License-Identifier: Apache-2.0
 *
 * The server asks its own /health each second, as CoreDNS does, over loopback and with all that a
 * probe's request goes through: coredns_health_request_duration_seconds tells how late the main
 * loop is, coredns_health_request_failures_total when it did not answer at all. Main thread.
 */
#ifndef KANAME_OPS_SELF_H
#define KANAME_OPS_SELF_H

#include "base/log.h"
#include "ops/ops.h"

struct ops_self;

/* `endpoint` is copied; `log` is borrowed and outlives the asking. Never fails: what cannot be
 * asked is a failure to count. */
struct ops_self *ops_self_open(uv_loop_t *loop, const struct ops_endpoint *endpoint,
			       struct log_channel *log);

/* Asks no more; memory is freed as the loop runs on. NULL is allowed. */
void ops_self_close(struct ops_self *self);

/* The coredns_health_* families; of NULL none. */
void ops_self_metrics_write(const struct ops_self *self, struct text *page);

#endif
