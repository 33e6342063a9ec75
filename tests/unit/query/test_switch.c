/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker that goes from one configuration to another: what is cached, what is counted, and what
 * becomes of a query that waits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <pthread.h>

#include "../../../src/query/worker.h"
#include "answer_text.h"
#include "base/log.h"
#include "base/rcu.h"
#include "fixture.h"
#include "query/errors.h"

#define POLICY                                                                                  \
	.server_text = "dns://:53", .zones_text = ".", .zones = {.is_all = true},               \
	.limits = {{.capacity = 100, .ttl_max_s = 3600}, {.capacity = 100, .ttl_max_s = 1800}}, \
	.servfail_s = 5

/* A configuration of one block that forwards all but the cluster's names. */
struct stage {
	struct query_forward_config forward;
	struct query_block_config block;
	struct query_view_config views[2];
	struct query_server_config server;
	struct cache_policy policies[2];
	const struct cache_policy *group_policies[2];
	uint64_t group_ids[2];
	struct query_config config;
};

static struct fixture fixture;
static struct stage stages[3];

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_from_text(&name, text, strlen(text)), 0);
	return name;
}

/* Group 0 and 1 with ids, both under policy 0; views "." in row 0 and "two.example." in row 1. */
static void stage_init(struct stage *stage, uint64_t id_0, uint64_t id_1, size_t group)
{
	*stage = (struct stage){.policies = {{POLICY, .id = 7}},
				.group_policies = {&stage->policies[0], &stage->policies[0]},
				.group_ids = {id_0, id_1}};
	stage->forward = (struct query_forward_config){.from = name_of("."), .group = group};
	stage->block = fixture.blocks[0];
	stage->block.forwards = &stage->forward;
	stage->block.n_forwards = 1;
	stage->views[0] = (struct query_view_config){.zone = name_of("two.example"),
						     .zone_text = "two.example.",
						     .server_text = "dns://:53",
						     .metrics = 1,
						     .metrics_id = 1};
	stage->views[1] = (struct query_view_config){.zone = name_of("."),
						     .zone_text = ".",
						     .server_text = "dns://:53",
						     .metrics_id = 2};
	stage->server = (struct query_server_config){stage->views, 2, 2, 3};
	stage->config = fixture.config;
	stage->config.blocks = &stage->block;
	stage->config.n_blocks = 1;
	stage->config.servers = &stage->server;
	stage->config.n_metrics = 3;
	stage->config.cache = (struct cache_config){stage->policies, 1, 1 << 20};
	stage->config.group_policies = stage->group_policies;
	stage->config.group_ids = stage->group_ids;
	stage->config.n_groups = 2;
}

static void start(struct stage *stage)
{
	query_worker_free(fixture.worker);
	fixture.worker = query_worker_new(&stage->config, NULL);
}

/* What was before may not be read any more: it is written over. */
static void go_on(struct stage *from, struct stage *to)
{
	query_worker_prepare(fixture.worker, &to->config);
	query_worker_switch(fixture.worker, &to->config);
	memset(from, 0xa5, sizeof(*from));
}

static enum query_verdict run(const char *name)
{
	uint8_t packet[512];
	size_t size = query_packet(packet, name, DNS_TYPE_A, 1232);

	return fixture_run(&fixture, packet, size, false);
}

/* An upstream's reply to what is asked for this name. */
static void learn(const char *name)
{
	static uint8_t wire[512];
	struct wire_writer writer = wire_writer_init(wire, sizeof(wire));
	struct query_external external = {0};
	struct cache_question question;

	assert_int_equal(run(name), QUERY_FORWARD);
	question = *fixture.output.question;
	external.question = &question;
	wire_put(&writer, "\0\1\x81\x80\0\1\0\1\0\0\0\0", 12);
	wire_put(&writer, question.name.wire, question.name.len);
	wire_put_u16(&writer, question.type);
	wire_put_u16(&writer, question.class);
	wire_put(&writer, "\xc0\x0c\0\1\0\1\0\0\0\x64\0\4\xc6\x33\x64\1", 16);
	query_learn(fixture.worker, &external, wire, writer.pos, 0);
	assert_non_null(external.reply);
}

