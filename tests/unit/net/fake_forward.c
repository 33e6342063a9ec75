/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_forward.h"

#include "../../../src/net/chain.h"
#include "base/check.h"

struct forward {
	struct chain asked;
	uv_loop_t *loop;
	struct forward_hook hook;
	uv_timer_t ending;
	void (*on_closed)(void *arg);
	void *arg;
};

struct asked {
	struct chain link; /* forward->asked */
	uv_timer_t timer;
	struct forward *forward;
	struct forward_question question;
	struct forward_waiter *waiter;
};

struct forward *forward_open(uv_loop_t *loop, const struct forward_config *config,
			     const struct forward_hook *hook, struct log_channel *log)
{
	struct forward *forward = mem_zalloc(sizeof(*forward));

	chain_init(&forward->asked);
	forward->loop = loop;
	forward->hook = *hook;
	return forward;
}

static void on_asked_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Nothing more comes of it. */
static void forget(struct asked *asked)
{
	chain_remove(&asked->link);
	uv_close((uv_handle_t *)&asked->timer, on_asked_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct asked *asked = timer->data;
	struct forward_waiter *waiter = asked->waiter;
	bool is_failure = asked->question.type == FAKE_FAILS;
	struct forward_result result = {.wire = is_failure ? NULL : (const uint8_t *)"",
					.rcode = DNS_RCODE_SERVFAIL,
					.upstream = ""};

	asked->forward->hook.on_reply(asked->forward->hook.arg, &asked->question, &result);
	forget(asked);
	if (waiter) {
		waiter->question = NULL;
		waiter->on_done(waiter, &result);
	}
}

enum forward_ask forward_ask(struct forward *forward, const struct forward_question *question,
			     struct forward_waiter *waiter, uint64_t deadline_ms)
{
	struct asked *asked;

	CHECK(deadline_ms > uv_now(forward->loop));
	if (question->type == FAKE_FULL)
		return FORWARD_REFUSED;
	asked = mem_zalloc(sizeof(*asked));
	asked->forward = forward;
	asked->question = *question;
	asked->waiter = waiter;
	chain_append(&forward->asked, &asked->link);
	asked->timer.data = asked;
	CHECK(uv_timer_init(forward->loop, &asked->timer) == 0);
	if (question->type != FAKE_NEVER)
		CHECK(uv_timer_start(&asked->timer, on_timer,
				     question->type == FAKE_SLOW ? FAKE_SLOW_MS : FAKE_QUICK_MS,
				     0) == 0);
	if (waiter)
		waiter->question = asked;
	return FORWARD_ASKED;
}

void forward_cancel(struct forward *forward, struct forward_waiter *waiter)
{
	struct asked *asked = waiter->question;

	CHECK(asked && asked->waiter == waiter);
	forget(asked);
}

void forward_reconfigure(struct forward *forward, const struct forward_config *config)
{
	const struct forward_result gone = {.rcode = DNS_RCODE_SERVFAIL, .upstream = ""};
	struct chain before;

	chain_init(&before);
	chain_take(&before, &forward->asked);
	while (!chain_is_empty(&before)) {
		struct asked *asked = CHAIN_ENTRY(before.next, struct asked, link);
		struct forward_waiter *waiter = asked->waiter;

		chain_remove(&asked->link);
		chain_append(&forward->asked, &asked->link);
		if (asked->question.group == (config->probe_key & 0xff))
			continue;
		forget(asked);
		if (waiter) {
			waiter->question = NULL;
			waiter->on_done(waiter, &gone);
		}
	}
}

static void on_forward_closed(uv_handle_t *handle)
{
	struct forward *forward = handle->data;
	void (*on_closed)(void *arg) = forward->on_closed;
	void *arg = forward->arg;

	free(forward);
	on_closed(arg);
}

void forward_close(struct forward *forward, void (*on_closed)(void *arg), void *arg)
{
	forward->on_closed = on_closed;
	forward->arg = arg;
	forward->ending.data = forward;
	CHECK(uv_timer_init(forward->loop, &forward->ending) == 0);
	uv_close((uv_handle_t *)&forward->ending, on_forward_closed);
}

double forward_fullness(const struct forward *forward)
{
	return 0.25;
}

void forward_metrics_write(struct forward *const *forwards, size_t n_forwards, struct text *page)
{
	text_printf(page, "fake_forwards %zu\n", n_forwards);
}
