/* SPDX-License-Identifier: Apache-2.0 */
#include "responder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dns/probe.h"

#define GUARD_MS 20000
#define LARGE_RECORDS 250

/* A connection, and what was read of it. */
struct connection {
	uv_tcp_t tcp; /* first */
	struct responder *responder;
	uint8_t bytes[4096];
	size_t len;
};

struct out {
	uint8_t bytes[70000];
	size_t len;
};

/* ---- answers ---- */

static size_t question_len(const uint8_t *query, size_t len)
{
	size_t pos = 12;

	while (pos < len && query[pos] != 0)
		pos += 1u + query[pos];
	return pos + 5 - 12;
}

static void note(struct responder *responder, const uint8_t *query, size_t len)
{
	size_t n = question_len(query, len);

	responder->had_upper = false;
	for (size_t i = 12; i < 12 + n - 4; i++)
		responder->had_upper |= query[i] >= 'A' && query[i] <= 'Z';
	responder->had_cd = (query[3] & 0x10) != 0;
	responder->had_edns = query[11] == 1;
	responder->had_do = responder->had_edns && (query[12 + n + 7] & 0x80) != 0;
}

static void put_record(struct out *out, uint16_t type, const void *rdata, uint16_t len)
{
	uint8_t head[12] = {0xc0, 12, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0,
			    0,	  60, (uint8_t)(len >> 8),  (uint8_t)len};

	memcpy(out->bytes + out->len, head, 12);
	memcpy(out->bytes + out->len + 12, rdata, len);
	out->len += 12u + len;
	out->bytes[7]++;
}

static void begin(struct out *out, const uint8_t *query, size_t len)
{
	size_t n = question_len(query, len);

	memcpy(out->bytes, query, 12 + n);
	memset(out->bytes + 6, 0, 6);
	out->bytes[2] = (uint8_t)(0x80 | (query[2] & 1));
	out->bytes[3] = 0x80;
	out->len = 12 + n;
}

static void put_large(struct out *out)
{
	uint8_t text[240];

	memset(text, 'x', sizeof(text));
	text[0] = sizeof(text) - 1;
	for (int i = 0; i < LARGE_RECORDS; i++)
		put_record(out, DNS_TYPE_TXT, text, sizeof(text));
}

static void put_proof(struct responder *responder, struct out *out)
{
	struct wire_reader reader = wire_reader_init(out->bytes, out->len);
	struct dns_name name;
	uint8_t rdata[1 + DNS_PROBE_LABEL + 5] = {DNS_PROBE_LABEL};

	wire_skip(&reader, 12);
	dns_name_read(&name, &reader, false);
	if (!dns_probe_check(&name, responder->probe_key, (char *)rdata + 1))
		return;
	memcpy(rdata + 1 + DNS_PROBE_LABEL, "\4loop", 5);
	put_record(out, DNS_TYPE_HINFO, rdata, sizeof(rdata));
}

static void make_answer(struct responder *responder, struct out *out, const uint8_t *query,
			size_t len, bool is_tcp)
{
	const uint8_t address[4] = {responder->is_directory ? 127 : 192, 0,
				    responder->is_directory ? 0 : 2,
				    responder->is_directory ? 3 : 1};

	note(responder, query, len);
	begin(out, query, len);
	switch (responder->act) {
	case RESPOND_TRUNCATED:
	case RESPOND_LARGE:
		if (!is_tcp)
			out->bytes[2] |= 2;
		else if (responder->act == RESPOND_LARGE)
			put_large(out);
		else
			put_record(out, DNS_TYPE_A, address, 4);
		break;
	case RESPOND_RCODE:
		out->bytes[3] |= responder->rcode;
		break;
	case RESPOND_BROKEN:
		out->bytes[6] = out->bytes[7] = 0xff;
		break;
	case RESPOND_PROOF:
		put_proof(responder, out);
		break;
	case RESPOND_UPPER:
		for (size_t i = 12; i < out->len - 5; i++)
			out->bytes[i] -= out->bytes[i] >= 'a' && out->bytes[i] <= 'z' ? 32 : 0;
		put_record(out, DNS_TYPE_A, address, 4);
		break;
	case RESPOND:
	case RESPOND_NEVER:
	case RESPOND_CLOSE:
	case RESPOND_FORGED:
	case RESPOND_TWICE:
	case RESPOND_EMPTY:
	case RESPOND_HELD:
		put_record(out, DNS_TYPE_A, address, 4);
		break;
	}
}

