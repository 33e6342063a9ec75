/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel knows of this process: the process_* families as Prometheus' own clients have
 * them, the few go_* that dashboards of CoreDNS read, and when the node started. Read anew for each
 * page, from /proc; a family that cannot be read is left out. Any thread.
 */
#ifndef KANAME_BASE_PROCESS_H
#define KANAME_BASE_PROCESS_H

#include "base/text.h"

/* `proc` is "/proc", but in tests. */
void process_metrics_write(struct text *page, const char *proc);

#endif
