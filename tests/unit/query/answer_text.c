/* SPDX-License-Identifier: Apache-2.0
 *
 * Renders answers with the reader and the name code of dns/; see answer_text.h.
 */
#include "answer_text.h"

#include <stdlib.h>

#define LINES_MAX 8192

static void put_name(struct text *out, struct wire_reader *reader)
{
	char name[DNS_NAME_TEXT_MAX];
	struct dns_name read;

	dns_name_read(&read, reader, true);
	CHECK(!reader->failed);
	dns_name_to_text(read.wire, read.len, name);
	text_puts(out, name);
}

static void put_address(struct text *out, struct wire_reader *reader, size_t size)
{
	struct address address = {.family = size == 4 ? ADDRESS_V4 : ADDRESS_V6};
	char buf[ADDRESS_TEXT_MAX];
	const uint8_t *bytes = wire_take(reader, size);

	CHECK(bytes);
	memcpy(address.bytes, bytes, size);
	address_to_text(&address, buf);
	text_puts(out, buf);
}

static void put_strings(struct text *out, struct wire_reader *reader, size_t end)
{
	while (reader->pos < end) {
		uint8_t len = wire_u8(reader);
		const uint8_t *bytes = wire_take(reader, len);

		CHECK(!reader->failed);
		text_printf(out, "\"%.*s\"", (int)len, (const char *)bytes);
	}
}

static void put_rdata(struct text *out, struct wire_reader *reader, uint16_t type, size_t end)
{
	switch (type) {
	case DNS_TYPE_A:
		put_address(out, reader, 4);
		break;
	case DNS_TYPE_AAAA:
		put_address(out, reader, 16);
		break;
	case DNS_TYPE_SRV:
		text_printf(out, "%u ", wire_u16(reader));
		text_printf(out, "%u ", wire_u16(reader));
		text_printf(out, "%u ", wire_u16(reader));
		put_name(out, reader);
		break;
	case DNS_TYPE_MX:
		text_printf(out, "%u ", wire_u16(reader));
		put_name(out, reader);
		break;
	case DNS_TYPE_SOA:
		put_name(out, reader);
		text_puts(out, " ");
		put_name(out, reader);
		for (int i = 0; i < 5; i++)
			text_printf(out, " %u", wire_u32(reader));
		break;
	case DNS_TYPE_TXT:
	case DNS_TYPE_HINFO:
		put_strings(out, reader, end);
		break;
	default:
		put_name(out, reader);
	}
	CHECK(!reader->failed && reader->pos == end);
}

static void put_opt(struct text *out, struct wire_reader *reader, size_t end)
{
	while (reader->pos < end) {
		uint16_t code = wire_u16(reader), len = wire_u16(reader);

		if (code == DNS_OPTION_EDE)
			text_printf(out, " ede=%u", wire_u16(reader)), len -= 2;
		else
			text_printf(out, " option=%u", code);
		wire_skip(reader, len);
		CHECK(!reader->failed);
	}
}

static char *read_record(struct wire_reader *reader, bool *is_opt)
{
	struct text out = {0};
	char buf[16];

	put_name(&out, reader);

	uint16_t type = wire_u16(reader), class = wire_u16(reader);
	uint32_t ttl = wire_u32(reader);
	uint16_t len = wire_u16(reader);
	size_t end = reader->pos + len;

	CHECK(!reader->failed && end <= reader->size);
	*is_opt = type == DNS_TYPE_OPT;
	if (*is_opt) {
		out.len = 0;
		text_printf(&out, "OPT %u %x", class, ttl);
		put_opt(&out, reader, end);
	} else {
		text_printf(&out, " %u %s ", ttl, dns_type_text(type, buf, sizeof(buf)));
		put_rdata(&out, reader, type, end);
	}
	return out.bytes;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_section(struct text *out, struct wire_reader *reader, unsigned n)
{
	static char *lines[LINES_MAX];
	bool is_opt;

	CHECK(n <= LINES_MAX);
	for (unsigned i = 0; i < n; i++)
		lines[i] = read_record(reader, &is_opt);
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (unsigned i = 0; i < n; i++) {
		text_printf(out, "%s%s", i ? "; " : " ", lines[i]);
		free(lines[i]);
	}
}

void answer_text(const uint8_t *bytes, size_t size, struct text *out)
{
	struct wire_reader reader = wire_reader_init(bytes, size);
	char buf[16];

	wire_u16(&reader);

	uint16_t flags = wire_u16(&reader), n_question = wire_u16(&reader);
	uint16_t counts[3];
	struct dns_name name;

	for (int i = 0; i < 3; i++)
		counts[i] = wire_u16(&reader);
	CHECK(!reader.failed && (flags & DNS_FLAG_QR));
	text_printf(out, "%s%s%s", dns_rcode_text(flags & 15, buf, sizeof(buf)),
		    flags & DNS_FLAG_AA ? " aa" : "", flags & DNS_FLAG_TC ? " tc" : "");
	if (n_question) {
		dns_name_read(&name, &reader, false);
		wire_skip(&reader, 4);
	}
	for (int i = 0; i < 3; i++) {
		text_puts(out, " |");
		put_section(out, &reader, counts[i]);
	}
	CHECK(!reader.failed && reader.pos == size);
}

size_t query_packet(uint8_t packet[512], const char *name, uint16_t type, uint16_t edns_size)
{
	struct wire_writer writer = wire_writer_init(packet, 512);
	const char *label = name;

	wire_put_u16(&writer, 4711);
	wire_put_u16(&writer, DNS_FLAG_RD);
	wire_put_u16(&writer, 1);
	wire_put_u32(&writer, 0);
	wire_put_u16(&writer, edns_size ? 1 : 0);
	while (*label) {
		size_t len = strcspn(label, ".");

		wire_put_u8(&writer, (uint8_t)len);
		wire_put(&writer, label, len);
		label += len + (label[len] == '.');
	}
	wire_put_u8(&writer, 0);
	wire_put_u16(&writer, type);
	wire_put_u16(&writer, DNS_CLASS_IN);
	if (edns_size) {
		wire_put_u8(&writer, 0);
		wire_put_u16(&writer, DNS_TYPE_OPT);
		wire_put_u16(&writer, edns_size);
		wire_put_u32(&writer, 0);
		wire_put_u16(&writer, 0);
	}
	CHECK(!writer.failed);
	return writer.pos;
}
