/* SPDX-License-Identifier: Apache-2.0
 *
 * One request at a time:
 *
 *   RESTING --a second later--> CONNECTING --connected--> READING --status line 200--> RESTING
 *   CONNECTING, READING --error, another status, PATIENCE_MS over--> RESTING, counted as a failure
 *
 * A rest begins when the last request has ended and its socket is closed: a second after the
 * request began, or at once where it took longer. Closing is in any state; a closed socket's
 * callbacks come late and find that it is not theirs any more.
 */
#include "ops/self.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/metrics.h"

#define PERIOD_MS 1000
#define PATIENCE_MS 3000 /* CoreDNS's */
#define LATE_NS 1000000000ull

enum self_state { SELF_RESTING, SELF_CONNECTING, SELF_READING, SELF_CLOSED };

struct ops_self {
	enum self_state state;
	struct sockaddr_storage address;
	struct log_channel *log; /* borrowed */
	uv_timer_t timer;
	uv_tcp_t socket;
	bool has_socket, is_timer_closed;
	uv_connect_t connect;
	uv_write_t write;
	char request[128];
	size_t request_len;
	char reply[64]; /* its head */
	size_t reply_len;
	uint64_t start_ns;
	struct histogram duration_ns;
	uint64_t failures;
};

/* 0.00025 * 10^n s, n = 0..4 */
static const struct histogram_bounds bounds = {
	.n = 5, .le = {250000, 2500000, 25000000, 250000000, 2500000000}};

static void free_if_closed(struct ops_self *self)
{
	if (self->state == SELF_CLOSED && self->is_timer_closed && !self->has_socket)
		free(self);
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct ops_self *self = timer->data;

	self->is_timer_closed = true;
	free_if_closed(self);
}

static void on_timer(uv_timer_t *timer);

static void on_socket_closed(uv_handle_t *socket)
{
	struct ops_self *self = socket->data;
	uint64_t past_ms = (clock_monotonic_ns() - self->start_ns) / 1000000;

	self->has_socket = false;
	if (self->state == SELF_RESTING)
		uv_timer_start(&self->timer, on_timer,
			       past_ms < PERIOD_MS ? PERIOD_MS - past_ms : 0, 0);
	free_if_closed(self);
}

/* The request has ended; `cause` says why it failed, NULL: it did not. */
static void finish(struct ops_self *self, const char *cause)
{
	uint64_t ns = clock_monotonic_ns() - self->start_ns;

	if (self->state != SELF_CONNECTING && self->state != SELF_READING)
		return;
	self->state = SELF_RESTING;
	histogram_observe(&self->duration_ns, &bounds, ns);
	if (cause) {
		counter_add(&self->failures, 1);
		log_printf(self->log, LOG_WARNING, "plugin/health: Local health request failed: %s",
			   cause);
	} else if (ns > LATE_NS) {
		log_printf(self->log, LOG_WARNING,
			   "plugin/health: Local health request took more than 1s: %.3fs",
			   (double)ns / 1e9);
	}
	uv_timer_stop(&self->timer);
	uv_close((uv_handle_t *)&self->socket, on_socket_closed);
}

static void on_alloc(uv_handle_t *socket, size_t suggested, uv_buf_t *buf)
{
	struct ops_self *self = socket->data;

	*buf = uv_buf_init(self->reply + self->reply_len,
			   (unsigned)(sizeof(self->reply) - self->reply_len));
}

/* "HTTP/1.1 200 ..." is all that is looked at. */
static void on_read(uv_stream_t *socket, ssize_t n, const uv_buf_t *buf)
{
	static const char good[] = " 200 ";
	struct ops_self *self = socket->data;
	const char *status;

	if (n < 0) {
		finish(self, uv_strerror((int)n));
		return;
	}
	self->reply_len += (size_t)n;
	status = memchr(self->reply, ' ', self->reply_len);
	if (status && self->reply_len - (size_t)(status - self->reply) >= strlen(good))
		finish(self,
		       memcmp(status, good, strlen(good)) == 0 ? NULL : "its status is not 200");
	else if (self->reply_len == sizeof(self->reply))
		finish(self, "its reply is not HTTP");
}

