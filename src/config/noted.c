/* SPDX-License-Identifier: Apache-2.0
 *
 * Directives that change no answer here: they are checked as CoreDNS does, accepted, and a note
 * says what becomes of them. What would change answers does not belong here but is refused. Main
 * thread.
 */
#include <string.h>

#include "directive.h"

static void note(struct draft *draft, const struct statement *statement, const char *text)
{
	problem_note(&draft->problems, &statement->words[0], "\"%s\" has no effect: %s",
		     statement->words[0].text, text);
}

/* cancel [TIMEOUT] */
void cancel_parse(struct draft *draft, void *into, const struct statement *statement)
{
	uint64_t ms = 1;

	if (!args_check(draft, statement, 0, 1) || !block_refuse(draft, statement))
		return;
	if (statement->n_words > 1 && !duration_read(draft, statement, &ms))
		return;
	if (ms == 0)
		problem_at(&draft->problems, &statement->words[1],
			   "cancel: the time has to be longer than 0");
	note(draft, statement, "every query is answered within 5 s");
}

/* block [RATE] */
static void parse_block_rate(struct draft *draft, void *into, const struct statement *statement)
{
	unsigned rate;

	if (args_check(draft, statement, 0, 1) && block_refuse(draft, statement) &&
	    statement->n_words > 1)
		number_read(draft, statement, 0, 1000000000, &rate);
}

/* pprof [ADDRESS] */
void pprof_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "block", .parse = parse_block_rate},
	};

	if (!args_check(draft, statement, 0, 1))
		return;
	if (statement->n_words > 1 && !strchr(statement->words[1].text, ':'))
		problem_at(&draft->problems, &statement->words[1],
			   "pprof: \"%s\" is not an address with a port, as in localhost:6053",
			   statement->words[1].text);
	directives_run(draft, &(struct directives){"pprof", options, ARRAY_LEN(options)},
		       statement->body, NULL);
	note(draft, statement, "there is no Go in it to profile; `perf` shows where its time goes");
}

/* trace [ENDPOINT-TYPE] [ENDPOINT] { ... } */
void trace_parse(struct draft *draft, void *into, const struct statement *statement)
{
	if (args_check(draft, statement, 0, 2))
		note(draft, statement,
		     "no spans are sent; `log`, the histograms of `prometheus` and --explain tell "
		     "where time goes");
}

/* metadata [ZONES...] */
void metadata_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_zones zones;

	if (block_refuse(draft, statement) &&
	    draft_zone_args(draft, statement->words + 1, statement->n_words - 1, &zones))
		note(draft, statement, "what a log line can tell is there without it");
}

/* geoip DBFILE { edns-subnet } */
void geoip_parse(struct draft *draft, void *into, const struct statement *statement)
{
	if (args_check(draft, statement, 1, 1))
		note(draft, statement,
		     "where clients are is not looked up, and a log line has \"-\" there");
}

/* autopath [ZONES...] RESOLV-CONF|@PLUGIN */
void autopath_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_zones zones;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	if (draft_zone_args(draft, statement->words + 1, statement->n_words - 2, &zones))
		note(draft, statement,
		     "clients walk their search list themselves and find the same");
}

/* federation [ZONES...] { NAME DOMAIN } */
void federation_parse(struct draft *draft, void *into, const struct statement *statement)
{
	note(draft, statement, "Kubernetes removed federation, there are no such services");
}

/* root PATH: where relative paths of other directives begin. Of those that are here `hosts` alone
 * would have one. */
void root_parse(struct draft *draft, void *into, const struct statement *statement)
{
	const struct draft_block *block = into;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	for (const struct statement *s = block->body; s; s = s->next) {
		if (s->n_words > 1 && strcmp(s->words[0].text, "hosts") == 0 &&
		    s->words[1].text[0] != '/') {
			problem_at(&draft->problems, &statement->words[0],
				   "kaname does not have \"root\": write the whole path of \"%s\" "
				   "in `hosts`",
				   s->words[1].text);
			return;
		}
	}
	note(draft, statement, "nothing in this server block has a path that begins there");
}
