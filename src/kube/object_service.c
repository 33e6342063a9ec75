/* SPDX-License-Identifier: Apache-2.0
 *
 * v1 Service and v1 Pod, and the addresses and ports that all kinds have.
 */
#include <string.h>

#include "base/array.h"
#include "json.h"
#include "object.h"
#include "pack.h"

/* Four decimal numbers, leading zeros allowed, as Kubernetes took them for long. */
static bool read_padded_v4(struct address *address, const char *text)
{
	*address = (struct address){.family = ADDRESS_V4};
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, n = 0;

		if (i > 0 && *text++ != '.')
			return false;
		for (; *text >= '0' && *text <= '9' && n < 3; n++)
			value = value * 10 + (unsigned)(*text++ - '0');
		if (n == 0 || value > 255)
			return false;
		address->bytes[i] = (uint8_t)value;
	}
	return *text == '\0';
}

/* ::ffff:a.b.c.d is a.b.c.d. */
static void unmap_v4(struct address *address)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct address v4 = {.family = ADDRESS_V4};

	if (address->family != ADDRESS_V6 || memcmp(address->bytes, prefix, sizeof(prefix)) != 0)
		return;
	memcpy(v4.bytes, address->bytes + sizeof(prefix), 4);
	*address = v4;
}

void object_address(const struct json *at, struct address *address)
{
	const char *text = json_string(at);

	*address = (struct address){.family = ADDRESS_V4};
	if (!text)
		json_fail(at, "missing");
	else if (address_from_text(address, text, strlen(text)) == 0)
		unmap_v4(address);
	else if (!read_padded_v4(address, text))
		json_fail(at, "not an address: \"%.100s\"", text);
}

static uint8_t decode_proto(const struct json *at)
{
	static const char *const protos[TABLE_N_PROTOS] = {
		[TABLE_TCP] = "TCP", [TABLE_UDP] = "UDP", [TABLE_SCTP] = "SCTP"};
	const char *text = json_string(at);

	for (uint8_t i = 0; text && *text && i < TABLE_N_PROTOS; i++) {
		if (strcmp(text, protos[i]) == 0)
			return i;
	}
	if (text && *text)
		json_fail(at, "neither TCP, UDP nor SCTP: \"%.100s\"", text);
	return TABLE_TCP;
}

/* A DNS label of [a-z0-9-], in any case: services allow 63, not only the 15 of RFC 6335. */
static void decode_port_name(const struct json *at, struct table_port *port)
{
	const char *text = json_string(at);
	size_t len = text ? strlen(text) : 0;

	if (len >= sizeof(port->name)) {
		json_fail(at, "longer than 63: \"%.100s\"", text);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
			json_fail(at, "not a port name: \"%.100s\"", text);
			return;
		}
		port->name[i] = c;
	}
}

/* False: a slice's port without number, which means all ports and has no record. */
static bool decode_port(const struct json *at, bool is_slice, struct table_port *port)
{
	struct json name = json_member(at, "name");
	struct json proto = json_member(at, "protocol");
	struct json number = json_member(at, "port");

	*port = (struct table_port){0};
	decode_port_name(&name, port);
	port->proto = decode_proto(&proto);
	port->port = (uint16_t)json_number(&number, 1, UINT16_MAX);
	if (!at->node || cJSON_IsNull(at->node))
		json_fail(at, "not an object");
	if (number.node)
		return true;
	if (!is_slice)
		json_fail(&number, "missing");
	return false;
}

static bool is_same_port(const struct table_port *a, const struct table_port *b)
{
	return a->port == b->port && a->proto == b->proto && strcmp(a->name, b->name) == 0;
}

void object_ports(const struct json *list, bool is_slice, struct text *content)
{
	ARRAY(struct table_port) ports = {0};
	unsigned i = 0;

	for (const cJSON *node = json_first(list); node && !list->fault->is_set;
	     node = node->next) {
		struct json_fault part;
		struct json at = json_part(list, node, i++, &part);
		struct table_port port;
		size_t twin = 0;
		bool has_number;

		if (i > OBJECT_PORTS_MAX)
			json_fail(list, "more than %d ports", OBJECT_PORTS_MAX);
		has_number = decode_port(&at, is_slice, &port);
		if (!json_end_part(list, &part) || !has_number)
			continue;
		while (twin < ports.len && !is_same_port(&ports.items[twin], &port))
			twin++;
		if (twin == ports.len)
			ARRAY_PUSH(&ports, port);
	}
	pack_ports(content, ports.items, ports.len);
	ARRAY_FINI(&ports);
}

/* ---- Service ---- */

/*
 * externalName in wire form, its spelling kept, one final dot dropped. Spelled like an address it
 * gives no record, as the API's documentation says.
 */
