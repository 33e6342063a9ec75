/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs: scheme, host, port, path (RFC 3986), and nothing else.
 */
#include "endpoint.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dns/address.h"
#include "kube/kube.h"

#define HOST_MAX 253
#define LETTERS_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define HOST_BYTES LETTERS_DIGITS "-._"
#define PATH_BYTES LETTERS_DIGITS "-._~!$&'()*+,;=:@%/"
#define USER_BYTES LETTERS_DIGITS "-._~!$&'()*+,;=:%"

struct scheme {
	const char *name;
	const char *curl_name;
	unsigned port;
};

static const struct scheme server_schemes[] = {{"http", "http", 80}, {"https", "https", 443}};
static const struct scheme proxy_schemes[] = {
	{"http", "http", 80}, {"https", "https", 443}, {"socks5", "socks5h", 1080}};

/* Pieces of the text. */
struct url {
	const struct scheme *scheme;
	const char *authority, *host, *path;
	size_t authority_len, host_len, path_len; /* the host with its brackets */
	unsigned port;
};

void endpoint_fini(struct endpoint *endpoint)
{
	free(endpoint->server);
	free(endpoint->label);
	*endpoint = (struct endpoint){0};
}

bool endpoint_is_host(const char *host, size_t len)
{
	return len > 0 && len <= HOST_MAX && host[0] != '.' && host[0] != '-' &&
	       strspn(host, HOST_BYTES) >= len;
}

static int refuse(struct text *why, const char *cause)
{
	text_puts(why, cause);
	return -EINVAL;
}

static const struct scheme *find_scheme(const struct scheme *schemes, size_t n, const char *name,
					size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(schemes[i].name) == len && strncasecmp(schemes[i].name, name, len) == 0)
			return &schemes[i];
	}
	return NULL;
}

/* Digits up to `end`, 1..65535; 0 when they are none. */
static unsigned read_port(const char *text, const char *end)
{
	unsigned port = 0;
	size_t len = (size_t)(end - text);

	if (len == 0 || len > 5)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return port <= 65535 ? port : 0;
}

/* host[0..len): HOST or HOST:PORT. */
static int read_host(struct url *url, const char *host, size_t len, struct text *why)
{
	const char *end = host + len;
	const char *close = host[0] == '[' ? memchr(host, ']', len) : NULL;
	const char *colon = close ? close + 1 : memchr(host, ':', len);
	struct address address;

	if (!colon)
		colon = end;
	url->host = host;
	url->host_len = (size_t)(colon - host);
	url->port = url->scheme->port;
	if (close && (address_from_text(&address, host + 1, url->host_len - 2) != 0 ||
		      address.family != ADDRESS_V6))
		return refuse(why, "the URL has no IPv6 address in its brackets");
	if (!close && memchr(host, ':', len) != memrchr(host, ':', len))
		return refuse(why, "the URL's port is unclear: an IPv6 address stands in brackets");
	if (!close && !endpoint_is_host(host, url->host_len))
		return refuse(why, "the URL has no host, or one that cannot be");
	if (colon < end && *colon == ':')
		url->port = read_port(colon + 1, end);
	if (url->port == 0 || (colon < end && *colon != ':'))
		return refuse(why, "the URL's port is no number from 1 to 65535");
	return 0;
}

/* The pieces, but for those of the authority. A NULL scheme is one that is not in the text. */
static int split_url(struct url *url, const char *text, const struct scheme *schemes, size_t n,
		     struct text *why)
{
	const char *colon = strstr(text, "://");

	*url = (struct url){.authority = colon ? colon + 3 : text};
	if (strlen(text) > ENDPOINT_URL_MAX)
		return refuse(why, "the URL is too long");
	if (strpbrk(text, "?#"))
		return refuse(why, "the URL has a query or a fragment");
	if (colon)
		url->scheme = find_scheme(schemes, n, text, (size_t)(colon - text));
	if (colon && !url->scheme) {
		text_puts(why, "the URL's scheme is none of");
		for (size_t i = 0; i < n; i++)
			text_printf(why, "%s %s://", i > 0 ? "," : "", schemes[i].name);
		return -EINVAL;
	}
	url->authority_len = strcspn(url->authority, "/");
	url->path = url->authority + url->authority_len;
	url->path_len = strlen(url->path);
	while (url->path_len > 0 && url->path[url->path_len - 1] == '/')
		url->path_len--;
	return 0;
}

static char *take(struct text *text)
{
	char *bytes = text->bytes;

	*text = (struct text){0};
	return bytes;
}

int endpoint_read(struct endpoint *endpoint, const char *text, bool is_tls, struct text *why)
{
	struct text server = {0}, label = {0};
	struct url url;

	if (split_url(&url, text, server_schemes, ARRAY_LEN(server_schemes), why) != 0)
		return -EINVAL;
	if (!url.scheme)
		url.scheme = &server_schemes[is_tls];
	if (memchr(url.authority, '@', url.authority_len))
		return refuse(why, "the URL has a user in it");
	if (read_host(&url, url.authority, url.authority_len, why) != 0)
		return -EINVAL;
	if (strspn(url.path, PATH_BYTES) < url.path_len)
		return refuse(why, "the URL's path has a byte that no path has");
	text_printf(&label, "%.*s:%u", (int)url.host_len, url.host, url.port);
	text_printf(&server, "%s://%s%.*s", url.scheme->name, label.bytes, (int)url.path_len,
		    url.path);
	endpoint->server = take(&server);
	endpoint->label = take(&label);
	return 0;
}

int endpoint_read_proxy(char **proxy, const char *text, struct text *why)
{
	struct text out = {0};
	struct url url;

	if (split_url(&url, text, proxy_schemes, ARRAY_LEN(proxy_schemes), why) != 0)
		return -EINVAL;
	if (!url.scheme)
		return refuse(why, "the URL has no scheme, as in http://");
	if (url.path_len > 0)
		return refuse(why, "the URL has a path");

	const char *at = memrchr(url.authority, '@', url.authority_len);
	size_t user_len = at ? (size_t)(at + 1 - url.authority) : 0;

	if (at && strspn(url.authority, USER_BYTES) + 1 < user_len)
		return refuse(why, "the URL's user or password has a byte to be written as %XX");
	if (read_host(&url, url.authority + user_len, url.authority_len - user_len, why) != 0)
		return -EINVAL;
	text_printf(&out, "%s://%.*s%.*s:%u", url.scheme->curl_name, (int)user_len, url.authority,
		    (int)url.host_len, url.host, url.port);
	*proxy = take(&out);
	return 0;
}

int kube_endpoint_check(const char *url, struct text *why)
{
	struct endpoint endpoint = {0};
	int error = endpoint_read(&endpoint, url, false, why);

	endpoint_fini(&endpoint);
	return error;
}
