/* SPDX-License-Identifier: Apache-2.0
 *
 * A forwarder's life and its turn of the loop.
 *
 * Datagrams that were asked for in a turn go out together: after the loop's poll (uv_check), and
 * before it (uv_prepare) for what timers asked. Both end the turn: what failed is told, what is
 * due next sets the one timer. A tick a second looks at files and names, gives up ports that were
 * not used, and frees what has gone.
 *
 * forward_close fails what waits and closes the handles; a closing handle's last callback frees
 * everything.
 */
#include "forward_private.h"

#include <netinet/in.h>
#include <stdarg.h>

#include "base/clock.h"

#define MS 1000ull
#define TICK_MS 1000u
#define GONE_US (30 * 1000 * MS) /* longer than any question or attempt */
#define ATTEMPTS_PER_QUESTION 4u
#define QUESTIONS_MAX 4096u
#define LAG_MS 3u
#define ROUNDS_MAX 16u
#define NOT_SET UINT64_MAX

void forward_log(const struct forward *forward, enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	if (forward->hook.is_quiet)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_printf(forward->log, level, "%s", line);
}

void forward_now(struct forward *forward)
{
	forward->channels.now_us = clock_monotonic_ns() / 1000;
}

/* ---- what is due ---- */

static void on_timer(uv_timer_t *timer);

/* uv counts from its own idea of now, which may be older than ours: so it may be early, not late.
 */
static void set_timer(struct forward *forward)
{
	uint64_t next_ms = wheel_next_ms(&forward->wheel), now_ms;

	if (next_ms >= forward->timer_ms || forward->is_closing)
		return;
	forward->timer_ms = next_ms;
	now_ms = uv_now(forward->loop);
	CHECK(uv_timer_start(&forward->timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 0,
			     0) == 0);
}

void forward_set_due(struct forward *forward, struct due *due, uint64_t at_us)
{
	wheel_set(&forward->wheel, &due->timer, (at_us + MS - 1) / MS);
}

/* ---- the turn ---- */

static void for_each_line(struct forward *forward, void (*what)(struct line *line))
{
	for (size_t i = 0; i < forward->n_lines; i++) {
		if (forward->lines[i])
			what(forward->lines[i]);
	}
	if (forward->resolver)
		what(forward->resolver);
}

static void end_turn(struct forward *forward)
{
	if (forward->is_closing)
		return;
	for_each_line(forward, line_refresh);
	/* Who is told of a failure may ask again, which has to go out before the loop sleeps. */
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		uint64_t n_pushed = forward->channels.n_pushed;

		channels_flush(&forward->channels);
		channels_drain(&forward->channels);
		asked_finish_failed(forward);
		if (forward->channels.n_pushed == n_pushed)
			break;
	}
	forward->turn++;
	set_timer(forward);
}

/* libuv runs timers before it reads sockets. When this one is late it was us who were held up, and
 * replies may be waiting that are not late at all: they are read first. */
static bool must_read_first(struct forward *forward)
{
	uint64_t now_ms = forward->channels.now_us / MS;
	bool is_lagging = now_ms > forward->timer_ms + LAG_MS && !forward->has_lagged;

	forward->has_lagged = is_lagging;
	if (is_lagging)
		CHECK(uv_timer_start(&forward->timer, on_timer, 0, 0) == 0);
	return is_lagging;
}

static void on_timer(uv_timer_t *timer)
{
	struct forward *forward = timer->data;
	struct wheel_timer *due;

	forward_now(forward);
	if (must_read_first(forward))
		return;
	forward->timer_ms = NOT_SET;
	while ((due = wheel_take(&forward->wheel, forward->channels.now_us / MS)) != NULL)
		((struct due *)(void *)due)->on_due((struct due *)(void *)due);
}

static void on_prepare(uv_prepare_t *prepare)
{
	end_turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
	end_turn(check->data);
}

static void on_replies(void *arg)
{
	struct forward *forward = arg;

	channels_drain(&forward->channels);
}

