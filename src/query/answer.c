/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing record sets. The happy path of nearly every query is answer_addresses with one to a few
 * addresses, or answer_soa; both write each record as one block of known size. What may fail is
 * only room: see answer.h. Nothing allocates.
 */
#include "answer.h"

#define POINTER 0xc000u
#define RR_HEAD_SIZE 12 /* owner pointer, type, class, TTL, RDLENGTH */
#define SOA_NUMBERS_SIZE 20

void answer_fail(struct answer *answer, enum dns_rcode rcode, enum dns_ede ede, const char *text)
{
	answer->end.rcode = rcode;
	answer->end.ede = ede;
	answer->end.ede_text = text;
}

void answer_restart(struct answer *answer)
{
	wire_rewind(&answer->writer, DNS_HEADER_SIZE + answer->query->question_len);
	answer->end.n_answer = answer->end.n_authority = answer->end.n_additional = 0;
	answer->end.flags &= (uint16_t) ~(DNS_FLAG_AA | DNS_FLAG_TC);
}

static void put_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(at, &value, 4);
}

/* The head of a record whose owner is a pointer. */
static void put_head(uint8_t head[RR_HEAD_SIZE], uint16_t owner, enum dns_type type, uint32_t ttl_s,
		     uint16_t rdata_len)
{
	put_u16(head, POINTER | owner);
	put_u16(head + 2, type);
	put_u16(head + 4, DNS_CLASS_IN);
	put_u32(head + 6, ttl_s);
	put_u16(head + 10, rdata_len);
}

/* As many of the addresses as fit, in random order; returns how many. */
static uint32_t put_addresses(struct answer *answer, uint16_t owner,
			      const struct table_addresses *addresses, enum address_family family,
			      uint32_t ttl_s)
{
	struct order *order = &answer->scratch->order;
	size_t size = family == ADDRESS_V4 ? 4 : 16, rr_size = RR_HEAD_SIZE + size;
	size_t fit = (answer->writer.size - answer->writer.pos) / rr_size;
	uint32_t n = addresses->n < fit ? addresses->n : (uint32_t)fit;
	uint8_t *at = wire_room(&answer->writer, n * rr_size);
	uint8_t head[RR_HEAD_SIZE];

	CHECK(at);
	put_head(head, owner, family == ADDRESS_V4 ? DNS_TYPE_A : DNS_TYPE_AAAA, ttl_s,
		 (uint16_t)size);
	order_begin(order, addresses->n);
	for (uint32_t i = 0; i < n; i++, at += rr_size) {
		const uint8_t *address = addresses->bytes + order_draw(order) * size;

		memcpy(at, head, RR_HEAD_SIZE);
		if (size == 4)
			memcpy(at + RR_HEAD_SIZE, address, 4);
		else
			memcpy(at + RR_HEAD_SIZE, address, 16);
	}
	order_end(order);
	return n;
}

/* The commonest answer of all, one IPv4 address. False: there is no room. */
static inline bool put_single(struct answer *answer, uint16_t owner, const uint8_t *address,
			      uint32_t ttl_s)
{
	struct wire_writer *writer = &answer->writer;

	if (writer->size - writer->pos < RR_HEAD_SIZE + 4)
		return false;

	uint8_t *at = wire_room(writer, RR_HEAD_SIZE + 4);

	put_head(at, owner, DNS_TYPE_A, ttl_s, 4);
	memcpy(at + RR_HEAD_SIZE, address, 4);
	answer->end.n_answer++;
	return true;
}

void answer_addresses(struct answer *answer, uint16_t owner,
		      const struct table_addresses *addresses, enum address_family family,
		      uint32_t ttl_s)
{
	uint32_t n;

	if (LIKELY(addresses->n == 1 && family == ADDRESS_V4) &&
	    put_single(answer, owner, addresses->bytes, ttl_s))
		return;
	n = put_addresses(answer, owner, addresses, family, ttl_s);
	answer->end.n_answer = (uint16_t)(answer->end.n_answer + n);
	if (n < addresses->n)
		answer->end.flags |= DNS_FLAG_TC;
}

void answer_glue(struct answer *answer, uint16_t owner, const struct table_addresses *addresses,
		 enum address_family family, uint32_t ttl_s)
{
	/* A name that stands too far back to be pointed to gets no glue: the message is 16 KiB long
	 * by then. */
	if (addresses->n == 0 || owner > POINTER_POS_MAX)
		return;

	uint32_t n = put_addresses(answer, owner, addresses, family, ttl_s);

	answer->end.n_additional = (uint16_t)(answer->end.n_additional + n);
}

/* What stays the same for all SRV records of a set. */
struct srv_set {
	const struct table_view *view;
	const struct answer_zone *zone;
	uint16_t owner;
	uint16_t weight;
	uint32_t n_targets; /* noted in the scratch for glue */
};

/* The name of a target in full (RFC 2782 forbids compression): host label, service, namespace,
 * "svc", zone. */
