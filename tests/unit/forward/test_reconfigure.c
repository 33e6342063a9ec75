/* SPDX-License-Identifier: Apache-2.0
 *
 * A forwarder that gets another configuration while questions are in flight: which go on, which are
 * dropped, and that nothing leads into the old configuration, which is written over each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "responder.h"

static struct rig rig;
static struct asker askers[4];

#define ASKER (&askers[0])
#define GROUPS_MAX 3

/* A configuration in memory of its own. */
struct world {
	struct forward_target targets[GROUPS_MAX];
	char from_text[GROUPS_MAX][2];
	struct forward_group_config groups[GROUPS_MAX];
	struct forward_listener own;
	char path[64];
	struct forward_config config;
};

static struct world *worlds[2];

/* Group i asks responder i alone; of the rig's configuration what it says beside. */
static struct world *world_new(size_t n_groups)
{
	struct world *world = mem_zalloc(sizeof(*world));

	world->config = rig.config;
	world->config.groups = world->groups;
	world->config.n_groups = n_groups;
	for (size_t i = 0; i < n_groups; i++) {
		memcpy(world->from_text[i], ".", 2);
		world->targets[i] = rig.targets[i];
		world->groups[i] = rig.groups[0];
		world->groups[i].targets = &world->targets[i];
		world->groups[i].n_targets = 1;
		world->groups[i].from_text = world->from_text[i];
	}
	return world;
}

static void begin(unsigned n_responders, size_t n_groups)
{
	rig_init(&rig, n_responders);
	worlds[0] = world_new(n_groups);
	worlds[1] = world_new(n_groups);
}

static void open_first(void)
{
	rig.config = worlds[0]->config;
	rig_open(&rig);
}

/* The old world ends: who still reads it reads freed memory, or other words. */
static void reconfigure(void)
{
	forward_reconfigure(rig.forward, &worlds[1]->config);
	memset(worlds[0], 0xa5, sizeof(*worlds[0]));
	free(worlds[0]);
	worlds[0] = NULL;
}

static void end(void)
{
	rig_close(&rig);
	free(worlds[0]);
	free(worlds[1]);
}

static enum forward_ask ask(struct asker *asker, size_t group, const char *name,
			    void (*on_done)(struct forward_waiter *waiter,
					    const struct forward_result *result))
{
	struct forward_question question = {
		.group = group, .type = DNS_TYPE_A, .class = DNS_CLASS_IN};

	memset(asker, 0, sizeof(*asker));
	asker->waiter.on_done = on_done;
	assert_int_equal(dns_name_from_text(&question.name, name, strlen(name)), 0);
	uv_update_time(&rig.loop);
	return forward_ask(rig.forward, &question, &asker->waiter, uv_now(&rig.loop) + 5000);
}

static void on_done(struct forward_waiter *waiter, const struct forward_result *result)
{
	struct asker *asker = (struct asker *)(void *)waiter;

	assert_false(asker->is_done);
	asker->is_done = true;
	asker->has_wire = result->wire != NULL;
	asker->ede = result->ede;
	snprintf(asker->upstream, sizeof(asker->upstream), "%s", result->upstream);
}

static void run_until_held(unsigned responder, unsigned n)
{
	while (rig.responders[responder].n_held < n)
		uv_run(&rig.loop, UV_RUN_ONCE);
}

static const char *text_of(unsigned responder)
{
	static char text[64];

	snprintf(text, sizeof(text), "127.0.0.%u:%u", responder + 1,
		 ntohs(rig.responders[responder].address.sin_port));
	return text;
}

/* The question goes on, and so does the port that it was asked from. */
static void test_equal_goes_on(void **state)
{
	begin(1, 1);
	open_first();
	assert_int_equal(rig_resolve(&rig, ASKER, "first.example.org"), 0);
	rig.responders[0].act = RESPOND_HELD;
	assert_int_equal(ask(ASKER, 0, "www.example.org", on_done), FORWARD_ASKED);
	run_until_held(0, 1);
	reconfigure();
	assert_false(ASKER->is_done);
	responder_release(&rig.responders[0]);
	rig_run_until(&rig, &ASKER->is_done);
	assert_true(ASKER->has_wire);
	assert_int_equal(rig.responders[0].n_udp, 2);
	assert_int_equal(rig.n_replies, 2);
	assert_int_equal((int)rig_metric(&rig, "kaname_forward_questions_total "), 2);
	end();
}

