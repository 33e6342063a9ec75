/* SPDX-License-Identifier: Apache-2.0
 *
 * `log [NAMES...] [FORMAT] { class CLASSES... }`.
 */
#include <string.h>

#include "directive.h"

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

/* The last argument is a format when it has a brace in it, as in CoreDNS. False when it is none. */
static bool parse_format(struct draft *draft, const struct token *word,
			 struct query_log_config *log)
{
	if (!strchr(word->text, '{'))
		return false;
	log->is_combined = strcmp(word->text, "{combined}") == 0;
	if (!log->is_combined && strcmp(word->text, "{common}") != 0)
		problem_at(
			&draft->problems, word,
			"log: a format of one's own is not there yet: use {common} or {combined}");
	return true;
}

void log_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "class", .parse = parse_class, .is_repeatable = true},
		{.name = "minDuration"},
	};
	struct draft_block *block = into;
	struct query_log_config log = {0};
	size_t n = statement->n_words - 1;
	struct token root = statement->words[0];
	const struct token *names = &statement->words[1];

	if (n > 0 && parse_format(draft, &statement->words[n], &log))
		n--;
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
