/* SPDX-License-Identifier: Apache-2.0
 *
 * Any reply to a query that goes outside: a plain name, or an ExternalName's target. The first
 * octet chooses transport, EDNS and name; the rest is the reply's header but for id and question
 * count, then what stands behind its question. The client's answer must be a reply to its question
 * within its limit, and so must the one that the cache gives afterwards.
 */
#include <netinet/in.h>

#include "../unit/query/answer_text.h"
#include "../unit/query/fixture.h"
#include "base/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void __lsan_disable(void) __attribute__((weak)); /* see fuzz_query.c */
void __lsan_enable(void) __attribute__((weak));

static const struct cache_policy policy = {
	.server_text = "",
	.zones_text = "",
	.zones = {.is_all = true},
	.limits = {{.capacity = 1000, .ttl_max_s = 3600}, {.capacity = 1000, .ttl_max_s = 1800}},
	.servfail_s = 5,
	.stale = CACHE_STALE_VERIFY,
	.stale_s = 3600,
	.stale_ttl_s = 30,
	.verify_ms = 1800,
};
static const struct cache_policy *const group_policies[] = {&policy};
static const struct query_forward_config forward = {.from = {.len = 1}};

static struct fixture *new_fixture(void)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));

	if (__lsan_disable)
		__lsan_disable();
	rcu_register();
	fixture_init(fixture);
	table_commit(fixture->table, 1700000000, true);
	query_worker_free(fixture->worker);
	fixture->blocks[0].forwards = &forward;
	fixture->blocks[0].n_forwards = 1;
	fixture->config.cache = (struct cache_config){&policy, 1, 1 << 20};
	fixture->config.group_policies = group_policies;
	fixture->config.n_groups = 1;
	fixture->worker = query_worker_new(&fixture->config, NULL);
	if (__lsan_enable)
		__lsan_enable();
	return fixture;
}

/* The reply that data[1..size) makes of the question. */
static size_t make_reply(uint8_t wire[DNS_MESSAGE_MAX], const struct cache_question *question,
			 const uint8_t *data, size_t size)
{
	struct wire_writer writer = wire_writer_init(wire, DNS_MESSAGE_MAX);

	wire_put(&writer, "\0\0", 2);
	wire_put(&writer, data + 1, 2);
	wire_put(&writer, "\0\1", 2);
	wire_put(&writer, data + 3, 6);
	wire_put(&writer, question->name.wire, question->name.len);
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	wire_put(&writer, data + 9, size - 9);
	return writer.failed ? DNS_HEADER_SIZE : writer.pos;
}

static void check_answer(const struct fixture *fixture, const uint8_t *packet, bool is_tcp)
{
	static struct dns_reply_buffer buffer;
	const struct dns_query *query = &fixture->output.query;
	const struct dns_question question = {&query->name, query->type, query->class};
	struct dns_reply reply;
	size_t limit = is_tcp ? DNS_MESSAGE_MAX : query->udp_size;

	CHECK(fixture->output.size <= limit && memcmp(fixture->answer, packet, 2) == 0);
	CHECK(!dns_reply_parse(&reply, &buffer, fixture->answer, fixture->output.size, &question));
	CHECK(reply.counts[0] == fixture->output.n_answer);
}

/* Runs the query; what has to be asked is replied to with what the data say. */
static enum query_verdict run(struct fixture *fixture, const struct query_input *input,
			      const uint8_t *data, size_t size)
{
	static uint8_t wire[DNS_MESSAGE_MAX];
	struct query_output *output = &fixture->output;
	struct query_external external = {0};
	struct cache_question question;
	enum query_verdict verdict;

	output->bytes = fixture->answer;
	output->capacity = input->is_tcp ? sizeof(fixture->answer) : QUERY_UDP_ANSWER_MAX;
	rcu_enter();
	verdict = query_run(fixture->worker, input, output);
	if (verdict == QUERY_FORWARD) {
		question = *output->question;
		external.question = &question;
		query_learn(fixture->worker, &external, wire,
			    make_reply(wire, &question, data, size), input->now_ms);
		verdict = query_resume(fixture->worker, input, &external, output);
	}
	rcu_leave();
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"www.example.com", "to-out.shop.svc.cluster.local"};
	static struct fixture *fixture;
	/* The type tells runs apart, so that the cache never has the answer of an earlier one. */
	static uint16_t type = 256;
	static uint64_t now_ms = 1000;
	const struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = 1};
	uint8_t packet[512];
	struct query_input input = {
		.packet = packet, .source = (const struct sockaddr *)&source, .now_ms = 1000};

	if (!fixture)
		fixture = new_fixture();
	if (size < 9)
		return 0;
	type = type == 0xfeff ? 256 : (uint16_t)(type + 1);
	input.is_tcp = data[0] & 1;
	input.size = query_packet(packet, names[data[0] >> 1 & 1], data[0] & 8 ? 1 : type,
				  data[0] & 4 ? 1232 : 0);
	for (unsigned i = 0; i < 2; i++) {
		input.now_ms = now_ms += 1000;
		CHECK(run(fixture, &input, data, size) == QUERY_ANSWER);
		check_answer(fixture, packet, input.is_tcp);
	}
	return 0;
}
