/* SPDX-License-Identifier: Apache-2.0
 *
 * `cache [TTL] [ZONES...] { ... }` as CoreDNS reads it. What differs: the least TTL is 0 where no
 * MINTTL says otherwise, since what an upstream wants forgotten should be; capacities bound
 * entries, but octets bound them first; stale answers carry a TTL of 30 (RFC 8767 4).
 */
#include <string.h>

#include "directive.h"

#define CAPACITY 9984 /* entries, as CoreDNS */
#define CAPACITY_MAX 100000000u
#define CAPACITY_LEAST 1024 /* as CoreDNS, for one of 0 */
#define TTL_MAX 604800u	    /* RFC 8767 4; what is longer is cut to it */
#define NUMBER_MAX 999999999u
#define STALE_TTL_S 30
#define VERIFY_MS 1800 /* RFC 8767 5 */

/* A TTL of least_s or more, cut to most_s. False, with a problem, when it is none. */
static bool read_ttl(struct draft *draft, const struct token *word, unsigned least_s,
		     unsigned most_s, unsigned *ttl_s)
{
	if (!word_number(draft, "cache", word, (struct number_range){least_s, NUMBER_MAX}, ttl_s))
		return false;
	if (*ttl_s > most_s)
		*ttl_s = most_s;
	return true;
}

/* CAPACITY [TTL] [MINTTL] */
static void read_limits(struct draft *draft, const struct statement *statement,
			struct cache_limits *limits)
{
	const char *owner = "cache";
	const struct token *words = statement->words;
	unsigned capacity, ttl_s = limits->ttl_max_s, least_s = 0;

	if (!args_check(draft, statement, 1, 3) || !block_refuse(draft, statement) ||
	    !word_number(draft, owner, &words[1], (struct number_range){0, CAPACITY_MAX},
			 &capacity))
		return;
	if (statement->n_words > 2 && !read_ttl(draft, &words[2], 1, TTL_MAX, &ttl_s))
		return;
	if (statement->n_words > 3 && !read_ttl(draft, &words[3], 0, ttl_s, &least_s))
		return;
	limits->capacity = capacity > 0 ? capacity : CAPACITY_LEAST;
	limits->ttl_max_s = ttl_s;
	limits->ttl_min_s = least_s;
}

static void parse_success(struct draft *draft, void *into, const struct statement *statement)
{
	struct cache_policy *policy = into;

	read_limits(draft, statement, &policy->limits[CACHE_SUCCESS]);
}

static void parse_denial(struct draft *draft, void *into, const struct statement *statement)
{
	struct cache_policy *policy = into;

	read_limits(draft, statement, &policy->limits[CACHE_DENIAL]);
}

/* PERCENTAGE% */
static bool read_percent(struct draft *draft, const struct token *word, uint32_t *percent)
{
	size_t len = strlen(word->text);
	struct token digits = *word;

	if (len < 2 || word->text[len - 1] != '%') {
		problem_at(&draft->problems, word, "cache: \"%s\" lacks a percent sign, as in 10%%",
			   word->text);
		return false;
	}
	digits.text = arena_strndup(draft->arena, word->text, len - 1);
	return word_number(draft, "cache", &digits, (struct number_range){10, 90}, percent);
}

/* AMOUNT [DURATION [PERCENTAGE%]] */
static void parse_prefetch(struct draft *draft, void *into, const struct statement *statement)
{
	struct cache_policy *policy = into;
	const struct token *words = statement->words;
	uint64_t gap_ms = 60000;

	if (!args_check(draft, statement, 1, 3) || !block_refuse(draft, statement))
		return;
	policy->prefetch_percent = 10;
	if (!number_read(draft, statement, 0, 1000000, &policy->prefetch_amount))
		return;
	if (statement->n_words > 2 &&
	    !word_duration(draft, "cache", &words[2], DURATION_MAX_MS, &gap_ms))
		return;
	if (statement->n_words > 3 && !read_percent(draft, &words[3], &policy->prefetch_percent))
		return;
	policy->prefetch_gap_ms = (uint32_t)gap_ms;
}

#define STALE_MAX_MS (7 * DURATION_MAX_MS)

