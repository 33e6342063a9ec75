/* SPDX-License-Identifier: Apache-2.0
 *
 * A hosts file of any bytes: what it comes to can be asked for. Every name that its words spell and
 * every reverse name of its addresses is asked through query_run on the fixture, whose answers are
 * read to their last octet; and a file that is read twice comes to the same.
 */
#include <stdint.h>

#include "../unit/query/answer_text.h"
#include "../unit/query/fixture.h"
#include "base/rcu.h"
#include "dns/address.h"
#include "query/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ASKED_MAX 20 /* words of a file that are asked for */

static struct fixture *fixture;
static struct dns_name root = {.len = 1};
static struct query_hosts hosts = {.place = "Corefile:1", .zones = {&root, 1}, .ttl_s = 1};

/* As in fuzz_query.c: LeakSanitizer does not see that the fixture lives on. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void init(void)
{
	if (__lsan_disable)
		__lsan_disable();
	fixture = mem_zalloc(sizeof(*fixture));
	rcu_register();
	fixture_init(fixture);
	fixture->blocks[0].n_clusters = 0;
	fixture->blocks[0].hosts = &hosts;
	if (__lsan_enable)
		__lsan_enable();
}

static void ask(const struct dns_name *name, uint16_t type)
{
	uint8_t packet[512];
	struct wire_writer writer = wire_writer_init(packet, sizeof(packet));
	struct text text = {0};

	wire_put(&writer, "\0\1\1\0\0\1\0\0\0\0\0\0", DNS_HEADER_SIZE);
	wire_put(&writer, name->wire, name->len);
	wire_put_u16(&writer, type);
	wire_put_u16(&writer, DNS_CLASS_IN);
	if (fixture_run(fixture, packet, writer.pos, false) == QUERY_ANSWER) {
		CHECK(fixture->output.size <= DNS_UDP_PLAIN_MAX);
		answer_text(fixture->answer, fixture->output.size, &text);
	}
	text_fini(&text);
}

static void ask_word(const char *word, size_t len)
{
	struct address address;
	struct dns_name name;

	if (address_from_text(&address, word, len) == 0) {
		address_reverse_zone(&name, &address, (unsigned)address_size(&address) * 8, 0);
		ask(&name, DNS_TYPE_PTR);
	} else if (dns_name_from_text(&name, word, len) == 0) {
		ask(&name, DNS_TYPE_A);
		ask(&name, DNS_TYPE_AAAA);
		ask(&name, DNS_TYPE_TXT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct hosts_input input = {.zones = &hosts.zones,
				    .has_reverse = true,
				    .file = at,
				    .file_len = size,
				    .lines = ""};
	struct text skipped = {0}, again = {0};
	struct hosts_data *other;

	if (!fixture)
		init();
	hosts_publish(&hosts, hosts_build(&input, &skipped));
	other = hosts_build(&input, &again);
	CHECK(hosts_n_entries(other) == hosts_n_entries(hosts.data) && skipped.len == again.len);
	hosts_free(other);
	for (unsigned n = 0; at < end && n < ASKED_MAX; n++) {
		size_t len = 0;

		while (at + len < end && (unsigned char)at[len] > ' ')
			len++;
		ask_word(at, len);
		at += len + 1;
	}
	text_fini(&skipped);
	text_fini(&again);
	return 0;
}
