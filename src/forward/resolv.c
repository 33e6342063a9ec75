/* SPDX-License-Identifier: Apache-2.0 */
#include "resolv.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* of an address with its interface */

static const struct sockaddr_in *v4_of(const struct sockaddr_storage *address)
{
	return (const struct sockaddr_in *)(const void *)address;
}

static const struct sockaddr_in6 *v6_of(const struct sockaddr_storage *address)
{
	return (const struct sockaddr_in6 *)(const void *)address;
}

bool resolv_is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return v4_of(a)->sin_port == v4_of(b)->sin_port &&
		       v4_of(a)->sin_addr.s_addr == v4_of(b)->sin_addr.s_addr;
	return v6_of(a)->sin6_port == v6_of(b)->sin6_port &&
	       v6_of(a)->sin6_scope_id == v6_of(b)->sin6_scope_id &&
	       memcmp(&v6_of(a)->sin6_addr, &v6_of(b)->sin6_addr, 16) == 0;
}

/* ---- resolv.conf ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digits(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool read_scope(const char *text, uint32_t *scope)
{
	*scope = is_digits(text) && strlen(text) < 10 ? (uint32_t)strtoul(text, NULL, 10)
						      : if_nametoindex(text);
	return *scope != 0;
}

/* word is NUL-terminated and may be changed. */
static bool read_address(struct sockaddr_storage *out, char *word)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	char *percent = strchr(word, '%');
	uint32_t scope = 0;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, word, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return true;
	}
	if (percent) {
		*percent = '\0';
		if (!read_scope(percent + 1, &scope))
			return false;
	}
	if (inet_pton(AF_INET6, word, &v6->sin6_addr) != 1)
		return false;
	v6->sin6_family = AF_INET6;
	v6->sin6_scope_id = scope;
	return true;
}

/* The address of a line "nameserver ADDRESS ..."; *is_bad: it is such a line, but has none. */
static bool read_line(struct sockaddr_storage *out, const char *line, size_t len, bool *is_bad)
{
	static const char keyword[] = "nameserver";
	size_t at = sizeof(keyword) - 1, end;
	char word[WORD_MAX];

	*is_bad = false;
	if (len <= at || memcmp(line, keyword, at) != 0 || !is_space(line[at]))
		return false;
	while (at < len && is_space(line[at]))
		at++;
	for (end = at; end < len && !is_space(line[end]);)
		end++;
	*is_bad = end == at || end - at >= sizeof(word);
	if (*is_bad)
		return false;
	memcpy(word, line + at, end - at);
	word[end - at] = '\0';
	*is_bad = strlen(word) != end - at || !read_address(out, word);
	return !*is_bad;
}

static void add(struct resolv_addresses *out, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < out->n; i++) {
		if (resolv_is_same(&out->items[i], address))
			return;
	}
	if (out->n < FORWARD_UPSTREAMS_MAX)
		out->items[out->n++] = *address;
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	((struct sockaddr_in *)(void *)address)->sin_port = htons(port); /* same place in v6 */
}

void resolv_parse(struct resolv_addresses *out, const char *text, size_t len, uint16_t port,
		  size_t *n_bad)
{
	out->n = *n_bad = 0;
	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline ? (size_t)(newline - text) : len;
		struct sockaddr_storage address;
		bool is_bad;

		if (read_line(&address, text, line, &is_bad)) {
			set_port(&address, port);
			add(out, &address);
		}
		*n_bad += is_bad;
		line += newline != NULL;
		text += line;
		len -= line;
	}
}

/* ---- replies ---- */

static void add_address(struct resolv_addresses *out, uint16_t type, const uint8_t *rdata,
			uint16_t port)
{
	struct sockaddr_storage address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&address;

	memset(&address, 0, sizeof(address));
	if (type == DNS_TYPE_A) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, rdata, 4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, rdata, 16);
	}
	add(out, &address);
}

static void read_record(struct resolv_addresses *out, struct wire_reader *reader, uint16_t port)
{
	struct dns_name owner;
	uint16_t type, class, size;
	uint32_t ttl_s;
	const uint8_t *rdata;

	dns_name_read(&owner, reader, true);
	type = wire_u16(reader);
	class = wire_u16(reader);
	ttl_s = wire_u32(reader);
	size = wire_u16(reader);
	rdata = wire_take(reader, size);
	if (!rdata || class != DNS_CLASS_IN)
		return;
	if (ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
	if ((type == DNS_TYPE_A && size == 4) || (type == DNS_TYPE_AAAA && size == 16))
		add_address(out, type, rdata, port);
}

void resolv_read_reply(struct resolv_addresses *out, const uint8_t *wire, size_t len, uint16_t port)
{
	struct wire_reader reader = wire_reader_init(wire, len);
	struct dns_name name;
	uint16_t n_questions, n_answers;

	wire_skip(&reader, 4);
	n_questions = wire_u16(&reader);
	n_answers = wire_u16(&reader);
	wire_skip(&reader, 4);
	if (reader.failed || n_questions != 1)
		return;
	dns_name_read(&name, &reader, false);
	wire_skip(&reader, 4);
	for (unsigned i = 0; i < n_answers && !reader.failed; i++)
		read_record(out, &reader, port);
}

/* ---- this server's own addresses ---- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohl(v4_of(address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6_of(address)->sin6_addr);
}

static bool is_wildcard(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return v4_of(address)->sin_addr.s_addr == 0;
	return IN6_IS_ADDR_UNSPECIFIED(&v6_of(address)->sin6_addr);
}

static bool is_of_machine(const struct forward_config *config,
			  const struct sockaddr_storage *address)
{
	bool is_v4 = address->ss_family == AF_INET;
	const void *bytes = is_v4 ? (const void *)&v4_of(address)->sin_addr
				  : (const void *)&v6_of(address)->sin6_addr;

	for (size_t i = 0; i < config->n_own_addresses; i++) {
		const struct address *own = &config->own_addresses[i];

		if ((own->family == ADDRESS_V4) == is_v4 &&
		    memcmp(own->bytes, bytes, address_size(own)) == 0)
			return true;
	}
	return is_loopback(address) || is_wildcard(address);
}

bool resolv_is_own(const struct forward_config *config, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < config->n_own; i++) {
		const struct sockaddr_storage *own = &config->own[i].address;

		if (own->ss_family != address->ss_family ||
		    v4_of(own)->sin_port != v4_of(address)->sin_port) /* at the same place in v6 */
			continue;
		if (is_wildcard(own) ? is_of_machine(config, address)
				     : resolv_is_same(own, address))
			return true;
	}
	return false;
}
