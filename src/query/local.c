/* SPDX-License-Identifier: Apache-2.0
 *
 * `local`: localhost and the names of 127.0.0.0/8, answered here whatever search suffix was put
 * behind them; with them the reverse names of 0.0.0.0/8 and 255.0.0.0/8 (RFC 6303) and of ::1, so
 * that none of them reaches an upstream. TTL and SOA are CoreDNS's. Worker thread.
 *
 * Two kinds of names: hosts, which have loopback addresses (localhost, NAME.localhost,
 * localhost.NAME), and the reverse zones, which are empty but for the names of 127.0.0.1 and ::1.
 */
#include "local.h"

#include "worker.h"

#define TTL_S 604800u
#define LOCALHOST "\011localhost"
#define ZEROS_5 "\0010\0010\0010\0010\0010" /* labels of one digit */
#define ONE_V6 "\0011" ZEROS_5 ZEROS_5 ZEROS_5 ZEROS_5 ZEROS_5 ZEROS_5 "\0010\003ip6\004arpa"

static const uint8_t localhost[] = LOCALHOST;

struct zone {
	const char *wire;
	size_t len;
	const char *host; /* wire of the name that has a PTR record; NULL: none has */
	size_t host_len;
};

#define WIRE(text) (text), sizeof(text)
static const struct zone zones[] = {
	{WIRE("\003127\007in-addr\004arpa"), WIRE("\0011\0010\0010\003127\007in-addr\004arpa")},
	{WIRE("\0010\007in-addr\004arpa"), NULL, 0},
	{WIRE("\003255\007in-addr\004arpa"), NULL, 0},
	{WIRE(ONE_V6), WIRE(ONE_V6)},
};

/* Are these whole labels the end of the name? */
static bool ends_with(const struct dns_name *name, const char *wire, size_t len)
{
	if (name->len < len || memcmp(name->wire + name->len - len, wire, len) != 0)
		return false;
	for (unsigned i = 0; i <= name->n_labels; i++) {
		if (name->offsets[i] == name->len - len)
			return true;
	}
	return false;
}

/* ns localhost, mailbox root@localhost, serial 1; what is negative is so for TTL_S. */
static void put_soa(struct answer *answer, uint16_t owner, bool is_negative)
{
	static const uint8_t rdata[] = LOCALHOST "\0\004root" LOCALHOST "\0"
						 "\0\0\0\001\0\0\0\0\0\0\0\0\0\0\0\0\0\011\072\200";
	const struct answer_rr rr = {owner, DNS_TYPE_SOA, TTL_S};

	if (answer_record(answer, rr, rdata, sizeof(rdata) - 1) && is_negative) {
		answer->end.n_answer--;
		answer->end.n_authority++;
	}
}

static void put_record(struct answer *answer, enum dns_type type, const uint8_t *rdata, size_t len)
{
	const struct answer_rr rr = {QUESTION_NAME_POS, type, TTL_S};

	answer_record(answer, rr, rdata, (uint16_t)len);
}

/* A name with loopback addresses. False: it has nothing of this type. */
static bool answer_host(struct answer *answer)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};

	if (answer->query->type == DNS_TYPE_A)
		put_record(answer, DNS_TYPE_A, v4, sizeof(v4));
	else if (answer->query->type == DNS_TYPE_AAAA)
		put_record(answer, DNS_TYPE_AAAA, v6, sizeof(v6));
	else
		return false;
	return true;
}

/* The top of a zone. False likewise. */
static bool answer_apex(struct answer *answer)
{
	if (answer->query->type == DNS_TYPE_SOA)
		put_soa(answer, QUESTION_NAME_POS, false);
	else if (answer->query->type == DNS_TYPE_NS)
		put_record(answer, DNS_TYPE_NS, localhost, sizeof(localhost));
	else
		return false;
	return true;
}

static void answer_reverse(struct answer *answer, const struct zone *zone)
{
	const struct dns_name *name = &answer->query->name;
	uint16_t owner = (uint16_t)(QUESTION_NAME_POS + name->len - zone->len);
	bool is_host = zone->host && name->len == zone->host_len &&
		       memcmp(name->wire, zone->host, zone->host_len) == 0;
	/* Above a name that exists, a name exists (RFC 8020). */
	bool is_there =
		name->len == zone->len ||
		(zone->host && name->len < zone->host_len &&
		 memcmp(name->wire, zone->host + zone->host_len - name->len, name->len) == 0);

	if (is_host && answer->query->type == DNS_TYPE_PTR) {
		put_record(answer, DNS_TYPE_PTR, localhost, sizeof(localhost));
		return;
	}
	if (name->len == zone->len && answer_apex(answer))
		return;
	if (!is_host && !is_there)
		answer->end.rcode = DNS_RCODE_NXDOMAIN;
	put_soa(answer, owner, true);
}

static const struct zone *find_zone(const struct dns_name *name)
{
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (ends_with(name, zones[i].wire, zones[i].len))
			return &zones[i];
	}
	return NULL;
}

enum step local_run(struct answer *answer, const struct query_block_config *block)
{
	const struct dns_name *name = &answer->query->name;
	const struct zone *zone;
	bool is_localhost = name->len == sizeof(localhost) && ends_with(name, WIRE(LOCALHOST));
	/* NAME.localhost, and localhost with a search domain behind it. */
	bool is_below = !is_localhost &&
			(ends_with(name, WIRE(LOCALHOST)) ||
			 (!block->has_no_localhost_prefix && name->len > sizeof(localhost) &&
			  memcmp(name->wire, localhost, sizeof(LOCALHOST) - 1) == 0));

	if (answer->query->class != DNS_CLASS_IN)
		return STEP_NEXT;
	zone = is_localhost || is_below ? NULL : find_zone(name);
	if (!is_localhost && !is_below && !zone)
		return STEP_NEXT;
	answer->plugin = QUERY_PLUGIN_LOCAL;
	ANSWER_TRACE(answer, "local %s: a local name, answered here", block->place);
	if (is_below)
		counter_add(&step_counts_of(answer->worker)->localhost, 1);
	if (zone)
		answer_reverse(answer, zone);
	else if (!answer_host(answer) && !(is_localhost && answer_apex(answer)))
		put_soa(answer, QUESTION_NAME_POS, true);
	return STEP_DONE;
}
