/* SPDX-License-Identifier: Apache-2.0
 *
 * `forward FROM TO... { ... }` as CoreDNS reads it. TO is an address with or without a port, a file
 * like /etc/resolv.conf, or a host name. What needs TLS is refused, since c-ares cannot do it.
 */
#include <errno.h>
#include <string.h>

#include "directive.h"

#define TLS_INSTEAD "it forwards by UDP and TCP only; put a DNS proxy that speaks TLS between"

static void parse_except(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_forward *forward = into;
	struct query_zones more = {0};

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement) ||
	    !draft_zone_args(draft, statement->words + 1, statement->n_words - 1, &more))
		return;

	size_t n = forward->except.n + more.n;
	struct dns_name *items = arena_alloc(draft->arena, (n + 1) * sizeof(*items));

	for (size_t i = 0; i < n; i++)
		items[i] = i < forward->except.n ? forward->except.items[i]
						 : more.items[i - forward->except.n];
	forward->except = (struct query_zones){items, n};
}

static bool is_flag(struct draft *draft, const struct statement *statement)
{
	return args_check(draft, statement, 0, 0) && block_refuse(draft, statement);
}

static void parse_force_tcp(struct draft *draft, void *into, const struct statement *statement)
{
	((struct draft_forward *)into)->group.has_force_tcp = is_flag(draft, statement);
}

static void parse_prefer_udp(struct draft *draft, void *into, const struct statement *statement)
{
	((struct draft_forward *)into)->group.has_prefer_udp = is_flag(draft, statement);
}

static void parse_failfast(struct draft *draft, void *into, const struct statement *statement)
{
	((struct draft_forward *)into)->group.is_failfast = is_flag(draft, statement);
}

static void parse_expire(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_forward *forward = into;
	uint64_t ms;

	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement) &&
	    word_duration(draft, "forward", &statement->words[1], DURATION_MAX_MS, &ms))
		forward->group.expire_ms = (uint32_t)ms;
}

static void read_count(struct draft *draft, const struct statement *statement, uint32_t *count)
{
	if (args_check(draft, statement, 1, 1) && block_refuse(draft, statement))
		number_read(draft, statement, 0, 100000000, count);
}

static void parse_max_fails(struct draft *draft, void *into, const struct statement *statement)
{
	read_count(draft, statement, &((struct draft_forward *)into)->group.max_fails);
}

static void parse_max_connect_attempts(struct draft *draft, void *into,
				       const struct statement *statement)
{
	read_count(draft, statement, &((struct draft_forward *)into)->group.max_connect_attempts);
}

static void parse_max_concurrent(struct draft *draft, void *into, const struct statement *statement)
{
	read_count(draft, statement, &((struct draft_forward *)into)->group.max_concurrent);
}

/* Unused connections end after `expire`. */
static void parse_max_idle_conns(struct draft *draft, void *into, const struct statement *statement)
{
	uint32_t n;

	read_count(draft, statement, &n);
	problem_note(&draft->problems, &statement->words[0],
		     "forward: \"max_idle_conns\" has no effect: unused connections end after "
		     "`expire`");
}

static void parse_policy(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const names[] = {"random", "round_robin", "sequential"};
	static const enum forward_policy policies[] = {FORWARD_RANDOM, FORWARD_ROUND_ROBIN,
						       FORWARD_SEQUENTIAL};
	struct draft_forward *forward = into;

	if (!args_check(draft, statement, 1, 1) || !block_refuse(draft, statement))
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(statement->words[1].text, names[i]) == 0) {
			forward->group.policy = policies[i];
			return;
		}
	}
	word_refuse(draft, &statement->words[1], "forward: unknown policy", names,
		    ARRAY_LEN(names));
}

/* DURATION [no_rec] [domain FQDN] */
static void parse_health_check(struct draft *draft, void *into, const struct statement *statement)
{
	static const char *const words[] = {"no_rec", "domain"};
	struct draft_forward *forward = into;
	uint64_t ms;

	if (!args_check(draft, statement, 1, 4) || !block_refuse(draft, statement) ||
	    !word_duration(draft, "forward", &statement->words[1], DURATION_MAX_MS, &ms))
		return;
	forward->group.health_interval_ms = (uint32_t)ms;
	for (size_t i = 2; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];

		if (strcmp(word->text, words[0]) == 0) {
			forward->group.has_health_no_rec = true;
		} else if (strcmp(word->text, words[1]) != 0) {
			word_refuse(draft, word, "forward: unknown word of health_check", words,
				    ARRAY_LEN(words));
		} else if (i + 1 == statement->n_words ||
			   dns_name_from_text(&forward->group.health_domain, word[1].text,
					      strlen(word[1].text)) != 0) {
			problem_at(&draft->problems, word,
				   "forward: \"domain\" needs a domain name");
			return;
		} else {
			i++;
		}
	}
}

