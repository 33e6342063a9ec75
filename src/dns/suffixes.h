/* SPDX-License-Identifier: Apache-2.0
 *
 * Name compression for long messages (RFC 1035 4.1.4): where suffixes of names were written, found
 * by hash, so that a name costs its own length however many were written before. What finds no
 * slot within a few probes is written without being remembered. Any thread.
 */
#ifndef KANAME_DNS_SUFFIXES_H
#define KANAME_DNS_SUFFIXES_H

#include "dns/reply.h"

/* Is the name at `pos` of what was written the same as `suffix`, which is lower-case? Looks at what
 * is written now, so a position from before a wire_rewind can only be of no use. */
bool suffix_is_at(const struct wire_writer *writer, size_t pos, const uint8_t *suffix);

void suffixes_init(struct dns_suffixes *suffixes);

/* Remembers the name that was written at `at`, as far as its labels stand there. */
void suffixes_learn(struct dns_suffixes *suffixes, const struct wire_writer *writer, size_t at,
		    const struct dns_name *name);

/* Writes `spelled`, which is `name` in any case, its longest known suffix as a pointer; remembers
 * what is new. Returns where the whole name stands: its first copy; 0 for the root. */
size_t suffixes_write(struct dns_suffixes *suffixes, struct wire_writer *writer,
		      const struct dns_name *name, const uint8_t *spelled);

#endif
