/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/check.h"
#include "base/metrics.h"

static void test_values(void **state)
{
	static const struct {
		const char *want;
		double input;
	} cases[] = {
		{"0", 0},
		{"1", 1},
		{"-1", -1},
		{"1000000", 1e6},
		{"123456789012", 123456789012.0},
		{"9007199254740992", 9007199254740992.0},
		{"9.007199254740994e+15", 9007199254740994.0},
		{"-9007199254740992", -9007199254740992.0},
		{"1.5", 1.5},
		{"0.1", 0.1},
		{"0.30000000000000004", 0.1 + 0.2},
		{"0.00025", 0.00025},
		{"2.5e-05", 0.000025},
		{"123456.7", 123456.7},
		{"1.2345678e+06", 1234567.8},
		{"1e+300", 1e300},
		{"5e-324", 5e-324},
		{"1.7976931348623157e+308", 1.7976931348623157e308},
		{"NaN", NAN},
		{"+Inf", INFINITY},
		{"-Inf", -INFINITY},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text page = {0}, want = {0};

		text_printf(&want, "m %s\n", cases[i].want);
		metrics_sample(&page, "m", NULL, 0, cases[i].input);
		if (strcmp(page.bytes, want.bytes) != 0)
			fail_msg("want %s, got %s", cases[i].want, page.bytes);
		text_fini(&page);
		text_fini(&want);
	}
}

static void test_label_values(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} cases[] = {
		{"plain", "cluster.local.", "cluster.local."},
		{"empty", "", ""},
		{"escapes", "a\"b\\c\nd", "a\\\"b\\\\c\\nd"},
		{"other control bytes are UTF-8", "a\tb\x7f", "a\tb\x7f"},
		{"two, three, four bytes", "\xc3\xa9\xe8\xa6\x81\xf0\x9f\x90\xb3",
		 "\xc3\xa9\xe8\xa6\x81\xf0\x9f\x90\xb3"},
		{"a byte that begins nothing", "a\xff!", "a\xef\xbf\xbd!"},
		{"a lone continuation", "\x80", "\xef\xbf\xbd"},
		{"cut short", "a\xe8\xa6", "a\xef\xbf\xbd\xef\xbf\xbd"},
		{"cut short by a letter", "\xf0\x9f\x90z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
		{"overlong slash", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"overlong in three", "\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"overlong in four", "\xf0\x8f\xbf\xbf",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"beyond Unicode", "\xf4\x90\x80\x80",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"the ends of the ranges", "\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf",
		 "\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct metrics_label label = {"l", cases[i].input};
		struct text page = {0}, want = {0};

		text_printf(&want, "m{l=\"%s\"} 1\n", cases[i].want);
		metrics_sample(&page, "m", &label, 1, 1);
		if (strcmp(page.bytes, want.bytes) != 0)
			fail_msg("%s: got %s", cases[i].name, page.bytes);
		text_fini(&page);
		text_fini(&want);
	}
}

static void test_a_counter_family(void **state)
{
	static const struct metrics_label labels[] = {{"server", "dns://:53"}, {"zone", "."}};
	struct text page = {0};

	metrics_family(&page, "coredns_dns_requests_total", "counter", "Counter of DNS requests.");
	metrics_sample(&page, "coredns_dns_requests_total", labels, 2, 12345678);
	assert_string_equal(
		page.bytes,
		"# HELP coredns_dns_requests_total Counter of DNS requests.\n"
		"# TYPE coredns_dns_requests_total counter\n"
		"coredns_dns_requests_total{server=\"dns://:53\",zone=\".\"} 12345678\n");
	text_fini(&page);
}

static void test_histograms(void **state)
{
	static const struct metrics_label labels[] = {{"zone", "."}};
	static const struct histogram_bounds ns = {3, {250000, 500000, 1024000000}};
	static const struct histogram_bounds bytes = {2, {0, 64000}};
	struct histogram durations = {0}, sizes = {0};
	struct text page = {0};

	histogram_observe(&durations, &ns, 250000);
	histogram_observe(&durations, &ns, 1000000000);
	histogram_observe(&durations, &ns, 2000000000);
	histogram_observe(&sizes, &bytes, 64001);
	metrics_histogram(&page,
			  &(struct metrics_histogram_in){
				  .name = "d",
				  .labels = labels,
				  .n_labels = 1,
				  .bounds = &ns,
				  .unit = 1e9,
			  },
			  &durations);
	metrics_histogram(&page,
			  &(struct metrics_histogram_in){.name = "s", .bounds = &bytes, .unit = 1},
			  &sizes);
	assert_string_equal(page.bytes, "d_bucket{zone=\".\",le=\"0.00025\"} 1\n"
					"d_bucket{zone=\".\",le=\"0.0005\"} 1\n"
					"d_bucket{zone=\".\",le=\"1.024\"} 2\n"
					"d_bucket{zone=\".\",le=\"+Inf\"} 3\n"
					"d_sum{zone=\".\"} 3.00025\n"
					"d_count{zone=\".\"} 3\n"
					"s_bucket{le=\"0\"} 0\n"
					"s_bucket{le=\"64000\"} 0\n"
					"s_bucket{le=\"+Inf\"} 1\n"
					"s_sum 64001\n"
					"s_count 1\n");
	text_fini(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_label_values),
		cmocka_unit_test(test_a_counter_family),
		cmocka_unit_test(test_histograms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
