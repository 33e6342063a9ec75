/* SPDX-License-Identifier: Apache-2.0
 *
 * Any packet through the whole life of a query, against the cluster of the query tests. The first
 * octet chooses the transport. Whatever comes, the answer keeps the query's id, is a response, lies
 * within its limits and is well-formed to its last octet.
 */
#include "../unit/query/answer_text.h"
#include "../unit/query/fixture.h"
#include "base/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fixture lives as long as the process. LeakSanitizer does not see that: the buckets of
 * liburcu's hash table, which lead to it, are mapped, not allocated. There only where a sanitizer
 * is. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static struct fixture *new_fixture(void)
{
	struct fixture *fixture = mem_alloc(sizeof(*fixture));

	if (__lsan_disable)
		__lsan_disable();
	rcu_register();
	fixture_init(fixture);
	table_commit(fixture->table, 1700000000, true);
	if (__lsan_enable)
		__lsan_enable();
	return fixture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture *fixture;
	struct text text = {0};
	bool is_tcp;

	if (!fixture)
		fixture = new_fixture();
	if (size == 0)
		return 0;
	is_tcp = data[0] & 1;
	if (fixture_run(fixture, data + 1, size - 1, is_tcp) == QUERY_DROP)
		return 0;
	CHECK(size >= 13 && !(data[3] & 0x80));
	CHECK(fixture->output.size >= DNS_HEADER_SIZE);
	CHECK(fixture->output.size <= (is_tcp ? DNS_MESSAGE_MAX : QUERY_UDP_ANSWER_DEFAULT));
	CHECK(memcmp(fixture->answer, data + 1, 2) == 0);
	answer_text(fixture->answer, fixture->output.size, &text);
	text_fini(&text);
	return 0;
}
