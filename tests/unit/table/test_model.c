/* SPDX-License-Identifier: Apache-2.0
 *
 * Random changes against a simple model: what the table holds after any history is what a new table
 * holds that gets the final state at once, in another order; and taking everything away leaves
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/random.h"
#include "base/rcu.h"
#include "spec.h"

#define N_NAMES 12
#define N_NAMESPACES 3
#define N_PODS 4
#define N_ROUNDS 30
#define N_STEPS 60
#define SPEC_MAX 400

#define APPEND(spec, ...) snprintf((spec) + strlen(spec), SPEC_MAX - strlen(spec), __VA_ARGS__)

struct model {
	struct random random;
	char specs[N_NAMES][SPEC_MAX]; /* "": not there */
	unsigned namespaces[N_NAMESPACES];
	unsigned pods[N_NAMESPACES][N_PODS];
};

static unsigned below(struct model *model, unsigned bound)
{
	return random_below(&model->random, bound);
}

/* From a small universe, so that services share addresses and changes hit what is there. */
static void make_address(struct model *model, char *spec)
{
	if (below(model, 3) == 0)
		APPEND(spec, "fd00:%u::%u", below(model, 2), below(model, 3));
	else
		APPEND(spec, "10.%u.0.%u", below(model, 2), below(model, 6));
}

static void make_port(struct model *model, char *spec)
{
	static const char *const ports[] = {"a/tcp", "a/udp", "b/tcp", "/tcp", "/sctp"};

	APPEND(spec, "%s/%u", ports[below(model, ARRAY_LEN(ports))], 1 + below(model, 3));
}

static void make_endpoints(struct model *model, char *spec)
{
	unsigned n_sets = 1 + below(model, 3), n = below(model, 6);

	for (unsigned i = 0; i < n_sets; i++) {
		APPEND(spec, " {");
		for (unsigned k = below(model, 3); k > 0; k--) {
			make_port(model, spec);
			APPEND(spec, ",");
		}
		APPEND(spec, "}");
	}
	for (unsigned i = 0; i < n; i++) {
		APPEND(spec, " h%u%s=", below(model, 4), below(model, 3) == 0 ? "!" : "");
		make_address(model, spec);
		APPEND(spec, "@%u", below(model, n_sets));
	}
}

static void make_spec(struct model *model, unsigned i, char *spec)
{
	unsigned kind = below(model, 8);

	spec[0] = '\0';
	APPEND(spec, "s%u.n%u ", i / N_NAMESPACES, i % N_NAMESPACES);
	if (kind == 0) {
		APPEND(spec, "alias x%u.example", below(model, 3));
		return;
	}
	APPEND(spec, "%s", kind < 4 ? "headless" : "cluster");
	for (unsigned k = below(model, 3); k > 0; k--) {
		APPEND(spec, " ");
		make_address(model, spec);
	}
	for (unsigned k = below(model, 3); k > 0; k--) {
		APPEND(spec, " ");
		make_port(model, spec);
	}
	make_endpoints(model, spec);
}

static const char *const namespace_names[N_NAMESPACES] = {"n0", "n1", "n2"};

static struct address pod_address(unsigned i)
{
	return spec_address(i % 2 ? "fd00::1" : i ? "10.0.0.1" : "10.0.0.2");
}

static void change_service(struct model *model, struct table *table)
{
	unsigned i = below(model, N_NAMES);
	char *spec = model->specs[i];

	if (spec[0] && below(model, 3) == 0) {
		spec_remove(table, spec);
		spec[0] = '\0';
	} else {
		make_spec(model, i, spec);
		spec_put(table, spec);
	}
}

static void change_sets(struct model *model, struct table *table)
{
	unsigned n = below(model, N_NAMESPACES), pod = below(model, N_PODS - 1);
	struct address address = pod_address(pod);

	if (below(model, 2) == 0) {
		model->namespaces[n]++;
		table_put_namespace(table, namespace_names[n]);
	} else if (model->namespaces[n] > 0) {
		model->namespaces[n]--;
		table_remove_namespace(table, namespace_names[n]);
	}
	if (below(model, 2) == 0) {
		model->pods[n][pod]++;
		table_put_pod(table, namespace_names[n], &address);
	} else if (model->pods[n][pod] > 0) {
		model->pods[n][pod]--;
		table_remove_pod(table, namespace_names[n], &address);
	}
}

/* Puts or removes all that the model has, last service first. */
static void apply_all(const struct model *model, struct table *table, bool is_removed)
{
	for (unsigned i = N_NAMES; i-- > 0;) {
		if (model->specs[i][0])
			(is_removed ? spec_remove : spec_put)(table, model->specs[i]);
	}
	for (unsigned n = 0; n < N_NAMESPACES; n++) {
		for (unsigned k = 0; k < model->namespaces[n]; k++)
			(is_removed ? table_remove_namespace
				    : table_put_namespace)(table, namespace_names[n]);
		for (unsigned k = 0; k < N_PODS * 100; k++) {
			struct address address = pod_address(k / 100);

			if (k % 100 < model->pods[n][k / 100])
				(is_removed ? table_remove_pod
					    : table_put_pod)(table, namespace_names[n], &address);
		}
	}
	table_commit(table, 0, true);
}

static void check_pointer_order(const struct table *a, const struct table *b)
{
	static const char *const addresses[] = {"10.0.0.0", "10.0.0.1", "10.1.0.3", "fd00::1"};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		char *x = spec_pointers(a, addresses[i]), *y = spec_pointers(b, addresses[i]);

		assert_string_equal(x, y);
		free(x);
		free(y);
	}
}

/* Returns the length of the dump. */
static size_t check_model(const struct model *model, const struct table *table)
{
	struct table *fresh = table_new();
	struct table_counts a = table_counts(table), b;
	char *got = spec_dump(table), *want;
	size_t len = strlen(got);

	apply_all(model, fresh, false);
	b = table_counts(fresh);
	want = spec_dump(fresh);
	if (strcmp(got, want) != 0)
		fail_msg("got:\n%s\nwant:\n%s", got, want);
	assert_memory_equal(&a, &b, sizeof(a));
	check_pointer_order(table, fresh);
	free(got);
	free(want);
	table_free(fresh);
	return len;
}

static void run_round(struct model *model, struct table *table)
{
	size_t dumped = 0;

	for (unsigned step = 0; step < N_STEPS; step++) {
		change_service(model, table);
		if (step % 4 == 0)
			change_sets(model, table);
		if (below(model, 5) == 0)
			table_commit(table, 0, true);
		if (step % 10 == 9)
			dumped += check_model(model, table);
	}
	assert_true(dumped > 5000); /* the model is not empty */
}

static void check_empty(const struct table *table)
{
	struct table_counts counts = table_counts(table), none = {0};
	struct address v4 = spec_address("0.0.0.0"), v6 = spec_address("::");
	char *dump = spec_dump(table);

	assert_string_equal(dump, "");
	assert_memory_equal(&counts, &none, sizeof(counts));
	rcu_enter();
	assert_false(table_has_prefix(table, &v4, 0));
	assert_false(table_has_prefix(table, &v6, 0));
	rcu_leave();
	free(dump);
}

static void test_histories(void **state)
{
	for (unsigned seed = 0; seed < N_ROUNDS; seed++) {
		struct model model = {.random = {.state = seed}};
		struct table *table = table_new();

		run_round(&model, table);
		apply_all(&model, table, true);
		check_empty(table);
		table_free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};
	int failed;

	rcu_register();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister();
	return failed;
}
