/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs statements by a table of words, and the checks that all of them share.
 */
#include "directive.h"

#include <string.h>

bool args_check(struct draft *draft, const struct statement *statement, size_t min, size_t max)
{
	size_t n = statement->n_words - 1;
	const struct token *name = &statement->words[0];

	if (n < min)
		problem_at(&draft->problems, name, "\"%s\" lacks an argument", name->text);
	else if (n > max)
		problem_at(&draft->problems, &statement->words[max + 1],
			   "\"%s\" has an argument too many: \"%s\"", name->text,
			   statement->words[max + 1].text);
	return n >= min && n <= max;
}

bool block_refuse(struct draft *draft, const struct statement *statement)
{
	if (statement->has_block)
		problem_at(&draft->problems, &statement->place, "\"%s\" has no block of options",
			   statement->words[0].text);
	return !statement->has_block;
}

bool word_number(struct draft *draft, const char *owner, const struct token *word,
		 struct number_range range, unsigned *number)
{
	const char *text = word->text;
	size_t len = strlen(text);
	unsigned long value = 0;
	bool is_number = len > 0 && len < 10 && strspn(text, "0123456789") == len;

	if (is_number)
		value = strtoul(text, NULL, 10);
	if (!is_number || value < range.min || value > range.max) {
		problem_at(&draft->problems, word, "%s: \"%s\" is not a number from %u to %u",
			   owner, text, range.min, range.max);
		return false;
	}
	*number = (unsigned)value;
	return true;
}

bool number_read(struct draft *draft, const struct statement *statement, unsigned min, unsigned max,
		 unsigned *number)
{
	const struct number_range range = {min, max};

	return word_number(draft, statement->words[0].text, &statement->words[1], range, number);
}

void word_refuse(struct draft *draft, const struct token *word, const char *what,
		 const char *const *words, size_t n)
{
	const char *nearest = text_nearest(word->text, words, n);
	struct text all = {0};

	if (nearest) {
		problem_at(&draft->problems, word, "%s \"%s\": did you mean \"%s\"?", what,
			   word->text, nearest);
		return;
	}
	for (size_t i = 0; i < n; i++)
		text_printf(&all, "%s%s", i > 0 ? ", " : "", words[i]);
	/* The directives are too many to list. */
	if (n <= 20)
		problem_at(&draft->problems, word, "%s \"%s\": there are %s", what, word->text,
			   all.bytes ? all.bytes : "none");
	else
		problem_at(&draft->problems, word, "%s \"%s\"", what, word->text);
	text_fini(&all);
}

const struct directive *directives_find(const struct directives *directives, const char *name)
{
	for (size_t i = 0; i < directives->n; i++) {
		if (strcmp(directives->table[i].name, name) == 0)
			return &directives->table[i];
	}
	return NULL;
}

static void refuse_unknown(struct draft *draft, const struct directives *directives,
			   const struct token *word)
{
	const char *words[DIRECTIVES_MAX + 1];
	size_t n = 0;
	char what[64];

	for (; n < directives->n; n++)
		words[n] = directives->table[n].name;
	if (directives->owner) {
		snprintf(what, sizeof(what), "%s: unknown option", directives->owner);
	} else {
		snprintf(what, sizeof(what), "unknown directive");
		words[n++] = "import";
	}
	word_refuse(draft, word, what, words, n);
}

/* A known word that nothing reads. */
static void refuse_absent(struct draft *draft, const char *owner, const struct directive *directive,
			  const struct token *word)
{
	const char *colon = owner ? ": " : "";

	if (!owner)
		owner = "";
	if (directive->instead)
		problem_at(&draft->problems, word, "%s%skaname does not have \"%s\": %s", owner,
			   colon, word->text, directive->instead);
	else
		problem_at(&draft->problems, word, "%s%s\"%s\" is not there yet: %s", owner, colon,
			   word->text, directive->meanwhile);
}

/* May the word stand here, where it stood at *first before (NULL: nowhere)? As in CoreDNS an option
 * may: where it does not add to what there is, the last one counts. */
static bool check_repetition(struct draft *draft, const struct directives *directives,
			     const struct directive *directive, const struct token *word,
			     const struct token *first)
{
	if (!first || directive->is_repeatable)
		return true;
	if (directives->owner)
		problem_note(&draft->problems, word,
			     "%s: \"%s\" stands at %s:%u already: this one counts",
			     directives->owner, word->text, first->file, first->line);
	else
		problem_at(&draft->problems, word, "\"%s\" stands at %s:%u already", word->text,
			   first->file, first->line);
	return directives->owner != NULL;
}

void directives_run(struct draft *draft, const struct directives *directives,
		    const struct statement *statements, void *into)
{
	const struct token *seen[DIRECTIVES_MAX] = {0};

	CHECK(directives->n <= DIRECTIVES_MAX);
	for (const struct statement *s = statements; s; s = s->next) {
		if (s->n_words == 0)
			continue; /* told already: a block without a name */

		const struct token *word = &s->words[0];
		const struct directive *directive = directives_find(directives, word->text);

		if (!directive) {
			refuse_unknown(draft, directives, word);
			continue;
		}

		const struct token **first = &seen[directive - directives->table];

		if (!directive->parse)
			refuse_absent(draft, directives->owner, directive, word);
		else if (check_repetition(draft, directives, directive, word, *first))
			directive->parse(draft, into, s);
		*first = word;
	}
}
