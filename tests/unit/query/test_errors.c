/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of `errors`: the rate limit, and periods of `consolidate` over a clock that the test sets,
 * with one worker and with two that share a period.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "../../../src/query/worker.h"
#include "base/log.h"
#include "query/errors.h"

#define S 1000000000ull
#define N_WORKERS 2

struct harness {
	struct arena arena;
	struct log *log;
	FILE *file;
	struct query_errors_period periods[2];
	struct query_errors_pattern patterns[2];
	struct query_errors errors;
	struct query_block_config block;
	struct query_config config;
	struct query_worker workers[N_WORKERS];
	struct query_output output;
	struct text lines;
};

static void set_pattern(struct harness *harness, size_t i, const char *text, bool shows_first)
{
	struct text why = {0};

	harness->patterns[i] = (struct query_errors_pattern){
		.text = text,
		.duration = "30s",
		.duration_ns = 30 * S,
		.level = i == 0 ? LOG_WARNING : LOG_ERROR,
		.shows_first = shows_first,
		.period = &harness->periods[i],
	};
	assert_int_equal(regex_compile(&harness->patterns[i].regex, &harness->arena, text,
				       strlen(text), &why),
			 0);
}

static void begin(struct harness *harness, bool shows_first)
{
	memset(harness, 0, sizeof(*harness));
	harness->file = tmpfile();
	assert_non_null(harness->file);
	assert_int_equal(log_open(&harness->log, fileno(harness->file), LOG_INFO), 0);
	set_pattern(harness, 0, ".* i/o timeout$", shows_first);
	set_pattern(harness, 1, "down|timeout", shows_first);
	harness->errors = (struct query_errors){harness->patterns, 2};
	harness->block = (struct query_block_config){.errors = &harness->errors};
	harness->config = (struct query_config){.blocks = &harness->block, .n_blocks = 1};
	for (size_t i = 0; i < N_WORKERS; i++) {
		harness->workers[i].log = log_channel_new(harness->log, 65536);
		harness->workers[i].config = &harness->config;
		harness->workers[i].regex = regex_scratch_new();
	}
	harness->output.query.type = DNS_TYPE_A;
	assert_int_equal(dns_name_from_text(&harness->output.query.name, "a.test", 6), 0);
	harness->output.rcode = DNS_RCODE_SERVFAIL;
}

static void fail_at(struct harness *harness, size_t worker, const char *error, uint64_t now_ns)
{
	harness->output.error = error;
	harness->output.upstream = "192.0.2.1:53";
	errors_write(&harness->workers[worker], &harness->block, &harness->output, now_ns);
}

/* All lines; ends the harness. */
static void check(struct harness *harness, const char *want)
{
	int c;

	log_close(harness->log);
	rewind(harness->file);
	while ((c = getc(harness->file)) != EOF) {
		char byte = (char)c;

		text_append(&harness->lines, &byte, 1);
	}
	assert_string_equal(harness->lines.bytes ? harness->lines.bytes : "", want);
	fclose(harness->file);
	text_fini(&harness->lines);
	for (size_t i = 0; i < N_WORKERS; i++)
		regex_scratch_free(harness->workers[i].regex);
	arena_fini(&harness->arena);
}

#define LINE "[ERROR] plugin/errors: 2 a.test. A: "

static void test_plain(void **state)
{
	struct harness harness;

	begin(&harness, false);
	fail_at(&harness, 0, "it is broken", S);
	harness.output.upstream = "";
	harness.output.error = "the server stops";
	errors_write(&harness.workers[0], &harness.block, &harness.output, S);
	harness.output.upstream = NULL;
	errors_write(&harness.workers[0], &harness.block, &harness.output, S);
	check(&harness, LINE "it is broken: 192.0.2.1:53\n" LINE "the server stops\n" LINE
			     "the server stops\n");
}

static void test_limit(void **state)
{
	struct harness harness;

	begin(&harness, false);
	for (int i = 0; i < 25; i++)
		fail_at(&harness, 0, "x", S);
	fail_at(&harness, 0, "y", 3 * S);
	check(&harness,
	      LINE "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE
		   "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE
		   "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE "x: 192.0.2.1:53\n" LINE
		   "x: 192.0.2.1:53\n" LINE "y: 192.0.2.1:53\n"
		   "[ERROR] plugin/errors: 15 like this were not logged\n");
}

/* The first pattern that matches counts; its line comes when the period is over, once. */
static void test_periods(void **state)
{
	struct harness harness;

	begin(&harness, false);
	fail_at(&harness, 0, "no upstream server answered in time", 100 * S);
	fail_at(&harness, 0, "no upstream server answered in time", 129 * S);
	errors_tick(&harness.workers[0], 130 * S - 1);
	errors_tick(&harness.workers[0], 130 * S);
	errors_tick(&harness.workers[0], 131 * S);
	fail_at(&harness, 0, "it is down", 140 * S);
	fail_at(&harness, 0, "it is down", 171 * S); /* ends a period and begins the next */
	errors_end(&harness.workers[0]);
	check(&harness, "[WARNING] plugin/errors: 2 errors like '.* i/o timeout$' occurred in last "
			"30s\n[ERROR] plugin/errors: 1 errors like 'down|timeout' occurred in last "
			"30s\n[ERROR] plugin/errors: 1 errors like 'down|timeout' occurred in last "
			"30s\n");
}

/* One that was shown needs no summary; more do. */
static void test_show_first(void **state)
{
	struct harness harness;

	begin(&harness, true);
	fail_at(&harness, 0, "it is down", 100 * S);
	errors_tick(&harness.workers[0], 130 * S);
	for (int i = 0; i < 5; i++)
		fail_at(&harness, 0, "it is down", 200 * S);
	errors_tick(&harness.workers[0], 230 * S);
	check(&harness, LINE "it is down: 192.0.2.1:53\n" LINE "it is down: 192.0.2.1:53\n"
			     "[ERROR] plugin/errors: 5 errors like 'down|timeout' occurred in last "
			     "30s\n");
}

static void test_two_workers(void **state)
{
	struct harness harness;

	begin(&harness, false);
	fail_at(&harness, 0, "it is down", 100 * S);
	fail_at(&harness, 1, "it is down", 101 * S);
	fail_at(&harness, 1, "it is down", 102 * S);
	errors_tick(&harness.workers[1], 130 * S);
	errors_tick(&harness.workers[0], 130 * S);
	check(&harness, "[ERROR] plugin/errors: 3 errors like 'down|timeout' occurred in last "
			"30s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	    cmocka_unit_test(test_limit),
		cmocka_unit_test(test_periods),	    cmocka_unit_test(test_show_first),
		cmocka_unit_test(test_two_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
