/* SPDX-License-Identifier: Apache-2.0
 *
 * The endpoints run on a loop in the main thread; clients are blocking sockets in a second thread,
 * which stops the loop when it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "ops/ops.h"

#define LARGE_BYTES (8u << 20)

/* ---- What the operating system says ---- */

static bool has_no_ipv6;
static uint64_t later_ms; /* how far ahead of its time the loop thinks it is */

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	if (has_no_ipv6 && domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return __real_socket(domain, type, protocol);
}

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
	return __real_uv_now(loop) + __atomic_load_n(&later_ms, __ATOMIC_RELAXED);
}

/* ---- Addresses ---- */

static struct sockaddr_storage address_of(const char *ip, uint16_t port)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	if (strchr(ip, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		CHECK(inet_pton(AF_INET6, ip, &in6->sin6_addr) == 1);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		CHECK(inet_pton(AF_INET, ip, &in->sin_addr) == 1);
	}
	return address;
}

static socklen_t length_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

static bool can_bind(const char *ip)
{
	struct sockaddr_storage address = address_of(ip, 0);
	int fd = __real_socket(address.ss_family, SOCK_STREAM, 0);
	bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, length_of(&address)) == 0;

	if (fd >= 0)
		close(fd);
	return is_bound;
}

/* A listening socket on a port that the kernel picks. */
static int take_port(uint16_t *port)
{
	struct sockaddr_storage address = address_of("0.0.0.0", 0);
	socklen_t len = length_of(&address);
	int fd = __real_socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return fd;
}

static uint16_t pick_port(void)
{
	uint16_t port;

	close(take_port(&port));
	return port;
}

/* Two that are not the same: the kernel gives a port that is free again at once. */
static uint16_t pick_ports(uint16_t *one)
{
	int fd = take_port(one);
	uint16_t other = pick_port();

	close(fd);
	return other;
}

/* ---- The server ---- */

static unsigned serve_ok(void *arg, struct text *body)
{
	text_puts(body, arg);
	return 200;
}

static unsigned serve_unready(void *arg, struct text *body)
{
	text_puts(body, "kubernetes\n");
	return 503;
}

static unsigned serve_nothing(void *arg, struct text *body)
{
	return 200;
}

static unsigned serve_large(void *arg, struct text *body)
{
	while (body->len < LARGE_BYTES)
		text_puts(body, "0123456789abcdef");
	return 200;
}

struct server {
	uv_loop_t loop;
	uv_async_t stop;
	struct ops *ops;
	uint16_t port, other_port;
	void (*client)(struct server *server);
};

static void on_stop(uv_async_t *stop)
{
	uv_close((uv_handle_t *)stop, NULL);
	uv_stop(stop->loop);
}

static void run_client(void *arg)
{
	struct server *server = arg;

	server->client(server);
	uv_async_send(&server->stop);
}

/* Serves the endpoints of `ip` while `client` runs; then closes, whatever connections are open. */
static void serve(const char *ip, bool is_wildcard, void (*client)(struct server *server))
{
	uint16_t port, other_port = pick_ports(&port);
	struct server server = {.client = client, .port = port, .other_port = other_port};
	struct sockaddr_storage at = address_of(ip, server.port);
	const struct ops_endpoint endpoints[] = {
		{at, is_wildcard, "/health", false, serve_ok, (char[]){"OK"}},
		{at, is_wildcard, "/ready", false, serve_unready, NULL},
		{at, is_wildcard, "/metrics", true, serve_ok, (char[]){"a 1\n"}},
		{at, is_wildcard, "/nothing", false, serve_nothing, NULL},
		{at, is_wildcard, "/large", false, serve_large, NULL},
		{address_of(ip, server.other_port), is_wildcard, "/other", false, serve_ok,
		 (char[]){"other"}},
	};
	struct text why = {0};
	uv_thread_t thread;

	assert_int_equal(uv_loop_init(&server.loop), 0);
	assert_int_equal(uv_async_init(&server.loop, &server.stop, on_stop), 0);
	if (ops_open(&server.ops, &server.loop, endpoints, ARRAY_LEN(endpoints), &why) != 0)
		fail_msg("%s", why.bytes);
	assert_int_equal(uv_thread_create(&thread, run_client, &server), 0);
	uv_run(&server.loop, UV_RUN_DEFAULT);
	ops_close(server.ops);
	uv_run(&server.loop, UV_RUN_DEFAULT);
	uv_thread_join(&thread);
	assert_int_equal(uv_loop_close(&server.loop), 0);
}