/* Replies of the group that stays are there; those of one that is gone are asked for again. */
static void test_cache(void **state)
{
	static const struct {
		const char *name;
		uint64_t id_0, policy_id;
		enum query_verdict want;
	} cases[] = {
		{"all stays", 5, 7, QUERY_ANSWER},
		{"the group is another", 8, 7, QUERY_FORWARD},
		{"the policy is another", 5, 9, QUERY_FORWARD},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage *from = &stages[0], *to = &stages[1];

		print_message("%s\n", cases[i].name);
		stage_init(from, 5, 6, 0);
		start(from);
		learn("www.example.com");
		stage_init(to, cases[i].id_0, 6, 0);
		if (cases[i].policy_id != 7) {
			to->policies[1] = to->policies[0];
			to->policies[1].index = 1;
			to->policies[1].id = cases[i].policy_id;
			to->policies[0] = (struct cache_policy){0};
			to->group_policies[0] = to->group_policies[1] = &to->policies[1];
			to->config.cache.n_policies = 2;
		}
		go_on(from, to);
		assert_int_equal(run("www.example.com"), cases[i].want);
	}
}

/* The group's entries go even where there is no group at all any more. */
static void test_no_groups(void **state)
{
	stage_init(&stages[0], 5, 6, 1);
	start(&stages[0]);
	learn("www.example.com");
	stage_init(&stages[1], 0, 0, 0);
	stages[1].block.n_forwards = 0;
	stages[1].config.n_groups = 0;
	stages[1].config.group_policies = NULL;
	stages[1].config.group_ids = NULL;
	stages[1].policies[0] = (struct cache_policy){0};
	stages[1].config.cache.n_policies = 0;
	go_on(&stages[0], &stages[1]);
	assert_int_equal(run("www.example.com"), QUERY_ANSWER);
	assert_int_equal(fixture.output.rcode, DNS_RCODE_REFUSED);
	stage_init(&stages[2], 5, 6, 1);
	go_on(&stages[1], &stages[2]);
	assert_int_equal(run("www.example.com"), QUERY_FORWARD);
}

/* A query that waits for a group that is gone asks the new one, once it is told so. */
static void test_waiting(void **state)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = 99};
	struct query_external gone = {.rcode = DNS_RCODE_SERVFAIL, .ede = DNS_EDE_OTHER};
	struct query_input input = {.source = (const struct sockaddr *)&source};
	struct cache_question question;
	uint8_t packet[512];

	stage_init(&stages[0], 5, 6, 0);
	start(&stages[0]);
	assert_int_equal(run("www.example.com"), QUERY_FORWARD);
	question = *fixture.output.question;
	assert_int_equal(question.group, 0);
	stage_init(&stages[1], 0, 8, 1);
	stages[1].group_policies[0] = NULL;
	go_on(&stages[0], &stages[1]);
	gone.question = &question;
	input.packet = packet;
	input.size = query_packet(packet, "www.example.com", DNS_TYPE_A, 1232);
	rcu_enter();
	assert_int_equal(query_resume(fixture.worker, &input, &gone, &fixture.output),
			 QUERY_FORWARD);
	rcu_leave();
	assert_int_equal(fixture.output.question->group, 1);
}

static char *page_of(const struct stage *stage)
{
	static struct text page;

	text_fini(&page); /* of the call before */
	query_metrics_write(&fixture.worker, 1, &stage->config, &page);
	return page.bytes;
}

/* The sample that begins so; -1: there is none. */
static int sample(const char *page, const char *start)
{
	const char *at = strstr(page, start);

	return at ? atoi(at + strlen(start)) : -1;
}

