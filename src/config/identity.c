/* SPDX-License-Identifier: Apache-2.0
 *
 * `chaos [VERSION [AUTHORS...]]` and `nsid [DATA...]`: what tells one server from another. Where
 * nothing is given it is kaname's version and the machine's name. Main thread.
 */
#include <string.h>

#include "directive.h"
#include "query/chaos.h"

/* At most a TXT string of the text. */
static const char *trim(struct draft *draft, const char *text)
{
	return arena_strndup(draft->arena, text, strnlen(text, QUERY_CHAOS_TEXT_MAX));
}

static const char *hostname(const struct draft *draft)
{
	const char *name = draft->machine->hostname;

	return name && name[0] ? name : "localhost";
}

/* Each author once. */
static void read_authors(struct draft *draft, const struct statement *statement,
			 struct query_chaos *chaos)
{
	const char **authors =
		arena_alloc(draft->arena, (statement->n_words + 1) * sizeof(*authors));
	size_t n = 0;

	for (size_t i = 2; i < statement->n_words; i++) {
		const char *author = trim(draft, statement->words[i].text);
		size_t same = 0;

		while (same < n && strcmp(authors[same], author) != 0)
			same++;
		if (same == n)
			authors[n++] = author;
	}
	if (statement->n_words <= 2)
		authors[n++] = "the authors of kaname";
	chaos->authors = authors;
	chaos->n_authors = n;
}

#define AUTHORS_MAX 256 /* more fit no answer that anyone reads */

void chaos_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	struct query_chaos *chaos = arena_alloc(draft->arena, sizeof(*chaos));

	if (!args_check(draft, statement, 0, 1 + AUTHORS_MAX) || !block_refuse(draft, statement))
		return;
	*chaos = (struct query_chaos){
		.version = statement->n_words > 1 ? trim(draft, statement->words[1].text)
						  : "kaname-" KANAME_VERSION,
		.hostname = trim(draft, hostname(draft)),
		.place = draft_place(draft, &statement->place),
	};
	read_authors(draft, statement, chaos);
	/* Of several the first counts, as in CoreDNS. */
	if (!block->query.chaos)
		block->query.chaos = chaos;
}

void nsid_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	struct text data = {0};

	if (!block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++)
		text_printf(&data, "%s%s", i > 1 ? " " : "", statement->words[i].text);
	if (statement->n_words == 1)
		text_append(&data, hostname(draft), strnlen(hostname(draft), QUERY_NSID_MAX));
	if (data.len > QUERY_NSID_MAX)
		problem_at(&draft->problems, &statement->words[1],
			   "nsid: more than %d octets, which every answer had to have room for",
			   QUERY_NSID_MAX);
	else
		block->query.nsid_len = (uint16_t)data.len;
	block->query.nsid = (const uint8_t *)arena_strndup(draft->arena, data.len ? data.bytes : "",
							   block->query.nsid_len);
	text_fini(&data);
}
