/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gets a connection while two processes listen at one address: here two sockets of one process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../src/ops/listen.h"

#define N_CONNECTIONS 20 /* spread over both, all would be the newer's once in a million times */

static struct ops_endpoint endpoint(bool is_v6)
{
	struct ops_endpoint endpoint = {.path = "/health", .is_wildcard = is_v6};
	struct sockaddr_in *in = (struct sockaddr_in *)&endpoint.address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&endpoint.address;

	if (is_v6) {
		in6->sin6_family = AF_INET6;
	} else {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	return endpoint;
}

static int open_one(struct ops_endpoint *endpoint)
{
	socklen_t len = sizeof(endpoint->address);
	struct text why = {0};
	int fd = listen_open(endpoint, &why);

	if (fd < 0)
		fail_msg("%s", why.bytes);
	/* The next one listens on the port that the kernel has given. */
	assert_int_equal(getsockname(fd, (struct sockaddr *)&endpoint->address, &len), 0);
	return fd;
}

/* How many of N_CONNECTIONS `fd` gets; it is non-blocking, and loopback connects at once. */
static unsigned connections_of(int fd, const struct ops_endpoint *endpoint)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		/* at the same place in IPv6 */
		.sin_port = ((const struct sockaddr_in *)&endpoint->address)->sin_port};
	unsigned n = 0;
	int accepted;

	for (unsigned i = 0; i < N_CONNECTIONS; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);

		assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
		close(client);
	}
	while ((accepted = accept(fd, NULL, NULL)) >= 0) {
		close(accepted);
		n++;
	}
	return n;
}

/* An emulator or a sandbox may lack what an older kernel lacks: connections are spread then. */
static bool has_programs(void)
{
	struct sock_filter first = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &first};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	bool has = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
		   setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
			      sizeof(program)) == 0;

	close(fd);
	return has;
}

static void check_hand_over(bool is_v6)
{
	struct ops_endpoint at = endpoint(is_v6);
	int older, newer, newest;

	if (!has_programs()) {
		print_message("this kernel takes no SO_ATTACH_REUSEPORT_CBPF\n");
		skip();
	}
	older = open_one(&at);
	assert_int_equal(connections_of(older, &at), N_CONNECTIONS);
	newer = open_one(&at);
	assert_int_equal(connections_of(newer, &at), N_CONNECTIONS);
	close(newer); /* it died: the older one goes on */
	assert_int_equal(connections_of(older, &at), N_CONNECTIONS);
	newer = open_one(&at);
	assert_int_equal(connections_of(newer, &at), N_CONNECTIONS);
	close(older);
	assert_int_equal(connections_of(newer, &at), N_CONNECTIONS);
	newest = open_one(&at); /* the next hand-over */
	assert_int_equal(connections_of(newest, &at), N_CONNECTIONS);
	close(newer);
	close(newest);
}

static void test_the_newer_of_two_answers(void **state)
{
	check_hand_over(false);
}

/* A wildcard is one socket of both families, where the machine has IPv6. */
static void test_the_newer_of_two_wildcards_answers(void **state)
{
	check_hand_over(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_newer_of_two_answers),
		cmocka_unit_test(test_the_newer_of_two_wildcards_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
