/* SPDX-License-Identifier: Apache-2.0
 *
 * Names in wire form. The happy path is dns_name_read of an uncompressed name: one walk over the
 * length octets, one copy, one lower-casing sixteen octets at a time. What may fail: a label that
 * leaves the bytes, a bad label type, a pointer that does not go strictly backwards, more than 255
 * octets. Nothing allocates.
 */
#include "dns/name.h"

#include <errno.h>
#include <stdio.h>

#define POINTER_BITS 0xc0u
#define HEADER_SIZE 12	    /* of a message: nothing points into it */
#define N_POINTERS_MAX 127u /* a name has no more labels; each of its pointers leads to one */

/* Sixteen octets at once; the compiler has this in one register on amd64 and arm64. */
struct sixteen {
	__attribute__((vector_size(16))) uint8_t octets;
};

static void lower_sixteen(uint8_t *to, const uint8_t *from)
{
	struct sixteen x;

	memcpy(&x, from, sizeof(x));
	x.octets |= ((x.octets - 'A') < 26) & 0x20;
	memcpy(to, &x, sizeof(x));
}

void dns_lower(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(struct sixteen))
		lower_sixteen(bytes + i, bytes + i);
}

/* Gives the name wire[0..len), which is whole, in any case, and not the name's own. */
static void fill(struct dns_name *name, const uint8_t *wire, size_t len, unsigned n_labels)
{
	size_t i = 0;

	if (len < sizeof(struct sixteen)) {
		memcpy(name->wire, wire, len);
		memset(name->wire + len, 0, sizeof(struct sixteen));
		lower_sixteen(name->wire, name->wire);
	} else {
		/* The last sixteen overlap those before: nothing is read behind the name. */
		for (; i + sizeof(struct sixteen) < len; i += sizeof(struct sixteen))
			lower_sixteen(name->wire + i, wire + i);
		lower_sixteen(name->wire + len - sizeof(struct sixteen),
			      wire + len - sizeof(struct sixteen));
		memset(name->wire + len, 0, sizeof(struct sixteen));
	}
	name->len = (uint8_t)len;
	name->n_labels = (uint8_t)n_labels;
}

/* Where a walk over a compressed name is. */
struct walk {
	const uint8_t *base;
	size_t size; /* octets that may be read */
	size_t pos;
	size_t least; /* every pointer must lead to before this */
	size_t end;   /* behind the name, once a pointer was followed; 0 before */
	unsigned n_pointers;
};

static bool follow_pointer(struct walk *walk)
{
	size_t target;

	if (walk->size - walk->pos < 2)
		return false;
	target = (size_t)(walk->base[walk->pos] & 0x3f) << 8 | walk->base[walk->pos + 1];
	if (target < HEADER_SIZE || target >= walk->least || ++walk->n_pointers > N_POINTERS_MAX)
		return false;
	if (walk->end == 0)
		walk->end = walk->pos + 2;
	walk->least = walk->pos = target;
	return true;
}

/* A name with pointers, or one whose fast walk met something unusual. `wire` gets it as it is
 * spelled. */
static bool read_compressed(struct dns_name *name, uint8_t wire[DNS_NAME_MAX],
			    struct wire_reader *reader, size_t start)
{
	struct walk walk = {
		.base = reader->base, .size = reader->size, .pos = start, .least = start};
	size_t len = 0;
	unsigned n = 0;

	for (;;) {
		if (walk.pos >= walk.size)
			return false;

		uint8_t octet = walk.base[walk.pos];

		if ((octet & POINTER_BITS) == POINTER_BITS) {
			if (!follow_pointer(&walk))
				return false;
			continue;
		}
		if (octet > DNS_LABEL_MAX || len + octet + 1 > DNS_NAME_MAX ||
		    walk.size - walk.pos <= octet)
			return false;
		name->offsets[n] = (uint8_t)len;
		memcpy(wire + len, walk.base + walk.pos, octet + 1u);
		len += octet + 1u;
		walk.pos += octet + 1u;
		if (octet == 0)
			break;
		n++;
	}
	fill(name, wire, len, n);
	reader->pos = walk.end ? walk.end : walk.pos;
	return true;
}

static void fail_read(struct dns_name *name, struct wire_reader *reader)
{
	reader->failed = true;
	name->offsets[0] = 0;
	fill(name, (const uint8_t *)"", 1, 0);
}

/* What the fast walk leaves; apart, since the buffer costs every function that has it. */
__attribute__((noinline)) static void read_rest(struct dns_name *name, struct wire_reader *reader,
						bool allow_pointers)
{
	uint8_t spelled[DNS_NAME_MAX];

	if (reader->failed || !allow_pointers ||
	    !read_compressed(name, spelled, reader, reader->pos))
		fail_read(name, reader);
}