static void put_target_name(struct wire_writer *writer, const struct srv_set *set,
			    const uint8_t *label)
{
	size_t len;
	const uint8_t *service = table_node_name(set->view->node, &len);

	if (label)
		wire_put(writer, label, 1u + label[0]);
	wire_put(writer, service, len);
	wire_put(writer, "\3svc", 4);
	wire_put(writer, set->zone->name->wire, set->zone->name->len);
}

/* In a very long zone a host's name may have more octets than a name can: then it has none. */
static bool has_name(const struct srv_set *set, const uint8_t *label)
{
	size_t len;

	table_node_name(set->view->node, &len);
	return (label ? 1u + label[0] : 0) + len + 4 + set->zone->name->len <= DNS_NAME_MAX;
}

/* One SRV record; returns where its target stands, or 0 with TC when it did not fit. */
static uint16_t put_srv(struct answer *answer, const struct srv_set *set, const uint8_t *label,
			uint16_t port)
{
	struct wire_writer *writer = &answer->writer;
	size_t mark = writer->pos;
	uint8_t *at = wire_room(writer, RR_HEAD_SIZE + 6);

	if (at) {
		put_head(at, set->owner, DNS_TYPE_SRV, set->zone->ttl_s, 0);
		put_u16(at + RR_HEAD_SIZE, 0);
		put_u16(at + RR_HEAD_SIZE + 2, set->weight);
		put_u16(at + RR_HEAD_SIZE + 4, port);
		put_target_name(writer, set, label);
	}
	if (writer->failed) {
		wire_rewind(writer, mark);
		answer->end.flags |= DNS_FLAG_TC;
		return 0;
	}
	wire_patch_u16(writer, mark + RR_HEAD_SIZE - 2,
		       (uint16_t)(writer->pos - mark - RR_HEAD_SIZE));
	answer->end.n_answer++;
	return (uint16_t)(mark + RR_HEAD_SIZE + 6);
}

/* Is this one of the view's ports that no earlier port of the target has the number of? The same
 * number under TCP and UDP is the same record at the service's own name. */
static bool take_port(struct answer_scratch *scratch, const struct table_view *view,
		      const struct table_port *port)
{
	uint64_t *word = &scratch->ports_seen[port->port / 64], bit = 1ull << port->port % 64;

	if ((*word & bit) || !table_port_matches(view, port))
		return false;
	*word |= bit;
	return true;
}

/* The target is done: nothing is seen. */
static void forget_ports(struct answer_scratch *scratch, const struct table_target *target)
{
	for (uint32_t i = 0; i < target->n_ports; i++)
		scratch->ports_seen[target->ports[i].port / 64] = 0;
}

static uint32_t count_srv(struct answer_scratch *scratch, const struct table_view *view)
{
	uint32_t n = 0, n_targets = table_n_targets(view);

	for (uint32_t i = 0; i < n_targets; i++) {
		struct table_target target;

		table_target(view, i, &target);
		for (uint32_t k = 0; k < target.n_ports; k++)
			n += take_port(scratch, view, &target.ports[k]);
		forget_ports(scratch, &target);
	}
	return n;
}

/* The SRV records of one target, which is noted for glue; false when one did not fit. */
static bool put_target(struct answer *answer, struct srv_set *set, uint32_t index)
{
	struct answer_scratch *scratch = answer->scratch;
	struct table_target target;
	uint16_t first = 0, pos = 1;

	table_target(set->view, index, &target);
	if (!has_name(set, target.label))
		return true;
	for (uint32_t i = 0; pos != 0 && i < target.n_ports; i++) {
		if (!take_port(scratch, set->view, &target.ports[i]))
			continue;
		pos = put_srv(answer, set, target.label, target.ports[i].port);
		if (first == 0)
			first = pos;
	}
	forget_ports(scratch, &target);
	if (first != 0 && set->n_targets < ANSWER_TARGETS_MAX)
		scratch->targets[set->n_targets++] =
			(struct answer_target){.index = index, .pos = first};
	return pos != 0;
}

void answer_srv(struct answer *answer, uint16_t owner, const struct table_view *view,
		const struct answer_zone *zone)
{
	struct order *order = &answer->scratch->order;
	uint32_t n_srv = count_srv(answer->scratch, view), n = table_n_targets(view);
	struct srv_set set = {
		.view = view,
		.zone = zone,
		.owner = owner,
		.weight = n_srv > 0 && n_srv < 100 ? (uint16_t)(100 / n_srv) : 1,
	};

	order_begin(order, n);
	for (uint32_t i = 0; i < n; i++) {
		if (!put_target(answer, &set, order_draw(order)))
			break;
	}
	order_end(order);
	for (uint32_t i = 0; i < set.n_targets; i++) {
		const struct answer_target *written = &answer->scratch->targets[i];
		struct table_target target;

		table_target(view, written->index, &target);
		answer_glue(answer, written->pos, &target.v4, ADDRESS_V4, zone->ttl_s);
		answer_glue(answer, written->pos, &target.v6, ADDRESS_V6, zone->ttl_s);
	}
}

