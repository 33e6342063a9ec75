/* SPDX-License-Identifier: Apache-2.0
 *
 * `bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }`: the addresses of all lines of a
 * server block are taken together.
 */
#include <string.h>

#include "directive.h"

struct bind_list { /* an ARRAY(struct draft_bind) */
	struct draft_bind *items;
	size_t len, cap;
};

static bool has_address(const struct draft_bind *items, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++) {
		if (address_compare(&items[i].address, address) == 0)
			return true;
	}
	return false;
}

/* Appends the addresses of a word. False, with a problem, when it has none. */
static bool read_word(struct draft *draft, const struct token *word, struct bind_list *list)
{
	struct draft_bind bind = {.place = *word};
	size_t before = list->len;
	bool is_interface = false;

	for (size_t i = 0; i < draft->machine->n_interfaces; i++) {
		const struct config_interface *interface = &draft->machine->interfaces[i];

		if (strcmp(interface->name, word->text) != 0)
			continue;
		is_interface = true;
		bind.address = interface->address;
		if (!address_is_link_local(&bind.address))
			ARRAY_PUSH(list, bind);
	}
	if (!is_interface && address_from_text(&bind.address, word->text, strlen(word->text)) == 0)
		ARRAY_PUSH(list, bind);
	if (list->len == before)
		problem_at(&draft->problems, word,
			   "bind: \"%s\" is neither an address nor an interface that has one",
			   word->text);
	return list->len > before;
}

static void parse_except(struct draft *draft, void *into, const struct statement *statement)
{
	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++)
		read_word(draft, &statement->words[i], into);
}

void bind_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "except", .parse = parse_except, .is_repeatable = true},
	};
	struct draft_block *block = into;
	struct bind_list wanted = {0}, except = {0};
	bool is_good = args_check(draft, statement, 1, SIZE_MAX - 1);

	for (size_t i = 1; i < statement->n_words; i++)
		is_good &= read_word(draft, &statement->words[i], &wanted);
	directives_run(draft, &(struct directives){"bind", options, ARRAY_LEN(options)},
		       statement->body, &except);

	size_t n_kept = 0;

	for (size_t i = 0; i < wanted.len; i++) {
		const struct draft_bind *bind = &wanted.items[i];

		if (has_address(except.items, except.len, &bind->address))
			continue;
		n_kept++;
		if (!has_address(block->binds.items, block->binds.len, &bind->address))
			ARRAY_PUSH(&block->binds, *bind);
	}
	if (is_good && n_kept == 0)
		problem_at(&draft->problems, &statement->words[0],
			   "bind: \"except\" leaves no address");
	block->has_bind = true;
	ARRAY_FINI(&wanted);
	ARRAY_FINI(&except);
}
