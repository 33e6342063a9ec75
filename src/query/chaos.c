/* SPDX-License-Identifier: Apache-2.0
 *
 * `chaos`: version.bind and its like, TXT records of class CH (RFC 4892). Other names and types of
 * that class go on, and are refused. Worker thread.
 */
#include "chaos.h"

#include "query/chaos.h"
#include "worker.h"

/* A TXT record of class CH; false, with TC, when it does not fit. */
static bool put_text(struct answer *answer, const char *text)
{
	struct wire_writer *writer = &answer->writer;
	size_t len = strlen(text), mark = writer->pos;

	wire_put_u16(writer, 0xc000u | QUESTION_NAME_POS);
	wire_put_u16(writer, DNS_TYPE_TXT);
	wire_put_u16(writer, DNS_CLASS_CH);
	wire_put_u32(writer, 0);
	wire_put_u16(writer, (uint16_t)(1 + len));
	wire_put_u8(writer, (uint8_t)len);
	wire_put(writer, text, len);
	if (writer->failed) {
		wire_rewind(writer, mark);
		answer->end.flags |= DNS_FLAG_TC;
		return false;
	}
	answer->end.n_answer++;
	return true;
}

/* Each author in turn, from a random one on. */
static void put_authors(struct answer *answer, const struct query_chaos *chaos)
{
	struct order *order = &answer->scratch->order;
	bool has_room = true;

	order_begin(order, (uint32_t)chaos->n_authors);
	for (size_t i = 0; has_room && i < chaos->n_authors; i++)
		has_room = put_text(answer, chaos->authors[order_draw(order)]);
	order_end(order);
}

static bool is_name(const struct dns_name *name, const char *wire, size_t len)
{
	return name->len == len && memcmp(name->wire, wire, len) == 0;
}
#define IS_NAME(name, wire) is_name((name), (wire), sizeof(wire))

enum step chaos_run(struct answer *answer, const struct query_chaos *chaos)
{
	const struct dns_name *name = &answer->query->name;

	if (answer->query->type != DNS_TYPE_TXT)
		return STEP_NEXT;
	if (IS_NAME(name, "\7version\4bind") || IS_NAME(name, "\7version\6server"))
		put_text(answer, chaos->version);
	else if (IS_NAME(name, "\10hostname\4bind") || IS_NAME(name, "\2id\6server"))
		put_text(answer, chaos->hostname);
	else if (IS_NAME(name, "\7authors\4bind"))
		put_authors(answer, chaos);
	else
		return STEP_NEXT;
	answer->plugin = QUERY_PLUGIN_CHAOS;
	ANSWER_TRACE(answer, "chaos %s: answers", chaos->place);
	return STEP_DONE;
}
