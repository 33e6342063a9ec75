/* SPDX-License-Identifier: Apache-2.0
 *
 * What building a body takes, which the published body does not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "build.h"

#define SETS_MAX 4
#define SET_PORTS 1000
#define HOSTS 2000

struct input {
	struct table_port ports[SETS_MAX][SET_PORTS];
	struct table_port_set_in sets[SETS_MAX];
	char labels[HOSTS][8];
	struct table_endpoint_in endpoints[HOSTS * SETS_MAX];
	struct table_service_in in;
};

static void fill_ports(struct input *input)
{
	for (unsigned set = 0; set < SETS_MAX; set++) {
		for (unsigned i = 0; i < SET_PORTS; i++) {
			struct table_port *port = &input->ports[set][i];

			*port = (struct table_port){.port = (uint16_t)(1 + set * SET_PORTS + i)};
			snprintf(port->name, sizeof(port->name), "p%u", port->port);
		}
		input->sets[set] = (struct table_port_set_in){input->ports[set], SET_PORTS};
	}
}

/* Host i is in the sets whose bits are set in masks[i % n_masks], in another order each time. */
static void fill_endpoints(struct input *input, const unsigned *masks, unsigned n_masks)
{
	size_t n = 0;

	for (unsigned i = 0; i < HOSTS; i++) {
		struct address address = {ADDRESS_V4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		int len = snprintf(input->labels[i], sizeof(input->labels[i]), "h%u", i);

		for (unsigned j = 0; j < SETS_MAX; j++) {
			unsigned set = (i / n_masks + j) % SETS_MAX;

			if (masks[i % n_masks] >> set & 1)
				input->endpoints[n++] = (struct table_endpoint_in){
					.label = input->labels[i],
					.label_len = (uint8_t)len,
					.address = address,
					.port_set = set,
				};
		}
	}
	input->in = (struct table_service_in){
		.service = "web",
		.namespace = "shop",
		.kind = TABLE_SERVICE_HEADLESS,
		.endpoints = input->endpoints,
		.n_endpoints = n,
		.port_sets = input->sets,
		.n_port_sets = SETS_MAX,
	};
}

/* Hosts of the same slices share one merged set, also while it is being made. */
static void test_merged_sets(void **state)
{
	static const struct {
		const char *name;
		unsigned masks[3], n_masks;
		size_t n_sets;	/* made: the input's four, the merged, the service's own */
		size_t n_ports; /* in them */
	} cases[] = {
		{"one slice each", {1, 2, 4}, 3, 4 + 0 + 1, (4 + 3) * SET_PORTS},
		{"all in four slices", {15}, 1, 4 + 1 + 1, (4 + 4 + 4) * SET_PORTS},
		{"two or three of them", {3, 12, 7}, 3, 4 + 3 + 1, (4 + 7 + 4) * SET_PORTS},
		{"one or all", {8, 15}, 2, 4 + 1 + 1, (4 + 4 + 4) * SET_PORTS},
	};
	struct input *input = mem_zalloc(sizeof(*input));
	struct builder builder = {0};

	fill_ports(input);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct node_body *body;
		size_t size;

		fill_endpoints(input, cases[i].masks, cases[i].n_masks);
		body = build_body(&builder, &input->in, &size);
		assert_non_null(body);
		if (builder.sets.len != cases[i].n_sets || builder.ports.len != cases[i].n_ports)
			fail_msg("%s: %zu sets of %zu ports, want %zu of %zu", cases[i].name,
				 builder.sets.len, builder.ports.len, cases[i].n_sets,
				 cases[i].n_ports);
		assert_int_equal(body->n_hosts, HOSTS);
		for (unsigned h = 0; h < HOSTS; h++) {
			const struct table_host *host = &body_hosts(body)[h];
			const struct node_set *set = &body_sets(body)[host->set];
			unsigned number = (unsigned)atoi((const char *)body_label(body, host) + 2);
			unsigned mask = cases[i].masks[number % cases[i].n_masks];

			if (set[1].port - set[0].port !=
			    (unsigned)__builtin_popcount(mask) * SET_PORTS)
				fail_msg("%s: h%u has %u ports", cases[i].name, number,
					 set[1].port - set[0].port);
		}
	}
	builder_fini(&builder);
	free(input);
}

#define LABELS (DNS_LABEL_MAX * (DNS_LABEL_MAX + 1) / 2)

/* For each length and place a label that differs from the others there, far from in order. */
static void fill_labels(struct table_endpoint_in *endpoints, char labels[LABELS][DNS_LABEL_MAX])
{
	unsigned n = 0;

	for (uint8_t len = 1; len <= DNS_LABEL_MAX; len++) {
		for (unsigned place = 0; place < len; place++, n++) {
			unsigned at = n * 1009u % LABELS;

			memset(labels[at], 'm', len);
			labels[at][place] = place % 2 ? 'a' : 'z';
			endpoints[at] = (struct table_endpoint_in){
				.label = labels[at],
				.label_len = len,
				.address = {ADDRESS_V4, {10, 0, (uint8_t)(n >> 8), (uint8_t)n}},
			};
		}
	}
}

/* As table_find looks for them. */
static void test_label_order(void **state)
{
	static char labels[LABELS][DNS_LABEL_MAX];
	static struct table_endpoint_in endpoints[LABELS];
	const struct table_port_set_in no_ports = {NULL, 0};
	const struct table_service_in in = {
		.service = "web",
		.namespace = "shop",
		.kind = TABLE_SERVICE_HEADLESS,
		.endpoints = endpoints,
		.n_endpoints = LABELS,
		.port_sets = &no_ports,
		.n_port_sets = 1,
	};
	struct builder builder = {0};
	const struct node_body *body;
	size_t size;

	fill_labels(endpoints, labels);
	body = build_body(&builder, &in, &size);
	assert_non_null(body);
	assert_int_equal(body->n_hosts, LABELS);
	for (unsigned i = 1; i < LABELS; i++) {
		const struct table_host *hosts = body_hosts(body);

		if (label_compare(body_label(body, &hosts[i - 1]), body_label(body, &hosts[i])) >=
		    0)
			fail_msg("host %u comes before the one before it", i);
	}
	builder_fini(&builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged_sets),
		cmocka_unit_test(test_label_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