void dns_name_read(struct dns_name *name, struct wire_reader *reader, bool allow_pointers)
{
	const uint8_t *wire = reader->base + reader->pos;
	size_t left = reader->size - reader->pos, len = 0;
	size_t limit = left < DNS_NAME_MAX ? left : DNS_NAME_MAX;
	unsigned n = 0;

	if (UNLIKELY(reader->failed))
		limit = 0;
	while (len < limit) {
		uint8_t octet = wire[len];

		name->offsets[n] = (uint8_t)len;
		if (UNLIKELY(octet - 1u >= DNS_LABEL_MAX)) {
			if (octet != 0)
				break;
			len++;
			fill(name, wire, len, n);
			reader->pos += len;
			return;
		}
		len += octet + 1u;
		n++;
	}
	read_rest(name, reader, allow_pointers);
}

void dns_name_read_spelled(struct dns_name *name, uint8_t spelled[DNS_NAME_MAX],
			   struct wire_reader *reader)
{
	if (!reader->failed && read_compressed(name, spelled, reader, reader->pos))
		return;
	fail_read(name, reader);
	spelled[0] = 0;
}

int dns_name_from_wire(struct dns_name *name, const uint8_t *wire, size_t len)
{
	struct wire_reader reader = wire_reader_init(wire, len);
	struct dns_name read;

	dns_name_read(&read, &reader, false);
	if (reader.failed || reader.pos != len)
		return -EINVAL;
	*name = read;
	return 0;
}

/* One octet of a label's text at *at, escapes undone (RFC 1035 5.1). False: a broken escape. */
static bool take_octet(const char *text, size_t len, size_t *at, uint8_t *octet)
{
	if (text[*at] != '\\') {
		*octet = (uint8_t)text[(*at)++];
		return true;
	}
	if (++*at == len)
		return false;
	if (text[*at] < '0' || text[*at] > '9') {
		*octet = (uint8_t)text[(*at)++];
		return true;
	}

	unsigned value = 0;

	for (int i = 0; i < 3; i++, (*at)++) {
		if (*at == len || text[*at] < '0' || text[*at] > '9')
			return false;
		value = value * 10 + (unsigned)(text[*at] - '0');
	}
	*octet = (uint8_t)value;
	return value <= 255;
}

/* One label of text[*at..len) up to a dot or the end, written to out[0..64): returns its length, or
 * -1. */
static int take_label(const char *text, size_t len, size_t *at, uint8_t *out)
{
	int n = 0;

	while (*at < len && text[*at] != '.') {
		if (n == DNS_LABEL_MAX || !take_octet(text, len, at, &out[n]))
			return -1;
		n++;
	}
	return n > 0 ? n : -1;
}

int dns_name_from_text(struct dns_name *name, const char *text, size_t len)
{
	uint8_t wire[DNS_NAME_MAX + 1 + DNS_LABEL_MAX], label[DNS_LABEL_MAX];
	size_t at = 0, out = 0;

	if (len == 0)
		return -EINVAL;
	if (len == 1 && text[0] == '.')
		at = 1;
	while (at < len) {
		int n = take_label(text, len, &at, label);

		if (n < 0 || out + (size_t)n + 2 > DNS_NAME_MAX)
			return -EINVAL;
		wire[out++] = (uint8_t)n;
		memcpy(wire + out, label, (size_t)n);
		out += (size_t)n;
		if (at < len)
			at++; /* the dot */
	}
	wire[out++] = 0;
	return dns_name_from_wire(name, wire, out);
}

size_t dns_name_to_text(const uint8_t *wire, size_t len, char *out)
{
	size_t at = 0, n = 0;

	while (at < len && wire[at] != 0) {
		size_t end = at + 1u + wire[at];

		CHECK(end < len);
		for (at++; at < end; at++) {
			uint8_t c = wire[at];

			if (c == '.' || c == '\\' || c == '"') {
				out[n++] = '\\';
				out[n++] = (char)c;
			} else if (c > ' ' && c < 0x7f) {
				out[n++] = (char)c;
			} else {
				n += (size_t)snprintf(out + n, 5, "\\%03u", c);
			}
		}
		out[n++] = '.';
	}
	if (n == 0)
		out[n++] = '.';
	out[n] = '\0';
	return n;
}

bool dns_label_is_1123(const char *text, size_t len)
{
	if (len == 0 || len > DNS_LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}
