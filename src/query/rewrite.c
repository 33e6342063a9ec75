/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite`, as CoreDNS's: the rules are tried in their order against the question as the rules
 * before have left it, until one that stops (most do) matches. The happy path: one rule matches,
 * the edit gets another question and the steps answer that one; what the rule has for the answer is
 * noted. What may fail: a made name that is none, and more matches than are noted; both are
 * SERVFAIL, and say where.
 */
#include "rewrite.h"

#include "edit.h"
#include "worker.h"

/* The question as far as it is rewritten. */
struct rewriting {
	struct answer *answer;
	struct dns_name name;
	uint16_t type, class;
	struct rewrite_subject subject;
	bool is_subject_ready; /* the subject is of `name` */
};

enum outcome { OUTCOME_IGNORED, OUTCOME_APPLIED, OUTCOME_FAILED };

static enum outcome fail(struct answer *answer, const struct rewrite_rule *rule, const char *why)
{
	answer->plugin = QUERY_PLUGIN_REWRITE;
	answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, why);
	ANSWER_TRACE(answer, "rewrite %s: %s", rule->place, why);
	return OUTCOME_FAILED;
}

/* Notes that the rule has something for the answer; `made` is the name that an automatic one made.
 */
static enum outcome note(struct rewriting *rewriting, const struct rewrite_rule *rule,
			 const struct dns_name *made)
{
	struct answer *answer = rewriting->answer;
	struct rewrite_changes *changes;
	struct rewrite_change *change;

	if (!answer->edit)
		edit_begin(answer);
	changes = edit_changes(answer);
	if (changes->n == REWRITE_CHANGES_MAX ||
	    (rule->is_auto && changes->n_names == REWRITE_NAMES_MAX))
		return fail(answer, rule, "too many rules of rewrite match this name");
	change = &changes->items[changes->n++];
	*change = (struct rewrite_change){.rule = rule};
	if (rule->is_auto) {
		struct dns_name *names = changes->names[changes->n_names++];

		dns_name_copy(&names[0], &rewriting->name);
		dns_name_copy(&names[1], made);
		change->before = &names[0];
		change->after = &names[1];
	}
	return OUTCOME_APPLIED;
}

static const struct rewrite_subject *subject_of(struct rewriting *rewriting)
{
	if (!rewriting->is_subject_ready)
		rewrite_subject_init(&rewriting->subject, &rewriting->name);
	rewriting->is_subject_ready = true;
	return &rewriting->subject;
}

static bool matches(struct rewriting *rewriting, const struct rewrite_rule *rule,
		    struct regex_match *match)
{
	/* Needs no text. */
	if (rule->from.match == REWRITE_EXACT)
		return dns_name_equal(rule->from.name, &rewriting->name);
	return rewrite_matches(rewriting->answer->worker, &rule->from, rule->place,
			       subject_of(rewriting), match);
}

static enum outcome apply_name(struct rewriting *rewriting, const struct rewrite_rule *rule)
{
	struct answer *answer = rewriting->answer;
	enum outcome outcome = OUTCOME_APPLIED;
	struct regex_match match;
	struct dns_name made;

	if (!matches(rewriting, rule, &match))
		return OUTCOME_IGNORED;
	if (!rewrite_make(rule, &rewriting->subject, &match, &made))
		return fail(answer, rule, rule->no_name);
	if (rule->is_auto || rule->n_answers > 0)
		outcome = note(rewriting, rule, &made);
	if (UNLIKELY(answer->worker->trace != NULL) && outcome == OUTCOME_APPLIED) {
		char text[DNS_NAME_TEXT_MAX];

		dns_name_to_text(made.wire, made.len, text);
		answer_trace(answer, "rewrite %s: name %s becomes %s", rule->place,
			     subject_of(rewriting)->text, text);
	}
	dns_name_copy(&rewriting->name, &made);
	rewriting->is_subject_ready = false;
	return outcome;
}

static enum outcome apply_type(struct rewriting *rewriting, const struct rewrite_rule *rule)
{
	struct answer *answer = rewriting->answer;
	char from[16], to[16];

	if (rewriting->type != rule->from_number)
		return OUTCOME_IGNORED;
	rewriting->type = rule->to_number;
	ANSWER_TRACE(answer, "rewrite %s: type %s becomes %s", rule->place,
		     dns_type_text(rule->from_number, from, sizeof(from)),
		     dns_type_text(rule->to_number, to, sizeof(to)));
	return OUTCOME_APPLIED;
}

static enum outcome apply_class(struct rewriting *rewriting, const struct rewrite_rule *rule)
{
	struct answer *answer = rewriting->answer;
	char from[16], to[16];

	if (rewriting->class != rule->from_number)
		return OUTCOME_IGNORED;
	rewriting->class = rule->to_number;
	ANSWER_TRACE(answer, "rewrite %s: class %s becomes %s", rule->place,
		     dns_class_text(rule->from_number, from, sizeof(from)),
		     dns_class_text(rule->to_number, to, sizeof(to)));
	return OUTCOME_APPLIED;
}

/* A rule for the answer alone. */
static enum outcome apply_answer(struct rewriting *rewriting, const struct rewrite_rule *rule)
{
	struct regex_match match;

	if (!matches(rewriting, rule, &match))
		return OUTCOME_IGNORED;
	ANSWER_TRACE(rewriting->answer, "rewrite %s: the answer's %s will be looked at",
		     rule->place, rule->field == REWRITE_TTL ? "TTLs" : "rcode");
	return note(rewriting, rule, NULL);
}

static enum outcome apply(struct rewriting *rewriting, const struct rewrite_rule *rule)
{
	switch (rule->field) {
	case REWRITE_NAME:
		return apply_name(rewriting, rule);
	case REWRITE_TYPE:
		return apply_type(rewriting, rule);
	case REWRITE_CLASS:
		return apply_class(rewriting, rule);
	case REWRITE_TTL:
	case REWRITE_RCODE:
		return apply_answer(rewriting, rule);
	case REWRITE_EDNS0:
		break;
	}
	return OUTCOME_APPLIED;
}

/* The steps get the question, where it is another one. */
static void ask(struct rewriting *rewriting)
{
	struct answer *answer = rewriting->answer;
	const struct dns_query *query = answer->query;

	if (dns_name_equal(&rewriting->name, &query->name) && rewriting->type == query->type &&
	    rewriting->class == query->class)
		return;
	if (!answer->edit)
		edit_begin(answer);
	edit_ask(answer, &rewriting->name, rewriting->type, rewriting->class);
}

enum step rewrite_run(struct answer *answer, const struct query_block_config *block)
{
	const struct query_rewrite *rewrite = block->rewrite;
	struct rewriting rewriting;

	/* Field by field: the subject is large, and most often nothing is made of it. */
	rewriting.answer = answer;
	dns_name_copy(&rewriting.name, &answer->query->name);
	rewriting.type = answer->query->type;
	rewriting.class = answer->query->class;
	rewriting.is_subject_ready = false;
	for (size_t i = 0; i < rewrite->n; i++) {
		enum outcome outcome = apply(&rewriting, &rewrite->rules[i]);

		if (outcome == OUTCOME_FAILED)
			return STEP_DONE;
		if (outcome == OUTCOME_APPLIED && !rewrite->rules[i].is_continue)
			break;
	}
	ask(&rewriting);
	return STEP_NEXT;
}
