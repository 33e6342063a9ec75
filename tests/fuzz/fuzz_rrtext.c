/* SPDX-License-Identifier: Apache-2.0
 *
 * Records from text: what is accepted has a sound form, and comes back the same from RFC 3597's
 * text of it and from the wire; what is refused says which word of the text is wrong.
 */
#include "dns/rrtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* OWNER TTL CLASSn TYPEn \# LENGTH HEX, of at most DNS_RR_TEXT_MAX octets; 0: it is longer. */
static size_t write_generic(const struct dns_rr *rr, char *out)
{
	size_t len = dns_name_to_text(rr->owner.wire, rr->owner.len, out);

	/* What stands alone for the origin, or means something to the words, as a number. */
	if (strpbrk(out, ";()@"))
		return 0;
	len += (size_t)snprintf(out + len, 80, " %u CLASS%u TYPE%u \\# %u ", rr->ttl_s, rr->class,
				rr->type, rr->rdata_len);
	if (len + 2u * rr->rdata_len > DNS_RR_TEXT_MAX)
		return 0;
	for (size_t i = 0; i < rr->rdata_len; i++)
		len += (size_t)snprintf(out + len, 3, "%02x", rr->rdata[i]);
	return len;
}

static void check_generic(const struct dns_rr *rr)
{
	static struct dns_rr again;
	static char text[DNS_NAME_TEXT_MAX + 80 + DNS_RR_TEXT_MAX + 1];
	struct dns_rr_error error;
	size_t len = write_generic(rr, text);

	if (len == 0)
		return;
	CHECK(dns_rr_from_text(&again, text, len, &error) == 0);
	CHECK(dns_name_equal(&again.owner, &rr->owner) && again.ttl_s == rr->ttl_s);
	CHECK(again.class == rr->class && again.type == rr->type);
	CHECK(again.rdata_len == rr->rdata_len &&
	      memcmp(again.rdata, rr->rdata, rr->rdata_len) == 0);
}

/* Twice into a message: the second is not longer. */
static void check_wire(const struct dns_rr *rr)
{
	static uint8_t bytes[2 * (DNS_NAME_MAX + 10 + DNS_RR_RDATA_MAX) + DNS_HEADER_SIZE];
	struct wire_writer writer = wire_writer_init(bytes, sizeof(bytes));
	struct dns_compress compress = {.n = 0};
	size_t rdata_pos, first;

	wire_room(&writer, DNS_HEADER_SIZE);
	CHECK(dns_rr_write(rr, &writer, &compress, &rdata_pos));
	CHECK(rdata_pos <= writer.pos);
	first = writer.pos - DNS_HEADER_SIZE;
	CHECK(dns_rr_write(rr, &writer, &compress, &rdata_pos));
	CHECK(writer.pos - DNS_HEADER_SIZE <= 2 * first);

	struct wire_reader reader = wire_reader_init(bytes, writer.pos);
	struct dns_name owner;

	reader.pos = DNS_HEADER_SIZE + first;
	dns_name_read(&owner, &reader, true);
	CHECK(!reader.failed && dns_name_equal(&owner, &rr->owner));
	writer.size = writer.pos + 11;
	first = writer.pos;
	if (!dns_rr_write(rr, &writer, &compress, &rdata_pos))
		CHECK(writer.pos == first && !writer.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_rr rr;
	struct dns_rr_error error;

	if (dns_rr_from_text(&rr, (const char *)data, size, &error) != 0) {
		CHECK(error.what && error.at <= size && error.len <= size - error.at);
		return 0;
	}
	CHECK(!error.what && rr.rdata_len <= DNS_RR_RDATA_MAX);
	check_generic(&rr);
	check_wire(&rr);
	return 0;
}
