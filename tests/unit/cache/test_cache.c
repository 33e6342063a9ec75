/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache in virtual time: scripts of what comes in and what is found when, under the policies
 * that a Corefile can ask for; and its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "cache/cache.h"

enum op {
	END,
	PUT,	  /* a success with this TTL */
	PUT_NX,	  /* NXDOMAIN whose SOA has this TTL and MINIMUM 60 */
	PUT_BARE, /* NXDOMAIN without SOA */
	PUT_FAIL, /* SERVFAIL */
	PUT_CUT,  /* a success with TC */
	FAIL,	  /* no reply at all */
	MISS,
	HIT,   /* with this TTL in the answer */
	DUE,   /* likewise, and a refresh is wanted */
	STALE, /* likewise, beyond its time */
	DUE_STALE,
	VERIFY,
	RESCUE, /* stale, where the upstream failed */
	NONE,	/* nothing to rescue with */
};

struct step {
	uint32_t at_s;
	enum op op;
	uint32_t ttl_s;
};

#define STEPS_MAX 16

#define LIMITS                                                                                \
	.limits = {{.capacity = 10, .ttl_max_s = 3600}, {.capacity = 10, .ttl_max_s = 1800}}, \
	.zones = {.is_all = true}, .servfail_s = 5, .stale_ttl_s = 30
#define PLAIN .server_text = "", LIMITS
#define STALE_DAY PLAIN, .stale_s = 86400