/* [DURATION] [immediate|verify [TIMEOUT]] */
static void parse_serve_stale(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const modes[] = {"immediate", "verify"};
	struct cache_policy *policy = into;
	const struct token *words = statement->words;
	uint64_t stale_ms = 3600 * 1000, verify_ms = VERIFY_MS;
	enum cache_stale mode = CACHE_STALE_IMMEDIATE;

	if (!args_check(draft, statement, 0, 3) || !block_refuse(draft, statement))
		return;
	if (statement->n_words > 1 &&
	    !word_duration(draft, "cache", &words[1], STALE_MAX_MS, &stale_ms))
		return;
	if (statement->n_words > 2 && strcasecmp(words[2].text, modes[1]) == 0) {
		mode = CACHE_STALE_VERIFY;
	} else if (statement->n_words > 2 && strcasecmp(words[2].text, modes[0]) != 0) {
		word_refuse(draft, &words[2], "cache: unknown mode of serve_stale", modes,
			    ARRAY_LEN(modes));
		return;
	}
	if (statement->n_words > 3 && mode != CACHE_STALE_VERIFY) {
		problem_at(&draft->problems, &words[3], "cache: only \"verify\" has a timeout");
		return;
	}
	if (statement->n_words > 3 &&
	    !word_duration(draft, "cache", &words[3], QUERY_PATIENCE_MS, &verify_ms))
		return;
	policy->stale = mode;
	policy->stale_s = (uint32_t)(stale_ms / 1000);
	policy->verify_ms = (uint32_t)verify_ms;
}

static void parse_servfail(struct draft *draft, void *into, const struct statement *statement)
{
	struct cache_policy *policy = into;
	uint64_t ms;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement) &&
	    word_duration(draft, "cache", &statement->words[1], CACHE_SERVFAIL_MAX_S * 1000, &ms))
		policy->servfail_s = (uint32_t)(ms / 1000);
}

/* success|denial [ZONES...] */
static void parse_disable(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const types[] = {"success", "denial"};
	struct cache_policy *policy = into;
	const struct token *words = statement->words;
	struct query_zones zones = {0};
	size_t type = 0;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return;
	while (type < ARRAY_LEN(types) && strcmp(words[1].text, types[type]) != 0)
		type++;
	if (type == ARRAY_LEN(types)) {
		word_refuse(draft, &words[1], "cache: cannot disable", types, ARRAY_LEN(types));
		return;
	}
	if (draft_zone_args(draft, words + 2, statement->n_words - 2, &zones))
		policy->limits[type].disabled = (struct cache_zones){
			.items = zones.items, .n = zones.n, .is_all = zones.n == 0};
}

static void parse_keepttl(struct draft *draft, void *into, const struct statement *statement)
{
	struct cache_policy *policy = into;

	policy->keeps_ttl = args_check(draft, statement, 0, 0) && block_refuse(draft, statement);
}

/* A negative one, too: it is a wrong TTL, not a zone. */
static bool is_number(const char *text)
{
	text += text[0] == '-';
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

void cache_parse(struct draft *draft, void *into, const struct statement *statement)
{
	static const struct directive options[] = {
		{.name = "success", .parse = parse_success},
		{.name = "denial", .parse = parse_denial},
		{.name = "prefetch", .parse = parse_prefetch},
		{.name = "serve_stale", .parse = parse_serve_stale},
		{.name = "servfail", .parse = parse_servfail},
		{.name = "disable", .parse = parse_disable, .is_repeatable = true},
		{.name = "keepttl", .parse = parse_keepttl},
	};
	struct draft_block *block = into;
	struct cache_policy *policy = &block->cache;
	const struct token *words = statement->words;
	struct query_zones zones = {0};
	size_t first = 1;
	unsigned ttl_s;

	*policy = (struct cache_policy){
		.limits = {{.capacity = CAPACITY, .ttl_max_s = 3600},
			   {.capacity = CAPACITY, .ttl_max_s = 1800}},
		.servfail_s = 5,
		.stale_ttl_s = STALE_TTL_S,
	};
	if (statement->n_words > 1 && is_number(words[1].text)) {
		first = 2;
		if (read_ttl(draft, &words[1], 1, TTL_MAX, &ttl_s))
			policy->limits[0].ttl_max_s = policy->limits[1].ttl_max_s = ttl_s;
	}
	draft_zone_args(draft, words + first, statement->n_words - first, &zones);
	policy->zones = (struct cache_zones){
		.items = zones.items, .n = zones.n, .is_all = statement->n_words == first};
	directives_run(draft, &(struct directives){"cache", options, ARRAY_LEN(options)},
		       statement->body, policy);
	block->has_cache = true;
}
