/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a message that do not depend on what is answered. The happy path of dns_query_parse:
 * header, one question, no further record or exactly one OPT. Everything else is walked record by
 * record, as far as the packet reaches and no further. The happy path of an answer:
 * dns_answer_begin, records, dns_answer_end.
 */
#include "dns/message.h"

#include "suffixes.h"

#define EDE_TEXT_MAX 200
#define OPT_HEAD_SIZE 11
#define EDNS_DO 0x8000u

static uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Options of an OPT record (RFC 6891 6.1.2): code, length, data, to the end exactly. */
static bool read_options(struct dns_query *query, const uint8_t *rdata, size_t size, bool is_tcp)
{
	struct wire_reader reader = wire_reader_init(rdata, size);

	while (wire_left(&reader) > 0 && !reader.failed) {
		uint16_t code = wire_u16(&reader), len = wire_u16(&reader);

		wire_skip(&reader, len);
		query->has_nsid |= code == DNS_OPTION_NSID;
		if (code == DNS_OPTION_KEEPALIVE && is_tcp) {
			if (len != 0)
				return false; /* RFC 7828 3.2.1 */
			query->has_keepalive = true;
		}
	}
	return !reader.failed;
}

/* What follows the owner and type of an OPT: size, extended rcode, version, flags, options. */
static enum dns_parse read_opt(struct dns_query *query, struct wire_reader *reader, bool is_tcp)
{
	const uint8_t *head = wire_take(reader, 8);
	const uint8_t *rdata = head ? wire_take(reader, get_u16(head + 6)) : NULL;

	if (!rdata || query->has_edns)
		return DNS_PARSE_FORMERR;
	query->has_edns = true;
	query->udp_size = get_u16(head);
	if (query->udp_size < DNS_UDP_PLAIN_MAX)
		query->udp_size = DNS_UDP_PLAIN_MAX;
	query->has_do = head[4] >> 7;
	if (get_u16(head + 6) > 0 && !read_options(query, rdata, get_u16(head + 6), is_tcp))
		return DNS_PARSE_FORMERR;
	return LIKELY(head[3] == 0) ? DNS_PARSE_OK : DNS_PARSE_BADVERS;
}

/* Passes over an owner that is more than the root's one octet. True: it is the root after all. */
__attribute__((noinline)) static bool skip_owner(struct wire_reader *reader)
{
	struct dns_name owner;

	dns_name_read(&owner, reader, true);
	return owner.n_labels == 0;
}

/* The n records behind the question, of which the last n_additional are the additional section:
 * there OPT may be, and nowhere else. */
static enum dns_parse read_records(struct dns_query *query, struct wire_reader *reader, uint32_t n,
				   uint32_t n_additional, bool is_tcp)
{
	enum dns_parse outcome = DNS_PARSE_OK;

	for (uint32_t i = 0; i < n; i++) {
		bool is_root = true;

		if (LIKELY(wire_left(reader) > 0 && reader->base[reader->pos] == 0))
			wire_skip(reader, 1);
		else
			is_root = skip_owner(reader);
		if (LIKELY(wire_u16(reader) == DNS_TYPE_OPT)) {
			if (!is_root || i < n - n_additional)
				return DNS_PARSE_FORMERR;
			outcome = read_opt(query, reader, is_tcp);
			if (outcome == DNS_PARSE_FORMERR)
				return outcome;
		} else {
			wire_skip(reader, 6); /* class, TTL */
			wire_skip(reader, wire_u16(reader));
		}
		if (reader->failed)
			return DNS_PARSE_FORMERR;
	}
	return outcome;
}

