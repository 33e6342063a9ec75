/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of the `log` directive: which queries it wants, and its format as a list of pieces. The
 * Corefile's format is taken apart once, when it is loaded; what query_finish does for each query
 * is to put the pieces behind one another. Immutable, in the config's arena. Any thread.
 */
#ifndef KANAME_QUERY_LOG_H
#define KANAME_QUERY_LOG_H

#include "query/query.h"

enum query_log_class {
	QUERY_LOG_SUCCESS = 1,
	QUERY_LOG_DENIAL = 2,
	QUERY_LOG_ERROR = 4,
	QUERY_LOG_ALL = 7
};

/* CoreDNS's placeholders, and ours. */
enum query_log_field {
	QUERY_LOG_TEXT,	 /* the piece's own */
	QUERY_LOG_EMPTY, /* "-": a label that nothing gives a value */
	QUERY_LOG_TYPE,
	QUERY_LOG_NAME,
	QUERY_LOG_QCLASS,
	QUERY_LOG_PROTO,
	QUERY_LOG_REMOTE,
	QUERY_LOG_LOCAL,
	QUERY_LOG_PORT,
	QUERY_LOG_SIZE,
	QUERY_LOG_RCODE,
	QUERY_LOG_RSIZE,
	QUERY_LOG_DURATION,
	QUERY_LOG_ID,
	QUERY_LOG_OPCODE,
	QUERY_LOG_DO,
	QUERY_LOG_BUFSIZE,
	QUERY_LOG_RFLAGS,
	QUERY_LOG_JSON, /* the whole query as a JSON object */
};

#define QUERY_LOG_TEXT_MAX 1024 /* octets of a format's own text, all pieces together */
#define QUERY_LOG_TEXT_SLACK 16 /* octets behind a piece's text that may be read */

struct query_log_piece {
	enum query_log_field field;
	const char *text; /* of TEXT; text[0..len), and QUERY_LOG_TEXT_SLACK more */
	size_t len;
};

struct query_log_config {
	struct query_zones names; /* names in these zones are logged */
	unsigned classes;	  /* of enum query_log_class */
	const struct query_log_piece *pieces;
	size_t n_pieces;
	bool is_bare;		  /* without "[INFO] ": the line is JSON alone */
	uint64_t min_duration_ns; /* what is of no wanted class is logged if it took longer; 0: not
				     at all */
	uint64_t slow_ns;	  /* what took less is not logged */
	uint32_t sample;	  /* one of so many is; 1: each */
	uint32_t turn;	   /* which of the worker's turns counts them: below QUERY_LOG_TURNS */
	const char *place; /* "Corefile:12" */
};

#define QUERY_LOG_TURNS 32 /* `log` lines beyond share a turn with one before */

#endif
