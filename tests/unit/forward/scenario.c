/* SPDX-License-Identifier: Apache-2.0
 *
 * The shell of the policy without sockets: questions in a table, their wake times in a wheel.
 */
#include "scenario.h"

#include <stddef.h>
#include <string.h>

#include "../../../src/forward/question.h"
#include "../../../src/forward/wheel.h"
#include "base/array.h"

#define START_MS 1000000u
#define MS 1000u
#define NAME_MAX_LEN 16

struct asked {
	char name[NAME_MAX_LEN];
	struct question question;
	struct wheel_timer timer;
	bool is_quiet;
	bool is_over;
};

struct world {
	struct forward_group_config config;
	struct random random;
	struct group group;
	uint64_t n_broken;
	struct upstream upstreams[FORWARD_UPSTREAMS_MAX];
	ARRAY(struct asked *) asked;
	struct wheel wheel;
	uint64_t now_ms;
	unsigned n_sent, n_limited;
	struct text *log;
};

static uint64_t now_us(const struct world *world)
{
	return world->now_ms * MS;
}

static char upstream_letter(const struct world *world, const struct upstream *upstream)
{
	return (char)('A' + (upstream - world->upstreams));
}

static void say_verdict(struct world *world, const struct asked *asked,
			const struct question_output *output)
{
	const struct question_attempt *at = &asked->question.attempts[output->attempt];

	text_printf(world->log, "%llu %s", (unsigned long long)(world->now_ms - START_MS),
		    asked->name);
	switch (output->verdict) {
	case QUESTION_WAIT:
		text_printf(world->log, " waits%s\n", output->is_limited ? ", limited" : "");
		break;
	case QUESTION_SEND:
		text_printf(world->log, ".%u to %c%s%s%s\n", output->attempt,
			    upstream_letter(world, asked->question.upstreams[output->attempt]),
			    at->is_tcp ? " tcp" : "", at->has_edns ? "" : " plain",
			    output->is_hedge ? " hedge" : "");
		break;
	case QUESTION_ANSWER:
		text_puts(world->log, " answered\n");
		break;
	case QUESTION_ANSWER_KEPT:
		text_puts(world->log, " answered with the kept\n");
		break;
	case QUESTION_FAIL:
		text_printf(world->log, " failed %d %s\n", (int)output->ede, output->text);
		break;
	}
}

static void step(struct world *world, struct asked *asked, const struct question_input *input)
{
	struct question_output output;

	if (asked->is_over)
		return;
	question_step(&asked->question, input, &output);
	world->n_limited += output.is_limited;
	world->n_sent += output.verdict == QUESTION_SEND;
	if (!asked->is_quiet && output.is_down)
		text_printf(world->log, "%llu %c is down\n",
			    (unsigned long long)(world->now_ms - START_MS),
			    upstream_letter(world, asked->question.upstreams[output.down]));
	if (!asked->is_quiet && (output.verdict != QUESTION_WAIT || input->event != QUESTION_WAKE))
		say_verdict(world, asked, &output);
	if (output.verdict == QUESTION_WAIT || output.verdict == QUESTION_SEND) {
		CHECK(asked->question.wake_us > now_us(world));
		wheel_set(&world->wheel, &asked->timer, (asked->question.wake_us + MS - 1) / MS);
	} else {
		asked->is_over = true;
		wheel_clear(&world->wheel, &asked->timer);
	}
}

static void go_to(struct world *world, uint64_t until_ms)
{
	struct wheel_timer *timer;

	while ((timer = wheel_take(&world->wheel, until_ms)) != NULL) {
		struct asked *asked =
			(struct asked *)(void *)((char *)timer - offsetof(struct asked, timer));

		world->now_ms = timer->at_ms;
		step(world, asked,
		     &(struct question_input){.event = QUESTION_WAKE, .now_us = now_us(world)});
	}
	world->now_ms = until_ms;
}

static void ask(struct world *world, const char *name, unsigned i, const char *words)
{
	struct asked *asked = mem_zalloc(sizeof(*asked));
	const char *times = strchr(words, 'x');

	asked->is_quiet = times != NULL;
	snprintf(asked->name, sizeof(asked->name), asked->is_quiet ? "%s%u" : "%s", name, i);
	ARRAY_PUSH(&world->asked, asked);
	question_init(&asked->question, &world->group, now_us(world), now_us(world) + 5000 * MS,
		      strstr(words, "do") != NULL);
	step(world, asked,
	     &(struct question_input){.event = QUESTION_START, .now_us = now_us(world)});
}

static void do_ask(struct world *world, const char *line)
{
	char name[NAME_MAX_LEN] = "";
	int used = 0;
	const char *times;
	unsigned n = 1;

	CHECK(sscanf(line, "%10s%n", name, &used) == 1);
	times = strchr(line + used, 'x');
	if (times != NULL)
		n = (unsigned)strtoul(times + 1, NULL, 10);
	for (unsigned i = 0; i < n; i++)
		ask(world, name, i, line + used);
}

static struct asked *find_attempt(struct world *world, const char *word, unsigned *attempt)
{
	const char *dot = strchr(word, '.');

	CHECK(dot != NULL);
	*attempt = (unsigned)strtoul(dot + 1, NULL, 10);
	for (size_t i = 0; i < world->asked.len; i++) {
		if (strlen(world->asked.items[i]->name) == (size_t)(dot - word) &&
		    memcmp(world->asked.items[i]->name, word, (size_t)(dot - word)) == 0)
			return world->asked.items[i];
	}
	CHECK(!"no such question");
	return NULL;
}

