/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: the first `template` that has the question's zone, class, type, and an expression
 * that matches its name, decides. Its records are expanded, read, and written: the answers, what a
 * CNAME among them leads to, then the other sections. A name in its zone that no expression matches
 * goes on where it says `fallthrough`, and fails elsewhere, as in CoreDNS.
 *
 * What may fail: a template that cannot be expanded, or makes no record: SERVFAIL alone, which
 * names the line. An expression that needs too many steps fails too: whether such a name may pass
 * cannot be told.
 */
#include "template.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "acl.h"
#include "cluster.h"
#include "external.h"
#include "query/template.h"
#include "worker.h"

struct template_scratch {
	struct template_buffer buffer;
	struct template_data data;
	struct dns_rr rr;
	char name[DNS_NAME_TEXT_MAX], spelled[DNS_NAME_TEXT_MAX], zone[DNS_NAME_TEXT_MAX];
	char remote[INET6_ADDRSTRLEN], class[16], type[16];
	struct template_counts *counts; /* owned; NULL before the first */
};

struct template_scratch *template_scratch_new(void)
{
	return mem_zalloc(sizeof(struct template_scratch));
}

void template_scratch_free(struct template_scratch *scratch)
{
	template_counts_free(scratch->counts);
	free(scratch);
}

void template_metrics_write(struct query_worker *const *workers, size_t n_workers,
			    struct text *page)
{
	struct template_counts **counts = mem_zalloc(n_workers * sizeof(struct template_counts *));

	for (size_t i = 0; i < n_workers; i++)
		counts[i] = __atomic_load_n(&workers[i]->template->counts, __ATOMIC_ACQUIRE);
	template_counts_write(counts, n_workers, page);
	free(counts);
}

static void count(struct answer *answer, enum template_count what,
		  const struct template_record *record)
{
	static const char *const sections[] = {"answer", "authority", "additional"};
	const struct query_worker *worker = answer->worker;
	struct template_scratch *scratch = worker->template;
	const struct query_view_config *view = worker->output->view;
	const struct template_labels labels = {
		.what = what,
		.server = view->server_text,
		.zone = scratch->data.zone,
		.class = scratch->data.class,
		.type = scratch->data.type,
		.section = record ? sections[record->section] : "",
		.template = record ? record->source : "",
	};

	if (worker->config->blocks[view->block].has_prometheus)
		template_counts_add(&scratch->counts, &labels);
}

/* ---- does it match? ---- */

/* A name as CoreDNS has it in text: so that it can stand in a record again. */
static void name_text(const uint8_t *wire, char out[DNS_NAME_TEXT_MAX])
{
	size_t at = 0, n = 0;

	while (wire[at] != 0) {
		size_t end = at + 1u + wire[at];

		for (at++; at < end; at++) {
			uint8_t c = wire[at];

			if (c < ' ' || c > '~') {
				n += (size_t)snprintf(out + n, 5, "\\%03u", c);
				continue;
			}
			if (memchr(". '@;()\"\\", c, 9))
				out[n++] = '\\';
			out[n++] = (char)c;
		}
		out[n++] = '.';
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
}

static const struct dns_name *find_zone(const struct query_zones *zones,
					const struct dns_name *name)
{
	const struct dns_name *longest = NULL;

	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]) &&
		    (!longest || zones->items[i].n_labels > longest->n_labels))
			longest = &zones->items[i];
	}
	return longest;
}

static bool has_question(const struct query_template *template, const struct dns_query *query)
{
	return (template->class == DNS_CLASS_ANY || query->class == DNS_CLASS_ANY ||
		template->class == query->class) &&
	       (template->type == DNS_TYPE_ANY || query->type == DNS_TYPE_ANY ||
		template->type == query->type);
}

static void remote_text(const struct sockaddr *source, char out[INET6_ADDRSTRLEN])
{
	if (source->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)source)->sin6_addr, out,
			  INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)source)->sin_addr, out,
			  INET6_ADDRSTRLEN);
}

