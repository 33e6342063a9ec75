/* SPDX-License-Identifier: Apache-2.0
 *
 * Loop probes of this process (dns/probe.h), which come here where an upstream leads back. Worker
 * thread.
 */
#ifndef KANAME_QUERY_PROBE_H
#define KANAME_QUERY_PROBE_H

#include "answer.h"

/* Answers a probe of this key with its proof; false: it is another query. key 0: there are none. */
__attribute__((noinline)) bool probe_run(struct answer *answer, uint64_t key);

#endif
