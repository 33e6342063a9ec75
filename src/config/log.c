/* SPDX-License-Identifier: Apache-2.0
 *
 * `log [NAMES...] [FORMAT] { class CLASSES... ; minDuration DURATION }`, and ours: `sample N` logs
 * one of N, `slow DURATION` only what took so long.
 */
#include <string.h>

#include "directive.h"
#include "log_format.h"

#define SAMPLE_MAX 1000000u

static void parse_class(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const names[] = {"success", "denial", "error", "all"};
	static const unsigned classes[] = {QUERY_LOG_SUCCESS, QUERY_LOG_DENIAL, QUERY_LOG_ERROR,
					   QUERY_LOG_ALL};
	struct query_log_config *log = into;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];
		unsigned class = 0;

		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			class |= strcmp(word->text, names[k]) == 0 ? classes[k] : 0;
		if (class == 0)
			word_refuse(draft, word, "log: unknown class", names, ARRAY_LEN(names));
		log->classes |= class;
	}
}

/* The one argument as nanoseconds, of which a duration may be a part of one. */
static void parse_ns(struct draft *draft, const struct statement *statement, uint64_t *ns)
{
	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		word_duration_ns(draft, "log", &statement->words[1], DURATION_MAX_MS, ns);
}

static void parse_min_duration(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_log_config *log = into;

	parse_ns(draft, statement, &log->min_duration_ns);
}

static void parse_slow(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_log_config *log = into;

	parse_ns(draft, statement, &log->slow_ns);
}

static void parse_sample(struct draft *draft, void *into, const struct statement *statement)
{
	struct query_log_config *log = into;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		number_read(draft, statement, 1, SAMPLE_MAX, &log->sample);
}

/* The last argument is a format when it has a brace in it, as in CoreDNS. False when it is none. */
static bool parse_format(struct draft *draft, const struct token *word,
			 struct query_log_config *log)
{
	if (!strchr(word->text, '{'))
		return false;
	if (!log_format_read(draft->arena, word->text, log))
		problem_at(&draft->problems, word,
			   "log: the format has more than %d characters of its own",
			   QUERY_LOG_TEXT_MAX);
	return true;
}

void log_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "class", .parse = parse_class, .is_repeatable = true},
		{.name = "minDuration", .parse = parse_min_duration},
		{.name = "sample", .parse = parse_sample},
		{.name = "slow", .parse = parse_slow},
	};
	struct draft_block *block = into;
	struct query_log_config log = {.sample = 1};
	size_t n = statement->n_words - 1;
	struct token root = statement->words[0];
	const struct token *names = &statement->words[1];

	log.place = draft_place(draft, &statement->words[0]);
	log.turn = (uint32_t)((draft->blocks.len + block->logs.len) % QUERY_LOG_TURNS);
	if (n > 0 && parse_format(draft, &statement->words[n], &log))
		n--;
	else
		CHECK(log_format_read(draft->arena, "{common}", &log));
	if (n == 0) {
		root.text = ".";
		names = &root;
		n = 1;
	}
	draft_zone_args(draft, names, n, &log.names);
	directives_run(draft, &(struct directives){"log", options, ARRAY_LEN(options)},
		       statement->body, &log);
	if (log.classes == 0)
		log.classes = QUERY_LOG_ALL;
	ARRAY_PUSH(&block->logs, log);
}