/* Each difference makes it another group: its question is dropped, without a failure. */
static void test_other_is_dropped(void **state)
{
	for (unsigned i = 0; i < 6; i++) {
		struct forward_group_config *group;
		char gauge[128];

		print_message("difference %u\n", i);
		begin(2, 1);
		group = &worlds[1]->groups[0];
		group->max_fails += i == 0;
		group->policy = i == 1 ? FORWARD_RANDOM : group->policy;
		group->expire_ms += i == 2;
		worlds[1]->from_text[0][0] = i == 3 ? 'x' : '.';
		group->has_force_tcp = i == 4;
		worlds[1]->targets[0] = rig.targets[i == 5];
		open_first();
		rig.responders[0].act = RESPOND_HELD;
		assert_int_equal(ask(ASKER, 0, "www.example.org", on_done), FORWARD_ASKED);
		run_until_held(0, 1);
		reconfigure();
		assert_true(ASKER->is_done);
		assert_false(ASKER->has_wire);
		assert_string_equal(ASKER->upstream, "");
		assert_int_equal(rig.n_replies, 0);
		assert_int_equal((int)rig_metric(&rig, "kaname_forward_failures_total "), 0);
		assert_int_equal((int)rig_metric(&rig, "kaname_forward_in_flight "), 0);
		/* What comes too late harms nobody. */
		rig.responders[0].act = RESPOND;
		responder_release(&rig.responders[0]);
		assert_int_equal(rig_resolve(&rig, &askers[1], "www.example.org"), 0);
		assert_string_equal(askers[1].upstream, text_of(i == 5));
		snprintf(gauge, sizeof(gauge), "kaname_forward_upstream_up{to=\"%s\"} ",
			 text_of(i == 5));
		assert_int_equal((int)rig_metric(&rig, gauge), 1);
		end();
	}
}

static void on_done_again(struct forward_waiter *waiter, const struct forward_result *result)
{
	assert_null(result->wire);
	((struct asker *)(void *)waiter)->is_done = true;
	assert_int_equal(ask(&askers[1], 1, "www.example.org", on_done), FORWARD_ASKED);
	forward_cancel(rig.forward, &askers[2].waiter);
}

static void on_done_never(struct forward_waiter *waiter, const struct forward_result *result)
{
	fail_msg("it was cancelled");
}

/* Who is told asks the new group at once, and may cancel another that would have been told. */
static void test_asked_again(void **state)
{
	begin(2, 2);
	worlds[0]->config.n_groups = 1;
	memset(&worlds[1]->groups[0], 0, sizeof(worlds[1]->groups[0]));
	open_first();
	rig.responders[0].act = RESPOND_HELD;
	assert_int_equal(ask(ASKER, 0, "www.example.org", on_done_again), FORWARD_ASKED);
	assert_int_equal(ask(&askers[2], 0, "www.example.org", on_done_never), FORWARD_ASKED);
	run_until_held(0, 1);
	reconfigure();
	assert_true(ASKER->is_done);
	rig_run_until(&rig, &askers[1].is_done);
	assert_true(askers[1].has_wire);
	assert_string_equal(askers[1].upstream, text_of(1));
	assert_int_equal(rig.responders[1].n_udp, 1);
	end();
}

/* A hole for the first group; the second's question goes on. */
static void test_others_go_on(void **state)
{
	begin(2, 2);
	memset(&worlds[1]->groups[0], 0, sizeof(worlds[1]->groups[0]));
	open_first();
	for (size_t i = 0; i < 2; i++) {
		rig.responders[i].act = RESPOND_HELD;
		assert_int_equal(ask(&askers[i], i, "www.example.org", on_done), FORWARD_ASKED);
	}
	run_until_held(0, 1);
	run_until_held(1, 1);
	reconfigure();
	assert_true(askers[0].is_done && !askers[0].has_wire);
	assert_false(askers[1].is_done);
	responder_release(&rig.responders[1]);
	rig_run_until(&rig, &askers[1].is_done);
	assert_true(askers[1].has_wire);
	end();
}

/* The group that `next` leads to is another: so is the one that leads there, and the question that
 * has gone on to it is dropped. */
static void test_next_is_dropped(void **state)
{
	begin(2, 2);
	for (size_t i = 0; i < 2; i++) {
		worlds[i]->groups[0].next_group = 1;
		worlds[i]->groups[0].next_rcodes = 1u << DNS_RCODE_NXDOMAIN;
	}
	worlds[1]->groups[1].max_fails = 7;
	open_first();
	rig.responders[0].act = RESPOND_RCODE;
	rig.responders[0].rcode = DNS_RCODE_NXDOMAIN;
	rig.responders[1].act = RESPOND_HELD;
	assert_int_equal(ask(ASKER, 0, "www.example.org", on_done), FORWARD_ASKED);
	run_until_held(1, 1);
	reconfigure();
	assert_true(ASKER->is_done && !ASKER->has_wire);
	rig.responders[1].act = RESPOND;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	end();
}

/* Everything goes, and comes again. */
static void test_none(void **state)
{
	begin(1, 1);
	open_first();
	rig.responders[0].act = RESPOND_HELD;
	assert_int_equal(ask(ASKER, 0, "www.example.org", on_done), FORWARD_ASKED);
	run_until_held(0, 1);
	worlds[1]->config.n_groups = 0;
	reconfigure();
	assert_true(ASKER->is_done);
	worlds[0] = worlds[1];
	worlds[1] = world_new(1);
	reconfigure();
	rig.responders[0].act = RESPOND;
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	end();
}

