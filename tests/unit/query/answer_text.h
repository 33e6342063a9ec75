/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as text, for tests to compare: "NOERROR aa | web... A 10.0.0.1 | authority |
 * additional". Names lose the zone's tail by nothing: they are written whole. Records of each
 * section are sorted, since addresses come in random order.
 */
#ifndef KANAME_TESTS_ANSWER_TEXT_H
#define KANAME_TESTS_ANSWER_TEXT_H

#include "base/text.h"
#include "query/query.h"

/* The answer to `packet` as text; CHECKs that the message is well-formed to its last octet. */
void answer_text(const uint8_t *bytes, size_t size, struct text *out);

/* A query packet for name and type; flags as DNS_FLAG_RD; edns_size 0 for no OPT. Returns its
 * length. */
size_t query_packet(uint8_t packet[512], const char *name, uint16_t type, uint16_t edns_size);

#endif
