/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's HTTP endpoints. Each distinct address is a listener: a libmicrohttpd daemon
 * without threads, whose epoll descriptor the loop polls. Whenever that is readable, or a timer
 * says so, MHD_run does what there is to do; it never blocks, and calls the endpoint's handler once
 * a request's head is in.
 *
 * What a client can cost: CLIENTS_MAX connections a listener and CLIENTS_PER_IP an address (more
 * are closed at once, or wait in the backlog), CLIENT_BYTES for a request, IDLE_S seconds of
 * silence, HEAD_MS for a request's head, CLIENT_MS in all, one request a connection. The library
 * knows silence only, so a client that sends a byte now and then is cut off here.
 *
 * Failures: an address that cannot be bound is the caller's to report; a client's failure closes
 * its connection.
 */
#include "ops/ops.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>

#include "base/arena.h"
#include "listen.h"

#define CLIENTS_MAX 1024
#define CLIENTS_PER_IP 8
#define CLIENT_BYTES 8192
#define CLIENT_MS 10000 /* as long as Prometheus waits for a page */
#define HEAD_MS 2000
#define IDLE_S 5
#define TICK_MS 1000

struct client {
	bool is_used, has_head;
	int fd; /* borrowed from the daemon */
	uint64_t start_ms;
};

struct listener {
	struct ops *ops;
	struct listener *next;	      /* in ops->listeners */
	struct ops_endpoint endpoint; /* the first of its address */
	struct MHD_Daemon *daemon;    /* owned; NULL while closed */
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_closed; /* of the two */
	size_t n_clients;
	struct client clients[CLIENTS_MAX];
};

struct route {
	struct ops_endpoint endpoint; /* its path is in the memory of the routes */
	struct listener *listener;    /* that of its address */
};

struct routes {
	struct arena memory;
	struct route *items; /* in memory */
	size_t n;
};

struct ops {
	uv_loop_t *loop;	    /* borrowed */
	struct listener *listeners; /* owned */
	struct routes routes, staged;
	unsigned n_handles; /* not closed yet */
	bool is_closing;
	bool is_running; /* inside MHD_run */
};

/* ---- Requests ---- */

static const struct ops_endpoint *find_endpoint(const struct listener *listener, const char *path)
{
	const struct routes *routes = &listener->ops->routes;

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];

		if (route->listener == listener && strcmp(route->endpoint.path, path) == 0)
			return &route->endpoint;
	}
	return NULL;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, unsigned status,
				  struct text *body, const char *content_type)
{
	static char nothing[1];
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body->len, body->bytes ? body->bytes : nothing,
		body->bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

	if (!response) {
		text_fini(body);
		return MHD_NO;
	}

	bool is_complete =
		MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES &&
		MHD_add_response_header(response, "Connection", "close") == MHD_YES &&
		(status != MHD_HTTP_METHOD_NOT_ALLOWED ||
		 MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES);
	enum MHD_Result result =
		is_complete ? MHD_queue_response(connection, status, response) : MHD_NO;

	MHD_destroy_response(response); /* the connection holds its own reference */
	return result;
}

/* The head of a request is in; what it has for a body is not waited for. The signature is
 * MHD_AccessHandlerCallback's. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **request)
{
	struct listener *listener = arg;
	const struct ops_endpoint *endpoint = find_endpoint(listener, path);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info ? info->socket_context : NULL;
	struct text body = {0};
	unsigned status;

	if (client)
		client->has_head = true;
	if (!endpoint) {
		status = MHD_HTTP_NOT_FOUND;
		text_puts(&body, "404 page not found\n");
	} else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
		text_puts(&body, "405 method not allowed\n");
	} else {
		status = endpoint->handler(endpoint->arg, &body);
	}
	return send_reply(connection, status, &body,
			  endpoint && endpoint->is_metrics && status == MHD_HTTP_OK
				  ? "text/plain; version=0.0.4; charset=utf-8"
				  : "text/plain; charset=utf-8");
}

/* ---- Connections ---- */

static void add_client(struct listener *listener, struct MHD_Connection *connection, void **slot)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	size_t i = 0;

	*slot = NULL;
	while (i < CLIENTS_MAX && listener->clients[i].is_used)
		i++;
	if (i == CLIENTS_MAX || !info)
		return;
	listener->clients[i] = (struct client){
		.is_used = true,
		.fd = info->connect_fd,
		.start_ms = uv_now(listener->ops->loop),
	};
	listener->n_clients++;
	*slot = &listener->clients[i];
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **slot,
			  enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = arg;
	struct client *client;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		add_client(listener, connection, slot);
		return;
	}
	client = *slot;
	if (client) {
		client->is_used = false;
		listener->n_clients--;
	}
}

/* The daemon finds the connection closed and drops it. */
static void cut_off_slow(struct listener *listener)
{
	uint64_t now_ms = uv_now(listener->ops->loop);

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &listener->clients[i];

		uint64_t limit_ms = client->has_head ? CLIENT_MS : HEAD_MS;

		if (client->is_used && now_ms - client->start_ms >= limit_ms)
			shutdown(client->fd, SHUT_RDWR);
	}
}

static void on_timer(uv_timer_t *timer);

