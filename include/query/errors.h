/* SPDX-License-Identifier: Apache-2.0
 *
 * What `errors { consolidate ... }` asks for. All workers share a pattern's period, so that an
 * operator gets one line for it and not one of each: the two words of struct query_errors_period
 * are the only memory that they all write, atomically, and only when a query fails. It lives beside
 * the configuration, which owns it.
 */
#ifndef KANAME_QUERY_ERRORS_H
#define KANAME_QUERY_ERRORS_H

#include "base/log.h"
#include "base/regex.h"

struct query_errors_period {
	uint64_t end_ns; /* 0: none is running */
	uint64_t n;	 /* errors since it began */
};

struct query_errors_pattern {
	const struct regex *regex;
	const char *text;     /* of the expression, for the line */
	const char *duration; /* as Go prints it: "5m0s" */
	uint64_t duration_ns;
	enum log_level level;
	bool shows_first;		    /* the first error of a period has a line of its own */
	struct query_errors_period *period; /* shared, atomic */
};

/* Of a server block; a failure belongs to the first pattern that matches it. */
struct query_errors {
	const struct query_errors_pattern *patterns;
	size_t n_patterns;
};

#endif
