/* SPDX-License-Identifier: Apache-2.0
 *
 * `local { localhost_prefix on|off }` and `any`. Main thread.
 */
#include <string.h>

#include "directive.h"

static void parse_prefix(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const words[] = {"on", "off"};
	struct draft_block *block = into;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;

	const struct token *word = &statement->words[1];

	if (strcmp(word->text, "on") != 0 && strcmp(word->text, "off") != 0)
		word_refuse(draft, word, "local: localhost_prefix is not", words, ARRAY_LEN(words));
	block->query.has_no_localhost_prefix = strcmp(word->text, "off") == 0;
}

void local_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "localhost_prefix", .parse = parse_prefix},
	};
	struct draft_block *block = into;

	if (!args_check(draft, statement, 0, 0))
		return;
	block->query.has_local = true;
	directives_run(draft, &(struct directives){"local", options, ARRAY_LEN(options)},
		       statement->body, block);
}

void any_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;

	if (args_check(draft, statement, 0, 0) && block_refuse(draft, statement))
		block->query.has_any = true;
}
