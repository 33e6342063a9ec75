/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite`: another question in place of the one that was asked, and what becomes of the answer.
 * The happy path: rewrite_run applies the rules to the question and notes in the edit those that
 * are for the answer; edit_finish has them applied to each record, the last noted first, so that
 * what the first rule did is undone last. Worker thread.
 */
#ifndef KANAME_QUERY_REWRITE_STEP_H
#define KANAME_QUERY_REWRITE_STEP_H

#include "answer.h"
#include "query/rewrite.h"

#define REWRITE_CHANGES_MAX 256 /* rules that one query may match with something for the answer */
#define REWRITE_NAMES_MAX 32	/* of them, those that change names back by themselves */

/* A rule that matched and is for the answer. */
struct rewrite_change {
	const struct rewrite_rule *rule;
	const struct dns_name *before, *after; /* of an automatic one: the question's name */
};

struct rewrite_changes {
	unsigned n, n_names;
	struct rewrite_change items[REWRITE_CHANGES_MAX];
	struct dns_name names[REWRITE_NAMES_MAX][2];
};

/* Applies the rules in their order. NEXT: the steps go on with answer->query, which is another one
 * where a rule has changed it (then answer->edit is set). DONE: a rule made no name of the
 * question's, and the answer says so. */
enum step rewrite_run(struct answer *answer, const struct query_block_config *block);

/* What the noted rules do to the answer: to names (a dns_copy_name, its argument the answer; only
 * where rewrite_renames), to the TTL of a record, to the rcode. `query` is the client's own. */
bool rewrite_renames(struct answer *answer);
void rewrite_on_name(void *arg, uint16_t of_type, struct dns_name *name,
		     uint8_t spelled[DNS_NAME_MAX]);
uint32_t rewrite_ttl(struct answer *answer, uint32_t ttl_s);
void rewrite_rcode(struct answer *answer, const struct dns_query *query);

/* A name as the rules see it. */
struct rewrite_subject {
	const struct dns_name *name;
	char text[DNS_NAME_TEXT_MAX];
	size_t len; /* of the text */
};

void rewrite_subject_init(struct rewrite_subject *subject, const struct dns_name *name);

/* Does the pattern match? *match is filled in for REWRITE_REGEX. A regular expression that takes
 * too long does not, and is told. `place` is the rule's. */
bool rewrite_matches(struct query_worker *worker, const struct rewrite_pattern *pattern,
		     const char *place, const struct rewrite_subject *subject,
		     struct regex_match *match);

/* The name that the rule (of REWRITE_NAME) makes of the subject that it matched. False: it is
 * none. */
bool rewrite_make(const struct rewrite_rule *rule, const struct rewrite_subject *subject,
		  const struct regex_match *match, struct dns_name *made);

/* The template with each {N} replaced by group N. False: that is no name. */
bool rewrite_expand(const struct rewrite_text *to, const struct rewrite_subject *subject,
		    const struct regex_match *match, struct dns_name *made);

/* The subject with `from` at its end replaced by `to`. False: it does not end so, or that is no
 * name. */
bool rewrite_swap_suffix(const struct rewrite_subject *subject, const struct rewrite_text *from,
			 const struct rewrite_text *to, struct dns_name *made);

#endif
