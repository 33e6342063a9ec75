/* SPDX-License-Identifier: Apache-2.0
 *
 * The sketches of /debug/top: heavy hitters among noise, counts over several workers, windows that
 * end by a clock that the test sets, and names that nobody should print as they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "../../../src/query/top.h"

#define S 1000000000ull

struct asked {
	struct query_input input;
	struct query_output output;
	struct sockaddr_in source;
};

static void ask(struct top *top, const char *name, uint32_t client, uint16_t rcode)
{
	struct asked asked = {
		.source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(client)},
		.output = {.query.type = DNS_TYPE_A, .rcode = rcode},
	};

	asked.input.source = (struct sockaddr *)&asked.source;
	assert_int_equal(dns_name_from_text(&asked.output.query.name, name, strlen(name)), 0);
	top_count(top, &asked.input, &asked.output);
}

static char *page_of(struct top *const *tops, size_t n_tops, struct text *page)
{
	text_fini(page);
	top_write(tops, n_tops, page);
	return page->bytes;
}

/* The count before `what` on a line of its own, on the page from `from` on; 0: there is none. */
static uint64_t count_of(const char *from, const char *what)
{
	char end[300];
	const char *at;

	snprintf(end, sizeof(end), "  %s\n", what);
	at = strstr(from, end);
	if (!at)
		return 0;
	while (at > from && at[-1] != '\n')
		at--;
	return strtoull(at, NULL, 10);
}

static void test_few(void **state)
{
	struct top *top = top_new();
	struct text page = {0};

	top_tick(top, 100 * S);
	for (int i = 0; i < 3; i++)
		ask(top, "web.shop.svc.cluster.local", 0x0a000001, DNS_RCODE_NOERROR);
	ask(top, "nothing.test", 0x0a000002, DNS_RCODE_NXDOMAIN);
	assert_int_equal(count_of(page_of(&top, 1, &page), "10.0.0.1"), 0);
	top_tick(top, 101 * S);
	assert_string_equal(page_of(&top, 1, &page),
			    "== of the last 10 s: a window of 1 s\n\nnames: 4 queries\n"
			    "         3  75.0%  web.shop.svc.cluster.local.\n"
			    "         1  25.0%  nothing.test.\n\nclients: 4 queries\n"
			    "         3  75.0%  10.0.0.1\n         1  25.0%  10.0.0.2\n\n"
			    "names that do not exist (NXDOMAIN): 1 queries\n"
			    "         1 100.0%  nothing.test.\n\n"
			    "== of the last 5 min: a window of 1 s\n\nnames: 4 queries\n"
			    "         3  75.0%  web.shop.svc.cluster.local.\n"
			    "         1  25.0%  nothing.test.\n\nclients: 4 queries\n"
			    "         3  75.0%  10.0.0.1\n         1  25.0%  10.0.0.2\n\n"
			    "names that do not exist (NXDOMAIN): 1 queries\n"
			    "         1 100.0%  nothing.test.\n");
	text_fini(&page);
	top_free(top);
}

/* Two of a hundred queries are of one name and client, the others of names that come once: found on
 * two workers, in the second when all are counted and when one of many is. */
static void noise(unsigned n, uint64_t slack)
{
	struct top *tops[2] = {top_new(), top_new()};
	struct text page = {0};
	char name[64];
	uint64_t got;

	for (unsigned i = 0; i < n; i++) {
		bool is_heavy = i % 50 == 7;
		struct top *top = tops[i / 50 % 2];

		snprintf(name, sizeof(name), "n%u.noise.test", i);
		ask(top, is_heavy ? "heavy.test" : name, is_heavy ? 0x0a0000ff : 0x0b000000 + i,
		    is_heavy ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR);
	}
	top_tick(tops[0], S);
	top_tick(tops[1], S);
	page_of(tops, 2, &page);
	got = count_of(page.bytes, "heavy.test.");
	assert_true(got + slack >= n / 50 && got <= n / 50 + n / 100 + slack);
	got = count_of(page.bytes, "10.0.0.255");
	assert_true(got + slack >= n / 50 && got <= n / 50 + n / 100 + slack);
	got = count_of(strstr(page.bytes, "NXDOMAIN"), "heavy.test.");
	assert_true(got + slack >= n / 50 && got <= n / 50 + slack);
	text_fini(&page);
	top_free(tops[0]);
	top_free(tops[1]);
}

static void test_noise(void **state)
{
	noise(2000, 0);
	noise(1000000, 1000000 / 50 / 4); /* sampled: more than 600 are counted, sigma below 5 % */
}

/* A window shows until the next one is half over, and the long one for as long as it lasts. */
static void test_windows(void **state)
{
	struct top *top = top_new();
	struct text page = {0};
	uint64_t now_s = 1000;
	const char *five;

	top_tick(top, now_s * S);
	ask(top, "first.test", 1, DNS_RCODE_NOERROR);
	for (; now_s < 1010; now_s++)
		top_tick(top, (now_s + 1) * S);
	ask(top, "second.test", 1, DNS_RCODE_NOERROR);
	top_tick(top, 1014 * S);
	assert_int_equal(count_of(page_of(&top, 1, &page), "first.test."), 1);
	five = strstr(page.bytes, "5 min");
	assert_int_equal(count_of(five, "second.test."), 1);
	top_tick(top, 1015 * S);
	page_of(&top, 1, &page);
	five = strstr(page.bytes, "5 min");
	*strstr(page.bytes, "== of the last 5 min") = '\0';
	assert_int_equal(count_of(page.bytes, "first.test."), 0);
	assert_int_equal(count_of(page.bytes, "second.test."), 1);
	assert_int_equal(count_of(five, "first.test."), 1);
	top_tick(top, 1300 * S);
	top_tick(top, 1460 * S);
	assert_int_equal(count_of(page_of(&top, 1, &page), "first.test."), 0);
	text_fini(&page);
	top_free(top);
}

static void test_hostile(void **state)
{
	struct top *top = top_new();
	struct text page = {0};
	struct asked asked = {.source = {.sin_family = AF_INET}, .output.query.type = DNS_TYPE_A};
	uint8_t wire[DNS_NAME_MAX] = {0};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	for (size_t at = 0; at < 254; at += 64) {
		wire[at] = at == 192 ? 61 : 63;
		memset(wire + at + 1, '\n', wire[at]);
	}
	assert_int_equal(dns_name_from_wire(&asked.output.query.name, wire, sizeof(wire)), 0);
	inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	asked.input.source = (struct sockaddr *)&v6;
	top_count(top, &asked.input, &asked.output);
	asked.output.query.type = 0; /* a question that could not be read */
	top_count(top, &asked.input, &asked.output);
	top_tick(top, S);
	page_of(&top, 1, &page);
	assert_int_equal(count_of(page.bytes, "2001:db8::1"), 2);
	assert_non_null(strstr(page.bytes, "names: 1 queries\n         1 100.0%  ...\\010\\010"));
	text_fini(&page);
	top_free(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
