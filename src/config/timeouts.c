/* SPDX-License-Identifier: Apache-2.0
 *
 * `timeouts { read D ; write D ; idle D }` of TCP connections, and `reload [INTERVAL] [JITTER]`.
 * Both are the process's, not a server block's: of several `timeouts` the longest time counts, of
 * several `reload` the shortest. Main thread.
 */
#include <string.h>

#include "directive.h"

#define TIMEOUT_LEAST_MS 1000

/* The statement's one argument, of 1 s to a day, into *ms, unless that is longer. A number alone is
 * in seconds, as in CoreDNS. */
static void read_timeout(struct draft *draft, const struct statement *statement, unsigned *ms)
{
	struct token word;
	uint64_t found;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	word = statement->words[1];
	if (word.text[0] && word.text[strspn(word.text, "0123456789")] == '\0')
		word.text = arena_printf(draft->arena, "%ss", word.text);
	if (!word_duration(draft, "timeouts", &word, DURATION_MAX_MS, &found))
		return;
	if (found < TIMEOUT_LEAST_MS)
		problem_at(&draft->problems, &statement->words[1],
			   "timeouts: \"%s\" is shorter than 1s", statement->words[1].text);
	else if (found > *ms)
		*ms = (unsigned)found;
}

static void parse_stall(struct draft *draft, void *into, const struct statement *statement)
{
	read_timeout(draft, statement, &draft->tcp_stall_ms);
}

static void parse_idle(struct draft *draft, void *into, const struct statement *statement)
{
	read_timeout(draft, statement, &draft->tcp_idle_ms);
}

/* It is there against connections that stay with one of several servers for ever. */
static void parse_max_queries(struct draft *draft, void *into, const struct statement *statement)
{
	const struct token *words = statement->words;
	unsigned n;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	if (strcmp(words[1].text, "-1") == 0 ||
	    word_number(draft, "timeouts", &words[1], (struct number_range){0, 100000000}, &n))
		problem_note(&draft->problems, &words[0],
			     "timeouts: \"%s\" has no effect: a connection takes any number of "
			     "queries",
			     words[0].text);
}

void timeouts_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "read", .parse = parse_stall},
		{.name = "write", .parse = parse_stall},
		{.name = "idle", .parse = parse_idle},
		{.name = "maxtcpqueries", .parse = parse_max_queries},
		{.name = "max_queries", .parse = parse_max_queries},
	};

	if (!args_check(draft, statement, 0, 0))
		return;
	if (!statement->body)
		problem_at(&draft->problems, &statement->words[0],
			   "timeouts: a block with a time is needed, as in idle 10s");
	directives_run(draft, &(struct directives){"timeouts", options, ARRAY_LEN(options)},
		       statement->body, NULL);
}

#define RELOAD_USUAL_MS 30000
#define RELOAD_LEAST_MS 2000
#define JITTER_USUAL_MS 15000
#define JITTER_LEAST_MS 1000

/* Without jitter is fine, too: CoreDNS's README says so, its code does not. */
static bool check_reload(struct draft *draft, const struct statement *statement, uint64_t ms,
			 uint64_t jitter_ms)
{
	const struct token *words = statement->words;

	if (ms < RELOAD_LEAST_MS)
		problem_at(&draft->problems, &words[1], "reload: \"%s\" is shorter than 2s",
			   words[1].text);
	else if (jitter_ms != 0 && jitter_ms < JITTER_LEAST_MS)
		problem_at(&draft->problems, &words[2],
			   "reload: a jitter of \"%s\" is shorter than 1s", words[2].text);
	else
		return true;
	return false;
}

void reload_parse(struct draft *draft, void *into, const struct statement *statement)
{
	const struct token *words = statement->words;
	uint64_t ms = RELOAD_USUAL_MS, jitter_ms = JITTER_USUAL_MS;

	if (!args_check(draft, statement, 0, 2) || !block_refuse(draft, statement))
		return;
	if (statement->n_words > 1 && strcmp(words[1].text, "off") == 0)
		return;
	if (statement->n_words > 1 &&
	    !word_duration(draft, "reload", &words[1], DURATION_MAX_MS, &ms))
		return;
	if (statement->n_words > 2 &&
	    !word_duration(draft, "reload", &words[2], DURATION_MAX_MS, &jitter_ms))
		return;
	if (!check_reload(draft, statement, ms, jitter_ms))
		return;
	if (draft->reload_ms != 0 && draft->reload_ms <= ms)
		return;
	draft->reload_ms = ms;
	draft->reload_jitter_ms = jitter_ms < ms / 2 ? jitter_ms : ms / 2;
}
