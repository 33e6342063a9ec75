/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers from a packed reply. The happy path, dns_reply_write: everything fits, one memcpy, one
 * patch for each record, one shuffle for each set of addresses. A reply that does not fit is cut
 * behind the last record that does; of a set that is cut, every record is equally likely to stay.
 * dns_reply_append, for the end of a CNAME chain, writes record by record instead. What may fail is
 * room: TC.
 */
#include "dns/reply.h"

#include "record.h"

static uint32_t get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return __builtin_bswap32(value);
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(at, &value, sizeof(value));
}

static size_t rdata_len(const struct dns_reply *reply, size_t i)
{
	const uint8_t *at = reply->wire + reply->ttls[i] + 4;

	return (size_t)at[0] << 8 | at[1];
}

/* Where record i ends; that of no record is where the first begins. */
static size_t end_of(const struct dns_reply *reply, size_t n)
{
	return n == 0 ? reply->body : reply->ttls[n - 1] + 6u + rdata_len(reply, n - 1);
}

/* How many whole records fit into `room` octets. */
static size_t count_fitting(const struct dns_reply *reply, size_t room)
{
	size_t least = 0, most = reply->n_records;

	if (LIKELY(reply->len - reply->body <= room))
		return most;
	while (least < most) {
		size_t middle = (least + most + 1) / 2;

		if (end_of(reply, middle) - reply->body <= room)
			least = middle;
		else
			most = middle - 1;
	}
	return least;
}

static uint32_t ttl_now(const struct dns_reply_ttl *ttl, uint32_t ttl_s)
{
	if (ttl_s > ttl->cap_s)
		ttl_s = ttl->cap_s;
	if (ttl_s < ttl->floor_s)
		ttl_s = ttl->floor_s;
	return ttl_s > ttl->age_s ? ttl_s - ttl->age_s : 0;
}

/* The TTLs of the first n records, which stand at `body` now. */
static void patch_ttls(const struct dns_reply *reply, uint8_t *body, size_t n,
		       const struct dns_reply_ttl *ttl)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t *at = body + (reply->ttls[i] - reply->body);

		put_u32(at, ttl->is_fixed ? ttl->fixed_s : ttl_now(ttl, get_u32(at)));
	}
}

/* An address: 4 or 16 octets. */
static void copy_address(uint8_t *to, const uint8_t *from, size_t size)
{
	if (LIKELY(size == 4))
		memcpy(to, from, 4);
	else
		memcpy(to, from, 16);
}

static void swap_addresses(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t kept[16];

	if (a == b)
		return;
	copy_address(kept, a, size);
	copy_address(a, b, size);
	copy_address(b, kept, size);
}

/*
 * The addresses of a run, of which the first `n` records are in the copy at `body`: those beyond
 * take each place there with the chance that makes every subset equally likely (reservoir), then
 * Fisher and Yates.
 */
static void shuffle(const struct dns_reply *reply, const struct dns_reply_run *run, uint8_t *body,
		    size_t n, struct random *random)
{
	const uint16_t *ttls = reply->ttls + run->first;
	size_t size = rdata_len(reply, run->first), before = reply->body - 6u;

	for (uint32_t i = (uint32_t)n; i < run->n; i++) {
		uint32_t place = random_below(random, i + 1);

		if (place < n)
			copy_address(body + (ttls[place] - before), reply->wire + ttls[i] + 6,
				     size);
	}
	for (uint32_t i = (uint32_t)n; i > 1; i--) {
		uint32_t other = random_below(random, i);

		swap_addresses(body + (ttls[i - 1] - before), body + (ttls[other] - before), size);
	}
}

/* The first n records, as they are to be given now. */
static void copy_records(const struct dns_reply *reply, uint8_t *body, size_t n,
			 const struct dns_reply_ttl *ttl, struct random *random)
{
	memcpy(body, reply->wire + reply->body, end_of(reply, n) - reply->body);
	patch_ttls(reply, body, n, ttl);
	for (unsigned i = 0; i < reply->n_runs && reply->runs[i].first < n; i++) {
		size_t in = n - reply->runs[i].first;

		if (in > reply->runs[i].n)
			in = reply->runs[i].n;
		shuffle(reply, &reply->runs[i], body, in, random);
	}
}

void dns_reply_write(const struct dns_reply *reply, struct wire_writer *writer,
		     const struct dns_reply_ttl *ttl, struct random *random,
		     struct dns_answer_end *end)
{
	size_t n = count_fitting(reply, writer->size - writer->pos);
	size_t n_needed = (size_t)reply->counts[0] + reply->counts[1];
	uint8_t *body = wire_room(writer, end_of(reply, n) - reply->body);

	CHECK(body);
	copy_records(reply, body, n, ttl, random);
	if (UNLIKELY(n < n_needed || (reply->flags & DNS_FLAG_TC)))
		end->flags |= DNS_FLAG_TC;
	end->rcode = reply->rcode;
	end->n_answer = n < reply->counts[0] ? (uint16_t)n : reply->counts[0];
	end->n_authority = (uint16_t)((n < n_needed ? n : n_needed) - end->n_answer);
	end->n_additional = (uint16_t)(n > n_needed ? n - n_needed : 0);
}

static void learn(struct dns_suffixes *suffixes, const struct wire_writer *writer,
		  const struct dns_reply_append *in)
{
	suffixes_init(suffixes);
	for (size_t i = 0; i < in->n_known; i++) {
		struct wire_reader reader = wire_reader_init(writer->base, writer->pos);
		struct dns_name name;

		reader.pos = in->known[i];
		dns_name_read(&name, &reader, true);
		CHECK(!reader.failed);
		suffixes_learn(suffixes, writer, in->known[i], &name);
	}
}

void dns_reply_append(const struct dns_reply *reply, struct wire_writer *writer,
		      const struct dns_reply_append *in, struct dns_answer_end *end)
{
	struct dns_reply_buffer *scratch = in->scratch;
	struct wire_reader reader = wire_reader_init(scratch->wire, reply->len);
	size_t n = (size_t)reply->counts[0] + reply->counts[1];

	memcpy(scratch->wire, reply->wire, reply->body);
	copy_records(reply, scratch->wire + reply->body, reply->n_records, in->ttl, in->random);
	learn(&scratch->suffixes, writer, in);
	reader.pos = reply->body;
	end->rcode = reply->rcode;
	for (size_t i = 0; i < n; i++) {
		bool is_answer = i < reply->counts[0];
		size_t mark = writer->pos;
		struct record record;

		CHECK(record_read(&record, &reader));
		if (!is_answer && record.type != DNS_TYPE_SOA) {
			wire_skip(&reader, record.rdata_len);
			continue;
		}
		if (!record_write(&record, &reader, writer, &scratch->suffixes, false)) {
			wire_rewind(writer, mark);
			end->flags |= DNS_FLAG_TC;
			return;
		}
		if (is_answer)
			end->n_answer++;
		else
			end->n_authority++;
	}
	if (reply->flags & DNS_FLAG_TC)
		end->flags |= DNS_FLAG_TC;
}
