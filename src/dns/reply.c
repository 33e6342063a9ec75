/* SPDX-License-Identifier: Apache-2.0
 *
 * dns_reply_parse. The happy path: header, the question as asked, then each record read and written
 * anew (record.c) into the buffer, noting where its TTL stands. Neighbours of one owner, class and
 * type are a set: they get one TTL, and sets of addresses are noted to be shuffled. OPT and TSIG
 * belong to the hop and are left out. What may fail is told as a constant text; the reply is then
 * not to be used.
 */
#include "dns/reply.h"

#include "record.h"

#define ADDITIONAL 2 /* the section */
#define UNUSABLE "the upstream's reply is unusable: "
#define TTL_NONE 0xffffffffu

/* The set that records are added to. */
struct set {
	size_t owner_pos; /* 0: no set */
	uint16_t type, class;
	uint16_t first; /* index of its first record */
	uint32_t ttl_s; /* the smallest */
	bool is_uneven; /* TTLs differ */
};

struct parse {
	struct dns_reply *reply;
	struct dns_reply_buffer *buffer;
	struct wire_reader reader;
	struct wire_writer writer;
	const struct dns_question *question;
	struct set set;
	bool has_opt;
	bool is_answered; /* a record of the asked type is in the answer section */
	bool has_ns;	  /* in the authority section */
	const char *fault;
};

static bool fail(struct parse *parse, const char *fault)
{
	parse->fault = fault;
	return false;
}

static bool read_question(struct parse *parse)
{
	struct wire_reader *reader = &parse->reader;
	const struct dns_question *question = parse->question;
	struct dns_name name;
	uint16_t type, class;

	dns_name_read(&name, reader, false);
	type = wire_u16(reader);
	class = wire_u16(reader);
	if (reader->failed)
		return fail(parse, UNUSABLE "the question is cut");
	if (type != question->type || class != question->class ||
	    !dns_name_equal(&name, question->name))
		return fail(parse, UNUSABLE "another question");
	return true;
}

static void write_question(struct parse *parse)
{
	struct wire_writer *writer = &parse->writer;
	const struct dns_question *question = parse->question;

	memset(parse->buffer->wire, 0, DNS_HEADER_SIZE);
	(void)wire_room(writer, DNS_HEADER_SIZE);
	wire_put(writer, question->name->wire, question->name->len);
	wire_put_u16(writer, question->type);
	wire_put_u16(writer, question->class);
	suffixes_init(&parse->buffer->suffixes);
	suffixes_learn(&parse->buffer->suffixes, writer, DNS_HEADER_SIZE, question->name);
	parse->reply->body = (uint16_t)writer->pos;
}

static void patch_ttl(uint8_t *at, uint32_t ttl_s)
{
	ttl_s = __builtin_bswap32(ttl_s);
	memcpy(at, &ttl_s, sizeof(ttl_s));
}

/* The set is complete: one TTL for all (RFC 2181 5.2), and a run when it can be shuffled. */
static void end_set(struct parse *parse)
{
	struct dns_reply *reply = parse->reply;
	const struct set *set = &parse->set;
	unsigned n = reply->n_records - set->first;

	if (set->owner_pos == 0 || n < 2)
		return;
	for (unsigned i = set->first; set->is_uneven && i < reply->n_records; i++)
		patch_ttl(parse->buffer->wire + parse->buffer->ttls[i], set->ttl_s);
	if (set->class == DNS_CLASS_IN && (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA) &&
	    reply->n_runs < DNS_REPLY_RUNS_MAX)
		parse->buffer->runs[reply->n_runs++] =
			(struct dns_reply_run){set->first, (uint16_t)n};
}

static void add_to_set(struct parse *parse, const struct record *record)
{
	struct set *set = &parse->set;

	/* RRSIGs of one owner are as many sets as they cover types. */
	if (set->owner_pos == record->owner_pos && set->type == record->type &&
	    set->class == record->class && record->type != DNS_TYPE_RRSIG) {
		set->is_uneven |= set->ttl_s != record->ttl_s;
		if (record->ttl_s < set->ttl_s)
			set->ttl_s = record->ttl_s;
		return;
	}
	end_set(parse);
	*set = (struct set){.owner_pos = record->owner_pos,
			    .type = record->type,
			    .class = record->class,
			    .first = parse->reply->n_records,
			    .ttl_s = record->ttl_s};
}

/* Of an OPT only the upper bits of the rcode and an extended error are the reply's. */
static bool read_opt(struct parse *parse, const struct record *record)
{
	const uint8_t *rdata = wire_take(&parse->reader, record->rdata_len);
	struct wire_reader options = wire_reader_init(rdata, record->rdata_len);

	if (parse->has_opt || record->is_question || record->owner.n_labels != 0)
		return fail(parse, UNUSABLE "OPT out of place");
	parse->has_opt = true;
	/* The TTL's first octet; record_read takes a TTL with the top bit for 0, which no rcode
	 * has. */
	parse->reply->rcode |= (uint16_t)(record->ttl_s >> 24 << 4);
	while (wire_left(&options) > 0 && !options.failed) {
		uint16_t code = wire_u16(&options), len = wire_u16(&options);
		const uint8_t *data = wire_take(&options, len);

		if (data && code == DNS_OPTION_EDE && len >= 2 && parse->reply->ede == DNS_EDE_NONE)
			parse->reply->ede = (uint16_t)(data[0] << 8 | data[1]);
	}
	return options.failed ? fail(parse, UNUSABLE "an option is cut") : true;
}

