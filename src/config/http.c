/* SPDX-License-Identifier: Apache-2.0
 *
 * `health`, `ready` and `prometheus`: where the operator's HTTP endpoints listen.
 */
#include <netinet/in.h>
#include <string.h>

#include "directive.h"

static bool read_host(const char *host, size_t len, struct address *address)
{
	if (len == strlen("localhost") && memcmp(host, "localhost", len) == 0) {
		host = "127.0.0.1";
		len = strlen(host);
	}
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']')
		return address_from_text(address, host + 1, len - 2) == 0 &&
		       address->family == ADDRESS_V6;
	return address_from_text(address, host, len) == 0 && address->family == ADDRESS_V4;
}

static void set_http(struct config_http *http, const struct address *address, uint16_t port)
{
	static const uint8_t zeros[16];
	struct sockaddr_in *in = (struct sockaddr_in *)&http->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&http->address;

	/* As in Go, the wildcard of either family is that of both. */
	http->is_wildcard = memcmp(address->bytes, zeros, address_size(address)) == 0;
	if (http->is_wildcard || address->family == ADDRESS_V6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, address->family == ADDRESS_V6 ? 16 : 4);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes, 4);
	}
}

bool http_read(const char *text, struct config_http *http)
{
	struct address address = {.family = ADDRESS_V6};
	const char *colon = strrchr(text, ':');
	uint16_t port = colon ? port_read(colon + 1) : 0;

	if (port == 0 || (colon > text && !read_host(text, (size_t)(colon - text), &address)))
		return false;
	set_http(http, &address, port);
	return true;
}

static void add_http(struct draft_http *list, const struct config_http *http)
{
	for (size_t i = 0; i < list->len; i++) {
		if (memcmp(&list->items[i].address, &http->address, sizeof(http->address)) == 0)
			return;
	}
	ARRAY_PUSH(list, *http);
}

/* The statement's address, or the usual one, added to the list. */
static void parse_address(struct draft *draft, const struct statement *statement, const char *usual,
			  struct draft_http *list)
{
	const char *text = statement->n_words == 2 ? statement->words[1].text : usual;
	struct config_http http = {0};

	if (!args_check(draft, statement, 0, 1))
		return;
	if (http_read(text, &http))
		add_http(list, &http);
	else
		problem_at(&draft->problems, &statement->words[1],
			   "%s: \"%s\" is not an address with a port, as in :8080 or "
			   "127.0.0.1:8080",
			   statement->words[0].text, text);
}

static void parse_lameduck(struct draft *draft, void *into, const struct statement *statement)
{
	uint64_t ms;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement) &&
	    duration_read(draft, statement, &ms) && ms > draft->lameduck_ms)
		draft->lameduck_ms = ms;
}

void health_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "lameduck", .parse = parse_lameduck},
	};

	parse_address(draft, statement, ":8080", &draft->health);
	directives_run(draft, &(struct directives){"health", options, ARRAY_LEN(options)},
		       statement->body, NULL);
}

/* Both kinds are served the same way: /ready tells the truth at any time, and once the objects are
 * in they stay in. */
static void parse_monitor(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const kinds[] = {"until-ready", "continuously"};

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;

	const struct token *kind = &statement->words[1];

	if (strcmp(kind->text, kinds[0]) != 0 && strcmp(kind->text, kinds[1]) != 0)
		word_refuse(draft, kind, "ready: unknown kind of monitor", kinds, ARRAY_LEN(kinds));
}

void ready_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "monitor", .parse = parse_monitor},
	};

	parse_address(draft, statement, ":8181", &draft->ready);
	directives_run(draft, &(struct directives){"ready", options, ARRAY_LEN(options)},
		       statement->body, NULL);
}

void prometheus_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "tls", .instead = "metrics are read by HTTP; put a TLS proxy before it"},
	};
	struct draft_block *block = into;

	block->query.has_prometheus = true;
	parse_address(draft, statement, "localhost:9153", &draft->prometheus);
	directives_run(draft, &(struct directives){"prometheus", options, ARRAY_LEN(options)},
		       statement->body, NULL);
}