static const struct {
	const char *name;
	struct cache_policy policy;
	struct step steps[STEPS_MAX];
} scripts[] = {
	{"ttl counts down, then ends",
	 {PLAIN},
	 {{0, MISS, 0},
	  {0, PUT, 300},
	  {0, HIT, 300},
	  {100, HIT, 200},
	  {299, HIT, 1},
	  {300, MISS, 0}}},
	{"ttl 0 is not kept", {PLAIN}, {{0, PUT, 0}, {0, MISS, 0}}},
	{"truncated is not kept", {PLAIN}, {{0, PUT_CUT, 300}, {0, MISS, 0}}},
	{"a longer ttl is capped",
	 {PLAIN},
	 {{0, PUT, 9000}, {0, HIT, 3600}, {3599, HIT, 1}, {3600, MISS, 0}}},
	{"a shorter ttl is lifted",
	 {.server_text = "",
	  .limits = {{.capacity = 10, .ttl_max_s = 3600, .ttl_min_s = 60}},
	  .zones = {.is_all = true}},
	 {{0, PUT, 0}, {10, HIT, 50}, {60, MISS, 0}}},
	{"negative lives for the minimum",
	 {PLAIN},
	 {{0, PUT_NX, 600}, {10, HIT, 50}, {59, HIT, 1}, {60, MISS, 0}}},
	{"negative lives for the soa's ttl", {PLAIN}, {{0, PUT_NX, 20}, {20, MISS, 0}}},
	{"negative without soa is not kept", {PLAIN}, {{0, PUT_BARE, 0}, {0, MISS, 0}}},
	{"servfail lives for 5 s", {PLAIN}, {{0, PUT_FAIL, 0}, {4, HIT, 0}, {5, MISS, 0}}},
	{"servfail replaces nothing that serve_stale has",
	 {STALE_DAY, .stale = CACHE_STALE_IMMEDIATE},
	 {{0, PUT, 10},
	  {11, DUE_STALE, 30},
	  {11, PUT_FAIL, 0},
	  {12, STALE, 30},
	  {40, STALE, 30},
	  {42, DUE_STALE, 30}}},
	{"a good reply replaces servfail", {PLAIN}, {{0, PUT_FAIL, 0}, {1, PUT, 10}, {2, HIT, 9}}},
	{"a fresh reply outlives servfail", {PLAIN}, {{0, PUT, 10}, {1, PUT_FAIL, 0}, {2, HIT, 8}}},
	{"keepttl", {PLAIN, .keeps_ttl = true}, {{0, PUT, 300}, {100, HIT, 300}, {300, MISS, 0}}},
	{"prefetch at 10 % after two hits, once",
	 {PLAIN, .prefetch_amount = 2, .prefetch_gap_ms = 60000, .prefetch_percent = 10},
	 {{0, PUT, 100},
	  {50, HIT, 50},
	  {60, HIT, 40},
	  {90, DUE, 10},
	  {91, HIT, 9},
	  {92, PUT, 100},
	  {93, HIT, 99},
	  {183, HIT, 9}, /* 90 s without a hit: counted anew */
	  {184, DUE, 8}}},
	{"no prefetch without hits",
	 {PLAIN, .prefetch_amount = 3, .prefetch_gap_ms = 60000, .prefetch_percent = 10},
	 {{0, PUT, 100}, {91, HIT, 9}, {92, HIT, 8}, {93, DUE, 7}}},
	{"a prefetch that failed waits",
	 {PLAIN, .prefetch_amount = 1, .prefetch_gap_ms = 60000, .prefetch_percent = 50},
	 {{0, PUT, 100}, {60, DUE, 40}, {61, FAIL, 0}, {80, HIT, 20}, {91, DUE, 9}}},
	{"a refresh that never ended is forgotten",
	 {PLAIN, .prefetch_amount = 1, .prefetch_gap_ms = 60000, .prefetch_percent = 50},
	 {{0, PUT, 100}, {60, DUE, 40}, {69, HIT, 31}, {70, DUE, 30}}},
	{"stale at once, refreshed behind",
	 {STALE_DAY, .stale = CACHE_STALE_IMMEDIATE},
	 {{0, PUT, 10}, {10, DUE_STALE, 30}, {11, STALE, 30}, {12, PUT, 10}, {13, HIT, 9}}},
	{"stale ends",
	 {STALE_DAY, .stale = CACHE_STALE_IMMEDIATE},
	 {{0, PUT, 10}, {86411, MISS, 0}}},
	{"the upstream is asked first",
	 {STALE_DAY, .stale = CACHE_STALE_VERIFY},
	 {{0, PUT, 10},
	  {10, VERIFY, 0},
	  {12, RESCUE, 30},
	  {12, VERIFY, 0},
	  {15, FAIL, 0},
	  {16, STALE, 30}, /* for 30 s without asking */
	  {44, STALE, 30},
	  {45, VERIFY, 0},
	  {46, PUT, 10},
	  {47, HIT, 9}}},
	{"nothing stale by default", {PLAIN}, {{0, PUT, 10}, {10, NONE, 0}, {10, MISS, 0}}},
	{"denials disabled",
	 {.server_text = "",
	  .limits = {{.capacity = 10, .ttl_max_s = 3600},
		     {.capacity = 10, .ttl_max_s = 1800, .disabled = {.is_all = true}}},
	  .zones = {.is_all = true}},
	 {{0, PUT_NX, 600}, {0, MISS, 0}, {0, PUT, 10}, {0, HIT, 10}}},
	{"a denial that is not kept still ends the old answer",
	 {PLAIN},
	 {{0, PUT, 300}, {10, PUT_BARE, 0}, {10, MISS, 0}}},
};

static struct dns_reply_buffer buffer;

static struct cache_question question_of(const char *text)
{
	struct cache_question question = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};

	assert_int_equal(dns_name_from_text(&question.name, text, strlen(text)), 0);
	return question;
}

#define SOA_RDATA \
	"\0\0"    \
	"\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c"

/* The reply that the op puts in. */
static struct dns_reply reply_of(const struct cache_question *question, enum op op, uint32_t ttl_s)
{
	static uint8_t message[512];
	struct wire_writer writer = wire_writer_init(message, sizeof(message));
	struct dns_question asked = {&question->name, question->type, question->class};
	bool has_answer = op == PUT || op == PUT_CUT;
	struct dns_reply reply;
	uint16_t flags = 0x8180;