static void need_compress(struct answer *answer)
{
	if (!answer->is_compress_ready)
		dns_compress_init(&answer->scratch->compress, answer->query);
	answer->is_compress_ready = true;
}

struct dns_compress *answer_compress(struct answer *answer)
{
	need_compress(answer);
	return &answer->scratch->compress;
}

bool answer_name_record(struct answer *answer, struct answer_rr rr, const uint8_t *wire, size_t len,
			uint16_t *target_pos)
{
	struct wire_writer *writer = &answer->writer;
	size_t mark = writer->pos;
	uint8_t *at = wire_room(writer, RR_HEAD_SIZE);

	need_compress(answer);

	struct dns_compress before = answer->scratch->compress;

	if (at) {
		put_head(at, rr.owner, rr.type, rr.ttl_s, 0);
		dns_compress_name(&answer->scratch->compress, writer, wire, len, true);
	}
	if (writer->failed) {
		wire_rewind(writer, mark);
		answer->scratch->compress = before;
		answer->end.flags |= DNS_FLAG_TC;
		return false;
	}
	wire_patch_u16(writer, mark + RR_HEAD_SIZE - 2,
		       (uint16_t)(writer->pos - mark - RR_HEAD_SIZE));
	*target_pos = (uint16_t)(mark + RR_HEAD_SIZE);
	answer->end.n_answer++;
	return true;
}

void answer_pointers(struct answer *answer, struct answer_rr rr,
		     const struct table_pointers *pointers, const struct dns_name *domain)
{
	uint8_t wire[DNS_NAME_MAX];

	for (uint32_t i = 0; i < table_n_pointers(pointers); i++) {
		size_t len;
		const uint8_t *name = table_pointer(pointers, i, &len);
		struct wire_writer target = wire_writer_init(wire, sizeof(wire));
		uint16_t pos;

		wire_put(&target, name, len);
		wire_put(&target, "\3svc", 4);
		wire_put(&target, domain->wire, domain->len);
		/* Longer than a name may be: such a host has no name in this zone. */
		if (target.failed)
			continue;
		if (!answer_name_record(answer, rr, wire, target.pos, &pos))
			return;
	}
}

bool answer_record(struct answer *answer, struct answer_rr rr, const uint8_t *rdata,
		   uint16_t rdata_len)
{
	uint8_t *at = wire_room(&answer->writer, (size_t)RR_HEAD_SIZE + rdata_len);

	if (!at) {
		answer->writer.failed = false;
		answer->end.flags |= DNS_FLAG_TC;
		return false;
	}
	put_head(at, rr.owner, rr.type, rr.ttl_s, rdata_len);
	memcpy(at + RR_HEAD_SIZE, rdata, rdata_len);
	answer->end.n_answer++;
	return true;
}

void answer_soa(struct answer *answer, const struct answer_zone *zone, bool is_negative)
{
	struct wire_writer *writer = &answer->writer;
	size_t mark = writer->pos;
	uint16_t pos = zone->pos;
	uint8_t head[RR_HEAD_SIZE];

	put_head(head, pos, DNS_TYPE_SOA, zone->ttl_s < 300 ? zone->ttl_s : 300, 0);
	if (LIKELY(pos != 0)) {
		wire_put(writer, head, RR_HEAD_SIZE);
	} else {
		/* The end of a CNAME chain: the zone stands somewhere in its names, or nowhere yet.
		 */
		pos = (uint16_t)mark;
		need_compress(answer);
		dns_compress_name(&answer->scratch->compress, writer, zone->name->wire,
				  zone->name->len, true);
		wire_put(writer, head + 2, RR_HEAD_SIZE - 2);
	}

	size_t rdata = writer->pos;

	/* ns.dns.ZONE hostmaster.ZONE serial refresh retry expire minimum (dns-facts 2) */
	wire_put(writer, "\2ns\3dns", 7);
	wire_put_u16(writer, (uint16_t)(POINTER | pos));
	wire_put(writer, "\12hostmaster", 11);
	wire_put_u16(writer, (uint16_t)(POINTER | pos));

	uint8_t *numbers = wire_room(writer, SOA_NUMBERS_SIZE);

	if (!numbers || pos > POINTER_POS_MAX) {
		wire_rewind(writer, mark);
		answer->end.flags |= DNS_FLAG_TC;
		return;
	}
	put_u32(numbers, zone->serial);
	put_u32(numbers + 4, 7200);
	put_u32(numbers + 8, 1800);
	put_u32(numbers + 12, 86400);
	put_u32(numbers + 16, zone->ttl_s);
	wire_patch_u16(writer, rdata - 2, (uint16_t)(writer->pos - rdata));
	if (is_negative)
		answer->end.n_authority++;
	else
		answer->end.n_answer++;
}
