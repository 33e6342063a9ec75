/* SPDX-License-Identifier: Apache-2.0
 *
 * GET requests on libcurl's multi interface, driven by a libuv loop. Connections are shared where
 * curl shares them (HTTP/2 where the server offers it). The credentials of each request are those
 * of its struct access at that time.
 *
 * The happy path: http_open, http_get with a request that stays until its on_end, http_close, and
 * http_free when the loop has run out. What may fail is told by on_end in words: resolving,
 * connecting, TLS, time, a half-open connection (TCP keepalive and user timeout). The kube thread.
 */
#ifndef KANAME_KUBE_HTTP_H
#define KANAME_KUBE_HTTP_H

#include <stdbool.h>
#include <uv.h>

#include "access.h"
#include "base/check.h"

struct http;

struct http_calls {
	/* Once, before the first data. retry_after_s: 0 for none. */
	void (*on_head)(void *arg, unsigned status, unsigned retry_after_s);
	/* False: nothing more is wanted; on_end follows. No request may be begun or cancelled from
	 * here. */
	bool (*on_data)(void *arg, const char *bytes, size_t len);
	/* fault: NULL when the response came to its end. The request may be used again. */
	void (*on_end)(void *arg, const char *fault);
};

/* Zeroed memory is a request that is not under way. */
struct http_request {
	const struct http_calls *calls; /* borrowed */
	void *arg;
	struct http_transfer *transfer; /* owned; NULL: not under way */
};

struct http_get {
	const char *path; /* after the server's URL: "/api/v1/services?limit=500" */
	bool is_gzip;	  /* the server may compress */
	bool is_fresh;	  /* on a connection of its own, not one that is there */
};

/* 0 or -errno. */
MUST_USE int http_open(struct http **http, uv_loop_t *loop);

/* Begins. Nothing is called from within. 0, or -errno with the reason in *why. */
MUST_USE int http_get(struct http *http, struct http_request *request, const struct access *access,
		      const struct http_get *get, struct text *why);

/* Nothing more is called. A request that is not under way may be cancelled. Not from within
 * on_data or on_head. */
void http_cancel(struct http_request *request);

/* Every request is cancelled before. The handles close as the loop runs on. */
void http_close(struct http *http);
/* The loop has run out. NULL is allowed. */
void http_free(struct http *http);

#endif