static void do_reply(struct world *world, const char *line)
{
	static const char *const rcodes[] = {"NOERROR",	 "FORMERR", "SERVFAIL",
					     "NXDOMAIN", "NOTIMP",  "REFUSED"};
	char word[NAME_MAX_LEN], rcode[NAME_MAX_LEN];
	struct question_input input = {.event = QUESTION_REPLY, .now_us = now_us(world)};
	struct asked *asked;

	CHECK(sscanf(line, "%15s %15s", word, rcode) == 2);
	asked = find_attempt(world, word, &input.attempt);
	while (strcmp(rcodes[input.rcode], rcode) != 0)
		CHECK(++input.rcode < ARRAY_LEN(rcodes));
	input.is_truncated = strstr(line, " tc") != NULL;
	step(world, asked, &input);
}

static void do_fail(struct world *world, const char *line)
{
	static const char *const failures[] = {"network", "stale", "case", "local"};
	char word[NAME_MAX_LEN], failure[NAME_MAX_LEN];
	struct question_input input = {.event = QUESTION_FAILED, .now_us = now_us(world)};
	struct asked *asked;
	unsigned i = 0;

	CHECK(sscanf(line, "%15s %15s", word, failure) == 2);
	asked = find_attempt(world, word, &input.attempt);
	while (strcmp(failures[i], failure) != 0)
		CHECK(++i < ARRAY_LEN(failures));
	input.failure = (enum question_failure)i;
	step(world, asked, &input);
}

static void do_group(struct world *world, const char *line)
{
	const char *max_fails = strstr(line, "max_fails="), *attempts = strstr(line, "attempts=");
	char policy[NAME_MAX_LEN];
	unsigned n;

	CHECK(sscanf(line, "%15s %u", policy, &n) == 2 && n <= FORWARD_UPSTREAMS_MAX);
	world->config.policy = policy[0] == 's'	  ? FORWARD_SEQUENTIAL
			       : policy[1] == 'o' ? FORWARD_ROUND_ROBIN
						  : FORWARD_RANDOM;
	world->config.has_force_tcp = strstr(line, "force_tcp") != NULL;
	world->config.is_failfast = strstr(line, "failfast") != NULL;
	world->config.failover_rcodes = FORWARD_RCODES_FAILOVER;
	if (strstr(line, "nxdomain_is_bad") != NULL)
		world->config.failover_rcodes |= 1u << DNS_RCODE_NXDOMAIN;
	world->config.max_connect_attempts =
		attempts ? (uint32_t)strtoul(attempts + strlen("attempts="), NULL, 10) : 0;
	group_init(&world->group, &world->config, &world->random, now_us(world), &world->n_broken);
	for (unsigned i = 0; i < n; i++) {
		world->upstreams[i].max_fails =
			max_fails ? (uint32_t)strtoul(max_fails + strlen("max_fails="), NULL, 10)
				  : 2;
		world->group.upstreams[i] = &world->upstreams[i];
	}
	world->group.n_upstreams = n;
}

static void do_upstream(struct world *world, const char *command, const char *line)
{
	static const char *const ranks[] = {"good", "failing", "down", "unusable"};
	struct upstream *upstream = &world->upstreams[line[0] - 'A'];

	if (strcmp(command, "learn") == 0) {
		for (int i = 0; i < 64; i++)
			upstream_replied(upstream, now_us(world), strtoul(line + 2, NULL, 10) * MS,
					 false);
	} else if (strcmp(command, "loops") == 0) {
		upstream->is_looping = true;
	} else if (strcmp(command, "up") == 0) {
		upstream_replied(upstream, now_us(world), 0, false);
	} else {
		text_printf(world->log, "%c %s%s\n", line[0],
			    ranks[upstream_rank(upstream, now_us(world))],
			    upstream_is_suspect(upstream) ? ", suspect" : "");
	}
}

static void run_line(struct world *world, const char *command, const char *rest)
{
	if (strcmp(command, "group") == 0)
		do_group(world, rest);
	else if (strcmp(command, "ask") == 0)
		do_ask(world, rest);
	else if (strcmp(command, "at") == 0)
		go_to(world, START_MS + strtoul(rest, NULL, 10));
	else if (strcmp(command, "reply") == 0)
		do_reply(world, rest);
	else if (strcmp(command, "fail") == 0)
		do_fail(world, rest);
	else if (strcmp(command, "total") == 0)
		text_printf(world->log, "%u sent for %zu, %s\n", world->n_sent, world->asked.len,
			    world->n_limited > 0 ? "limited" : "not limited");
	else
		do_upstream(world, command, rest);
}

void scenario_run(const char *script, struct text *log)
{
	struct world world = {.random = {.state = 7}, .now_ms = START_MS, .log = log};

	wheel_init(&world.wheel, START_MS);
	while (*script) {
		char line[128], command[NAME_MAX_LEN];
		size_t len = strcspn(script, "\n");
		int used = 0;

		CHECK(len < sizeof(line));
		memcpy(line, script, len);
		line[len] = '\0';
		CHECK(sscanf(line, "%15s %n", command, &used) == 1);
		run_line(&world, command, line + used);
		script += len + (script[len] == '\n');
	}
	for (size_t i = 0; i < world.asked.len; i++) {
		wheel_clear(&world.wheel, &world.asked.items[i]->timer);
		free(world.asked.items[i]);
	}
	ARRAY_FINI(&world.asked);
}
