/* SPDX-License-Identifier: Apache-2.0
 *
 * A query as the server sees it, and the parts of an answer that do not depend on what is answered:
 * header, question, OPT.
 *
 * The happy path: dns_query_parse gives DNS_PARSE_OK; the core calls dns_answer_begin (header and
 * the client's own question, its spelling kept), writes records, and dns_answer_end (OPT, counts
 * and flags). Everything that may go wrong in a packet is an outcome of dns_query_parse. No
 * allocation, no clock. Any thread.
 */
#ifndef KANAME_DNS_MESSAGE_H
#define KANAME_DNS_MESSAGE_H

#include "dns/name.h"
#include "dns/registry.h"

enum dns_parse {
	DNS_PARSE_OK,
	DNS_PARSE_BADVERS, /* everything is filled in as for OK; EDNS version is not 0 (RFC
			      6891 6.1.3) */
	DNS_PARSE_FORMERR, /* id, opcode and RD are known; dns_answer_error makes the answer */
	DNS_PARSE_NOTIMP,  /* opcode is not QUERY; likewise */
	DNS_PARSE_DROP,	   /* shorter than a header, or a response (QR=1): never answered (RFC 8906,
			      reflection) */
};

struct dns_query {
	uint16_t id;
	uint16_t flags; /* the header's second word as it came */
	uint16_t type;
	uint16_t class;
	uint16_t question_len;	 /* octets of the question section: name, type, class */
	const uint8_t *question; /* borrowed from the packet: the question section in the client's
				    spelling */
	bool has_edns;
	bool has_do;
	bool has_keepalive;   /* an empty edns-tcp-keepalive option was there (RFC 7828) */
	bool has_nsid;	      /* an NSID option was there (RFC 5001) */
	uint16_t udp_size;    /* from OPT, at least 512; 512 without OPT */
	struct dns_name name; /* lower-case */
};

/*
 * Parses packet[0..size). dns-facts 10 and 12: QDCOUNT must be 1 (RFC 9619), all records of the
 * other sections are walked (names, lengths, counts within the packet), a second OPT, an OPT whose
 * owner is not the root, OPT outside the additional section, an option past its RDLENGTH or, with
 * is_tcp, a keepalive option that is not empty are FORMERR. (Over UDP a keepalive option is
 * ignored, RFC 7828 3.2.1.) Octets after the last record are ignored. On NOTIMP and FORMERR only id
 * and flags are meaningful.
 */
enum dns_parse dns_query_parse(struct dns_query *query, const uint8_t *packet, size_t size,
			       bool is_tcp);

/* An answer without question and records: id, opcode and RD from the query, QR=1, the rcode. Writes
 * 12 octets to out; returns 12. */
size_t dns_answer_error(const struct dns_query *query, enum dns_rcode rcode, uint8_t *out);

/* Octets that dns_answer_end will need for OPT with these options; 0 when the query had no OPT. */
size_t dns_opt_size(const struct dns_query *query, enum dns_ede ede, const char *ede_text,
		    bool is_keepalive_sent);

/* Octets that an NSID option of nsid_len octets will need beside dns_opt_size(); 0 when the query
 * did not ask for it. */
size_t dns_nsid_size(const struct dns_query *query, uint16_t nsid_len);

/* Leaves room for the header, which dns_answer_end fills in, and writes the question. The writer is
 * at position 0. */
void dns_answer_begin(struct wire_writer *writer, const struct dns_query *query);

struct dns_answer_end {
	uint16_t flags; /* of DNS_FLAG_AA, TC, RA, AD; QR, opcode, RD and CD are taken from the
			   query, Z is 0 */
	enum dns_rcode rcode;
	uint16_t n_answer, n_authority, n_additional; /* without OPT */
	uint16_t own_udp_size;			      /* what our OPT advertises */
	enum dns_ede ede;     /* DNS_EDE_NONE for none; only sent when the query had OPT */
	const char *ede_text; /* UTF-8, may be NULL; at most 200 octets are sent */
	bool is_keepalive_sent;
	uint16_t keepalive_100ms; /* RFC 7828 3.1 */
	const uint8_t *nsid; /* nsid_len octets (RFC 5001), only sent when asked for; NULL: none */
	uint16_t nsid_len;
};

/* Appends OPT when the query had one, and fills in the header. The caller has kept dns_opt_size()
 * and dns_nsid_size() octets free: raise writer->size by them before. Returns the message's length.
 */
size_t dns_answer_end(struct wire_writer *writer, const struct dns_query *query,
		      const struct dns_answer_end *end);

/*
 * Compression (RFC 1035 4.1.4) for the records that are not on the hot path. Remembers where names
 * and their suffixes were written and points to them. Holds at most DNS_COMPRESS_MAX suffixes; what
 * is beyond is written without being remembered.
 */
#define DNS_COMPRESS_MAX 64
struct dns_compress {
	uint16_t n;
	uint16_t offsets[DNS_COMPRESS_MAX];
};

/* Makes the question's name, as written by dns_answer_begin, a target. */
void dns_compress_init(struct dns_compress *compress, const struct dns_query *query);

/* Writes wire[0..len), a whole name in any case: its longest known suffix as a pointer. Suffixes
 * are matched without case, so the earlier spelling is what a reader sees for them. With may_point
 * false it is written in full (RFC 2782: SRV targets) but remembered. */
void dns_compress_name(struct dns_compress *compress, struct wire_writer *writer,
		       const uint8_t *wire, size_t len, bool may_point);

#endif