/* ---- The client; CHECK, since cmocka's assertions are for the main thread ---- */

static int connect_from(const char *from, const char *ip, uint16_t port)
{
	struct sockaddr_storage address = address_of(ip, port);
	int fd = __real_socket(address.ss_family, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	if (from) {
		struct sockaddr_storage source = address_of(from, 0);

		CHECK(bind(fd, (struct sockaddr *)&source, length_of(&source)) == 0);
	}
	CHECK(connect(fd, (struct sockaddr *)&address, length_of(&address)) == 0);
	return fd;
}

static void send_text(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return; /* closed already; what was answered tells */
		bytes += n;
		len -= (size_t)n;
	}
}

/* Until the server closes. */
static void receive_all(int fd, struct text *reply)
{
	char bytes[4096];
	ssize_t n;

	text_puts(reply, "");
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		text_append(reply, bytes, (size_t)n);
	close(fd);
}

static void ask(const char *ip, uint16_t port, const char *request, struct text *reply)
{
	int fd = connect_from(NULL, ip, port);

	send_text(fd, request, strlen(request));
	receive_all(fd, reply);
}

static void check_ok(const char *ip, uint16_t port, const char *path, const char *want)
{
	struct text request = {0}, reply = {0};

	text_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
	ask(ip, port, request.bytes, &reply);
	if (strncmp(reply.bytes, "HTTP/1.1 200 ", 13) != 0 || !strstr(reply.bytes, want)) {
		fprintf(stderr, "%s %s: %s\n", ip, path, reply.bytes);
		abort();
	}
	text_fini(&request);
	text_fini(&reply);
}

/* ---- Requests ---- */

static void ask_each_request(struct server *server)
{
	static const struct {
		const char *name, *request, *status, *header, *body;
	} cases[] = {
		{"health", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "200",
		 "Content-Type: text/plain; charset=utf-8\r\n", "OK"},
		{"a connection is for one request", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
		 "200", "Connection: close\r\n", "OK"},
		{"length", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", "200",
		 "Content-Length: 2\r\n", "OK"},
		{"HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", "200", "", "OK"},
		{"HEAD", "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n", "200", "Content-Length: 2\r\n",
		 ""},
		{"a query is ignored", "GET /health?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "200", "",
		 "OK"},
		{"the handler's status", "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n", "503",
		 "Content-Type: text/plain; charset=utf-8\r\n", "kubernetes\n"},
		{"metrics", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200",
		 "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", "a 1\n"},
		{"an empty body", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "200",
		 "Content-Length: 0\r\n", ""},
		{"an unknown path", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "404", "",
		 "404 page not found\n"},
		{"a longer path", "GET /health/ HTTP/1.1\r\nHost: x\r\n\r\n", "404", "",
		 "404 page not found\n"},
		{"a path of the other port", "GET /other HTTP/1.1\r\nHost: x\r\n\r\n", "404", "",
		 "404 page not found\n"},
		{"POST", "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405",
		 "Allow: GET, HEAD\r\n", "405 method not allowed\n"},
		{"a body is not waited for",
		 "PUT /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n", "405",
		 "Allow: GET, HEAD\r\n", "405 method not allowed\n"},
		{"GET with a body",
		 "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "200", "",
		 "OK"},
		{"DELETE", "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405",
		 "Allow: GET, HEAD\r\n", "405 method not allowed\n"},
		{"two requests at once",
		 "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
		 "200", "", "OK"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text reply = {0};

		ask("127.0.0.1", server->port, cases[i].request, &reply);

		const char *body = strstr(reply.bytes, "\r\n\r\n");

		if (strncmp(reply.bytes, "HTTP/1.1 ", 9) != 0 ||
		    strncmp(reply.bytes + 9, cases[i].status, 3) != 0 ||
		    !strstr(reply.bytes, cases[i].header) || !body ||
		    strcmp(body + 4, cases[i].body) != 0) {
			fprintf(stderr, "%s: got %s\n", cases[i].name, reply.bytes);
			abort();
		}
		text_fini(&reply);
	}
	check_ok("127.0.0.1", server->other_port, "/other", "other");
}

static void test_requests(void **state)
{
	serve("127.0.0.1", false, ask_each_request);
}

/* ---- Addresses ---- */

static void ask_both_families(struct server *server)
{
	check_ok("127.0.0.1", server->port, "/health", "OK");
	if (can_bind("::1"))
		check_ok("::1", server->port, "/health", "OK");
}

static void ask_ipv4(struct server *server)
{
	check_ok("127.0.0.1", server->port, "/health", "OK");
}

static void ask_ipv6(struct server *server)
{
	check_ok("::1", server->port, "/health", "OK");
}

static void test_addresses(void **state)
{
	if (can_bind("::")) {
		serve("::", true, ask_both_families);
		serve("::1", false, ask_ipv6);
	}
	serve("0.0.0.0", true, ask_ipv4);
}

static void test_a_wildcard_without_ipv6(void **state)
{
	has_no_ipv6 = true;
	serve("::", true, ask_ipv4);
	has_no_ipv6 = false;
}

static void check_refused(const char *ip, uint16_t port, int want, const char *want_why)
{
	const struct ops_endpoint endpoints[] = {
		{address_of("127.0.0.1", pick_port()), false, "/free", false, serve_nothing, NULL},
		{address_of(ip, port), false, "/health", false, serve_nothing, NULL},
	};
	struct text why = {0}, expected = {0};
	struct ops *ops = NULL;
	uv_loop_t loop;

	text_printf(&expected, want_why, port);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ops_open(&ops, &loop, endpoints, 2, &why), want);
	assert_null(ops);
	assert_string_equal(why.bytes, expected.bytes);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	text_fini(&why);
	text_fini(&expected);
}