enum dns_parse dns_query_parse(struct dns_query *query, const uint8_t *packet, size_t size,
			       bool is_tcp)
{
	struct wire_reader reader = wire_reader_init(packet, size);
	const uint8_t *header = wire_take(&reader, DNS_HEADER_SIZE), *end;
	uint64_t counts; /* of question, answer, authority and additional section, 16 bits each */

	if (UNLIKELY(!header))
		return DNS_PARSE_DROP;
	query->id = get_u16(header);
	query->flags = get_u16(header + 2);
	if (UNLIKELY(query->flags & DNS_FLAG_QR))
		return DNS_PARSE_DROP;
	if (UNLIKELY(((query->flags >> DNS_OPCODE_SHIFT) & 15) != DNS_OPCODE_QUERY))
		return DNS_PARSE_NOTIMP;
	memcpy(&counts, header + 4, sizeof(counts));
	counts = __builtin_bswap64(counts);
	if (UNLIKELY(counts >> 48 != 1))
		return DNS_PARSE_FORMERR; /* RFC 9619 */

	dns_name_read(&query->name, &reader, false);
	end = wire_take(&reader, 4);
	if (UNLIKELY(!end))
		return DNS_PARSE_FORMERR;
	query->question = packet + DNS_HEADER_SIZE;
	query->question_len = (uint16_t)(reader.pos - DNS_HEADER_SIZE);
	query->type = get_u16(end);
	query->class = get_u16(end + 2);
	query->has_edns = query->has_do = query->has_keepalive = query->has_nsid = false;
	query->udp_size = DNS_UDP_PLAIN_MAX;
	if ((counts & 0xffffffffffffu) == 0)
		return DNS_PARSE_OK;

	uint32_t n_additional = counts & 0xffff;
	uint32_t n = n_additional + (counts >> 16 & 0xffff) + (counts >> 32 & 0xffff);

	return read_records(query, &reader, n, n_additional, is_tcp);
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

size_t dns_nsid_size(const struct dns_query *query, uint16_t nsid_len)
{
	return query->has_edns && query->has_nsid ? 4u + nsid_len : 0;
}

void dns_answer_begin(struct wire_writer *writer, const struct dns_query *query)
{
	/* The header is written by dns_answer_end; the question follows its own in the packet. */
	CHECK(wire_room(writer, DNS_HEADER_SIZE) == writer->base);
	wire_put(writer, query->question, query->question_len);
}

static void put_opt(struct wire_writer *writer, const struct dns_query *query,
		    const struct dns_answer_end *end)
{
	size_t rdata = dns_opt_size(query, end->ede, end->ede_text, end->is_keepalive_sent) -
		       OPT_HEAD_SIZE;
	size_t nsid = end->nsid ? dns_nsid_size(query, end->nsid_len) : 0;

	wire_put_u8(writer, 0);
	wire_put_u16(writer, DNS_TYPE_OPT);
	wire_put_u16(writer, end->own_udp_size);
	wire_put_u32(writer, (uint32_t)end->rcode >> 4 << 24 | (query->has_do ? EDNS_DO : 0));
	wire_put_u16(writer, (uint16_t)(rdata + nsid));
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
	if (UNLIKELY(nsid > 0)) {
		wire_put_u16(writer, DNS_OPTION_NSID);
		wire_put_u16(writer, end->nsid_len);
		wire_put(writer, end->nsid, end->nsid_len);
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

	const uint16_t header[6] = {
		__builtin_bswap16(query->id),
		__builtin_bswap16(
			(uint16_t)(answer_flags(query) | end->flags | ((unsigned)end->rcode & 15))),
		__builtin_bswap16(1),
		__builtin_bswap16(end->n_answer),
		__builtin_bswap16(end->n_authority),
		__builtin_bswap16((uint16_t)n_additional),
	};

	memcpy(writer->base, header, DNS_HEADER_SIZE);
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

/* Where the longest suffix of `name` that is known stands; *label gets its first label, n_labels
 * when none is. */
static uint16_t find_suffix(const struct dns_compress *compress, const struct wire_writer *writer,
			    const struct dns_name *name, unsigned *label)
{
	for (unsigned i = 0; i < name->n_labels; i++) {
		for (unsigned k = 0; k < compress->n; k++) {
			if (suffix_is_at(writer, compress->offsets[k],
					 name->wire + name->offsets[i])) {
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
