/* SPDX-License-Identifier: Apache-2.0
 *
 * Two readers look up names that always exist while the writer replaces, moves and removes around
 * them, and must find them every time, each answer being one that was published as a whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/rcu.h"
#include "spec.h"

#define N_CHANGES 1500 /* of the writer */
#define N_CHURN 250    /* services that come and go, so that the hashes are resized */
#define N_ROUNDS_MIN 1000

struct reader {
	pthread_t thread;
	const struct table *table;
	const bool *has_ended;
	uint64_t n_rounds, n_missed, n_mixed;
};

/* The service has either 10.0.0.1 and port 1 or 10.0.0.2, 10.0.0.3 and ports 2 and 3. */
static bool is_whole(const struct table_view *view)
{
	struct table_addresses v4 = table_addresses(view, ADDRESS_V4);
	uint32_t n_srv = table_n_srv(view);

	if (v4.n == 1)
		return n_srv == 1 && v4.bytes[3] == 1;
	return v4.n == 2 && n_srv == 2 && v4.bytes[3] == 2 && v4.bytes[7] == 3;
}

/* In RCU. */
static void read_names(struct reader *reader)
{
	static const char *const names[] = {
		"stays.n", "n", "moved.h.n", "_tcp.stays.n", "_p._tcp.stays.n", "still.n",
	};
	struct table_view view;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct dns_name name = spec_name(names[i]);

		table_find(reader->table, &name, name.n_labels, &view);
		if (view.kind == TABLE_NONE)
			reader->n_missed++;
		else if (i == 0 && !is_whole(&view))
			reader->n_mixed++;
	}
}

/* In RCU. */
static void read_addresses(struct reader *reader)
{
	struct address moved = spec_address("10.9.9.9"), handed = spec_address("fd00::9");
	const struct table_pointers *pointers = table_find_address(reader->table, &moved);
	size_t len;

	if (!pointers || table_n_pointers(pointers) != 1 ||
	    table_pointer(pointers, 0, &len)[1] != 'h')
		reader->n_missed++;
	pointers = table_find_address(reader->table, &handed);
	if (!pointers || table_n_pointers(pointers) < 1)
		reader->n_missed++;
	else if (table_pointer(pointers, 0, &len)[0] != 1 || len != 6)
		reader->n_mixed++;
	if (!table_has_prefix(reader->table, &moved, 24) ||
	    !table_has_prefix(reader->table, &handed, 124))
		reader->n_missed++;
}

static void *run_reader(void *arg)
{
	struct reader *reader = arg;

	rcu_register();
	while (!__atomic_load_n(reader->has_ended, __ATOMIC_ACQUIRE) ||
	       reader->n_rounds < N_ROUNDS_MIN) {
		rcu_enter();
		read_names(reader);
		read_addresses(reader);
		rcu_leave();
		reader->n_rounds++;
	}
	rcu_unregister();
	return NULL;
}

/* What the readers look for holds before and after each of these. */
static void change(struct table *table, unsigned i)
{
	char spec[100];

	spec_put(table, i % 2 ? "stays.n cluster 10.0.0.1 p/tcp/1"
			      : "stays.n cluster 10.0.0.2 10.0.0.3 p/tcp/2 p/tcp/3");
	spec_put(table, i % 2 ? "h.n headless moved=10.1.1.1 hx=10.9.9.9"
			      : "h.n headless moved=10.1.1.2 hy=10.9.9.9");
	/* From one service to the other: who gets it first, then who gives it. */
	spec_put(table, i % 2 ? "t.n headless a=fd00::9" : "u.n headless a=fd00::9");
	spec_remove(table, i % 2 ? "u.n" : "t.n");
	snprintf(spec, sizeof(spec), "churn-%u.m cluster 10.2.%u.%u a=10.3.%u.%u", i % N_CHURN,
		 i % N_CHURN, i % 7, i % 5, i % N_CHURN);
	if (i / N_CHURN % 2 == 0)
		spec_put(table, spec);
	else
		spec_remove(table, spec);
	if (i % 3 == 0)
		table_commit(table, i, true);
}

static void test_readers(void **state)
{
	struct table *table = table_new();
	struct reader readers[2];
	bool has_ended = false;

	spec_put(table, "still.n cluster 10.0.0.9");
	change(table, 0);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		readers[i] = (struct reader){.table = table, .has_ended = &has_ended};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]),
				 0);
	}
	for (unsigned i = 1; i < N_CHANGES; i++)
		change(table, i);
	__atomic_store_n(&has_ended, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].n_missed, 0);
		assert_int_equal(readers[i].n_mixed, 0);
		assert_true(readers[i].n_rounds >= N_ROUNDS_MIN);
	}
	table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