static void test_addresses_that_cannot_be_bound(void **state)
{
	uint16_t port;
	int taken = take_port(&port);

	check_refused("127.0.0.1", port, -EADDRINUSE,
		      "http 127.0.0.1:%u/health: address already in use");
	close(taken);
	check_refused("192.0.2.1", port, -EADDRNOTAVAIL,
		      "http 192.0.2.1:%u/health: address not available");
	has_no_ipv6 = true;
	check_refused("::1", port, -EAFNOSUPPORT,
		      "http [::1]:%u/health: address family not supported");
	has_no_ipv6 = false;
}

#define OWN_ADDRESS "127.45.67.89"

static bool is_listening(uint16_t port)
{
	struct sockaddr_storage to = address_of(OWN_ADDRESS, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is_connected = connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)) == 0;

	close(fd);
	return is_connected;
}

/* What stays is not touched, what is new is there before what goes is gone, and a failure changes
 * nothing. */
static void test_other_endpoints(void **state)
{
	uint16_t stays, goes, comes, taken_port;
	int held[] = {take_port(&stays), take_port(&goes), take_port(&comes)};
	int taken = take_port(&taken_port);
	const struct ops_endpoint before[] = {
		{address_of(OWN_ADDRESS, stays), false, "/a", false, serve_nothing, NULL},
		{address_of(OWN_ADDRESS, goes), false, "/b", false, serve_nothing, NULL},
	};
	const struct ops_endpoint after[] = {
		{address_of(OWN_ADDRESS, comes), false, "/c", false, serve_nothing, NULL},
		{address_of(OWN_ADDRESS, stays), false, "/d", false, serve_nothing, NULL},
		{address_of(OWN_ADDRESS, taken_port), false, "/e", false, serve_nothing, NULL},
	};
	struct text why = {0};
	struct ops *ops;
	uv_loop_t loop;

	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		close(held[i]);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ops_open(&ops, &loop, before, 2, &why), 0);
	assert_int_equal(ops_stage(ops, after, 3, &why), -EADDRINUSE);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(is_listening(stays) && is_listening(goes) && !is_listening(comes));
	assert_int_equal(ops_stage(ops, after, 2, &why), 0);
	assert_true(is_listening(stays) && is_listening(goes) && is_listening(comes));
	ops_abort(ops);
	assert_true(is_listening(stays) && is_listening(goes) && !is_listening(comes));
	assert_int_equal(ops_stage(ops, after, 2, &why), 0);
	ops_commit(ops);
	assert_true(is_listening(stays) && is_listening(comes) && !is_listening(goes));
	ops_close(ops);
	assert_false(is_listening(stays) || is_listening(comes));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(taken);
	text_fini(&why);
}