	if (op == PUT_NX || op == PUT_BARE)
		flags |= DNS_RCODE_NXDOMAIN;
	if (op == PUT_FAIL)
		flags |= DNS_RCODE_SERVFAIL;
	if (op == PUT_CUT)
		flags |= DNS_FLAG_TC;
	wire_put_u16(&writer, 0);
	wire_put_u16(&writer, flags);
	wire_put_u16(&writer, 1);
	wire_put_u16(&writer, has_answer);
	wire_put_u16(&writer, op == PUT_NX);
	wire_put_u16(&writer, 0);
	wire_put(&writer, question->name.wire, question->name.len);
	wire_put_u16(&writer, question->type);
	wire_put_u16(&writer, question->class);
	if (has_answer) {
		wire_put(&writer, "\xc0\x0c\0\1\0\1", 6);
		wire_put_u32(&writer, ttl_s);
		wire_put(&writer, "\0\4\x0a\0\0\1", 6);
	}
	if (op == PUT_NX) {
		wire_put(&writer, "\0\0\6\0\1", 5);
		wire_put_u32(&writer, ttl_s);
		wire_put(&writer, "\0\x16" SOA_RDATA, 24);
	}
	assert_null(dns_reply_parse(&reply, &buffer, message, writer.pos, &asked));
	return reply;
}

/* The TTL of the first record, as an answer shows it; 0 without any. */
static uint32_t shown_ttl(const struct cache_found *found)
{
	uint8_t asked[DNS_NAME_MAX + 4], out[512];
	struct dns_query query = {.question = asked,
				  .question_len = (uint16_t)(found->reply.body - DNS_HEADER_SIZE)};
	struct wire_writer writer = wire_writer_init(out, sizeof(out));
	struct dns_answer_end end = {.ede = DNS_EDE_NONE};
	struct random random = {1};
	uint32_t ttl_s;

	memcpy(asked, found->reply.wire + DNS_HEADER_SIZE, query.question_len);
	dns_answer_begin(&writer, &query);
	dns_reply_write(&found->reply, &writer, &found->ttl, &random, &end);
	if (found->reply.n_records == 0)
		return 0;
	memcpy(&ttl_s, out + found->reply.ttls[0], sizeof(ttl_s));
	return __builtin_bswap32(ttl_s);
}

static void check_find(struct cache *cache, const struct cache_policy *policy,
		       const struct cache_question *question, const struct step *step)
{
	static const enum cache_outcome wants[] = {
		[MISS] = CACHE_MISS,	    [NONE] = CACHE_MISS,
		[HIT] = CACHE_HIT,	    [DUE] = CACHE_HIT,
		[STALE] = CACHE_HIT_STALE,  [DUE_STALE] = CACHE_HIT_STALE,
		[RESCUE] = CACHE_HIT_STALE, [VERIFY] = CACHE_VERIFY,
	};
	uint64_t now_ms = (step->at_s + 1000) * 1000ull;
	enum cache_outcome outcome = CACHE_MISS;
	struct cache_found found;

	if (step->op != RESCUE && step->op != NONE)
		outcome = cache_find(cache, policy, question, now_ms, &found);
	else if (cache_find_stale(cache, policy, question, now_ms, &found))
		outcome = CACHE_HIT_STALE;
	assert_int_equal(outcome, wants[step->op]);
	if (outcome == CACHE_MISS || outcome == CACHE_VERIFY)
		return;
	assert_int_equal(found.wants_refresh, step->op == DUE || step->op == DUE_STALE);
	assert_int_equal(shown_ttl(&found), step->ttl_s);
}

static void run_step(struct cache *cache, const struct cache_policy *policy,
		     const struct cache_question *question, const struct step *step)
{
	uint64_t now_ms = (step->at_s + 1000) * 1000ull;
	struct dns_reply reply;

	print_message("  at %u: %d\n", step->at_s, step->op);
	if (step->op == FAIL) {
		cache_fail(cache, policy, question, now_ms);
	} else if (step->op >= PUT && step->op <= PUT_CUT) {
		reply = reply_of(question, step->op, step->ttl_s);
		cache_insert(cache, policy, question, &reply, now_ms);
	} else {
		check_find(cache, policy, question, step);
	}
}

static void test_scripts(void **state)
{
	struct cache_question question = question_of("web.example");

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct cache_config config = {&scripts[i].policy, 1, 1 << 20};
		struct cache *cache = cache_new(&config);

		print_message("%s\n", scripts[i].name);
		for (const struct step *step = scripts[i].steps; step->op != END; step++)
			run_step(cache, &scripts[i].policy, &question, step);
		cache_free(cache);
	}
}

static const struct cache_policy small = {PLAIN};