/* ---- UDP ---- */

static void send_to(struct responder *responder, const void *bytes, size_t len,
		    const struct sockaddr *to)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);

	CHECK(uv_udp_try_send(&responder->udp, &buf, 1, to) == (int)len);
}

static void send_forged(struct responder *responder, const struct out *out,
			const struct sockaddr *to)
{
	static const struct {
		int at; /* from the end of the question if negative */
		uint8_t change;
	} forgeries[] = {{1, 1},  {2, 0x80},  {13, 1}, {-3, 2},
			 {-1, 2}, {13, 0x20}, {5, 1},  {2, 0x10}};
	size_t end = 12 + question_len(out->bytes, out->len);

	for (size_t i = 0; i < ARRAY_LEN(forgeries); i++) {
		struct out forged = *out;
		size_t at = forgeries[i].at < 0 ? end - (size_t)-forgeries[i].at
						: (size_t)forgeries[i].at;

		forged.bytes[at] ^= forgeries[i].change;
		send_to(responder, forged.bytes, forged.len, to);
	}
	send_to(responder, out->bytes, 0, to);
	send_to(responder, out->bytes, 11, to);
	send_to(responder, out->bytes, end - 1, to);
}

static void hold(struct responder *responder, const struct out *out, const struct sockaddr *from)
{
	struct responder_held *held = &responder->held[responder->n_held++];

	CHECK(responder->n_held <= RESPONDER_HELD_MAX && out->len <= sizeof(held->bytes));
	memcpy(&held->from, from, sizeof(struct sockaddr_in));
	memcpy(held->bytes, out->bytes, out->len);
	held->len = out->len;
}

void responder_release(struct responder *responder)
{
	while (responder->n_held > 0) {
		const struct responder_held *held = &responder->held[--responder->n_held];

		send_to(responder, held->bytes, held->len, (const struct sockaddr *)&held->from);
	}
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char bytes[65536];

	*buf = uv_buf_init(bytes, sizeof(bytes));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			unsigned flags)
{
	struct responder *responder = udp->data;
	struct out out;

	if (!from || n < 12)
		return;
	responder->n_udp++;
	responder->last_port = ((const struct sockaddr_in *)(const void *)from)->sin_port;
	make_answer(responder, &out, (const uint8_t *)buf->base, (size_t)n, false);
	if (responder->act == RESPOND_NEVER)
		return;
	if (responder->act == RESPOND_HELD) {
		hold(responder, &out, from);
		return;
	}
	if (responder->act == RESPOND_FORGED)
		send_forged(responder, &out, from);
	if (responder->act == RESPOND_EMPTY)
		send_to(responder, out.bytes, 0, from);
	if (responder->act == RESPOND_TWICE)
		send_to(responder, out.bytes, out.len, from);
	send_to(responder, out.bytes, out.len, from);
}

/* ---- TCP ---- */

struct write {
	uv_write_t request; /* first */
	struct connection *connection;
	bool is_last;
	uint8_t bytes[70000];
};

static void on_connection_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_connection(struct connection *connection)
{
	if (!uv_is_closing((uv_handle_t *)&connection->tcp))
		uv_close((uv_handle_t *)&connection->tcp, on_connection_closed);
}

static void on_written(uv_write_t *request, int status)
{
	struct write *write = (struct write *)(void *)request;

	if (write->is_last && status == 0)
		close_connection(write->connection);
	free(write);
}

