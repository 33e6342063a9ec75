/* SPDX-License-Identifier: Apache-2.0
 *
 * `loadbalance [round_robin | weighted FILE] { reload DURATION ; prefer CIDR... }` as CoreDNS reads
 * it. Addresses are shuffled whether it is there or not; `round_robin` is just that.
 */
#include <string.h>

#include "directive.h"
#include "followed.h"

#define DEFAULT_RELOAD_MS 30000

struct balance_options {
	ARRAY(struct balance_network) prefer;
	uint64_t reload_ms;
	const struct token *reload; /* the word; NULL: not given */
};

static void parse_reload(struct draft *draft, void *into, const struct statement *statement)
{
	struct balance_options *options = into;

	options->reload = &statement->words[0];
	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		word_duration(draft, "loadbalance", &statement->words[1], DURATION_MAX_MS,
			      &options->reload_ms);
}

/* A decimal number of 1 to 3 digits up to max, else max + 1. */
static unsigned read_bits(const char *text, unsigned max)
{
	size_t len = strlen(text);

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return max + 1;

	unsigned bits = (unsigned)strtoul(text, NULL, 10);

	return bits <= max ? bits : max + 1;
}

/* ADDRESS/BITS, whose bits behind the prefix are zero then. */
static bool read_network(const char *text, struct balance_network *network)
{
	const char *slash = strchr(text, '/');

	if (!slash || address_from_text(&network->address, text, (size_t)(slash - text)) != 0)
		return false;

	unsigned max = (unsigned)address_size(&network->address) * 8;
	unsigned bits = read_bits(slash + 1, max);

	if (bits > max)
		return false;
	network->bits = (uint8_t)bits;
	for (unsigned i = bits; i < max; i++)
		network->address.bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
	return true;
}

static void add_network(struct draft *draft, const struct token *word,
			struct balance_options *options)
{
	struct balance_network network;

	if (!read_network(word->text, &network))
		problem_at(&draft->problems, word,
			   "loadbalance: \"%s\" is not a network, as in 10.0.0.0/8", word->text);
	else if (options->prefer.len == BALANCE_NETWORKS_MAX)
		problem_at(&draft->problems, word, "loadbalance: more than %d networks",
			   BALANCE_NETWORKS_MAX);
	else
		ARRAY_PUSH(&options->prefer, network);
}

static void parse_prefer(struct draft *draft, void *into, const struct statement *statement)
{
	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 1; i < statement->n_words; i++)
		add_network(draft, &statement->words[i], into);
}

/* Without a policy it is round_robin. False: the words are wrong. */
static bool read_policy(struct draft *draft, const struct statement *statement, const char **path)
{
	static const char *const policies[] = {"round_robin", "weighted"};
	const struct token *words = statement->words;

	if (statement->n_words == 1)
		return true;
	if (strcmp(words[1].text, policies[0]) == 0)
		return args_check(draft, statement, 1, 1);
	if (strcmp(words[1].text, policies[1]) != 0) {
		word_refuse(draft, &words[1], "loadbalance: unknown policy", policies,
			    ARRAY_LEN(policies));
		return false;
	}
	if (statement->n_words == 2)
		problem_at(&draft->problems, &words[1],
			   "loadbalance: \"weighted\" lacks the file of weights");
	else if (args_check(draft, statement, 2, 2))
		*path = words[2].text;
	return *path != NULL;
}

static void free_balance(void *what)
{
	weights_free(((struct query_balance *)what)->weights);
}

/* As CoreDNS: a file that cannot be read is waited for, unless it is never looked at again. */
static void open_weights(struct draft *draft, const struct token *word,
			 struct query_balance *balance, uint64_t reload_ms)
{
	struct followed *followed = followed_add(draft, word->text);
	struct text log = {0};

	followed->balance = balance;
	followed->reload_ms = reload_ms;
	followed_open(followed, draft->machine, &log);
	if (log.len > 0 && (followed->is_refused || reload_ms == 0))
		problem_at(&draft->problems, word, "%.*s", (int)log.len - 1, log.bytes);
	else if (log.len > 0)
		problem_note(&draft->problems, word, "%.*s", (int)log.len - 1, log.bytes);
	text_fini(&log);
}

static void make_balance(struct draft *draft, struct draft_block *block,
			 const struct statement *statement, const struct balance_options *options)
{
	struct query_balance *balance = arena_alloc(draft->arena, sizeof(*balance));
	struct balance_network *prefer =
		arena_alloc(draft->arena, (options->prefer.len + 1) * sizeof(*prefer));

	for (size_t i = 0; i < options->prefer.len; i++)
		prefer[i] = options->prefer.items[i];
	balance->place = draft_place(draft, &statement->words[0]);
	balance->prefer = prefer;
	balance->n_prefer = options->prefer.len;
	arena_on_end(draft->arena, free_balance, balance);
	if (statement->n_words == 3)
		open_weights(draft, &statement->words[2], balance, options->reload_ms);
	block->query.balance = balance;
}

void loadbalance_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive table[] = {
		{.name = "reload", .parse = parse_reload},
		{.name = "prefer", .parse = parse_prefer, .is_repeatable = true},
	};
	struct draft_block *block = into;
	struct balance_options options = {.reload_ms = DEFAULT_RELOAD_MS};
	const char *path = NULL;
	bool is_good = read_policy(draft, statement, &path);

	directives_run(draft, &(struct directives){"loadbalance", table, ARRAY_LEN(table)},
		       statement->body, &options);
	if (is_good && options.reload && !path)
		problem_at(&draft->problems, options.reload,
			   "loadbalance: only \"weighted\" has a file to reload");
	if (is_good && (path || options.prefer.len > 0))
		make_balance(draft, block, statement, &options);
	else
		block->query.balance = NULL; /* of several the last counts */
	ARRAY_FINI(&options.prefer);
}
