/* SPDX-License-Identifier: Apache-2.0
 *
 * As CoreDNS's whoami: an A or AAAA record with the client's address under the question's name, and
 * an SRV record under _udp or _tcp below it with the client's port and the root as target, both
 * with TTL 0 in the additional section.
 */
#include "whoami.h"

#include <netinet/in.h>

/* A record under _PROTO.QUESTION: RFC 2782 numbers, then the root as target. */
static void write_port(struct answer *answer, uint16_t port, bool is_tcp)
{
	struct wire_writer *writer = &answer->writer;
	size_t mark = writer->pos;

	if (answer->query->name.len + 5 > DNS_NAME_MAX)
		return;
	wire_put(writer, is_tcp ? "\4_tcp" : "\4_udp", 5);
	wire_put_u16(writer, 0xc000u | QUESTION_NAME_POS);
	wire_put_u16(writer, DNS_TYPE_SRV);
	wire_put_u16(writer, DNS_CLASS_IN);
	wire_put_u32(writer, 0);
	wire_put_u16(writer, 7);
	wire_put_u32(writer, 0); /* priority and weight */
	wire_put_u16(writer, port);
	wire_put_u8(writer, 0);
	if (writer->failed)
		wire_rewind(writer, mark);
	else
		answer->end.n_additional++;
}

void whoami_run(struct answer *answer, const struct query_input *input)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)input->source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)input->source;
	struct table_addresses address = {.n = 1};
	enum address_family family = ADDRESS_V4;
	uint16_t port;

	if (input->source->sa_family == AF_INET6) {
		address.bytes = v6->sin6_addr.s6_addr;
		family = ADDRESS_V6;
		port = ntohs(v6->sin6_port);
	} else {
		address.bytes = (const uint8_t *)&v4->sin_addr;
		port = ntohs(v4->sin_port);
	}
	answer->plugin = QUERY_PLUGIN_WHOAMI;
	answer->end.flags |= DNS_FLAG_AA;
	answer_glue(answer, QUESTION_NAME_POS, &address, family, 0);
	write_port(answer, port, input->is_tcp);
}
