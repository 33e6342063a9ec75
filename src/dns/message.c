/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a message that do not depend on what is answered. The happy path of dns_query_parse:
 * header, one question, no further record or exactly one OPT. Everything else is walked record by
 * record, as far as the packet reaches and no further. The happy path of an answer:
 * dns_answer_begin, records, dns_answer_end.
 */
#include "dns/message.h"

#define EDE_TEXT_MAX 200
#define OPT_HEAD_SIZE 11
#define EDNS_DO 0x8000u

/* Options of an OPT record (RFC 6891 6.1.2): code, length, data, to its end exactly. */
static bool read_options(struct dns_query *query, struct wire_reader *reader, size_t end,
			 bool is_tcp)
{
	while (reader->pos < end) {
		uint16_t code = wire_u16(reader), len = wire_u16(reader);

		wire_skip(reader, len);
		if (reader->failed || reader->pos > end)
			return false;
		if (code == DNS_OPTION_KEEPALIVE && is_tcp) {
			if (len != 0)
				return false; /* RFC 7828 3.2.1 */
			query->has_keepalive = true;
		}
	}
	return true;
}

/* What follows the owner and type of an OPT. False: malformed; *version is that of EDNS. */
static bool read_opt(struct dns_query *query, struct wire_reader *reader, bool is_tcp,
		     uint8_t *version)
{
	uint16_t size = wire_u16(reader);
	uint32_t flags = wire_u32(reader);
	uint16_t len = wire_u16(reader);
	size_t end = reader->pos + len;

	if (reader->failed || end > reader->size || query->has_edns)
		return false;
	query->has_edns = true;
	query->udp_size = size < DNS_UDP_PLAIN_MAX ? DNS_UDP_PLAIN_MAX : size;
	query->has_do = (flags & EDNS_DO) != 0;
	*version = (uint8_t)(flags >> 16);
	return read_options(query, reader, end, is_tcp);
}

/* n records of a section; OPT is taken in the additional section and is an error elsewhere. */
static bool read_section(struct dns_query *query, struct wire_reader *reader, unsigned n,
			 bool is_additional, bool is_tcp, uint8_t *version)
{
	struct dns_name owner;

	for (unsigned i = 0; i < n; i++) {
		uint16_t type;

		dns_name_read(&owner, reader, true);
		type = wire_u16(reader);
		if (reader->failed)
			return false;
		if (type == DNS_TYPE_OPT) {
			if (!is_additional || owner.len != 1 ||
			    !read_opt(query, reader, is_tcp, version))
				return false;
			continue;
		}
		wire_skip(reader, 6); /* class, TTL */
		wire_skip(reader, wire_u16(reader));
		if (reader->failed)
			return false;
	}
	return true;
}

enum dns_parse dns_query_parse(struct dns_query *query, const uint8_t *packet, size_t size,
			       bool is_tcp)
{
	struct wire_reader reader = wire_reader_init(packet, size);
	uint8_t version = 0;

	query->id = wire_u16(&reader);
	query->flags = wire_u16(&reader);

	uint16_t n_question = wire_u16(&reader), n_answer = wire_u16(&reader);
	uint16_t n_authority = wire_u16(&reader), n_additional = wire_u16(&reader);

	if (reader.failed || (query->flags & DNS_FLAG_QR))
		return DNS_PARSE_DROP;
	if (((query->flags >> DNS_OPCODE_SHIFT) & 15) != DNS_OPCODE_QUERY)
		return DNS_PARSE_NOTIMP;
	query->has_edns = query->has_do = query->has_keepalive = false;
	query->udp_size = DNS_UDP_PLAIN_MAX;
	if (n_question != 1)
		return DNS_PARSE_FORMERR; /* RFC 9619 */
	query->question = packet + reader.pos;
	dns_name_read(&query->name, &reader, false);
	query->type = wire_u16(&reader);
	query->class = wire_u16(&reader);
	if (reader.failed)
		return DNS_PARSE_FORMERR;
	query->question_len = (uint16_t)(reader.pos - DNS_HEADER_SIZE);
	if (LIKELY((n_answer | n_authority | n_additional) == 0))
		return DNS_PARSE_OK;
	if (!read_section(query, &reader, n_answer, false, is_tcp, &version) ||
	    !read_section(query, &reader, n_authority, false, is_tcp, &version) ||
	    !read_section(query, &reader, n_additional, true, is_tcp, &version))
		return DNS_PARSE_FORMERR;
	return version == 0 ? DNS_PARSE_OK : DNS_PARSE_BADVERS;
}

/* QR, and of the query's flags opcode, RD and CD (dns-facts 4: Z always 0). */
static uint16_t answer_flags(const struct dns_query *query)
{
	return (uint16_t)(DNS_FLAG_QR |
			  (query->flags & (15u << DNS_OPCODE_SHIFT | DNS_FLAG_RD | DNS_FLAG_CD)));
}

size_t dns_answer_error(const struct dns_query *query, enum dns_rcode rcode, uint8_t *out)
{
	struct wire_writer writer = wire_writer_init(out, DNS_HEADER_SIZE);

	wire_put_u16(&writer, query->id);
	wire_put_u16(&writer,
		     (uint16_t)((answer_flags(query) & ~DNS_FLAG_CD) | ((unsigned)rcode & 15)));
	wire_put_u32(&writer, 0);
	wire_put_u32(&writer, 0);
	return writer.pos;
}

