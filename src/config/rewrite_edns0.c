/* SPDX-License-Identifier: Apache-2.0
 *
 * `rewrite edns0 local|nsid|subnet set|append|replace|unset ... [revert]`. A client's EDNS options
 * go no further than here (RFC 6891 6.1.1: they are between neighbours), and neither would those
 * that a rule sets: so the rule is checked and a note says that it changes nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rewrite_words.h"

static const char *const kinds[] = {"local", "nsid", "subnet"};
static const char *const actions[] = {"set", "append", "replace", "unset"};
enum kind { KIND_LOCAL, KIND_NSID, KIND_SUBNET };
enum action { ACTION_SET, ACTION_APPEND, ACTION_REPLACE, ACTION_UNSET };

/* The next word as a number of at most max, decimal or 0x. */
static bool read_number(struct rewrite_words *words, const char *what, unsigned long max)
{
	const struct token *word = rewrite_next(words, what);
	char *end;
	unsigned long number;

	if (!word)
		return false;
	number = strtoul(word->text, &end, 0);
	if (word->text[0] < '0' || word->text[0] > '9' || *end != '\0' || number > max) {
		problem_at(&words->draft->problems, word, "rewrite: \"%s\" is not %s from 0 to %lu",
			   word->text, what, max);
		return false;
	}
	return true;
}

/* {client_ip}, or {plugin/label} of metadata. */
static bool is_variable(const char *text, size_t len)
{
	static const char *const variables[] = {"{qname}",	 "{qtype}",    "{client_ip}",
						"{client_port}", "{protocol}", "{server_ip}",
						"{server_port}"};
	const char *slash = strchr(text, '/');

	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		if (strcmp(text, variables[i]) == 0)
			return true;
	}
	return slash && slash > text + 1 && slash < text + len - 2;
}

static bool read_data(struct rewrite_words *words)
{
	const struct token *word = rewrite_next(words, "the option's data");
	size_t len = word ? strlen(word->text) : 0;

	if (!word)
		return false;
	if (len > 1 && word->text[0] == '{' && word->text[len - 1] == '}' &&
	    !is_variable(word->text, len)) {
		problem_at(&words->draft->problems, word, "rewrite: unknown variable \"%s\"",
			   word->text);
		return false;
	}
	if (len > 2 && strncmp(word->text, "0x", 2) == 0 &&
	    (len % 2 != 0 || strspn(word->text + 2, "0123456789abcdefABCDEF") != len - 2)) {
		problem_at(&words->draft->problems, word,
			   "rewrite: \"%s\" is not data in hexadecimal digits, two to an octet",
			   word->text);
		return false;
	}
	return true;
}

static bool read_fields(struct rewrite_words *words, enum kind kind, enum action action)
{
	bool is_unset = action == ACTION_UNSET;

	switch (kind) {
	case KIND_LOCAL:
		return read_number(words, "a code", 0xffff) && (is_unset || read_data(words));
	case KIND_SUBNET:
		return is_unset || (read_number(words, "an IPv4 prefix length", 32) &&
				    read_number(words, "an IPv6 prefix length", 128));
	case KIND_NSID:
		break;
	}
	return true;
}

bool rewrite_edns0_read(struct rewrite_words *words, bool *is_done)
{
	const struct token *place = words->at < words->n ? &words->items[words->at] : &words->end;
	int kind = rewrite_choose(words, "EDNS option", kinds, ARRAY_LEN(kinds));
	int action = kind < 0 ? -1 : rewrite_choose(words, "action", actions, ARRAY_LEN(actions));

	if (action < 0 || !read_fields(words, (enum kind)kind, (enum action)action))
		return false;
	if (rewrite_left(words) == 1 && strcasecmp(words->items[words->at].text, "revert") == 0)
		words->at++;
	problem_note(
		&words->draft->problems, place,
		"rewrite: an EDNS option of a query is not sent upstream, so this rule changes "
		"nothing");
	/* What replaces or unsets an option is no match without the option. */
	*is_done = action == ACTION_SET || action == ACTION_APPEND;
	return true;
}