#define DURATIONS "coredns_dns_request_duration_seconds_count{server=\"dns://:53\",zone="
#define ROOT DURATIONS "\".\",view=\"\"} "
#define TWO DURATIONS "\"two.example.\",view=\"\"} "
#define THREE DURATIONS "\"three.example.\",view=\"\"} "
#define CLUSTER_HITS "kaname_query_duration_seconds_count{class=\"cluster\",result=\"hit\"} "

/* A row that stays goes on counting, one that is gone is not shown, its place begins at 0 for
 * another; and what is the rest of all does not go back. */
static void test_rows(void **state)
{
	const char *cluster = "web.shop.svc.cluster.local";

	stage_init(&stages[0], 5, 6, 0);
	start(&stages[0]);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(run(cluster), QUERY_ANSWER);
	/* The zone's own block has the cluster's names too, so that it has a hit. */
	stages[0].views[0].zone = name_of("cluster.local");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(run(cluster), QUERY_ANSWER);
	assert_int_equal(sample(page_of(&stages[0]), ROOT), 3);
	assert_int_equal(sample(page_of(&stages[0]), TWO), 2);
	assert_int_equal(sample(page_of(&stages[0]), CLUSTER_HITS), 5);

	stage_init(&stages[1], 5, 6, 0);
	stages[1].server.views = &stages[1].views[1];
	stages[1].server.n_views = 1;
	go_on(&stages[0], &stages[1]);
	assert_int_equal(run(cluster), QUERY_ANSWER);
	assert_int_equal(sample(page_of(&stages[1]), ROOT), 4);
	assert_int_equal(sample(page_of(&stages[1]), TWO), -1);
	assert_int_equal(sample(page_of(&stages[1]), CLUSTER_HITS), 6);

	stage_init(&stages[2], 5, 6, 0);
	stages[2].views[0].zone_text = "three.example.";
	stages[2].views[0].zone = name_of("cluster.local");
	stages[2].views[0].metrics_id = 4;
	go_on(&stages[1], &stages[2]);
	assert_int_equal(sample(page_of(&stages[2]), ROOT), 4);
	assert_int_equal(sample(page_of(&stages[2]), THREE), -1);
	assert_int_equal(sample(page_of(&stages[2]), CLUSTER_HITS), 6);
	assert_int_equal(run(cluster), QUERY_ANSWER);
	assert_int_equal(sample(page_of(&stages[2]), THREE), 1);
	assert_int_equal(sample(page_of(&stages[2]), CLUSTER_HITS), 7);
}

/* What no block has is counted for the server, in a row of its own that stays. */
static void test_dropped(void **state)
{
	const char *dropped = DURATIONS "\"dropped\",view=\"\"} ";

	for (size_t i = 0; i < 2; i++) {
		stage_init(&stages[i], 5, 6, 0);
		stages[i].server.n_views = 1;
	}
	start(&stages[0]);
	assert_int_equal(run("elsewhere.example"), QUERY_ANSWER);
	assert_int_equal(sample(page_of(&stages[0]), dropped), 1);
	go_on(&stages[0], &stages[1]);
	assert_int_equal(run("elsewhere.example"), QUERY_ANSWER);
	assert_int_equal(sample(page_of(&stages[1]), dropped), 2);
}

/* Two servers that share a row (an address and the wildcard beside it): it is written once. */
static void test_shared_rows(void **state)
{
	struct query_server_config servers[2];
	const char *page, *at;

	stage_init(&stages[0], 5, 6, 0);
	servers[0] = servers[1] = stages[0].server;
	stages[0].config.servers = servers;
	stages[0].config.n_servers = 2;
	start(&stages[0]);
	assert_int_equal(run("web.shop.svc.cluster.local"), QUERY_ANSWER);
	page = page_of(&stages[0]);
	at = strstr(page, ROOT);
	assert_non_null(at);
	assert_null(strstr(at + 1, ROOT));
}

