/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing and unpacking; the format is drawn in pack.h.
 */
#include "pack.h"

#define ENDPOINT_V6 0x80u
#define ENDPOINT_LABEL 0x3fu
#define PORT_NAME 0x3fu

void pack_u8(struct text *out, uint8_t value)
{
	text_append(out, (const char *)&value, 1);
}

static void pack_u16(struct text *out, uint16_t value)
{
	pack_u8(out, (uint8_t)(value >> 8));
	pack_u8(out, (uint8_t)value);
}

void pack_address(struct text *out, const struct address *address)
{
	pack_u8(out, address->family);
	text_append(out, (const char *)address->bytes, address_size(address));
}

void pack_ports(struct text *out, const struct table_port *ports, size_t n)
{
	CHECK(n <= UINT16_MAX);
	pack_u16(out, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(ports[i].name);

		CHECK(len <= PORT_NAME);
		pack_u8(out, (uint8_t)(ports[i].proto << 6 | len));
		text_append(out, ports[i].name, len);
		pack_u16(out, ports[i].port);
	}
}

size_t pack_endpoints_begin(struct text *out)
{
	size_t mark = out->len;

	text_append(out, "\0\0\0", 4);
	return mark;
}

void pack_endpoint(struct text *out, const struct address *address, const char *label, size_t len)
{
	CHECK(len <= ENDPOINT_LABEL);
	pack_u8(out, (uint8_t)((address->family == ADDRESS_V6 ? ENDPOINT_V6 : 0) | len));
	text_append(out, label, len);
	text_append(out, (const char *)address->bytes, address_size(address));
}

void pack_endpoints_end(struct text *out, size_t mark, uint32_t n)
{
	n = __builtin_bswap32(n);
	memcpy(out->bytes + mark, &n, sizeof(n));
}

static void unpack_address_bytes(struct wire_reader *reader, struct address *address)
{
	const uint8_t *bytes = wire_take(reader, address_size(address));

	if (bytes)
		memcpy(address->bytes, bytes, address_size(address));
}

void unpack_address(struct wire_reader *reader, struct address *address)
{
	*address = (struct address){.family = wire_u8(reader)};
	unpack_address_bytes(reader, address);
}

void unpack_port(struct wire_reader *reader, struct table_port *port)
{
	uint8_t head = wire_u8(reader);
	const uint8_t *name = wire_take(reader, head & PORT_NAME);

	*port = (struct table_port){.proto = head >> 6};
	if (name)
		memcpy(port->name, name, head & PORT_NAME);
	port->port = wire_u16(reader);
}

void unpack_endpoint(struct wire_reader *reader, struct pack_endpoint *endpoint)
{
	uint8_t head = wire_u8(reader);

	endpoint->label_len = head & ENDPOINT_LABEL;
	endpoint->label = (const char *)wire_take(reader, endpoint->label_len);
	endpoint->address =
		(struct address){.family = head & ENDPOINT_V6 ? ADDRESS_V6 : ADDRESS_V4};
	unpack_address_bytes(reader, &endpoint->address);
}
