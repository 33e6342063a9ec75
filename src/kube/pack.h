/* SPDX-License-Identifier: Apache-2.0
 *
 * How the store keeps what DNS needs of an object: packed bytes, 5 for an endpoint without a host
 * name. Equal content has equal bytes. Written by the decoder (object.h), read back by records.h;
 * never leaves the process.
 *
 *     Service    u8 type | u8 n, n addresses | ports | alias (the rest, a wire name)
 *     slice      any number of: ports | u32 n, n endpoints
 *                (only ready endpoints; a slice has one such set)
 *     Pod        any number of addresses
 *
 *     ports      u16 n | n times: u8 protocol << 6 | name length, name, u16 port
 *     address    u8 family, 4 or 16 bytes
 *     endpoint   u8 family flag | host name length, host name, 4 or 16 bytes
 *
 * The readers are those of dns/wire.h, sticky error and all. Any thread.
 */
#ifndef KANAME_KUBE_PACK_H
#define KANAME_KUBE_PACK_H

#include "base/text.h"
#include "table/table.h"

enum pack_type { PACK_CLUSTER_IP, PACK_HEADLESS, PACK_ALIAS, PACK_NO_RECORDS };

void pack_u8(struct text *out, uint8_t value);
void pack_address(struct text *out, const struct address *address);
void pack_ports(struct text *out, const struct table_port *ports, size_t n);

/* Begins a set's endpoints; returns where their number stands, for pack_endpoints_end. */
size_t pack_endpoints_begin(struct text *out);
/* label[0..len): the explicit host name, at most 63 octets; len 0: named by its address. */
void pack_endpoint(struct text *out, const struct address *address, const char *label, size_t len);
void pack_endpoints_end(struct text *out, size_t mark, uint32_t n);

void unpack_address(struct wire_reader *reader, struct address *address);
/* One port; its number comes before them all: wire_u16. */
void unpack_port(struct wire_reader *reader, struct table_port *port);

struct pack_endpoint {
	struct address address;
	const char *label; /* borrowed from the content, not NUL-terminated */
	uint8_t label_len; /* 0: named by its address */
};
void unpack_endpoint(struct wire_reader *reader, struct pack_endpoint *endpoint);

#endif
