/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <cmocka.h>

#include "rig.h"

static socklen_t fill_address(struct sockaddr_storage *address, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (strchr(text, ':') == NULL) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	return sizeof(*v6);
}

/* A port that nothing uses now, for TCP; for UDP net_open says. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static unsigned or_plenty(unsigned value, unsigned plenty)
{
	return value > 0 ? value : plenty;
}

static void fill_addresses(struct rig_setup *setup, const struct rig_options *options,
			   uint16_t port)
{
	static const char *const loopback[] = {"127.0.0.1", NULL};
	const char *const *address = options->addresses ? options->addresses : loopback;

	for (size_t i = 0; address[i] != NULL; i++) {
		struct net_listener *listener = &setup->listeners[i];

		fill_address(&listener->address, address[i], port);
		listener->is_optional = strchr(address[i], ':') != NULL;
		listener->server = i;
		setup->servers[i] =
			(struct query_server_config){.views = &setup->view, .n_views = 1};
		setup->config.n_listeners = setup->query.n_servers = i + 1;
	}
}

static struct rig_setup *next_setup(struct rig *rig, const struct rig_options *options)
{
	struct rig_setup *setup = &rig->setups[rig->n_setups % ARRAY_LEN(rig->setups)];

	memset(setup, 0, sizeof(*setup));
	setup->config = (struct net_config){
		.listeners = setup->listeners,
		.n_workers = or_plenty(options->n_workers, 1),
		.tcp_max = or_plenty(options->tcp_max, 1000),
		.tcp_max_per_client = or_plenty(options->tcp_max_per_client, 1000),
		.tcp_idle_ms = or_plenty(options->tcp_idle_ms, 60000),
		.tcp_stall_ms = or_plenty(options->tcp_stall_ms, 60000),
		.tcp_buffer_bytes =
			options->tcp_buffer_bytes ? options->tcp_buffer_bytes : 16 << 20,
	};
	setup->config.drain_ms = options->drain_ms ? options->drain_ms : 5000;
	if (options->has_forward)
		setup->config.forward = &setup->forward;
	setup->config.pending_max = options->pending_max ? options->pending_max : 1000;
	setup->config.pending_bytes = 1 << 20;
	fill_addresses(setup, options, rig->port);
	setup->view.server_text = "dns://:53";
	setup->query.servers = setup->servers;
	setup->query.tcp_keepalive_100ms = options->generation;
	setup->query.probe_key = setup->forward.probe_key = options->group;
	return setup;
}

static void on_switched(void *arg)
{
	struct rig *rig = arg;

	assert_false(rig->is_drained);
	rig->is_switched = true;
}

int rig_reconfigure(struct rig *rig, const struct rig_options *options, struct text *why)
{
	struct rig_setup *setup = next_setup(rig, options);
	struct text own = {0};
	int error;

	rig->is_switched = false;
	error = net_reconfigure(rig->net, &setup->config, &setup->query, why ? why : &own,
				on_switched, rig);
	text_fini(&own);
	if (error == 0)
		rig->n_setups++;
	return error;
}

void rig_wait_switched(struct rig *rig)
{
	while (!rig->is_switched)
		uv_run(&rig->loop, UV_RUN_ONCE);
}

static void on_drained(void *arg)
{
	struct rig *rig = arg;

	rig->is_drained = true;
}

void rig_open(struct rig *rig, const struct rig_options *options)
{
	struct rig_setup *setup;
	struct text why = {0};
	int error = -EADDRINUSE;

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(log_open(&rig->log, STDERR_FILENO, LOG_WARNING), 0);
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	for (unsigned i = 0; i < 20 && error == -EADDRINUSE; i++) {
		rig->port = free_port();
		setup = next_setup(rig, options);
		error = net_open(&rig->net, &setup->config, &setup->query, rig->log, &why);
	}
	rig->n_setups = 1;
	if (error != 0)
		fail_msg("%s", why.bytes);
	text_fini(&why);
	net_start(rig->net, &rig->loop, on_drained, rig);
}

void rig_drain(struct rig *rig)
{
	net_drain(rig->net);
}

void rig_close(struct rig *rig)
{
	net_drain(rig->net);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_true(rig->is_drained);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	net_free(rig->net);
	log_close(rig->log);
}

unsigned rig_metric(const struct rig *rig, const char *sample)
{
	struct text page = {0};
	size_t len = strlen(sample);
	const char *line;
	unsigned value = 0;

	net_metrics_write(rig->net, &page);
	for (line = page.bytes; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, sample, len) == 0 && line[len] == ' ')
			break;
	}
	if (line == NULL)
		fail_msg("no sample %s in:\n%s", sample, page.bytes);
	else
		value = (unsigned)strtoul(line + len, NULL, 10);
	text_fini(&page);
	return value;
}

int rig_connect(const struct rig *rig, int type, const char *to, const char *from)
{
	struct timeval patience = {.tv_sec = RIG_PATIENCE_S};
	struct sockaddr_storage address;
	socklen_t size = fill_address(&address, to, rig->port);
	int fd = socket(address.ss_family, type, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	if (from != NULL) {
		struct sockaddr_storage source;
		socklen_t source_size = fill_address(&source, from, 0);

		assert_int_equal(bind(fd, (struct sockaddr *)&source, source_size), 0);
	}
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	return fd;
}

void rig_send(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			fail_msg("send: %s", strerror(errno));
		at += n;
		len -= (size_t)n;
	}
}

ssize_t rig_read(int fd, void *bytes, size_t len)
{
	return TEMP_FAILURE_RETRY(recv(fd, bytes, len, 0));
}

void rig_receive(int fd, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = rig_read(fd, at, len);

		if (n <= 0)
			fail_msg("%zu octets are missing: %s", len,
				 n == 0 ? "end of stream" : strerror(errno));
		at += n;
		len -= (size_t)n;
	}
}

void rig_expect_end(int fd)
{
	uint8_t octet;
	ssize_t n = rig_read(fd, &octet, 1);

	if (n > 0)
		fail_msg("an octet came instead of the end");
	if (n < 0 && errno != ECONNRESET)
		fail_msg("no end: %s", strerror(errno));
}

size_t rig_query(uint8_t *out, bool is_tcp, uint16_t id, size_t size, char wish)
{
	size_t prefix = is_tcp ? 2 : 0;

	memset(out, 0, prefix + size);
	if (is_tcp) {
		out[0] = (uint8_t)(size >> 8);
		out[1] = (uint8_t)size;
	}
	out[prefix] = (uint8_t)(id >> 8);
	out[prefix + 1] = (uint8_t)id;
	if (size > DNS_HEADER_SIZE)
		out[prefix + DNS_HEADER_SIZE] = (uint8_t)wish;
	return prefix + size;
}

void rig_answer(int fd, uint16_t id, size_t size)
{
	static uint8_t answer[65537];

	rig_receive(fd, answer, 2);
	if ((size_t)(answer[0] << 8 | answer[1]) != size)
		fail_msg("an answer of %d octets, want %zu", answer[0] << 8 | answer[1], size);
	rig_receive(fd, answer + 2, size);
	if ((answer[2] << 8 | answer[3]) != id)
		fail_msg("answer %d, want %d", answer[2] << 8 | answer[3], id);
	assert_int_equal(answer[4], 0x80);
}
