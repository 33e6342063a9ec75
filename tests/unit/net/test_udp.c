/* SPDX-License-Identifier: Apache-2.0
 *
 * UDP batches over a scripted kernel: short sends, full buffers, refused datagrams, control
 * messages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/net/udp.h"
#include "base/rcu.h"
#include "fake_query.h"

#define SENT_MAX 1024
#define TAKE_ALL 10000

/* The kernel of a test. */
static struct {
	unsigned n_waiting;  /* datagrams in the receive queue */
	unsigned n_received; /* so far; numbers the queries */
	unsigned response;   /* every so many-th is a response (dropped); 0: none */
	const int *script;   /* of sendmmsg: how many it takes at most, or -errno; 0 ends it: takes
				all */
	int receive_error;   /* once, before anything is received */
	unsigned n_receive_calls;
	unsigned sent[SENT_MAX]; /* ids, in order */
	unsigned n_sent;
	void (*control)(struct msghdr *header); /* writes what recvmmsg tells */
	struct msghdr answer;			/* the last one sent */
	uint8_t answer_control[128];
	bool is_cut;
	struct timespec stamp, now; /* when the last datagram came, and what it is now */
	int stamp_error;
	unsigned n_stamp_calls;
} kernel;

static void receive_one(struct mmsghdr *message)
{
	struct msghdr *header = &message->msg_hdr;
	struct sockaddr_in *source = header->msg_name;
	uint8_t *packet = header->msg_iov[0].iov_base;
	unsigned id = kernel.n_received++;

	assert_true(header->msg_namelen >= sizeof(*source));
	assert_int_equal(header->msg_iov[0].iov_len, UDP_PACKET_MAX);
	*source = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(4242)};
	header->msg_namelen = sizeof(*source);
	memset(packet, 0, 20);
	packet[0] = (uint8_t)(id >> 8);
	packet[1] = (uint8_t)id;
	if (kernel.response > 0 && id % kernel.response == 0)
		packet[2] = 0x80;
	message->msg_len = 20;
	header->msg_flags = kernel.is_cut ? MSG_TRUNC : 0;
	if (kernel.control != NULL)
		kernel.control(header);
	else
		header->msg_controllen = 0;
}

static int fake_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
			 struct timespec *timeout)
{
	unsigned i;

	kernel.n_receive_calls++;
	if (kernel.receive_error != 0) {
		errno = kernel.receive_error;
		kernel.receive_error = 0;
		return -1;
	}
	for (i = 0; i < n && kernel.n_waiting > 0; i++, kernel.n_waiting--)
		receive_one(&messages[i]);
	errno = EAGAIN;
	return i > 0 ? (int)i : -1;
}

static int fake_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	int take = kernel.script != NULL && *kernel.script != 0 ? *kernel.script++ : TAKE_ALL;

	assert_true(n > 0);
	if (take < 0) {
		errno = -take;
		return -1;
	}
	for (unsigned i = 0; i < n && i < (unsigned)take; i++) {
		const struct msghdr *header = &messages[i].msg_hdr;
		const uint8_t *answer = header->msg_iov[0].iov_base;

		assert_int_equal(header->msg_iov[0].iov_len, 20);
		assert_int_equal(answer[2], 0x80);
		kernel.sent[kernel.n_sent++] = (unsigned)answer[0] << 8 | answer[1];
		kernel.answer = *header;
		if (header->msg_controllen > 0)
			memcpy(kernel.answer_control, header->msg_control, header->msg_controllen);
	}
	return (unsigned)take < n ? take : (int)n;
}

static int fake_last_received(int fd, struct timespec *at)
{
	kernel.n_stamp_calls++;
	assert_true(kernel.n_received > 0);
	*at = kernel.stamp;
	return kernel.stamp_error;
}

static int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_REALTIME);
	*now = kernel.now;
	return 0;
}

static const struct net_syscalls calls = {fake_recvmmsg, fake_sendmmsg, fake_last_received,
					  fake_clock_gettime};

struct bench {
	struct query_worker query;
	struct net_counts counts;
	struct udp udp;
	struct udp_socket socket;
};

static void bench_init(struct bench *bench)
{
	static const struct query_config config = {.n_servers = 1};

	memset(bench, 0, sizeof(*bench));
	bench->query.config = &config;
	memset(&kernel, 0, sizeof(kernel));
	bench->socket.address.v4 = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(0x7f000001)}};
	udp_init(&bench->udp, &calls, &bench->query, &bench->counts);
}

