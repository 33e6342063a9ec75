/* SPDX-License-Identifier: Apache-2.0
 *
 * Any octets as a query; when they are one, an answer's frame around compressed names. The first
 * octet chooses the transport. The answer must lie within its limit, keep id and question, and
 * every name must read back as it was given.
 */
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct dns_compress *compress, struct wire_writer *writer,
		       const uint8_t *wire, size_t len, bool may_point)
{
	struct wire_reader reader;
	struct dns_name given, back;
	size_t at = writer->pos;

	dns_compress_name(compress, writer, wire, len, may_point);
	CHECK(!writer->failed && writer->pos - at <= len);
	CHECK(may_point || writer->pos - at == len);
	reader = wire_reader_init(writer->base, writer->pos);
	reader.pos = at;
	dns_name_read(&back, &reader, true);
	CHECK(dns_name_from_wire(&given, wire, len) == 0);
	CHECK(!reader.failed && reader.pos == writer->pos && dns_name_equal(&back, &given));
}

/* The question's name in the client's spelling, then a label of ours before each of its suffixes:
 * written, and read back. Every third one is taken back, as a record that does not fit is. */
static void check_compression(struct wire_writer *writer, const struct dns_query *query)
{
	const struct dns_name *name = &query->name;
	struct dns_compress compress;
	uint8_t wire[DNS_NAME_MAX + 2];

	dns_compress_init(&compress, query);
	check_name(&compress, writer, query->question, name->len, true);
	for (unsigned i = 0; i <= name->n_labels && i < 24; i++) {
		size_t mark = writer->pos, at = name->offsets[i];

		wire[0] = 1;
		wire[1] = (uint8_t)('a' + i % 4);
		memcpy(wire + 2, query->question + at, name->len - at);
		if (name->len - at + 2 > DNS_NAME_MAX)
			continue;
		check_name(&compress, writer, wire, name->len - at + 2, i % 4 != 1);
		if (i % 3 == 2)
			wire_rewind(writer, mark);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_query query, again;
	uint8_t out[8192];
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.ede = DNS_EDE_NOT_READY,
				     .ede_text = "not ready",
				     .rcode = DNS_RCODE_NXDOMAIN,
				     .own_udp_size = 1232};
	enum dns_parse parse;
	size_t answer_size;

	if (size == 0)
		return 0;
	parse = dns_query_parse(&query, data + 1, size - 1, data[0] & 1);
	if (parse == DNS_PARSE_DROP)
		return 0;
	if (parse == DNS_PARSE_FORMERR || parse == DNS_PARSE_NOTIMP) {
		CHECK(dns_answer_error(&query, DNS_RCODE_FORMERR, out) == DNS_HEADER_SIZE);
		return 0;
	}
	CHECK((size_t)query.question_len + DNS_HEADER_SIZE <= size - 1 && query.udp_size >= 512);
	dns_answer_begin(&writer, &query);
	check_compression(&writer, &query);
	wire_rewind(&writer, DNS_HEADER_SIZE + query.question_len);
	answer_size = dns_answer_end(&writer, &query, &end);
	CHECK(answer_size == (size_t)DNS_HEADER_SIZE + query.question_len +
				     dns_opt_size(&query, end.ede, end.ede_text, false));
	/* As a query again (QR taken off) it is what came. */
	out[2] &= 0x7f;
	CHECK(dns_query_parse(&again, out, answer_size, false) == DNS_PARSE_OK);
	CHECK(again.id == query.id && again.type == query.type && again.class == query.class);
	CHECK(dns_name_equal(&again.name, &query.name) && again.has_do == query.has_do);
	return 0;
}