/* Octets of the text that are sent: at most EDE_TEXT_MAX, never half a UTF-8 character. */
static size_t ede_text_len(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > EDE_TEXT_MAX) {
		len = EDE_TEXT_MAX;
		while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	return len;
}

size_t dns_opt_size(const struct dns_query *query, enum dns_ede ede, const char *ede_text,
		    bool is_keepalive_sent)
{
	if (!query->has_edns)
		return 0;
	return OPT_HEAD_SIZE + (ede != DNS_EDE_NONE ? 6 + ede_text_len(ede_text) : 0) +
	       (is_keepalive_sent ? 6 : 0);
}

void dns_answer_begin(struct wire_writer *writer, const struct dns_query *query)
{
	uint8_t *header = wire_room(writer, DNS_HEADER_SIZE);

	CHECK(header);
	memset(header, 0, DNS_HEADER_SIZE);
	wire_put(writer, query->question, query->question_len);
}

static void put_opt(struct wire_writer *writer, const struct dns_query *query,
		    const struct dns_answer_end *end)
{
	size_t rdata = dns_opt_size(query, end->ede, end->ede_text, end->is_keepalive_sent) -
		       OPT_HEAD_SIZE;

	wire_put_u8(writer, 0);
	wire_put_u16(writer, DNS_TYPE_OPT);
	wire_put_u16(writer, end->own_udp_size);
	wire_put_u32(writer, (uint32_t)end->rcode >> 4 << 24 | (query->has_do ? EDNS_DO : 0));
	wire_put_u16(writer, (uint16_t)rdata);
	if (end->ede != DNS_EDE_NONE) {
		size_t len = ede_text_len(end->ede_text);

		wire_put_u16(writer, DNS_OPTION_EDE);
		wire_put_u16(writer, (uint16_t)(2 + len));
		wire_put_u16(writer, (uint16_t)end->ede);
		wire_put(writer, end->ede_text, len);
	}
	if (end->is_keepalive_sent) {
		wire_put_u16(writer, DNS_OPTION_KEEPALIVE);
		wire_put_u16(writer, 2);
		wire_put_u16(writer, end->keepalive_100ms);
	}
}

size_t dns_answer_end(struct wire_writer *writer, const struct dns_query *query,
		      const struct dns_answer_end *end)
{
	unsigned n_additional = end->n_additional;

	if (query->has_edns) {
		put_opt(writer, query, end);
		n_additional++;
	}
	CHECK(!writer->failed && writer->pos >= DNS_HEADER_SIZE);
	wire_patch_u16(writer, 0, query->id);
	wire_patch_u16(writer, 2,
		       (uint16_t)(answer_flags(query) | end->flags | ((unsigned)end->rcode & 15)));
	wire_patch_u16(writer, 4, 1);
	wire_patch_u16(writer, 6, end->n_answer);
	wire_patch_u16(writer, 8, end->n_authority);
	wire_patch_u16(writer, 10, (uint16_t)n_additional);
	return writer->pos;
}

/* ---- compression ---- */

#define POINTER_POS_MAX 0x3fffu

static void remember(struct dns_compress *compress, size_t pos)
{
	if (compress->n < DNS_COMPRESS_MAX && pos <= POINTER_POS_MAX)
		compress->offsets[compress->n++] = (uint16_t)pos;
}

void dns_compress_init(struct dns_compress *compress, const struct dns_query *query)
{
	compress->n = 0;
	for (unsigned i = 0; i < query->name.n_labels; i++)
		remember(compress, DNS_HEADER_SIZE + query->name.offsets[i]);
}

/* Is the name at `pos` of what was written (pointers followed; our own, so they end) the same as
 * `name`'s suffix from label i on? */
static bool is_same(const struct wire_writer *writer, size_t pos, const struct dns_name *name,
		    unsigned i)
{
	struct wire_reader reader = wire_reader_init(writer->base, writer->pos);
	struct dns_name there;
	size_t at = name->offsets[i];

	reader.pos = pos;
	dns_name_read(&there, &reader, true);
	return !reader.failed && there.len == name->len - at &&
	       memcmp(there.wire, name->wire + at, there.len) == 0;
}

/* Where the longest suffix of `name` that is known stands; *label gets its first label, n_labels
 * when none is. */
static uint16_t find_suffix(const struct dns_compress *compress, const struct wire_writer *writer,
			    const struct dns_name *name, unsigned *label)
{
	for (unsigned i = 0; i < name->n_labels; i++) {
		for (unsigned k = 0; k < compress->n; k++) {
			if (is_same(writer, compress->offsets[k], name, i)) {
				*label = i;
				return compress->offsets[k];
			}
		}
	}
	*label = name->n_labels;
	return 0;
}

void dns_compress_name(struct dns_compress *compress, struct wire_writer *writer,
		       const uint8_t *wire, size_t len, bool may_point)
{
	struct dns_name name;
	size_t start = writer->pos;
	unsigned label;
	uint16_t target;

	CHECK(dns_name_from_wire(&name, wire, len) == 0);
	target = may_point ? find_suffix(compress, writer, &name, &label) : 0;
	if (!may_point)
		label = name.n_labels;
	wire_put(writer, wire, name.offsets[label]);
	if (label < name.n_labels)
		wire_put_u16(writer, 0xc000u | target);
	else
		wire_put_u8(writer, 0);
	for (unsigned i = 0; !writer->failed && i < label; i++)
		remember(compress, start + name.offsets[i]);
}
