/* SPDX-License-Identifier: Apache-2.0
 *
 * `template`: answers made of the question. What a `template` directive says, and Go's templates
 * (text/template), of which its records are made: compiled when the configuration is read, expanded
 * for each query into a bounded buffer.
 *
 * Of Go's language there are fields, literals, pipelines, parentheses, if, with, else, comments,
 * trim markers, and the functions and, or, not, eq, ne, lt, le, gt, ge, index, len, print, printf,
 * parseInt. The fields are CoreDNS's. The rest is refused at load, by its place. An expansion
 * cannot loop; its time and its text are bounded by the template's.
 *
 * Compiled on the main thread, into an arena; immutable then, and expanded by any.
 */
#ifndef KANAME_QUERY_TEMPLATE_H
#define KANAME_QUERY_TEMPLATE_H

#include "base/regex.h"
#include "dns/rrtext.h"
#include "query/query.h"

#define TEMPLATE_SOURCE_MAX 4096 /* octets of a template */
#define TEMPLATE_TEXT_MAX 4096	 /* octets of what it expands to */

struct template_text;

/* The template in `source`, in the arena. 0, or -EINVAL with the reason, and the place in the
 * template, appended to *why. */
MUST_USE int template_text_compile(const struct template_text **text, struct arena *arena,
				   const char *source, struct text *why);

/* Is it the same for all queries? */
bool template_text_is_constant(const struct template_text *text);

/* Can parts of it be left out (if, with)? */
bool template_text_has_branches(const struct template_text *text);

/* A group that the template names and none of the expressions has; NULL: there is none. */
const char *template_text_lacks(const struct template_text *text,
				const struct regex *const *matches, size_t n_matches);

/* What a template can see of a query. All borrowed. */
struct template_data {
	const char *zone;	   /* .Zone, with a final dot */
	const char *name;	   /* .Name, lower-case, with a final dot: what was matched */
	const char *spelled;	   /* .Question.Name: as the client spells it */
	const char *class, *type;  /* .Class and .Type */
	const char *remote;	   /* .Remote: the client's address */
	const struct regex *regex; /* that matched; NULL: none was asked for */
	struct regex_match match;  /* in `name` */
	uint16_t id, flags, qtype, qclass;
};

/* Where it is expanded to, and what the functions need. Belongs to the worker. */
struct template_buffer {
	char text[TEMPLATE_TEXT_MAX + 1]; /* NUL-terminated */
	size_t len;
	char pool[TEMPLATE_TEXT_MAX]; /* strings that functions make */
	size_t pool_len;
};

/* NULL, or why it cannot be expanded: a constant. */
MUST_USE const char *template_text_expand(const struct template_text *text,
					  const struct template_data *data,
					  struct template_buffer *buffer);

enum template_section { TEMPLATE_ANSWER, TEMPLATE_AUTHORITY, TEMPLATE_ADDITIONAL };

/* `answer`, `authority` or `additional`. */
struct template_record {
	enum template_section section;
	const struct template_text *text;
	const char *source;	  /* of the text */
	const char *place;	  /* "Corefile:12" */
	const char *not_expanded; /* what a client is told: the place, and that ... */
	const char *not_a_record;
};

/* A `template` directive. */
struct query_template {
	const struct query_template *next; /* in their order; NULL: the last */
	const char *place;
	uint16_t class, type; /* ANY: all */
	struct query_zones zones;
	const struct regex *const *matches; /* the first that matches decides; none: all names do */
	size_t n_matches;
	const struct template_record *records; /* sorted by section */
	size_t n_records;
	enum dns_rcode rcode;
	enum dns_ede ede; /* DNS_EDE_NONE: none */
	const char *ede_text;
	const char *no_match; /* what a client is told: the place, and that nothing matches */
	bool has_fallthrough;
	struct query_zones fallthrough; /* empty with has_fallthrough: all zones */
};

#endif