static void run(struct listener *listener)
{
	size_t n_before = listener->n_clients;
	MHD_UNSIGNED_LONG_LONG wait_ms = TICK_MS;
	bool has_wait;

	cut_off_slow(listener);
	listener->ops->is_running = true;
	MHD_run(listener->daemon);
	listener->ops->is_running = false;

	/* A full daemon looks at its backlog again only in the run after the one in which a
	 * connection ended. */
	has_wait = MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES;
	if (listener->n_clients < n_before)
		wait_ms = 0;
	if (wait_ms > TICK_MS)
		wait_ms = TICK_MS;
	if (has_wait || listener->n_clients > 0 || wait_ms == 0)
		uv_timer_start(&listener->timer, on_timer, wait_ms, 0);
	else
		uv_timer_stop(&listener->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

/* An error of the descriptor would show in MHD_run, too. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	run(poll->data);
}

/* ---- Life ---- */

static int start_daemon(struct listener *listener, const struct ops_endpoint *endpoint,
			struct text *why)
{
	int fd = listen_open(endpoint, why);

	if (fd < 0)
		return fd;
	errno = 0;
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CLIENTS_PER_IP,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, listener, MHD_OPTION_END);

	/* Whether the socket was closed depends on where it failed: rather leak a descriptor than
	 * close another's. */
	if (!listener->daemon)
		return listen_explain(endpoint, errno ? -errno : -EMFILE, why);
	return 0;
}

static int open_listener(struct ops *ops, struct listener *listener,
			 const struct ops_endpoint *endpoint, struct text *why)
{
	const union MHD_DaemonInfo *info;
	int result;

	listener->ops = ops;
	listener->endpoint = *endpoint;
	result = start_daemon(listener, endpoint, why);
	if (result < 0)
		return result;

	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	CHECK(info != NULL && info->epoll_fd >= 0);
	result = uv_poll_init(ops->loop, &listener->poll, info->epoll_fd);
	if (result < 0) {
		MHD_stop_daemon(listener->daemon);
		listener->daemon = NULL;
		return listen_explain(endpoint, result, why);
	}
	CHECK(uv_timer_init(ops->loop, &listener->timer) == 0);
	listener->poll.data = listener->timer.data = listener;
	ops->n_handles += 2;
	CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_readable) == 0);
	listener->next = ops->listeners;
	ops->listeners = listener;
	return 0;
}

static bool address_equal(const struct ops_endpoint *a, const struct ops_endpoint *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->address;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)&b->address;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&a->address;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)&b->address;

	if (a->address.ss_family != b->address.ss_family || a->is_wildcard != b->is_wildcard)
		return false;
	if (a->address.ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

/* The listener of this address, a new one where there is none. 0 or -errno. */
static int get_listener(struct ops *ops, const struct ops_endpoint *endpoint,
			struct listener **listener, struct text *why)
{
	struct listener *found = ops->listeners;
	int result;

	while (found && !address_equal(&found->endpoint, endpoint))
		found = found->next;
	if (!found) {
		found = mem_zalloc(sizeof(*found));
		result = open_listener(ops, found, endpoint, why);
		if (result < 0) {
			free(found);
			return result;
		}
	}
	*listener = found;
	return 0;
}

static void fini_routes(struct routes *routes)
{
	arena_fini(&routes->memory);
	*routes = (struct routes){0};
}

static void free_unless_open(struct ops *ops)
{
	if (ops->n_handles == 0 && ops->is_closing)
		free(ops);
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;
	struct ops *ops = listener->ops;

	ops->n_handles--;
	if (++listener->n_closed == 2)
		free(listener);
	free_unless_open(ops);
}

static void close_listener(struct listener *listener)
{
	uv_close((uv_handle_t *)&listener->poll, on_closed);
	uv_close((uv_handle_t *)&listener->timer, on_closed);
	MHD_stop_daemon(listener->daemon);
	listener->daemon = NULL;
}

static bool has_listener(const struct routes *routes, const struct listener *listener)
{
	for (size_t i = 0; i < routes->n; i++) {
		if (routes->items[i].listener == listener)
			return true;
	}
	return false;
}

/* Closes those that no route has. */
static void close_unused(struct ops *ops)
{
	struct listener **at = &ops->listeners;

	while (*at) {
		struct listener *listener = *at;

		if (has_listener(&ops->routes, listener)) {
			at = &listener->next;
			continue;
		}
		*at = listener->next;
		close_listener(listener);
	}
}

int ops_stage(struct ops *ops, const struct ops_endpoint *endpoints, size_t n, struct text *why)
{
	struct routes *staged = &ops->staged;

	CHECK(!ops->is_running && staged->n == 0);
	staged->items = arena_alloc(&staged->memory, (n + 1) * sizeof(staged->items[0]));
	for (size_t i = 0; i < n; i++) {
		struct route *route = &staged->items[i];
		int result;

		route->endpoint = endpoints[i];
		route->endpoint.path = arena_strndup(&staged->memory, endpoints[i].path,
						     strlen(endpoints[i].path));
		result = get_listener(ops, &endpoints[i], &route->listener, why);
		if (result < 0) {
			ops_abort(ops);
			return result;
		}
		staged->n++;
	}
	return 0;
}

void ops_commit(struct ops *ops)
{
	struct routes old = ops->routes;

	CHECK(!ops->is_running);
	ops->routes = ops->staged;
	ops->staged = (struct routes){0};
	fini_routes(&old);
	close_unused(ops);
}

void ops_abort(struct ops *ops)
{
	fini_routes(&ops->staged);
	close_unused(ops);
}

int ops_open(struct ops **ops, uv_loop_t *loop, const struct ops_endpoint *endpoints, size_t n,
	     struct text *why)
{
	struct ops *new = mem_zalloc(sizeof(*new));
	int result;

	new->loop = loop;
	result = ops_stage(new, endpoints, n, why);
	if (result < 0) {
		ops_close(new);
		return result;
	}
	ops_commit(new);
	*ops = new;
	return 0;
}

void ops_close(struct ops *ops)
{
	if (!ops)
		return;
	CHECK(!ops->is_running); /* not from a handler */
	ops->is_closing = true;
	fini_routes(&ops->routes);
	fini_routes(&ops->staged);
	close_unused(ops);
	free_unless_open(ops);
}
