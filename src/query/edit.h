/* SPDX-License-Identifier: Apache-2.0
 *
 * From the message that the steps wrote to the one that the client gets, where these differ:
 * `rewrite` had the steps answer another question, or `minimal` and `loadbalance` choose and order
 * records.
 *
 * The happy path: edit_begin, before a step writes, gives the answer a buffer of its own, in which
 * a set is whole; edit_ask gives it another question; the steps write there without knowing;
 * edit_finish reads that message, changes it as it was told, and writes it behind the client's own
 * question: whole records, as many as the client takes. Nothing is kept from one run of a query to
 * the next. Worker thread.
 */
#ifndef KANAME_QUERY_EDIT_H
#define KANAME_QUERY_EDIT_H

#include "answer.h"

/* A record of the message that the steps wrote; pointers lead into that message. */
struct edit_record {
	uint16_t owner; /* where its owner's name stands in the message */
	uint16_t type, class;
	uint32_t ttl_s;
	const uint8_t *rdata;
	uint16_t rdata_len;
	uint8_t section; /* 0 answer, 1 authority, 2 additional */
};

/* All of them, the sections in their order: the first n_answer are the answer section. */
struct edit_records {
	const uint8_t *message; /* from its header on, `size` octets */
	size_t size;
	struct edit_record *items; /* may be permuted within a section */
	size_t n, n_answer;
};

struct edit; /* of a worker */

struct edit *edit_new(void);
void edit_free(struct edit *edit);

/* Does this block's answer have to be edited whatever the question is? */
bool edit_is_wanted(const struct query_block_config *block);

/* From now on the steps write into the edit's own buffer; answer->edit is set. No record is written
 * yet. */
void edit_begin(struct answer *answer);

/* From now on the steps answer this question, and write into the edit's own buffer. No record is
 * written yet. */
void edit_ask(struct answer *answer, const struct dns_name *name, uint16_t type, uint16_t class);

/* What `rewrite` is to do to the answer; empty at edit_begin, which was called before. */
struct rewrite_changes;
struct rewrite_changes *edit_changes(struct answer *answer);

/* The finished message, without OPT, as the client gets it, goes to *writer, which stands behind
 * the client's own question; answer->end is of that message then. `query` is the client's own. */
__attribute__((noinline)) void edit_finish(struct answer *answer, struct wire_writer *writer,
					   const struct dns_query *query);

#endif
