/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are followed: when they are looked at, what stays when they cannot be read, what is
 * told and how often, and the metrics of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "memory.h"
#include "query/balance.h"
#include "query/hosts.h"

static const char corefile[] = ". {\n hosts hostsfile {\n 10.0.0.9 inline.test\n reload 2s\n }\n}\n"
			       "a.test {\n hosts never {\n reload 0\n }\n}\n"
			       "b.test {\n loadbalance weighted weights\n}\n";

enum { COREFILE, HOSTS, NEVER, WEIGHTS, N_FILES };

struct world {
	struct memory_file files[N_FILES + 1];
	struct config_machine machine;
	struct config config;
	struct text log;
};

static void load(struct world *world, const char *hosts, const char *weights)
{
	const struct config_options options = {.default_port = 53, .n_cpus = 1};
	struct text problems = {0};

	*world = (struct world){.files = {{"Corefile", corefile},
					  {"hostsfile", hosts},
					  {"never", "10.0.0.1 a.test\n"},
					  {"weights", weights}}};
	/* A file with a NULL path would end the list. */
	for (int i = 0; i < N_FILES; i++) {
		if (!world->files[i].content)
			world->files[i].path = "";
	}
	memory_machine(&world->machine, world->files);
	assert_int_equal(
		config_load_on(&world->config, "Corefile", &world->machine, &options, &problems),
		0);
}

static void unload(struct world *world)
{
	config_free(&world->config);
	text_fini(&world->log);
}

static void set_file(struct world *world, int file, const char *content)
{
	static const char *const paths[] = {"Corefile", "hostsfile", "never", "weights"};

	world->files[file] = (struct memory_file){content ? paths[file] : "", content};
}

/* Looks, and returns what was told since the last time. */
static const char *look(struct world *world, uint64_t now_ms, bool is_new)
{
	world->log.len = 0;
	text_puts(&world->log, "");
	assert_int_equal(config_refresh_on(&world->config, &world->machine, now_ms, &world->log),
			 is_new);
	return world->log.len > 0 ? world->log.bytes : "";
}

static size_t n_entries(const struct world *world, size_t block)
{
	return hosts_n_entries(world->config.query.blocks[block].hosts->data);
}

static void test_due(void **state)
{
	struct world world;

	load(&world, "10.0.0.1 a.test\n", "x.test\n");
	assert_int_equal(n_entries(&world, 0), 4);
	set_file(&world, HOSTS, "10.0.0.1 a.test b.test\n");
	set_file(&world, NEVER, "10.0.0.1 a.test b.a.test\n");
	assert_string_equal(look(&world, 1000, false), ""); /* the clock starts */
	assert_string_equal(look(&world, 2999, false), "");
	assert_int_equal(n_entries(&world, 0), 4);
	assert_string_equal(look(&world, 3000, true), "");
	assert_int_equal(n_entries(&world, 0), 6);
	assert_string_equal(look(&world, 5000, false), "");
	assert_string_equal(look(&world, 1000000, false), "");
	assert_int_equal(n_entries(&world, 1), 2); /* reload 0 */
	unload(&world);
}

/* The same content under another stamp is nothing new; a bad line is told once. */
static void test_content(void **state)
{
	static char first[] = "bad\n10.0.0.1 a.test\n", again[] = "bad\n10.0.0.1 a.test\n";
	struct world world;

	load(&world, first, "x.test\n");
	assert_string_equal(world.config.notes.bytes,
			    "Corefile:2: hosts: hostsfile:1: \"bad\" is not an address; 1 line was "
			    "skipped\n");
	look(&world, 1, false);
	set_file(&world, HOSTS, again);
	assert_string_equal(look(&world, 10000, false), "");
	set_file(&world, HOSTS, "10.0.0.1\n10.0.0.2 b.test\n");
	assert_string_equal(
		look(&world, 20000, true),
		"hosts: hostsfile:1: \"10.0.0.1\" has no name behind it; 1 line was skipped\n");
	assert_string_equal(look(&world, 30000, false), "");
	unload(&world);
}

static void test_missing(void **state)
{
	static const char content[] = "10.0.0.1 a.test\n";
	struct world world;

	load(&world, NULL, "x.test\n");
	assert_string_equal(world.config.notes.bytes,
			    "Corefile:2: hosts: hostsfile: No such file or directory: nothing of "
			    "it is known until it can be read\n");
	assert_int_equal(n_entries(&world, 0), 2); /* the Corefile's */
	look(&world, 1, false);
	assert_string_equal(look(&world, 10000, false), ""); /* told already */
	set_file(&world, HOSTS, content);
	assert_string_equal(look(&world, 20000, true), "");
	assert_int_equal(n_entries(&world, 0), 4);
	set_file(&world, HOSTS, NULL);
	assert_string_equal(look(&world, 30000, false),
			    "hosts: hostsfile: No such file or directory: what was read of it "
			    "before stays\n");
	assert_string_equal(look(&world, 40000, false), "");
	assert_int_equal(n_entries(&world, 0), 4);
	set_file(&world, HOSTS, content); /* back as it was */
	assert_string_equal(look(&world, 50000, false), "");
	set_file(&world, HOSTS, NULL);
	assert_true(strlen(look(&world, 60000, false)) > 0);
	set_file(&world, HOSTS, ""); /* an empty file says that there is nothing */
	assert_string_equal(look(&world, 70000, true), "");
	assert_int_equal(n_entries(&world, 0), 2);
	unload(&world);
}

static void test_weights(void **state)
{
	static char bad[] = "x.test\n10.0.0.1 0\n", bad_again[] = "x.test\n10.0.0.1 0\n";
	const struct query_balance *balance;
	const struct weights *before;
	struct world world;

	load(&world, "", NULL);
	balance = world.config.query.blocks[2].balance;
	assert_null(balance->weights);
	look(&world, 1, false);
	set_file(&world, WEIGHTS, bad);
	assert_string_equal(look(&world, 30001, false),
			    "loadbalance: weights:2: \"0\" is not a weight from 1 to 255\n");
	set_file(&world, WEIGHTS, "x.test\n10.0.0.1 3\n");
	assert_string_equal(look(&world, 60001, true), "");
	before = balance->weights;
	assert_non_null(before);
	set_file(&world, WEIGHTS, bad);
	assert_string_equal(look(&world, 90001, false),
			    "loadbalance: weights:2: \"0\" is not a weight from 1 to 255: the "
			    "weights stay as they were\n");
	set_file(&world, WEIGHTS, bad_again);
	assert_string_equal(look(&world, 120001, false), "");
	assert_ptr_equal(balance->weights, before);
	unload(&world);
}

static void test_metrics(void **state)
{
	struct text page = {0};
	struct world world;

	load(&world, "10.0.0.1 a.test\n", "");
	config_metrics_write(&world.config, &page);
	assert_non_null(strstr(page.bytes, "\ncoredns_hosts_entries{hostsfile=\"hostsfile\"} 4\n"));
	assert_non_null(strstr(page.bytes, "\ncoredns_hosts_entries{hostsfile=\"never\"} 2\n"));
	assert_non_null(strstr(page.bytes, "\ncoredns_hosts_reload_timestamp_seconds "));
	text_fini(&page);
	unload(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),	cmocka_unit_test(test_content),
		cmocka_unit_test(test_missing), cmocka_unit_test(test_weights),
		cmocka_unit_test(test_metrics),
	};
	int n_failed;

	rcu_register();
	n_failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return n_failed;
}
