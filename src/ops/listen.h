/* SPDX-License-Identifier: Apache-2.0
 *
 * The listening socket of the ops endpoints.
 */
#ifndef KANAME_OPS_LISTEN_H
#define KANAME_OPS_LISTEN_H

#include "ops/ops.h"

/* The listening, non-blocking socket of the endpoint's address, or -errno with "http ADDRESS/PATH:
 * CAUSE" appended to *why. The caller closes it. */
MUST_USE int listen_open(const struct ops_endpoint *endpoint, struct text *why);

/* Appends that line for the cause `error`, a -errno; returns `error`. */
int listen_explain(const struct ops_endpoint *endpoint, int error, struct text *why);

#endif
