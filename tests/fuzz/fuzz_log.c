/* SPDX-License-Identifier: Apache-2.0
 *
 * A format of `log` and a query: the input's first octet is the format's length, the format
 * follows, then rcode, flags and the octets of a name. The line has no control octet, never leaves
 * its room, and a JSON object is whole.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "../../src/config/log_format.h"
#include "../../src/query/logline.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
	struct sockaddr_in source;
	uint8_t bytes[12];
	struct query_input input;
	struct query_output output;
};

/* The name of up to 255 octets that data[0..size) begins with, labels of any octets. */
static void set_name(struct dns_name *name, const uint8_t *data, size_t size)
{
	uint8_t wire[DNS_NAME_MAX + 1] = {0};
	size_t at = 0;

	while (size > 0 && data[0] > 0 && data[0] <= DNS_LABEL_MAX && data[0] < size &&
	       at + 1u + data[0] < DNS_NAME_MAX) {
		size_t n = 1u + data[0];

		memcpy(wire + at, data, n);
		at += n;
		data += n;
		size -= n;
	}
	CHECK(dns_name_from_wire(name, wire, at + 1) == 0);
}

static void check_line(const struct query_log_config *log, const struct asked *asked)
{
	char line[LOG_LINE_MAX + 16];
	const struct logline_in in = {&asked->input, &asked->output, 1234567};
	size_t len;

	memset(line, 0x7e, sizeof(line));
	len = logline_write(line, LOG_LINE_MAX, log, &in);
	CHECK(len <= LOG_LINE_MAX);
	for (size_t i = 0; i < 16; i++)
		CHECK(line[LOG_LINE_MAX + i] == 0x7e);
	for (size_t i = 0; i < len; i++)
		CHECK((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	if (log->is_bare)
		CHECK(line[0] == '{' && line[len - 1] == '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct query_log_config log = {0};
	struct asked asked = {.source = {.sin_family = AF_INET, .sin_port = htons(53)}};
	size_t len = size > 0 ? data[0] : 0;
	char *format;

	if (size < 4 || len + 4 > size)
		return 0;
	format = arena_strndup(&arena, (const char *)data + 1, len);
	data += len + 1;
	size -= len + 1;
	asked.bytes[2] = data[1] | 0x80;
	asked.bytes[3] = data[2];
	asked.input.source = (struct sockaddr *)&asked.source;
	asked.output.bytes = asked.bytes;
	asked.output.rcode = data[0];
	asked.output.error = data[0] == 2 ? "no reason" : NULL;
	asked.output.query.type = data[1];
	set_name(&asked.output.query.name, data + 3, size - 3);
	if (log_format_read(&arena, format, &log))
		check_line(&log, &asked);
	arena_fini(&arena);
	return 0;
}
