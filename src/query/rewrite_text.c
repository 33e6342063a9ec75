/* SPDX-License-Identifier: Apache-2.0
 *
 * Names as the rules of `rewrite` match and make them: text, as CoreDNS's rules have it, so that a
 * prefix, a suffix or an expression need not end at a label's. Every made name is read back, and
 * what is none is told to the caller. Nothing allocates.
 */
#include "rewrite.h"
#include "worker.h"

#define REGEX_LIMITS_PER_S 1 /* lines of the log */

void rewrite_subject_init(struct rewrite_subject *subject, const struct dns_name *name)
{
	subject->name = name;
	subject->len = dns_name_to_text(name->wire, name->len, subject->text);
}

/* The counter and the line for an expression that took more than the limits allow. */
static void tell_limit(struct query_worker *worker, const char *place,
		       const struct rewrite_subject *subject)
{
	uint32_t suppressed;

	counter_add(&worker->regex_limits, 1);
	if (!log_limit_pass(&worker->regex_log, worker->input->now_ms * 1000000, REGEX_LIMITS_PER_S,
			    &suppressed))
		return;
	log_printf(worker->log, LOG_WARNING,
		   "plugin/rewrite: %s: the expression takes too long with %s: taken for no match "
		   "(%u like this before)",
		   place, subject->text, suppressed);
}

bool rewrite_matches(struct query_worker *worker, const struct rewrite_pattern *pattern,
		     const char *place, const struct rewrite_subject *subject,
		     struct regex_match *match)
{
	const struct rewrite_text *text = &pattern->text;

	switch (pattern->match) {
	case REWRITE_EXACT:
		return dns_name_equal(pattern->name, subject->name);
	case REWRITE_PREFIX:
		return subject->len >= text->len &&
		       memcmp(subject->text, text->bytes, text->len) == 0;
	case REWRITE_SUFFIX:
		return subject->len >= text->len && memcmp(subject->text + subject->len - text->len,
							   text->bytes, text->len) == 0;
	case REWRITE_SUBSTRING:
		return strstr(subject->text, text->bytes) != NULL;
	case REWRITE_REGEX:
		break;
	}
	switch (regex_match(pattern->regex, worker->regex, subject->text, subject->len, match)) {
	case REGEX_YES:
		return true;
	case REGEX_NO:
		break;
	case REGEX_LIMIT:
		tell_limit(worker, place, subject);
		break;
	}
	return false;
}

/* The text that was made, as a name. */
static bool read_name(const struct wire_writer *out, struct dns_name *made)
{
	return !out->failed && dns_name_from_text(made, (const char *)out->base, out->pos) == 0;
}

/* {N} at text[0..len): its length, and N; 0 when no such thing stands there. */
static size_t read_group(const char *text, size_t len, size_t *group)
{
	size_t at = 1;

	*group = 0;
	while (at < len && at < 4 && text[at] >= '0' && text[at] <= '9')
		*group = *group * 10 + (size_t)(text[at++] - '0');
	return at > 1 && at < len && text[0] == '{' && text[at] == '}' ? at + 1 : 0;
}

bool rewrite_expand(const struct rewrite_text *to, const struct rewrite_subject *subject,
		    const struct regex_match *match, struct dns_name *made)
{
	uint8_t text[DNS_NAME_TEXT_MAX];
	struct wire_writer out = wire_writer_init(text, sizeof(text));

	for (size_t i = 0; i < to->len;) {
		size_t group, len = read_group(to->bytes + i, to->len - i, &group);

		if (len == 0 || group >= match->n) {
			wire_put_u8(&out, (uint8_t)to->bytes[i++]);
			continue;
		}
		if (match->start[group] != SIZE_MAX)
			wire_put(&out, subject->text + match->start[group],
				 match->end[group] - match->start[group]);
		i += len;
	}
	return read_name(&out, made);
}

bool rewrite_swap_suffix(const struct rewrite_subject *subject, const struct rewrite_text *from,
			 const struct rewrite_text *to, struct dns_name *made)
{
	uint8_t text[2 * DNS_NAME_TEXT_MAX];
	struct wire_writer out = wire_writer_init(text, sizeof(text));

	if (subject->len < from->len ||
	    memcmp(subject->text + subject->len - from->len, from->bytes, from->len) != 0)
		return false;
	wire_put(&out, subject->text, subject->len - from->len);
	wire_put(&out, to->bytes, to->len);
	return read_name(&out, made);
}

static bool swap_prefix(const struct rewrite_rule *rule, const struct rewrite_subject *subject,
			struct dns_name *made)
{
	uint8_t text[2 * DNS_NAME_TEXT_MAX];
	struct wire_writer out = wire_writer_init(text, sizeof(text));
	size_t len = rule->from.text.len;

	wire_put(&out, rule->to.bytes, rule->to.len);
	wire_put(&out, subject->text + len, subject->len - len);
	return read_name(&out, made);
}

/* Every occurrence, from the left. */
static bool swap_substrings(const struct rewrite_rule *rule, const struct rewrite_subject *subject,
			    struct dns_name *made)
{
	uint8_t text[2 * DNS_NAME_TEXT_MAX];
	struct wire_writer out = wire_writer_init(text, sizeof(text));
	const char *at = subject->text, *found;

	while ((found = strstr(at, rule->from.text.bytes)) != NULL) {
		wire_put(&out, at, (size_t)(found - at));
		wire_put(&out, rule->to.bytes, rule->to.len);
		at = found + rule->from.text.len;
	}
	wire_put(&out, at, strlen(at));
	return read_name(&out, made);
}

bool rewrite_make(const struct rewrite_rule *rule, const struct rewrite_subject *subject,
		  const struct regex_match *match, struct dns_name *made)
{
	switch (rule->from.match) {
	case REWRITE_EXACT:
		dns_name_copy(made, rule->to_name);
		return true;
	case REWRITE_PREFIX:
		return swap_prefix(rule, subject, made);
	case REWRITE_SUFFIX:
		return rewrite_swap_suffix(subject, &rule->from.text, &rule->to, made);
	case REWRITE_SUBSTRING:
		return swap_substrings(rule, subject, made);
	case REWRITE_REGEX:
		break;
	}
	return rewrite_expand(&rule->to, subject, match, made);
}