/* What does not depend on the template. */
static void fill_question(const struct answer *answer, const struct dns_name *name)
{
	struct template_scratch *scratch = answer->worker->template;
	const struct dns_query *query = answer->query;

	name_text(name->wire, scratch->name);
	if (name == &query->name)
		name_text(query->question, scratch->spelled);
	else
		memcpy(scratch->spelled, scratch->name, sizeof(scratch->spelled));
	remote_text(answer->worker->input->source, scratch->remote);
	scratch->data = (struct template_data){
		.zone = scratch->zone,
		.name = scratch->name,
		.spelled = scratch->spelled,
		.remote = scratch->remote,
		.id = query->id,
		.flags = query->flags,
		.qtype = query->type,
		.qclass = query->class,
	};
}

static void fill_template(const struct answer *answer, const struct query_template *template,
			  const struct dns_name *zone)
{
	struct template_scratch *scratch = answer->worker->template;
	const struct dns_query *query = answer->query;
	uint16_t class = query->class == DNS_CLASS_ANY ? template->class : query->class;
	uint16_t type = query->type == DNS_TYPE_ANY ? template->type : query->type;

	name_text(zone->wire, scratch->zone);
	scratch->data.class = dns_class_text(class, scratch->class, sizeof(scratch->class));
	scratch->data.type = dns_type_text(type, scratch->type, sizeof(scratch->type));
	scratch->data.regex = NULL;
}

/* `at`, or the end or the beginning of the escape in the name that it lies in. */
static size_t snap(const char *name, size_t at, bool to_end)
{
	size_t i = 0;

	while (i < at) {
		bool is_decimal = name[i] == '\\' && name[i + 1] >= '0' && name[i + 1] <= '9';
		size_t n = is_decimal ? 4 : name[i] == '\\' ? 2 : 1;

		if (i + n > at)
			return to_end ? i + n : i;
		i += n;
	}
	return at;
}

/* A group takes an escape whole: half of one would change what stands beside it in a record, which
 * a client could use to write records of its own. */
static void widen(struct regex_match *match, const char *name)
{
	if (LIKELY(!strchr(name, '\\')))
		return;
	for (size_t i = 0; i < match->n; i++) {
		if (match->start[i] == SIZE_MAX || match->start[i] == match->end[i])
			continue;
		match->start[i] = snap(name, match->start[i], false);
		match->end[i] = snap(name, match->end[i], true);
	}
}

/* Does one of the expressions match? Else, has one given up? */
static enum regex_outcome match(const struct answer *answer, const struct query_template *template)
{
	struct template_data *data = &answer->worker->template->data;
	enum regex_outcome result = template->n_matches == 0 ? REGEX_YES : REGEX_NO;
	size_t len = strlen(data->name);

	for (size_t i = 0; i < template->n_matches; i++) {
		enum regex_outcome outcome = regex_match(
			template->matches[i], answer->worker->regex, data->name, len, &data->match);

		if (outcome == REGEX_YES) {
			data->regex = template->matches[i];
			widen(&data->match, data->name);
			return REGEX_YES;
		}
		if (outcome == REGEX_LIMIT)
			result = REGEX_LIMIT;
	}
	return result;
}

enum found { FOUND_NONE, FOUND_TEMPLATE, FOUND_FAILURE };

/* The template that decides about the name, or SERVFAIL, or none. */
static enum found find_template(struct answer *answer, const struct query_block_config *block,
				const struct dns_name *name, const struct query_template **found)
{
	bool is_filled = false;

	for (const struct query_template *template = block->templates; template;
	     template = template->next) {
		const struct dns_name *zone = find_zone(&template->zones, name);

		if (!zone || !has_question(template, answer->query))
			continue;
		if (!is_filled)
			fill_question(answer, name);
		is_filled = true;
		fill_template(answer, template, zone);
		switch (match(answer, template)) {
		case REGEX_YES:
			ANSWER_TRACE(answer, "template %s: matches %s", template->place,
				     answer->worker->template->name);
			*found = template;
			return FOUND_TEMPLATE;
		case REGEX_LIMIT:
			ANSWER_TRACE(answer, "template %s: an expression takes too many steps",
				     template->place);
			answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER,
				    "an expression of a template takes too many steps");
			return FOUND_FAILURE;
		case REGEX_NO:
			break;
		}
		if (!template->has_fallthrough ||
		    (template->fallthrough.n > 0 && !find_zone(&template->fallthrough, name))) {
			ANSWER_TRACE(answer, "template %s: nothing matches, and no fallthrough",
				     template->place);
			answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, template->no_match);
			return FOUND_FAILURE;
		}
		ANSWER_TRACE(answer, "template %s: nothing matches, it falls through",
			     template->place);
	}
	return FOUND_NONE;
}

