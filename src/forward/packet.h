/* SPDX-License-Identifier: Apache-2.0
 *
 * A question as it goes to an upstream, and whether what comes back belongs to it: the ID, and the
 * question to the octet. Whatever else is in a reply is not looked at here. No allocation, no
 * clock. Any thread.
 */
#ifndef KANAME_FORWARD_PACKET_H
#define KANAME_FORWARD_PACKET_H

#include "dns/name.h"
#include "dns/registry.h"

#define PACKET_MAX (DNS_HEADER_SIZE + DNS_NAME_MAX + 4 + 11)
#define PACKET_UDP_SIZE 1232 /* what we tell to take by UDP: DNS flag day 2020 */

struct packet_question {
	const struct dns_name *name;
	uint16_t type;
	uint16_t class;
	bool has_rd;
	bool has_cd;
	bool has_edns;
	bool has_do;
};

/* Writes header, question and OPT to out[0..PACKET_MAX); returns the length. The letters whose bit
 * in case_bits is set (bit i % 64 for octet i of the name) are upper-case: 0 for none. */
size_t packet_write(uint8_t *out, const struct packet_question *question, uint16_t id,
		    uint64_t case_bits);

enum packet_fit {
	PACKET_FITS,
	PACKET_SHORT,	 /* no header, or no room for the question */
	PACKET_NO_REPLY, /* QR is 0, or the opcode is another */
	PACKET_OTHER_ID,
	PACKET_OTHER_QUESTION, /* not one question, another name or type */
	PACKET_OTHER_CLASS,
	PACKET_OTHER_CASE, /* right but for the case of letters */
};
#define PACKET_N_FITS 7

/* The ID of a message; 0 where it is too short. */
static inline uint16_t packet_id(const uint8_t *bytes, size_t len)
{
	return len >= 2 ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0;
}

/* Does reply[0..len) belong to query[0..DNS_HEADER_SIZE + name_len + 4), as it was sent? */
enum packet_fit packet_fit(const uint8_t *reply, size_t len, const uint8_t *query, size_t name_len);

/* Of a reply that fits. */
static inline uint16_t packet_rcode(const uint8_t *reply)
{
	return reply[3] & 15u;
}

static inline bool packet_is_truncated(const uint8_t *reply)
{
	return (reply[2] & (DNS_FLAG_TC >> 8)) != 0;
}

#endif
