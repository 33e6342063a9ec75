/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of API servers and of proxies before them, checked as far as libcurl would guess otherwise.
 * No message repeats the URL: it might have a password in it. Any thread.
 */
#ifndef KANAME_KUBE_ENDPOINT_H
#define KANAME_KUBE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/text.h"

#define ENDPOINT_URL_MAX 2048

struct endpoint {
	char *server; /* owned: "https://host:port/prefix", no final slash */
	char *label;  /* owned: "host:port" */
};

void endpoint_fini(struct endpoint *endpoint);

/*
 * An API server's URL: http:// or https://, a host name, an IPv4 address or an IPv6 one in
 * brackets, a port (80 or 443 without), a path that stands before every path of the API. As in
 * client-go, "host:port" alone is http://, or https:// when `is_tls`: when there are a CA, a client
 * certificate or insecure-skip-tls-verify.
 * 0, or -EINVAL with the cause appended to *why.
 */
MUST_USE int endpoint_read(struct endpoint *endpoint, const char *text, bool is_tls,
			   struct text *why);

/* A proxy's URL: http://, https:// or socks5://, perhaps with a user and a password. *proxy, owned,
 * is as libcurl takes it: socks5h://, since it is the proxy that resolves the server's name, as
 * with client-go. 0, or -EINVAL with the cause appended to *why. */
MUST_USE int endpoint_read_proxy(char **proxy, const char *text, struct text *why);

/* Can host[0..len) be the host of a URL, without brackets? */
bool endpoint_is_host(const char *host, size_t len);

#endif