static void put(struct cache *cache, const struct cache_policy *policy, unsigned number)
{
	char text[32];

	snprintf(text, sizeof(text), "n%u.example", number);

	struct cache_question question = question_of(text);
	struct dns_reply reply = reply_of(&question, PUT, 300);

	cache_insert(cache, policy, &question, &reply, 0);
}

static bool has(struct cache *cache, const struct cache_policy *policy, unsigned number)
{
	struct cache_found found;
	char text[32];

	snprintf(text, sizeof(text), "n%u.example", number);

	struct cache_question question = question_of(text);

	return cache_find(cache, policy, &question, 0, &found) == CACHE_HIT;
}

/* SIEVE: what was hit stays, what was not goes, the oldest first. */
static void test_capacity(void **state)
{
	struct cache_config config = {&small, 1, 1 << 20};
	struct cache *cache = cache_new(&config);
	struct cache_counts counts;

	for (unsigned i = 0; i < 10; i++)
		put(cache, &small, i);
	assert_true(has(cache, &small, 0));
	assert_true(has(cache, &small, 2));
	put(cache, &small, 10);
	put(cache, &small, 11);
	assert_true(has(cache, &small, 0));
	assert_false(has(cache, &small, 1));
	assert_true(has(cache, &small, 2));
	assert_false(has(cache, &small, 3));
	cache_count(cache, &small, &counts);
	assert_int_equal(counts.entries[CACHE_SUCCESS], 10);
	assert_int_equal(counts.evictions[CACHE_SUCCESS], 2);
	assert_int_equal(counts.requests, 6);
	assert_int_equal(counts.hits[CACHE_SUCCESS], 4);
	assert_int_equal(counts.misses, 2);
	cache_free(cache);
}

/* One policy floods: the other's entries stay, and the octets stay within their bound. */
static void test_bytes(void **state)
{
	static const struct cache_policy policies[2] = {
		{PLAIN},
		{.index = 1,
		 .server_text = "",
		 .limits = {{.capacity = 1000000, .ttl_max_s = 3600}},
		 .zones = {.is_all = true}},
	};
	struct cache_config config = {policies, 2, 64 << 10};
	struct cache *cache = cache_new(&config);
	struct cache_counts counts;

	put(cache, &policies[0], 1);
	for (unsigned i = 100; i < 5000; i++) {
		put(cache, &policies[1], i);
		assert_in_range(cache_bytes(cache), 1, 64 << 10);
	}
	assert_true(has(cache, &policies[0], 1));
	assert_false(has(cache, &policies[1], 100));
	assert_true(has(cache, &policies[1], 4999));
	cache_count(cache, &policies[1], &counts);
	assert_in_range(counts.entries[CACHE_SUCCESS], 100, 400);
	assert_int_equal(counts.entries[CACHE_SUCCESS] + counts.evictions[CACHE_SUCCESS], 4900);
	cache_free(cache);
}

/* Each part of the key tells entries apart; case does not, since names are lower-case. */
static void test_key(void **state)
{
	struct cache_config config = {&small, 1, 1 << 20};
	struct cache *cache = cache_new(&config);
	struct cache_question question = question_of("Web.Example");
	struct dns_reply reply = reply_of(&question, PUT, 300);
	struct cache_found found;

	cache_insert(cache, &small, &question, &reply, 0);
	for (unsigned i = 0; i < 7; i++) {
		struct cache_question other =
			question_of(i == 6 ? "web.example.org" : "web.example");

		other.group = i == 1;
		other.type = i == 2 ? DNS_TYPE_AAAA : DNS_TYPE_A;
		other.class = i == 3 ? DNS_CLASS_CH : DNS_CLASS_IN;
		other.has_do = i == 4;
		other.has_cd = i == 5;
		assert_int_equal(cache_find(cache, &small, &other, 0, &found),
				 i == 0 ? CACHE_HIT : CACHE_MISS);
	}
	cache_free(cache);
}

