/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as Kubernetes writes them (RFC 3339). Any thread.
 */
#ifndef KANAME_KUBE_TIMESTAMP_H
#define KANAME_KUBE_TIMESTAMP_H

#include <stdint.h>

#include "base/check.h"

/* "2026-11-23T19:47:05Z", "...05.123456+02:00" to Unix milliseconds. 0, or -EINVAL with *unix_ms
 * unchanged. */
MUST_USE int timestamp_from_text(uint64_t *unix_ms, const char *text);

#endif
