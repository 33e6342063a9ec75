/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer while it is written: the message, what is counted in its header, and one function for
 * each shape of record set. A set that does not fit is cut at a whole record, after a uniform
 * shuffle, and sets TC; additional records that do not fit are left out without TC (RFC 2181 9).
 * Owners are given as the offset in the message where the name stands, since every owner is the
 * question's name or one that was written before. Worker thread.
 */
#ifndef KANAME_QUERY_ANSWER_H
#define KANAME_QUERY_ANSWER_H

#include "dns/message.h"
#include "order.h"
#include "query/query.h"
#include "table/table.h"

#define QUESTION_NAME_POS DNS_HEADER_SIZE /* where the question's name stands */
#define POINTER_POS_MAX 0x3fffu /* the last place that a pointer reaches (RFC 1035 4.1.4) */

/* SRV records written whose targets may get glue; more than a message holds. */
#define ANSWER_TARGETS_MAX 2048

/* CNAMEs followed in one answer (dns-facts 7: at least 8). */
#define ANSWER_HOPS_MAX 10

struct answer_target {
	uint32_t index; /* of table_target */
	uint16_t pos;	/* where its name stands */
};

/* Scratch that is too large for a stack; belongs to the worker. */
struct answer_scratch {
	struct order order;
	struct answer_target targets[ANSWER_TARGETS_MAX];
	struct dns_compress compress;
	uint64_t ports_seen[65536 / 64];	    /* of the target in hand; zero between uses */
	struct dns_name chain[ANSWER_HOPS_MAX + 1]; /* names of a CNAME chain */
	uint16_t chain_pos[ANSWER_HOPS_MAX + 1];    /* where they stand in the message */
};

enum step { STEP_DONE, STEP_NEXT };

struct answer {
	struct query_worker *worker;	/* borrowed */
	const struct dns_query *query;	/* borrowed */
	struct answer_scratch *scratch; /* borrowed: the worker's */
	struct wire_writer writer;
	bool is_compress_ready;	   /* scratch->compress knows this message's names */
	bool is_pending;	   /* it needs what output->question asks for */
	bool is_dropped;	   /* nothing is to be sent */
	struct edit *edit;	   /* the message is another's than the client's: edit.h; NULL */
	uint8_t class;		   /* enum query_class */
	uint8_t result;		   /* enum query_result */
	enum query_plugin plugin;  /* who answered */
	struct dns_answer_end end; /* flags, rcode, counts and extended error so far */
};

/* What an answer needs to know of the zone it speaks for. */
struct answer_zone {
	const struct dns_name *name;
	uint16_t pos;	/* where the zone's name stands in the message; 0: nowhere yet */
	uint32_t ttl_s; /* of its records */
	uint32_t serial;
};

/* A line of --explain: "DIRECTIVE PLACE: what". Nothing is evaluated when nobody explains. */
#define ANSWER_TRACE(answer, ...)                              \
	do {                                                   \
		if (UNLIKELY((answer)->worker->trace != NULL)) \
			answer_trace((answer), __VA_ARGS__);   \
	} while (0)
void answer_trace(struct answer *answer, const char *format, ...) PRINTF_LIKE(2, 3);

/* A failure without records. */
void answer_fail(struct answer *answer, enum dns_rcode rcode, enum dns_ede ede, const char *text);

/* Forgets all records: the question alone stands there. */
void answer_restart(struct answer *answer);

/* A or AAAA records in random order to the answer section. */
void answer_addresses(struct answer *answer, uint16_t owner,
		      const struct table_addresses *addresses, enum address_family family,
		      uint32_t ttl_s);

/* The same to the additional section, as many as fit, without TC. */
void answer_glue(struct answer *answer, uint16_t owner, const struct table_addresses *addresses,
		 enum address_family family, uint32_t ttl_s);

/* The SRV set of a view with its targets' addresses as additional records. */
void answer_srv(struct answer *answer, uint16_t owner, const struct table_view *view,
		const struct answer_zone *zone);

/* Whose record, of which type, for how long. */
struct answer_rr {
	uint16_t owner;
	enum dns_type type;
	uint32_t ttl_s;
};

/* PTR records: each target, "svc" and `domain`. */
void answer_pointers(struct answer *answer, struct answer_rr rr,
		     const struct table_pointers *pointers, const struct dns_name *domain);

/* The names that may be pointed to. */
struct dns_compress *answer_compress(struct answer *answer);

/* One record with rdata as it is. Returns false, with TC, when it does not fit. */
bool answer_record(struct answer *answer, struct answer_rr rr, const uint8_t *rdata,
		   uint16_t rdata_len);

/* One record whose rdata is a name, compressed; *target_pos gets where it stands. False, with TC,
 * when it does not fit. */
bool answer_name_record(struct answer *answer, struct answer_rr rr, const uint8_t *wire, size_t len,
			uint16_t *target_pos);

/* The zone's SOA: to the answer section (the apex asked for it) or to the authority section
 * (negative answers, RFC 2308 3). */
void answer_soa(struct answer *answer, const struct answer_zone *zone, bool is_negative);

#endif