/* Errors that were counted and not told yet are told before their patterns are gone. */
static void test_consolidated_errors(void **state)
{
	struct query_errors_period period = {0};
	struct query_errors_pattern pattern = {.text = "down",
					       .duration = "1h",
					       .duration_ns = 3600000000000ull,
					       .level = LOG_ERROR,
					       .period = &period};
	const struct query_errors errors = {&pattern, 1};
	struct query_output output = {.error = "it is down", .rcode = DNS_RCODE_SERVFAIL};
	struct arena arena = {0};
	struct text why = {0};
	FILE *file = tmpfile();
	struct log *log;
	char line[256];

	assert_int_equal(regex_compile(&pattern.regex, &arena, "down", 4, &why), 0);
	assert_int_equal(log_open(&log, fileno(file), LOG_INFO), 0);
	stage_init(&stages[0], 5, 6, 0);
	stages[0].block.errors = &errors;
	query_worker_free(fixture.worker);
	fixture.worker = query_worker_new(&stages[0].config, log_channel_new(log, 65536));
	for (unsigned i = 0; i < 3; i++)
		errors_write(fixture.worker, &stages[0].block, &output, i);
	stage_init(&stages[1], 5, 6, 0);
	go_on(&stages[0], &stages[1]);
	arena_fini(&arena);
	start(&stages[1]);
	log_close(log);
	rewind(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "[ERROR] plugin/errors: 3 errors like 'down' occurred in last "
				  "1h\n");
	assert_null(fgets(line, sizeof(line), file));
	fclose(file);
}

/* ---- two threads --------------------------------------------------------------------- */

/* Main tells the worker by `next`, the worker main by `used`; as net does. */
static struct hand_over {
	struct stage *next, *used;
	bool is_over;
} hand_over;

static void *work(void *arg)
{
	struct stage *used = arg, *next;

	rcu_register();
	while (!__atomic_load_n(&hand_over.is_over, __ATOMIC_ACQUIRE)) {
		next = __atomic_load_n(&hand_over.next, __ATOMIC_ACQUIRE);
		if (next != used) {
			query_worker_switch(fixture.worker, &next->config);
			used = next;
			__atomic_store_n(&hand_over.used, used, __ATOMIC_RELEASE);
		}
		assert_int_equal(run("web.shop.svc.cluster.local"), QUERY_ANSWER);
		assert_int_equal(run("a.two.example"), QUERY_FORWARD);
	}
	rcu_unregister();
	return NULL;
}

/* By turns all is there, the second row and the policy are gone, and others have their places. */
static void vary(struct stage *stage, unsigned round)
{
	stage_init(stage, 5, 6, 0);
	stage->views[0].metrics_id = 100 + round / 2;
	stage->policies[0].id = 100 + round / 2;
	if (round % 2 == 0)
		return;
	stage->server.views = &stage->views[1];
	stage->server.n_views = 1;
	stage->policies[0] = (struct cache_policy){0};
	stage->group_policies[0] = stage->group_policies[1] = NULL;
}

/* The page is right at any moment, and what counts up never goes back. */
static void test_threads(void **state)
{
	struct stage *used = &stages[0];
	pthread_t thread;
	int last = -1;

	vary(used, 0);
	start(used);
	hand_over = (struct hand_over){.next = used, .used = used};
	assert_int_equal(pthread_create(&thread, NULL, work, used), 0);
	for (unsigned round = 1; round < 100; round++) {
		struct stage *next = &stages[round % 2];

		vary(next, round);
		query_worker_prepare(fixture.worker, &next->config);
		__atomic_store_n(&hand_over.next, next, __ATOMIC_RELEASE);
		do {
			int hits = sample(page_of(next), CLUSTER_HITS);

			assert_true(hits >= last);
			last = hits;
		} while (__atomic_load_n(&hand_over.used, __ATOMIC_ACQUIRE) != next);
	}
	__atomic_store_n(&hand_over.is_over, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(last > 0);
}

static int set_up(void **state)
{
	rcu_register();
	fixture_init(&fixture);
	table_commit(fixture.table, 1700000000, true);
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&fixture);
	rcu_unregister();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_no_groups),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_shared_rows),
		cmocka_unit_test(test_consolidated_errors),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