static void test_metrics(void **state)
{
	static const struct cache_policy policy = {LIMITS, .server_text = "dns://:53",
						   .zones_text = "."};
	struct cache_config config = {&policy, 1, 1 << 20};
	struct cache *caches[2] = {cache_new(&config), cache_new(&config)};
	struct text page = {0};

	put(caches[0], &policy, 1);
	put(caches[1], &policy, 1);
	put(caches[1], &policy, 2);
	assert_true(has(caches[1], &policy, 2));
	cache_metrics_write(caches, 2, &config, &page);
	assert_non_null(strstr(page.bytes, "coredns_cache_entries{server=\"dns://:53\",zones=\".\","
					   "view=\"\",type=\"success\"} 3\n"));
	assert_non_null(strstr(page.bytes,
			       "coredns_cache_hits_total{server=\"dns://:53\",zones=\".\","
			       "view=\"\",type=\"success\"} 1\n"));
	assert_non_null(strstr(page.bytes, "coredns_cache_requests_total{server=\"dns://:53\","
					   "zones=\".\",view=\"\"} 1\n"));
	assert_non_null(strstr(page.bytes, "kaname_cache_max_bytes 2097152\n"));
	text_fini(&page);
	cache_free(caches[0]);
	cache_free(caches[1]);
}

/* ---- another configuration ----------------------------------------------------------- */

/* Two groups under one policy each, and what a reload makes of them. */
struct after {
	const char *name;
	struct cache_policy policies[3]; /* a hole where it has no server_text */
	bool is_gone[2];		 /* the group */
	bool has[2];			 /* wanted: the group's entry is still there */
};

#define OF(n) PLAIN, .index = (n), .id = (n) + 1
#define SECOND_OF     \
	{             \
		OF(1) \
	}
#define OF_DISABLED                                                                   \
	.server_text = "", .index = 0, .id = 1, .zones = {.is_all = true},            \
	.limits = {{.capacity = 10, .ttl_max_s = 3600, .disabled = {.is_all = true}}, \
		   {.capacity = 10, .ttl_max_s = 1800}}

static const struct after afters[] = {
	{"nothing changes", {{OF(0)}, SECOND_OF}, {false, false}, {true, true}},
	{"a group is gone", {{OF(0)}, SECOND_OF}, {true, false}, {false, true}},
	{"a policy is gone", {{.index = 0}, SECOND_OF}, {true, false}, {false, true}},
	{"a policy is new", {{OF(0)}, SECOND_OF, {OF(2)}}, {false, false}, {true, true}},
	{"ttls change",
	 {{.server_text = "",
	   .id = 1,
	   .limits = {{.capacity = 10, .ttl_max_s = 5}},
	   .zones = {.is_all = true}},
	  SECOND_OF},
	 {false, false},
	 {true, true}},
	{"successes are not kept any more",
	 {{OF_DISABLED}, SECOND_OF},
	 {false, false},
	 {false, true}},
	{"it has no capacity any more",
	 {{.server_text = "", .id = 1, .zones = {.is_all = true}}, SECOND_OF},
	 {false, false},
	 {false, true}},
	{"it is for no zone any more",
	 {{.server_text = "", .id = 1, .limits = {{.capacity = 10, .ttl_max_s = 5}}}, SECOND_OF},
	 {false, false},
	 {false, true}},
};

static const struct cache_policy befores[2] = {{OF(0)}, {OF(1)}};

static struct cache_question question_of_group(size_t group)
{
	struct cache_question question = question_of("web.example");

	question.group = group;
	return question;
}

static void test_switch(void **state)
{
	static const struct cache_config before = {befores, 2, 1 << 20};

	for (size_t i = 0; i < ARRAY_LEN(afters); i++) {
		const struct after *after = &afters[i];
		const struct cache_config config = {after->policies, 3, 1 << 20};
		const struct cache_policy *groups[2];
		const struct cache_switch to = {&config, groups, 2,
						after->is_gone[0] || after->is_gone[1]};
		struct cache *cache = cache_new(&before);
		uint64_t bytes;

		print_message("%s\n", after->name);
		for (size_t group = 0; group < 2; group++) {
			struct cache_question question = question_of_group(group);
			struct dns_reply reply = reply_of(&question, PUT, 300);

			groups[group] = after->is_gone[group] ? NULL : &after->policies[group];
			cache_insert(cache, &befores[group], &question, &reply, 0);
		}
		bytes = cache_bytes(cache);
		cache_prepare(cache, &config);
		cache_switch(cache, &to);
		assert_int_equal(cache_bytes(cache) == bytes, after->has[0] && after->has[1]);
		for (size_t group = 0; group < 2; group++) {
			struct cache_question question = question_of_group(group);
			struct cache_found found;

			if (!after->policies[group].server_text)
				continue;
			assert_int_equal(
				cache_find(cache, &after->policies[group], &question, 0, &found),
				after->has[group] ? CACHE_HIT : CACHE_MISS);
		}
		cache_free(cache);
	}
}