static void free_gone(struct forward *forward)
{
	struct peer *peer, *next;

	cds_list_for_each_entry_safe(peer, next, &forward->gone, link)
	{
		peer_tick(peer);
		if (peer->gone_us + GONE_US > forward->channels.now_us || peer->n_attempts > 0 ||
		    channels_has_retired(&forward->channels, &peer->to))
			continue;
		cds_list_del(&peer->link);
		peer_free(peer);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct forward *forward = tick->data;

	forward_now(forward);
	for_each_line(forward, line_tick);
	asked_measure(forward);
	channels_drain(&forward->channels);
	channels_sweep(&forward->channels);
	free_gone(forward);
}

/* ---- its life ---- */

/* Whom to ask for host names: the nameservers of resolv.conf. */
static void fill_resolver(struct forward *forward)
{
	const struct forward_config *config = forward->config;
	const char *path = config->resolv_conf;

	forward->resolver_target = (struct forward_target){
		.kind = FORWARD_TARGET_RESOLV_CONF,
		.path = path ? path : "/etc/resolv.conf",
		.port = config->resolver_port ? config->resolver_port : 53,
	};
	forward->resolver_config = (struct forward_group_config){
		.targets = &forward->resolver_target,
		.n_targets = 1,
		.from_text = "(host names)",
		.policy = FORWARD_SEQUENTIAL,
		.expire_ms = 10000,
		.max_fails = 2,
		.health_interval_ms = 500,
		.failover_rcodes = FORWARD_RCODES_FAILOVER,
		.next_group = FORWARD_NO_GROUP,
	};
	CHECK(dns_name_from_text(&forward->resolver_config.health_domain, ".", 1) == 0);
}

void forward_set_resolver(struct forward *forward)
{
	if (!forward_has_hosts(forward->config))
		return;
	fill_resolver(forward);
	if (forward->resolver)
		line_rebase(forward->resolver, &forward->resolver_config);
	else
		forward->resolver = line_new(forward, &forward->resolver_config);
}

void forward_set_bounds(struct forward *forward)
{
	size_t max = forward->config->max_questions;

	forward->asked_max = max ? max : QUESTIONS_MAX;
	forward->channels.n_attempts_max = forward->asked_max * ATTEMPTS_PER_QUESTION;
}

void forward_set_tick(struct forward *forward)
{
	uint32_t tick_ms = forward->config->tick_ms ? forward->config->tick_ms : TICK_MS;

	if (tick_ms == forward->tick_ms)
		return;
	forward->tick_ms = tick_ms;
	CHECK(uv_timer_start(&forward->tick, on_tick, 0, tick_ms) == 0);
}

static void init_handles(struct forward *forward, uv_loop_t *loop)
{
	CHECK(uv_timer_init(loop, &forward->timer) == 0);
	CHECK(uv_timer_init(loop, &forward->tick) == 0);
	CHECK(uv_prepare_init(loop, &forward->prepare) == 0);
	CHECK(uv_check_init(loop, &forward->check) == 0);
	forward->n_open = 4;
	forward->timer.data = forward->tick.data = forward;
	forward->prepare.data = forward->check.data = forward;
	forward_set_tick(forward);
	CHECK(uv_prepare_start(&forward->prepare, on_prepare) == 0);
	CHECK(uv_check_start(&forward->check, on_check) == 0);
}

/* What is no line's any more still has some manners to go by. */
static void init_departed(struct forward *forward)
{
	forward->departed_config = (struct forward_group_config){
		.from_text = "(gone)", .expire_ms = 10000, .next_group = FORWARD_NO_GROUP};
	forward->departed.forward = forward;
	forward->departed.config = &forward->departed_config;
}

static void on_polls_closed(void *arg);

struct forward *forward_open(uv_loop_t *loop, const struct forward_config *config,
			     const struct forward_hook *hook, struct log_channel *log)
{
	struct forward *forward = mem_zalloc(sizeof(*forward));

	forward->loop = loop;
	forward->config = config;
	forward->log = log;
	if (hook)
		forward->hook = *hook;
	channels_init(&forward->channels, loop, 0);
	forward_set_bounds(forward);
	forward->channels.on_replies = on_replies;
	forward->channels.on_closed = on_polls_closed;
	forward->channels.arg = forward;
	random_init(&forward->random);
	forward_now(forward);
	wheel_init(&forward->wheel, forward->channels.now_us / MS);
	forward->timer_ms = NOT_SET;
	forward->turn = 1;
	CDS_INIT_LIST_HEAD(&forward->gone);
	asked_init(forward);
	forward->n_lines = config->n_groups;
	forward->lines = mem_zalloc((forward->n_lines + 1) * sizeof(struct line *));
	init_departed(forward);
	init_handles(forward, loop);
	for (size_t i = 0; i < config->n_groups; i++) {
		if (config->groups[i].n_targets > 0)
			forward->lines[i] = line_new(forward, &config->groups[i]);
	}
	forward_set_resolver(forward);
	return forward;
}

static void free_if_closed(struct forward *forward)
{
	void (*on_closed)(void *arg) = forward->on_closed;
	void *arg = forward->arg;

	if (forward->n_open > 0 || forward->channels.n_polls > 0)
		return;
	channels_fini(&forward->channels);
	asked_fini(forward);
	free(forward->lines);
	free(forward);
	on_closed(arg);
}

static void on_polls_closed(void *arg)
{
	struct forward *forward = arg;

	if (forward->is_closing)
		free_if_closed(forward);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct forward *forward = handle->data;

	forward->n_open--;
	free_if_closed(forward);
}

static void free_channels(struct forward *forward)
{
	struct peer *peer, *next;

	for_each_line(forward, line_free);
	cds_list_for_each_entry_safe(peer, next, &forward->gone, link)
	{
		cds_list_del(&peer->link);
		peer_free(peer);
	}
}

/* On the timer's own turn, so that forward_close may be called from anywhere, on_done included. */
static void on_close_turn(uv_timer_t *timer)
{
	struct forward *forward = timer->data;

	forward_now(forward);
	asked_fail_all(forward);
	channels_free_retired(&forward->channels);
	free_channels(forward);
	uv_close((uv_handle_t *)&forward->timer, on_handle_closed);
	uv_close((uv_handle_t *)&forward->tick, on_handle_closed);
	uv_close((uv_handle_t *)&forward->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&forward->check, on_handle_closed);
}

void forward_close(struct forward *forward, void (*on_closed)(void *arg), void *arg)
{
	CHECK(!forward->is_closing);
	forward->is_closing = true;
	forward->on_closed = on_closed;
	forward->arg = arg;
	CHECK(uv_timer_stop(&forward->tick) == 0);
	CHECK(uv_timer_start(&forward->timer, on_close_turn, 0, 0) == 0);
}