static void bench_fini(struct bench *bench)
{
	udp_socket_fini(&bench->socket);
	udp_fini(&bench->udp);
}

/* ids 0.. without those that were dropped */
static void check_sent(const char *name, unsigned n_want, unsigned missing, unsigned n_missing)
{
	unsigned id = 0;

	if (kernel.n_sent != n_want)
		fail_msg("%s: %u answers sent, want %u", name, kernel.n_sent, n_want);
	for (unsigned i = 0; i < kernel.n_sent; i++, id++) {
		if (id == missing)
			id += n_missing;
		if (kernel.sent[i] != id)
			fail_msg("%s: answer %u is of query %u, want %u", name, i, kernel.sent[i],
				 id);
	}
}

static void test_send(void **state)
{
	static const struct {
		const char *name;
		unsigned n;
		int script[8];
		unsigned n_blocked; /* how often the socket has to wait for room */
		unsigned missing, n_missing;
		enum net_unsent reason;
	} cases[] = {
		{"all at once", 5, {0}, 0, 0, 0, 0},
		{"a full batch", 64, {0}, 0, 0, 0, 0},
		{"short sends", 64, {10, 1, 7}, 0, 0, 0, 0},
		{"interrupted", 8, {3, -EINTR, -EINTR}, 0, 0, 0, 0},
		{"no buffers at the head", 8, {-ENOBUFS}, 0, 0, 1, NET_UNSENT_NO_BUFFERS},
		{"no memory", 8, {4, -ENOMEM}, 0, 4, 1, NET_UNSENT_NO_BUFFERS},
		{"firewall", 8, {2, -EPERM, -EPERM}, 0, 2, 2, NET_UNSENT_NOT_PERMITTED},
		{"no route", 8, {7, -ENETUNREACH}, 0, 7, 1, NET_UNSENT_UNREACHABLE},
		{"refused", 8, {1, -ECONNREFUSED}, 0, 1, 1, NET_UNSENT_UNREACHABLE},
		{"too large", 8, {1, -EMSGSIZE}, 0, 1, 1, NET_UNSENT_TOO_LARGE},
		{"something else", 8, {1, -EINVAL}, 0, 1, 1, NET_UNSENT_OTHER},
		{"only one and it fails", 1, {-ENOBUFS}, 0, 0, 1, NET_UNSENT_NO_BUFFERS},
		{"no room", 8, {-EAGAIN}, 1, 0, 0, 0},
		{"no room after a part", 64, {9, -EAGAIN}, 1, 0, 0, 0},
		{"no room twice", 64, {9, -EAGAIN, 5, -EAGAIN}, 2, 0, 0, 0},
		{"no room, then refused",
		 8,
		 {2, -EAGAIN, -ENOBUFS},
		 1,
		 2,
		 1,
		 NET_UNSENT_NO_BUFFERS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench bench;
		unsigned n_blocked = 0;
		bool is_empty;

		bench_init(&bench);
		kernel.n_waiting = cases[i].n;
		kernel.script = cases[i].script;
		while (udp_serve(&bench.udp, &bench.socket, 8, &is_empty) == UDP_WAIT_WRITABLE) {
			n_blocked++;
			assert_int_equal(kernel.n_receive_calls, 1); /* nothing read meanwhile */
			assert_false(is_empty);
		}
		check_sent(cases[i].name, cases[i].n - cases[i].n_missing, cases[i].missing,
			   cases[i].n_missing);
		if (n_blocked != cases[i].n_blocked || !is_empty ||
		    bench.counts.unsent[cases[i].reason] != cases[i].n_missing ||
		    bench.query.n_finished != cases[i].n)
			fail_msg("%s: blocked %u times, %u unsent, %u finished", cases[i].name,
				 n_blocked, (unsigned)bench.counts.unsent[cases[i].reason],
				 (unsigned)bench.query.n_finished);
		bench_fini(&bench);
	}
}

static void test_receive(void **state)
{
	static const struct {
		const char *name;
		unsigned n, max_batches;
		unsigned want_sent, want_calls;
		bool want_empty;
		int error;
	} cases[] = {
		{"nothing there", 0, 8, 0, 1, true, 0},
		{"one", 1, 8, 1, 1, true, 0},
		{"a full batch asks again", 64, 8, 64, 2, true, 0},
		{"some batches", 200, 8, 200, 4, true, 0},
		{"others have their turn", 200, 2, 128, 2, false, 0},
		{"interrupted", 3, 8, 3, 2, true, EINTR},
		{"a pending error", 3, 8, 0, 1, false, ECONNREFUSED},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench bench;
		bool is_empty;

		bench_init(&bench);
		kernel.n_waiting = cases[i].n;
		kernel.receive_error = cases[i].error;
		assert_int_equal(
			udp_serve(&bench.udp, &bench.socket, cases[i].max_batches, &is_empty),
			UDP_WAIT_READABLE);
		check_sent(cases[i].name, cases[i].want_sent, 0, 0);
		if (kernel.n_receive_calls != cases[i].want_calls ||
		    is_empty != cases[i].want_empty)
			fail_msg("%s: %u calls, empty %d", cases[i].name, kernel.n_receive_calls,
				 is_empty);
		bench_fini(&bench);
	}
}

/* While a socket waits for room, another of the same worker goes on. */
static void test_other_socket(void **state)
{
	static const int script[] = {1, -EAGAIN, 0};
	struct udp_socket other;
	struct bench bench;
	bool is_empty;

	bench_init(&bench);
	other = bench.socket;
	kernel.n_waiting = 3;
	kernel.script = script;
	assert_int_equal(udp_serve(&bench.udp, &bench.socket, 8, &is_empty), UDP_WAIT_WRITABLE);
	kernel.n_waiting = 2;
	assert_int_equal(udp_serve(&bench.udp, &other, 8, &is_empty), UDP_WAIT_READABLE);
	assert_int_equal(udp_serve(&bench.udp, &bench.socket, 8, &is_empty), UDP_WAIT_READABLE);
	assert_int_equal(kernel.n_sent, 5);
	assert_int_equal(kernel.sent[1], 3);
	assert_int_equal(kernel.sent[3], 1);
	assert_int_equal(kernel.sent[4], 2);
	bench_fini(&bench);
}

static void test_drops(void **state)
{
	struct bench bench;
	bool is_empty;

	bench_init(&bench);
	kernel.n_waiting = 10;
	kernel.response = 2;
	kernel.is_cut = true;
	udp_serve(&bench.udp, &bench.socket, 8, &is_empty);
	assert_int_equal(kernel.n_sent, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(kernel.sent[i], 2 * i + 1);
	assert_int_equal(bench.counts.dropped[NET_DROP_RESPONSE], 5);
	assert_int_equal(bench.query.n_finished, 5);
	assert_int_equal(bench.query.n_cut, 10);
	bench_fini(&bench);
}

static void put_control(struct msghdr *header, int level, int type, const void *info, size_t size)
{
	struct cmsghdr *control = header->msg_control;

	assert_true(header->msg_controllen >= CMSG_SPACE(size));
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(control), info, size);
	header->msg_controllen = CMSG_SPACE(size);
}

static void control_v4(struct msghdr *header)
{
	struct in_pktinfo info = {7, {htonl(0x0a600001)}, {htonl(0x0a600001)}};

	put_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void control_global(struct msghdr *header)
{
	struct in6_pktinfo info = {.ipi6_addr = {{{0xfd, 0x05}}}, .ipi6_ifindex = 7};

	put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static void control_link(struct msghdr *header)
{
	struct in6_pktinfo info = {.ipi6_addr = {{{0xfe, 0x80}}}, .ipi6_ifindex = 7};

	put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* The answer leaves from the address that was asked; the interface is kept for link-local addresses
 * only. */
static void test_control(void **state)
{
	static const struct {
		const char *name;
		void (*control)(struct msghdr *header);
		unsigned interface;
		uint8_t address[2];
	} cases[] = {
		{"IPv4", control_v4, 0, {0x0a, 0x60}},
		{"IPv6", control_global, 0, {0xfd, 0x05}},
		{"link-local IPv6", control_link, 7, {0xfe, 0x80}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench bench;
		struct cmsghdr *control = (struct cmsghdr *)(void *)kernel.answer_control;
		bool is_empty;
		unsigned interface;

		bench_init(&bench);
		kernel.n_waiting = 130; /* headers are used again */
		kernel.control = cases[i].control;
		udp_serve(&bench.udp, &bench.socket, 8, &is_empty);
		check_sent(cases[i].name, 130, 0, 0);
		if (control->cmsg_level == IPPROTO_IP) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			interface = (unsigned)info.ipi_ifindex;
			assert_memory_equal(&info.ipi_spec_dst, cases[i].address, 2);
		} else {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			interface = info.ipi6_ifindex;
			assert_memory_equal(&info.ipi6_addr, cases[i].address, 2);
		}
		if (interface != cases[i].interface)
			fail_msg("%s: interface %u", cases[i].name, interface);
		bench_fini(&bench);
	}
}

static void test_queue_delay(void **state)
{
	static const struct {
		const char *name;
		struct timespec stamp, now;
		int error;
		unsigned n, want_n;
		uint64_t want_ns;
		bool want_refused;
	} cases[] = {
		{"one", {100, 5}, {100, 1205}, 0, 1, 1, 1200, false},
		{"the head of many", {100, 0}, {100, 7000000}, 0, 300, 1, 7000000, false},
		{"over a second's end", {99, 999999999}, {101, 1}, 0, 3, 1, 1000000002, false},
		{"no time at all", {100, 5}, {100, 5}, 0, 3, 1, 0, false},
		{"the clock was set back", {100, 5}, {100, 4}, 0, 3, 0, 0, false},
		{"by years", {2000000000, 5}, {100, 4}, 0, 3, 0, 0, false},
		{"it was set forward", {100, 5}, {4000000000, 4}, 0, 3, 0, 0, false},
		{"the longest that counts", {100, 0}, {160, 0}, 0, 1, 1, 60000000000, false},
		{"the kernel does not tell", {100, 5}, {100, 9}, -ENOTTY, 3, 0, 0, true},
		{"nothing there", {100, 5}, {100, 9}, 0, 0, 0, 0, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench bench;
		const struct histogram *delay = &bench.counts.queue_delay_ns;
		unsigned n = 0;
		bool is_empty;

		bench_init(&bench);
		bench.udp.now_ms = 1000;
		kernel.n_waiting = cases[i].n;
		kernel.stamp = cases[i].stamp;
		kernel.now = cases[i].now;
		kernel.stamp_error = cases[i].error;
		udp_serve(&bench.udp, &bench.socket, 8, &is_empty);
		check_sent(cases[i].name, cases[i].n, 0, 0);
		assert_true(is_empty);
		for (size_t b = 0; b < ARRAY_LEN(delay->counts); b++)
			n += (unsigned)delay->counts[b];
		if (n != cases[i].want_n || delay->sum != cases[i].want_ns ||
		    bench.counts.has_no_stamps != cases[i].want_refused ||
		    kernel.n_stamp_calls != (cases[i].n > 0))
			fail_msg("%s: %u looks, %u calls, %llu ns", cases[i].name, n,
				 kernel.n_stamp_calls, (unsigned long long)delay->sum);
		bench_fini(&bench);
	}
}

/* Each socket by itself, every 10 ms at most, and not at all once the kernel has refused. */
static void test_sampling(void **state)
{
	static const struct {
		const char *name;
		uint64_t now_ms;
		bool is_other;
		int error;
		unsigned want_calls; /* so far */
	} steps[] = {
		{"the first", 1000, false, 0, 1},	{"at once", 1000, false, 0, 1},
		{"too early", 1009, false, 0, 1},	{"another socket", 1009, true, 0, 2},
		{"it is time", 1010, false, 0, 3},	{"not again", 1011, false, 0, 3},
		{"the other's time", 1019, true, 0, 4}, {"much later", 9000, false, -EPERM, 5},
		{"never again", 9500, true, 0, 5},	{"neither here", 9900, false, 0, 5},
	};
	struct udp_socket sockets[2];
	struct bench bench;

	bench_init(&bench);
	sockets[0] = sockets[1] = bench.socket;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		bool is_empty;

		bench.udp.now_ms = steps[i].now_ms;
		kernel.n_waiting = 2;
		kernel.stamp_error = steps[i].error;
		udp_serve(&bench.udp, &sockets[steps[i].is_other], 8, &is_empty);
		assert_true(is_empty);
		if (kernel.n_stamp_calls != steps[i].want_calls)
			fail_msg("%s: %u calls", steps[i].name, kernel.n_stamp_calls);
	}
	check_sent("all are answered", 2 * ARRAY_LEN(steps), 0, 0);
	bench_fini(&bench);
}

/* One that finds nothing to read is looked at again. */
static void test_no_datagram_is_no_sample(void **state)
{
	struct bench bench;
	bool is_empty;

	bench_init(&bench);
	bench.udp.now_ms = 1000;
	udp_serve(&bench.udp, &bench.socket, 8, &is_empty);
	assert_int_equal(kernel.n_stamp_calls, 0);
	kernel.n_waiting = 1;
	udp_serve(&bench.udp, &bench.socket, 8, &is_empty);
	assert_int_equal(kernel.n_stamp_calls, 1);
	bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_other_socket),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_queue_delay),
		cmocka_unit_test(test_sampling),
		cmocka_unit_test(test_no_datagram_is_no_sample),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
