/* SPDX-License-Identifier: Apache-2.0
 *
 * See edit.h. The happy path of edit_finish: the records are listed, `minimal` shortens the list,
 * `loadbalance` permutes it, and each record is copied behind the client's question with the names
 * and TTLs that `rewrite` gives it. What may fail is room: answer and authority records that do not
 * fit are cut off with TC, additional ones without.
 */
#include "edit.h"

#include "dns/copy.h"
#include "rewrite.h"
#include "worker.h"

#define QUESTION_MAX (DNS_NAME_MAX + 4)
#define RECORD_MIN 11 /* octets of a record: the root, no rdata */
#define RECORDS_MAX (DNS_MESSAGE_MAX / RECORD_MIN)

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

struct edit {
	struct dns_query query; /* the steps', once edit_ask was called */
	uint8_t question[QUESTION_MAX];
	struct rewrite_changes changes;
	struct dns_copy copy;
	struct edit_record records[RECORDS_MAX];
	uint8_t bytes[DNS_MESSAGE_MAX]; /* the steps' message */
};

struct edit *edit_new(void)
{
	return mem_zalloc(sizeof(struct edit));
}

void edit_free(struct edit *edit)
{
	free(edit);
}

bool edit_is_wanted(const struct query_block_config *block)
{
	return block->has_minimal || block->balance != NULL;
}

struct rewrite_changes *edit_changes(struct answer *answer)
{
	return &answer->edit->changes;
}

/* The steps' message has its question and nothing else. */
static void begin_message(struct answer *answer)
{
	struct edit *edit = answer->edit;

	answer->writer = wire_writer_init(edit->bytes, sizeof(edit->bytes));
	dns_answer_begin(&answer->writer, answer->query);
}

void edit_begin(struct answer *answer)
{
	answer->edit = answer->worker->edit;
	answer->edit->changes.n = answer->edit->changes.n_names = 0;
	begin_message(answer);
}

void edit_ask(struct answer *answer, const struct dns_name *name, uint16_t type, uint16_t class)
{
	struct edit *edit = answer->edit;
	struct wire_writer writer = wire_writer_init(edit->question, sizeof(edit->question));

	wire_put(&writer, name->wire, name->len);
	wire_put_u16(&writer, type);
	wire_put_u16(&writer, class);
	CHECK(!writer.failed);
	edit->query = *answer->query;
	dns_name_copy(&edit->query.name, name);
	edit->query.type = type;
	edit->query.class = class;
	edit->query.question = edit->question;
	edit->query.question_len = (uint16_t)writer.pos;
	answer->query = &edit->query;
	begin_message(answer);
}

/* Lists the next record of the message. False: there is none. */
static bool read_record(struct wire_reader *reader, struct edit_record *record)
{
	struct dns_name owner;

	record->owner = (uint16_t)reader->pos;
	dns_name_read(&owner, reader, true);
	record->type = wire_u16(reader);
	record->class = wire_u16(reader);
	record->ttl_s = wire_u32(reader);
	record->rdata_len = wire_u16(reader);
	record->rdata = wire_take(reader, record->rdata_len);
	return !reader->failed;
}

/* All records of the steps' message. False: it is not what end's counts say. */
static bool list_records(struct answer *answer, struct edit_records *records)
{
	struct edit *edit = answer->edit;
	struct wire_reader reader = wire_reader_init(edit->bytes, answer->writer.pos);
	size_t n_needed = (size_t)answer->end.n_answer + answer->end.n_authority;

	*records = (struct edit_records){.message = edit->bytes,
					 .size = answer->writer.pos,
					 .items = edit->records,
					 .n = n_needed + answer->end.n_additional,
					 .n_answer = answer->end.n_answer};
	wire_skip(&reader, DNS_HEADER_SIZE + answer->query->question_len);
	for (size_t i = 0; i < records->n; i++) {
		if (i == RECORDS_MAX || !read_record(&reader, &records->items[i]))
			return false;
		records->items[i].section = i < records->n_answer ? SECTION_ANSWER
					    : i < n_needed	  ? SECTION_AUTHORITY
								  : SECTION_ADDITIONAL;
	}
	return true;
}

/* As CoreDNS: what answers is stripped of all else; denials, referrals and failures stay whole. */
static void strip(struct answer *answer, struct edit_records *records)
{
	bool has_answer = answer->end.n_answer > 0 || answer->end.n_authority == 0;

	if (answer->end.rcode == DNS_RCODE_NOERROR && has_answer &&
	    records->n > records->n_answer) {
		ANSWER_TRACE(answer, "minimal: authority and additional records are left out");
		records->n = records->n_answer;
	}
}

static void count(struct dns_answer_end *end, uint8_t section)
{
	end->n_answer = (uint16_t)(end->n_answer + (section == SECTION_ANSWER));
	end->n_authority = (uint16_t)(end->n_authority + (section == SECTION_AUTHORITY));
	end->n_additional = (uint16_t)(end->n_additional + (section == SECTION_ADDITIONAL));
}

/* Copies the records, as many as fit. False: one is none. */
static bool write_records(struct answer *answer, const struct edit_records *records,
			  struct wire_writer *writer)
{
	struct dns_copy *copy = &answer->edit->copy;

	for (size_t i = 0; i < records->n; i++) {
		const struct edit_record *item = &records->items[i];
		const struct dns_copy_record record = {
			.owner = item->owner,
			.type = item->type,
			.class = item->class,
			.ttl_s = rewrite_ttl(answer, item->ttl_s),
			.rdata = (size_t)(item->rdata - records->message),
			.rdata_len = item->rdata_len,
		};

		switch (dns_copy_record(copy, &record, writer)) {
		case DNS_COPY_DONE:
			count(&answer->end, item->section);
			break;
		case DNS_COPY_FULL:
			if (item->section != SECTION_ADDITIONAL)
				answer->end.flags |= DNS_FLAG_TC;
			return true;
		case DNS_COPY_BROKEN:
			return false;
		}
	}
	return true;
}

/* Everything that a step writes can be read: were it not so, this says it. */
static void fail_broken(struct answer *answer, struct wire_writer *writer,
			const struct dns_query *query)
{
	wire_rewind(writer, DNS_HEADER_SIZE + query->question_len);
	answer->end.n_answer = answer->end.n_authority = answer->end.n_additional = 0;
	answer->end.flags &= (uint16_t) ~(DNS_FLAG_AA | DNS_FLAG_TC);
	answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, "the answer could not be edited");
}

void edit_finish(struct answer *answer, struct wire_writer *writer, const struct dns_query *query)
{
	const struct query_worker *worker = answer->worker;
	const struct query_block_config *block =
		&worker->config->blocks[worker->output->view->block];
	struct edit *edit = answer->edit;
	struct edit_records records;
	bool is_whole = list_records(answer, &records);

	if (is_whole && block->has_minimal)
		strip(answer, &records);
	/* `loadbalance` permutes records.items[0..n_answer) here. */
	answer->end.n_answer = answer->end.n_authority = answer->end.n_additional = 0;
	edit->copy.from = wire_reader_init(records.message, records.size);
	edit->copy.on_name = rewrite_renames(answer) ? rewrite_on_name : NULL;
	edit->copy.arg = answer;
	dns_copy_begin(&edit->copy, writer, query);
	if (!is_whole || !write_records(answer, &records, writer))
		fail_broken(answer, writer, query);
	rewrite_rcode(answer, query);
	/* What was validated is not what the client asked for. */
	if (answer->query != query)
		answer->end.flags &= (uint16_t)~DNS_FLAG_AD;
}