static void test_no_endpoints(void **state)
{
	struct text why = {0};
	struct ops *ops;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ops_open(&ops, &loop, NULL, 0, &why), 0);
	ops_close(ops);
	ops_close(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- Bad clients ---- */

#define BYTES(literal) literal, sizeof(literal) - 1

/* Refused at once, or left waiting for the rest of a request; others are served meanwhile. */
static void send_garbage(struct server *server)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *want; /* NULL: nothing yet */
	} cases[] = {
		{"nothing but line ends", BYTES("\r\n\r\n\r\n\r\n"), NULL},
		{"half a line", BYTES("GET /hea"), NULL},
		{"binary", BYTES("\x16\x03\x01\x00\xa5\x01\0\0\xa1\x03\x03"), NULL},
		{"a header without a colon", BYTES("GET /health HTTP/1.1\r\nHost\r\n\r\n"),
		 "HTTP/1.1 400 "},
		{"a negative length",
		 BYTES("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
		 "HTTP/1.1 400 "},
		{"an unknown version", BYTES("GET /health HTTP/9.9\r\nHost: x\r\n\r\n"),
		 "HTTP/1.1 505 "},
	};
	int fds[ARRAY_LEN(cases)];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text reply = {0};

		fds[i] = connect_from(NULL, "127.0.0.1", server->port);
		send_text(fds[i], cases[i].bytes, cases[i].len);
		check_ok("127.0.0.1", server->port, "/health", "OK");
		if (!cases[i].want)
			continue;
		receive_all(fds[i], &reply);
		if (strncmp(reply.bytes, cases[i].want, strlen(cases[i].want)) != 0) {
			fprintf(stderr, "%s: got %s\n", cases[i].name, reply.bytes);
			abort();
		}
		text_fini(&reply);
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (!cases[i].want)
			close(fds[i]);
	}
	check_ok("127.0.0.1", server->port, "/health", "OK");
}

/* A head that does not fit is refused, however much more comes. */
static void send_endless_head(struct server *server)
{
	struct text head = {0}, reply = {0};
	int fd = connect_from(NULL, "127.0.0.1", server->port);

	text_puts(&head, "GET /health HTTP/1.1\r\nHost: x\r\nX: ");
	while (head.len < 1 << 20)
		text_puts(&head, "xxxxxxxxxxxxxxxx");
	send_text(fd, head.bytes, head.len);
	receive_all(fd, &reply);
	check_ok("127.0.0.1", server->port, "/health", "OK");
	text_fini(&head);
	text_fini(&reply);
}

static void test_an_endless_head(void **state)
{
	serve("127.0.0.1", false, send_endless_head);
}

static void test_garbage(void **state)
{
	serve("127.0.0.1", false, send_garbage);
}

/* Silent connections from as many addresses as it takes to fill the server. */
static void connect_many(struct server *server, int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		char from[20];

		snprintf(from, sizeof(from), "127.0.0.%d", 10 + i / 10);
		fds[i] = connect_from(from, "127.0.0.1", server->port);
	}
}

static void fill_and_leave(struct server *server)
{
	int fds[100];

	for (int round = 0; round < 3; round++) {
		connect_many(server, fds, 100);
		check_ok("127.0.0.1", server->other_port, "/other", "other");
		for (int i = 0; i < 100; i++)
			close(fds[i]);
		check_ok("127.0.0.1", server->port, "/health", "OK");
	}
}

static void test_a_full_server_recovers(void **state)
{
	serve("0.0.0.0", false, fill_and_leave);
}

