/* SPDX-License-Identifier: Apache-2.0
 *
 * {json}: a query as one object, always whole. Its strings are names, whose escapes get one of
 * their own (RFC 8259 7), texts of the registries, and constants of ours; so it is at most about
 * 1,900 octets long, which is less than a line may have.
 */
#include <string.h>

#include "base/log.h"
#include "logline.h"
#include "worker.h"

#define OTHERS_MAX 420 /* octets of all but name, error and upstream */
#define REASON_MAX 128 /* octets of an error or an upstream */

_Static_assert(DNS_NAME_TEXT_MAX / 4 * 5 + OTHERS_MAX + 2 * REASON_MAX <=
		       LOG_LINE_MAX - LOGLINE_SLACK,
	       "no object is cut");

static void put_key(struct logline *line, const char *key)
{
	logline_bytes(line, ",\"", 2);
	logline_bytes(line, key, strlen(key));
	logline_bytes(line, "\":", 2);
}

/* ASCII text[0..len) in quotes. */
static void put_string(struct logline *line, const char *text, size_t len)
{
	logline_bytes(line, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			logline_bytes(line, "\\", 1);
		logline_bytes(line, &text[i], 1);
	}
	logline_bytes(line, "\"", 1);
}

/* A text of ours, which has none of the octets that need an escape; where one had, it has '?'. */
static void put_text(struct logline *line, const char *key, const char *text)
{
	char plain[REASON_MAX];
	size_t len = 0;

	for (; len < sizeof(plain) && text[len]; len++) {
		char c = text[len];

		plain[len] = (char)(c < ' ' || c >= 0x7f || c == '"' || c == '\\' ? '?' : c);
	}
	put_key(line, key);
	put_string(line, plain, len);
}

/* A field that needs no escape. */
static void put_quoted(struct logline *line, const char *key, enum query_log_field field,
		       const struct logline_in *in)
{
	put_key(line, key);
	logline_bytes(line, "\"", 1);
	logline_field(line, field, in);
	logline_bytes(line, "\"", 1);
}

static void put_plain(struct logline *line, const char *key, enum query_log_field field,
		      const struct logline_in *in)
{
	put_key(line, key);
	logline_field(line, field, in);
}

static void put_name(struct logline *line, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	size_t len = dns_name_to_text(name->wire, name->len, text);

	put_key(line, "name");
	put_string(line, text, len);
}

/* An address without the brackets of the other formats. */
static void put_address(struct logline *line, const char *key, enum query_log_field field,
			const struct logline_in *in)
{
	char text[LOGLINE_SLACK * 2];
	struct logline part = {.at = text, .end = text + LOGLINE_SLACK};
	size_t len;

	logline_field(&part, field, in);
	len = (size_t)(part.at - text);
	put_key(line, key);
	if (text[0] == '[')
		put_string(line, text + 1, len - 2);
	else
		put_string(line, text, len);
}

static void put_microseconds(struct logline *line, uint64_t ns)
{
	put_key(line, "duration_us");
	logline_number(line, (ns + 500) / 1000);
}

void logline_json(struct logline *line, const struct logline_in *in)
{
	const struct query_output *output = in->output;

	logline_bytes(line, "{\"type\":\"", 9);
	logline_field(line, QUERY_LOG_TYPE, in);
	logline_bytes(line, "\"", 1);
	put_name(line, &output->query.name);
	put_quoted(line, "class", QUERY_LOG_QCLASS, in);
	put_quoted(line, "proto", QUERY_LOG_PROTO, in);
	put_address(line, "remote", QUERY_LOG_REMOTE, in);
	put_plain(line, "port", QUERY_LOG_PORT, in);
	if (in->input->local)
		put_address(line, "local", QUERY_LOG_LOCAL, in);
	put_plain(line, "id", QUERY_LOG_ID, in);
	put_plain(line, "size", QUERY_LOG_SIZE, in);
	put_plain(line, "do", QUERY_LOG_DO, in);
	put_plain(line, "bufsize", QUERY_LOG_BUFSIZE, in);
	put_quoted(line, "rcode", QUERY_LOG_RCODE, in);
	put_quoted(line, "flags", QUERY_LOG_RFLAGS, in);
	put_plain(line, "rsize", QUERY_LOG_RSIZE, in);
	put_microseconds(line, in->duration_ns);
	if (output->plugin != QUERY_PLUGIN_NONE)
		put_text(line, "plugin", metrics_plugin_text(output->plugin));
	if (output->error)
		put_text(line, "error", output->error);
	if (output->upstream && output->upstream[0])
		put_text(line, "upstream", output->upstream);
	logline_bytes(line, "}", 1);
}
