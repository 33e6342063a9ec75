/* SPDX-License-Identifier: Apache-2.0
 *
 * Any octets as an upstream's reply to the question that they hold. What is packed must be a reply
 * whose packing is itself, octet for octet; answers from it must lie within their limit, be replies
 * again, and, whole, hold the same records but for the order of addresses.
 */
#include "dns/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_reply_buffer first, second, scratch;
static uint8_t message[DNS_MESSAGE_MAX];

static const struct dns_reply_ttl ttl_as_is = {.cap_s = UINT32_MAX};

/* The packed reply with a header, as a message. */
static void check_packing(const struct dns_reply *reply, const struct dns_question *question)
{
	struct dns_reply again;

	memcpy(message, reply->wire, reply->len);
	message[2] = 0x80 | (uint8_t)(reply->flags >> 8);
	message[3] = (uint8_t)((reply->flags & 0xff) | (reply->rcode & 15));
	message[5] = 1;
	for (unsigned i = 0; i < 3; i++) {
		message[6 + 2 * i] = (uint8_t)(reply->counts[i] >> 8);
		message[7 + 2 * i] = (uint8_t)reply->counts[i];
	}
	CHECK(!dns_reply_parse(&again, &second, message, reply->len, question));
	CHECK(again.len == reply->len && again.n_records == reply->n_records);
	CHECK(memcmp(again.wire + 12, reply->wire + 12, reply->len - 12) == 0);
	CHECK(memcmp(again.ttls, reply->ttls, reply->n_records * sizeof(*reply->ttls)) == 0);
	CHECK(again.ttl_s == reply->ttl_s && again.soa_ttl_s == reply->soa_ttl_s);
	CHECK(again.n_runs == reply->n_runs && again.has_soa == reply->has_soa);
}

/* An answer in `limit` octets; returns its length. */
static size_t write_answer(const struct dns_reply *reply, const struct dns_query *query,
			   size_t limit, struct dns_answer_end *end)
{
	struct wire_writer writer = wire_writer_init(message, limit);
	struct random random = {1};

	dns_answer_begin(&writer, query);
	dns_reply_write(reply, &writer, &ttl_as_is, &random, end);
	CHECK(writer.pos <= limit);
	return dns_answer_end(&writer, query, end);
}

static void check_answers(const struct dns_reply *reply, const struct dns_query *query,
			  const struct dns_question *question)
{
	static const size_t limits[] = {512, 700, 1232, DNS_MESSAGE_MAX};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct dns_answer_end end = {.ede = DNS_EDE_NONE};
		size_t len = write_answer(reply, query, limits[i], &end);
		struct dns_reply again;

		CHECK(!dns_reply_parse(&again, &second, message, len, question));
		CHECK(again.counts[0] == end.n_answer && again.counts[1] == end.n_authority);
		if (end.flags & DNS_FLAG_TC)
			continue;
		CHECK(again.counts[0] == reply->counts[0] && again.counts[1] == reply->counts[1]);
	}
}

/* The reply as what a CNAME of another name leads to. */
static void check_append(const struct dns_reply *reply, const struct dns_question *question)
{
	uint8_t asked[DNS_NAME_MAX + 4] = "\1w\4shop\0\0\1\0\1";
	struct dns_query query = {.question = asked, .question_len = 12};
	struct dns_name name;
	struct dns_question other = {&name, 1, 1};
	struct wire_writer writer = wire_writer_init(message, 4000);
	struct dns_answer_end end = {.ede = DNS_EDE_NONE, .n_answer = 1};
	struct random random = {1};
	struct dns_compress compress;
	struct dns_reply again;
	const uint16_t known[] = {12, 36};
	struct dns_reply_append in = {&ttl_as_is, &random, &scratch, known, 2};

	if (dns_name_from_wire(&name, asked, 8) != 0)
		return;
	query.name = name;
	dns_answer_begin(&writer, &query);
	dns_compress_init(&compress, &query);
	wire_put(&writer, "\xc0\x0c\0\5\0\1\0\0\0\1\0", 11);
	wire_put_u8(&writer, question->name->len);
	dns_compress_name(&compress, &writer, question->name->wire, question->name->len, false);
	dns_reply_append(reply, &writer, &in, &end);
	CHECK(!dns_reply_parse(&again, &second, message, dns_answer_end(&writer, &query, &end),
			       &other));
	CHECK(again.counts[0] == end.n_answer && again.counts[1] == end.n_authority);
	if (!(end.flags & DNS_FLAG_TC))
		CHECK(end.n_answer == reply->counts[0] + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader reader = wire_reader_init(data, size);
	struct dns_question question;
	struct dns_query query = {.udp_size = 512};
	struct dns_reply reply;
	struct dns_name name;

	wire_skip(&reader, DNS_HEADER_SIZE);
	dns_name_read(&name, &reader, false);
	question = (struct dns_question){&name, 0, 0};
	question.type = wire_u16(&reader);
	question.class = wire_u16(&reader);
	if (reader.failed || dns_reply_parse(&reply, &first, data, size, &question))
		return 0;
	query.name = name;
	query.question = data + DNS_HEADER_SIZE;
	query.question_len = (uint16_t)(reader.pos - DNS_HEADER_SIZE);
	check_packing(&reply, &question);
	check_answers(&reply, &query, &question);
	check_append(&reply, &question);
	return 0;
}
