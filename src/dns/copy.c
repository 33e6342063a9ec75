/* SPDX-License-Identifier: Apache-2.0
 *
 * See dns/copy.h. The reading and writing of a record is record.c's; the question's name is learnt
 * first, so that owners which equal it show the client's own spelling.
 */
#include "dns/copy.h"

#include "record.h"

void dns_copy_begin(struct dns_copy *copy, const struct wire_writer *writer,
		    const struct dns_query *query)
{
	suffixes_init(&copy->suffixes);
	suffixes_learn(&copy->suffixes, writer, DNS_HEADER_SIZE, &query->name);
}

enum dns_copy_outcome dns_copy_record(struct dns_copy *copy, const struct dns_copy_record *in,
				      struct wire_writer *writer)
{
	struct record record = {.type = in->type,
				.class = in->class,
				.ttl_s = in->ttl_s,
				.rdata_len = in->rdata_len,
				.copy = copy};
	struct wire_reader reader = copy->from;
	size_t mark = writer->pos;
	bool is_full;

	if (in->owner > reader.size || in->rdata > reader.size ||
	    reader.size - in->rdata < in->rdata_len)
		return DNS_COPY_BROKEN;
	reader.pos = in->owner;
	dns_name_read_spelled(&record.owner, record.spelled, &reader);
	if (reader.failed)
		return DNS_COPY_BROKEN;
	if (copy->on_name)
		copy->on_name(copy->arg, 0, &record.owner, record.spelled);
	reader.pos = in->rdata;
	if (record_write(&record, &reader, writer, &copy->suffixes, false))
		return DNS_COPY_DONE;
	is_full = writer->failed;
	wire_rewind(writer, mark);
	return is_full ? DNS_COPY_FULL : DNS_COPY_BROKEN;
}
