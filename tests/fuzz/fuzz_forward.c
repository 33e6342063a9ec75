/* SPDX-License-Identifier: Apache-2.0
 *
 * Any octets from an upstream, through the sockets, c-ares and all: a question is asked, and before
 * its answer the upstream says what the input says. The first octet: bit 0, the input is put behind
 * a header and question that fit; bit 1, it comes by TCP (the UDP answer is truncated); bit 2, TCP
 * is closed behind it; bits 3 to 7, the octets of its first datagram, in eights, the rest being the
 * second. The answer that ends every question has to be whole, whatever came before. The same
 * octets are read as a resolv.conf and as the addresses of a host name.
 */
#include <netinet/in.h>
#include <unistd.h>

#include "../../src/forward/packet.h"
#include "../../src/forward/resolv.h"
#include "base/counter.h"
#include "forward/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 100000

struct world {
	uv_loop_t loop;
	int udp, tcp, connection; /* connection: -1 while there is none */
	struct forward_target target;
	struct forward_group_config group;
	struct forward_config config;
	struct forward *forward;
	struct forward_waiter waiter; /* of the one question */
	const uint8_t *data;	      /* the input without its first octet */
	size_t size;
	uint8_t how;
	bool is_done, is_told;
	uint64_t n;
};

static int open_socket(int type, struct sockaddr_storage *address)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	socklen_t len = sizeof(*address);

	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	if (bind(fd, (const struct sockaddr *)address, sizeof(struct sockaddr_in)) != 0) {
		close(fd);
		return -1;
	}
	CHECK(getsockname(fd, (struct sockaddr *)address, &len) == 0);
	return fd;
}

