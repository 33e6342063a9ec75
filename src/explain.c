/* SPDX-License-Identifier: Apache-2.0
 *
 * The query is answered by the very code that serves, with a trace. The objects come from where the
 * Corefile says, for as long as OBJECTS_MS: without them the cluster is taken to be empty, which is
 * said. Upstreams are named, not asked.
 *
 * What may fail: the name, type or address is none (exit code 2).
 */
#include "explain.h"

#include <arpa/inet.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/rcu.h"
#include "dns/rrtext.h"
#include "kube/kube.h"
#include "query/query.h"
#include "server.h"

#define OBJECTS_MS 5000
#define POLL_MS 20

struct explained {
	struct config *config;
	struct table **tables;
	struct kube **kubes;
	struct sockaddr_storage source;
	struct dns_name name;
	uint16_t type;
	uint8_t packet[512];
	size_t size;
};

/* ---- the question ---- */

static bool read_source(const char *text, struct sockaddr_storage *source)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)source;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)source;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(53535);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(53535);
	return true;
}

static bool read_question(const struct options *options, struct explained *explained)
{
	const char *type = options->explain_type ? options->explain_type : "A";
	const char *from = options->explain_from ? options->explain_from : "127.0.0.1";
	const char *name = options->explain_name;
	const char *what = NULL, *text = NULL;

	if (dns_name_from_text(&explained->name, name, strlen(name)) != 0)
		what = "name", text = name;
	else if (dns_type_from_text(&explained->type, type, strlen(type)) != 0)
		what = "record type", text = type;
	else if (!read_source(from, &explained->source))
		what = "address", text = from;
	if (what)
		fprintf(stderr, "kaname: \"%s\" is no %s\n", text, what);
	return !what;
}

/* As dig asks: RD, and an OPT record. */
static void write_packet(struct explained *explained)
{
	struct wire_writer writer = wire_writer_init(explained->packet, sizeof(explained->packet));

	wire_put_u16(&writer, 1);
	wire_put_u16(&writer, DNS_FLAG_RD);
	wire_put(&writer, "\0\1\0\0\0\0\0\1", 8);
	wire_put(&writer, explained->name.wire, explained->name.len);
	wire_put_u16(&writer, explained->type);
	wire_put_u16(&writer, DNS_CLASS_IN);
	wire_put(&writer, "\0\0\51\4\320\0\0\0\0\0\0", 11);
	CHECK(!writer.failed);
	explained->size = writer.pos;
}

/* ---- the objects ---- */

static bool wait_synced(struct kube *kube, struct text *why)
{
	uint64_t until_ns = clock_monotonic_ns() + OBJECTS_MS * 1000000ull;

	for (;;) {
		text_fini(why);
		if (kube_status(kube, why))
			return true;
		if (clock_monotonic_ns() >= until_ns)
			return false;
		uv_sleep(POLL_MS);
	}
}

static void print_lines(const char *head, const struct text *text)
{
	const char *line = text->bytes ? text->bytes : "";

	while (*line) {
		size_t len = strcspn(line, "\n");

		printf("%s%.*s\n", head, (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void open_source(struct explained *explained, size_t i)
{
	struct text why = {0};
	bool is_open = kube_open(&explained->kubes[i], &explained->config->kube.sources[i],
				 explained->tables[i], NULL, &why) == 0;

	if (!is_open || !wait_synced(explained->kubes[i], &why)) {
		puts("the cluster's objects could not be read, so it is taken to be empty:");
		print_lines("  ", &why);
		kube_close(explained->kubes[i]);
		explained->kubes[i] = NULL;
		table_commit(explained->tables[i], 0, true);
	}
	text_fini(&why);
}

static void open_sources(struct explained *explained)
{
	const struct kube_config *kube = &explained->config->kube;

	explained->tables = mem_zalloc((kube->n_sources + 1) * sizeof(struct table *));
	explained->kubes = mem_zalloc((kube->n_sources + 1) * sizeof(struct kube *));
	for (size_t i = 0; i < kube->n_sources; i++) {
		explained->tables[i] = table_new();
		if (kube_source_is_used(&kube->sources[i]))
			open_source(explained, i);
	}
	explained->config->query.tables = explained->tables;
}

static void close_sources(struct explained *explained)
{
	for (size_t i = 0; i < explained->config->kube.n_sources; i++) {
		kube_close(explained->kubes[i]);
		table_free(explained->tables[i]);
	}
	free(explained->tables);
	free(explained->kubes);
}

/* ---- the answer ---- */

static void print_answer(enum query_verdict verdict, const struct query_output *output)
{
	char rcode[16];

	switch (verdict) {
	case QUERY_DROP:
		puts("-> no answer is sent");
		break;
	case QUERY_FORWARD:
		puts("-> the upstream's reply");
		break;
	case QUERY_ANSWER:
		printf("-> %s, %u record%s in the answer section, %zu octets\n",
		       dns_rcode_text(output->rcode, rcode, sizeof(rcode)), output->n_answer,
		       output->n_answer == 1 ? "" : "s", output->size);
		if (output->error)
			printf("   %s\n", output->error);
		break;
	}
}

static void ask(struct explained *explained, size_t server)
{
	const struct query_config *query = &explained->config->query;
	struct query_worker *worker = query_worker_new(query, NULL);
	const struct query_input input = {.packet = explained->packet,
					  .size = explained->size,
					  .server = server,
					  .source = (struct sockaddr *)&explained->source,
					  .now_ms = clock_monotonic_ns() / 1000000};
	uint8_t bytes[QUERY_UDP_ANSWER_MAX];
	struct query_output output = {.bytes = bytes, .capacity = sizeof(bytes)};
	struct text trace = {0};
	enum query_verdict verdict;

	query_trace(worker, &trace);
	rcu_enter();
	verdict = query_run(worker, &input, &output);
	rcu_leave();
	if (verdict == QUERY_ANSWER && !output.view)
		puts("  no server block has the name");
	print_lines("  ", &trace);
	print_answer(verdict, &output);
	text_fini(&trace);
	query_worker_free(worker);
}

int explain_run(const struct options *options, struct config *config)
{
	struct explained explained = {.config = config};
	char name[DNS_NAME_TEXT_MAX], type[16];

	if (!read_question(options, &explained))
		return EXIT_USAGE;
	write_packet(&explained);
	rcu_register();
	open_sources(&explained);
	dns_name_to_text(explained.name.wire, explained.name.len, name);
	for (size_t i = 0; i < config->query.n_servers; i++) {
		const struct query_server_config *server = &config->query.servers[i];

		printf("%s %s, asked at %s:\n", name,
		       dns_type_text(explained.type, type, sizeof(type)),
		       server->n_views > 0 ? server->views[0].server_text : "?");
		ask(&explained, i);
	}
	close_sources(&explained);
	rcu_unregister();
	return EXIT_FINE;
}