static void on_written(uv_write_t *write, int status)
{
	if (status < 0 && status != UV_ECANCELED)
		finish(write->handle->data, uv_strerror(status));
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct ops_self *self = connect->handle->data;
	uv_buf_t buf = uv_buf_init(self->request, (unsigned)self->request_len);
	int error = status;

	if (self->state != SELF_CONNECTING)
		return;
	self->state = SELF_READING;
	if (error == 0)
		error = uv_write(&self->write, connect->handle, &buf, 1, on_written);
	if (error == 0)
		error = uv_read_start(connect->handle, on_alloc, on_read);
	if (error < 0)
		finish(self, uv_strerror(error));
}

static void ask(struct ops_self *self)
{
	const struct sockaddr *address = (const struct sockaddr *)&self->address;
	int error = uv_tcp_init(self->timer.loop, &self->socket);

	self->start_ns = clock_monotonic_ns();
	self->reply_len = 0;
	CHECK(error == 0); /* no descriptor is opened yet */
	self->socket.data = self;
	self->has_socket = true;
	self->state = SELF_CONNECTING;
	uv_timer_start(&self->timer, on_timer, PATIENCE_MS, 0);
	error = uv_tcp_connect(&self->connect, &self->socket, address, on_connected);
	if (error < 0)
		finish(self, uv_strerror(error));
}

static void on_timer(uv_timer_t *timer)
{
	struct ops_self *self = timer->data;

	switch (self->state) {
	case SELF_RESTING:
		ask(self);
		break;
	case SELF_CONNECTING:
	case SELF_READING:
		finish(self, "no reply within 3 s");
		break;
	case SELF_CLOSED:
		break;
	}
}

/* Where a wildcard can be reached: on loopback. */
static void set_address(struct ops_self *self, const struct ops_endpoint *endpoint)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&endpoint->address;
	struct sockaddr_in *in = (struct sockaddr_in *)&self->address;

	self->address = endpoint->address;
	if (!endpoint->is_wildcard)
		return;
	/* sin_port and sin6_port are the same two octets. */
	*in = (struct sockaddr_in){.sin_family = AF_INET,
				   .sin_port = in6->sin6_port,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

struct ops_self *ops_self_open(uv_loop_t *loop, const struct ops_endpoint *endpoint,
			       struct log_channel *log)
{
	struct ops_self *self = mem_zalloc(sizeof(*self));
	int len = snprintf(self->request, sizeof(self->request),
			   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			   endpoint->path);

	CHECK(len > 0 && (size_t)len < sizeof(self->request));
	self->request_len = (size_t)len;
	self->log = log;
	set_address(self, endpoint);
	CHECK(uv_timer_init(loop, &self->timer) == 0);
	self->timer.data = self;
	uv_timer_start(&self->timer, on_timer, PERIOD_MS, 0);
	return self;
}

void ops_self_close(struct ops_self *self)
{
	if (!self)
		return;
	self->state = SELF_CLOSED;
	uv_close((uv_handle_t *)&self->timer, on_timer_closed);
	if (self->has_socket && !uv_is_closing((uv_handle_t *)&self->socket))
		uv_close((uv_handle_t *)&self->socket, on_socket_closed);
}

void ops_self_metrics_write(const struct ops_self *self, struct text *page)
{
	const char *name = "coredns_health_request_duration_seconds";
	const struct metrics_histogram_in in = {name, NULL, 0, &bounds, 1e9};

	if (!self)
		return;
	metrics_family(page, name, "histogram",
		       "Histogram of the time (in seconds) each request took.");
	metrics_histogram(page, &in, &self->duration_ns);
	metrics_family(page, "coredns_health_request_failures_total", "counter",
		       "The number of times the health check failed.");
	metrics_sample(page, "coredns_health_request_failures_total", NULL, 0,
		       (double)self->failures);
}