/* ---- its records ---- */

/* A CNAME that is to be followed. */
struct alias {
	bool is_there;
	struct dns_name target;
	uint16_t pos; /* where it stands in the message */
};

/* The record as wire in the scratch. False: it is SERVFAIL. */
static bool make_record(struct answer *answer, const struct template_record *record)
{
	struct template_scratch *scratch = answer->worker->template;
	struct template_buffer *buffer = &scratch->buffer;
	const char *why = template_text_expand(record->text, &scratch->data, buffer);
	struct dns_rr_error error;

	if (why) {
		ANSWER_TRACE(answer, "template %s: \"%s\": %s", record->place, record->source, why);
		count(answer, TEMPLATE_COUNT_FAILURES, record);
		answer_restart(answer);
		answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, record->not_expanded);
		return false;
	}
	if (dns_rr_from_text(&scratch->rr, buffer->text, buffer->len, &error) != 0) {
		ANSWER_TRACE(answer, "template %s: \"%s\" is no record: %.*s%s%s", record->place,
			     buffer->text, (int)error.len, buffer->text + error.at,
			     error.len ? " " : "", error.what);
		count(answer, TEMPLATE_COUNT_RR_FAILURES, record);
		answer_restart(answer);
		answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, record->not_a_record);
		return false;
	}
	return true;
}

static void note_alias(struct answer *answer, const struct dns_rr *rr, size_t rdata_pos,
		       struct alias *alias)
{
	/* What no pointer reaches cannot be the owner of what follows. */
	if (rr->type != DNS_TYPE_CNAME || alias->is_there || rdata_pos > POINTER_POS_MAX)
		return;
	alias->is_there = true;
	alias->pos = (uint16_t)rdata_pos;
	CHECK(dns_name_from_wire(&alias->target, rr->rdata, rr->rdata_len) == 0);
}

/* The records of a section; *alias gets the first CNAME. False: it is SERVFAIL. */
static bool write_section(struct answer *answer, const struct query_template *template,
			  enum template_section section, struct alias *alias)
{
	const struct dns_rr *rr = &answer->worker->template->rr;
	uint16_t *const counts[] = {&answer->end.n_answer, &answer->end.n_authority,
				    &answer->end.n_additional};

	for (size_t i = 0; i < template->n_records; i++) {
		const struct template_record *record = &template->records[i];
		size_t rdata_pos;

		if (record->section != section)
			continue;
		if (!make_record(answer, record))
			return false;
		if (!dns_rr_write(rr, &answer->writer, answer_compress(answer), &rdata_pos)) {
			/* Additional records may be left out without TC (RFC 2181 9). */
			if (section != TEMPLATE_ADDITIONAL)
				answer->end.flags |= DNS_FLAG_TC;
			return true;
		}
		*counts[section] += 1;
		if (section == TEMPLATE_ANSWER)
			note_alias(answer, rr, rdata_pos, alias);
	}
	return true;
}

static bool is_visited(const struct dns_name *chain, unsigned n, const struct dns_name *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (dns_name_equal(&chain[i], name))
			return true;
	}
	return false;
}

/* The target by the templates of the block that has it; true: they have answered for it, and
 * *alias is where it goes on. */
static bool follow_template(struct answer *answer, struct alias *alias)
{
	const struct query_worker *worker = answer->worker;
	const struct query_config *config = worker->config;
	const struct query_view_config *view =
		external_view(&config->servers[worker->input->server], &alias->target);
	const struct dns_name target = alias->target;
	const struct query_block_config *block;
	const struct query_template *template;

	alias->is_there = false;
	if (!view)
		return false;
	block = &config->blocks[view->block];
	if (UNLIKELY(block->acl != NULL) && acl_bars(answer, block, &target))
		return true;
	switch (find_template(answer, block, &target, &template)) {
	case FOUND_NONE:
		return false;
	case FOUND_FAILURE:
		answer_restart(answer);
		return true;
	case FOUND_TEMPLATE:
		(void)write_section(answer, template, TEMPLATE_ANSWER, alias);
		break;
	}
	return true;
}