static enum pack_type decode_alias(const struct json *at, uint8_t *wire, size_t *wire_len)
{
	const char *text = json_string(at);
	size_t len = text ? strlen(text) : 0;
	struct address address;
	struct dns_name name;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0) {
		json_fail(at, "missing");
		return PACK_NO_RECORDS;
	}
	if (address_from_text(&address, text, len) == 0)
		return PACK_NO_RECORDS;
	if (memchr(text, '\\', len) || dns_name_from_text(&name, text, len) != 0) {
		json_fail(at, "not a DNS name: \"%.255s\"", text);
		return PACK_NO_RECORDS;
	}
	/* Without escapes, label i stands in the text where its length octet stands in the wire
	 * form. */
	memcpy(wire, name.wire, name.len);
	for (unsigned i = 0; i < name.n_labels; i++)
		memcpy(wire + name.offsets[i] + 1, text + name.offsets[i],
		       name.wire[name.offsets[i]]);
	*wire_len = name.len;
	return PACK_ALIAS;
}

struct cluster_ips {
	bool is_headless;
	uint8_t n;
	struct address addresses[OBJECT_ADDRESSES_MAX];
};

static void decode_cluster_ip(const struct json *at, struct cluster_ips *ips)
{
	const char *text = json_string(at);

	if (text && strcmp(text, "None") == 0)
		ips->is_headless = true;
	else if (text && *text && ips->n < OBJECT_ADDRESSES_MAX)
		object_address(at, &ips->addresses[ips->n++]);
	else if (text && *text)
		json_fail(at, "more than %d addresses", OBJECT_ADDRESSES_MAX);
}

/* clusterIPs, or where there are none clusterIP. */
static void decode_cluster_ips(const struct json *spec, struct cluster_ips *ips)
{
	struct json list = json_member(spec, "clusterIPs");
	struct json single = json_member(spec, "clusterIP");
	const cJSON *node = json_first(&list);

	if (!node)
		decode_cluster_ip(&single, ips);
	for (unsigned i = 0; node && !list.fault->is_set; node = node->next) {
		struct json at = json_element(&list, node, i++);

		if (!json_string(&at))
			json_fail(&at, "not a string");
		decode_cluster_ip(&at, ips);
	}
}

static bool is_external(const struct json *at)
{
	static const char *const others[] = {"", "ClusterIP", "NodePort", "LoadBalancer"};
	const char *type = json_string(at);

	if (!type)
		return false;
	if (strcmp(type, "ExternalName") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strcmp(type, others[i]) == 0)
			return false;
	}
	json_fail(at, "unknown: \"%.100s\"", type);
	return false;
}

void object_decode_service(struct object *object, const struct json *root)
{
	struct json spec = json_member(root, "spec");
	struct json type_at = json_member(&spec, "type");
	struct json ports = json_member(&spec, "ports");
	struct json external_name = json_member(&spec, "externalName");
	struct cluster_ips ips = {0};
	uint8_t wire[DNS_NAME_MAX];
	size_t wire_len = 0;
	enum pack_type type;

	if (!spec.node)
		json_fail(&spec, "missing");
	if (is_external(&type_at)) {
		type = decode_alias(&external_name, wire, &wire_len);
	} else {
		decode_cluster_ips(&spec, &ips);
		type = ips.is_headless ? PACK_HEADLESS : PACK_CLUSTER_IP;
	}
	if (ips.is_headless)
		ips.n = 0;
	pack_u8(&object->content, type);
	pack_u8(&object->content, ips.n);
	for (unsigned i = 0; i < ips.n; i++)
		pack_address(&object->content, &ips.addresses[i]);
	object_ports(&ports, false, &object->content);
	text_append(&object->content, (const char *)wire, wire_len);
}

/* ---- Pod ---- */

/* All of status.podIPs, else podIP; none once the pod has ended, when others may have its address.
 */
void object_decode_pod(struct object *object, const struct json *root)
{
	struct json status = json_member(root, "status");
	struct json phase_at = json_member(&status, "phase");
	struct json list = json_member(&status, "podIPs");
	struct json single = json_member(&status, "podIP");
	const char *phase = json_string(&phase_at);
	const cJSON *node = json_first(&list);
	const char *text = json_string(&single);
	struct address address;

	if (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0))
		return;
	if (!node && text && *text) {
		object_address(&single, &address);
		pack_address(&object->content, &address);
	}
	for (unsigned i = 0; node && !list.fault->is_set; node = node->next) {
		struct json at = json_element(&list, node, i++);
		struct json ip = json_member(&at, "ip");

		if (i > OBJECT_ADDRESSES_MAX)
			json_fail(&list, "more than %d addresses", OBJECT_ADDRESSES_MAX);
		object_address(&ip, &address);
		pack_address(&object->content, &address);
	}
}
