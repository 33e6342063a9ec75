/* SPDX-License-Identifier: Apache-2.0
 *
 * Any rules of `rewrite`, and any name, through the whole life of a query on the cluster of the
 * query tests. The first octet chooses transport, EDNS and type; then stand the name's octets up to
 * a line feed, then the lines of a server block. The answer lies within the client's limit, has the
 * client's own question to the letter, and is well-formed to its last octet.
 */
#include <netinet/in.h>

#include "../unit/query/answer_text.h"
#include "../unit/query/fixture.h"
#include "../unit/query/rules.h"
#include "base/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void __lsan_disable(void) __attribute__((weak)); /* see fuzz_query.c */
void __lsan_enable(void) __attribute__((weak));

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
	fixture->worker = query_worker_new(&fixture->config, NULL);
	if (__lsan_enable)
		__lsan_enable();
	return fixture;
}

/* A CNAME below the name that was asked, and an address there. */
static size_t make_reply(uint8_t wire[512], const struct cache_question *question)
{
	struct wire_writer writer = wire_writer_init(wire, 512);

	wire_put(&writer, "\0\0\x81\x80\0\1\0\2\0\0\0\0", 12);
	wire_put(&writer, question->name.wire, question->name.len);
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	wire_put(&writer, "\xc0\x0c\0\5\0\1\0\0\0\x64\0\6\3www\xc0\x0c", 18);
	wire_put(&writer, "\3www\xc0\x0c\0\1\0\1\0\0\0\x64\0\4\xc6\x33\x64\1", 20);
	CHECK(!writer.failed);
	return writer.pos;
}

static void run(struct fixture *fixture, const struct query_input *input)
{
	static uint8_t wire[512];
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
		query_learn(fixture->worker, &external, wire, make_reply(wire, &question), 1000);
		verdict = query_resume(fixture->worker, input, &external, output);
		/* Run again, the rules ask the same. */
		CHECK(verdict == QUERY_ANSWER);
	}
	rcu_leave();
	CHECK(verdict == QUERY_ANSWER);
}

static void check_answer(const struct fixture *fixture, const uint8_t *packet, bool is_tcp)
{
	static struct dns_reply_buffer buffer;
	const struct dns_query *query = &fixture->output.query;
	const struct dns_question question = {&query->name, query->type, query->class};
	struct dns_reply reply;

	CHECK(fixture->output.size <= (is_tcp ? DNS_MESSAGE_MAX : query->udp_size));
	CHECK(memcmp(fixture->answer, packet, 2) == 0);
	CHECK(memcmp(fixture->answer + 12, packet + 12, query->question_len) == 0);
	CHECK(!dns_reply_parse(&reply, &buffer, fixture->answer, fixture->output.size, &question));
	CHECK(reply.counts[0] == fixture->output.n_answer);
}

/* A Corefile of a block with these lines. False when it is none. */
static bool load(struct config *config, const uint8_t *lines, size_t size)
{
	struct text corefile = {0};
	bool is_fine;

	text_puts(&corefile, ".:53 {\n");
	text_append(&corefile, (const char *)lines, size);
	text_puts(&corefile, "\n}\n");
	is_fine = rules_load(config, corefile.bytes, corefile.len);
	text_fini(&corefile);
	return is_fine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_SRV, DNS_TYPE_MX, DNS_TYPE_PTR};
	static struct fixture *fixture;
	const struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = 1};
	const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
	struct query_input input = {.source = (const struct sockaddr *)&source, .now_ms = 1000};
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	uint8_t packet[512];
	struct config config;

	if (!fixture)
		fixture = new_fixture();
	if (!end || end - data > 255 || size > 4096 ||
	    dns_name_from_text(&name, (const char *)data + 1, (size_t)(end - data - 1)) != 0 ||
	    memchr(data + 1, '\\', (size_t)(end - data - 1)))
		return 0;
	dns_name_to_text(name.wire, name.len, text);
	if (strchr(text, '\\') || !load(&config, end + 1, size - (size_t)(end + 1 - data)))
		return 0;
	fixture->blocks[0].rewrite = config.query.blocks[0].rewrite;
	fixture->blocks[0].has_minimal = config.query.blocks[0].has_minimal;
	input.packet = packet;
	input.is_tcp = data[0] & 1;
	input.size = query_packet(packet, name.len > 1 ? text : "", types[data[0] >> 2 & 3],
				  data[0] & 2 ? 1232 : 0);
	run(fixture, &input);
	check_answer(fixture, packet, input.is_tcp);
	fixture->blocks[0].rewrite = NULL;
	config_free(&config);
	return 0;
}