static void answer_frame(struct connection *connection, const uint8_t *query, size_t len)
{
	struct responder *responder = connection->responder;
	struct write *write = mem_alloc(sizeof(*write));
	struct out out;
	size_t size;
	uv_buf_t buf;

	responder->n_tcp++;
	make_answer(responder, &out, query, len, true);
	write->connection = connection;
	write->is_last = responder->act == RESPOND_CLOSE;
	write->bytes[0] = (uint8_t)(out.len >> 8);
	write->bytes[1] = (uint8_t)out.len;
	memcpy(write->bytes + 2, out.bytes, out.len);
	size = write->is_last ? out.len / 2 : out.len + 2;
	buf = uv_buf_init((char *)write->bytes, (unsigned)size);
	if (responder->act == RESPOND_NEVER)
		free(write);
	else
		CHECK(uv_write(&write->request, (uv_stream_t *)&connection->tcp, &buf, 1,
			       on_written) == 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *connection = (struct connection *)(void *)stream;
	size_t len;

	if (n < 0) {
		close_connection(connection);
		return;
	}
	CHECK(connection->len + (size_t)n <= sizeof(connection->bytes));
	memcpy(connection->bytes + connection->len, buf->base, (size_t)n);
	connection->len += (size_t)n;
	while (connection->len >= 2) {
		len = (size_t)connection->bytes[0] << 8 | connection->bytes[1];
		if (connection->len < len + 2)
			break;
		answer_frame(connection, connection->bytes + 2, len);
		connection->len -= len + 2;
		memmove(connection->bytes, connection->bytes + len + 2, connection->len);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct responder *responder = listener->data;
	struct connection *connection = mem_zalloc(sizeof(*connection));

	responder->n_connections++;
	connection->responder = responder;
	CHECK(uv_tcp_init(responder->loop, &connection->tcp) == 0);
	CHECK(uv_accept(listener, (uv_stream_t *)&connection->tcp) == 0);
	CHECK(uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) == 0);
}

/* ---- the responder ---- */

/* TCP takes a free port; should UDP's of the same number be taken, another is tried. */
void responder_open(struct responder *responder, uv_loop_t *loop, const char *ip)
{
	int error = -1;

	*responder = (struct responder){.loop = loop, .has_tcp = true};
	for (int tries = 0; tries < 50 && error != 0; tries++) {
		int len = sizeof(responder->address);

		CHECK(uv_ip4_addr(ip, 0, &responder->address) == 0);
		CHECK(uv_tcp_init(loop, &responder->tcp) == 0);
		CHECK(uv_tcp_bind(&responder->tcp, (struct sockaddr *)&responder->address, 0) == 0);
		CHECK(uv_tcp_getsockname(&responder->tcp, (struct sockaddr *)&responder->address,
					 &len) == 0);
		CHECK(uv_udp_init(loop, &responder->udp) == 0);
		error = uv_udp_bind(&responder->udp, (struct sockaddr *)&responder->address, 0);
		if (error == 0)
			break;
		uv_close((uv_handle_t *)&responder->tcp, NULL);
		uv_close((uv_handle_t *)&responder->udp, NULL);
		uv_run(loop, UV_RUN_NOWAIT);
	}
	CHECK(error == 0);
	responder->tcp.data = responder->udp.data = responder;
	CHECK(uv_udp_recv_start(&responder->udp, on_alloc, on_datagram) == 0);
	CHECK(uv_listen((uv_stream_t *)&responder->tcp, 16, on_connection) == 0);
}

void responder_close(struct responder *responder)
{
	if (!uv_is_closing((uv_handle_t *)&responder->udp))
		uv_close((uv_handle_t *)&responder->udp, NULL);
	if (responder->has_tcp)
		uv_close((uv_handle_t *)&responder->tcp, NULL);
	responder->has_tcp = false;
}

/* ---- the rig ---- */

void rig_init(struct rig *rig, unsigned n)
{
	static const char *const ips[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};

	memset(rig, 0, sizeof(*rig));
	CHECK(n <= ARRAY_LEN(ips) && uv_loop_init(&rig->loop) == 0);
	rig->n_responders = n;
	for (unsigned i = 0; i < n; i++) {
		responder_open(&rig->responders[i], &rig->loop, ips[i]);
		rig->targets[i].kind = FORWARD_TARGET_ADDRESS;
		memcpy(&rig->targets[i].address, &rig->responders[i].address,
		       sizeof(struct sockaddr_in));
		rig->responders[i].probe_key = 99;
	}
	rig->groups[0] = (struct forward_group_config){
		.targets = rig->targets,
		.n_targets = n,
		.from_text = ".",
		.policy = FORWARD_SEQUENTIAL,
		.expire_ms = 10000,
		.max_fails = 2,
		.health_interval_ms = 500,
		.failover_rcodes = FORWARD_RCODES_FAILOVER,
		.next_group = FORWARD_NO_GROUP,
	};
	CHECK(dns_name_from_text(&rig->groups[0].health_domain, ".", 1) == 0);
	rig->groups[1] = rig->groups[0];
	rig->config = (struct forward_config){
		.groups = rig->groups, .n_groups = 1, .n_workers = 1, .probe_key = 99};
}

/* As far as these upstreams go: RESPOND_BROKEN tells of records that are not there. */
static bool is_sound(void *arg, const struct forward_question *question, const uint8_t *wire,
		     size_t len)
{
	return wire[7] != 0xff;
}

static void on_reply(void *arg, const struct forward_question *question,
		     const struct forward_result *result)
{
	((struct rig *)arg)->n_replies++;
}

void rig_open(struct rig *rig)
{
	const struct forward_hook hook = {is_sound, on_reply, rig, true};

	rig->forward = forward_open(&rig->loop, &rig->config, &hook, NULL);
}

static void on_guard(uv_timer_t *timer)
{
	fprintf(stderr, "the test hangs\n");
	abort();
}

void rig_run_until(struct rig *rig, const bool *is_done)
{
	uv_timer_t guard;

	CHECK(uv_timer_init(&rig->loop, &guard) == 0);
	CHECK(uv_timer_start(&guard, on_guard, GUARD_MS, 0) == 0);
	while (!*is_done)
		uv_run(&rig->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&guard, NULL);
	uv_run(&rig->loop, UV_RUN_NOWAIT);
}

static void on_closed(void *arg)
{
	((struct rig *)arg)->is_closed = true;
}

void rig_close(struct rig *rig)
{
	forward_close(rig->forward, on_closed, rig);
	rig_run_until(rig, &rig->is_closed);
	for (unsigned i = 0; i < rig->n_responders; i++)
		responder_close(&rig->responders[i]);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&rig->loop) == 0);
}

