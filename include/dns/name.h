/* SPDX-License-Identifier: Apache-2.0
 *
 * Domain names in wire form: length octet, label, ..., final zero octet (RFC 1035 3.1), at most 255
 * octets. A label may hold any octet; names are compared without case (RFC 4343), so a struct
 * dns_name is always lower-case ASCII; spelling is kept by who copies the original bytes. No
 * allocation. Any thread.
 */
#ifndef KANAME_DNS_NAME_H
#define KANAME_DNS_NAME_H

#include "dns/wire.h"

#define DNS_NAME_MAX 255
#define DNS_LABEL_MAX 63
#define DNS_LABELS_MAX 127     /* without the root */
#define DNS_NAME_TEXT_MAX 1025 /* every octet as \ddd, dots, NUL */

struct dns_name {
	uint8_t len; /* octets of wire used, final zero octet included: 1..255; 1 is the root */
	uint8_t n_labels;     /* without the root: 0..127 */
	uint8_t offsets[128]; /* where label i begins in wire; offsets[n_labels] is that of the root
			       */
	uint8_t wire[256 + 16]; /* lower-case; 16 octets behind the name may be read and are zero */
};

/*
 * Reads a name at the reader's position and leaves the reader behind it. Compression pointers are
 * followed only backwards, to before the name's own start (RFC 1035 4.1.4), never into the header:
 * each must lead to a smaller offset than all before, so the walk ends, and at most 127 are
 * followed, so it ends soon. Label types 01 and 10, a name over 255 octets, or bytes past the end
 * set the reader's sticky error; *name is the root then. With allow_pointers false any pointer is
 * an error (a question's name has nothing to point to).
 */
void dns_name_read(struct dns_name *name, struct wire_reader *reader, bool allow_pointers);

/* The same with pointers allowed; `spelled` gets the name's name->len octets in the case they came
 * in. */
void dns_name_read_spelled(struct dns_name *name, uint8_t spelled[DNS_NAME_MAX],
			   struct wire_reader *reader);

/*
 * From text: "web.shop.svc.cluster.local", with or without the final dot; \. and \ddd escapes (RFC
 * 1035 5.1). "." is the root. 0, or -EINVAL for an empty label, a label over 63 octets, a name over
 * 255 octets, or a broken escape; *name is then unchanged.
 */
MUST_USE int dns_name_from_text(struct dns_name *name, const char *text, size_t len);

/* From wire bytes of a name that is whole and uncompressed (any case). 0, or -EINVAL when it is not
 * such a name of exactly len octets. */
MUST_USE int dns_name_from_wire(struct dns_name *name, const uint8_t *wire, size_t len);

/* To text with a final dot, \ddd for octets that are not printable, \. for a dot inside a label,
 * likewise \\ and \" (log lines quote names).
 * out has DNS_NAME_TEXT_MAX bytes; NUL-terminated. `wire` is a whole uncompressed name (of at most
 * 255 octets) in any case. Returns the text's length. */
size_t dns_name_to_text(const uint8_t *wire, size_t len, char *out);

/* Are the last len octets of two names the same? Eight at a time, with the zeros behind both. */
static inline bool dns_name_same_tail(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t x, y;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	return true;
}

/* Does `name` lie in `zone` (or equal it)? */
static inline bool dns_name_is_in(const struct dns_name *name, const struct dns_name *zone)
{
	if (zone->n_labels == 0)
		return true;
	if (name->n_labels < zone->n_labels)
		return false;

	size_t at = name->offsets[name->n_labels - zone->n_labels];

	return name->len - at == zone->len &&
	       dns_name_same_tail(name->wire + at, zone->wire, zone->len);
}

static inline bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && dns_name_same_tail(a->wire, b->wire, a->len);
}

/* A copy of what is used of the name, sixteen octets at a time: cheaper than the struct. */
static inline void dns_name_copy(struct dns_name *to, const struct dns_name *from)
{
	to->len = from->len;
	to->n_labels = from->n_labels;
	for (size_t i = 0; i <= from->n_labels; i += 16)
		memcpy(to->offsets + i, from->offsets + i, 16);
	for (size_t i = 0; i < from->len + 16u; i += 16)
		memcpy(to->wire + i, from->wire + i, 16);
}

/* Lower-cases ASCII letters of bytes[0..n) in place, sixteen at a time: bytes must be
 * over-readable and over-writable by 15. Length octets are below 64 and thus never letters, so a
 * whole wire name can be given. */
void dns_lower(uint8_t *bytes, size_t n);

/* A DNS-1123 label (Kubernetes): 1..63 of [a-z0-9-], letter or digit at both ends. Upper case is
 * refused. */
bool dns_label_is_1123(const char *text, size_t len);

#endif
