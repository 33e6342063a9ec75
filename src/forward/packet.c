/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#define OPCODE_BITS 0x78u

static bool is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20u) - 'a') < 26;
}

size_t packet_write(uint8_t *out, const struct packet_question *question, uint16_t id,
		    uint64_t case_bits)
{
	struct wire_writer writer = wire_writer_init(out, PACKET_MAX);
	unsigned flags =
		(question->has_rd ? DNS_FLAG_RD : 0) | (question->has_cd ? DNS_FLAG_CD : 0);
	uint8_t *name;

	wire_put_u16(&writer, id);
	wire_put_u16(&writer, (uint16_t)flags);
	wire_put_u16(&writer, 1);
	wire_put_u32(&writer, 0);
	wire_put_u16(&writer, question->has_edns);
	name = wire_room(&writer, question->name->len);
	CHECK(name != NULL);
	for (size_t i = 0; i < question->name->len; i++) {
		uint8_t c = question->name->wire[i];
		bool is_upper = is_letter(c) && (case_bits >> i % 64 & 1) != 0;

		name[i] = is_upper ? (uint8_t)(c & ~0x20u) : c;
	}
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	if (question->has_edns) {
		wire_put_u8(&writer, 0);
		wire_put_u16(&writer, DNS_TYPE_OPT);
		wire_put_u16(&writer, PACKET_UDP_SIZE);
		wire_put_u32(&writer, question->has_do ? 0x8000u : 0);
		wire_put_u16(&writer, 0);
	}
	CHECK(!writer.failed);
	return writer.pos;
}

/* A length octet is no letter, so that whole names are compared at once. */
static bool is_same_but_case(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i] && ((a[i] ^ b[i]) != 0x20 || !is_letter(a[i])))
			return false;
	}
	return true;
}

enum packet_fit packet_fit(const uint8_t *reply, size_t len, const uint8_t *query, size_t name_len)
{
	const uint8_t *asked = query + DNS_HEADER_SIZE, *told = reply + DNS_HEADER_SIZE;

	if (len < DNS_HEADER_SIZE)
		return PACKET_SHORT;
	if ((reply[2] & DNS_FLAG_QR >> 8) == 0 || (reply[2] & OPCODE_BITS) != 0)
		return PACKET_NO_REPLY;
	if (reply[0] != query[0] || reply[1] != query[1])
		return PACKET_OTHER_ID;
	if (reply[4] != 0 || reply[5] != 1)
		return PACKET_OTHER_QUESTION;
	if (len < DNS_HEADER_SIZE + name_len + 4)
		return PACKET_SHORT;
	if (!is_same_but_case(told, asked, name_len) ||
	    memcmp(told + name_len, asked + name_len, 2) != 0)
		return PACKET_OTHER_QUESTION;
	if (memcmp(told + name_len + 2, asked + name_len + 2, 2) != 0)
		return PACKET_OTHER_CLASS;
	return memcmp(told, asked, name_len) == 0 ? PACKET_FITS : PACKET_OTHER_CASE;
}