static void on_done(struct forward_waiter *waiter, const struct forward_result *result)
{
	struct asker *asker = (struct asker *)(void *)waiter;

	CHECK(!asker->is_done);
	asker->is_done = true;
	asker->has_wire = result->wire != NULL;
	asker->ede = result->ede;
	snprintf(asker->upstream, sizeof(asker->upstream), "%s", result->upstream);
	if (result->wire) {
		CHECK(result->len <= sizeof(asker->wire));
		memcpy(asker->wire, result->wire, result->len);
		asker->len = result->len;
	}
}

enum forward_ask rig_ask(struct rig *rig, struct asker *asker, const char *name,
			 unsigned deadline_ms)
{
	struct forward_question question = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};

	memset(asker, 0, sizeof(*asker));
	asker->waiter.on_done = on_done;
	CHECK(dns_name_from_text(&question.name, name, strlen(name)) == 0);
	uv_update_time(&rig->loop);
	return forward_ask(rig->forward, &question, &asker->waiter,
			   uv_now(&rig->loop) + deadline_ms);
}

int rig_resolve(struct rig *rig, struct asker *asker, const char *name)
{
	assert_int_equal(rig_ask(rig, asker, name, 5000), FORWARD_ASKED);
	rig_run_until(rig, &asker->is_done);
	return asker->has_wire ? asker->wire[3] & 15 : -1;
}

double rig_metric(struct rig *rig, const char *start)
{
	struct text page = {0};
	char line[256];
	const char *at;
	double value;

	snprintf(line, sizeof(line), "\n%s", start);
	forward_metrics_write(&rig->forward, 1, &page);
	CHECK(page.bytes != NULL);
	at = strstr(page.bytes, line);
	if (!at)
		fail_msg("no metric %s in\n%s", start, page.bytes);
	CHECK(at != NULL);
	value = strtod(at + strlen(line) - (start[strlen(start) - 1] == ' '), NULL);
	text_fini(&page);
	return value;
}
