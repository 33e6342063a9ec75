/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of rrtext share: the words of a record, and the rdata of each type as a row of
 * fields. Any thread.
 */
#ifndef KANAME_DNS_RRTEXT_PRIVATE_H
#define KANAME_DNS_RRTEXT_PRIVATE_H

#include "dns/rrtext.h"

/* The words of text[0..len), in turn. */
struct rr_words {
	const char *text;
	size_t len, at;
	unsigned depth;	  /* of parentheses */
	const char *word; /* the current one, without its quotes; escapes stand in it */
	size_t word_len;
	bool is_quoted;
	bool is_end;		    /* there is no current word: the record has ended */
	bool has_begun;		    /* a newline ends the record */
	struct dns_rr_error *error; /* what is NULL: nothing is wrong */
};

/* On to the next word. False: the record has ended, or something is wrong. */
bool rr_words_next(struct rr_words *words);

/* The current word is wrong. Returns false. */
bool rr_words_fail(struct rr_words *words, const char *what);

/* A type's rdata, a letter for each field:
 * 1 2 4  a number of so many octets     T  a time in seconds, with or without units
 * a A    an IPv4 or IPv6 address        n  a name
 * s      a character string             S  one or more of them
 * t      a property's tag (RFC 8659)    v  a text without length octet, to the end
 * x      hex digits to the end
 * A row in which nothing but n and numbers follow RFC 1035 is compressible. */
struct rr_form {
	uint16_t type;
	bool is_compressible;
	const char *fields;
	const char *name;
};

/* The form of a type, or NULL: it can be given in RFC 3597's form alone. */
const struct rr_form *rr_form_find(uint16_t type);

/* The same by its name. */
const struct rr_form *rr_form_named(const char *name, size_t len);

/* The fields from the words, up to the record's end. */
bool rr_form_read(const struct rr_form *form, struct rr_words *words, struct wire_writer *rdata);

/* Has rdata[0..len) this form? */
bool rr_form_check(const struct rr_form *form, const uint8_t *rdata, size_t len);

/* A decimal number of at most `max` in text[0..len). */
bool rr_number(const char *text, size_t len, uint64_t max, uint64_t *number);

/* Seconds, or a time like 1w2d3h4m5s, of less than 2^31 s (RFC 2181 8). */
bool rr_ttl(const char *text, size_t len, uint32_t *ttl_s);

#endif
