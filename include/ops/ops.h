/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's HTTP endpoints (health, ready, metrics) by libmicrohttpd on the main loop. The
 * handlers are the caller's and run on the main loop. Connections are limited in number and time,
 * so a slow or silent client costs nothing. Main thread.
 */
#ifndef KANAME_OPS_OPS_H
#define KANAME_OPS_OPS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/check.h"
#include "base/text.h"

/* Writes the body (plain text, or the Prometheus text format for is_metrics) and returns the HTTP
 * status. */
typedef unsigned (*ops_handler)(void *arg, struct text *body);

struct ops_endpoint {
	struct sockaddr_storage address; /* with port; :: with is_wildcard means IPv4 and IPv6, IPv4
					    alone where there is no IPv6 */
	bool is_wildcard;
	const char *path; /* "/health"; GET and HEAD; other paths are 404, other methods 405 */
	bool is_metrics;
	ops_handler handler;
	void *arg;
};

struct ops;

/* Endpoints with equal addresses share a listener. 0 or -errno with the address and cause appended
 * to *why; then, too, memory is freed as the loop runs on. `endpoints` is copied. */
MUST_USE int ops_open(struct ops **ops, uv_loop_t *loop, const struct ops_endpoint *endpoints,
		      size_t n, struct text *why);

/*
 * Other endpoints in place of those that there are, in two steps: ops_stage opens what listeners
 * they need beside the present ones, or fails as ops_open does and has changed nothing; then
 * ops_commit switches, and lets go of what they do not need, or ops_abort leaves all as it was.
 * Listeners of addresses that stay are not touched. Not from a handler.
 */
MUST_USE int ops_stage(struct ops *ops, const struct ops_endpoint *endpoints, size_t n,
		       struct text *why);
void ops_commit(struct ops *ops);
void ops_abort(struct ops *ops);

/* Stops listening at once; handles are closed and memory freed as the loop runs on. Not from a
 * handler. NULL is allowed. */
void ops_close(struct ops *ops);

#endif
