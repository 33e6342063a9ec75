/* SPDX-License-Identifier: Apache-2.0
 *
 * An upstream's reply, read once and kept *packed*: everything that answers are made of and nothing
 * of the hop that it came over (ID, OPT, TSIG).
 *
 * The happy path: dns_reply_parse checks every octet of the message against the question that was
 * asked and writes its records anew behind that question: names are compressed against the
 * question's name and each other, so that they stand where the client's own question stands, whose
 * spelling shows. The packed reply is a whole message; dns_reply_write copies its records behind a
 * client's question of the same length with one memcpy and patches TTLs at known offsets. What may
 * fail is the message: dns_reply_parse says why. No allocation. Any thread.
 */
#ifndef KANAME_DNS_REPLY_H
#define KANAME_DNS_REPLY_H

#include "base/random.h"
#include "dns/message.h"

#define DNS_REPLY_RECORDS_MAX 5960 /* of 11 octets each fill a message */
#define DNS_REPLY_RUNS_MAX 16 /* sets of addresses that are shuffled; others keep their order */

enum dns_reply_kind {
	DNS_REPLY_SUCCESS,  /* NOERROR with an answer */
	DNS_REPLY_NODATA,   /* NOERROR without a record of the asked type (RFC 2308 2.2) */
	DNS_REPLY_NXDOMAIN, /* the name, or what its CNAMEs lead to, does not exist */
	DNS_REPLY_REFERRAL, /* NOERROR with NS records of a zone below, and nothing else */
	DNS_REPLY_FAILURE,  /* any other rcode */
};

/* Equal records of one owner and type, A or AAAA: first .. first+n-1. */
struct dns_reply_run {
	uint16_t first, n;
};

/* A view: what the pointers lead to belongs to a struct dns_reply_buffer or to the cache. */
struct dns_reply {
	const uint8_t *wire;  /* header (zero), question in lower case, records; len octets */
	const uint16_t *ttls; /* where each record's TTL stands; n_records of them, ascending */
	const struct dns_reply_run *runs;
	uint32_t len;	    /* at most DNS_MESSAGE_MAX */
	uint16_t body;	    /* where the first record begins: behind the question */
	uint16_t counts[3]; /* of answer, authority and additional section */
	uint16_t n_records;
	uint16_t flags; /* of DNS_FLAG_AD, AA, TC, RA as they came */
	uint16_t rcode; /* extended */
	uint16_t ede;	/* the upstream's enum dns_ede, or DNS_EDE_NONE */
	uint8_t kind;	/* enum dns_reply_kind */
	uint8_t n_runs;
	bool has_soa;	    /* in the authority section */
	uint32_t ttl_s;	    /* the smallest of all records; 0 without any */
	uint32_t soa_ttl_s; /* min(TTL, MINIMUM) of that SOA (RFC 2308 5) */
};

/* Where a name's suffixes stand in a message that is written, by their hash. */
#define DNS_SUFFIXES_SLOTS 1024
struct dns_suffixes {
	uint16_t n;
	uint16_t slots[DNS_SUFFIXES_SLOTS]; /* 0: free */
};

/* Room for one packed reply. */
struct dns_reply_buffer {
	struct dns_suffixes suffixes;
	uint16_t ttls[DNS_REPLY_RECORDS_MAX];
	struct dns_reply_run runs[DNS_REPLY_RUNS_MAX];
	uint8_t wire[DNS_MESSAGE_MAX];
};

struct dns_question {
	const struct dns_name *name;
	uint16_t type, class;
};

/*
 * Packs message[0..size), which answers this question. The view leads into *buffer. NULL, or why it
 * is no such reply (a constant): a broken record, counts beyond the content, another question, OPT
 * out of its place. TC is no fault (flags tell), and then a record that is cut ends the message.
 * Octets behind the last record are ignored. TTLs with the top bit set are 0 (RFC 2181 8); those of
 * a set become the set's smallest (5.2). Types whose names may be compressed (RFC 1035) are
 * compressed anew, those that RFC 3597 4 names are written in full, all others are taken as they
 * are.
 */
MUST_USE const char *dns_reply_parse(struct dns_reply *reply, struct dns_reply_buffer *buffer,
				     const uint8_t *message, size_t size,
				     const struct dns_question *question);

/* What becomes of TTLs: clamped to floor_s..cap_s, then lowered by age_s; with is_fixed all are
 * fixed_s. */
struct dns_reply_ttl {
	uint32_t age_s;
	uint32_t floor_s, cap_s;
	bool is_fixed;
	uint32_t fixed_s;
};

/*
 * Writes the records behind the client's question, where the writer stands (dns_answer_begin), A
 * and AAAA sets in uniformly random order. Records of answer and authority that do not fit are cut
 * off whole, with TC; additional ones without. Fills in the end's rcode and counts and adds TC to
 * its flags.
 */
void dns_reply_write(const struct dns_reply *reply, struct wire_writer *writer,
		     const struct dns_reply_ttl *ttl, struct random *random,
		     struct dns_answer_end *end);

/* What dns_reply_append needs beside the reply; all borrowed. */
struct dns_reply_append {
	const struct dns_reply_ttl *ttl;
	struct random *random;
	struct dns_reply_buffer *scratch; /* not the one that the reply leads into */
	const uint16_t *known;		  /* where names stand in the message; n_known of them */
	size_t n_known;
};

/*
 * Appends the answer section, and of the authority section the SOA, to a message that has more than
 * the question already: what is at the end of a CNAME chain. Names are compressed against the known
 * ones. What does not fit is cut off whole, with TC. Adds to the end's counts, fills in its rcode.
 */
void dns_reply_append(const struct dns_reply *reply, struct wire_writer *writer,
		      const struct dns_reply_append *in, struct dns_answer_end *end);

#endif