static void test_bounds(void **state)
{
	begin(1, 1);
	worlds[1]->config.max_questions = 1;
	open_first();
	rig.responders[0].act = RESPOND_HELD;
	assert_int_equal(ask(ASKER, 0, "a.example.org", on_done), FORWARD_ASKED);
	reconfigure();
	assert_int_equal(ask(&askers[1], 0, "b.example.org", on_done), FORWARD_REFUSED);
	run_until_held(0, 1);
	responder_release(&rig.responders[0]);
	rig_run_until(&rig, &ASKER->is_done);
	assert_true(ASKER->has_wire);
	end();
}

/* This server listens where the upstream is: it is not used any more, though its line stays. */
static void test_own(void **state)
{
	begin(1, 1);
	memcpy(&worlds[1]->own.address, &rig.responders[0].address, sizeof(struct sockaddr_in));
	worlds[1]->config.own = &worlds[1]->own;
	worlds[1]->config.n_own = 1;
	open_first();
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	reconfigure();
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), -1);
	assert_int_equal(rig.responders[0].n_udp, 1);
	end();
}

/* The file that host names are resolved by, with the first responder as the nameserver. */
static void set_host(struct world *world, const char *path)
{
	snprintf(world->path, sizeof(world->path), "%s", path);
	world->config.resolv_conf = world->path;
	world->config.resolver_port = ntohs(rig.responders[0].address.sin_port);
	world->targets[0] = (struct forward_target){
		.kind = FORWARD_TARGET_HOST, .port = ntohs(rig.responders[2].address.sin_port)};
	assert_int_equal(dns_name_from_text(&world->targets[0].host, "dns.example.org", 15), 0);
}

/* A host name that is being resolved is resolved on; with another file it is resolved anew; and it
 * may be a line that goes which waits for it. */
static void test_host(void **state)
{
	char path[] = "/tmp/test_reconfigure_XXXXXX", other[] = "/tmp/test_reconfigure_XXXXXX";
	FILE *files[2] = {fdopen(mkstemp(path), "w"), fdopen(mkstemp(other), "w")};

	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(files[i]);
		assert_true(fputs("nameserver 127.0.0.1\n", files[i]) >= 0);
		assert_int_equal(fclose(files[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		print_message("case %u\n", i);
		begin(3, 1);
		set_host(worlds[0], path);
		set_host(worlds[1], i == 1 ? other : path);
		worlds[1]->groups[0].max_fails += i == 2;
		worlds[0]->config.tick_ms = worlds[1]->config.tick_ms = 10;
		rig.responders[0].is_directory = true; /* the name's address is 127.0.0.3 */
		rig.responders[0].act = RESPOND_HELD;
		open_first();
		run_until_held(0, 2);
		reconfigure();
		rig.responders[0].act = RESPOND;
		responder_release(&rig.responders[0]);
		do
			assert_int_equal(rig_ask(&rig, ASKER, "a.example.org", 50), FORWARD_ASKED);
		while (rig_run_until(&rig, &ASKER->is_done), !ASKER->has_wire);
		assert_string_equal(ASKER->upstream, text_of(2));
		assert_int_equal(rig.responders[0].n_udp, i == 0 ? 2 : 4);
		end();
	}
	assert_int_equal(remove(path), 0);
	assert_int_equal(remove(other), 0);
}

/* A thousand configurations, each with another group than the last: what is gone does not pile up
 * in flight, and the last one answers. */
static void test_many(void **state)
{
	begin(2, 2);
	open_first();
	for (unsigned i = 0; i < 1000; i++) {
		worlds[1]->groups[0].max_fails = 3 + i % 2;
		reconfigure();
		worlds[0] = worlds[1];
		worlds[1] = world_new(2);
	}
	assert_int_equal(rig_resolve(&rig, ASKER, "www.example.org"), 0);
	end();
}

static const struct forward_target same_target[2] = {{.port = 53}, {.port = 54}};

static void test_equal(void **state)
{
	const struct forward_group_config group = {.targets = same_target,
						   .n_targets = 1,
						   .from_text = ".",
						   .next_group = FORWARD_NO_GROUP};
	struct forward_group_config other = group;

	assert_true(forward_group_config_equal(&group, &other));
	other.n_targets = 2;
	assert_false(forward_group_config_equal(&group, &other));
	other = group;
	other.next_group = 3;
	assert_false(forward_group_config_equal(&group, &other));
	other = group;
	other.has_loop_probe = true;
	assert_false(forward_group_config_equal(&group, &other));
	other = group;
	other.health_domain.wire[0] = 1;
	other.health_domain.len = 1;
	assert_false(forward_group_config_equal(&group, &other));
	other = group;
	other.failover_rcodes = 1;
	assert_false(forward_group_config_equal(&group, &other));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_goes_on),
		cmocka_unit_test(test_other_is_dropped),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_others_go_on),
		cmocka_unit_test(test_next_is_dropped),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
