/* SPDX-License-Identifier: Apache-2.0
 *
 * One line of `log`: the pieces of its format, filled in for a query. Worker thread.
 */
#ifndef KANAME_QUERY_LOGLINE_H
#define KANAME_QUERY_LOGLINE_H

#include "query/log.h"

/* Where text is put; what does not fit is left out, and is_cut says so. The functions that put a
 * field look for LOGLINE_SLACK free octets once, and write without looking within them. */
struct logline {
	char *at, *end; /* the slack lies behind end */
	bool is_cut;
};

#define LOGLINE_SLACK 64 /* more than any field but name and text takes */

struct logline_in {
	const struct query_input *input;
	const struct query_output *output;
	uint64_t duration_ns;
};

/* The line to out[0..size); returns its length. A line that is longer is cut and ends in "...". */
size_t logline_write(char *out, size_t size, const struct query_log_config *log,
		     const struct logline_in *in);

/* What logline_json.c needs of logline.c. */
void logline_bytes(struct logline *line, const char *bytes, size_t len);
void logline_number(struct logline *line, uint64_t value);
void logline_field(struct logline *line, enum query_log_field field, const struct logline_in *in);

/* The query as a JSON object (RFC 8259). */
void logline_json(struct logline *line, const struct logline_in *in);

#endif
