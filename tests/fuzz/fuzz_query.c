/* SPDX-License-Identifier: Apache-2.0
 *
 * Any packet through the whole life of a query, against the cluster of the query tests. The first
 * octet chooses the transport, and whether the block has the steps before names. Whatever comes,
 * the answer keeps the query's id, is a response, lies within its limits and is well-formed to its
 * last octet.
 */
#include "../unit/query/answer_text.h"
#include "../unit/query/fixture.h"
#include "base/rcu.h"
#include "query/acl.h"
#include "query/chaos.h"

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

/* Every gate, or none. */
static void set_gates(struct query_block_config *block, bool has_gates)
{
	static const char *const authors[] = {"Ann", "Bob"};
	static const struct query_chaos chaos = {"v", "node-7", authors, 2, "Corefile:1"};
	static const uint16_t types[] = {DNS_TYPE_MX};
	static const struct query_acl_rule rules[] = {
		{QUERY_ACL_BLOCK, types, 1, true, {0}, {0}, "Corefile:2"}};
	static struct dns_name root = {.len = 1};
	static const struct query_acl acl = {{&root, 1}, rules, 1, NULL};
	static const uint8_t nsid[QUERY_NSID_MAX] = "n";

	block->place = "Corefile:1";
	block->has_local = block->has_any = has_gates;
	block->chaos = has_gates ? &chaos : NULL;
	block->acl = has_gates ? &acl : NULL;
	block->nsid = has_gates ? nsid : NULL;
	block->nsid_len = sizeof(nsid);
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
	set_gates(&fixture->blocks[0], data[0] & 2);
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