/* What the CNAME leads to, as if a client had asked for it: by templates, clusters or upstreams. */
static void follow(struct answer *answer, struct alias *alias)
{
	struct answer_scratch *scratch = answer->scratch;
	unsigned n = 1;

	scratch->chain[0] = answer->query->name;
	scratch->chain_pos[0] = QUESTION_NAME_POS;
	while (alias->is_there && n < ANSWER_HOPS_MAX && !(answer->end.flags & DNS_FLAG_TC) &&
	       !is_visited(scratch->chain, n, &alias->target)) {
		scratch->chain[n] = alias->target;
		scratch->chain_pos[n] = alias->pos;
		n++;
		ANSWER_TRACE(answer, "template: its CNAME is followed");
		if (!follow_template(answer, alias)) {
			cluster_follow(answer, n);
			return;
		}
	}
}

static void say_failure(struct answer *answer, const struct query_template *template)
{
	bool has_ede = template->ede != DNS_EDE_NONE;

	answer_fail(answer, DNS_RCODE_SERVFAIL, has_ede ? template->ede : DNS_EDE_OTHER,
		    has_ede && template->ede_text ? template->ede_text : "a template says so");
}

/* The rcode; one that needs an OPT is SERVFAIL without. */
static void finish(struct answer *answer, const struct query_template *template)
{
	if (template->rcode != DNS_RCODE_NOERROR)
		answer->end.rcode = template->rcode;
	if (answer->end.rcode > 15 && !answer->query->has_edns)
		answer->end.rcode = DNS_RCODE_SERVFAIL;
	if (template->ede != DNS_EDE_NONE) {
		answer->end.ede = template->ede;
		answer->end.ede_text = template->ede_text;
	}
}

/* Follows the alias; the other sections are of the first question again. */
static void follow_and_return(struct answer *answer, const struct query_template *template,
			      struct alias *alias)
{
	struct template_data *data = &answer->worker->template->data;
	const struct dns_name *name = &answer->query->name;
	const struct regex *regex = data->regex;
	const struct regex_match match = data->match;

	follow(answer, alias);
	fill_question(answer, name);
	fill_template(answer, template, find_zone(&template->zones, name));
	data->regex = regex;
	data->match = match;
}

static void write_answer(struct answer *answer, const struct query_template *template)
{
	uint16_t type = answer->query->type;
	struct alias alias = {.is_there = false};

	if (template->rcode == DNS_RCODE_SERVFAIL) {
		say_failure(answer, template);
		return;
	}
	answer->end.flags |= DNS_FLAG_AA;
	if (!write_section(answer, template, TEMPLATE_ANSWER, &alias))
		return;
	if (alias.is_there && (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)) {
		follow_and_return(answer, template, &alias);
		if (answer->is_pending || answer->end.rcode == DNS_RCODE_SERVFAIL)
			return;
	}
	for (int i = TEMPLATE_AUTHORITY; i <= TEMPLATE_ADDITIONAL; i++) {
		if (!(answer->end.flags & DNS_FLAG_TC) &&
		    !write_section(answer, template, (enum template_section)i, &alias))
			return;
	}
	finish(answer, template);
}

enum step template_run(struct answer *answer, const struct query_block_config *block)
{
	const struct query_template *template;

	switch (find_template(answer, block, &answer->query->name, &template)) {
	case FOUND_NONE:
		return STEP_NEXT;
	case FOUND_FAILURE:
		break;
	case FOUND_TEMPLATE:
		/* A query that waits for an upstream comes here again. */
		if (!answer->worker->external)
			count(answer, TEMPLATE_COUNT_MATCHES, NULL);
		write_answer(answer, template);
		break;
	}
	answer->plugin = QUERY_PLUGIN_TEMPLATE;
	return STEP_DONE;
}
