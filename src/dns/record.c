/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: an owner that is a pointer to the question, ten octets, rdata without a name that
 * is copied. Types with names in their rdata are a table; each is fixed octets, character strings,
 * names, and octets to the end.
 */
#include "record.h"

#define QUESTION_POINTER 0xc00cu
#define SPELLED_POS DNS_HEADER_SIZE
#define RECORD_FIXED_SIZE 10 /* type, class, TTL, RDLENGTH */

struct form {
	uint16_t type;
	uint8_t n_octets, n_strings, n_names;
	uint8_t n_tail;	      /* octets behind the names; TAIL_ANY: any number */
	bool is_compressible; /* RFC 1035 has the type; the others RFC 3597 4 */
};

#define TAIL_ANY 0xff

static const struct form forms[] = {
	{DNS_TYPE_CNAME, 0, 0, 1, 0, true},
	{DNS_TYPE_SOA, 0, 0, 2, 20, true},
	{DNS_TYPE_NS, 0, 0, 1, 0, true},
	{DNS_TYPE_PTR, 0, 0, 1, 0, true},
	{DNS_TYPE_MX, 2, 0, 1, 0, true},
	{DNS_TYPE_SRV, 6, 0, 1, 0, false},
	{3, 0, 0, 1, 0, true},		 /* MD */
	{4, 0, 0, 1, 0, true},		 /* MF */
	{7, 0, 0, 1, 0, true},		 /* MB */
	{8, 0, 0, 1, 0, true},		 /* MG */
	{9, 0, 0, 1, 0, true},		 /* MR */
	{14, 0, 0, 2, 0, true},		 /* MINFO */
	{17, 0, 0, 2, 0, false},	 /* RP */
	{18, 2, 0, 1, 0, false},	 /* AFSDB */
	{21, 2, 0, 1, 0, false},	 /* RT */
	{24, 18, 0, 1, TAIL_ANY, false}, /* SIG */
	{26, 2, 0, 2, 0, false},	 /* PX */
	{30, 0, 0, 1, TAIL_ANY, false},	 /* NXT */
	{35, 4, 3, 1, 0, false},	 /* NAPTR */
	{36, 2, 0, 1, 0, false},	 /* KX */
	{39, 0, 0, 1, 0, false},	 /* DNAME */
};

static const struct form *find_form(uint16_t type)
{
	if (LIKELY(type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type > 39))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (forms[i].type == type)
			return &forms[i];
	}
	return NULL;
}

bool record_read(struct record *record, struct wire_reader *reader)
{
	const uint8_t *at = reader->base + reader->pos;

	record->copy = NULL;
	record->is_question = wire_left(reader) >= 2 && at[0] == QUESTION_POINTER >> 8 &&
			      at[1] == (QUESTION_POINTER & 0xff);
	if (LIKELY(record->is_question))
		wire_skip(reader, 2);
	else
		dns_name_read_spelled(&record->owner, record->spelled, reader);
	record->type = wire_u16(reader);
	record->class = wire_u16(reader);
	record->ttl_s = wire_u32(reader);
	if (record->ttl_s & 0x80000000u)
		record->ttl_s = 0;
	record->rdata_len = wire_u16(reader);
	if (wire_left(reader) < record->rdata_len)
		reader->failed = true;
	return !reader->failed;
}

static void copy(struct wire_reader *reader, struct wire_writer *writer, size_t n)
{
	const uint8_t *bytes = wire_take(reader, n);

	if (LIKELY(bytes != NULL))
		wire_put(writer, bytes, n);
}

static void write_name(struct wire_reader *reader, struct wire_writer *writer,
		       struct dns_suffixes *suffixes, const struct form *form,
		       const struct dns_copy *copy)
{
	uint8_t spelled[DNS_NAME_MAX];
	struct dns_name name;

	dns_name_read_spelled(&name, spelled, reader);
	if (reader->failed)
		return;
	if (UNLIKELY(copy != NULL) && copy->on_name)
		copy->on_name(copy->arg, form->type, &name, spelled);
	if (form->is_compressible)
		(void)suffixes_write(suffixes, writer, &name, spelled);
	else
		wire_put(writer, spelled, name.len);
}

/* The rdata of a type in the table, whose first name `copied` may change. False: it has another
 * form. */
static bool write_form(const struct form *form, struct wire_reader *reader,
		       struct wire_writer *writer, struct dns_suffixes *suffixes,
		       const struct dns_copy *copied)
{
	copy(reader, writer, form->n_octets);
	for (unsigned i = 0; i < form->n_strings; i++) {
		uint8_t len = wire_u8(reader);

		wire_put_u8(writer, len);
		copy(reader, writer, len);
	}
	for (unsigned i = 0; i < form->n_names; i++)
		write_name(reader, writer, suffixes, form, i == 0 ? copied : NULL);
	if (form->n_tail != TAIL_ANY && wire_left(reader) != form->n_tail)
		return false;
	copy(reader, writer, wire_left(reader));
	return !reader->failed;
}

/* Does the rdata of an address have the length of one? */
static bool is_sound(const struct record *record)
{
	if (record->class != DNS_CLASS_IN)
		return true;
	if (record->type == DNS_TYPE_A)
		return record->rdata_len == 4;
	return record->type != DNS_TYPE_AAAA || record->rdata_len == 16;
}

bool record_write(struct record *record, struct wire_reader *reader, struct wire_writer *writer,
		  struct dns_suffixes *suffixes, bool may_point_to_question)
{
	const struct form *form = find_form(record->type);
	size_t size = reader->size, rdata_pos;
	bool is_whole;

	if (!is_sound(record))
		return false;
	if (LIKELY(record->is_question && may_point_to_question)) {
		wire_put_u16(writer, QUESTION_POINTER);
		record->owner_pos = SPELLED_POS;
	} else {
		if (record->is_question) {
			struct wire_reader at = *reader;

			at.pos = SPELLED_POS;
			dns_name_read_spelled(&record->owner, record->spelled, &at);
			if (at.failed)
				return false;
		}
		record->owner_pos =
			suffixes_write(suffixes, writer, &record->owner, record->spelled);
	}
	wire_put_u16(writer, record->type);
	wire_put_u16(writer, record->class);
	record->ttl_pos = writer->pos;
	wire_put_u32(writer, record->ttl_s);
	wire_put_u16(writer, record->rdata_len);
	rdata_pos = writer->pos;
	/* Names in the rdata end in it, though they may point to before. */
	reader->size = reader->pos + record->rdata_len;
	if (LIKELY(!form)) {
		copy(reader, writer, record->rdata_len);
		is_whole = !writer->failed;
	} else {
		is_whole =
			write_form(form, reader, writer, suffixes, record->copy) && !writer->failed;
		if (is_whole)
			wire_patch_u16(writer, rdata_pos - 2, (uint16_t)(writer->pos - rdata_pos));
	}
	reader->size = size;
	return is_whole;
}
