/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules of `rewrite` that matched do to the answer, as in CoreDNS: to the owners of all
 * records, and to the names in the rdata of some types; the rule that was noted last comes first,
 * and of a rule its `answer` parts from the last to the first, then the automatic one. A name that
 * would become none stays.
 */
#include "edit.h"
#include "rewrite.h"
#include "worker.h"

/* A name in an answer while it is changed. */
struct renaming {
	struct answer *answer;
	struct dns_name *name;
	uint8_t *spelled;
	bool is_value;
	struct rewrite_subject subject;
	bool is_subject_ready;
};

bool rewrite_renames(struct answer *answer)
{
	const struct rewrite_changes *changes = edit_changes(answer);

	for (unsigned i = 0; i < changes->n; i++) {
		if (changes->items[i].rule->field == REWRITE_NAME)
			return true;
	}
	return false;
}

static const struct rewrite_subject *subject_of(struct renaming *renaming)
{
	if (!renaming->is_subject_ready)
		rewrite_subject_init(&renaming->subject, renaming->name);
	renaming->is_subject_ready = true;
	return &renaming->subject;
}

static void set_name(struct renaming *renaming, const struct dns_name *made)
{
	dns_name_copy(renaming->name, made);
	memcpy(renaming->spelled, made->wire, made->len);
	renaming->is_subject_ready = false;
}

/* What `after` is the end of ends in `before` instead. What stands before it keeps its spelling. */
static void change_back(struct renaming *renaming, const struct rewrite_change *change)
{
	struct dns_name *name = renaming->name;
	uint8_t wire[2 * DNS_NAME_MAX];
	struct dns_name made;
	size_t kept;

	if (!dns_name_is_in(name, change->after))
		return;
	kept = name->len - change->after->len;
	memcpy(wire, renaming->spelled, kept);
	memcpy(wire + kept, change->before->wire, change->before->len);
	if (dns_name_from_wire(&made, wire, kept + change->before->len) != 0)
		return;
	memcpy(renaming->spelled, wire, made.len);
	dns_name_copy(name, &made);
	renaming->is_subject_ready = false;
}

static void rename_by(struct renaming *renaming, const struct rewrite_change *change)
{
	const struct rewrite_rule *rule = change->rule;
	struct dns_name made;

	for (size_t i = rule->n_answers; i-- > 0;) {
		const struct rewrite_answer *part = &rule->answers[i];
		const struct rewrite_pattern pattern = {.match = REWRITE_REGEX,
							.regex = part->regex};
		struct regex_match match;

		if (part->is_value == renaming->is_value &&
		    rewrite_matches(renaming->answer->worker, &pattern, rule->place,
				    subject_of(renaming), &match) &&
		    rewrite_expand(&part->to, &renaming->subject, &match, &made))
			set_name(renaming, &made);
	}
	if (!rule->is_auto)
		return;
	if (rule->from.match != REWRITE_SUFFIX)
		change_back(renaming, change);
	else if (rewrite_swap_suffix(subject_of(renaming), &rule->to, &rule->from.text, &made))
		set_name(renaming, &made);
}

/* Types whose first name in the rdata is a value. */
static bool has_value(uint16_t type)
{
	static const uint16_t types[] = {
		DNS_TYPE_CNAME, DNS_TYPE_SRV, DNS_TYPE_PTR,   DNS_TYPE_MX,
		DNS_TYPE_NS,	DNS_TYPE_SOA, 35 /* NAPTR */, 39 /* DNAME */};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

void rewrite_on_name(void *arg, uint16_t of_type, struct dns_name *name,
		     uint8_t spelled[DNS_NAME_MAX])
{
	struct answer *answer = arg;
	const struct rewrite_changes *changes = edit_changes(answer);
	struct renaming renaming;

	if (of_type != 0 && !has_value(of_type))
		return;
	renaming.answer = answer;
	renaming.name = name;
	renaming.spelled = spelled;
	renaming.is_value = of_type != 0;
	renaming.is_subject_ready = false;
	for (unsigned i = changes->n; i-- > 0;) {
		if (changes->items[i].rule->field == REWRITE_NAME)
			rename_by(&renaming, &changes->items[i]);
	}
}

uint32_t rewrite_ttl(struct answer *answer, uint32_t ttl_s)
{
	const struct rewrite_changes *changes = edit_changes(answer);

	for (unsigned i = changes->n; i-- > 0;) {
		const struct rewrite_rule *rule = changes->items[i].rule;

		if (rule->field != REWRITE_TTL)
			continue;
		if (ttl_s < rule->ttl_min_s)
			ttl_s = rule->ttl_min_s;
		else if (ttl_s > rule->ttl_max_s)
			ttl_s = rule->ttl_max_s;
	}
	return ttl_s;
}

void rewrite_rcode(struct answer *answer, const struct dns_query *query)
{
	const struct rewrite_changes *changes = edit_changes(answer);
	char from[16], to[16];

	for (unsigned i = changes->n; i-- > 0;) {
		const struct rewrite_rule *rule = changes->items[i].rule;

		if (rule->field != REWRITE_RCODE || answer->end.rcode != rule->from_number)
			continue;
		answer->end.rcode = rule->to_number;
		ANSWER_TRACE(answer, "rewrite %s: %s becomes %s", rule->place,
			     dns_rcode_text(rule->from_number, from, sizeof(from)),
			     dns_rcode_text(rule->to_number, to, sizeof(to)));
	}
	/* Its upper bits are OPT's. */
	if (answer->end.rcode > 15 && !query->has_edns)
		answer->end.rcode = DNS_RCODE_SERVFAIL;
}