/* Smaller bounds hold at once: for entries, and for octets. */
static void test_switch_shrinks(void **state)
{
	static const struct cache_policy less = {.server_text = "",
						 .limits = {{.capacity = 4, .ttl_max_s = 3600}},
						 .zones = {.is_all = true}};
	struct cache_config before = {&small, 1, 1 << 20}, few = {&less, 1, 1 << 20};
	const struct cache_policy *group = &less;
	struct cache *cache = cache_new(&before);
	struct cache_counts counts;
	uint64_t bytes;

	for (unsigned i = 0; i < 10; i++)
		put(cache, &small, i);
	cache_prepare(cache, &few);
	cache_switch(cache, &(struct cache_switch){&few, &group, 1, false});
	cache_count(cache, &less, &counts);
	assert_int_equal(counts.entries[CACHE_SUCCESS], 4);
	assert_int_equal(counts.evictions[CACHE_SUCCESS], 6);
	assert_true(has(cache, &less, 9));
	assert_false(has(cache, &less, 0));
	bytes = cache_bytes(cache);

	struct cache_config tight = {&less, 1, bytes / 2};

	cache_prepare(cache, &tight);
	cache_switch(cache, &(struct cache_switch){&tight, &group, 1, false});
	cache_count(cache, &less, &counts);
	assert_int_equal(counts.entries[CACHE_SUCCESS], 2);
	cache_free(cache);
}

/* The counters of a policy that stays go on; those of an index that is another's begin at 0. */
static void test_switch_counts(void **state)
{
	static const struct cache_policy others[2] = {{PLAIN, .id = 9}, {OF(1)}};
	static const struct cache_policy without[2] = {{.index = 0}, {OF(1)}};
	struct cache_config before = {befores, 2, 1 << 20}, between = {without, 2, 1 << 20},
			    after = {others, 2, 1 << 20};
	const struct cache_policy *groups[2] = {NULL, &others[1]};
	struct cache *cache = cache_new(&before);
	struct cache_counts counts;

	put(cache, &befores[0], 1);
	assert_true(has(cache, &befores[0], 1));
	assert_false(has(cache, &befores[1], 2));
	cache_prepare(cache, &between);
	cache_switch(cache, &(struct cache_switch){&between, groups, 2, true});
	cache_prepare(cache, &after);
	cache_switch(cache, &(struct cache_switch){&after, groups, 2, false});
	cache_count(cache, &others[0], &counts);
	assert_int_equal(counts.entries[CACHE_SUCCESS], 0);
	assert_int_equal(counts.requests, 0);
	assert_int_equal(counts.hits[CACHE_SUCCESS], 0);
	cache_count(cache, &others[1], &counts);
	assert_int_equal(counts.requests, 1);
	assert_int_equal(counts.misses, 1);
	cache_free(cache);
}

/* serve_stale is off now: what was to be stale for a day ends with its TTL. */
static void test_switch_stale(void **state)
{
	static const struct cache_policy stale = {STALE_DAY, .stale = CACHE_STALE_IMMEDIATE};
	struct cache_config before = {&stale, 1, 1 << 20}, after = {&small, 1, 1 << 20};
	const struct cache_policy *group = &small;
	struct cache_question question = question_of("n1.example");
	struct cache *cache = cache_new(&before);
	struct cache_found found;

	put(cache, &stale, 1);
	cache_prepare(cache, &after);
	cache_switch(cache, &(struct cache_switch){&after, &group, 1, false});
	assert_int_equal(cache_find(cache, &small, &question, 299000, &found), CACHE_HIT);
	assert_int_equal(cache_find(cache, &small, &question, 301000, &found), CACHE_MISS);
	cache_free(cache);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),	       cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_bytes),	       cmocka_unit_test(test_key),
		cmocka_unit_test(test_metrics),	       cmocka_unit_test(test_switch),
		cmocka_unit_test(test_switch_shrinks), cmocka_unit_test(test_switch_counts),
		cmocka_unit_test(test_switch_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