/* The rcodes of the arguments as bits. */
static uint32_t read_rcodes(struct draft *draft, const struct statement *statement)
{
	const char *names[16];
	char texts[16][16];
	uint32_t bits = 0;

	if (!args_check(draft, statement, 1, SIZE_MAX - 1) || !block_refuse(draft, statement))
		return 0;
	for (uint16_t i = 0; i < 16; i++)
		names[i] = dns_rcode_text(i, texts[i], sizeof(texts[i]));
	for (size_t i = 1; i < statement->n_words; i++) {
		const struct token *word = &statement->words[i];
		unsigned rcode = 0;

		while (rcode < 16 && strcasecmp(word->text, names[rcode]) != 0)
			rcode++;
		if (rcode == 16)
			word_refuse(draft, word, "forward: unknown rcode", names, 11);
		else
			bits |= 1u << rcode;
	}
	return bits;
}

static void parse_next(struct draft *draft, void *into, const struct statement *statement)
{
	((struct draft_forward *)into)->group.next_rcodes |= read_rcodes(draft, statement);
}

static void parse_failover(struct draft *draft, void *into, const struct statement *statement)
{
	uint32_t bits = read_rcodes(draft, statement);

	if (bits & 1u << DNS_RCODE_NOERROR)
		problem_at(&draft->problems, &statement->words[0],
			   "forward: \"failover\" on NOERROR would never end");
	((struct draft_forward *)into)->group.failover_rcodes |= bits;
}

/* Where an upstream is to be asked by TLS, it is refused; the others have no use for these. */
static void parse_tls(struct draft *draft, void *into, const struct statement *statement)
{
	const struct token *name = &statement->words[0];

	if (block_refuse(draft, statement))
		problem_note(&draft->problems, name,
			     "forward: \"%s\" has no effect: no upstream is asked by TLS",
			     name->text);
}

static const struct directive options[] = {
	{.name = "except", .parse = parse_except, .is_repeatable = true},
	{.name = "force_tcp", .parse = parse_force_tcp},
	{.name = "prefer_udp", .parse = parse_prefer_udp},
	{.name = "expire", .parse = parse_expire},
	{.name = "max_idle_conns", .parse = parse_max_idle_conns},
	{.name = "max_fails", .parse = parse_max_fails},
	{.name = "max_connect_attempts", .parse = parse_max_connect_attempts},
	{.name = "doh_method", .parse = parse_tls},
	{.name = "tls", .parse = parse_tls},
	{.name = "tls_servername", .parse = parse_tls},
	{.name = "policy", .parse = parse_policy},
	{.name = "health_check", .parse = parse_health_check},
	{.name = "max_concurrent", .parse = parse_max_concurrent},
	{.name = "next", .parse = parse_next, .is_repeatable = true},
	{.name = "next_on_nodata",
	 .instead = "an answer without records is an answer; `next` goes by rcode"},
	{.name = "failfast_all_unhealthy_upstreams", .parse = parse_failfast},
	{.name = "failover", .parse = parse_failover, .is_repeatable = true},
	{.name = "resolver",
	 .instead = "host names are asked of /etc/resolv.conf; write the upstream's address"},
};

/* HOST, HOST:PORT, [HOST] or [HOST]:PORT; an IPv6 address may stand without brackets. False: the
 * port is none. */
static bool split_port(const char *text, const char **host, size_t *len, uint16_t *port)
{
	const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
	bool is_bracketed = text[0] == '[' && bracket;

	*port = 53;
	*host = is_bracketed ? text + 1 : text;
	*len = is_bracketed ? (size_t)(bracket - text) - 1 : strlen(text);
	if (is_bracketed && bracket[1] == '\0')
		return true;
	if (!colon || (is_bracketed && colon != bracket + 1) ||
	    (!is_bracketed && strchr(text, ':') != colon))
		return !is_bracketed;
	if (!is_bracketed)
		*len = (size_t)(colon - text);
	*port = port_read(colon + 1);
	return *port != 0;
}