/* Slow clients of a dozen addresses leave room for a probe. */
static void crowd(struct server *server)
{
	int fds[240];

	for (int i = 0; i < 240; i++) {
		char from[20];

		snprintf(from, sizeof(from), "127.0.1.%d", 1 + i / 20);
		fds[i] = connect_from(from, "127.0.0.1", server->port);
		send_text(fds[i], "GET /hea", 8);
	}
	check_ok("127.0.0.1", server->port, "/health", "OK");
	for (int i = 0; i < 240; i++)
		close(fds[i]);
}

static void test_a_crowd_of_slow_clients(void **state)
{
	serve("0.0.0.0", false, crowd);
}

static void fill_and_stay(struct server *server)
{
	int fds[100];

	connect_many(server, fds, 100);
	check_ok("127.0.0.1", server->other_port, "/other", "other");
	for (int i = 0; i < 100; i++)
		send_text(fds[i], "GET /hea", 8);
	/* The descriptors are left to the server's end, which closes with all of them open. */
	check_ok("127.0.0.1", server->other_port, "/other", "other");
}

static void test_close_with_open_connections(void **state)
{
	serve("0.0.0.0", false, fill_and_stay);
}

static void exceed_one_address(struct server *server)
{
	int fds[8];
	char byte;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = connect_from("127.0.0.2", "127.0.0.1", server->port);

	int one_more = connect_from("127.0.0.2", "127.0.0.1", server->port);

	CHECK(recv(one_more, &byte, 1, 0) <= 0);
	close(one_more);
	check_ok("127.0.0.1", server->port, "/health", "OK");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void test_one_address_is_limited(void **state)
{
	serve("127.0.0.1", false, exceed_one_address);
}

/* A client that keeps sending, a byte at a time, is cut off in the end. */
static void trickle(struct server *server)
{
	int slow = connect_from(NULL, "127.0.0.1", server->port);
	char byte;

	send_text(slow, "GET /health HTTP/1.1\r\nX: ", 25);
	check_ok("127.0.0.1", server->port, "/health", "OK"); /* so the slow one was accepted */
	__atomic_store_n(&later_ms, 1000, __ATOMIC_RELAXED);
	send_text(slow, "x", 1);
	check_ok("127.0.0.1", server->port, "/health", "OK");
	CHECK(recv(slow, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	__atomic_store_n(&later_ms, 3000, __ATOMIC_RELAXED);
	check_ok("127.0.0.1", server->port, "/health", "OK");
	CHECK(recv(slow, &byte, 1, MSG_DONTWAIT) == 0);
	close(slow);
	check_ok("127.0.0.1", server->port, "/health", "OK");
	__atomic_store_n(&later_ms, 0, __ATOMIC_RELAXED);
}

static void test_a_slow_client_is_cut_off(void **state)
{
	serve("127.0.0.1", false, trickle);
}

/* Large bodies that nobody reads do not keep others from being served; one that is read arrives
 * whole. */
static void never_read(struct server *server)
{
	static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
	struct text reply = {0};

	for (int i = 0; i < 3; i++)
		send_text(connect_from(NULL, "127.0.0.1", server->port), request,
			  sizeof(request) - 1);
	for (int i = 0; i < 20; i++)
		check_ok("127.0.0.1", server->port, "/health", "OK");
	ask("127.0.0.1", server->port, request, &reply);

	const char *body = strstr(reply.bytes, "\r\n\r\n");

	CHECK(body && reply.len - (size_t)(body + 4 - reply.bytes) == LARGE_BYTES);
	text_fini(&reply);
}

static void test_a_client_that_never_reads(void **state)
{
	serve("127.0.0.1", false, never_read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_a_wildcard_without_ipv6),
		cmocka_unit_test(test_addresses_that_cannot_be_bound),
		cmocka_unit_test(test_other_endpoints),
		cmocka_unit_test(test_no_endpoints),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_an_endless_head),
		cmocka_unit_test(test_a_full_server_recovers),
		cmocka_unit_test(test_a_crowd_of_slow_clients),
		cmocka_unit_test(test_close_with_open_connections),
		cmocka_unit_test(test_one_address_is_limited),
		cmocka_unit_test(test_a_slow_client_is_cut_off),
		cmocka_unit_test(test_a_client_that_never_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
