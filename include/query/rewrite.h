/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of `rewrite`, as config/ makes them: in their order, immutable, in the configuration's
 * arena. Names are matched as text: lower-case, with the final dot, escapes as in zone files
 * (dns_name_to_text).
 */
#ifndef KANAME_QUERY_REWRITE_H
#define KANAME_QUERY_REWRITE_H

#include "base/regex.h"
#include "dns/name.h"

enum rewrite_field {
	REWRITE_NAME,
	REWRITE_TYPE,
	REWRITE_CLASS,
	REWRITE_TTL,
	REWRITE_RCODE,
	REWRITE_EDNS0, /* of no effect, but a rule that may stop */
};

enum rewrite_match {
	REWRITE_EXACT,
	REWRITE_PREFIX,
	REWRITE_SUFFIX,
	REWRITE_SUBSTRING,
	REWRITE_REGEX,
};

struct rewrite_text {
	const char *bytes;
	size_t len;
};

/* Which names a rule is for. */
struct rewrite_pattern {
	enum rewrite_match match;
	struct rewrite_text text;    /* PREFIX, SUFFIX, SUBSTRING */
	const struct dns_name *name; /* EXACT */
	const struct regex *regex;   /* REGEX */
};

/* `answer name` or `answer value`: names that the expression matches become `to`, in which {N} is
 * its group N. */
struct rewrite_answer {
	bool is_value; /* the first name in the rdata, not the owner */
	const struct regex *regex;
	struct rewrite_text to;
};

struct rewrite_rule {
	enum rewrite_field field;
	bool is_continue; /* the rules behind it are tried, too */
	const char *place;
	struct rewrite_pattern from;	/* NAME, TTL, RCODE */
	struct rewrite_text to;		/* NAME: replaces what matched; of REGEX all, with {N} */
	const struct dns_name *to_name; /* NAME with EXACT */
	const char *no_name;		/* NAME: what to say where it makes no name; a sentence */
	bool is_auto;			/* NAME: the answer's names are changed back */
	const struct rewrite_answer *answers;
	size_t n_answers;
	uint16_t from_number, to_number; /* TYPE, CLASS, RCODE */
	uint32_t ttl_min_s, ttl_max_s;	 /* TTL */
};

/* `rewrite` of a server block. */
struct query_rewrite {
	const struct rewrite_rule *rules;
	size_t n;
};

#endif