static void open_upstream(struct world *world)
{
	struct sockaddr_storage *address = &world->target.address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;

	do {
		*v4 = (struct sockaddr_in){.sin_family = AF_INET,
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		world->udp = open_socket(SOCK_DGRAM, address);
		world->tcp = open_socket(SOCK_STREAM, address);
		if (world->tcp == -1)
			close(world->udp);
	} while (world->tcp == -1);
	CHECK(listen(world->tcp, 16) == 0);
}

static struct world *world_of(void)
{
	static struct world *world; /* NOLINT: libFuzzer gives no other place */

	if (world)
		return world;
	world = mem_zalloc(sizeof(*world));
	CHECK(uv_loop_init(&world->loop) == 0);
	world->connection = -1;
	open_upstream(world);
	world->group = (struct forward_group_config){
		.targets = &world->target,
		.n_targets = 1,
		.from_text = ".",
		.expire_ms = 10000,
		.health_interval_ms = 500,
		.failover_rcodes = FORWARD_RCODES_FAILOVER,
		.next_group = FORWARD_NO_GROUP,
	};
	CHECK(dns_name_from_text(&world->group.health_domain, ".", 1) == 0);
	world->config =
		(struct forward_config){.groups = &world->group, .n_groups = 1, .n_workers = 1};
	world->forward = forward_open(&world->loop, &world->config,
				      &(struct forward_hook){.is_quiet = true}, NULL);
	return world;
}

static size_t question_end(const uint8_t *query, size_t len)
{
	struct wire_reader reader = wire_reader_init(query, len);
	struct dns_name name;

	wire_skip(&reader, DNS_HEADER_SIZE);
	dns_name_read(&name, &reader, false);
	wire_skip(&reader, 4);
	CHECK(!reader.failed);
	return reader.pos;
}

/* A reply that fits, without records. */
static size_t make_answer(uint8_t *out, const uint8_t *query, size_t len, bool is_truncated)
{
	size_t end = question_end(query, len);

	memcpy(out, query, end);
	memset(out + 6, 0, 6);
	out[2] = is_truncated ? 0x83 : 0x81;
	out[3] = 0x80;
	return end;
}

/* What the input says, as one message. */
static size_t make_input(struct world *world, uint8_t *out, const uint8_t *query, size_t len)
{
	size_t n = world->how & 1 ? make_answer(out, query, len, false) : 0;
	size_t size = world->size < 60000 ? world->size : 60000;

	if (size > 0)
		memcpy(out + n, world->data, size);
	return n + size;
}

static void serve_udp(struct world *world)
{
	static uint8_t out[65536];
	uint8_t query[512];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n =
		recvfrom(world->udp, query, sizeof(query), 0, (struct sockaddr *)&from, &from_len);
	size_t len, first;

	if (n < DNS_HEADER_SIZE)
		return;
	if (!(world->how & 2) && !world->is_told) {
		len = make_input(world, out, query, (size_t)n);
		first = (world->how >> 3) * 8u;
		if (first == 0 || first > len)
			first = len;
		(void)sendto(world->udp, out, first, 0, (struct sockaddr *)&from, from_len);
		(void)sendto(world->udp, out + first, len - first, 0, (struct sockaddr *)&from,
			     from_len);
		world->is_told = true;
	}
	len = make_answer(out, query, (size_t)n, (world->how & 2) != 0);
	CHECK(sendto(world->udp, out, len, 0, (struct sockaddr *)&from, from_len) == (ssize_t)len);
}

static void serve_query(struct world *world, const uint8_t *query, size_t n)
{
	static uint8_t out[65536];
	size_t len;

	if (!world->is_told) {
		len = make_input(world, out, query, n);
		(void)send(world->connection, out, len, MSG_NOSIGNAL);
		world->is_told = true;
		if (world->how & 4)
			return;
	}
	len = make_answer(out + 2, query, n, false);
	out[0] = 0;
	out[1] = (uint8_t)len;
	(void)send(world->connection, out, len + 2, MSG_NOSIGNAL);
}

/* One question a connection; what hangs in a broken stream ends with it. */
static void serve_tcp(struct world *world)
{
	uint8_t query[1024];
	ssize_t n;

	if (world->connection == -1)
		world->connection = accept4(world->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (world->connection == -1)
		return;
	n = recv(world->connection, query, sizeof(query), 0);
	if (n < 0)
		return;
	if (n >= 2 + DNS_HEADER_SIZE)
		serve_query(world, query + 2, (size_t)n - 2);
	close(world->connection);
	world->connection = -1;
}

static void on_done(struct forward_waiter *waiter, const struct forward_result *result)
{
	struct world *world =
		(struct world *)(void *)((char *)waiter - offsetof(struct world, waiter));
	struct dns_name name;
	struct wire_reader reader;

	world->is_done = true;
	if (!result->wire)
		return;
	CHECK(result->len >= DNS_HEADER_SIZE);
	reader = wire_reader_init(result->wire, result->len);
	wire_skip(&reader, DNS_HEADER_SIZE);
	dns_name_read(&name, &reader, false);
	CHECK(!reader.failed && (result->wire[2] & 0x80) != 0);
}

static void ask(struct world *world)
{
	struct forward_question question = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	char name[32];

	snprintf(name, sizeof(name), "q%llu.example.org", (unsigned long long)world->n++);
	CHECK(dns_name_from_text(&question.name, name, strlen(name)) == 0);
	world->waiter.on_done = on_done;
	world->is_done = world->is_told = false;
	uv_update_time(&world->loop);
	CHECK(forward_ask(world->forward, &question, &world->waiter, uv_now(&world->loop) + 5000) ==
	      FORWARD_ASKED);
	for (int turn = 0; !world->is_done; turn++) {
		CHECK(turn < TURNS_MAX);
		uv_run(&world->loop, UV_RUN_NOWAIT);
		serve_udp(world);
		serve_tcp(world);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_of();
	struct resolv_addresses addresses;
	size_t n_bad;

	if (size == 0)
		return 0;
	world->how = data[0];
	world->data = data + 1;
	world->size = size - 1;
	ask(world);
	resolv_parse(&addresses, (const char *)data + 1, size - 1, 53, &n_bad);
	CHECK(addresses.n <= FORWARD_UPSTREAMS_MAX);
	addresses = (struct resolv_addresses){.ttl_s = UINT32_MAX};
	resolv_read_reply(&addresses, data + 1, size - 1, 53);
	CHECK(addresses.n <= FORWARD_UPSTREAMS_MAX);
	return 0;
}
