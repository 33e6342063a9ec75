/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of loop probes: a random label, and one that a key of this process makes of it, so that
 * any worker knows a probe of its own process, and nobody outside can make one. Who is asked for
 * such a name (HINFO) answers with the proof as the record's CPU and "loop" as its OS; an upstream
 * through which that answer comes leads back here. No allocation. Any thread.
 */
#ifndef KANAME_DNS_PROBE_H
#define KANAME_DNS_PROBE_H

#include "dns/name.h"

#define DNS_PROBE_LABEL 16 /* hex digits of each label, and of the proof */

/* Makes the probe's name of 64 random bits: "<nonce>.<check>.". */
void dns_probe_name(struct dns_name *name, uint64_t key, uint64_t nonce);

/* Is `name` a probe of this key? Then proof[0..DNS_PROBE_LABEL) gets the answer's hex digits. */
MUST_USE bool dns_probe_check(const struct dns_name *name, uint64_t key,
			      char proof[DNS_PROBE_LABEL]);

#endif