static bool is_file(const struct draft *draft, const char *path)
{
	struct text content = {0};
	bool is_read = draft->machine->read(draft->machine->arg, path, &content) == 0;

	text_fini(&content);
	return is_read;
}

/* One TO. False, with a problem, when it is none. */
static bool read_target(struct draft *draft, const struct token *word,
			struct forward_target *target)
{
	const char *text = word->text, *scheme = strstr(text, "://"), *host;
	struct address address;
	size_t len;

	if (scheme && strncmp(text, "dns://", 6) != 0) {
		problem_at(&draft->problems, word,
			   "forward: kaname does not have \"%.*s\": " TLS_INSTEAD,
			   (int)(scheme - text + 3), text);
		return false;
	}
	if (scheme)
		text = scheme + 3;
	if (strchr(text, '/') || is_file(draft, text)) {
		target->kind = FORWARD_TARGET_RESOLV_CONF;
		target->path = arena_strndup(draft->arena, text, strlen(text));
		target->port = 53;
		if (!is_file(draft, text))
			problem_at(&draft->problems, word, "forward: \"%s\" cannot be read", text);
		return true;
	}
	if (!split_port(text, &host, &len, &target->port)) {
		problem_at(&draft->problems, word, "forward: \"%s\" has no port after its \":\"",
			   word->text);
		return false;
	}
	if (address_from_text(&address, host, len) == 0) {
		target->kind = FORWARD_TARGET_ADDRESS;
		target->address = address_to_sockaddr(&address, target->port);
		return true;
	}
	target->kind = FORWARD_TARGET_HOST;
	if (len > 0 && strspn(host, "0123456789.") < len && !memchr(host, ':', len) &&
	    dns_name_from_text(&target->host, host, len) == 0)
		return true;
	problem_at(&draft->problems, word,
		   "forward: \"%s\" is no address, no file and no host name", word->text);
	return false;
}

static void read_targets(struct draft *draft, const struct statement *statement,
			 struct forward_group_config *group)
{
	size_t n = statement->n_words - 2;
	struct forward_target *targets = arena_alloc(draft->arena, (n + 1) * sizeof(*targets));

	for (size_t i = 0; i < n; i++)
		group->n_targets +=
			read_target(draft, &statement->words[i + 2], &targets[group->n_targets]);
	group->targets = targets;
	if (n > FORWARD_UPSTREAMS_MAX)
		problem_at(&draft->problems, &statement->words[0],
			   "forward: more than %d upstreams", FORWARD_UPSTREAMS_MAX);
}

static const char *join_words(struct draft *draft, const struct token *words, size_t n)
{
	struct text text = {0};
	const char *joined;

	for (size_t i = 0; i < n; i++)
		text_printf(&text, "%s%s", i > 0 ? " " : "", words[i].text);
	joined = arena_strndup(draft->arena, text.bytes, text.len);
	text_fini(&text);
	return joined;
}

void forward_parse(struct draft *draft, void *into, const struct statement *statement)
{
	struct draft_block *block = into;
	struct draft_forward forward = {
		.place = statement->words[0],
		.group = {.expire_ms = 10000,
			  .max_fails = 2,
			  .health_interval_ms = 500,
			  .failover_rcodes = FORWARD_RCODES_FAILOVER,
			  .next_group = FORWARD_NO_GROUP},
	};

	if (!args_check(draft, statement, 2, SIZE_MAX - 1))
		return;
	CHECK(dns_name_from_text(&forward.group.health_domain, ".", 1) == 0);
	draft_zone_args(draft, statement->words + 1, 1, &forward.from);
	forward.group.from_text = arena_strndup(draft->arena, statement->words[1].text,
						strlen(statement->words[1].text));
	read_targets(draft, statement, &forward.group);
	forward.place_text = draft_place(draft, &statement->words[0]);
	forward.to_text = join_words(draft, statement->words + 2, statement->n_words - 2);
	directives_run(draft, &(struct directives){"forward", options, ARRAY_LEN(options)},
		       statement->body, &forward);
	ARRAY_PUSH(&block->forwards, forward);
}