/* RFC 2308 5: the smaller of its TTL and its MINIMUM, which was written last. */
static void note_soa(struct parse *parse, const struct record *record)
{
	struct dns_reply *reply = parse->reply;
	uint32_t ttl_s;

	memcpy(&ttl_s, parse->buffer->wire + parse->writer.pos - 4, sizeof(ttl_s));
	ttl_s = __builtin_bswap32(ttl_s);
	if (ttl_s & 0x80000000u)
		ttl_s = 0;
	if (record->ttl_s < ttl_s)
		ttl_s = record->ttl_s;
	if (!reply->has_soa || ttl_s < reply->soa_ttl_s)
		reply->soa_ttl_s = ttl_s;
	reply->has_soa = true;
}

/* What a written record says about the reply as a whole. */
static void note(struct parse *parse, const struct record *record, unsigned section)
{
	struct dns_reply *reply = parse->reply;
	uint16_t type = record->type;

	if (record->ttl_s < reply->ttl_s)
		reply->ttl_s = record->ttl_s;
	if (section == 0 &&
	    (type == parse->question->type || parse->question->type == DNS_TYPE_ANY))
		parse->is_answered = true;
	if (section == 1 && type == DNS_TYPE_NS)
		parse->has_ns = true;
	if (section == 1 && type == DNS_TYPE_SOA)
		note_soa(parse, record);
}

static bool take_record(struct parse *parse, unsigned section)
{
	struct dns_reply *reply = parse->reply;
	struct record record;

	if (!record_read(&record, &parse->reader))
		return fail(parse, UNUSABLE "a record is cut");
	if (UNLIKELY(record.type == DNS_TYPE_OPT))
		return section == ADDITIONAL ? read_opt(parse, &record)
					     : fail(parse, UNUSABLE "OPT out of place");
	if (UNLIKELY(record.type == DNS_TYPE_TSIG)) {
		wire_skip(&parse->reader, record.rdata_len);
		return true;
	}
	if (!record_write(&record, &parse->reader, &parse->writer, &parse->buffer->suffixes, true))
		return fail(parse, parse->writer.failed ? UNUSABLE "too long"
							: UNUSABLE "a record is broken");
	if (reply->n_records == DNS_REPLY_RECORDS_MAX)
		return fail(parse, UNUSABLE "too many records");
	add_to_set(parse, &record);
	note(parse, &record, section);
	parse->buffer->ttls[reply->n_records++] = (uint16_t)record.ttl_pos;
	reply->counts[section]++;
	return true;
}

/* False: a record is no good. */
static bool read_section(struct parse *parse, unsigned section, unsigned n)
{
	bool is_whole = true;

	for (unsigned i = 0; i < n && is_whole; i++) {
		size_t mark = parse->writer.pos;

		is_whole = take_record(parse, section);
		if (!is_whole)
			wire_rewind(&parse->writer, mark);
	}
	end_set(parse);
	parse->set.owner_pos = 0;
	return is_whole;
}

/* A reply with TC may end anywhere: what is whole of it counts. */
static bool read_records(struct parse *parse, const uint16_t counts[3])
{
	for (unsigned section = 0; section < 3; section++) {
		if (!read_section(parse, section, counts[section]))
			return (parse->reply->flags & DNS_FLAG_TC) && parse->reader.failed;
	}
	return true;
}

static enum dns_reply_kind kind_of(const struct parse *parse)
{
	const struct dns_reply *reply = parse->reply;

	if (reply->rcode == DNS_RCODE_NXDOMAIN)
		return DNS_REPLY_NXDOMAIN;
	if (reply->rcode != DNS_RCODE_NOERROR)
		return DNS_REPLY_FAILURE;
	if (parse->is_answered)
		return DNS_REPLY_SUCCESS;
	if (reply->counts[0] == 0 && parse->has_ns && !reply->has_soa)
		return DNS_REPLY_REFERRAL;
	return DNS_REPLY_NODATA;
}

static void finish(struct parse *parse)
{
	struct dns_reply *reply = parse->reply;

	reply->wire = parse->buffer->wire;
	reply->ttls = parse->buffer->ttls;
	reply->runs = parse->buffer->runs;
	reply->len = (uint32_t)parse->writer.pos;
	if (reply->ttl_s == TTL_NONE)
		reply->ttl_s = 0;
	reply->kind = (uint8_t)kind_of(parse);
}

const char *dns_reply_parse(struct dns_reply *reply, struct dns_reply_buffer *buffer,
			    const uint8_t *message, size_t size,
			    const struct dns_question *question)
{
	struct parse parse = {
		.reply = reply,
		.buffer = buffer,
		.reader = wire_reader_init(message, size),
		.writer = wire_writer_init(buffer->wire, sizeof(buffer->wire)),
		.question = question,
	};
	struct wire_reader *reader = &parse.reader;
	uint16_t flags, n_questions, counts[3];

	*reply = (struct dns_reply){.ttl_s = TTL_NONE, .ede = DNS_EDE_NONE};
	wire_skip(reader, 2);
	flags = wire_u16(reader);
	n_questions = wire_u16(reader);
	for (unsigned i = 0; i < 3; i++)
		counts[i] = wire_u16(reader);
	if (reader->failed)
		return UNUSABLE "shorter than a header";
	if (!(flags & DNS_FLAG_QR) || (flags >> DNS_OPCODE_SHIFT & 15) != DNS_OPCODE_QUERY ||
	    n_questions != 1)
		return UNUSABLE "no reply to one question";
	reply->flags = flags & (DNS_FLAG_AD | DNS_FLAG_AA | DNS_FLAG_TC | DNS_FLAG_RA);
	reply->rcode = flags & 15;
	if (!read_question(&parse))
		return parse.fault;
	write_question(&parse);
	if (!read_records(&parse, counts))
		return parse.fault;
	finish(&parse);
	return NULL;
}
